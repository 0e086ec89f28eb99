-- take_due -- The next records that are due, and can be compared now, become candidates. Parameters: connection, sobject, most.
WITH taken AS (
    DELETE FROM push_due
     WHERE connection_id = %(connection)s AND sobject = %(sobject)s AND local_id = ANY (ARRAY(
           SELECT d.local_id FROM push_due AS d WHERE d.connection_id = %(connection)s AND d.sobject = %(sobject)s
              AND {ready}
            ORDER BY d.local_id LIMIT %(most)s))
    RETURNING local_id
)
INSERT INTO candidate SELECT local_id FROM taken;

-- all_due -- Every local record is due. Parameters: connection, sobject.
INSERT INTO push_due (connection_id, sobject, local_id)
SELECT %(connection)s, %(sobject)s, id FROM {local}
ON CONFLICT DO NOTHING;

-- changed_due -- Records that somebody changed in a transaction that is over since. Parameters: connection, sobject, record, seen, upto, unheeded.
-- What a pull of this object wrote here is what Salesforce has.
INSERT INTO push_due (connection_id, sobject, local_id)
SELECT DISTINCT %(connection)s::bigint, %(sobject)s, h.record_id
  FROM change AS h
 WHERE h.tx >= %(seen)s AND h.tx < %(upto)s AND h.record = %(record)s AND h.field <> ALL (%(unheeded)s::text[])
   AND h.cause_id NOT IN (
       SELECT u.id FROM cause AS u JOIN run AS r ON r.id = u.run_id
        WHERE r.connection_id = %(connection)s AND r.sobject = %(sobject)s
          AND u.id = ANY (ARRAY(SELECT DISTINCT cause_id FROM change WHERE tx >= %(seen)s AND tx < %(upto)s)))
ON CONFLICT DO NOTHING;

-- retried_due -- Records of which a person said that they are to be tried once more. Parameters: connection, sobject.
INSERT INTO push_due (connection_id, sobject, local_id)
SELECT DISTINCT i.connection_id, i.sobject, i.local_id
  FROM issue AS i
 WHERE i.is_open AND i.retry_at IS NOT NULL AND i.connection_id = %(connection)s AND i.sobject = %(sobject)s
ON CONFLICT DO NOTHING;

-- is_changed -- Whether changed_due would find anything. Parameters: connection, sobject, record, seen, upto, unheeded.
SELECT EXISTS (
       SELECT FROM change AS h
        WHERE h.tx >= %(seen)s AND h.tx < %(upto)s AND h.record = %(record)s AND h.field <> ALL (%(unheeded)s::text[])
          AND NOT EXISTS (
              SELECT FROM cause AS u JOIN run AS r ON r.id = u.run_id
               WHERE u.id = h.cause_id AND r.connection_id = %(connection)s AND r.sobject = %(sobject)s));

-- close_issues -- Issues of candidates that are mended: the record has nothing to write, or the field is fine.
-- One that is to be tried again, and that the push filter leaves out, loses that mark and stays open: nothing was tried.
-- The filter's values may hold percent signs, so nothing is a parameter.
UPDATE issue AS i
   SET is_open = p.local_id IS NULL AND i.retry_at IS NOT NULL AND {is_left_out}, last_at = now(), retry_at = NULL
  FROM candidate AS c LEFT JOIN planned AS p ON p.local_id = c.local_id
 WHERE i.is_open AND i.connection_id = {connection} AND i.sobject = {sobject} AND i.local_id = c.local_id
   AND CASE WHEN p.local_id IS NULL THEN {also_unplanned}
            WHEN i.field = '' THEN p.sent = '{}' AND p.missing = '{}' ELSE NOT p.problems ? i.field END;

-- open_issues -- One issue for each value that Salesforce would refuse, and for each record that lacks a required field.
-- What is held back as being there already lacks nothing. Parameters: connection, sobject, run, settings.
INSERT INTO issue (connection_id, sobject, local_id, sf_id, field, code, message, fields, sent, settings, run_id,
                   is_open, first_at, last_at, times)
SELECT %(connection)s, %(sobject)s, p.local_id, p.sf_id, f.field, f.code, '', f.fields, p.sent, %(settings)s, %(run)s,
       true, now(), now(), 1
  FROM planned AS p
 CROSS JOIN LATERAL (
       SELECT e.key, e.value, ARRAY[e.key] FROM jsonb_each_text(p.problems) AS e
       UNION ALL
       SELECT '', 'REQUIRED_FIELD_MISSING', lacks.fields
         FROM (SELECT ARRAY(SELECT m FROM unnest(p.missing) AS m
                             WHERE p.problems ->> m IS DISTINCT FROM 'ALREADY_IN_SALESFORCE') AS fields) AS lacks
        WHERE lacks.fields <> '{}'
 ) AS f (field, code, fields)
ON CONFLICT (connection_id, sobject, local_id, field) WHERE is_open
DO UPDATE SET code = excluded.code, message = excluded.message, fields = excluded.fields, sent = excluded.sent,
              settings = excluded.settings, run_id = excluded.run_id, last_at = now(), times = issue.times + 1, retry_at = NULL;

-- plan_writes -- Writes down what will be sent: all that is complete, and wasn't refused before as it is, unless a person wants it tried again. Parameters: connection, sobject, run, settings, computed.
-- Of computed fields that are emptied it isn't kept what they were where both sides had agreed on that, as on what was
-- written: the person may have been erased. What the org itself had there is kept, for an undo.
INSERT INTO salesforce_write (run_id, connection_id, sobject, local_id, sf_id, operation, before, sent, ours,
                              parent_sf_id, state, at)
SELECT %(run)s, %(connection)s, %(sobject)s, p.local_id, p.sf_id, p.operation,
       p.before - ARRAY(SELECT c FROM unnest(%(computed)s::text[]) AS c
                         WHERE p.sent -> c = 'null'
                           AND (m.base IS NULL OR m.base -> c = p.before -> c)),
       p.sent, p.ours, p.parent_sf_id, 'planned', now()
  FROM planned AS p LEFT JOIN {mirror} AS m ON m.connection_id = %(connection)s AND m.sf_id = p.sf_id
 WHERE p.sent <> '{{}}' AND p.missing = '{{}}'
   AND NOT EXISTS (
       SELECT FROM issue AS i
        WHERE i.is_open AND i.connection_id = %(connection)s AND i.sobject = %(sobject)s AND i.local_id = p.local_id
          AND i.field = '' AND i.sent = p.sent AND i.settings = %(settings)s AND i.retry_at IS NULL);

-- return_planned -- What was planned and never sent is due again. Parameters: connection, sobject.
WITH gone AS (
    DELETE FROM salesforce_write
     WHERE connection_id = %(connection)s AND sobject = %(sobject)s AND state = 'planned'
       AND run_id IN (SELECT id FROM run WHERE connection_id = %(connection)s AND sobject = %(sobject)s
                       ORDER BY id DESC LIMIT 20)
    RETURNING local_id
)
INSERT INTO push_due (connection_id, sobject, local_id) SELECT %(connection)s, %(sobject)s, local_id FROM gone
ON CONFLICT DO NOTHING;

-- release -- Pairs of candidates that an undo left different end, as though ours had been changed since. Only while both sides are so.
-- Values of the filter may hold percent signs, so nothing is a parameter.
UPDATE {mirror} AS m
   SET held = jsonb_build_object('s', (m.held -> 's') - r.fields, 'a', (m.held -> 'a') - r.fields),
       base = CASE WHEN m.base IS NOT NULL THEN m.base || r.theirs END
  FROM candidate AS c
  JOIN {local} AS a ON a.id = c.local_id
  JOIN {mirror} AS k ON k.local_id = c.local_id AND k.connection_id = {connection} AND k.role = 1 AND NOT k.is_deleted
   AND k.held IS NOT NULL
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(e.key), '{}') AS fields, coalesce(jsonb_object_agg(e.key, e.value), '{}') AS theirs
         FROM jsonb_each(k.held -> 's') AS e
        WHERE e.value = coalesce(k.values -> e.key, 'null')
          AND (e.key = ANY ({written}::text[]) OR e.key = ANY ({filled}::text[]) AND e.value = 'null')) AS r
 WHERE m.connection_id = k.connection_id AND m.sf_id = k.sf_id AND r.fields <> '{}' AND {condition};

-- outcomes_table -- Where the outcomes of a batch are put: sf_id where the record was written, else code and message.
CREATE TEMP TABLE IF NOT EXISTS outcome (
    write_id bigint, sf_id text COLLATE "C", code text, message text, fields text[]
) ON COMMIT DELETE ROWS;

-- mark_writes -- Each write gets its outcome. Answers how many of each kind there are.
WITH marked AS (
    UPDATE salesforce_write AS w
       SET state = CASE WHEN o.code IS NULL THEN 'written' WHEN o.code = '' THEN 'returned' ELSE 'refused' END,
           sf_id = coalesce(w.sf_id, o.sf_id), code = nullif(o.code, ''), message = o.message, fields = o.fields,
           at = now()
      FROM outcome AS o
     WHERE w.id = o.write_id
    RETURNING w.operation, w.state
)
SELECT operation, state, count(*) FROM marked GROUP BY operation, state;

-- return_writes -- What was not carried out and is not wrong is due again.
INSERT INTO push_due (connection_id, sobject, local_id)
SELECT w.connection_id, w.sobject, w.local_id
  FROM outcome AS o JOIN salesforce_write AS w ON w.id = o.write_id
 WHERE o.code = ''
ON CONFLICT DO NOTHING;

-- mirror_updates -- The mirror takes what was written, and both sides agree on it. The key follows when the record is read again.
-- What an undo left different ends with another value; the undo's own write is the value that it left. What was sent is
-- kept until the record is read again (see pull.readback). Parameters: until, when Salesforce had answered.
UPDATE {mirror} AS m
   SET values = jsonb_strip_nulls(m.values || w.sent),
       base = CASE WHEN m.base IS NOT NULL THEN m.base || w.sent END,
       held = CASE WHEN m.held IS NOT NULL THEN (
           SELECT jsonb_build_object('s', (m.held -> 's') - d.gone, 'a', (m.held -> 'a') - d.gone)
             FROM (SELECT ARRAY(SELECT e.key FROM jsonb_each(w.sent) AS e
                                 WHERE m.held -> 's' -> e.key IS DISTINCT FROM e.value) AS gone) AS d) END,
       sent = jsonb_build_object(
           'values', coalesce(m.sent -> 'values', '{}') || w.sent, 'since', m.modstamp, 'until', %(until)s::timestamptz,
           'ours', coalesce(m.sent -> 'ours', '{}') - ARRAY(SELECT jsonb_object_keys(w.sent)) || coalesce(w.ours, '{}'),
           'back', coalesce(m.sent -> 'back', '{}'))
  FROM outcome AS o JOIN salesforce_write AS w ON w.id = o.write_id AND w.operation = 'update'
 WHERE o.code IS NULL AND m.connection_id = w.connection_id AND m.sf_id = w.sf_id;

-- mirror_creates -- The mirror takes the records that were created. Parameters: until.
-- As of before they were made, so that what Salesforce added to them (owner, defaults) is read: their batch's own moment,
-- for it may have been sent by an earlier run, of which this one found out; and less five minutes, because the clock that
-- dates answers need not be the one that stamps records.
INSERT INTO {mirror} (connection_id, sf_id, modstamp, created, is_deleted, role, local_id, values, base, linked_run,
                      seen_run, sent {columns})
SELECT w.connection_id, o.sf_id, b.since - interval '5 minutes', NULL, false, 1, w.local_id, jsonb_strip_nulls(w.sent {not_references}),
       w.sent {not_references}, w.run_id, w.run_id,
       jsonb_build_object('values', w.sent {not_references}, 'until', %(until)s::timestamptz, 'ours', coalesce(w.ours, '{}'))
       {picks}
  FROM outcome AS o JOIN salesforce_write AS w ON w.id = o.write_id AND w.operation = 'create'
  JOIN write_batch AS b ON b.id = w.batch_id
 WHERE o.code IS NULL
ON CONFLICT (connection_id, sf_id) DO UPDATE
   SET local_id = excluded.local_id, role = 1, base = excluded.base, linked_run = excluded.linked_run,
       sent = excluded.sent;

-- kinds_of_created -- A person who became a lead or a contact is one here too. Parameters: kind.
UPDATE contact AS a
   SET kind = %(kind)s
  FROM outcome AS o JOIN salesforce_write AS w ON w.id = o.write_id AND w.operation = 'create'
 WHERE o.code IS NULL AND a.id = w.local_id AND a.kind = '';

-- close_written -- A record that was written has no issue any more.
UPDATE issue AS i
   SET is_open = false, last_at = now(), retry_at = NULL
  FROM outcome AS o JOIN salesforce_write AS w ON w.id = o.write_id
 WHERE o.code IS NULL AND i.is_open AND i.connection_id = w.connection_id AND i.sobject = w.sobject
   AND i.local_id = w.local_id AND i.field = '';

-- open_refused -- One issue for each record that was refused. Parameters: settings.
INSERT INTO issue (connection_id, sobject, local_id, sf_id, field, code, message, fields, sent, settings, run_id,
                   is_open, first_at, last_at, times)
SELECT w.connection_id, w.sobject, w.local_id, w.sf_id, '', o.code, left(o.message, 1000), coalesce(o.fields, '{}'),
       w.sent, %(settings)s, w.run_id, true, now(), now(), 1
  FROM outcome AS o JOIN salesforce_write AS w ON w.id = o.write_id
 WHERE o.code <> ''
ON CONFLICT (connection_id, sobject, local_id, field) WHERE is_open
DO UPDATE SET code = excluded.code, message = excluded.message, fields = excluded.fields, sent = excluded.sent,
              settings = excluded.settings, sf_id = excluded.sf_id, run_id = excluded.run_id, last_at = now(),
              times = issue.times + 1, retry_at = NULL;

-- bulk_outcomes -- The rows of a bulk job's results find the writes that they were: by all that was sent, however often.
-- One of several that are alike is as good as another.
WITH sent AS (
    SELECT s.write_id, s.content, row_number() OVER (PARTITION BY s.content ORDER BY s.write_id) AS place FROM sent_row AS s
), back AS (
    SELECT r.sf_id, r.error, r.content, row_number() OVER (PARTITION BY r.content ORDER BY r.error IS NOT NULL, r.sf_id) AS place
      FROM result_row AS r
)
INSERT INTO outcome (write_id, sf_id, code, message)
SELECT sent.write_id, CASE WHEN back.error IS NULL THEN back.sf_id END,
       CASE WHEN back.error IS NOT NULL THEN coalesce(substring(back.error FROM '^([A-Z][A-Z0-9_]*):'), 'UNKNOWN') END,
       back.error
  FROM sent JOIN back ON back.content = sent.content AND back.place = sent.place;
