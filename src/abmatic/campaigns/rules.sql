-- found -- What events hit which of some rules. The rest of a rule's work is the same whatever it looks at. Parameter: rules.
SELECT r.id AS rule_id, e.id AS event, e.visitor, e.site_id, e.occurred_at
  FROM {events} AS e
 CROSS JOIN LATERAL (
    SELECT CASE WHEN length(e.path) > 1 THEN rtrim(lower(e.path), '/') ELSE e.path END AS path
 ) AS at
  -- What was clicked; the control group has clicked nothing that is personalised.
  LEFT JOIN personalised_content AS shown
    ON e.kind = 'personalised_click' AND shown.variant_id::text = e.properties ->> 'variant'
  JOIN campaign_rule AS r
    ON e.kind = CASE r.kind WHEN 'event' THEN 'track' WHEN 'click' THEN 'personalised_click' ELSE r.kind END
   AND e.occurred_at >= r.counts_from
   AND CASE r.kind
         WHEN 'page' THEN at.path
         WHEN 'form' THEN CASE WHEN r.likeness LIKE '/%%' THEN at.path ELSE lower(btrim(coalesce(e.properties ->> 'form', ''))) END
         WHEN 'event' THEN lower(btrim(e.properties ->> 'name'))
         ELSE lower(btrim(shown.variant))
       END LIKE r.likeness
   AND (r.kind <> 'click' OR shown.campaign_id = r.campaign_id)
 WHERE r.id = ANY (%(rules)s::bigint[])

-- take -- Writes down hits, each once.
INSERT INTO campaign_rule_hit (rule_id, event, visitor_id, site_id, occurred_at, contact_id)
SELECT h.rule_id, h.event, h.visitor_id, h.site_id, h.occurred_at, h.contact_id FROM whose_hit AS h
    ON CONFLICT (rule_id, event) DO NOTHING

-- recognise -- Hits whose session turned out to be somebody else's count for that one. Nobody's takes nothing away. Where two people became one, what had its effect has had it.
UPDATE campaign_rule_hit AS h
   SET contact_id = s.contact_id,
       is_settled = h.is_settled AND NOT EXISTS (SELECT FROM contact AS c WHERE c.id = h.contact_id)
  FROM changed_session AS s
 WHERE s.contact_id IS NOT NULL
   AND h.visitor_id = s.visitor_id AND h.site_id = s.site_id AND h.occurred_at BETWEEN s.began_at AND s.ended_at
   AND h.contact_id IS DISTINCT FROM s.contact_id

-- due -- Rules that have something to do.
SELECT r.id FROM campaign_rule AS r
 WHERE EXISTS (
    SELECT FROM campaign_rule_hit AS h
      LEFT JOIN campaign_member AS m ON m.campaign_id = r.campaign_id AND m.contact_id = h.contact_id
     WHERE h.rule_id = r.id AND h.contact_id IS NOT NULL AND NOT h.is_settled
       AND CASE WHEN m.id IS NULL THEN r.joins AND EXISTS (SELECT FROM contact AS c WHERE c.id = h.contact_id)
                ELSE NOT m.is_removed END)
 ORDER BY r.id

-- open -- Who did what a rule counts and that has had no effect yet: on which day first (UTC), and their membership. Who was taken out stays out, and who isn't a member waits, unless the rule lets them join. Parameters: rule, most.
SELECT h.contact_id, min(h.occurred_at AT TIME ZONE 'UTC')::date AS day, m.id, m.status
  FROM campaign_rule_hit AS h
  JOIN campaign_rule AS r ON r.id = h.rule_id
  LEFT JOIN campaign_member AS m ON m.campaign_id = r.campaign_id AND m.contact_id = h.contact_id
 WHERE h.rule_id = %(rule)s AND h.contact_id IS NOT NULL AND NOT h.is_settled
   AND CASE WHEN m.id IS NULL THEN r.joins AND EXISTS (SELECT FROM contact AS c WHERE c.id = h.contact_id)
            ELSE NOT m.is_removed END
 GROUP BY h.contact_id, m.id, m.status
 ORDER BY day, h.contact_id LIMIT %(most)s

-- settle -- What these people did has had its effect. Parameters: rule, contacts.
UPDATE campaign_rule_hit SET is_settled = true
 WHERE rule_id = %(rule)s AND contact_id = ANY (%(contacts)s::bigint[]) AND NOT is_settled

-- did -- How many people who are known did what a rule counts. Parameter: rule.
SELECT count(DISTINCT contact_id) FROM campaign_rule_hit WHERE rule_id = %(rule)s

-- counted -- The same of each rule of a campaign. Parameter: campaign.
SELECT r.id, count(DISTINCT h.contact_id)
  FROM campaign_rule AS r JOIN campaign_rule_hit AS h ON h.rule_id = r.id
 WHERE r.campaign_id = %(campaign)s GROUP BY r.id
