-- An example for the ERP team: one view for a screen that shows an item's own routing where there is one, and our first
-- proposal where there is none. ORIGIN tells them apart; a proposal must never look like a released routing.
-- Create it in the ERP team's own schema. It needs SELECT on the two sources. It stands in a text (quotation marks doubled), so
-- that the script may be run again: the rights on the view stay. Run it with sqlcmd -b, or as it is in SSMS.

SET XACT_ABORT ON;
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
DECLARE @verb nvarchar(6) = N'CREATE';
IF OBJECT_ID(N'dbo.ROUTING_SCREEN_EXAMPLE_VIEW', N'V') IS NOT NULL SET @verb = N'ALTER';
EXEC(@verb + N' VIEW dbo.ROUTING_SCREEN_EXAMPLE_VIEW AS
SELECT
    r.ITEM_CD,
    N''ERP'' AS ORIGIN,
    r.ROUT_NO,
    r.PROC_SEQ,
    r.INSIDE_FLAG,
    r.JOB_CD,
    r.JOB_NM,
    r.RES_CD,
    r.RES_DIS,
    r.SETUP_TIME,
    r.RUN_TIME,
    CAST(NULL AS DECIMAL(10, 2)) AS SAFE_TIME,
    CAST(NULL AS DECIMAL(5, 4)) AS CONFIDENCE,
    CAST(NULL AS NVARCHAR(100)) AS REFERENCE_ITEM_CD,
    CAST(NULL AS NVARCHAR(20)) AS TIME_SOURCE
FROM dbo.BI_ROUTING_VIEW AS r
UNION ALL
SELECT
    f.ITEM_CD,
    N''PREDICTED'',
    f.ROUT_NO,
    f.PROC_SEQ,
    f.INSIDE_FLAG,
    f.dbo_BI_ROUTING_VIEW_JOB_CD,
    f.JOB_NM,
    f.RES_CD,
    f.RES_DIS,
    f.SETUP_TIME,
    f.RUN_TIME,
    f.SAFE_TIME,
    f.CONFIDENCE,
    f.REFERENCE_ITEM_CD,
    f.TIME_SOURCE
FROM routing.routing_flat AS f
WHERE f.CANDIDATE_RANK = 1
  AND NOT EXISTS (SELECT 1 FROM dbo.BI_ROUTING_VIEW AS own WHERE own.ITEM_CD = f.ITEM_CD)');
GO

-- On the screen: all operations of one item, and the machines that may run each job of a proposal.
DECLARE @item nvarchar(100) = N'3H18091DB';
SELECT ORIGIN, ROUT_NO, PROC_SEQ, INSIDE_FLAG, JOB_CD, JOB_NM, RES_CD, SETUP_TIME, RUN_TIME, SAFE_TIME, CONFIDENCE
FROM dbo.ROUTING_SCREEN_EXAMPLE_VIEW
WHERE ITEM_CD = @item
ORDER BY ORIGIN, ROUT_NO, PROC_SEQ;
SELECT JOB_CD, RES_CD, RES_DIS, ALTERNATIVE_RANK, IS_POOL
FROM routing.routing_candidate_resources
WHERE ITEM_CD = @item AND CANDIDATE_RANK = 1
ORDER BY ID;
