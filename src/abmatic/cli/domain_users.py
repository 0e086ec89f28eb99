"""`abmatic user`: who may sign in, from the machine itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import click
from django.conf import settings

from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import Failure

if TYPE_CHECKING:
    from abmatic.identity.models import User

ROLES = ("administrator", "operator", "viewer")


@click.group()
def user() -> None:
    """Look after the people who sign in."""


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def list_users(as_json: bool) -> None:
    """List the users."""
    with ready():
        from abmatic.identity.models import User

        users = list(User.objects.order_by("email"))
    if as_json:
        click.echo(json.dumps({"users": [_facts(each) for each in users]}, indent=2))
        return
    for each in users:
        click.echo(f"{each.email}  {each.role}{'' if each.is_active else ', may not sign in'}")
    if not users:
        click.echo("There is no user yet. Add the administrator: abmatic user add EMAIL --role administrator")


@user.command()
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")
@click.option("--name", default="", help="Their name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def add(email: str, role: str, name: str, as_json: bool) -> None:
    """Add a user, and print a link that signs them in once."""
    from email_validator import EmailNotValidError, validate_email

    try:
        address = validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise click.BadParameter(f"{email!r} is no e-mail address: {error}") from None
    with ready():
        from abmatic.identity import people, setup
        from abmatic.identity.audit import COMMAND_LINE
        from abmatic.identity.models import User

        if setup.is_needed() and role != "administrator":
            raise Failure(f"The first user must be an administrator: abmatic user add {address} --role administrator")
        if User.objects.filter(email=address.lower()).exists():
            raise Failure(f"{address} is a user already. Make a link to sign in with: abmatic user link {address}")
        _say_link(people.add(address, role=role, name=name, by=COMMAND_LINE), as_json)


@user.command(short_help="Print a link that signs a user in, once.")
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def link(email: str, as_json: bool) -> None:
    """Print a link that signs a user in, once, within half an hour."""
    with ready():
        from abmatic.identity.models import User

        found = User.objects.filter(email=email.strip().lower()).first()
        if found is None:
            raise Failure(f"There is no user {email}. `abmatic user list` names them; `abmatic user add` adds one")
        if not found.is_active:
            raise Failure(f"{email} may not sign in: the user is not active")
        _say_link(found, as_json)


@user.command("reset-second-factor", short_help="Take away a lost second factor.")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Take away the second factor of somebody who has lost it; their password alone signs them in again."""
    with ready():
        from abmatic.identity import second_factor
        from abmatic.identity.models import User

        found = User.objects.filter(email=email.strip().lower()).first()
        if found is None:
            raise Failure(f"There is no user {email}. `abmatic user list` names them")
        had_one = second_factor.reset(found)
    click.echo(f"{found.email} {'signs in without a second factor now' if had_one else 'has no second factor'}.")


def _say_link(found: User, as_json: bool) -> None:
    from django.urls import reverse

    from abmatic.identity import links

    lifetime = timedelta(minutes=30)
    url = settings.BASE_URL + reverse("one-time-link", args=[links.issue(found, lifetime)])
    if as_json:
        click.echo(json.dumps({**_facts(found), "url": url, "valid_seconds": int(lifetime.total_seconds())}))
        return
    click.echo(f"{found.email} ({found.role}) signs in once within {lifetime.seconds // 60} minutes at:\n{url}")


def _facts(each: User) -> dict[str, object]:
    return {"email": each.email, "name": each.name, "role": each.role, "active": each.is_active}
