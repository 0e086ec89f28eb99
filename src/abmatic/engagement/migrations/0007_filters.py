"""Indexes for the filters of the list of visits, and for the question whether a score is of another version.

Not built concurrently: what is broken off would be left half built, and not undone. Workers, who alone make sessions, are
stopped while a release is put in place (docs/upgrading.md); reading goes on.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagement", "0006_networks")]
    operations = [
        migrations.AddIndex(
            model_name="websession",
            index=models.Index(fields=["channel", "-began_at", "-id"], name="web_session_of_channel"),
        ),
        migrations.AddIndex(
            model_name="websession",
            index=models.Index(
                condition=models.Q(("contact_id__isnull", False)), fields=["-began_at", "-id"],
                name="web_session_of_people",
            ),
        ),
        migrations.AddIndex(
            model_name="websession",
            index=models.Index(
                condition=models.Q(("account_id__isnull", False), ("contact_id__isnull", True)),
                fields=["-began_at", "-id"], name="web_session_of_companies",
            ),
        ),
        migrations.AddIndex(
            model_name="engagement", index=models.Index(fields=["version"], name="engagement_version")
        ),
    ]  # fmt: skip
