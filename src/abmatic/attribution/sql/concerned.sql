-- alone -- Nobody else takes marks until this transaction is over; marking goes on.
LOCK TABLE attribution_due IN SHARE UPDATE EXCLUSIVE MODE

-- is_whole -- Whether everything is to be made anew: a mark says so, or there are so many different ones that it is faster. Parameter: most.
SELECT EXISTS (SELECT FROM attribution_due WHERE what = 'all')
    OR EXISTS (SELECT FROM attribution_due OFFSET %(most)s)
   AND EXISTS (SELECT FROM (SELECT DISTINCT what, key FROM attribution_due) AS d OFFSET %(most)s)

-- forget -- Takes all marks, for everything is made anew.
DELETE FROM attribution_due

-- take -- What changed since the last time; what is marked meanwhile stays for the next.
CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
WITH gone AS (DELETE FROM attribution_due WHERE what <> 'all' RETURNING what, key)
SELECT DISTINCT what, key FROM gone

-- members -- Memberships that changed, whose person or campaign did, or in which one that changed lives on or lived on.
CREATE TEMPORARY TABLE concerned_member ON COMMIT DROP AS
WITH changed AS MATERIALIZED (
    SELECT what, key::bigint AS id FROM taken WHERE what IN ('campaign_member', 'contact', 'campaign', 'campaign_type')
)
SELECT id FROM changed WHERE what = 'campaign_member'
 UNION
SELECT m.id FROM changed AS c JOIN campaign_member AS m ON m.lives_on_id = c.id WHERE c.what = 'campaign_member'
 UNION
SELECT m.id FROM changed AS c JOIN campaign_member AS m ON m.contact_id = c.id WHERE c.what = 'contact'
 UNION
SELECT m.id FROM changed AS c JOIN campaign_member AS m ON m.campaign_id = c.id WHERE c.what IN ('campaign', 'campaign_type')

-- sessions -- Visits that changed, or whose person did.
CREATE TEMPORARY TABLE concerned_session ON COMMIT DROP AS
WITH changed AS MATERIALIZED (
    SELECT what, key::bigint AS id FROM taken WHERE what IN ('web_session', 'contact')
)
SELECT id FROM changed WHERE what = 'web_session'
 UNION
SELECT s.id FROM changed AS c JOIN web_session AS s ON s.contact_id = c.id WHERE c.what = 'contact'

-- sessions_of_campaigns -- Visits by links that name a campaign which is new or has another name, and those of one that is gone. For when one did.
WITH changed AS MATERIALIZED (SELECT key::bigint AS id FROM taken WHERE what = 'campaign')
INSERT INTO concerned_session
SELECT s.id
  FROM changed AS c
  JOIN campaign AS k ON k.id = c.id
  JOIN web_session AS s ON s.campaign IS NOT NULL AND lower(btrim(s.campaign)) = lower(btrim(k.name))
 WHERE (s.contact_id IS NOT NULL OR s.account_id IS NOT NULL)
 UNION
SELECT t.source_key::bigint FROM touch AS t JOIN changed AS c ON c.id = t.campaign_id WHERE t.source = 'web_session'

-- forms -- Forms that changed, and those that were sent on these visits.
CREATE TEMPORARY TABLE concerned_form ON COMMIT DROP AS
SELECT key::uuid AS id FROM taken WHERE what = 'web_form'
 UNION
SELECT f.id FROM concerned_session AS s JOIN web_form AS f ON f.session_id = s.id

-- forms_of_campaigns -- Forms that were of a campaign which changed. For when one did.
WITH changed AS MATERIALIZED (SELECT key::bigint AS id FROM taken WHERE what = 'campaign')
INSERT INTO concerned_form
SELECT t.source_key::uuid FROM touch AS t JOIN changed AS c ON c.id = t.campaign_id WHERE t.source = 'web_form'

-- assignments -- What visitors were given: where that, the experience, what came of it or the visitor's visits changed.
CREATE TEMPORARY TABLE concerned_assignment ON COMMIT DROP AS
WITH changed AS MATERIALIZED (
    SELECT what, key::bigint AS id FROM taken WHERE what IN ('experience', 'experience_assignment')
), browser AS MATERIALIZED (
    SELECT DISTINCT v.key
      FROM concerned_session AS c
      JOIN web_session AS s ON s.id = c.id
      JOIN visitor AS v ON v.id = s.visitor_id
)
SELECT id FROM changed WHERE what = 'experience_assignment'
 UNION
SELECT a.id FROM changed AS c JOIN experience_assignment AS a ON a.experience_id = c.id WHERE c.what = 'experience'
 UNION
SELECT a.id FROM browser AS b JOIN experience_assignment AS a ON a.visitor = b.key

-- touches -- The touches that these may be told as, by source.
CREATE TEMPORARY TABLE concerned_touch ON COMMIT DROP AS
SELECT 'campaign_member' AS source, id::text AS source_key FROM concerned_member
 UNION
SELECT 'web_session', id::text FROM concerned_session
 UNION
SELECT 'web_form', id::text FROM concerned_form
 UNION
SELECT 'experience_event', e.id::text
  FROM concerned_assignment AS a JOIN experience_event AS e ON e.assignment_id = a.id
 UNION
SELECT 'experience_event', key FROM taken WHERE what = 'experience_event'

-- deals -- Deals that changed, or of which one of the people did.
CREATE TEMPORARY TABLE concerned_deal ON COMMIT DROP AS
WITH changed AS MATERIALIZED (
    SELECT what, key::bigint AS id FROM taken WHERE what IN ('opportunity', 'contact')
)
SELECT id FROM changed WHERE what = 'opportunity'
 UNION
SELECT r.opportunity_id
  FROM changed AS c JOIN opportunity_contact AS r ON r.contact_id = c.id WHERE c.what = 'contact'

-- records -- These deals and their people, of whom it is asked when they were made.
CREATE TEMPORARY TABLE concerned_record ON COMMIT DROP AS
SELECT 'opportunity' AS record, id AS record_id FROM concerned_deal
 UNION
SELECT 'contact', r.contact_id
  FROM concerned_deal AS d JOIN opportunity_contact AS r ON r.opportunity_id = d.id
