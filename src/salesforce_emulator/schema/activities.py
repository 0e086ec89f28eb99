"""Describe results of tasks, events, queues, and of what a polymorphic reference leads to.

Written from Salesforce's Object Reference.  Left out: recurrence, group events and shared activities (WhoCount,
WhatCount), which an administrator must switch on or which are another product's.

``Name`` is the object that stands for the parent of a reference which may lead to several objects: ``Who.Name``,
``Owner.Type``.  It has no records of its own; :mod:`~salesforce_emulator.schema.polymorphic` says what is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from salesforce_emulator.schema.entries import JsonObject, audit, deleted, field, id_entry, name, object_entry, user

WHO = ("Contact", "Lead")
WHAT = ("Account", "Campaign", "Opportunity")


@dataclass(frozen=True)
class Choice:
    """A value of Task.Status or Task.Priority, and what follows from it: a closed task, a high priority."""

    name: str
    default: bool = False
    marked: bool = False


STATUSES = (
    Choice("Not Started", default=True),
    Choice("In Progress"),
    Choice("Completed", marked=True),
    Choice("Waiting on someone else"),
    Choice("Deferred"),
)
PRIORITIES = (Choice("High", marked=True), Choice("Normal", default=True), Choice("Low"))
_SUBJECTS = ("Call", "Email", "Send Letter", "Send Quote", "Other")
_SUBTYPES = ("Task", "Email", "ListEmail", "Cadence", "Call", "LinkedIn")


def _who_and_what() -> list[JsonObject]:
    return [
        field("WhoId", "reference", label="Name ID", to=WHO, relationship="Who"),
        field("WhatId", "reference", label="Related To ID", to=WHAT, relationship="What"),
    ]


def _account() -> JsonObject:
    return field("AccountId", "reference", "n", label="Account ID", to=("Account",), relationship="Account")


def _owner(kinds: tuple[str, ...], label: str) -> JsonObject:
    return field("OwnerId", "reference", "cud", label=label, to=kinds, relationship="Owner")


def _picked(name: str, choices: tuple[Choice, ...], length: int) -> JsonObject:
    default = next(c.name for c in choices if c.default)
    return field(name, "picklist", "cud", length=length, values=tuple(c.name for c in choices), default=default)


def _task() -> JsonObject:
    fields = [
        id_entry("Activity ID"),
        *_who_and_what(),
        field("Subject", "combobox", values=_SUBJECTS),
        field("ActivityDate", "date", label="Due Date Only"),
        _picked("Status", STATUSES, 255),
        _picked("Priority", PRIORITIES, 20),
        field("IsHighPriority", "boolean", "d", label="High Priority"),
        _owner(("Group", "User"), "Assigned To ID"),
        field("Description", "textarea", length=32000),
        deleted(),
        _account(),
        field("IsClosed", "boolean", "d", label="Closed"),
        *audit(),
        field("IsArchived", "boolean", "d", label="Archived"),
        field("CallDurationInSeconds", "int", label="Call Duration"),
        field("CallType", "picklist", label="Call Type", length=40, values=("Internal", "Inbound", "Outbound")),
        field("CallDisposition", "string", label="Call Result"),
        field("CallObject", "string", label="Call Object Identifier"),
        field("ReminderDateTime", "datetime", label="Reminder Date/Time"),
        field("IsReminderSet", "boolean", "cu", label="Reminder Set"),
        field(
            "TaskSubtype",
            "picklist",
            "cn",
            label="Task Subtype",
            length=40,
            values=_SUBTYPES,
            default="Task",
            restrictedPicklist=True,
        ),
        field("CompletedDateTime", "datetime", "n", label="Completed Date"),
    ]
    scopes = [("All tasks", "everything"), ("Delegated tasks", "delegated"), ("My tasks", "mine")]
    return object_entry(
        "Task",
        "00T",
        fields,
        undeletable=True,
        searchable=True,
        searchLayoutable=True,
        supportedScopes=[{"label": label, "name": name} for label, name in scopes],
    )


def _event() -> JsonObject:
    fields = [
        id_entry("Activity ID"),
        *_who_and_what(),
        field("Subject", "combobox", values=_SUBJECTS),
        field("Location", "string"),
        field("IsAllDayEvent", "boolean", "cu", label="All-Day Event"),
        field("ActivityDateTime", "datetime", label="Due Date Time"),
        field("ActivityDate", "date", label="Due Date Only"),
        field("DurationInMinutes", "int", label="Duration"),
        field("StartDateTime", "datetime", label="Start Date Time"),
        field("EndDateTime", "datetime", label="End Date Time"),
        field("EndDate", "date", "n", label="End Date"),
        field("Description", "textarea", length=32000),
        _account(),
        user("OwnerId", "Assigned To ID", "Owner", "cud"),
        field("IsPrivate", "boolean", "cu", label="Private"),
        field(
            "ShowAs",
            "picklist",
            "cund",
            label="Show Time As",
            length=40,
            values=("Busy", "OutOfOffice", "Free"),
            default="Busy",
            restrictedPicklist=True,
        ),
        deleted(),
        field("IsChild", "boolean", "d", label="Is Child"),
        field("IsGroupEvent", "boolean", "d", label="Is Group Event"),
        *audit(),
        field("IsArchived", "boolean", "d", label="Archived"),
        field("ReminderDateTime", "datetime", label="Reminder Date/Time"),
        field("IsReminderSet", "boolean", "cu", label="Reminder Set"),
        field(
            "EventSubtype",
            "picklist",
            "cn",
            label="Event Subtype",
            length=40,
            values=("Event",),
            default="Event",
            restrictedPicklist=True,
        ),
    ]
    return object_entry("Event", "00U", fields, undeletable=True, searchable=True, searchLayoutable=True)


def _choices(name: str, label: str, flag: JsonObject) -> JsonObject:
    """The object that lists the values of a task's picklist."""
    fields = [
        id_entry(f"{label} ID"),
        field("MasterLabel", "string", "n", label="Master Label", nameField=True),
        field("ApiName", "string", "n", label="API Name", length=120),
        field("SortOrder", "int", "n", label="Sort Order"),
        field("IsDefault", "boolean", "d", label="Default"),
        flag,
        *audit(),
    ]
    return object_entry(name, "01J", fields, label=label, writable=False)


def _group() -> JsonObject:
    fields = [
        id_entry("Group ID"),
        name(length=40),
        field("DeveloperName", "string", "cu", label="Developer Name", length=80),
        field("RelatedId", "reference", "n", label="Related ID", to=("User", "UserRole"), relationship="Related"),
        field(
            "Type",
            "picklist",
            "cun",
            length=40,
            values=("Regular", "Role", "RoleAndSubordinates", "Organization", "Queue"),
            restrictedPicklist=True,
        ),
        field("Email", "email", length=255),
        field("OwnerId", "reference", "d", label="Owner ID", to=("Organization", "User"), relationship="Owner"),
        field("DoesSendEmailToMembers", "boolean", "cu", label="Send Email to Members"),
        field("DoesIncludeBosses", "boolean", "cu", label="Include Bosses"),
        *audit(),
    ]
    return object_entry("Group", "00G", fields)


def _queue_sobject() -> JsonObject:
    fields = [
        id_entry("Queue SObject ID"),
        field("QueueId", "reference", "c", label="Queue ID", to=("Group",), relationship="Queue"),
        field("SobjectType", "picklist", "c", label="Object Type", length=40, values=("Lead", "Task")),
        user("CreatedById", "Created By ID", "CreatedBy"),
        field("SystemModstamp", "datetime", "d", label="System Modstamp"),
    ]
    return object_entry("QueueSobject", "03g", fields, label="Queue Sobject")


def _name() -> JsonObject:
    """The parent behind a polymorphic reference: fields that its objects have in common, null where one lacks it."""
    fields = [
        id_entry("Name ID"),
        field("Name", "string", "n", nameField=True),
        field("LastName", "string", "n", label="Last Name", length=80),
        field("FirstName", "string", "n", label="First Name", length=40),
        field("Type", "picklist", "n", length=40, values=(*WHO, *WHAT, "Queue", "User")),
        field("Alias", "string", "n", length=8),
        field("UserRoleId", "reference", "n", label="Role ID", to=("UserRole",), relationship="UserRole"),
        field("IsActive", "boolean", "d", label="Active"),
        field("ProfileId", "reference", "n", label="Profile ID", to=("Profile",), relationship="Profile"),
        field("Title", "string", "n", length=80),
        field("Email", "email", "n", length=128),
        field("Phone", "phone", "n"),
        field("NameOrAlias", "string", "n", label="Name or Alias", length=80),
        field("Username", "string", "n", length=80),
    ]
    return object_entry("Name", "", fields, writable=False, queryable=False, replicateable=False, retrieveable=False)


def activity_describes() -> list[JsonObject]:
    """The describe results of activities, queues, and Name: new objects on every call."""
    return [
        _task(),
        _event(),
        _choices("TaskStatus", "Task Status Value", field("IsClosed", "boolean", "d", label="Closed")),
        _choices("TaskPriority", "Task Priority Value", field("IsHighPriority", "boolean", "d", label="High Priority")),
        _group(),
        _queue_sobject(),
        _name(),
    ]
