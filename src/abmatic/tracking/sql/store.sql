-- append -- Takes what is not there yet. Answers how many of each site. {events}: a JSON array of them (see tracking.store.line_of).
WITH taken AS (
    INSERT INTO web_event (occurred_at, id, received_at, site_id, visitor, kind, url, path, referrer, title, utm,
                           click_ids, properties, browser, os, device, country, ip)
    SELECT *
      FROM json_to_recordset({events})
           AS e (occurred_at timestamptz, id uuid, received_at timestamptz, site_id bigint, visitor text, kind text,
                 url text, path text, referrer text, title text, utm jsonb, click_ids jsonb, properties jsonb,
                 browser text, os text, device text, country text, ip inet)
        ON CONFLICT (occurred_at, id) DO NOTHING
    RETURNING site_id
)
SELECT site_id, count(*) FROM taken GROUP BY site_id;

-- incoming -- Where a writer copies many to; one for each session, empty after each commit.
CREATE TEMP TABLE incoming_web_event (event json) ON COMMIT DELETE ROWS;

-- copy -- Many at once, each a JSON object.
COPY incoming_web_event FROM STDIN;

-- read -- The next events after a position that no open transaction can put one before. Parameters: tx, id, upto, most, kinds.
SELECT occurred_at, id, received_at, site_id, visitor, kind, url, path, referrer, title, utm, click_ids, properties,
       browser, os, device, country, ip, tx
  FROM web_event
 WHERE (tx, id) > (%(tx)s::bigint, %(id)s::uuid) AND tx < %(upto)s::bigint
   AND kind = ANY (%(kinds)s::text[])
 ORDER BY tx, id
 LIMIT %(most)s

-- is_restored -- Whether there are transactions that are yet to come. Parameter: tx (of a position).
SELECT greatest(%(tx)s::bigint, (SELECT max(tx) FROM web_event))
       > pg_snapshot_xmax(pg_current_snapshot())::text::bigint;

-- restore -- Gives another server's events a place before all that come: 0 where they were not read yet. Parameters: tx, id (of a position).
UPDATE web_event
   SET tx = CASE WHEN (tx, id) > (%(tx)s::bigint, %(id)s::uuid) THEN 0 ELSE -1 END
 WHERE tx >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint;

-- within -- What visitors did within a time each, named by a table. Parameters: first, last (of all these times).
SELECT e.occurred_at, e.id, e.received_at, e.site_id, e.visitor, e.kind, e.url, e.path, e.referrer, e.title, e.utm,
       e.click_ids, e.properties, e.browser, e.os, e.device, e.country, e.ip, e.tx
  FROM {windows} AS w
  JOIN web_event AS e ON e.visitor = w.visitor AND e.site_id = w.site_id AND e.occurred_at BETWEEN w.began_at AND w.ended_at
 WHERE e.occurred_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz;

-- of_visitor -- All events of visitors. Parameter: visitors.
SELECT occurred_at, id, received_at, site_id, visitor, kind, url, path, referrer, title, utm, click_ids, properties,
       browser, os, device, country, ip, tx
  FROM web_event
 WHERE visitor = ANY (%(visitors)s::text[])
 ORDER BY occurred_at, id;

-- of_visits -- The first events of visits, with the visit's number from 1. Parameters: visitor; sites, begun, ended (parallel arrays); most.
SELECT t.n, e.*
  FROM unnest(%(sites)s::bigint[], %(begun)s::timestamptz[], %(ended)s::timestamptz[])
       WITH ORDINALITY AS t (site_id, began_at, ended_at, n)
 CROSS JOIN LATERAL (
    SELECT occurred_at, id, received_at, site_id, visitor, kind, url, path, referrer, title, utm, click_ids, properties,
           browser, os, device, country, ip, tx
      FROM web_event AS w
     WHERE w.visitor = %(visitor)s AND w.site_id = t.site_id AND w.occurred_at BETWEEN t.began_at AND t.ended_at
     ORDER BY w.occurred_at, w.id LIMIT %(most)s
 ) AS e
 ORDER BY t.n, e.occurred_at, e.id;

-- visitors_of -- The visitors who gave an e-mail address. Parameter: email.
SELECT DISTINCT visitor FROM web_event
 WHERE properties ? 'email' AND lower(properties ->> 'email') = lower(%(email)s::text)
 ORDER BY visitor;

-- forget -- Erases the events of visitors. Parameter: visitors.
DELETE FROM web_event WHERE visitor = ANY (%(visitors)s::text[]);

-- count -- What was taken in an hour of a site. Parameters: site, hour, number, first, last, host.
INSERT INTO tracking_hour AS t (site_id, hour, number, first_at, last_at, last_host)
VALUES (%(site)s, %(hour)s, %(number)s, %(first)s, %(last)s, %(host)s)
    ON CONFLICT (site_id, hour) DO UPDATE
       SET number = t.number + excluded.number, first_at = least(t.first_at, excluded.first_at),
           last_at = greatest(t.last_at, excluded.last_at), last_host = coalesce(excluded.last_host, t.last_host);

-- count_drop -- What was dropped on a day of a site, and why. Parameters: site, day, reason, number, last.
INSERT INTO tracking_drop AS t (site_id, day, reason, number, last_at)
VALUES (%(site)s, %(day)s, %(reason)s, %(number)s, %(last)s)
    ON CONFLICT (site_id, day, reason) DO UPDATE
       SET number = t.number + excluded.number, last_at = greatest(t.last_at, excluded.last_at);
