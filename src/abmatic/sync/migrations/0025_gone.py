"""What attribution asks: which deals are deleted in Salesforce, in every org that they were in."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE VIEW record_gone AS
SELECT 'opportunity' AS record, m.local_id AS record_id
  FROM mirror_opportunity AS m
 WHERE m.local_id IS NOT NULL AND m.is_deleted
   AND NOT EXISTS (SELECT FROM mirror_opportunity AS o WHERE o.local_id = m.local_id AND NOT o.is_deleted)
 GROUP BY m.local_id
"""
BACKWARD = """
CREATE OR REPLACE VIEW record_gone AS SELECT NULL::text AS record, NULL::bigint AS record_id WHERE false
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0024_visit_tasks"), ("attribution", "0004_org_rates")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
