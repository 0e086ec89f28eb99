"""``python -m salesforce_emulator``: serve an emulated org."""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from salesforce_emulator import server
from salesforce_emulator.data import generate, hostile, sample
from salesforce_emulator.datafile import BadDataFile, DataFile, org_id
from salesforce_emulator.faults import FaultPlan
from salesforce_emulator.hosts import is_loopback
from salesforce_emulator.ids import derived
from salesforce_emulator.oauth.apps import DEFAULT_APP
from salesforce_emulator.runtime import Settings
from salesforce_emulator.schema import default_schema
from salesforce_emulator.schema.base import USER_DOMAIN
from salesforce_emulator.schema.currencies import corporate
from salesforce_emulator.scratch import Scratch, sweep
from salesforce_emulator.store import DEFAULT_PASSWORD, OrgStore
from salesforce_emulator.store.org import CAPTURED

_EPILOG = f"""
Unless a data file registers apps of its own, one is there already:
  consumer key     {DEFAULT_APP.client_id}
  consumer secret  {DEFAULT_APP.client_secret}
Any callback URL is accepted for it. Every user's password is {DEFAULT_PASSWORD}:
  integration@{USER_DOMAIN} and admin@{USER_DOMAIN} may do everything,
  rita@, sam@, olu@ and mia@{USER_DOMAIN} are sales users, noapi@{USER_DOMAIN} lacks "API Enabled".

This is a tool for development and tests: it is not Salesforce, and no place for production data.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="salesforce-emulator",
        description="Serve an emulated Salesforce org.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = made.add_argument_group("where")
    where.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    where.add_argument("--port", type=_port, default=8088, help="0 takes a free one (default: %(default)s)")
    where.add_argument(
        "--pubsub-port",
        type=_port,
        default=0,
        help="of the Pub/Sub API, without TLS; 0 takes a free one (default: %(default)s)",
    )
    where.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        help="keep the org in this file, and go on with it where it exists (default: a temporary one)",
    )
    where.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="a name that browsers may call it by, besides localhost; any where --host is no loopback address",
    )
    where.add_argument("--json-ready", action="store_true", help="print one line of JSON once the org answers")
    what = made.add_argument_group("the org, when it is made")
    which = what.add_mutually_exclusive_group()
    which.add_argument(
        "--sample", action="store_true", help="the sample records of a Developer Edition org (the default)"
    )
    which.add_argument(
        "--accounts", type=int, metavar="N", help="generate an org of N accounts and what goes with them"
    )
    which.add_argument(
        "--hostile",
        action="store_true",
        help="records that hurt importers: quotes, newlines, NUL, texts of 131,072 characters, numbers, dates and "
        "e-mails that aren't ones",
    )
    which.add_argument("--empty", action="store_true", help="no records but users")
    what.add_argument("--seed", type=int, default=0, metavar="S", help="of the generated org (default: %(default)s)")
    what.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="JSON: name, edition, apps, settings, custom_objects, custom_fields, users, records; see the README",
    )
    what.add_argument(
        "--state-country-picklists",
        action="append_const",
        dest="features",
        const="state_country_picklists",
        help="state and country picklists are on: codes beside the texts of addresses, and only what is listed",
    )
    what.add_argument(
        "--person-accounts",
        action="append_const",
        dest="features",
        const="person_accounts",
        help="accounts may be persons: those with a LastName, or the record type of one",
    )
    what.add_argument(
        "--currency",
        action="append",
        dest="currencies",
        type=_currency,
        metavar="CODE=RATE",
        help="a currency of an org of several, such as EUR=0.9; that of rate 1, else USD, is the corporate one",
    )
    what.add_argument(
        "--advanced-currency-management",
        action="append_const",
        dest="features",
        const="advanced_currency_management",
        help="rates of exchange hold from one day to another; with --currency",
    )
    what.add_argument("--edition", help='such as "Enterprise Edition"; "Professional Edition" has no API')
    what.add_argument(
        "--change-events",
        type=lambda text: [] if text == "none" else text.split(","),
        metavar="OBJECTS",
        help='objects whose changes make change events, such as "Account,Contact"; "none" ends it, in a kept org too '
        f"(default: {', '.join(CAPTURED)})",
    )
    what.add_argument("--sandbox", action="store_true", help="the org says it is a sandbox")
    what.add_argument(
        "--org-id",
        type=_org_id,
        metavar="ID",
        help="organization id, 00D… (default: one that follows from the kind of org, its size, seed, name and whether "
        "it is a sandbox: another org has another id, the same command gives the same)",
    )
    how = made.add_argument_group("how it behaves")
    how.add_argument("--allowance", type=int, metavar="N", help="API calls a day (default: what the edition has)")
    how.add_argument("--session-seconds", type=int, metavar="N", help="life of an access token (default: 7200)")
    how.add_argument("--rotate-refresh-tokens", action="store_true", help="a refresh answers with a new refresh token")
    how.add_argument("--job-seconds", type=float, metavar="N", help="least time a Bulk query job takes (default: 0)")
    how.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="JSON: the fault plan to begin with, in place of the data file's; see the README",
    )
    how.add_argument(
        "--control",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="answer /__emulator/ (faults, calls); default: only on a loopback address",
    )
    return made


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no number between 0 and 65535")
    return int(text)


def _currency(text: str) -> tuple[str, float]:
    code, _, rate = text.partition("=")
    try:
        corporate({code: float(rate), "USD": 1})
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return code, float(rate)


def _org_id(text: str) -> str:
    try:
        return org_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    options = parser().parse_args(arguments)
    sweep()
    scratch = Scratch()
    try:
        with _terminable():
            return _serve(options, options.database or scratch.path / "org.sqlite3", scratch.path)
    except (BadDataFile, ValueError, OSError, sqlite3.Error) as error:
        print(f"salesforce-emulator: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        scratch.close()


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end an org that is still being made as Ctrl-C does, so that nothing of it is left behind."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _serve(options: argparse.Namespace, database: Path, scratch: Path) -> int:
    data = DataFile.read(options.data) if options.data else DataFile()
    faults = _faults(options.faults) if options.faults else data.faults
    settings = _settings(options, data)
    port = server.free_port(options.host, options.port)
    pubsub_port = server.free_port(options.host, options.pubsub_port, "--pubsub-port")
    if not database.exists():
        _make(options, data, database)
    elif options.change_events is not None:
        OrgStore(database, captured=options.change_events).close()
    host = f"[{options.host}]" if ":" in options.host else options.host
    url, pubsub = f"http://{host}:{port}", f"{host}:{pubsub_port}"
    app = (data.apps or (DEFAULT_APP,))[0]

    def ready() -> None:
        if options.json_ready:
            line = {"url": url, "client_id": app.client_id, "client_secret": app.client_secret, "pubsub": pubsub}
            print(json.dumps(line), flush=True)
        else:
            print(f"An emulated Salesforce org answers at {url} — not for production data.", flush=True)
            print(f"Its change events, by the Pub/Sub API (gRPC without TLS): {pubsub}", flush=True)

    if not is_loopback(options.host):
        print(
            f"Listening on {options.host}: everybody who reaches it can read and change this org. "
            "It is not Salesforce, and no place for production data.",
            file=sys.stderr,
            flush=True,
        )
    _check_database(database)
    serving = server.Serving(database, scratch, settings, data.apps, options.host, pubsub_port, faults)
    server.serve(serving, options.host, port, ready)
    _gather(database)
    return 0


def _check_database(database: Path) -> None:
    """
    :raises ValueError: the file is something else than an org's.
    """
    try:
        with closing(sqlite3.connect(database)) as conn:
            conn.execute('SELECT "Id" FROM "Organization"').fetchone()
    except sqlite3.Error as error:
        raise ValueError(f"{database} is no org that --database once made ({error}): name another file") from error


def _gather(database: Path) -> None:
    """Bring what SQLite keeps beside a file into the file, so that it can be copied alone."""
    with closing(sqlite3.connect(database)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _faults(file: Path) -> object:
    """The fault plan of a file.

    :raises ValueError: it is no plan that can be followed.
    """
    try:
        plan = json.loads(file.read_text(encoding="utf-8"))
        FaultPlan().set(plan)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    return plan


def _make(options: argparse.Namespace, data: DataFile, database: Path) -> None:
    """Make the org's file."""
    features = data.custom.features | frozenset(options.features or ())
    currencies = {**data.custom.currencies, **dict(options.currencies or ())}
    if currencies and 1 not in currencies.values():
        currencies["USD"] = 1.0
    data = replace(data, custom=replace(data.custom, features=features, currencies=currencies))
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())

    def load(conn: sqlite3.Connection) -> None:
        if options.accounts is not None:
            generate.load(conn, accounts=options.accounts, seed=options.seed)
        elif options.hostile:
            hostile.load(conn)
        elif options.sample or not (options.empty or data.records):
            sample.load(conn)
        try:
            data.load(conn, now)
        except BadDataFile as error:
            raise BadDataFile(f"{options.data}: {error}") from error

    kind, edition = _kind(options, data)
    edition = options.edition or data.edition or edition
    known = default_schema()["Organization"]["OrganizationType"].picklist_values
    if edition not in known:
        where = "" if options.edition else f"{options.data}: "
        raise ValueError(f"{where}there is no edition {edition}; known are {', '.join(known)}")
    name = data.name or kind.split(",")[0]
    sandbox = options.sandbox or data.sandbox
    OrgStore(
        database,
        loader=load,
        name=name,
        edition=edition,
        sandbox=sandbox,
        custom=data.custom,
        captured=data.change_events if options.change_events is None else options.change_events,
        organization_id=options.org_id or data.organization_id or derived("00D", f"{kind}, {name}, {sandbox}"),
    ).close()


def _kind(options: argparse.Namespace, data: DataFile) -> tuple[str, str]:
    """What sort of org is asked for, its name at the beginning, and the edition that such a one has."""
    if options.accounts is not None:
        return f"Generated Org {options.seed}, {options.accounts} accounts", "Enterprise Edition"
    if options.hostile:
        return "Hostile Org", "Enterprise Edition"
    if options.empty:
        return "Empty Org", "Developer Edition"
    if data.records and not options.sample:
        return f"Org of {options.data.name}", "Developer Edition"
    return "Sample Org", "Developer Edition"


def _settings(options: argparse.Namespace, data: DataFile) -> Settings:
    """The data file's settings, overruled by the command line's."""
    given = {
        "allowance": options.allowance,
        "session_seconds": options.session_seconds,
        "rotate_refresh_tokens": options.rotate_refresh_tokens or None,
        "job_seconds": options.job_seconds,
        "control": options.control,
        "allowed_hosts": tuple(options.allow_host) if options.allow_host else None,
    }
    alone = is_loopback(options.host)
    standing = replace(Settings(control=alone, allowed_hosts=() if alone else None), **data.settings)
    return replace(standing, **{k: v for k, v in given.items() if v is not None})


if __name__ == "__main__":
    sys.exit(main())
