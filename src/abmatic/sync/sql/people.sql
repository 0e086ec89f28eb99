-- tasks -- The tasks of a person's visits: of what their browsers did, and those that were meant for them. Parameters: visitors (keys), contact.
SELECT t.* FROM visit_task AS t
 WHERE t.session_id IN (SELECT s.id FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
                         WHERE v.key = ANY (%(visitors)s::text[]))
    OR (t.connection_id, t.who) IN (
       SELECT m.connection_id, m.sf_id FROM mirror_contact AS m WHERE m.local_id = %(contact)s::bigint
        UNION ALL
       SELECT m.connection_id, m.sf_id FROM mirror_lead AS m WHERE m.local_id = %(contact)s::bigint)
 ORDER BY t.id;

-- forget_tasks -- Erases tasks; of those whose visit stays, because it is somebody else's by now, only for whom they were meant: that visit gets no second one. Parameters: ids, visitors (keys). Answers how many are in Salesforce, and how many there were.
WITH stays AS (
    UPDATE visit_task AS t SET who = '', problem = ''
      FROM web_session AS s JOIN visitor AS v ON v.id = s.visitor_id
     WHERE t.id = ANY (%(ids)s::bigint[]) AND s.id = t.session_id AND v.key <> ALL (%(visitors)s::text[])
    RETURNING t.id
), gone AS (
    DELETE FROM visit_task AS t WHERE t.id = ANY (%(ids)s::bigint[]) AND t.id NOT IN (SELECT id FROM stays)
    RETURNING t.state
)
SELECT count(*) FILTER (WHERE state IN ('written', 'sent')), count(*) FROM gone;

-- computed_fields -- The fields of each org's people that values worked out of visits are written to, or were once. Parameters: computed (names of local fields).
CREATE TEMPORARY TABLE computed_field ON COMMIT DROP AS
SELECT s.connection_id, s.sobject, m.sf_field
  FROM object_setting AS s JOIN field_mapping AS m ON m.setting_id = s.id
 WHERE s.sobject IN ('Contact', 'Lead') AND m.local_field = ANY (%(computed)s::text[])
 UNION
-- As settings_history keeps it: "mapping X" was added or removed with what it said, "mapping X › abmatic" was changed.
SELECT h.connection_id, h.sobject, split_part(d ->> 'what', ' ', 2)
  FROM settings_change AS h CROSS JOIN LATERAL jsonb_array_elements(h.differences) AS d
 WHERE h.sobject IN ('Contact', 'Lead') AND d ->> 'what' LIKE 'mapping %%'
   AND (split_part(d ->> 'before', ' ', 1) = ANY (%(computed)s::text[])
        OR split_part(d ->> 'after', ' ', 1) = ANY (%(computed)s::text[]));

-- under_way -- Orgs that such values of a person are just being written to, or may be when a sync goes on. Parameter: contact.
-- Of a connection that is disabled, and where no run is open, nothing goes on: nobody can wait for it, and the org may be
-- gone. What was sent of it is found out about without these values if it is ever reconnected, but for records that a
-- bulk job made: its rows are known by all that was sent, for the week that Salesforce keeps it.
SELECT DISTINCT c.name, w.sobject
  FROM salesforce_write AS w
  JOIN computed_field AS f ON (f.connection_id, f.sobject) = (w.connection_id, w.sobject)
  JOIN connection AS c ON c.id = w.connection_id
 WHERE w.sobject IN ('Contact', 'Lead') AND w.local_id = %(contact)s::bigint AND w.state IN ('planned', 'sent')
   AND (w.sent ? f.sf_field OR w.before ? f.sf_field)
   AND (c.status <> 'inactive'
        OR EXISTS (SELECT FROM run AS r WHERE r.connection_id = w.connection_id AND r.state IN ('queued', 'running'))
        OR w.operation = 'create' AND w.at > now() - interval '8 days'
           AND EXISTS (SELECT FROM write_batch AS b WHERE b.id = w.batch_id AND b.job_id <> ''))
 ORDER BY 1, 2;

-- drop_planned -- What was planned of such values and is not under way is compared again if its connection is ever reconnected. Parameter: contact.
WITH gone AS (
    DELETE FROM salesforce_write AS w
     USING computed_field AS f
     WHERE (f.connection_id, f.sobject) = (w.connection_id, w.sobject)
       AND w.sobject IN ('Contact', 'Lead') AND w.local_id = %(contact)s::bigint AND w.state = 'planned'
       AND (w.sent ? f.sf_field OR w.before ? f.sf_field)
    RETURNING w.connection_id, w.sobject, w.local_id
)
INSERT INTO push_due (connection_id, sobject, local_id) SELECT DISTINCT * FROM gone
ON CONFLICT DO NOTHING;

-- forget_written -- Takes such values of a person out of what was written to Salesforce. Parameter: contact. Answers of how many writes.
WITH fields AS (
    SELECT connection_id, sobject, array_agg(sf_field) AS names FROM computed_field GROUP BY connection_id, sobject
)
UPDATE salesforce_write AS w
   SET before = w.before - f.names, sent = w.sent - f.names, ours = w.ours - f.names
  FROM fields AS f
 WHERE (f.connection_id, f.sobject) = (w.connection_id, w.sobject)
   AND w.sobject IN ('Contact', 'Lead') AND w.local_id = %(contact)s::bigint
   AND (w.before ?| f.names OR w.sent ?| f.names OR w.ours ?| f.names);

-- forget_refused -- The same of what Salesforce refused. Parameter: contact.
WITH fields AS (
    SELECT connection_id, sobject, array_agg(sf_field) AS names FROM computed_field GROUP BY connection_id, sobject
)
UPDATE issue AS i SET sent = i.sent - f.names
  FROM fields AS f
 WHERE (f.connection_id, f.sobject) = (i.connection_id, i.sobject)
   AND i.sobject IN ('Contact', 'Lead') AND i.local_id = %(contact)s::bigint AND i.sent ?| f.names;

-- forget_found -- The same of what runs had to say. Parameters: contact, computed.
UPDATE finding AS g SET value = NULL
  FROM run AS r
 WHERE r.id = g.run_id AND r.sobject IN ('Contact', 'Lead') AND g.local_id = %(contact)s::bigint AND g.value IS NOT NULL
   AND (g.field = ANY (%(computed)s::text[])
        OR EXISTS (SELECT FROM computed_field AS f
                    WHERE (f.connection_id, f.sobject, f.sf_field) = (r.connection_id, r.sobject, g.field)));
