-- found -- What events hit which of some rules. The rest of a rule's work is the same whatever it looks at. Parameter: rules.
SELECT r.id AS rule_id, e.visitor, e.site_id, e.occurred_at
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

-- keep -- Rules of some that are there, and stay until the transaction ends. Parameter: rules.
SELECT id FROM campaign_rule WHERE id = ANY (%(rules)s::bigint[]) AND removed_at IS NULL ORDER BY id FOR KEY SHARE

-- take -- Writes down what people did whom we know: what had its effect on somebody has it no more, also where that one was somebody else's double, who is gone since. Parameter: rules (that are there).
WITH did AS (
    SELECT h.rule_id, h.visitor_id, h.contact_id, h.occurred_at
      FROM whose_hit AS h JOIN visitor AS v ON v.id = h.visitor_id
     WHERE h.contact_id IS NOT NULL AND h.rule_id = ANY (%(rules)s::bigint[])
), gone AS (
    DELETE FROM campaign_rule_hit AS h
     USING (SELECT DISTINCT rule_id, visitor_id FROM did) AS d
     WHERE h.rule_id = d.rule_id AND h.visitor_id = d.visitor_id
       AND NOT EXISTS (SELECT FROM contact AS c WHERE c.id = h.contact_id)
    RETURNING h.rule_id, h.visitor_id, h.settled_to
), news AS (
    SELECT d.rule_id, d.visitor_id, d.contact_id, max(d.occurred_at) AS last_at, k.settled_to,
           min(d.occurred_at) FILTER (WHERE k.settled_to IS NULL OR d.occurred_at > k.settled_to) AS open_since
      FROM did AS d
     CROSS JOIN LATERAL (
        SELECT greatest(
            (SELECT h.settled_to FROM campaign_rule_hit AS h
              WHERE h.rule_id = d.rule_id AND h.contact_id = d.contact_id AND h.visitor_id = d.visitor_id),
            (SELECT max(g.settled_to) FROM gone AS g WHERE g.rule_id = d.rule_id AND g.visitor_id = d.visitor_id)
        ) AS settled_to
     ) AS k
     GROUP BY d.rule_id, d.visitor_id, d.contact_id, k.settled_to
)
INSERT INTO campaign_rule_hit AS h (rule_id, contact_id, visitor_id, last_at, settled_to, open_since)
SELECT rule_id, contact_id, visitor_id, last_at, settled_to, open_since FROM news
    ON CONFLICT (rule_id, contact_id, visitor_id) DO UPDATE
       SET last_at = greatest(h.last_at, excluded.last_at), settled_to = excluded.settled_to,
           open_since = least(h.open_since, excluded.open_since)
     WHERE excluded.last_at > h.last_at OR excluded.settled_to IS DISTINCT FROM h.settled_to
        OR excluded.open_since < coalesce(h.open_since, 'infinity')

-- begin_anew -- All rules catch up from their beginning. Parameter: longest (interval: no session takes longer).
UPDATE campaign_rule SET catches_up_from = counts_from - %(longest)s::interval WHERE removed_at IS NULL

-- catching_up -- The rules that have caught up the most of those that haven't yet, and up to when. No parameters.
SELECT catches_up_from, array_agg(id ORDER BY id) FROM campaign_rule
 WHERE catches_up_from IS NOT NULL AND removed_at IS NULL GROUP BY 1 ORDER BY 1 DESC LIMIT 1

-- stay_out -- What those did who were taken out of a campaign has no effect, and isn't passed through again. No parameters.
UPDATE campaign_rule_hit AS h SET settled_to = h.last_at, open_since = NULL
  FROM campaign_rule AS r JOIN campaign_member AS m ON m.campaign_id = r.campaign_id
 WHERE r.id = h.rule_id AND m.contact_id = h.contact_id AND h.open_since IS NOT NULL
   AND m.is_removed AND m.lives_on_id IS NULL AND r.removed_at IS NULL

-- due -- Rules that have something to do. One that is catching up waits: what was done first says on which day.
SELECT r.id FROM campaign_rule AS r
 WHERE r.catches_up_from IS NULL AND r.removed_at IS NULL AND EXISTS (
    SELECT FROM campaign_rule_hit AS h
      LEFT JOIN campaign_member AS m ON m.campaign_id = r.campaign_id AND m.contact_id = h.contact_id
     WHERE h.rule_id = r.id AND h.open_since IS NOT NULL
       AND CASE WHEN m.id IS NULL THEN r.joins AND EXISTS (SELECT FROM contact AS c WHERE c.id = h.contact_id)
                ELSE NOT m.is_removed END)
 ORDER BY r.id

-- open -- Who did what a rule counts and that has had no effect yet: on which day first (UTC), and their membership. Who was taken out stays out, and who isn't a member waits, unless the rule lets them join. Parameters: rule, most.
SELECT h.contact_id, min(h.open_since AT TIME ZONE 'UTC')::date AS day, m.id, m.status
  FROM campaign_rule_hit AS h
  JOIN campaign_rule AS r ON r.id = h.rule_id
  LEFT JOIN campaign_member AS m ON m.campaign_id = r.campaign_id AND m.contact_id = h.contact_id
 WHERE h.rule_id = %(rule)s AND h.open_since IS NOT NULL
   AND CASE WHEN m.id IS NULL THEN r.joins AND EXISTS (SELECT FROM contact AS c WHERE c.id = h.contact_id)
            ELSE NOT m.is_removed END
 GROUP BY h.contact_id, m.id, m.status
 ORDER BY day, h.contact_id LIMIT %(most)s

-- settle -- What these people did has had its effect. Parameters: rule, contacts.
UPDATE campaign_rule_hit SET settled_to = last_at, open_since = NULL
 WHERE rule_id = %(rule)s AND contact_id = ANY (%(contacts)s::bigint[]) AND open_since IS NOT NULL

-- did -- How many people who are known did what a rule counts. Parameter: rule.
SELECT count(*) FROM (SELECT DISTINCT contact_id FROM campaign_rule_hit WHERE rule_id = %(rule)s) AS people

-- counted -- The same of each rule of a campaign. Parameter: campaign.
SELECT r.id, (SELECT count(*) FROM (SELECT DISTINCT h.contact_id FROM campaign_rule_hit AS h WHERE h.rule_id = r.id) AS people)
  FROM campaign_rule AS r WHERE r.campaign_id = %(campaign)s AND r.removed_at IS NULL

-- removed -- Rules that are marked as removed. No parameters.
SELECT id FROM campaign_rule WHERE removed_at IS NOT NULL ORDER BY id

-- delete_some -- Deletes some of what a rule has counted; what somebody else is at, not now. Parameters: rule, batch.
DELETE FROM campaign_rule_hit
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM campaign_rule_hit WHERE rule_id = %(rule)s
                          LIMIT %(batch)s FOR UPDATE SKIP LOCKED))

-- delete_itself -- Deletes a rule that is marked, once nobody writes down any more what it counts. Parameter: rule.
DELETE FROM campaign_rule WHERE id = %(rule)s AND removed_at IS NOT NULL

-- delete_rest -- Deletes all that is left of what a rule has counted. Parameter: rule.
DELETE FROM campaign_rule_hit WHERE rule_id = %(rule)s
