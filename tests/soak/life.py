"""One life of an org and of Abmatic: a script is played round by round, each followed by a sync of everything.

With `Deaths`, whoever works may die at any point: the worker at a statement, a COPY, a commit, a call before it is
sent, while Salesforce carries it out, after its answer; the web process in a person's request; Postgres in either. What
died is started again, as those do who supervise: jobs are done again, a request that isn't there is made again.
"""

from __future__ import annotations

import functools
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection as database
from django.urls import reverse
from tests.soak import plain
from tests.soak.edits import have_happened, newest_change
from tests.soak.forking import DATABASE_LOST, DONE
from tests.soak.looking import Seen, look
from tests.soak.script import Round, Script, take_there
from tests.soak.world import Broken, Ended, World, quiet
from tests.sync.live import Live

from abmatic.sync import runs
from abmatic.sync.models import Run

_SECOND = 1.1
_STEP = (3, 24)
_PLACES = ("worker", "receiver", "postgres")
_SHARES = (75, 15, 10)
_WEB_SHARE = 0.4


@dataclass
class Deaths:
    """Where this life is struck: ``left`` times, by chance."""

    chance: random.Random
    left: int
    places: Counter[str] = field(default_factory=Counter)
    last: str = "nothing was struck yet"

    def happened(self, who: str, where: str | None) -> None:
        self.left -= 1
        self.places[f"{who} {where}"] += 1
        self.last = f"{who}, {where}"


class Life:
    """``deaths`` is None where nothing dies."""

    def __init__(self, world: World, live: Live, original: frozenset[str], deaths: Deaths | None) -> None:
        self._world, self._live, self._original, self._deaths = world, live, original, deaths

    # -- what happens

    def round(self, script: Script, made: Round) -> Seen:
        """People work on both sides, then everything is synchronised."""
        for step in made.there:
            take_there(self._live.org.store, step)
        for steps in made.here:
            self._request(functools.partial(have_happened, steps, newest_change()), work="edit", steps=steps)
        foreseen = plain.foresee(self._live, script, made, self._original)
        seen = self.sync()
        if missed := plain.misses(self._live, foreseen):
            raise Broken("\n".join(["not as SYNC.md says:", *missed]))
        return seen

    def sync(self) -> Seen:
        """A person syncs everything; the runs are done one after the other."""
        # A run reads what is older than the second in which it begins.
        time.sleep(_SECOND)
        position = self._live.org.store.changes.newest()
        last = Run.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        data = {"sobject": ""}
        path = reverse("sync-now", args=[self._live.connection.pk])
        self._request(lambda: _are_queued(last), work="ask", path=path, data=data)
        return self._perform(list(Run.objects.filter(pk__gt=last).order_by("pk")), position)

    def undo(self, sobject: str) -> Seen:
        """The last run of an object is undone."""
        position = self._live.org.store.changes.newest()
        return self._perform([runs.undo(Run.objects.filter(sobject=sobject).order_by("-pk")[0])], position)

    def idle(self) -> None:
        """Another sync of everything, undisturbed, writes nothing anywhere."""
        self._deaths, deaths = None, self._deaths
        seen = self.sync()
        self._deaths = deaths
        if seen.written:
            raise Broken(f"an idle sync wrote to Salesforce: {list(seen.written)[:5]}")
        busy = {name: said for name, said in seen.runs.items() if said["updated"] or said["created"]}
        if busy:
            raise Broken(f"an idle sync wrote here: {busy}")

    def _perform(self, queued: list[Run], position: int) -> Seen:
        for run in queued:
            self._execute(run)
        return look(self._live, self._original, position, queued)

    # -- work that may be struck

    def _request(self, has_happened: Callable[[], bool], **job: Any) -> None:
        """A person asks, and asks again where nothing came of it."""
        at = 0
        while True:
            struck = {}
            if self._deaths is not None and self._deaths.left > 0 and self._deaths.chance.random() < _WEB_SHARE:
                at += self._deaths.chance.randrange(1, 6)
                struck = {"at": at}
                if self._deaths.chance.random() < 0.1:
                    struck["postmaster"] = self._world.postmaster
            ended = self._world.work(**job, **struck)
            self._note("web", ended, struck)
            if has_happened():
                return
            if ended.code == DONE:
                raise Broken(f"a request was answered and nothing came of it: {job}")

    def _execute(self, run: Run) -> None:
        """A worker has the job until it is done."""
        at, call = 0, 0
        while True:
            place, ended = None, None
            if self._deaths is not None and self._deaths.left > 0:
                (place,) = self._deaths.chance.choices(_PLACES, _SHARES)
                if place == "receiver":
                    call += 1
                else:
                    at += self._deaths.chance.randrange(*_STEP)
            if place == "receiver":
                with self._world.kill_at_call(self._live.org, call) as receiver:
                    ended = self._world.work(work="execute", run=run.pk)
                ended = Ended(ended.code, receiver.struck)
                self._note("worker", ended, {"at": call})
            else:
                struck: dict[str, Any] = {} if place is None else {"at": at}
                if place == "postgres":
                    struck["postmaster"] = self._world.postmaster
                ended = self._world.work(work="execute", run=run.pk, **struck)
                self._note("worker", ended, struck)
            if ended.code == DONE:
                return

    def _note(self, who: str, ended: Ended, struck: dict[str, Any]) -> None:
        """Counts a death, and has what died started again."""
        is_struck = ended.where is not None
        if is_struck and self._deaths is not None:
            self._deaths.happened("Postgres under the " + who if "postmaster" in struck else who, ended.where)
        if "postmaster" in struck and is_struck:
            self._world.restart()
        elif ended.code not in (DONE, None) or (ended.code is None and not is_struck):
            raise Broken(f"a {who} process ended with {ended.code}: {self._world.children.said()}")
        elif ended.code == DATABASE_LOST:
            raise Broken(f"a {who} process lost a database that was there: {self._world.children.said()}")
        quiet(self._live.org)


def _are_queued(last: int) -> bool:
    """Whether runs are queued, each with its job: all or none."""
    queued = list(Run.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "sobject"))
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'run_id')::bigint FROM procrastinate_jobs "
            "WHERE task_name = 'sync.pull' AND (args->>'run_id')::bigint > %s",
            [last],
        )
        jobs = {row[0] for row in cursor.fetchall()}
    if {pk for pk, _ in queued} != jobs or len({name for _, name in queued}) != len(queued):
        raise Broken(f"runs {queued} and jobs {jobs} don't fit")
    return bool(queued)
