-- unfit -- In how many rows of the last batch each mapped column doesn't fit its field.
SELECT u.at, count(*) FROM typed AS t, unnest(t.unfit) AS u (at) WHERE t.n > %(above)s GROUP BY u.at;

-- index_typed -- Chunks are cut by n.
CREATE UNIQUE INDEX ON typed (n);

-- mark_repeats -- The first row with a key is the record; those after it are rejected, naming the first one's line.
UPDATE typed AS t
   SET is_repeat = true,
       reason = format('Line %%s has the same %%s, and came first', d.first_line, %(label)s::text)
  FROM (SELECT n, row_number() OVER w AS place, first_value(line) OVER w AS first_line
          FROM typed WHERE key IS NOT NULL AND reason IS NULL
        WINDOW w AS (PARTITION BY key ORDER BY n)) AS d
 WHERE d.place > 1 AND d.n = t.n;

-- forget_rejected -- What an earlier reading of the file rejected.
DELETE FROM rejected_row WHERE file_id = %(file)s;

-- keep_rejected -- What this reading rejects.
INSERT INTO rejected_row (file_id, number, line, is_repeat, reason)
SELECT %(file)s, n, line, is_repeat, reason FROM typed WHERE reason IS NOT NULL ORDER BY n;

-- count_rejected -- How many rows are rejected, and how many of these are repeats of others.
SELECT count(*) FILTER (WHERE NOT is_repeat), count(*) FILTER (WHERE is_repeat) FROM typed WHERE reason IS NOT NULL;

-- lock_targets -- Holds the records of a chunk, always in the same order, so that two imports never wait for each other.
SELECT r.id FROM {table} AS r WHERE r.id = ANY (ARRAY(SELECT target FROM chunk WHERE target IS NOT NULL))
 ORDER BY r.id FOR UPDATE;

-- moved_targets -- Rows whose record got another key, or which somebody made a record for, before this chunk held it.
SELECT count(*)
  FROM chunk AS c LEFT JOIN LATERAL (SELECT r.id FROM {table} AS r WHERE r.{key} = c.key LIMIT 1) AS r ON true
 WHERE c.target IS DISTINCT FROM r.id;

-- number_newcomers -- The ids of the records that a chunk makes.
UPDATE chunk SET target = nextval((SELECT pg_get_serial_sequence({name}, 'id')::regclass)), is_new = true
 WHERE target IS NULL;

-- note_newcomers -- That records were made, in the change log.
INSERT INTO change (record, record_id, field, cause_id, at)
SELECT %(record)s, target, '', %(cause)s, now() FROM chunk WHERE is_new ORDER BY n;

-- note_changes -- What changed in records that were there.
INSERT INTO change (record, record_id, field, before, after, cause_id, at)
SELECT %(record)s, id, field, before, after, %(cause)s, now() FROM changed ORDER BY n, at;

-- count_chunk -- What a chunk does: records made, changed, and met without a change; values changed.
SELECT count(*) FILTER (WHERE is_new),
       (SELECT count(DISTINCT id) FROM changed),
       count(*) FILTER (WHERE NOT is_new),
       (SELECT count(*) FROM changed)
  FROM chunk;

-- collect -- The records of a chunk join the collection, which is held until the chunk commits; one that was deleted gets
-- none, because nobody would remove them.
WITH held AS (
    SELECT id FROM collection WHERE id = %(collection)s FOR UPDATE
), put AS (
    INSERT INTO collection_member (collection_id, record_id)
    SELECT h.id, c.target FROM held AS h CROSS JOIN chunk AS c ON CONFLICT DO NOTHING
    RETURNING record_id
)
UPDATE collection SET size = size + (SELECT count(*) FROM put), updated_at = now() WHERE id IN (SELECT id FROM held);

-- advance -- How far the import is, unless somebody cancelled it.
UPDATE file_import SET done = %(done)s, counts = %(counts)s WHERE id = %(file)s AND state = 'importing';
