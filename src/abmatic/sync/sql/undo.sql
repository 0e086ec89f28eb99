-- tables -- What a run wrote here (undone), and in Salesforce (rewritten), field by field, with what is there now.
CREATE TEMP TABLE undone (record_id bigint, field text, before jsonb, after jsonb, now jsonb, is_same boolean);
CREATE TEMP TABLE rewritten (
    sf_id text COLLATE "C", local_id bigint, field text, before jsonb, sent jsonb, now jsonb, is_same boolean
);
CREATE TEMP TABLE seen (sf_id text COLLATE "C", doc jsonb);

-- undone_of -- What a cause wrote into one kind of local record. Parameters: cause, record.
-- What it made itself stays as it left it, whatever of it came first.
INSERT INTO undone (record_id, field, before, after)
SELECT h.record_id, h.field, (array_agg(h.before ORDER BY h.id))[1], (array_agg(h.after ORDER BY h.id DESC))[1]
  FROM change AS h
 -- That somebody was taken out of a campaign is what Salesforce said.
 WHERE h.cause_id = %(cause)s AND h.record = %(record)s AND h.field NOT IN ('', 'is_removed')
   AND NOT EXISTS (SELECT FROM {local} AS a WHERE a.id = h.record_id AND a.created_by_id = %(cause)s)
 GROUP BY h.record_id, h.field
HAVING (array_agg(h.before ORDER BY h.id))[1] IS DISTINCT FROM (array_agg(h.after ORDER BY h.id DESC))[1];

-- note_undone -- Each value that is put back is a change. Parameters: record, by.
INSERT INTO change (record, record_id, field, before, after, cause_id, at)
SELECT %(record)s, u.record_id, u.field, u.now, u.before, %(by)s, now() FROM undone AS u WHERE u.is_same;

-- left_here -- An entry for each value here that is not what the run wrote. Parameters: run.
INSERT INTO finding (run_id, reason, sf_id, local_id, field, value)
SELECT %(run)s, CASE WHEN u.is_same IS NULL THEN 'undo_gone' ELSE 'undo_changed_here' END, '', u.record_id, u.field,
       left(u.now #>> '{}', 200)
  FROM undone AS u WHERE u.is_same IS NOT TRUE RETURNING reason;

-- rewritten_of -- What a run wrote into records that Salesforce had, and that its undo has not put back yet. Parameters: undoes, run.
INSERT INTO rewritten (sf_id, local_id, field, before, sent)
SELECT w.sf_id, max(w.local_id), e.key, (array_agg(w.before -> e.key ORDER BY w.id))[1],
       (array_agg(e.value ORDER BY w.id DESC))[1]
  FROM salesforce_write AS w CROSS JOIN LATERAL jsonb_each(w.sent) AS e
 WHERE w.run_id = %(undoes)s AND w.operation = 'update' AND w.state = 'written'
   AND NOT EXISTS (SELECT FROM salesforce_write AS made WHERE made.run_id = %(undoes)s AND made.sf_id = w.sf_id
                      AND made.operation = 'create' AND made.state = 'written' AND made.local_id = w.local_id)
   AND w.sf_id NOT IN (SELECT sf_id FROM salesforce_write WHERE run_id = %(run)s AND state = 'written')
 GROUP BY w.sf_id, e.key;

-- plan_undo -- Writes down what Salesforce gets back. Parameters: run, connection, sobject.
INSERT INTO salesforce_write (run_id, connection_id, sobject, local_id, sf_id, operation, before, sent, state, at)
SELECT %(run)s, %(connection)s, %(sobject)s, max(r.local_id), r.sf_id, 'update',
       jsonb_object_agg(r.field, r.now_sent), jsonb_object_agg(r.field, r.back), 'planned', now()
  FROM (SELECT sf_id, local_id, field, coalesce(sent, 'null') AS now_sent, coalesce(before, 'null') AS back
          FROM rewritten WHERE is_same) AS r
 GROUP BY r.sf_id
ON CONFLICT DO NOTHING;

-- left_there -- An entry for each value in Salesforce that is not what the run wrote. Parameters: run.
INSERT INTO finding (run_id, reason, sf_id, local_id, field, value)
SELECT %(run)s, CASE WHEN r.is_same IS NULL THEN 'undo_gone' ELSE 'undo_changed_there' END, r.sf_id, r.local_id, r.field,
       left(r.now #>> '{}', 200)
  FROM rewritten AS r WHERE r.is_same IS NOT TRUE RETURNING reason;

-- created_there -- An entry for each record that the run created in Salesforce. Parameters: run, undoes.
INSERT INTO finding (run_id, reason, sf_id, local_id)
SELECT %(run)s, 'undo_created_there', w.sf_id, w.local_id FROM salesforce_write AS w
 WHERE w.run_id = %(undoes)s AND w.operation = 'create' AND w.state = 'written' RETURNING reason;

-- forget_there -- Entries about Salesforce are made again when an undo goes on. Parameters: run.
DELETE FROM finding
 WHERE run_id = %(run)s AND sf_id <> '' AND reason IN ('undo_gone', 'undo_changed_there', 'undo_created_there', 'undo_in_use', 'undo_not_removed');

-- let_go -- What was not written is not held. Parameters: run.
UPDATE {mirror} AS m
   SET held = jsonb_build_object('s', (m.held -> 's') - n.fields, 'a', (m.held -> 'a') - n.fields)
  FROM (SELECT w.connection_id, w.sf_id, array_agg(DISTINCT e.key) AS fields
          FROM salesforce_write AS w CROSS JOIN LATERAL jsonb_object_keys(w.sent) AS e (key)
         WHERE w.run_id = %(run)s AND w.state IN ('refused', 'returned')
         GROUP BY 1, 2) AS n
 WHERE m.connection_id = n.connection_id AND m.sf_id = n.sf_id AND m.held IS NOT NULL;
