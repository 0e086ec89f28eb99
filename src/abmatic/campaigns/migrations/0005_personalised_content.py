from django.db import migrations

# What clicks on personalised content name: its variant, of which campaign. A room above says it by replacing the view.
CONTENT = """
CREATE VIEW personalised_content AS
SELECT NULL::bigint AS variant_id, NULL::bigint AS campaign_id, NULL::text AS variant WHERE false
"""


class Migration(migrations.Migration):

    dependencies = [("campaigns", "0004_rules")]

    operations = [migrations.RunSQL(CONTENT, "DROP VIEW personalised_content")]
