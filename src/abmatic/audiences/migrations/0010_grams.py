"""The runs of three characters by which lists are searched."""

from importlib import resources

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audiences", "0009_import_revision")]

    operations = [
        migrations.RunSQL(
            resources.files("abmatic.audiences").joinpath("sql", "grams_v1.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION grams CASCADE",
        ),
    ]
