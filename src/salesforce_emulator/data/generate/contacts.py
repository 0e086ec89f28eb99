"""The contacts of a generated org: people of an account, and a few who belong to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from salesforce_emulator.data.generate import texts
from salesforce_emulator.data.generate.accounts import Account
from salesforce_emulator.data.generate.chance import Reservoir, weighted
from salesforce_emulator.data.generate.regions import Name, Place, Region
from salesforce_emulator.data.generate.websites import FREE_MAIL
from salesforce_emulator.data.generate.world import World, code
from salesforce_emulator.schema import BASE

COLUMNS = (
    "Id", "IsDeleted", "MasterRecordId", "AccountId", "Salutation", "FirstName", "LastName", "Title",
    "Department", "Email", "Phone", "MobilePhone", "MailingStreet", "MailingCity", "MailingState",
    "MailingPostalCode", "MailingCountry", "LeadSource", "Description", "ReportsToId", "OwnerId",
    "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp",
    "LastActivityDate",
)  # fmt: skip

SALUTATIONS = weighted({None: 24, "Mr.": 16, "Ms.": 16, "Dr.": 4, "Mrs.": 3, "Prof.": 1})
_PER_ACCOUNT = weighted({0: 18, 1: 20, 2: 13, 3: 7, 4: 3, 5: 1, 8: 1, 12: 1})
"""Contacts of one account in 64 cases: 1.6 on average."""
_WITHOUT_ACCOUNT = 32
"""One contact without an account comes on so many accounts."""

# Addresses at a firm differ in form from contact to contact, so that two of one name don't share one.
_LOCAL_PARTS = ("{first}.{last}", "{initial}.{last}", "{first}_{last}", "{last}-{first}", "{initial}{last}")


@dataclass(slots=True)
class Contact:
    """What leads, deals and campaigns must know of a contact. Only live ones are handed on."""

    id: str
    account: Account | None
    email: str | None
    first: Name | None
    last: Name
    created: int


@dataclass(slots=True)
class Planned:
    """A contact that has no id yet."""

    account: Account | None
    position: int
    """Which of its account's contacts it is, from 0."""


def local_part(position: int, first: Name | None, last: Name) -> str:
    """The part of an e-mail address before the @."""
    given = first[1] if first else "info"
    if position < len(_LOCAL_PARTS):
        return _LOCAL_PARTS[position].format(first=given, initial=given[0], last=last[1])
    return f"{given}{position}.{last[1]}"


def free_mail(first: Name | None, last: Name, number: int, bits: int) -> str:
    """An address at a free-mail provider; ``example`` and the code keep it from being anybody's."""
    return f"{first[1] if first else 'x'}.{last[1]}.example.{code(number)}@{FREE_MAIL[bits]}"


class Contacts:
    """Makes contacts, chunk by chunk."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = chance = world.chance("contacts")
        self._regions = tuple(region for region in world.regions for _ in range(region.weight))
        self.mailed: Reservoir[Contact] = Reservoir(world.chance("mailed"))
        """Live contacts with an e-mail address."""
        self._titles: tuple[str | None, ...] = (*chance.pool(texts.TITLES, 8)[:-32], *[None] * 32)
        self._departments = (*chance.pool(texts.DEPARTMENTS, 6)[:40], *[None] * 24)
        self._sources = world.picklist(chance, "Contact", "LeadSource", 20)
        self._number = 0

    def plan(self, accounts: Sequence[Account]) -> list[Planned]:
        """Decide how many contacts each account has; merged accounts have given theirs to the winner."""
        bits = self._chance.bits
        planned: list[Planned] = []
        for number, account in enumerate(accounts):
            count = 0 if account.merged else _PER_ACCOUNT[bits(6)]
            planned += [Planned(account, position) for position in range(count)]
            if number % _WITHOUT_ACCOUNT == _WITHOUT_ACCOUNT - 1:
                planned.append(Planned(None, 0))
        return planned

    def make(self, ids: Sequence[str], planned: Sequence[Planned]) -> tuple[list[Contact], list[tuple[object, ...]]]:
        """The planned contacts under these ids: the live ones for others to refer to, all as rows."""
        live: list[Contact] = []
        rows: list[tuple[object, ...]] = []
        colleague: Contact | None = None
        for record_id, plan_of_it in zip(ids, planned, strict=True):
            if plan_of_it.position == 0:
                colleague = None
            contact, row, alive = self._contact(record_id, plan_of_it, colleague)
            rows.append(row)
            if alive:
                live.append(contact)
                colleague = contact
                if contact.email:
                    self.mailed.offer(contact)
        return live, rows

    def _contact(
        self, record_id: str, planned: Planned, colleague: Contact | None
    ) -> tuple[Contact, tuple[object, ...], bool]:
        bits = self._chance.bits
        account = planned.account
        region = account.region if account else self._regions[bits(10)]
        self._number += 1
        first = region.first_names[bits(6)] if bits(5) else None
        last = region.last_names[bits(6)]
        contact = Contact(
            id=record_id,
            account=account,
            email=self._email(planned, first, last),
            first=first,
            last=last,
            created=self._created(account),
        )
        winner = self._winner(colleague) if bits(7) == 0 else None
        deleted = bool(winner) or (account is not None and account.deleted) or bits(6) == 0
        manager = colleague.id if colleague and bits(3) == 0 else None
        return contact, self._row(contact, region, winner, manager, deleted), not deleted

    def _created(self, account: Account | None) -> int:
        calendar = self._world.calendar
        if account is None:
            return calendar.along(self._number / (1.6 * self._world.accounts))
        if account.loaded and self._chance.bits(2):
            return account.created
        return calendar.later(account.created)

    def _email(self, planned: Planned, first: Name | None, last: Name) -> str | None:
        """One in eight has none, one in twelve a free-mail address, one in a hundred somebody else's."""
        bits = self._chance.bits
        case = bits(8)
        if case < 32:
            return None
        if case < 35 and self.mailed:
            return self.mailed.draw().email
        account = planned.account
        if case < 55 or account is None:
            return free_mail(first, last, 2 * self._number, bits(4))
        return f"{local_part(planned.position, first, last)}@{account.domain}"

    def _winner(self, colleague: Contact | None) -> str | None:
        """The contact that a merged one went into: a colleague, or somebody with an address."""
        if colleague:
            return colleague.id
        return self.mailed.draw().id if self.mailed else None

    def _row(
        self, contact: Contact, region: Region, winner: str | None, manager: str | None, deleted: bool
    ) -> tuple[object, ...]:
        bits = self._chance.bits
        world = self._world
        account = contact.account
        place: Place | None = region.places[bits(10)] if bits(2) else None
        owner = account.owner if account and bits(4) else world.owners[bits(4)]
        maker = BASE.integration if account and account.loaded else owner
        created, modified, stamp = world.calendar.history(contact.created)
        address = (
            (place.street, place.city, place.state, place.postal_code, place.country)
            if place
            else (None, None, None, None, None)
        )
        return (
            contact.id, int(deleted), winner, account.id if account else None, SALUTATIONS[bits(6)],
            contact.first[0] if contact.first else None, contact.last[0], self._titles[bits(8)],
            self._departments[bits(6)], contact.email, region.phones[bits(10)] if bits(2) else None,
            region.phones[bits(10)] if bits(2) == 0 else None, *address, self._sources[bits(6)],
            world.descriptions[bits(10)] if bits(3) == 0 else None, manager, owner, created, maker, modified,
            BASE.integration if bits(2) == 0 else owner, stamp,
            world.calendar.day(world.calendar.later(contact.created)) if bits(1) else None,
        )  # fmt: skip
