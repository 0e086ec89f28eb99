-- put_in -- Contacts become members of a campaign. Answers how many. Parameters: campaign, contacts, cause, status, responded, today.
WITH made AS (
    INSERT INTO campaign_member (campaign_id, contact_id, status, has_responded, first_responded, created_by_id,
                                 created_at, updated_at)
    SELECT %(campaign)s, c.id, %(status)s, %(responded)s, CASE WHEN %(responded)s THEN %(today)s::date END, %(cause)s,
           now(), now()
      FROM contact AS c WHERE c.id = ANY (%(contacts)s::bigint[])
    ON CONFLICT (campaign_id, contact_id) DO NOTHING
    RETURNING id
), back AS (
    SELECT t.id FROM campaign_member AS t
     WHERE t.campaign_id = %(campaign)s AND t.contact_id = ANY (%(contacts)s::bigint[]) AND t.is_removed FOR UPDATE
), returned AS (
    UPDATE campaign_member AS t SET is_removed = false, lives_on_id = NULL, updated_at = now() FROM back WHERE t.id = back.id
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT 'campaign_member', id, '', NULL::jsonb, NULL::jsonb, %(cause)s, now() FROM made
    UNION ALL
    SELECT 'campaign_member', id, 'is_removed', 'true', 'false', %(cause)s, now() FROM back
)
SELECT (SELECT count(*) FROM made) + (SELECT count(*) FROM back);

-- set_status -- Members of a campaign get a status, and what follows from it. Who has one of ``staying`` keeps it, also where somebody else gave it just now. Answers how many change. Parameters: campaign, members, staying, cause, status, responded, today.
WITH before AS (
    SELECT t.id, t.status, t.has_responded, t.first_responded,
           CASE WHEN %(responded)s THEN least(t.first_responded, %(today)s::date) ELSE t.first_responded END AS first
      FROM campaign_member AS t
     WHERE t.campaign_id = %(campaign)s AND t.id = ANY (%(members)s::bigint[]) AND NOT t.is_removed
       AND (t.status IS NULL OR t.status <> ALL (%(staying)s::text[])) FOR UPDATE
), changed AS (
    UPDATE campaign_member AS t
       SET status = %(status)s, has_responded = %(responded)s, first_responded = before.first, updated_at = now()
      FROM before WHERE t.id = before.id
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT 'campaign_member', b.id, v.field, v.before, v.after, %(cause)s, now()
      FROM before AS b CROSS JOIN LATERAL (VALUES
          ('status', to_jsonb(b.status), to_jsonb(%(status)s::text)),
          ('has_responded', to_jsonb(b.has_responded), to_jsonb(%(responded)s)),
          ('first_responded', to_jsonb(b.first_responded), to_jsonb(b.first))) AS v (field, before, after)
     WHERE v.before IS DISTINCT FROM v.after
)
SELECT count(*) FROM before;

-- joining -- Who is in a collection (of contacts, or of accounts) and never was in the campaign: at most ``most`` of them, of ids above ``after``. Parameters: campaign, collection, of_accounts, after, most.
SELECT c.id
  FROM (SELECT a.id FROM collection_member AS m JOIN contact AS a ON a.id = m.record_id
         WHERE m.collection_id = %(collection)s AND m.record_id > %(after)s AND NOT %(of_accounts)s
        UNION ALL
        SELECT a.id FROM collection_member AS m JOIN contact AS a ON a.account_id = m.record_id
         WHERE m.collection_id = %(collection)s AND %(of_accounts)s) AS c
 WHERE c.id > %(after)s
   AND NOT EXISTS (SELECT FROM campaign_member AS t WHERE t.campaign_id = %(campaign)s AND t.contact_id = c.id)
 ORDER BY c.id LIMIT %(most)s;
