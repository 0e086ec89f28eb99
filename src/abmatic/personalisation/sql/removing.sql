-- removed -- Experiences that are marked as removed. No parameters.
SELECT id FROM experience WHERE removed_at IS NOT NULL ORDER BY id;

-- given -- Some of what browsers were given of an experience. Parameters: experience, batch.
SELECT id FROM experience_assignment WHERE experience_id = %(experience)s LIMIT %(batch)s;

-- events -- Deletes some of what came of assignments. Parameters: assignments, batch.
DELETE FROM experience_event
 WHERE id IN (SELECT id FROM experience_event WHERE assignment_id = ANY (%(assignments)s::bigint[]) LIMIT %(batch)s);

-- assignments -- Deletes assignments, of which nothing came or is left. Parameter: assignments.
DELETE FROM experience_assignment WHERE id = ANY (%(assignments)s::bigint[]);

-- itself -- Deletes an experience that is marked, once nobody is just being given it. Parameter: experience.
DELETE FROM experience WHERE id = %(experience)s AND removed_at IS NOT NULL;

-- variants -- Deletes its variants. Parameter: experience.
DELETE FROM experience_variant WHERE experience_id = %(experience)s;
