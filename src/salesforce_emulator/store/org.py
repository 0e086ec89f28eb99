"""The org in its SQLite file: opening it, writing to it, what its administrators do.

How it is read and written at all is in :mod:`~salesforce_emulator.store.connections`, how its file is made in
:mod:`~salesforce_emulator.store.making`.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from salesforce_emulator.changes import ChangeLog, Journal, change_origin
from salesforce_emulator.clock import ClockRefused, OrgClock, Reading
from salesforce_emulator.formula.errors import FormulaError
from salesforce_emulator.schema import (
    BASE,
    Customization,
    Schema,
    build_schema,
    create_indexes,
    create_tables,
    fiscal,
    load_task_choices,
)
from salesforce_emulator.schema.base import MADE
from salesforce_emulator.schema.changes import Change, apply, whole
from salesforce_emulator.schema.objects import JsonObject
from salesforce_emulator.schema.spec import BadSpec
from salesforce_emulator.scratch import Scratch
from salesforce_emulator.soql.conditions import stamp
from salesforce_emulator.store import duplicates, recycling
from salesforce_emulator.store.altering import alter, fit
from salesforce_emulator.store.batch import Batch
from salesforce_emulator.store.connections import Connections
from salesforce_emulator.store.convert import Converted, ConvertOptions, convert_lead
from salesforce_emulator.store.making import SCHEMA, Loader, customization, known, make
from salesforce_emulator.store.merge import Merged, merge
from salesforce_emulator.store.org_rules import DUPLICATE_RULES, FLOWS, VALIDATION_RULES, OrgRules
from salesforce_emulator.store.session import Session
from salesforce_emulator.store.settings import put_setting, setting
from salesforce_emulator.store.views import load_standard_views
from salesforce_emulator.store.wording import entries, only

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

DEFAULT_PASSWORD = "abm-demo-1"  # noqa: S105  every user's, on an emulator that listens on loopback  # nosec B105
_CAPTURE = "change_events"
CAPTURED = ("Account", "Contact", "Lead", "Opportunity", "Campaign", "CampaignMember", "Task")
"""Objects whose changes are captured unless an org says otherwise; those it has."""


def _now() -> datetime:
    return datetime.now(UTC)


def _reading(kept: str, path: Path) -> Reading | None:
    """What a file says of the org's clock; None where no clock can go by it."""
    try:
        return Reading.from_json(json.loads(kept))
    except ClockRefused as error:
        logger.warning("%s: its clock can't be set as it once was, and tells the machine's time: %s", path, error)
        return None


class OrgStore(Connections):
    """One emulated org.

    :param path: the database file; it is made if it doesn't exist. None: a temporary one, gone on close.
    :param loader: fills a new org, after the base records (``data.sample.load``, a test's own function).
    :param clock: tells the time, in UTC.
    :param custom: what administrators made of a new org's schema, kept with the file.
    :param custom_fields: the same, where it is fields only: describe entries by object.
    :param organization_id: of a new org, 18 characters. An org that exists keeps its own.
    :param captured: the objects selected for change data capture, kept with the file; none at all where it is empty.
        None: those the file says, else :data:`CAPTURED`.
    :param scratch: a folder for temporary files, removed by whoever made it. None: one of the store's own.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        loader: Loader | None = None,
        clock: Clock = _now,
        name: str = "Emulated Org",
        edition: str = "Developer Edition",
        sandbox: bool = False,
        custom: Customization | None = None,
        custom_fields: dict[str, list[JsonObject]] | None = None,
        organization_id: str = BASE.organization,
        captured: Iterable[str] | None = None,
        scratch: Path | None = None,
    ) -> None:
        self._own_scratch = Scratch() if scratch is None else None
        self._folder = self._own_scratch.path if self._own_scratch else Path(tempfile.mkdtemp(dir=scratch))
        super().__init__(Path(path) if path else self._folder / "org.sqlite3", OrgClock(clock))
        if not self.path.exists():
            try:
                made = custom or Customization.of_fields(custom_fields or {})
                make(
                    self,
                    loader,
                    name=name,
                    edition=edition,
                    sandbox=sandbox,
                    custom=made,
                    organization_id=organization_id,
                    captured=captured,
                )
            except BaseException:
                self.close()
                raise
        with self.reading() as conn:
            self.custom = customization(conn)
            with_hidden = whole(self.custom)
            self.schema = self.formulas.computed(build_schema(self.custom), with_hidden)
            create_tables(conn, with_hidden)  # a kept org lacks those that came later
            fit(conn, with_hidden)
            load_task_choices(conn)
            load_standard_views(conn, MADE)
            create_indexes(conn, with_hidden)
            row = conn.execute(f'SELECT "Id", "OrganizationType", "{fiscal.START}" FROM "Organization"').fetchone()
            self.organization_id, self.edition, self.fiscal_start = str(row[0]), str(row[1]), int(row[2])
            if (clock_set := setting(conn, "clock")) is not None:
                self.clock = OrgClock(clock, _reading(clock_set, self.path))
        self.rules = OrgRules(self.setting, self.put_setting)
        if self.rules.duplicates.all():  # as a data file laid them down
            self.index_duplicates()
        self._nothing_to_purge_until = self.now()
        self.path_of_files.mkdir(parents=True, exist_ok=True)
        self.changes = ChangeLog(self.reading, self.writing, self.now)
        self._captured = self._selected()
        if captured is not None:
            self.capture(captured)

    @property
    def path_of_files(self) -> Path:
        """Where results of Bulk jobs lie while the store is open."""
        return self._folder / "bulk"

    # -- writing

    def _journal(self, user_id: str, origin: str) -> Journal | None:
        """Where a session notes its changes; None where no object is captured."""
        journal: Journal | None = self._thread.journal
        if journal is not None:
            journal.user_id, journal.origin = user_id, origin
        return journal

    @contextmanager
    def session(
        self, user_id: str = BASE.administrator, *, from_csv: bool = False, by_person: bool | None = None
    ) -> Iterator[Session]:
        """Write records as a user, in one transaction.

        :param from_csv: the values are texts.
        :param by_person: a person entered them on a page, which enforces more than the API does. Unless said
            otherwise, texts are a person's.
        """
        with self.writing() as conn:
            guard = self.rules.guard(conn, user_id)
            now = stamp(self.now())
            person = from_csv if by_person is None else by_person
            session = Session(conn, self.schema, now, user_id, from_csv=from_csv, guard=guard, by_person=person)
            session.locked = self.conditions.locked
            session.journal = self._journal(user_id, change_origin.get())
            yield session

    @contextmanager
    def batch(self, user_id: str, origin: str = "") -> Iterator[Batch]:
        """Write many rows of a file as a user, in one transaction. ``origin`` is what change events call it."""
        with self.writing() as conn:
            batch = Batch(conn, self.schema, stamp(self.now()), user_id, self.rules.guard(conn, user_id))
            batch.locked = self.conditions.locked
            batch.journal = self._journal(user_id, origin)
            yield batch
            batch.finish()

    def close(self) -> None:
        """Close what is open and remove temporary files."""
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._own_scratch is not None:
            self._own_scratch.close()

    def __enter__(self) -> OrgStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the recycle bin

    def purge(self) -> None:
        """Remove what has been in the recycle bin for fifteen days. Asked at every call, it seldom has to look."""
        now = self.now()
        if now < self._nothing_to_purge_until:
            return
        with self.writing() as conn:
            recycling.purge(conn, self.schema, stamp(now - recycling.KEPT))
            first = recycling.oldest(conn)
        oldest = now if first is None else datetime.fromisoformat(first)
        self._nothing_to_purge_until = oldest + recycling.KEPT

    # -- what administrators do

    def change_schema(self, changes: Sequence[Change]) -> Schema:
        """Change objects and fields, all as asked or none; the schema that follows, which a restart keeps.

        :mod:`salesforce_emulator.schema.changes` says what can be changed.

        :raises BadSpec: it can't be done; the message says why.
        """
        with self.writing() as conn:
            custom = customization(conn)
            made = apply(custom, changes, self.now())
            before = whole(custom)
            after = whole(made, before)
            try:
                schema = self.formulas.computed(build_schema(made, self.schema), after)
            except FormulaError as error:
                raise BadSpec(str(error)) from error
            alter(conn, before, after)
            put_setting(conn, SCHEMA, json.dumps(made.to_json()))
        self.custom, self.schema = made, schema
        return schema

    # -- the org's own rules

    def put_rules(self, given: Mapping[str, Any]) -> None:
        """Lay down rules, all or none: {"validation_rules": […], "duplicate_rules": […], "before_save_flows": […]}.

        :raises BadRule: one of them can't be followed.
        """
        with self.writing():
            only(given, (VALIDATION_RULES, DUPLICATE_RULES, FLOWS), "rules")
            duplicating = entries(given, DUPLICATE_RULES, "rules")
            flows = entries(given, FLOWS, "rules")
            self.rules.put(entries(given, VALIDATION_RULES, "rules"), duplicating, self.schema, flows)
            if duplicating:
                self.index_duplicates()

    def remove_rules(self, sobject: str = "", name: str = "") -> int:
        """Remove the rules of an object, one of them, or all; how many they were."""
        removed = self.rules.remove(sobject, name)
        self.index_duplicates()
        return removed

    def index_duplicates(self) -> None:
        """Index what duplicate rules match by."""
        with self.writing() as conn:
            duplicates.index(conn, self.rules.duplicates.all(), self.schema)

    def visible(self, user_id: str) -> Schema:
        """The objects and fields that a user may see."""
        if not self.rules.permissions:
            return self.rules.visible(self.schema, None)
        with self.reading() as conn:
            return self.rules.visible(self.schema, self.rules.access(conn, user_id))

    def seen_by_owner_alone(self, user_id: str) -> frozenset[str]:
        """The objects of which a user sees only the records that he owns."""
        if not self.rules.permissions.sharing:
            return frozenset()
        with self.reading() as conn:
            access = self.rules.access(conn, user_id)
        return frozenset(name for name in access.sharing if access.only_own(name)) if access else frozenset()

    def put_permissions(self, given: Mapping[str, Any]) -> None:
        """Change who may do what; :mod:`salesforce_emulator.store.permissions` says how it is written."""
        with self.writing() as conn:
            self.rules.put_permissions(given, self.schema, conn, self.now())

    # -- change data capture

    @property
    def captured(self) -> frozenset[str]:
        """The objects whose changes are captured."""
        return self._captured

    def capture(self, objects: Iterable[str]) -> None:
        """Select the objects whose changes are captured from now on.

        :raises ValueError: the org has no such object.
        """
        self.put_setting(_CAPTURE, json.dumps(known(self.schema, objects)))
        self._captured = self._selected()

    def _selected(self) -> frozenset[str]:
        stored = self.setting(_CAPTURE)
        return frozenset(CAPTURED if stored is None else json.loads(stored))

    # -- what Salesforce does on its pages

    def convert_lead(
        self, lead_id: str, options: ConvertOptions | None = None, *, user_id: str = BASE.administrator
    ) -> Converted:
        """Convert a lead as the Convert button does; :mod:`salesforce_emulator.store.convert` says what follows."""
        with self.session(user_id) as session:
            return convert_lead(session, lead_id, options or ConvertOptions())

    def merge(
        self,
        sobject: str,
        master_id: str,
        loser_ids: Sequence[str],
        values: Mapping[str, object] | None = None,
        *,
        user_id: str = BASE.administrator,
    ) -> Merged:
        """Merge up to two records into a third; :mod:`salesforce_emulator.store.merge` says what follows."""
        with self.session(user_id) as session:
            return merge(session, sobject, master_id, loser_ids, values or {})
