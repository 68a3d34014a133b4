-- upgrade

DROP INDEX ix_candidate_publication_id_priority ON {schema}.candidate;

ALTER TABLE {schema}.publication ADD writer_reason NVARCHAR(1000) NULL;

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

REPLACE VIEW {schema}.batch_run_summary AS
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
    n.message,
    b.writer,
    b.writer_reason
FROM {schema}.batch_run AS n LEFT OUTER
    JOIN {schema}.publication AS b ON b.id = n.publication_id;

-- downgrade

REPLACE VIEW {schema}.batch_run_summary AS
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

REPLACE VIEW {schema}.bop_proc_res AS
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
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank, o.proc_seq) AS [ID],
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
    row_number() OVER (PARTITION BY c.publication_id, c.item_cd ORDER BY c.candidate_rank) AS [ID],
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

REPLACE VIEW {schema}.routing_candidate_resources AS
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

ALTER TABLE {schema}.publication DROP COLUMN writer_reason;

CREATE INDEX ix_candidate_publication_id_priority ON {schema}.candidate (publication_id, priority);
