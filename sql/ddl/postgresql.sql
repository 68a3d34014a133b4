-- routing_etl: schema routing from nothing (or any revision up to 0016) to revision 0016.
-- Run with psql -f, as the role that owns the schema (migrations/README.md).
-- All of it takes place or nothing. A step runs only while schema_version is at the revision before it.

\set ON_ERROR_STOP on

BEGIN;

SET LOCAL lock_timeout = '60s';

DO $check$
DECLARE
    held text;
BEGIN
    IF to_regnamespace('routing') IS NULL THEN
        CREATE SCHEMA "routing";
    END IF;
    IF to_regclass('routing.schema_version') IS NULL THEN
CREATE TABLE routing.schema_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT schema_version_pkc PRIMARY KEY (version_num)
);
    END IF;
    LOCK TABLE routing.schema_version IN SHARE ROW EXCLUSIVE MODE;
    SELECT coalesce(string_agg(version_num, ' and ' ORDER BY version_num), 'base') INTO held FROM routing.schema_version;
    IF held NOT IN ('base', '0001', '0002', '0003', '0004', '0005', '0006', '0007', '0008', '0009', '0010', '0011', '0012', '0013', '0014', '0015', '0016') THEN
        RAISE EXCEPTION 'Schema routing is at revision %; this script begins at base. Nothing was changed.', held
            USING HINT = 'See routing-etl doctor, or write the script with: routing-etl migrate --sql --from REVISION --to 0016 --dialect postgresql';
    END IF;
END
$check$;

-- base -> 0001
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> 'base' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.batch_run (
    run_id VARCHAR(64) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    started_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITHOUT TIME ZONE,
    status VARCHAR(16) NOT NULL,
    attempt INTEGER DEFAULT '1' NOT NULL,
    rows_read BIGINT,
    rows_written BIGINT,
    rows_rejected BIGINT,
    config_hash VARCHAR(64),
    profile VARCHAR(128),
    model_version VARCHAR(128),
    publication_id INTEGER,
    message VARCHAR(2000),
    metadata TEXT,
    CONSTRAINT pk_batch_run PRIMARY KEY (run_id),
    CONSTRAINT ck_batch_run_status CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled'))
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_batch_run_started_at ON routing.batch_run (started_at)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.model_version (
    version VARCHAR(128) NOT NULL,
    status VARCHAR(16) NOT NULL,
    requested_by VARCHAR(128),
    run_id VARCHAR(64),
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    trained_at TIMESTAMP WITHOUT TIME ZONE,
    activated_at TIMESTAMP WITHOUT TIME ZONE,
    activated_by VARCHAR(128),
    updated_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    manifest_sha256 VARCHAR(64) NOT NULL,
    training_samples INTEGER,
    unique_items INTEGER,
    unique_processes INTEGER,
    training_duration_sec FLOAT(53),
    hyperparameters TEXT,
    metadata TEXT,
    CONSTRAINT pk_model_version PRIMARY KEY (version),
    CONSTRAINT ck_model_version_status CHECK (status IN ('pending', 'active', 'retired', 'unmeasured'))
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.publication (
    id SERIAL NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    model_version VARCHAR(128) NOT NULL,
    state VARCHAR(16) NOT NULL,
    content_hash VARCHAR(64) NOT NULL,
    rows_candidate INTEGER DEFAULT '0' NOT NULL,
    rows_operation INTEGER DEFAULT '0' NOT NULL,
    rows_evidence INTEGER DEFAULT '0' NOT NULL,
    rows_resource INTEGER DEFAULT '0' NOT NULL,
    rows_abstained INTEGER DEFAULT '0' NOT NULL,
    checksums TEXT,
    writer VARCHAR(200),
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    loaded_at TIMESTAMP WITHOUT TIME ZONE,
    published_at TIMESTAMP WITHOUT TIME ZONE,
    published_by VARCHAR(128),
    retired_at TIMESTAMP WITHOUT TIME ZONE,
    purged_at TIMESTAMP WITHOUT TIME ZONE,
    message VARCHAR(2000),
    word_inhouse VARCHAR(16) NOT NULL,
    word_outsourced VARCHAR(16) NOT NULL,
    time_unit VARCHAR(16) NOT NULL,
    run_time_unit VARCHAR(16) NOT NULL,
    service_user VARCHAR(32) NOT NULL,
    company_code VARCHAR(20) NOT NULL,
    plant_code VARCHAR(20) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (id),
    CONSTRAINT ck_publication_state CHECK (state IN ('loading', 'loaded', 'published', 'retired', 'failed', 'purged'))
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_publication_content_hash ON routing.publication (content_hash)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.writer_lock (
    name VARCHAR(32) NOT NULL,
    owner VARCHAR(36),
    what VARCHAR(200),
    host VARCHAR(255),
    pid INTEGER,
    process VARCHAR(100),
    acquired_at TIMESTAMP WITHOUT TIME ZONE,
    heartbeat_at TIMESTAMP WITHOUT TIME ZONE,
    CONSTRAINT pk_writer_lock PRIMARY KEY (name)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.abstained_item (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    reason_code VARCHAR(40) NOT NULL,
    reason VARCHAR(400) NOT NULL,
    best_similarity NUMERIC(5, 4),
    CONSTRAINT pk_abstained_item PRIMARY KEY (publication_id, item_cd),
    CONSTRAINT fk_abstained_item_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id),
    CONSTRAINT ck_abstained_item_shares CHECK (best_similarity >= 0 AND best_similarity <= 1)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.candidate (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    candidate_id VARCHAR(110) NOT NULL,
    routing_signature VARCHAR(200) NOT NULL,
    routing_code VARCHAR(1000) NOT NULL,
    similarity_score NUMERIC(5, 4) NOT NULL,
    confidence NUMERIC(5, 4) NOT NULL,
    priority VARCHAR(16) NOT NULL,
    similarity_tier VARCHAR(8) NOT NULL,
    reference_item_cd VARCHAR(100),
    rout_no VARCHAR(50),
    predicted_rout_no VARCHAR(50) NOT NULL,
    routing_source VARCHAR(16) NOT NULL,
    process_count INTEGER NOT NULL,
    work_order_count INTEGER NOT NULL,
    work_order_confidence NUMERIC(5, 4),
    neighbour_count INTEGER NOT NULL,
    support NUMERIC(5, 4) NOT NULL,
    matched_attributes VARCHAR(1000),
    item_hash VARCHAR(64),
    CONSTRAINT pk_candidate PRIMARY KEY (publication_id, item_cd, candidate_rank),
    CONSTRAINT fk_candidate_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id),
    CONSTRAINT ck_candidate_counts CHECK (process_count > 0 AND work_order_count >= 0 AND neighbour_count >= 0),
    CONSTRAINT ck_candidate_priority CHECK (priority IN ('primary', 'fallback')),
    CONSTRAINT ck_candidate_rank CHECK (candidate_rank > 0),
    CONSTRAINT ck_candidate_routing_source CHECK (routing_source IN ('similar', 'self')),
    CONSTRAINT ck_candidate_shares CHECK (similarity_score >= 0 AND similarity_score <= 1 AND confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND work_order_confidence >= 0 AND work_order_confidence <= 1),
    CONSTRAINT ck_candidate_similarity_tier CHECK (similarity_tier IN ('HIGH', 'LOW'))
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_candidate_publication_id_priority ON routing.candidate (publication_id, priority)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.current_publication (
    slot SMALLINT NOT NULL,
    publication_id INTEGER NOT NULL,
    moved_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    moved_by VARCHAR(128) NOT NULL,
    CONSTRAINT pk_current_publication PRIMARY KEY (slot),
    CONSTRAINT fk_current_publication_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id),
    CONSTRAINT ck_current_publication_slot CHECK (slot = 1)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.model_metric (
    model_version VARCHAR(128) NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    method VARCHAR(40) NOT NULL,
    split VARCHAR(40) NOT NULL,
    segment VARCHAR(100) NOT NULL,
    metric VARCHAR(64) NOT NULL,
    value FLOAT(53),
    low FLOAT(53),
    high FLOAT(53),
    n BIGINT NOT NULL,
    reason VARCHAR(400),
    computed_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_model_metric PRIMARY KEY (model_version, run_id, method, split, segment, metric),
    CONSTRAINT fk_model_metric_model_version FOREIGN KEY(model_version) REFERENCES routing.model_version (version) ON DELETE CASCADE,
    CONSTRAINT ck_model_metric_null_has_reason CHECK (value IS NOT NULL OR reason IS NOT NULL)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.publication_event (
    id SERIAL NOT NULL,
    publication_id INTEGER NOT NULL,
    event VARCHAR(16) NOT NULL,
    happened_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    done_by VARCHAR(128) NOT NULL,
    message VARCHAR(2000),
    CONSTRAINT pk_publication_event PRIMARY KEY (id),
    CONSTRAINT fk_publication_event_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id)
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_publication_event_publication_id ON routing.publication_event (publication_id)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.quality_result (
    run_id VARCHAR(64) NOT NULL,
    seq INTEGER NOT NULL,
    frame VARCHAR(64) NOT NULL,
    check_name VARCHAR(200) NOT NULL,
    expectation VARCHAR(200) NOT NULL,
    column_name VARCHAR(128),
    severity VARCHAR(16) NOT NULL,
    success BOOLEAN NOT NULL,
    observed VARCHAR(2000) NOT NULL,
    expected VARCHAR(2000) NOT NULL,
    rows_checked BIGINT NOT NULL,
    rows_unexpected BIGINT NOT NULL,
    sample VARCHAR(2000),
    exception VARCHAR(2000),
    checked_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_quality_result PRIMARY KEY (run_id, seq),
    CONSTRAINT fk_quality_result_batch_run FOREIGN KEY(run_id) REFERENCES routing.batch_run (run_id) ON DELETE CASCADE,
    CONSTRAINT ck_quality_result_severity CHECK (severity IN ('critical', 'warning'))
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.rejected_row (
    run_id VARCHAR(64) NOT NULL,
    seq INTEGER NOT NULL,
    source_table VARCHAR(40) NOT NULL,
    row_key VARCHAR(300) NOT NULL,
    rule_name VARCHAR(60) NOT NULL,
    reason VARCHAR(400) NOT NULL,
    raw_values VARCHAR(4000) NOT NULL,
    CONSTRAINT pk_rejected_row PRIMARY KEY (run_id, seq),
    CONSTRAINT fk_rejected_row_batch_run FOREIGN KEY(run_id) REFERENCES routing.batch_run (run_id) ON DELETE CASCADE
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.resource_alternative (
    publication_id INTEGER NOT NULL,
    job_cd VARCHAR(32) NOT NULL,
    res_cd VARCHAR(32) NOT NULL,
    res_nm VARCHAR(64),
    alternative_rank SMALLINT NOT NULL,
    is_pool BOOLEAN NOT NULL,
    use_count INTEGER NOT NULL,
    use_share NUMERIC(5, 4) NOT NULL,
    last_used DATE,
    CONSTRAINT pk_resource_alternative PRIMARY KEY (publication_id, job_cd, res_cd),
    CONSTRAINT fk_resource_alternative_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id),
    CONSTRAINT ck_resource_alternative_counts CHECK (alternative_rank > 0 AND use_count >= 0),
    CONSTRAINT ck_resource_alternative_shares CHECK (use_share >= 0 AND use_share <= 1)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.candidate_evidence (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    evidence_rank SMALLINT NOT NULL,
    neighbour_item_cd VARCHAR(100) NOT NULL,
    neighbour_rout_no VARCHAR(50),
    similarity NUMERIC(5, 4) NOT NULL,
    weight NUMERIC(5, 4) NOT NULL,
    matching VARCHAR(1000),
    differing VARCHAR(1000),
    CONSTRAINT pk_candidate_evidence PRIMARY KEY (publication_id, item_cd, candidate_rank, evidence_rank),
    CONSTRAINT fk_candidate_evidence_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES routing.candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_evidence_rank CHECK (evidence_rank > 0),
    CONSTRAINT ck_candidate_evidence_shares CHECK (similarity >= 0 AND similarity <= 1 AND weight >= 0 AND weight <= 1)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.candidate_operation (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    proc_seq SMALLINT NOT NULL,
    inside VARCHAR(3) NOT NULL,
    job_cd VARCHAR(32) NOT NULL,
    job_nm VARCHAR(64),
    res_cd VARCHAR(32),
    res_nm VARCHAR(64),
    rout_order VARCHAR(32) NOT NULL,
    setup_time NUMERIC(12, 4),
    run_time NUMERIC(12, 4),
    setup_p10 NUMERIC(12, 4),
    setup_p90 NUMERIC(12, 4),
    run_p10 NUMERIC(12, 4),
    run_p50 NUMERIC(12, 4),
    run_p90 NUMERIC(12, 4),
    optimal_time NUMERIC(12, 4),
    standard_time NUMERIC(12, 4),
    safe_time NUMERIC(12, 4),
    time_cv NUMERIC(12, 4),
    act_setup_time NUMERIC(12, 4),
    act_run_time NUMERIC(12, 4),
    queue_time NUMERIC(12, 4),
    wait_time NUMERIC(12, 4),
    move_time NUMERIC(12, 4),
    mfg_lt NUMERIC(12, 4),
    batch_oper VARCHAR(8),
    bp_cd VARCHAR(16),
    cust_nm VARCHAR(64),
    cur_cd VARCHAR(8),
    subcontract_prc NUMERIC(14, 2),
    tax_type VARCHAR(8),
    insp_flg VARCHAR(1) NOT NULL,
    milestone_flg VARCHAR(1) NOT NULL,
    confidence NUMERIC(5, 4) NOT NULL,
    support NUMERIC(5, 4) NOT NULL,
    sample_count INTEGER NOT NULL,
    time_source VARCHAR(20) NOT NULL,
    time_confidence NUMERIC(5, 4),
    source_items VARCHAR(200),
    source_similarity NUMERIC(5, 4),
    source_rout_no VARCHAR(50),
    CONSTRAINT pk_candidate_operation PRIMARY KEY (publication_id, item_cd, candidate_rank, proc_seq),
    CONSTRAINT fk_candidate_operation_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES routing.candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_operation_flags CHECK (insp_flg IN ('Y', 'N') AND milestone_flg IN ('Y', 'N')),
    CONSTRAINT ck_candidate_operation_inside CHECK (inside IN ('in', 'out')),
    CONSTRAINT ck_candidate_operation_not_negative CHECK (sample_count >= 0 AND time_cv >= 0 AND subcontract_prc >= 0),
    CONSTRAINT ck_candidate_operation_opt_std_safe CHECK (optimal_time <= standard_time AND standard_time <= safe_time AND optimal_time <= safe_time),
    CONSTRAINT ck_candidate_operation_proc_seq CHECK (proc_seq > 0),
    CONSTRAINT ck_candidate_operation_shares CHECK (confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND time_confidence >= 0 AND time_confidence <= 1 AND source_similarity >= 0 AND source_similarity <= 1),
    CONSTRAINT ck_candidate_operation_time_source CHECK (time_source IN ('actual_own', 'actual_similar', 'standard_similar', 'model', 'none')),
    CONSTRAINT ck_candidate_operation_times_not_negative CHECK (setup_time >= 0 AND run_time >= 0 AND setup_p10 >= 0 AND setup_p90 >= 0 AND run_p10 >= 0 AND run_p50 >= 0 AND run_p90 >= 0 AND optimal_time >= 0 AND standard_time >= 0 AND safe_time >= 0 AND act_setup_time >= 0 AND act_run_time >= 0 AND queue_time >= 0 AND wait_time >= 0 AND move_time >= 0 AND mfg_lt >= 0)
)
$statement$;

EXECUTE $statement$
INSERT INTO routing.schema_version (version_num) VALUES ('0001')
$statement$;

END
$revision$;

-- 0001 -> 0002
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0001' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE VIEW routing.routing_candidates AS
SELECT
    c.item_cd,
    c.candidate_id,
    c.routing_signature,
    c.similarity_score,
    c.priority,
    c.similarity_tier,
    c.reference_item_cd,
    b.model_version AS generator_version,
    timezone('UTC', b.created_at) AS generated_at,
    c.candidate_rank,
    c.rout_no,
    c.routing_source,
    c.process_count,
    c.work_order_count,
    c.confidence,
    c.publication_id,
    c.item_hash,
    c.predicted_rout_no,
    c.routing_code,
    c.work_order_confidence,
    c.neighbour_count,
    c.support,
    c.matched_attributes
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_candidate_operations AS
SELECT
    c.item_cd,
    c.candidate_id,
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    c.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_candidate_resources AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq, r.alternative_rank, r.res_cd) AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "AFTER_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MAN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MACHINE_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "RES_PRIORITY",
    CAST('N' AS VARCHAR(1)) AS "MAIN_YN",
    b.service_user AS "IN_ID",
    timezone('UTC', b.created_at) AS "IN_DT",
    b.service_user AS "UP_ID",
    timezone('UTC', b.created_at) AS "UP_DT",
    1 AS "TASK_ID",
    CAST(NULL AS VARCHAR(50)) AS "REV_COND",
    CAST(NULL AS VARCHAR(50)) AS "TASK_COND",
    CAST('ES' AS VARCHAR(8)) AS "FOLD_MTHD",
    CAST(NULL AS NUMERIC(18, 4)) AS "FOLD_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "PREV_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "CURR_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_RES_QTY",
    CAST('N' AS VARCHAR(1)) AS "NEXT_RES_ABSL_YN",
    CAST(NULL AS VARCHAR(16)) AS "RUN_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "SETUP_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "WAIT_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "MOVE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "QUEUE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "AFTER_TIME_UNIT",
    CAST(NULL AS NUMERIC(18, 4)) AS "BEFORE_TIME",
    CAST(NULL AS VARCHAR(16)) AS "BEFORE_TIME_UNIT",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    r.res_nm AS "RES_DIS",
    r.alternative_rank AS "ALTERNATIVE_RANK",
    r.is_pool AS "IS_POOL",
    r.use_count AS "USE_COUNT",
    r.use_share AS "USE_SHARE",
    r.last_used AS "LAST_USED",
    c.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN routing.resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd))
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_candidate_evidence AS
SELECT
    c.item_cd,
    c.candidate_id,
    c.candidate_rank,
    e.evidence_rank,
    e.neighbour_item_cd,
    e.neighbour_rout_no,
    e.similarity,
    e.weight,
    e.matching,
    e.differing,
    c.publication_id
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_flat AS
SELECT
    c.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.routing_signature AS "ROUTING_SIGNATURE",
    c.priority AS "PRIORITY",
    c.similarity_tier AS "SIMILARITY_TIER",
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    c.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_abstained AS
SELECT
    a.item_cd,
    a.reason,
    a.reason_code,
    a.best_similarity,
    b.model_version,
    a.publication_id
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.abstained_item AS a ON a.publication_id = p.publication_id
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_predictions AS
SELECT
    c.publication_id,
    b.model_version,
    c.item_cd,
    c.candidate_rank,
    c.candidate_id,
    c.confidence,
    c.similarity_score,
    c.reference_item_cd,
    c.rout_no,
    o.proc_seq,
    o.job_cd,
    o.job_nm,
    o.res_cd,
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS inside_flag,
    o.setup_time,
    o.run_time,
    o.run_p10,
    o.run_p50,
    o.run_p90,
    o.optimal_time,
    o.standard_time,
    o.safe_time,
    o.time_source,
    o.sample_count
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$statement$;

EXECUTE $statement$
CREATE VIEW routing.model_quality_trend AS
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
FROM routing.model_metric AS m) AS measured
    JOIN routing.model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1
$statement$;

EXECUTE $statement$
CREATE VIEW routing.batch_run_summary AS
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
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'warning') AS warnings_failed,
    n.message
FROM routing.batch_run AS n
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0002' WHERE version_num = '0001'
$statement$;

END
$revision$;

-- 0002 -> 0003
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0002' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.routing_feedback (
    item_cd VARCHAR(100) NOT NULL,
    publication_id INTEGER NOT NULL,
    candidate_id VARCHAR(110) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    predicted_rout_no VARCHAR(50) NOT NULL,
    routing_code VARCHAR(1000) NOT NULL,
    accepted_by VARCHAR(128) NOT NULL,
    accepted_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_routing_feedback PRIMARY KEY (item_cd, publication_id, candidate_rank),
    CONSTRAINT fk_routing_feedback_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id),
    CONSTRAINT ck_routing_feedback_rank CHECK (candidate_rank > 0),
    CONSTRAINT ck_routing_feedback_accepted_by CHECK (accepted_by <> '')
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_routing_feedback_accepted_at ON routing.routing_feedback (accepted_at)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.routing_flat_table (
    "ITEM_CD" VARCHAR(100) NOT NULL,
    "CANDIDATE_ID" VARCHAR(110) NOT NULL,
    "ROUTING_SIGNATURE" VARCHAR(200),
    "PRIORITY" VARCHAR(16),
    "SIMILARITY_TIER" VARCHAR(8),
    "PROC_SEQ" SMALLINT NOT NULL,
    "INSIDE_FLAG" VARCHAR(16),
    "dbo_BI_ROUTING_VIEW_JOB_CD" VARCHAR(32),
    "JOB_NM" VARCHAR(64),
    "RES_CD" VARCHAR(32),
    "RES_DIS" VARCHAR(64),
    "TIME_UNIT" VARCHAR(16),
    "MFG_LT" NUMERIC(10, 2),
    "QUEUE_TIME" NUMERIC(10, 2),
    "SETUP_TIME" NUMERIC(10, 2),
    "MACH_WORKED_HOURS" NUMERIC(10, 2),
    "ACT_SETUP_TIME" NUMERIC(10, 2),
    "ACT_RUN_TIME" NUMERIC(10, 2),
    "WAIT_TIME" NUMERIC(10, 2),
    "MOVE_TIME" NUMERIC(10, 2),
    "RUN_TIME_QTY" NUMERIC(10, 2),
    "RUN_TIME_UNIT" VARCHAR(16),
    "BATCH_OPER" VARCHAR(8),
    "BP_CD" VARCHAR(16),
    "dbo_BI_ROUTING_VIEW_CUST_NM" VARCHAR(64),
    "CUR_CD" VARCHAR(8),
    "SUBCONTRACT_PRC" NUMERIC(14, 2),
    "TAX_TYPE" VARCHAR(8),
    "MILESTONE_FLG" VARCHAR(1),
    "INSP_FLG" VARCHAR(1),
    "ROUT_ORDER" VARCHAR(32),
    "VALID_FROM_DT" DATE,
    "VALID_TO_DT" DATE,
    "dbo_BI_ROUTING_VIEW_REMARK" VARCHAR(200),
    "ROUT_DOC" VARCHAR(64),
    "DOC_INSIDE" VARCHAR(8),
    "DOC_NO" VARCHAR(64),
    "NC_PROGRAM" VARCHAR(64),
    "NC_PROGRAM_WRITER" VARCHAR(32),
    "NC_WRITER_NM" VARCHAR(32),
    "NC_WRITE_DATE" DATE,
    "NC_REVIEWER" VARCHAR(32),
    "NC_REVIEWER_NM" VARCHAR(32),
    "NC_REVIEW_DT" DATE,
    "RAW_MATL_SIZE" VARCHAR(32),
    "JAW_SIZE" VARCHAR(32),
    "VALIDITY" VARCHAR(32),
    "PROGRAM_REMARK" VARCHAR(200),
    "OP_DRAW_NO" VARCHAR(64),
    "MTMG_NUMB" VARCHAR(32),
    "REFERENCE_ITEM_CD" VARCHAR(100),
    "SIMILARITY_SCORE" NUMERIC(5, 4),
    "RUN_TIME" NUMERIC(10, 2),
    "OPTIMAL_TIME" NUMERIC(10, 2),
    "STANDARD_TIME" NUMERIC(10, 2),
    "SAFE_TIME" NUMERIC(10, 2),
    "TIME_SOURCE" VARCHAR(20),
    "CONFIDENCE" NUMERIC(5, 4),
    "CANDIDATE_RANK" SMALLINT,
    "ROUT_NO" VARCHAR(50),
    "MODEL_VERSION" VARCHAR(128),
    "PUBLICATION_ID" INTEGER,
    CONSTRAINT pk_routing_flat_table PRIMARY KEY ("ITEM_CD", "CANDIDATE_ID", "PROC_SEQ")
)
$statement$;

EXECUTE $statement$
CREATE VIEW routing.bop_proc_master AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    1 AS "BOM_NO",
    c.routing_signature AS "DESCRIPTION",
    CASE WHEN (c.candidate_rank = 1) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "MAJOR_FLG",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST('' AS VARCHAR(1)) AS "ROU_DEV_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_MFG_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_QUR_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_APP_USER_ID",
    0 AS "REV_NO",
    b.valid_from AS "REV_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    CAST(NULL AS VARCHAR(50)) AS "ALT_RT_VALUE",
    CAST(NULL AS VARCHAR(50)) AS "ASSIGN_NO",
    CAST(NULL AS VARCHAR(50)) AS "AttachNo",
    CAST(NULL AS VARCHAR(50)) AS "STD_ROUT_ITEM",
    CAST(NULL AS VARCHAR(50)) AS "STD_ROUT_NO",
    CAST(NULL AS VARCHAR(50)) AS "REV_NOTE",
    CAST(NULL AS VARCHAR(50)) AS "Difficult_Level",
    CAST(NULL AS NUMERIC(18, 4)) AS "ITEM_LT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
$statement$;

EXECUTE $statement$
CREATE VIEW routing.bop_proc_detail AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    o.proc_seq AS "PROC_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "WC_CD",
    CASE WHEN (o.inside = 'out') THEN CAST('N' AS VARCHAR(1)) ELSE CAST('Y' AS VARCHAR(1)) END AS "INSIDE_FLG",
    o.res_cd AS "RES_CD",
    o.rout_order AS "ROUT_ORDER",
    o.job_cd AS "JOB_CD",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST('M' AS VARCHAR(1)) AS "TIME_UNIT",
    CAST(coalesce(coalesce(o.standard_time, o.run_time), 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_QTY",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    1 AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    CAST(NULL AS VARCHAR(50)) AS "OVERLAP_OPR",
    CAST(NULL AS NUMERIC(18, 4)) AS "OVERLAP_LT",
    CAST(coalesce(o.subcontract_prc, 0) AS NUMERIC(10, 2)) AS "SUBCONTRACT_PRC",
    o.cur_cd AS "CUR_CD",
    o.bp_cd AS "BP_CD",
    o.tax_type AS "TAX_TYPE",
    CAST(NULL AS VARCHAR(50)) AS "RUN_TIME_RULE_PLAN",
    CAST(NULL AS VARCHAR(50)) AS "RUN_TIME_RULE_SCHL",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME_PLAN",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME_SCHL",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME_IN_HOUR_PLAN",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME_IN_HOUR",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_TIME_RULE",
    CAST(NULL AS VARCHAR(50)) AS "WHEN_TO_SETUP_RULE",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME_IN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME_IN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME_IN_HOUR",
    CAST(NULL AS VARCHAR(50)) AS "ALLOC_RULE",
    CAST(NULL AS VARCHAR(50)) AS "SELECT_RULE",
    CAST(NULL AS VARCHAR(50)) AS "FREE_CHECK_FLG",
    CAST(NULL AS VARCHAR(50)) AS "HOLD_TEMP_FLG",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_PROC_SEQ",
    0 AS "OPR_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_BASE_CD",
    CAST(NULL AS VARCHAR(50)) AS "CROSS_BREAK_RULE",
    CAST(NULL AS VARCHAR(50)) AS "OVERLAP_TYPE",
    CAST(NULL AS NUMERIC(18, 4)) AS "OVERLAP_VALUE",
    CAST(NULL AS NUMERIC(18, 4)) AS "PROD_RATE",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_RSC_GRP_CD",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_RSC_CD",
    CAST(NULL AS VARCHAR(50)) AS "RSC_SCHEDULED_FLG",
    CAST(NULL AS VARCHAR(50)) AS "AttachNo",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(50)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_SIZE",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_RUN_COST_PER_HR",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_SUBCONTRACT_PRC",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_LABOR_COST",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_DIR_EXPENSE",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_INDIR_LABOR_COST",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_INDIR_EXPENSE",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(50)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(50)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(50)) AS "NC_REVIEWER",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(50)) AS "PRESSURE_USE",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    0 AS "FIX_RUN_TIME",
    CAST(NULL AS VARCHAR(50)) AS "REMARK",
    CAST(NULL AS VARCHAR(50)) AS "CUST_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "MTMG_NUMB",
    CAST(NULL AS VARCHAR(50)) AS "D_ITEM_CD",
    CAST(NULL AS VARCHAR(50)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(50)) AS "PROGRAM_REMARK",
    o.batch_oper AS "BATCH_OPER",
    CAST(o.act_run_time AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(o.act_setup_time AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(NULL AS VARCHAR(50)) AS "DocYn",
    CAST(NULL AS VARCHAR(50)) AS "PROC_REMARK",
    CAST(NULL AS VARCHAR(50)) AS "NC_UPDATER",
    CAST(NULL AS DATE) AS "NC_UPDATE_DT",
    CAST(NULL AS NUMERIC(18, 4)) AS "GROSS_WEIGHT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$statement$;

EXECUTE $statement$
CREATE VIEW routing.bop_proc_res AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq, r.alternative_rank, r.res_cd) AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "AFTER_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MAN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MACHINE_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "RES_PRIORITY",
    CAST('N' AS VARCHAR(1)) AS "MAIN_YN",
    b.service_user AS "IN_ID",
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
    1 AS "TASK_ID",
    CAST(NULL AS VARCHAR(50)) AS "REV_COND",
    CAST(NULL AS VARCHAR(50)) AS "TASK_COND",
    CAST('ES' AS VARCHAR(8)) AS "FOLD_MTHD",
    CAST(NULL AS NUMERIC(18, 4)) AS "FOLD_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "PREV_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "CURR_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_RES_QTY",
    CAST('N' AS VARCHAR(1)) AS "NEXT_RES_ABSL_YN",
    CAST(NULL AS VARCHAR(16)) AS "RUN_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "SETUP_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "WAIT_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "MOVE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "QUEUE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "AFTER_TIME_UNIT",
    CAST(NULL AS NUMERIC(18, 4)) AS "BEFORE_TIME",
    CAST(NULL AS VARCHAR(16)) AS "BEFORE_TIME_UNIT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN routing.resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd))
$statement$;

EXECUTE $statement$
CREATE VIEW routing.bop_proc_child AS
SELECT
    CAST(NULL AS VARCHAR(50)) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    CAST(NULL AS VARCHAR(50)) AS "BOM_NO",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_NO",
    CAST(NULL AS VARCHAR(50)) AS "ITEM_CD",
    CAST(NULL AS VARCHAR(50)) AS "CHILD_ITEM_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "CHILD_ITEM_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "PROC_SEQ",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    CAST(NULL AS VARCHAR(50)) AS "OPR_NO",
    CAST(NULL AS VARCHAR(50)) AS "JOB_CD",
    CAST(NULL AS VARCHAR(50)) AS "MBOM_ITEM_CD",
    CAST(NULL AS VARCHAR(50)) AS "MBOM_IN_ID",
    CAST(NULL AS DATE) AS "MBOM_IN_DT",
    CAST(NULL AS VARCHAR(50)) AS "ORIGIN_ITEM_CD"
FROM routing.publication AS b
WHERE 1 = 0
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0003' WHERE version_num = '0002'
$statement$;

END
$revision$;

-- 0003 -> 0004
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0003' THEN
    RETURN;
END IF;

EXECUTE $statement$
ALTER TABLE routing.candidate_operation ADD COLUMN lot_size NUMERIC(18, 4)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.candidate_operation ADD COLUMN lot_exponent NUMERIC(5, 4)
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_lot_times AS
SELECT
    c.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    o.proc_seq AS "PROC_SEQ",
    o.job_cd AS "JOB_CD",
    o.res_cd AS "RES_CD",
    o.setup_time AS "SETUP_TIME",
    o.run_time AS "RUN_TIME",
    o.lot_size AS "LOT_SIZE",
    o.lot_exponent AS "LOT_EXPONENT",
    o.time_source AS "TIME_SOURCE",
    o.sample_count AS "SAMPLE_COUNT",
    c.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0004' WHERE version_num = '0003'
$statement$;

END
$revision$;

-- 0004 -> 0005
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0004' THEN
    RETURN;
END IF;

EXECUTE $statement$
DROP INDEX routing.ix_candidate_publication_id_priority
$statement$;

EXECUTE $statement$
ALTER TABLE routing.publication ADD COLUMN writer_reason VARCHAR(1000)
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidates');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    c.item_cd,
    c.candidate_id,
    c.routing_signature,
    c.similarity_score,
    c.priority,
    c.similarity_tier,
    c.reference_item_cd,
    b.model_version AS generator_version,
    b.created_at AS generated_at,
    c.candidate_rank,
    c.rout_no,
    c.routing_source,
    c.process_count,
    c.work_order_count,
    c.confidence,
    c.publication_id,
    c.item_hash,
    c.predicted_rout_no,
    c.routing_code,
    c.work_order_confidence,
    c.neighbour_count,
    c.support,
    c.matched_attributes
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidates AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidates TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidates;
    EXECUTE 'CREATE VIEW routing.routing_candidates AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidates OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_resources');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "AFTER_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MAN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MACHINE_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "RES_PRIORITY",
    CAST('N' AS VARCHAR(1)) AS "MAIN_YN",
    b.service_user AS "IN_ID",
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
    1 AS "TASK_ID",
    CAST(NULL AS VARCHAR(50)) AS "REV_COND",
    CAST(NULL AS VARCHAR(50)) AS "TASK_COND",
    CAST('ES' AS VARCHAR(8)) AS "FOLD_MTHD",
    CAST(NULL AS NUMERIC(18, 4)) AS "FOLD_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "PREV_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "CURR_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_RES_QTY",
    CAST('N' AS VARCHAR(1)) AS "NEXT_RES_ABSL_YN",
    CAST(NULL AS VARCHAR(16)) AS "RUN_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "SETUP_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "WAIT_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "MOVE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "QUEUE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "AFTER_TIME_UNIT",
    CAST(NULL AS NUMERIC(18, 4)) AS "BEFORE_TIME",
    CAST(NULL AS VARCHAR(16)) AS "BEFORE_TIME_UNIT",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    r.res_nm AS "RES_DIS",
    r.alternative_rank AS "ALTERNATIVE_RANK",
    r.is_pool AS "IS_POOL",
    r.use_count AS "USE_COUNT",
    r.use_share AS "USE_SHARE",
    r.last_used AS "LAST_USED",
    c.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN routing.resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd))
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_resources AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_resources TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_resources;
    EXECUTE 'CREATE VIEW routing.routing_candidate_resources AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_resources OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.bop_proc_master');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    CAST(c.candidate_rank AS BIGINT) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    1 AS "BOM_NO",
    c.routing_signature AS "DESCRIPTION",
    CASE WHEN (c.candidate_rank = 1) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "MAJOR_FLG",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST('' AS VARCHAR(1)) AS "ROU_DEV_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_MFG_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_QUR_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_APP_USER_ID",
    0 AS "REV_NO",
    b.valid_from AS "REV_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    CAST(NULL AS VARCHAR(50)) AS "ALT_RT_VALUE",
    CAST(NULL AS VARCHAR(50)) AS "ASSIGN_NO",
    CAST(NULL AS VARCHAR(50)) AS "AttachNo",
    CAST(NULL AS VARCHAR(50)) AS "STD_ROUT_ITEM",
    CAST(NULL AS VARCHAR(50)) AS "STD_ROUT_NO",
    CAST(NULL AS VARCHAR(50)) AS "REV_NOTE",
    CAST(NULL AS VARCHAR(50)) AS "Difficult_Level",
    CAST(NULL AS NUMERIC(18, 4)) AS "ITEM_LT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.bop_proc_master AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.bop_proc_master TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.bop_proc_master;
    EXECUTE 'CREATE VIEW routing.bop_proc_master AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.bop_proc_master OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.bop_proc_detail');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    o.proc_seq AS "PROC_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "WC_CD",
    CASE WHEN (o.inside = 'out') THEN CAST('N' AS VARCHAR(1)) ELSE CAST('Y' AS VARCHAR(1)) END AS "INSIDE_FLG",
    o.res_cd AS "RES_CD",
    o.rout_order AS "ROUT_ORDER",
    o.job_cd AS "JOB_CD",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST('M' AS VARCHAR(1)) AS "TIME_UNIT",
    CAST(coalesce(coalesce(o.standard_time, o.run_time), 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_QTY",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    1 AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    CAST(NULL AS VARCHAR(50)) AS "OVERLAP_OPR",
    CAST(NULL AS NUMERIC(18, 4)) AS "OVERLAP_LT",
    CAST(coalesce(o.subcontract_prc, 0) AS NUMERIC(10, 2)) AS "SUBCONTRACT_PRC",
    o.cur_cd AS "CUR_CD",
    o.bp_cd AS "BP_CD",
    o.tax_type AS "TAX_TYPE",
    CAST(NULL AS VARCHAR(50)) AS "RUN_TIME_RULE_PLAN",
    CAST(NULL AS VARCHAR(50)) AS "RUN_TIME_RULE_SCHL",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME_PLAN",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME_SCHL",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME_IN_HOUR_PLAN",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME_IN_HOUR",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_TIME_RULE",
    CAST(NULL AS VARCHAR(50)) AS "WHEN_TO_SETUP_RULE",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME_IN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME_IN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME_IN_HOUR",
    CAST(NULL AS VARCHAR(50)) AS "ALLOC_RULE",
    CAST(NULL AS VARCHAR(50)) AS "SELECT_RULE",
    CAST(NULL AS VARCHAR(50)) AS "FREE_CHECK_FLG",
    CAST(NULL AS VARCHAR(50)) AS "HOLD_TEMP_FLG",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_PROC_SEQ",
    0 AS "OPR_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_BASE_CD",
    CAST(NULL AS VARCHAR(50)) AS "CROSS_BREAK_RULE",
    CAST(NULL AS VARCHAR(50)) AS "OVERLAP_TYPE",
    CAST(NULL AS NUMERIC(18, 4)) AS "OVERLAP_VALUE",
    CAST(NULL AS NUMERIC(18, 4)) AS "PROD_RATE",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_RSC_GRP_CD",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_RSC_CD",
    CAST(NULL AS VARCHAR(50)) AS "RSC_SCHEDULED_FLG",
    CAST(NULL AS VARCHAR(50)) AS "AttachNo",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(50)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_SIZE",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_RUN_COST_PER_HR",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_SUBCONTRACT_PRC",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_LABOR_COST",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_DIR_EXPENSE",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_INDIR_LABOR_COST",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_INDIR_EXPENSE",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(50)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(50)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(50)) AS "NC_REVIEWER",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(50)) AS "PRESSURE_USE",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    0 AS "FIX_RUN_TIME",
    CAST(NULL AS VARCHAR(50)) AS "REMARK",
    CAST(NULL AS VARCHAR(50)) AS "CUST_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "MTMG_NUMB",
    CAST(NULL AS VARCHAR(50)) AS "D_ITEM_CD",
    CAST(NULL AS VARCHAR(50)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(50)) AS "PROGRAM_REMARK",
    o.batch_oper AS "BATCH_OPER",
    CAST(o.act_run_time AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(o.act_setup_time AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(NULL AS VARCHAR(50)) AS "DocYn",
    CAST(NULL AS VARCHAR(50)) AS "PROC_REMARK",
    CAST(NULL AS VARCHAR(50)) AS "NC_UPDATER",
    CAST(NULL AS DATE) AS "NC_UPDATE_DT",
    CAST(NULL AS NUMERIC(18, 4)) AS "GROSS_WEIGHT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.bop_proc_detail AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.bop_proc_detail TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.bop_proc_detail;
    EXECUTE 'CREATE VIEW routing.bop_proc_detail AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.bop_proc_detail OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.bop_proc_res');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "AFTER_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MAN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MACHINE_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "RES_PRIORITY",
    CAST('N' AS VARCHAR(1)) AS "MAIN_YN",
    b.service_user AS "IN_ID",
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
    1 AS "TASK_ID",
    CAST(NULL AS VARCHAR(50)) AS "REV_COND",
    CAST(NULL AS VARCHAR(50)) AS "TASK_COND",
    CAST('ES' AS VARCHAR(8)) AS "FOLD_MTHD",
    CAST(NULL AS NUMERIC(18, 4)) AS "FOLD_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "PREV_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "CURR_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_RES_QTY",
    CAST('N' AS VARCHAR(1)) AS "NEXT_RES_ABSL_YN",
    CAST(NULL AS VARCHAR(16)) AS "RUN_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "SETUP_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "WAIT_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "MOVE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "QUEUE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "AFTER_TIME_UNIT",
    CAST(NULL AS NUMERIC(18, 4)) AS "BEFORE_TIME",
    CAST(NULL AS VARCHAR(16)) AS "BEFORE_TIME_UNIT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.candidate AS c ON c.publication_id = p.publication_id
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN routing.resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd))
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.bop_proc_res AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.bop_proc_res TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.bop_proc_res;
    EXECUTE 'CREATE VIEW routing.bop_proc_res AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.bop_proc_res OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.batch_run_summary');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
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
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'warning') AS warnings_failed,
    n.message,
    b.writer,
    b.writer_reason
FROM routing.batch_run AS n LEFT OUTER
    JOIN routing.publication AS b ON b.id = n.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.batch_run_summary AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.batch_run_summary TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.batch_run_summary;
    EXECUTE 'CREATE VIEW routing.batch_run_summary AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.batch_run_summary OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0005' WHERE version_num = '0004'
$statement$;

END
$revision$;

-- 0005 -> 0006
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0005' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.item_version (
    item_cd VARCHAR(100) NOT NULL,
    from_publication INTEGER NOT NULL,
    shown BOOLEAN NOT NULL,
    hash_a BIGINT,
    hash_b BIGINT,
    CONSTRAINT pk_item_version PRIMARY KEY (item_cd, from_publication),
    CONSTRAINT fk_item_version_publication FOREIGN KEY(from_publication) REFERENCES routing.publication (id)
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_item_version_from_publication ON routing.item_version (from_publication)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.job_version (
    job_cd VARCHAR(32) NOT NULL,
    from_publication INTEGER NOT NULL,
    shown BOOLEAN NOT NULL,
    hash_a BIGINT,
    hash_b BIGINT,
    CONSTRAINT pk_job_version PRIMARY KEY (job_cd, from_publication),
    CONSTRAINT fk_job_version_publication FOREIGN KEY(from_publication) REFERENCES routing.publication (id)
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_job_version_from_publication ON routing.job_version (from_publication)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.publication ADD COLUMN items_changed INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.publication ADD COLUMN rows_written INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.publication ADD COLUMN withdrawn_at TIMESTAMP WITHOUT TIME ZONE
$statement$;

EXECUTE $statement$
ALTER TABLE routing.batch_run ADD COLUMN rejects_no INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.rejected_row ADD COLUMN copies INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.rejected_row ADD COLUMN from_no INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.rejected_row ADD COLUMN until_no INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.rejected_row ADD COLUMN hash_a BIGINT
$statement$;

EXECUTE $statement$
ALTER TABLE routing.rejected_row ADD COLUMN hash_b BIGINT
$statement$;

EXECUTE $statement$
INSERT INTO routing.item_version (item_cd, from_publication, shown)
SELECT a.item_cd, a.publication_id, TRUE
FROM (
    SELECT c.item_cd, c.publication_id FROM routing.candidate AS c
    UNION
    SELECT n.item_cd, n.publication_id FROM routing.abstained_item AS n
) AS a
JOIN routing.publication AS b ON b.id = a.publication_id
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
$statement$;

EXECUTE $statement$
INSERT INTO routing.job_version (job_cd, from_publication, shown)
SELECT DISTINCT r.job_cd, r.publication_id, TRUE
FROM routing.resource_alternative AS r
JOIN routing.publication AS b ON b.id = r.publication_id
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
$statement$;

EXECUTE $statement$
INSERT INTO routing.item_version (item_cd, from_publication, shown)
SELECT v.item_cd, n.id, FALSE
FROM routing.item_version AS v
JOIN routing.publication AS n ON n.id = (
    SELECT MIN(b.id) FROM routing.publication AS b
    WHERE b.id > v.from_publication AND b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
)
WHERE NOT EXISTS (
    SELECT 1 FROM routing.item_version AS w
    WHERE w.item_cd = v.item_cd AND w.from_publication = n.id
)
$statement$;

EXECUTE $statement$
INSERT INTO routing.job_version (job_cd, from_publication, shown)
SELECT v.job_cd, n.id, FALSE
FROM routing.job_version AS v
JOIN routing.publication AS n ON n.id = (
    SELECT MIN(b.id) FROM routing.publication AS b
    WHERE b.id > v.from_publication AND b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
)
WHERE NOT EXISTS (
    SELECT 1 FROM routing.job_version AS w
    WHERE w.job_cd = v.job_cd AND w.from_publication = n.id
)
$statement$;

EXECUTE $statement$
UPDATE routing.publication
SET state = 'failed', message = 'Its purge had not ended when the warehouse was upgraded.'
WHERE state = 'purged' AND purged_at IS NULL
$statement$;

EXECUTE $statement$
UPDATE routing.publication
SET withdrawn_at = retired_at
WHERE published_at IS NOT NULL AND id > (
    SELECT MAX(p.publication_id)
    FROM routing.current_publication AS p
    JOIN routing.publication_event AS e ON e.publication_id = p.publication_id
    WHERE e.event = 'rolled_back' AND e.happened_at = p.moved_at
)
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidates');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    c.routing_signature,
    c.similarity_score,
    c.priority,
    c.similarity_tier,
    c.reference_item_cd,
    b.model_version AS generator_version,
    b.created_at AS generated_at,
    c.candidate_rank,
    c.rout_no,
    c.routing_source,
    c.process_count,
    c.work_order_count,
    c.confidence,
    p.publication_id,
    c.item_hash,
    c.predicted_rout_no,
    c.routing_code,
    c.work_order_confidence,
    c.neighbour_count,
    c.support,
    c.matched_attributes
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidates AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidates TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidates;
    EXECUTE 'CREATE VIEW routing.routing_candidates AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidates OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_operations');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_operations AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_operations TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_operations;
    EXECUTE 'CREATE VIEW routing.routing_candidate_operations AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_operations OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_resources');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    i.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "AFTER_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MAN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MACHINE_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "RES_PRIORITY",
    CAST('N' AS VARCHAR(1)) AS "MAIN_YN",
    b.service_user AS "IN_ID",
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
    1 AS "TASK_ID",
    CAST(NULL AS VARCHAR(50)) AS "REV_COND",
    CAST(NULL AS VARCHAR(50)) AS "TASK_COND",
    CAST('ES' AS VARCHAR(8)) AS "FOLD_MTHD",
    CAST(NULL AS NUMERIC(18, 4)) AS "FOLD_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "PREV_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "CURR_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_RES_QTY",
    CAST('N' AS VARCHAR(1)) AS "NEXT_RES_ABSL_YN",
    CAST(NULL AS VARCHAR(16)) AS "RUN_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "SETUP_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "WAIT_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "MOVE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "QUEUE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "AFTER_TIME_UNIT",
    CAST(NULL AS NUMERIC(18, 4)) AS "BEFORE_TIME",
    CAST(NULL AS VARCHAR(16)) AS "BEFORE_TIME_UNIT",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    r.res_nm AS "RES_DIS",
    r.alternative_rank AS "ALTERNATIVE_RANK",
    r.is_pool AS "IS_POOL",
    r.use_count AS "USE_COUNT",
    r.use_share AS "USE_SHARE",
    r.last_used AS "LAST_USED",
    p.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN routing.job_version AS j ON j.job_cd = o.job_cd
    AND j.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later_job
WHERE later_job.job_cd = j.job_cd AND later_job.from_publication > j.from_publication AND later_job.from_publication <= p.publication_id))
    JOIN routing.resource_alternative AS r ON r.publication_id = j.from_publication
    AND r.job_cd = j.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd))
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_resources AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_resources TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_resources;
    EXECUTE 'CREATE VIEW routing.routing_candidate_resources AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_resources OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_evidence');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    c.candidate_rank,
    e.evidence_rank,
    e.neighbour_item_cd,
    e.neighbour_rout_no,
    e.similarity,
    e.weight,
    e.matching,
    e.differing,
    p.publication_id
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_evidence AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_evidence TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_evidence;
    EXECUTE 'CREATE VIEW routing.routing_candidate_evidence AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_evidence OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_flat');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.routing_signature AS "ROUTING_SIGNATURE",
    c.priority AS "PRIORITY",
    c.similarity_tier AS "SIMILARITY_TIER",
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_flat AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_flat TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_flat;
    EXECUTE 'CREATE VIEW routing.routing_flat AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_flat OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_abstained');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    a.reason,
    a.reason_code,
    a.best_similarity,
    b.model_version,
    p.publication_id
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.abstained_item AS a ON a.publication_id = i.from_publication
    AND a.item_cd = i.item_cd
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_abstained AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_abstained TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_abstained;
    EXECUTE 'CREATE VIEW routing.routing_abstained AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_abstained OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_predictions');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    p.publication_id,
    b.model_version,
    i.item_cd,
    c.candidate_rank,
    c.candidate_id,
    c.confidence,
    c.similarity_score,
    c.reference_item_cd,
    c.rout_no,
    o.proc_seq,
    o.job_cd,
    o.job_nm,
    o.res_cd,
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS inside_flag,
    o.setup_time,
    o.run_time,
    o.run_p10,
    o.run_p50,
    o.run_p90,
    o.optimal_time,
    o.standard_time,
    o.safe_time,
    o.time_source,
    o.sample_count
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_predictions AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_predictions TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_predictions;
    EXECUTE 'CREATE VIEW routing.routing_predictions AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_predictions OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.bop_proc_master');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    CAST(c.candidate_rank AS BIGINT) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    i.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    1 AS "BOM_NO",
    c.routing_signature AS "DESCRIPTION",
    CASE WHEN (c.candidate_rank = 1) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "MAJOR_FLG",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST('' AS VARCHAR(1)) AS "ROU_DEV_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_MFG_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_QUR_USER_ID",
    CAST('' AS VARCHAR(1)) AS "ROU_APP_USER_ID",
    0 AS "REV_NO",
    b.valid_from AS "REV_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    CAST(NULL AS VARCHAR(50)) AS "ALT_RT_VALUE",
    CAST(NULL AS VARCHAR(50)) AS "ASSIGN_NO",
    CAST(NULL AS VARCHAR(50)) AS "AttachNo",
    CAST(NULL AS VARCHAR(50)) AS "STD_ROUT_ITEM",
    CAST(NULL AS VARCHAR(50)) AS "STD_ROUT_NO",
    CAST(NULL AS VARCHAR(50)) AS "REV_NOTE",
    CAST(NULL AS VARCHAR(50)) AS "Difficult_Level",
    CAST(NULL AS NUMERIC(18, 4)) AS "ITEM_LT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.bop_proc_master AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.bop_proc_master TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.bop_proc_master;
    EXECUTE 'CREATE VIEW routing.bop_proc_master AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.bop_proc_master OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.bop_proc_detail');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    i.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    o.proc_seq AS "PROC_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "WC_CD",
    CASE WHEN (o.inside = 'out') THEN CAST('N' AS VARCHAR(1)) ELSE CAST('Y' AS VARCHAR(1)) END AS "INSIDE_FLG",
    o.res_cd AS "RES_CD",
    o.rout_order AS "ROUT_ORDER",
    o.job_cd AS "JOB_CD",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST('M' AS VARCHAR(1)) AS "TIME_UNIT",
    CAST(coalesce(coalesce(o.standard_time, o.run_time), 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_QTY",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    1 AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    CAST(NULL AS VARCHAR(50)) AS "OVERLAP_OPR",
    CAST(NULL AS NUMERIC(18, 4)) AS "OVERLAP_LT",
    CAST(coalesce(o.subcontract_prc, 0) AS NUMERIC(10, 2)) AS "SUBCONTRACT_PRC",
    o.cur_cd AS "CUR_CD",
    o.bp_cd AS "BP_CD",
    o.tax_type AS "TAX_TYPE",
    CAST(NULL AS VARCHAR(50)) AS "RUN_TIME_RULE_PLAN",
    CAST(NULL AS VARCHAR(50)) AS "RUN_TIME_RULE_SCHL",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME_PLAN",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME_SCHL",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME_IN_HOUR_PLAN",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME_IN_HOUR",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_TIME_RULE",
    CAST(NULL AS VARCHAR(50)) AS "WHEN_TO_SETUP_RULE",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME_IN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME_IN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME_IN_HOUR",
    CAST(NULL AS VARCHAR(50)) AS "ALLOC_RULE",
    CAST(NULL AS VARCHAR(50)) AS "SELECT_RULE",
    CAST(NULL AS VARCHAR(50)) AS "FREE_CHECK_FLG",
    CAST(NULL AS VARCHAR(50)) AS "HOLD_TEMP_FLG",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_PROC_SEQ",
    0 AS "OPR_SEQ",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_BASE_CD",
    CAST(NULL AS VARCHAR(50)) AS "CROSS_BREAK_RULE",
    CAST(NULL AS VARCHAR(50)) AS "OVERLAP_TYPE",
    CAST(NULL AS NUMERIC(18, 4)) AS "OVERLAP_VALUE",
    CAST(NULL AS NUMERIC(18, 4)) AS "PROD_RATE",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_RSC_GRP_CD",
    CAST(NULL AS VARCHAR(50)) AS "SETUP_RSC_CD",
    CAST(NULL AS VARCHAR(50)) AS "RSC_SCHEDULED_FLG",
    CAST(NULL AS VARCHAR(50)) AS "AttachNo",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(50)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(50)) AS "ROUT_SIZE",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_RUN_COST_PER_HR",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_SUBCONTRACT_PRC",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_LABOR_COST",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_DIR_EXPENSE",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_INDIR_LABOR_COST",
    CAST(NULL AS NUMERIC(18, 4)) AS "STD_INDIR_EXPENSE",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(50)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(50)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(50)) AS "NC_REVIEWER",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(50)) AS "PRESSURE_USE",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    0 AS "FIX_RUN_TIME",
    CAST(NULL AS VARCHAR(50)) AS "REMARK",
    CAST(NULL AS VARCHAR(50)) AS "CUST_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "MTMG_NUMB",
    CAST(NULL AS VARCHAR(50)) AS "D_ITEM_CD",
    CAST(NULL AS VARCHAR(50)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(50)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(50)) AS "PROGRAM_REMARK",
    o.batch_oper AS "BATCH_OPER",
    CAST(o.act_run_time AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(o.act_setup_time AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(NULL AS VARCHAR(50)) AS "DocYn",
    CAST(NULL AS VARCHAR(50)) AS "PROC_REMARK",
    CAST(NULL AS VARCHAR(50)) AS "NC_UPDATER",
    CAST(NULL AS DATE) AS "NC_UPDATE_DT",
    CAST(NULL AS NUMERIC(18, 4)) AS "GROSS_WEIGHT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.bop_proc_detail AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.bop_proc_detail TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.bop_proc_detail;
    EXECUTE 'CREATE VIEW routing.bop_proc_detail AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.bop_proc_detail OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.bop_proc_res');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    i.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    CAST(NULL AS NUMERIC(18, 4)) AS "RUN_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "SETUP_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "WAIT_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MOVE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "QUEUE_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "AFTER_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "MAN_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "MACHINE_HOUR",
    CAST(NULL AS NUMERIC(18, 4)) AS "RES_PRIORITY",
    CAST('N' AS VARCHAR(1)) AS "MAIN_YN",
    b.service_user AS "IN_ID",
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
    1 AS "TASK_ID",
    CAST(NULL AS VARCHAR(50)) AS "REV_COND",
    CAST(NULL AS VARCHAR(50)) AS "TASK_COND",
    CAST('ES' AS VARCHAR(8)) AS "FOLD_MTHD",
    CAST(NULL AS NUMERIC(18, 4)) AS "FOLD_TIME",
    CAST(NULL AS NUMERIC(18, 4)) AS "PREV_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "CURR_RES_QTY",
    CAST(NULL AS NUMERIC(18, 4)) AS "NEXT_RES_QTY",
    CAST('N' AS VARCHAR(1)) AS "NEXT_RES_ABSL_YN",
    CAST(NULL AS VARCHAR(16)) AS "RUN_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "SETUP_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "WAIT_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "MOVE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "QUEUE_TIME_UNIT",
    CAST(NULL AS VARCHAR(16)) AS "AFTER_TIME_UNIT",
    CAST(NULL AS NUMERIC(18, 4)) AS "BEFORE_TIME",
    CAST(NULL AS VARCHAR(16)) AS "BEFORE_TIME_UNIT"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN routing.job_version AS j ON j.job_cd = o.job_cd
    AND j.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.job_version AS later_job
WHERE later_job.job_cd = j.job_cd AND later_job.from_publication > j.from_publication AND later_job.from_publication <= p.publication_id))
    JOIN routing.resource_alternative AS r ON r.publication_id = j.from_publication
    AND r.job_cd = j.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM routing.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd))
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.bop_proc_res AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.bop_proc_res TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.bop_proc_res;
    EXECUTE 'CREATE VIEW routing.bop_proc_res AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.bop_proc_res OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_lot_times');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    o.proc_seq AS "PROC_SEQ",
    o.job_cd AS "JOB_CD",
    o.res_cd AS "RES_CD",
    o.setup_time AS "SETUP_TIME",
    o.run_time AS "RUN_TIME",
    o.lot_size AS "LOT_SIZE",
    o.lot_exponent AS "LOT_EXPONENT",
    o.time_source AS "TIME_SOURCE",
    o.sample_count AS "SAMPLE_COUNT",
    p.publication_id AS "PUBLICATION_ID"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_lot_times AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_lot_times TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_lot_times;
    EXECUTE 'CREATE VIEW routing.routing_lot_times AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_lot_times OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_item_versions AS
SELECT
    i.item_cd,
    i.from_publication,
    (SELECT min(later.from_publication) AS min_1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication) AS to_publication,
    i.shown
FROM routing.item_version AS i
$statement$;

EXECUTE $statement$
CREATE VIEW routing.batch_run_rejects AS
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
FROM routing.batch_run AS n
    JOIN routing.rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0006' WHERE version_num = '0005'
$statement$;

END
$revision$;

-- 0006 -> 0007
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0006' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.standard_review (
    id SERIAL NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    state VARCHAR(16) NOT NULL,
    as_of DATE,
    operations INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    few_orders INTEGER NOT NULL,
    posted INTEGER NOT NULL,
    differing INTEGER NOT NULL,
    proposals INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    hours_year FLOAT(53) NOT NULL,
    rows_written INTEGER DEFAULT '0' NOT NULL,
    rows_closed INTEGER DEFAULT '0' NOT NULL,
    tolerance FLOAT(53) NOT NULL,
    false_share FLOAT(53) NOT NULL,
    min_orders INTEGER NOT NULL,
    largest_step FLOAT(53) NOT NULL,
    company_code VARCHAR(20) NOT NULL,
    plant_code VARCHAR(20) NOT NULL,
    service_user VARCHAR(32) NOT NULL,
    created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    published_at TIMESTAMP WITHOUT TIME ZONE,
    CONSTRAINT pk_standard_review PRIMARY KEY (id),
    CONSTRAINT ck_standard_review_state CHECK (state IN ('loading', 'current', 'retired', 'failed'))
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.current_standard_review (
    slot SMALLINT NOT NULL,
    review_id INTEGER NOT NULL,
    moved_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_current_standard_review PRIMARY KEY (slot),
    CONSTRAINT ck_current_standard_review_slot CHECK (slot = 1),
    CONSTRAINT fk_current_standard_review_standard_review FOREIGN KEY(review_id) REFERENCES routing.standard_review (id)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.standard_time_proposal (
    review_from INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    rout_no VARCHAR(50) NOT NULL,
    proc_seq INTEGER NOT NULL,
    measure VARCHAR(5) NOT NULL,
    review_to INTEGER DEFAULT '2147483647' NOT NULL,
    content_hash BIGINT NOT NULL,
    job_cd VARCHAR(50) NOT NULL,
    job_nm VARCHAR(255),
    res_cd VARCHAR(50),
    standard_min NUMERIC(18, 4),
    standard_date DATE,
    measured_min NUMERIC(18, 4) NOT NULL,
    low_min NUMERIC(18, 4),
    high_min NUMERIC(18, 4),
    orders INTEGER NOT NULL,
    orders_all INTEGER NOT NULL,
    first_report DATE,
    last_report DATE,
    lot_size NUMERIC(18, 4),
    lot_exponent NUMERIC(5, 4),
    difference_min NUMERIC(18, 4),
    ratio NUMERIC(18, 4),
    verdict VARCHAR(12) NOT NULL,
    sure BOOLEAN NOT NULL,
    p_value FLOAT(53),
    changed_on DATE,
    differs_since DATE,
    since_basis VARCHAR(100),
    proposed_min NUMERIC(18, 4),
    no_proposal VARCHAR(200),
    orders_year INTEGER NOT NULL,
    pieces_year FLOAT(53),
    hours_year FLOAT(53),
    CONSTRAINT pk_standard_time_proposal PRIMARY KEY (review_from, item_cd, rout_no, proc_seq, measure),
    CONSTRAINT fk_standard_time_proposal_standard_review FOREIGN KEY(review_from) REFERENCES routing.standard_review (id),
    CONSTRAINT ck_standard_time_proposal_measure CHECK (measure IN ('run', 'setup')),
    CONSTRAINT ck_standard_time_proposal_verdict CHECK (verdict IN ('posted', 'few_orders', 'no_standard', 'differs', 'agrees', 'open')),
    CONSTRAINT ck_standard_time_proposal_counts_some_time CHECK (review_from < review_to),
    CONSTRAINT ck_standard_time_proposal_times CHECK (standard_min >= 0 AND measured_min >= 0 AND proposed_min > 0),
    CONSTRAINT ck_standard_time_proposal_proposal_or_reason CHECK (proposed_min IS NULL OR no_proposal IS NULL)
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_standard_time_proposal_item_cd_rout_no_proc_seq_measure ON routing.standard_time_proposal (item_cd, rout_no, proc_seq, measure)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_standard_time_proposal_review_to ON routing.standard_time_proposal (review_to)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.routing_feedback_time (
    item_cd VARCHAR(100) NOT NULL,
    rout_no VARCHAR(50) NOT NULL,
    proc_seq INTEGER NOT NULL,
    measure VARCHAR(5) NOT NULL,
    review_id INTEGER NOT NULL,
    job_cd VARCHAR(50) NOT NULL,
    standard_min NUMERIC(18, 4),
    proposed_min NUMERIC(18, 4) NOT NULL,
    measured_min NUMERIC(18, 4) NOT NULL,
    orders INTEGER NOT NULL,
    accepted_by VARCHAR(128) NOT NULL,
    accepted_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_routing_feedback_time PRIMARY KEY (item_cd, rout_no, proc_seq, measure, review_id),
    CONSTRAINT ck_routing_feedback_time_measure CHECK (measure IN ('run', 'setup')),
    CONSTRAINT ck_routing_feedback_time_accepted_by CHECK (accepted_by <> '')
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_routing_feedback_time_accepted_at ON routing.routing_feedback_time (accepted_at)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.health_finding (
    seq INTEGER NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    check_name VARCHAR(60) NOT NULL,
    dimension VARCHAR(20) NOT NULL,
    segment VARCHAR(255) NOT NULL,
    unit VARCHAR(20) NOT NULL,
    touched BIGINT,
    whole BIGINT,
    share FLOAT(53),
    cost VARCHAR(400) NOT NULL,
    examples VARCHAR(4000),
    reason VARCHAR(400),
    meaning VARCHAR(400) NOT NULL,
    remedy VARCHAR(400) NOT NULL,
    checked_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_health_finding PRIMARY KEY (seq),
    CONSTRAINT ck_health_finding_null_has_reason CHECK (touched IS NOT NULL OR reason IS NOT NULL)
)
$statement$;

EXECUTE $statement$
CREATE VIEW routing.standard_time_review AS
SELECT
    s.item_cd,
    s.rout_no,
    s.proc_seq,
    s.job_cd,
    s.job_nm,
    s.res_cd,
    s.measure,
    s.standard_min,
    s.standard_date,
    s.measured_min,
    s.low_min,
    s.high_min,
    s.orders,
    s.orders_all,
    s.difference_min,
    s.ratio,
    s.verdict,
    s.sure,
    s.p_value,
    s.differs_since,
    s.since_basis,
    s.changed_on,
    s.proposed_min,
    s.no_proposal,
    s.hours_year,
    abs(s.hours_year) AS hours_moved,
    s.orders_year,
    s.pieces_year,
    s.lot_size,
    s.lot_exponent,
    s.first_report,
    s.last_report,
    w.as_of,
    w.run_id,
    w.id AS review_id
FROM routing.current_standard_review AS p
    JOIN routing.standard_review AS w ON p.slot = 1
    AND w.id = p.review_id
    JOIN routing.standard_time_proposal AS s ON s.review_from <= p.review_id
    AND s.review_to > p.review_id
$statement$;

EXECUTE $statement$
CREATE VIEW routing.bop_proc_detail_time AS
SELECT
    w.company_code AS "CoCd",
    w.plant_code AS "PlantCd",
    s.item_cd AS "ITEM_CD",
    s.rout_no AS "ROUT_NO",
    s.proc_seq AS "PROC_SEQ",
    s.job_cd AS "JOB_CD",
    CAST('M' AS VARCHAR(1)) AS "TIME_UNIT",
    CASE WHEN (s.measure = 'run') THEN s.proposed_min END AS "RUN_TIME",
    CAST(1 AS INTEGER) AS "RUN_TIME_QTY",
    CASE WHEN (s.measure = 'setup') THEN s.proposed_min ELSE (SELECT o.proposed_min
FROM routing.standard_time_proposal AS o
WHERE o.item_cd = s.item_cd AND o.rout_no = s.rout_no AND o.proc_seq = s.proc_seq AND o.review_from <= p.review_id AND o.review_to > p.review_id AND o.proposed_min IS NOT NULL AND o.measure = 'setup') END AS "SETUP_TIME",
    w.service_user AS "UPDT_USER_ID",
    w.id AS "REVIEW_ID"
FROM routing.current_standard_review AS p
    JOIN routing.standard_review AS w ON p.slot = 1
    AND w.id = p.review_id
    JOIN routing.standard_time_proposal AS s ON s.review_from <= p.review_id
    AND s.review_to > p.review_id
WHERE s.proposed_min IS NOT NULL
    AND (s.measure = 'run' OR NOT (EXISTS (SELECT 1
FROM routing.standard_time_proposal AS o
WHERE o.item_cd = s.item_cd AND o.rout_no = s.rout_no AND o.proc_seq = s.proc_seq AND o.review_from <= p.review_id AND o.review_to > p.review_id AND o.proposed_min IS NOT NULL AND o.measure = 'run')))
$statement$;

EXECUTE $statement$
CREATE VIEW routing.data_health AS
SELECT
    h.check_name,
    h.dimension,
    h.segment,
    h.touched,
    h.whole,
    h.share,
    h.unit,
    h.cost,
    h.examples,
    h.reason,
    h.meaning,
    h.remedy,
    h.run_id,
    h.checked_at,
    h.seq
FROM routing.health_finding AS h
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0007' WHERE version_num = '0006'
$statement$;

END
$revision$;

-- 0007 -> 0008
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0007' THEN
    RETURN;
END IF;

EXECUTE $statement$
ALTER TABLE routing.model_metric ADD COLUMN window_id VARCHAR(64)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.model_metric ADD COLUMN items_trained INTEGER
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.batch_run_summary');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    n.run_id,
    n.kind,
    CAST('' AS VARCHAR(16)) AS status,
    n.started_at,
    n.finished_at,
    n.rows_read,
    n.rows_written,
    n.rows_rejected,
    n.model_version,
    n.publication_id,
    (SELECT count(*) AS count_1
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'warning') AS warnings_failed,
    n.message,
    b.writer,
    b.writer_reason
FROM routing.batch_run AS n LEFT OUTER
    JOIN routing.publication AS b ON b.id = n.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.batch_run_summary AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.batch_run_summary TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.batch_run_summary;
    EXECUTE 'CREATE VIEW routing.batch_run_summary AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.batch_run_summary OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
ALTER TABLE routing.batch_run DROP CONSTRAINT ck_batch_run_status
$statement$;

EXECUTE $statement$
ALTER TABLE routing.batch_run ALTER COLUMN status TYPE VARCHAR(32)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.batch_run ADD CONSTRAINT ck_batch_run_status CHECK (status IN ('running', 'succeeded', 'succeeded_with_warnings', 'failed', 'cancelled'))
$statement$;

EXECUTE $statement$
CREATE TABLE routing.model_decision (
    id SERIAL NOT NULL,
    decided_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    decision VARCHAR(16) NOT NULL,
    model_version VARCHAR(128) NOT NULL,
    champion VARCHAR(128),
    decided_by VARCHAR(128) NOT NULL,
    decided_via VARCHAR(16) NOT NULL,
    database_login VARCHAR(128),
    run_id VARCHAR(64),
    reason VARCHAR(2000) NOT NULL,
    data_hash VARCHAR(64),
    recipe_hash VARCHAR(64),
    items_trained INTEGER,
    CONSTRAINT pk_model_decision PRIMARY KEY (id),
    CONSTRAINT ck_model_decision_decision CHECK (decision IN ('trained', 'promoted', 'forced', 'refused', 'rolled_back', 'pinned', 'unpinned', 'retired', 'pruned')),
    CONSTRAINT ck_model_decision_decided_via CHECK (decided_via IN ('night', 'train', 'cli', 'dagster', 'library', 'repair')),
    CONSTRAINT ck_model_decision_who_and_why CHECK (decided_by <> '' AND reason <> '')
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_model_decision_decided_at ON routing.model_decision (decided_at)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_model_decision_model_version ON routing.model_decision (model_version)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.model_decision_metric (
    decision_id INTEGER NOT NULL,
    basis VARCHAR(16) NOT NULL,
    segment VARCHAR(100) NOT NULL,
    metric VARCHAR(64) NOT NULL,
    value FLOAT(53),
    champion_value FLOAT(53),
    difference FLOAT(53),
    low FLOAT(53),
    high FLOAT(53),
    p_value FLOAT(53),
    n BIGINT NOT NULL,
    items_trained INTEGER,
    champion_items_trained INTEGER,
    window_id VARCHAR(64),
    verdict VARCHAR(16) NOT NULL,
    reason VARCHAR(400),
    CONSTRAINT pk_model_decision_metric PRIMARY KEY (decision_id, basis, segment, metric),
    CONSTRAINT ck_model_decision_metric_basis CHECK (basis IN ('window', 'realised', 'own')),
    CONSTRAINT ck_model_decision_metric_null_has_reason CHECK (difference IS NOT NULL OR reason IS NOT NULL),
    CONSTRAINT fk_model_decision_metric_model_decision FOREIGN KEY(decision_id) REFERENCES routing.model_decision (id)
)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.prediction_outcome (
    item_cd VARCHAR(100) NOT NULL,
    publication_id INTEGER NOT NULL,
    model_version VARCHAR(128) NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    candidate_rank SMALLINT,
    candidates SMALLINT NOT NULL,
    confidence NUMERIC(5, 4),
    part_type VARCHAR(255),
    predicted_code VARCHAR(1000),
    written_code VARCHAR(1000) NOT NULL,
    predicted_operations INTEGER NOT NULL,
    written_operations INTEGER NOT NULL,
    common_operations INTEGER NOT NULL,
    adopted BOOLEAN NOT NULL,
    observed_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    observed_run VARCHAR(64) NOT NULL,
    CONSTRAINT pk_prediction_outcome PRIMARY KEY (item_cd, publication_id),
    CONSTRAINT ck_prediction_outcome_outcome CHECK (outcome IN ('first', 'alternative', 'other', 'abstained')),
    CONSTRAINT ck_prediction_outcome_counts CHECK (predicted_operations >= 0 AND written_operations >= 0 AND common_operations >= 0)
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_prediction_outcome_model_version ON routing.prediction_outcome (model_version)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_prediction_outcome_observed_at ON routing.prediction_outcome (observed_at)
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.model_quality_trend');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
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
    CASE WHEN (measured.window_id IS NOT NULL AND lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.computed_at, measured.model_version) IS NOT NULL) THEN CAST(NULL AS VARCHAR(40)) WHEN (lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.computed_at, measured.model_version) IS NULL) THEN CAST('no earlier version' AS VARCHAR(40)) WHEN (measured.window_id IS NOT NULL) THEN CAST('earlier versions: another window' AS VARCHAR(40)) ELSE CAST('no window is on record' AS VARCHAR(40)) END AS not_compared
FROM (SELECT m.model_version AS model_version, m.run_id AS run_id, m.method AS method, m.split AS split, m.segment AS segment, m.metric AS metric, m.value AS value, m.low AS low, m.high AS high, m.n AS n, m.reason AS reason, m.computed_at AS computed_at, m.window_id AS window_id, m.items_trained AS items_trained, row_number() OVER (PARTITION BY m.model_version, m.method, m.split, m.segment, m.metric, m.window_id ORDER BY m.computed_at DESC, m.run_id DESC) AS age
FROM routing.model_metric AS m) AS measured
    JOIN routing.model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.model_quality_trend AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.model_quality_trend TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.model_quality_trend;
    EXECUTE 'CREATE VIEW routing.model_quality_trend AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.model_quality_trend OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.batch_run_summary');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
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
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'warning') AS warnings_failed,
    n.message,
    b.writer,
    b.writer_reason
FROM routing.batch_run AS n LEFT OUTER
    JOIN routing.publication AS b ON b.id = n.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.batch_run_summary AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.batch_run_summary TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.batch_run_summary;
    EXECUTE 'CREATE VIEW routing.batch_run_summary AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.batch_run_summary OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.batch_run_rejects');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
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
FROM routing.batch_run AS n
    JOIN routing.rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.batch_run_rejects AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.batch_run_rejects TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.batch_run_rejects;
    EXECUTE 'CREATE VIEW routing.batch_run_rejects AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.batch_run_rejects OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
CREATE VIEW routing.model_decisions AS
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
FROM routing.model_decision AS d LEFT OUTER
    JOIN routing.model_decision_metric AS f ON f.decision_id = d.id
    AND f.basis = 'window'
    AND f.segment = 'all'
    AND f.metric = 'exact_at_1'
$statement$;

EXECUTE $statement$
CREATE VIEW routing.model_realised AS
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome = 'first') THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome = 'alternative') THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome = 'other') THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome = 'abstained') THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen
FROM routing.prediction_outcome AS o GROUP BY o.model_version
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0008' WHERE version_num = '0007'
$statement$;

END
$revision$;

-- 0008 -> 0009
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0008' THEN
    RETURN;
END IF;

EXECUTE $statement$
ALTER TABLE routing.routing_feedback ADD COLUMN mark VARCHAR(16)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.routing_feedback ADD COLUMN reason_code VARCHAR(32)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.routing_feedback ADD COLUMN remark VARCHAR(1000)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.routing_feedback ADD COLUMN undone_by VARCHAR(128)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.routing_feedback ADD COLUMN undone_at TIMESTAMP WITHOUT TIME ZONE
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN written_rout_no VARCHAR(50)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN copied_by VARCHAR(16)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN mark VARCHAR(16)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN reason_code VARCHAR(32)
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.model_realised');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome IN ('first')) THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome IN ('alternative')) THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome IN ('other')) THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome IN ('abstained')) THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen,
    sum(CASE WHEN (o.adopted = false) THEN 1 ELSE 0 END) AS written_themselves,
    sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = false) THEN 1 ELSE 0 END) AS themselves_as_first,
    CAST(sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = false) THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.adopted = false) THEN 1 ELSE 0 END), 0) AS exact_share
FROM routing.prediction_outcome AS o GROUP BY o.model_version
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.model_realised AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.model_realised TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.model_realised;
    EXECUTE 'CREATE VIEW routing.model_realised AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.model_realised OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
CREATE VIEW routing.acceptance_by_week AS
SELECT
    CAST(date_trunc('week', o.observed_at) AS DATE) AS week,
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS taken_over,
    sum(CASE WHEN (o.mark = 'edited') THEN 1 ELSE 0 END) AS edited,
    sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = false) THEN 1 ELSE 0 END) AS themselves_as_first,
    sum(CASE WHEN (o.outcome IN ('alternative') AND o.adopted = false) THEN 1 ELSE 0 END) AS themselves_as_another,
    sum(CASE WHEN (o.outcome IN ('other') AND o.adopted = false) THEN 1 ELSE 0 END) AS otherwise,
    CAST(sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS FLOAT) / nullif(count(*), 0) AS acceptance_rate
FROM routing.prediction_outcome AS o
WHERE o.candidates > 0 GROUP BY CAST(date_trunc('week', o.observed_at) AS DATE),
    o.model_version
$statement$;

EXECUTE $statement$
CREATE VIEW routing.routing_marks AS
SELECT
    f.item_cd,
    f.publication_id,
    f.candidate_id,
    f.candidate_rank,
    f.predicted_rout_no,
    f.routing_code,
    CASE WHEN (f.mark IS NULL) THEN 'accepted' ELSE f.mark END AS mark,
    f.reason_code,
    f.remark,
    f.accepted_by AS marked_by,
    f.accepted_at AS marked_at,
    f.undone_by,
    f.undone_at,
    CASE WHEN (f.undone_at IS NULL) THEN 1 ELSE 0 END AS in_force,
    (SELECT count(*) AS count_1
FROM routing.routing_feedback AS other
WHERE other.item_cd = f.item_cd AND other.undone_at IS NULL AND (other.mark IS NULL OR other.mark != 'rejected') AND other.routing_code != f.routing_code) AS others_accepted,
    b.model_version
FROM routing.routing_feedback AS f
    JOIN routing.publication AS b ON b.id = f.publication_id
$statement$;

EXECUTE $statement$
CREATE VIEW routing.rejection_reasons AS
SELECT
    CAST(date_trunc('week', f.accepted_at) AS DATE) AS week,
    b.model_version,
    f.candidate_rank,
    f.reason_code,
    count(*) AS candidates
FROM routing.routing_feedback AS f
    JOIN routing.publication AS b ON b.id = f.publication_id
WHERE f.mark = 'rejected'
    AND f.undone_at IS NULL GROUP BY CAST(date_trunc('week', f.accepted_at) AS DATE),
    b.model_version,
    f.candidate_rank,
    f.reason_code
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0009' WHERE version_num = '0008'
$statement$;

END
$revision$;

-- 0009 -> 0010
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0009' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.audit_log (
    id SERIAL NOT NULL,
    happened_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    command VARCHAR(64) NOT NULL,
    subject VARCHAR(400),
    done_by VARCHAR(128) NOT NULL,
    done_via VARCHAR(16) NOT NULL,
    database_login VARCHAR(128),
    host VARCHAR(128),
    outcome VARCHAR(16) NOT NULL,
    message VARCHAR(2000),
    CONSTRAINT pk_audit_log PRIMARY KEY (id),
    CONSTRAINT ck_audit_log_outcome CHECK (outcome IN ('succeeded', 'failed', 'stopped')),
    CONSTRAINT ck_audit_log_who_and_what CHECK (done_by <> '' AND command <> '')
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_audit_log_happened_at ON routing.audit_log (happened_at)
$statement$;

EXECUTE $statement$
CREATE TABLE routing.time_profile_month (
    month DATE NOT NULL,
    job_cd VARCHAR(50) NOT NULL,
    res_cd VARCHAR(50) NOT NULL,
    measure VARCHAR(5) NOT NULL,
    samples INTEGER NOT NULL,
    optimal_min NUMERIC(18, 4),
    standard_min NUMERIC(18, 4) NOT NULL,
    safe_min NUMERIC(18, 4),
    last_report DATE,
    run_id VARCHAR(64) NOT NULL,
    CONSTRAINT pk_time_profile_month PRIMARY KEY (month, job_cd, res_cd, measure),
    CONSTRAINT ck_time_profile_month_measure CHECK (measure IN ('run', 'setup')),
    CONSTRAINT ck_time_profile_month_measured CHECK (samples > 0 AND standard_min >= 0)
)
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.batch_run_summary');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
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
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM routing.quality_result AS q
WHERE q.run_id = n.run_id AND q.success = false AND q.severity = 'warning') AS warnings_failed,
    n.message,
    b.writer,
    b.writer_reason,
    CAST(date_part('epoch', n.finished_at - n.started_at) AS INTEGER) AS seconds
FROM routing.batch_run AS n LEFT OUTER
    JOIN routing.publication AS b ON b.id = n.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.batch_run_summary AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.batch_run_summary TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.batch_run_summary;
    EXECUTE 'CREATE VIEW routing.batch_run_summary AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.batch_run_summary OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
CREATE VIEW routing.families_by_month AS
SELECT
    CAST(date_trunc('month', o.observed_at) AS DATE) AS month,
    o.part_type,
    count(*) AS items_routed,
    sum(CASE WHEN (o.candidates > 0) THEN 1 ELSE 0 END) AS with_proposal,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS taken_over,
    sum(CASE WHEN (o.adopted = false) THEN 1 ELSE 0 END) AS written_themselves,
    sum(CASE WHEN (o.adopted = false AND o.outcome = 'first') THEN 1 ELSE 0 END) AS themselves_as_first,
    sum(CASE WHEN (o.outcome = 'abstained') THEN 1 ELSE 0 END) AS without_candidate,
    CAST(sum(CASE WHEN (o.adopted = false AND o.outcome = 'first') THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.adopted = false) THEN 1 ELSE 0 END), 0) AS exact_share,
    CAST(sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.candidates > 0) THEN 1 ELSE 0 END), 0) AS acceptance_rate
FROM routing.prediction_outcome AS o GROUP BY CAST(date_trunc('month', o.observed_at) AS DATE),
    o.part_type
$statement$;

EXECUTE $statement$
CREATE VIEW routing.rejects_by_rule AS
SELECT
    n.run_id,
    n.started_at,
    x.source_table,
    x.rule_name,
    sum(coalesce(x.copies, 1)) AS rejected,
    sum(CASE WHEN (x.run_id = n.run_id) THEN coalesce(x.copies, 1) ELSE 0 END) AS "new"
FROM routing.batch_run AS n
    JOIN routing.rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id GROUP BY n.run_id,
    n.started_at,
    x.source_table,
    x.rule_name
$statement$;

EXECUTE $statement$
CREATE VIEW routing.time_profile_changes AS
SELECT
    s.month,
    s.job_cd,
    s.res_cd,
    s.measure,
    s.samples,
    s.optimal_min,
    s.standard_min,
    s.safe_min,
    lag(s.month) OVER (PARTITION BY s.job_cd, s.res_cd, s.measure ORDER BY s.month) AS previous_month,
    lag(s.standard_min) OVER (PARTITION BY s.job_cd, s.res_cd, s.measure ORDER BY s.month) AS previous_min,
    CAST(s.standard_min AS FLOAT) / nullif(lag(s.standard_min) OVER (PARTITION BY s.job_cd, s.res_cd, s.measure ORDER BY s.month), 0) AS ratio,
    s.last_report,
    s.run_id
FROM routing.time_profile_month AS s
$statement$;

EXECUTE $statement$
CREATE VIEW routing.published_by_night AS
SELECT
    m.run_id,
    m.computed_at,
    m.model_version,
    n.publication_id,
    m.segment,
    m.metric,
    m.value,
    m.n,
    m.reason
FROM routing.model_metric AS m LEFT OUTER
    JOIN routing.batch_run AS n ON n.run_id = m.run_id
WHERE m.split = 'production'
$statement$;

EXECUTE $statement$
CREATE VIEW routing.publication_shown AS
SELECT
    e.publication_id,
    e.event,
    e.happened_at AS visible_from,
    (SELECT min(following.happened_at) AS min_1
FROM routing.publication_event AS following
WHERE following.id > e.id AND following.event IN ('published', 'rolled_back')) AS visible_until,
    e.done_by,
    e.message,
    b.model_version,
    b.run_id,
    b.rows_candidate AS candidates,
    b.rows_abstained AS abstained,
    b.items_changed,
    b.state
FROM routing.publication_event AS e
    JOIN routing.publication AS b ON b.id = e.publication_id
WHERE e.event IN ('published', 'rolled_back')
$statement$;

EXECUTE $statement$
CREATE VIEW routing.freshness AS
SELECT
    (SELECT max(p.publication_id) AS max_1
FROM routing.current_publication AS p) AS publication_id,
    (SELECT max(b.model_version) AS max_2
FROM routing.current_publication AS p JOIN routing.publication AS b ON b.id = p.publication_id) AS model_version,
    (SELECT max(p.moved_at) AS max_3
FROM routing.current_publication AS p) AS published_at,
    n.run_id AS last_run_id,
    n.status AS last_status,
    n.started_at AS last_started_at,
    n.finished_at AS last_finished_at,
    (SELECT max(ended.finished_at) AS max_4
FROM routing.batch_run AS ended
WHERE ended.kind != 'train' AND ended.status IN ('succeeded', 'succeeded_with_warnings')) AS last_success_at,
    n.message AS last_message
FROM routing.batch_run AS n
WHERE n.kind != 'train'
    AND NOT (EXISTS (SELECT 1
FROM routing.batch_run AS later_run
WHERE later_run.kind != 'train' AND later_run.started_at > n.started_at))
$statement$;

EXECUTE $statement$
CREATE VIEW routing.who_did_what AS
SELECT
    u.happened_at,
    u.done_by,
    u.done_via,
    u.action,
    u.subject,
    u.outcome,
    u.message
FROM (SELECT a.happened_at AS happened_at, CAST(a.done_by AS VARCHAR(128)) AS done_by, CAST(a.done_via AS VARCHAR(16)) AS done_via, CAST(a.command AS VARCHAR(64)) AS action, CAST(a.subject AS VARCHAR(400)) AS subject, CAST(a.outcome AS VARCHAR(16)) AS outcome, CAST(a.message AS VARCHAR(2000)) AS message
FROM routing.audit_log AS a UNION ALL SELECT d.decided_at AS happened_at, CAST(d.decided_by AS VARCHAR(128)) AS done_by, CAST(d.decided_via AS VARCHAR(16)) AS done_via, CAST('model ' || d.decision AS VARCHAR(64)) AS action, CAST(d.model_version AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(d.reason AS VARCHAR(2000)) AS message
FROM routing.model_decision AS d UNION ALL SELECT e.happened_at AS happened_at, CAST(e.done_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('publication ' || e.event AS VARCHAR(64)) AS action, CAST(CAST(e.publication_id AS VARCHAR(20)) AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(e.message AS VARCHAR(2000)) AS message
FROM routing.publication_event AS e UNION ALL SELECT f.accepted_at AS happened_at, CAST(f.accepted_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('proposal ' || CASE WHEN (f.mark IS NULL) THEN 'accepted' ELSE f.mark END AS VARCHAR(64)) AS action, CAST(f.candidate_id AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(CASE WHEN (f.remark IS NULL) THEN f.reason_code ELSE f.remark END AS VARCHAR(2000)) AS message
FROM routing.routing_feedback AS f UNION ALL SELECT f.undone_at AS happened_at, CAST(f.undone_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('proposal mark undone' AS VARCHAR(64)) AS action, CAST(f.candidate_id AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(NULL AS VARCHAR(2000)) AS message
FROM routing.routing_feedback AS f
WHERE f.undone_at IS NOT NULL UNION ALL SELECT g.accepted_at AS happened_at, CAST(g.accepted_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('standard time accepted' AS VARCHAR(64)) AS action, CAST(g.item_cd AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(g.job_cd AS VARCHAR(2000)) AS message
FROM routing.routing_feedback_time AS g) AS u
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0010' WHERE version_num = '0009'
$statement$;

END
$revision$;

-- 0010 -> 0011
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0010' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.publication_change (
    publication_id INTEGER NOT NULL,
    kind VARCHAR(8) NOT NULL,
    compared_with INTEGER NOT NULL,
    items_before INTEGER NOT NULL,
    items_shown INTEGER NOT NULL,
    items INTEGER NOT NULL,
    CONSTRAINT pk_publication_change PRIMARY KEY (publication_id, kind),
    CONSTRAINT fk_publication_change_publication FOREIGN KEY(publication_id) REFERENCES routing.publication (id),
    CONSTRAINT ck_publication_change_kind CHECK (kind IN ('new', 'gone', 'lost', 'found', 'first', 'details')),
    CONSTRAINT ck_publication_change_counts CHECK (items_before >= 0 AND items_shown >= 0 AND items >= 0)
)
$statement$;

EXECUTE $statement$
CREATE VIEW routing.publication_changes AS
SELECT
    b.id AS publication_id,
    max(d.compared_with) AS compared_with,
    b.published_at,
    b.run_id,
    b.model_version,
    max(d.items_before) AS items_before,
    max(d.items_shown) AS items_shown,
    sum(CASE WHEN (d.kind = 'new') THEN d.items ELSE 0 END) AS items_new,
    sum(CASE WHEN (d.kind = 'gone') THEN d.items ELSE 0 END) AS items_gone,
    sum(CASE WHEN (d.kind = 'lost') THEN d.items ELSE 0 END) AS items_lost,
    sum(CASE WHEN (d.kind = 'found') THEN d.items ELSE 0 END) AS items_found,
    sum(CASE WHEN (d.kind = 'first') THEN d.items ELSE 0 END) AS items_first,
    sum(CASE WHEN (d.kind = 'details') THEN d.items ELSE 0 END) AS items_details,
    CAST(sum(CASE WHEN (d.kind IN ('gone', 'lost')) THEN d.items ELSE 0 END) AS FLOAT) / nullif(max(d.items_before), 0) AS taken_away_share
FROM routing.publication AS b
    JOIN routing.publication_change AS d ON d.publication_id = b.id
WHERE b.published_at IS NOT NULL GROUP BY b.id,
    b.published_at,
    b.run_id,
    b.model_version
$statement$;

EXECUTE $statement$
CREATE VIEW routing.publication_item_changes AS
SELECT
    b.id AS publication_id,
    w.id AS compared_with,
    i.item_cd,
    CASE WHEN (was.item_cd IS NULL OR was.shown = false) THEN 'new' WHEN (i.shown = false) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind,
    c0.routing_code AS routing_before,
    c1.routing_code AS routing,
    c0.confidence AS confidence_before,
    c1.confidence
FROM routing.publication AS b
    JOIN routing.publication_change AS d ON d.publication_id = b.id
    AND d.kind = 'new'
    JOIN routing.publication AS w ON w.id = d.compared_with
    AND w.id < b.id
    AND w.purged_at IS NULL
    JOIN routing.item_version AS i ON i.from_publication > w.id
    AND i.from_publication <= b.id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER
    JOIN routing.item_version AS was ON was.item_cd = i.item_cd
    AND was.from_publication <= w.id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER
    JOIN routing.candidate AS c1 ON c1.publication_id = i.from_publication
    AND c1.item_cd = i.item_cd
    AND c1.candidate_rank = 1 LEFT OUTER
    JOIN routing.candidate AS c0 ON c0.publication_id = was.from_publication
    AND c0.item_cd = was.item_cd
    AND c0.candidate_rank = 1
WHERE b.published_at IS NOT NULL
    AND b.purged_at IS NULL
    AND (i.shown = true OR was.shown = true)
    AND (was.item_cd IS NULL OR was.shown = false OR i.shown = false OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL)
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0011' WHERE version_num = '0010'
$statement$;

END
$revision$;

-- 0011 -> 0012
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0011' THEN
    RETURN;
END IF;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN nearest_rank SMALLINT
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN edit_distance INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN machines_changed INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.prediction_outcome ADD COLUMN times_changed INTEGER
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_operations');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    CAST(coalesce(o.time_cv * o.standard_time, 0) AS NUMERIC(10, 2)) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN CAST(NULL AS VARCHAR(8)) WHEN (o.time_cv < 0.15) THEN CAST('안정적' AS VARCHAR(8)) WHEN (o.time_cv < 0.3) THEN CAST('보통' AS VARCHAR(8)) WHEN (o.time_cv < 0.5) THEN CAST('가변적' AS VARCHAR(8)) ELSE CAST('불안정' AS VARCHAR(8)) END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_operations AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_operations TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_operations;
    EXECUTE 'CREATE VIEW routing.routing_candidate_operations AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_operations OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_evidence');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    c.candidate_rank,
    e.evidence_rank,
    e.neighbour_item_cd,
    e.neighbour_rout_no,
    e.similarity,
    e.weight,
    e.matching,
    e.differing,
    p.publication_id,
    CASE WHEN (EXISTS (SELECT 1
FROM routing.prediction_outcome AS o
WHERE o.item_cd = e.neighbour_item_cd AND o.adopted = true)) THEN 1 ELSE 0 END AS neighbour_is_copy
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_evidence AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_evidence TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_evidence;
    EXECUTE 'CREATE VIEW routing.routing_candidate_evidence AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_evidence OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_flat');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.routing_signature AS "ROUTING_SIGNATURE",
    c.priority AS "PRIORITY",
    c.similarity_tier AS "SIMILARITY_TIER",
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    CAST(coalesce(o.time_cv * o.standard_time, 0) AS NUMERIC(10, 2)) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN CAST(NULL AS VARCHAR(8)) WHEN (o.time_cv < 0.15) THEN CAST('안정적' AS VARCHAR(8)) WHEN (o.time_cv < 0.3) THEN CAST('보통' AS VARCHAR(8)) WHEN (o.time_cv < 0.5) THEN CAST('가변적' AS VARCHAR(8)) ELSE CAST('불안정' AS VARCHAR(8)) END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_flat AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_flat TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_flat;
    EXECUTE 'CREATE VIEW routing.routing_flat AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_flat OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_marks');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    f.item_cd,
    f.publication_id,
    f.candidate_id,
    f.candidate_rank,
    f.predicted_rout_no,
    f.routing_code,
    CASE WHEN (f.mark IS NULL) THEN 'accepted' ELSE f.mark END AS mark,
    f.reason_code,
    f.remark,
    f.accepted_by AS marked_by,
    f.accepted_at AS marked_at,
    f.undone_by,
    f.undone_at,
    CASE WHEN (f.undone_at IS NULL) THEN 1 ELSE 0 END AS in_force,
    (SELECT count(*) AS count_1
FROM routing.routing_feedback AS other
WHERE other.item_cd = f.item_cd AND other.undone_at IS NULL AND (other.mark IS NULL OR other.mark != 'rejected') AND other.routing_code != f.routing_code) AS others_accepted,
    b.model_version,
    CASE WHEN (EXISTS (SELECT 1
FROM routing.prediction_outcome AS o
WHERE o.item_cd = f.item_cd AND o.observed_at >= f.accepted_at AND o.written_code = f.routing_code)) THEN CAST('this routing' AS VARCHAR(16)) WHEN (EXISTS (SELECT 1
FROM routing.prediction_outcome AS o
WHERE o.item_cd = f.item_cd AND o.observed_at >= f.accepted_at)) THEN CAST('another routing' AS VARCHAR(16)) ELSE CAST('none yet' AS VARCHAR(16)) END AS erp_has
FROM routing.routing_feedback AS f
    JOIN routing.publication AS b ON b.id = f.publication_id
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_marks AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_marks TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_marks;
    EXECUTE 'CREATE VIEW routing.routing_marks AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_marks OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
CREATE VIEW routing.item_outcomes AS
SELECT
    o.item_cd,
    o.publication_id,
    o.model_version,
    o.part_type,
    CASE WHEN (o.candidates = 0) THEN CAST('no_proposal' AS VARCHAR(24)) WHEN (o.adopted = true AND o.candidate_rank > 1) THEN CAST('accepted_alternative' AS VARCHAR(24)) WHEN (o.adopted = true) THEN CAST('accepted' AS VARCHAR(24)) WHEN (o.mark = 'edited' OR o.copied_by IS NOT NULL) THEN CAST('edited' AS VARCHAR(24)) WHEN (o.mark = 'accepted') THEN CAST('superseded' AS VARCHAR(24)) WHEN (o.mark = 'rejected') THEN CAST('rejected' AS VARCHAR(24)) WHEN (o.outcome IN ('first', 'alternative')) THEN CAST('same_by_hand' AS VARCHAR(24)) WHEN (o.common_operations = 0) THEN CAST('ignored' AS VARCHAR(24)) ELSE CAST('other_by_hand' AS VARCHAR(24)) END AS verdict,
    o.candidate_rank,
    o.nearest_rank,
    o.confidence,
    o.edit_distance,
    o.machines_changed,
    o.times_changed,
    o.predicted_code,
    o.written_code,
    o.written_rout_no,
    o.copied_by,
    o.mark,
    o.reason_code,
    CAST(date_trunc('week', o.observed_at) AS DATE) AS week,
    o.observed_at
FROM routing.prediction_outcome AS o
$statement$;

EXECUTE $statement$
CREATE VIEW routing.edits_by_family AS
SELECT
    CAST(date_trunc('month', o.observed_at) AS DATE) AS month,
    o.part_type,
    o.nearest_rank,
    count(*) AS items,
    sum(CASE WHEN (o.edit_distance = 0) THEN 1 ELSE 0 END) AS same_operations,
    sum(CASE WHEN (o.edit_distance = 0 AND o.machines_changed = 0) THEN 1 ELSE 0 END) AS same_machines,
    CAST(sum(o.edit_distance) AS FLOAT) / nullif(count(*), 0) AS mean_edit_distance,
    sum(o.written_operations) AS operations,
    sum(o.machines_changed) AS machines_changed,
    sum(o.times_changed) AS times_changed
FROM routing.prediction_outcome AS o
WHERE o.edit_distance IS NOT NULL GROUP BY CAST(date_trunc('month', o.observed_at) AS DATE),
    o.part_type,
    o.nearest_rank
$statement$;

EXECUTE $statement$
CREATE VIEW routing.open_proposals AS
SELECT
    i.item_cd,
    p.publication_id,
    b.model_version,
    c.candidate_id,
    c.routing_code,
    c.confidence,
    (SELECT min(since.published_at) AS min_1
FROM routing.item_version AS earlier JOIN routing.publication AS since ON since.id = earlier.from_publication JOIN routing.candidate AS shown_then ON shown_then.publication_id = earlier.from_publication AND shown_then.item_cd = earlier.item_cd AND shown_then.candidate_rank = 1
WHERE earlier.item_cd = i.item_cd AND earlier.from_publication <= p.publication_id AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS closing
WHERE closing.item_cd = i.item_cd AND closing.shown = false AND closing.from_publication > earlier.from_publication AND closing.from_publication <= p.publication_id))) AS open_since,
    CASE WHEN (EXISTS (SELECT 1
FROM routing.routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND (f.mark IS NULL OR f.mark IN ('accepted', 'edited')) AND (EXISTS (SELECT 1
FROM routing.candidate AS beside
WHERE beside.publication_id = i.from_publication AND beside.item_cd = i.item_cd AND beside.routing_code = f.routing_code)))) THEN CAST('accepted' AS VARCHAR(16)) WHEN (EXISTS (SELECT 1
FROM routing.routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND (f.mark IS NULL OR f.mark IN ('accepted', 'edited')))) THEN CAST('superseded' AS VARCHAR(16)) WHEN (EXISTS (SELECT 1
FROM routing.routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND f.mark = 'rejected' AND f.routing_code = c.routing_code)) THEN CAST('rejected' AS VARCHAR(16)) ELSE CAST('open' AS VARCHAR(16)) END AS state
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
WHERE c.candidate_rank = 1
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0012' WHERE version_num = '0011'
$statement$;

END
$revision$;

-- 0012 -> 0013
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0012' THEN
    RETURN;
END IF;

EXECUTE $statement$
ALTER TABLE routing.candidate ADD COLUMN replaced_operations INTEGER
$statement$;

EXECUTE $statement$
ALTER TABLE routing.candidate_operation ADD COLUMN replaced_job VARCHAR(32)
$statement$;

EXECUTE $statement$
ALTER TABLE routing.publication ADD COLUMN model_quality NUMERIC(5, 4)
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidates');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    c.routing_signature,
    c.similarity_score,
    c.priority,
    c.similarity_tier,
    c.reference_item_cd,
    b.model_version AS generator_version,
    b.created_at AS generated_at,
    c.candidate_rank,
    c.rout_no,
    c.routing_source,
    c.process_count,
    c.work_order_count,
    c.confidence,
    p.publication_id,
    c.item_hash,
    c.predicted_rout_no,
    c.routing_code,
    c.work_order_confidence,
    c.neighbour_count,
    c.support,
    c.matched_attributes,
    CAST('N' AS VARCHAR(1)) AS has_routing,
    CASE WHEN (c.replaced_operations > 0) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS outsourcing_replaced,
    b.model_quality,
    CASE WHEN (c.confidence + b.model_quality >= 1.6) THEN CAST('A' AS VARCHAR(1)) WHEN (c.confidence + b.model_quality >= 1.4) THEN CAST('B' AS VARCHAR(1)) WHEN (c.confidence + b.model_quality >= 1.2) THEN CAST('C' AS VARCHAR(1)) WHEN (c.confidence + b.model_quality >= 0.0) THEN CAST('D' AS VARCHAR(1)) ELSE CAST(NULL AS VARCHAR(1)) END AS quality_grade,
    CASE WHEN (c.confidence + b.model_quality >= 1.6) THEN CAST('우수' AS VARCHAR(8)) WHEN (c.confidence + b.model_quality >= 1.4) THEN CAST('양호' AS VARCHAR(8)) WHEN (c.confidence + b.model_quality >= 1.2) THEN CAST('보통' AS VARCHAR(8)) WHEN (c.confidence + b.model_quality >= 0.0) THEN CAST('개선필요' AS VARCHAR(8)) ELSE CAST(NULL AS VARCHAR(8)) END AS quality_label
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidates AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidates TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidates;
    EXECUTE 'CREATE VIEW routing.routing_candidates AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidates OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_candidate_operations');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd,
    c.candidate_id,
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CASE WHEN (o.replaced_job IS NOT NULL) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    CAST(coalesce(o.time_cv * o.standard_time, 0) AS NUMERIC(10, 2)) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN CAST(NULL AS VARCHAR(8)) WHEN (o.time_cv < 0.15) THEN CAST('안정적' AS VARCHAR(8)) WHEN (o.time_cv < 0.3) THEN CAST('보통' AS VARCHAR(8)) WHEN (o.time_cv < 0.5) THEN CAST('가변적' AS VARCHAR(8)) ELSE CAST('불안정' AS VARCHAR(8)) END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED",
    CAST((o.setup_p90 - o.setup_p10) / CAST(2.5631 AS DOUBLE PRECISION) AS NUMERIC(10, 2)) AS "SETUP_STD",
    o.replaced_job AS "REPLACED_JOB_CD"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_candidate_operations AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_candidate_operations TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_candidate_operations;
    EXECUTE 'CREATE VIEW routing.routing_candidate_operations AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_candidate_operations OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.routing_flat');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    i.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.routing_signature AS "ROUTING_SIGNATURE",
    c.priority AS "PRIORITY",
    c.similarity_tier AS "SIMILARITY_TIER",
    o.proc_seq AS "PROC_SEQ",
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS "INSIDE_FLAG",
    o.job_cd AS "dbo_BI_ROUTING_VIEW_JOB_CD",
    o.job_nm AS "JOB_NM",
    o.res_cd AS "RES_CD",
    o.res_nm AS "RES_DIS",
    b.time_unit AS "TIME_UNIT",
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.batch_oper AS "BATCH_OPER",
    o.bp_cd AS "BP_CD",
    o.cust_nm AS "dbo_BI_ROUTING_VIEW_CUST_NM",
    o.cur_cd AS "CUR_CD",
    o.subcontract_prc AS "SUBCONTRACT_PRC",
    o.tax_type AS "TAX_TYPE",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    o.rout_order AS "ROUT_ORDER",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CASE WHEN (o.replaced_job IS NOT NULL) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    CAST(coalesce(o.time_cv * o.standard_time, 0) AS NUMERIC(10, 2)) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN CAST(NULL AS VARCHAR(8)) WHEN (o.time_cv < 0.15) THEN CAST('안정적' AS VARCHAR(8)) WHEN (o.time_cv < 0.3) THEN CAST('보통' AS VARCHAR(8)) WHEN (o.time_cv < 0.5) THEN CAST('가변적' AS VARCHAR(8)) ELSE CAST('불안정' AS VARCHAR(8)) END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED",
    CAST((o.setup_p90 - o.setup_p10) / CAST(2.5631 AS DOUBLE PRECISION) AS NUMERIC(10, 2)) AS "SETUP_STD",
    o.replaced_job AS "REPLACED_JOB_CD"
FROM routing.current_publication AS p
    JOIN routing.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN routing.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN routing.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN routing.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.routing_flat AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.routing_flat TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.routing_flat;
    EXECUTE 'CREATE VIEW routing.routing_flat AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.routing_flat OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0013' WHERE version_num = '0012'
$statement$;

END
$revision$;

-- 0013 -> 0014
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0013' THEN
    RETURN;
END IF;

EXECUTE $statement$
CREATE TABLE routing.erp_read (
    number SERIAL NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    began_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    overtaken_no INTEGER,
    overtaken_at TIMESTAMP WITHOUT TIME ZONE,
    CONSTRAINT pk_erp_read PRIMARY KEY (number),
    CONSTRAINT ck_erp_read_overtaken_no CHECK (overtaken_no > number)
)
$statement$;

EXECUTE $statement$
CREATE INDEX ix_erp_read_run_id ON routing.erp_read (run_id)
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0014' WHERE version_num = '0013'
$statement$;

END
$revision$;

-- 0014 -> 0015
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0014' THEN
    RETURN;
END IF;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.model_quality_trend');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
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
    CASE WHEN (measured.window_id IS NOT NULL AND lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric, measured.window_id ORDER BY measured.place, measured.computed_at, measured.model_version) IS NOT NULL) THEN CAST(NULL AS VARCHAR(40)) WHEN (lag(measured.model_version) OVER (PARTITION BY measured.method, measured.split, measured.segment, measured.metric ORDER BY measured.place, measured.computed_at, measured.model_version) IS NULL) THEN CAST('no earlier version' AS VARCHAR(40)) WHEN (measured.window_id IS NOT NULL) THEN CAST('earlier versions: another window' AS VARCHAR(40)) ELSE CAST('no window is on record' AS VARCHAR(40)) END AS not_compared
FROM (SELECT placed.model_version AS model_version, placed.run_id AS run_id, placed.method AS method, placed.split AS split, placed.segment AS segment, placed.metric AS metric, placed.value AS value, placed.low AS low, placed.high AS high, placed.n AS n, placed.reason AS reason, placed.computed_at AS computed_at, placed.window_id AS window_id, placed.items_trained AS items_trained, placed.place AS place, row_number() OVER (PARTITION BY placed.model_version, placed.method, placed.split, placed.segment, placed.metric, placed.window_id ORDER BY placed.place DESC, placed.computed_at DESC, placed.run_id DESC) AS age
FROM (SELECT m.model_version AS model_version, m.run_id AS run_id, m.method AS method, m.split AS split, m.segment AS segment, m.metric AS metric, m.value AS value, m.low AS low, m.high AS high, m.n AS n, m.reason AS reason, m.computed_at AS computed_at, m.window_id AS window_id, m.items_trained AS items_trained, coalesce((SELECT max(k.number) AS max_1
FROM routing.erp_read AS k
WHERE k.run_id = m.run_id), (SELECT max(k.number) AS max_1
FROM routing.erp_read AS k
WHERE k.began_at <= m.computed_at), 0) AS place
FROM routing.model_metric AS m) AS placed) AS measured
    JOIN routing.model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.model_quality_trend AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.model_quality_trend TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.model_quality_trend;
    EXECUTE 'CREATE VIEW routing.model_quality_trend AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.model_quality_trend OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.freshness');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    (SELECT max(p.publication_id) AS max_1
FROM routing.current_publication AS p) AS publication_id,
    (SELECT max(b.model_version) AS max_2
FROM routing.current_publication AS p JOIN routing.publication AS b ON b.id = p.publication_id) AS model_version,
    (SELECT max(p.moved_at) AS max_3
FROM routing.current_publication AS p) AS published_at,
    aged_n.run_id AS last_run_id,
    aged_n.status AS last_status,
    aged_n.started_at AS last_started_at,
    aged_n.finished_at AS last_finished_at,
    (SELECT aged_ended.finished_at
FROM (SELECT placed_ended.run_id AS run_id, placed_ended.status AS status, placed_ended.started_at AS started_at, placed_ended.finished_at AS finished_at, placed_ended.message AS message, placed_ended.place AS place, row_number() OVER (ORDER BY placed_ended.place DESC, placed_ended.started_at DESC, placed_ended.run_id DESC) AS age
FROM (SELECT ended.run_id AS run_id, ended.status AS status, ended.started_at AS started_at, ended.finished_at AS finished_at, ended.message AS message, coalesce((SELECT max(k.number) AS max_4
FROM routing.erp_read AS k
WHERE k.run_id = ended.run_id), (SELECT max(k.number) AS max_4
FROM routing.erp_read AS k
WHERE k.began_at <= ended.started_at), 0) AS place
FROM routing.batch_run AS ended
WHERE ended.kind != 'train' AND ended.status IN ('succeeded', 'succeeded_with_warnings')) AS placed_ended) AS aged_ended
WHERE aged_ended.age = 1) AS last_success_at,
    aged_n.message AS last_message
FROM (SELECT placed_n.run_id AS run_id, placed_n.status AS status, placed_n.started_at AS started_at, placed_n.finished_at AS finished_at, placed_n.message AS message, placed_n.place AS place, row_number() OVER (ORDER BY placed_n.place DESC, placed_n.started_at DESC, placed_n.run_id DESC) AS age
FROM (SELECT n.run_id AS run_id, n.status AS status, n.started_at AS started_at, n.finished_at AS finished_at, n.message AS message, coalesce((SELECT max(k.number) AS max_5
FROM routing.erp_read AS k
WHERE k.run_id = n.run_id), (SELECT max(k.number) AS max_5
FROM routing.erp_read AS k
WHERE k.began_at <= n.started_at), 0) AS place
FROM routing.batch_run AS n
WHERE n.kind != 'train') AS placed_n) AS aged_n
WHERE aged_n.age = 1
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.freshness AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.freshness TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.freshness;
    EXECUTE 'CREATE VIEW routing.freshness AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.freshness OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0015' WHERE version_num = '0014'
$statement$;

END
$revision$;

-- 0015 -> 0016
DO $revision$
BEGIN
IF (SELECT coalesce(min(version_num), 'base') FROM routing.schema_version) <> '0015' THEN
    RETURN;
END IF;

EXECUTE $statement$
DO $again$
DECLARE
    was regclass := to_regclass('routing.publication_item_changes');
    owner_name text;
    granted text[];
    statement text;
    body text := $select$
SELECT
    u.publication_id,
    u.compared_with,
    u.item_cd,
    u.kind,
    u.routing_before,
    u.routing,
    u.confidence_before,
    u.confidence
FROM (SELECT b.id AS publication_id, w.id AS compared_with, i.item_cd AS item_cd, CASE WHEN (was.item_cd IS NULL OR was.shown = false) THEN 'new' WHEN (i.item_cd IS NULL OR i.shown = false) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind, c0.routing_code AS routing_before, c1.routing_code AS routing, c0.confidence AS confidence_before, c1.confidence AS confidence
FROM routing.publication AS b JOIN routing.publication_change AS d ON d.publication_id = b.id AND d.kind = 'new' JOIN routing.publication AS w ON w.id = d.compared_with AND w.purged_at IS NULL JOIN routing.item_version AS i ON i.from_publication > w.id AND i.from_publication <= b.id AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER JOIN routing.item_version AS was ON was.item_cd = i.item_cd AND was.from_publication <= w.id AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER JOIN routing.candidate AS c1 ON c1.publication_id = i.from_publication AND c1.item_cd = i.item_cd AND c1.candidate_rank = 1 LEFT OUTER JOIN routing.candidate AS c0 ON c0.publication_id = was.from_publication AND c0.item_cd = was.item_cd AND c0.candidate_rank = 1
WHERE w.id < b.id AND b.published_at IS NOT NULL AND b.purged_at IS NULL AND (i.shown = true OR was.shown = true) AND (was.item_cd IS NULL OR was.shown = false OR i.item_cd IS NULL OR i.shown = false OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL) UNION ALL SELECT b.id AS publication_id, w.id AS compared_with, was.item_cd AS item_cd, CASE WHEN (was.item_cd IS NULL OR was.shown = false) THEN 'new' WHEN (i.item_cd IS NULL OR i.shown = false) THEN 'gone' WHEN (c0.routing_code IS NOT NULL AND c1.routing_code IS NULL) THEN 'lost' WHEN (c0.routing_code IS NULL AND c1.routing_code IS NOT NULL) THEN 'found' WHEN (c1.routing_code != c0.routing_code) THEN 'first' ELSE 'details' END AS kind, c0.routing_code AS routing_before, c1.routing_code AS routing, c0.confidence AS confidence_before, c1.confidence AS confidence
FROM routing.publication AS b JOIN routing.publication_change AS d ON d.publication_id = b.id AND d.kind = 'new' JOIN routing.publication AS w ON w.id = d.compared_with AND w.purged_at IS NULL JOIN routing.item_version AS was ON was.from_publication > b.id AND was.from_publication <= w.id AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS between_two
WHERE between_two.item_cd = was.item_cd AND between_two.from_publication > was.from_publication AND between_two.from_publication <= w.id)) LEFT OUTER JOIN routing.item_version AS i ON i.item_cd = was.item_cd AND i.from_publication <= b.id AND NOT (EXISTS (SELECT 1
FROM routing.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= b.id)) LEFT OUTER JOIN routing.candidate AS c1 ON c1.publication_id = i.from_publication AND c1.item_cd = i.item_cd AND c1.candidate_rank = 1 LEFT OUTER JOIN routing.candidate AS c0 ON c0.publication_id = was.from_publication AND c0.item_cd = was.item_cd AND c0.candidate_rank = 1
WHERE w.id > b.id AND b.published_at IS NOT NULL AND b.purged_at IS NULL AND (i.shown = true OR was.shown = true) AND (was.item_cd IS NULL OR was.shown = false OR i.item_cd IS NULL OR i.shown = false OR NOT (was.hash_a = i.hash_a AND was.hash_b = i.hash_b) OR was.hash_a IS NULL OR i.hash_a IS NULL)) AS u
$select$;
BEGIN
    BEGIN
        EXECUTE 'CREATE OR REPLACE VIEW routing.publication_item_changes AS' || body;
        RETURN;
    EXCEPTION WHEN invalid_table_definition THEN
        NULL;  -- A column changes its type or goes: the view has to be dropped.
    END;
    SELECT pg_get_userbyid(relowner) INTO owner_name FROM pg_class WHERE oid = was;
    SELECT array_agg('GRANT ' || right_name || column_list || ' ON routing.publication_item_changes TO ' || grantee || option)
    INTO granted
    FROM (
        SELECT a.privilege_type AS right_name, '' AS column_list, a.grantee AS grantee_oid, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = was AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, ' (' || quote_ident(t.attname) || ')', a.grantee, a.is_grantable
        FROM pg_attribute AS t, aclexplode(t.attacl) AS a
        WHERE t.attrelid = was
    ) AS rights
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN grantee_oid = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee_oid)) END AS grantee,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    ) AS words;
    DROP VIEW routing.publication_item_changes;
    EXECUTE 'CREATE VIEW routing.publication_item_changes AS' || body;
    IF owner_name <> current_user THEN
        EXECUTE 'ALTER VIEW routing.publication_item_changes OWNER TO ' || quote_ident(owner_name);
    END IF;
    FOREACH statement IN ARRAY coalesce(granted, ARRAY[]::text[]) LOOP
        EXECUTE statement;
    END LOOP;
END
$again$
$statement$;

EXECUTE $statement$
UPDATE routing.schema_version SET version_num = '0016' WHERE version_num = '0015'
$statement$;

END
$revision$;

COMMIT;
