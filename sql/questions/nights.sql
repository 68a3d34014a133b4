-- How long did the nights take, how many rows did they handle, and how did they end?
SELECT started_at, kind, status, seconds, rows_read, rows_written, rows_rejected, critical_failed, warnings_failed, message
FROM routing.batch_run_summary
ORDER BY started_at DESC;
