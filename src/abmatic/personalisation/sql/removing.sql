-- removed -- Experiences that are marked as removed. No parameters.
SELECT id FROM experience WHERE removed_at IS NOT NULL ORDER BY id;

-- some -- Deletes some of what browsers were given of an experience, with what came of it. Answers how many. Parameters: experience, batch.
WITH gone AS MATERIALIZED (
    SELECT id FROM experience_assignment WHERE experience_id = %(experience)s LIMIT %(batch)s
), reactions AS (
    DELETE FROM experience_event AS e USING gone WHERE e.assignment_id = gone.id
), assignments AS (
    DELETE FROM experience_assignment AS a USING gone WHERE a.id = gone.id RETURNING 1
)
SELECT count(*) FROM assignments;

-- itself -- Deletes an experience that is marked, once nobody is just being given it. Parameter: experience.
DELETE FROM experience WHERE id = %(experience)s AND removed_at IS NOT NULL;

-- variants -- Deletes its variants. Parameter: experience.
DELETE FROM experience_variant WHERE experience_id = %(experience)s;
