-- alone -- No sessions are made of events meanwhile, and those that were are seen by the statements after. No parameters.
SELECT FROM events_read FOR UPDATE

-- visitors -- Browsers that are a person's: known to be, in some visit, or in which the address was given. Parameter: email.
WITH person AS (
    SELECT e.email_key, (SELECT c.id FROM contact AS c WHERE c.email_key = e.email_key) AS contact
      FROM email_of(%(email)s::text) AS e
)
SELECT v.key
  FROM visitor AS v CROSS JOIN person AS p
 WHERE v.contact_id = p.contact
    OR EXISTS (SELECT FROM web_session AS s WHERE s.visitor_id = v.id AND s.contact_id = p.contact)
    OR EXISTS (SELECT FROM visitor_sign AS g CROSS JOIN LATERAL email_of(g.email) AS e
                WHERE g.visitor_id = v.id AND e.email_key = p.email_key)

-- forget -- Erases visitors with all that was made of their events, and the person's signs with others. Parameters: visitors (keys), email. Answers how many of each.
WITH gone AS (
    SELECT id FROM visitor WHERE key = ANY (%(visitors)s::text[])
), forms AS (
    DELETE FROM web_form AS f USING web_session AS s
     WHERE s.id = f.session_id AND s.visitor_id IN (SELECT id FROM gone) RETURNING 1
), sessions AS (
    DELETE FROM web_session AS s WHERE s.visitor_id IN (SELECT id FROM gone) RETURNING 1
), signs AS (
    DELETE FROM visitor_sign AS g
     WHERE g.visitor_id IN (SELECT id FROM gone)
        OR g.contact_id = (SELECT c.id FROM contact AS c JOIN email_of(%(email)s::text) AS e USING (email_key))
    RETURNING 1
), visitors AS (
    DELETE FROM visitor AS v WHERE v.id IN (SELECT id FROM gone) RETURNING 1
)
SELECT (SELECT count(*) FROM visitors), (SELECT count(*) FROM sessions), (SELECT count(*) FROM forms),
       (SELECT count(*) FROM signs)
