"""Views with stable names, for people who query Postgres themselves.

A migration that changes the type of a column which a view reads, or drops it, drops the views first and makes them
again, of a file of its own: ``DROP SCHEMA abmatic_views CASCADE`` takes the rights that were granted with it, so it
replaces views one by one (``CREATE OR REPLACE VIEW``) where it can.
"""

from importlib import resources

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0009_retention"),
        ("audiences", "0003_signless_sort"),
        ("changes", "0005_retention"),
        ("identity", "0002_api_keys"),
    ]

    operations = [
        migrations.RunSQL(
            resources.files("abmatic.sync").joinpath("sql", "views_v1.sql").read_text(encoding="utf-8"),
            "DROP SCHEMA abmatic_views CASCADE",
        )
    ]
