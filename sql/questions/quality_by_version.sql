-- How good is each model version on held-out items, and is it better than the one before on the same items? Values of two windows do not compare,
-- differences do; split 'since': both versions on what was written since the earlier one had learned.
SELECT model_version, status, computed_at, split, value AS exact_match, low, high, n, previous_version, difference, not_compared
FROM routing.model_quality_trend
WHERE method = N'model' AND segment = N'all' AND metric = N'exact_at_1'
ORDER BY computed_at DESC;
