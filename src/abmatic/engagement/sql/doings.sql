-- keep_visitors -- Nobody is forgotten, and no session made, until the transaction ends. No parameters.
SELECT FROM events_read FOR SHARE

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

-- lately -- When people who are known were here in sessions that changed in some transactions, by visitor and site. Parameters: after, upto (marks), since.
SELECT s.site_id, v.key AS visitor, greatest(min(s.began_at), %(since)s::timestamptz) AS began_at, max(s.ended_at) AS ended_at
  FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE s.tx >= %(after)s AND s.tx < %(upto)s AND s.contact_id IS NOT NULL AND s.ended_at >= %(since)s::timestamptz
 GROUP BY s.site_id, v.key

-- past_upto -- When the last of the next sessions after a moment began; none where there aren't so many. Parameters: after, skipped.
SELECT began_at FROM web_session WHERE began_at > %(after)s
 ORDER BY began_at, id OFFSET %(skipped)s LIMIT 1

-- past -- When people who are known were here in sessions that began after a moment, up to one (or none), by visitor and site. Parameters: after, upto.
SELECT s.site_id, v.key AS visitor, min(s.began_at) AS began_at, max(s.ended_at) AS ended_at
  FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE s.contact_id IS NOT NULL AND s.began_at > %(after)s::timestamptz
   AND s.began_at <= coalesce(%(upto)s::timestamptz, 'infinity')
 GROUP BY s.site_id, v.key

-- known -- When people who are known were here since a moment, by visitor and site. Parameter: since.
SELECT s.site_id, v.key AS visitor, greatest(min(s.began_at), %(since)s::timestamptz) AS began_at, max(s.ended_at) AS ended_at
  FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE s.contact_id IS NOT NULL AND s.ended_at >= %(since)s::timestamptz
 GROUP BY s.site_id, v.key
