-- Has the published batch moved, and what has? drift_band: 0 normal, 1 watch, 2 drift, 3 severe, its causes in reason; similarity_drift
-- in nats (to 0.3 normal, to 0.5 watch, above 1.0 severe); attribute_psi and the others by segment.
SELECT computed_at, run_id, model_version, metric, segment, value, n, reason
FROM routing.published_by_night
WHERE metric IN (N'drift_band', N'similarity_drift', N'attribute_psi', N'new_code_share', N'gone_code_share', N'run_time_ratio',
                 N'confidence_psi')
ORDER BY computed_at DESC, metric, value DESC;
