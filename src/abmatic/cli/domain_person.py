"""`abmatic person`: what the website knows of somebody, for them, and erasing it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import orjson

from abmatic.audiences.counted import counted
from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import Failure

if TYPE_CHECKING:
    from abmatic.sync.people import Forgotten


@click.group()
def person() -> None:
    """Tell or erase what the website knows of somebody."""


@person.command(short_help="Print all that the website knows of somebody.")
@click.argument("email")
def export(email: str) -> None:
    """Print all that the website knows of the person with this e-mail address, as one JSON object."""
    with ready():
        # Django isn't set up when the command is loaded.
        from abmatic.sync import people

        told = people.told(email)
    click.echo(orjson.dumps(told, default=str, option=orjson.OPT_INDENT_2).decode())


@person.command(short_help="Erase what the website knows of somebody.")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Don't ask before it erases.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def erase(email: str, yes: bool, as_json: bool) -> None:
    """Erase what the website knows of the person with this e-mail address, for good; the contact stays."""
    with ready():
        from abmatic.sync import people

        try:
            found = people.erase(email, only_count=True)
            if any(_counts(found).values()):
                click.echo(f"The website knows of {email}: {_told(found)}.", err=True)
                if not yes:
                    click.confirm("Erase it for good, whoever else used these browsers?", abort=True, err=True)
            erased = people.erase(email)
        except people.WriteUnderWay as refusal:
            raise Failure(str(refusal)) from refusal
    if as_json:
        click.echo(orjson.dumps({"erased": _counts(erased)}).decode())
    else:
        click.echo(f"Erased: {_told(erased)}. Touches of attribution follow within minutes.")
    if erased.in_salesforce:
        there = counted(erased.in_salesforce, "task")
        click.echo(f"In Salesforce {there} of their visits may be found: delete what is to go there too.", err=True)


def _counts(found: Forgotten) -> dict[str, int]:
    """By the names of --json."""
    ours = asdict(found)
    return {**ours.pop("erased"), **ours}


def _told(found: Forgotten) -> str:
    names = {
        "events": "web event", "visitors": "browser", "sessions": "visit", "forms": "form", "signs": "sign",
        "experiences": "personalised experience", "tasks": "visit task", "writes": "write of scores",
    }  # fmt: skip
    counts = _counts(found)
    return ", ".join(counted(counts[name], label) for name, label in names.items())
