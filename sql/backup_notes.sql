-- What a backup of schema routing is for, and what to do around one.
--
-- * Predictions can be made again from the ERP and a model: after a loss, migrate, then routing-etl run.
--   What cannot be made again: routing_feedback and routing_feedback_time (what engineers accepted and rejected),
--   prediction_outcome (what they wrote instead), model_version, model_metric, model_decision and model_decision_metric (history
--   of the models), publication, current_publication and publication_event (what was visible when), audit_log (who did
--   what), and time_profile_month (times of months whose work results the ERP has since archived). The model files of the registry are files: back up that
--   folder together with the database; a model whose manifest does not match model_version is refused.
-- * Our tables lie in a database of the site's choice. In the ERP's database they follow its recovery model: a load
--   writes to the log what has changed, a first load or one after a training all items (measure with the last statement
--   below). In a database of their own SIMPLE is enough.
-- * A load writes under a new publication that no reader sees, so a backup taken during a load restores to a state in
--   which the last publication is whole; the next run removes what was half loaded. No quiet time is needed.
-- * Before routing-etl migrate to a lower revision or to base: take the backup below, it drops tables with their rows.
-- * After a restore: routing-etl doctor; routing-etl models verify; routing-etl publications list.

-- A copy beside the regular chain, checked as it is written. Set name and path.
-- BACKUP DATABASE routing_db
-- TO DISK = N'D:\backup\routing_db_before_migration.bak'
-- WITH COPY_ONLY, CHECKSUM, COMPRESSION, STATS = 10;

-- The small tables that cannot be made again, with their sizes.
SELECT t.name AS table_name, SUM(p.rows) AS row_count
FROM sys.tables AS t
JOIN sys.schemas AS s ON s.schema_id = t.schema_id
JOIN sys.partitions AS p ON p.object_id = t.object_id AND p.index_id IN (0, 1)
WHERE s.name = N'routing'
  AND t.name IN (N'routing_feedback', N'routing_feedback_time', N'prediction_outcome', N'model_version', N'model_metric',
                 N'model_decision', N'model_decision_metric', N'publication', N'publication_event',
                 N'current_publication', N'audit_log', N'time_profile_month')
GROUP BY t.name
ORDER BY t.name;
GO

-- Log written since the last log backup (2016 SP2 and later), in MB: look before and after a night.
SELECT d.total_log_size_mb, d.active_log_size_mb, d.log_since_last_log_backup_mb
FROM sys.dm_db_log_stats(DB_ID()) AS d;
GO
