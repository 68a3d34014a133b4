-- upgrade

ALTER TABLE {schema}.model_metric ADD window_id VARCHAR(64) NULL;

ALTER TABLE {schema}.model_metric ADD items_trained INTEGER NULL;

ALTER TABLE {schema}.batch_run DROP CONSTRAINT ck_batch_run_status;

IF SERVERPROPERTY(N'Babelfish') IS NULL EXEC(N'ALTER TABLE [{schema}].[batch_run] ALTER COLUMN status VARCHAR(32) NOT NULL;');

IF SERVERPROPERTY(N'Babelfish') IS NOT NULL EXEC(N'DROP VIEW [{schema}].[batch_run_summary]; ALTER TABLE [{schema}].[batch_run] ALTER COLUMN status VARCHAR(32);');

ALTER TABLE {schema}.batch_run ADD CONSTRAINT ck_batch_run_status CHECK (status IN ('running', 'succeeded', 'succeeded_with_warnings', 'failed', 'cancelled'));

CREATE TABLE {schema}.model_decision (
    id INTEGER NOT NULL IDENTITY,
    decided_at DATETIME2(3) NOT NULL,
    decision VARCHAR(16) NOT NULL,
    model_version NVARCHAR(128) NOT NULL,
    champion NVARCHAR(128) NULL,
    decided_by NVARCHAR(128) NOT NULL,
    decided_via VARCHAR(16) NOT NULL,
    database_login NVARCHAR(128) NULL,
    run_id NVARCHAR(64) NULL,
    reason NVARCHAR(2000) NOT NULL,
    data_hash VARCHAR(64) NULL,
    recipe_hash VARCHAR(64) NULL,
    items_trained INTEGER NULL,
    CONSTRAINT pk_model_decision PRIMARY KEY (id),
    CONSTRAINT ck_model_decision_decision CHECK (decision IN ('trained', 'promoted', 'forced', 'refused', 'rolled_back', 'pinned', 'unpinned', 'retired', 'pruned')),
    CONSTRAINT ck_model_decision_decided_via CHECK (decided_via IN ('night', 'train', 'cli', 'dagster', 'library', 'repair')),
    CONSTRAINT ck_model_decision_who_and_why CHECK (decided_by <> '' AND reason <> '')
);

CREATE INDEX ix_model_decision_decided_at ON {schema}.model_decision (decided_at);

CREATE INDEX ix_model_decision_model_version ON {schema}.model_decision (model_version);

CREATE TABLE {schema}.model_decision_metric (
    decision_id INTEGER NOT NULL,
    basis VARCHAR(16) NOT NULL,
    segment NVARCHAR(100) NOT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT(53) NULL,
    champion_value FLOAT(53) NULL,
    difference FLOAT(53) NULL,
    low FLOAT(53) NULL,
    high FLOAT(53) NULL,
    p_value FLOAT(53) NULL,
    n BIGINT NOT NULL,
    items_trained INTEGER NULL,
    champion_items_trained INTEGER NULL,
    window_id VARCHAR(64) NULL,
    verdict VARCHAR(16) NOT NULL,
    reason NVARCHAR(400) NULL,
    CONSTRAINT pk_model_decision_metric PRIMARY KEY CLUSTERED (decision_id, basis, segment, metric),
    CONSTRAINT ck_model_decision_metric_basis CHECK (basis IN ('window', 'realised', 'own')),
    CONSTRAINT ck_model_decision_metric_null_has_reason CHECK (difference IS NOT NULL OR reason IS NOT NULL),
    CONSTRAINT fk_model_decision_metric_model_decision FOREIGN KEY(decision_id) REFERENCES {schema}.model_decision (id)
);

CREATE TABLE {schema}.prediction_outcome (
    item_cd NVARCHAR(100) NOT NULL,
    publication_id INTEGER NOT NULL,
    model_version NVARCHAR(128) NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    candidate_rank SMALLINT NULL,
    candidates SMALLINT NOT NULL,
    confidence NUMERIC(5, 4) NULL,
    part_type NVARCHAR(255) NULL,
    predicted_code NVARCHAR(1000) NULL,
    written_code NVARCHAR(1000) NOT NULL,
    predicted_operations INTEGER NOT NULL,
    written_operations INTEGER NOT NULL,
    common_operations INTEGER NOT NULL,
    adopted BIT NOT NULL,
    observed_at DATETIME2(3) NOT NULL,
    observed_run NVARCHAR(64) NOT NULL,
    CONSTRAINT pk_prediction_outcome PRIMARY KEY CLUSTERED (item_cd, publication_id),
    CONSTRAINT ck_prediction_outcome_outcome CHECK (outcome IN ('first', 'alternative', 'other', 'abstained')),
    CONSTRAINT ck_prediction_outcome_counts CHECK (predicted_operations >= 0 AND written_operations >= 0 AND common_operations >= 0)
);

CREATE INDEX ix_prediction_outcome_model_version ON {schema}.prediction_outcome (model_version);

CREATE INDEX ix_prediction_outcome_observed_at ON {schema}.prediction_outcome (observed_at);

REPLACE VIEW {schema}.model_quality_trend AS
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
    CASE WHEN (measured.window_id IS NOT NULL AND lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.computed_at, measured.model_version) IS NOT NULL) THEN CAST(NULL AS NVARCHAR(40)) WHEN (lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.computed_at, measured.model_version) IS NULL) THEN CAST(N'no earlier version' AS NVARCHAR(40)) WHEN (measured.window_id IS NOT NULL) THEN CAST(N'earlier versions: another window' AS NVARCHAR(40)) ELSE CAST(N'no window is on record' AS NVARCHAR(40)) END AS not_compared
FROM (SELECT m.model_version AS model_version, m.run_id AS run_id, m.method AS method, m.split AS split, m.segment AS segment, m.metric AS metric, m.value AS value, m.low AS low, m.high AS high, m.n AS n, m.reason AS reason, m.computed_at AS computed_at, m.window_id AS window_id, m.items_trained AS items_trained, row_number() OVER (PARTITION BY m.model_version, m.method, m.split, m.segment, m.metric, m.window_id ORDER BY m.computed_at DESC, m.run_id DESC) AS age
FROM {schema}.model_metric AS m) AS measured
    JOIN {schema}.model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1;

REPLACE VIEW {schema}.batch_run_summary AS
SELECT
    n.run_id,
    n.kind,
    n.status,
    n.started_at,
    n.finished_at,
    n.rows_read,
    n.rows_written,
    n.rows_rejected,
    n.model_version,
    n.publication_id,
    (SELECT count(*) AS count_1
FROM {schema}.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM {schema}.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = 0 AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM {schema}.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = 0 AND q.severity = 'warning') AS warnings_failed,
    n.message,
    b.writer,
    b.writer_reason
FROM {schema}.batch_run AS n LEFT OUTER
    JOIN {schema}.publication AS b ON b.id = n.publication_id;

REPLACE VIEW {schema}.batch_run_rejects AS
SELECT
    n.run_id,
    n.started_at,
    x.source_table,
    x.row_key,
    x.rule_name,
    x.reason,
    x.raw_values,
    coalesce(x.copies, 1) AS copies,
    x.run_id AS since_run_id
FROM {schema}.batch_run AS n
    JOIN {schema}.rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id;

CREATE VIEW {schema}.model_decisions AS
SELECT
    d.id,
    d.decided_at,
    d.decision,
    d.model_version,
    d.champion,
    d.decided_by,
    d.decided_via,
    d.database_login,
    d.reason,
    f.value AS exact_match,
    f.champion_value AS champion_exact_match,
    f.difference,
    f.low,
    f.high,
    f.n,
    f.verdict,
    d.items_trained,
    d.data_hash,
    d.recipe_hash,
    d.run_id
FROM {schema}.model_decision AS d LEFT OUTER
    JOIN {schema}.model_decision_metric AS f ON f.decision_id = d.id
    AND f.basis = 'window'
    AND f.segment = N'all'
    AND f.metric = N'exact_at_1';

CREATE VIEW {schema}.model_realised AS
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome = 'first') THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome = 'alternative') THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome = 'other') THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome = 'abstained') THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen
FROM {schema}.prediction_outcome AS o GROUP BY o.model_version;

-- downgrade

DROP VIEW {schema}.model_realised;

DROP VIEW {schema}.model_decisions;

UPDATE {schema}.batch_run SET status = 'succeeded' WHERE status = 'succeeded_with_warnings';

ALTER TABLE {schema}.batch_run DROP CONSTRAINT ck_batch_run_status;

IF SERVERPROPERTY(N'Babelfish') IS NULL EXEC(N'ALTER TABLE [{schema}].[batch_run] ALTER COLUMN status VARCHAR(16) NOT NULL;');

IF SERVERPROPERTY(N'Babelfish') IS NOT NULL EXEC(N'DROP VIEW [{schema}].[batch_run_summary]; ALTER TABLE [{schema}].[batch_run] ALTER COLUMN status VARCHAR(16);');

ALTER TABLE {schema}.batch_run ADD CONSTRAINT ck_batch_run_status CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled'));

REPLACE VIEW {schema}.batch_run_rejects AS
SELECT
    n.run_id,
    n.started_at,
    x.source_table,
    x.row_key,
    x.rule_name,
    x.reason,
    x.raw_values,
    coalesce(x.copies, 1) AS copies,
    x.run_id AS since_run_id
FROM {schema}.batch_run AS n
    JOIN {schema}.rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id;

REPLACE VIEW {schema}.batch_run_summary AS
SELECT
    n.run_id,
    n.kind,
    n.status,
    n.started_at,
    n.finished_at,
    n.rows_read,
    n.rows_written,
    n.rows_rejected,
    n.model_version,
    n.publication_id,
    (SELECT count(*) AS count_1
FROM {schema}.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM {schema}.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = 0 AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM {schema}.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = 0 AND q.severity = 'warning') AS warnings_failed,
    n.message,
    b.writer,
    b.writer_reason
FROM {schema}.batch_run AS n LEFT OUTER
    JOIN {schema}.publication AS b ON b.id = n.publication_id;

REPLACE VIEW {schema}.model_quality_trend AS
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
    lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.computed_at, measured.model_version) AS previous_version,
    lag(measured.value) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.computed_at, measured.model_version) AS previous_value,
    measured.value - lag(measured.value) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.computed_at, measured.model_version) AS difference,
    measured.run_id
FROM (SELECT m.model_version AS model_version, m.run_id AS run_id, m.method AS method, m.split AS split, m.segment AS segment, m.metric AS metric, m.value AS value, m.low AS low, m.high AS high, m.n AS n, m.reason AS reason, m.computed_at AS computed_at, row_number() OVER (PARTITION BY m.model_version, m.method, m.split, m.segment, m.metric ORDER BY m.computed_at DESC, m.run_id DESC) AS age
FROM {schema}.model_metric AS m) AS measured
    JOIN {schema}.model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1;

DROP INDEX ix_prediction_outcome_observed_at ON {schema}.prediction_outcome;

DROP INDEX ix_prediction_outcome_model_version ON {schema}.prediction_outcome;

DROP TABLE {schema}.prediction_outcome;

DROP TABLE {schema}.model_decision_metric;

DROP INDEX ix_model_decision_model_version ON {schema}.model_decision;

DROP INDEX ix_model_decision_decided_at ON {schema}.model_decision;

DROP TABLE {schema}.model_decision;

ALTER TABLE {schema}.model_metric DROP COLUMN items_trained;

ALTER TABLE {schema}.model_metric DROP COLUMN window_id;
