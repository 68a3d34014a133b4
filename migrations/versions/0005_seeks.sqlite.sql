-- upgrade

DROP INDEX ix_candidate_publication_id_priority;

ALTER TABLE publication ADD COLUMN writer_reason VARCHAR(1000);

REPLACE VIEW routing_candidates AS
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
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id;

REPLACE VIEW routing_candidate_resources AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
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
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
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

REPLACE VIEW bop_proc_master AS
SELECT
    CAST(c.candidate_rank AS BIGINT) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    1 AS "BOM_NO",
    c.routing_signature AS "DESCRIPTION",
    CASE WHEN (c.candidate_rank = 1) THEN 'Y' ELSE 'N' END AS "MAJOR_FLG",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    '' AS "ROU_DEV_USER_ID",
    '' AS "ROU_MFG_USER_ID",
    '' AS "ROU_QUR_USER_ID",
    '' AS "ROU_APP_USER_ID",
    0 AS "REV_NO",
    b.valid_from AS "REV_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    NULL AS "ALT_RT_VALUE",
    NULL AS "ASSIGN_NO",
    NULL AS "AttachNo",
    NULL AS "STD_ROUT_ITEM",
    NULL AS "STD_ROUT_NO",
    NULL AS "REV_NOTE",
    NULL AS "Difficult_Level",
    NULL AS "ITEM_LT"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id;

REPLACE VIEW bop_proc_detail AS
SELECT
    CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    o.proc_seq AS "PROC_SEQ",
    NULL AS "WC_CD",
    CASE WHEN (o.inside = 'out') THEN 'N' ELSE 'Y' END AS "INSIDE_FLG",
    o.res_cd AS "RES_CD",
    o.rout_order AS "ROUT_ORDER",
    o.job_cd AS "JOB_CD",
    round(coalesce(o.mfg_lt, 0), 2) AS "MFG_LT",
    'M' AS "TIME_UNIT",
    round(coalesce(coalesce(o.standard_time, o.run_time), 0), 2) AS "RUN_TIME",
    round(coalesce(o.setup_time, 0), 2) AS "SETUP_TIME",
    round(coalesce(o.wait_time, 0), 2) AS "WAIT_TIME",
    round(coalesce(o.move_time, 0), 2) AS "MOVE_TIME",
    NULL AS "MOVE_QTY",
    round(coalesce(o.queue_time, 0), 2) AS "QUEUE_TIME",
    1 AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    NULL AS "OVERLAP_OPR",
    NULL AS "OVERLAP_LT",
    round(coalesce(o.subcontract_prc, 0), 2) AS "SUBCONTRACT_PRC",
    o.cur_cd AS "CUR_CD",
    o.bp_cd AS "BP_CD",
    o.tax_type AS "TAX_TYPE",
    NULL AS "RUN_TIME_RULE_PLAN",
    NULL AS "RUN_TIME_RULE_SCHL",
    NULL AS "RUN_TIME_PLAN",
    NULL AS "RUN_TIME_SCHL",
    NULL AS "SETUP_TIME_IN_HOUR_PLAN",
    NULL AS "SETUP_TIME_IN_HOUR",
    NULL AS "SETUP_TIME_RULE",
    NULL AS "WHEN_TO_SETUP_RULE",
    NULL AS "WAIT_TIME_IN_HOUR",
    NULL AS "MOVE_TIME_IN_HOUR",
    NULL AS "QUEUE_TIME_IN_HOUR",
    NULL AS "ALLOC_RULE",
    NULL AS "SELECT_RULE",
    NULL AS "FREE_CHECK_FLG",
    NULL AS "HOLD_TEMP_FLG",
    NULL AS "NEXT_PROC_SEQ",
    0 AS "OPR_SEQ",
    NULL AS "SETUP_BASE_CD",
    NULL AS "CROSS_BREAK_RULE",
    NULL AS "OVERLAP_TYPE",
    NULL AS "OVERLAP_VALUE",
    NULL AS "PROD_RATE",
    NULL AS "SETUP_RSC_GRP_CD",
    NULL AS "SETUP_RSC_CD",
    NULL AS "RSC_SCHEDULED_FLG",
    NULL AS "AttachNo",
    NULL AS "ROUT_DOC",
    NULL AS "OP_DRAW_NO",
    NULL AS "ROUT_SIZE",
    NULL AS "STD_RUN_COST_PER_HR",
    NULL AS "STD_SUBCONTRACT_PRC",
    NULL AS "STD_LABOR_COST",
    NULL AS "STD_DIR_EXPENSE",
    NULL AS "STD_INDIR_LABOR_COST",
    NULL AS "STD_INDIR_EXPENSE",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    NULL AS "NC_PROGRAM",
    NULL AS "NC_PROGRAM_WRITER",
    NULL AS "NC_WRITE_DATE",
    NULL AS "NC_REVIEWER",
    NULL AS "NC_REVIEW_DT",
    NULL AS "PRESSURE_USE",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    0 AS "FIX_RUN_TIME",
    NULL AS "REMARK",
    NULL AS "CUST_SIZE",
    NULL AS "MTMG_NUMB",
    NULL AS "D_ITEM_CD",
    NULL AS "RAW_MATL_SIZE",
    NULL AS "JAW_SIZE",
    NULL AS "VALIDITY",
    NULL AS "PROGRAM_REMARK",
    o.batch_oper AS "BATCH_OPER",
    round(o.act_run_time, 2) AS "ACT_RUN_TIME",
    round(o.act_setup_time, 2) AS "ACT_SETUP_TIME",
    NULL AS "DocYn",
    NULL AS "PROC_REMARK",
    NULL AS "NC_UPDATER",
    NULL AS "NC_UPDATE_DT",
    NULL AS "GROSS_WEIGHT"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW bop_proc_res AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
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
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
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
    NULL AS "BEFORE_TIME_UNIT"
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

REPLACE VIEW batch_run_summary AS
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
    n.message,
    b.writer,
    b.writer_reason
FROM batch_run AS n LEFT OUTER
    JOIN publication AS b ON b.id = n.publication_id;

-- downgrade

REPLACE VIEW batch_run_summary AS
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

REPLACE VIEW bop_proc_res AS
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
    b.created_at AS "IN_DT",
    b.service_user AS "UP_ID",
    b.created_at AS "UP_DT",
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
    NULL AS "BEFORE_TIME_UNIT"
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

REPLACE VIEW bop_proc_detail AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    o.proc_seq AS "PROC_SEQ",
    NULL AS "WC_CD",
    CASE WHEN (o.inside = 'out') THEN 'N' ELSE 'Y' END AS "INSIDE_FLG",
    o.res_cd AS "RES_CD",
    o.rout_order AS "ROUT_ORDER",
    o.job_cd AS "JOB_CD",
    round(coalesce(o.mfg_lt, 0), 2) AS "MFG_LT",
    'M' AS "TIME_UNIT",
    round(coalesce(coalesce(o.standard_time, o.run_time), 0), 2) AS "RUN_TIME",
    round(coalesce(o.setup_time, 0), 2) AS "SETUP_TIME",
    round(coalesce(o.wait_time, 0), 2) AS "WAIT_TIME",
    round(coalesce(o.move_time, 0), 2) AS "MOVE_TIME",
    NULL AS "MOVE_QTY",
    round(coalesce(o.queue_time, 0), 2) AS "QUEUE_TIME",
    1 AS "RUN_TIME_QTY",
    b.run_time_unit AS "RUN_TIME_UNIT",
    o.milestone_flg AS "MILESTONE_FLG",
    o.insp_flg AS "INSP_FLG",
    NULL AS "OVERLAP_OPR",
    NULL AS "OVERLAP_LT",
    round(coalesce(o.subcontract_prc, 0), 2) AS "SUBCONTRACT_PRC",
    o.cur_cd AS "CUR_CD",
    o.bp_cd AS "BP_CD",
    o.tax_type AS "TAX_TYPE",
    NULL AS "RUN_TIME_RULE_PLAN",
    NULL AS "RUN_TIME_RULE_SCHL",
    NULL AS "RUN_TIME_PLAN",
    NULL AS "RUN_TIME_SCHL",
    NULL AS "SETUP_TIME_IN_HOUR_PLAN",
    NULL AS "SETUP_TIME_IN_HOUR",
    NULL AS "SETUP_TIME_RULE",
    NULL AS "WHEN_TO_SETUP_RULE",
    NULL AS "WAIT_TIME_IN_HOUR",
    NULL AS "MOVE_TIME_IN_HOUR",
    NULL AS "QUEUE_TIME_IN_HOUR",
    NULL AS "ALLOC_RULE",
    NULL AS "SELECT_RULE",
    NULL AS "FREE_CHECK_FLG",
    NULL AS "HOLD_TEMP_FLG",
    NULL AS "NEXT_PROC_SEQ",
    0 AS "OPR_SEQ",
    NULL AS "SETUP_BASE_CD",
    NULL AS "CROSS_BREAK_RULE",
    NULL AS "OVERLAP_TYPE",
    NULL AS "OVERLAP_VALUE",
    NULL AS "PROD_RATE",
    NULL AS "SETUP_RSC_GRP_CD",
    NULL AS "SETUP_RSC_CD",
    NULL AS "RSC_SCHEDULED_FLG",
    NULL AS "AttachNo",
    NULL AS "ROUT_DOC",
    NULL AS "OP_DRAW_NO",
    NULL AS "ROUT_SIZE",
    NULL AS "STD_RUN_COST_PER_HR",
    NULL AS "STD_SUBCONTRACT_PRC",
    NULL AS "STD_LABOR_COST",
    NULL AS "STD_DIR_EXPENSE",
    NULL AS "STD_INDIR_LABOR_COST",
    NULL AS "STD_INDIR_EXPENSE",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    NULL AS "NC_PROGRAM",
    NULL AS "NC_PROGRAM_WRITER",
    NULL AS "NC_WRITE_DATE",
    NULL AS "NC_REVIEWER",
    NULL AS "NC_REVIEW_DT",
    NULL AS "PRESSURE_USE",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    0 AS "FIX_RUN_TIME",
    NULL AS "REMARK",
    NULL AS "CUST_SIZE",
    NULL AS "MTMG_NUMB",
    NULL AS "D_ITEM_CD",
    NULL AS "RAW_MATL_SIZE",
    NULL AS "JAW_SIZE",
    NULL AS "VALIDITY",
    NULL AS "PROGRAM_REMARK",
    o.batch_oper AS "BATCH_OPER",
    round(o.act_run_time, 2) AS "ACT_RUN_TIME",
    round(o.act_setup_time, 2) AS "ACT_SETUP_TIME",
    NULL AS "DocYn",
    NULL AS "PROC_REMARK",
    NULL AS "NC_UPDATER",
    NULL AS "NC_UPDATE_DT",
    NULL AS "GROSS_WEIGHT"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW bop_proc_master AS
SELECT
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    c.item_cd AS "ITEM_CD",
    c.predicted_rout_no AS "ROUT_NO",
    1 AS "BOM_NO",
    c.routing_signature AS "DESCRIPTION",
    CASE WHEN (c.candidate_rank = 1) THEN 'Y' ELSE 'N' END AS "MAJOR_FLG",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    '' AS "ROU_DEV_USER_ID",
    '' AS "ROU_MFG_USER_ID",
    '' AS "ROU_QUR_USER_ID",
    '' AS "ROU_APP_USER_ID",
    0 AS "REV_NO",
    b.valid_from AS "REV_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    NULL AS "ALT_RT_VALUE",
    NULL AS "ASSIGN_NO",
    NULL AS "AttachNo",
    NULL AS "STD_ROUT_ITEM",
    NULL AS "STD_ROUT_NO",
    NULL AS "REV_NOTE",
    NULL AS "Difficult_Level",
    NULL AS "ITEM_LT"
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN candidate AS c ON c.publication_id = p.publication_id;

REPLACE VIEW routing_candidate_resources AS
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

REPLACE VIEW routing_candidates AS
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

ALTER TABLE publication DROP COLUMN writer_reason;

CREATE INDEX ix_candidate_publication_id_priority ON candidate (publication_id, priority);
