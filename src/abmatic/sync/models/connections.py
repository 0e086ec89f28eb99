"""Connections, and what is set for each of their objects and fields."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from abmatic.identity.models import SealedSecret


class ConnectionProblem(models.TextChoices):
    """Why a connection needs attention; the page for each says what to do."""

    NONE = "", "None"
    INVALID_GRANT = "invalid_grant", "Invalid Grant"
    INSUFFICIENT_PRIVILEGES = "insufficient_privileges", "Insufficient Privileges"
    API_DISABLED = "api_disabled", "API not enabled for this edition"
    LIMIT_REACHED = "limit_reached", "Request limit exceeded"
    UNREACHABLE = "unreachable", "Salesforce can't be reached"
    SEAL_BROKEN = "seal_broken", "The stored token can't be opened"
    OTHER = "other", "Something else"


# These pass, and need nobody: syncs are still tried, and the first that succeeds takes them back.
PASSING = frozenset({ConnectionProblem.UNREACHABLE, ConnectionProblem.LIMIT_REACHED})


class Connection(models.Model):
    """One authorised Salesforce org. Its secrets (tokens, the app's client secret or key) are sealed in one row."""

    class Status(models.TextChoices):
        INACTIVE = "inactive", "Inactive"
        ACTIVE = "active", "Active"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"

    class Flow(models.TextChoices):
        WEB = "web", "Web server flow"
        JWT = "jwt", "JWT bearer"
        CLIENT_CREDENTIALS = "client-credentials", "Client credentials"

    name = models.TextField(unique=True)
    login_url = models.TextField()
    flow = models.TextField(choices=Flow.choices, default=Flow.WEB)
    client_id = models.TextField()
    jwt_username = models.TextField(blank=True, default="")
    status = models.TextField(choices=Status.choices, default=Status.INACTIVE)
    problem = models.TextField(choices=ConnectionProblem.choices, default=ConnectionProblem.NONE, blank=True)
    problem_detail = models.TextField(blank=True, default="")
    # Of a problem that is over it says nothing.
    problem_since = models.DateTimeField(null=True)

    instance_url = models.TextField(blank=True, default="")
    org_id = models.TextField(blank=True, default="")
    org_name = models.TextField(blank=True, default="")
    edition = models.TextField(blank=True, default="")
    is_sandbox = models.BooleanField(default=False)
    user_id = models.TextField(blank=True, default="")
    username = models.TextField(blank=True, default="")
    user_name = models.TextField(blank=True, default="")
    api_version = models.TextField(blank=True, default="")
    scope = models.TextField(blank=True, default="")
    # The result of the last check, a line each: [{"name", "state": ok|warning|failed, "detail", "remedy"}].
    checks = models.JSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    api_used = models.BigIntegerField(null=True)
    api_allowed = models.BigIntegerField(null=True)
    api_seen_at = models.DateTimeField(null=True)
    # Per cent of the allowance; above, nothing starts or goes on by itself. Since when that is so, and when it is
    # looked again (see budget).
    api_ceiling = models.PositiveSmallIntegerField(default=80)
    api_waiting_since = models.DateTimeField(null=True)
    api_recheck_at = models.DateTimeField(null=True)
    # When every record may be read by itself (see comparing): hours of the day, "22-6", by this time zone, which is the
    # org's unless another is set; "any": whenever it is time.
    quiet_hours = models.TextField(blank=True, default="22-6")
    time_zone = models.TextField(blank=True, default="")
    # Whether visits of people are written as completed tasks (see visit_tasks).
    writes_visits = models.BooleanField(default=False)

    # {"client_secret", "private_key", "access_token", "refresh_token", "issued_at"}; locked while one refreshes.
    secret = models.OneToOneField(SealedSecret, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "connection"
        # An org is connected once: a second authorisation of it is a reconnect.
        constraints = (models.UniqueConstraint("org_id", name="connection_org_once", condition=~models.Q(org_id="")),)

    def __str__(self) -> str:
        return self.org_name or self.name

    @property
    def wants_reconnect(self) -> bool:
        """Whether only a new authorisation helps; whatever else was wrong may be right again when it is checked."""
        lost = {ConnectionProblem.NONE, ConnectionProblem.INVALID_GRANT, ConnectionProblem.SEAL_BROKEN}
        return self.problem in lost

    @property
    def problem_passes(self) -> bool:
        """Whether what is wrong is tried again without anybody's doing (see `automatic.next_try`)."""
        return self.status == Connection.Status.ACTIVE and self.problem in PASSING


class ObjectSetting(models.Model):
    """What is set for one object of one connection, and how far its pull has come."""

    class Frequency(models.IntegerChoices):
        MANUAL = 0, "Manual only"
        HOURLY = 1, "Every 1 hour"
        SIX_HOURS = 6, "Every 6 hours"
        TWELVE_HOURS = 12, "Every 12 hours"
        DAILY = 24, "Every 24 hours"

    class Policy(models.TextChoices):
        RECENT = "recent", "Most recent change"
        SALESFORCE = "salesforce", "Salesforce"
        ABMATIC = "abmatic", "Abmatic"

    class NewPeople(models.TextChoices):
        ACCOUNT = "account", "Contact where their account is in Salesforce, else Lead"
        LEAD = "lead", "Lead"
        CONTACT = "contact", "Contact"

    class FullCompare(models.TextChoices):
        AUTO = "auto", "Weekly where a calculated field is mapped, else monthly"
        WEEKLY = "weekly", "Every week"
        MONTHLY = "monthly", "Every month"
        OFF = "off", "Never by itself"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="objects_settings")
    sobject = models.TextField()
    create_in_salesforce = models.BooleanField(default=False)
    update_in_salesforce = models.BooleanField(default=False)
    create_in_abmatic = models.BooleanField(default=True)
    update_in_abmatic = models.BooleanField(default=True)
    frequency = models.SmallIntegerField(choices=Frequency.choices, default=Frequency.MANUAL)
    full_compare = models.TextField(choices=FullCompare.choices, default=FullCompare.AUTO)
    auto_push = models.BooleanField(default=False)
    policy = models.TextField(choices=Policy.choices, default=Policy.RECENT)
    push_filter = models.JSONField(default=dict)
    # Of Lead: what people who are not in Salesforce yet become there.
    new_people = models.TextField(choices=NewPeople.choices, default=NewPeople.ACCOUNT)

    # Everything with a SystemModstamp below the cursor is committed; None before the first pull ended.
    cursor = models.DateTimeField(null=True)
    # The cursors of the read-only objects that are pulled with this one: {sobject: ISO date-time}.
    riders = models.JSONField(default=dict)
    # Until when it is known what was removed for good, of objects whose records leave no trace in a query:
    # {sobject: ISO date-time}. See pull.removals.
    removals = models.JSONField(default=dict)
    # What the mirror's rows hold and agree on: {sobject: {"fields": {Salesforce field: local field}, "filled": whether
    # a pull of every record has ended since these were last changed, "unread": fields new since then}}. See
    # pull.mirrored.
    mirrored = models.JSONField(default=dict)
    # The fields that describe showed, kept for a day so that a run with nothing to do costs one call:
    # {sobject: {"fields": [names], "kinds": {name: text, number, …}, "calculated": [names of those that Salesforce
    # computes], "at": ISO date-time}}.
    offered = models.JSONField(default=dict)
    # How far the push has come: {"settings": what was allowed when all records were last compared, "seen": the
    # transaction up to which changes were looked at, "denied": {sobject: what the connected user may not do}}. See
    # push.due.
    compared = models.JSONField(default=dict)
    # When a sync was last asked for, by the schedule or by anybody: what the schedule counts from (see schedule).
    last_started_at = models.DateTimeField(null=True)
    last_pull_at = models.DateTimeField(null=True)
    # When every record was last read.
    last_full_at = models.DateTimeField(null=True)
    last_push_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "object_setting"
        constraints = (models.UniqueConstraint("connection", "sobject", name="object_setting_once"),)

    def __str__(self) -> str:
        return f"{self.sobject} of {self.connection}"

    @property
    def comes_here(self) -> bool:
        """Whether anything of the object is taken over from Salesforce."""
        return self.create_in_abmatic or self.update_in_abmatic

    @property
    def is_pushed(self) -> bool:
        """Whether anything of the object may be written to Salesforce."""
        return self.create_in_salesforce or self.update_in_salesforce


class Mode(models.TextChoices):
    """What happens to a field in one direction."""

    NONE = "none", "Don't sync"
    FILL = "fill", "Fill"
    OVERWRITE = "overwrite", "Overwrite"


class FieldMapping(models.Model):
    """A Salesforce field and the local field it corresponds to."""

    setting = models.ForeignKey(ObjectSetting, on_delete=models.CASCADE, related_name="mappings")
    sf_field = models.TextField()
    local_field = models.TextField()
    to_abmatic = models.TextField(choices=Mode.choices, default=Mode.OVERWRITE)
    to_salesforce = models.TextField(choices=Mode.choices, default=Mode.FILL)
    clear_with_empty = models.BooleanField(default=False)
    is_key = models.BooleanField(default=False)
    position = models.SmallIntegerField(default=0)
    # Why the mapping is skipped ("the org has no such field", …); empty while it works.
    broken = models.TextField(blank=True, default="")
    # What its field held when it was first read: text, number, date, … Where that changes the mapping is broken.
    sf_kind = models.TextField(blank=True, default="")
    # Why its field can't be written to Salesforce, though it should be, and what is read of it still is.
    unwritable = models.TextField(blank=True, default="")

    class Meta:
        db_table = "field_mapping"
        ordering: ClassVar[list[str]] = ["position", "id"]
        constraints = (
            models.UniqueConstraint("setting", "sf_field", name="field_mapping_sf_once"),
            models.UniqueConstraint("setting", "local_field", name="field_mapping_local_once"),
        )

    def __str__(self) -> str:
        return f"{self.sf_field} - {self.local_field}"
