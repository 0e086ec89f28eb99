"""One chunk: a page is staged, then applied in the same transaction that moves the run's checkpoint.

Staging and typing (`stage_csv`, `stage_records`, `type_rows`) depend on nothing but the page, so several sessions do
them at once, and so do they with records that concern nobody else (`write_newcomers`). `apply` runs in page order, one
at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.postgres.sql import block
from abmatic.sync.pull import apply, lookups, match, merge, newcomers, readback, staging, values
from abmatic.sync.pull.campaigns import MemberRules
from abmatic.sync.pull.plan import PullPlan
from abmatic.sync.pull.settle import FollowUp, Settler
from abmatic.sync.pull.staging import names

Session = psycopg.Connection[tuple[Any, ...]]

# Stands in for a NUL while staged: Postgres text can't hold one. A noncharacter, so no honest text contains it.
NUL_MARK = "\ufdd0"
_NUL_BYTES = NUL_MARK.encode()
_REPLACEMENT = "\ufffd"
_ANALYZE_FROM = 1_000


_NUMBERS = ("read", "created", "updated", "unchanged", "linked", "duplicate", "deleted", "skipped")


@dataclass(slots=True)
class Counts:
    """What happened to the records of a chunk, or of a run. Each record that was read counts once:

    ``read`` = created + linked + duplicate + updated + deleted + skipped + unchanged

    ============  =====================================================================================
    created       a local record was made of it
    linked        it got a local record that was here already, and that may have been changed by it
    duplicate     another record of the org is primary for its local record: linked now, as a duplicate
    updated       linked before: its local record was changed, or its link revived by an undelete
    deleted       linked before, and deleted in Salesforce since
    skipped       left out, or only kept in the mirror; ``reasons`` says why, once for each
    unchanged     everything is as it was
    ============  =====================================================================================

    ``reasons`` counts the run's findings, of which a record may have several.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    linked: int = 0
    duplicate: int = 0
    deleted: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Adds another chunk's counts."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)

    def correct(self, by: Counter[str]) -> None:
        """Moves records from one number to another."""
        for name, number in by.items():
            setattr(self, name, getattr(self, name) + number)

    def as_json(self) -> dict[str, Any]:
        """As stored in ``run.counts``."""
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            "reasons": {code: n for code, n in sorted(self.reasons.items()) if n},
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Counts:
        """Reads ``run.counts``."""
        numbers = {name: value for name, value in stored.items() if name != "reasons"}
        return cls(**numbers, reasons=Counter(stored.get("reasons", {})))


@dataclass(frozen=True, slots=True)
class Target:
    """Whose pull this is."""

    connection: int
    run: int
    cause: int
    upper: datetime
    collection: int | None
    # Salesforce fields that are read for the first time: see `mirrored`.
    unread: tuple[str, ...] = ()
    # Whether a push of this object follows, which looks at what differs after the merge.
    is_pushed: bool = False
    # Other connections' objects, as (connection, object), that get what is created here.
    created_elsewhere: tuple[tuple[int, str], ...] = ()
    # What may be done with campaign members, which any pull of their people may bring.
    members: MemberRules = field(default_factory=MemberRules)
    # The Salesforce Id of the connected user.
    user: str = ""
    # Whether the Ids that are read are kept, to find those that Salesforce has no longer (see vanished).
    notes_read: bool = False


_MERGES = 10

# Fields of which nothing was ever agreed on, not even that they are empty.
_UNREAD: LiteralString = (
    "nullif(ARRAY(SELECT f FROM unnest(%(mapped)s::text[]) AS f "
    "WHERE m.base IS NOT NULL AND NOT m.base ? f AND m.values ->> f IS NULL), '{{}}')"
)


def _without_nul(value: Any) -> Any:
    """JSON as Python reads it (hence Any), with a mark for each NUL."""
    if isinstance(value, str):
        return value.replace("\0", NUL_MARK)
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value


def _note_read() -> sql.Composed:
    return sql.SQL(block("abmatic.sync", "sql/vanished.sql", "note_read")).format()


class ChunkWriter:
    """The statements of one plan, bound to one session and its temporary tables."""

    def __init__(self, plan: PullPlan, session: Session, target: Target) -> None:
        self._plan = plan
        self._session = session
        self._target = target
        self._parameters: dict[str, Any] = {
            "connection": target.connection,
            "run": target.run,
            "cause": target.cause,
            "upper": target.upper,
            "collection": target.collection,
            # What joins others is matched like anything new; whether it is made here is decided where they are joined.
            "create": plan.create or plan.spec.joins,
            "update": plan.update,
            "unread": list(target.unread),
            "user": target.user,
            **readback.parameters(plan),
            # Records that have an entry as duplicates in this run: see `_match_again`.
            "noted": [],
            "newcomers": 0,
            "claimed": [],
            "elsewhere": [connection for connection, _ in target.created_elsewhere],
            "elsewhere_objects": [sobject for _, sobject in target.created_elsewhere],
            **target.members.as_parameters(),
        }
        self._has_nul = False
        self._has_replaced = False
        # What staging found worth saying, by reason: counted when the chunk is applied.
        self._noted: Counter[str] = Counter()
        self._added, self._analyze_at = 0, _ANALYZE_FROM
        joins = plan.spec.joins
        texts: dict[str, sql.Composed | None] = {
            "load_work": staging.load_work(plan, session.info.server_version),
            "decide": match.decide(plan),
            "twins": match.demote_twins(plan),
            "note_read": _note_read() if target.notes_read else None,
            "read_back": readback.read_back(plan),
            "take_over": match.take_over(plan) if plan.key_field else None,
            "merge": None if joins else merge.merge(plan),
            "lock": None if joins else merge.lock(plan),
            "moved": None if joins else merge.moved(plan),
            "findings": apply.note_findings(plan),
            "create": None if joins else apply.create_records(plan),
            "update": None if joins else apply.update_records(plan),
            "changes": apply.note_changes(plan),
            "add_to_mirror": apply.add_to_mirror(plan),
            "update_mirror": apply.update_mirror(plan),
            "count": apply.count(plan),
            "collect": apply.collect(plan) if target.collection else None,
            "due": apply.note_due(plan) if target.is_pushed and not joins else None,
            "due_elsewhere": apply.note_due_elsewhere(plan) if target.created_elsewhere else None,
        }
        self._texts = {name: text.as_string(session).encode() for name, text in texts.items() if text is not None}
        self._newcomers: dict[str, bytes] = {}
        if newcomers.are_possible(plan):
            self._newcomers = {
                "hold_back": newcomers.hold_back(plan).as_string(session).encode(),
                "write": newcomers.write(plan).as_string(session).encode(),
            }
        # None while the newcomers of a page are not written.
        self._newcomers_noted: Counter[str] | None = None
        self._looked_up = names(*lookups.tables(plan))
        self._lookups = [text.as_string(session).encode() for text in lookups.fill(plan)]
        self._keys = [text.as_string(session).encode() for text in apply.move_keys(plan)]
        self._settler = Settler(plan.spec, session, self._parameters, moves_keys=bool(self._keys))

    def prepare(self) -> None:
        """Makes the temporary tables."""
        tables = (*staging.create_tables(self._plan), *lookups.create_tables(self._plan), *newcomers.create_tables())
        for statement in tables:
            self._session.execute(statement)
        self._session.commit()

    def stage_csv(self, columns: list[str], chunks: Iterable[bytes]) -> int:
        """Copies CSV bytes into ``stage``. Answers the number of rows; raises psycopg.DataError on broken CSV."""
        with self._session.cursor() as cursor:
            with cursor.copy(staging.copy_into_stage(self._plan, columns)) as copy:
                for chunk in chunks:
                    if b"\0" in chunk:
                        self._has_nul = True
                        copy.write(chunk.replace(b"\0", _NUL_BYTES))
                    else:
                        copy.write(chunk)
            return cursor.rowcount

    def stage_records(self, records: bytes) -> int:
        """Puts a JSON array of records into ``stage``.

        Postgres refuses JSON that holds a NUL, half a surrogate pair or a number beyond its own; then the array is
        written anew with what it can hold. Raises psycopg.DataError when it is no array of records at all.
        """
        statement = staging.records_into_stage(self._plan)
        # Earlier pages of this transaction stay staged whatever happens to this one.
        self._session.execute("SAVEPOINT page")
        try:
            return self._session.execute(statement, {"records": records.decode()}).rowcount
        except (psycopg.DataError, UnicodeDecodeError):
            self._session.execute("ROLLBACK TO SAVEPOINT page")
        return self._session.execute(statement, {"records": self._storable(records)}).rowcount

    def _storable(self, records: bytes) -> str:
        """The same JSON with marks for NULs, U+FFFD for what is no character, and numbers as the text they were."""
        text = records.decode("utf-8", "replace")
        try:
            found = json.loads(text, strict=False, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            raise psycopg.DataError(f"the records are no JSON: {error}") from error
        if not isinstance(found, list):
            raise psycopg.DataError("the records are no JSON array")
        storable = json.dumps(_without_nul(found), ensure_ascii=False)
        storable = storable.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self._has_nul |= NUL_MARK in storable
        self._has_replaced |= _REPLACEMENT in storable
        return storable

    def mark_replaced(self) -> None:
        """Says that U+FFFD in the staged text stands for bytes that were no characters."""
        self._has_replaced = True

    def type_rows(self) -> None:
        """Stage to work."""
        self._noted.clear()
        self._newcomers_noted = None
        if self._has_nul:
            self._note_mark("nul_removed", NUL_MARK)
            self._take_out_nul()
        if self._has_replaced:
            self._note_mark("text_replaced", _REPLACEMENT)
        self._has_nul = self._has_replaced = False
        self._session.execute(self._texts["load_work"], self._parameters)
        if self._session.execute(staging.HAS_REPEATS).rowcount:
            self._session.execute(staging.DROP_REPEATS)
            self._note_rows("row_repeated", staging.DROP_STAGED_REPEATS)

    def keys(self) -> frozenset[bytes]:
        """The keys of the records in ``work``, as COPY writes them."""
        if not self._newcomers or not self._plan.key_field:
            return frozenset()
        with self._session.cursor().copy(newcomers.KEYS) as copy:
            return frozenset(b"".join(copy).split(b"\n")) - {b""}

    def write_newcomers(self, claimed: Iterable[bytes] = ()) -> None:
        """Writes the newcomers among ``work``, and leaves the others there.

        ``claimed`` are the `keys` of pages before this one that are not committed yet: whoever has one waits for its
        page's turn. What this takes is held until the commit, so the pages before must not need it.
        """
        self._parameters["newcomers"] = 0
        self._newcomers_noted = Counter()
        if not self._newcomers:
            return
        self._parameters["claimed"] = [key.decode() for key in claimed]
        self._look_up()
        self._session.execute(self._newcomers["hold_back"], self._parameters)
        self._session.execute("SET LOCAL enable_nestloop = off")
        noted = self._session.execute(self._newcomers["write"], self._parameters).fetchall()
        self._session.execute("SET LOCAL enable_nestloop = on")
        for statement in newcomers.KEEP_THE_OTHERS:
            self._session.execute(statement)
        self._session.execute(sql.SQL("TRUNCATE {}").format(self._looked_up))
        row = self._session.execute("SELECT count(*) FROM decided").fetchone()
        assert row is not None
        self._parameters["newcomers"] = row[0]
        self._newcomers_noted.update(dict(noted))

    def leave_newcomers(self) -> None:
        """They were rolled back to before `write_newcomers`: `apply` writes them with the others."""
        self._newcomers_noted = None

    def apply(self) -> Counts:
        """Match, merge and write what is in ``work``. The caller commits, together with its checkpoint."""
        if self._newcomers_noted is None:
            self.write_newcomers()
        assert self._newcomers_noted is not None
        self._do("note_read")
        counts = self._apply_work()
        counts.reasons.update(self._newcomers_noted)
        self._newcomers_noted = None
        self._refresh_statistics(counts.created + counts.linked + counts.duplicate)
        return self._followed(counts)

    def apply_gone(self, sf_ids: Sequence[str]) -> Counts:
        """Records that are not in Salesforce any more, and of which no answer says so: as if one had.

        Only those count that the mirror has, and takes for live. The caller commits.
        """
        self._noted.clear()
        self.empty()
        self._load_from_mirror(sf_ids, is_deleted=True, only_live=True)
        row = self._session.execute("SELECT count(*) FROM work").fetchone()
        assert row is not None
        if not row[0]:
            return Counts()
        counts = self._apply_work()
        counts.read = row[0]
        return self._followed(counts)

    def apply_edited(self, sf_ids: Sequence[str]) -> Counts:
        """Linked records whose local ones were changed by people, merged again with what Salesforce last said.

        Only those count that this changes. The caller commits.
        """
        self._start_over()
        self._load_from_mirror(sf_ids, only_live=True, leaves_unread=True)
        # What was written and not read since is no answer to the writing.
        with self._without("read_back"):
            counts = self._apply_work()
        counts.read, counts.unchanged = counts.updated, 0
        return self._followed(counts)

    def _followed(self, counts: Counts) -> Counts:
        """Settles what follows from the chunk, and adds it to its counts."""
        follow = self._settler.after_chunk()
        counts.reasons.update(follow.reasons)
        counts.correct(follow.counted)
        while follow.again:
            self._match_again(follow, counts)
            follow = self._settler.after_chunk()
            counts.reasons.update(follow.reasons)
        return counts

    def empty(self) -> None:
        """Makes room for another chunk in the same transaction. A commit does so by itself."""
        self._session.execute(
            sql.SQL("TRUNCATE {}, {}, {}").format(
                names("stage", "work", "decided", "merged"), self._looked_up, names(*newcomers.TABLE_NAMES)
            )
        )
        self._parameters["newcomers"] = 0

    def mark_vanished(self, sf_ids: list[str]) -> Counts:
        """Records that the mirror has and Salesforce no longer: as deleted ones. The caller commits."""
        self._start_over()
        self._load_from_mirror(sf_ids, is_deleted=True)
        self._newcomers_noted = Counter()
        noted = self._session.execute(
            sql.SQL(block("abmatic.sync", "sql/vanished.sql", "note_vanished")).format(
                mirror=sql.Identifier(self._plan.spec.mirror)
            ),
            {**self._parameters, "ids": sf_ids},
        ).rowcount
        # They were not read: a compare must miss them the next time as well.
        with self._without("note_read"):
            counts = self.apply()
        counts.read += len(sf_ids)
        counts.reasons["vanished_in_salesforce"] += noted
        return counts

    def after_run(self) -> None:
        """Completes the run's entries; the caller commits."""
        self._settler.after_run()

    def _look_up(self) -> None:
        for statement in self._lookups:
            self._session.execute(statement, self._parameters)

    def _apply_work(self) -> Counts:
        # The planner knows nothing of a table filled a moment ago, and would join millions by nested loops.
        self._session.execute("ANALYZE work (sf_id, key)" if self._plan.spec.key else "ANALYZE work (sf_id)")
        self._look_up()
        self._do("decide")
        self._session.execute("ANALYZE decided (sf_id, key, action, is_known)")
        is_known = self._are_any("is_known")
        self._settler.before_mirror(is_known=is_known)
        if is_known and "read_back" in self._texts:
            entries = self._session.execute(self._texts["read_back"], self._parameters)
            self._noted["changed_after_save"] += readback.count(entries)
        self._do("twins")
        if "take_over" in self._texts:
            self._noted["duplicate"] += self._session.execute(self._texts["take_over"], self._parameters).rowcount
        # From here on the page's temporary tables, which have no indexes, are joined with each other and with what an
        # array of Ids finds. A nested loop would read them once for each row, where the planner expected a single one.
        self._session.execute("SET LOCAL enable_nestloop = off")
        is_merged = self._are_any(f"role = 1 AND action IN {merge.MERGED_ACTIONS}")
        if is_merged and "merge" in self._texts:
            self._merge()
        reasons = self._session.execute(self._texts["findings"], self._parameters).fetchall()
        self._do("create")
        if is_merged:
            self._do("update")
            for statement in self._keys:
                self._session.execute(statement, self._parameters)
            self._do("changes")
        self._do("add_to_mirror")
        if is_known:
            self._do("update_mirror")
        self._do("collect")
        self._do("due")
        self._do("due_elsewhere")
        counts = self._counted(reasons)
        self._session.execute("SET LOCAL enable_nestloop = on")
        return counts

    def _merge(self) -> None:
        """Merges with what the local records hold when nobody else can change them any more.

        Only those that are to be changed are held, which are few; what somebody changed just before is merged anew, for
        all of a record's values are written, and theirs would be written over by the ones they replaced.
        """
        for _ in range(_MERGES):
            self._do("merge")
            if not self._session.execute(self._texts["lock"]).rowcount:
                return
            if not self._session.execute(self._texts["moved"]).rowcount:
                return
            self._session.execute("TRUNCATE merged")
        raise psycopg.errors.SerializationFailure("people changed the same records again and again meanwhile")

    @contextmanager
    def _without(self, step: str) -> Iterator[None]:
        texts = self._texts
        self._texts = {name: text for name, text in texts.items() if name != step}
        try:
            yield
        finally:
            self._texts = texts

    def _are_any(self, condition: LiteralString) -> bool:
        """Whether a row of ``decided`` is so. On the pages of a first import most are not."""
        return self._session.execute(f"SELECT FROM decided WHERE {condition} LIMIT 1").rowcount > 0

    def _refresh_statistics(self, added: int) -> None:
        """While a first import grows tables from nothing, the planner must not plan for the nothing.

        Refreshed whenever a table has doubled; autovacuum comes too late for that, and only between transactions.
        """
        spec = self._plan.spec
        self._added += added
        if not added or self._added < self._analyze_at:
            return
        self._analyze_at = max(self._added * 2, _ANALYZE_FROM)
        mirror = ["connection_id", "sf_id", "local_id", "role", "is_deleted", "linked_run", "waiting_for"]
        if spec.key:
            mirror += ["key", "master_id"]
        local = ["id", *([spec.key.local_column] if spec.key else [])]
        for table, columns in ((spec.mirror, mirror), (spec.local, local)):
            self._session.execute(sql.SQL("ANALYZE {} ({})").format(sql.Identifier(table), names(*columns)))

    def _do(self, step: str) -> None:
        if step in self._texts:
            self._session.execute(self._texts[step], self._parameters)

    def _counted(self, reasons: list[tuple[Any, ...]]) -> Counts:
        row = self._session.execute(self._texts["count"], self._parameters).fetchone()
        assert row is not None
        staged, usable, created, updated, unchanged, linked, duplicate, deleted, skipped = row
        if staged > usable:
            self._note_rows("row_unusable", staging.UNUSABLE)
        repeated = self._noted["row_repeated"]
        skipped += repeated + max(staged - usable, 0)
        counts = Counts(staged + repeated, created, updated, unchanged, linked, duplicate, deleted, skipped)
        counts.reasons.update(dict(reasons))
        counts.reasons.update(+self._noted)
        return counts

    def _match_again(self, follow: FollowUp, counts: Counts) -> None:
        """Corrects ``counts`` by what becomes of records that this run counted before.

        Heirs stay counted as what they were read as. Those set free were counted as duplicates, or, where their own
        key was corrected, as unchanged.
        """
        again = self._replay(follow.again, follow.noted)
        counts.created += again.created
        counts.linked += again.linked
        counts.duplicate += again.duplicate - len(follow.released)
        counts.unchanged -= len(follow.parted)
        counts.skipped += len(follow.freed) - again.created - again.linked - again.duplicate
        counts.reasons.update(again.reasons)
        if follow.freed:
            counts.reasons.update(self._settler.correct(follow.freed))

    def _replay(self, sf_ids: set[str], noted: set[str]) -> Counts:
        """Matches and merges mirrored records again, as first agreements: duplicates that became primary or left."""
        self._start_over()
        self._load_from_mirror(sorted(sf_ids))
        self._parameters["noted"] = sorted(noted)
        try:
            return self._apply_work()
        finally:
            self._parameters["noted"] = []

    def _start_over(self) -> None:
        self._noted.clear()
        self._parameters["newcomers"] = 0
        self._session.execute(sql.SQL("TRUNCATE stage, work, decided, merged, {}").format(self._looked_up))

    def _load_from_mirror(
        self, sf_ids: Sequence[str], *, is_deleted: bool = False, only_live: bool = False, leaves_unread: bool = False
    ) -> None:
        """Mirrored records into ``work``, as they are or as if they were deleted.

        ``leaves_unread``: a value that could not be read, of which the mirror has nothing, is not taken for empty.
        """
        plan = self._plan
        columns = ["sf_id", "modstamp", "created", *(c.column for c in plan.spec.system)]
        columns += ["key", "key_problem", "values"] if plan.spec.key else ["values"]
        self._session.execute(
            sql.SQL(
                "INSERT INTO work (is_deleted, bad, {columns}, {typed}) "
                "SELECT m.is_deleted OR {is_deleted}, {bad}, {columns}, {picks} FROM {mirror} AS m "
                "WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(ids)s) {live}"
            ).format(
                columns=names(*columns),
                is_deleted=sql.Literal(is_deleted),
                bad=sql.SQL(_UNREAD if leaves_unread else "NULL"),
                live=sql.SQL("AND NOT m.is_deleted" if only_live else ""),
                typed=names(*(f.value for f in plan.fields)),
                picks=sql.SQL(", ").join(
                    values.from_json(f.local.type, sql.SQL("m.values"), f.sf_field) for f in plan.fields
                ),
                mirror=sql.Identifier(plan.spec.mirror),
            ),
            {**self._parameters, "ids": list(sf_ids), "mapped": [f.sf_field for f in plan.fields]},
        )

    def _note_rows(self, reason: str, rows: LiteralString) -> None:
        """One entry for each row that the statement answers: (Id, text)."""
        self._noted[reason] += self._session.execute(
            sql.SQL(
                "WITH found (sf_id, text) AS ({}) INSERT INTO finding (run_id, reason, sf_id, field, value) "
                "SELECT %(run)s, {}, coalesce(left(sf_id, 18), ''), 'Id', left(text, 200) FROM found"
            ).format(sql.SQL(rows), sql.Literal(reason)),
            self._parameters,
        ).rowcount

    def _note_mark(self, reason: str, mark_text: str) -> None:
        """One entry for each staged value that holds the mark."""
        marked = self._plan.selected
        listed = sql.SQL(", ").join(sql.SQL("({}, s.{})").format(sql.Literal(n), sql.Identifier(n)) for n in marked)
        self._noted[reason] += self._session.execute(
            sql.SQL(
                "INSERT INTO finding (run_id, reason, sf_id, field, value) "
                "SELECT %(run)s, {reason}, coalesce(left(replace(s.\"Id\", {nul}, ''), 18), ''), v.field, "
                "left(replace(v.text, {nul}, ''), 200) "
                "FROM stage AS s CROSS JOIN LATERAL (VALUES {listed}) AS v (field, text) "
                "WHERE strpos(v.text, {mark}) > 0"
            ).format(reason=sql.Literal(reason), nul=sql.Literal(NUL_MARK), mark=sql.Literal(mark_text), listed=listed),
            self._parameters,
        ).rowcount

    def _take_out_nul(self) -> None:
        """Removes NUL marks from the staged text; a value of nothing else is empty."""
        self._session.execute(
            sql.SQL("UPDATE stage SET {}").format(
                sql.SQL(", ").join(
                    sql.SQL("{0} = nullif(replace({0}, {1}, ''), '')").format(
                        sql.Identifier(name), sql.Literal(NUL_MARK)
                    )
                    for name in self._plan.selected
                )
            )
        )
