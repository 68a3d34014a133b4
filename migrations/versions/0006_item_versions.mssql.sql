-- upgrade

CREATE TABLE {schema}.item_version (
    item_cd NVARCHAR(100) NOT NULL,
    from_publication INTEGER NOT NULL,
    shown BIT NOT NULL,
    hash_a BIGINT NULL,
    hash_b BIGINT NULL,
    CONSTRAINT pk_item_version PRIMARY KEY CLUSTERED (item_cd, from_publication),
    CONSTRAINT fk_item_version_publication FOREIGN KEY(from_publication) REFERENCES {schema}.publication (id)
);

CREATE INDEX ix_item_version_from_publication ON {schema}.item_version (from_publication);

CREATE TABLE {schema}.job_version (
    job_cd NVARCHAR(32) NOT NULL,
    from_publication INTEGER NOT NULL,
    shown BIT NOT NULL,
    hash_a BIGINT NULL,
    hash_b BIGINT NULL,
    CONSTRAINT pk_job_version PRIMARY KEY CLUSTERED (job_cd, from_publication),
    CONSTRAINT fk_job_version_publication FOREIGN KEY(from_publication) REFERENCES {schema}.publication (id)
);

CREATE INDEX ix_job_version_from_publication ON {schema}.job_version (from_publication);

ALTER TABLE {schema}.publication ADD items_changed INTEGER NULL;

ALTER TABLE {schema}.publication ADD rows_written INTEGER NULL;

ALTER TABLE {schema}.publication ADD withdrawn_at DATETIME2(3) NULL;

ALTER TABLE {schema}.batch_run ADD rejects_no INTEGER NULL;

ALTER TABLE {schema}.rejected_row ADD copies INTEGER NULL;

ALTER TABLE {schema}.rejected_row ADD from_no INTEGER NULL;

ALTER TABLE {schema}.rejected_row ADD until_no INTEGER NULL;

ALTER TABLE {schema}.rejected_row ADD hash_a BIGINT NULL;

ALTER TABLE {schema}.rejected_row ADD hash_b BIGINT NULL;

INSERT INTO {schema}.item_version (item_cd, from_publication, shown)
SELECT a.item_cd, a.publication_id, 1
FROM (
    SELECT c.item_cd, c.publication_id FROM {schema}.candidate AS c
    UNION
    SELECT n.item_cd, n.publication_id FROM {schema}.abstained_item AS n
) AS a
JOIN {schema}.publication AS b ON b.id = a.publication_id
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL;

INSERT INTO {schema}.job_version (job_cd, from_publication, shown)
SELECT DISTINCT r.job_cd, r.publication_id, 1
FROM {schema}.resource_alternative AS r
JOIN {schema}.publication AS b ON b.id = r.publication_id
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL;

INSERT INTO {schema}.item_version (item_cd, from_publication, shown)
SELECT v.item_cd, n.id, 0
FROM {schema}.item_version AS v
JOIN {schema}.publication AS n ON n.id = (
    SELECT MIN(b.id) FROM {schema}.publication AS b
    WHERE b.id > v.from_publication AND b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
)
WHERE NOT EXISTS (
    SELECT 1 FROM {schema}.item_version AS w
    WHERE w.item_cd = v.item_cd AND w.from_publication = n.id
);

INSERT INTO {schema}.job_version (job_cd, from_publication, shown)
SELECT v.job_cd, n.id, 0
FROM {schema}.job_version AS v
JOIN {schema}.publication AS n ON n.id = (
    SELECT MIN(b.id) FROM {schema}.publication AS b
    WHERE b.id > v.from_publication AND b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
)
WHERE NOT EXISTS (
    SELECT 1 FROM {schema}.job_version AS w
    WHERE w.job_cd = v.job_cd AND w.from_publication = n.id
);

UPDATE {schema}.publication
SET state = 'failed', message = 'Its purge had not ended when the warehouse was upgraded.'
WHERE state = 'purged' AND purged_at IS NULL;

UPDATE {schema}.publication
SET withdrawn_at = retired_at
WHERE published_at IS NOT NULL AND id > (
    SELECT MAX(p.publication_id)
    FROM {schema}.current_publication AS p
    JOIN {schema}.publication_event AS e ON e.publication_id = p.publication_id
    WHERE e.event = 'rolled_back' AND e.happened_at = p.moved_at
);

REPLACE VIEW {schema}.routing_candidates AS
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
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd;

REPLACE VIEW {schema}.routing_candidate_operations AS
SELECT
    i.item_cd,
    c.candidate_id,
    o.proc_seq AS [PROC_SEQ],
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS [INSIDE_FLAG],
    o.job_cd AS [dbo_BI_ROUTING_VIEW_JOB_CD],
    o.job_nm AS [JOB_NM],
    o.res_cd AS [RES_CD],
    o.res_nm AS [RES_DIS],
    b.time_unit AS [TIME_UNIT],
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS [MFG_LT],
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS [QUEUE_TIME],
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS [SETUP_TIME],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [MACH_WORKED_HOURS],
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS [ACT_SETUP_TIME],
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS [ACT_RUN_TIME],
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS [WAIT_TIME],
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS [MOVE_TIME],
    CAST(1 AS NUMERIC(10, 2)) AS [RUN_TIME_QTY],
    b.run_time_unit AS [RUN_TIME_UNIT],
    o.batch_oper AS [BATCH_OPER],
    o.bp_cd AS [BP_CD],
    o.cust_nm AS [dbo_BI_ROUTING_VIEW_CUST_NM],
    o.cur_cd AS [CUR_CD],
    o.subcontract_prc AS [SUBCONTRACT_PRC],
    o.tax_type AS [TAX_TYPE],
    o.milestone_flg AS [MILESTONE_FLG],
    o.insp_flg AS [INSP_FLG],
    o.rout_order AS [ROUT_ORDER],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(NULL AS NVARCHAR(200)) AS [dbo_BI_ROUTING_VIEW_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [ROUT_DOC],
    CAST(NULL AS NVARCHAR(8)) AS [DOC_INSIDE],
    CAST(NULL AS NVARCHAR(64)) AS [DOC_NO],
    CAST(NULL AS NVARCHAR(64)) AS [NC_PROGRAM],
    CAST(NULL AS NVARCHAR(32)) AS [NC_PROGRAM_WRITER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_WRITER_NM],
    CAST(NULL AS DATE) AS [NC_WRITE_DATE],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER_NM],
    CAST(NULL AS DATE) AS [NC_REVIEW_DT],
    CAST(NULL AS NVARCHAR(32)) AS [RAW_MATL_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [JAW_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [VALIDITY],
    CAST(NULL AS NVARCHAR(200)) AS [PROGRAM_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [OP_DRAW_NO],
    CAST(NULL AS NVARCHAR(32)) AS [MTMG_NUMB],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [RUN_TIME],
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS [OPTIMAL_TIME],
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS [STANDARD_TIME],
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS [SAFE_TIME],
    o.time_cv AS [TIME_CV],
    o.confidence AS [CONFIDENCE],
    o.sample_count AS [SAMPLE_COUNT],
    o.support AS [SUPPORT],
    o.time_source AS [TIME_SOURCE],
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS [RUN_P10],
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS [RUN_P50],
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS [RUN_P90],
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS [SETUP_P10],
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS [SETUP_P90],
    o.setup_time AS [PREDICTED_SETUP_TIME],
    o.run_time AS [PREDICTED_RUN_TIME],
    o.standard_time AS [TRIM_MEAN],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST(N'Y' AS NVARCHAR(1)) ELSE CAST(N'N' AS NVARCHAR(1)) END AS [HAS_WORK_DATA],
    o.sample_count AS [WORK_ORDER_COUNT],
    o.time_confidence AS [WORK_ORDER_CONFIDENCE],
    CASE WHEN (o.time_source = 'actual_own') THEN CAST(N'input' AS NVARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST(N'similar' AS NVARCHAR(8)) ELSE CAST(N'none' AS NVARCHAR(8)) END AS [WORK_ORDER_DATA_SOURCE],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS [WORK_ORDER_SOURCE_ITEMS],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS [WORK_ORDER_AVG_SIMILARITY],
    o.source_items AS [SOURCE_ITEMS],
    o.source_similarity AS [AVG_SIMILARITY],
    o.source_rout_no AS [SOURCE_ROUT_NO],
    CAST(N'N' AS NVARCHAR(1)) AS [OUTSOURCING_REPLACED],
    CAST(N'ML_BASED' AS NVARCHAR(8)) AS [PREDICTION_TYPE],
    c.candidate_rank AS [CANDIDATE_RANK],
    c.predicted_rout_no AS [ROUT_NO],
    b.model_version AS [MODEL_VERSION],
    p.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_candidate_resources AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS [ID],
    b.company_code AS [COCD],
    b.plant_code AS [PLANTCD],
    i.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    0 AS [REV_NO],
    r.job_cd AS [JOB_CD],
    r.res_cd AS [RES_CD],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [WAIT_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [QUEUE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [AFTER_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MAN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [MACHINE_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [RES_PRIORITY],
    CAST(N'N' AS NVARCHAR(1)) AS [MAIN_YN],
    b.service_user AS [IN_ID],
    b.created_at AS [IN_DT],
    b.service_user AS [UP_ID],
    b.created_at AS [UP_DT],
    1 AS [TASK_ID],
    CAST(NULL AS NVARCHAR(50)) AS [REV_COND],
    CAST(NULL AS NVARCHAR(50)) AS [TASK_COND],
    CAST(N'ES' AS NVARCHAR(8)) AS [FOLD_MTHD],
    CAST(NULL AS NUMERIC(18, 4)) AS [FOLD_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [PREV_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [CURR_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [NEXT_RES_QTY],
    CAST(N'N' AS NVARCHAR(1)) AS [NEXT_RES_ABSL_YN],
    CAST(NULL AS NVARCHAR(16)) AS [RUN_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [SETUP_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [WAIT_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [MOVE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [QUEUE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [AFTER_TIME_UNIT],
    CAST(NULL AS NUMERIC(18, 4)) AS [BEFORE_TIME],
    CAST(NULL AS NVARCHAR(16)) AS [BEFORE_TIME_UNIT],
    c.candidate_id AS [CANDIDATE_ID],
    c.candidate_rank AS [CANDIDATE_RANK],
    r.res_nm AS [RES_DIS],
    r.alternative_rank AS [ALTERNATIVE_RANK],
    r.is_pool AS [IS_POOL],
    r.use_count AS [USE_COUNT],
    r.use_share AS [USE_SHARE],
    r.last_used AS [LAST_USED],
    p.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN {schema}.job_version AS j ON j.job_cd = o.job_cd
    AND j.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.job_version AS later_job
WHERE later_job.job_cd = j.job_cd AND later_job.from_publication > j.from_publication AND later_job.from_publication <= p.publication_id))
    JOIN {schema}.resource_alternative AS r ON r.publication_id = j.from_publication
    AND r.job_cd = j.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

REPLACE VIEW {schema}.routing_candidate_evidence AS
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
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_flat AS
SELECT
    i.item_cd AS [ITEM_CD],
    c.candidate_id AS [CANDIDATE_ID],
    c.routing_signature AS [ROUTING_SIGNATURE],
    c.priority AS [PRIORITY],
    c.similarity_tier AS [SIMILARITY_TIER],
    o.proc_seq AS [PROC_SEQ],
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS [INSIDE_FLAG],
    o.job_cd AS [dbo_BI_ROUTING_VIEW_JOB_CD],
    o.job_nm AS [JOB_NM],
    o.res_cd AS [RES_CD],
    o.res_nm AS [RES_DIS],
    b.time_unit AS [TIME_UNIT],
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS [MFG_LT],
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS [QUEUE_TIME],
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS [SETUP_TIME],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [MACH_WORKED_HOURS],
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS [ACT_SETUP_TIME],
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS [ACT_RUN_TIME],
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS [WAIT_TIME],
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS [MOVE_TIME],
    CAST(1 AS NUMERIC(10, 2)) AS [RUN_TIME_QTY],
    b.run_time_unit AS [RUN_TIME_UNIT],
    o.batch_oper AS [BATCH_OPER],
    o.bp_cd AS [BP_CD],
    o.cust_nm AS [dbo_BI_ROUTING_VIEW_CUST_NM],
    o.cur_cd AS [CUR_CD],
    o.subcontract_prc AS [SUBCONTRACT_PRC],
    o.tax_type AS [TAX_TYPE],
    o.milestone_flg AS [MILESTONE_FLG],
    o.insp_flg AS [INSP_FLG],
    o.rout_order AS [ROUT_ORDER],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(NULL AS NVARCHAR(200)) AS [dbo_BI_ROUTING_VIEW_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [ROUT_DOC],
    CAST(NULL AS NVARCHAR(8)) AS [DOC_INSIDE],
    CAST(NULL AS NVARCHAR(64)) AS [DOC_NO],
    CAST(NULL AS NVARCHAR(64)) AS [NC_PROGRAM],
    CAST(NULL AS NVARCHAR(32)) AS [NC_PROGRAM_WRITER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_WRITER_NM],
    CAST(NULL AS DATE) AS [NC_WRITE_DATE],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER_NM],
    CAST(NULL AS DATE) AS [NC_REVIEW_DT],
    CAST(NULL AS NVARCHAR(32)) AS [RAW_MATL_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [JAW_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [VALIDITY],
    CAST(NULL AS NVARCHAR(200)) AS [PROGRAM_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [OP_DRAW_NO],
    CAST(NULL AS NVARCHAR(32)) AS [MTMG_NUMB],
    c.reference_item_cd AS [REFERENCE_ITEM_CD],
    c.similarity_score AS [SIMILARITY_SCORE],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [RUN_TIME],
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS [OPTIMAL_TIME],
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS [STANDARD_TIME],
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS [SAFE_TIME],
    o.time_cv AS [TIME_CV],
    o.confidence AS [CONFIDENCE],
    o.sample_count AS [SAMPLE_COUNT],
    o.support AS [SUPPORT],
    o.time_source AS [TIME_SOURCE],
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS [RUN_P10],
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS [RUN_P50],
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS [RUN_P90],
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS [SETUP_P10],
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS [SETUP_P90],
    o.setup_time AS [PREDICTED_SETUP_TIME],
    o.run_time AS [PREDICTED_RUN_TIME],
    o.standard_time AS [TRIM_MEAN],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST(N'Y' AS NVARCHAR(1)) ELSE CAST(N'N' AS NVARCHAR(1)) END AS [HAS_WORK_DATA],
    o.sample_count AS [WORK_ORDER_COUNT],
    o.time_confidence AS [WORK_ORDER_CONFIDENCE],
    CASE WHEN (o.time_source = 'actual_own') THEN CAST(N'input' AS NVARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST(N'similar' AS NVARCHAR(8)) ELSE CAST(N'none' AS NVARCHAR(8)) END AS [WORK_ORDER_DATA_SOURCE],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS [WORK_ORDER_SOURCE_ITEMS],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS [WORK_ORDER_AVG_SIMILARITY],
    o.source_items AS [SOURCE_ITEMS],
    o.source_similarity AS [AVG_SIMILARITY],
    o.source_rout_no AS [SOURCE_ROUT_NO],
    CAST(N'N' AS NVARCHAR(1)) AS [OUTSOURCING_REPLACED],
    CAST(N'ML_BASED' AS NVARCHAR(8)) AS [PREDICTION_TYPE],
    c.candidate_rank AS [CANDIDATE_RANK],
    c.predicted_rout_no AS [ROUT_NO],
    b.model_version AS [MODEL_VERSION],
    p.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_abstained AS
SELECT
    i.item_cd,
    a.reason,
    a.reason_code,
    a.best_similarity,
    b.model_version,
    p.publication_id
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.abstained_item AS a ON a.publication_id = i.from_publication
    AND a.item_cd = i.item_cd;

REPLACE VIEW {schema}.routing_predictions AS
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
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.bop_proc_master AS
SELECT
    CAST(c.candidate_rank AS BIGINT) AS [ID],
    b.company_code AS [CoCd],
    b.plant_code AS [PlantCd],
    i.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    1 AS [BOM_NO],
    c.routing_signature AS [DESCRIPTION],
    CASE WHEN (c.candidate_rank = 1) THEN CAST(N'Y' AS NVARCHAR(1)) ELSE CAST(N'N' AS NVARCHAR(1)) END AS [MAJOR_FLG],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_DEV_USER_ID],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_MFG_USER_ID],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_QUR_USER_ID],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_APP_USER_ID],
    0 AS [REV_NO],
    b.valid_from AS [REV_DT],
    b.service_user AS [INSRT_USER_ID],
    b.created_at AS [INSRT_DT],
    b.service_user AS [UPDT_USER_ID],
    b.created_at AS [UPDT_DT],
    CAST(NULL AS NVARCHAR(50)) AS [ALT_RT_VALUE],
    CAST(NULL AS NVARCHAR(50)) AS [ASSIGN_NO],
    CAST(NULL AS NVARCHAR(50)) AS [AttachNo],
    CAST(NULL AS NVARCHAR(50)) AS [STD_ROUT_ITEM],
    CAST(NULL AS NVARCHAR(50)) AS [STD_ROUT_NO],
    CAST(NULL AS NVARCHAR(50)) AS [REV_NOTE],
    CAST(NULL AS NVARCHAR(50)) AS [Difficult_Level],
    CAST(NULL AS NUMERIC(18, 4)) AS [ITEM_LT]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd;

REPLACE VIEW {schema}.bop_proc_detail AS
SELECT
    CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq AS [ID],
    b.company_code AS [CoCd],
    b.plant_code AS [PlantCd],
    i.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    o.proc_seq AS [PROC_SEQ],
    CAST(NULL AS NVARCHAR(50)) AS [WC_CD],
    CASE WHEN (o.inside = 'out') THEN CAST(N'N' AS NVARCHAR(1)) ELSE CAST(N'Y' AS NVARCHAR(1)) END AS [INSIDE_FLG],
    o.res_cd AS [RES_CD],
    o.rout_order AS [ROUT_ORDER],
    o.job_cd AS [JOB_CD],
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS [MFG_LT],
    CAST(N'M' AS NVARCHAR(1)) AS [TIME_UNIT],
    CAST(coalesce(coalesce(o.standard_time, o.run_time), 0) AS NUMERIC(10, 2)) AS [RUN_TIME],
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS [SETUP_TIME],
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS [WAIT_TIME],
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS [MOVE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_QTY],
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS [QUEUE_TIME],
    1 AS [RUN_TIME_QTY],
    b.run_time_unit AS [RUN_TIME_UNIT],
    o.milestone_flg AS [MILESTONE_FLG],
    o.insp_flg AS [INSP_FLG],
    CAST(NULL AS NVARCHAR(50)) AS [OVERLAP_OPR],
    CAST(NULL AS NUMERIC(18, 4)) AS [OVERLAP_LT],
    CAST(coalesce(o.subcontract_prc, 0) AS NUMERIC(10, 2)) AS [SUBCONTRACT_PRC],
    o.cur_cd AS [CUR_CD],
    o.bp_cd AS [BP_CD],
    o.tax_type AS [TAX_TYPE],
    CAST(NULL AS NVARCHAR(50)) AS [RUN_TIME_RULE_PLAN],
    CAST(NULL AS NVARCHAR(50)) AS [RUN_TIME_RULE_SCHL],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME_PLAN],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME_SCHL],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME_IN_HOUR_PLAN],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME_IN_HOUR],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_TIME_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [WHEN_TO_SETUP_RULE],
    CAST(NULL AS NUMERIC(18, 4)) AS [WAIT_TIME_IN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_TIME_IN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [QUEUE_TIME_IN_HOUR],
    CAST(NULL AS NVARCHAR(50)) AS [ALLOC_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [SELECT_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [FREE_CHECK_FLG],
    CAST(NULL AS NVARCHAR(50)) AS [HOLD_TEMP_FLG],
    CAST(NULL AS NUMERIC(18, 4)) AS [NEXT_PROC_SEQ],
    0 AS [OPR_SEQ],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_BASE_CD],
    CAST(NULL AS NVARCHAR(50)) AS [CROSS_BREAK_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [OVERLAP_TYPE],
    CAST(NULL AS NUMERIC(18, 4)) AS [OVERLAP_VALUE],
    CAST(NULL AS NUMERIC(18, 4)) AS [PROD_RATE],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_RSC_GRP_CD],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_RSC_CD],
    CAST(NULL AS NVARCHAR(50)) AS [RSC_SCHEDULED_FLG],
    CAST(NULL AS NVARCHAR(50)) AS [AttachNo],
    CAST(NULL AS NVARCHAR(50)) AS [ROUT_DOC],
    CAST(NULL AS NVARCHAR(50)) AS [OP_DRAW_NO],
    CAST(NULL AS NVARCHAR(50)) AS [ROUT_SIZE],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_RUN_COST_PER_HR],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_SUBCONTRACT_PRC],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_LABOR_COST],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_DIR_EXPENSE],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_INDIR_LABOR_COST],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_INDIR_EXPENSE],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(NULL AS NVARCHAR(50)) AS [NC_PROGRAM],
    CAST(NULL AS NVARCHAR(50)) AS [NC_PROGRAM_WRITER],
    CAST(NULL AS DATE) AS [NC_WRITE_DATE],
    CAST(NULL AS NVARCHAR(50)) AS [NC_REVIEWER],
    CAST(NULL AS DATE) AS [NC_REVIEW_DT],
    CAST(NULL AS NVARCHAR(50)) AS [PRESSURE_USE],
    b.service_user AS [INSRT_USER_ID],
    b.created_at AS [INSRT_DT],
    b.service_user AS [UPDT_USER_ID],
    b.created_at AS [UPDT_DT],
    0 AS [FIX_RUN_TIME],
    CAST(NULL AS NVARCHAR(50)) AS [REMARK],
    CAST(NULL AS NVARCHAR(50)) AS [CUST_SIZE],
    CAST(NULL AS NVARCHAR(50)) AS [MTMG_NUMB],
    CAST(NULL AS NVARCHAR(50)) AS [D_ITEM_CD],
    CAST(NULL AS NVARCHAR(50)) AS [RAW_MATL_SIZE],
    CAST(NULL AS NVARCHAR(50)) AS [JAW_SIZE],
    CAST(NULL AS NVARCHAR(50)) AS [VALIDITY],
    CAST(NULL AS NVARCHAR(50)) AS [PROGRAM_REMARK],
    o.batch_oper AS [BATCH_OPER],
    CAST(o.act_run_time AS NUMERIC(10, 2)) AS [ACT_RUN_TIME],
    CAST(o.act_setup_time AS NUMERIC(10, 2)) AS [ACT_SETUP_TIME],
    CAST(NULL AS NVARCHAR(50)) AS [DocYn],
    CAST(NULL AS NVARCHAR(50)) AS [PROC_REMARK],
    CAST(NULL AS NVARCHAR(50)) AS [NC_UPDATER],
    CAST(NULL AS DATE) AS [NC_UPDATE_DT],
    CAST(NULL AS NUMERIC(18, 4)) AS [GROSS_WEIGHT]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.bop_proc_res AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS [ID],
    b.company_code AS [COCD],
    b.plant_code AS [PLANTCD],
    i.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    0 AS [REV_NO],
    r.job_cd AS [JOB_CD],
    r.res_cd AS [RES_CD],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [WAIT_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [QUEUE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [AFTER_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MAN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [MACHINE_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [RES_PRIORITY],
    CAST(N'N' AS NVARCHAR(1)) AS [MAIN_YN],
    b.service_user AS [IN_ID],
    b.created_at AS [IN_DT],
    b.service_user AS [UP_ID],
    b.created_at AS [UP_DT],
    1 AS [TASK_ID],
    CAST(NULL AS NVARCHAR(50)) AS [REV_COND],
    CAST(NULL AS NVARCHAR(50)) AS [TASK_COND],
    CAST(N'ES' AS NVARCHAR(8)) AS [FOLD_MTHD],
    CAST(NULL AS NUMERIC(18, 4)) AS [FOLD_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [PREV_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [CURR_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [NEXT_RES_QTY],
    CAST(N'N' AS NVARCHAR(1)) AS [NEXT_RES_ABSL_YN],
    CAST(NULL AS NVARCHAR(16)) AS [RUN_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [SETUP_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [WAIT_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [MOVE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [QUEUE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [AFTER_TIME_UNIT],
    CAST(NULL AS NUMERIC(18, 4)) AS [BEFORE_TIME],
    CAST(NULL AS NVARCHAR(16)) AS [BEFORE_TIME_UNIT]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN {schema}.job_version AS j ON j.job_cd = o.job_cd
    AND j.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.job_version AS later_job
WHERE later_job.job_cd = j.job_cd AND later_job.from_publication > j.from_publication AND later_job.from_publication <= p.publication_id))
    JOIN {schema}.resource_alternative AS r ON r.publication_id = j.from_publication
    AND r.job_cd = j.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

REPLACE VIEW {schema}.routing_lot_times AS
SELECT
    i.item_cd AS [ITEM_CD],
    c.candidate_id AS [CANDIDATE_ID],
    c.candidate_rank AS [CANDIDATE_RANK],
    o.proc_seq AS [PROC_SEQ],
    o.job_cd AS [JOB_CD],
    o.res_cd AS [RES_CD],
    o.setup_time AS [SETUP_TIME],
    o.run_time AS [RUN_TIME],
    o.lot_size AS [LOT_SIZE],
    o.lot_exponent AS [LOT_EXPONENT],
    o.time_source AS [TIME_SOURCE],
    o.sample_count AS [SAMPLE_COUNT],
    p.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

CREATE VIEW {schema}.routing_item_versions AS
SELECT
    i.item_cd,
    i.from_publication,
    (SELECT min(later.from_publication) AS min_1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication) AS to_publication,
    i.shown
FROM {schema}.item_version AS i;

CREATE VIEW {schema}.batch_run_rejects AS
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

-- compress

IF SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14) EXEC(N'ALTER TABLE [{schema}].[item_version] REBUILD WITH (DATA_COMPRESSION = PAGE);');

IF SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14) EXEC(N'ALTER TABLE [{schema}].[job_version] REBUILD WITH (DATA_COMPRESSION = PAGE);');

IF SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14) EXEC(N'ALTER TABLE [{schema}].[rejected_row] REBUILD WITH (DATA_COMPRESSION = PAGE);');

-- downgrade

DROP VIEW {schema}.batch_run_rejects;

DROP VIEW {schema}.routing_item_versions;

REPLACE VIEW {schema}.routing_lot_times AS
SELECT
    c.item_cd AS [ITEM_CD],
    c.candidate_id AS [CANDIDATE_ID],
    c.candidate_rank AS [CANDIDATE_RANK],
    o.proc_seq AS [PROC_SEQ],
    o.job_cd AS [JOB_CD],
    o.res_cd AS [RES_CD],
    o.setup_time AS [SETUP_TIME],
    o.run_time AS [RUN_TIME],
    o.lot_size AS [LOT_SIZE],
    o.lot_exponent AS [LOT_EXPONENT],
    o.time_source AS [TIME_SOURCE],
    o.sample_count AS [SAMPLE_COUNT],
    c.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.bop_proc_res AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS [ID],
    b.company_code AS [COCD],
    b.plant_code AS [PLANTCD],
    c.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    0 AS [REV_NO],
    r.job_cd AS [JOB_CD],
    r.res_cd AS [RES_CD],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [WAIT_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [QUEUE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [AFTER_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MAN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [MACHINE_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [RES_PRIORITY],
    CAST(N'N' AS NVARCHAR(1)) AS [MAIN_YN],
    b.service_user AS [IN_ID],
    b.created_at AS [IN_DT],
    b.service_user AS [UP_ID],
    b.created_at AS [UP_DT],
    1 AS [TASK_ID],
    CAST(NULL AS NVARCHAR(50)) AS [REV_COND],
    CAST(NULL AS NVARCHAR(50)) AS [TASK_COND],
    CAST(N'ES' AS NVARCHAR(8)) AS [FOLD_MTHD],
    CAST(NULL AS NUMERIC(18, 4)) AS [FOLD_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [PREV_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [CURR_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [NEXT_RES_QTY],
    CAST(N'N' AS NVARCHAR(1)) AS [NEXT_RES_ABSL_YN],
    CAST(NULL AS NVARCHAR(16)) AS [RUN_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [SETUP_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [WAIT_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [MOVE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [QUEUE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [AFTER_TIME_UNIT],
    CAST(NULL AS NUMERIC(18, 4)) AS [BEFORE_TIME],
    CAST(NULL AS NVARCHAR(16)) AS [BEFORE_TIME_UNIT]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN {schema}.resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

REPLACE VIEW {schema}.bop_proc_detail AS
SELECT
    CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq AS [ID],
    b.company_code AS [CoCd],
    b.plant_code AS [PlantCd],
    c.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    o.proc_seq AS [PROC_SEQ],
    CAST(NULL AS NVARCHAR(50)) AS [WC_CD],
    CASE WHEN (o.inside = 'out') THEN CAST(N'N' AS NVARCHAR(1)) ELSE CAST(N'Y' AS NVARCHAR(1)) END AS [INSIDE_FLG],
    o.res_cd AS [RES_CD],
    o.rout_order AS [ROUT_ORDER],
    o.job_cd AS [JOB_CD],
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS [MFG_LT],
    CAST(N'M' AS NVARCHAR(1)) AS [TIME_UNIT],
    CAST(coalesce(coalesce(o.standard_time, o.run_time), 0) AS NUMERIC(10, 2)) AS [RUN_TIME],
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS [SETUP_TIME],
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS [WAIT_TIME],
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS [MOVE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_QTY],
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS [QUEUE_TIME],
    1 AS [RUN_TIME_QTY],
    b.run_time_unit AS [RUN_TIME_UNIT],
    o.milestone_flg AS [MILESTONE_FLG],
    o.insp_flg AS [INSP_FLG],
    CAST(NULL AS NVARCHAR(50)) AS [OVERLAP_OPR],
    CAST(NULL AS NUMERIC(18, 4)) AS [OVERLAP_LT],
    CAST(coalesce(o.subcontract_prc, 0) AS NUMERIC(10, 2)) AS [SUBCONTRACT_PRC],
    o.cur_cd AS [CUR_CD],
    o.bp_cd AS [BP_CD],
    o.tax_type AS [TAX_TYPE],
    CAST(NULL AS NVARCHAR(50)) AS [RUN_TIME_RULE_PLAN],
    CAST(NULL AS NVARCHAR(50)) AS [RUN_TIME_RULE_SCHL],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME_PLAN],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME_SCHL],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME_IN_HOUR_PLAN],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME_IN_HOUR],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_TIME_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [WHEN_TO_SETUP_RULE],
    CAST(NULL AS NUMERIC(18, 4)) AS [WAIT_TIME_IN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_TIME_IN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [QUEUE_TIME_IN_HOUR],
    CAST(NULL AS NVARCHAR(50)) AS [ALLOC_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [SELECT_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [FREE_CHECK_FLG],
    CAST(NULL AS NVARCHAR(50)) AS [HOLD_TEMP_FLG],
    CAST(NULL AS NUMERIC(18, 4)) AS [NEXT_PROC_SEQ],
    0 AS [OPR_SEQ],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_BASE_CD],
    CAST(NULL AS NVARCHAR(50)) AS [CROSS_BREAK_RULE],
    CAST(NULL AS NVARCHAR(50)) AS [OVERLAP_TYPE],
    CAST(NULL AS NUMERIC(18, 4)) AS [OVERLAP_VALUE],
    CAST(NULL AS NUMERIC(18, 4)) AS [PROD_RATE],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_RSC_GRP_CD],
    CAST(NULL AS NVARCHAR(50)) AS [SETUP_RSC_CD],
    CAST(NULL AS NVARCHAR(50)) AS [RSC_SCHEDULED_FLG],
    CAST(NULL AS NVARCHAR(50)) AS [AttachNo],
    CAST(NULL AS NVARCHAR(50)) AS [ROUT_DOC],
    CAST(NULL AS NVARCHAR(50)) AS [OP_DRAW_NO],
    CAST(NULL AS NVARCHAR(50)) AS [ROUT_SIZE],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_RUN_COST_PER_HR],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_SUBCONTRACT_PRC],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_LABOR_COST],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_DIR_EXPENSE],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_INDIR_LABOR_COST],
    CAST(NULL AS NUMERIC(18, 4)) AS [STD_INDIR_EXPENSE],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(NULL AS NVARCHAR(50)) AS [NC_PROGRAM],
    CAST(NULL AS NVARCHAR(50)) AS [NC_PROGRAM_WRITER],
    CAST(NULL AS DATE) AS [NC_WRITE_DATE],
    CAST(NULL AS NVARCHAR(50)) AS [NC_REVIEWER],
    CAST(NULL AS DATE) AS [NC_REVIEW_DT],
    CAST(NULL AS NVARCHAR(50)) AS [PRESSURE_USE],
    b.service_user AS [INSRT_USER_ID],
    b.created_at AS [INSRT_DT],
    b.service_user AS [UPDT_USER_ID],
    b.created_at AS [UPDT_DT],
    0 AS [FIX_RUN_TIME],
    CAST(NULL AS NVARCHAR(50)) AS [REMARK],
    CAST(NULL AS NVARCHAR(50)) AS [CUST_SIZE],
    CAST(NULL AS NVARCHAR(50)) AS [MTMG_NUMB],
    CAST(NULL AS NVARCHAR(50)) AS [D_ITEM_CD],
    CAST(NULL AS NVARCHAR(50)) AS [RAW_MATL_SIZE],
    CAST(NULL AS NVARCHAR(50)) AS [JAW_SIZE],
    CAST(NULL AS NVARCHAR(50)) AS [VALIDITY],
    CAST(NULL AS NVARCHAR(50)) AS [PROGRAM_REMARK],
    o.batch_oper AS [BATCH_OPER],
    CAST(o.act_run_time AS NUMERIC(10, 2)) AS [ACT_RUN_TIME],
    CAST(o.act_setup_time AS NUMERIC(10, 2)) AS [ACT_SETUP_TIME],
    CAST(NULL AS NVARCHAR(50)) AS [DocYn],
    CAST(NULL AS NVARCHAR(50)) AS [PROC_REMARK],
    CAST(NULL AS NVARCHAR(50)) AS [NC_UPDATER],
    CAST(NULL AS DATE) AS [NC_UPDATE_DT],
    CAST(NULL AS NUMERIC(18, 4)) AS [GROSS_WEIGHT]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.bop_proc_master AS
SELECT
    CAST(c.candidate_rank AS BIGINT) AS [ID],
    b.company_code AS [CoCd],
    b.plant_code AS [PlantCd],
    c.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    1 AS [BOM_NO],
    c.routing_signature AS [DESCRIPTION],
    CASE WHEN (c.candidate_rank = 1) THEN CAST(N'Y' AS NVARCHAR(1)) ELSE CAST(N'N' AS NVARCHAR(1)) END AS [MAJOR_FLG],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_DEV_USER_ID],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_MFG_USER_ID],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_QUR_USER_ID],
    CAST(N'' AS NVARCHAR(1)) AS [ROU_APP_USER_ID],
    0 AS [REV_NO],
    b.valid_from AS [REV_DT],
    b.service_user AS [INSRT_USER_ID],
    b.created_at AS [INSRT_DT],
    b.service_user AS [UPDT_USER_ID],
    b.created_at AS [UPDT_DT],
    CAST(NULL AS NVARCHAR(50)) AS [ALT_RT_VALUE],
    CAST(NULL AS NVARCHAR(50)) AS [ASSIGN_NO],
    CAST(NULL AS NVARCHAR(50)) AS [AttachNo],
    CAST(NULL AS NVARCHAR(50)) AS [STD_ROUT_ITEM],
    CAST(NULL AS NVARCHAR(50)) AS [STD_ROUT_NO],
    CAST(NULL AS NVARCHAR(50)) AS [REV_NOTE],
    CAST(NULL AS NVARCHAR(50)) AS [Difficult_Level],
    CAST(NULL AS NUMERIC(18, 4)) AS [ITEM_LT]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id;

REPLACE VIEW {schema}.routing_predictions AS
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
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_abstained AS
SELECT
    a.item_cd,
    a.reason,
    a.reason_code,
    a.best_similarity,
    b.model_version,
    a.publication_id
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.abstained_item AS a ON a.publication_id = p.publication_id;

REPLACE VIEW {schema}.routing_flat AS
SELECT
    c.item_cd AS [ITEM_CD],
    c.candidate_id AS [CANDIDATE_ID],
    c.routing_signature AS [ROUTING_SIGNATURE],
    c.priority AS [PRIORITY],
    c.similarity_tier AS [SIMILARITY_TIER],
    o.proc_seq AS [PROC_SEQ],
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS [INSIDE_FLAG],
    o.job_cd AS [dbo_BI_ROUTING_VIEW_JOB_CD],
    o.job_nm AS [JOB_NM],
    o.res_cd AS [RES_CD],
    o.res_nm AS [RES_DIS],
    b.time_unit AS [TIME_UNIT],
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS [MFG_LT],
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS [QUEUE_TIME],
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS [SETUP_TIME],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [MACH_WORKED_HOURS],
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS [ACT_SETUP_TIME],
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS [ACT_RUN_TIME],
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS [WAIT_TIME],
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS [MOVE_TIME],
    CAST(1 AS NUMERIC(10, 2)) AS [RUN_TIME_QTY],
    b.run_time_unit AS [RUN_TIME_UNIT],
    o.batch_oper AS [BATCH_OPER],
    o.bp_cd AS [BP_CD],
    o.cust_nm AS [dbo_BI_ROUTING_VIEW_CUST_NM],
    o.cur_cd AS [CUR_CD],
    o.subcontract_prc AS [SUBCONTRACT_PRC],
    o.tax_type AS [TAX_TYPE],
    o.milestone_flg AS [MILESTONE_FLG],
    o.insp_flg AS [INSP_FLG],
    o.rout_order AS [ROUT_ORDER],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(NULL AS NVARCHAR(200)) AS [dbo_BI_ROUTING_VIEW_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [ROUT_DOC],
    CAST(NULL AS NVARCHAR(8)) AS [DOC_INSIDE],
    CAST(NULL AS NVARCHAR(64)) AS [DOC_NO],
    CAST(NULL AS NVARCHAR(64)) AS [NC_PROGRAM],
    CAST(NULL AS NVARCHAR(32)) AS [NC_PROGRAM_WRITER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_WRITER_NM],
    CAST(NULL AS DATE) AS [NC_WRITE_DATE],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER_NM],
    CAST(NULL AS DATE) AS [NC_REVIEW_DT],
    CAST(NULL AS NVARCHAR(32)) AS [RAW_MATL_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [JAW_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [VALIDITY],
    CAST(NULL AS NVARCHAR(200)) AS [PROGRAM_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [OP_DRAW_NO],
    CAST(NULL AS NVARCHAR(32)) AS [MTMG_NUMB],
    c.reference_item_cd AS [REFERENCE_ITEM_CD],
    c.similarity_score AS [SIMILARITY_SCORE],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [RUN_TIME],
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS [OPTIMAL_TIME],
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS [STANDARD_TIME],
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS [SAFE_TIME],
    o.time_cv AS [TIME_CV],
    o.confidence AS [CONFIDENCE],
    o.sample_count AS [SAMPLE_COUNT],
    o.support AS [SUPPORT],
    o.time_source AS [TIME_SOURCE],
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS [RUN_P10],
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS [RUN_P50],
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS [RUN_P90],
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS [SETUP_P10],
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS [SETUP_P90],
    o.setup_time AS [PREDICTED_SETUP_TIME],
    o.run_time AS [PREDICTED_RUN_TIME],
    o.standard_time AS [TRIM_MEAN],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST(N'Y' AS NVARCHAR(1)) ELSE CAST(N'N' AS NVARCHAR(1)) END AS [HAS_WORK_DATA],
    o.sample_count AS [WORK_ORDER_COUNT],
    o.time_confidence AS [WORK_ORDER_CONFIDENCE],
    CASE WHEN (o.time_source = 'actual_own') THEN CAST(N'input' AS NVARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST(N'similar' AS NVARCHAR(8)) ELSE CAST(N'none' AS NVARCHAR(8)) END AS [WORK_ORDER_DATA_SOURCE],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS [WORK_ORDER_SOURCE_ITEMS],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS [WORK_ORDER_AVG_SIMILARITY],
    o.source_items AS [SOURCE_ITEMS],
    o.source_similarity AS [AVG_SIMILARITY],
    o.source_rout_no AS [SOURCE_ROUT_NO],
    CAST(N'N' AS NVARCHAR(1)) AS [OUTSOURCING_REPLACED],
    CAST(N'ML_BASED' AS NVARCHAR(8)) AS [PREDICTION_TYPE],
    c.candidate_rank AS [CANDIDATE_RANK],
    c.predicted_rout_no AS [ROUT_NO],
    b.model_version AS [MODEL_VERSION],
    c.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_candidate_evidence AS
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
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_candidate_resources AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS [ID],
    b.company_code AS [COCD],
    b.plant_code AS [PLANTCD],
    c.item_cd AS [ITEM_CD],
    c.predicted_rout_no AS [ROUT_NO],
    0 AS [REV_NO],
    r.job_cd AS [JOB_CD],
    r.res_cd AS [RES_CD],
    CAST(NULL AS NUMERIC(18, 4)) AS [RUN_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [SETUP_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [WAIT_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MOVE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [QUEUE_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [AFTER_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [MAN_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [MACHINE_HOUR],
    CAST(NULL AS NUMERIC(18, 4)) AS [RES_PRIORITY],
    CAST(N'N' AS NVARCHAR(1)) AS [MAIN_YN],
    b.service_user AS [IN_ID],
    b.created_at AS [IN_DT],
    b.service_user AS [UP_ID],
    b.created_at AS [UP_DT],
    1 AS [TASK_ID],
    CAST(NULL AS NVARCHAR(50)) AS [REV_COND],
    CAST(NULL AS NVARCHAR(50)) AS [TASK_COND],
    CAST(N'ES' AS NVARCHAR(8)) AS [FOLD_MTHD],
    CAST(NULL AS NUMERIC(18, 4)) AS [FOLD_TIME],
    CAST(NULL AS NUMERIC(18, 4)) AS [PREV_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [CURR_RES_QTY],
    CAST(NULL AS NUMERIC(18, 4)) AS [NEXT_RES_QTY],
    CAST(N'N' AS NVARCHAR(1)) AS [NEXT_RES_ABSL_YN],
    CAST(NULL AS NVARCHAR(16)) AS [RUN_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [SETUP_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [WAIT_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [MOVE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [QUEUE_TIME_UNIT],
    CAST(NULL AS NVARCHAR(16)) AS [AFTER_TIME_UNIT],
    CAST(NULL AS NUMERIC(18, 4)) AS [BEFORE_TIME],
    CAST(NULL AS NVARCHAR(16)) AS [BEFORE_TIME_UNIT],
    c.candidate_id AS [CANDIDATE_ID],
    c.candidate_rank AS [CANDIDATE_RANK],
    r.res_nm AS [RES_DIS],
    r.alternative_rank AS [ALTERNATIVE_RANK],
    r.is_pool AS [IS_POOL],
    r.use_count AS [USE_COUNT],
    r.use_share AS [USE_SHARE],
    r.last_used AS [LAST_USED],
    c.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN {schema}.resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM {schema}.candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

REPLACE VIEW {schema}.routing_candidate_operations AS
SELECT
    c.item_cd,
    c.candidate_id,
    o.proc_seq AS [PROC_SEQ],
    CASE WHEN (o.inside = 'out') THEN b.word_outsourced ELSE b.word_inhouse END AS [INSIDE_FLAG],
    o.job_cd AS [dbo_BI_ROUTING_VIEW_JOB_CD],
    o.job_nm AS [JOB_NM],
    o.res_cd AS [RES_CD],
    o.res_nm AS [RES_DIS],
    b.time_unit AS [TIME_UNIT],
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS [MFG_LT],
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS [QUEUE_TIME],
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS [SETUP_TIME],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [MACH_WORKED_HOURS],
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS [ACT_SETUP_TIME],
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS [ACT_RUN_TIME],
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS [WAIT_TIME],
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS [MOVE_TIME],
    CAST(1 AS NUMERIC(10, 2)) AS [RUN_TIME_QTY],
    b.run_time_unit AS [RUN_TIME_UNIT],
    o.batch_oper AS [BATCH_OPER],
    o.bp_cd AS [BP_CD],
    o.cust_nm AS [dbo_BI_ROUTING_VIEW_CUST_NM],
    o.cur_cd AS [CUR_CD],
    o.subcontract_prc AS [SUBCONTRACT_PRC],
    o.tax_type AS [TAX_TYPE],
    o.milestone_flg AS [MILESTONE_FLG],
    o.insp_flg AS [INSP_FLG],
    o.rout_order AS [ROUT_ORDER],
    b.valid_from AS [VALID_FROM_DT],
    b.valid_to AS [VALID_TO_DT],
    CAST(NULL AS NVARCHAR(200)) AS [dbo_BI_ROUTING_VIEW_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [ROUT_DOC],
    CAST(NULL AS NVARCHAR(8)) AS [DOC_INSIDE],
    CAST(NULL AS NVARCHAR(64)) AS [DOC_NO],
    CAST(NULL AS NVARCHAR(64)) AS [NC_PROGRAM],
    CAST(NULL AS NVARCHAR(32)) AS [NC_PROGRAM_WRITER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_WRITER_NM],
    CAST(NULL AS DATE) AS [NC_WRITE_DATE],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER],
    CAST(NULL AS NVARCHAR(32)) AS [NC_REVIEWER_NM],
    CAST(NULL AS DATE) AS [NC_REVIEW_DT],
    CAST(NULL AS NVARCHAR(32)) AS [RAW_MATL_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [JAW_SIZE],
    CAST(NULL AS NVARCHAR(32)) AS [VALIDITY],
    CAST(NULL AS NVARCHAR(200)) AS [PROGRAM_REMARK],
    CAST(NULL AS NVARCHAR(64)) AS [OP_DRAW_NO],
    CAST(NULL AS NVARCHAR(32)) AS [MTMG_NUMB],
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS [RUN_TIME],
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS [OPTIMAL_TIME],
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS [STANDARD_TIME],
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS [SAFE_TIME],
    o.time_cv AS [TIME_CV],
    o.confidence AS [CONFIDENCE],
    o.sample_count AS [SAMPLE_COUNT],
    o.support AS [SUPPORT],
    o.time_source AS [TIME_SOURCE],
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS [RUN_P10],
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS [RUN_P50],
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS [RUN_P90],
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS [SETUP_P10],
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS [SETUP_P90],
    o.setup_time AS [PREDICTED_SETUP_TIME],
    o.run_time AS [PREDICTED_RUN_TIME],
    o.standard_time AS [TRIM_MEAN],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST(N'Y' AS NVARCHAR(1)) ELSE CAST(N'N' AS NVARCHAR(1)) END AS [HAS_WORK_DATA],
    o.sample_count AS [WORK_ORDER_COUNT],
    o.time_confidence AS [WORK_ORDER_CONFIDENCE],
    CASE WHEN (o.time_source = 'actual_own') THEN CAST(N'input' AS NVARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST(N'similar' AS NVARCHAR(8)) ELSE CAST(N'none' AS NVARCHAR(8)) END AS [WORK_ORDER_DATA_SOURCE],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS [WORK_ORDER_SOURCE_ITEMS],
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS [WORK_ORDER_AVG_SIMILARITY],
    o.source_items AS [SOURCE_ITEMS],
    o.source_similarity AS [AVG_SIMILARITY],
    o.source_rout_no AS [SOURCE_ROUT_NO],
    CAST(N'N' AS NVARCHAR(1)) AS [OUTSOURCING_REPLACED],
    CAST(N'ML_BASED' AS NVARCHAR(8)) AS [PREDICTION_TYPE],
    c.candidate_rank AS [CANDIDATE_RANK],
    c.predicted_rout_no AS [ROUT_NO],
    b.model_version AS [MODEL_VERSION],
    c.publication_id AS [PUBLICATION_ID]
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id
    JOIN {schema}.candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW {schema}.routing_candidates AS
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
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.candidate AS c ON c.publication_id = p.publication_id;

INSERT INTO {schema}.candidate (
    publication_id, item_cd, candidate_rank, candidate_id, routing_signature, routing_code, similarity_score, confidence, priority, similarity_tier, reference_item_cd, rout_no, predicted_rout_no, routing_source, process_count, work_order_count, work_order_confidence, neighbour_count, support, matched_attributes, item_hash
)
SELECT
    b.id, c.item_cd, c.candidate_rank, c.candidate_id, c.routing_signature, c.routing_code, c.similarity_score, c.confidence, c.priority, c.similarity_tier, c.reference_item_cd, c.rout_no, c.predicted_rout_no, c.routing_source, c.process_count, c.work_order_count, c.work_order_confidence, c.neighbour_count, c.support, c.matched_attributes, c.item_hash
FROM {schema}.publication AS b
JOIN {schema}.item_version AS i ON i.from_publication < b.id
JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM {schema}.item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO {schema}.candidate_operation (
    publication_id, item_cd, candidate_rank, proc_seq, inside, job_cd, job_nm, res_cd, res_nm, rout_order, setup_time, run_time, setup_p10, setup_p90, run_p10, run_p50, run_p90, optimal_time, standard_time, safe_time, time_cv, act_setup_time, act_run_time, queue_time, wait_time, move_time, mfg_lt, batch_oper, bp_cd, cust_nm, cur_cd, subcontract_prc, tax_type, insp_flg, milestone_flg, confidence, support, sample_count, time_source, time_confidence, source_items, source_similarity, source_rout_no, lot_size, lot_exponent
)
SELECT
    b.id, c.item_cd, c.candidate_rank, c.proc_seq, c.inside, c.job_cd, c.job_nm, c.res_cd, c.res_nm, c.rout_order, c.setup_time, c.run_time, c.setup_p10, c.setup_p90, c.run_p10, c.run_p50, c.run_p90, c.optimal_time, c.standard_time, c.safe_time, c.time_cv, c.act_setup_time, c.act_run_time, c.queue_time, c.wait_time, c.move_time, c.mfg_lt, c.batch_oper, c.bp_cd, c.cust_nm, c.cur_cd, c.subcontract_prc, c.tax_type, c.insp_flg, c.milestone_flg, c.confidence, c.support, c.sample_count, c.time_source, c.time_confidence, c.source_items, c.source_similarity, c.source_rout_no, c.lot_size, c.lot_exponent
FROM {schema}.publication AS b
JOIN {schema}.item_version AS i ON i.from_publication < b.id
JOIN {schema}.candidate_operation AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM {schema}.item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO {schema}.candidate_evidence (
    publication_id, item_cd, candidate_rank, evidence_rank, neighbour_item_cd, neighbour_rout_no, similarity, weight, matching, differing
)
SELECT
    b.id, c.item_cd, c.candidate_rank, c.evidence_rank, c.neighbour_item_cd, c.neighbour_rout_no, c.similarity, c.weight, c.matching, c.differing
FROM {schema}.publication AS b
JOIN {schema}.item_version AS i ON i.from_publication < b.id
JOIN {schema}.candidate_evidence AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM {schema}.item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO {schema}.abstained_item (
    publication_id, item_cd, reason_code, reason, best_similarity
)
SELECT
    b.id, c.item_cd, c.reason_code, c.reason, c.best_similarity
FROM {schema}.publication AS b
JOIN {schema}.item_version AS i ON i.from_publication < b.id
JOIN {schema}.abstained_item AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM {schema}.item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO {schema}.resource_alternative (
    publication_id, job_cd, res_cd, res_nm, alternative_rank, is_pool, use_count, use_share, last_used
)
SELECT
    b.id, c.job_cd, c.res_cd, c.res_nm, c.alternative_rank, c.is_pool, c.use_count, c.use_share, c.last_used
FROM {schema}.publication AS b
JOIN {schema}.job_version AS i ON i.from_publication < b.id
JOIN {schema}.resource_alternative AS c ON c.publication_id = i.from_publication AND c.job_cd = i.job_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM {schema}.job_version AS w
    WHERE w.job_cd = i.job_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

DELETE FROM {schema}.abstained_item
WHERE publication_id IN (SELECT b.id FROM {schema}.publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM {schema}.resource_alternative
WHERE publication_id IN (SELECT b.id FROM {schema}.publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM {schema}.candidate_evidence
WHERE publication_id IN (SELECT b.id FROM {schema}.publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM {schema}.candidate_operation
WHERE publication_id IN (SELECT b.id FROM {schema}.publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM {schema}.candidate
WHERE publication_id IN (SELECT b.id FROM {schema}.publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM {schema}.rejected_row
WHERE until_no <= (SELECT r.rejects_no FROM {schema}.batch_run AS r WHERE r.run_id = {schema}.rejected_row.run_id);

INSERT INTO {schema}.rejected_row (
    run_id, seq, source_table, row_key, rule_name, reason, raw_values
)
SELECT
    r.run_id,
    COALESCE((SELECT MAX(m.seq) FROM {schema}.rejected_row AS m WHERE m.run_id = r.run_id), 0)
    + ROW_NUMBER() OVER (PARTITION BY r.run_id ORDER BY x.run_id, x.seq),
    x.source_table, x.row_key, x.rule_name, x.reason, x.raw_values
FROM {schema}.batch_run AS r
JOIN {schema}.rejected_row AS x ON x.from_no <= r.rejects_no
WHERE (x.until_no IS NULL OR x.until_no > r.rejects_no) AND x.run_id <> r.run_id;

ALTER TABLE {schema}.rejected_row DROP COLUMN hash_b;

ALTER TABLE {schema}.rejected_row DROP COLUMN hash_a;

ALTER TABLE {schema}.rejected_row DROP COLUMN until_no;

ALTER TABLE {schema}.rejected_row DROP COLUMN from_no;

ALTER TABLE {schema}.rejected_row DROP COLUMN copies;

ALTER TABLE {schema}.batch_run DROP COLUMN rejects_no;

ALTER TABLE {schema}.publication DROP COLUMN withdrawn_at;

ALTER TABLE {schema}.publication DROP COLUMN rows_written;

ALTER TABLE {schema}.publication DROP COLUMN items_changed;

DROP TABLE {schema}.job_version;

DROP TABLE {schema}.item_version;

-- decompress

IF SERVERPROPERTY(N'Babelfish') IS NULL AND (CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) OR CAST(SERVERPROPERTY(N'ProductMajorVersion') AS int) >= 14) EXEC(N'ALTER TABLE [{schema}].[rejected_row] REBUILD WITH (DATA_COMPRESSION = NONE);');
