-- Campaign members and their statuses: what they are here follows from the mirror once its rows are in, in the chunk's
-- own transaction. A member joins a campaign and a person, and exists here only where both do; the others wait.

-- statuses_awaited -- Member statuses that waited for a campaign of this chunk. Parameters: connection.
SELECT m.sf_id FROM mirror_campaign_member_status AS m JOIN decided AS d ON d.sf_id = m.waiting_for
 WHERE m.connection_id = %(connection)s AND d.local_id IS NOT NULL
   AND m.waiting_for = ANY (ARRAY(SELECT o.sf_id FROM decided AS o));

-- resolve_statuses -- Statuses become those of their campaign here: the row that each had, else one of the same label.
-- Answers the local ids that they had before. Parameters: connection, statuses.
WITH ends AS (
    SELECT m.sf_id, m.is_deleted, c.local_id AS campaign_id, m.local_id AS former,
           CASE WHEN c.local_id IS NULL THEN m.campaign_sf_id END AS missing,
           m.values ->> 'Label' AS label, (m.values ->> 'SortOrder')::integer AS position,
           coalesce((m.values ->> 'IsDefault')::boolean, false) AS is_default,
           coalesce((m.values ->> 'HasResponded')::boolean, false) AS is_responded
      FROM mirror_campaign_member_status AS m
      LEFT JOIN LATERAL (
          SELECT local_id FROM mirror_campaign
           WHERE connection_id = %(connection)s AND sf_id = m.campaign_sf_id LIMIT 1) AS c ON true
     WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(statuses)s)
), live AS (
    SELECT * FROM ends WHERE NOT is_deleted AND campaign_id IS NOT NULL AND label IS NOT NULL
), kept AS (
    SELECT DISTINCT ON (live.sf_id) live.sf_id, s.id
      FROM live JOIN campaign_member_status AS s ON s.campaign_id = live.campaign_id
       AND (s.id = live.former OR lower(s.label) = lower(live.label) AND NOT EXISTS (
            SELECT FROM mirror_campaign_member_status AS o
             WHERE o.local_id = s.id AND NOT o.is_deleted AND o.sf_id <> live.sf_id))
     ORDER BY live.sf_id, s.id = live.former DESC, s.id
), changed AS (
    UPDATE campaign_member_status AS s
       SET label = live.label, position = live.position, is_default = live.is_default,
           is_responded = live.is_responded
      FROM live JOIN kept USING (sf_id)
     WHERE s.id = kept.id AND (s.label, s.position, s.is_default, s.is_responded)
           IS DISTINCT FROM (live.label, live.position, live.is_default, live.is_responded)
), made AS (
    INSERT INTO campaign_member_status (campaign_id, label, position, is_default, is_responded)
    SELECT campaign_id, label, position, is_default, is_responded FROM live
     WHERE sf_id NOT IN (SELECT sf_id FROM kept)
    RETURNING id, campaign_id, label
), linked AS (
    UPDATE mirror_campaign_member_status AS m
       SET local_id = n.id, role = CASE WHEN n.id IS NULL THEN 0 ELSE 1 END, waiting_for = n.missing
      FROM (SELECT ends.sf_id, ends.missing, coalesce(kept.id, made.id) AS id
              FROM ends LEFT JOIN kept ON kept.sf_id = ends.sf_id
              LEFT JOIN made ON kept.id IS NULL AND NOT ends.is_deleted
               AND made.campaign_id = ends.campaign_id AND made.label = ends.label) AS n
     WHERE m.connection_id = %(connection)s AND m.sf_id = n.sf_id AND m.sf_id = ANY (%(statuses)s)
       AND (m.local_id IS DISTINCT FROM n.id OR m.waiting_for IS DISTINCT FROM n.missing)
)
SELECT former FROM ends WHERE former IS NOT NULL;

-- drop_orphan_statuses -- Statuses here that no live one stands for any more. Parameters: before (local ids).
DELETE FROM campaign_member_status AS s
 WHERE s.id = ANY (%(before)s::bigint[])
   AND NOT EXISTS (SELECT FROM mirror_campaign_member_status AS m WHERE m.local_id = s.id AND NOT m.is_deleted);

-- drop_unknown_statuses -- What a linked campaign has and Salesforce doesn't: a member can't have it there. It goes, or where a
-- member has it stays, and is no default any more. Parameters: connection, statuses.
WITH campaigns AS (
    SELECT DISTINCT c.local_id AS id
      FROM mirror_campaign_member_status AS m
      JOIN mirror_campaign AS c ON c.connection_id = %(connection)s AND c.sf_id = m.campaign_sf_id
       AND c.local_id IS NOT NULL AND NOT c.is_deleted
     WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(statuses)s) AND NOT m.is_deleted
), unknown AS (
    SELECT s.id, EXISTS (SELECT FROM campaign_member AS t
                          WHERE t.campaign_id = s.campaign_id AND lower(t.status) = lower(s.label)) AS is_used
      FROM campaigns JOIN campaign_member_status AS s ON s.campaign_id = campaigns.id
     WHERE NOT EXISTS (SELECT FROM mirror_campaign_member_status AS m WHERE m.local_id = s.id AND NOT m.is_deleted)
), gone AS (
    DELETE FROM campaign_member_status AS s USING unknown WHERE s.id = unknown.id AND NOT unknown.is_used
)
UPDATE campaign_member_status AS s SET is_default = false
  FROM unknown WHERE s.id = unknown.id AND unknown.is_used AND s.is_default;

-- members_awaited -- Members that waited for a record of this chunk. Parameters: connection.
SELECT m.sf_id FROM mirror_campaign_member AS m JOIN decided AS d ON d.sf_id = m.waiting_for
 WHERE m.connection_id = %(connection)s AND d.local_id IS NOT NULL
   AND m.waiting_for = ANY (ARRAY(SELECT o.sf_id FROM decided AS o));

-- members_of -- The members that leads or contacts are. Parameters: connection, people (Salesforce Ids).
SELECT m.sf_id FROM mirror_campaign_member AS m
 WHERE m.connection_id = %(connection)s
   AND (m.contact_sf_id = ANY (%(people)s::text[]) OR m.lead_sf_id = ANY (%(people)s::text[]));

-- member_table -- The members in question, with their ends. former: the local record that each had; member_id: has now.
CREATE TEMP TABLE IF NOT EXISTS member_end (
    sf_id text COLLATE "C", is_deleted boolean, is_newer boolean, action text, is_known boolean, campaign_id bigint,
    contact_id bigint, missing text COLLATE "C", former bigint, member_id bigint, is_new boolean, is_changed boolean
) ON COMMIT DELETE ROWS;

-- member_ends -- Fills it. A person whom Salesforce names as lead and as contact is the contact. Parameters: connection, members,
-- touched (whether their being looked at counts as a change).
INSERT INTO member_end
SELECT m.sf_id, m.is_deleted, coalesce(d.is_newer, %(touched)s), d.action, d.is_known, c.local_id,
       coalesce(p.local_id, l.local_id),
       CASE WHEN m.is_deleted THEN NULL WHEN c.local_id IS NULL THEN m.campaign_sf_id
            WHEN coalesce(p.local_id, l.local_id) IS NULL THEN coalesce(m.contact_sf_id, m.lead_sf_id) END,
       f.id, CASE WHEN m.is_deleted THEN f.id END, false, false
  FROM mirror_campaign_member AS m
  LEFT JOIN decided AS d ON d.sf_id = m.sf_id
  LEFT JOIN LATERAL (SELECT id FROM campaign_member WHERE id = m.local_id LIMIT 1) AS f ON true
  LEFT JOIN LATERAL (
      SELECT local_id FROM mirror_campaign
       WHERE connection_id = %(connection)s AND sf_id = m.campaign_sf_id LIMIT 1) AS c ON true
  LEFT JOIN LATERAL (
      SELECT local_id FROM mirror_contact
       WHERE connection_id = %(connection)s AND sf_id = m.contact_sf_id LIMIT 1) AS p ON true
  LEFT JOIN LATERAL (
      SELECT local_id FROM mirror_lead
       WHERE connection_id = %(connection)s AND sf_id = m.lead_sf_id LIMIT 1) AS l ON true
 WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(members)s);

-- make_members -- Memberships that are not here yet; where a lead and a contact are one person, with the status that is
-- further along: one that counts as a response is further, then the later one. Parameters: connection, cause, create_members.
WITH wanted AS (
    SELECT DISTINCT ON (e.campaign_id, e.contact_id) e.campaign_id, e.contact_id, m.values ->> 'Status' AS status,
           coalesce((m.values ->> 'HasResponded')::boolean, false) AS has_responded,
           min((m.values ->> 'FirstRespondedDate')::date) OVER (PARTITION BY e.campaign_id, e.contact_id) AS first_responded
      FROM member_end AS e
      JOIN mirror_campaign_member AS m ON m.connection_id = %(connection)s AND m.sf_id = e.sf_id
      LEFT JOIN LATERAL (
          SELECT position FROM campaign_member_status
           WHERE campaign_id = e.campaign_id AND lower(label) = lower(m.values ->> 'Status') LIMIT 1) AS s ON true
     WHERE %(create_members)s AND NOT e.is_deleted AND e.missing IS NULL
       AND NOT EXISTS (SELECT FROM campaign_member AS t WHERE t.campaign_id = e.campaign_id AND t.contact_id = e.contact_id)
     ORDER BY e.campaign_id, e.contact_id, coalesce((m.values ->> 'HasResponded')::boolean, false) DESC,
              s.position DESC NULLS LAST, m.contact_sf_id IS NULL, m.created, m.sf_id
), made AS (
    INSERT INTO campaign_member (campaign_id, contact_id, status, has_responded, first_responded, created_by_id,
                                 created_at, updated_at)
    SELECT campaign_id, contact_id, status, has_responded, first_responded, %(cause)s, now(), now() FROM wanted
    RETURNING id, campaign_id, contact_id
)
UPDATE member_end AS e SET member_id = made.id, is_new = true
  FROM made WHERE e.campaign_id = made.campaign_id AND e.contact_id = made.contact_id AND NOT e.is_deleted;

-- find_members -- The memberships that are here already. No parameters.
UPDATE member_end AS e SET member_id = t.id
  FROM campaign_member AS t
 WHERE t.campaign_id = e.campaign_id AND t.contact_id = e.contact_id AND e.member_id IS NULL AND NOT e.is_deleted
   AND e.missing IS NULL;

-- link_members -- The mirror's rows get their local records; which of several is primary is chosen next. Nothing is
-- agreed yet of one that was here already. Parameters: connection, run.
UPDATE mirror_campaign_member AS m
   SET local_id = e.member_id, waiting_for = e.missing,
       role = CASE WHEN e.member_id IS NULL THEN 0 WHEN e.former = e.member_id THEN m.role ELSE 2 END,
       base = CASE WHEN e.member_id IS NULL OR e.is_new OR e.former = e.member_id THEN m.base ELSE '{}' END,
       linked_run = CASE WHEN e.member_id IS DISTINCT FROM e.former THEN %(run)s ELSE m.linked_run END
  FROM member_end AS e
 WHERE m.connection_id = %(connection)s AND m.sf_id = e.sf_id AND m.sf_id = ANY (ARRAY(SELECT o.sf_id FROM member_end AS o))
   AND (m.local_id, m.waiting_for) IS DISTINCT FROM (e.member_id, e.missing);

-- choose_primaries -- Of several members who are one person, the status of one counts: of the one that is further along,
-- and after that of whichever goes further by a change in Salesforce. What was agreed on stays so. Parameters: connection.
WITH affected AS (
    SELECT member_id AS id FROM member_end WHERE member_id IS NOT NULL
    UNION SELECT former FROM member_end WHERE former IS NOT NULL
), linked AS (
    SELECT m.sf_id, m.local_id, m.role, m.is_deleted, m.base, m.values, m.created, m.contact_sf_id IS NULL AS is_lead,
           coalesce(e.is_new, false) AS is_new,
           coalesce(e.is_newer OR e.former IS DISTINCT FROM e.member_id, false) AS is_touched,
           ARRAY[coalesce((m.values ->> 'HasResponded')::boolean, false)::integer, coalesce(s.position, -1)] AS progress
      FROM affected AS a
      JOIN campaign_member AS t ON t.id = a.id
      JOIN mirror_campaign_member AS m ON m.connection_id + 0 = %(connection)s AND m.local_id = a.id
      LEFT JOIN member_end AS e ON e.sf_id = m.sf_id
      LEFT JOIN LATERAL (
          SELECT position FROM campaign_member_status
           WHERE campaign_id = t.campaign_id AND lower(label) = lower(m.values ->> 'Status') LIMIT 1) AS s ON true
), agreed AS (
    SELECT DISTINCT ON (local_id) local_id,
           CASE WHEN base IS NULL THEN jsonb_build_object('Status', values -> 'Status') ELSE base END AS base
      FROM linked WHERE role = 1 ORDER BY local_id, is_deleted
), ranked AS (
    SELECT l.sf_id, l.local_id, l.role, l.is_deleted, l.is_new, row_number() OVER (
               PARTITION BY l.local_id
               ORDER BY l.is_deleted,
                        CASE WHEN l.reached IS NULL THEN 0
                             WHEN l.role <> 1 AND l.is_touched AND l.progress > l.reached THEN 2
                             WHEN l.role = 1 THEN 1 ELSE 0 END DESC,
                        l.progress DESC, l.is_lead, l.created NULLS LAST, l.sf_id) AS place
      FROM (SELECT linked.*, max(progress) FILTER (WHERE role = 1 AND NOT is_deleted) OVER (PARTITION BY local_id) AS reached
              FROM linked) AS l
)
UPDATE mirror_campaign_member AS m
   SET role = CASE WHEN r.place = 1 THEN 1 ELSE 2 END,
       base = CASE WHEN r.place > 1 THEN '{}' WHEN r.is_new THEN m.base ELSE coalesce(agreed.base, '{}') END
  FROM ranked AS r LEFT JOIN agreed ON agreed.local_id = r.local_id
 WHERE m.connection_id = %(connection)s AND m.sf_id = r.sf_id AND m.sf_id = ANY (ARRAY(SELECT o.sf_id FROM ranked AS o))
   AND NOT r.is_deleted
   AND (r.role <> CASE WHEN r.place = 1 THEN 1 ELSE 2 END OR r.place > 1 AND m.base IS DISTINCT FROM '{}');

-- merge_members -- Which status wins: as of a field that is overwritten both ways. What follows from it (whether and when
-- somebody responded) goes with it. Parameters: connection, run, cause, sobject, update_members, policy_members, push_members.
WITH affected AS (
    SELECT member_id AS id, bool_or(is_newer) AS is_newer FROM member_end WHERE member_id IS NOT NULL AND NOT is_new
     GROUP BY member_id
), sides AS (
    SELECT t.id, t.campaign_id, m.sf_id, m.modstamp, a.is_newer, m.values ->> 'Status' AS s, t.status AS a,
           m.base IS NULL OR m.base ? 'Status' AS has, coalesce(m.base, m.values) ->> 'Status' AS b, {held} AS held,
           coalesce((m.values ->> 'HasResponded')::boolean, false) AS s_responded, t.has_responded AS a_responded,
           live.first_responded AS s_first, t.first_responded AS a_first, t.is_removed
      FROM affected AS a
      JOIN campaign_member AS t ON t.id = a.id
      JOIN mirror_campaign_member AS m ON m.connection_id + 0 = %(connection)s AND m.local_id = t.id AND m.role = 1
       AND NOT m.is_deleted
     CROSS JOIN LATERAL (
         SELECT min((o.values ->> 'FirstRespondedDate')::date) AS first_responded FROM mirror_campaign_member AS o
          WHERE o.connection_id + 0 = %(connection)s AND o.local_id = t.id AND NOT o.is_deleted) AS live
), ruled AS (
    SELECT sides.*, CASE
               WHEN held OR NOT %(update_members)s THEN a
               WHEN NOT has THEN CASE WHEN a IS NULL THEN s WHEN s IS NULL OR %(policy_members)s = 'abmatic' THEN a ELSE s END
               WHEN s IS NOT DISTINCT FROM b THEN a
               WHEN a IS NOT DISTINCT FROM b THEN s
               WHEN s IS NOT DISTINCT FROM a THEN s
               WHEN %(policy_members)s = 'abmatic' THEN a
               WHEN %(policy_members)s = 'salesforce' THEN s
               WHEN modstamp >= coalesce((
                   SELECT max(h.at) FROM change AS h
                    WHERE h.record = 'campaign_member' AND h.record_id = sides.id AND h.field = 'status'), '-infinity') THEN s
               ELSE a
           END AS n,
           NOT held AND has AND s IS DISTINCT FROM b AND a IS DISTINCT FROM b AND s IS DISTINCT FROM a AS is_conflict
      FROM sides
), merged_member AS (
    SELECT ruled.*, k.n_responded,
           CASE WHEN n IS DISTINCT FROM s OR held OR NOT %(update_members)s THEN a_first
                ELSE coalesce(s_first, a_first) END AS n_first
      FROM ruled CROSS JOIN LATERAL (SELECT CASE
               WHEN held OR NOT %(update_members)s THEN a_responded
               ELSE coalesce((SELECT c.is_responded FROM campaign_member_status AS c
                               WHERE c.campaign_id = ruled.campaign_id AND lower(c.label) = lower(n) LIMIT 1),
                             CASE WHEN n IS NOT DISTINCT FROM s THEN s_responded ELSE a_responded END)
           END AS n_responded) AS k
), changed AS (
    UPDATE campaign_member AS t
       SET status = g.n, has_responded = g.n_responded, first_responded = g.n_first, is_removed = false,
           lives_on_id = NULL, updated_at = now()
      FROM merged_member AS g
     WHERE t.id = g.id AND (g.is_removed OR (g.a, g.a_responded, g.a_first) IS DISTINCT FROM (g.n, g.n_responded, g.n_first))
    RETURNING t.id
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT 'campaign_member', g.id, v.field, v.before, v.after, %(cause)s, now()
      FROM merged_member AS g CROSS JOIN LATERAL (VALUES
          ('status', to_jsonb(g.a), to_jsonb(g.n)), ('has_responded', to_jsonb(g.a_responded), to_jsonb(g.n_responded)),
          ('first_responded', to_jsonb(g.a_first), to_jsonb(g.n_first)), ('is_removed', to_jsonb(g.is_removed), 'false'::jsonb)
      ) AS v (field, before, after)
     WHERE v.before IS DISTINCT FROM v.after
), conflicts AS (
    INSERT INTO finding (run_id, reason, sf_id, local_id, field, value)
    SELECT %(run)s, 'conflict', g.sf_id, g.id, 'Status',
           format('Salesforce: %%s · Abmatic: %%s · %%s’s value stays (%%s)', coalesce(left(g.s, 60), '–'),
                  coalesce(left(g.a, 60), '–'), CASE WHEN g.n IS DISTINCT FROM g.a THEN 'Salesforce' ELSE 'Abmatic' END,
                  %(policy_label)s::text)
      FROM merged_member AS g WHERE g.is_conflict AND (g.is_newer OR g.n IS DISTINCT FROM g.a) RETURNING 1
), rebased AS (
    UPDATE mirror_campaign_member AS m SET base = g.base
      FROM (SELECT sf_id, CASE WHEN n IS NOT DISTINCT FROM s THEN NULL
                               WHEN has THEN jsonb_build_object('Status', b) ELSE '{}'::jsonb END AS base
              FROM merged_member) AS g
     WHERE m.connection_id = %(connection)s AND m.sf_id = g.sf_id AND m.base IS DISTINCT FROM g.base
), due AS (
    INSERT INTO push_due (connection_id, sobject, local_id)
    SELECT %(connection)s, 'CampaignMember', g.id FROM merged_member AS g
     WHERE %(push_members)s AND g.n IS DISTINCT FROM g.s
    ON CONFLICT DO NOTHING
), marked AS (
    UPDATE member_end AS e SET is_changed = true FROM changed WHERE e.member_id = changed.id
)
SELECT count(*) FROM conflicts;

-- remove_members -- Memberships that no live member stands for any more. Parameters: cause.
WITH gone AS (
    SELECT t.id FROM campaign_member AS t
     WHERE t.id = ANY (ARRAY(SELECT member_id FROM member_end UNION SELECT former FROM member_end)) AND NOT t.is_removed
       AND NOT coalesce((
           SELECT true FROM mirror_campaign_member AS m WHERE m.local_id = t.id AND NOT m.is_deleted LIMIT 1), false)
), marked AS (
    UPDATE campaign_member AS t SET is_removed = true, updated_at = now() FROM gone WHERE t.id = gone.id
)
INSERT INTO change (record, record_id, field, before, after, cause_id, at)
SELECT 'campaign_member', id, 'is_removed', 'false', 'true', %(cause)s, now() FROM gone;

-- follow_members -- Where a member's person became another one (a merge, or a record that was matched anew), the membership
-- that is over tells in which one it goes on: a response counts once. No parameters.
UPDATE campaign_member AS t SET lives_on_id = o.id
  FROM member_end AS e
  JOIN campaign_member AS o ON o.campaign_id = e.campaign_id AND o.contact_id = e.contact_id
 WHERE t.id = e.former AND t.is_removed AND o.id <> t.id AND o.campaign_id = t.campaign_id
   AND t.lives_on_id IS DISTINCT FROM o.id;

-- member_outcomes -- What became of the members that the chunk read, and how they were counted before it was known:
-- (action, outcome, number). Parameters: connection.
SELECT e.action, o.outcome, count(*)
  FROM member_end AS e
  JOIN mirror_campaign_member AS m ON m.connection_id = %(connection)s AND m.sf_id = e.sf_id
 CROSS JOIN LATERAL (SELECT CASE
           WHEN e.member_id IS NULL THEN CASE WHEN e.is_known THEN 'unchanged' ELSE 'skipped' END
           WHEN e.former IS NULL THEN CASE WHEN m.role = 2 THEN 'duplicate' WHEN e.is_new THEN 'created' ELSE 'linked' END
           WHEN e.former <> e.member_id OR e.is_changed OR e.action = 'revived' THEN 'updated'
           ELSE 'unchanged'
       END AS outcome) AS o
 WHERE e.action IN ('create', 'known', 'revived')
 GROUP BY 1, 2;

-- note_members -- An entry for each member that the chunk read, and that waits, may not be made, or is one person with
-- another. Answers (reason, number). Parameters: connection, run.
WITH noted AS (
    INSERT INTO finding (run_id, reason, sf_id, local_id, value)
    SELECT %(run)s, r.reason, e.sf_id, e.member_id, CASE r.reason WHEN 'same_person' THEN other.sf_id ELSE e.missing END
      FROM member_end AS e
      JOIN mirror_campaign_member AS m ON m.connection_id = %(connection)s AND m.sf_id = e.sf_id
     CROSS JOIN LATERAL (SELECT CASE
               WHEN e.member_id IS NULL AND NOT e.is_known
                   THEN CASE WHEN e.missing IS NULL THEN 'create_is_off' ELSE 'awaits_record' END
               WHEN e.member_id IS NOT NULL AND e.former IS NULL AND m.role = 2 THEN 'same_person'
           END AS reason) AS r
      LEFT JOIN LATERAL (
          SELECT p.sf_id FROM mirror_campaign_member AS p
           WHERE p.connection_id + 0 = %(connection)s AND p.local_id = e.member_id AND p.role = 1 AND NOT p.is_deleted
           LIMIT 1) AS other ON true
     WHERE e.action IN ('create', 'known', 'revived') AND r.reason IS NOT NULL
    RETURNING reason
)
SELECT reason, count(*) FROM noted GROUP BY reason;

-- absorb_members -- Two people who turn out to be one are in a campaign once: the winner's membership stays, or the
-- loser's becomes the winner's, with the status that is further along. Answers the Salesforce Ids of members that got
-- another local record. Parameters: connection, winners, losers, cause.
WITH pair AS (SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[]) AS p (winner, loser)),
theirs AS (
    SELECT t.*, coalesce(pair.winner, t.contact_id) AS person, s.position
      FROM campaign_member AS t LEFT JOIN pair ON pair.loser = t.contact_id
      LEFT JOIN LATERAL (
          SELECT position FROM campaign_member_status
           WHERE campaign_id = t.campaign_id AND lower(label) = lower(t.status) LIMIT 1) AS s ON true
     WHERE t.contact_id = ANY (%(winners)s::bigint[] || %(losers)s::bigint[])
), ranked AS (
    SELECT id, contact_id, person, first_value(id) OVER mine AS kept, first_value(status) OVER further AS status,
           first_value(has_responded) OVER further AS has_responded,
           min(first_responded) OVER (PARTITION BY person, campaign_id) AS first_responded,
           bool_and(is_removed) OVER (PARTITION BY person, campaign_id) AS is_removed
      FROM theirs
    WINDOW mine AS (PARTITION BY person, campaign_id ORDER BY contact_id = person DESC, id),
           further AS (PARTITION BY person, campaign_id
                       ORDER BY is_removed, has_responded DESC, position DESC NULLS LAST, contact_id = person DESC, id)
), relinked AS (
    UPDATE mirror_campaign_member AS m
       SET local_id = r.kept,
           role = CASE WHEN EXISTS (
               SELECT FROM mirror_campaign_member AS o WHERE o.local_id = r.kept AND o.connection_id = m.connection_id
                  AND o.role = 1 AND NOT o.is_deleted) THEN 2 ELSE m.role END
      FROM ranked AS r WHERE m.local_id = r.id AND r.id <> r.kept
    RETURNING m.connection_id, m.sf_id
), history AS (
    UPDATE change AS c SET record_id = r.kept
      FROM ranked AS r WHERE c.record = 'campaign_member' AND c.record_id = r.id AND r.id <> r.kept
), gone AS (
    DELETE FROM campaign_member AS t USING ranked AS r WHERE t.id = r.id AND r.id <> r.kept
), still_living AS (
    UPDATE campaign_member AS t SET lives_on_id = r.kept
      FROM ranked AS r
     WHERE t.lives_on_id = r.id AND r.id <> r.kept AND t.id NOT IN (SELECT o.id FROM ranked AS o)
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT 'campaign_member', t.id, v.field, v.before, v.after, %(cause)s, now()
      FROM ranked AS r JOIN campaign_member AS t ON t.id = r.id
     CROSS JOIN LATERAL (VALUES
          ('status', to_jsonb(t.status), to_jsonb(r.status)),
          ('has_responded', to_jsonb(t.has_responded), to_jsonb(r.has_responded)),
          ('first_responded', to_jsonb(t.first_responded), to_jsonb(r.first_responded)),
          ('is_removed', to_jsonb(t.is_removed), to_jsonb(r.is_removed))) AS v (field, before, after)
     WHERE r.id = r.kept AND v.before IS DISTINCT FROM v.after
), united AS (
    UPDATE campaign_member AS t
       SET contact_id = r.person, status = r.status, has_responded = r.has_responded, first_responded = r.first_responded,
           is_removed = r.is_removed, updated_at = now()
      FROM ranked AS r WHERE t.id = r.id AND r.id = r.kept
       AND (t.contact_id, t.status, t.has_responded, t.first_responded, t.is_removed)
           IS DISTINCT FROM (r.person, r.status, r.has_responded, r.first_responded, r.is_removed)
)
SELECT sf_id FROM relinked WHERE connection_id = %(connection)s;
