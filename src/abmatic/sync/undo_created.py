"""Removing from Salesforce what an undone run created there: only where somebody asked for it, and nobody else cares.

A record is removed while it is as it was made: never modified since by anybody (LastModifiedDate is CreatedDate), every
field still what was sent, and no other record belonging to it. Salesforce removes what belongs to a record along with
it (the contacts and deals of an account, details of custom objects), so that is asked first, and a question that is
refused counts as a yes, but for objects that not every org has. Removed means: into Salesforce's recycle bin, where it
lies for fifteen days.

The local record stays: it was here before the run wrote it to Salesforce. Its link says that the record is deleted, so
it is not created again. Interrupted, the rest is looked at again; removing twice is harmless.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db.models import Exists, OuterRef
from psycopg import sql
from psycopg.types.json import Jsonb

from abmatic.salesforce import Client, errors
from abmatic.sync.models import Run, Write
from abmatic.sync.objects import OBJECTS
from abmatic.sync.push.unknown import holds

logger = logging.getLogger(__name__)

Session = psycopg.Connection[tuple[Any, ...]]

_AT_A_TIME = 200
_STAMPS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
SAMPLES = 20
# Standard objects whose records people would miss. Of the others (feeds, histories, shares) every record has some.
_CHILDREN = frozenset(
    {"Account", "CampaignMember", "Contact", "Event", "Opportunity", "OpportunityContactRole", "Task"}
)
# Not every org uses these, or shows them to an integration user: where they don't exist for it, they are passed over.
_SOME_ORGS = frozenset({"Asset", "Case", "Contract", "OpportunityLineItem", "Order", "Quote"})


@dataclass(slots=True)
class Removed:
    """How many records were removed, or would be; why others were left; the Ids of the first."""

    number: int = 0
    left: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Made:
    """A record that the run created."""

    sf_id: str
    local_id: int
    sent: dict[str, Any]


def count_made(run: Run) -> int:
    """How many records the run created in Salesforce that no undo has removed since."""
    of_run = Write.objects.filter(run=run, operation=Write.Operation.CREATE, state=Write.State.WRITTEN)
    removed = Write.objects.filter(
        sobject=OuterRef("sobject"), local_id=OuterRef("local_id"), sf_id=OuterRef("sf_id"),
        operation=Write.Operation.DELETE, state=Write.State.WRITTEN,
    )  # fmt: skip
    return of_run.exclude(Exists(removed)).count()


class Remover:
    """Removes what one run created. ``by`` is the undo's run; without one it is a preview, and nothing is removed."""

    def __init__(self, session: Session, client: Client, undone: Run, by: Run | None) -> None:
        self._session = session
        self._client = client
        self._undone = undone
        self._by = by
        self._spec = OBJECTS[undone.sobject]
        described = client.describe(self._spec.name)
        wanted = _CHILDREN | _SOME_ORGS
        self._children = [one for one in described.children if one[0] in wanted or one[0].endswith("__c")]
        self.removed = Removed()

    def remove(self) -> Removed:
        """A few hundred at a time, each batch with its entries in a transaction. Raises `Lost`."""
        last = 0
        while some := self._next(last):
            last = some[-1][0]
            self._look_at([made for _, made in some])
        return self.removed

    def _next(self, last: int) -> list[tuple[int, _Made]]:
        rows = self._session.execute(
            "SELECT w.id, w.sf_id, w.local_id, w.sent FROM salesforce_write AS w "
            "WHERE w.run_id = %s AND w.operation = 'create' AND w.state = 'written' AND w.id > %s "
            "AND NOT EXISTS (SELECT FROM salesforce_write AS d WHERE d.sobject = w.sobject AND d.local_id = w.local_id "
            "AND d.sf_id = w.sf_id AND d.operation = 'delete' AND d.state = 'written') ORDER BY w.id LIMIT %s",
            (self._undone.pk, last, _AT_A_TIME),
        ).fetchall()
        return [(row[0], _Made(*row[1:])) for row in rows]

    def _look_at(self, made: Sequence[_Made]) -> None:
        fields = sorted({name for one in made for name in one.sent} | set(_STAMPS))
        now = {str(row["Id"]): row for row in self._query("Id, " + ", ".join(fields), self._spec.name, "Id", made)}
        same = []
        for one in made:
            row = now.get(one.sf_id)
            if row is None:
                self._leave(one, "undo_gone")
            elif not _is_as_made(row) or not holds(row, one.sent):
                self._leave(one, "undo_changed_there")
            else:
                same.append(one)
        self._remove([one for one in same if not self._is_in_use(one, self._used(same))])
        if self._by is not None:
            self._session.commit()

    def _used(self, made: Sequence[_Made]) -> dict[str, str]:
        """The records to which others belong, and of what kind those are."""
        used: dict[str, str] = {}
        for sobject, name in self._children if made else ():
            try:
                rows = list(self._query(name, sobject, name, made))
                used |= {str(row[name]): sobject for row in rows}
            except (errors.BadRequest, errors.InsufficientAccess) as refused:
                if isinstance(refused, errors.InvalidType) and sobject in _SOME_ORGS:
                    continue
                logger.info("whether a %s belongs to a record can't be known: %s", sobject, refused)
                used |= {one.sf_id: f"{sobject}: {refused.code}" for one in made}
        return used

    def _is_in_use(self, made: _Made, used: dict[str, str]) -> bool:
        if made.sf_id in used:
            self._leave(made, "undo_in_use", used[made.sf_id])
        return made.sf_id in used

    def _query(self, fields: str, sobject: str, name: str, made: Sequence[_Made]) -> Any:
        listed = ", ".join(f"'{one.sf_id}'" for one in made)
        return self._client.query_rows(f"SELECT {fields} FROM {sobject} WHERE {name} IN ({listed})")

    def _remove(self, made: Sequence[_Made]) -> None:
        if not made:
            return
        self.removed.samples += [one.sf_id for one in made][: SAMPLES - len(self.removed.samples)]
        if self._by is None:
            self.removed.number += len(made)
            return
        self._require_ours(self._by)
        for one, outcome in zip(made, self._client.delete_records([one.sf_id for one in made]), strict=True):
            if outcome.is_written:
                self._note_removed(one, self._by)
            else:
                error = outcome.errors[0]
                self._leave(one, "undo_not_removed", f"{error.code}: {error.message}")

    def _require_ours(self, by: Run) -> None:
        """Nothing may be removed by an execution that another one has taken over from, or that was cancelled."""
        ours = self._session.execute(
            "SELECT FROM run WHERE id = %s AND attempts = %s AND state = 'running' FOR SHARE", (by.pk, by.attempts)
        )
        if not ours.rowcount:
            self._session.rollback()
            raise Lost

    def _note_removed(self, made: _Made, by: Run) -> None:
        self.removed.number += 1
        self._session.execute(
            "INSERT INTO salesforce_write (run_id, connection_id, sobject, local_id, sf_id, operation, before, sent, "
            "state, at) VALUES (%s, %s, %s, %s, %s, 'delete', %s, '{}', 'written', now())",
            (by.pk, by.connection_id, by.sobject, made.local_id, made.sf_id, Jsonb(made.sent)),
        )
        self._session.execute(
            sql.SQL("UPDATE {} SET is_deleted = true WHERE connection_id = %s AND sf_id = %s").format(
                sql.Identifier(self._spec.mirror)
            ),
            (by.connection_id, made.sf_id),
        )

    def _leave(self, made: _Made, reason: str, value: str | None = None) -> None:
        self.removed.left[reason] += 1
        self._session.execute(
            "INSERT INTO finding (run_id, reason, sf_id, local_id, value) VALUES (%s, %s, %s, %s, left(%s, 200))",
            (self._by.pk if self._by else 0, reason, made.sf_id, made.local_id, value),
        )


def _is_as_made(row: dict[str, Any]) -> bool:
    """Whether nobody has modified the record. Its times are whole seconds, so another user is looked for as well."""
    return bool(row["LastModifiedDate"] == row["CreatedDate"] and row["LastModifiedById"] == row["CreatedById"])


class Lost(Exception):
    """The run is another execution's by now, or was cancelled."""
