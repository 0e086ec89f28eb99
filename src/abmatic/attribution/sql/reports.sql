-- velocity -- Closed deals of a range, with touches and without: how many, how many won, and the median of days from opening to close. Parameters: since, until, collection (NULL: every account).
SELECT p.touches > 0 AS is_touched, count(*), count(*) FILTER (WHERE o.is_won),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(0, o.close_date - (p.opened_at AT TIME ZONE 'UTC')::date))
  FROM opportunity AS o JOIN opportunity_path AS p ON p.opportunity_id = o.id
 WHERE o.is_closed AND o.close_date BETWEEN %(since)s AND %(until)s
   AND (%(collection)s::bigint IS NULL OR EXISTS (
       SELECT FROM collection_member AS m WHERE m.collection_id = %(collection)s AND m.record_id = o.account_id))
 GROUP BY 1

-- stages -- How long closed deals of a range were in each stage, as far as its moves are known: mean of days. Parameters: since, until, collection (NULL: every account).
WITH deal AS MATERIALIZED (
    SELECT o.id, p.opened_at, p.touches > 0 AS is_touched
      FROM opportunity AS o JOIN opportunity_path AS p ON p.opportunity_id = o.id
     WHERE o.is_closed AND o.close_date BETWEEN %(since)s AND %(until)s
       AND (%(collection)s::bigint IS NULL OR EXISTS (
           SELECT FROM collection_member AS m WHERE m.collection_id = %(collection)s AND m.record_id = o.account_id))
), left_stage AS (
    SELECT d.is_touched, h.before #>> '{}' AS stage,
           h.at - lag(h.at, 1, d.opened_at) OVER (PARTITION BY d.id ORDER BY h.id) AS was_in_it
      FROM deal AS d JOIN change AS h ON h.record = 'opportunity' AND h.record_id = d.id AND h.field = 'stage'
)
SELECT stage, is_touched, count(*), avg(extract(epoch FROM was_in_it) / 86400)::float8
  FROM left_stage WHERE stage IS NOT NULL AND was_in_it >= interval '0' GROUP BY 1, 2 ORDER BY 1, 2

-- walks -- The channels that closed deals of a range went through, and how many of these were won and lost. Parameters: since, until, collection (NULL: every account).
SELECT walk, count(*) FILTER (WHERE is_won), count(*) FILTER (WHERE NOT is_won)
  FROM (
    SELECT o.is_won, array_agg(t.channel ORDER BY t.occurred_at, t.id) AS walk
      FROM opportunity AS o
      -- Linear credits every touch of a path.
      JOIN credit AS c ON c.opportunity_id = o.id AND c.model = 'linear'
      JOIN touch AS t ON t.id = c.touch_id
     WHERE o.is_closed AND o.close_date BETWEEN %(since)s AND %(until)s
       AND (%(collection)s::bigint IS NULL OR EXISTS (
           SELECT FROM collection_member AS m WHERE m.collection_id = %(collection)s AND m.record_id = o.account_id))
     GROUP BY o.id
  ) AS walked
 GROUP BY walk
