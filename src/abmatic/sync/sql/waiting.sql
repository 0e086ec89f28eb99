-- note -- Keeps with each record that is due why it waits. Its literals may hold percent signs, so nothing is a parameter.
WITH found AS MATERIALIZED (
    SELECT d.local_id, d.waits AS before, CASE
           WHEN NOT ({waits}) OR NOT ({is_wanted}) THEN NULL
           WHEN EXISTS (SELECT FROM mirror_account AS k WHERE k.local_id = firm.id AND k.connection_id + 0 = {connection})
           THEN 'ACCOUNT_DELETED'
           WHEN NOT {creates} THEN 'ACCOUNT_NOT_CREATED'
           WHEN {is_denied} THEN 'ACCOUNT_FORBIDDEN'
           WHEN NOT ({passes}) THEN 'ACCOUNT_FILTERED'
           WHEN EXISTS (SELECT FROM issue AS i WHERE i.is_open AND i.retry_at IS NULL AND i.connection_id = {connection}
                           AND i.sobject = 'Account' AND i.local_id = firm.id AND i.field = '')
           THEN 'ACCOUNT_HELD'
           ELSE '' END AS waits
      FROM push_due AS d
      JOIN {local} AS a ON a.id = d.local_id
      LEFT JOIN account AS firm ON firm.id = a.account_id
     WHERE d.connection_id = {connection} AND d.sobject = {sobject}
)
UPDATE push_due AS d
   SET waits = f.waits
  FROM found AS f
 WHERE d.connection_id = {connection} AND d.sobject = {sobject} AND d.local_id = f.local_id
   AND f.waits IS DISTINCT FROM f.before;

-- open_issues -- One for each record that waits for what no sync does. One that is open for the same reason stays as it is.
INSERT INTO issue (connection_id, sobject, local_id, sf_id, field, code, message, fields, sent, settings, run_id,
                   is_open, first_at, last_at, times)
SELECT d.connection_id, d.sobject, d.local_id, NULL, '', d.waits,
       left('Its account is ' || concat_ws(', ', coalesce(nullif(btrim(firm.name), ''), 'number ' || firm.id), firm.domain), 1000),
       '{{AccountId}}', '{{}}', '', {run}, true, now(), now(), 1
  FROM push_due AS d
  JOIN {local} AS a ON a.id = d.local_id
  JOIN account AS firm ON firm.id = a.account_id
 WHERE d.connection_id = {connection} AND d.sobject = {sobject} AND d.waits <> ''
   AND NOT EXISTS (
       SELECT FROM issue AS i
        WHERE i.is_open AND i.connection_id = d.connection_id AND i.sobject = d.sobject AND i.local_id = d.local_id
          AND i.field = '' AND i.code = d.waits)
ON CONFLICT (connection_id, sobject, local_id, field) WHERE is_open
DO UPDATE SET code = excluded.code, message = excluded.message, fields = excluded.fields, sent = excluded.sent,
              settings = excluded.settings, run_id = excluded.run_id, last_at = now(), times = issue.times + 1, retry_at = NULL;

-- close_issues -- Whatever does not wait any more, or not for that. Parameters: connection, sobject, codes.
UPDATE issue AS i
   SET is_open = false, last_at = now(), retry_at = NULL
 WHERE i.is_open AND i.connection_id = %(connection)s AND i.code = ANY (%(codes)s) AND i.sobject = %(sobject)s
   AND NOT EXISTS (
       SELECT FROM push_due AS d
        WHERE d.connection_id = i.connection_id AND d.sobject = i.sobject AND d.local_id = i.local_id AND d.waits = i.code);

-- answer_retries -- Somebody wanted them tried again, and they still wait: that is the answer. Parameters: connection, sobject, codes, run.
UPDATE issue
   SET retry_at = NULL, last_at = now(), run_id = %(run)s, times = times + 1
 WHERE is_open AND retry_at IS NOT NULL AND connection_id = %(connection)s AND sobject = %(sobject)s
   AND code = ANY (%(codes)s);

-- count -- How many wait. Parameters: connection, sobject.
SELECT count(*) FROM push_due WHERE connection_id = %(connection)s AND sobject = %(sobject)s AND waits IS NOT NULL;

-- samples -- Some that wait. Parameters: connection, sobject, most.
SELECT d.local_id, {name}, d.waits FROM push_due AS d JOIN {local} AS a ON a.id = d.local_id
 WHERE d.connection_id = %(connection)s AND d.sobject = %(sobject)s AND d.waits IS NOT NULL
 ORDER BY d.waits DESC, d.local_id LIMIT %(most)s;

-- forget_leads -- Who became a lead is no contact's business. Parameters: connection.
WITH gone AS (
    DELETE FROM push_due AS d
     WHERE d.connection_id = %(connection)s AND d.sobject = 'Contact'
       AND EXISTS (SELECT FROM mirror_lead AS k WHERE k.local_id = d.local_id AND k.connection_id + 0 = %(connection)s)
       AND NOT EXISTS (
           SELECT FROM mirror_contact AS k WHERE k.local_id = d.local_id AND k.connection_id + 0 = %(connection)s)
    RETURNING d.local_id
)
UPDATE issue AS i
   SET is_open = false, last_at = now(), retry_at = NULL
  FROM gone
 WHERE i.is_open AND i.connection_id = %(connection)s AND i.sobject = 'Contact' AND i.local_id = gone.local_id;
