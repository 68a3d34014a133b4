-- upgrade

ALTER TABLE {schema}.routing_feedback ADD COLUMN mark VARCHAR(16);

ALTER TABLE {schema}.routing_feedback ADD COLUMN reason_code VARCHAR(32);

ALTER TABLE {schema}.routing_feedback ADD COLUMN remark VARCHAR(1000);

ALTER TABLE {schema}.routing_feedback ADD COLUMN undone_by VARCHAR(128);

ALTER TABLE {schema}.routing_feedback ADD COLUMN undone_at TIMESTAMP WITHOUT TIME ZONE;

ALTER TABLE {schema}.prediction_outcome ADD COLUMN written_rout_no VARCHAR(50);

ALTER TABLE {schema}.prediction_outcome ADD COLUMN copied_by VARCHAR(16);

ALTER TABLE {schema}.prediction_outcome ADD COLUMN mark VARCHAR(16);

ALTER TABLE {schema}.prediction_outcome ADD COLUMN reason_code VARCHAR(32);

REPLACE VIEW {schema}.model_realised AS
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome IN ('first')) THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome IN ('alternative')) THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome IN ('other')) THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome IN ('abstained')) THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen,
    sum(CASE WHEN (o.adopted = false) THEN 1 ELSE 0 END) AS written_themselves,
    sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = false) THEN 1 ELSE 0 END) AS themselves_as_first,
    CAST(sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = false) THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.adopted = false) THEN 1 ELSE 0 END), 0) AS exact_share
FROM {schema}.prediction_outcome AS o GROUP BY o.model_version;

CREATE VIEW {schema}.acceptance_by_week AS
SELECT
    CAST(date_trunc('week', o.observed_at) AS DATE) AS week,
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS taken_over,
    sum(CASE WHEN (o.mark = 'edited') THEN 1 ELSE 0 END) AS edited,
    sum(CASE WHEN (o.outcome IN ('first') AND o.adopted = false) THEN 1 ELSE 0 END) AS themselves_as_first,
    sum(CASE WHEN (o.outcome IN ('alternative') AND o.adopted = false) THEN 1 ELSE 0 END) AS themselves_as_another,
    sum(CASE WHEN (o.outcome IN ('other') AND o.adopted = false) THEN 1 ELSE 0 END) AS otherwise,
    CAST(sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS FLOAT) / nullif(count(*), 0) AS acceptance_rate
FROM {schema}.prediction_outcome AS o
WHERE o.candidates > 0 GROUP BY CAST(date_trunc('week', o.observed_at) AS DATE),
    o.model_version;

CREATE VIEW {schema}.routing_marks AS
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

CREATE VIEW {schema}.rejection_reasons AS
SELECT
    CAST(date_trunc('week', f.accepted_at) AS DATE) AS week,
    b.model_version,
    f.candidate_rank,
    f.reason_code,
    count(*) AS candidates
FROM {schema}.routing_feedback AS f
    JOIN {schema}.publication AS b ON b.id = f.publication_id
WHERE f.mark = 'rejected'
    AND f.undone_at IS NULL GROUP BY CAST(date_trunc('week', f.accepted_at) AS DATE),
    b.model_version,
    f.candidate_rank,
    f.reason_code;

-- downgrade

DROP VIEW {schema}.rejection_reasons;

DROP VIEW {schema}.routing_marks;

DROP VIEW {schema}.acceptance_by_week;

REPLACE VIEW {schema}.model_realised AS
SELECT
    o.model_version,
    count(*) AS items_routed,
    sum(CASE WHEN (o.outcome = 'first') THEN 1 ELSE 0 END) AS as_first_candidate,
    sum(CASE WHEN (o.outcome = 'alternative') THEN 1 ELSE 0 END) AS as_another_candidate,
    sum(CASE WHEN (o.outcome = 'other') THEN 1 ELSE 0 END) AS otherwise,
    sum(CASE WHEN (o.outcome = 'abstained') THEN 1 ELSE 0 END) AS without_candidate,
    sum(CASE WHEN (o.adopted = true) THEN 1 ELSE 0 END) AS adopted,
    min(o.observed_at) AS first_seen,
    max(o.observed_at) AS last_seen
FROM {schema}.prediction_outcome AS o GROUP BY o.model_version;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN reason_code;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN mark;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN copied_by;

ALTER TABLE {schema}.prediction_outcome DROP COLUMN written_rout_no;

ALTER TABLE {schema}.routing_feedback DROP COLUMN undone_at;

ALTER TABLE {schema}.routing_feedback DROP COLUMN undone_by;

ALTER TABLE {schema}.routing_feedback DROP COLUMN remark;

ALTER TABLE {schema}.routing_feedback DROP COLUMN reason_code;

ALTER TABLE {schema}.routing_feedback DROP COLUMN mark;
