-- Text to typed values, NULL where the text isn't one: one bad cell must never cost its row or its neighbours.
--
-- Single expressions, so that Postgres expands them in place; the plpgsql ones catch what a pattern can't judge
-- (the 30th of February) and are reached only for the days 29 to 31.

CREATE FUNCTION try_date(t text) RETURNS date IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
    RETURN make_date(substr(t, 1, 4)::int, substr(t, 6, 2)::int, substr(t, 9, 2)::int);
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN NULL;
END
$$;

CREATE FUNCTION as_date(t text) RETURNS date IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$' THEN make_date(substr(t, 1, 4)::int, substr(t, 6, 2)::int, substr(t, 9, 2)::int)
        WHEN t ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(29|3[01])$' THEN try_date(t)
    END
$$;

-- Salesforce writes 2020-10-22T21:03:23.000+0000 by REST and 2023-10-22T06:25:12.000Z by Bulk.
CREATE FUNCTION as_timestamp(t text) RETURNS timestamptz STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])$'
            AND as_date(substr(t, 1, 10)) IS NOT NULL THEN t::timestamptz
    END
$$;

CREATE FUNCTION as_numeric(t text) RETURNS numeric IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^[+-]?[0-9]{1,20}(\.[0-9]{0,30})?$' THEN t::numeric
        WHEN t ~ '^[+-]?([0-9]{1,20}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?$' AND abs(t::numeric) < 1e20 THEN t::numeric
    END
$$;

CREATE FUNCTION as_bigint(t text) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
        WHEN t ~ '^[+-]?[0-9]{1,18}$' THEN t::bigint
        WHEN t ~ '^[+-]?[0-9]{1,18}(\.0*)?$' THEN split_part(t, '.', 1)::bigint
        WHEN t ~ '^[+-]?[0-9]{1,2}(\.[0-9]{1,17})?[eE][+]?[0-9]{1,2}$' AND abs(t::numeric) < 1e18 AND t::numeric = trunc(t::numeric) THEN t::numeric::bigint
    END
$$;

CREATE FUNCTION as_boolean(t text) RETURNS boolean IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE WHEN lower(t) IN ('true', '1') THEN true WHEN lower(t) IN ('false', '0') THEN false END
$$;
