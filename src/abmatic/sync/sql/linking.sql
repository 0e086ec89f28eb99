-- namesakes -- Opportunities that Salesforce has of the account of a deal here, with its name, and that are nobody's. Parameters: connection, local, most.
SELECT h.sf_id, h.values
  FROM opportunity AS a
  JOIN mirror_account AS p ON p.local_id = a.account_id AND p.connection_id = %(connection)s AND p.role = 1
   AND NOT p.is_deleted
  JOIN mirror_opportunity AS h ON h.connection_id = %(connection)s AND h.account_sf_id = p.sf_id
   AND h.local_id IS NULL AND NOT h.is_deleted AND lower(btrim(h.values ->> 'Name')) = lower(btrim(a.name))
 WHERE a.id = %(local)s
 ORDER BY h.created, h.sf_id
 LIMIT %(most)s;

-- link -- The two are one from now on, and agree on nothing yet. Parameters: connection, local, sf_id.
UPDATE mirror_opportunity AS m
   SET local_id = %(local)s, role = 1, base = '{}', linked_run = NULL
 WHERE m.connection_id = %(connection)s AND m.sf_id = %(sf_id)s AND m.local_id IS NULL AND NOT m.is_deleted
   AND NOT EXISTS (SELECT FROM mirror_opportunity AS k
                    WHERE k.local_id = %(local)s AND k.connection_id = %(connection)s);
