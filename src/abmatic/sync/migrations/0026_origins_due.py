"""Attribution is told when what it asks of Salesforce changes: when a record was made there, and which deals are gone.

The view of these has a row a mirror now, not a deal: so Postgres looks up the few deals that are asked about.
"""

from django.db import migrations

NOTE = """
CREATE FUNCTION attribution_notes_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO attribution_due (what, key)
        SELECT DISTINCT '{what}', u.id::text FROM unnest(ARRAY[OLD.local_id, NEW.local_id]) AS u (id)
         WHERE u.id IS NOT NULL;
    ELSIF (SELECT count(*) FROM touched) > 20000 THEN
        INSERT INTO attribution_due (what, key) VALUES ('all', '');
    ELSE
        INSERT INTO attribution_due (what, key)
        SELECT DISTINCT '{what}', local_id::text FROM touched WHERE local_id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER attribution_notes_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_{table}();
CREATE TRIGGER attribution_notes_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_{table}();
CREATE TRIGGER attribution_notes_update AFTER UPDATE ON {table} FOR EACH ROW
    WHEN ((OLD.local_id, OLD.created, OLD.is_deleted) IS DISTINCT FROM (NEW.local_id, NEW.created, NEW.is_deleted))
    EXECUTE FUNCTION attribution_notes_{table}();
"""
UNNOTE = """
DROP TRIGGER attribution_notes_insert ON {table};
DROP TRIGGER attribution_notes_delete ON {table};
DROP TRIGGER attribution_notes_update ON {table};
DROP FUNCTION attribution_notes_{table}();
"""
NOTED = {"mirror_opportunity": "opportunity", "mirror_lead": "contact", "mirror_contact": "contact"}

GONE = """
CREATE OR REPLACE VIEW record_gone AS
SELECT 'opportunity' AS record, m.local_id AS record_id
  FROM mirror_opportunity AS m
 WHERE m.local_id IS NOT NULL AND m.is_deleted
   AND NOT EXISTS (SELECT FROM mirror_opportunity AS o WHERE o.local_id = m.local_id AND NOT o.is_deleted)
"""
GONE_BEFORE = GONE + " GROUP BY m.local_id"


class Migration(migrations.Migration):
    dependencies = [("sync", "0025_gone"), ("attribution", "0006_due")]
    operations = [
        *(
            migrations.RunSQL(NOTE.format(table=table, what=what), UNNOTE.format(table=table))
            for table, what in NOTED.items()
        ),
        migrations.RunSQL(GONE, GONE_BEFORE),
    ]
