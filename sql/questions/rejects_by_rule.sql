-- Which rules rejected how many source rows, run by run, and how many of them for the first time?
SELECT started_at, run_id, source_table, rule_name, rejected, new
FROM routing.rejects_by_rule
ORDER BY started_at DESC, rejected DESC;
