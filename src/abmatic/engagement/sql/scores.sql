-- mark_all -- Every contact and account that a session is given to, or that has a score, is due.
INSERT INTO score_due (record, record_id)
SELECT 'contact', contact_id FROM web_session WHERE contact_id IS NOT NULL
 UNION
SELECT 'account', account_id FROM web_session WHERE account_id IS NOT NULL
 UNION
SELECT record, record_id FROM engagement

-- is_old -- Whether a score was made by another version of the rule: the ends of an index say. Parameter: version.
SELECT coalesce(min(version) < %(version)s OR max(version) > %(version)s, false) FROM engagement

-- alone -- Nobody else scores until this transaction is over; marking goes on.
LOCK TABLE score_due IN SHARE UPDATE EXCLUSIVE MODE

-- take -- Takes some of one kind that are due. What is marked meanwhile stays for the next time. Parameters: record, batch.
CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
WITH next AS (
    SELECT DISTINCT record_id FROM score_due WHERE record = %(record)s ORDER BY record_id LIMIT %(batch)s
), gone AS (
    DELETE FROM score_due AS d USING next AS n WHERE d.record = %(record)s AND d.record_id = n.record_id
    RETURNING d.record_id
)
SELECT DISTINCT record_id FROM gone

-- take_one -- Takes one, due or not. Parameters: record, id.
CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
WITH gone AS (DELETE FROM score_due WHERE record = %(record)s AND record_id = %(id)s)
SELECT %(id)s::bigint AS record_id

-- score -- The scores of those taken, of their sessions. {column} of a session names them, {table} holds them. Parameters: record, now, half_life (days), since (the horizon), longest (no session is longer), version, and the weights.
INSERT INTO engagement (record, record_id, points, as_of, score, version, visits, first_visit_at, last_visit_at,
                        first_channel, first_campaign)
SELECT %(record)s, t.record_id, coalesce(p.points, 0), %(now)s, least(100, floor(coalesce(p.points, 0) + 0.5)),
       %(version)s, v.visits, first.began_at, last.ended_at, first.channel, first.campaign
  FROM taken AS t
  -- Who was removed has no score, whatever sessions say.
  JOIN {table} AS r ON r.id = t.record_id
  -- Each from the end of an index where it is: what is older than the horizon is counted there, and not read.
 CROSS JOIN LATERAL (
    SELECT s.began_at, s.channel, s.campaign FROM web_session AS s
     WHERE s.{column} = t.record_id ORDER BY s.began_at, s.id LIMIT 1
 ) AS first
 CROSS JOIN LATERAL (
    SELECT s.began_at FROM web_session AS s WHERE s.{column} = t.record_id ORDER BY s.began_at DESC LIMIT 1
 ) AS newest
 CROSS JOIN LATERAL (
    SELECT max(s.ended_at) AS ended_at FROM web_session AS s
     WHERE s.{column} = t.record_id AND s.began_at >= newest.began_at - %(longest)s::interval
 ) AS last
 CROSS JOIN LATERAL (SELECT count(*) AS visits FROM web_session AS s WHERE s.{column} = t.record_id) AS v
 CROSS JOIN LATERAL (
    SELECT sum((%(visit)s + %(page)s * least(s.pages, %(most_pages)s)
                + %(minute)s * least(s.seconds / 60.0, %(most_minutes)s)
                + %(click)s * least(s.clicks, %(most_clicks)s) + %(form)s * least(s.forms, %(most_forms)s))::float8
               * power(0.5::float8, greatest(extract(epoch FROM %(now)s::timestamptz - s.ended_at), 0)::float8
                                    / (86400 * %(half_life)s))) AS points
      FROM web_session AS s
     WHERE s.{column} = t.record_id AND s.ended_at > %(since)s::timestamptz
       AND s.began_at > %(since)s::timestamptz - %(longest)s::interval
 ) AS p
    ON CONFLICT (record, record_id) DO UPDATE
       SET points = excluded.points, as_of = excluded.as_of, score = excluded.score, version = excluded.version,
           visits = excluded.visits, first_visit_at = excluded.first_visit_at, last_visit_at = excluded.last_visit_at,
           first_channel = excluded.first_channel, first_campaign = excluded.first_campaign

-- forget_gone -- Of those taken, who has no session any more, or was removed, has no score. Parameter: record.
DELETE FROM engagement AS e
 USING taken AS t
 WHERE e.record = %(record)s AND e.record_id = t.record_id
   AND (NOT EXISTS (SELECT FROM web_session AS s WHERE s.{column} = t.record_id)
        OR NOT EXISTS (SELECT FROM {table} AS r WHERE r.id = t.record_id))

-- fade -- What is left by now of all scores of one kind, where that is another number; those are taken. Parameters: record, now, half_life (days).
CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
WITH faded AS (
    UPDATE engagement AS e
       SET points = f.points, as_of = %(now)s, score = least(100, floor(f.points + 0.5))
      FROM (
        SELECT record_id,
               points * power(0.5::float8, greatest(extract(epoch FROM %(now)s::timestamptz - as_of), 0)::float8
                                           / (86400 * %(half_life)s)) AS points
          FROM engagement WHERE record = %(record)s AND score > 0
      ) AS f
     WHERE e.record = %(record)s AND e.record_id = f.record_id AND e.score <> least(100, floor(f.points + 0.5))
    RETURNING e.record_id
)
SELECT record_id FROM faded

-- show -- What the fields of those taken are to hold. The score only where it has moved by a step, or is called otherwise. Parameters: record, step, channels (JSON: labels).
CREATE TEMPORARY TABLE shown ON COMMIT DROP AS
SELECT r.id,
       CASE WHEN w.score IS NULL OR r.engagement_score IS NULL OR abs(w.score - r.engagement_score) >= %(step)s
                 OR w.temperature IS DISTINCT FROM r.engagement_temperature
            THEN w.score ELSE r.engagement_score END::int AS engagement_score,
       w.temperature AS engagement_temperature, w.last_visit_on, w.first_channel, w.first_campaign
  FROM taken AS t
  JOIN {table} AS r ON r.id = t.record_id
  LEFT JOIN LATERAL (
    SELECT e.score::int AS score, {temperature} AS temperature,
           (e.last_visit_at AT TIME ZONE 'UTC')::date AS last_visit_on,
           %(channels)s::jsonb ->> e.first_channel AS first_channel, e.first_campaign
      FROM engagement AS e WHERE e.record = %(record)s AND e.record_id = r.id
  ) AS w ON true

-- trend -- The score of a record at the end of each of some days, of its sessions up to then, which are read once. {column} of a session names it. Parameters: id, first, last (dates, UTC), since, upto (the first moment's horizon, the last moment), longest (no session is longer), now, half_life and horizon (days), and the weights.
WITH moment AS (
    SELECT d.day::date AS day, least((d.day::date + 1)::timestamp AT TIME ZONE 'UTC', %(now)s::timestamptz) AS at
      FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS d (day)
), part AS (
    -- What is left by now of the sessions that ended on a day. All of a part are within the horizon of a moment, or none
    -- is: horizons begin where days do, and where that of now does.
    SELECT min(s.ended_at) AS ended_from, max(s.ended_at) AS ended_to,
           sum((%(visit)s + %(page)s * least(s.pages, %(most_pages)s)
                + %(minute)s * least(s.seconds / 60.0, %(most_minutes)s)
                + %(click)s * least(s.clicks, %(most_clicks)s) + %(form)s * least(s.forms, %(most_forms)s))::float8
               * power(0.5::float8, extract(epoch FROM %(now)s::timestamptz - s.ended_at)::float8
                                    / (86400 * %(half_life)s))) AS points
      FROM web_session AS s
     WHERE s.{column} = %(id)s
       AND s.ended_at > %(since)s::timestamptz AND s.ended_at <= %(upto)s::timestamptz
       AND s.began_at > %(since)s::timestamptz - %(longest)s::interval AND s.began_at <= %(upto)s::timestamptz
     -- A day ends with its midnight.
     GROUP BY (s.ended_at AT TIME ZONE 'UTC' - interval '1 microsecond')::date,
              s.ended_at > %(now)s::timestamptz - make_interval(days => %(horizon)s)
)
SELECT m.day,
       least(100, floor(coalesce(sum(
           p.points * power(2::float8, extract(epoch FROM %(now)s::timestamptz - m.at)::float8
                                       / (86400 * %(half_life)s))), 0) + 0.5))::int AS score
  FROM moment AS m
  LEFT JOIN part AS p ON p.ended_to <= m.at AND p.ended_from > m.at - make_interval(days => %(horizon)s)
 GROUP BY m.day ORDER BY m.day

-- analyze_taken -- Lets the planner know how many were taken.
ANALYZE taken

-- drop_taken -- A transaction that isn't the outermost (a test's) drops nothing when it ends.
DROP TABLE taken

-- drop_shown -- See drop_taken.
DROP TABLE shown
