"""Keys and casts, version 1, as SQL functions; the Public Suffix List is loaded after the migration (see apps.py)."""

from importlib import resources

from django.db import migrations


def _file(name: str) -> str:
    return resources.files("abmatic.audiences").joinpath("sql", name).read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("audiences", "0001_initial")]

    operations = [
        migrations.RunSQL(
            _file("casts_v1.sql"),
            "DROP FUNCTION as_timestamp, as_date, try_date, try_timestamp, as_numeric, as_bigint, as_boolean",
        ),
        migrations.RunSQL(
            _file("keys_v1.sql"),
            "DROP FUNCTION domain_key, email_key, domain_of, email_of, suffix_depth, idna_host, idna_label, visible;"
            "DROP COLLATION unicode_lower; DROP TABLE public_suffix, unkeyed_host",
        ),
    ]
