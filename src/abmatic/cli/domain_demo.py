"""`abmatic demo`: everything at once, with an emulated Salesforce org, connected and imported.

1. Choose: the folder, the org, free ports; take on the settings that follow.
2. Start: database, migrations, emulator, web server and worker, watched over as `abmatic up` does.
3. Connect: the administrator, and the org by client credentials of the emulator's own app.
4. Import: all objects the first time, what has changed since then at every later start.
5. Open a website: a few pages that are followed, with a year of visits to them the first time (`demo_website`).
6. Show: a link that signs the administrator in, once; stay until Ctrl-C.

With ``--once`` it happens in a temporary folder on free ports, and ends after the import.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from abmatic.audiences.counted import counted
from abmatic.cli import bootstrap, ports
from abmatic.cli import domain_demo_parts as parts
from abmatic.cli import domain_demo_place as places
from abmatic.cli.domain_demo_place import Place
from abmatic.cli.domain_demo_report import report
from abmatic.cli.domain_follow import follow, label_of, told
from abmatic.cli.failures import INTERRUPTED, Failure, NotReady
from abmatic.cli.numbers import Number
from abmatic.cli.supervise import Child, Stopped, Supervisor
from abmatic.cli.up import answers, app_children, running, say_stopping

if TYPE_CHECKING:
    from abmatic.identity.models import User
    from abmatic.sync.models import Connection, Run

ADMINISTRATOR = "demo@abmatic.example"
LINK_LIFETIME = timedelta(hours=12)
# Seconds until everything must answer. Generating an account takes a tenth of a millisecond, on a slow machine more.
_PATIENCE, _PATIENCE_AN_ACCOUNT = 120.0, 0.002


class _Interrupted(BaseException):
    """A signal came while no supervisor was there to take it."""


@click.command()
@click.option("--once", is_flag=True, help="Import into a temporary folder, say what happened, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; everything else goes to stderr.")
@click.option("--accounts", type=Number(1, 25_000_000), help="Size of the generated org.  [default: 3000]")
@click.option("--seed", type=Number(0), help="What the org is generated from.  [default: 0]")
@click.option("--sample", is_flag=True, help="The sample records of a Developer Edition org instead.")
@click.option("--port", type=Number(0, 65535), help="The app's port.  [default: 8000, or a free one]")
@click.option("--emulator-port", type=Number(0, 65535), help="The emulator's.  [default: 8088, or a free one]")
@click.option("--website-port", type=Number(0, 65535), help="The website's.  [default: 8090, or a free one]")
@click.option("--browser/--no-browser", default=None, help="Open the app in a browser.  [default: if there is one]")
@click.option("--concurrency", type=Number(1), default=4, show_default=True, help="Jobs done at once.")
def demo(
    once: bool,
    as_json: bool,
    accounts: int | None,
    seed: int | None,
    sample: bool,
    port: int | None,
    emulator_port: int | None,
    website_port: int | None,
    browser: bool | None,
    concurrency: int,
) -> None:
    """Run everything with an emulated Salesforce org, its data imported.

    The next start keeps everything. Nothing of it leaves this machine, and a database that DATABASE_URL names is
    left alone. With --once it uses free ports and a temporary folder, and never disturbs a demo that runs.
    """
    began = time.monotonic()
    with _failing_in_json(as_json), _unwinding_on_signals():
        if sample and (accounts is not None or seed is not None):
            raise click.UsageError("--sample is an org of its own: it goes with neither --accounts nor --seed.")
        places.leave_other_installations_alone(everything=once)
        if not once:
            data_dir = bootstrap.data_dir()
            org = places.choose_org(data_dir, accounts, seed, sample)
            place = Place(data_dir, org, *places.choose_ports(data_dir, port, emulator_port, website_port))
            _stay(place, concurrency, as_json, _has_browser() if browser is None else browser, began)
            return
        with places.temporary_folder() as data_dir:
            org = places.choose_org(data_dir, accounts, seed, sample)
            place = Place(data_dir, org, *places.choose_ports(data_dir, port or 0, emulator_port or 0, 0))
            result = _once(place, concurrency, began)
        _say_result(result, as_json)


def _once(place: Place, concurrency: int, began: float) -> dict[str, Any]:
    """Imports, and tells what was imported. Raises `Failure`."""
    at = datetime.now(UTC)
    try:
        with _started(place, [parts.emulator(place)], concurrency) as supervisor:
            runs = _import(supervisor, _connect(place), at)
            _require_success(runs)
            total = time.monotonic() - began
            return {**report(runs, supervisor.pids().get(_WORKER)), "total_seconds": round(total, 3)}
    except Stopped:
        raise _Interrupted from None


def _stay(place: Place, concurrency: int, as_json: bool, with_browser: bool, began: float) -> None:
    """Imports, shows the way in, and stays until somebody stops it."""
    from abmatic.cli.demo_website import networks

    at = datetime.now(UTC)
    networks.prepare(place.companies_file)
    try:
        with _started(place, [parts.emulator(place), parts.website(place)], concurrency) as supervisor:
            _lay_down_rule(place)
            runs = _import(supervisor, _connect(place), at)
            _open_website(place, supervisor)
            user = _administrator()
            entrance = _one_time_url(place, user)
            if as_json:
                facts = report(runs, supervisor.pids().get(_WORKER)) if runs else {}
                click.echo(json.dumps({"url": entrance, "website": place.website_url, "pid": os.getpid(), **facts}))
            else:
                _greet(place, entrance, runs, time.monotonic() - began)
            if with_browser:
                # A link of its own: the one that was printed still works.
                webbrowser.open(_one_time_url(place, user))
            _close_database()
            supervisor.wait()
            say_stopping("make demo (or abmatic demo)")
    except Stopped:
        click.echo("Stopped. What was imported is kept, and the next start goes on from there.", err=True)


# -- starting

_WORKER = "The worker"


@contextmanager
def _started(place: Place, beside: list[Child], concurrency: int) -> Iterator[Supervisor]:
    """Everything up and answering: the app, and what stands beside it."""
    bootstrap.configure()
    place.adopt()
    click.echo(f"Starting the database, the app and a Salesforce emulator with {place.org} …", err=True)
    with running(place.url, [*beside, *app_children(ports.LOOPBACK, place.port, concurrency)]) as supervisor:
        place.keep()
        try:
            _refuse_real_orgs(place)
            app_answers = answers(ports.LOOPBACK, place.port)
            supervisor.wait_until(
                lambda: app_answers() and _ask_org(place) is not None,
                _PATIENCE + _PATIENCE_AN_ACCOUNT * (place.org.accounts or 0),
            )
            yield supervisor
        finally:
            _close_database()


def _refuse_real_orgs(place: Place) -> None:
    """A demo's data has no business among a real org's."""
    from abmatic.sync.models import Connection

    real = Connection.objects.exclude(login_url__startswith=f"http://{ports.LOOPBACK}:").first()
    if real is not None:
        raise NotReady(
            f"The data in {place.data_dir} belongs to an installation that is connected to {real}. Run it with "
            "`abmatic up`, or set ABMATIC_DATA_DIR to another folder for the demo"
        )


def _ask_org(place: Place) -> dict[str, str] | None:
    """What the emulator tells of its org, or None while it doesn't answer."""
    return _ask_emulator(place, "GET", "/__emulator/org")


def _lay_down_rule(place: Place) -> None:
    """Gives the org the validation rule that the tour is about, as its administrator would; once more does no harm."""
    from abmatic.sync.tour.rule import VALIDATION_RULE

    if _ask_emulator(place, "POST", "/__emulator/rules", {"validation_rules": [VALIDATION_RULE]}) is None:
        click.echo("The emulated org did not take the tour's validation rule; its fourth step won't work.", err=True)


def _ask_emulator(place: Place, method: str, path: str, body: object = None) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(ports.LOOPBACK, place.emulator_port, timeout=5)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        return dict(json.load(answer)) if answer.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


# -- the connection and its import


def _connect(place: Place) -> Connection:
    """The connection to the emulated org: made, mended, moved to the emulator's new port, or as it is."""
    from abmatic.sync import connect
    from abmatic.sync.models import Connection

    org = _ask_org(place)
    if org is None:
        raise Failure("The emulator answered and then fell silent; what it said is above")
    known = Connection.objects.filter(org_id=org["organization_id"]).first()
    if known is None or known.status == Connection.Status.NEEDS_ATTENTION:
        try:
            return connect.connect_headless(
                place.emulator_url, "client-credentials", org["client_id"], client_secret=org["client_secret"]
            )
        except connect.ConnectError as error:
            raise Failure(f"The emulated org could not be connected. {error}") from error
    if known.login_url != place.emulator_url:
        known.login_url = known.instance_url = place.emulator_url
        known.save(update_fields=["login_url", "instance_url", "updated_at"])
    return known


def _import(supervisor: Supervisor, connection: Connection, began: datetime) -> list[Run]:
    """Imports what is new and follows it; what a former demo left unfinished is followed to its end instead."""
    from abmatic.sync import runs
    from abmatic.sync.models import Connection, Run

    if connection.status != Connection.Status.ACTIVE:
        return []
    found = left_unfinished(connection, began) or runs.start(
        connection, trigger=Run.Trigger.MANUAL, user=_administrator()
    )
    return follow([run.pk for run in found], supervisor.sleep)


def left_unfinished(connection: Connection, began: datetime) -> list[Run]:
    """The runs that were not over when this demo began: the worker may have ended some of them since."""
    from django.db.models import Q

    from abmatic.sync.models import Run

    unfinished = Q(state__in=[Run.State.QUEUED, Run.State.RUNNING])
    ended_since = Q(queued_at__lt=began, finished_at__gte=began)
    return list(connection.runs.filter(unfinished | ended_since).order_by("id"))


def _open_website(place: Place, supervisor: Supervisor) -> None:
    from abmatic.cli.demo_website import starting

    def say(what: str) -> None:
        click.echo(what, err=True)

    say("Opening a website that is followed …")
    if not starting.start(place, place.org.seed, supervisor.sleep, say):
        say("The worker goes on with the year of visits; reports grow until it is done.")


def _require_success(runs: list[Run]) -> None:
    failed = [run for run in runs if run.state != run.State.SUCCEEDED]
    if failed:
        raise Failure("The import failed. " + " ".join(f"{label_of(run)}: {told(run)}" for run in failed))


def _administrator() -> User:
    from abmatic.identity.models import Role, User

    known = User.objects.filter(email=ADMINISTRATOR).first()
    return known or User.objects.create_user(ADMINISTRATOR, role=Role.ADMINISTRATOR, name="Demo Administrator")


def _one_time_url(place: Place, user: User) -> str:
    from django.urls import reverse

    from abmatic.identity import links

    return place.url + reverse("one-time-link", args=[links.issue(user, LINK_LIFETIME)])


def _close_database() -> None:
    from django.db import connections

    connections.close_all()


# -- showing


def _greet(place: Place, entrance: str, runs: list[Run], seconds: float) -> None:
    read = sum(run.counts.get("read", 0) for run in runs)
    told_read = (
        f"{counted(read, 'record')} read from the emulated org" if read else "nothing has changed in the emulated org"
    )
    click.echo(f"\nAbmatic is running; {told_read}; ready in {seconds:.1f} s.\n")
    for run in runs:
        if run.state != run.State.SUCCEEDED:
            click.echo(f"{label_of(run)}: {told(run)}\n", err=True)
    click.echo(f"  Open    {click.style(entrance, bold=True)}")
    click.echo(f"          (signs you in as the administrator, once; another one: abmatic user link {ADMINISTRATOR})")
    click.echo(f"  Org     {place.emulator_url}  (the emulated Salesforce: change a record there, then sync)")
    click.echo(f"  Website {place.website_url}/play/  (five minutes, from a visit to a won deal: be the visitor)")
    click.echo(f"  Data    {place.data_dir}\n")
    click.echo("Stop it with Ctrl-C; the next start keeps everything.\n")


def _say_result(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    for name, counts in result["objects"].items():
        said = ", ".join(f"{counts[what]:,} {what}" for what in ("read", "created", "duplicates", "skipped"))
        click.echo(f"{name}: {said}")
    memory = result["worker_peak_memory"] / 2**20
    click.echo(
        f"{counted(result['records'], 'record')} in {result['seconds']:.1f} s, "
        f"{counted(result['api_calls'], 'API call')}, "
        f"worker's memory at most {memory:.0f} MiB"
    )


def _has_browser() -> bool:
    """Whether somebody sits before a screen of this machine."""
    if os.environ.get("CI") or not sys.stderr.isatty():
        return False
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


# -- ending


@contextmanager
def _failing_in_json(as_json: bool) -> Iterator[None]:
    """With --json, failures too are one JSON object on stdout; the message on stderr and the exit code stay."""
    try:
        yield
    except _Interrupted:
        if as_json:
            click.echo(json.dumps({"error": "Interrupted; everything that was started is stopped"}))
        sys.exit(INTERRUPTED)
    except Exception as error:
        if as_json:
            said = error.format_message() if isinstance(error, click.ClickException) else str(error)
            click.echo(json.dumps({"error": said or type(error).__name__}))
        raise


@contextmanager
def _unwinding_on_signals() -> Iterator[None]:
    """Until a supervisor takes them, signals unwind what was begun, a single time: cleaning up isn't interrupted."""

    def unwind(number: int, frame: FrameType | None) -> NoReturn:
        for each in handled:
            signal.signal(each, signal.SIG_IGN)
        raise _Interrupted

    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, unwind) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
