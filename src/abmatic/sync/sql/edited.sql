-- edited -- Linked records whose local record people changed since: in a field where Salesforce leads (leading), or by emptying one that takes Salesforce's value while it is empty (fields). Parameters: connection, record, leading, fields, seen, upto.
-- One that a person has linked (see linking.py) is among them.
-- What runs wrote is not among them: of two orgs with one account, each would change it back for ever.
SELECT m.sf_id
  FROM (SELECT DISTINCT h.record_id AS local_id
          FROM change AS h JOIN cause AS u ON u.id = h.cause_id
         WHERE h.tx >= %(seen)s AND h.tx < %(upto)s AND h.record = %(record)s AND u.run_id IS NULL
           AND (h.field = ANY (%(leading)s) OR h.field = 'salesforce_id' OR h.field = ANY (%(fields)s) AND coalesce(h.after, 'null') IN ('null', '""'))) AS e
  JOIN {mirror} AS m ON m.local_id = e.local_id AND m.connection_id + 0 = %(connection)s
   AND m.role = 1 AND NOT m.is_deleted
 ORDER BY m.sf_id;
