-- Keys, version 1: which domain stands for an account, which e-mail address for a contact (docs/sync.md, "Match").
--
-- domain_of() and email_of() are single-SELECT table functions on purpose: Postgres expands them into the query that
-- uses them (CROSS JOIN LATERAL), so an import of a million rows probes hash tables of the lists built once, instead of
-- calling a function a million times. OFFSET 0 keeps each step computed once; plain
-- classes in patterns cost a tenth of translate() or of a capture.
-- A later change of the rule adds a version beside this one; it never rewrites keys that this one made.

CREATE TABLE public_suffix (
    suffix text COLLATE "C" PRIMARY KEY,
    labels smallint NOT NULL GENERATED ALWAYS AS (length(suffix) - length(replace(suffix, '.', '')) + 1) STORED,
    is_exact boolean NOT NULL DEFAULT false,
    is_wildcard boolean NOT NULL DEFAULT false,   -- "*.suffix" is a rule
    is_exception boolean NOT NULL DEFAULT false   -- "!suffix" is a rule
);
COMMENT ON TABLE public_suffix IS
    'The Public Suffix List (ICANN and private sections) in A-labels, with every tail of every rule.';

CREATE TABLE unkeyed_host (
    host text COLLATE "C" PRIMARY KEY,
    problem text NOT NULL
);
COMMENT ON TABLE unkeyed_host IS 'Hosts and domains that stand for no company: free mail, sites shared by many, placeholders.';

-- Lower case must not depend on the database's locale: a Turkish one makes of "INFO" another word, a C one leaves
-- "MÜLLER" as it is, and then the same website has another key on another server. ASCII is lowered under "C"; names
-- beyond ASCII under the best rules of Unicode that this server has.
DO $$
DECLARE
    choices text[] := '{pg_c_utf8, und-x-icu, C.utf8, C.UTF-8, en_US.utf8, C}';
    choice text;
BEGIN
    SELECT quote_ident(collname) INTO choice FROM pg_collation
     WHERE collname = ANY (choices) AND collnamespace = 'pg_catalog'::regnamespace
       AND collencoding IN (-1, pg_char_to_encoding('UTF8'))
     ORDER BY array_position(choices, collname::text) LIMIT 1;
    EXECUTE 'CREATE COLLATION unicode_lower FROM ' || choice;
END
$$;

-- Without the characters that nobody sees and that copying leaves behind: zero-width spaces, soft hyphens, marks of
-- direction, and blanks of every kind at the ends.
CREATE FUNCTION visible(t text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    SELECT btrim(
        regexp_replace(t, '[\u00ad\u034f\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]', '', 'g'),
        E' \t\r\n\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000')
$$;

-- Punycode of one label (RFC 3492), after case folding and NFKC. The folds are those of UTS 46: a sigma at the end of
-- a word is no special case, and a dotted capital I keeps its dot. A label that hides a dot ("⒈") becomes '!', which no host is.
CREATE FUNCTION idna_label(label text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
    points int[];
    output text := '';
    n int := 128; delta int := 0; bias int := 72;
    handled int; basic int; m int; q int; k int; t int; point int;
BEGIN
    label := normalize(label, NFKC);
    label := replace(replace(label, U&'\0130', U&'i\0307'), U&'\03A3', U&'\03C3');
    label := normalize(lower(label COLLATE unicode_lower), NFKC);
    IF strpos(label, '.') > 0 THEN
        RETURN '!';
    END IF;
    SELECT array_agg(ascii(c) ORDER BY o), count(*) FILTER (WHERE ascii(c) < 128),
           coalesce(string_agg(c, '' ORDER BY o) FILTER (WHERE ascii(c) < 128), '')
      INTO points, basic, output
      FROM unnest(string_to_array(label, NULL)) WITH ORDINALITY AS u(c, o);
    IF points IS NULL OR basic = cardinality(points) THEN
        RETURN label;
    END IF;
    handled := basic;
    IF basic > 0 THEN
        output := output || '-';
    END IF;
    WHILE handled < cardinality(points) LOOP
        SELECT min(p) INTO m FROM unnest(points) AS p WHERE p >= n;
        delta := delta + (m - n) * (handled + 1);
        n := m;
        FOREACH point IN ARRAY points LOOP
            IF point < n THEN
                delta := delta + 1;
            ELSIF point = n THEN
                q := delta; k := 36;
                LOOP
                    t := CASE WHEN k <= bias THEN 1 WHEN k >= bias + 26 THEN 26 ELSE k - bias END;
                    EXIT WHEN q < t;
                    output := output || substr('abcdefghijklmnopqrstuvwxyz0123456789', t + (q - t) % (36 - t) + 1, 1);
                    q := (q - t) / (36 - t);
                    k := k + 36;
                END LOOP;
                output := output || substr('abcdefghijklmnopqrstuvwxyz0123456789', q + 1, 1);
                delta := CASE WHEN handled = basic THEN delta / 700 ELSE delta / 2 END;
                delta := delta + delta / (handled + 1);
                k := 0;
                WHILE delta > 455 LOOP
                    delta := delta / 35;
                    k := k + 36;
                END LOOP;
                bias := k + 36 * delta / (delta + 38);
                delta := 0;
                handled := handled + 1;
            END IF;
        END LOOP;
        delta := delta + 1;
        n := n + 1;
    END LOOP;
    RETURN 'xn--' || output;
END
$$;

-- A host name in A-labels; other dots (U+3002, U+FF0E, U+FF61) count as dots. NULL where there is nothing to see.
CREATE FUNCTION idna_host(host text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    SELECT string_agg(idna_label(label), '.' ORDER BY o)
      FROM unnest(string_to_array(translate(nullif(visible(host), ''), U&'\3002\FF0E\FF61', '...'), '.'))
           WITH ORDINALITY AS u(label, o)
$$;

-- How many labels of the host are its public suffix, by the list's own algorithm. For long hosts; see domain_of().
CREATE FUNCTION suffix_depth(host text) RETURNS int STABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    WITH labels AS (SELECT string_to_array(host, '.') AS all_labels),
    tails AS (
        SELECT k, array_to_string(all_labels[cardinality(all_labels) - k + 1 :], '.') AS tail, cardinality(all_labels) AS n
          FROM labels, generate_series(1, cardinality(all_labels)) AS k
    )
    SELECT coalesce(
        max(k - 1) FILTER (WHERE s.is_exception),
        max(greatest(CASE WHEN s.is_exact THEN k END, CASE WHEN s.is_wildcard AND n > k THEN k + 1 END)),
        1)
      FROM tails JOIN public_suffix s ON s.suffix = tail
$$;

-- The registrable domain of a website, or why there is none.
-- website: as people type it. collapse: false keeps subdomains apart (only "www." is dropped).
CREATE FUNCTION domain_of(website text, collapse boolean) RETURNS TABLE (domain text, problem text)
STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT
        CASE WHEN judged.problem IS NULL THEN judged.domain END,
        judged.problem
    FROM (
        SELECT
            CASE WHEN collapse THEN found.registrable ELSE found.host END AS domain,
            CASE
                WHEN website IS NULL OR found.host IS NULL THEN 'no_website'
                WHEN found.host = '' THEN 'website_placeholder'
                WHEN found.ip THEN 'website_ip'
                WHEN found.bad THEN 'website_invalid'
                WHEN found.host IN (SELECT host FROM unkeyed_host)
                    THEN (SELECT u.problem FROM unkeyed_host AS u WHERE u.host = found.host)
                WHEN found.n < 2 THEN 'website_single_label'
                -- "www.acme" forgot its ending; "www.n" is what is left of "www.n/a".
                WHEN found.n = 2 AND found.host LIKE 'www.%' AND found.last NOT IN (SELECT suffix FROM public_suffix)
                    THEN 'website_single_label'
                -- What hangs on "www" of a public suffix (www.gov.uk) belongs to many as well.
                WHEN found.registrable IS NULL OR found.registrable LIKE 'www.%.%' THEN 'website_public_suffix'
                WHEN found.registrable IN (SELECT host FROM unkeyed_host)
                    THEN (SELECT u.problem FROM unkeyed_host AS u WHERE u.host = found.registrable)
            END AS problem
        FROM (
            SELECT
                h.host, h.n, h.last,
                h.host !~ '^[a-z0-9._-]+$' OR strpos(h.host, '..') > 0 OR h.host LIKE '.%' OR length(h.host) > 253
                    AS bad,
                h.host LIKE '[%' OR h.last ~ '^[0-9]+$' AS ip,
                CASE
                    WHEN h.n = d.depth + 1 THEN h.host
                    WHEN h.n > d.depth THEN
                        CASE d.depth
                            WHEN 1 THEN h.last2
                            WHEN 2 THEN h.last3
                            ELSE array_to_string((string_to_array(h.host, '.'))[h.n - d.depth :], '.')
                        END
                END AS registrable
            FROM (
                -- Tails of one to three labels. Most hosts have two labels and are their own tail.
                SELECT host, n, last, last2,
                    CASE WHEN n = 3 THEN host WHEN n > 3 THEN split_part(host, '.', -3) || '.' || last2 END AS last3
                FROM (SELECT host, n, last,
                    CASE WHEN n = 2 THEN host WHEN n > 2 THEN split_part(host, '.', -2) || '.' || last END AS last2
                FROM (SELECT host, split_part(host, '.', -1) AS last,
                    length(host) - length(replace(host, '.', '')) + 1 AS n
                FROM (
                    SELECT CASE
                        WHEN t IS NULL OR t = '' THEN NULL
                        WHEN t IN ('n/a', 'na', 'n.a.', 'none', 'null', 'nil', 'unknown', 'tbd', 'tba', 'no', 'x', 'xx',
                                   'xxx', 'no website', 'nowebsite', 'not available', '?', '.')
                            OR t ~ '^[-_./?*# ]+$' THEN ''
                        WHEN idna LIKE 'www.%.%' THEN CASE
                            WHEN idna LIKE 'www.www.%' THEN regexp_replace(idna, '^(www[.])+([^.]+[.].+)$', '\2')
                            ELSE substr(idna, 5)
                        END
                        ELSE idna
                    END AS host
                    FROM (
                        SELECT
                            t,
                            -- Only names beyond ASCII need the slow conversion.
                            CASE WHEN octet_length(name) = length(name) THEN name ELSE rtrim(idna_host(name), '.') END
                                AS idna
                        FROM (
                            SELECT
                                t,
                                rtrim(CASE
                                    WHEN authority LIKE '[%' THEN split_part(authority, ']', 1)
                                    ELSE split_part(authority, ':', 1)
                                END, '. ') AS name
                            FROM (
                                SELECT
                                    t,
                                    -- User info goes: what follows the last "@" of the authority is the host.
                                    split_part(
                                        split_part(split_part(split_part(rest, '/', 1), '?', 1), '#', 1), '@', -1
                                    ) AS authority
                                FROM (
                                    SELECT
                                        t,
                                        CASE
                                            WHEN t LIKE 'http://%' THEN substr(t, 8)
                                            WHEN t LIKE 'https://%' THEN substr(t, 9)
                                            WHEN t ~ '^[a-z][a-z0-9+.-]*:/+' THEN ltrim(substring(t FROM ':/+(.*)$'), '/')
                                            ELSE ltrim(t, '/')
                                        END AS rest
                                    FROM (
                                        SELECT replace(lower(btrim(website, E' \t\r\n\u00a0') COLLATE "C"), E'\\', '/') AS t
                                        OFFSET 0
                                    ) AS trimmed
                                    OFFSET 0
                                ) AS unschemed
                                OFFSET 0
                            ) AS authorities
                            OFFSET 0
                        ) AS names
                        OFFSET 0
                    ) AS ascii_names
                ) AS w
                OFFSET 0) AS counted OFFSET 0) AS paired
                OFFSET 0
            ) AS h
            CROSS JOIN LATERAL (
                SELECT CASE
                    WHEN h.n < 2 THEN 1
                    -- The list holds every tail of every rule: what isn't in it has no longer rule either.
                    WHEN h.last3 IN (SELECT suffix FROM public_suffix WHERE labels = 3) THEN
                        CASE
                            WHEN h.n > 3 THEN suffix_depth(h.host)
                            WHEN h.last3 IN (SELECT suffix FROM public_suffix WHERE is_exception) THEN 2
                            WHEN h.last3 IN (SELECT suffix FROM public_suffix WHERE is_exact AND labels = 3)
                                OR h.last2 IN (SELECT suffix FROM public_suffix WHERE is_wildcard) THEN 3
                            WHEN h.last2 IN (SELECT suffix FROM public_suffix WHERE is_exact AND labels = 2) THEN 2
                            ELSE 1
                        END
                    WHEN h.last2 IN (SELECT suffix FROM public_suffix WHERE labels = 2) THEN
                        CASE
                            WHEN h.last2 IN (SELECT suffix FROM public_suffix WHERE is_exception) THEN 1
                            WHEN h.n > 2 AND h.last2 IN (SELECT suffix FROM public_suffix WHERE is_wildcard) THEN 3
                            WHEN h.last2 IN (SELECT suffix FROM public_suffix WHERE is_exact AND labels = 2) THEN 2
                            WHEN h.last IN (SELECT suffix FROM public_suffix WHERE is_wildcard AND labels = 1) THEN 2
                            ELSE 1
                        END
                    WHEN h.last IN (SELECT suffix FROM public_suffix WHERE is_wildcard AND labels = 1) THEN 2
                    ELSE 1
                END AS depth
                OFFSET 0
            ) AS d
            OFFSET 0
        ) AS found
        OFFSET 0
    ) AS judged
$$;

-- The key of an e-mail address, or why there is none: trimmed, lower case, domain in A-labels; no dot or plus rewriting.
CREATE FUNCTION email_of(email text) RETURNS TABLE (email_key text, problem text)
STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT
        CASE WHEN judged.problem IS NULL THEN judged.address END,
        judged.problem
    FROM (
        SELECT
            address,
            CASE
                WHEN address IS NULL OR address = '' THEN 'no_email'
                WHEN address !~ '^[a-z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-z0-9.-]+\.[a-z0-9-][a-z0-9-]+$'
                    -- Dots that stand at an end or beside another, and hyphens at the end of a label.
                    OR strpos(address, '..') > 0 OR local LIKE '.%' OR local LIKE '%.' OR host LIKE '.%'
                    OR host LIKE '%-%' AND host ~ '^-|\.-|-\.|-$'
                    OR length(local) > 64 OR length(address) > 254
                    THEN 'email_invalid'
            END AS problem
        FROM (
            SELECT address, split_part(address, '@', 1) AS local, split_part(address, '@', 2) AS host
            FROM (
                SELECT
                    CASE
                        WHEN octet_length(t) = length(t) THEN t
                        WHEN t LIKE '%@%@%' OR t NOT LIKE '%@%' THEN visible(t)
                        ELSE split_part(visible(t), '@', 1) || '@' || coalesce(idna_host(split_part(t, '@', 2)), '')
                    END AS address
                FROM (SELECT lower(btrim(email, E' \t\r\n\u00a0') COLLATE "C") AS t OFFSET 0) AS trimmed
                OFFSET 0
            ) AS spelled
            OFFSET 0
        ) AS addresses
        OFFSET 0
    ) AS judged
$$;

-- The same rules for one value, as pages and the API use them.
CREATE FUNCTION domain_key(website text, collapse boolean DEFAULT true) RETURNS text STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT domain FROM domain_of(website, collapse)
$$;
CREATE FUNCTION email_key(email text) RETURNS text STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT email_key FROM email_of(email)
$$;
