"""Each session says which transaction changed it last, so that rooms above read what changed since they last looked."""

from django.db import migrations

FORWARD = """
ALTER TABLE web_session ADD COLUMN tx bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint);
COMMENT ON COLUMN web_session.tx IS 'The transaction that wrote the row last; see engagement.doings.';
CREATE INDEX web_session_tx ON web_session (tx);
CREATE FUNCTION web_session_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tx := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER web_session_changed BEFORE UPDATE ON web_session
    FOR EACH ROW EXECUTE FUNCTION web_session_changed();
"""
BACKWARD = """
DROP TRIGGER web_session_changed ON web_session;
DROP FUNCTION web_session_changed();
ALTER TABLE web_session DROP COLUMN tx;
"""


class Migration(migrations.Migration):
    dependencies = [("engagement", "0003_new_people")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
