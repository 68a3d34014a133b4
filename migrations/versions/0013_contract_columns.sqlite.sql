-- upgrade

ALTER TABLE candidate ADD COLUMN replaced_operations INTEGER;

ALTER TABLE candidate_operation ADD COLUMN replaced_job VARCHAR(32);

ALTER TABLE publication ADD COLUMN model_quality REAL;

REPLACE VIEW routing_candidates AS
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
    'N' AS has_routing,
    CASE WHEN (c.replaced_operations > 0) THEN 'Y' ELSE 'N' END AS outsourcing_replaced,
    b.model_quality,
    CASE WHEN (c.confidence + b.model_quality >= 1.6) THEN 'A' WHEN (c.confidence + b.model_quality >= 1.4) THEN 'B' WHEN (c.confidence + b.model_quality >= 1.2) THEN 'C' WHEN (c.confidence + b.model_quality >= 0.0) THEN 'D' ELSE NULL END AS quality_grade,
    CASE WHEN (c.confidence + b.model_quality >= 1.6) THEN '우수' WHEN (c.confidence + b.model_quality >= 1.4) THEN '양호' WHEN (c.confidence + b.model_quality >= 1.2) THEN '보통' WHEN (c.confidence + b.model_quality >= 0.0) THEN '개선필요' ELSE NULL END AS quality_label
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd;

REPLACE VIEW routing_candidate_operations AS
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
    CASE WHEN (o.replaced_job IS NOT NULL) THEN 'Y' ELSE 'N' END AS "OUTSOURCING_REPLACED",
    'ML_BASED' AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    round(coalesce(o.time_cv * o.standard_time, 0), 2) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN NULL WHEN (o.time_cv < 0.15) THEN '안정적' WHEN (o.time_cv < 0.3) THEN '보통' WHEN (o.time_cv < 0.5) THEN '가변적' ELSE '불안정' END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED",
    round((o.setup_p90 - o.setup_p10) / (2.5631 + 0.0), 2) AS "SETUP_STD",
    o.replaced_job AS "REPLACED_JOB_CD"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW routing_flat AS
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
    CASE WHEN (o.replaced_job IS NOT NULL) THEN 'Y' ELSE 'N' END AS "OUTSOURCING_REPLACED",
    'ML_BASED' AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    round(coalesce(o.time_cv * o.standard_time, 0), 2) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN NULL WHEN (o.time_cv < 0.15) THEN '안정적' WHEN (o.time_cv < 0.3) THEN '보통' WHEN (o.time_cv < 0.5) THEN '가변적' ELSE '불안정' END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED",
    round((o.setup_p90 - o.setup_p10) / (2.5631 + 0.0), 2) AS "SETUP_STD",
    o.replaced_job AS "REPLACED_JOB_CD"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

-- downgrade

REPLACE VIEW routing_flat AS
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
    p.publication_id AS "PUBLICATION_ID",
    round(coalesce(o.time_cv * o.standard_time, 0), 2) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN NULL WHEN (o.time_cv < 0.15) THEN '안정적' WHEN (o.time_cv < 0.3) THEN '보통' WHEN (o.time_cv < 0.5) THEN '가변적' ELSE '불안정' END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW routing_candidate_operations AS
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
    p.publication_id AS "PUBLICATION_ID",
    round(coalesce(o.time_cv * o.standard_time, 0), 2) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN NULL WHEN (o.time_cv < 0.15) THEN '안정적' WHEN (o.time_cv < 0.3) THEN '보통' WHEN (o.time_cv < 0.5) THEN '가변적' ELSE '불안정' END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW routing_candidates AS
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
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd;

ALTER TABLE publication DROP COLUMN model_quality;

ALTER TABLE candidate_operation DROP COLUMN replaced_job;

ALTER TABLE candidate DROP COLUMN replaced_operations;
