"""`abmatic replace`: lets a connected org take another's place, as after a sandbox was refreshed."""

from __future__ import annotations

import click

from abmatic.cli.domain_ready import find_connections, ready
from abmatic.cli.failures import Failure

_WHAT_HAPPENS = """\
“{new}” ({new_org}) takes the place of “{old}” ({old_org}):
- it gets the name, the settings and the field mappings of “{old}”; writing to Salesforce is off until you allow it
- its first sync finds accounts and people by their keys; no Id of the old org is linked with it
- “{old}” is disabled and kept under another name; its records count as deleted in Salesforce, and stay here\
"""


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--yes", is_flag=True, help="Don't ask.")
def replace(old: str, new: str, yes: bool) -> None:
    """Let the connection NEW take the place of the connection OLD, with its settings: a refreshed sandbox.

    Connect the org anew first (`abmatic connect`): a refreshed sandbox is another org, with other records.
    """
    with ready():
        from abmatic.sync.replacing import NotReplaced, require_replaceable
        from abmatic.sync.replacing import replace as take_place

        [leaving], [coming] = find_connections(old), find_connections(new)
        try:
            require_replaceable(leaving, coming)
            told = _WHAT_HAPPENS.format(
                old=leaving.name, new=coming.name, old_org=leaving.org_id, new_org=coming.org_id
            )
            if not yes:
                click.confirm(f"{told}\nDo it?", abort=True)
            take_place(leaving, coming)
        except NotReplaced as error:
            raise Failure(str(error)) from error
        click.echo(f"“{coming.name}” is {coming.org_name} ({coming.org_id}) now. Import it with: abmatic sync")
