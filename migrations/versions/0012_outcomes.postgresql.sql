-- upgrade

ALTER TABLE {schema}.prediction_outcome ADD COLUMN nearest_rank SMALLINT;

ALTER TABLE {schema}.prediction_outcome ADD COLUMN edit_distance INTEGER;

ALTER TABLE {schema}.prediction_outcome ADD COLUMN machines_changed INTEGER;

ALTER TABLE {schema}.prediction_outcome ADD COLUMN times_changed INTEGER;

REPLACE VIEW {schema}.routing_candidate_operations AS
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
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
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
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    CAST(coalesce(o.time_cv * o.standard_time, 0) AS NUMERIC(10, 2)) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN CAST(NULL AS VARCHAR(8)) WHEN (o.time_cv < 0.15) THEN CAST('안정적' AS VARCHAR(8)) WHEN (o.time_cv < 0.3) THEN CAST('보통' AS VARCHAR(8)) WHEN (o.time_cv < 0.5) THEN CAST('가변적' AS VARCHAR(8)) ELSE CAST('불안정' AS VARCHAR(8)) END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED"
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
    p.publication_id,
    CASE WHEN (EXISTS (SELECT 1
FROM {schema}.prediction_outcome AS o
WHERE o.item_cd = e.neighbour_item_cd AND o.adopted = true)) THEN 1 ELSE 0 END AS neighbour_is_copy
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
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
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
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID",
    CAST(coalesce(o.time_cv * o.standard_time, 0) AS NUMERIC(10, 2)) AS "TIME_STD",
    CASE WHEN (o.time_cv IS NULL) THEN CAST(NULL AS VARCHAR(8)) WHEN (o.time_cv < 0.15) THEN CAST('안정적' AS VARCHAR(8)) WHEN (o.time_cv < 0.3) THEN CAST('보통' AS VARCHAR(8)) WHEN (o.time_cv < 0.5) THEN CAST('가변적' AS VARCHAR(8)) ELSE CAST('불안정' AS VARCHAR(8)) END AS "TIME_SCENARIO",
    c.neighbour_count AS "SIMILAR_ITEMS_USED"
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

REPLACE VIEW {schema}.routing_marks AS
SELECT
    f.item_cd,
    f.publication_id,
    f.candidate_id,
    f.candidate_rank,
    f.predicted_rout_no,
    f.routing_code,
    CASE WHEN (f.mark IS NULL) THEN 'accepted' ELSE f.mark END AS mark,
    f.reason_code,
    f.remark,
    f.accepted_by AS marked_by,
    f.accepted_at AS marked_at,
    f.undone_by,
    f.undone_at,
    CASE WHEN (f.undone_at IS NULL) THEN 1 ELSE 0 END AS in_force,
    (SELECT count(*) AS count_1
FROM {schema}.routing_feedback AS other
WHERE other.item_cd = f.item_cd AND other.undone_at IS NULL AND (other.mark IS NULL OR other.mark != 'rejected') AND other.routing_code != f.routing_code) AS others_accepted,
    b.model_version,
    CASE WHEN (EXISTS (SELECT 1
FROM {schema}.prediction_outcome AS o
WHERE o.item_cd = f.item_cd AND o.observed_at >= f.accepted_at AND o.written_code = f.routing_code)) THEN CAST('this routing' AS VARCHAR(16)) WHEN (EXISTS (SELECT 1
FROM {schema}.prediction_outcome AS o
WHERE o.item_cd = f.item_cd AND o.observed_at >= f.accepted_at)) THEN CAST('another routing' AS VARCHAR(16)) ELSE CAST('none yet' AS VARCHAR(16)) END AS erp_has
FROM {schema}.routing_feedback AS f
    JOIN {schema}.publication AS b ON b.id = f.publication_id;

CREATE VIEW {schema}.item_outcomes AS
SELECT
    o.item_cd,
    o.publication_id,
    o.model_version,
    o.part_type,
    CASE WHEN (o.candidates = 0) THEN CAST('no_proposal' AS VARCHAR(24)) WHEN (o.adopted = true AND o.candidate_rank > 1) THEN CAST('accepted_alternative' AS VARCHAR(24)) WHEN (o.adopted = true) THEN CAST('accepted' AS VARCHAR(24)) WHEN (o.mark = 'edited' OR o.copied_by IS NOT NULL) THEN CAST('edited' AS VARCHAR(24)) WHEN (o.mark = 'accepted') THEN CAST('superseded' AS VARCHAR(24)) WHEN (o.mark = 'rejected') THEN CAST('rejected' AS VARCHAR(24)) WHEN (o.outcome IN ('first', 'alternative')) THEN CAST('same_by_hand' AS VARCHAR(24)) WHEN (o.common_operations = 0) THEN CAST('ignored' AS VARCHAR(24)) ELSE CAST('other_by_hand' AS VARCHAR(24)) END AS verdict,
    o.candidate_rank,
    o.nearest_rank,
    o.confidence,
    o.edit_distance,
    o.machines_changed,
    o.times_changed,
    o.predicted_code,
    o.written_code,
    o.written_rout_no,
    o.copied_by,
    o.mark,
    o.reason_code,
    CAST(date_trunc('week', o.observed_at) AS DATE) AS week,
    o.observed_at
FROM {schema}.prediction_outcome AS o;

CREATE VIEW {schema}.edits_by_family AS
SELECT
    CAST(date_trunc('month', o.observed_at) AS DATE) AS month,
    o.part_type,
    o.nearest_rank,
    count(*) AS items,
    sum(CASE WHEN (o.edit_distance = 0) THEN 1 ELSE 0 END) AS same_operations,
    sum(CASE WHEN (o.edit_distance = 0 AND o.machines_changed = 0) THEN 1 ELSE 0 END) AS same_machines,
    CAST(sum(o.edit_distance) AS FLOAT) / nullif(count(*), 0) AS mean_edit_distance,
    sum(o.written_operations) AS operations,
    sum(o.machines_changed) AS machines_changed,
    sum(o.times_changed) AS times_changed
FROM {schema}.prediction_outcome AS o
WHERE o.edit_distance IS NOT NULL GROUP BY CAST(date_trunc('month', o.observed_at) AS DATE),
    o.part_type,
    o.nearest_rank;

CREATE VIEW {schema}.open_proposals AS
SELECT
    i.item_cd,
    p.publication_id,
    b.model_version,
    c.candidate_id,
    c.routing_code,
    c.confidence,
    (SELECT min(since.published_at) AS min_1
FROM {schema}.item_version AS earlier JOIN {schema}.publication AS since ON since.id = earlier.from_publication JOIN {schema}.candidate AS shown_then ON shown_then.publication_id = earlier.from_publication AND shown_then.item_cd = earlier.item_cd AND shown_then.candidate_rank = 1
WHERE earlier.item_cd = i.item_cd AND earlier.from_publication <= p.publication_id AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS closing
WHERE closing.item_cd = i.item_cd AND closing.shown = false AND closing.from_publication > earlier.from_publication AND closing.from_publication <= p.publication_id))) AS open_since,
    CASE WHEN (EXISTS (SELECT 1
FROM {schema}.routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND (f.mark IS NULL OR f.mark IN ('accepted', 'edited')) AND (EXISTS (SELECT 1
FROM {schema}.candidate AS beside
WHERE beside.publication_id = i.from_publication AND beside.item_cd = i.item_cd AND beside.routing_code = f.routing_code)))) THEN CAST('accepted' AS VARCHAR(16)) WHEN (EXISTS (SELECT 1
FROM {schema}.routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND (f.mark IS NULL OR f.mark IN ('accepted', 'edited')))) THEN CAST('superseded' AS VARCHAR(16)) WHEN (EXISTS (SELECT 1
FROM {schema}.routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND f.mark = 'rejected' AND f.routing_code = c.routing_code)) THEN CAST('rejected' AS VARCHAR(16)) ELSE CAST('open' AS VARCHAR(16)) END AS state
FROM {schema}.current_publication AS p
    JOIN {schema}.publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN {schema}.item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM {schema}.item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN {schema}.candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
WHERE c.candidate_rank = 1;

-- downgrade

DROP VIEW {schema}.open_proposals;

DROP VIEW {schema}.edits_by_family;

DROP VIEW {schema}.item_outcomes;

REPLACE VIEW {schema}.routing_marks AS
SELECT
    f.item_cd,
    f.publication_id,
    f.candidate_id,
    f.candidate_rank,
    f.predicted_rout_no,
    f.routing_code,
    CASE WHEN (f.mark IS NULL) THEN 'accepted' ELSE f.mark END AS mark,
    f.reason_code,
    f.remark,
    f.accepted_by AS marked_by,
    f.accepted_at AS marked_at,
    f.undone_by,
    f.undone_at,
    CASE WHEN (f.undone_at IS NULL) THEN 1 ELSE 0 END AS in_force,
    (SELECT count(*) AS count_1
FROM {schema}.routing_feedback AS other
WHERE other.item_cd = f.item_cd AND other.undone_at IS NULL AND (other.mark IS NULL OR other.mark != 'rejected') AND other.routing_code != f.routing_code) AS others_accepted,
    b.model_version
FROM {schema}.routing_feedback AS f
    JOIN {schema}.publication AS b ON b.id = f.publication_id;

REPLACE VIEW {schema}.routing_flat AS
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
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
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
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    c.reference_item_cd AS "REFERENCE_ITEM_CD",
    c.similarity_score AS "SIMILARITY_SCORE",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID"
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

REPLACE VIEW {schema}.routing_candidate_operations AS
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
    CAST(coalesce(o.mfg_lt, 0) AS NUMERIC(10, 2)) AS "MFG_LT",
    CAST(coalesce(o.queue_time, 0) AS NUMERIC(10, 2)) AS "QUEUE_TIME",
    CAST(coalesce(o.setup_time, 0) AS NUMERIC(10, 2)) AS "SETUP_TIME",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "MACH_WORKED_HOURS",
    CAST(coalesce(o.act_setup_time, 0) AS NUMERIC(10, 2)) AS "ACT_SETUP_TIME",
    CAST(coalesce(o.act_run_time, 0) AS NUMERIC(10, 2)) AS "ACT_RUN_TIME",
    CAST(coalesce(o.wait_time, 0) AS NUMERIC(10, 2)) AS "WAIT_TIME",
    CAST(coalesce(o.move_time, 0) AS NUMERIC(10, 2)) AS "MOVE_TIME",
    CAST(1 AS NUMERIC(10, 2)) AS "RUN_TIME_QTY",
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
    CAST(NULL AS VARCHAR(200)) AS "dbo_BI_ROUTING_VIEW_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "ROUT_DOC",
    CAST(NULL AS VARCHAR(8)) AS "DOC_INSIDE",
    CAST(NULL AS VARCHAR(64)) AS "DOC_NO",
    CAST(NULL AS VARCHAR(64)) AS "NC_PROGRAM",
    CAST(NULL AS VARCHAR(32)) AS "NC_PROGRAM_WRITER",
    CAST(NULL AS VARCHAR(32)) AS "NC_WRITER_NM",
    CAST(NULL AS DATE) AS "NC_WRITE_DATE",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER",
    CAST(NULL AS VARCHAR(32)) AS "NC_REVIEWER_NM",
    CAST(NULL AS DATE) AS "NC_REVIEW_DT",
    CAST(NULL AS VARCHAR(32)) AS "RAW_MATL_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "JAW_SIZE",
    CAST(NULL AS VARCHAR(32)) AS "VALIDITY",
    CAST(NULL AS VARCHAR(200)) AS "PROGRAM_REMARK",
    CAST(NULL AS VARCHAR(64)) AS "OP_DRAW_NO",
    CAST(NULL AS VARCHAR(32)) AS "MTMG_NUMB",
    CAST(coalesce(o.run_time, 0) AS NUMERIC(10, 2)) AS "RUN_TIME",
    CAST(coalesce(o.optimal_time, 0) AS NUMERIC(10, 2)) AS "OPTIMAL_TIME",
    CAST(coalesce(o.standard_time, 0) AS NUMERIC(10, 2)) AS "STANDARD_TIME",
    CAST(coalesce(o.safe_time, 0) AS NUMERIC(10, 2)) AS "SAFE_TIME",
    o.time_cv AS "TIME_CV",
    o.confidence AS "CONFIDENCE",
    o.sample_count AS "SAMPLE_COUNT",
    o.support AS "SUPPORT",
    o.time_source AS "TIME_SOURCE",
    CAST(coalesce(o.run_p10, 0) AS NUMERIC(10, 2)) AS "RUN_P10",
    CAST(coalesce(o.run_p50, 0) AS NUMERIC(10, 2)) AS "RUN_P50",
    CAST(coalesce(o.run_p90, 0) AS NUMERIC(10, 2)) AS "RUN_P90",
    CAST(coalesce(o.setup_p10, 0) AS NUMERIC(10, 2)) AS "SETUP_P10",
    CAST(coalesce(o.setup_p90, 0) AS NUMERIC(10, 2)) AS "SETUP_P90",
    o.setup_time AS "PREDICTED_SETUP_TIME",
    o.run_time AS "PREDICTED_RUN_TIME",
    o.standard_time AS "TRIM_MEAN",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN CAST('Y' AS VARCHAR(1)) ELSE CAST('N' AS VARCHAR(1)) END AS "HAS_WORK_DATA",
    o.sample_count AS "WORK_ORDER_COUNT",
    o.time_confidence AS "WORK_ORDER_CONFIDENCE",
    CASE WHEN (o.time_source = 'actual_own') THEN CAST('input' AS VARCHAR(8)) WHEN (o.time_source = 'actual_similar') THEN CAST('similar' AS VARCHAR(8)) ELSE CAST('none' AS VARCHAR(8)) END AS "WORK_ORDER_DATA_SOURCE",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_items ELSE NULL END AS "WORK_ORDER_SOURCE_ITEMS",
    CASE WHEN (o.time_source IN ('actual_own', 'actual_similar')) THEN o.source_similarity ELSE NULL END AS "WORK_ORDER_AVG_SIMILARITY",
    o.source_items AS "SOURCE_ITEMS",
    o.source_similarity AS "AVG_SIMILARITY",
    o.source_rout_no AS "SOURCE_ROUT_NO",
    CAST('N' AS VARCHAR(1)) AS "OUTSOURCING_REPLACED",
    CAST('ML_BASED' AS VARCHAR(8)) AS "PREDICTION_TYPE",
    c.candidate_rank AS "CANDIDATE_RANK",
    c.predicted_rout_no AS "ROUT_NO",
    b.model_version AS "MODEL_VERSION",
    p.publication_id AS "PUBLICATION_ID"
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

ALTER TABLE {schema}.prediction_outcome DROP COLUMN times_changed;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN machines_changed;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN edit_distance;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN nearest_rank;
