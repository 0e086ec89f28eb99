-- is_any -- A row where anything is due, or was said to wait. Parameters: connection, sobject, codes.
SELECT 1
 WHERE EXISTS (SELECT FROM push_due WHERE connection_id = %(connection)s AND sobject = %(sobject)s)
    OR EXISTS (SELECT FROM issue WHERE is_open AND connection_id = %(connection)s AND sobject = %(sobject)s
                  AND code = ANY (%(codes)s));

-- make_table -- For what `note` finds changed.
CREATE TEMP TABLE IF NOT EXISTS newly_waiting (local_id bigint PRIMARY KEY, waits text);

-- note -- Keeps with each record that is due why it waits, and tells which waits for another reason than before. Its
-- literals may hold percent signs, so nothing is a parameter.
WITH found AS MATERIALIZED (
    SELECT d.local_id, d.waits AS before, CASE
           WHEN starts_with(d.waits, 'UNREAD') THEN {unread}
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
), noted AS (
    UPDATE push_due AS d
       SET waits = f.waits
      FROM found AS f
     WHERE d.connection_id = {connection} AND d.sobject = {sobject} AND d.local_id = f.local_id
       AND f.waits IS DISTINCT FROM f.before
    RETURNING d.local_id, d.waits
)
INSERT INTO newly_waiting SELECT local_id, waits FROM noted WHERE waits <> '';

-- open_issues -- One for each record that waits from now on for what no sync does.
INSERT INTO issue (connection_id, sobject, local_id, sf_id, field, code, message, fields, sent, settings, run_id,
                   is_open, first_at, last_at, times)
SELECT {connection}, {sobject}, w.local_id, NULL, '', w.waits,
       CASE WHEN firm.id IS NULL OR starts_with(w.waits, 'UNREAD') THEN ''
            ELSE left('Its account is ' || concat_ws(', ', coalesce(nullif(btrim(firm.name), ''), 'number ' || firm.id),
                                                     firm.domain), 1000) END,
       CASE WHEN starts_with(w.waits, 'UNREAD') THEN '{{}}'::text[] ELSE '{{AccountId}}' END, '{{}}', '', {run}, true,
       now(), now(), 1
  FROM newly_waiting AS w
  JOIN {local} AS a ON a.id = w.local_id
  LEFT JOIN account AS firm ON firm.id = a.account_id
ON CONFLICT (connection_id, sobject, local_id, field) WHERE is_open
DO UPDATE SET code = excluded.code, message = excluded.message, fields = excluded.fields, sent = excluded.sent,
              settings = excluded.settings, run_id = excluded.run_id, last_at = now(), times = issue.times + 1, retry_at = NULL;

-- read_now -- The other object was read: who was known as one of its unread records is seen for what it is. Parameters: connection, sobject.
UPDATE push_due SET waits = NULL
 WHERE connection_id = %(connection)s AND sobject = %(sobject)s AND starts_with(waits, 'UNREAD');

-- close_issues -- Whatever does not wait any more, or not for that. Parameters: connection, sobject, codes.
UPDATE issue AS i
   SET is_open = false, last_at = now(), retry_at = NULL
 WHERE i.is_open AND i.connection_id = %(connection)s AND i.code = ANY (%(codes)s) AND i.sobject = %(sobject)s
   AND NOT EXISTS (
       SELECT FROM push_due AS d
        WHERE d.connection_id = i.connection_id AND d.sobject = i.sobject AND d.local_id = i.local_id AND d.waits = i.code);

-- answer_retries -- Somebody wanted them tried again, and they still wait: that is the answer. No parameters.
UPDATE issue AS i
   SET retry_at = NULL, last_at = now(), run_id = {run}, times = times + 1
  FROM push_due AS d
 WHERE i.is_open AND i.retry_at IS NOT NULL AND i.connection_id = {connection} AND i.sobject = {sobject}
   AND d.connection_id = i.connection_id AND d.sobject = i.sobject AND d.local_id = i.local_id AND NOT {ready};

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
