-- writes -- How many rows were written since the server began to count, by table, of those that rules may ask about.
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del
  FROM pg_stat_user_tables
 WHERE schemaname = current_schema() AND relname = ANY (%(tables)s)
