-- Has the published batch moved from the first batch of its version? (Below 0.3 normal, to 0.5 watch, above 1.0 severe.)
SELECT computed_at, run_id, model_version, value AS drift_nats, n, reason
FROM routing.published_by_night
WHERE metric = N'similarity_drift'
ORDER BY computed_at DESC;
