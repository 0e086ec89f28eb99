"""`abmatic link`: addresses for e-mails that say who follows them."""

from __future__ import annotations

import json

import click

from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import Failure


@click.command()
@click.argument("url")
@click.argument("emails", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def link(url: str, emails: tuple[str, ...], as_json: bool) -> None:
    """Print the address of a page for each of some contacts, by which a visit is known to be theirs."""
    with ready():
        made = {email: _link(url, email) for email in emails}
    if as_json:
        click.echo(json.dumps({"links": made}))
    else:
        for email, address in made.items():
            click.echo(f"{email}\t{address}")


def _link(url: str, email: str) -> str:
    # Django isn't set up when the command is loaded.
    from abmatic.audiences.models import Contact
    from abmatic.engagement import links

    contact = Contact.objects.filter(email_key=email.strip().lower()).first()
    if contact is None:
        raise Failure(f"no contact has the e-mail address {email}. See `abmatic records contacts`")
    try:
        return links.link_for(contact.pk, url)
    except links.NoLink as wrong:
        raise Failure(str(wrong).rstrip(".")) from None
