-- upgrade

CREATE TABLE {schema}.standard_review (
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
);

CREATE TABLE {schema}.current_standard_review (
    slot SMALLINT NOT NULL,
    review_id INTEGER NOT NULL,
    moved_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    CONSTRAINT pk_current_standard_review PRIMARY KEY (slot),
    CONSTRAINT ck_current_standard_review_slot CHECK (slot = 1),
    CONSTRAINT fk_current_standard_review_standard_review FOREIGN KEY(review_id) REFERENCES {schema}.standard_review (id)
);

CREATE TABLE {schema}.standard_time_proposal (
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
    CONSTRAINT fk_standard_time_proposal_standard_review FOREIGN KEY(review_from) REFERENCES {schema}.standard_review (id),
    CONSTRAINT ck_standard_time_proposal_measure CHECK (measure IN ('run', 'setup')),
    CONSTRAINT ck_standard_time_proposal_verdict CHECK (verdict IN ('posted', 'few_orders', 'no_standard', 'differs', 'agrees', 'open')),
    CONSTRAINT ck_standard_time_proposal_counts_some_time CHECK (review_from < review_to),
    CONSTRAINT ck_standard_time_proposal_times CHECK (standard_min >= 0 AND measured_min >= 0 AND proposed_min > 0),
    CONSTRAINT ck_standard_time_proposal_proposal_or_reason CHECK (proposed_min IS NULL OR no_proposal IS NULL)
);

CREATE INDEX ix_standard_time_proposal_item_cd_rout_no_proc_seq_measure ON {schema}.standard_time_proposal (item_cd, rout_no, proc_seq, measure);

CREATE INDEX ix_standard_time_proposal_review_to ON {schema}.standard_time_proposal (review_to);

CREATE TABLE {schema}.routing_feedback_time (
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
);

CREATE INDEX ix_routing_feedback_time_accepted_at ON {schema}.routing_feedback_time (accepted_at);

CREATE TABLE {schema}.health_finding (
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
);

CREATE VIEW {schema}.standard_time_review AS
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
FROM {schema}.current_standard_review AS p
    JOIN {schema}.standard_review AS w ON p.slot = 1
    AND w.id = p.review_id
    JOIN {schema}.standard_time_proposal AS s ON s.review_from <= p.review_id
    AND s.review_to > p.review_id;

CREATE VIEW {schema}.bop_proc_detail_time AS
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
FROM {schema}.standard_time_proposal AS o
WHERE o.item_cd = s.item_cd AND o.rout_no = s.rout_no AND o.proc_seq = s.proc_seq AND o.review_from <= p.review_id AND o.review_to > p.review_id AND o.proposed_min IS NOT NULL AND o.measure = 'setup') END AS "SETUP_TIME",
    w.service_user AS "UPDT_USER_ID",
    w.id AS "REVIEW_ID"
FROM {schema}.current_standard_review AS p
    JOIN {schema}.standard_review AS w ON p.slot = 1
    AND w.id = p.review_id
    JOIN {schema}.standard_time_proposal AS s ON s.review_from <= p.review_id
    AND s.review_to > p.review_id
WHERE s.proposed_min IS NOT NULL
    AND (s.measure = 'run' OR NOT (EXISTS (SELECT 1
FROM {schema}.standard_time_proposal AS o
WHERE o.item_cd = s.item_cd AND o.rout_no = s.rout_no AND o.proc_seq = s.proc_seq AND o.review_from <= p.review_id AND o.review_to > p.review_id AND o.proposed_min IS NOT NULL AND o.measure = 'run')));

CREATE VIEW {schema}.data_health AS
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
FROM {schema}.health_finding AS h;

-- downgrade

DROP VIEW {schema}.data_health;

DROP VIEW {schema}.bop_proc_detail_time;

DROP VIEW {schema}.standard_time_review;

DROP TABLE {schema}.health_finding;

DROP TABLE {schema}.routing_feedback_time;

DROP TABLE {schema}.standard_time_proposal;

DROP TABLE {schema}.current_standard_review;

DROP TABLE {schema}.standard_review;
