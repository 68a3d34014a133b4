-- upgrade

ALTER TABLE candidate_operation ADD COLUMN lot_size REAL;

ALTER TABLE candidate_operation ADD COLUMN lot_exponent REAL;

CREATE VIEW routing_lot_times AS
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

-- downgrade

DROP VIEW routing_lot_times;

ALTER TABLE candidate_operation DROP COLUMN lot_exponent;

ALTER TABLE candidate_operation DROP COLUMN lot_size;
