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

DECLARE @job nvarchar(128) = N'routing_etl night';
DECLARE @schedule nvarchar(128) = N'routing_etl at 02:00';
DECLARE @about nvarchar(512) = N'Reads the ERP, predicts routings for items without one, publishes them in schema routing.';

-- All of it takes place or nothing: run it with sqlcmd -b, or as it is in SSMS. Run again it sets operator, step and command anew, and leaves alone what a DBA may have changed:
-- whether the job is on, its history, its further steps, and the schedule, once the job has one of this name.
SET XACT_ABORT ON;
SET NOCOUNT ON;
BEGIN TRY
    BEGIN TRANSACTION;
    IF NOT EXISTS (SELECT 1 FROM msdb.dbo.sysjobs AS j WHERE j.name = @job)
        EXEC msdb.dbo.sp_add_job
            @job_name = @job,
            @description = @about,
            @notify_level_email = 2,
            @notify_email_operator_name = @operator;
    ELSE
        EXEC msdb.dbo.sp_update_job
            @job_name = @job,
            @description = @about,
            @notify_level_email = 2,
            @notify_email_operator_name = @operator;

    DECLARE @job_id uniqueidentifier;
    DECLARE @step int;
    SET @job_id = (SELECT j.job_id FROM msdb.dbo.sysjobs AS j WHERE j.name = @job);
    SET @step = (SELECT MIN(s.step_id) FROM msdb.dbo.sysjobsteps AS s WHERE s.job_id = @job_id AND s.step_name = N'night');
    IF @step IS NULL
        EXEC msdb.dbo.sp_add_jobstep
            @job_id = @job_id,
            @step_name = N'night',
            @subsystem = N'CmdExec',
            @proxy_name = @proxy,
            @command = @command,
            @cmdexec_success_code = 0,
            @retry_attempts = 1,
            @retry_interval = 30,
            @on_success_action = 1,
            @on_fail_action = 2;
    ELSE
        EXEC msdb.dbo.sp_update_jobstep
            @job_id = @job_id,
            @step_id = @step,
            @subsystem = N'CmdExec',
            @proxy_name = @proxy,
            @command = @command,
            @cmdexec_success_code = 0;

    IF NOT EXISTS (
        SELECT 1
        FROM msdb.dbo.sysjobschedules AS k
        JOIN msdb.dbo.sysschedules AS t ON t.schedule_id = k.schedule_id
        WHERE k.job_id = @job_id AND t.name = @schedule
    )
        EXEC msdb.dbo.sp_add_jobschedule
            @job_id = @job_id,
            @name = @schedule,
            @freq_type = 4,
            @freq_interval = 1,
            @active_start_time = 020000;

    IF NOT EXISTS (SELECT 1 FROM msdb.dbo.sysjobservers AS h WHERE h.job_id = @job_id)
        EXEC msdb.dbo.sp_add_jobserver
            @job_id = @job_id,
            @server_name = N'(local)';
    COMMIT TRANSACTION;
END TRY
BEGIN CATCH
    IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
    THROW;
END CATCH;
GO

-- Did the last night end well? One row, for a second job or a monitoring system.
SELECT TOP (1) s.run_id, s.status, s.started_at, s.finished_at, s.publication_id, s.critical_failed, s.message
FROM routing.batch_run_summary AS s
ORDER BY s.started_at DESC;
GO

-- To remove it:
-- EXEC msdb.dbo.sp_delete_job @job_name = N'routing_etl night';
