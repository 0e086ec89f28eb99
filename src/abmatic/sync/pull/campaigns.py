"""Campaign members and their statuses: what the mirror's rows of them are here.

A status belongs to a campaign, a member joins a campaign and a person. They are local records where what they join is
here, and wait where it isn't, whichever of them comes first; so every pull that may bring one of the ends asks here.
Salesforce may have a person in a campaign twice, as a lead and as a contact: here that is one membership, with the
status that is further along. The SQL is in sql/campaigns.sql.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.audiences.fields import FieldType
from abmatic.postgres.sql import block
from abmatic.sync.models import ObjectSetting
from abmatic.sync.pull import values

Session = psycopg.Connection[tuple[Any, ...]]

# How a member's action was counted before it was known what it is here.
_COUNTED_AS = {"create": "created", "known": "unchanged", "revived": "updated"}


@dataclass(frozen=True, slots=True)
class MemberRules:
    """What may be done with members here, and whether a push looks at them: the settings of their campaigns."""

    create: bool = True
    update: bool = True
    policy: str = ObjectSetting.Policy.SALESFORCE
    is_pushed: bool = False

    def as_parameters(self) -> dict[str, Any]:
        """As the statements want them."""
        return {
            "create_members": self.create, "update_members": self.update, "policy_members": str(self.policy),
            "policy_label": ObjectSetting.Policy(self.policy).label,
            "push_members": self.is_pushed,
        }  # fmt: skip


def member_rules(connection: int) -> MemberRules:
    """Those of a connection."""
    setting = ObjectSetting.objects.filter(connection=connection, sobject="Campaign").first()
    if setting is None:
        return MemberRules()
    return MemberRules(setting.create_in_abmatic, setting.update_in_abmatic, setting.policy, setting.is_pushed)


class Campaigns:
    """The statuses and members of one connection's campaigns, in the transaction of a chunk of any object."""

    def __init__(self, session: Session, parameters: dict[str, Any]) -> None:
        self._session = session
        self._parameters = parameters
        self._noted: Counter[str] = Counter()

    def arrived(self) -> None:
        """What waited for the chunk's campaigns, contacts or leads."""
        self.resolve_statuses(self._ids("statuses_awaited"))
        self.resolve_members(self._ids("members_awaited"))

    def released(self, people: Sequence[str]) -> None:
        """Members who are leads or contacts that were matched anew."""
        self.resolve_members(self._ids("members_of", people=list(people)))

    def absorb(self, winners: Sequence[int], losers: Sequence[int]) -> None:
        """Local contacts that became one are in each campaign once."""
        self.resolve_members(self._ids("absorb_members", winners=list(winners), losers=list(losers)), touched=True)

    def resolve_statuses(self, sf_ids: Sequence[str]) -> None:
        """Makes statuses those of their campaigns here."""
        if not sf_ids:
            return
        before = self._ids("resolve_statuses", statuses=list(sf_ids))
        if before:
            self._run("drop_orphan_statuses", before=before)
        self._run("drop_unknown_statuses", statuses=list(sf_ids))

    def resolve_members(self, sf_ids: Sequence[str], *, touched: bool = False) -> None:
        """Links members with their memberships here, made where there are none, and merges their status."""
        if not sf_ids:
            return
        self._run("member_table")
        self._session.execute("TRUNCATE member_end")
        self._run("member_ends", members=list(sf_ids), touched=touched)
        self._session.execute("ANALYZE member_end")
        for step in ("make_members", "find_members", "link_members", "choose_primaries"):
            self._run(step)
        (conflicts,) = self._session.execute(_merge(), self._parameters).fetchone() or (0,)
        if conflicts:
            self._noted["conflict"] += conflicts
        self._run("remove_members")
        self._run("follow_members")

    def take_noted(self) -> Counter[str]:
        """The entries that were made since this was last asked, by reason."""
        noted, self._noted = self._noted, Counter()
        return noted

    def outcomes(self) -> Counter[str]:
        """Of the chunk's members: by how much each of its numbers changes. Makes their entries."""
        moved: Counter[str] = Counter()
        for action, outcome, number in self._rows("member_outcomes"):
            moved[_COUNTED_AS[action]] -= number
            moved[outcome] += number
        self._noted.update(dict(self._rows("note_members")))
        return moved

    def _ids(self, name: LiteralString, **more: Any) -> list[Any]:
        return [row[0] for row in self._rows(name, **more)]

    def _run(self, name: LiteralString, **more: Any) -> None:
        self._session.execute(_text(name), {**self._parameters, **more})

    def _rows(self, name: LiteralString, **more: Any) -> list[tuple[Any, ...]]:
        return self._session.execute(_text(name), {**self._parameters, **more}).fetchall()


def _text(name: LiteralString) -> LiteralString:
    return block("abmatic.sync", "sql/campaigns.sql", name)


def _merge() -> sql.Composed:
    # The file's own braces are those of empty documents.
    text = _text("merge_members").replace("'{}'", "'{{}}'")
    held = values.is_held(FieldType.PICKLIST, "Status", sql.SQL("(m.values ->> 'Status')"), sql.SQL("t.status"))
    return sql.SQL(text).format(held=held)
