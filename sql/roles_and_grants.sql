-- Three roles with the least they need. Run by a DBA in the database that holds schema routing, and again after each upgrade:
-- what is there stays, and new views are granted. Logins and users are the site's own; add them as members at the end.
-- All of the first batch takes place or nothing: run it with sqlcmd -b, or as it is in SSMS. The one right that some servers lack
-- which only speak T-SQL stands last, for itself.

SET XACT_ABORT ON;
SET NOCOUNT ON;
SET LOCK_TIMEOUT 15000;
BEGIN TRANSACTION;

-- 1. ERP reader: the screens of the ERP. Sees published predictions, nothing else of ours.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'routing_erp_reader') EXEC(N'CREATE ROLE routing_erp_reader');
GRANT SELECT ON routing.routing_candidates TO routing_erp_reader;
GRANT SELECT ON routing.routing_candidate_operations TO routing_erp_reader;
GRANT SELECT ON routing.routing_candidate_resources TO routing_erp_reader;
GRANT SELECT ON routing.routing_candidate_evidence TO routing_erp_reader;
GRANT SELECT ON routing.routing_flat TO routing_erp_reader;
GRANT SELECT ON routing.routing_abstained TO routing_erp_reader;
GRANT SELECT ON routing.routing_predictions TO routing_erp_reader;
GRANT SELECT ON routing.routing_lot_times TO routing_erp_reader;
GRANT SELECT ON routing.routing_item_versions TO routing_erp_reader;
GRANT SELECT ON routing.bop_proc_master TO routing_erp_reader;
GRANT SELECT ON routing.bop_proc_detail TO routing_erp_reader;
GRANT SELECT ON routing.bop_proc_res TO routing_erp_reader;
GRANT SELECT ON routing.bop_proc_child TO routing_erp_reader;
GRANT SELECT ON routing.standard_time_review TO routing_erp_reader;
GRANT SELECT ON routing.bop_proc_detail_time TO routing_erp_reader;
GRANT SELECT ON routing.data_health TO routing_erp_reader;
GRANT SELECT ON routing.routing_marks TO routing_erp_reader;
GRANT SELECT ON routing.publication_item_changes TO routing_erp_reader;
GRANT SELECT ON routing.open_proposals TO routing_erp_reader;
-- Filled only with ROUTING_ETL_PUBLISH_MODE=table:
GRANT SELECT ON routing.routing_flat_table TO routing_erp_reader;
-- Views of your own (routing-etl sql render), if they are there:
IF OBJECT_ID(N'routing.routing_flat_52', N'V') IS NOT NULL EXEC(N'GRANT SELECT ON routing.routing_flat_52 TO routing_erp_reader');
-- adopt_candidate.sql, mark_candidate.sql and adopt_time.sql grant EXECUTE on their procedures; ownership chaining lets these write
-- routing_feedback and routing_feedback_time.

-- 2. ETL: the nightly run. Reads and writes rows of our schema; no DDL, nothing in dbo.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'routing_etl_writer') EXEC(N'CREATE ROLE routing_etl_writer');
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::routing TO routing_etl_writer;

-- 3. Metrics reader: DBAs' dashboards and the data team. Runs, checks, rejects, metrics, publications; no predictions.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'routing_metrics_reader') EXEC(N'CREATE ROLE routing_metrics_reader');
GRANT SELECT ON routing.model_quality_trend TO routing_metrics_reader;
GRANT SELECT ON routing.model_decisions TO routing_metrics_reader;
GRANT SELECT ON routing.model_realised TO routing_metrics_reader;
GRANT SELECT ON routing.acceptance_by_week TO routing_metrics_reader;
GRANT SELECT ON routing.routing_marks TO routing_metrics_reader;
GRANT SELECT ON routing.rejection_reasons TO routing_metrics_reader;
GRANT SELECT ON routing.item_outcomes TO routing_metrics_reader;
GRANT SELECT ON routing.edits_by_family TO routing_metrics_reader;
GRANT SELECT ON routing.batch_run_summary TO routing_metrics_reader;
GRANT SELECT ON routing.batch_run_rejects TO routing_metrics_reader;
GRANT SELECT ON routing.families_by_month TO routing_metrics_reader;
GRANT SELECT ON routing.rejects_by_rule TO routing_metrics_reader;
GRANT SELECT ON routing.time_profile_changes TO routing_metrics_reader;
GRANT SELECT ON routing.published_by_night TO routing_metrics_reader;
GRANT SELECT ON routing.publication_shown TO routing_metrics_reader;
GRANT SELECT ON routing.freshness TO routing_metrics_reader;
GRANT SELECT ON routing.who_did_what TO routing_metrics_reader;
GRANT SELECT ON routing.publication_changes TO routing_metrics_reader;
GRANT SELECT ON routing.model_version TO routing_metrics_reader;
GRANT SELECT ON routing.model_metric TO routing_metrics_reader;
GRANT SELECT ON routing.model_decision TO routing_metrics_reader;
GRANT SELECT ON routing.model_decision_metric TO routing_metrics_reader;
GRANT SELECT ON routing.prediction_outcome TO routing_metrics_reader;
GRANT SELECT ON routing.batch_run TO routing_metrics_reader;
GRANT SELECT ON routing.quality_result TO routing_metrics_reader;
GRANT SELECT ON routing.rejected_row TO routing_metrics_reader;
GRANT SELECT ON routing.publication TO routing_metrics_reader;
GRANT SELECT ON routing.current_publication TO routing_metrics_reader;
GRANT SELECT ON routing.publication_event TO routing_metrics_reader;
GRANT SELECT ON routing.routing_feedback TO routing_metrics_reader;
GRANT SELECT ON routing.routing_feedback_time TO routing_metrics_reader;
GRANT SELECT ON routing.standard_review TO routing_metrics_reader;
GRANT SELECT ON routing.data_health TO routing_metrics_reader;
GRANT SELECT ON routing.audit_log TO routing_metrics_reader;
GRANT SELECT ON routing.time_profile_month TO routing_metrics_reader;
GRANT SELECT ON routing.publication_change TO routing_metrics_reader;
GRANT SELECT ON routing.erp_read TO routing_metrics_reader;

COMMIT TRANSACTION;
GO

-- The ETL sees which rights it has and what its tables are made of (routing-etl doctor).
GRANT VIEW DEFINITION ON SCHEMA::routing TO routing_etl_writer;
GO

-- The login that reads the ERP is another one. It needs SELECT on the four source views and nothing in schema routing:
-- GRANT SELECT ON dbo.BI_ITEM_INFO_VIEW TO <erp reading user>;
-- GRANT SELECT ON dbo.BI_ROUTING_VIEW TO <erp reading user>;
-- GRANT SELECT ON dbo.BI_WORK_ORDER_RESULTS TO <erp reading user>;
-- GRANT SELECT ON dbo.BI_PUR_PO_VIEW TO <erp reading user>;

-- Migrations (routing-etl migrate) need DDL rights; run them with a DBA's login, or see migrating_login.sql.

-- Members:
-- ALTER ROLE routing_erp_reader ADD MEMBER <user>;
-- ALTER ROLE routing_etl_writer ADD MEMBER <user>;
-- ALTER ROLE routing_metrics_reader ADD MEMBER <user>;
