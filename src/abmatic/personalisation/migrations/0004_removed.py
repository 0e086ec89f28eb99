from django.db import migrations, models

CONTENT = """
CREATE OR REPLACE VIEW personalised_content AS
SELECT v.id AS variant_id, x.campaign_id, v.name AS variant
  FROM experience_variant AS v JOIN experience AS x ON x.id = v.experience_id
 WHERE x.removed_at IS NULL
"""
AS_BEFORE = CONTENT.replace(" WHERE x.removed_at IS NULL\n", "")
# Those that were removed would be there again.
DELETE = """
DELETE FROM experience_event WHERE assignment_id IN (
    SELECT a.id FROM experience_assignment AS a JOIN experience AS x ON x.id = a.experience_id
     WHERE x.removed_at IS NOT NULL);
DELETE FROM experience_assignment AS a USING experience AS x WHERE x.id = a.experience_id AND x.removed_at IS NOT NULL;
DELETE FROM experience_variant AS v USING experience AS x WHERE x.id = v.experience_id AND x.removed_at IS NOT NULL;
DELETE FROM experience WHERE removed_at IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("personalisation", "0003_no_countries")]

    operations = [
        migrations.AddField("experience", "removed_at", models.DateTimeField(null=True)),
        migrations.RunSQL(CONTENT, AS_BEFORE),
        migrations.RunSQL(migrations.RunSQL.noop, DELETE),
    ]
