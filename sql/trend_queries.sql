-- Questions that DBAs and the data team ask. Each statement stands alone.

-- Quality of every model version on held-out items, newest first, with the change since the version before on the same items.
SELECT model_version, status, metric, split, value, low, high, n, previous_version, difference, not_compared
FROM routing.model_quality_trend
WHERE method = N'model' AND segment = N'all'
ORDER BY computed_at DESC, metric, split;

-- The active model beside the simple methods it must beat, same items, same split. (model_metric has a row a night for what
-- every night measures; this view has the newest of each.)
SELECT t.metric, t.split, t.method, t.value, t.low, t.high, t.n, t.computed_at
FROM routing.model_quality_trend AS t
WHERE t.status = 'active' AND t.segment = N'all'
ORDER BY t.metric, t.split, t.method;

-- Part types of which the active model has the fewest held-out routings right (at least 20 items; the interval says how sure that is).
SELECT TOP (20) t.segment, t.value AS exact_match, t.low, t.high, t.n
FROM routing.model_quality_trend AS t
WHERE t.status = 'active' AND t.method = N'model' AND t.metric = N'exact_at_1' AND t.segment LIKE N'part_type:%' AND t.n >= 20
  AND t.value IS NOT NULL
ORDER BY t.value ASC;

-- What could not be measured last, and why.
SELECT model_version, split, segment, metric, reason
FROM routing.model_quality_trend
WHERE value IS NULL
ORDER BY computed_at DESC, metric;

-- Why a version is the champion, or is not: every decision, newest first.
SELECT decided_at, decision, model_version, champion, decided_by, decided_via, reason, exact_match, champion_exact_match, difference
FROM routing.model_decisions
ORDER BY id DESC;

-- What engineers wrote for the items that each version had predicted. The share is of what they wrote themselves: a copy of a
-- proposal proves nothing.
SELECT r.model_version, r.items_routed, r.adopted, r.written_themselves, r.themselves_as_first, r.exact_share, t.low, t.high,
       r.as_first_candidate, r.as_another_candidate, r.otherwise, r.without_candidate
FROM routing.model_realised AS r
LEFT JOIN routing.model_quality_trend AS t
  ON t.model_version = r.model_version AND t.split = N'realised' AND t.metric = N'realised_exact_at_1'
ORDER BY r.last_seen DESC;

-- The last 30 runs: how long, how many rows, what failed.
SELECT TOP (30) run_id, kind, status, started_at, DATEDIFF(second, started_at, finished_at) AS seconds,
       rows_read, rows_written, rows_rejected, critical_failed, warnings_failed, message, writer, writer_reason
FROM routing.batch_run_summary
ORDER BY started_at DESC;

-- Failed checks of the last run.
SELECT q.frame, q.check_name, q.column_name, q.severity, q.observed, q.expected, q.rows_unexpected, q.sample
FROM routing.quality_result AS q
WHERE q.success = 0
  AND q.run_id = (SELECT TOP (1) r.run_id FROM routing.batch_run AS r ORDER BY r.started_at DESC)
ORDER BY q.severity, q.frame;

-- The check that failed last, run by run: since when it fails. For another one name its frame and check instead.
SELECT r.started_at, q.run_id, q.success, q.observed, q.expected, q.rows_checked, q.rows_unexpected
FROM routing.quality_result AS q
JOIN routing.batch_run AS r ON r.run_id = q.run_id
JOIN (SELECT TOP (1) f.frame, f.check_name FROM routing.quality_result AS f WHERE f.success = 0 ORDER BY f.checked_at DESC) AS failed
  ON failed.frame = q.frame AND failed.check_name = q.check_name
ORDER BY r.started_at DESC;

-- Rejected rows by rule, run by run: a jump says that something changed in the ERP.
SELECT j.started_at, j.run_id, j.source_table, j.rule_name, SUM(j.copies) AS rejected
FROM routing.batch_run_rejects AS j
GROUP BY j.started_at, j.run_id, j.source_table, j.rule_name
ORDER BY j.started_at DESC, rejected DESC;

-- Rows rejected for the first time by the last run.
SELECT j.source_table, j.row_key, j.rule_name, j.reason, j.raw_values, j.copies
FROM routing.batch_run_rejects AS j
WHERE j.since_run_id = j.run_id
  AND j.run_id = (SELECT TOP (1) r.run_id FROM routing.batch_run AS r ORDER BY r.started_at DESC)
ORDER BY j.source_table, j.row_key;

-- Publications: what was visible when, how many items had a proposal, and how many of these had changed.
SELECT id, state, model_version, run_id, rows_candidate, rows_operation, rows_abstained, items_changed, rows_written,
       published_at, retired_at, withdrawn_at
FROM routing.publication
ORDER BY id DESC;

-- Every move of the pointer, by whom.
SELECT happened_at, event, publication_id, done_by, message
FROM routing.publication_event
ORDER BY id DESC;

-- How sure the published proposals are: first candidates by confidence, tier and priority.
SELECT FLOOR(confidence * 10) / 10 AS confidence_from, similarity_tier, priority, COUNT(*) AS items
FROM routing.routing_candidates
WHERE candidate_rank = 1
GROUP BY FLOOR(confidence * 10) / 10, similarity_tier, priority
ORDER BY confidence_from DESC;

-- Where the published times come from.
SELECT time_source, COUNT(*) AS operations, AVG(CAST(sample_count AS FLOAT)) AS mean_samples
FROM routing.routing_predictions
GROUP BY time_source
ORDER BY operations DESC;

-- Why items have no proposal.
SELECT reason_code, COUNT(*) AS items
FROM routing.routing_abstained
GROUP BY reason_code
ORDER BY items DESC;

-- Week by week: items that had a proposal and were routed, and what became of the proposal.
SELECT w.week, w.model_version, w.items_routed, w.taken_over, w.edited, w.themselves_as_first, w.themselves_as_another, w.otherwise,
       w.acceptance_rate
FROM routing.acceptance_by_week AS w
ORDER BY w.week DESC, w.model_version;

-- Why proposals were rejected.
SELECT x.week, x.model_version, x.candidate_rank, x.reason_code, x.candidates
FROM routing.rejection_reasons AS x
ORDER BY x.week DESC, x.candidates DESC;

-- Items of which engineers have accepted more than one routing: one of them is wrong, or an alternate.
SELECT k.item_cd, k.candidate_id, k.publication_id, k.routing_code, k.marked_by, k.marked_at
FROM routing.routing_marks AS k
WHERE k.in_force = 1 AND k.mark <> 'rejected' AND k.others_accepted > 0
ORDER BY k.item_cd, k.marked_at;
