-- read_back -- Written records that came back: pairs of values that are not to be sent again, and an entry for each. Answers how many entries.
-- Parameters: connection, run, user (the connected one), fields (that are mapped), settled (where another value ends it).
-- A value is Salesforce's own doing where nobody has changed the record since the answer to our write; and where the
-- same value has come back of the same one for the third time, whoever it was that changed it.
WITH back AS (
    SELECT m.sf_id, m.local_id, e.key AS field, e.value AS sent, coalesce(w.values -> e.key, 'null') AS theirs,
           CASE WHEN m.held -> 's' -> e.key = e.value THEN m.held -> 'a' -> e.key
                ELSE coalesce(m.sent -> 'ours' -> e.key, e.value) END AS ours,
           coalesce(w.changed_by = %(user)s AND w.modstamp <= (m.sent ->> 'until')::timestamptz, false) AS is_its_own,
           coalesce(m.held -> 's' -> e.key = e.value, false) AS is_undone, m.sent -> 'back' -> e.key AS last,
           coalesce(w.bad, '{}') AS bad,
           coalesce(m.held -> 's' -> e.key = coalesce(w.values -> e.key, 'null'), false) AS is_known
      FROM work AS w
      JOIN {mirror} AS m ON m.connection_id = %(connection)s AND m.sf_id = w.sf_id AND m.sf_id = ANY (ARRAY(
           SELECT sf_id FROM decided WHERE is_known))
     CROSS JOIN LATERAL jsonb_each(m.sent -> 'values') AS e
     WHERE m.sent IS NOT NULL AND NOT w.is_deleted
       AND (m.sent ->> 'since' IS NULL OR w.modstamp > (m.sent ->> 'since')::timestamptz)
), other AS (
    SELECT b.*, CASE WHEN b.last -> 's' = b.theirs AND b.last -> 'a' = b.sent THEN (b.last ->> 'n')::int ELSE 0 END + 1
                AS times
      FROM back AS b
     WHERE b.theirs <> b.sent AND b.field <> ALL (b.bad) AND b.field = ANY (%(fields)s)
       AND NOT (b.field = ANY (%(settled)s) AND b.theirs <> 'null' AND NOT b.is_undone)
), doc AS (
    SELECT b.sf_id,
           jsonb_object_agg(o.field, o.theirs) FILTER (WHERE o.is_its_own OR o.times >= 3) AS s,
           jsonb_object_agg(o.field, o.ours) FILTER (WHERE o.is_its_own OR o.times >= 3) AS a,
           jsonb_object_agg(o.field, jsonb_build_object('s', o.theirs, 'a', o.sent, 'n', o.times))
               FILTER (WHERE NOT o.is_its_own AND o.times < 3) AS back,
           array_agg(b.field) AS fields
      FROM back AS b LEFT JOIN other AS o ON o.sf_id = b.sf_id AND o.field = b.field
     GROUP BY b.sf_id
), marked AS (
    UPDATE {mirror} AS m
       SET held = CASE WHEN d.s IS NULL THEN m.held ELSE jsonb_build_object(
                      's', coalesce(m.held -> 's', '{}') || d.s, 'a', coalesce(m.held -> 'a', '{}') || d.a) END,
           sent = nullif(jsonb_build_object('back', coalesce(m.sent -> 'back', '{}') - d.fields || coalesce(d.back, '{}')),
                         '{"back": {}}')
      FROM doc AS d
     WHERE m.connection_id = %(connection)s AND m.sf_id = d.sf_id
), noted AS (
    INSERT INTO finding (run_id, reason, sf_id, local_id, field, value)
    SELECT %(run)s, 'changed_after_save', o.sf_id, o.local_id, o.field,
           format('Sent: %%s · Came back: %%s', coalesce(left(o.sent #>> '{}', 85), '–'),
                  coalesce(left(o.theirs #>> '{}', 85), '–'))
      FROM other AS o WHERE (o.is_its_own OR o.times >= 3) AND NOT o.is_known
    RETURNING 1
)
SELECT count(*) FROM noted;
