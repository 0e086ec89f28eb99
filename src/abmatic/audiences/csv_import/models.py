"""An import of a file, its bytes, and the rows of it that couldn't be taken."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.changes.models import Cause
from abmatic.identity.models import ApiKey


class FileImport(models.Model):
    """One file that was given, what its columns are, and what became of it."""

    class Record(models.TextChoices):
        ACCOUNT = "account", "Accounts"
        CONTACT = "contact", "Contacts"
        OPPORTUNITY = "opportunity", "Opportunities"

    class State(models.TextChoices):
        UPLOADING = "uploading", "Uploading"
        MAPPING = "mapping", "To be mapped"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Ready to import"
        IMPORTING = "importing", "Importing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Duplicates(models.TextChoices):
        """What a row does to a record that is here already."""

        SKIP = "skip", "Skip"
        OVERWRITE = "overwrite", "Overwrite"
        FILL = "fill", "Fill empty only"

    class MissingAccount(models.TextChoices):
        """What becomes of a row that names an account which isn't here."""

        LEAVE = "leave", "Leave it empty"
        CREATE = "create", "Create the account"
        REJECT = "reject", "Reject the row"

    OVER = (State.DONE, State.FAILED, State.CANCELLED)

    record = models.TextField(choices=Record.choices)
    file_name = models.TextField()
    size = models.BigIntegerField(default=0)
    state = models.TextField(choices=State.choices, default=State.UPLOADING)
    # Grows with every choice and every check: a preview is of one revision, and only that can be imported.
    revision = models.IntegerField(default=0)
    # How the file is written: found when it came, and may be corrected.
    encoding = models.TextField(default="")
    delimiter = models.TextField(default="")
    header = models.JSONField(default=list)
    # The first rows, cells cut short.
    sample = models.JSONField(default=list)
    # For each column the field it goes to, or None.
    columns = models.JSONField(default=list)
    duplicates = models.TextField(choices=Duplicates.choices, default=Duplicates.FILL)
    # Whether rows without a key make records, which nothing can find again.
    takes_keyless = models.BooleanField(default=False)
    missing_account = models.TextField(choices=MissingAccount.choices, default=MissingAccount.LEAVE, db_default="leave")
    decimal_comma = models.BooleanField(default=False)
    day_first = models.BooleanField(default=False)
    collection = models.ForeignKey("audiences.Collection", null=True, on_delete=models.SET_NULL, related_name="files")
    # Of one that is made when the import begins; from then on what the collection was called, should it be deleted.
    collection_name = models.TextField(blank=True, default="")
    # How far it is: bytes read, then rows written; ``rows`` is known once all are read.
    bytes_read = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(null=True)
    # Everything up to this row is written. Moves in the transaction that writes it.
    done = models.BigIntegerField(default=0)
    # What an import would do (see `checking`), and what it did.
    found = models.JSONField(null=True)
    counts = models.JSONField(default=dict)
    # Why it failed, or can't be checked, and what helps.
    problem = models.TextField(blank=True, default="")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Where a program gave it.
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+")
    cause = models.ForeignKey(Cause, null=True, on_delete=models.SET_NULL, db_constraint=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # When the file and its rejected rows were removed, as old.
    removed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "audiences"
        db_table = "file_import"
        indexes = (models.Index(fields=["record", "-id"], name="file_import_latest"),)

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_over(self) -> bool:
        """Nothing more will be done with it."""
        return self.state in self.OVER

    @property
    def can_go_on(self) -> bool:
        """It failed, and what it has not written yet is still here."""
        return self.state == self.State.FAILED and self.removed_at is None and self.cause_id is not None

    @property
    def is_collection_gone(self) -> bool:
        """The collection that its records were to join was deleted."""
        return self.started_at is not None and bool(self.collection_name) and self.collection_id is None

    @property
    def is_at_work(self) -> bool:
        """A worker has it, or will."""
        return self.state in {self.State.CHECKING, self.State.IMPORTING}


class FilePart(models.Model):
    """A piece of a file, a megabyte at most: in the database, where every worker on every machine can read it."""

    file = models.ForeignKey(FileImport, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        app_label = "audiences"
        db_table = "file_part"
        constraints = (models.UniqueConstraint(fields=["file", "number"], name="file_part_once"),)

    def __str__(self) -> str:
        return f"part {self.number} of {self.file_id}"


class RejectedRow(models.Model):
    """A row of a file that isn't imported, or only without its account, and why. What it held is in the file."""

    pk = models.CompositePrimaryKey("file_id", "number")
    file = models.ForeignKey(
        FileImport, on_delete=models.CASCADE, related_name="rejected", db_constraint=False, db_index=False
    )
    # Counted among the rows below the heading, from 1; ``line`` is where it begins in the file.
    number = models.BigIntegerField()
    line = models.BigIntegerField()
    # Another row of the file is the same record.
    is_repeat = models.BooleanField(default=False)
    # It is imported all the same: the account that it names isn't here, and is left empty.
    is_imported = models.BooleanField(default=False, db_default=False)
    reason = models.TextField()

    class Meta:
        app_label = "audiences"
        db_table = "rejected_row"

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
