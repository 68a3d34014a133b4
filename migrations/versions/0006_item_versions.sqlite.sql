-- upgrade

CREATE TABLE item_version (
    item_cd VARCHAR(100) NOT NULL,
    from_publication INTEGER NOT NULL,
    shown BOOLEAN NOT NULL,
    hash_a BIGINT,
    hash_b BIGINT,
    CONSTRAINT pk_item_version PRIMARY KEY (item_cd, from_publication),
    CONSTRAINT fk_item_version_publication FOREIGN KEY(from_publication) REFERENCES publication (id)
)
 WITHOUT ROWID;

CREATE INDEX ix_item_version_from_publication ON item_version (from_publication);

CREATE TABLE job_version (
    job_cd VARCHAR(32) NOT NULL,
    from_publication INTEGER NOT NULL,
    shown BOOLEAN NOT NULL,
    hash_a BIGINT,
    hash_b BIGINT,
    CONSTRAINT pk_job_version PRIMARY KEY (job_cd, from_publication),
    CONSTRAINT fk_job_version_publication FOREIGN KEY(from_publication) REFERENCES publication (id)
)
 WITHOUT ROWID;

CREATE INDEX ix_job_version_from_publication ON job_version (from_publication);

ALTER TABLE publication ADD COLUMN items_changed INTEGER;

ALTER TABLE publication ADD COLUMN rows_written INTEGER;

ALTER TABLE publication ADD COLUMN withdrawn_at DATETIME;

ALTER TABLE batch_run ADD COLUMN rejects_no INTEGER;

ALTER TABLE rejected_row ADD COLUMN copies INTEGER;

ALTER TABLE rejected_row ADD COLUMN from_no INTEGER;

ALTER TABLE rejected_row ADD COLUMN until_no INTEGER;

ALTER TABLE rejected_row ADD COLUMN hash_a BIGINT;

ALTER TABLE rejected_row ADD COLUMN hash_b BIGINT;

INSERT INTO item_version (item_cd, from_publication, shown)
SELECT a.item_cd, a.publication_id, 1
FROM (
    SELECT c.item_cd, c.publication_id FROM candidate AS c
    UNION
    SELECT n.item_cd, n.publication_id FROM abstained_item AS n
) AS a
JOIN publication AS b ON b.id = a.publication_id
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL;

INSERT INTO job_version (job_cd, from_publication, shown)
SELECT DISTINCT r.job_cd, r.publication_id, 1
FROM resource_alternative AS r
JOIN publication AS b ON b.id = r.publication_id
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL;

INSERT INTO item_version (item_cd, from_publication, shown)
SELECT v.item_cd, n.id, 0
FROM item_version AS v
JOIN publication AS n ON n.id = (
    SELECT MIN(b.id) FROM publication AS b
    WHERE b.id > v.from_publication AND b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
)
WHERE NOT EXISTS (
    SELECT 1 FROM item_version AS w
    WHERE w.item_cd = v.item_cd AND w.from_publication = n.id
);

INSERT INTO job_version (job_cd, from_publication, shown)
SELECT v.job_cd, n.id, 0
FROM job_version AS v
JOIN publication AS n ON n.id = (
    SELECT MIN(b.id) FROM publication AS b
    WHERE b.id > v.from_publication AND b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
)
WHERE NOT EXISTS (
    SELECT 1 FROM job_version AS w
    WHERE w.job_cd = v.job_cd AND w.from_publication = n.id
);

UPDATE publication
SET state = 'failed', message = 'Its purge had not ended when the warehouse was upgraded.'
WHERE state = 'purged' AND purged_at IS NULL;

UPDATE publication
SET withdrawn_at = retired_at
WHERE published_at IS NOT NULL AND id > (
    SELECT MAX(p.publication_id)
    FROM current_publication AS p
    JOIN publication_event AS e ON e.publication_id = p.publication_id
    WHERE e.event = 'rolled_back' AND e.happened_at = p.moved_at
);

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
    p.publication_id AS "PUBLICATION_ID"
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

REPLACE VIEW routing_candidate_resources AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    i.item_cd AS "ITEM_CD",
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
    p.publication_id AS "PUBLICATION_ID"
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
    AND o.candidate_rank = c.candidate_rank
    JOIN job_version AS j ON j.job_cd = o.job_cd
    AND j.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM job_version AS later_job
WHERE later_job.job_cd = j.job_cd AND later_job.from_publication > j.from_publication AND later_job.from_publication <= p.publication_id))
    JOIN resource_alternative AS r ON r.publication_id = j.from_publication
    AND r.job_cd = j.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

REPLACE VIEW routing_candidate_evidence AS
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
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_evidence AS e ON e.publication_id = c.publication_id
    AND e.item_cd = c.item_cd
    AND e.candidate_rank = c.candidate_rank;

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
    p.publication_id AS "PUBLICATION_ID"
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

REPLACE VIEW routing_abstained AS
SELECT
    i.item_cd,
    a.reason,
    a.reason_code,
    a.best_similarity,
    b.model_version,
    p.publication_id
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN abstained_item AS a ON a.publication_id = i.from_publication
    AND a.item_cd = i.item_cd;

REPLACE VIEW routing_predictions AS
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

REPLACE VIEW bop_proc_master AS
SELECT
    CAST(c.candidate_rank AS BIGINT) AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    i.item_cd AS "ITEM_CD",
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
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd;

REPLACE VIEW bop_proc_detail AS
SELECT
    CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq AS "ID",
    b.company_code AS "CoCd",
    b.plant_code AS "PlantCd",
    i.item_cd AS "ITEM_CD",
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
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank;

REPLACE VIEW bop_proc_res AS
SELECT
    (CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS "ID",
    b.company_code AS "COCD",
    b.plant_code AS "PLANTCD",
    i.item_cd AS "ITEM_CD",
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
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
    JOIN candidate_operation AS o ON o.publication_id = c.publication_id
    AND o.item_cd = c.item_cd
    AND o.candidate_rank = c.candidate_rank
    JOIN job_version AS j ON j.job_cd = o.job_cd
    AND j.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM job_version AS later_job
WHERE later_job.job_cd = j.job_cd AND later_job.from_publication > j.from_publication AND later_job.from_publication <= p.publication_id))
    JOIN resource_alternative AS r ON r.publication_id = j.from_publication
    AND r.job_cd = j.job_cd
WHERE NOT (EXISTS (SELECT 1
FROM candidate_operation AS earlier
WHERE earlier.publication_id = o.publication_id AND earlier.item_cd = o.item_cd AND earlier.candidate_rank = o.candidate_rank AND earlier.job_cd = o.job_cd AND earlier.proc_seq < o.proc_seq))
    AND NOT (EXISTS (SELECT 1
FROM candidate_operation AS main
WHERE main.publication_id = o.publication_id AND main.item_cd = o.item_cd AND main.candidate_rank = o.candidate_rank AND main.job_cd = o.job_cd AND main.res_cd = r.res_cd));

REPLACE VIEW routing_lot_times AS
SELECT
    i.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    o.proc_seq AS "PROC_SEQ",
    o.job_cd AS "JOB_CD",
    o.res_cd AS "RES_CD",
    o.setup_time AS "SETUP_TIME",
    o.run_time AS "RUN_TIME",
    o.lot_size AS "LOT_SIZE",
    o.lot_exponent AS "LOT_EXPONENT",
    o.time_source AS "TIME_SOURCE",
    o.sample_count AS "SAMPLE_COUNT",
    p.publication_id AS "PUBLICATION_ID"
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

CREATE VIEW routing_item_versions AS
SELECT
    i.item_cd,
    i.from_publication,
    (SELECT min(later.from_publication) AS min_1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication) AS to_publication,
    i.shown
FROM item_version AS i;

CREATE VIEW batch_run_rejects AS
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
FROM batch_run AS n
    JOIN rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id;

-- downgrade

DROP VIEW batch_run_rejects;

DROP VIEW routing_item_versions;

REPLACE VIEW routing_lot_times AS
SELECT
    c.item_cd AS "ITEM_CD",
    c.candidate_id AS "CANDIDATE_ID",
    c.candidate_rank AS "CANDIDATE_RANK",
    o.proc_seq AS "PROC_SEQ",
    o.job_cd AS "JOB_CD",
    o.res_cd AS "RES_CD",
    o.setup_time AS "SETUP_TIME",
    o.run_time AS "RUN_TIME",
    o.lot_size AS "LOT_SIZE",
    o.lot_exponent AS "LOT_EXPONENT",
    o.time_source AS "TIME_SOURCE",
    o.sample_count AS "SAMPLE_COUNT",
    c.publication_id AS "PUBLICATION_ID"
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

REPLACE VIEW routing_predictions AS
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

REPLACE VIEW routing_abstained AS
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

REPLACE VIEW routing_flat AS
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

REPLACE VIEW routing_candidate_evidence AS
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

REPLACE VIEW routing_candidate_operations AS
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

INSERT INTO candidate (
    publication_id, item_cd, candidate_rank, candidate_id, routing_signature, routing_code, similarity_score, confidence, priority, similarity_tier, reference_item_cd, rout_no, predicted_rout_no, routing_source, process_count, work_order_count, work_order_confidence, neighbour_count, support, matched_attributes, item_hash
)
SELECT
    b.id, c.item_cd, c.candidate_rank, c.candidate_id, c.routing_signature, c.routing_code, c.similarity_score, c.confidence, c.priority, c.similarity_tier, c.reference_item_cd, c.rout_no, c.predicted_rout_no, c.routing_source, c.process_count, c.work_order_count, c.work_order_confidence, c.neighbour_count, c.support, c.matched_attributes, c.item_hash
FROM publication AS b
JOIN item_version AS i ON i.from_publication < b.id
JOIN candidate AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO candidate_operation (
    publication_id, item_cd, candidate_rank, proc_seq, inside, job_cd, job_nm, res_cd, res_nm, rout_order, setup_time, run_time, setup_p10, setup_p90, run_p10, run_p50, run_p90, optimal_time, standard_time, safe_time, time_cv, act_setup_time, act_run_time, queue_time, wait_time, move_time, mfg_lt, batch_oper, bp_cd, cust_nm, cur_cd, subcontract_prc, tax_type, insp_flg, milestone_flg, confidence, support, sample_count, time_source, time_confidence, source_items, source_similarity, source_rout_no, lot_size, lot_exponent
)
SELECT
    b.id, c.item_cd, c.candidate_rank, c.proc_seq, c.inside, c.job_cd, c.job_nm, c.res_cd, c.res_nm, c.rout_order, c.setup_time, c.run_time, c.setup_p10, c.setup_p90, c.run_p10, c.run_p50, c.run_p90, c.optimal_time, c.standard_time, c.safe_time, c.time_cv, c.act_setup_time, c.act_run_time, c.queue_time, c.wait_time, c.move_time, c.mfg_lt, c.batch_oper, c.bp_cd, c.cust_nm, c.cur_cd, c.subcontract_prc, c.tax_type, c.insp_flg, c.milestone_flg, c.confidence, c.support, c.sample_count, c.time_source, c.time_confidence, c.source_items, c.source_similarity, c.source_rout_no, c.lot_size, c.lot_exponent
FROM publication AS b
JOIN item_version AS i ON i.from_publication < b.id
JOIN candidate_operation AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO candidate_evidence (
    publication_id, item_cd, candidate_rank, evidence_rank, neighbour_item_cd, neighbour_rout_no, similarity, weight, matching, differing
)
SELECT
    b.id, c.item_cd, c.candidate_rank, c.evidence_rank, c.neighbour_item_cd, c.neighbour_rout_no, c.similarity, c.weight, c.matching, c.differing
FROM publication AS b
JOIN item_version AS i ON i.from_publication < b.id
JOIN candidate_evidence AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO abstained_item (
    publication_id, item_cd, reason_code, reason, best_similarity
)
SELECT
    b.id, c.item_cd, c.reason_code, c.reason, c.best_similarity
FROM publication AS b
JOIN item_version AS i ON i.from_publication < b.id
JOIN abstained_item AS c ON c.publication_id = i.from_publication AND c.item_cd = i.item_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM item_version AS w
    WHERE w.item_cd = i.item_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

INSERT INTO resource_alternative (
    publication_id, job_cd, res_cd, res_nm, alternative_rank, is_pool, use_count, use_share, last_used
)
SELECT
    b.id, c.job_cd, c.res_cd, c.res_nm, c.alternative_rank, c.is_pool, c.use_count, c.use_share, c.last_used
FROM publication AS b
JOIN job_version AS i ON i.from_publication < b.id
JOIN resource_alternative AS c ON c.publication_id = i.from_publication AND c.job_cd = i.job_cd
WHERE b.state IN ('loaded', 'published', 'retired') AND b.purged_at IS NULL
AND NOT EXISTS (
    SELECT 1 FROM job_version AS w
    WHERE w.job_cd = i.job_cd AND w.from_publication > i.from_publication AND w.from_publication <= b.id
);

DELETE FROM abstained_item
WHERE publication_id IN (SELECT b.id FROM publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM resource_alternative
WHERE publication_id IN (SELECT b.id FROM publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM candidate_evidence
WHERE publication_id IN (SELECT b.id FROM publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM candidate_operation
WHERE publication_id IN (SELECT b.id FROM publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM candidate
WHERE publication_id IN (SELECT b.id FROM publication AS b WHERE b.purged_at IS NOT NULL);

DELETE FROM rejected_row
WHERE until_no <= (SELECT r.rejects_no FROM batch_run AS r WHERE r.run_id = rejected_row.run_id);

INSERT INTO rejected_row (
    run_id, seq, source_table, row_key, rule_name, reason, raw_values
)
SELECT
    r.run_id,
    COALESCE((SELECT MAX(m.seq) FROM rejected_row AS m WHERE m.run_id = r.run_id), 0)
    + ROW_NUMBER() OVER (PARTITION BY r.run_id ORDER BY x.run_id, x.seq),
    x.source_table, x.row_key, x.rule_name, x.reason, x.raw_values
FROM batch_run AS r
JOIN rejected_row AS x ON x.from_no <= r.rejects_no
WHERE (x.until_no IS NULL OR x.until_no > r.rejects_no) AND x.run_id <> r.run_id;

ALTER TABLE rejected_row DROP COLUMN hash_b;

ALTER TABLE rejected_row DROP COLUMN hash_a;

ALTER TABLE rejected_row DROP COLUMN until_no;

ALTER TABLE rejected_row DROP COLUMN from_no;

ALTER TABLE rejected_row DROP COLUMN copies;

ALTER TABLE batch_run DROP COLUMN rejects_no;

ALTER TABLE publication DROP COLUMN withdrawn_at;

ALTER TABLE publication DROP COLUMN rows_written;

ALTER TABLE publication DROP COLUMN items_changed;

DROP TABLE job_version;

DROP TABLE item_version;
