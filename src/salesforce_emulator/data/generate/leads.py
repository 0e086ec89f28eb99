"""The leads of a generated org: strangers, people who are contacts already, and converted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salesforce_emulator.data.generate import texts
from salesforce_emulator.data.generate.accounts import Account
from salesforce_emulator.data.generate.chance import Reservoir
from salesforce_emulator.data.generate.contacts import SALUTATIONS, Contact, free_mail, local_part
from salesforce_emulator.data.generate.deals import Deal
from salesforce_emulator.data.generate.moments import DAY_SECONDS
from salesforce_emulator.data.generate.regions import Name, Place, Region
from salesforce_emulator.data.generate.world import World, code
from salesforce_emulator.schema import BASE

COLUMNS = (
    "Id", "IsDeleted", "MasterRecordId", "Salutation", "FirstName", "LastName", "Title", "Company", "Street",
    "City", "State", "PostalCode", "Country", "Phone", "Email", "Website", "Description", "LeadSource",
    "Status", "Industry", "Rating", "AnnualRevenue", "NumberOfEmployees", "OwnerId", "IsConverted",
    "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId", "IsUnreadByOwner",
    "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp",
)  # fmt: skip

PER_ACCOUNT = 0.6
_CONVERTED_BITS, _CONVERTED_OF = 9, 29
"""Of 512 contacts 29 were leads once: a seventh of all leads."""
_OPEN, _CONVERTED = ("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted"), "Closed - Converted"


@dataclass(slots=True)
class Lead:
    """A live lead, as campaigns refer to it."""

    id: str
    contact: Contact | None
    """What it was converted into."""
    created: int


@dataclass(slots=True)
class _Person:
    region: Region
    first: Name | None
    last: Name
    company: str
    email: str | None
    website: str | None
    owner: str
    created: int


class Leads:
    """Makes leads, chunk by chunk."""

    def __init__(self, world: World, accounts: Reservoir[Account], contacts: Reservoir[Contact]) -> None:
        self._world = world
        self._chance = chance = world.chance("leads")
        self._accounts = accounts
        self._contacts = contacts
        self._regions = tuple(region for region in world.regions for _ in range(region.weight))
        self._others: Reservoir[tuple[str, str]] = Reservoir(world.chance("lead winners"))
        """Id and e-mail of live leads, for doubles and merges."""
        pick = world.picklist
        self._titles: tuple[str | None, ...] = (*chance.pool(texts.TITLES, 6)[:-10], *[None] * 10)
        self._sources = pick(chance, "Lead", "LeadSource", 6)
        self._industries = pick(chance, "Lead", "Industry", 24)
        self._ratings = pick(chance, "Lead", "Rating", 40)
        self._number = 0

    def origins(self, contacts: Sequence[Contact]) -> list[Contact]:
        """The contacts that began as leads."""
        bits = self._chance.bits
        return [c for c in contacts if bits(_CONVERTED_BITS) < _CONVERTED_OF and c.account]

    def make(
        self, ids: Sequence[str], origins: Sequence[Contact], deals: Mapping[str, Deal]
    ) -> tuple[list[Lead], list[tuple[object, ...]]]:
        """Leads under these ids, the first of them converted into ``origins``.

        :param deals: a live opportunity by account id, which a conversion may have made.
        :returns: the live leads; all as rows of COLUMNS.
        """
        live: list[Lead] = []
        rows: list[tuple[object, ...]] = []
        for record_id, contact in zip(ids, [*origins, *[None] * (len(ids) - len(origins))], strict=True):
            self._number += 1
            person = self._converted_person(contact) if contact else self._stranger()
            winner = self._others.draw()[0] if self._others and self._chance.bits(8) == 0 else None
            deleted = contact is None and (winner is not None or self._chance.bits(6) == 0)
            rows.append(self._row(record_id, person, contact, deals, winner if deleted else None, deleted))
            if not deleted:
                live.append(Lead(record_id, contact, person.created))
                if person.email and contact is None:
                    self._others.offer((record_id, person.email))
        return live, rows

    def _converted_person(self, contact: Contact) -> _Person:
        """The lead that a contact once was: the same person, some weeks earlier."""
        account = contact.account
        assert account is not None  # `origins` takes contacts with an account only
        return _Person(
            region=account.region,
            first=contact.first,
            last=contact.last,
            company=account.name,
            email=contact.email,
            website=f"www.{account.domain}" if self._chance.bits(1) else None,
            owner=account.owner,
            created=max(0, contact.created - self._chance.below(90 * DAY_SECONDS)),
        )

    def _stranger(self) -> _Person:
        bits = self._chance.bits
        world = self._world
        region = self._regions[bits(10)]
        brand = world.brands[bits(12)]
        first = region.first_names[bits(6)] if bits(5) else None
        last = region.last_names[bits(6)]
        domain = f"{brand.lower()}-{code(2 * self._number + 1)}.{region.suffixes[bits(6)]}"
        return _Person(
            region=region,
            first=first,
            last=last,
            company=region.companies[bits(10)].replace("{brand}", brand),
            email=self._email(first, last, domain),
            website=f"https://{domain}" if bits(1) else None,
            owner=BASE.reps[2] if bits(1) else world.owners[bits(4)],
            created=world.calendar.along(self._number / (PER_ACCOUNT * world.accounts)),
        )

    def _email(self, first: Name | None, last: Name, domain: str) -> str | None:
        """Of 256 leads 28 are contacts too, 5 another lead again, 31 without address, 38 with free mail,
        38 at a known account; the rest writes from a firm that nobody knows."""
        bits = self._chance.bits
        case = bits(8)
        if case < 28 and self._contacts:
            return self._contacts.draw().email
        if case < 33 and self._others:
            return self._others.draw()[1]
        if case < 64:
            return None
        if case < 102:
            return free_mail(first, last, 2 * self._number + 1, bits(4))
        if case < 140 and self._accounts:
            return f"{local_part(6, first, last)}{self._number}@{self._accounts.draw().domain}"
        return f"{local_part(0, first, last)}@{domain}"

    def _row(
        self,
        record_id: str,
        person: _Person,
        contact: Contact | None,
        deals: Mapping[str, Deal],
        winner: str | None,
        deleted: bool,
    ) -> tuple[object, ...]:
        bits = self._chance.bits
        world = self._world
        place: Place | None = person.region.places[bits(10)] if bits(1) else None
        address = (
            (place.street, place.city, place.state, place.postal_code, place.country)
            if place
            else (None, None, None, None, None)
        )
        conversion, moment = self._conversion(contact, deals)
        _, modified, stamp = world.calendar.history(moment or person.created)
        return (
            record_id, int(deleted), winner, SALUTATIONS[bits(6)],
            person.first[0] if person.first else None, person.last[0], self._titles[bits(6)], person.company,
            *address, person.region.phones[bits(10)] if bits(2) else None, person.email, person.website,
            world.descriptions[bits(10)] if bits(3) == 0 else None, self._sources[bits(6)],
            _CONVERTED if contact else _OPEN[self._chance.below(3)], self._industries[bits(6)],
            self._ratings[bits(6)], None, 1 << bits(4) if bits(1) else None, person.owner, *conversion,
            int(contact is None and bits(1)), world.calendar.text(person.created), person.owner, modified,
            person.owner, stamp,
        )  # fmt: skip

    def _conversion(self, contact: Contact | None, deals: Mapping[str, Deal]) -> tuple[tuple[object, ...], int | None]:
        """IsConverted, ConvertedDate, account, contact, opportunity; and the moment it happened.

        A deal younger than the contact is what the conversion made; an older one was there before.
        """
        if contact is None or contact.account is None:
            return (0, None, None, None, None), None
        deal = deals.get(contact.account.id)
        if deal and deal.created >= contact.created:
            day = self._world.calendar.day(deal.created)
            return (1, day, contact.account.id, contact.id, deal.id), deal.created
        return (1, self._world.calendar.day(contact.created), contact.account.id, contact.id, None), contact.created
