-- upgrade

CREATE TABLE {schema}.batch_run (
    run_id NVARCHAR(64) NOT NULL,
    kind NVARCHAR(40) NOT NULL,
    started_at DATETIME2(3) NOT NULL,
    finished_at DATETIME2(3) NULL,
    status VARCHAR(16) NOT NULL,
    attempt INTEGER NOT NULL DEFAULT '1',
    rows_read BIGINT NULL,
    rows_written BIGINT NULL,
    rows_rejected BIGINT NULL,
    config_hash VARCHAR(64) NULL,
    profile NVARCHAR(128) NULL,
    model_version NVARCHAR(128) NULL,
    publication_id INTEGER NULL,
    message NVARCHAR(2000) NULL,
    metadata NVARCHAR(max) NULL,
    CONSTRAINT pk_batch_run PRIMARY KEY CLUSTERED (run_id),
    CONSTRAINT ck_batch_run_status CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled'))
);

CREATE INDEX ix_batch_run_started_at ON {schema}.batch_run (started_at);

CREATE TABLE {schema}.model_version (
    version NVARCHAR(128) NOT NULL,
    status VARCHAR(16) NOT NULL,
    requested_by NVARCHAR(128) NULL,
    run_id NVARCHAR(64) NULL,
    created_at DATETIME2(3) NOT NULL,
    trained_at DATETIME2(3) NULL,
    activated_at DATETIME2(3) NULL,
    activated_by NVARCHAR(128) NULL,
    updated_at DATETIME2(3) NOT NULL,
    manifest_sha256 VARCHAR(64) NOT NULL,
    training_samples INTEGER NULL,
    unique_items INTEGER NULL,
    unique_processes INTEGER NULL,
    training_duration_sec FLOAT(53) NULL,
    hyperparameters NVARCHAR(max) NULL,
    metadata NVARCHAR(max) NULL,
    CONSTRAINT pk_model_version PRIMARY KEY CLUSTERED (version),
    CONSTRAINT ck_model_version_status CHECK (status IN ('pending', 'active', 'retired', 'unmeasured'))
);

CREATE TABLE {schema}.publication (
    id INTEGER NOT NULL IDENTITY,
    run_id NVARCHAR(64) NOT NULL,
    model_version NVARCHAR(128) NOT NULL,
    state VARCHAR(16) NOT NULL,
    content_hash VARCHAR(64) NOT NULL,
    rows_candidate INTEGER NOT NULL DEFAULT '0',
    rows_operation INTEGER NOT NULL DEFAULT '0',
    rows_evidence INTEGER NOT NULL DEFAULT '0',
    rows_resource INTEGER NOT NULL DEFAULT '0',
    rows_abstained INTEGER NOT NULL DEFAULT '0',
    checksums NVARCHAR(max) NULL,
    writer NVARCHAR(200) NULL,
    created_at DATETIME2(3) NOT NULL,
    loaded_at DATETIME2(3) NULL,
    published_at DATETIME2(3) NULL,
    published_by NVARCHAR(128) NULL,
    retired_at DATETIME2(3) NULL,
    purged_at DATETIME2(3) NULL,
    message NVARCHAR(2000) NULL,
    word_inhouse NVARCHAR(16) NOT NULL,
    word_outsourced NVARCHAR(16) NOT NULL,
    time_unit NVARCHAR(16) NOT NULL,
    run_time_unit NVARCHAR(16) NOT NULL,
    service_user NVARCHAR(32) NOT NULL,
    company_code NVARCHAR(20) NOT NULL,
    plant_code NVARCHAR(20) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (id),
    CONSTRAINT ck_publication_state CHECK (state IN ('loading', 'loaded', 'published', 'retired', 'failed', 'purged'))
);

CREATE INDEX ix_publication_content_hash ON {schema}.publication (content_hash);

CREATE TABLE {schema}.writer_lock (
    name VARCHAR(32) NOT NULL,
    owner VARCHAR(36) NULL,
    what NVARCHAR(200) NULL,
    host NVARCHAR(255) NULL,
    pid INTEGER NULL,
    process NVARCHAR(100) NULL,
    acquired_at DATETIME2(3) NULL,
    heartbeat_at DATETIME2(3) NULL,
    CONSTRAINT pk_writer_lock PRIMARY KEY CLUSTERED (name)
);

CREATE TABLE {schema}.abstained_item (
    publication_id INTEGER NOT NULL,
    item_cd NVARCHAR(100) NOT NULL,
    reason_code NVARCHAR(40) NOT NULL,
    reason NVARCHAR(400) NOT NULL,
    best_similarity NUMERIC(5, 4) NULL,
    CONSTRAINT pk_abstained_item PRIMARY KEY CLUSTERED (publication_id, item_cd),
    CONSTRAINT fk_abstained_item_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_abstained_item_shares CHECK (best_similarity >= 0 AND best_similarity <= 1)
);

CREATE TABLE {schema}.candidate (
    publication_id INTEGER NOT NULL,
    item_cd NVARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    candidate_id NVARCHAR(110) NOT NULL,
    routing_signature NVARCHAR(200) NOT NULL,
    routing_code NVARCHAR(1000) NOT NULL,
    similarity_score NUMERIC(5, 4) NOT NULL,
    confidence NUMERIC(5, 4) NOT NULL,
    priority NVARCHAR(16) NOT NULL,
    similarity_tier NVARCHAR(8) NOT NULL,
    reference_item_cd NVARCHAR(100) NULL,
    rout_no NVARCHAR(50) NULL,
    predicted_rout_no NVARCHAR(50) NOT NULL,
    routing_source NVARCHAR(16) NOT NULL,
    process_count INTEGER NOT NULL,
    work_order_count INTEGER NOT NULL,
    work_order_confidence NUMERIC(5, 4) NULL,
    neighbour_count INTEGER NOT NULL,
    support NUMERIC(5, 4) NOT NULL,
    matched_attributes NVARCHAR(1000) NULL,
    item_hash VARCHAR(64) NULL,
    CONSTRAINT pk_candidate PRIMARY KEY CLUSTERED (publication_id, item_cd, candidate_rank),
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
    moved_at DATETIME2(3) NOT NULL,
    moved_by NVARCHAR(128) NOT NULL,
    CONSTRAINT pk_current_publication PRIMARY KEY (slot),
    CONSTRAINT fk_current_publication_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_current_publication_slot CHECK (slot = 1)
);

CREATE TABLE {schema}.model_metric (
    model_version NVARCHAR(128) NOT NULL,
    run_id NVARCHAR(64) NOT NULL,
    method NVARCHAR(40) NOT NULL,
    split NVARCHAR(40) NOT NULL,
    segment NVARCHAR(100) NOT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT(53) NULL,
    low FLOAT(53) NULL,
    high FLOAT(53) NULL,
    n BIGINT NOT NULL,
    reason NVARCHAR(400) NULL,
    computed_at DATETIME2(3) NOT NULL,
    CONSTRAINT pk_model_metric PRIMARY KEY CLUSTERED (model_version, run_id, method, split, segment, metric),
    CONSTRAINT fk_model_metric_model_version FOREIGN KEY(model_version) REFERENCES {schema}.model_version (version) ON DELETE CASCADE,
    CONSTRAINT ck_model_metric_null_has_reason CHECK (value IS NOT NULL OR reason IS NOT NULL)
);

CREATE TABLE {schema}.publication_event (
    id INTEGER NOT NULL IDENTITY,
    publication_id INTEGER NOT NULL,
    event VARCHAR(16) NOT NULL,
    happened_at DATETIME2(3) NOT NULL,
    done_by NVARCHAR(128) NOT NULL,
    message NVARCHAR(2000) NULL,
    CONSTRAINT pk_publication_event PRIMARY KEY (id),
    CONSTRAINT fk_publication_event_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id)
);

CREATE INDEX ix_publication_event_publication_id ON {schema}.publication_event (publication_id);

CREATE TABLE {schema}.quality_result (
    run_id NVARCHAR(64) NOT NULL,
    seq INTEGER NOT NULL,
    frame NVARCHAR(64) NOT NULL,
    check_name NVARCHAR(200) NOT NULL,
    expectation NVARCHAR(200) NOT NULL,
    column_name NVARCHAR(128) NULL,
    severity VARCHAR(16) NOT NULL,
    success BIT NOT NULL,
    observed NVARCHAR(2000) NOT NULL,
    expected NVARCHAR(2000) NOT NULL,
    rows_checked BIGINT NOT NULL,
    rows_unexpected BIGINT NOT NULL,
    sample NVARCHAR(2000) NULL,
    exception NVARCHAR(2000) NULL,
    checked_at DATETIME2(3) NOT NULL,
    CONSTRAINT pk_quality_result PRIMARY KEY CLUSTERED (run_id, seq),
    CONSTRAINT fk_quality_result_batch_run FOREIGN KEY(run_id) REFERENCES {schema}.batch_run (run_id) ON DELETE CASCADE,
    CONSTRAINT ck_quality_result_severity CHECK (severity IN ('critical', 'warning'))
);

CREATE TABLE {schema}.rejected_row (
    run_id NVARCHAR(64) NOT NULL,
    seq INTEGER NOT NULL,
    source_table NVARCHAR(40) NOT NULL,
    row_key NVARCHAR(300) NOT NULL,
    rule_name NVARCHAR(60) NOT NULL,
    reason NVARCHAR(400) NOT NULL,
    raw_values NVARCHAR(4000) NOT NULL,
    CONSTRAINT pk_rejected_row PRIMARY KEY CLUSTERED (run_id, seq),
    CONSTRAINT fk_rejected_row_batch_run FOREIGN KEY(run_id) REFERENCES {schema}.batch_run (run_id) ON DELETE CASCADE
);

CREATE TABLE {schema}.resource_alternative (
    publication_id INTEGER NOT NULL,
    job_cd NVARCHAR(32) NOT NULL,
    res_cd NVARCHAR(32) NOT NULL,
    res_nm NVARCHAR(64) NULL,
    alternative_rank SMALLINT NOT NULL,
    is_pool BIT NOT NULL,
    use_count INTEGER NOT NULL,
    use_share NUMERIC(5, 4) NOT NULL,
    last_used DATE NULL,
    CONSTRAINT pk_resource_alternative PRIMARY KEY CLUSTERED (publication_id, job_cd, res_cd),
    CONSTRAINT fk_resource_alternative_publication FOREIGN KEY(publication_id) REFERENCES {schema}.publication (id),
    CONSTRAINT ck_resource_alternative_counts CHECK (alternative_rank > 0 AND use_count >= 0),
    CONSTRAINT ck_resource_alternative_shares CHECK (use_share >= 0 AND use_share <= 1)
);

CREATE TABLE {schema}.candidate_evidence (
    publication_id INTEGER NOT NULL,
    item_cd NVARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    evidence_rank SMALLINT NOT NULL,
    neighbour_item_cd NVARCHAR(100) NOT NULL,
    neighbour_rout_no NVARCHAR(50) NULL,
    similarity NUMERIC(5, 4) NOT NULL,
    weight NUMERIC(5, 4) NOT NULL,
    matching NVARCHAR(1000) NULL,
    differing NVARCHAR(1000) NULL,
    CONSTRAINT pk_candidate_evidence PRIMARY KEY CLUSTERED (publication_id, item_cd, candidate_rank, evidence_rank),
    CONSTRAINT fk_candidate_evidence_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES {schema}.candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_evidence_rank CHECK (evidence_rank > 0),
    CONSTRAINT ck_candidate_evidence_shares CHECK (similarity >= 0 AND similarity <= 1 AND weight >= 0 AND weight <= 1)
);

CREATE TABLE {schema}.candidate_operation (
    publication_id INTEGER NOT NULL,
    item_cd NVARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    proc_seq SMALLINT NOT NULL,
    inside VARCHAR(3) NOT NULL,
    job_cd NVARCHAR(32) NOT NULL,
    job_nm NVARCHAR(64) NULL,
    res_cd NVARCHAR(32) NULL,
    res_nm NVARCHAR(64) NULL,
    rout_order NVARCHAR(32) NOT NULL,
    setup_time NUMERIC(12, 4) NULL,
    run_time NUMERIC(12, 4) NULL,
    setup_p10 NUMERIC(12, 4) NULL,
    setup_p90 NUMERIC(12, 4) NULL,
    run_p10 NUMERIC(12, 4) NULL,
    run_p50 NUMERIC(12, 4) NULL,
    run_p90 NUMERIC(12, 4) NULL,
    optimal_time NUMERIC(12, 4) NULL,
    standard_time NUMERIC(12, 4) NULL,
    safe_time NUMERIC(12, 4) NULL,
    time_cv NUMERIC(12, 4) NULL,
    act_setup_time NUMERIC(12, 4) NULL,
    act_run_time NUMERIC(12, 4) NULL,
    queue_time NUMERIC(12, 4) NULL,
    wait_time NUMERIC(12, 4) NULL,
    move_time NUMERIC(12, 4) NULL,
    mfg_lt NUMERIC(12, 4) NULL,
    batch_oper NVARCHAR(8) NULL,
    bp_cd NVARCHAR(16) NULL,
    cust_nm NVARCHAR(64) NULL,
    cur_cd NVARCHAR(8) NULL,
    subcontract_prc NUMERIC(14, 2) NULL,
    tax_type NVARCHAR(8) NULL,
    insp_flg NVARCHAR(1) NOT NULL,
    milestone_flg NVARCHAR(1) NOT NULL,
    confidence NUMERIC(5, 4) NOT NULL,
    support NUMERIC(5, 4) NOT NULL,
    sample_count INTEGER NOT NULL,
    time_source VARCHAR(20) NOT NULL,
    time_confidence NUMERIC(5, 4) NULL,
    source_items NVARCHAR(200) NULL,
    source_similarity NUMERIC(5, 4) NULL,
    source_rout_no NVARCHAR(50) NULL,
    CONSTRAINT pk_candidate_operation PRIMARY KEY CLUSTERED (publication_id, item_cd, candidate_rank, proc_seq),
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

DROP INDEX ix_publication_event_publication_id ON {schema}.publication_event;

DROP TABLE {schema}.publication_event;

DROP TABLE {schema}.model_metric;

DROP TABLE {schema}.current_publication;

DROP INDEX ix_candidate_publication_id_priority ON {schema}.candidate;

DROP TABLE {schema}.candidate;

DROP TABLE {schema}.abstained_item;

DROP TABLE {schema}.writer_lock;

DROP INDEX ix_publication_content_hash ON {schema}.publication;

DROP TABLE {schema}.publication;

DROP TABLE {schema}.model_version;

DROP INDEX ix_batch_run_started_at ON {schema}.batch_run;

DROP TABLE {schema}.batch_run;
