-- What follows from a chunk once its rows are in the mirror: merges, hand-overs, conversions, records that waited.
-- Every block runs in the chunk's own transaction and looks only at the chunk (decided, work) and what it touches.
-- {mirror} and {local} stand for the object's own tables. "connection_id + 0" keeps a look-up by local_id from the other
-- index, which a planner that has not heard of a new connection yet takes for empty, and reads from end to end.

-- awaited_accounts -- Contacts and opportunities that came before their account get it now. Parameters: connection.
WITH arrived AS (
    SELECT d.sf_id, d.local_id FROM decided AS d WHERE d.local_id IS NOT NULL
), contacts AS (
    UPDATE mirror_contact AS m SET waiting_for = NULL
      FROM arrived WHERE m.waiting_for = arrived.sf_id AND m.connection_id = %(connection)s
       AND m.waiting_for = ANY (ARRAY(SELECT o.sf_id FROM arrived AS o))
    RETURNING m.local_id, m.role, arrived.local_id AS account_id
), opportunities AS (
    -- One that lacks its campaign as well waits for that from here on.
    UPDATE mirror_opportunity AS m SET waiting_for = CASE WHEN NOT EXISTS (
               SELECT FROM mirror_campaign AS c
                WHERE c.connection_id = %(connection)s AND c.sf_id = m.campaign_sf_id AND c.local_id IS NOT NULL
           ) THEN m.campaign_sf_id END
      FROM arrived WHERE m.waiting_for = arrived.sf_id AND m.connection_id = %(connection)s
       AND m.waiting_for = ANY (ARRAY(SELECT o.sf_id FROM arrived AS o))
    RETURNING m.local_id, m.role, arrived.local_id AS account_id
), linked_contacts AS (
    UPDATE contact AS c SET account_id = w.account_id, updated_at = now()
      FROM contacts AS w WHERE c.id = w.local_id AND w.role = 1 AND c.account_id IS DISTINCT FROM w.account_id
)
UPDATE opportunity AS o SET account_id = w.account_id, updated_at = now()
  FROM opportunities AS w WHERE o.id = w.local_id AND w.role = 1 AND o.account_id IS DISTINCT FROM w.account_id;

-- awaited_campaigns -- Opportunities, and campaigns below others, that came before their campaign get it now. Parameters: connection.
WITH arrived AS (
    SELECT d.sf_id, d.local_id FROM decided AS d WHERE d.local_id IS NOT NULL
), opportunities AS (
    -- Whatever else they wait for: few do.
    UPDATE mirror_opportunity AS m SET waiting_for = nullif(m.waiting_for, m.campaign_sf_id)
      FROM arrived WHERE m.waiting_for IS NOT NULL AND m.campaign_sf_id = arrived.sf_id
       AND m.connection_id = %(connection)s
    RETURNING m.local_id, m.role, arrived.local_id AS campaign_id
), below AS (
    UPDATE mirror_campaign AS m SET waiting_for = NULL
      FROM arrived WHERE m.waiting_for = arrived.sf_id AND m.connection_id = %(connection)s
    RETURNING m.local_id, m.role, arrived.local_id AS parent_id
), linked_campaigns AS (
    UPDATE campaign AS c SET parent_id = w.parent_id, updated_at = now()
      FROM below AS w WHERE c.id = w.local_id AND w.role = 1 AND c.parent_id IS DISTINCT FROM w.parent_id
)
UPDATE opportunity AS o SET campaign_id = w.campaign_id, updated_at = now()
  FROM opportunities AS w WHERE o.id = w.local_id AND w.role = 1 AND o.campaign_id IS DISTINCT FROM w.campaign_id;

-- awaited_owners -- Records that came before their owner get it now, in place of whom they had before. The pull reads
-- users first, so there are some only after a pull of users that failed, or of an object by itself. What an undo put back
-- stays. Parameters: connection.
WITH arrived AS (
    SELECT d.sf_id, d.local_id FROM decided AS d WHERE d.action IN ('create', 'link')
), accounts AS (
    UPDATE account AS a SET owner_id = arrived.local_id, updated_at = now()
      FROM arrived, mirror_account AS m
     WHERE m.connection_id = %(connection)s AND m.owner_sf_id = arrived.sf_id AND m.role = 1 AND NOT m.is_deleted
       AND a.id = m.local_id AND a.owner_id IS DISTINCT FROM arrived.local_id
       AND (a.owner_id IS NULL OR m.held IS NULL)
), opportunities AS (
    UPDATE opportunity AS o SET owner_id = arrived.local_id, updated_at = now()
      FROM arrived, mirror_opportunity AS m
     WHERE m.connection_id = %(connection)s AND m.owner_sf_id = arrived.sf_id AND m.role = 1 AND NOT m.is_deleted
       AND o.id = m.local_id AND o.owner_id IS DISTINCT FROM arrived.local_id
       AND (o.owner_id IS NULL OR m.held IS NULL)
), campaigns AS (
    UPDATE campaign AS c SET owner_id = arrived.local_id, updated_at = now()
      FROM arrived, mirror_campaign AS m
     WHERE m.connection_id = %(connection)s AND m.owner_sf_id = arrived.sf_id AND m.role = 1 AND NOT m.is_deleted
       AND c.id = m.local_id AND c.owner_id IS DISTINCT FROM arrived.local_id
       AND (c.owner_id IS NULL OR m.held IS NULL)
), people AS (
    SELECT DISTINCT ON (m.local_id) m.local_id, arrived.local_id AS owner_id, m.held
      FROM arrived CROSS JOIN LATERAL (
          SELECT c.local_id, 0 AS rank, c.held FROM mirror_contact AS c
           WHERE c.connection_id = %(connection)s AND c.owner_sf_id = arrived.sf_id AND c.role = 1 AND NOT c.is_deleted
          UNION ALL
          SELECT l.local_id, 1, l.held FROM mirror_lead AS l
           WHERE l.connection_id = %(connection)s AND l.owner_sf_id = arrived.sf_id AND l.role = 1 AND NOT l.is_deleted
      ) AS m
     ORDER BY m.local_id, m.rank
)
UPDATE contact AS c SET owner_id = people.owner_id, updated_at = now()
  FROM people WHERE c.id = people.local_id AND c.owner_id IS DISTINCT FROM people.owner_id
   AND (c.owner_id IS NULL OR people.held IS NULL);

-- keys_moved -- Whether this chunk changed what a local record's key is made of: else nobody gave one up. No parameters.
SELECT EXISTS (SELECT FROM merged AS g WHERE g.{before} IS DISTINCT FROM g.{after});

-- given_up -- Keys that local records gave up in this chunk, and that nobody took. No parameters.
SELECT DISTINCT former.key
  FROM merged AS g CROSS JOIN LATERAL {function}(g.{before}{extra}) AS former (key, problem)
 WHERE g.{before} IS DISTINCT FROM g.{after} AND former.key IS NOT NULL
   AND NOT coalesce((SELECT true FROM {local} AS l WHERE l.{key_column} = former.key LIMIT 1), false);

-- take_given_up -- Such a key goes to the local record whose own text says it, and that was refused it while another had
-- it: of several to the one whose primary is the oldest. Parameters: keys.
WITH waiting AS (
    SELECT DISTINCT ON (m.key) m.key, l.id
      FROM ({keyed_links}) AS m (sf_id, key, local_id, created)
      JOIN {local} AS l ON l.id = m.local_id
     CROSS JOIN LATERAL {function}(l.{key_field}{extra}) AS own (key, problem)
     WHERE l.{key_column} IS NULL AND own.key = m.key
     ORDER BY m.key, m.created NULLS LAST, m.sf_id
)
UPDATE {local} AS l SET {key_column} = waiting.key, updated_at = now() FROM waiting WHERE l.id = waiting.id;

-- release -- Newcomers of this run whose local record gave up, in this chunk, the key they were linked by. They are
-- matched anew, so that the order of a run's pages doesn't decide whose duplicate they are. Parameters: connection, run.
WITH astray AS (
    SELECT m.sf_id
      FROM merged AS g
     CROSS JOIN LATERAL {function}(g.{before}{extra}) AS former (key, problem)
      JOIN {local} AS l ON l.id = g.local_id
      JOIN {mirror} AS m ON m.connection_id + 0 = %(connection)s AND m.local_id = g.local_id
     WHERE g.{before} IS DISTINCT FROM g.{after} AND former.key IS DISTINCT FROM l.{key_column}
       AND m.role = 2 AND NOT m.is_deleted AND m.linked_run = %(run)s AND m.sf_id <> g.sf_id AND m.key = former.key
), freed AS (
    UPDATE {mirror} AS m SET local_id = NULL, role = 0, seen_run = %(run)s
      FROM astray WHERE m.connection_id = %(connection)s AND m.sf_id = astray.sf_id
    RETURNING m.sf_id
), undecided AS (
    UPDATE decided AS d SET local_id = NULL, role = 0 FROM astray WHERE d.sf_id = astray.sf_id
)
SELECT sf_id FROM freed;

-- corrected -- Duplicates of earlier chunks and runs that come with another key now. Asked before the mirror takes it;
-- `part` says afterwards which of them are duplicates no more. Parameters: connection.
SELECT d.sf_id
  FROM decided AS d
 CROSS JOIN LATERAL (
     SELECT m.key FROM {mirror} AS m WHERE m.connection_id = %(connection)s AND m.sf_id = d.sf_id LIMIT 1
 ) AS m
 WHERE d.action = 'known' AND d.role = 2 AND d.is_newer AND d.key IS NOT NULL AND m.key IS DISTINCT FROM d.key;

-- part -- Those whose new key is neither the primary's nor the local record's: they are matched anew. Who belongs to a
-- person by a conversion stays. Parameters: connection, run, corrected. Answers also which have an entry in this run.
WITH astray AS (
    SELECT m.sf_id
      FROM unnest(%(corrected)s::text[]) AS c (sf_id)
     CROSS JOIN LATERAL (
         SELECT * FROM {mirror} AS m WHERE m.connection_id = %(connection)s AND m.sf_id = c.sf_id LIMIT 1) AS m
      JOIN {local} AS l ON l.id = m.local_id
     WHERE m.role = 2 AND NOT m.is_deleted AND m.key IS DISTINCT FROM l.{key_column}
       AND NOT coalesce((
           SELECT true FROM {mirror} AS p
            WHERE p.connection_id + 0 = %(connection)s AND p.local_id = m.local_id AND p.role = 1 AND NOT p.is_deleted
              AND p.key = m.key LIMIT 1), false)
       {not_converted}
), freed AS (
    UPDATE {mirror} AS m SET local_id = NULL, role = 0, seen_run = %(run)s
      FROM astray WHERE m.connection_id = %(connection)s AND m.sf_id = astray.sf_id
    RETURNING m.sf_id, coalesce(m.linked_run = %(run)s, false) AS is_noted
), undecided AS (
    UPDATE decided AS d SET local_id = NULL, role = 0 FROM astray WHERE d.sf_id = astray.sf_id
)
SELECT sf_id, is_noted FROM freed;

-- released_entries -- The entries of records that were matched anew: gone where they are no duplicates any more.
-- Answers by how much each reason's number changes. Parameters: connection, run, released.
WITH fate AS (
    SELECT sf_id, local_id, role FROM {mirror} WHERE connection_id = %(connection)s AND sf_id = ANY (%(released)s)
), noted AS (
    SELECT id, f.sf_id FROM finding AS f JOIN fate ON fate.sf_id = f.sf_id
     WHERE f.run_id = %(run)s AND f.reason = 'duplicate'
), gone AS (
    DELETE FROM finding AS f USING noted, fate WHERE f.id = noted.id AND fate.sf_id = noted.sf_id AND fate.role = 1
    RETURNING 1
), changed AS (
    UPDATE finding AS f SET local_id = fate.local_id, value = NULL,
           reason = CASE fate.role WHEN 0 THEN 'create_is_off' ELSE f.reason END
      FROM noted, fate WHERE f.id = noted.id AND fate.sf_id = noted.sf_id AND fate.role <> 1
    RETURNING f.reason
), added AS (
    INSERT INTO finding (run_id, reason, sf_id)
    SELECT %(run)s, 'create_is_off', sf_id FROM fate WHERE role = 0 AND sf_id NOT IN (SELECT sf_id FROM noted)
    RETURNING 1
)
SELECT 'duplicate', -(SELECT count(*) FROM gone) - (SELECT count(*) FROM changed WHERE reason = 'create_is_off')
UNION ALL
SELECT 'create_is_off',
       (SELECT count(*) FROM changed WHERE reason = 'create_is_off') + (SELECT count(*) FROM added);

-- released_children -- Contacts and opportunities of an account that was matched anew leave its former local record for
-- its new one. Where it has none they wait for it, and stay where they are. Parameters: connection, released, cause.
WITH fate AS (
    SELECT sf_id, local_id FROM mirror_account WHERE connection_id = %(connection)s AND sf_id = ANY (%(released)s)
), waiting_contacts AS (
    UPDATE mirror_contact AS m SET waiting_for = fate.sf_id
      FROM fate WHERE m.connection_id = %(connection)s AND m.account_sf_id = fate.sf_id AND fate.local_id IS NULL
), waiting_opportunities AS (
    UPDATE mirror_opportunity AS m SET waiting_for = fate.sf_id
      FROM fate WHERE m.connection_id = %(connection)s AND m.account_sf_id = fate.sf_id AND fate.local_id IS NULL
), moved (record, id, before, after) AS (
    SELECT 'contact', c.id, c.account_id, fate.local_id
      FROM fate JOIN mirror_contact AS m ON m.account_sf_id = fate.sf_id JOIN contact AS c ON c.id = m.local_id
     WHERE m.connection_id = %(connection)s AND m.role = 1 AND fate.local_id IS NOT NULL
       AND c.account_id IS DISTINCT FROM fate.local_id
    UNION ALL
    SELECT 'opportunity', o.id, o.account_id, fate.local_id
      FROM fate JOIN mirror_opportunity AS m ON m.account_sf_id = fate.sf_id JOIN opportunity AS o ON o.id = m.local_id
     WHERE m.connection_id = %(connection)s AND m.role = 1 AND fate.local_id IS NOT NULL
       AND o.account_id IS DISTINCT FROM fate.local_id
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT record, id, 'account_id', to_jsonb(before), to_jsonb(after), %(cause)s, now() FROM moved
), contacts AS (
    UPDATE contact AS c SET account_id = moved.after, updated_at = now()
      FROM moved WHERE moved.record = 'contact' AND c.id = moved.id
)
UPDATE opportunity AS o SET account_id = moved.after, updated_at = now()
  FROM moved WHERE moved.record = 'opportunity' AND o.id = moved.id;

-- released_roles -- The contact roles of contacts that were matched anew. Parameters: connection, released.
SELECT m.sf_id FROM mirror_contact_role AS m
 WHERE m.connection_id = %(connection)s AND m.contact_sf_id = ANY (%(released)s);

-- follow_merges -- Salesforce merges: a loser's link moves to the surviving master's local record. Parameters: connection, run.
-- Answers the local records that the losers leave without a primary (or NULL), and how many links moved from each.
WITH RECURSIVE losers (sf_id) AS (
    SELECT w.sf_id FROM work AS w WHERE w.master_id IS NOT NULL AND w.is_deleted
    UNION
    SELECT m.sf_id FROM {mirror} AS m JOIN decided AS d ON d.sf_id = m.master_id
     WHERE m.connection_id = %(connection)s AND m.master_id IS NOT NULL AND m.is_deleted
    UNION
    SELECT m.sf_id FROM {mirror} AS m JOIN losers AS l ON l.sf_id = m.master_id
     WHERE m.connection_id = %(connection)s AND m.master_id IS NOT NULL AND m.is_deleted
), climb (loser, former_local, former_role, at_id, step) AS (
    -- LIMIT 1: a few look-ups, where the planner would read the whole mirror for each chunk.
    SELECT l.sf_id, m.local_id, m.role, m.master_id, 1
      FROM losers AS l CROSS JOIN LATERAL (
           SELECT * FROM {mirror} AS m WHERE m.connection_id = %(connection)s AND m.sf_id = l.sf_id LIMIT 1) AS m
    UNION ALL
    SELECT c.loser, c.former_local, c.former_role, m.master_id, c.step + 1
      FROM climb AS c CROSS JOIN LATERAL (
           SELECT * FROM {mirror} AS m WHERE m.connection_id = %(connection)s AND m.sf_id = c.at_id LIMIT 1) AS m
     WHERE m.is_deleted AND m.master_id IS NOT NULL AND c.step < 50
), top AS (
    SELECT DISTINCT ON (c.loser) c.loser, m.local_id, c.former_local, c.former_role
      FROM climb AS c CROSS JOIN LATERAL (
           SELECT * FROM {mirror} AS m WHERE m.connection_id = %(connection)s AND m.sf_id = c.at_id LIMIT 1) AS m
     WHERE m.local_id IS NOT NULL AND NOT (m.is_deleted AND m.master_id IS NOT NULL)
     ORDER BY c.loser, c.step DESC
), moving AS (
    SELECT * FROM top WHERE former_local IS DISTINCT FROM local_id OR former_role <> 2
), moved AS (
    UPDATE {mirror} AS m SET local_id = moving.local_id, role = 2, base = '{{}}', seen_run = %(run)s
      FROM moving WHERE m.connection_id = %(connection)s AND m.sf_id = moving.loser
    RETURNING m.sf_id, m.local_id, m.master_id
), noted AS (
    INSERT INTO finding (run_id, reason, sf_id, local_id, value)
    SELECT %(run)s, 'merged_in_salesforce', sf_id, local_id, master_id FROM moved
)
SELECT CASE WHEN former_role = 1 THEN former_local END, count(*) FROM moving GROUP BY 1;

-- bereft -- Local records whose primary was deleted in this chunk. No parameters.
SELECT DISTINCT d.local_id FROM decided AS d
 WHERE d.action = 'deleted' AND NOT d.was_deleted AND d.role = 1 AND d.local_id IS NOT NULL;

-- heirs -- For local records that lost their primary, the duplicate that takes its place. Parameters: connection, bereft.
SELECT h.sf_id
  FROM unnest(%(bereft)s::bigint[]) AS b (local_id)
 CROSS JOIN LATERAL (
    SELECT m.sf_id FROM {mirror} AS m
     WHERE m.connection_id + 0 = %(connection)s AND m.local_id = b.local_id AND m.role = 2 AND NOT m.is_deleted
     ORDER BY m.created NULLS LAST, m.sf_id LIMIT 1
 ) AS h
 WHERE NOT coalesce((
    SELECT true FROM {mirror} AS p
     WHERE p.connection_id + 0 = %(connection)s AND p.local_id = b.local_id AND p.role = 1 AND NOT p.is_deleted LIMIT 1
 ), false);

-- inherit -- Makes those duplicates primary; nothing is agreed yet, so the merge that follows is a first one. Parameters: connection, run, heirs.
UPDATE {mirror} AS m SET role = 1, base = '{{}}', linked_run = %(run)s, seen_run = %(run)s
 WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(heirs)s);

-- conversions -- Pairs of local contacts that a conversion says are one person: (winner, loser, is_contact). Parameters: connection.
-- The lead's local record wins: it holds the history. Of several leads converted into one contact the oldest wins.
WITH leads AS (
    SELECT l.sf_id, l.local_id, l.created, l.converted_contact_id
      FROM mirror_lead AS l JOIN decided AS d ON d.sf_id = {conversion_key}
     -- Neither a newcomer nor what waits for one has to do with a conversion.
     WHERE {conversion_key} = ANY (ARRAY(SELECT o.sf_id FROM decided AS o WHERE o.action <> 'new'))
       AND l.connection_id = %(connection)s AND l.is_converted AND NOT l.is_deleted AND l.local_id IS NOT NULL
       AND l.converted_contact_id IS NOT NULL
), people AS (
    SELECT l.converted_contact_id AS contact, l.local_id, l.created, l.sf_id, 0 AS rank FROM leads AS l
    UNION ALL
    SELECT DISTINCT c.sf_id, c.local_id, NULL::timestamptz, NULL, 1
      FROM mirror_contact AS c
     WHERE c.connection_id = %(connection)s AND c.local_id IS NOT NULL
       AND c.sf_id = ANY (ARRAY(SELECT l.converted_contact_id FROM leads AS l))
), ranked AS (
    SELECT contact, local_id, rank, first_value(local_id) OVER (
               PARTITION BY contact ORDER BY rank, created NULLS LAST, sf_id) AS winner
      FROM people WHERE contact IN (SELECT contact FROM people WHERE rank = 1)
)
SELECT DISTINCT ON (local_id) winner, local_id AS loser, rank = 1 AS is_contact
  FROM ranked WHERE local_id <> winner ORDER BY local_id, rank DESC, winner;

-- absorb_links -- The loser's links move to the winner, which has one primary of each kind: the first to be absorbed, where
-- it had none. Parameters: winners, losers (parallel arrays), run.
WITH pair AS (SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[]) AS p (winner, loser)),
coming_leads AS (
    SELECT m.connection_id, m.sf_id, pair.winner, row_number() OVER live AS rank
      FROM pair JOIN mirror_lead AS m ON m.local_id = pair.loser
    WINDOW live AS (
        PARTITION BY pair.winner, m.connection_id, m.role = 1 AND NOT m.is_deleted ORDER BY pair.loser, m.sf_id)
), coming_contacts AS (
    SELECT m.connection_id, m.sf_id, pair.winner, row_number() OVER live AS rank
      FROM pair JOIN mirror_contact AS m ON m.local_id = pair.loser
    WINDOW live AS (
        PARTITION BY pair.winner, m.connection_id, m.role = 1 AND NOT m.is_deleted ORDER BY pair.loser, m.sf_id)
), leads AS (
    UPDATE mirror_lead AS m SET local_id = c.winner,
           role = CASE WHEN c.rank > 1 OR EXISTS (
               SELECT FROM mirror_lead AS o WHERE o.local_id = c.winner AND o.connection_id = m.connection_id
                  AND o.role = 1 AND NOT o.is_deleted) THEN 2 ELSE m.role END
      FROM coming_leads AS c WHERE m.connection_id = c.connection_id AND m.sf_id = c.sf_id
)
UPDATE mirror_contact AS m SET local_id = c.winner, seen_run = %(run)s,
       role = CASE WHEN c.rank > 1 OR EXISTS (
           SELECT FROM mirror_contact AS o WHERE o.local_id = c.winner AND o.connection_id = m.connection_id
              AND o.role = 1 AND NOT o.is_deleted) THEN 2 ELSE m.role END
  FROM coming_contacts AS c WHERE m.connection_id = c.connection_id AND m.sf_id = c.sf_id;

-- absorb_roles -- The loser's contact roles move to the winner, once each. Parameters: winners, losers.
WITH pair AS (SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[]) AS p (winner, loser)),
twice AS (
    SELECT mine.id AS kept, theirs.id AS gone
      FROM pair JOIN opportunity_contact AS theirs ON theirs.contact_id = pair.loser
      JOIN opportunity_contact AS mine ON mine.contact_id = pair.winner
       AND mine.opportunity_id = theirs.opportunity_id AND mine.role IS NOT DISTINCT FROM theirs.role
), relinked AS (
    UPDATE mirror_contact_role AS m SET local_id = twice.kept FROM twice WHERE m.local_id = twice.gone
), removed AS (
    DELETE FROM opportunity_contact AS o USING twice WHERE o.id = twice.gone
)
UPDATE opportunity_contact AS o SET contact_id = pair.winner
  FROM pair WHERE o.contact_id = pair.loser AND o.id NOT IN (SELECT gone FROM twice);

-- absorb_history -- The loser's changes and memberships become the winner's. Parameters: winners, losers.
WITH pair AS (SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[]) AS p (winner, loser)),
history AS (
    UPDATE change AS c SET record_id = pair.winner FROM pair WHERE c.record = 'contact' AND c.record_id = pair.loser
), left_out AS (
    DELETE FROM collection_member AS m USING pair, collection AS k
     WHERE m.record_id = pair.loser AND k.id = m.collection_id AND k.record = 'contact'
    RETURNING m.collection_id, pair.winner
), added AS (
    INSERT INTO collection_member (collection_id, record_id) SELECT DISTINCT collection_id, winner FROM left_out
    ON CONFLICT DO NOTHING RETURNING collection_id
), sizes AS (
    SELECT collection_id, sum(n) AS n FROM (
        SELECT collection_id, -1 AS n FROM left_out UNION ALL SELECT collection_id, 1 FROM added
    ) AS steps GROUP BY collection_id
)
UPDATE collection AS k SET size = k.size + sizes.n FROM sizes WHERE k.id = sizes.collection_id;

-- absorb_records -- The loser goes; where it was the contact's, its values take precedence. Parameters: winners, losers, contacts, cause.
WITH pair AS (
    SELECT * FROM unnest(%(winners)s::bigint[], %(losers)s::bigint[], %(contacts)s::boolean[]) AS p (winner, loser, is_contact)
), gone AS (
    DELETE FROM contact AS c USING pair WHERE c.id = pair.loser RETURNING pair.winner, pair.is_contact, c.*
), better AS (
    SELECT DISTINCT ON (winner) * FROM gone WHERE is_contact ORDER BY winner, id
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT 'contact', w.id, v.field, to_jsonb(v.before), to_jsonb(v.after), %(cause)s, now()
      FROM better AS g JOIN contact AS w ON w.id = g.winner
      CROSS JOIN LATERAL (VALUES
          ('work_email', w.work_email, g.work_email), ('first_name', w.first_name, g.first_name),
          ('last_name', w.last_name, g.last_name), ('job_title', w.job_title, g.job_title),
          ('phone', w.phone, g.phone), ('company', w.company, g.company)
      ) AS v (field, before, after)
     WHERE v.after IS NOT NULL AND v.before IS DISTINCT FROM v.after
)
UPDATE contact AS w
   SET work_email = coalesce(g.work_email, w.work_email), email_key = coalesce(g.email_key, w.email_key),
       first_name = coalesce(g.first_name, w.first_name), last_name = coalesce(g.last_name, w.last_name),
       job_title = coalesce(g.job_title, w.job_title), phone = coalesce(g.phone, w.phone),
       company = coalesce(g.company, w.company), account_id = coalesce(g.account_id, w.account_id),
       owner_id = coalesce(g.owner_id, w.owner_id), custom = w.custom || g.custom, updated_at = now()
  FROM better AS g WHERE w.id = g.winner;

-- mark_contacts -- A local record with a live contact, or a converted lead, is a contact; the change is kept. Parameters: connection, cause.
WITH people AS (
    -- One that was created is what it should be. OFFSET 0: the look-ups come last, once for each that is left.
    SELECT DISTINCT m.local_id
      FROM (SELECT d.sf_id FROM decided AS d
             WHERE d.action NOT IN ('create', 'new') AND d.local_id IS NOT NULL OFFSET 0) AS d
     CROSS JOIN LATERAL (
         SELECT * FROM {mirror} AS m WHERE m.connection_id = %(connection)s AND m.sf_id = d.sf_id LIMIT 1) AS m
     WHERE m.local_id IS NOT NULL AND NOT m.is_deleted {only_converted}
), before AS (
    SELECT c.id, c.kind FROM contact AS c JOIN people ON people.local_id = c.id WHERE c.kind <> 'contact' FOR UPDATE OF c
), noted AS (
    INSERT INTO change (record, record_id, field, before, after, cause_id, at)
    SELECT 'contact', id, 'kind', to_jsonb(nullif(kind, '')), '"contact"', %(cause)s, now() FROM before
)
UPDATE contact AS c SET kind = 'contact', updated_at = now() FROM before WHERE c.id = before.id;

-- conversions_arrived -- Leads that waited for their contact have it now. Parameters: connection.
UPDATE mirror_lead AS l SET waiting_for = NULL
  FROM decided AS d
 WHERE l.waiting_for = d.sf_id AND l.connection_id = %(connection)s AND d.local_id IS NOT NULL
   AND l.waiting_for = ANY (ARRAY(SELECT o.sf_id FROM decided AS o));

-- converted_accounts -- A converted lead whose contact is not here yet belongs to the account it was converted into. Parameters: connection.
UPDATE contact AS c SET account_id = a.local_id, updated_at = now()
  FROM decided AS d
  JOIN mirror_lead AS l ON l.connection_id = %(connection)s AND l.sf_id = d.sf_id AND l.is_converted
 CROSS JOIN LATERAL (
     SELECT * FROM mirror_account AS a
      WHERE a.connection_id = %(connection)s AND a.sf_id = l.converted_account_id LIMIT 1) AS a
 WHERE l.sf_id = ANY (ARRAY(SELECT o.sf_id FROM decided AS o WHERE o.action <> 'new'))
   AND c.id = d.local_id AND c.account_id IS NULL AND a.local_id IS NOT NULL AND l.waiting_for IS NOT NULL;

-- of_chunk -- The records that this chunk read, of those that join others. No parameters.
SELECT d.sf_id FROM decided AS d;

-- roles_awaited -- Contact roles that waited for an opportunity or a contact of this chunk. Parameters: connection.
SELECT m.sf_id FROM mirror_contact_role AS m JOIN decided AS d ON d.sf_id = m.waiting_for
 WHERE m.connection_id = %(connection)s AND d.local_id IS NOT NULL
   AND m.waiting_for = ANY (ARRAY(SELECT o.sf_id FROM decided AS o));

-- resolve_roles -- Contact roles become local ones where both ends are here; the others wait. Parameters: connection, run, roles.
WITH ends AS (
    SELECT m.sf_id, m.is_deleted, o.local_id AS opportunity_id, c.local_id AS contact_id,
           -- A picklist's value has 255 characters at most; a longer text would not fit into the index.
           left(m.values ->> 'Role', 255) AS role, coalesce((m.values ->> 'IsPrimary')::boolean, false) AS is_primary,
           CASE WHEN o.local_id IS NULL THEN m.opportunity_sf_id WHEN c.local_id IS NULL THEN m.contact_sf_id END AS missing
      FROM mirror_contact_role AS m
      LEFT JOIN LATERAL (
          SELECT local_id FROM mirror_opportunity
           WHERE connection_id = %(connection)s AND sf_id = m.opportunity_sf_id LIMIT 1) AS o ON true
      LEFT JOIN LATERAL (
          SELECT local_id FROM mirror_contact
           WHERE connection_id = %(connection)s AND sf_id = m.contact_sf_id LIMIT 1) AS c ON true
     WHERE m.connection_id = %(connection)s AND m.sf_id = ANY (%(roles)s)
), made AS (
    INSERT INTO opportunity_contact (opportunity_id, contact_id, role, is_primary)
    SELECT opportunity_id, contact_id, role, bool_or(is_primary) FROM ends
     WHERE missing IS NULL AND NOT is_deleted GROUP BY opportunity_id, contact_id, role
    ON CONFLICT (opportunity_id, contact_id, role) DO UPDATE SET is_primary = excluded.is_primary
    RETURNING id, opportunity_id, contact_id, role
), linked AS (
    UPDATE mirror_contact_role AS m
       SET local_id = made.id, role = CASE WHEN made.id IS NULL THEN 0 ELSE 1 END, waiting_for = ends.missing
      FROM ends LEFT JOIN made ON made.opportunity_id = ends.opportunity_id AND made.contact_id = ends.contact_id
                              AND made.role IS NOT DISTINCT FROM ends.role AND NOT ends.is_deleted
     WHERE m.connection_id = %(connection)s AND m.sf_id = ends.sf_id AND m.sf_id = ANY (%(roles)s)
       AND (m.local_id IS DISTINCT FROM made.id OR m.waiting_for IS DISTINCT FROM ends.missing)
    RETURNING m.sf_id, m.local_id
)
SELECT count(*) FILTER (WHERE local_id IS NOT NULL), count(*) FILTER (WHERE local_id IS NULL) FROM linked;

-- drop_orphan_roles -- Local contact roles that no live contact role stands for any more. Parameters: before (local ids).
DELETE FROM opportunity_contact AS o
 WHERE o.id = ANY (%(before)s::bigint[])
   AND NOT EXISTS (SELECT FROM mirror_contact_role AS m WHERE m.local_id = o.id AND NOT m.is_deleted);

-- name_primaries -- Every duplicate's entry says which record is primary. Parameters: connection, run.
-- A look-up for each entry: a join would read all of a connection's mirror once for each of them, as long as nobody has
-- analyzed it and the planner takes it for empty.
UPDATE finding AS f SET value = (
    SELECT p.sf_id FROM {mirror} AS p
     WHERE p.connection_id + 0 = %(connection)s AND p.local_id = f.local_id AND p.role = 1 AND NOT p.is_deleted LIMIT 1)
 WHERE f.run_id = %(run)s AND f.reason = 'duplicate' AND f.value IS DISTINCT FROM coalesce((
    SELECT p.sf_id FROM {mirror} AS p
     WHERE p.connection_id + 0 = %(connection)s AND p.local_id = f.local_id AND p.role = 1 AND NOT p.is_deleted LIMIT 1
 ), f.value);
