-- How good is each model version on held-out items, and is it better than the one before on the same items?
SELECT model_version, status, computed_at, value AS exact_match, low, high, n, previous_version, difference, not_compared
FROM routing.model_quality_trend
WHERE method = N'model' AND segment = N'all' AND metric = N'exact_at_1'
ORDER BY computed_at DESC;
