-- Every run of three characters of a text, in lower case: what holds a text holds its runs. An index over them finds
-- texts by any part of them (see abmatic.audiences.list_indexes). Only the beginning is taken, because each run of a long
-- text costs its length; of one that goes on after it the empty run says so.
-- Of several columns only some may be under "C", which lowers ASCII alone; a search asks under the default.
-- The cost is what it takes beside an operator: the planner must know that no row should be asked this way.
CREATE FUNCTION grams(t text) RETURNS text[] IMMUTABLE STRICT PARALLEL SAFE COST 2000 LANGUAGE sql AS $$
    SELECT array(SELECT substr(l.t, i, 3) FROM generate_series(1, length(l.t) - 2) AS i)
           || CASE WHEN length($1) > 1000 THEN '{""}'::text[] ELSE '{}' END
      FROM (SELECT lower(left($1, 1000) COLLATE "default")) AS l (t)
$$;
