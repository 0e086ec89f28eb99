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

-- take_rejected -- What was rejected when the import began, and what was not, whatever this reading says of it.
-- A row that was not, though a cell of it doesn't fit, was excused: its record had the same.
UPDATE typed AS t
   SET reason = r.reason, is_repeat = coalesce(r.is_repeat, false),
       excused = CASE WHEN r.reason IS NULL AND t.unfit IS NOT NULL THEN coalesce(t.excused, t.reason) ELSE t.excused END
  FROM typed AS s
  LEFT JOIN (SELECT number, reason, is_repeat FROM rejected_row WHERE file_id = %(file)s AND NOT is_imported) AS r
         ON r.number = s.n
 WHERE s.n = t.n AND s.reason IS DISTINCT FROM r.reason;

-- count_rejected -- How many rows are rejected, and how many of these are repeats of others.
SELECT count(*) FILTER (WHERE NOT is_repeat), count(*) FILTER (WHERE is_repeat) FROM typed WHERE reason IS NOT NULL;

-- settle_accounts -- The account of each row of a chunk, and the account that it names and lacks.
UPDATE chunk AS t
   SET account = CASE WHEN cardinality(f.ids) = 1 THEN f.ids[1] END, note = {problem}, is_refused = {rejects}
  FROM chunk AS s LEFT JOIN firms AS f ON f.key = s.firm
 WHERE s.n = t.n AND t.firm_said IS NOT NULL;

-- name_accounts -- The accounts that a chunk names, that aren't here and that its rows would be given, with new ids.
CREATE TEMP TABLE made_accounts ON COMMIT DROP AS
SELECT f.key, f.said, nextval(pg_get_serial_sequence('account', 'id')::regclass) AS id
  FROM firms AS f
 WHERE f.ids = '{{}}' AND f.key = ANY (ARRAY(
       SELECT t.firm FROM chunk AS t LEFT JOIN {table} AS a ON a.id = t.target WHERE {uses}));

-- make_accounts -- Makes them.
INSERT INTO account (id, name, website, domain, created_by_id, created_at, updated_at)
SELECT m.id, {name}, {website}, {domain}, {cause}, now(), now() FROM made_accounts AS m ORDER BY m.key;

-- know_accounts -- From here on they are found.
UPDATE firms AS f SET ids = ARRAY[m.id] FROM made_accounts AS m WHERE m.key = f.key;

-- note_accounts -- That accounts were made, in the change log.
INSERT INTO change (record, record_id, field, cause_id, at)
SELECT 'account', id, '', %(cause)s, now() FROM made_accounts ORDER BY id;

-- hold_accounts -- Nobody removes an account while the records of a chunk are joined to it.
SELECT a.id FROM account AS a WHERE a.id = ANY (ARRAY(SELECT account FROM chunk)) ORDER BY a.id FOR KEY SHARE;

-- refuse_excused -- Rows of a chunk that were excused for what their record had, and that are none that is here any more.
UPDATE chunk SET note = excused, is_refused = true WHERE target IS NULL AND excused IS NOT NULL;

-- refuse -- Rows of a chunk that can't be told any more are rejected; when the file was read they could be.
WITH refused AS (
    DELETE FROM chunk WHERE is_refused RETURNING n, line, note
)
INSERT INTO rejected_row (file_id, number, line, is_repeat, is_imported, reason)
SELECT %(file)s, n, line, false, false, note FROM refused ORDER BY n;

-- keep_unlinked -- Rows of a chunk that are written without the account they name.
INSERT INTO rejected_row (file_id, number, line, is_repeat, is_imported, reason)
SELECT %(file)s, n, line, false, true, note FROM chunk
 WHERE note IS NOT NULL AND account IS NULL AND (is_new OR %(changes)s) ORDER BY n;

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

-- count_linked -- Rows of a chunk whose record has the account that they name.
SELECT count(*) FROM chunk AS c JOIN {table} AS r ON r.id = c.target WHERE r.account_id = c.account;

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
