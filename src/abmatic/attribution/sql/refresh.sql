-- changed_before -- Touches that are gone, or that their source tells differently now, as they were. {among}: of all touches, or of some. Parameter: source.
CREATE TEMPORARY TABLE changed_touch ON COMMIT DROP AS
SELECT t.contact_id, t.account_id, t.occurred_at, f.source_key IS NULL AS is_gone, t.id
  FROM touch AS t LEFT JOIN found_touch AS f ON f.source_key = t.source_key
 WHERE t.source = %(source)s AND {among}
   AND (t.kind, t.channel, t.campaign_id, t.page, t.occurred_at, t.contact_id, t.account_id)
       IS DISTINCT FROM (f.kind, f.channel, f.campaign_id, f.page, f.occurred_at, f.contact_id, f.account_id)

-- remove_gone -- Removes touches whose source is gone.
DELETE FROM touch AS t USING changed_touch AS c WHERE c.is_gone AND t.id = c.id

-- take -- Writes the touches that are new or differ, and notes them among the changed. Answers how many. Parameter: source.
WITH written AS (
    INSERT INTO touch (source, source_key, kind, channel, campaign_id, page, occurred_at, contact_id, account_id)
    SELECT %(source)s, f.source_key, f.kind, f.channel, f.campaign_id, f.page, f.occurred_at, f.contact_id, f.account_id
      FROM found_touch AS f LEFT JOIN touch AS t ON t.source = %(source)s AND t.source_key = f.source_key
     WHERE (t.kind, t.channel, t.campaign_id, t.page, t.occurred_at, t.contact_id, t.account_id)
           IS DISTINCT FROM (f.kind, f.channel, f.campaign_id, f.page, f.occurred_at, f.contact_id, f.account_id)
    ON CONFLICT (source, source_key) DO UPDATE
       SET kind = excluded.kind, channel = excluded.channel, campaign_id = excluded.campaign_id, page = excluded.page,
           occurred_at = excluded.occurred_at, contact_id = excluded.contact_id, account_id = excluded.account_id
    RETURNING contact_id, account_id, occurred_at, id
)
INSERT INTO changed_touch SELECT contact_id, account_id, occurred_at, false, id FROM written

-- mark_concerned -- Paths that a changed touch belongs or belonged to are due.
UPDATE opportunity_path AS p SET is_due = true
  FROM (
    SELECT p.opportunity_id FROM changed_touch AS c JOIN opportunity_path AS p ON p.account_id = c.account_id
     WHERE c.occurred_at >= p.begins_at AND (p.ends_at IS NULL OR c.occurred_at < p.ends_at)
    UNION
    SELECT p.opportunity_id
      FROM changed_touch AS c
      JOIN opportunity_contact AS r ON r.contact_id = c.contact_id
      JOIN opportunity_path AS p ON p.opportunity_id = r.opportunity_id
     WHERE c.occurred_at >= p.begins_at AND (p.ends_at IS NULL OR c.occurred_at < p.ends_at)
  ) AS concerned
 WHERE p.opportunity_id = concerned.opportunity_id AND NOT p.is_due

-- paths -- Deals' windows and moments, of all or of some ({deals}, {roles}, {origins}); those that follow from other things than before are due. Parameters: lookback (days), rules (text of the settings that credits follow from).
WITH origin AS MATERIALIZED (
    SELECT v.record, v.record_id, min(v.made_at) AS made_at FROM record_origin AS v {origins} GROUP BY 1, 2
), people AS (
    SELECT r.opportunity_id, min(least(c.created_at, k.made_at)) AS lead_at,
           string_agg(DISTINCT r.contact_id::text, ',' ORDER BY r.contact_id::text) AS contacts
      FROM opportunity_contact AS r
      JOIN contact AS c ON c.id = r.contact_id
      LEFT JOIN origin AS k ON k.record = 'contact' AND k.record_id = c.id
     WHERE {roles}
     GROUP BY r.opportunity_id
), opened AS (
    SELECT o.id, o.account_id, o.amount, p.contacts, p.lead_at, o.close_date, o.is_closed,
           least(o.created_at, g.made_at) AS opened_at
      FROM opportunity AS o
      LEFT JOIN origin AS g ON g.record = 'opportunity' AND g.record_id = o.id
      LEFT JOIN people AS p ON p.opportunity_id = o.id
     -- What its source has deleted is no deal any more.
     WHERE {deals} AND NOT EXISTS (SELECT FROM record_gone AS x WHERE x.record = 'opportunity' AND x.record_id = o.id)
), windows AS (
    SELECT o.*, CASE WHEN o.is_closed THEN (o.close_date + 1)::timestamp AT TIME ZONE 'UTC' END AS ends_at
      FROM opened AS o
), made AS (
    SELECT w.id, w.account_id, CASE WHEN w.lead_at <= w.opened_at THEN w.lead_at END AS lead_at, w.opened_at, w.ends_at,
           least(w.opened_at, w.ends_at) - make_interval(days => %(lookback)s) AS begins_at, w.amount, w.contacts
      FROM windows AS w
), digested AS (
    SELECT m.*, md5(concat_ws('|', %(rules)s::text, m.account_id, coalesce(m.amount::text, '-'), coalesce(m.contacts, '-'),
                              coalesce(extract(epoch FROM m.lead_at)::text, '-'), extract(epoch FROM m.opened_at),
                              coalesce(extract(epoch FROM m.ends_at)::text, '-'))) AS inputs
      FROM made AS m
)
INSERT INTO opportunity_path (opportunity_id, account_id, lead_at, opened_at, begins_at, ends_at, inputs)
SELECT d.id, d.account_id, d.lead_at, d.opened_at, d.begins_at, d.ends_at, d.inputs
  FROM digested AS d LEFT JOIN opportunity_path AS p ON p.opportunity_id = d.id
 WHERE p.inputs IS DISTINCT FROM d.inputs
ON CONFLICT (opportunity_id) DO UPDATE
   SET account_id = excluded.account_id, lead_at = excluded.lead_at, opened_at = excluded.opened_at,
       begins_at = excluded.begins_at, ends_at = excluded.ends_at, inputs = excluded.inputs, is_due = true,
       credited_at = NULL

-- forget_paths -- Removes paths of deals that are gone, here or where they came from, with their credits. {paths}: all, or some.
WITH gone AS (
    DELETE FROM opportunity_path AS p
     WHERE {paths} AND (
           NOT EXISTS (SELECT FROM opportunity AS o WHERE o.id = p.opportunity_id)
        OR EXISTS (SELECT FROM record_gone AS x WHERE x.record = 'opportunity' AND x.record_id = p.opportunity_id))
    RETURNING p.opportunity_id
)
DELETE FROM credit AS c USING gone WHERE c.opportunity_id = gone.opportunity_id
