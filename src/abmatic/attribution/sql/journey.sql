-- journey -- What happened to an account, newest first: each kind by itself, as many as a page holds, then the newest of all. Parameters: account, untold (fields whose changes are left out), at, kind, id (the last one told; all NULL for the first page), limit.
WITH deal AS MATERIALIZED (
    SELECT o.id, o.name, o.amount, o.stage, o.close_date, o.is_closed, o.is_won, p.opened_at
      FROM opportunity AS o LEFT JOIN opportunity_path AS p ON p.opportunity_id = o.id WHERE o.account_id = %(account)s
), told AS (
    (SELECT t.occurred_at AS at, 'touch' AS kind, t.id, t.kind AS what, t.channel AS label, t.page AS before,
            NULL::text AS after, t.contact_id, t.campaign_id, NULL::bigint AS opportunity_id
       FROM touch AS t
      WHERE t.account_id = %(account)s
        AND (%(at)s::timestamptz IS NULL OR (t.occurred_at, 'touch', t.id) < (%(at)s, %(kind)s::text, %(id)s::bigint))
        AND (%(at)s::timestamptz IS NULL OR t.occurred_at <= %(at)s)
      ORDER BY t.occurred_at DESC, t.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT m.created_at, 'membership', m.id, coalesce(m.status, ''), NULL, NULL, NULL, m.contact_id, m.campaign_id, NULL
       FROM contact AS c JOIN campaign_member AS m ON m.contact_id = c.id
      WHERE c.account_id = %(account)s
        AND (%(at)s::timestamptz IS NULL OR (m.created_at, 'membership', m.id) < (%(at)s, %(kind)s::text, %(id)s::bigint))
      ORDER BY m.created_at DESC, m.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT h.at, 'change', h.id, h.field, d.name, h.before #>> '{}', h.after #>> '{}', NULL, NULL, d.id
       FROM deal AS d JOIN change AS h ON h.record = 'opportunity' AND h.record_id = d.id AND h.field <> ALL (%(untold)s)
      WHERE %(at)s::timestamptz IS NULL OR (h.at, 'change', h.id) < (%(at)s, %(kind)s::text, %(id)s::bigint)
      ORDER BY h.at DESC, h.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT h.at, 'change', h.id, h.field, NULL, h.before #>> '{}', h.after #>> '{}', NULL, NULL, NULL
       FROM change AS h
      WHERE h.record = 'account' AND h.record_id = %(account)s AND h.field <> ALL (%(untold)s)
        -- A first score that says nothing is nothing that happened; of contacts neither.
        AND NOT (h.field = 'engagement_temperature' AND h.before #>> '{}' IS NULL AND h.after #>> '{}' = 'None')
        AND (%(at)s::timestamptz IS NULL OR (h.at, 'change', h.id) < (%(at)s, %(kind)s::text, %(id)s::bigint))
      ORDER BY h.at DESC, h.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT h.at, 'change', h.id, h.field, NULL, h.before #>> '{}', h.after #>> '{}', c.id, NULL, NULL
       FROM contact AS c JOIN change AS h ON h.record = 'contact' AND h.record_id = c.id AND h.field <> ALL (%(untold)s)
      WHERE c.account_id = %(account)s
        AND NOT (h.field = 'engagement_temperature' AND h.before #>> '{}' IS NULL AND h.after #>> '{}' = 'None')
        AND (%(at)s::timestamptz IS NULL OR (h.at, 'change', h.id) < (%(at)s, %(kind)s::text, %(id)s::bigint))
      ORDER BY h.at DESC, h.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT d.opened_at, 'opened', d.id, '', d.name, NULL, d.amount::text, NULL, NULL, d.id
       FROM deal AS d
      WHERE d.opened_at IS NOT NULL
        AND (%(at)s::timestamptz IS NULL OR (d.opened_at, 'opened', d.id) < (%(at)s, %(kind)s::text, %(id)s::bigint))
      ORDER BY d.opened_at DESC, d.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT d.closed_at, 'closed', d.id, CASE WHEN d.is_won THEN 'won' ELSE 'lost' END, d.name, NULL, d.amount::text, NULL,
            NULL, d.id
       -- Known to the day: at its end, as its path does.
       FROM (SELECT *, (close_date + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 second' AS closed_at FROM deal) AS d
      WHERE d.is_closed AND d.closed_at IS NOT NULL
        AND (%(at)s::timestamptz IS NULL OR (d.closed_at, 'closed', d.id) < (%(at)s, %(kind)s::text, %(id)s::bigint))
      ORDER BY d.closed_at DESC, d.id DESC LIMIT %(limit)s)
)
SELECT t.at, t.kind, t.id, t.what, t.label, t.before, t.after, t.contact_id,
       coalesce(nullif(concat_ws(' ', c.first_name, c.last_name), ''), c.work_email) AS contact, t.campaign_id,
       k.name AS campaign, t.opportunity_id
  FROM told AS t
  LEFT JOIN contact AS c ON c.id = t.contact_id
  LEFT JOIN campaign AS k ON k.id = t.campaign_id
 ORDER BY t.at DESC, t.kind DESC, t.id DESC LIMIT %(limit)s
