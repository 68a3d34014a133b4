-- Is what the ERP reads fresh?
SELECT publication_id, model_version, published_at, last_run_id, last_status, last_success_at,
       CAST(DATEDIFF(minute, last_success_at, SYSUTCDATETIME()) AS float) / 60 AS hours_since_success,
       CASE WHEN DATEDIFF(minute, last_success_at, SYSUTCDATETIME()) <= 36 * 60 THEN 1 ELSE 0 END AS fresh
FROM routing.freshness;
