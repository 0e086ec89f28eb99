"""Whoever changes what touches and paths follow from leaves a mark of it, in the same transaction.

So a change that commits late is told late, one that is taken back isn't told, and a restored database has the marks that
belong to its data. What no touch or path follows from (a score, a stage) leaves none.
"""

from django.db import migrations, models

# By table: what is marked, the column that names it, and the columns whose change counts.
NOTED = {
    "contact": ("contact", "id", ("account_id", "created_at")),
    "campaign": ("campaign", "id", ("name", "type")),
    "campaign_member": (
        "campaign_member", "id",
        ("campaign_id", "contact_id", "has_responded", "first_responded", "is_removed", "lives_on_id"),
    ),
    "opportunity": ("opportunity", "id", ("account_id", "amount", "close_date", "is_closed", "created_at")),
    "opportunity_contact": ("opportunity", "opportunity_id", ("opportunity_id", "contact_id")),
    "web_session": (
        "web_session", "id",
        ("site_id", "began_at", "ended_at", "stay_ended_at", "channel", "campaign", "landing_path",
         "contact_id", "account_id"),
    ),
    "web_form": ("web_form", "id", ("session_id", "occurred_at", "path")),
    "experience": ("experience", "id", ("campaign_id", "site_id")),
    "experience_assignment": ("experience_assignment", "id", ("visitor", "experience_id", "variant_id")),
    "experience_event": (
        "experience_assignment", "assignment_id", ("assignment_id", "is_click", "occurred_at", "path"),
    ),
}  # fmt: skip

# A statement that writes very many rows leaves one mark: everything is made anew, which is faster then.
NOTE = """
CREATE FUNCTION attribution_notes_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO attribution_due (what, key)
        SELECT '{what}', OLD.{column}::text UNION SELECT '{what}', NEW.{column}::text;
    ELSIF (SELECT count(*) FROM touched) > 20000 THEN
        INSERT INTO attribution_due (what, key) VALUES ('all', '');
    ELSE
        INSERT INTO attribution_due (what, key) SELECT DISTINCT '{what}', {column}::text FROM touched;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER attribution_notes_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_{table}();
CREATE TRIGGER attribution_notes_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_{table}();
CREATE TRIGGER attribution_notes_update AFTER UPDATE ON {table} FOR EACH ROW
    WHEN (({before}) IS DISTINCT FROM ({after})) EXECUTE FUNCTION attribution_notes_{table}();
"""
UNNOTE = """
DROP TRIGGER attribution_notes_insert ON {table};
DROP TRIGGER attribution_notes_delete ON {table};
DROP TRIGGER attribution_notes_update ON {table};
DROP FUNCTION attribution_notes_{table}();
"""

# What is gone can't be asked any more whose it was. What its visitor was given is marked, never the visitor: who is erased
# is in no mark.
GONE = """
CREATE FUNCTION attribution_notes_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'web_session' THEN
        INSERT INTO attribution_due (what, key)
        SELECT DISTINCT 'experience_assignment', a.id::text
          FROM touched AS s JOIN visitor AS v ON v.id = s.visitor_id JOIN experience_assignment AS a ON a.visitor = v.key;
    ELSIF TG_TABLE_NAME = 'visitor' THEN
        INSERT INTO attribution_due (what, key)
        SELECT 'experience_assignment', a.id::text
          FROM touched AS v JOIN experience_assignment AS a ON a.visitor = v.key;
    ELSE
        INSERT INTO attribution_due (what, key) SELECT 'experience_event', id::text FROM touched;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER attribution_notes_gone AFTER DELETE ON web_session REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_gone();
CREATE TRIGGER attribution_notes_gone AFTER DELETE ON visitor REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_gone();
CREATE TRIGGER attribution_notes_gone AFTER DELETE ON experience_event REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION attribution_notes_gone();
-- Nobody marked what came before.
INSERT INTO attribution_due (what, key) VALUES ('all', '');
"""
UNGONE = """
DROP TRIGGER attribution_notes_gone ON web_session;
DROP TRIGGER attribution_notes_gone ON visitor;
DROP TRIGGER attribution_notes_gone ON experience_event;
DROP FUNCTION attribution_notes_gone();
"""


def _of(text: str, table: str) -> str:
    what, column, watched = NOTED[table]
    return text.format(
        table=table,
        what=what,
        column=column,
        before=", ".join(f"OLD.{each}" for each in watched),
        after=", ".join(f"NEW.{each}" for each in watched),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0005_credited_at"),
        ("audiences", "0013_engagement"),
        ("campaigns", "0006_hits_of_people"),
        ("engagement", "0006_networks"),
        ("personalisation", "0002_content"),
    ]
    operations = [
        migrations.CreateModel(
            name="AttributionDue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.TextField(db_collation="C")),
                ("key", models.TextField(db_collation="C")),
            ],
            options={"db_table": "attribution_due"},
        ),
        *(migrations.RunSQL(_of(NOTE, table), _of(UNNOTE, table)) for table in NOTED),
        migrations.RunSQL(GONE, UNGONE),
    ]
