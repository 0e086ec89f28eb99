"""The accounts of a generated org."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from salesforce_emulator.data.generate.chance import Chance, Deck, Reservoir, weighted
from salesforce_emulator.data.generate.regions import Region
from salesforce_emulator.data.generate.websites import SHAPES, UNKEYED, Shape, domain_for, typed
from salesforce_emulator.data.generate.world import World, code
from salesforce_emulator.schema import BASE

COLUMNS = (
    "Id", "IsDeleted", "MasterRecordId", "Name", "Type", "ParentId", "BillingStreet", "BillingCity",
    "BillingState", "BillingPostalCode", "BillingCountry", "Phone", "AccountNumber", "Website", "Industry",
    "AnnualRevenue", "NumberOfEmployees", "Ownership", "Description", "Rating", "AccountSource", "OwnerId",
    "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "LastActivityDate",
)  # fmt: skip

# Of 1024 accounts. Duplicates can only be among the three quarters whose website is a key, so that 43 cards
# make three in a hundred of all accounts.
_ORIGINS = {"fresh": 919, "duplicate": 43, "branch": 62}
_FATES = {"live": 994, "deleted": 20, "merged": 10}
_LOAD_ROWS = 200
"""Records that one call of a bulk load creates within the same second."""
_LOAD_BITS = 9
"""A load begins at one in 2 ** 9 records: three in ten accounts come from one."""


@dataclass(slots=True)
class Account:
    """What contacts, leads and opportunities must know of their account."""

    id: str
    name: str
    brand: str
    code: str
    domain: str
    region: Region
    owner: str
    created: int
    loaded: bool
    """Whether a bulk load made it."""
    deleted: bool
    merged: bool


class Accounts:
    """Makes accounts in the order of their numbers, chunk by chunk."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = chance = world.chance("accounts")
        self._regions = Deck(chance, {region: region.weight for region in world.regions})
        self._shapes = Deck(chance, SHAPES)
        self._origins = Deck(chance, _ORIGINS)
        self._fates = Deck(chance, _FATES)
        self.keyed: Reservoir[Account] = Reservoir(world.chance("keyed"))
        """Live accounts with a website that is a key."""
        self._live: Reservoir[str] = Reservoir(world.chance("live"))
        self._sizes = _sizes(chance)
        pick = world.picklist
        self._types = pick(chance, "Account", "Type", 8)
        self._industries = pick(chance, "Account", "Industry", 10)
        self._ownerships = pick(chance, "Account", "Ownership", 20)
        self._ratings = pick(chance, "Account", "Rating", 30)
        self._sources = pick(chance, "Account", "AccountSource", 24)
        self._number = 0
        self._load_left = 0
        self._load_moment = 0

    def make(self, ids: Sequence[str]) -> tuple[list[Account], list[tuple[object, ...]]]:
        """The next accounts, one for each id: as their children see them, and as rows of COLUMNS."""
        count = len(ids)
        accounts, rows = [], []
        for record_id, region, shape, origin, fate in zip(
            ids,
            self._regions.deal(count),
            self._shapes.deal(count),
            self._origins.deal(count),
            self._fates.deal(count),
            strict=True,
        ):
            account, row = self._account(record_id, region, shape, origin, fate)
            accounts.append(account)
            rows.append(row)
        return accounts, rows

    def _account(
        self, record_id: str, region: Region, shape: Shape, origin: str, fate: str
    ) -> tuple[Account, tuple[object, ...]]:
        bits = self._chance.bits
        world = self._world
        brand = world.brands[bits(12)]
        created, loaded = self._created()
        account = Account(
            id=record_id,
            name=region.companies[bits(10)].replace("{brand}", brand),
            brand=brand.lower(),
            code=code(2 * self._number),
            domain="",
            region=region,
            owner=world.owners[bits(4)],
            created=created,
            loaded=loaded,
            deleted=fate != "live",
            merged=False,
        )
        self._number += 1
        winner = self._domain(account, shape, origin, fate)
        parent = self._live.draw() if origin == "branch" and self._live else None
        if not account.deleted:
            self._live.offer(account.id)
        website = typed(shape, account.domain, account.brand, self._chance)
        return account, self._row(account, winner, parent, website)

    def _created(self) -> tuple[int, bool]:
        """The moment of creation, and whether a bulk load made the record, many at once."""
        if self._load_left:
            self._load_left -= 1
            return self._load_moment, True
        moment = self._world.calendar.along((self._number + 0.5) / self._world.accounts)
        if self._chance.bits(_LOAD_BITS):
            return moment, False
        self._load_left = _LOAD_ROWS - 1
        self._load_moment = moment
        return moment, True

    def _domain(self, account: Account, shape: Shape, origin: str, fate: str) -> str | None:
        """Give the account its domain and count it; returns the id of the account it was merged into."""
        facts = self._world.facts
        keyed = shape not in UNKEYED
        original: Account | None = None
        if self.keyed and (fate == "merged" or (keyed and origin == "duplicate")):
            original = self.keyed.draw()
            account.domain = original.domain
        else:
            suffix = account.region.suffixes[self._chance.bits(6)]
            account.domain = domain_for(shape, account.brand, account.code, suffix, self._chance)
        account.merged = fate == "merged" and original is not None
        if account.deleted:
            facts["accounts_merged" if account.merged else "accounts_deleted"] += 1
        else:
            facts["accounts"] += 1
            facts[f"website {shape.value}" if not keyed else "website keyed"] += 1
            if keyed:
                facts["duplicate_domains" if original else "distinct_domains"] += 1
                self.keyed.offer(account)
        return original.id if account.merged and original else None

    def _row(self, account: Account, winner: str | None, parent: str | None, website: str | None) -> tuple[object, ...]:
        bits = self._chance.bits
        world = self._world
        place = account.region.places[bits(10)]
        employees, revenue = self._sizes[bits(10)]
        maker = BASE.integration if account.loaded else account.owner
        created, modified, stamp = world.calendar.history(account.created)
        active = world.calendar.day(world.calendar.later(account.created)) if bits(1) else None
        return (
            account.id, int(account.deleted), winner, account.name, self._types[bits(6)], parent, place.street,
            place.city, place.state, place.postal_code, place.country,
            account.region.phones[bits(10)] if bits(3) else None,
            f"AC-{account.code.upper()}" if bits(2) else None,
            website, self._industries[bits(6)], revenue, employees, self._ownerships[bits(6)],
            world.descriptions[bits(10)], self._ratings[bits(6)], self._sources[bits(6)], account.owner,
            created, maker, modified, BASE.integration if bits(2) == 0 else account.owner, stamp, active,
        )  # fmt: skip


def _sizes(chance: Chance) -> tuple[tuple[int | None, float | None], ...]:
    """1024 pairs of employees and revenue: many small firms, few big ones; a seventh unknown, some zero."""
    sizes: list[tuple[int | None, float | None]] = []
    magnitude = weighted({2: 20, 4: 16, 6: 12, 8: 8, 11: 5, 14: 2, 17: 1})
    for _ in range(1024):
        top = 1 << magnitude[chance.bits(6)]
        employees = 1 + chance.below(top)
        revenue = round(employees * (40_000 + chance.below(260_000)) + chance.below(100) / 100, 2)
        case = chance.bits(6)
        sizes.append((None if case < 9 else 0 if case == 9 else employees, None if case & 3 == 1 else revenue))
    return tuple(sizes)
