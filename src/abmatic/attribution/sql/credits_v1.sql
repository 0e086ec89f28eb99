-- due -- The next paths whose credits are to be made. An open deal with very many touches waits a second for each beyond some since the last time: it has new ones all the time, and each costs all of them. Parameters: most, free, longest (seconds).
CREATE TEMPORARY TABLE due_path ON COMMIT DROP AS
SELECT p.opportunity_id, p.account_id, p.lead_at, p.opened_at, p.begins_at, p.ends_at, o.amount
  FROM opportunity_path AS p JOIN opportunity AS o ON o.id = p.opportunity_id
 WHERE p.is_due AND (p.ends_at IS NOT NULL OR p.credited_at IS NULL
       OR p.credited_at <= now() - make_interval(secs => least(greatest(p.touches - %(free)s, 0), %(longest)s)))
 ORDER BY p.opportunity_id LIMIT %(most)s

-- walk -- The touches of each: of the deal's people and of others of its account, each once, in their order.
CREATE TEMPORARY TABLE path_touch ON COMMIT DROP AS
WITH member AS (
    SELECT d.opportunity_id, t.id AS touch_id, t.occurred_at
      FROM due_path AS d
      JOIN opportunity_contact AS r ON r.opportunity_id = d.opportunity_id
      JOIN touch AS t ON t.contact_id = r.contact_id
     WHERE t.occurred_at >= d.begins_at AND (d.ends_at IS NULL OR t.occurred_at < d.ends_at)
    UNION
    SELECT d.opportunity_id, t.id, t.occurred_at
      FROM due_path AS d JOIN touch AS t ON t.account_id = d.account_id
     WHERE t.occurred_at >= d.begins_at AND (d.ends_at IS NULL OR t.occurred_at < d.ends_at)
), placed AS (
    SELECT m.*, row_number() OVER (PARTITION BY m.opportunity_id ORDER BY m.occurred_at, m.touch_id) AS place,
           count(*) OVER (PARTITION BY m.opportunity_id) AS touches,
           max(m.occurred_at) OVER (PARTITION BY m.opportunity_id) AS newest
      FROM member AS m
)
SELECT p.opportunity_id, p.touch_id, p.place, p.touches,
       floor(extract(epoch FROM p.newest - p.occurred_at)) AS age,
       max(p.place) FILTER (WHERE p.occurred_at <= d.lead_at) OVER (PARTITION BY p.opportunity_id) AS lead_place,
       max(p.place) FILTER (WHERE p.occurred_at <= d.opened_at) OVER (PARTITION BY p.opportunity_id) AS opened_place,
       d.amount, (10 ^ greatest(2, min_scale(d.amount)))::numeric AS unit
  FROM placed AS p JOIN due_path AS d ON d.opportunity_id = p.opportunity_id

-- forget -- Removes the credits that are made anew.
DELETE FROM credit AS c USING due_path AS d WHERE c.opportunity_id = d.opportunity_id

-- credit -- Makes the credits of one model: `crediting.weights` and `dividing.divide`, set by set. Parameters: model, version, first, lead, opportunity, last, others (hundredths), half_life (seconds; NULL for a position model), scale.
WITH held AS (
    SELECT t.*, CASE WHEN t.place = 1 THEN %(first)s ELSE 0 END
              + CASE WHEN t.place = t.lead_place THEN %(lead)s ELSE 0 END
              + CASE WHEN t.place = t.opened_place THEN %(opportunity)s ELSE 0 END
              + CASE WHEN t.place = t.touches THEN %(last)s ELSE 0 END AS part
      FROM path_touch AS t
), shared AS (
    SELECT h.*, count(*) FILTER (WHERE h.part = 0) OVER (PARTITION BY h.opportunity_id) AS others,
           max(h.part) OVER (PARTITION BY h.opportunity_id) AS most
      FROM held AS h
), weighed AS (
    SELECT s.opportunity_id, s.touch_id, s.place, s.amount, s.unit,
           CASE WHEN %(half_life)s::float8 IS NOT NULL
                -- Nothing is left of a weight after some forty half-lives; powers much smaller can't be told, and are refused.
                THEN round(power(2::float8, greatest(-s.age::float8 / %(half_life)s::float8, -1000)) * %(scale)s::float8)::numeric
                WHEN s.part > 0 THEN s.part * greatest(s.others, 1)::numeric
                -- Where nobody holds a part and others have none, every touch counts the same.
                WHEN s.most = 0 AND %(others)s = 0 THEN 1
                ELSE %(others)s END AS weight
      FROM shared AS s
), whole AS (
    SELECT w.*, sum(w.weight) OVER (PARTITION BY w.opportunity_id) AS whole, abs(w.amount) * w.unit AS units
      FROM weighed AS w
), floored AS (
    SELECT w.*, div(1000000000 * w.weight, w.whole) AS share, mod(1000000000 * w.weight, w.whole) AS share_lost,
           div(w.units * w.weight, w.whole) AS paid, mod(w.units * w.weight, w.whole) AS paid_lost
      FROM whole AS w
), ranked AS (
    SELECT f.*, 1000000000 - sum(f.share) OVER o AS shares_left, f.units - sum(f.paid) OVER o AS units_left,
           row_number() OVER (PARTITION BY f.opportunity_id ORDER BY f.share_lost DESC, f.place) AS share_turn,
           row_number() OVER (PARTITION BY f.opportunity_id ORDER BY f.paid_lost DESC, f.place) AS paid_turn
      FROM floored AS f WINDOW o AS (PARTITION BY f.opportunity_id)
), divided AS (
    SELECT r.opportunity_id, r.touch_id, (r.share + CASE WHEN r.share_turn <= r.shares_left THEN 1 ELSE 0 END) AS share,
           sign(r.amount) * (r.paid + CASE WHEN r.paid_turn <= r.units_left THEN 1 ELSE 0 END) / r.unit AS amount
      FROM ranked AS r
)
INSERT INTO credit (opportunity_id, touch_id, model, version, share, amount)
SELECT d.opportunity_id, d.touch_id, %(model)s, %(version)s, d.share / 1000000000, d.amount
  FROM divided AS d WHERE d.share <> 0 OR d.amount <> 0

-- settle -- These paths are made.
UPDATE opportunity_path AS p
   SET is_due = false, touches = coalesce(t.touches, 0), credited_at = now()
  FROM due_path AS d
  LEFT JOIN (SELECT opportunity_id, count(*) AS touches FROM path_touch GROUP BY opportunity_id) AS t
    ON t.opportunity_id = d.opportunity_id
 WHERE d.opportunity_id = p.opportunity_id
