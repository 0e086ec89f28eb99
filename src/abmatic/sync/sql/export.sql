-- runs -- What ran. The columns of each block are those of export.py, which puts the filters in.
SELECT r.id, c.name AS connection, r.sobject, r.trigger, r.direction, r.is_full, r.state, r.queued_at, r.started_at,
       r.finished_at, extract(epoch FROM r.finished_at - r.started_at)::numeric(12, 1) AS seconds,
       coalesce(nullif(p.name, ''), p.email) AS started_by, r.undoes_id,
       r.counts ->> 'read' AS read, r.counts ->> 'created' AS created, r.counts ->> 'linked' AS linked,
       r.counts ->> 'updated' AS updated, r.counts ->> 'unchanged' AS unchanged, r.counts ->> 'duplicate' AS duplicate,
       r.counts ->> 'deleted' AS deleted, r.counts ->> 'skipped' AS skipped,
       r.pushed ->> 'created' AS sf_created, r.pushed ->> 'updated' AS sf_updated, r.pushed ->> 'refused' AS sf_refused,
       r.pushed ->> 'held' AS sf_held, r.pushed ->> 'waiting' AS sf_waiting,
       r.pushed ->> 'returned' AS sf_returned, r.pushed ->> 'unknown' AS sf_unknown,
       r.reader, r.api_calls, r.outcome, r.error_code, r.error_message, r.error_remedy
  FROM run AS r JOIN connection AS c ON c.id = r.connection_id LEFT JOIN app_user AS p ON p.id = r.started_by_id
 WHERE {filters}
 ORDER BY r.id

-- findings -- What a run had to say about single records.
SELECT f.id, f.sf_id, coalesce(s.label, f.reason) AS reason, coalesce(s.kind, 'note') AS kind, f.field, f.value, s.meaning,
       s.remedy, f.local_id
  FROM finding AS f LEFT JOIN (VALUES {reasons}) AS s (code, label, kind, meaning, remedy) ON s.code = f.reason
 WHERE {filters}
 ORDER BY f.reason, f.id

-- changes -- The change log: one field of one record here.
SELECT h.id, h.at, h.record, h.record_id, n.name, h.field, h.before, h.after, u.kind, u.run_id,
       coalesce(nullif(p.name, ''), p.email) AS person, u.note, k.conflict
  FROM change AS h JOIN cause AS u ON u.id = h.cause_id LEFT JOIN app_user AS p ON p.id = u.user_id
  LEFT JOIN LATERAL ({name_of_change}) AS n ON true
  LEFT JOIN LATERAL (
       SELECT max(f.value) AS conflict
         FROM finding AS f JOIN run AS r ON r.id = f.run_id
         JOIN object_setting AS s ON s.connection_id = r.connection_id AND s.sobject = r.sobject
         JOIN field_mapping AS g ON g.setting_id = s.id AND g.sf_field = f.field AND g.local_field = h.field
        WHERE f.local_id = h.record_id AND f.reason = 'conflict' AND f.run_id = u.run_id) AS k
       ON u.run_id IS NOT NULL
 WHERE {filters}
 ORDER BY h.id

-- issues -- What is open: records that can't be written to Salesforce.
SELECT i.id, c.name AS connection, i.sobject, i.local_id, n.name, i.sf_id, i.field, i.code, s.label, i.message,
       array_to_string(i.fields, ', ') AS fields, i.sent, coalesce(s.meaning, {meaning}) AS meaning,
       coalesce(s.remedy, {remedy}) AS remedy, i.run_id, i.times, i.first_at, i.last_at, i.retry_at
  FROM issue AS i JOIN connection AS c ON c.id = i.connection_id
  LEFT JOIN (VALUES {refusals}) AS s (code, label, meaning, remedy) ON s.code = i.code
  LEFT JOIN LATERAL ({name_of_issue}) AS n ON true
 WHERE i.is_open AND {filters}
 ORDER BY i.id

-- records -- What a run did: records made here, values changed here, values written to Salesforce.
SELECT q.side, q.action, q.record, q.local_id, n.name, q.sf_id, q.field, q.before, q.after, q.code, q.message, q.at
  FROM (
       SELECT 1 AS part, 0::bigint AS place, 'Abmatic' AS side, 'created' AS action, {record} AS record, a.id AS local_id,
              (SELECT m.sf_id FROM {mirror} AS m WHERE m.local_id = a.id AND m.connection_id = {connection}
                ORDER BY m.role, m.sf_id LIMIT 1) AS sf_id,
              NULL AS field, NULL::jsonb AS before, NULL::jsonb AS after, NULL AS code, NULL AS message, a.created_at AS at
         FROM {local} AS a WHERE a.created_by_id = {cause}
       UNION ALL
       SELECT 2, h.id, 'Abmatic', 'changed', h.record, h.record_id, NULL, h.field, h.before, h.after, NULL, NULL, h.at
         FROM change AS h WHERE h.cause_id = {cause}
       UNION ALL
       SELECT 3, w.id, 'Salesforce', CASE w.state WHEN 'written' THEN w.operation || 'd' ELSE w.state END, {record}, w.local_id,
              w.sf_id, e.key, w.before -> e.key, e.value, w.code, w.message, w.at
         FROM salesforce_write AS w CROSS JOIN LATERAL jsonb_each(w.sent) AS e
        WHERE w.run_id = {run}
  ) AS q
  LEFT JOIN LATERAL ({name_of_record}) AS n ON true
 ORDER BY q.part, q.place, q.local_id, q.field
