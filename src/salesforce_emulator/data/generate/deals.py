"""The opportunities of a generated org, and which contacts play which part in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salesforce_emulator.data.generate import texts
from salesforce_emulator.data.generate.accounts import Account
from salesforce_emulator.data.generate.chance import Chance, weighted
from salesforce_emulator.data.generate.contacts import Contact
from salesforce_emulator.data.generate.moments import DAY_SECONDS
from salesforce_emulator.data.generate.world import World
from salesforce_emulator.schema import STAGES, Stage, default_schema

COLUMNS = (
    "Id", "IsDeleted", "AccountId", "Name", "Description", "StageName", "Amount", "Probability", "CloseDate",
    "Type", "NextStep", "LeadSource", "IsClosed", "IsWon", "ForecastCategory", "ForecastCategoryName",
    "CampaignId", "OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById",
    "SystemModstamp", "LastStageChangeDate", "LastActivityDate",
)  # fmt: skip
ROLE_COLUMNS = (
    "Id", "OpportunityId", "ContactId", "Role", "IsPrimary", "IsDeleted", "CreatedById", "LastModifiedById",
    "CreatedDate", "LastModifiedDate", "SystemModstamp",
)  # fmt: skip

_PER_ACCOUNT = weighted({0: 48, 1: 10, 2: 4, 3: 1, 5: 1})
"""Opportunities of one account in 64 cases: 0.4 on average."""
_STAGE_WEIGHTS = (6, 6, 5, 4, 3, 3, 5, 4, 17, 11)
"""In the order of STAGES: 64 opportunities, 17 won, 11 lost."""
_ROLES_EACH = weighted({1: 34, 2: 20, 3: 10})


@dataclass(slots=True)
class Deal:
    """A live opportunity, as a converted lead refers to it."""

    id: str
    created: int


class Deals:
    """Makes opportunities and contact roles, chunk by chunk."""

    def __init__(self, world: World, campaigns: Sequence[str]) -> None:
        self._world = world
        self._chance = chance = world.chance("deals")
        self._campaigns = campaigns
        self._stages = weighted(dict(zip(STAGES, _STAGE_WEIGHTS, strict=True)))
        self._amounts = _amounts(chance)
        self._types = world.picklist(chance, "Opportunity", "Type", 12)
        self._sources = world.picklist(chance, "Opportunity", "LeadSource", 24)
        self._next_steps = (*chance.pool(texts.NEXT_STEPS, 6)[:30], *[None] * 34)
        self._roles = world.picklist(chance, "OpportunityContactRole", "Role", 4)
        self._name_length = default_schema()["Opportunity"]["Name"].length

    def plan(self, accounts: Sequence[Account]) -> list[Account]:
        """The accounts that get an opportunity, as often as they get one."""
        bits = self._chance.bits
        return [a for a in accounts if not a.merged for _ in range(_PER_ACCOUNT[bits(6)])]

    def make(
        self, ids: Sequence[str], planned: Sequence[Account], people: Mapping[str, Sequence[Contact]]
    ) -> tuple[dict[str, Deal], list[tuple[object, ...]], list[tuple[object, ...]]]:
        """The opportunities of these accounts.

        :param people: live contacts by the id of their account.
        :returns: a live opportunity by the id of its account; rows of COLUMNS; rows of ROLE_COLUMNS that still
            lack their id, which comes first.
        """
        live: dict[str, Deal] = {}
        rows: list[tuple[object, ...]] = []
        roles: list[tuple[object, ...]] = []
        for record_id, account in zip(ids, planned, strict=True):
            created = self._world.calendar.later(account.created, 1)
            deleted = account.deleted or self._chance.bits(6) == 0
            rows.append(self._row(record_id, account, created, deleted))
            roles += self._roles_of(record_id, account, created, deleted, people.get(account.id, ()))
            if not deleted:
                live[account.id] = Deal(record_id, created)
        return live, rows, roles

    def _row(self, record_id: str, account: Account, created: int, deleted: bool) -> tuple[object, ...]:
        bits = self._chance.bits
        world = self._world
        calendar = world.calendar
        stage = self._stages[bits(6)]
        product = texts.PRODUCTS[bits(4)]
        made, modified, stamp = calendar.history(created)
        return (
            record_id, int(deleted), account.id,
            f"{account.name[: self._name_length - len(product) - 3]} - {product}",
            world.descriptions[bits(10)] if bits(2) == 0 else None, stage.name, self._amounts[bits(10)],
            stage.probability, self._close_date(stage, created), self._types[bits(6)],
            None if stage.closed else self._next_steps[bits(6)], self._sources[bits(6)], int(stage.closed),
            int(stage.won), stage.category, stage.category_name,
            self._campaigns[bits(10)] if bits(8) < 51 else None, account.owner, made, account.owner, modified,
            account.owner, stamp, modified if bits(1) else None,
            calendar.day(calendar.later(created)) if bits(1) else None,
        )  # fmt: skip

    def _close_date(self, stage: Stage, created: int) -> str:
        """Closed deals closed within the year after they began; of the open ones some are overdue."""
        calendar = self._world.calendar
        if stage.closed:
            return calendar.day(min(calendar.end - 1, created + self._chance.below(365) * DAY_SECONDS))
        return calendar.day(calendar.end, self._chance.below(260) - 40)

    def _roles_of(
        self, deal: str, account: Account, created: int, deleted: bool, people: Sequence[Contact]
    ) -> list[tuple[object, ...]]:
        """One to three of the account's contacts, each once; the first is the primary one."""
        bits = self._chance.bits
        count = min(len(people), _ROLES_EACH[bits(6)])
        first = self._chance.below(len(people)) if people else 0
        times = self._world.calendar.history(created)
        return [
            (
                deal, people[(first + place) % len(people)].id, self._roles[bits(6)], int(place == 0),
                int(deleted), account.owner, account.owner, *times,
            )
            for place in range(count)
        ]  # fmt: skip


def _amounts(chance: Chance) -> tuple[float | None, ...]:
    """1024 amounts, from hundreds to millions; one in thirty unknown, a few zero, some with cents."""
    amounts: list[float | None] = []
    for _ in range(1024):
        case = chance.bits(7)
        if case < 6:
            amounts.append(None if case < 4 else 0.0)
            continue
        amount = (1 + chance.below(99)) * 10 ** (2 + chance.bits(2)) // (1 + chance.bits(1) * 4)
        amounts.append(float(amount) if case & 3 else amount + chance.below(100) / 100)
    return tuple(amounts)
