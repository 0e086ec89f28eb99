-- forget_strangers -- Erases some visitors who weren't here since and of whom nobody knows who they were, with their sessions. Answers how many. Parameters: before, batch.
WITH gone AS MATERIALIZED (
    SELECT v.id FROM visitor AS v
     WHERE v.last_seen_at < %(before)s AND v.contact_id IS NULL AND v.account_id IS NULL
       AND NOT EXISTS (SELECT FROM web_session AS s
                        WHERE s.visitor_id = v.id AND (s.contact_id IS NOT NULL OR s.account_id IS NOT NULL))
     LIMIT %(batch)s
), forms AS (
    DELETE FROM web_form AS f USING web_session AS s
     WHERE s.id = f.session_id AND s.visitor_id IN (SELECT id FROM gone)
), sessions AS (
    DELETE FROM web_session AS s WHERE s.visitor_id IN (SELECT id FROM gone)
), signs AS (
    DELETE FROM visitor_sign AS g WHERE g.visitor_id IN (SELECT id FROM gone)
), visitors AS (
    DELETE FROM visitor AS v WHERE v.id IN (SELECT id FROM gone) RETURNING 1
)
SELECT count(*) FROM visitors
