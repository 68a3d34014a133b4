-- upgrade

CREATE VIEW routing_candidates AS
SELECT
    c.item_cd,
    c.candidate_id,
    c.routing_signature,
    c.similarity_score,
    c.priority,
    c.similarity_tier,
    c.reference_item_cd,
    b.model_version AS generator_version,
    b.created_at || '+00:00' AS generated_at,
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
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id;

CREATE VIEW routing_candidate_operations AS
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
    round(coalesce(o.mfg_lt, 0), 2) AS "MFG_LT",
    round(coalesce(o.queue_time, 0), 2) AS "QUEUE_TIME",
    round(coalesce(o.setup_time, 0), 2) AS "SETUP_TIME",
    round(coalesce(o.run_time, 0), 2) AS "MACH_WORKED_HOURS",
    round(coalesce(o.act_setup_time, 0), 2) AS "ACT_SETUP_TIME",
    round(coalesce(o.act_run_time, 0), 2) AS "ACT_RUN_TIME",
    round(coalesce(o.wait_time, 0), 2) AS "WAIT_TIME",
    round(coalesce(o.move_time, 0), 2) AS "MOVE_TIME",
    1 AS "RUN_TIME_QTY",
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
    NULL AS "dbo_BI_ROUTING_VIEW_REMARK",
    NULL AS "ROUT_DOC",
    NULL AS "DOC_INSIDE",
    NULL AS "DOC_NO",
    NULL AS "NC_PROGRAM",
    NULL AS "NC_PROGRAM_WRITER",
    NULL AS "NC_WRITER_NM",
    NULL AS "NC_WRITE_DATE",
    NULL AS "NC_REVIEWER",
    NULL AS "NC_REVIEWER_NM",
    NULL AS "NC_REVIEW_DT",
    NULL AS "RAW_MATL_SIZE",
    NULL AS "JAW_SIZE",
    NULL AS "VALIDITY",
    NULL AS "PROGRAM_REMARK",
    NULL AS "OP_DRAW_NO",
    NULL AS "MTMG_NUMB",
    round(coalesce(o.run_time, 0), 2) AS "RUN_TIME",
    round(coalesce(o.optimal_time, 0), 2) AS "OPTIMAL_TIME",
    round(coalesce(o.standard_time, 0), 2) AS "STANDARD_TIME",
    round(coalesce(o.safe_time, 0), 2) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    round(coalesce(o.run_p10, 0), 2) AS "RUN_P10",
    round(coalesce(o.run_p50, 0), 2) AS "RUN_P50",
    round(coalesce(o.run_p90, 0), 2) AS "RUN_P90",
    round(coalesce(o.setup_p10, 0), 2) AS "SETUP_P10",
    round(coalesce(o.setup_p90, 0), 2) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN 'Y' ELSE 'N' END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN 'input' WHEN (o.time_source = 'actual_similar') THEN 'similar' ELSE 'none' END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    'N' AS "OUTSOURCING_REPLACED",
    'ML_BASED' AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    c.publication_id AS "PUBLICATION_ID"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

CREATE VIEW routing_candidate_resources AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq, r.alternative_rank, r.res_cd) AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    0 AS "REV_NO",
    r.job_cd AS "JOB_CD",
    r.res_cd AS "RES_CD",
    NULL AS "RUN_TIME",
    NULL AS "SETUP_TIME",
    NULL AS "WAIT_TIME",
    NULL AS "MOVE_TIME",
    NULL AS "QUEUE_TIME",
    NULL AS "AFTER_TIME",
    NULL AS "MAN_HOUR",
    NULL AS "MACHINE_HOUR",
    NULL AS "RES_PRIORITY",
    'N' AS "MAIN_YN",
    b.service_user AS "IN_ID",
    b.created_at || '+00:00' AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at || '+00:00' AS "UP_DT",
    1 AS "TASK_ID",
    NULL AS "REV_COND",
    NULL AS "TASK_COND",
    'ES' AS "FOLD_MTHD",
    NULL AS "FOLD_TIME",
    NULL AS "PREV_RES_QTY",
    NULL AS "CURR_RES_QTY",
    NULL AS "NEXT_RES_QTY",
    'N' AS "NEXT_RES_ABSL_YN",
    NULL AS "RUN_TIME_UNIT",
    NULL AS "SETUP_TIME_UNIT",
    NULL AS "WAIT_TIME_UNIT",
    NULL AS "MOVE_TIME_UNIT",
    NULL AS "QUEUE_TIME_UNIT",
    NULL AS "AFTER_TIME_UNIT",
    NULL AS "BEFORE_TIME",
    NULL AS "BEFORE_TIME_UNIT",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    r.res_nm AS "RES_DIS",
    r.alternative_rank AS "ALTERNATIVE_RANK",
    r.is_pool AS "IS_POOL",
    r.use_count AS "USE_COUNT",
    r.use_share AS "USE_SHARE",
    r.last_used AS "LAST_USED",
    c.publication_id AS "PUBLICATION_ID"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN resource_alternative AS r ON r.publication_id = o.publication_id
    AND r.job_cd = o.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

CREATE VIEW routing_candidate_evidence AS
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
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank;

CREATE VIEW routing_flat AS
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
    round(coalesce(o.mfg_lt, 0), 2) AS "MFG_LT",
    round(coalesce(o.queue_time, 0), 2) AS "QUEUE_TIME",
    round(coalesce(o.setup_time, 0), 2) AS "SETUP_TIME",
    round(coalesce(o.run_time, 0), 2) AS "MACH_WORKED_HOURS",
    round(coalesce(o.act_setup_time, 0), 2) AS "ACT_SETUP_TIME",
    round(coalesce(o.act_run_time, 0), 2) AS "ACT_RUN_TIME",
    round(coalesce(o.wait_time, 0), 2) AS "WAIT_TIME",
    round(coalesce(o.move_time, 0), 2) AS "MOVE_TIME",
    1 AS "RUN_TIME_QTY",
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
    NULL AS "dbo_BI_ROUTING_VIEW_REMARK",
    NULL AS "ROUT_DOC",
    NULL AS "DOC_INSIDE",
    NULL AS "DOC_NO",
    NULL AS "NC_PROGRAM",
    NULL AS "NC_PROGRAM_WRITER",
    NULL AS "NC_WRITER_NM",
    NULL AS "NC_WRITE_DATE",
    NULL AS "NC_REVIEWER",
    NULL AS "NC_REVIEWER_NM",
    NULL AS "NC_REVIEW_DT",
    NULL AS "RAW_MATL_SIZE",
    NULL AS "JAW_SIZE",
    NULL AS "VALIDITY",
    NULL AS "PROGRAM_REMARK",
    NULL AS "OP_DRAW_NO",
    NULL AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    round(coalesce(o.run_time, 0), 2) AS "RUN_TIME",
    round(coalesce(o.optimal_time, 0), 2) AS "OPTIMAL_TIME",
    round(coalesce(o.standard_time, 0), 2) AS "STANDARD_TIME",
    round(coalesce(o.safe_time, 0), 2) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    round(coalesce(o.run_p10, 0), 2) AS "RUN_P10",
    round(coalesce(o.run_p50, 0), 2) AS "RUN_P50",
    round(coalesce(o.run_p90, 0), 2) AS "RUN_P90",
    round(coalesce(o.setup_p10, 0), 2) AS "SETUP_P10",
    round(coalesce(o.setup_p90, 0), 2) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN 'Y' ELSE 'N' END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN 'input' WHEN (o.time_source = 'actual_similar') THEN 'similar' ELSE 'none' END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    'N' AS "OUTSOURCING_REPLACED",
    'ML_BASED' AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    c.publication_id AS "PUBLICATION_ID"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

CREATE VIEW routing_abstained AS
SELECT
    a.item_cd,
    a.reason,
    a.reason_code,
    a.best_similarity,
    b.model_version,
    a.publication_id
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN abstained_item AS a ON a.publication_id = p.publication_id;

CREATE VIEW routing_predictions AS
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
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

CREATE VIEW model_quality_trend AS
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
FROM model_metric AS m) AS measured
    JOIN model_version AS v ON v.version = measured.model_version
WHERE measured.age = 1;

CREATE VIEW batch_run_summary AS
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
FROM quality_result AS q
WHERE q.run_id = n.run_id) AS checks,
    (SELECT count(*) AS count_2
FROM quality_result AS q
WHERE q.run_id = n.run_id AND q.success = 0 AND q.severity = 'critical') AS critical_failed,
    (SELECT count(*) AS count_3
FROM quality_result AS q
WHERE q.run_id = n.run_id AND q.success = 0 AND q.severity = 'warning') AS warnings_failed,
    n.message
FROM batch_run AS n;

-- downgrade

DROP VIEW batch_run_summary;

DROP VIEW model_quality_trend;

DROP VIEW routing_predictions;

DROP VIEW routing_abstained;

DROP VIEW routing_flat;

DROP VIEW routing_candidate_evidence;

DROP VIEW routing_candidate_resources;

DROP VIEW routing_candidate_operations;

DROP VIEW routing_candidates;
