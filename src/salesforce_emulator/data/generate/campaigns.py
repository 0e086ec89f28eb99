"""The campaigns of a generated org, their statuses and their members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10

from salesforce_emulator.data.generate.chance import Chance, weighted
from salesforce_emulator.data.generate.contacts import Contact
from salesforce_emulator.data.generate.leads import Lead
from salesforce_emulator.data.generate.moments import DAY_SECONDS
from salesforce_emulator.data.generate.world import World
from salesforce_emulator.schema import BASE

COLUMNS = (
    "Id", "Name", "ParentId", "Type", "Status", "IsActive", "StartDate", "EndDate", "ExpectedRevenue",
    "BudgetedCost", "ActualCost", "ExpectedResponse", "NumberSent", "Description", "OwnerId", "CreatedDate",
    "LastModifiedDate", "SystemModstamp",
)  # fmt: skip
STATUS_COLUMNS = (
    "Id", "CampaignId", "Label", "SortOrder", "IsDefault", "HasResponded", "CreatedDate", "LastModifiedDate",
    "SystemModstamp",
)  # fmt: skip
MEMBER_COLUMNS = (
    "Id", "CampaignId", "LeadId", "ContactId", "Status", "FirstRespondedDate", "IsDeleted", "CreatedDate",
    "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp",
)  # fmt: skip

_TOPICS = (
    "Pipeline without guesswork", "Spring newsletter", "Herbstmesse", "Customer \"Champions\" evening",
    "Buyer's guide, 2nd edition", "Salon de l'industrie", "Roadmap preview", "製品デモ", "Win-back",
    "Retargeting: pricing page", "Partner day", "Benchmarks report",
)  # fmt: skip
_EVENTS = frozenset({"Conference", "Webinar", "Trade Show"})
_TYPES = weighted(
    {"Email": 20, "Webinar": 14, "Conference": 6, "Trade Show": 6, "Advertisement": 8, "Direct Mail": 4,
     "Partners": 3, "Banner Ads": 3}
)  # fmt: skip
# Label, whether it counts as a response. Sent is what a new member gets.
_STATUSES = (("Sent", 0), ("Responded", 1))
_EVENT_STATUSES = (("Registered", 1), ("Attended", 1), ("No Show", 0))
_ODD_STATUSES = ("Downloaded, twice", "Geöffnet", "資料請求", '"Hot"')
_MEMBER_BITS = 2
"""One person in 2 ** 2 belongs to a campaign."""


@dataclass(slots=True)
class _Campaign:
    id: str
    start: int
    labels: tuple[tuple[str, int], ...]


def number_of_campaigns(accounts: int) -> int:
    """A few for a small org, some more for one ten times as big: 12 for ten accounts, 52 for a million."""
    return 4 + round(8 * log10(max(1, accounts)))


class Campaigns:
    """Makes the campaigns, and then members from the people of each chunk."""

    def __init__(self, world: World, ids: Sequence[str]) -> None:
        self._world = world
        self._chance = world.chance("campaigns")
        self._owner = BASE.reps[3]
        self._campaigns = [self._planned(record_id, number, len(ids)) for number, record_id in enumerate(ids)]
        self._popular = _popular(self._chance, self._campaigns)

    @property
    def ids(self) -> tuple[str, ...]:
        """1024 ids, the popular campaigns' more often."""
        return tuple(campaign.id for campaign in self._popular)

    def _planned(self, record_id: str, number: int, count: int) -> _Campaign:
        start = self._world.calendar.along((number + 0.5) / count)
        return _Campaign(record_id, start, _STATUSES)

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Rows of COLUMNS. Settles the campaigns' types, and with them which statuses they have."""
        chance, calendar = self._chance, self._world.calendar
        parent: str | None = None
        for number, campaign in enumerate(self._campaigns):
            kind = _TYPES[chance.bits(6)]
            if kind in _EVENTS:
                campaign.labels += _EVENT_STATUSES
            if chance.bits(2) == 0:
                campaign.labels += ((chance.one_of(_ODD_STATUSES), chance.bits(1)),)
            end = campaign.start + chance.below(60) * DAY_SECONDS
            over = end < calendar.end - 1
            status = ("Completed" if chance.bits(4) else "Aborted") if over else "In Progress"
            day = calendar.day(campaign.start)
            sent = float(chance.below(20_000))
            yield (
                campaign.id, f"{day[:7]} {kind}: {chance.one_of(_TOPICS)}", parent, kind, status, int(not over),
                day, calendar.day(end), 1000.0 * chance.below(500), 100.0 * chance.below(900),
                100.0 * chance.below(900) if over else None, float(chance.below(30)), sent,
                chance.one_of(self._world.descriptions), self._owner, *calendar.history(campaign.start),
            )  # fmt: skip
            parent = campaign.id if number % 8 == 0 else parent if chance.bits(1) else None

    def status_rows(self) -> list[tuple[object, ...]]:
        """Rows of STATUS_COLUMNS that still lack their id, which comes first. After :meth:`rows`."""
        rows: list[tuple[object, ...]] = []
        for campaign in self._campaigns:
            text = self._world.calendar.text(campaign.start)
            for order, (label, responded) in enumerate(campaign.labels, 3):
                rows.append((campaign.id, label, order, int(order == 3), responded, text, text, text))
        return rows

    def members(self, contacts: Sequence[Contact], leads: Sequence[Lead]) -> list[tuple[object, ...]]:
        """Rows of MEMBER_COLUMNS that still lack their id, which comes first.

        A lead that was converted keeps its membership, which then names the contact too; nobody is twice in
        one campaign.
        """
        bits = self._chance.bits
        rows: list[tuple[object, ...]] = []
        taken: dict[str, str] = {}
        for contact in contacts:
            if bits(_MEMBER_BITS) == 0:
                campaign = self._popular[bits(10)]
                taken[contact.id] = campaign.id
                rows.append(self._member(campaign, None, contact.id, contact.created))
        for lead in leads:
            if bits(_MEMBER_BITS) == 0:
                campaign = self._popular[bits(10)]
                contact_id = lead.contact.id if lead.contact else None
                if contact_id is None or taken.get(contact_id) != campaign.id:
                    rows.append(self._member(campaign, lead.id, contact_id, lead.created))
        return rows

    def _member(self, campaign: _Campaign, lead: str | None, contact: str | None, since: int) -> tuple[object, ...]:
        bits = self._chance.bits
        calendar = self._world.calendar
        joined = max(campaign.start, since)
        label, responded = campaign.labels[0] if bits(1) else self._chance.one_of(campaign.labels)
        created, modified, stamp = calendar.history(joined)
        return (
            campaign.id, lead, contact, label, calendar.day(calendar.later(joined, 4)) if responded else None,
            int(bits(7) == 0), created, BASE.integration, modified, self._owner, stamp,
        )  # fmt: skip


def _popular(chance: Chance, campaigns: Sequence[_Campaign]) -> tuple[_Campaign, ...]:
    """1024 places, shared out so that the first campaigns of a shuffled list have the most members."""
    order = sorted(campaigns, key=lambda _: chance.bits(32))
    weights = [1 / (place + 2) for place in range(len(order))]
    total = sum(weights)
    shares = [max(1, int(1024 * weight / total)) for weight in weights]
    places = [c for c, share in zip(order, shares, strict=True) for _ in range(share)]
    return chance.pool(places)
