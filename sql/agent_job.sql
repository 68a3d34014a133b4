-- The night as a SQL Server Agent job, where Dagster's schedule is not wanted. Run by a DBA in msdb. The job calls the
-- command line on the host of the ETL under a proxy account; set the four texts below. Exit code 0 is success only.
-- Agent starts a step in its own folder and with the variables of its service, not with ours. The step therefore goes to the
-- folder first that holds .env, in which ROUTING_ETL_HOME and the two connections stand (README.md, "Settings"), names that file,
-- and does nothing without it. The proxy account needs to read that folder and to write ROUTING_ETL_HOME.
-- Do not run both schedules: the second writer of a night is refused (writer lock), but its run is on record as failed.
-- Editions without Agent (Express) and servers without it: use the host's own scheduler with the same command.

DECLARE @folder nvarchar(260) = N'C:\routing_etl';
DECLARE @program nvarchar(260) = N'C:\routing_etl\.venv\Scripts\routing-etl.exe';
DECLARE @proxy nvarchar(128) = N'routing_etl_proxy';
DECLARE @operator nvarchar(128) = N'routing_etl_operator';
DECLARE @command nvarchar(max) = N'cmd.exe /d /s /c "cd /d "' + @folder + N'" && if exist .env (set PYTHONUTF8=1&& '
    + N'set "ROUTING_ETL_ENV_FILE=' + @folder + N'\.env"&& "' + @program + N'" run) else (echo There is no .env in ' + @folder + N' & exit 2)"';

EXEC msdb.dbo.sp_add_job
    @job_name = N'routing_etl night',
    @description = N'Reads the ERP, predicts routings for items without one, publishes them in schema routing.',
    @notify_level_email = 2,
    @notify_email_operator_name = @operator;

EXEC msdb.dbo.sp_add_jobstep
    @job_name = N'routing_etl night',
    @step_name = N'night',
    @subsystem = N'CmdExec',
    @proxy_name = @proxy,
    @command = @command,
    @cmdexec_success_code = 0,
    @retry_attempts = 1,
    @retry_interval = 30,
    @on_success_action = 1,
    @on_fail_action = 2;

EXEC msdb.dbo.sp_add_jobschedule
    @job_name = N'routing_etl night',
    @name = N'routing_etl at 02:00',
    @freq_type = 4,
    @freq_interval = 1,
    @active_start_time = 020000;

EXEC msdb.dbo.sp_add_jobserver
    @job_name = N'routing_etl night',
    @server_name = N'(local)';
GO

-- Did the last night end well? One row, for a second job or a monitoring system.
SELECT TOP (1) s.run_id, s.status, s.started_at, s.finished_at, s.publication_id, s.critical_failed, s.message
FROM routing.batch_run_summary AS s
ORDER BY s.started_at DESC;
GO

-- To remove it:
-- EXEC msdb.dbo.sp_delete_job @job_name = N'routing_etl night';
