"""`abmatic api-keys`: what programs sign in with at the REST API, from the machine itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from abmatic.cli.domain_ready import ready
from abmatic.cli.domain_users import ROLES
from abmatic.cli.failures import Failure
from abmatic.cli.numbers import Number

if TYPE_CHECKING:
    from abmatic.identity.models import ApiKey


@click.group("api-keys")
def api_keys() -> None:
    """Make, list and revoke keys for the REST API."""


@api_keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What it may do.")
@click.option("--days", type=Number(1), help="It expires after so many days; without this it doesn't.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def create(name: str, role: str, days: int | None, as_json: bool) -> None:
    """Make a key called NAME, and print it. It is shown only now."""
    if not name.strip():
        raise click.BadParameter("a key needs a name that says what it is for", param_hint="NAME")
    with ready():
        from django.utils import timezone

        from abmatic.identity import api_keys as keys

        try:
            expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        except OverflowError:
            raise click.BadParameter(f"{days} days is longer than a calendar", param_hint="--days") from None
        key, token = keys.create(name, role, expires_at=expires_at)
    if as_json:
        click.echo(json.dumps({**_facts(key), "key": token}, indent=2))
        return
    until = f" until {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
    click.echo(f"{key.name} ({key.role}){until}. Keep it now, it is not shown again:", err=True)
    click.echo(token)


@api_keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def list_keys(as_json: bool) -> None:
    """List the keys, the newest first."""
    with ready():
        from abmatic.identity.models import ApiKey

        found = list(ApiKey.objects.order_by("-id"))
    if as_json:
        click.echo(json.dumps({"api_keys": [_facts(key) for key in found]}, indent=2))
        return
    for key in found:
        used = f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
        click.echo(f"{key.prefix}  {key.name}  {key.role}, {key.state}, {used}")
    if not found:
        click.echo("There is no API key yet. Make one: abmatic api-keys create NAME --role viewer")


@api_keys.command(short_help="End a key at once and for good.")
@click.argument("prefix")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def revoke(prefix: str, as_json: bool) -> None:
    """End the key that begins with PREFIX (see the list), at once and for good."""
    with ready():
        from abmatic.identity import api_keys as keys
        from abmatic.identity.models import ApiKey

        key = ApiKey.objects.filter(prefix=prefix.strip()).first()
        if key is None:
            raise Failure(f"There is no API key {prefix}. `abmatic api-keys list` names them")
        is_new = keys.revoke(key)
        key.refresh_from_db()
    if as_json:
        click.echo(json.dumps(_facts(key), indent=2))
        return
    click.echo(f"{key.prefix} ({key.name}) {'is' if is_new else 'was already'} revoked.")


def _facts(key: ApiKey) -> dict[str, Any]:
    moments = {"created_at": key.created_at, "expires_at": key.expires_at, "last_used_at": key.last_used_at}
    return {
        "prefix": key.prefix,
        "name": key.name,
        "role": key.role,
        "state": key.state,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }
