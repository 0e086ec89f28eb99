"""`abmatic forget-person`: erases what the website knows of somebody."""

from __future__ import annotations

import click

from abmatic.cli.domain_ready import ready


@click.command("forget-person")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Don't ask before it erases.")
def forget_person(email: str, yes: bool) -> None:
    """Erase what the website knows of the person with this e-mail address; the contact stays."""
    with ready():
        # Django isn't set up when the command is loaded.
        from abmatic.personalisation import forgetting

        found, shown = forgetting.forget(email, only_count=True)
        click.echo(f"The website knows of {email}: {_told(found, shown)}.")
        if not any((found.events, found.visitors, found.signs, shown)):
            return
        if not yes:
            click.confirm("Erase it for good, whoever else used these browsers?", abort=True)
        click.echo(f"Erased: {_told(*forgetting.forget(email))}. Touches of attribution follow within minutes.")


def _told(found: object, shown: int) -> str:
    names = {"events": "web events", "visitors": "browsers", "sessions": "visits", "forms": "forms", "signs": "signs"}
    told = [f"{getattr(found, name)} {label}" for name, label in names.items()]
    return ", ".join([*told, f"{shown} personalised experiences"])
