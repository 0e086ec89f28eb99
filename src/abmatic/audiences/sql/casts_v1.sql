-- Text to typed values, NULL where the text isn't one: one bad cell must never cost its row or its neighbours.
--
-- Single expressions, so that Postgres expands them in place. Each begins with the shape that nearly all values have,
-- as a pattern without counts or look-ahead (a twentieth of the cost of one with them); what is left goes to a slower,
-- exact judge.

CREATE FUNCTION try_date(t text) RETURNS date IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
    IF t !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
        RETURN NULL;
    END IF;
    RETURN make_date(substr(t, 1, 4)::int, substr(t, 6, 2)::int, substr(t, 9, 2)::int);
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN NULL;
END
$$;

-- Only moments whose year in UTC has four digits: Python, and so every page, knows no others.
CREATE FUNCTION try_timestamp(t text) RETURNS timestamptz STABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz;
BEGIN
    IF t !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})$' THEN
        RETURN NULL;
    END IF;
    moment := t::timestamptz;
    RETURN CASE WHEN moment >= '0001-01-01T00:00:00Z' AND moment < '10000-01-01T00:00:00Z' THEN moment END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

CREATE FUNCTION as_date(t text) RETURNS date IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^[1-9][0-9][0-9][0-9]-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)$' THEN t::date
        WHEN t <> '' THEN try_date(t)
    END
$$;

-- Salesforce writes 2020-10-22T21:03:23.000+0000 by REST and 2023-10-22T06:25:12.000Z by Bulk. PostgreSQL 16 and newer
-- can be asked whether a text is valid; on 15 a pattern says the same at three times the cost.
DO $do$
BEGIN
    EXECUTE format($f$
        CREATE FUNCTION as_timestamp(t text) RETURNS timestamptz STABLE PARALLEL SAFE LANGUAGE sql AS $$
            SELECT CASE WHEN %s THEN t::timestamptz WHEN t <> '' THEN try_timestamp(t) END
        $$
    $f$, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN
        $c$(t LIKE '____-__-__T__:__:__.___Z' OR t LIKE '____-__-__T__:__:__.___+0000')
            AND t COLLATE "C" BETWEEN '2000' AND '2099~' AND pg_input_is_valid(t, 'timestamptz')$c$
    ELSE
        $c$t ~ '^[1-9][0-9][0-9][0-9]-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9][0-9][0-9](Z|[+]0000)$'$c$
    END);
END
$do$;

-- What fits numeric(26, 6) after rounding, or storing it would fail.
CREATE FUNCTION as_numeric(t text) RETURNS numeric IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^-?[0-9]+([.][0-9]+)?$' AND length(t) <= 20 THEN t::numeric
        WHEN t ~ '^[+-]?([0-9]{1,20}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?$' AND abs(t::numeric) < 99999999999999999999.9999995 THEN t::numeric
    END
$$;

CREATE FUNCTION as_bigint(t text) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^-?[0-9]+$' AND length(t) <= 18 THEN t::bigint
        WHEN t ~ '^[+-]?[0-9]{1,18}$' THEN t::bigint
        WHEN t ~ '^[+-]?[0-9]{1,18}(\.0*)?$' THEN split_part(t, '.', 1)::bigint
        WHEN t ~ '^[+-]?[0-9]{1,18}(\.[0-9]{1,17})?[eE][+-]?[0-9]{1,2}$' AND abs(t::numeric) < 1e18 AND t::numeric = trunc(t::numeric) THEN t::numeric::bigint
    END
$$;

CREATE FUNCTION as_boolean(t text) RETURNS boolean IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE WHEN lower(t) IN ('true', '1') THEN true WHEN lower(t) IN ('false', '0') THEN false END
$$;
