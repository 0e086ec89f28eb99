from django.db import migrations

# Nothing ever told the country of a visit, so these were shown to nobody. Without their countries they would be shown to
# everybody at once: that is for somebody to decide. Which countries they were, the audit log keeps; each experience says
# that it has changed, also one that was off.
KEEP = """
INSERT INTO audit_entry (at, by, about, subject_id, subject, act, differences)
SELECT now(), 'Abmatic: audiences have no countries any more', 'site', site_id, name,
       CASE WHEN is_on THEN 'countries removed, experience turned off' ELSE 'countries removed' END,
       jsonb_build_array(
           jsonb_build_object('what', 'countries', 'kind', 'removed', 'before', to_jsonb(countries), 'after', NULL)
       ) || CASE WHEN is_on
            THEN jsonb_build_array(jsonb_build_object('what', 'on', 'kind', 'changed', 'before', true, 'after', false))
            ELSE '[]' END
  FROM experience WHERE countries <> '{}' ORDER BY id;
"""
OFF = """
UPDATE experience SET is_on = false, changed_by = 'Abmatic: audiences have no countries any more', updated_at = now()
 WHERE countries <> '{}'
"""


class Migration(migrations.Migration):
    dependencies = [("personalisation", "0002_content"), ("identity", "0008_audit_sites")]

    operations = [
        migrations.RunSQL(KEEP, migrations.RunSQL.noop),
        migrations.RunSQL(OFF, migrations.RunSQL.noop),
        migrations.RemoveField("experience", "countries"),
    ]
