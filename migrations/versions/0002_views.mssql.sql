-- upgrade

CREATE VIEW {schema}.routing_candidates AS
SELECT
    c.item_cd,
    c.candidate_id,
    c.routing_signature,
    c.similarity_score,
    c.priority,
    c.similarity_tier,
    c.reference_item_cd,
    b.model_version AS generator_version,
    todatetimeoffset(b.created_at, '+00:00') AS generated_at,
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

CREATE VIEW {schema}.routing_candidate_operations AS
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

CREATE VIEW {schema}.routing_candidate_resources AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq, r.alternative_rank, r.res_cd) AS [ID],
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
    todatetimeoffset(b.created_at, '+00:00') AS [IN_DT],
    b.service_user AS [UP_ID],
    todatetimeoffset(b.created_at, '+00:00') AS [UP_DT],
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

CREATE VIEW {schema}.routing_candidate_evidence AS
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

CREATE VIEW {schema}.routing_flat AS
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

CREATE VIEW {schema}.routing_abstained AS
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

CREATE VIEW {schema}.routing_predictions AS
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

CREATE VIEW {schema}.model_quality_trend AS
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

CREATE VIEW {schema}.batch_run_summary AS
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
    n.message
FROM {schema}.batch_run AS n;

-- downgrade

DROP VIEW {schema}.batch_run_summary;

DROP VIEW {schema}.model_quality_trend;

DROP VIEW {schema}.routing_predictions;

DROP VIEW {schema}.routing_abstained;

DROP VIEW {schema}.routing_flat;

DROP VIEW {schema}.routing_candidate_evidence;

DROP VIEW {schema}.routing_candidate_resources;

DROP VIEW {schema}.routing_candidate_operations;

DROP VIEW {schema}.routing_candidates;
