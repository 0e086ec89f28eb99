-- trim_runs -- The oldest runs whose details are to go are marked; nobody may undo them from here on. Parameters: before, most.
-- Not while one is undone, has a batch without an answer, or a write under way.
UPDATE run SET trimmed_at = now()
 WHERE id IN (
       SELECT r.id FROM run AS r
        WHERE r.trimmed_at IS NULL AND r.state NOT IN ('queued', 'running')
          AND coalesce(r.finished_at, r.queued_at) < %(before)s
          AND NOT EXISTS (SELECT FROM run AS u WHERE u.undoes_id = r.id AND u.state IN ('queued', 'running'))
          AND NOT EXISTS (SELECT FROM write_batch AS b WHERE b.run_id = r.id AND b.state <> 'done')
          AND NOT EXISTS (SELECT FROM salesforce_write AS w WHERE w.run_id = r.id AND w.state IN ('planned', 'sent'))
        ORDER BY r.id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING id;

-- remove_findings -- Some findings of a trimmed run. Parameters: run, most.
DELETE FROM finding WHERE id IN (SELECT id FROM finding WHERE run_id = %(run)s LIMIT %(most)s);

-- remove_writes -- Some writes of a trimmed run. Parameters: run, most.
DELETE FROM salesforce_write WHERE id IN (SELECT id FROM salesforce_write WHERE run_id = %(run)s LIMIT %(most)s);

-- remove_batches -- Some batches of a trimmed run. Parameters: run, most.
DELETE FROM write_batch WHERE id IN (SELECT id FROM write_batch WHERE run_id = %(run)s LIMIT %(most)s);

-- half_trimmed -- Runs that are marked and of which something is left: whoever trimmed them was killed.
SELECT r.id FROM run AS r
 WHERE r.trimmed_at > now() - interval '30 days'
   AND (EXISTS (SELECT FROM finding AS f WHERE f.run_id = r.id)
        OR EXISTS (SELECT FROM salesforce_write AS w WHERE w.run_id = r.id)
        OR EXISTS (SELECT FROM write_batch AS b WHERE b.run_id = r.id));

-- forget_unread -- Objects into which nothing is written don't hold the change log back: written again, all is compared. Parameters: before.
UPDATE object_setting AS s SET compared = '{}'
  FROM connection AS c
 WHERE c.id = s.connection_id AND s.compared ? 'seen'
   AND (c.status = 'inactive' OR NOT (s.create_in_salesforce OR s.update_in_salesforce))
   AND (s.compared ->> 'seen')::bigint <= (SELECT max(tx) FROM change WHERE at < %(before)s);

-- unread_from -- For each object: up to which transaction the push has read changes, and since when a policy may ask for them.
SELECT s.sobject, min((s.compared ->> 'seen')::bigint),
       min(s.cursor) FILTER (WHERE s.policy = 'recent' AND c.status <> 'inactive' AND EXISTS (
           SELECT FROM field_mapping AS m WHERE m.setting_id = s.id AND m.to_abmatic = 'overwrite'
              AND m.to_salesforce = 'overwrite'))
  FROM object_setting AS s JOIN connection AS c ON c.id = s.connection_id
 GROUP BY s.sobject;

-- last_change -- The newest change that is old enough. Parameters: before.
SELECT max(id) FROM change WHERE at < %(before)s;

-- remove_changes -- Old changes of one kind of record, of some ids. Parameters: record, above, upto, before, seen, since.
DELETE FROM change
 WHERE id > %(above)s AND id <= %(upto)s AND record = %(record)s AND at < %(before)s
   AND (%(seen)s::bigint IS NULL OR tx < %(seen)s) AND (%(since)s::timestamptz IS NULL OR at < %(since)s);

-- remove_issues -- Some issues that were settled long ago. Parameters: before, most.
DELETE FROM issue WHERE id IN (SELECT id FROM issue WHERE NOT is_open AND last_at < %(before)s LIMIT %(most)s);

-- remove_runs -- Some runs that are old and trimmed, but the newest twenty of each object. Parameters: before, most.
-- What points at one (an open issue, an undo) forgets it.
WITH gone AS (
    SELECT r.id FROM run AS r
     WHERE r.trimmed_at IS NOT NULL AND coalesce(r.finished_at, r.queued_at) < %(before)s
       AND r.id <= (SELECT k.id FROM run AS k WHERE k.connection_id = r.connection_id AND k.sobject = r.sobject
                     ORDER BY k.id DESC OFFSET 20 LIMIT 1)
       AND NOT EXISTS (SELECT FROM finding AS f WHERE f.run_id = r.id)
       AND NOT EXISTS (SELECT FROM salesforce_write AS w WHERE w.run_id = r.id)
       AND NOT EXISTS (SELECT FROM write_batch AS b WHERE b.run_id = r.id)
     ORDER BY r.id LIMIT %(most)s
), undone AS (
    UPDATE run SET undoes_id = NULL WHERE undoes_id IN (SELECT id FROM gone) AND id NOT IN (SELECT id FROM gone)
), issues AS (
    UPDATE issue SET run_id = NULL WHERE is_open AND run_id IN (SELECT id FROM gone)
)
DELETE FROM run WHERE id IN (SELECT id FROM gone);

-- first_change -- The oldest change that is left.
SELECT min(id) FROM change;

-- sizes -- Bytes on disk: the database, the change log, what runs found and wrote, records and mirrors.
SELECT pg_database_size(current_database()),
       (SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest('{change,cause}'::text[]) AS t),
       (SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest('{run,finding,salesforce_write,write_batch,issue}'::text[]) AS t),
       (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c
         WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
           AND (c.relname IN ('account', 'contact', 'opportunity', 'opportunity_contact', 'owner') OR c.relname LIKE 'mirror\_%'));
