-- refused -- Runs that left something for a person. As the index run_refused has it.
((r.pushed -> 'refused') > '0'::jsonb OR (r.pushed -> 'held') > '0'::jsonb)

-- runs_of_records -- The runs that made, changed, wrote or were refused some records of one kind.
SELECT u.run_id FROM change AS h JOIN cause AS u ON u.id = h.cause_id
 WHERE h.record = {record} AND h.record_id = ANY ({ids}) AND u.run_id IS NOT NULL
UNION
SELECT u.run_id FROM {local} AS a JOIN cause AS u ON u.id = a.created_by_id
 WHERE a.id = ANY ({ids}) AND u.run_id IS NOT NULL
UNION
SELECT w.run_id FROM salesforce_write AS w WHERE w.sobject = ANY ({sobjects}) AND w.local_id = ANY ({ids})
UNION
SELECT i.run_id FROM issue AS i
 WHERE i.is_open AND i.connection_id IN (SELECT c.id FROM connection AS c) AND i.sobject = ANY ({sobjects})
   AND i.local_id = ANY ({ids}) AND i.run_id IS NOT NULL
