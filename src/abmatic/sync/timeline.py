"""What happened to a record, newest first: one list of what several tables know of it.

Changes (those of an undo apart), what was written to Salesforce and what Salesforce refused, what was held back,
conflicts and what else runs had to say of it, and its links. Each source is in the order of its own index and says how
far the list has come in it, so a page reads a page's worth of each and no more, however long the record's history is.
Its creation stands at the end.

What runs wrote and found is kept for a while only (see `retention`); changes, settled issues and links last longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.query import QuerySet

from abmatic.audiences.models import LocalRecord
from abmatic.changes.models import Cause, Change
from abmatic.sync.linking import LINKED
from abmatic.sync.links import MIRRORS
from abmatic.sync.models import Finding, Issue, Role, Run, Write
from abmatic.sync.reasons import REASONS
from abmatic.sync.refusals import refusal

PAGE = 50
# What the list can be narrowed to.
KINDS: dict[str, str] = {
    "changes": "Changes",
    "pushes": "Pushes",
    "refusals": "Refusals",
    "conflicts": "Conflicts",
    "undos": "Undos",
    "links": "Links",
}
# The kind of an entry that a run made about the record.
_FOUND = {
    "conflict": "conflicts",
    "changed_after_save": "pushes",
    "converted": "links",
    "duplicate": "links",
    "merged_in_salesforce": "links",
    "vanished_in_salesforce": "links",
    "undo_changed_here": "undos",
    "undo_changed_there": "undos",
}
_CURSOR = re.compile(r"([a-z])([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Value:
    """A field going from a value to a value: here by its name, in Salesforce (``is_theirs``) by its name there."""

    name: str
    before: Any
    after: Any
    is_theirs: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. ``cause`` did it, or a ``run``. ``said``: by Salesforce or the run, word for word."""

    kind: str
    at: datetime
    title: str
    cause: Cause | None = None
    run: Run | None = None
    values: tuple[Value, ...] = ()
    said: str = ""
    meaning: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries; ``after`` asks for the next page, None at the end."""

    entries: list[Entry]
    after: str | None


@dataclass(frozen=True, slots=True)
class _Of:
    """Whose timeline: the record, and the objects that it is in Salesforce."""

    record: str
    local: LocalRecord
    kind: str

    @property
    def sobjects(self) -> list[str]:
        return [sobject for sobject, _ in MIRRORS[self.record]]


# The entries of a source with where each ends in it, newest first, and whether there are more.
_Read = tuple[list[tuple[int, Entry]], bool]


@dataclass(slots=True)
class _Stream:
    """What was read of a source, and not told yet."""

    name: str
    entries: list[tuple[int, Entry]]
    is_cut: bool

    @property
    def at(self) -> datetime:
        return self.entries[0][1].at

    @property
    def is_unknown(self) -> bool:
        """Whether what comes next in it would have to be read first."""
        return self.is_cut and not self.entries


def timeline(record: str, local: LocalRecord, kind: str = "", after: str = "") -> Page:
    """A page of a record's history, of one of `KINDS` or of all."""
    of = _Of(record, local, kind if kind in KINDS else "")
    reached = {name: int(number) for name, number in _CURSOR.findall(after)}
    streams = [
        _Stream(name, *source(of, reached.get(name)))
        for name, (source, kinds) in _SOURCES.items()
        if not of.kind or of.kind in kinds
    ]
    entries: list[Entry] = []
    while len(entries) < PAGE and not any(stream.is_unknown for stream in streams):
        left = [stream for stream in streams if stream.entries]
        if not left:
            break
        newest = max(left, key=lambda stream: stream.at)
        reached[newest.name], entry = newest.entries.pop(0)
        entries.append(entry)
    if any(stream.entries or stream.is_cut for stream in streams):
        return Page(entries, "".join(f"{name}{number}" for name, number in sorted(reached.items())))
    if of.kind in {"", "changes"}:
        entries.append(Entry("created", local.created_at, "Created", local.created_by))
    return Page(entries, None)


# -- changes


def _changes(of: _Of, before: int | None) -> _Read:
    """Changes of one act together: they were written together, so they lie side by side."""
    found = Change.objects.filter(record=of.record, record_id=of.local.pk).select_related("cause__user")
    undos = Run.objects.filter(trigger=Run.Trigger.UNDO).values("pk")
    if of.kind == "changes":
        found = found.exclude(cause__run_id__isnull=False, cause__run_id__in=undos)
    elif of.kind == "undos":
        found = found.filter(cause__run_id__in=undos)
    elif of.kind == "links":
        found = found.filter(field__in=["kind", LINKED])
    rows, is_cut = _some(found, before)
    of_runs = {row.cause.run_id for row in rows if row.cause.run_id}
    runs = Run.objects.select_related("started_by").in_bulk(of_runs) if of_runs else {}
    entries = []
    for _, group in groupby(rows, key=lambda row: row.cause_id):
        some = list(group)
        entries.append((some[-1].pk, _change(some, runs.get(some[0].cause.run_id or 0))))
    return entries, is_cut


def _by_hand(change: Change) -> str:
    """A person linked a record, or took its link."""
    sobject = MIRRORS[change.record][0][0]
    if change.after is None:
        return f"Unlinked from {sobject} {change.before} by hand"
    return f"Linked with {sobject} {change.after} by hand"


def _change(group: Sequence[Change], run: Run | None) -> Entry:
    values = tuple(Value(each.field, each.before, each.after) for each in reversed(group) if each.field)
    if linked := [each for each in group if each.field == LINKED]:
        kind, title, values = "links", _by_hand(linked[0]), ()
    elif any(each.field == "kind" and each.after == "contact" for each in group):
        kind, title = "links", "Converted from lead to contact"
    elif run is not None and run.trigger == Run.Trigger.UNDO:
        kind, title = "undos", f"Put back here by {_undo(run)}"
    else:
        kind, title = "changes", "Changed" if values else "Created"
    return Entry(kind, group[0].at, title, group[0].cause, run, values)


def _undo(run: Run) -> str:
    of = f" of run {run.undoes_id}" if run.undoes_id else ""
    by = f", started by {run.started_by}" if run.started_by is not None else ""
    return f"an undo{of}{by}"


# -- what was written to Salesforce, or refused


def _writes(of: _Of, before: int | None) -> _Read:
    told = (Write.State.WRITTEN, Write.State.REFUSED)
    found = Write.objects.filter(sobject__in=of.sobjects, local_id=of.local.pk, state__in=told)
    if of.kind == "refusals":
        found = found.filter(state=Write.State.REFUSED)
    elif of.kind == "undos":
        found = found.filter(state=Write.State.WRITTEN, run__trigger=Run.Trigger.UNDO)
    elif of.kind == "pushes":
        found = found.filter(state=Write.State.WRITTEN).exclude(run__trigger=Run.Trigger.UNDO)
    rows, is_cut = _some(found.select_related("run__started_by", "connection"), before)
    return [(row.pk, _write(row)) for row in rows], is_cut


def _write(write: Write) -> Entry:
    values = tuple(Value(name, write.before.get(name), after, is_theirs=True) for name, after in write.sent.items())
    if write.state == Write.State.REFUSED:
        why = refusal(write.code or "")
        return Entry(
            "refusals", write.at, f"Refused by Salesforce: {why.label}", None, write.run, values, write.message or "",
            why.remedy,
        )  # fmt: skip
    kind = "undos" if write.run.trigger == Run.Trigger.UNDO else "pushes"
    return Entry(kind, write.at, _written(write), None, write.run, values, url=_address(write.connection, write.sf_id))


def _written(write: Write) -> str:
    if write.operation == Write.Operation.DELETE:
        return f"Removed from Salesforce by {_undo(write.run)}"
    if write.run.trigger == Run.Trigger.UNDO:
        return f"Put back in Salesforce by {_undo(write.run)}"
    made = write.operation == Write.Operation.CREATE
    return f"Created in Salesforce as {write.sobject}" if made else "Written to Salesforce"


# -- what was held back, or could not be sent


def _issues(of: _Of, before: int | None) -> _Read:
    """Issues that no write tells of: what was known to be refused was not even sent."""
    refused = Write.objects.filter(
        sobject=OuterRef("sobject"), local_id=OuterRef("local_id"), run=OuterRef("run"), state=Write.State.REFUSED
    )
    found = Issue.objects.filter(~Exists(refused), sobject__in=of.sobjects, local_id=of.local.pk)
    rows, is_cut = _some(found.select_related("run__started_by"), before)
    return [(row.pk, _issue(row)) for row in rows], is_cut


def _issue(issue: Issue) -> Entry:
    why = refusal(issue.code)
    named = f" ({', '.join(issue.fields or [issue.field])})" if issue.fields or issue.field else ""
    settled = "" if issue.is_open else "Settled since."
    # The issue names the last run that met it, and this is when it was met first.
    run = issue.run if issue.times == 1 else None
    return Entry(
        "refusals", issue.first_at, f"Not written to Salesforce: {why.label}{named}", None, run,
        said=issue.message, meaning=settled or why.remedy,
    )  # fmt: skip


# -- conflicts, and what else runs found


def _findings(of: _Of, before: int | None) -> _Read:
    reasons = [reason for reason, kind in _FOUND.items() if not of.kind or of.kind == kind]
    # The number of a record of another kind (a campaign member's) may be the same: the Salesforce Id tells.
    is_its_own = Q(pk__isnull=True)
    for _, mirror in MIRRORS[of.record]:
        is_its_own |= Q(Exists(mirror._default_manager.filter(local_id=of.local.pk, sf_id=OuterRef("sf_id"))))
    if of.record != "campaign":
        is_its_own |= Q(sf_id="", run__sobject__in=of.sobjects)
    # Told by the change from lead to contact, where there was one.
    converted = Change.objects.filter(
        record=of.record, record_id=of.local.pk, field="kind", cause__run_id=OuterRef("run_id")
    )
    found = Finding.objects.filter(is_its_own, local_id=of.local.pk, reason__in=reasons)
    found = found.exclude(Q(reason="converted") & Exists(converted))
    rows, is_cut = _some(found.select_related("run__started_by"), before)
    return [(row.pk, _finding(row)) for row in rows], is_cut


def _finding(finding: Finding) -> Entry:
    reason = REASONS[finding.reason]
    title = f"{reason.label}: {finding.field}" if finding.field else reason.label
    at = finding.run.finished_at or finding.run.updated_at
    said = f"Primary record: {finding.value}" if finding.reason == "duplicate" else finding.value or ""
    return Entry(_FOUND[finding.reason], at, title, None, finding.run, said=said, meaning=reason.meaning)


# -- links


def _links(of: _Of, told: int | None) -> _Read:
    """Since when it is linked with which Salesforce record, by the runs that did so. ``told`` counts."""
    upto = (told or 0) + PAGE + 1
    # A change tells of those.
    by_hand = Change.objects.filter(record=of.record, record_id=of.local.pk, field=LINKED)
    rows = [
        (sobject, mirror)
        for sobject, model in MIRRORS[of.record]
        for mirror in model._default_manager.filter(local_id=of.local.pk)
        .exclude(Q(linked_run__isnull=True) & Exists(by_hand))
        .select_related("connection")
        .order_by(F("linked_run").desc(nulls_last=True), "sf_id")[:upto]
    ]
    rows.sort(key=lambda row: (-(row[1].linked_run or 0), row[1].sf_id))
    some = rows[told or 0 : (told or 0) + PAGE]
    runs = Run.objects.select_related("started_by").in_bulk({row.linked_run for _, row in some if row.linked_run})
    entries = [
        (number, _link(of, sobject, mirror, runs.get(mirror.linked_run or 0)))
        for number, (sobject, mirror) in enumerate(some, start=(told or 0) + 1)
    ]
    return entries, len(rows) > (told or 0) + len(some)


def _link(of: _Of, sobject: str, mirror: Any, run: Run | None) -> Entry:
    created_by = of.local.created_by
    made_it = run is None or (created_by is not None and created_by.run_id == run.pk)
    at = of.local.created_at if made_it or run is None else run.finished_at or run.updated_at
    as_what = ", as a duplicate" if mirror.role == Role.DUPLICATE else ""
    # The run that linked it is kept no longer than the settings say.
    unknown = "When is not kept any more; the time is that of the record here." if run is None else ""
    gone = "It is deleted in Salesforce since." if mirror.is_deleted else unknown
    address = _address(mirror.connection, mirror.sf_id)
    return Entry("links", at, f"Linked with {sobject} {mirror.sf_id}{as_what}", None, run, meaning=gone, url=address)


def _address(connection: Any, sf_id: str | None) -> str:
    return f"{connection.instance_url}/{sf_id}" if connection.instance_url and sf_id else ""


def _some(found: QuerySet[Any], before: int | None) -> tuple[list[Any], bool]:
    """The next rows of a source, newest first, and whether more follow."""
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: PAGE + 1])
    return rows[:PAGE], len(rows) > PAGE


_Source = Callable[[_Of, int | None], _Read]
# By the letter that names it in the cursor, with the kinds that it has entries of.
_SOURCES: Mapping[str, tuple[_Source, frozenset[str]]] = {
    "c": (_changes, frozenset({"changes", "undos", "links"})),
    "w": (_writes, frozenset({"pushes", "refusals", "undos"})),
    "f": (_findings, frozenset(_FOUND.values())),
    "i": (_issues, frozenset({"refusals"})),
    "l": (_links, frozenset({"links"})),
}
