"""`abmatic campaigns`: links campaigns with those in Salesforce, unlinks them, creates them there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import click
from rich.markup import escape
from rich.table import Table

from abmatic.cli.domain_push import one_connection
from abmatic.cli.domain_ready import find_connections, ready, require_worker
from abmatic.cli.domain_runs import as_dict, console_for_rows
from abmatic.cli.domain_sync import follow_by_worker, follow_here, say_runs
from abmatic.cli.failures import FAILED, Failure
from abmatic.cli.numbers import Number

if TYPE_CHECKING:
    from abmatic.campaigns.models import Campaign
    from abmatic.changes.models import Cause
    from abmatic.sync.campaign_links import Theirs
    from abmatic.sync.links import RecordLink
    from abmatic.sync.models import Connection, Run


class _There(Protocol):
    """What is in an org by an Id."""

    @property
    def connection(self) -> Connection: ...

    @property
    def sf_id(self) -> str: ...


There = TypeVar("There", bound=_There)

_number = click.argument("number", metavar="CAMPAIGN", type=Number(1))
_salesforce_id = click.argument("salesforce_id", metavar="SALESFORCE_ID")
_connection = click.option(
    "--connection", metavar="NAME", help="Of this connection; needed where several may be meant."
)


@click.group()
def campaigns() -> None:
    """Link campaigns with those in Salesforce, unlink them, create them there.

    CAMPAIGN is the number of one here: `abmatic records campaigns` prints it, and what each is linked with.
    """


@campaigns.command(short_help="Find campaigns in Salesforce.")
@click.argument("text", metavar="[TEXT]", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def find(text: str, as_json: bool) -> None:
    """Find campaigns that were read from Salesforce by a part of their name, or by their Id; those not linked first."""
    with ready():
        from abmatic.sync import campaign_links

        find_connections(None)
        found = campaign_links.found(text.replace("\x00", ""))
        if as_json:
            click.echo(json.dumps({"campaigns": [_as_dict(each) for each in found]}, indent=2))
        elif found:
            _show(found)
        else:
            click.echo("No campaign that was read from Salesforce is called so. To read them: abmatic sync Campaign")


@campaigns.command(short_help="Link a campaign with one in Salesforce.")
@_number
@_salesforce_id
@_connection
def link(number: int, salesforce_id: str, connection: str | None) -> None:
    """Say that a campaign here is one in Salesforce: the next sync brings the members of either side to the other."""
    with ready():
        from abmatic.sync import campaign_links
        from abmatic.sync.linking import NotLinked

        campaign = _campaign(number)
        theirs = _theirs(salesforce_id, connection)
        try:
            campaign_links.link(campaign, theirs.connection, theirs.sf_id, _cause)
        except NotLinked as error:
            raise Failure(str(error)) from error
        said = f"“{campaign}” is linked with “{theirs.name}” ({theirs.sf_id}) of {theirs.connection}"
        click.echo(f"{said}. The next sync gives both sides what the settings say, and brings the members.")


@campaigns.command(short_help="Take a link back.")
@_number
@_salesforce_id
@_connection
def unlink(number: int, salesforce_id: str, connection: str | None) -> None:
    """Take a link back: each goes on by itself with what it has, and no sync creates the campaign there again."""
    with ready():
        from abmatic.sync import campaign_links
        from abmatic.sync.linking import NotLinked

        campaign = _campaign(number)
        theirs = _linked(campaign, salesforce_id, connection)
        try:
            campaign_links.unlink(campaign, theirs.connection, theirs.sf_id, _cause)
        except NotLinked as error:
            raise Failure(str(error)) from error
        click.echo(f"“{campaign}” is not linked with {theirs.sf_id} of {theirs.connection} any more.")


@campaigns.command(short_help="Create a campaign in Salesforce.")
@_number
@click.option("--connection", metavar="NAME", help="In this connection’s org; needed where several are active.")
@click.option("--here", is_flag=True, help="Do it in this process, without a worker.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text; progress goes to stderr.")
@click.pass_context
def create(context: click.Context, number: int, connection: str | None, here: bool, as_json: bool) -> None:
    """Create a campaign in Salesforce with its members, by a sync of Campaigns that begins at once.

    Exit code 1 when it is not there at the end; `abmatic issues --object Campaign` says what Salesforce refused.
    """
    with ready():
        campaign, chosen = _campaign(number), one_connection(connection)
        if not here:
            require_worker()
        begun = _begin(campaign, chosen)
        runs = (follow_here if here else follow_by_worker)(begun, outcomes=as_json)
        made = next((each.sf_id for each in _links(campaign) if each.connection == chosen), None)
        if as_json:
            click.echo(json.dumps({"salesforce_id": made, "runs": [as_dict(run) for run in runs]}, indent=2))
        else:
            say_runs(runs, as_json, waited=True)
            if made is not None:
                click.echo(f"“{campaign}” is {made} of {chosen} now.")
        if made is None:
            click.echo("It was not created there. To see why: abmatic issues --object Campaign", err=True)
        if made is None or any(run.state != run.State.SUCCEEDED for run in runs):
            context.exit(FAILED)


def _begin(campaign: Campaign, connection: Connection) -> list[Run]:
    from abmatic.sync import campaign_links
    from abmatic.sync.linking import NotLinked
    from abmatic.sync.models import Run
    from abmatic.sync.runs import ConnectionNotReady

    try:
        begun = campaign_links.create(campaign, connection, None, trigger=Run.Trigger.CLI)
    except (NotLinked, ConnectionNotReady) as error:
        raise Failure(str(error)) from error
    if not begun:
        raise Failure(
            f"A sync of Campaigns with {connection} is queued already: it or the one after it creates “{campaign}” "
            "there. `abmatic runs` shows how far it is"
        )
    return begun


def _campaign(number: int) -> Campaign:
    from abmatic.campaigns.models import Campaign

    found = Campaign.objects.filter(pk=number).first()
    if found is None:
        raise Failure(f"There is no campaign {number}. `abmatic records campaigns --search TEXT` finds them by name")
    return found


def _theirs(salesforce_id: str, connection: str | None) -> Theirs:
    """The campaign in Salesforce of that Id. Raises `Failure`."""
    from abmatic.sync import campaign_links

    found = _meant(campaign_links.found(salesforce_id), salesforce_id, connection)
    if found is None:
        raise Failure(
            f"No campaign that was read from Salesforce has the Id {salesforce_id}. `abmatic campaigns find TEXT` "
            "finds them by name; one that was made there lately comes with `abmatic sync Campaign`"
        )
    return found


def _linked(campaign: Campaign, salesforce_id: str, connection: str | None) -> RecordLink:
    """The link of the campaign with that Id. Raises `Failure`."""
    linked = _links(campaign)
    found = _meant(linked, salesforce_id, connection)
    if found is None:
        named = ", ".join(f"{each.sf_id} of {each.connection}" for each in linked) or "nothing"
        raise Failure(f"“{campaign}” is not linked with {salesforce_id}; it is linked with {named}")
    return found


def _meant(known: Sequence[There], salesforce_id: str, connection: str | None) -> There | None:
    """The one with that Id, of 15 or 18 characters; a copy of an org has the same. Raises `Failure` for several."""
    of = find_connections(connection)
    found = [each for each in known if each.connection in of and salesforce_id in {each.sf_id, each.sf_id[:15]}]
    if len(found) > 1:
        names = ", ".join(f"“{each.connection}”" for each in found)
        raise Failure(f"{salesforce_id} is in {names}: say which with --connection")
    return found[0] if found else None


def _links(campaign: Campaign) -> list[RecordLink]:
    from abmatic.sync.links import links_of

    return links_of("campaign", campaign.pk)


def _cause() -> Cause:
    from abmatic.changes.models import Cause

    return Cause.objects.create(kind=Cause.Kind.USER, note="Command line")


def _as_dict(one: Theirs) -> dict[str, object]:
    return {
        "connection": one.connection.name,
        "salesforce_id": one.sf_id,
        "name": one.name,
        "facts": list(one.facts),
        "campaign": one.here,
    }


def _show(found: list[Theirs]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("Salesforce Id", "Name", "About it", "Org", "In Abmatic as"):
        table.add_column(heading, overflow="fold")
    for each in found:
        here = "" if each.here is None else f"{each.here} {each.here_name}"
        row = (each.sf_id, each.name, ", ".join(each.facts), str(each.connection), here)
        table.add_row(*(escape(text) for text in row))
    console_for_rows().print(table)
