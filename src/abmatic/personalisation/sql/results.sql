-- results -- People, impressions and clicks of experiences, by variant (null: the control group). Parameter: experiences.
WITH given AS (
    SELECT a.id, a.experience_id, a.variant_id, coalesce('contact ' || v.contact_id, a.visitor) AS who, a.assigned_at
      FROM experience_assignment AS a LEFT JOIN visitor AS v ON v.key = a.visitor
     WHERE a.experience_id = ANY (%(experiences)s::bigint[])
), placed AS (
    SELECT g.*, first_value(g.variant_id) OVER (
               PARTITION BY g.experience_id, g.who ORDER BY g.assigned_at, g.id
           ) AS first_variant
      FROM given AS g
), person AS (
    SELECT p.experience_id, p.who, p.first_variant AS variant_id,
           count(*) FILTER (WHERE NOT e.is_click) AS impressions, count(*) FILTER (WHERE e.is_click) AS clicks
      FROM placed AS p LEFT JOIN experience_event AS e ON e.assignment_id = p.id
     WHERE p.variant_id IS NOT DISTINCT FROM p.first_variant
     GROUP BY p.experience_id, p.who, p.first_variant
)
SELECT experience_id, variant_id, count(*), count(*) FILTER (WHERE impressions > 0), sum(impressions), sum(clicks),
       count(*) FILTER (WHERE impressions > 0 AND clicks > 0)
  FROM person GROUP BY experience_id, variant_id;
