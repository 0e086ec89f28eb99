"""Users with one of three roles, API keys, one-time sign-in links, and secrets that are stored only sealed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone


class Role(models.TextChoices):
    """What a user may do; each role includes the ones after it."""

    ADMINISTRATOR = "administrator", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, role: str = Role.VIEWER, name: str = "") -> User:
        """Makes a user. ``email`` is stored in lower case; without a password only a link signs in."""
        user = self.model(email=email.strip().lower(), role=role, name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person who signs in with an e-mail address."""

    email = models.EmailField(unique=True, error_messages={"unique": "A user with this e-mail address exists already."})
    name = models.TextField(blank=True, default="")
    role = models.TextField(choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    # Empty is what the browser has.
    time_zone = models.TextField(blank=True, default="")
    locale = models.TextField(blank=True, default="")
    theme = models.TextField(blank=True, default="")
    # Told by `second_factor.refresh`: everybody needs one, and this person has none yet.
    lacks_second_factor = models.BooleanField(default=False)
    # The id of the latest notice that the person has seen.
    notices_seen = models.BigIntegerField(default=0)
    mails_notices = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "app_user"

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_administrator(self) -> bool:
        """May change settings, connections and users."""
        return self.role == Role.ADMINISTRATOR

    @property
    def is_operator(self) -> bool:
        """May change records and start runs (administrators too)."""
        return self.role in {Role.ADMINISTRATOR, Role.OPERATOR}


class ApiKey(models.Model):
    """What a program signs in with at the REST API: see `api_keys`. Only the hash of its token is stored."""

    name = models.TextField()
    # The beginning of the token, by which people tell keys apart; not secret.
    prefix = models.TextField(unique=True, db_collation="C")
    token_hash = models.BinaryField(unique=True, max_length=32)
    role = models.TextField(choices=Role.choices)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # To some minutes: it is not written with every request.
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_key"

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def state(self) -> Literal["active", "expired", "revoked"]:
        """What it is now, in a word."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.is_expired else "active"


class AuditEntry(models.Model):
    """One act that changed how Abmatic is set up: written by `audit.note`, never changed, never deleted."""

    class About(models.TextChoices):
        USER = "user", "Users"
        SIGN_IN = "sign_in", "Sign-in"
        API_KEY = "api_key", "API keys"
        CONNECTION = "connection", "Connections"
        SETTINGS = "settings", "Settings"
        NOTIFICATION = "notification", "Notifications"
        SITE = "site", "Web tracking"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    # Who it was, as they were called then: "Alice Adler <alice@example.com>", "Command line".
    by = models.TextField()
    about = models.TextField(choices=About.choices)
    # No foreign key: it is about many kinds of things, and stays when they are gone.
    subject_id = models.BigIntegerField(null=True)
    subject = models.TextField()
    act = models.TextField()
    # [{"what", "kind": added|changed|removed, "before", "after"}]
    differences = models.JSONField(default=list)

    class Meta:
        db_table = "audit_entry"
        indexes = (models.Index(fields=["about", "-id"], name="audit_entry_about"),)

    def __str__(self) -> str:
        return f"{self.by}: {self.subject}: {self.act}"


class Notice(models.Model):
    """Something that people have to know of; written by `notices.tell`."""

    class Kind(models.TextChoices):
        CONNECTION = "connection", "Connection"
        SYNC = "sync", "Sync"
        BUDGET = "budget", "API calls"
        ISSUES = "issues", "Issues"

    kind = models.TextField(choices=Kind.choices)
    # What it is about: while it lasts, the same isn't told again.
    key = models.TextField()
    title = models.TextField()
    text = models.TextField()
    path = models.TextField()
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    settled_at = models.DateTimeField(null=True)
    # The ids of the users whom it was mailed to.
    mailed_to = models.JSONField(default=list)

    class Meta:
        db_table = "notice"
        indexes = (models.Index(fields=["kind", "key"], name="notice_lasting", condition=models.Q(settled_at=None)),)

    def __str__(self) -> str:
        return self.title


class SignInPolicy(models.Model):
    """How people have to sign in: one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    needs_second_factor = models.BooleanField(default=False)

    class Meta:
        db_table = "sign_in_policy"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="sign_in_policy_one_row"),)

    def __str__(self) -> str:
        return "everybody needs a second factor" if self.needs_second_factor else "a password is enough"


class OneTimeLink(models.Model):
    """A link that signs its user in once. Only the hash of its token is stored."""

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "one_time_link"

    def __str__(self) -> str:
        return f"one-time link for {self.user_id}"


class SealedSecret(models.Model):
    """Something secret, encrypted with the keys of the environment (Fernet); see `sealing`."""

    sealed = models.BinaryField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sealed_secret"

    def __str__(self) -> str:
        return f"sealed secret {self.pk}"

    def __repr__(self) -> str:
        return f"<SealedSecret {self.pk}>"

    def save(self, *args: Any, **kwargs: Any) -> None:
        assert bytes(self.sealed).startswith(b"gAAAA"), "only sealed bytes are stored; use sealing.seal()"
        super().save(*args, **kwargs)


class Webhook(models.Model):
    """A place outside that notices are told to: see `webhooks`. Its address is in the sealed secret."""

    class Format(models.TextChoices):
        SLACK = "slack", "Slack"
        JSON = "json", "JSON, signed"

    name = models.TextField()
    format = models.TextField(choices=Format.choices)
    # Of the address only this is shown.
    host = models.TextField()
    secret = models.ForeignKey(SealedSecret, on_delete=models.PROTECT, db_index=False)
    # What it is told of, as `Notice.Kind`.
    kinds = models.JSONField(default=list)
    is_on = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(null=True)
    # Empty: the last call was heard.
    last_error = models.TextField(blank=True, default="")

    class Meta:
        db_table = "webhook"

    def __str__(self) -> str:
        return self.name

    @property
    def labels(self) -> list[str]:
        """What it is told of, in words."""
        return [kind.label for kind in Notice.Kind if kind.value in self.kinds]


class SentForm(models.Model):
    """A form that was sent and done: see `sent_forms`."""

    digest = models.CharField(max_length=64, primary_key=True)
    led_to = models.TextField(default="")
    sent_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        db_table = "sent_form"

    def __str__(self) -> str:
        return f"sent form {self.digest[:8]}"
