-- What did the ERP's screens show on a day? Answered for the last ROUTING_ETL_KEEP_PUBLICATIONS_DAYS days (90), and
-- before that for days whose publication is among the newest ROUTING_ETL_KEEP_PUBLICATIONS. A publication costs only what
-- has changed. For an earlier moment there is no row, and @publication below is NULL.

-- Which publication was visible when: one row from each move of the pointer to the next.
SELECT
    e.publication_id,
    e.event,
    e.happened_at AS visible_from,
    (
        SELECT MIN(n.happened_at)
        FROM routing.publication_event AS n
        WHERE n.id > e.id AND n.event IN ('published', 'rolled_back')
    ) AS visible_until,
    e.done_by
FROM routing.publication_event AS e
WHERE e.event IN ('published', 'rolled_back')
ORDER BY e.id DESC;

-- One item at one moment (UTC): its proposals with their operations. No row: none was shown.
DECLARE @item nvarchar(100) = N'3H18091DB';
DECLARE @at datetime2(3) = SYSUTCDATETIME();
DECLARE @publication int;
SET @publication = (
    SELECT TOP (1) e.publication_id
    FROM routing.publication_event AS e
    WHERE e.event IN ('published', 'rolled_back') AND e.happened_at <= @at
    ORDER BY e.id DESC
);
-- Given up: the answer would be incomplete, so it is none.
IF EXISTS (SELECT 1 FROM routing.publication AS b WHERE b.id = @publication AND b.state = 'purged') SET @publication = NULL;
SELECT
    @publication AS publication_id,
    v.from_publication AS written_by,
    c.candidate_rank,
    c.candidate_id,
    c.routing_code,
    c.confidence,
    o.proc_seq,
    o.job_cd,
    o.res_cd,
    o.setup_time,
    o.run_time,
    o.time_source
FROM routing.routing_item_versions AS v
JOIN routing.candidate AS c ON c.publication_id = v.from_publication AND c.item_cd = v.item_cd
JOIN routing.candidate_operation AS o
    ON o.publication_id = c.publication_id AND o.item_cd = c.item_cd AND o.candidate_rank = c.candidate_rank
WHERE v.item_cd = @item
  AND v.from_publication <= @publication
  AND (v.to_publication IS NULL OR v.to_publication > @publication)
ORDER BY c.candidate_rank, o.proc_seq;

-- How an item's proposals changed: from which publication to before which, and whether there were any.
SELECT v.from_publication, v.to_publication, v.shown, b.loaded_at, b.model_version
FROM routing.routing_item_versions AS v
JOIN routing.publication AS b ON b.id = v.from_publication
WHERE v.item_cd = @item
ORDER BY v.from_publication;

-- What the last publication changed: items whose proposals are new or differ, and items that have none any more.
SELECT i.item_cd, i.shown
FROM routing.item_version AS i
WHERE i.from_publication = (SELECT p.publication_id FROM routing.current_publication AS p WHERE p.slot = 1)
ORDER BY i.item_cd;
