-- look_up -- Who and which company signs name, of those that are there. Parameters: ids, linked (JSON: for whom links were made, by sign).
SELECT g.id, e.email_key, d.domain, c.id, coalesce(c.account_id, a.id)
  FROM visitor_sign AS g
 CROSS JOIN LATERAL email_of(g.email) AS e
 CROSS JOIN LATERAL domain_of(split_part(e.email_key, '@', 2), true) AS d
  LEFT JOIN contact AS c
    ON c.id = CASE g.kind WHEN 'link' THEN (%(linked)s::jsonb ->> g.id::text)::bigint
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
    SELECT g.visitor_id, g.id, g.occurred_at, g.kind, g.contact_id, coalesce(c.account_id, g.account_id) AS account_id,
           (%(sure)s::jsonb ->> g.kind)::smallint AS confidence
      FROM visitor_sign AS g
      JOIN due AS d ON d.id = g.visitor_id
      JOIN contact AS c ON c.id = g.contact_id
), given AS (
    SELECT s.id, b.contact_id, coalesce(b.account_id, w.account_id) AS account_id, s.contact_id AS was_contact,
           s.account_id AS was_account
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
      -- What is known of the company where the person says nothing of it.
      LEFT JOIN web_network AS w ON w.network = s.network
), changed AS MATERIALIZED (
    SELECT * FROM given AS g WHERE (g.was_contact, g.was_account) IS DISTINCT FROM (g.contact_id, g.account_id)
), sessions AS (
    UPDATE web_session AS s SET contact_id = g.contact_id, account_id = g.account_id FROM changed AS g WHERE s.id = g.id
), scores AS (
    INSERT INTO score_due (record, record_id)
    SELECT 'contact', u.id FROM changed AS g, unnest(ARRAY[g.was_contact, g.contact_id]) AS u (id) WHERE u.id IS NOT NULL
     UNION
    SELECT 'account', u.id FROM changed AS g, unnest(ARRAY[g.was_account, g.account_id]) AS u (id) WHERE u.id IS NOT NULL
), best AS (
    SELECT DISTINCT ON (visitor_id) visitor_id, contact_id, account_id, confidence, kind
      FROM sign ORDER BY visitor_id, confidence DESC, occurred_at DESC, id
), visitors AS (
    UPDATE visitor AS v
       SET is_due = false, contact_id = k.contact_id, account_id = k.account_id, confidence = k.confidence,
           known_by = k.known_by
      FROM (
        SELECT o.id, b.contact_id,
               -- Signs that mean nobody leave what is known by the network.
               CASE WHEN b.visitor_id IS NOT NULL THEN b.account_id WHEN o.known_by = 'network' THEN o.account_id END
                   AS account_id,
               CASE WHEN b.visitor_id IS NOT NULL THEN b.confidence WHEN o.known_by = 'network' THEN o.confidence
                    ELSE 0 END AS confidence,
               CASE WHEN b.visitor_id IS NOT NULL THEN b.kind WHEN o.known_by = 'network' THEN o.known_by ELSE '' END
                   AS known_by
          FROM visitor AS o JOIN due AS d ON d.id = o.id LEFT JOIN best AS b ON b.visitor_id = o.id
      ) AS k
     WHERE v.id = k.id
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
), sessions AS (
    UPDATE web_session AS s SET contact_id = pair.winner FROM pair WHERE s.contact_id = pair.loser
    RETURNING pair.winner, pair.loser
)
INSERT INTO score_due (record, record_id)
SELECT DISTINCT 'contact', u.id FROM sessions AS s, unnest(ARRAY[s.winner, s.loser]) AS u (id)

-- mend -- Signs of people who are gone, because two became one, mean whoever has the address now. Answers how many.
WITH gone AS MATERIALIZED (
    SELECT g.id, g.visitor_id,
           (SELECT c.id FROM email_of(g.email) AS e JOIN contact AS c ON c.email_key = e.email_key) AS contact_id
      FROM visitor_sign AS g
      LEFT JOIN contact AS o ON o.id = g.contact_id
     WHERE g.contact_id IS NOT NULL AND o.id IS NULL
), mended AS (
    UPDATE visitor_sign AS g SET contact_id = n.contact_id FROM gone AS n WHERE g.id = n.id
), due AS (
    UPDATE visitor AS v SET is_due = true FROM gone AS n WHERE v.id = n.visitor_id
)
SELECT count(*) FROM gone

-- follow -- Sessions of people whose account has become another are that one's. Answers how many.
WITH moved AS MATERIALIZED (
    SELECT s.id, c.account_id, s.account_id AS was_account
      FROM web_session AS s
      JOIN contact AS c ON c.id = s.contact_id
     WHERE c.account_id IS NOT NULL AND s.account_id IS DISTINCT FROM c.account_id
), sessions AS (
    UPDATE web_session AS s SET account_id = m.account_id FROM moved AS m WHERE s.id = m.id
), visitors AS (
    UPDATE visitor AS v SET account_id = c.account_id
      FROM contact AS c
     WHERE c.id = v.contact_id AND c.account_id IS NOT NULL AND v.account_id IS DISTINCT FROM c.account_id
), scores AS (
    INSERT INTO score_due (record, record_id)
    SELECT DISTINCT 'account', u.id
      FROM moved AS m, unnest(ARRAY[m.account_id, m.was_account]) AS u (id) WHERE u.id IS NOT NULL
)
SELECT count(*) FROM moved
