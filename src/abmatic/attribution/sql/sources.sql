-- campaign_member -- Responses to campaigns. Known to the day: they count as of its first moment (UTC).
SELECT m.id::text AS source_key, 'campaign_response' AS kind,
       coalesce(nullif(btrim(k.type), ''), 'Campaign') AS channel, m.campaign_id, NULL::text AS page,
       m.first_responded::timestamp AT TIME ZONE 'UTC' AS occurred_at, m.contact_id, c.account_id
  FROM campaign_member AS m
  JOIN campaign AS k ON k.id = m.campaign_id
  JOIN contact AS c ON c.id = m.contact_id
 -- Somebody who was taken out of a campaign did respond all the same.
 WHERE m.has_responded AND m.first_responded IS NOT NULL
