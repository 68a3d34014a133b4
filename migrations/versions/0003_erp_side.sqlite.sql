-- upgrade

CREATE TABLE routing_feedback (
    item_cd VARCHAR(100) NOT NULL,
    publication_id INTEGER NOT NULL,
    candidate_id VARCHAR(110) NOT NULL,
    candidate_rank SMALLINT NOT NULL,
    predicted_rout_no VARCHAR(50) NOT NULL,
    routing_code VARCHAR(1000) NOT NULL,
    accepted_by VARCHAR(128) NOT NULL,
    accepted_at DATETIME NOT NULL,
    CONSTRAINT pk_routing_feedback PRIMARY KEY (item_cd, publication_id, candidate_rank),
    CONSTRAINT fk_routing_feedback_publication FOREIGN KEY(publication_id) REFERENCES publication (id),
    CONSTRAINT ck_routing_feedback_rank CHECK (candidate_rank > 0),
    CONSTRAINT ck_routing_feedback_accepted_by CHECK (accepted_by <> '')
)
 WITHOUT ROWID;

CREATE INDEX ix_routing_feedback_accepted_at ON routing_feedback (accepted_at);

CREATE TABLE routing_flat_table (
    "ITEM_CD" VARCHAR(100) NOT NULL,
    "CANDIDATE_ID" VARCHAR(110) NOT NULL,
    "ROUTING_SIGNATURE" VARCHAR(200),
    "PRIORITY" VARCHAR(16),
    "SIMILARITY_TIER" VARCHAR(8),
    "PROC_SEQ" SMALLINT NOT NULL,
    "INSIDE_FLAG" VARCHAR(16),
    "dbo_BI_ROUTING_VIEW_JOB_CD" VARCHAR(32),
    "JOB_NM" VARCHAR(64),
    "RES_CD" VARCHAR(32),
    "RES_DIS" VARCHAR(64),
    "TIME_UNIT" VARCHAR(16),
    "MFG_LT" REAL,
    "QUEUE_TIME" REAL,
    "SETUP_TIME" REAL,
    "MACH_WORKED_HOURS" REAL,
    "ACT_SETUP_TIME" REAL,
    "ACT_RUN_TIME" REAL,
    "WAIT_TIME" REAL,
    "MOVE_TIME" REAL,
    "RUN_TIME_QTY" REAL,
    "RUN_TIME_UNIT" VARCHAR(16),
    "BATCH_OPER" VARCHAR(8),
    "BP_CD" VARCHAR(16),
    "dbo_BI_ROUTING_VIEW_CUST_NM" VARCHAR(64),
    "CUR_CD" VARCHAR(8),
    "SUBCONTRACT_PRC" REAL,
    "TAX_TYPE" VARCHAR(8),
    "MILESTONE_FLG" VARCHAR(1),
    "INSP_FLG" VARCHAR(1),
    "ROUT_ORDER" VARCHAR(32),
    "VALID_FROM_DT" DATE,
    "VALID_TO_DT" DATE,
    "dbo_BI_ROUTING_VIEW_REMARK" VARCHAR(200),
    "ROUT_DOC" VARCHAR(64),
    "DOC_INSIDE" VARCHAR(8),
    "DOC_NO" VARCHAR(64),
    "NC_PROGRAM" VARCHAR(64),
    "NC_PROGRAM_WRITER" VARCHAR(32),
    "NC_WRITER_NM" VARCHAR(32),
    "NC_WRITE_DATE" DATE,
    "NC_REVIEWER" VARCHAR(32),
    "NC_REVIEWER_NM" VARCHAR(32),
    "NC_REVIEW_DT" DATE,
    "RAW_MATL_SIZE" VARCHAR(32),
    "JAW_SIZE" VARCHAR(32),
    "VALIDITY" VARCHAR(32),
    "PROGRAM_REMARK" VARCHAR(200),
    "OP_DRAW_NO" VARCHAR(64),
    "MTMG_NUMB" VARCHAR(32),
    "REFERENCE_ITEM_CD" VARCHAR(100),
    "SIMILARITY_SCORE" REAL,
    "RUN_TIME" REAL,
    "OPTIMAL_TIME" REAL,
    "STANDARD_TIME" REAL,
    "SAFE_TIME" REAL,
    "TIME_SOURCE" VARCHAR(20),
    "CONFIDENCE" REAL,
    "CANDIDATE_RANK" SMALLINT,
    "ROUT_NO" VARCHAR(50),
    "MODEL_VERSION" VARCHAR(128),
    "PUBLICATION_ID" INTEGER,
    CONSTRAINT pk_routing_flat_table PRIMARY KEY ("ITEM_CD", "CANDIDATE_ID", "PROC_SEQ")
)
 WITHOUT ROWID;

CREATE VIEW bop_proc_master AS
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

CREATE VIEW bop_proc_detail AS
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

CREATE VIEW bop_proc_res AS
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

CREATE VIEW bop_proc_child AS
SELECT
    NULL AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    NULL AS "BOM_NO",
    NULL AS "ROUT_NO",
    NULL AS "ITEM_CD",
    NULL AS "CHILD_ITEM_CD",
    NULL AS "CHILD_ITEM_SEQ",
    NULL AS "PROC_SEQ",
    b.valid_from AS "VALID_FROM_DT",
    b.valid_to AS "VALID_TO_DT",
    b.service_user AS "INSRT_USER_ID",
    b.created_at AS "INSRT_DT",
    b.service_user AS "UPDT_USER_ID",
    b.created_at AS "UPDT_DT",
    NULL AS "OPR_NO",
    NULL AS "JOB_CD",
    NULL AS "MBOM_ITEM_CD",
    NULL AS "MBOM_IN_ID",
    NULL AS "MBOM_IN_DT",
    NULL AS "ORIGIN_ITEM_CD"
FROM publication AS b
WHERE 1 = 0;

-- downgrade

DROP VIEW bop_proc_child;

DROP VIEW bop_proc_res;

DROP VIEW bop_proc_detail;

DROP VIEW bop_proc_master;

DROP TABLE routing_flat_table;

DROP INDEX ix_routing_feedback_accepted_at;

DROP TABLE routing_feedback;
