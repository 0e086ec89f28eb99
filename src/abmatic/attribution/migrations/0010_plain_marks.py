"""A changed row leaves its mark by a plain INSERT, some two to three times as fast as by a UNION of before and after.

Row by row all the same: 100,000 visits whose end changes take about as long as by a trigger for the statement, which
would keep every row before and after; and where only what nothing follows from changes, such as a score, there is no
call at all, where that one makes the statement take about twice as long.

A campaign whose type alone changed is marked as such: no visit is of another campaign for that.
"""

from django.db import migrations

NOTE = """
CREATE OR REPLACE FUNCTION attribution_notes_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        {update}
    ELSIF (SELECT count(*) FROM touched) > 20000 THEN
        INSERT INTO attribution_due (what, key) VALUES ('all', '');
    ELSE
        INSERT INTO attribution_due (what, key) SELECT DISTINCT '{what}', {column}::text FROM touched;
    END IF;
    RETURN NULL;
END $$;
"""
BEFORE = """INSERT INTO attribution_due (what, key)
        SELECT '{what}', OLD.{column}::text UNION SELECT '{what}', NEW.{column}::text;"""
# An id stays what it is.
PLAIN = "INSERT INTO attribution_due (what, key) VALUES ('{what}', NEW.id::text);"
EITHER = """INSERT INTO attribution_due (what, key) VALUES ('{what}', NEW.{column}::text);
        IF OLD.{column} <> NEW.{column} THEN
            INSERT INTO attribution_due (what, key) VALUES ('{what}', OLD.{column}::text);
        END IF;"""
OF_CAMPAIGN = """INSERT INTO attribution_due (what, key)
        VALUES (CASE WHEN OLD.name IS DISTINCT FROM NEW.name THEN 'campaign' ELSE 'campaign_type' END, NEW.id::text);"""

# By table: what is marked, the column that names it, and how where a row changes.
NOTED = {
    "contact": ("contact", "id", PLAIN),
    "campaign": ("campaign", "id", OF_CAMPAIGN),
    "campaign_member": ("campaign_member", "id", PLAIN),
    "opportunity": ("opportunity", "id", PLAIN),
    "opportunity_contact": ("opportunity", "opportunity_id", EITHER),
    "web_session": ("web_session", "id", PLAIN),
    "web_form": ("web_form", "id", PLAIN),
    "experience": ("experience", "id", PLAIN),
    "experience_assignment": ("experience_assignment", "id", PLAIN),
    "experience_event": ("experience_assignment", "assignment_id", EITHER),
}


def _of(table: str, update: str | None = None) -> str:
    what, column, now = NOTED[table]
    told = (update or now).format(what=what, column=column)
    return NOTE.format(table=table, what=what, column=column, update=told)


class Migration(migrations.Migration):
    dependencies = [("attribution", "0009_removed_experiences")]
    operations = [migrations.RunSQL(_of(table), _of(table, BEFORE)) for table in NOTED]
