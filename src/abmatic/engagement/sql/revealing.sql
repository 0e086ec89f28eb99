-- accounts -- The key of each domain, and the account that has it. Parameter: domains.
SELECT g.domain, d.domain, a.id
  FROM unnest(%(domains)s::text[]) AS g (domain)
 CROSS JOIN LATERAL domain_of(g.domain, true) AS d
  LEFT JOIN account AS a ON a.domain = d.domain

-- due_again -- Networks of which something else can come by now: their account is gone; or they have none, and one has the domain, or may be made. Of these only as many companies as each site has room for, those that somebody unknown came from last. Parameter: day.
WITH room AS MATERIALIZED (
    SELECT t.id, t.new_people_a_day - coalesce(p.companies, 0) AS places
      FROM tracking_site AS t LEFT JOIN new_people AS p ON p.site_id = t.id AND p.day = %(day)s
     WHERE t.makes_people AND coalesce(p.companies, 0) < t.new_people_a_day
), waiting AS MATERIALIZED (
    SELECT n.network, d.domain, EXISTS (SELECT FROM account AS a WHERE a.domain = d.domain) AS is_here
      FROM web_network AS n CROSS JOIN LATERAL domain_of(n.domain, true) AS d
     WHERE n.domain IS NOT NULL AND n.account_id IS NULL AND d.domain IS NOT NULL
), ranked AS (
    SELECT w.domain, r.places, row_number() OVER (PARTITION BY r.id ORDER BY max(s.began_at) DESC, w.domain) AS place
      FROM waiting AS w
     CROSS JOIN room AS r
     CROSS JOIN LATERAL (
        SELECT s.began_at FROM web_session AS s
         WHERE s.network = w.network AND s.contact_id IS NULL AND s.site_id = r.id
         ORDER BY s.began_at DESC LIMIT 1
     ) AS s
     WHERE NOT w.is_here
     GROUP BY r.id, r.places, w.domain
), again AS (
    SELECT n.network FROM web_network AS n
     WHERE n.domain IS NOT NULL AND n.account_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM account AS a WHERE a.id = n.account_id)
     UNION ALL
    SELECT w.network FROM waiting AS w
     WHERE w.is_here OR w.domain IN (SELECT r.domain FROM ranked AS r WHERE r.place <= r.places)
)
UPDATE web_network AS n SET is_due = true FROM again AS a WHERE n.network = a.network AND NOT n.is_due

-- open -- Of networks, to which sites that make people and companies somebody unknown came from each. Parameter: networks.
SELECT n.network, t.id
  FROM unnest(%(networks)s::text[]) AS n (network)
 CROSS JOIN tracking_site AS t
 WHERE t.makes_people
   AND EXISTS (SELECT FROM web_session AS s
                WHERE s.network = n.network AND s.contact_id IS NULL AND s.site_id = t.id)

-- settle -- What was said of networks. Parameters: told (JSON), asked (the provider's version).
UPDATE web_network AS n
   SET is_due = false, asked = %(asked)s, domain = t.domain, name = t.name, account_id = t.account
  FROM jsonb_to_recordset(%(told)s::jsonb) AS t (network text, domain text, name text, account bigint)
 WHERE n.network = t.network

-- assign -- Sessions of nobody known are those of the company of a network that has another now. Parameter: told (JSON).
WITH changed AS MATERIALIZED (
    SELECT s.id, t.account, s.account_id AS was_account
      FROM jsonb_to_recordset(%(told)s::jsonb) AS t (network text, account bigint)
      JOIN web_session AS s ON s.network = t.network
     WHERE s.contact_id IS NULL AND s.account_id IS DISTINCT FROM t.account
), sessions AS (
    UPDATE web_session AS s SET account_id = c.account FROM changed AS c WHERE s.id = c.id
)
INSERT INTO score_due (record, record_id)
SELECT DISTINCT 'account', u.id
  FROM changed AS c, unnest(ARRAY[c.account, c.was_account]) AS u (id) WHERE u.id IS NOT NULL

-- visitors -- Visitors whom nobody knows are of the company that their last session came from. Parameters: told (JSON), confidence.
WITH seen AS MATERIALIZED (
    SELECT DISTINCT s.visitor_id
      FROM jsonb_to_recordset(%(told)s::jsonb) AS t (network text)
      JOIN web_session AS s ON s.network = t.network
     WHERE s.contact_id IS NULL
), last AS (
    SELECT DISTINCT ON (s.visitor_id) s.visitor_id, s.account_id
      FROM web_session AS s JOIN seen AS v ON v.visitor_id = s.visitor_id
     ORDER BY s.visitor_id, s.account_id IS NULL, s.began_at DESC, s.id DESC
)
UPDATE visitor AS v
   SET account_id = l.account_id,
       confidence = CASE WHEN l.account_id IS NULL THEN 0 ELSE %(confidence)s END,
       known_by = CASE WHEN l.account_id IS NULL THEN '' ELSE 'network' END
  FROM last AS l
 WHERE v.id = l.visitor_id AND v.contact_id IS NULL AND v.account_id IS DISTINCT FROM l.account_id
