-- What is kept, and how to remove more. The nightly run keeps ROUTING_ETL_KEEP_PUBLICATIONS publications,
-- ROUTING_ETL_KEEP_DAYS days of runs and ROUTING_ETL_KEEP_MODELS model versions, and purges the rest in small
-- transactions. Prefer these settings to the statements below.

-- Rows by publication. Rows are gone when purged_at is set.
SELECT id, state, rows_candidate, rows_operation, rows_evidence, loaded_at, purged_at
FROM routing.publication
ORDER BY id DESC;

-- Purge one retired publication by hand, a few thousand rows per transaction. Never the published one: the first
-- statement marks it, and does nothing when it is in use.
DECLARE @publication int = 0;
DECLARE @deleted int = 1;
UPDATE routing.publication SET state = 'purged' WHERE id = @publication AND state IN ('retired', 'loaded', 'failed');
WHILE @deleted > 0
BEGIN
    DELETE TOP (4000) o
    FROM routing.candidate_operation AS o
    JOIN routing.publication AS p ON p.id = o.publication_id
    WHERE p.id = @publication AND p.state = 'purged';
    SET @deleted = @@ROWCOUNT;
END;
SET @deleted = 1;
WHILE @deleted > 0
BEGIN
    DELETE TOP (4000) e
    FROM routing.candidate_evidence AS e
    JOIN routing.publication AS p ON p.id = e.publication_id
    WHERE p.id = @publication AND p.state = 'purged';
    SET @deleted = @@ROWCOUNT;
END;
SET @deleted = 1;
WHILE @deleted > 0
BEGIN
    DELETE TOP (4000) c
    FROM routing.candidate AS c
    JOIN routing.publication AS p ON p.id = c.publication_id
    WHERE p.id = @publication AND p.state = 'purged';
    SET @deleted = @@ROWCOUNT;
END;
SET @deleted = 1;
WHILE @deleted > 0
BEGIN
    DELETE TOP (4000) r
    FROM routing.resource_alternative AS r
    JOIN routing.publication AS p ON p.id = r.publication_id
    WHERE p.id = @publication AND p.state = 'purged';
    SET @deleted = @@ROWCOUNT;
END;
SET @deleted = 1;
WHILE @deleted > 0
BEGIN
    DELETE TOP (4000) a
    FROM routing.abstained_item AS a
    JOIN routing.publication AS p ON p.id = a.publication_id
    WHERE p.id = @publication AND p.state = 'purged';
    SET @deleted = @@ROWCOUNT;
END;
UPDATE routing.publication SET purged_at = SYSUTCDATETIME() WHERE id = @publication AND state = 'purged';

-- Runs older than a year: checks and rejects go with them (ON DELETE CASCADE), one run per statement keeps locks short.
DECLARE @run nvarchar(64);
SET @run = (SELECT TOP (1) run_id FROM routing.batch_run WHERE started_at < DATEADD(year, -1, SYSUTCDATETIME()) ORDER BY started_at);
DELETE FROM routing.batch_run WHERE run_id = @run;
