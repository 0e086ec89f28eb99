-- chunk -- The next Ids of an import. Parameters: wanted, after, most.
SELECT sf_id FROM crm_import_record WHERE wanted_id = %(wanted)s AND sf_id > %(after)s ORDER BY sf_id LIMIT %(most)s;

-- here -- How many of an import's records are linked with one here. Parameters: wanted, connection.
SELECT count(*) FROM crm_import_record AS i
  JOIN {mirror} AS m ON m.connection_id = %(connection)s AND m.sf_id = i.sf_id AND m.local_id IS NOT NULL
 WHERE i.wanted_id = %(wanted)s;

-- collect -- The local records of some Ids become members of a collection. Parameters: collection, connection, sf_ids.
WITH held AS (
    SELECT id FROM collection WHERE id = %(collection)s FOR UPDATE
), put AS (
    INSERT INTO collection_member (collection_id, record_id)
    SELECT DISTINCT h.id, m.local_id
      FROM held AS h
      JOIN {mirror} AS m ON m.connection_id = %(connection)s AND m.sf_id = ANY (%(sf_ids)s) AND m.local_id IS NOT NULL
       AND NOT m.is_deleted
    ON CONFLICT DO NOTHING
    RETURNING record_id
)
UPDATE collection SET size = size + (SELECT count(*) FROM put), updated_at = now() WHERE id IN (SELECT id FROM held);

-- forget_records -- The Ids of imports that were asked for long ago, and that nothing goes on with. Parameters: before.
DELETE FROM crm_import_record AS s
 USING crm_import AS p
 WHERE s.wanted_id = p.id AND p.created_at < %(before)s
   AND NOT EXISTS (SELECT FROM run AS r WHERE r.imports_id = p.id AND r.state IN ('queued', 'running'));

-- forget_imports -- Imports that were asked for long ago and never carried out. Parameters: before.
DELETE FROM crm_import AS p
 WHERE p.created_at < %(before)s AND NOT EXISTS (SELECT FROM run AS r WHERE r.imports_id = p.id);
