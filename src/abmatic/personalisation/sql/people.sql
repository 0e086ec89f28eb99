-- alone -- No impressions are taken meanwhile, and those that were are seen by the statements after. No parameters.
SELECT FROM experience_read FOR UPDATE;

-- assignments -- What browsers were given. Parameter: visitors.
SELECT * FROM experience_assignment WHERE visitor = ANY (%(visitors)s::text[]) ORDER BY assigned_at, id;

-- events -- What came of it. Parameter: visitors.
SELECT e.*
  FROM experience_event AS e JOIN experience_assignment AS a ON a.id = e.assignment_id
 WHERE a.visitor = ANY (%(visitors)s::text[]) ORDER BY e.occurred_at, e.id;

-- forget -- Erases what browsers were given, and what came of it. Parameter: visitors. Answers how many assignments.
WITH gone AS (
    DELETE FROM experience_assignment WHERE visitor = ANY (%(visitors)s::text[]) RETURNING id
), reactions AS (
    DELETE FROM experience_event AS e USING gone WHERE e.assignment_id = gone.id
)
SELECT count(*) FROM gone;

-- strangers -- Some assignments of visitors who aren't there any more, after the one that is named. Parameters: before, at, id, batch.
SELECT a.assigned_at, a.id
  FROM experience_assignment AS a
 WHERE a.assigned_at < %(before)s AND (a.assigned_at, a.id) > (%(at)s, %(id)s)
   AND NOT EXISTS (SELECT FROM visitor AS v WHERE v.key = a.visitor)
 ORDER BY a.assigned_at, a.id LIMIT %(batch)s;

-- still_strangers -- Of assignments, those whose visitors haven't come back. Parameter: assignments.
SELECT a.id FROM experience_assignment AS a
 WHERE a.id = ANY (%(assignments)s::bigint[]) AND NOT EXISTS (SELECT FROM visitor AS v WHERE v.key = a.visitor);
