-- upgrade

CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    happened_at DATETIME NOT NULL,
    command VARCHAR(64) NOT NULL,
    subject VARCHAR(400),
    done_by VARCHAR(128) NOT NULL,
    done_via VARCHAR(16) NOT NULL,
    database_login VARCHAR(128),
    host VARCHAR(128),
    outcome VARCHAR(16) NOT NULL,
    message VARCHAR(2000),
    CONSTRAINT ck_audit_log_outcome CHECK (outcome IN ('succeeded', 'failed', 'stopped')),
    CONSTRAINT ck_audit_log_who_and_what CHECK (done_by <> '' AND command <> '')
);

CREATE INDEX ix_audit_log_happened_at ON audit_log (happened_at);

CREATE TABLE time_profile_month (
    month DATE NOT NULL,
    job_cd VARCHAR(50) NOT NULL,
    res_cd VARCHAR(50) NOT NULL,
    measure VARCHAR(5) NOT NULL,
    samples INTEGER NOT NULL,
    optimal_min REAL,
    standard_min REAL NOT NULL,
    safe_min REAL,
    last_report DATE,
    run_id VARCHAR(64) NOT NULL,
    CONSTRAINT pk_time_profile_month PRIMARY KEY (month, job_cd, res_cd, measure),
    CONSTRAINT ck_time_profile_month_measure CHECK (measure IN ('run', 'setup')),
    CONSTRAINT ck_time_profile_month_measured CHECK (samples > 0 AND standard_min >= 0)
) WITHOUT ROWID;

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
    b.writer_reason,
    CAST(strftime('%s', n.finished_at) AS INTEGER) - CAST(strftime('%s', n.started_at) AS INTEGER) AS seconds
FROM batch_run AS n LEFT OUTER
    JOIN publication AS b ON b.id = n.publication_id;

CREATE VIEW families_by_month AS
SELECT
    date(o.observed_at, 'start of month') AS month,
    o.part_type,
    count(*) AS items_routed,
    sum(CASE WHEN (o.candidates > 0) THEN 1 ELSE 0 END) AS with_proposal,
    sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS taken_over,
    sum(CASE WHEN (o.adopted = 0) THEN 1 ELSE 0 END) AS written_themselves,
    sum(CASE WHEN (o.adopted = 0 AND o.outcome = 'first') THEN 1 ELSE 0 END) AS themselves_as_first,
    sum(CASE WHEN (o.outcome = 'abstained') THEN 1 ELSE 0 END) AS without_candidate,
    CAST(sum(CASE WHEN (o.adopted = 0 AND o.outcome = 'first') THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.adopted = 0) THEN 1 ELSE 0 END), 0) AS exact_share,
    CAST(sum(CASE WHEN (o.adopted = 1) THEN 1 ELSE 0 END) AS FLOAT) / nullif(sum(CASE WHEN (o.candidates > 0) THEN 1 ELSE 0 END), 0) AS acceptance_rate
FROM prediction_outcome AS o GROUP BY date(o.observed_at, 'start of month'),
    o.part_type;

CREATE VIEW rejects_by_rule AS
SELECT
    n.run_id,
    n.started_at,
    x.source_table,
    x.rule_name,
    sum(coalesce(x.copies, 1)) AS rejected,
    sum(CASE WHEN (x.run_id = n.run_id) THEN coalesce(x.copies, 1) ELSE 0 END) AS new
FROM batch_run AS n
    JOIN rejected_row AS x ON x.from_no <= n.rejects_no
    AND (x.until_no IS NULL OR x.until_no > n.rejects_no) OR x.from_no IS NULL
    AND x.run_id = n.run_id GROUP BY n.run_id,
    n.started_at,
    x.source_table,
    x.rule_name;

CREATE VIEW time_profile_changes AS
SELECT
    s.month,
    s.job_cd,
    s.res_cd,
    s.measure,
    s.samples,
    s.optimal_min,
    s.standard_min,
    s.safe_min,
    lag(s.month) OVER (PARTITION BY s.job_cd, s.res_cd, s.measure ORDER BY s.month) AS previous_month,
    lag(s.standard_min) OVER (PARTITION BY s.job_cd, s.res_cd, s.measure ORDER BY s.month) AS previous_min,
    CAST(s.standard_min AS FLOAT) / nullif(lag(s.standard_min) OVER (PARTITION BY s.job_cd, s.res_cd, s.measure ORDER BY s.month), 0) AS ratio,
    s.last_report,
    s.run_id
FROM time_profile_month AS s;

CREATE VIEW published_by_night AS
SELECT
    m.run_id,
    m.computed_at,
    m.model_version,
    n.publication_id,
    m.segment,
    m.metric,
    m.value,
    m.n,
    m.reason
FROM model_metric AS m LEFT OUTER
    JOIN batch_run AS n ON n.run_id = m.run_id
WHERE m.split = 'production';

CREATE VIEW publication_shown AS
SELECT
    e.publication_id,
    e.event,
    e.happened_at AS visible_from,
    (SELECT min(following.happened_at) AS min_1
FROM publication_event AS following
WHERE following.id > e.id AND following.event IN ('published', 'rolled_back')) AS visible_until,
    e.done_by,
    e.message,
    b.model_version,
    b.run_id,
    b.rows_candidate AS candidates,
    b.rows_abstained AS abstained,
    b.items_changed,
    b.state
FROM publication_event AS e
    JOIN publication AS b ON b.id = e.publication_id
WHERE e.event IN ('published', 'rolled_back');

CREATE VIEW freshness AS
SELECT
    (SELECT max(p.publication_id) AS max_1
FROM current_publication AS p) AS publication_id,
    (SELECT max(b.model_version) AS max_2
FROM current_publication AS p JOIN publication AS b ON b.id = p.publication_id) AS model_version,
    (SELECT max(p.moved_at) AS max_3
FROM current_publication AS p) AS published_at,
    n.run_id AS last_run_id,
    n.status AS last_status,
    n.started_at AS last_started_at,
    n.finished_at AS last_finished_at,
    (SELECT max(ended.finished_at) AS max_4
FROM batch_run AS ended
WHERE ended.kind != 'train' AND ended.status IN ('succeeded', 'succeeded_with_warnings')) AS last_success_at,
    n.message AS last_message
FROM batch_run AS n
WHERE n.kind != 'train'
    AND NOT (EXISTS (SELECT 1
FROM batch_run AS later_run
WHERE later_run.kind != 'train' AND later_run.started_at > n.started_at));

CREATE VIEW who_did_what AS
SELECT
    u.happened_at,
    u.done_by,
    u.done_via,
    u.action,
    u.subject,
    u.outcome,
    u.message
FROM (SELECT a.happened_at AS happened_at, CAST(a.done_by AS VARCHAR(128)) AS done_by, CAST(a.done_via AS VARCHAR(16)) AS done_via, CAST(a.command AS VARCHAR(64)) AS action, CAST(a.subject AS VARCHAR(400)) AS subject, CAST(a.outcome AS VARCHAR(16)) AS outcome, CAST(a.message AS VARCHAR(2000)) AS message
FROM audit_log AS a UNION ALL SELECT d.decided_at AS happened_at, CAST(d.decided_by AS VARCHAR(128)) AS done_by, CAST(d.decided_via AS VARCHAR(16)) AS done_via, CAST('model ' || d.decision AS VARCHAR(64)) AS action, CAST(d.model_version AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(d.reason AS VARCHAR(2000)) AS message
FROM model_decision AS d UNION ALL SELECT e.happened_at AS happened_at, CAST(e.done_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('publication ' || e.event AS VARCHAR(64)) AS action, CAST(CAST(e.publication_id AS VARCHAR(20)) AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(e.message AS VARCHAR(2000)) AS message
FROM publication_event AS e UNION ALL SELECT f.accepted_at AS happened_at, CAST(f.accepted_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('proposal ' || CASE WHEN (f.mark IS NULL) THEN 'accepted' ELSE f.mark END AS VARCHAR(64)) AS action, CAST(f.candidate_id AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(CASE WHEN (f.remark IS NULL) THEN f.reason_code ELSE f.remark END AS VARCHAR(2000)) AS message
FROM routing_feedback AS f UNION ALL SELECT f.undone_at AS happened_at, CAST(f.undone_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('proposal mark undone' AS VARCHAR(64)) AS action, CAST(f.candidate_id AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(NULL AS VARCHAR(2000)) AS message
FROM routing_feedback AS f
WHERE f.undone_at IS NOT NULL UNION ALL SELECT g.accepted_at AS happened_at, CAST(g.accepted_by AS VARCHAR(128)) AS done_by, CAST(NULL AS VARCHAR(16)) AS done_via, CAST('standard time accepted' AS VARCHAR(64)) AS action, CAST(g.item_cd AS VARCHAR(400)) AS subject, CAST('succeeded' AS VARCHAR(16)) AS outcome, CAST(g.job_cd AS VARCHAR(2000)) AS message
FROM routing_feedback_time AS g) AS u;

-- downgrade

DROP VIEW who_did_what;

DROP VIEW freshness;

DROP VIEW publication_shown;

DROP VIEW published_by_night;

DROP VIEW time_profile_changes;

DROP VIEW rejects_by_rule;

DROP VIEW families_by_month;

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

DROP TABLE time_profile_month;

DROP TABLE audit_log;
