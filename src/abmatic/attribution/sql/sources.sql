-- campaign_member -- Responses to campaigns. Known to the day: they count as of its first moment (UTC).
SELECT m.id::text AS source_key, 'campaign_response' AS kind,
       -- One channel with visits by mail, whichever way a CRM spells it.
       CASE WHEN lower(btrim(k.type)) IN ('email', 'e-mail') THEN 'E-mail'
            ELSE coalesce(nullif(btrim(k.type), ''), 'Campaign') END AS channel, m.campaign_id, NULL::text AS page,
       m.first_responded::timestamp AT TIME ZONE 'UTC' AS occurred_at, m.contact_id, c.account_id
  FROM campaign_member AS m
  JOIN campaign AS k ON k.id = m.campaign_id
  JOIN contact AS c ON c.id = m.contact_id
 -- Somebody who was taken out of a campaign did respond all the same; who became one with another person did once.
 WHERE {among} AND m.has_responded AND m.first_responded IS NOT NULL
   AND NOT (m.is_removed AND EXISTS (
       SELECT FROM campaign_member AS o WHERE o.id = m.lives_on_id AND o.has_responded AND o.first_responded IS NOT NULL))

-- web_session -- Visits of people or companies that are known. Of a campaign where the link that brought them
-- names it as it is named here; once it is, whatever the campaign is called later. A person's touches are of the account
-- that the person belongs to now, whatever they are; those of nobody known of the company's.
SELECT s.id::text AS source_key, 'visit' AS kind,
       CASE s.channel WHEN 'email' THEN 'E-mail'
            ELSE upper(left(s.channel, 1)) || replace(substr(s.channel, 2), '_', ' ') END AS channel,
       coalesce(kept.id, k.id) AS campaign_id, s.landing_path AS page, s.began_at AS occurred_at, s.contact_id,
       coalesce(p.account_id, s.account_id) AS account_id
  FROM web_session AS s
  LEFT JOIN contact AS p ON p.id = s.contact_id
  LEFT JOIN touch AS t ON t.source = 'web_session' AND t.source_key = s.id::text
  LEFT JOIN campaign AS kept ON kept.id = t.campaign_id AND s.campaign IS NOT NULL
  LEFT JOIN (
    SELECT lower(btrim(c.name)) AS name, min(c.id) AS id FROM campaign AS c GROUP BY 1
  ) AS k ON k.name = lower(btrim(s.campaign))
 WHERE {among} AND (s.contact_id IS NOT NULL OR s.account_id IS NOT NULL)

-- web_form -- Forms that they sent on such visits.
SELECT f.id::text AS source_key, 'form' AS kind,
       CASE s.channel WHEN 'email' THEN 'E-mail'
            ELSE upper(left(s.channel, 1)) || replace(substr(s.channel, 2), '_', ' ') END AS channel,
       coalesce(kept.id, k.id) AS campaign_id, f.path AS page, f.occurred_at, s.contact_id,
       coalesce(p.account_id, s.account_id) AS account_id
  FROM web_form AS f
  JOIN web_session AS s ON s.id = f.session_id
  LEFT JOIN contact AS p ON p.id = s.contact_id
  LEFT JOIN touch AS t ON t.source = 'web_form' AND t.source_key = f.id::text
  LEFT JOIN campaign AS kept ON kept.id = t.campaign_id AND s.campaign IS NOT NULL
  LEFT JOIN (
    SELECT lower(btrim(c.name)) AS name, min(c.id) AS id FROM campaign AS c GROUP BY 1
  ) AS k ON k.name = lower(btrim(s.campaign))
 WHERE {among} AND (s.contact_id IS NOT NULL OR s.account_id IS NOT NULL)

-- experience_event -- Personalised content that people or companies who are known saw, and their clicks on it, the first of
-- each on a day (UTC) of a visitor and an experience in visits of somebody who is known. Of the campaign that the experience
-- is of, and of whom the visit is. The control group has seen nothing.
SELECT DISTINCT ON (e.assignment_id, e.is_click, (e.occurred_at AT TIME ZONE 'UTC')::date)
       e.id::text AS source_key, CASE WHEN e.is_click THEN 'personalised_click' ELSE 'personalised' END AS kind,
       'Personalisation' AS channel, x.campaign_id, e.path AS page, e.occurred_at, s.contact_id,
       coalesce(p.account_id, s.account_id) AS account_id
  FROM visitor AS v
  JOIN experience_assignment AS a ON a.visitor = v.key AND a.variant_id IS NOT NULL
  JOIN experience AS x ON x.id = a.experience_id AND x.removed_at IS NULL
  JOIN experience_event AS e ON e.assignment_id = a.id
  JOIN LATERAL (
    SELECT w.contact_id, w.account_id
      FROM web_session AS w
     WHERE w.visitor_id = v.id AND w.site_id = x.site_id AND w.stay_ended_at >= e.occurred_at
       AND e.occurred_at BETWEEN w.began_at AND w.ended_at
     ORDER BY w.began_at, w.id LIMIT 1
  ) AS s ON s.contact_id IS NOT NULL OR s.account_id IS NOT NULL
  LEFT JOIN contact AS p ON p.id = s.contact_id
 -- Most visitors are nobody who is known.
 WHERE {among}
   AND EXISTS (SELECT FROM web_session AS k
                WHERE k.visitor_id = v.id AND (k.contact_id IS NOT NULL OR k.account_id IS NOT NULL))
 ORDER BY e.assignment_id, e.is_click, (e.occurred_at AT TIME ZONE 'UTC')::date, e.occurred_at, e.id
