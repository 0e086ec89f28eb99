"""The web events, partitioned by month; the salts out of the write-ahead log."""

from django.db import migrations

FORWARD = """
ALTER TABLE tracking_salt SET UNLOGGED;

CREATE TABLE web_event (
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    site_id bigint NOT NULL,
    visitor text NOT NULL COLLATE "C",
    kind text NOT NULL,
    url text,
    path text,
    referrer text,
    title text,
    utm jsonb,
    click_ids jsonb,
    properties jsonb,
    browser text,
    os text,
    device text,
    country text,
    ip inet CONSTRAINT web_event_ip_is_truncated CHECK (
        ip = network(ip)::inet AND masklen(ip) <= CASE family(ip) WHEN 4 THEN 24 ELSE 48 END
    ),
    tx bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);

COMMENT ON TABLE web_event IS 'What visitors did on the sites. Times in UTC; partitioned by month of occurred_at.';
COMMENT ON COLUMN web_event.occurred_at IS 'The time in the id (UUIDv7), which the browser made.';
COMMENT ON COLUMN web_event.visitor IS 'The id in the cookie, or without cookies the day''s hash (d-…).';
COMMENT ON COLUMN web_event.ip IS 'Truncated: /24 of IPv4, /48 of IPv6.';
COMMENT ON COLUMN web_event.tx IS 'The transaction that wrote the row; see tracking.store.';

-- To read on, to find a visitor, and to find who gave an e-mail address.
CREATE INDEX web_event_tx ON web_event (tx, id);
CREATE INDEX web_event_visitor ON web_event (visitor, occurred_at);
CREATE INDEX web_event_email ON web_event (lower(properties ->> 'email')) WHERE properties ? 'email';
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, "DROP TABLE web_event; ALTER TABLE tracking_salt SET LOGGED")]
