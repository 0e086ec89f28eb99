"""The tasks and events of a generated org: what the representatives have before them, and some that they have done.

What is done has no due date, and events lie ahead: so LastActivityDate of the records they are about, which has come
with those, stays right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salesforce_emulator.data.generate.chance import weighted
from salesforce_emulator.data.generate.contacts import Contact
from salesforce_emulator.data.generate.deals import Deal
from salesforce_emulator.data.generate.world import World

_BOTH = ("WhoId", "WhatId", "AccountId", "Subject", "ActivityDate", "OwnerId", "CreatedById", "LastModifiedById")
_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
TASK_COLUMNS = ("Id", *_BOTH, "Status", "Priority", "TaskSubtype", "CompletedDateTime", *_STAMPS)
EVENT_COLUMNS = (
    "Id", *_BOTH, "StartDateTime", "ActivityDateTime", "EndDateTime", "EndDate", "DurationInMinutes", "ShowAs",
    "EventSubtype", *_STAMPS,
)  # fmt: skip

_SUBJECTS = weighted({"Call": 28, "Email": 20, "Send Quote": 8, "Send Letter": 4, "Other": 4})
_SUBTYPES = {"Call": "Call", "Email": "Email"}
_STATUSES = weighted(
    {"Not Started": 30, "Completed": 18, "In Progress": 10, "Waiting on someone else": 4, "Deferred": 2}
)
_PRIORITIES = weighted({"Normal": 48, "High": 12, "Low": 4})

Rows = list[tuple[object, ...]]


class Activities:
    """Makes tasks and events, chunk by chunk. It draws from a stream of its own, so that nothing else depends on it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("activities")

    def make(self, people: Sequence[Contact], deals: Mapping[str, Deal]) -> tuple[Rows, Rows]:
        """Rows of TASK_COLUMNS and of EVENT_COLUMNS that still lack their id, which comes first.

        One contact in eight has a task, one in 32 an event.

        :param deals: a live opportunity by the id of its account.
        """
        bits = self._chance.bits
        tasks: Rows = []
        events: Rows = []
        for person in people:
            case = bits(5)
            if case < 4:
                tasks.append(self._task(person, deals))
            elif case == 4:
                events.append(self._event(person, deals))
        return tasks, events

    def _about(self, person: Contact, deals: Mapping[str, Deal]) -> tuple[object, ...]:
        account = person.account.id if person.account else None
        deal = deals.get(account) if account else None
        return person.id, deal.id if deal else account, account

    def _owner(self, person: Contact) -> str:
        owners = self._world.owners
        return person.account.owner if person.account else owners[self._chance.bits(4)]

    def _task(self, person: Contact, deals: Mapping[str, Deal]) -> tuple[object, ...]:
        bits, calendar = self._chance.bits, self._world.calendar
        subject, status, owner = _SUBJECTS[bits(6)], _STATUSES[bits(6)], self._owner(person)
        done = status == "Completed"
        due = None if done else calendar.day(calendar.end, self._chance.below(120) - 40)
        made, modified, stamp = calendar.history(calendar.later(person.created))
        return (
            *self._about(person, deals), subject, due, owner, owner, owner, status, _PRIORITIES[bits(6)],
            _SUBTYPES.get(subject, "Task"), modified if done else None, made, modified, stamp,
        )  # fmt: skip

    def _event(self, person: Contact, deals: Mapping[str, Deal]) -> tuple[object, ...]:
        bits, calendar = self._chance.bits, self._world.calendar
        owner, hour = self._owner(person), 14 + bits(2)
        day = calendar.day(calendar.end, 1 + self._chance.below(120))
        start, end = f"{day}T{hour}:00:00.000Z", f"{day}T{hour}:30:00.000Z"
        stamps = calendar.history(calendar.later(person.created))
        return (
            *self._about(person, deals), "Meeting", day, owner, owner, owner, start, start, end, day, 30, "Busy",
            "Event", *stamps,
        )  # fmt: skip
