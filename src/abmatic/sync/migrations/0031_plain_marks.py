"""A changed mirror leaves its mark by a plain INSERT (attribution's 0010 tells why)."""

from django.db import migrations

NOTE = """
CREATE OR REPLACE FUNCTION attribution_notes_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        {update}
    ELSIF (SELECT count(*) FROM touched) > 20000 THEN
        INSERT INTO attribution_due (what, key) VALUES ('all', '');
    ELSE
        INSERT INTO attribution_due (what, key)
        SELECT DISTINCT '{what}', local_id::text FROM touched WHERE local_id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
"""
BEFORE = """INSERT INTO attribution_due (what, key)
        SELECT DISTINCT '{what}', u.id::text FROM unnest(ARRAY[OLD.local_id, NEW.local_id]) AS u (id)
         WHERE u.id IS NOT NULL;"""
NOW = """IF NEW.local_id IS NOT NULL THEN
            INSERT INTO attribution_due (what, key) VALUES ('{what}', NEW.local_id::text);
        END IF;
        IF OLD.local_id IS NOT NULL AND OLD.local_id IS DISTINCT FROM NEW.local_id THEN
            INSERT INTO attribution_due (what, key) VALUES ('{what}', OLD.local_id::text);
        END IF;"""
NOTED = {"mirror_opportunity": "opportunity", "mirror_lead": "contact", "mirror_contact": "contact"}


def _of(table: str, update: str) -> str:
    what = NOTED[table]
    return NOTE.format(table=table, what=what, update=update.format(what=what))


class Migration(migrations.Migration):
    dependencies = [("sync", "0030_installation_mark"), ("attribution", "0006_due")]
    operations = [migrations.RunSQL(_of(table, NOW), _of(table, BEFORE)) for table in NOTED]
