"""Episodes of a soak: what each begins with, how it is lived twice, and what is compared."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from tests.soak.life import Deaths, Life
from tests.soak.looking import Seen, differences, ids
from tests.soak.script import RULE, Round, Script
from tests.soak.world import OPTIONS, Broken, Kept, World
from tests.sync.live import generated

from abmatic.identity.models import Role, User
from abmatic.postgres.embedded import EmbeddedServer
from abmatic.sync import connect
from abmatic.sync.models import MirrorAccount, MirrorContact, MirrorLead

ROUNDS = 2
# From how many records on runs read and write in bulk, and in pages of how many: by REST; read in bulk; both in bulk.
_READERS = [(2000, 1000), (20, 25), (5, 25)]
# One in so many episodes is a first import.
_FIRST_IMPORT = 4
_LINES = 40


class Failed(Exception):
    """An episode went wrong; the message says how."""


class Episodes:
    """A world in which episodes are lived, until the ``with`` block ends."""

    def __init__(self, folder: Path, accounts: int) -> None:
        self._folder, self._accounts = folder, accounts
        self._connected, self._imported, self._settled = (
            Kept(f"soak_{name}", folder / f"{name}.sqlite3") for name in ("connected", "imported", "settled")
        )
        self._open = ExitStack()

    def __enter__(self) -> Self:
        server = EmbeddedServer(settings.ENVIRONMENT.data_dir, options=OPTIONS)
        self._open.enter_context(server.acquire())
        self._open.callback(server.remove)
        self._open.callback(connections.close_all)
        call_command("migrate", verbosity=0)
        User.objects.create_user("soak@example.com", role=Role.ADMINISTRATOR)
        self._world = World(self._folder, server)
        self._open.callback(self._world.children.close)
        with self._world.org(generated(self._folder, self._accounts)) as org:
            org.store.put_rules({"validation_rules": [RULE]})
            connect.connect_headless(org.url, "client-credentials", org.client_id, client_secret=org.client_secret)
            self._world.keep(self._connected, org)
            live = self._world.live(org)
            self._original = ids(live)
            Life(self._world, live, self._original, None).sync()
            self._world.keep(self._imported, org)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def live(self, seed: int, number: int, most: int) -> Counter[str]:
        """Lives an episode twice. Answers where it was struck. Raises `Failed`."""
        name = f"{seed}/{number}"
        self._world.read_by(*random.Random(name).choice(_READERS))
        deaths = Deaths(random.Random(f"deaths {name}"), most)
        try:
            if number % _FIRST_IMPORT == _FIRST_IMPORT - 1:
                # Both read alike: in pages, which of several duplicates is the oldest may turn out late.
                wanted, found = self._import(None), self._import(deaths)
            else:
                rounds, script = self._begin(name)
                wanted = self._once(script, rounds, None)
                found = self._once(script, rounds, deaths)
        except (Broken, AssertionError) as broken:
            said = f"after {deaths.places.total()} deaths, the last: {deaths.last}" if deaths.places else "undisturbed"
            raise Failed(f"episode {name}, {said}:\n{broken}") from broken
        if lines := differences(wanted, found):
            raise Failed("\n".join([f"episode {name}: the life with deaths came to something else:", *lines[:_LINES]]))
        return deaths.places

    def _import(self, deaths: Deaths | None) -> list[Seen]:
        with self._world.back_at(self._connected) as live:
            return [Life(self._world, live, self._original, deaths).sync()]

    def _begin(self, name: str) -> tuple[list[Round], Script]:
        """Makes what both lives begin with: an org that was imported and has settled under the script's settings."""
        with self._world.back_at(self._imported) as live:
            script = Script(name, *_records())
            script.set_up()
            life = Life(self._world, live, self._original, None)
            for _ in range(2):
                life.sync()
            self._world.keep(self._settled, live.org)
        return [*(script.round() for _ in range(ROUNDS)), script.edits()], script

    def _once(self, script: Script, rounds: Sequence[Round], deaths: Deaths | None) -> list[Seen]:
        with self._world.back_at(self._settled) as live:
            life = Life(self._world, live, self._original, deaths)
            seen = [life.round(script, made) for made in rounds[:-1]]
            seen += [life.sync(), life.round(script, rounds[-1]), life.undo("Account"), life.sync()]
            if deaths is not None:
                life.idle()
        return seen


def _records() -> tuple[dict[str, list[str]], dict[str, int], dict[str, list[str]]]:
    """The records that a script may touch: linked, each to a local record of its own; what those are; and the contacts
    of each account."""
    mirrors = {"Account": MirrorAccount, "Contact": MirrorContact, "Lead": MirrorLead}
    links = {
        sobject: dict(model.objects.filter(role=1, is_deleted=False).order_by("sf_id").values_list("sf_id", "local_id"))
        for sobject, model in mirrors.items()
    }
    people = Counter(local for sobject in ("Contact", "Lead") for local in links[sobject].values())
    converted = set(MirrorLead.objects.filter(is_converted=True).values_list("sf_id", flat=True))
    records = {
        sobject: [
            sf_id
            for sf_id, local in found.items()
            if sf_id not in converted and (sobject == "Account" or people[local] == 1)
        ]
        for sobject, found in links.items()
    }
    contacts: dict[str, list[str]] = {}
    for account, contact in MirrorContact.objects.order_by("sf_id").values_list("account_sf_id", "sf_id"):
        if account:
            contacts.setdefault(account, []).append(contact)
    return records, {sf_id: local for found in links.values() for sf_id, local in found.items()}, contacts
