"""Who waits for changes is told when one is committed, instead of asking all the time: LISTEN abmatic_change."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION tell_of_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Once a transaction, however many statements it has: equal notifications are one.
    PERFORM pg_notify('abmatic_change', '');
    RETURN NULL;
END $$;
CREATE TRIGGER change_told AFTER INSERT ON change FOR EACH STATEMENT EXECUTE FUNCTION tell_of_changes();
"""
BACKWARD = "DROP TRIGGER change_told ON change; DROP FUNCTION tell_of_changes();"


class Migration(migrations.Migration):
    dependencies = [("changes", "0002_transaction")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
