-- namesakes -- Opportunities that Salesforce has of the account of a deal here, of its duplicates too, with its name, and that are nobody's. Parameters: connection, local, most.
SELECT h.sf_id, h.values
  FROM opportunity AS a
  JOIN mirror_account AS p ON p.local_id = a.account_id AND p.connection_id = %(connection)s AND NOT p.is_deleted
  JOIN mirror_opportunity AS h ON h.connection_id = %(connection)s AND h.account_sf_id = p.sf_id
   AND h.local_id IS NULL AND NOT h.is_deleted AND lower(btrim(h.values ->> 'Name')) = lower(btrim(a.name))
 WHERE a.id = %(local)s
 ORDER BY h.created, h.sf_id
 LIMIT %(most)s;

-- namesakes_gone -- Deals that were held back and have no namesake any more are due. Parameters: connection, code.
INSERT INTO push_due (connection_id, sobject, local_id)
SELECT DISTINCT i.connection_id, i.sobject, i.local_id
  FROM issue AS i JOIN opportunity AS a ON a.id = i.local_id
 WHERE i.is_open AND i.connection_id = %(connection)s AND i.sobject = 'Opportunity' AND i.code = %(code)s
   AND NOT EXISTS (
       SELECT FROM mirror_account AS p
         JOIN mirror_opportunity AS h ON h.connection_id = p.connection_id AND h.account_sf_id = p.sf_id
        WHERE p.local_id = a.account_id AND p.connection_id = %(connection)s AND NOT p.is_deleted
          AND h.local_id IS NULL AND NOT h.is_deleted AND lower(btrim(h.values ->> 'Name')) = lower(btrim(a.name)))
ON CONFLICT DO NOTHING;

-- link -- The two are one from now on, and agree on nothing yet. Parameters: connection, local, sf_id.
UPDATE mirror_opportunity AS m
   SET local_id = %(local)s, role = 1, base = '{}', linked_run = NULL
 WHERE m.connection_id = %(connection)s AND m.sf_id = %(sf_id)s AND m.local_id IS NULL AND NOT m.is_deleted
   AND NOT EXISTS (SELECT FROM mirror_opportunity AS k
                    WHERE k.local_id = %(local)s AND k.connection_id = %(connection)s);

-- campaigns -- Campaigns of Salesforce by a part of their name or by their Id, those that are nobody's here first. Parameters: connections, words (as LIKE has them), id (of 15 characters; empty: none), most.
SELECT m.connection_id, m.sf_id, m.values, m.local_id, c.name
  FROM mirror_campaign AS m LEFT JOIN campaign AS c ON c.id = m.local_id
 WHERE m.connection_id = ANY (%(connections)s::bigint[]) AND NOT m.is_deleted
   AND (lower(m.values ->> 'Name') LIKE %(words)s OR left(m.sf_id, 15) = %(id)s)
 ORDER BY m.local_id IS NOT NULL, lower(m.values ->> 'Name'), m.sf_id
 LIMIT %(most)s;

-- link_campaign -- The two are one from now on, and agree on nothing yet. Parameters: connection, local, sf_id.
UPDATE mirror_campaign AS m
   SET local_id = %(local)s, role = 1, base = '{}', held = NULL, linked_run = NULL
 WHERE m.connection_id = %(connection)s AND m.sf_id = %(sf_id)s AND m.local_id IS NULL AND NOT m.is_deleted;

-- members_due -- The next push looks at whoever is in the campaign here. Parameters: connection, local.
INSERT INTO push_due (connection_id, sobject, local_id)
SELECT %(connection)s, 'CampaignMember', t.id FROM campaign_member AS t
 WHERE t.campaign_id = %(local)s AND NOT t.is_removed
ON CONFLICT DO NOTHING;

-- unlink_campaign -- They are two again; its members and statuses wait for whichever it will be linked with. Answers how many campaigns. Parameters: connection, local, sf_id.
WITH campaign AS (
    UPDATE mirror_campaign AS m SET local_id = NULL, role = 0, base = NULL, held = NULL, sent = NULL, linked_run = NULL
     WHERE m.connection_id = %(connection)s AND m.sf_id = %(sf_id)s AND m.local_id = %(local)s
    RETURNING m.sf_id
), statuses AS (
    UPDATE mirror_campaign_member_status AS m
       SET local_id = NULL, role = 0, base = NULL, waiting_for = c.sf_id, linked_run = NULL
      FROM campaign AS c WHERE m.connection_id = %(connection)s AND m.campaign_sf_id = c.sf_id AND NOT m.is_deleted
), members AS (
    UPDATE mirror_campaign_member AS m
       SET local_id = NULL, role = 0, base = NULL, held = NULL, sent = NULL, waiting_for = c.sf_id, linked_run = NULL
      FROM campaign AS c WHERE m.connection_id = %(connection)s AND m.campaign_sf_id = c.sf_id AND NOT m.is_deleted
)
SELECT count(*) FROM campaign;
