-- position -- Up to where events were read; whoever holds the row goes on alone. Parameter: none (a uuid).
INSERT INTO events_read (id, tx, event) VALUES (1, 0, %(none)s) ON CONFLICT (id) DO UPDATE SET id = 1
RETURNING tx, event

-- go_on -- Up to where events are read now. Parameters: tx, event.
UPDATE events_read SET tx = %(tx)s, event = %(event)s, at = now() WHERE id = 1

-- visitors -- Who is new, and who was seen before or after what was known.
INSERT INTO visitor AS v (key, first_seen_at, last_seen_at)
SELECT visitor, min(occurred_at), max(occurred_at) FROM fresh_event GROUP BY visitor ORDER BY visitor
    ON CONFLICT (key) DO UPDATE
       SET first_seen_at = least(v.first_seen_at, excluded.first_seen_at),
           last_seen_at = greatest(v.last_seen_at, excluded.last_seen_at)
     WHERE excluded.first_seen_at < v.first_seen_at OR excluded.last_seen_at > v.last_seen_at

-- windows -- The time of each visitor whose sessions have to be made anew: what is new, and the stays that it touches. Parameters: idle, half_day (intervals).
CREATE TEMP TABLE stay_window ON COMMIT DROP AS
WITH fresh AS (
    SELECT e.site_id, e.visitor,
           min(greatest(e.occurred_at - make_interval(secs => CASE WHEN e.kind = 'leave'
                   THEN least(greatest((e.properties ->> 'seconds')::float8, 0), 86400) ELSE 0 END),
                   date_bin(%(half_day)s::interval, e.occurred_at, 'epoch'))) AS began_at,
           max(e.occurred_at) AS ended_at
      FROM fresh_event AS e GROUP BY e.site_id, e.visitor
)
SELECT f.site_id, f.visitor, v.id AS visitor_id, least(f.began_at, s.began_at) AS began_at,
       greatest(f.ended_at, s.ended_at) AS ended_at
  FROM fresh AS f
  JOIN visitor AS v ON v.key = f.visitor
  LEFT JOIN LATERAL (
    SELECT min(s.stay_began_at) AS began_at, max(s.stay_ended_at) AS ended_at
      FROM web_session AS s
     WHERE s.visitor_id = v.id AND s.site_id = f.site_id
       AND s.stay_ended_at >= f.began_at - %(idle)s::interval AND s.stay_began_at <= f.ended_at + %(idle)s::interval
  ) AS s ON true

-- place -- Each event of the windows with its stay, and its part of it. Parameters: idle, half_day (intervals).
CREATE TEMP TABLE placed_event ON COMMIT DROP AS
WITH timed AS (
    SELECT w.visitor_id, e.site_id, e.occurred_at, e.id, e.kind, e.url, e.path, e.referrer, e.utm, e.click_ids,
           e.properties ->> 'form' AS form, e.properties ->> 'variant' AS variant, e.browser, e.os, e.device, e.country,
           e.ip::text AS network,
           CASE WHEN e.kind = 'leave' THEN least(greatest((e.properties ->> 'seconds')::float8, 0), 86400) ELSE 0 END
               AS seconds,
           -- What brought the visitor, where the page's address says so.
           CASE WHEN e.kind = 'page' THEN nullif(coalesce(e.utm, '{}') || coalesce(e.click_ids, '{}'), '{}') END
               AS brought
      FROM stay_event AS e
      JOIN stay_window AS w ON w.site_id = e.site_id AND w.visitor = e.visitor
), spans AS (
    SELECT t.*, greatest(t.occurred_at - make_interval(secs => t.seconds),
                         date_bin(%(half_day)s::interval, t.occurred_at, 'epoch')) AS since FROM timed AS t
), breaks AS (
    SELECT s.*, s.since > max(s.occurred_at) OVER (
               PARTITION BY s.visitor_id, s.site_id ORDER BY s.since, s.occurred_at, s.id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + %(idle)s::interval AS is_break
      FROM spans AS s
), runs AS (
    SELECT b.*, count(*) FILTER (WHERE b.is_break) OVER (
               PARTITION BY b.visitor_id, b.site_id ORDER BY b.since, b.occurred_at, b.id) AS run
      FROM breaks AS b
), begun AS (
    -- The half day in which the first cut may come last: a run without a gap is in it from its beginning.
    SELECT r.*, date_bin(%(half_day)s::interval, min(r.since) OVER (PARTITION BY r.visitor_id, r.site_id, r.run)
                         + %(half_day)s::interval - %(idle)s::interval, 'epoch') AS uncut
      FROM runs AS r
), halves AS (
    SELECT b.*, greatest(b.uncut, date_bin(%(half_day)s::interval, b.occurred_at, 'epoch')) AS half FROM begun AS b
), stays AS (
    SELECT h.*, dense_rank() OVER (ORDER BY h.visitor_id, h.site_id, h.run, h.half) AS stay FROM halves AS h
), turns AS (
    SELECT s.*, s.brought IS NOT NULL AND s.brought IS DISTINCT FROM lag(s.brought) OVER (
               PARTITION BY s.stay, s.brought IS NULL ORDER BY s.occurred_at, s.id) AS is_turn
      FROM stays AS s
), parts AS (
    SELECT t.*, count(*) FILTER (WHERE t.is_turn) OVER (PARTITION BY t.stay ORDER BY t.occurred_at, t.id) AS part,
           min(t.since) OVER (PARTITION BY t.stay) AS stay_began_at,
           max(t.occurred_at) OVER (PARTITION BY t.stay) AS stay_ended_at
      FROM turns AS t
)
-- One number says which session it is: the planner knows how many there are, and joins accordingly.
SELECT p.*, dense_rank() OVER (ORDER BY p.stay, p.part) AS n FROM parts AS p

-- make -- The sessions of the windows. `id` is that of the first session before which is in it.
CREATE TEMP TABLE made_session ON COMMIT DROP AS
WITH sums AS (
    SELECT n, min(visitor_id) AS visitor_id, min(site_id) AS site_id, min(occurred_at) AS began_at,
           max(occurred_at) AS ended_at, min(stay_began_at) AS stay_began_at, min(stay_ended_at) AS stay_ended_at,
           count(*) AS events, count(*) FILTER (WHERE kind = 'page') AS pages, round(sum(seconds)) AS seconds,
           count(*) FILTER (WHERE kind = 'form') AS forms,
           -- The control group (variant 0) has clicked nothing that is personalised.
           count(*) FILTER (WHERE kind = 'click' OR kind = 'personalised_click' AND variant IS DISTINCT FROM '0') AS clicks
      FROM placed_event GROUP BY n
), first AS (
    SELECT DISTINCT ON (n) n, id AS first_event, path AS landing_path, browser, os, device, country, network
      FROM placed_event ORDER BY n, occurred_at, id
), arrival AS (
    SELECT DISTINCT ON (n)
           n, utm ->> 'source' AS source, utm ->> 'medium' AS medium, utm ->> 'campaign' AS campaign, click_ids,
           lower(substring(referrer FROM '^https?://(?:www\.)?([^/:?#]+)')) AS host,
           lower(substring(url FROM '^https?://(?:www\.)?([^/:?#]+)')) AS own_host
      FROM placed_event WHERE kind = 'page' ORDER BY n, occurred_at, id
), leaving AS (
    SELECT DISTINCT ON (n) n, path AS exit_path
      FROM placed_event WHERE kind = 'page' ORDER BY n, occurred_at DESC, id DESC
)
SELECT NULL::bigint AS id, s.*, f.first_event, f.landing_path, f.browser, f.os, f.device, f.country, f.network,
       l.exit_path, a.source, a.medium, a.campaign,
       coalesce((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(a.click_ids) AS k), '{}') AS click_ids,
       CASE WHEN NOT is_own.it THEN a.host END AS referrer_host, NULL::text AS way
  FROM sums AS s
  JOIN first AS f USING (n)
  LEFT JOIN arrival AS a USING (n)
  LEFT JOIN leaving AS l USING (n)
 CROSS JOIN LATERAL (
    SELECT coalesce(a.host = a.own_host, false) OR EXISTS (
        SELECT FROM tracking_site AS t,
                    unnest(t.origins) AS o,
                    substring(o FROM '^https?://(?:\*\.)?(?:www\.)?([^/:]+)') AS known
         WHERE t.id = s.site_id AND (a.host = known OR right(a.host, length(known) + 1) = '.' || known)) AS it
 ) AS is_own

-- name_ways -- Gives the same name to sessions that came the same way.
UPDATE made_session
   SET way = jsonb_build_array(referrer_host, source, medium, campaign IS NOT NULL, click_ids)::text

-- ways -- The different ways by which the sessions came.
SELECT DISTINCT ON (way) way, referrer_host, source, medium, campaign, click_ids FROM made_session ORDER BY way

-- channels -- Where the channels of these ways go, which are copied to it.
CREATE TEMP TABLE way_channel (way text NOT NULL, channel text NOT NULL) ON COMMIT DROP

-- copy_channels -- In the order of sessions._classify.
COPY way_channel (way, channel) FROM STDIN

-- recognise -- A session keeps its id: it is the one before whose first event is in it, the earliest of several.
UPDATE made_session AS m SET id = known.id
  FROM (
    SELECT DISTINCT ON (e.n) e.n, s.id
      FROM web_session AS s
      JOIN placed_event AS e ON e.id = s.first_event
     ORDER BY e.n, e.occurred_at, e.id
  ) AS known
 WHERE m.n = known.n

-- remove -- Sessions that have become part of another; whose they were is scored anew.
WITH gone AS (
    DELETE FROM web_session AS s
     USING stay_window AS w
     WHERE s.visitor_id = w.visitor_id AND s.site_id = w.site_id
       AND s.stay_began_at >= w.began_at AND s.stay_ended_at <= w.ended_at
       AND EXISTS (SELECT FROM placed_event AS e WHERE e.id = s.first_event)
       AND NOT EXISTS (SELECT FROM made_session AS m WHERE m.id = s.id)
    RETURNING s.contact_id, s.account_id
)
INSERT INTO score_due (record, record_id)
SELECT 'contact', contact_id FROM gone WHERE contact_id IS NOT NULL
 UNION
SELECT 'account', account_id FROM gone WHERE account_id IS NOT NULL

-- change -- Sessions that are there, where they differ. Parameter: version.
UPDATE web_session AS s
   SET began_at = m.began_at, ended_at = m.ended_at, stay_began_at = m.stay_began_at, stay_ended_at = m.stay_ended_at,
       first_event = m.first_event, events = m.events, pages = m.pages, seconds = m.seconds, forms = m.forms,
       clicks = m.clicks, channel = c.channel, channel_version = %(version)s, source = m.source, medium = m.medium,
       campaign = m.campaign, referrer_host = m.referrer_host, landing_path = m.landing_path, exit_path = m.exit_path,
       browser = m.browser, os = m.os, device = m.device, country = m.country, network = m.network
  FROM made_session AS m
  JOIN way_channel AS c ON c.way = m.way
 WHERE s.id = m.id
   AND (s.began_at, s.ended_at, s.stay_began_at, s.stay_ended_at, s.first_event, s.events, s.seconds, s.channel_version,
        s.landing_path, s.exit_path)
       IS DISTINCT FROM (m.began_at, m.ended_at, m.stay_began_at, m.stay_ended_at, m.first_event, m.events, m.seconds,
                         %(version)s, m.landing_path, m.exit_path)

-- add -- Sessions that are new. Parameter: version.
INSERT INTO web_session (visitor_id, site_id, began_at, ended_at, stay_began_at, stay_ended_at, first_event, events,
                         pages, seconds, forms, clicks, channel, channel_version, source, medium, campaign,
                         referrer_host, landing_path, exit_path, browser, os, device, country, network)
SELECT m.visitor_id, m.site_id, m.began_at, m.ended_at, m.stay_began_at, m.stay_ended_at, m.first_event, m.events,
       m.pages, m.seconds, m.forms, m.clicks, c.channel, %(version)s, m.source, m.medium, m.campaign,
       m.referrer_host, m.landing_path, m.exit_path, m.browser, m.os, m.device, m.country, m.network
  FROM made_session AS m
  JOIN way_channel AS c ON c.way = m.way
 WHERE m.id IS NULL
 ORDER BY m.began_at, m.first_event

-- forms -- The forms that were sent, each with the session that it is in now.
INSERT INTO web_form AS f (id, session_id, occurred_at, path, form)
SELECT e.id, s.id, e.occurred_at, e.path, coalesce(e.form, '')
  FROM placed_event AS e
  JOIN made_session AS m USING (n)
  JOIN web_session AS s ON s.first_event = m.first_event
 WHERE e.kind = 'form'
    ON CONFLICT (id) DO UPDATE SET session_id = excluded.session_id WHERE f.session_id <> excluded.session_id

-- mark_scores -- Whose sessions they are is scored anew.
INSERT INTO score_due (record, record_id)
SELECT 'contact', s.contact_id
  FROM web_session AS s JOIN made_session AS m ON m.first_event = s.first_event WHERE s.contact_id IS NOT NULL
 UNION
SELECT 'account', s.account_id
  FROM web_session AS s JOIN made_session AS m ON m.first_event = s.first_event WHERE s.account_id IS NOT NULL

-- new_networks -- Networks from which nobody came before are to be looked at (engagement.revealing).
INSERT INTO web_network (network)
SELECT DISTINCT network FROM made_session WHERE network IS NOT NULL ORDER BY network
    ON CONFLICT (network) DO NOTHING

-- known_networks -- Sessions of nobody known are those of their network's company.
UPDATE web_session AS s SET account_id = w.account_id
  FROM made_session AS m JOIN web_network AS w ON w.network = m.network
 WHERE s.first_event = m.first_event AND s.contact_id IS NULL AND s.account_id IS DISTINCT FROM w.account_id

-- known_visitors -- And their visitors are of the company that they came from last. Parameter: confidence.
UPDATE visitor AS v SET account_id = l.account_id, confidence = %(confidence)s, known_by = 'network'
  FROM (
    SELECT DISTINCT ON (m.visitor_id) m.visitor_id, w.account_id
      FROM made_session AS m JOIN web_network AS w ON w.network = m.network
     WHERE w.account_id IS NOT NULL ORDER BY m.visitor_id, m.began_at DESC
  ) AS l
 WHERE v.id = l.visitor_id AND v.contact_id IS NULL AND v.account_id IS DISTINCT FROM l.account_id

-- signs -- What was given that says who somebody is; read by engagement.identifying.
INSERT INTO visitor_sign (id, visitor_id, occurred_at, kind, email, given, path, site_id)
SELECT e.id, v.id, e.occurred_at, CASE WHEN e.kind IN ('form', 'identify') THEN e.kind ELSE 'link' END,
       CASE WHEN e.kind IN ('form', 'identify') THEN e.properties ->> 'email' END,
       CASE e.kind WHEN 'form' THEN coalesce(e.properties -> 'fields', '{}') WHEN 'identify' THEN e.properties - 'page'
            ELSE jsonb_build_object('token', e.click_ids ->> 'ab') END,
       e.path, e.site_id
  FROM fresh_event AS e
  JOIN visitor AS v ON v.key = e.visitor
 WHERE (e.kind IN ('form', 'identify') AND e.properties ? 'email') OR (e.kind = 'page' AND e.click_ids ? 'ab')
    ON CONFLICT (id) DO NOTHING

-- mark_due -- Visitors of whom there are signs, and who have been here again.
UPDATE visitor AS v SET is_due = true
  FROM (SELECT DISTINCT visitor_id FROM stay_window) AS w
 WHERE v.id = w.visitor_id AND EXISTS (SELECT FROM visitor_sign AS g WHERE g.visitor_id = v.id)
