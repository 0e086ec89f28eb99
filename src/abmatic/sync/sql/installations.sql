-- table_and_right -- The number of a table, and whether the server may be asked for what it is.
SELECT 'installation'::regclass::oid,
       has_function_privilege('pg_control_system()', 'EXECUTE')
       AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE');

-- server -- The identifier of the server's data, and its timeline.
SELECT s.system_identifier, c.timeline_id FROM pg_control_system() AS s, pg_control_checkpoint() AS c;
