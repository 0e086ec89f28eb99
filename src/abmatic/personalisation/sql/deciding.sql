-- facts -- What a decision needs of a visitor, in one row whoever it is. Parameters: visitor, site, experiences, collections. `there`: of the experiences, those that aren't removed. `assigned`: triples of experience, variant (null: the control group) and whether it is this browser's own; its own first, then those of the person's other browsers, the earliest first.
WITH who AS MATERIALIZED (
    SELECT v.id, v.contact_id, coalesce(c.account_id, v.account_id) AS account_id
      FROM visitor AS v LEFT JOIN contact AS c ON c.id = v.contact_id
     WHERE v.key = %(visitor)s::text
)
SELECT w.contact_id,
       EXISTS (SELECT FROM web_session AS s
                WHERE s.visitor_id = w.id AND s.stay_ended_at < now() - interval '30 minutes') AS is_returning,
       l.source, l.medium, l.campaign,
       ARRAY(SELECT k.id FROM collection AS k
              WHERE k.id = ANY (%(collections)s::bigint[])
                AND EXISTS (SELECT FROM collection_member AS m
                             WHERE m.collection_id = k.id
                               AND m.record_id = CASE k.record WHEN 'contact' THEN w.contact_id
                                                               WHEN 'account' THEN w.account_id END)) AS collections,
       ARRAY(SELECT x.id FROM experience AS x
              WHERE x.id = ANY (%(experiences)s::bigint[]) AND x.removed_at IS NULL) AS there,
       (SELECT coalesce(json_agg(json_build_array(a.experience_id, a.variant_id, a.visitor = %(visitor)s::text)
                                 ORDER BY a.visitor = %(visitor)s::text DESC, a.assigned_at, a.id), '[]')::text
          FROM experience_assignment AS a
         WHERE a.experience_id = ANY (%(experiences)s::bigint[])
           AND a.visitor = ANY (ARRAY(SELECT %(visitor)s::text
                                      UNION ALL
                                      SELECT o.key FROM visitor AS o WHERE o.contact_id = w.contact_id))) AS assigned
  FROM (SELECT) AS one
  LEFT JOIN who AS w ON true
  LEFT JOIN LATERAL (
    -- Of the visit that is under way.
    SELECT s.source, s.medium, s.campaign
      FROM web_session AS s
     WHERE s.visitor_id = w.id AND s.site_id = %(site)s::bigint AND s.stay_ended_at >= now() - interval '30 minutes'
     ORDER BY s.stay_ended_at DESC, s.began_at DESC LIMIT 1
  ) AS l ON true;

-- assign -- Keeps what was decided, and answers what holds: what is there stays, and nothing is kept of an experience or variant that is gone. Whoever deletes a removed experience waits until it is kept. Parameters: visitor, experiences, variants (0: the control group).
INSERT INTO experience_assignment AS a (visitor, experience_id, variant_id, assigned_at)
SELECT %(visitor)s::text, d.experience, nullif(d.variant, 0), now()
  FROM unnest(%(experiences)s::bigint[], %(variants)s::bigint[]) AS d (experience, variant)
  JOIN experience AS x ON x.id = d.experience AND x.removed_at IS NULL
 WHERE d.variant = 0 OR EXISTS (SELECT FROM experience_variant AS v WHERE v.id = d.variant)
   FOR KEY SHARE OF x
    ON CONFLICT (visitor, experience_id) DO UPDATE SET assigned_at = a.assigned_at
RETURNING experience_id, variant_id;
