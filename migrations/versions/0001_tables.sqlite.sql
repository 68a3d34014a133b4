-- upgrade

CREATE TABLE batch_run (
    run_id VARCHAR(64) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    started_at DATETIME NOT NULL,
    finished_at DATETIME,
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

CREATE INDEX ix_batch_run_started_at ON batch_run (started_at);

CREATE TABLE model_version (
    version VARCHAR(128) NOT NULL,
    status VARCHAR(16) NOT NULL,
    requested_by VARCHAR(128),
    run_id VARCHAR(64),
    created_at DATETIME NOT NULL,
    trained_at DATETIME,
    activated_at DATETIME,
    activated_by VARCHAR(128),
    updated_at DATETIME NOT NULL,
    manifest_sha256 VARCHAR(64) NOT NULL,
    training_samples INTEGER,
    unique_items INTEGER,
    unique_processes INTEGER,
    training_duration_sec FLOAT,
    hyperparameters TEXT,
    metadata TEXT,
    CONSTRAINT pk_model_version PRIMARY KEY (version),
    CONSTRAINT ck_model_version_status CHECK (status IN ('pending', 'active', 'retired', 'unmeasured'))
);

CREATE TABLE publication (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
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
    created_at DATETIME NOT NULL,
    loaded_at DATETIME,
    published_at DATETIME,
    published_by VARCHAR(128),
    retired_at DATETIME,
    purged_at DATETIME,
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
    CONSTRAINT ck_publication_state CHECK (state IN ('loading', 'loaded', 'published', 'retired', 'failed', 'purged'))
);

CREATE INDEX ix_publication_content_hash ON publication (content_hash);

CREATE TABLE writer_lock (
    name VARCHAR(32) NOT NULL,
    owner VARCHAR(36),
    what VARCHAR(200),
    host VARCHAR(255),
    pid INTEGER,
    process VARCHAR(100),
    acquired_at DATETIME,
    heartbeat_at DATETIME,
    CONSTRAINT pk_writer_lock PRIMARY KEY (name)
);

CREATE TABLE abstained_item (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    reason_code VARCHAR(40) NOT NULL,
    reason VARCHAR(400) NOT NULL,
    best_similarity REAL,
    CONSTRAINT pk_abstained_item PRIMARY KEY (publication_id, item_cd),
    CONSTRAINT fk_abstained_item_publication FOREIGN KEY(publication_id) REFERENCES publication (id),
    CONSTRAINT ck_abstained_item_shares CHECK (best_similarity >= 0 AND best_similarity <= 1)
)
 WITHOUT ROWID;

CREATE TABLE candidate (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    candidate_id VARCHAR(110) NOT NULL,
    routing_signature VARCHAR(200) NOT NULL,
    routing_code VARCHAR(1000) NOT NULL,
    similarity_score REAL NOT NULL,
    confidence REAL NOT NULL,
    priority VARCHAR(16) NOT NULL,
    similarity_tier VARCHAR(8) NOT NULL,
    reference_item_cd VARCHAR(100),
    rout_no VARCHAR(50),
    predicted_rout_no VARCHAR(50) NOT NULL,
    routing_source VARCHAR(16) NOT NULL,
    process_count INTEGER NOT NULL,
    work_order_count INTEGER NOT NULL,
    work_order_confidence REAL,
    neighbour_count INTEGER NOT NULL,
    support REAL NOT NULL,
    matched_attributes VARCHAR(1000),
    item_hash VARCHAR(64),
    CONSTRAINT pk_candidate PRIMARY KEY (publication_id, item_cd, candidate_rank),
    CONSTRAINT fk_candidate_publication FOREIGN KEY(publication_id) REFERENCES publication (id),
    CONSTRAINT ck_candidate_counts CHECK (process_count > 0 AND work_order_count >= 0 AND neighbour_count >= 0),
    CONSTRAINT ck_candidate_priority CHECK (priority IN ('primary', 'fallback')),
    CONSTRAINT ck_candidate_rank CHECK (candidate_rank > 0),
    CONSTRAINT ck_candidate_routing_source CHECK (routing_source IN ('similar', 'self')),
    CONSTRAINT ck_candidate_shares CHECK (similarity_score >= 0 AND similarity_score <= 1 AND confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND work_order_confidence >= 0 AND work_order_confidence <= 1),
    CONSTRAINT ck_candidate_similarity_tier CHECK (similarity_tier IN ('HIGH', 'LOW'))
)
 WITHOUT ROWID;

CREATE INDEX ix_candidate_publication_id_priority ON candidate (publication_id, priority);

CREATE TABLE current_publication (
    slot SMALLINT NOT NULL,
    publication_id INTEGER NOT NULL,
    moved_at DATETIME NOT NULL,
    moved_by VARCHAR(128) NOT NULL,
    CONSTRAINT pk_current_publication PRIMARY KEY (slot),
    CONSTRAINT fk_current_publication_publication FOREIGN KEY(publication_id) REFERENCES publication (id),
    CONSTRAINT ck_current_publication_slot CHECK (slot = 1)
);

CREATE TABLE model_metric (
    model_version VARCHAR(128) NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    method VARCHAR(40) NOT NULL,
    split VARCHAR(40) NOT NULL,
    segment VARCHAR(100) NOT NULL,
    metric VARCHAR(64) NOT NULL,
    value FLOAT,
    low FLOAT,
    high FLOAT,
    n BIGINT NOT NULL,
    reason VARCHAR(400),
    computed_at DATETIME NOT NULL,
    CONSTRAINT pk_model_metric PRIMARY KEY (model_version, run_id, method, split, segment, metric),
    CONSTRAINT fk_model_metric_model_version FOREIGN KEY(model_version) REFERENCES model_version (version) ON DELETE CASCADE,
    CONSTRAINT ck_model_metric_null_has_reason CHECK (value IS NOT NULL OR reason IS NOT NULL)
)
 WITHOUT ROWID;

CREATE TABLE publication_event (
    id INTEGER NOT NULL,
    publication_id INTEGER NOT NULL,
    event VARCHAR(16) NOT NULL,
    happened_at DATETIME NOT NULL,
    done_by VARCHAR(128) NOT NULL,
    message VARCHAR(2000),
    CONSTRAINT pk_publication_event PRIMARY KEY (id),
    CONSTRAINT fk_publication_event_publication FOREIGN KEY(publication_id) REFERENCES publication (id)
);

CREATE INDEX ix_publication_event_publication_id ON publication_event (publication_id);

CREATE TABLE quality_result (
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
    checked_at DATETIME NOT NULL,
    CONSTRAINT pk_quality_result PRIMARY KEY (run_id, seq),
    CONSTRAINT fk_quality_result_batch_run FOREIGN KEY(run_id) REFERENCES batch_run (run_id) ON DELETE CASCADE,
    CONSTRAINT ck_quality_result_severity CHECK (severity IN ('critical', 'warning'))
);

CREATE TABLE rejected_row (
    run_id VARCHAR(64) NOT NULL,
    seq INTEGER NOT NULL,
    source_table VARCHAR(40) NOT NULL,
    row_key VARCHAR(300) NOT NULL,
    rule_name VARCHAR(60) NOT NULL,
    reason VARCHAR(400) NOT NULL,
    raw_values VARCHAR(4000) NOT NULL,
    CONSTRAINT pk_rejected_row PRIMARY KEY (run_id, seq),
    CONSTRAINT fk_rejected_row_batch_run FOREIGN KEY(run_id) REFERENCES batch_run (run_id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE resource_alternative (
    publication_id INTEGER NOT NULL,
    job_cd VARCHAR(32) NOT NULL,
    res_cd VARCHAR(32) NOT NULL,
    res_nm VARCHAR(64),
    alternative_rank SMALLINT NOT NULL,
    is_pool BOOLEAN NOT NULL,
    use_count INTEGER NOT NULL,
    use_share REAL NOT NULL,
    last_used DATE,
    CONSTRAINT pk_resource_alternative PRIMARY KEY (publication_id, job_cd, res_cd),
    CONSTRAINT fk_resource_alternative_publication FOREIGN KEY(publication_id) REFERENCES publication (id),
    CONSTRAINT ck_resource_alternative_counts CHECK (alternative_rank > 0 AND use_count >= 0),
    CONSTRAINT ck_resource_alternative_shares CHECK (use_share >= 0 AND use_share <= 1)
)
 WITHOUT ROWID;

CREATE TABLE candidate_evidence (
    publication_id INTEGER NOT NULL,
    item_cd VARCHAR(100) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    evidence_rank SMALLINT NOT NULL,
    neighbour_item_cd VARCHAR(100) NOT NULL,
    neighbour_rout_no VARCHAR(50),
    similarity REAL NOT NULL,
    weight REAL NOT NULL,
    matching VARCHAR(1000),
    differing VARCHAR(1000),
    CONSTRAINT pk_candidate_evidence PRIMARY KEY (publication_id, item_cd, candidate_rank, evidence_rank),
    CONSTRAINT fk_candidate_evidence_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_evidence_rank CHECK (evidence_rank > 0),
    CONSTRAINT ck_candidate_evidence_shares CHECK (similarity >= 0 AND similarity <= 1 AND weight >= 0 AND weight <= 1)
)
 WITHOUT ROWID;

CREATE TABLE candidate_operation (
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
    setup_time REAL,
    run_time REAL,
    setup_p10 REAL,
    setup_p90 REAL,
    run_p10 REAL,
    run_p50 REAL,
    run_p90 REAL,
    optimal_time REAL,
    standard_time REAL,
    safe_time REAL,
    time_cv REAL,
    act_setup_time REAL,
    act_run_time REAL,
    queue_time REAL,
    wait_time REAL,
    move_time REAL,
    mfg_lt REAL,
    batch_oper VARCHAR(8),
    bp_cd VARCHAR(16),
    cust_nm VARCHAR(64),
    cur_cd VARCHAR(8),
    subcontract_prc REAL,
    tax_type VARCHAR(8),
    insp_flg VARCHAR(1) NOT NULL,
    milestone_flg VARCHAR(1) NOT NULL,
    confidence REAL NOT NULL,
    support REAL NOT NULL,
    sample_count INTEGER NOT NULL,
    time_source VARCHAR(20) NOT NULL,
    time_confidence REAL,
    source_items VARCHAR(200),
    source_similarity REAL,
    source_rout_no VARCHAR(50),
    CONSTRAINT pk_candidate_operation PRIMARY KEY (publication_id, item_cd, candidate_rank, proc_seq),
    CONSTRAINT fk_candidate_operation_candidate FOREIGN KEY(publication_id, item_cd, candidate_rank) REFERENCES candidate (publication_id, item_cd, candidate_rank) ON DELETE CASCADE,
    CONSTRAINT ck_candidate_operation_flags CHECK (insp_flg IN ('Y', 'N') AND milestone_flg IN ('Y', 'N')),
    CONSTRAINT ck_candidate_operation_inside CHECK (inside IN ('in', 'out')),
    CONSTRAINT ck_candidate_operation_not_negative CHECK (sample_count >= 0 AND time_cv >= 0 AND subcontract_prc >= 0),
    CONSTRAINT ck_candidate_operation_opt_std_safe CHECK (optimal_time <= standard_time AND standard_time <= safe_time AND optimal_time <= safe_time),
    CONSTRAINT ck_candidate_operation_proc_seq CHECK (proc_seq > 0),
    CONSTRAINT ck_candidate_operation_shares CHECK (confidence >= 0 AND confidence <= 1 AND support >= 0 AND support <= 1 AND time_confidence >= 0 AND time_confidence <= 1 AND source_similarity >= 0 AND source_similarity <= 1),
    CONSTRAINT ck_candidate_operation_time_source CHECK (time_source IN ('actual_own', 'actual_similar', 'standard_similar', 'model', 'none')),
    CONSTRAINT ck_candidate_operation_times_not_negative CHECK (setup_time >= 0 AND run_time >= 0 AND setup_p10 >= 0 AND setup_p90 >= 0 AND run_p10 >= 0 AND run_p50 >= 0 AND run_p90 >= 0 AND optimal_time >= 0 AND standard_time >= 0 AND safe_time >= 0 AND act_setup_time >= 0 AND act_run_time >= 0 AND queue_time >= 0 AND wait_time >= 0 AND move_time >= 0 AND mfg_lt >= 0)
)
 WITHOUT ROWID;

-- downgrade

DROP TABLE candidate_operation;

DROP TABLE candidate_evidence;

DROP TABLE resource_alternative;

DROP TABLE rejected_row;

DROP TABLE quality_result;

DROP INDEX ix_publication_event_publication_id;

DROP TABLE publication_event;

DROP TABLE model_metric;

DROP TABLE current_publication;

DROP INDEX ix_candidate_publication_id_priority;

DROP TABLE candidate;

DROP TABLE abstained_item;

DROP TABLE writer_lock;

DROP INDEX ix_publication_content_hash;

DROP TABLE publication;

DROP TABLE model_version;

DROP INDEX ix_batch_run_started_at;

DROP TABLE batch_run;
