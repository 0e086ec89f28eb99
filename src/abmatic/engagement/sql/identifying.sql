-- look_up -- Who and which company signs name, of those that are there. Parameter: ids.
SELECT g.id, e.email_key, d.domain, c.id, coalesce(c.account_id, a.id)
  FROM visitor_sign AS g
 CROSS JOIN LATERAL email_of(g.email) AS e
 CROSS JOIN LATERAL domain_of(split_part(e.email_key, '@', 2), true) AS d
  LEFT JOIN contact AS c
    ON c.id = CASE g.kind WHEN 'link' THEN g.contact_id
                          ELSE (SELECT o.id FROM contact AS o WHERE o.email_key = e.email_key) END
  LEFT JOIN account AS a ON a.domain = d.domain
 WHERE g.id = ANY (%(ids)s::uuid[])

-- look_again -- Signs of the last month whose person has come since are judged again. Links wait for nobody.
UPDATE visitor_sign AS g SET is_judged = false, waits_for = NULL
  FROM contact AS c
 WHERE g.waits_for IS NOT NULL AND g.occurred_at > now() - interval '30 days' AND c.email_key = g.waits_for

-- settle -- Writes down what signs mean, and keeps no more of what was given than that. Parameter: told (JSON).
WITH settled AS (
    UPDATE visitor_sign AS g
       SET is_judged = true, contact_id = t.contact, account_id = t.account, problem = t.problem, given = '{}',
           waits_for = t.waits_for
      FROM jsonb_to_recordset(%(told)s::jsonb)
           AS t (id uuid, contact bigint, account bigint, problem text, waits_for text)
     WHERE g.id = t.id
    RETURNING g.visitor_id
)
-- Where it is due already, too: somebody may be about to say that it isn't.
UPDATE visitor AS v SET is_due = true FROM settled AS s WHERE v.id = s.visitor_id

-- due -- Some visitors who are due; those that somebody is at are left to the next time. Parameter: batch.
SELECT id FROM visitor WHERE is_due ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED

-- assign -- Gives the sessions of visitors, who were locked by a statement before, to whom they belong: so all is seen that was written before they could be locked. Parameters: visitors, sure (JSON: how sure each kind of sign is).
WITH due AS MATERIALIZED (
    SELECT unnest(%(visitors)s::bigint[]) AS id
), sign AS MATERIALIZED (
    SELECT g.visitor_id, g.id, g.occurred_at, g.kind, g.contact_id, g.account_id,
           (%(sure)s::jsonb ->> g.kind)::smallint AS confidence
      FROM visitor_sign AS g JOIN due AS d ON d.id = g.visitor_id
     WHERE g.contact_id IS NOT NULL AND EXISTS (SELECT FROM contact AS c WHERE c.id = g.contact_id)
), given AS (
    SELECT s.id, b.contact_id, b.account_id
      FROM web_session AS s
      JOIN due AS d ON d.id = s.visitor_id
      LEFT JOIN LATERAL (
        SELECT g.contact_id, g.account_id FROM sign AS g
         WHERE g.visitor_id = s.visitor_id
         ORDER BY g.occurred_at <= s.ended_at DESC, g.confidence DESC,
                  CASE WHEN g.occurred_at <= s.ended_at THEN -extract(epoch FROM g.occurred_at)
                       ELSE extract(epoch FROM g.occurred_at) END, g.id
         LIMIT 1
      ) AS b ON true
), sessions AS (
    UPDATE web_session AS s SET contact_id = g.contact_id, account_id = g.account_id
      FROM given AS g
     WHERE s.id = g.id AND (s.contact_id, s.account_id) IS DISTINCT FROM (g.contact_id, g.account_id)
), best AS (
    SELECT DISTINCT ON (visitor_id) visitor_id, contact_id, account_id, confidence, kind
      FROM sign ORDER BY visitor_id, confidence DESC, occurred_at DESC, id
), visitors AS (
    UPDATE visitor AS v
       SET is_due = false, contact_id = b.contact_id, account_id = b.account_id, confidence = coalesce(b.confidence, 0),
           known_by = coalesce(b.kind, '')
      FROM due AS d LEFT JOIN best AS b ON b.visitor_id = d.id
     WHERE v.id = d.id
    RETURNING v.id
)
SELECT count(*) FROM visitors

-- absorb -- What is of losers becomes the winners'. Parameters: winners, losers (parallel arrays).
WITH pair AS (SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[]) AS p (winner, loser)),
signs AS (
    UPDATE visitor_sign AS g SET contact_id = pair.winner FROM pair WHERE g.contact_id = pair.loser
    RETURNING g.visitor_id
), visitors AS (
    UPDATE visitor AS v SET is_due = true, contact_id = coalesce(pair.winner, v.contact_id)
      FROM (SELECT visitor_id AS id FROM signs UNION SELECT w.id FROM visitor AS w JOIN pair ON pair.loser = w.contact_id
           ) AS theirs
      JOIN visitor AS o USING (id)
      LEFT JOIN pair ON pair.loser = o.contact_id
     WHERE v.id = theirs.id
)
UPDATE web_session AS s SET contact_id = pair.winner FROM pair WHERE s.contact_id = pair.loser
