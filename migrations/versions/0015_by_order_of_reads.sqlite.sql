-- upgrade

REPLACE VIEW model_quality_trend AS
SELECT
    measured.metric,
    measured.method,
    measured.split,
    measured.segment,
    measured.model_version,
    v.status,
    measured.computed_at,
    measured.value,
    measured.low,
    measured.high,
    measured.n,
    measured.reason,
    CASE WHEN (measured.window_id IS NOT NULL) THEN lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.place, measured.computed_at, measured.model_version) END AS previous_version,
    CASE WHEN (measured.window_id IS NOT NULL) THEN lag(measured.value) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.place, measured.computed_at, measured.model_version) END AS previous_value,
    CASE WHEN (measured.window_id IS NOT NULL) THEN measured.value - lag(measured.value) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.place, measured.computed_at, measured.model_version) END AS difference,
    measured.run_id,
    measured.window_id,
    measured.items_trained,
    CASE WHEN (measured.window_id IS NOT NULL AND lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.place, measured.computed_at, measured.model_version) IS NOT NULL) THEN NULL WHEN (lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.place, measured.computed_at, measured.model_version) IS NULL) THEN 'no earlier version' WHEN (measured.window_id IS NOT NULL) THEN 'earlier versions: another window' ELSE 'no window is on record' END AS not_compared
FROM (SELECT placed.model_version AS model_version, placed.run_id AS run_id, placed.method AS method, placed.split AS split, placed.segment AS segment, placed.metric AS metric, placed.value AS value, placed.low AS low, placed.high AS high, placed.n AS n, placed.reason AS reason, placed.computed_at AS computed_at, placed.window_id AS window_id, placed.items_trained AS items_trained, placed.place AS place, row_number() OVER (PARTITION BY placed.model_version, placed.method, placed.split, placed.segment, placed.metric, placed.window_id ORDER BY placed.place DESC, placed.computed_at DESC, placed.run_id DESC) AS age
FROM (SELECT m.model_version AS model_version, m.run_id AS run_id, m.method AS method, m.split AS split, m.segment AS segment, m.metric AS metric, m.value AS value, m.low AS low, m.high AS high, m.n AS n, m.reason AS reason, m.computed_at AS computed_at, m.window_id AS window_id, m.items_trained AS items_trained, coalesce((SELECT max(k.number) AS max_1
FROM erp_read AS k
WHERE k.run_id = m.run_id), (SELECT max(k.number) AS max_1
FROM erp_read AS k
WHERE k.began_at <= m.computed_at), 0) AS place
FROM model_metric AS m) AS placed) AS measured
    JOIN model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1;

REPLACE VIEW freshness AS
SELECT
    (SELECT max(p.publication_id) AS max_1
FROM current_publication AS p) AS publication_id,
    (SELECT max(b.model_version) AS max_2
FROM current_publication AS p JOIN publication AS b ON b.id = p.publication_id) AS model_version,
    (SELECT max(p.moved_at) AS max_3
FROM current_publication AS p) AS published_at,
    aged_n.run_id AS last_run_id,
    aged_n.status AS last_status,
    aged_n.started_at AS last_started_at,
    aged_n.finished_at AS last_finished_at,
    (SELECT aged_ended.finished_at
FROM (SELECT placed_ended.run_id AS run_id, placed_ended.status AS status, placed_ended.started_at AS started_at, placed_ended.finished_at AS finished_at, placed_ended.message AS message, placed_ended.place AS place, row_number() OVER (ORDER BY placed_ended.place DESC, placed_ended.started_at DESC, placed_ended.run_id DESC) AS age
FROM (SELECT ended.run_id AS run_id, ended.status AS status, ended.started_at AS started_at, ended.finished_at AS finished_at, ended.message AS message, coalesce((SELECT max(k.number) AS max_4
FROM erp_read AS k
WHERE k.run_id = ended.run_id), (SELECT max(k.number) AS max_4
FROM erp_read AS k
WHERE k.began_at <= ended.started_at), 0) AS place
FROM batch_run AS ended
WHERE ended.kind != 'train' AND ended.status IN ('succeeded', 'succeeded_with_warnings')) AS placed_ended) AS aged_ended
WHERE aged_ended.age = 1) AS last_success_at,
    aged_n.message AS last_message
FROM (SELECT placed_n.run_id AS run_id, placed_n.status AS status, placed_n.started_at AS started_at, placed_n.finished_at AS finished_at, placed_n.message AS message, placed_n.place AS place, row_number() OVER (ORDER BY placed_n.place DESC, placed_n.started_at DESC, placed_n.run_id DESC) AS age
FROM (SELECT n.run_id AS run_id, n.status AS status, n.started_at AS started_at, n.finished_at AS finished_at, n.message AS message, coalesce((SELECT max(k.number) AS max_5
FROM erp_read AS k
WHERE k.run_id = n.run_id), (SELECT max(k.number) AS max_5
FROM erp_read AS k
WHERE k.began_at <= n.started_at), 0) AS place
FROM batch_run AS n
WHERE n.kind != 'train') AS placed_n) AS aged_n
WHERE aged_n.age = 1;

-- downgrade

REPLACE VIEW freshness AS
SELECT
    (SELECT max(p.publication_id) AS max_1
FROM current_publication AS p) AS publication_id,
    (SELECT max(b.model_version) AS max_2
FROM current_publication AS p JOIN publication AS b ON b.id = p.publication_id) AS model_version,
    (SELECT max(p.moved_at) AS max_3
FROM current_publication AS p) AS published_at,
    n.run_id AS last_run_id,
    n.status AS last_status,
    n.started_at AS last_started_at,
    n.finished_at AS last_finished_at,
    (SELECT max(ended.finished_at) AS max_4
FROM batch_run AS ended
WHERE ended.kind != 'train' AND ended.status IN ('succeeded', 'succeeded_with_warnings')) AS last_success_at,
    n.message AS last_message
FROM batch_run AS n
WHERE n.kind != 'train'
    AND NOT (EXISTS (SELECT 1
FROM batch_run AS later_run
WHERE later_run.kind != 'train' AND later_run.started_at > n.started_at));

REPLACE VIEW model_quality_trend AS
SELECT
    measured.metric,
    measured.method,
    measured.split,
    measured.segment,
    measured.model_version,
    v.status,
    measured.computed_at,
    measured.value,
    measured.low,
    measured.high,
    measured.n,
    measured.reason,
    CASE WHEN (measured.window_id IS NOT NULL) THEN lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.computed_at, measured.model_version) END AS previous_version,
    CASE WHEN (measured.window_id IS NOT NULL) THEN lag(measured.value) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.computed_at, measured.model_version) END AS previous_value,
    CASE WHEN (measured.window_id IS NOT NULL) THEN measured.value - lag(measured.value) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.computed_at, measured.model_version) END AS difference,
    measured.run_id,
    measured.window_id,
    measured.items_trained,
    CASE WHEN (measured.window_id IS NOT NULL AND lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.computed_at, measured.model_version) IS NOT NULL) THEN NULL WHEN (lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.computed_at, measured.model_version) IS NULL) THEN 'no earlier version' WHEN (measured.window_id IS NOT NULL) THEN 'earlier versions: another window' ELSE 'no window is on record' END AS not_compared
FROM (SELECT m.model_version AS model_version, m.run_id AS run_id, m.method AS method, m.split AS split, m.segment AS segment, m.metric AS metric, m.value AS value, m.low AS low, m.high AS high, m.n AS n, m.reason AS reason, m.computed_at AS computed_at, m.window_id AS window_id, m.items_trained AS items_trained, row_number() OVER (PARTITION BY m.model_version, m.method, m.split, m.segment, m.metric, m.window_id ORDER BY m.computed_at DESC, m.run_id DESC) AS age
FROM model_metric AS m) AS measured
    JOIN model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1;
