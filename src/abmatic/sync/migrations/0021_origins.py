"""What attribution asks: when a deal or a person was first made. Salesforce's own date, not that of the import."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE VIEW record_origin AS
SELECT 'opportunity' AS record, local_id AS record_id, created AS made_at
  FROM mirror_opportunity WHERE local_id IS NOT NULL AND created IS NOT NULL
UNION ALL
SELECT 'contact', local_id, created FROM mirror_lead WHERE local_id IS NOT NULL AND created IS NOT NULL
UNION ALL
SELECT 'contact', local_id, created FROM mirror_contact WHERE local_id IS NOT NULL AND created IS NOT NULL
"""
BACKWARD = """
CREATE OR REPLACE VIEW record_origin AS
SELECT NULL::text AS record, NULL::bigint AS record_id, NULL::timestamptz AS made_at WHERE false
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0020_record_pages"), ("attribution", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
