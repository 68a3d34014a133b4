-- upgrade

ALTER TABLE routing_feedback ADD COLUMN mark VARCHAR(16);

ALTER TABLE routing_feedback ADD COLUMN reason_code VARCHAR(32);

ALTER TABLE routing_feedback ADD COLUMN remark VARCHAR(1000);

ALTER TABLE routing_feedback ADD COLUMN undone_by VARCHAR(128);

ALTER TABLE routing_feedback ADD COLUMN undone_at DATETIME;

ALTER TABLE prediction_outcome ADD COLUMN written_rout_no VARCHAR(50);

ALTER TABLE prediction_outcome ADD COLUMN copied_by VARCHAR(16);

ALTER TABLE prediction_outcome ADD COLUMN mark VARCHAR(16);

ALTER TABLE prediction_outcome ADD COLUMN reason_code VARCHAR(32);

REPLACE VIEW model_realised AS
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome IN ('first')) THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome IN ('alternative')) THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome IN ('other')) THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome IN ('abstained')) THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen,
    sum(CASE WHEN (o.adopted = 0) THEN 1 ELSE 0 END) AS written_themselves,
    sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = 0) THEN 1 ELSE 0 END) AS themselves_as_first,
    CAST(sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = 0) THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.adopted = 0) THEN 1 ELSE 0 END), 0) AS exact_share
FROM prediction_outcome AS o GROUP BY o.model_version;

CREATE VIEW acceptance_by_week AS
SELECT
    date(o.observed_at, 'weekday 0', '-6 days') AS week,
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS taken_over,
    sum(CASE WHEN (o.mark = 'edited') THEN 1 ELSE 0 END) AS edited,
    sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = 0) THEN 1 ELSE 0 END) AS themselves_as_first,
    sum(CASE WHEN (o.outcome IN ('alternative') AND o.adopted = 0) THEN 1 ELSE 0 END) AS themselves_as_another,
    sum(CASE WHEN (o.outcome IN ('other') AND o.adopted = 0) THEN 1 ELSE 0 END) AS otherwise,
    CAST(sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS FLOAT) / nullif(count(*), 0) AS acceptance_rate
FROM prediction_outcome AS o
WHERE o.candidates > 0 GROUP BY date(o.observed_at, 'weekday 0', '-6 days'),
    o.model_version;

CREATE VIEW routing_marks AS
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

CREATE VIEW rejection_reasons AS
SELECT
    date(f.accepted_at, 'weekday 0', '-6 days') AS week,
    b.model_version,
    f.candidate_rank,
    f.reason_code,
    count(*) AS candidates
FROM routing_feedback AS f
    JOIN publication AS b ON b.id = f.publication_id
WHERE f.mark = 'rejected'
    AND f.undone_at IS NULL GROUP BY date(f.accepted_at, 'weekday 0', '-6 days'),
    b.model_version,
    f.candidate_rank,
    f.reason_code;

-- downgrade

DROP VIEW rejection_reasons;

DROP VIEW routing_marks;

DROP VIEW acceptance_by_week;

REPLACE VIEW model_realised AS
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome = 'first') THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome = 'alternative') THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome = 'other') THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome = 'abstained') THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen
FROM prediction_outcome AS o GROUP BY o.model_version;

ALTER TABLE prediction_outcome DROP COLUMN reason_code;

ALTER TABLE prediction_outcome DROP COLUMN mark;

ALTER TABLE prediction_outcome DROP COLUMN copied_by;

ALTER TABLE prediction_outcome DROP COLUMN written_rout_no;

ALTER TABLE routing_feedback DROP COLUMN undone_at;

ALTER TABLE routing_feedback DROP COLUMN undone_by;

ALTER TABLE routing_feedback DROP COLUMN remark;

ALTER TABLE routing_feedback DROP COLUMN reason_code;

ALTER TABLE routing_feedback DROP COLUMN mark;
