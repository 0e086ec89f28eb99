-- note_read -- What a page of a full compare held, but for newcomers. Parameters: run.
INSERT INTO full_read (run_id, ids) SELECT %(run)s, array_agg(sf_id) FROM work HAVING count(*) > 0;

-- missing_table -- Records that the mirror has and a full compare did not meet.
CREATE TEMP TABLE missing (sf_id text COLLATE "C");

-- missing -- Fills it. Newcomers of the run were not noted, but seen. Parameters: connection, run.
INSERT INTO missing
SELECT m.sf_id
  FROM {mirror} AS m
 WHERE m.connection_id = %(connection)s AND NOT m.is_deleted AND m.seen_run IS DISTINCT FROM %(run)s
   AND NOT EXISTS (SELECT FROM (SELECT unnest(r.ids) AS sf_id FROM full_read AS r WHERE r.run_id = %(run)s) AS s
                    WHERE s.sf_id = m.sf_id);

-- known -- How many records of the connection the mirror has that are not deleted. Parameters: connection.
SELECT count(*) FROM {mirror} WHERE connection_id = %(connection)s AND NOT is_deleted;

-- note_vanished -- An entry for each that was linked. Parameters: connection, run, ids.
INSERT INTO finding (run_id, reason, sf_id, local_id)
SELECT %(run)s, 'vanished_in_salesforce', m.sf_id, m.local_id FROM {mirror} AS m
 WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(ids)s) AND m.local_id IS NOT NULL;

-- forget -- What a full compare has met is needed no longer, nor what others met that came to no end. Parameters: run.
DELETE FROM full_read
 WHERE run_id = %(run)s OR run_id NOT IN (SELECT id FROM run WHERE state IN ('queued', 'running'));
