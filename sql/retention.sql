-- What is kept, and how to remove more. The nightly run keeps the publications that readers saw in the last
-- ROUTING_ETL_KEEP_PUBLICATIONS_DAYS days and the newest ROUTING_ETL_KEEP_PUBLICATIONS, ROUTING_ETL_KEEP_DAYS days of runs
-- and ROUTING_ETL_KEEP_MODELS model versions, and purges the rest in small transactions. Prefer these settings to the
-- statements below. The script may be run again, and stops at the first error (run it with sqlcmd -b, or as it is in SSMS);
-- it waits for nobody longer than 15 seconds and gives way in a deadlock.

SET XACT_ABORT ON;
SET NOCOUNT ON;
SET LOCK_TIMEOUT 15000;
SET DEADLOCK_PRIORITY LOW;

-- What each publication shows, and what it cost: only items that changed were written. Given up when purged_at is set;
-- rows that it wrote live on while a kept publication shows them.
SELECT id, state, rows_candidate, rows_operation, rows_evidence, items_changed, rows_written, loaded_at, withdrawn_at, purged_at
FROM routing.publication
ORDER BY id DESC;

-- Rows by the publication that wrote them, and from how many items and jobs.
SELECT c.publication_id, COUNT(*) AS candidates, COUNT(DISTINCT c.item_cd) AS items
FROM routing.candidate AS c
GROUP BY c.publication_id
ORDER BY c.publication_id DESC;

-- Give up one retired publication by hand. Never the published one: the statement does nothing when it is in use. Its rows
-- may be what later publications still show, so do not delete by its number: the next night finds the mark when it publishes
-- (so does routing-etl publish) and removes in small steps what no kept publication shows.
DECLARE @publication int = 0;
UPDATE routing.publication SET state = 'purged' WHERE id = @publication AND state IN ('retired', 'loaded');

-- Runs older than a year, one each time the script is run, with its checks and rejects: at most 4,000 rows a statement, because
-- from 5,000 on the server would lock the whole table, into which a night may be writing. Broken off, it goes on where it was.
-- A rejected row is stored with the run that met it first; a run stays while later runs reject such a row.
DECLARE @run nvarchar(64);
SET @run = (
    SELECT TOP (1) r.run_id
    FROM routing.batch_run AS r
    WHERE r.started_at < DATEADD(year, -1, SYSUTCDATETIME())
      AND NOT EXISTS (
          SELECT 1
          FROM routing.rejected_row AS x
          JOIN routing.batch_run AS later ON later.rejects_no >= x.from_no
          WHERE x.run_id = r.run_id AND later.run_id <> r.run_id
            AND (x.until_no IS NULL OR later.rejects_no < x.until_no)
      )
    ORDER BY r.started_at
);
DECLARE @rows int = 1;
UPDATE routing.batch_run
SET rejects_no = NULL
WHERE run_id = @run AND rejects_no < (SELECT MAX(r.rejects_no) FROM routing.batch_run AS r);
WHILE @rows > 0
BEGIN
    DELETE TOP (4000) FROM routing.rejected_row WHERE run_id = @run;
    SET @rows = @@ROWCOUNT;
END;
SET @rows = 1;
WHILE @rows > 0
BEGIN
    DELETE TOP (4000) FROM routing.quality_result WHERE run_id = @run;
    SET @rows = @@ROWCOUNT;
END;
DELETE FROM routing.batch_run WHERE run_id = @run;
