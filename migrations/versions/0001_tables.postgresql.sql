-- upgrade

CREATE TABLE {schema}.batch_run (
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
);

CREATE INDEX ix_batch_run_started_at ON {schema}.batch_run (started_at);

CREATE TABLE {schema}.model_version (
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
);

CREATE TABLE {schema}.publication (
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
);

CREATE INDEX ix_publication_content_hash ON {schema}.publication (content_hash);

CREATE TABLE {schema}.writer_lock (
    name VARCHAR(32) NOT NULL,
    owner VARCHAR(36),
    what VARCHAR(200),
    host VARCHAR(255),
    pid INTEGER,
    process VARCHAR(100),
    acquired_at TIMESTAMP WITHOUT TIME ZONE,
    heartbeat_at TIMESTAMP WITHOUT TIME ZONE,
    CONSTRAINT pk_writer_lock PRIMARY KEY (name)
);

CREATE TABLE {schema}.abstained_item (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    reason_code VARCHAR(40) NOT NULL,
    reason VARCHAR(400) NOT NULL,
    best_similarity NUMERIC(5, 4),
    CONSTRAINT pk_abstained_item PRIMARY KEY (publication_id, item_cd),
    CONSTRAINT fk_abstained_item_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_abstained_item_shares CHECK (best_similarity >= 0 AND best_similarity <= 1)
);

CREATE TABLE {schema}.candidate (
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
    CONSTRAINT fk_candidate_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_candidate_counts CHECK (process_count > 0 AND work_order_count >= 0 AND neighbour_count >= 0),
    CONSTRAINT ck_candidate_priority CHECK (priority IN ('primary', 'fallback')),
    CONSTRAINT ck_candidate_rank CHECK (candidate_rank > 0),
    CONSTRAINT ck_candidate_routing_source CHECK (routing_source IN ('similar', 'self')),
    CONSTRAINT ck_candidate_shares CHECK (similarity_score >= 0 AND similarity_score <= 1 AND confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND work_order_confidence >= 0 AND work_order_confidence <= 1),
    CONSTRAINT ck_candidate_similarity_tier CHECK (similarity_tier IN ('HIGH', 'LOW'))
);

CREATE INDEX ix_candidate_publication_id_priority ON {schema}.candidate (publication_id, priority);

CREATE TABLE {schema}.current_publication (
    slot SMALLINT NOT NULL,
    publication_id INTEGER NOT NULL,
    moved_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    moved_by VARCHAR(128) NOT NULL,
    CONSTRAINT pk_current_publication PRIMARY KEY (slot),
    CONSTRAINT fk_current_publication_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_current_publication_slot CHECK (slot = 1)
);

CREATE TABLE {schema}.model_metric (
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
    CONSTRAINT fk_model_metric_model_version FOREIGN KEY(model_version) REFERENCES {schema}.model_version (version) ON DELETE CASCADE,
    CONSTRAINT ck_model_metric_null_has_reason CHECK (value IS NOT NULL OR reason IS NOT NULL)
);

CREATE TABLE {schema}.publication_event (
    id SERIAL NOT NULL,
    publication_id INTEGER NOT NULL,
    event VARCHAR(16) NOT NULL,
    happened_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    done_by VARCHAR(128) NOT NULL,
    message VARCHAR(2000),
    CONSTRAINT pk_publication_event PRIMARY KEY (id),
    CONSTRAINT fk_publication_event_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id)
);

CREATE INDEX ix_publication_event_publication_id ON {schema}.publication_event (publication_id);

CREATE TABLE {schema}.quality_result (
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
    CONSTRAINT fk_quality_result_batch_run FOREIGN KEY(run_id) REFERENCES {schema}.batch_run (run_id) ON DELETE CASCADE,
    CONSTRAINT ck_quality_result_severity CHECK (severity IN ('critical', 'warning'))
);

CREATE TABLE {schema}.rejected_row (
    run_id VARCHAR(64) NOT NULL,
    seq INTEGER NOT NULL,
    source_table VARCHAR(40) NOT NULL,
    row_key VARCHAR(300) NOT NULL,
    rule_name VARCHAR(60) NOT NULL,
    reason VARCHAR(400) NOT NULL,
    raw_values VARCHAR(4000) NOT NULL,
    CONSTRAINT pk_rejected_row PRIMARY KEY (run_id, seq),
    CONSTRAINT fk_rejected_row_batch_run FOREIGN KEY(run_id) REFERENCES {schema}.batch_run (run_id) ON DELETE CASCADE
);

CREATE TABLE {schema}.resource_alternative (
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
    CONSTRAINT fk_resource_alternative_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_resource_alternative_counts CHECK (alternative_rank > 0 AND use_count >= 0),
    CONSTRAINT ck_resource_alternative_shares CHECK (use_share >= 0 AND use_share <= 1)
);

CREATE TABLE {schema}.candidate_evidence (
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
    CONSTRAINT fk_candidate_evidence_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES {schema}.candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_evidence_rank CHECK (evidence_rank > 0),
    CONSTRAINT ck_candidate_evidence_shares CHECK (similarity >= 0 AND similarity <= 1 AND weight >= 0 AND weight <= 1)
);

CREATE TABLE {schema}.candidate_operation (
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
    CONSTRAINT fk_candidate_operation_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES {schema}.candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_operation_flags CHECK (insp_flg IN ('Y', 'N') AND milestone_flg IN ('Y', 'N')),
    CONSTRAINT ck_candidate_operation_inside CHECK (inside IN ('in', 'out')),
    CONSTRAINT ck_candidate_operation_not_negative CHECK (sample_count >= 0 AND time_cv >= 0 AND subcontract_prc >= 0),
    CONSTRAINT ck_candidate_operation_opt_std_safe CHECK (optimal_time <= standard_time AND standard_time <= safe_time AND optimal_time <= safe_time),
    CONSTRAINT ck_candidate_operation_proc_seq CHECK (proc_seq > 0),
    CONSTRAINT ck_candidate_operation_shares CHECK (confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND time_confidence >= 0 AND time_confidence <= 1 AND source_similarity >= 0 AND source_similarity <= 1),
    CONSTRAINT ck_candidate_operation_time_source CHECK (time_source IN ('actual_own', 'actual_similar', 'standard_similar', 'model', 'none')),
    CONSTRAINT ck_candidate_operation_times_not_negative CHECK (setup_time >= 0 AND run_time >= 0 AND setup_p10 >= 0 AND setup_p90 >= 0 AND run_p10 >= 0 AND run_p50 >= 0 AND run_p90 >= 0 AND optimal_time >= 0 AND standard_time >= 0 AND safe_time >= 0 AND act_setup_time >= 0 AND act_run_time >= 0 AND queue_time >= 0 AND wait_time >= 0 AND move_time >= 0 AND mfg_lt >= 0)
);

-- downgrade

DROP TABLE {schema}.candidate_operation;

DROP TABLE {schema}.candidate_evidence;

DROP TABLE {schema}.resource_alternative;

DROP TABLE {schema}.rejected_row;

DROP TABLE {schema}.quality_result;

DROP INDEX {schema}.ix_publication_event_publication_id;

DROP TABLE {schema}.publication_event;

DROP TABLE {schema}.model_metric;

DROP TABLE {schema}.current_publication;

DROP INDEX {schema}.ix_candidate_publication_id_priority;

DROP TABLE {schema}.candidate;

DROP TABLE {schema}.abstained_item;

DROP TABLE {schema}.writer_lock;

DROP INDEX {schema}.ix_publication_content_hash;

DROP TABLE {schema}.publication;

DROP TABLE {schema}.model_version;

DROP INDEX {schema}.ix_batch_run_started_at;

DROP TABLE {schema}.batch_run;
