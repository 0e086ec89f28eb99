"""`abmatic connect`: connects a Salesforce org, or reconnects one.

Secrets come from the environment or a file, never from the command line, which every user of the machine can read.
The web flow needs a browser that is signed in to Abmatic; of it the command can tell only the address.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from django.conf import settings
from rich.console import Console
from rich.markup import escape

from abmatic.cli.claim import find
from abmatic.cli.domain_ready import ready
from abmatic.cli.failures import FAILED, Failure, NotReady

if TYPE_CHECKING:
    from abmatic.sync.models import Connection

SECRET_VARIABLE = "SALESFORCE_CLIENT_SECRET"  # the variable's name  # noqa: S105  # nosec B105
# Signs that are understood without colours too.
_SIGNS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "failed": "[bold red]fail[/]"}


@click.command()
@click.option("--login-url", metavar="URL", help="Login address: https://login.salesforce.com, test…, or My Domain.")
@click.option("--flow", type=click.Choice(["client-credentials", "jwt", "web"]), required=True, help="How to sign in.")
@click.option("--client-id", metavar="KEY", help="Consumer key of the External Client App.")
@click.option("--client-secret-file", metavar="FILE", help=f"File with the consumer secret; or set {SECRET_VARIABLE}.")
@click.option("--private-key-file", metavar="FILE", help="JWT: PEM file with the key of the app's certificate.")
@click.option("--username", help="JWT: the Salesforce user to act as.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def connect(
    context: click.Context,
    login_url: str | None,
    flow: Literal["client-credentials", "jwt", "web"],
    client_id: str | None,
    client_secret_file: str | None,
    private_key_file: str | None,
    username: str | None,
    as_json: bool,
) -> None:
    """Connect a Salesforce org, or reconnect one that is known.

    The secret is read from a file (- is standard input) or from the environment, never from the command line. Exit
    code 1 when the org can't be used; the checks say what to do.

    \b
    Examples:
      abmatic connect --flow web
      abmatic connect --flow client-credentials --login-url https://acme.my.salesforce.com \\
        --client-id KEY --client-secret-file secret.txt
    """
    if flow == "web":
        _refuse({"--username": username, "--private-key-file": private_key_file}, "of --flow jwt")
        _point_to_browser(as_json)
        return
    _require({"--login-url": login_url, "--client-id": client_id}, flow)
    assert login_url is not None
    assert client_id is not None
    secret, key = "", ""
    if flow == "jwt":
        _require({"--username": username, "--private-key-file": private_key_file}, flow)
        _refuse({"--client-secret-file": client_secret_file}, "of --flow client-credentials")
        key = _read("--private-key-file", private_key_file or "")
    else:
        _refuse({"--username": username, "--private-key-file": private_key_file}, "of --flow jwt")
        secret = _secret(client_secret_file)
    with ready():
        from abmatic.sync.connect import ConnectError, connect_headless

        try:
            made = connect_headless(
                login_url, flow, client_id, client_secret=secret, private_key_pem=key, username=username or ""
            )
        except ConnectError as error:
            if as_json:
                names = ("code", "title", "detail", "remedy")
                click.echo(json.dumps({"ok": False, "error": {name: getattr(error, name) for name in names}}, indent=2))
                context.exit(FAILED)
            raise Failure(f"{error.title}. {error.detail}\n→ {error.remedy}".strip()) from error
        _say(made, as_json)
        if any(line["state"] == "failed" for line in made.checks):
            context.exit(FAILED)


def _say(made: Connection, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": True, **_facts(made)}, indent=2))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Connected {escape(made.org_name)} ({made.org_id}) as {escape(made.username)}.")
    for line in made.checks:
        console.print(f"{_SIGNS[line['state']]}  {escape(line['name'])}: {escape(line['detail'])}")
        if line["remedy"]:
            console.print(f"      [dim]→[/] {escape(line['remedy'])}")
    console.print("Import it with: abmatic sync")


def _facts(made: Connection) -> dict[str, Any]:
    names = ("name", "org_id", "org_name", "edition", "is_sandbox", "username", "instance_url", "api_version", "checks")
    return {name: getattr(made, name) for name in names}


def _point_to_browser(as_json: bool) -> None:
    """The web flow happens in a browser: it comes back to the running app."""
    with ready():
        from django.urls import reverse

        url = settings.BASE_URL + reverse("authorize")
        is_running = not settings.ENVIRONMENT.embedded or find(settings.ENVIRONMENT.data_dir) is not None
    if not is_running:
        raise NotReady("The web flow comes back to the running app, and it isn't running. Start it: `abmatic up`")
    if as_json:
        click.echo(json.dumps({"url": url}))
        return
    click.echo(f"Open this address in a browser, as an administrator, and press Authorize:\n{url}")


# -- secrets


def _secret(file: str | None) -> str:
    if file is not None:
        return _read("--client-secret-file", file)
    secret = os.environ.get(SECRET_VARIABLE, "").strip()
    if not secret:
        raise click.UsageError(
            f"The consumer secret is missing: set {SECRET_VARIABLE}, or name a file with --client-secret-file."
        )
    return secret


def _read(option: str, name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise click.UsageError(f"{option} names {name}, which can't be read: {reason}.") from error
    if not text.strip():
        raise click.UsageError(f"{option} names {name}, which is empty.")
    return text.strip()


def _require(options: dict[str, str | None], flow: str) -> None:
    missing = [name for name, value in options.items() if not value]
    if missing:
        raise click.UsageError(f"--flow {flow} needs {' and '.join(missing)}.")


def _refuse(options: dict[str, str | None], whose: str) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise click.UsageError(f"{' and '.join(given)}: {whose} only.")
