-- take -- The next records of a selected push become candidates. Parameters: push, after, most, connection, sobject.
-- What was sent without an answer is found out about first.
WITH next AS (
    SELECT s.local_id FROM selected_record AS s
     WHERE s.push_id = %(push)s AND s.local_id > %(after)s
     ORDER BY s.local_id LIMIT %(most)s
)
INSERT INTO candidate
SELECT n.local_id FROM next AS n
 WHERE NOT EXISTS (
       SELECT FROM salesforce_write AS w
        WHERE w.connection_id = %(connection)s AND w.sobject = %(sobject)s AND w.local_id = n.local_id
          AND w.state = 'sent');

-- reached -- The last of the records that `take` looked at. Parameters: push, after, most.
SELECT max(local_id) FROM (
    SELECT s.local_id FROM selected_record AS s
     WHERE s.push_id = %(push)s AND s.local_id > %(after)s
     ORDER BY s.local_id LIMIT %(most)s) AS n;

-- not_due -- What is planned now need not be looked at by the next sync. Parameters: connection, sobject.
DELETE FROM push_due AS d
 USING planned AS p
 WHERE d.connection_id = %(connection)s AND d.sobject = %(sobject)s AND d.local_id = p.local_id AND p.sent <> '{}';

-- verdict_table -- What becomes of each candidate of a selected push: see push/verdicts.py.
CREATE TEMP TABLE IF NOT EXISTS verdict (local_id bigint, verdict text) ON COMMIT DELETE ROWS;

-- count_verdicts -- How many records have which verdict.
SELECT verdict, count(*) FROM verdict WHERE verdict NOT IN ('elsewhere', 'answered') GROUP BY verdict;

-- close_equal -- Records that have nothing to write have no issue any more. Parameters: connection, sobject.
UPDATE issue AS i
   SET is_open = false, last_at = now(), retry_at = NULL
  FROM verdict AS v
 WHERE v.verdict = 'equal' AND i.is_open AND i.connection_id = %(connection)s AND i.sobject = %(sobject)s
   AND i.local_id = v.local_id;

-- sample_verdicts -- Some records of each verdict, with the issue of those that are held back. Parameters: connection, sobject, most.
SELECT v.verdict, v.local_id, {name}, i.sf_id, coalesce(i.code, ''), coalesce(i.fields, '{{}}')
  FROM (SELECT *, row_number() OVER (PARTITION BY verdict ORDER BY local_id) AS place FROM verdict) AS v
  LEFT JOIN {local} AS a ON a.id = v.local_id
  LEFT JOIN LATERAL (
       SELECT s.sf_id, s.code, s.fields FROM issue AS s
        WHERE s.is_open AND s.connection_id = %(connection)s AND s.sobject = %(sobject)s AND s.local_id = v.local_id
          AND v.verdict IN ('held', 'refused')
        ORDER BY s.field LIMIT 1) AS i ON true
 WHERE v.place <= %(most)s AND v.verdict NOT IN ('elsewhere', 'answered', 'created', 'updated')
 ORDER BY v.verdict, v.local_id;

-- forget_records -- The records of pushes that were asked for long ago, and that nothing goes on with. Parameters: before.
DELETE FROM selected_record AS s
 USING selected_push AS p
 WHERE s.push_id = p.id AND p.created_at < %(before)s
   AND NOT EXISTS (SELECT FROM run AS r WHERE r.selected_id = p.id AND r.state IN ('queued', 'running'));

-- forget_pushes -- Pushes that were asked for long ago and never carried out. Parameters: before.
DELETE FROM selected_push AS p
 WHERE p.created_at < %(before)s AND NOT EXISTS (SELECT FROM run AS r WHERE r.selected_id = p.id);
