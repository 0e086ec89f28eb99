"""An experience that is marked as removed has no touches any more: that leaves a mark too."""

from django.db import migrations

AGAIN = """
DROP TRIGGER attribution_notes_update ON experience;
CREATE TRIGGER attribution_notes_update AFTER UPDATE ON experience FOR EACH ROW
    WHEN (({before}) IS DISTINCT FROM ({after})) EXECUTE FUNCTION attribution_notes_experience();
"""


def _watching(*columns: str) -> str:
    before, after = (", ".join(f"{row}.{each}" for each in columns) for row in ("OLD", "NEW"))
    return AGAIN.format(before=before, after=after)


class Migration(migrations.Migration):
    dependencies = [("attribution", "0008_touch_of_campaign"), ("personalisation", "0004_removed")]

    operations = [
        migrations.RunSQL(
            _watching("campaign_id", "site_id", "removed_at"), _watching("campaign_id", "site_id")
        ),
    ]
