"""Connections that are there already get the settings that a new one has for campaigns.

Opportunities are all read once more, because none of them said yet which campaign it is put down to.
"""

from django.db import migrations

_MAPPINGS = (
    ("Name", "name"), ("Type", "type"), ("Status", "status"), ("IsActive", "is_active"), ("StartDate", "start_date"),
    ("EndDate", "end_date"), ("BudgetedCost", "budgeted_cost"), ("ActualCost", "actual_cost"),
    ("ExpectedRevenue", "expected_revenue"),
)  # fmt: skip


def add_settings(apps, schema_editor):
    connections = apps.get_model("sync", "Connection")
    settings = apps.get_model("sync", "ObjectSetting")
    mappings = apps.get_model("sync", "FieldMapping")
    for connection in connections.objects.all():
        setting, is_new = settings.objects.get_or_create(connection=connection, sobject="Campaign")
        if is_new:
            mappings.objects.bulk_create(
                mappings(setting=setting, sf_field=sf_field, local_field=local_field, position=position)
                for position, (sf_field, local_field) in enumerate(_MAPPINGS)
            )


READ_OPPORTUNITIES = """
UPDATE object_setting SET mirrored = jsonb_set(mirrored, '{Opportunity,filled}', 'false')
 WHERE sobject = 'Opportunity' AND mirrored ? 'Opportunity'
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0013_campaigns")]
    operations = [
        migrations.RunPython(add_settings, migrations.RunPython.noop),
        migrations.RunSQL(READ_OPPORTUNITIES, migrations.RunSQL.noop),
    ]
