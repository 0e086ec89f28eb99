"""`abmatic person`: what the website knows of somebody, for them, and erasing it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import orjson

from abmatic.audiences.counted import counted
from abmatic.cli.domain_ready import ready

if TYPE_CHECKING:
    from abmatic.engagement.people import Erased


@click.group()
def person() -> None:
    """Tell or erase what the website knows of somebody."""


@person.command(short_help="Print all that the website knows of somebody.")
@click.argument("email")
def export(email: str) -> None:
    """Print all that the website knows of the person with this e-mail address, as one JSON object."""
    with ready():
        # Django isn't set up when the command is loaded.
        from abmatic.personalisation import people

        told = people.told(email)
    click.echo(orjson.dumps(told, default=str, option=orjson.OPT_INDENT_2).decode())


@person.command(short_help="Erase what the website knows of somebody.")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Don't ask before it erases.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def erase(email: str, yes: bool, as_json: bool) -> None:
    """Erase what the website knows of the person with this e-mail address, for good; the contact stays."""
    with ready():
        from abmatic.personalisation import people

        found, shown = people.erase(email, only_count=True)
        if shown or any(asdict(found).values()):
            click.echo(f"The website knows of {email}: {_told(found, shown)}.", err=True)
            if not yes:
                click.confirm("Erase it for good, whoever else used these browsers?", abort=True, err=True)
        erased, shown = people.erase(email)
    if as_json:
        click.echo(orjson.dumps({"erased": {**asdict(erased), "experiences": shown}}).decode())
    else:
        click.echo(f"Erased: {_told(erased, shown)}. Touches of attribution follow within minutes.")


def _told(found: Erased, shown: int) -> str:
    names = {"events": "web event", "visitors": "browser", "sessions": "visit", "forms": "form", "signs": "sign"}
    told = [counted(getattr(found, name), label) for name, label in names.items()]
    return ", ".join([*told, counted(shown, "personalised experience")])
