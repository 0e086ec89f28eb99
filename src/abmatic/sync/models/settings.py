"""What the settings pages need to know: the fields that orgs offer, and who changed which setting."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from abmatic.audiences.counted import counted
from abmatic.sync.models.connections import Connection


class OrgFields(models.Model):
    """The fields of an object as the org's describe showed them: label, type and what may be done with each."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    sobject = models.TextField()
    # [{"name", "label", "type", …}]: see sync.org_fields.
    fields = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        db_table = "org_fields"
        constraints = (models.UniqueConstraint("connection", "sobject", name="org_fields_once"),)

    def __str__(self) -> str:
        return f"fields of {self.sobject}"


class SettingsChange(models.Model):
    """One act that changed settings: whose, when, and each setting with its value before and after."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="settings_changes")
    # Empty where it is about the connection itself.
    sobject = models.TextField(blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Who it was where no person was signed in: "Command line", or the API key's name.
    by = models.TextField(blank=True, default="")
    # [{"kind": added|changed|removed, "what", "before", "after"}], values as in a settings file.
    differences = models.JSONField(default=list)

    class Meta:
        db_table = "settings_change"
        indexes = (models.Index(fields=["connection", "sobject", "-id"], name="settings_change_by_object"),)

    def __str__(self) -> str:
        return f"{counted(len(self.differences), 'setting')} of {self.sobject or 'the connection'}"
