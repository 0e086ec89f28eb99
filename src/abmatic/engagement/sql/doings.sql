-- read_up_to -- Up to where events were made sessions of; nobody is forgotten, and no session made, until the transaction ends. No parameters.
SELECT tx, event FROM events_read FOR SHARE

-- no_further -- Leaves out events that no sessions were made of yet. Parameters: tx, id.
DELETE FROM {events} WHERE (tx, id) > (%(tx)s, %(id)s)

-- whose -- What is in a table (visitor, site_id, occurred_at, and more), with who it was and whose company, as far as is known.
SELECT d.*, v.id AS visitor_id, s.contact_id, s.account_id
  FROM {doings} AS d
  JOIN visitor AS v ON v.key = d.visitor
  LEFT JOIN LATERAL (
    SELECT w.contact_id, w.account_id FROM web_session AS w
     WHERE w.visitor_id = v.id AND w.site_id = d.site_id
       AND w.stay_ended_at >= d.occurred_at AND w.began_at <= d.occurred_at AND w.ended_at >= d.occurred_at
     ORDER BY w.began_at DESC, w.id LIMIT 1
  ) AS s ON true

-- changed -- Sessions that were made, changed or given to somebody from a transaction on. Parameters: since, upto.
SELECT s.id, s.visitor_id, s.site_id, s.began_at, s.ended_at, s.contact_id, s.account_id
  FROM web_session AS s
 WHERE s.tx >= %(since)s AND (%(since)s = 0 OR s.tx < %(upto)s)

-- known -- When people who are known were here since a moment, by visitor and site. Parameter: since.
SELECT s.site_id, v.key AS visitor, greatest(min(s.began_at), %(since)s::timestamptz) AS began_at, max(s.ended_at) AS ended_at
  FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE s.contact_id IS NOT NULL AND s.ended_at >= %(since)s::timestamptz
 GROUP BY s.site_id, v.key
