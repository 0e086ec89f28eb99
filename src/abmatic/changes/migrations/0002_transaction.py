"""Each change says which transaction wrote it, so that the log can be followed without missing a late commit."""

from django.db import migrations

FORWARD = """
ALTER TABLE change ADD COLUMN tx bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint);
COMMENT ON COLUMN change.tx IS 'The transaction that wrote the row; compare with pg_snapshot_xmin(pg_current_snapshot()).';
CREATE INDEX change_tx ON change (tx);
"""


class Migration(migrations.Migration):
    dependencies = [("changes", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, "ALTER TABLE change DROP COLUMN tx")]
