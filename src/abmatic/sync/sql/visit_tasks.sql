-- person -- A part of others: who the person of a session (s) is in the org (who.sf_id), its contact or else its lead. Parameter: connection.
LEFT JOIN LATERAL (
    SELECT m.sf_id
      FROM (
        SELECT 1 AS rank, c.sf_id FROM mirror_contact AS c
         WHERE c.connection_id = %(connection)s AND c.local_id = s.contact_id AND c.role = 1 AND NOT c.is_deleted
         UNION ALL
        SELECT 2, l.sf_id FROM mirror_lead AS l
         WHERE l.connection_id = %(connection)s AND l.local_id = s.contact_id AND l.role = 1 AND NOT l.is_deleted
           AND NOT l.is_converted
      ) AS m
     ORDER BY m.rank, m.sf_id LIMIT 1
) AS who ON true

-- plan -- Visits that are over, of people who are in the org, and that have no task yet: of one person only the first few of a day, because anybody can visit a website in anybody's name. Of all people those above the day's limit are left out. Parameters: connection, since, over (moments), most, most_a_day, most_of_all.
INSERT INTO visit_task (connection_id, session_id, event, day, who, state, problem)
SELECT %(connection)s, n.id, n.first_event, n.day, n.who,
       CASE WHEN n.number <= %(most_of_all)s THEN 'planned' ELSE 'left_out' END, ''
  FROM (
    SELECT p.id, p.first_event, p.day, p.who,
           row_number() OVER (PARTITION BY p.day ORDER BY p.id) + coalesce(k.number, 0) AS number
      FROM (
        SELECT v.id, v.first_event, v.day, v.who
          FROM (
            SELECT s.id, s.first_event, (s.began_at AT TIME ZONE 'UTC')::date AS day, who.sf_id AS who,
                   row_number() OVER (PARTITION BY s.contact_id, date_trunc('day', s.began_at, 'UTC') ORDER BY s.id) + (
                       SELECT count(*) FROM web_session AS o JOIN visit_task AS t ON t.session_id = o.id
                        WHERE t.connection_id = %(connection)s AND o.contact_id = s.contact_id
                          AND o.began_at >= date_trunc('day', s.began_at, 'UTC')
                          AND o.began_at < date_trunc('day', s.began_at, 'UTC') + interval '1 day') AS place
              FROM web_session AS s
              {person}
             WHERE s.contact_id IS NOT NULL AND s.ended_at >= %(since)s AND s.ended_at < %(over)s
               AND s.began_at >= %(since)s AND who.sf_id IS NOT NULL
               AND NOT EXISTS (SELECT FROM visit_task AS t
                                WHERE t.connection_id = %(connection)s AND t.session_id = s.id)
          ) AS v
         WHERE v.place <= %(most_a_day)s
         ORDER BY v.id LIMIT %(most)s
      ) AS p
      LEFT JOIN (
        SELECT t.day, count(*) AS number FROM visit_task AS t
         WHERE t.connection_id = %(connection)s AND t.state <> 'left_out'
           AND t.day >= (%(since)s::timestamptz AT TIME ZONE 'UTC')::date
         GROUP BY t.day
      ) AS k ON k.day = p.day
  ) AS n
    ON CONFLICT (connection_id, session_id) DO NOTHING;

-- planned_before -- Planned tasks of visits from before a restore that were not looked up since, the first of them. Parameters: connection, restored (moment), most.
SELECT t.id, t.session_id, t.event, s.began_at
  FROM visit_task AS t JOIN web_session AS s ON s.id = t.session_id
 WHERE t.connection_id = %(connection)s AND t.state = 'planned' AND s.began_at < %(restored)s
   AND (t.looked_up_at IS NULL OR t.looked_up_at < %(restored)s)
 ORDER BY t.id LIMIT %(most)s;

-- looked_up -- What was found of them. Parameters: told (JSON), at.
UPDATE visit_task AS t
   SET looked_up_at = %(at)s, sf_id = o.sf_id, state = CASE WHEN o.sf_id IS NULL THEN 'planned' ELSE 'written' END
  FROM jsonb_to_recordset(%(told)s::jsonb) AS o (id bigint, sf_id text)
 WHERE t.id = o.id AND t.state = 'planned';

-- send -- Those that are sent now and were not at this look, marked so before they are; who they are for is looked up anew, and kept. Parameters: connection, look (its beginning), now, most.
WITH next AS (
    SELECT id, session_id FROM visit_task
     WHERE connection_id = %(connection)s AND state = 'planned' AND (sent_at IS NULL OR sent_at < %(look)s)
     ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), known AS (
    SELECT n.id, who.sf_id AS who, s.first_event, s.began_at, s.pages, s.seconds, s.channel, s.campaign,
           left(s.landing_path, 300) AS landing_path, s.forms
      FROM next AS n LEFT JOIN web_session AS s ON s.id = n.session_id
      {person}
), sent AS (
    UPDATE visit_task AS t
       SET state = 'sent', sent_at = %(now)s, event = coalesce(t.event, k.first_event), who = coalesce(k.who, t.who)
      FROM known AS k WHERE t.id = k.id
    RETURNING t.id, t.session_id, t.event, k.who, k.began_at, k.pages, k.seconds, k.channel, k.campaign,
              k.landing_path, k.forms
)
SELECT * FROM sent ORDER BY id;

-- settle -- What became of those that were sent. Parameter: told (JSON).
UPDATE visit_task AS t
   SET state = o.state, sf_id = o.sf_id, problem = coalesce(o.problem, '')
  FROM jsonb_to_recordset(%(told)s::jsonb) AS o (id bigint, state text, sf_id text, problem text)
 WHERE t.id = o.id AND t.state = 'sent'
