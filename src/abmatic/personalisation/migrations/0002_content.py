from django.db import migrations

CONTENT = """
CREATE OR REPLACE VIEW personalised_content AS
SELECT v.id AS variant_id, x.campaign_id, v.name AS variant
  FROM experience_variant AS v JOIN experience AS x ON x.id = v.experience_id
"""
NOTHING = """
CREATE OR REPLACE VIEW personalised_content AS
SELECT NULL::bigint AS variant_id, NULL::bigint AS campaign_id, NULL::text AS variant WHERE false
"""


class Migration(migrations.Migration):

    dependencies = [("personalisation", "0001_initial"), ("campaigns", "0005_personalised_content")]

    operations = [migrations.RunSQL(CONTENT, NOTHING)]
