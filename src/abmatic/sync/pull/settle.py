"""Settle: what follows from a chunk once its rows are in the mirror, in the chunk's own transaction.

Salesforce merges move links; a primary that goes away hands over to the next duplicate; a newcomer that this run made a
duplicate is set free when its primary gives the key up in the same run, and any duplicate is when its own key is
corrected; a conversion makes a lead and a contact one person; contacts, opportunities and contact roles that waited for
another record get it. All of it is set based and costs nothing measurable where there is nothing to settle. The SQL is
in sql/settle.sql.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from abmatic.engagement import merging
from abmatic.postgres.sql import block
from abmatic.sync.objects import OBJECTS, SObject
from abmatic.sync.pull.absorbing import absorb_custom_fields
from abmatic.sync.pull.campaigns import Campaigns

_LONGEST_CHAIN = 20
# A conversion says whose record it is before any key does.
_NOT_CONVERTED: dict[str, LiteralString] = {
    "Lead": "AND NOT m.is_converted",
    "Contact": """AND NOT coalesce((
           SELECT true FROM mirror_lead AS c
            WHERE c.local_id = m.local_id AND c.connection_id = m.connection_id AND c.converted_contact_id = m.sf_id
              AND c.is_converted AND NOT c.is_deleted LIMIT 1), false)""",
}

Session = psycopg.Connection[tuple[Any, ...]]


@dataclass(slots=True)
class FollowUp:
    """What a chunk leaves to do: records to match and merge again, as first agreements, and findings already made.

    ``counted``: by how much the chunk's numbers change, now that more is known.
    ``released`` were counted as duplicates in this run, ``parted`` as unchanged in this chunk. ``noted`` are those of
    either that have an entry as a duplicate.
    """

    heirs: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    parted: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def freed(self) -> set[str]:
        """The Ids of records that were duplicates, and whose local record is looked for anew."""
        return self.released | self.parted

    @property
    def again(self) -> set[str]:
        """The Ids whose mirrored values must be matched and merged again."""
        return self.heirs | self.freed


class Settler:
    """The follow-ups of one object's chunks. ``moves_keys``: a pull may change a local record's key."""

    def __init__(self, spec: SObject, session: Session, parameters: dict[str, Any], *, moves_keys: bool) -> None:
        self._spec = spec
        self._moves_keys = moves_keys
        self._session = session
        self._parameters = parameters
        self._corrected: list[str] = []
        self._campaigns = Campaigns(session, parameters)

    def before_mirror(self, *, is_known: bool) -> None:
        """What only the mirror's former state can tell: which duplicates come with another key."""
        self._corrected = [row[0] for row in self._rows("corrected")] if self._spec.key and is_known else []

    def after_chunk(self) -> FollowUp:
        """Runs every follow-up, and answers what they leave to do."""
        name = self._spec.name
        follow = FollowUp()
        if self._moves_keys and self._rows("keys_moved") == [(True,)]:
            given_up = [row[0] for row in self._rows("given_up")]
            if given_up:
                self._run("take_given_up", keys=given_up)
            follow.released = follow.noted = {row[0] for row in self._rows("release")}
        if self._corrected:
            parted = dict(self._rows("part", corrected=self._corrected))
            follow.parted = parted.keys() - follow.released
            follow.noted = follow.released | {sf_id for sf_id, is_noted in parted.items() if is_noted}
        if name == "User":
            self._run("awaited_owners")
        if name == "Account":
            self._run("awaited_accounts")
        if name == "Campaign":
            self._run("awaited_campaigns")
        bereft = [row[0] for row in self._rows("bereft")]
        if self._spec.key:
            for former_local, moved in self._rows("follow_merges"):
                follow.reasons["merged_in_salesforce"] += moved
                bereft += [former_local] if former_local is not None else []
        if name in {"Contact", "Lead"}:
            self._convert()
        if name in {"Contact", "Opportunity"}:
            self._resolve_roles(self._rows("roles_awaited"))
        if name == "OpportunityContactRole":
            self._resolve_roles(self._rows("of_chunk"))
        if name == "CampaignMemberStatus":
            self._campaigns.resolve_statuses([row[0] for row in self._rows("of_chunk")])
        if name == "CampaignMember":
            # None are left of answers that are older than what was seen.
            if members := [row[0] for row in self._rows("of_chunk")]:
                self._campaigns.resolve_members(members)
                follow.counted = self._campaigns.outcomes()
                follow.reasons.update(self._campaigns.take_noted())
            return follow
        if name in {"Campaign", "Contact", "Lead"}:
            self._campaigns.arrived()
            follow.reasons.update(self._campaigns.take_noted())
        follow.heirs = self._hand_over(bereft) if bereft else set()
        return follow

    def correct(self, freed: set[str]) -> Counter[str]:
        """Corrects the entries and the children of records that are matched anew. Answers by how much, by reason."""
        ids = sorted(freed)
        if self._spec.name == "Account":
            self._run("released_children", released=ids)
        if self._spec.name == "Contact":
            self._resolve_roles(self._rows("released_roles", released=ids))
        if self._spec.local == "contact":
            self._campaigns.released(ids)
        changed = Counter(dict(self._rows("released_entries", released=ids)))
        changed.update(self._campaigns.take_noted())
        return changed

    def after_run(self) -> None:
        """Completes the entries of this run."""
        if self._spec.key:
            self._run("name_primaries")

    def _hand_over(self, bereft: list[int]) -> set[str]:
        heirs = [row[0] for row in self._rows("heirs", bereft=bereft)]
        if heirs:
            self._run("inherit", heirs=heirs)
        return set(heirs)

    def _convert(self) -> None:
        """Leads and contacts of this chunk that a conversion joins become one local contact.

        A winner of one pair may be the loser of another (chains of conversions and merges): the pairs are asked for
        again until there are none.
        """
        for _ in range(_LONGEST_CHAIN):
            pairs = self._rows("conversions")
            if not pairs:
                break
            winners, losers, contacts = (list(column) for column in zip(*pairs, strict=True))
            self._run("absorb_links", winners=winners, losers=losers)
            self._run("absorb_roles", winners=winners, losers=losers)
            self._campaigns.absorb(winners, losers)
            merging.absorb(self._session, winners, losers)
            self._run("absorb_history", winners=winners, losers=losers)
            absorb_custom_fields(self._session, winners, losers, contacts, self._parameters["cause"])
            self._run("absorb_records", winners=winners, losers=losers, contacts=contacts)
        self._run("conversions_arrived" if self._spec.name == "Contact" else "converted_accounts")
        self._run("mark_contacts")

    def _resolve_roles(self, found: list[tuple[Any, ...]]) -> None:
        roles = [row[0] for row in found]
        if not roles:
            return
        before = self._session.execute(
            "SELECT local_id FROM mirror_contact_role WHERE connection_id = %s AND sf_id = ANY (%s) "
            "AND local_id IS NOT NULL",
            (self._parameters["connection"], roles),
        ).fetchall()
        self._run("resolve_roles", roles=roles)
        if before:
            self._run("drop_orphan_roles", before=[row[0] for row in before])

    def _run(self, name: LiteralString, **more: Any) -> None:
        self._session.execute(self._statement(name), {**self._parameters, **more})

    def _rows(self, name: LiteralString, **more: Any) -> list[tuple[Any, ...]]:
        return self._session.execute(self._statement(name), {**self._parameters, **more}).fetchall()

    def _statement(self, name: LiteralString) -> sql.Composed:
        is_lead = self._spec.name == "Lead"
        key = self._spec.key
        keyed: dict[str, sql.Composable] = (
            {
                "function": sql.Identifier(key.function),
                "key_column": sql.Identifier(key.local_column),
                "key_field": sql.Identifier(key.local_field),
                "keyed_links": _keyed_links(self._spec.local),
                "before": sql.Identifier(f"before_{key.local_field}"),
                "after": sql.Identifier(f"after_{key.local_field}"),
                "extra": sql.SQL(", true" if key.function == "domain_of" else ""),
            }
            if key
            else {}
        )
        return sql.SQL(block("abmatic.sync", "sql/settle.sql", name)).format(
            mirror=sql.Identifier(self._spec.mirror),
            local=sql.Identifier(self._spec.local),
            conversion_key=sql.SQL("l.sf_id" if is_lead else "l.waiting_for"),
            only_converted=sql.SQL("AND m.is_converted" if is_lead else ""),
            not_converted=sql.SQL(_NOT_CONVERTED.get(self._spec.name, "")),
            **keyed,
        )


def _keyed_links(local: str) -> sql.Composed:
    """The primaries of any connection and object, for one kind of local record, that have one of the ``keys``."""
    mirrors = [spec.mirror for spec in OBJECTS.values() if spec.key and spec.local == local]
    return sql.SQL(" UNION ALL ").join(
        sql.SQL(
            "SELECT sf_id, key, local_id, created FROM {} WHERE role = 1 AND NOT is_deleted AND key = ANY (%(keys)s)"
        ).format(sql.Identifier(mirror))
        for mirror in mirrors
    )
