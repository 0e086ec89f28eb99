from django.db import migrations

# Nothing ever told the country of a visit, so these were shown to nobody. Without their countries they would be shown to
# everybody at once: that is for somebody to decide.
OFF = """
UPDATE experience SET is_on = false, changed_by = 'Abmatic: audiences have no countries any more', updated_at = now()
 WHERE is_on AND countries <> '{}'
"""


class Migration(migrations.Migration):
    dependencies = [("personalisation", "0002_content")]

    operations = [
        migrations.RunSQL(OFF, migrations.RunSQL.noop),
        migrations.RemoveField("experience", "countries"),
    ]
