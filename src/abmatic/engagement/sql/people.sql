-- alone -- No sessions are made of events meanwhile, and those that were are seen by the statements after. No parameters.
SELECT FROM events_read FOR UPDATE

-- hold -- Nobody writes the person's contact meanwhile. Parameter: contact.
SELECT FROM contact WHERE id = %(contact)s::bigint FOR UPDATE

-- person -- The key of an e-mail address (empty where it is none), and the contact that has it. Parameter: email.
SELECT e.email_key, c.id
  FROM email_of(%(email)s::text) AS e LEFT JOIN contact AS c ON c.email_key = e.email_key

-- visitors -- Browsers that are a person's: known to be, in some visit, or in which the address was given. Parameters: contact, key.
SELECT v.key
  FROM visitor AS v
 WHERE v.contact_id = %(contact)s::bigint
    OR EXISTS (SELECT FROM web_session AS s WHERE s.visitor_id = v.id AND s.contact_id = %(contact)s::bigint)
    OR EXISTS (SELECT FROM visitor_sign AS g CROSS JOIN LATERAL email_of(g.email) AS e
                WHERE g.visitor_id = v.id AND e.email_key = %(key)s::text)
 ORDER BY v.key

-- known_visitors -- What is known of visitors. Parameter: visitors (keys).
SELECT * FROM visitor WHERE key = ANY (%(visitors)s::text[]) ORDER BY id

-- sessions -- The sessions of visitors. Parameter: visitors.
SELECT s.* FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE v.key = ANY (%(visitors)s::text[]) ORDER BY s.began_at, s.id

-- forms -- The forms that visitors sent. Parameter: visitors.
SELECT f.*
  FROM web_form AS f JOIN web_session AS s ON s.id = f.session_id JOIN visitor AS v ON v.id = s.visitor_id
 WHERE v.key = ANY (%(visitors)s::text[]) ORDER BY f.occurred_at, f.id

-- signs -- By what visitors were known, and the person's signs with others. Parameters: visitors, contact.
SELECT g.* FROM visitor_sign AS g JOIN visitor AS v ON v.id = g.visitor_id
 WHERE v.key = ANY (%(visitors)s::text[]) OR g.contact_id = %(contact)s::bigint ORDER BY g.occurred_at, g.id

-- scores -- The score of a person. Parameter: contact.
SELECT * FROM engagement WHERE record = 'contact' AND record_id = %(contact)s::bigint

-- mark_scores -- Whose sessions they are is scored anew, and so is the person. Parameters: visitors, contact.
INSERT INTO score_due (record, record_id)
SELECT 'contact', s.contact_id FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE v.key = ANY (%(visitors)s::text[]) AND s.contact_id IS NOT NULL
 UNION
SELECT 'account', s.account_id FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
 WHERE v.key = ANY (%(visitors)s::text[]) AND s.account_id IS NOT NULL
 UNION
SELECT record, record_id FROM engagement WHERE record = 'contact' AND record_id = %(contact)s::bigint

-- erase -- Erases visitors with all that was made of their events, and the person's signs with others. Parameters: visitors (keys), contact. Answers how many of each.
WITH gone AS (
    SELECT id FROM visitor WHERE key = ANY (%(visitors)s::text[])
), forms AS (
    DELETE FROM web_form AS f USING web_session AS s
     WHERE s.id = f.session_id AND s.visitor_id IN (SELECT id FROM gone) RETURNING 1
), sessions AS (
    DELETE FROM web_session AS s WHERE s.visitor_id IN (SELECT id FROM gone) RETURNING 1
), signs AS (
    DELETE FROM visitor_sign AS g
     WHERE g.visitor_id IN (SELECT id FROM gone) OR g.contact_id = %(contact)s::bigint RETURNING 1
), visitors AS (
    DELETE FROM visitor AS v WHERE v.id IN (SELECT id FROM gone) RETURNING 1
)
SELECT (SELECT count(*) FROM visitors), (SELECT count(*) FROM sessions), (SELECT count(*) FROM forms),
       (SELECT count(*) FROM signs)
