-- Views for people who query Postgres themselves. Their names and columns are stable; docs/views.md describes each.
-- They read with their owner's rights, so whoever may read them needs no right to a table, and sees no secret.
CREATE SCHEMA abmatic_views;
COMMENT ON SCHEMA abmatic_views IS 'Stable views of Abmatic''s data, for queries and reports';

-- Custom fields are columns that are made while the installation is in use; a view can't have them as columns.
CREATE FUNCTION abmatic_views.custom_of(record jsonb) RETURNS jsonb IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}')
  FROM jsonb_each(record) AS e WHERE starts_with(e.key, 'custom_') AND e.value <> 'null'
$$;

CREATE VIEW abmatic_views.accounts AS
SELECT a.id, a.name, a.website, a.domain, a.industry, a.employee_count, trim_scale(a.revenue) AS revenue, a.country,
       a.city, o.name AS owner_name, o.email AS owner_email, abmatic_views.custom_of(to_jsonb(a)) AS custom,
       u.run_id AS created_by_run, a.created_at, a.updated_at
  FROM account AS a LEFT JOIN owner AS o ON o.id = a.owner_id LEFT JOIN cause AS u ON u.id = a.created_by_id;

CREATE VIEW abmatic_views.contacts AS
SELECT c.id, nullif(c.kind, '') AS kind, c.first_name, c.last_name, c.work_email, c.email_key, c.job_title, c.phone,
       c.company, c.account_id, a.name AS account_name, a.domain AS account_domain, o.name AS owner_name,
       o.email AS owner_email, abmatic_views.custom_of(to_jsonb(c)) AS custom, u.run_id AS created_by_run, c.created_at,
       c.updated_at
  FROM contact AS c LEFT JOIN account AS a ON a.id = c.account_id LEFT JOIN owner AS o ON o.id = c.owner_id
  LEFT JOIN cause AS u ON u.id = c.created_by_id;

CREATE VIEW abmatic_views.opportunities AS
SELECT d.id, d.name, trim_scale(d.amount) AS amount, d.stage, d.close_date, d.is_closed, d.is_won, d.account_id,
       a.name AS account_name, a.domain AS account_domain, o.name AS owner_name, o.email AS owner_email,
       abmatic_views.custom_of(to_jsonb(d)) AS custom, u.run_id AS created_by_run, d.created_at, d.updated_at
  FROM opportunity AS d LEFT JOIN account AS a ON a.id = d.account_id LEFT JOIN owner AS o ON o.id = d.owner_id
  LEFT JOIN cause AS u ON u.id = d.created_by_id;

CREATE VIEW abmatic_views.salesforce_links AS
SELECT m.connection_id, n.name AS connection, m.object, m.sf_id AS salesforce_id, m.record, m.local_id AS record_id,
       m.role = 2 AS is_duplicate, m.is_deleted, m.modstamp AS salesforce_modified_at,
       nullif(n.instance_url, '') || '/' || m.sf_id AS url
  FROM (
       SELECT connection_id, 'Account' AS object, sf_id, 'account' AS record, local_id, role, is_deleted, modstamp
         FROM mirror_account
       UNION ALL
       SELECT connection_id, 'Contact', sf_id, 'contact', local_id, role, is_deleted, modstamp FROM mirror_contact
       UNION ALL
       SELECT connection_id, 'Lead', sf_id, 'contact', local_id, role, is_deleted, modstamp FROM mirror_lead
       UNION ALL
       SELECT connection_id, 'Opportunity', sf_id, 'opportunity', local_id, role, is_deleted, modstamp
         FROM mirror_opportunity
  ) AS m JOIN connection AS n ON n.id = m.connection_id
 WHERE m.local_id IS NOT NULL;

CREATE VIEW abmatic_views.runs AS
SELECT r.id, r.connection_id, n.name AS connection, r.sobject AS object, r.trigger, p.email::text AS started_by, r.direction,
       r.is_full, r.undoes_id AS undoes_run, r.state, r.queued_at, r.started_at, r.finished_at,
       (r.counts ->> 'read')::bigint AS read, (r.counts ->> 'created')::bigint AS created,
       (r.counts ->> 'linked')::bigint AS linked, (r.counts ->> 'updated')::bigint AS updated,
       (r.counts ->> 'unchanged')::bigint AS unchanged, (r.counts ->> 'duplicate')::bigint AS duplicates,
       (r.counts ->> 'deleted')::bigint AS deleted, (r.counts ->> 'skipped')::bigint AS skipped,
       (r.pushed ->> 'created')::bigint AS created_in_salesforce, (r.pushed ->> 'updated')::bigint AS updated_in_salesforce,
       (r.pushed ->> 'refused')::bigint AS refused, (r.pushed ->> 'held')::bigint AS held_back,
       (r.pushed ->> 'returned')::bigint AS to_be_sent_again, (r.pushed ->> 'unknown')::bigint AS without_answer,
       r.api_calls, r.outcome, nullif(r.error_code, '') AS error_code, nullif(r.error_message, '') AS error_message
  FROM run AS r JOIN connection AS n ON n.id = r.connection_id LEFT JOIN app_user AS p ON p.id = r.started_by_id;

CREATE VIEW abmatic_views.changes AS
SELECT h.id, h.at, h.record, h.record_id, nullif(h.field, '') AS field, h.before, h.after, u.kind AS cause, u.run_id,
       p.email::text AS person, nullif(u.note, '') AS note
  FROM change AS h JOIN cause AS u ON u.id = h.cause_id LEFT JOIN app_user AS p ON p.id = u.user_id;

CREATE VIEW abmatic_views.issues AS
SELECT i.id, i.connection_id, n.name AS connection, i.sobject AS object,
       CASE i.sobject WHEN 'Lead' THEN 'contact' ELSE lower(i.sobject) END AS record, i.local_id AS record_id,
       i.sf_id AS salesforce_id, nullif(i.field, '') AS field, i.code, i.message, i.fields, i.sent, i.is_open, i.times,
       i.first_at, i.last_at, i.retry_at, i.run_id
  FROM issue AS i JOIN connection AS n ON n.id = i.connection_id;
