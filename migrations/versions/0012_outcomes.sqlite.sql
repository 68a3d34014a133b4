-- upgrade

ALTER TABLE prediction_outcome ADD COLUMN nearest_rank SMALLINT;

ALTER TABLE prediction_outcome ADD COLUMN edit_distance INTEGER;

ALTER TABLE prediction_outcome ADD COLUMN machines_changed INTEGER;

ALTER TABLE prediction_outcome ADD COLUMN times_changed INTEGER;

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
    p.publication_id,
    CASE WHEN (EXISTS (SELECT 1
FROM prediction_outcome AS o
WHERE o.item_cd = e.neighbour_item_cd AND o.adopted = 1)) THEN 1 ELSE 0 END AS neighbour_is_copy
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

REPLACE VIEW routing_marks AS
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
FROM routing_feedback AS other
WHERE other.item_cd = f.item_cd AND other.undone_at IS NULL AND (other.mark IS NULL OR other.mark != 'rejected') AND other.routing_code != f.routing_code) AS others_accepted,
    b.model_version,
    CASE WHEN (EXISTS (SELECT 1
FROM prediction_outcome AS o
WHERE o.item_cd = f.item_cd AND o.observed_at >= f.accepted_at AND o.written_code = f.routing_code)) THEN 'this routing' WHEN (EXISTS (SELECT 1
FROM prediction_outcome AS o
WHERE o.item_cd = f.item_cd AND o.observed_at >= f.accepted_at)) THEN 'another routing' ELSE 'none yet' END AS erp_has
FROM routing_feedback AS f
    JOIN publication AS b ON b.id = f.publication_id;

CREATE VIEW item_outcomes AS
SELECT
    o.item_cd,
    o.publication_id,
    o.model_version,
    o.part_type,
    CASE WHEN (o.candidates = 0) THEN 'no_proposal' WHEN (o.adopted = 1 AND o.candidate_rank > 1) THEN 'accepted_alternative' WHEN (o.adopted = 1) THEN 'accepted' WHEN (o.mark = 'edited' OR o.copied_by IS NOT NULL) THEN 'edited' WHEN (o.mark = 'accepted') THEN 'superseded' WHEN (o.mark = 'rejected') THEN 'rejected' WHEN (o.outcome IN ('first', 'alternative')) THEN 'same_by_hand' WHEN (o.common_operations = 0) THEN 'ignored' ELSE 'other_by_hand' END AS verdict,
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
    date(o.observed_at, 'weekday 0', '-6 days') AS week,
    o.observed_at
FROM prediction_outcome AS o;

CREATE VIEW edits_by_family AS
SELECT
    date(o.observed_at, 'start of month') AS month,
    o.part_type,
    o.nearest_rank,
    count(*) AS items,
    sum(CASE WHEN (o.edit_distance = 0) THEN 1 ELSE 0 END) AS same_operations,
    sum(CASE WHEN (o.edit_distance = 0 AND o.machines_changed = 0) THEN 1 ELSE 0 END) AS same_machines,
    CAST(sum(o.edit_distance) AS FLOAT) / nullif(count(*), 0) AS mean_edit_distance,
    sum(o.written_operations) AS operations,
    sum(o.machines_changed) AS machines_changed,
    sum(o.times_changed) AS times_changed
FROM prediction_outcome AS o
WHERE o.edit_distance IS NOT NULL GROUP BY date(o.observed_at, 'start of month'),
    o.part_type,
    o.nearest_rank;

CREATE VIEW open_proposals AS
SELECT
    i.item_cd,
    p.publication_id,
    b.model_version,
    c.candidate_id,
    c.routing_code,
    c.confidence,
    (SELECT min(since.published_at) AS min_1
FROM item_version AS earlier JOIN publication AS since ON since.id = earlier.from_publication JOIN candidate AS shown_then ON shown_then.publication_id = earlier.from_publication AND shown_then.item_cd = earlier.item_cd AND shown_then.candidate_rank = 1
WHERE earlier.item_cd = i.item_cd AND earlier.from_publication <= p.publication_id AND NOT (EXISTS (SELECT 1
FROM item_version AS closing
WHERE closing.item_cd = i.item_cd AND closing.shown = 0 AND closing.from_publication > earlier.from_publication AND closing.from_publication <= p.publication_id))) AS open_since,
    CASE WHEN (EXISTS (SELECT 1
FROM routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND (f.mark IS NULL OR f.mark IN ('accepted', 'edited')) AND (EXISTS (SELECT 1
FROM candidate AS beside
WHERE beside.publication_id = i.from_publication AND beside.item_cd = i.item_cd AND beside.routing_code = f.routing_code)))) THEN 'accepted' WHEN (EXISTS (SELECT 1
FROM routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND (f.mark IS NULL OR f.mark IN ('accepted', 'edited')))) THEN 'superseded' WHEN (EXISTS (SELECT 1
FROM routing_feedback AS f
WHERE f.item_cd = i.item_cd AND f.undone_at IS NULL AND f.mark = 'rejected' AND f.routing_code = c.routing_code)) THEN 'rejected' ELSE 'open' END AS state
FROM current_publication AS p
    JOIN publication AS b ON p.slot = 1
    AND b.id = p.publication_id
    JOIN item_version AS i ON i.from_publication <= p.publication_id
    AND NOT (EXISTS (SELECT 1
FROM item_version AS later
WHERE later.item_cd = i.item_cd AND later.from_publication > i.from_publication AND later.from_publication <= p.publication_id))
    JOIN candidate AS c ON c.publication_id = i.from_publication
    AND c.item_cd = i.item_cd
WHERE c.candidate_rank = 1;

-- downgrade

DROP VIEW open_proposals;

DROP VIEW edits_by_family;

DROP VIEW item_outcomes;

REPLACE VIEW routing_marks AS
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
FROM routing_feedback AS other
WHERE other.item_cd = f.item_cd AND other.undone_at IS NULL AND (other.mark IS NULL OR other.mark != 'rejected') AND other.routing_code != f.routing_code) AS others_accepted,
    b.model_version
FROM routing_feedback AS f
    JOIN publication AS b ON b.id = f.publication_id;

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

ALTER TABLE prediction_outcome DROP COLUMN times_changed;

ALTER TABLE prediction_outcome DROP COLUMN machines_changed;

ALTER TABLE prediction_outcome DROP COLUMN edit_distance;

ALTER TABLE prediction_outcome DROP COLUMN nearest_rank;
