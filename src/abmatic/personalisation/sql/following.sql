-- position -- Up to where the events were read; nobody else reads on meanwhile. Parameter: none (an id of zeros).
INSERT INTO experience_read AS r (id, tx, event) VALUES (1, 0, %(none)s::uuid)
    ON CONFLICT (id) DO UPDATE SET tx = r.tx
RETURNING tx, event;

-- take -- The impressions and clicks in `fresh_reaction` of those who were given what they saw. Parameter: click (the kind of event).
INSERT INTO experience_event (id, assignment_id, is_click, occurred_at, path)
SELECT e.id, a.id, e.kind = %(click)s, e.occurred_at, e.path
  FROM fresh_reaction AS e
  JOIN experience AS x ON x.id = (e.properties ->> 'experience')::bigint AND x.site_id = e.site_id
   AND x.removed_at IS NULL
  JOIN experience_assignment AS a
    ON a.visitor = e.visitor AND a.experience_id = x.id
   AND coalesce(a.variant_id, 0) = (e.properties ->> 'variant')::bigint
    ON CONFLICT (id) DO NOTHING;

-- go_on -- Where to read on. Parameters: tx, event.
UPDATE experience_read SET tx = %(tx)s, event = %(event)s WHERE id = 1;
