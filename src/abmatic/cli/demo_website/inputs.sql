-- campaigns -- Names, types and first days of the campaigns.
SELECT name, type, start_date FROM campaign WHERE name <> '' AND type <> '' AND start_date IS NOT NULL ORDER BY start_date, id

-- people -- Everybody who belongs to an account.
SELECT c.id, coalesce(c.email_key, ''), coalesce(c.first_name, ''), coalesce(c.last_name, ''), coalesce(a.name, '')
  FROM contact AS c JOIN account AS a ON a.id = c.account_id
 ORDER BY c.id

-- deals -- Deals that were under way since a day: won, lost or open, when they were opened and closed, and whose they are, those with a role first. Parameter: since (date).
WITH origin AS (
    SELECT record_id, min(made_at) AS made_at FROM record_origin WHERE record = 'opportunity' GROUP BY record_id
), role AS (
    SELECT opportunity_id, contact_id, bool_or(is_primary) AS is_primary FROM opportunity_contact GROUP BY 1, 2
)
SELECT CASE WHEN o.is_won THEN 'won' WHEN o.is_closed THEN 'lost' ELSE 'open' END,
       least(o.created_at, g.made_at), CASE WHEN o.is_closed THEN o.close_date END,
       array_agg(c.id ORDER BY r.is_primary DESC NULLS LAST, c.id)
  FROM opportunity AS o
  LEFT JOIN origin AS g ON g.record_id = o.id
  JOIN contact AS c ON c.account_id = o.account_id
  LEFT JOIN role AS r ON r.opportunity_id = o.id AND r.contact_id = c.id
 WHERE NOT o.is_closed OR o.close_date >= %(since)s
 GROUP BY o.id, g.made_at
 ORDER BY o.id

-- companies -- Companies that have a deal, a few of them, always the same.
SELECT a.domain, a.name
  FROM account AS a
 WHERE a.domain IS NOT NULL AND a.name <> ''
   AND EXISTS (SELECT FROM opportunity AS o WHERE o.account_id = a.id)
 ORDER BY md5(a.domain)
 LIMIT 48
