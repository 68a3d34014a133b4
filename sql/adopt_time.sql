-- A planner takes over the proposed standard times of one operation: EXEC routing.adopt_time @item_cd = N'3H18091DB',
-- @rout_no = N'C1M3002000', @proc_seq = 10, @accepted_by = N'kim'. Each is marked in routing.routing_feedback_time once,
-- however often the button is pressed, and they come back in the columns of P_BOP_PROC_DETAIL that change, for the ERP to
-- write under its own rules. It writes nothing outside schema routing.
-- Result sets: 1 the marks (who and when: the first time), 2 the row; a time that is NULL stays as it is.
-- May be run again: rights that were given on it stay, and what fails leaves it as it was. Run with sqlcmd -b, or as it is in SSMS.

-- What sqlcmd leaves off unless told; a procedure keeps what it was made with.
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
GO

IF OBJECT_ID(N'routing.adopt_time', N'P') IS NULL
EXEC(N'CREATE PROCEDURE routing.adopt_time AS THROW 50009, N''adopt_time was not made whole: run adopt_time.sql again.'', 1;');
GO

ALTER PROCEDURE routing.adopt_time
    @item_cd nvarchar(4000),
    @rout_no nvarchar(4000),
    @proc_seq int,
    @accepted_by nvarchar(4000)
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @review int;
    DECLARE @proposals int;
    DECLARE @message nvarchar(400);
    IF LTRIM(RTRIM(ISNULL(@accepted_by, N''))) = N''
    BEGIN
        THROW 50001, N'@accepted_by is empty: pass the name of the ERP user.', 1;
    END;
    -- The parameters are wider than the columns, because T-SQL cuts what is longer than a parameter and says nothing.
    SELECT TOP (1) @message = t.name + N' has ' + CAST(t.length AS nvarchar(20)) + N' characters; at most '
        + CAST(t.most AS nvarchar(12)) + N' fit.'
    FROM (VALUES
        (N'@item_cd', LEN(@item_cd), 100),
        (N'@rout_no', LEN(@rout_no), 50),
        (N'@accepted_by', LEN(LTRIM(@accepted_by)), 128)
    ) AS t (name, length, most)
    WHERE t.length > t.most;
    IF @message IS NOT NULL
    BEGIN
        THROW 50005, @message, 1;
    END;
    BEGIN TRANSACTION;
    -- HOLDLOCK keeps the pointer where it is until the rows below are read: a few milliseconds.
    SELECT @review = p.review_id
    FROM routing.current_standard_review AS p WITH (HOLDLOCK)
    WHERE p.slot = 1;
    SELECT @proposals = COUNT(*)
    FROM routing.standard_time_proposal AS s
    WHERE s.item_cd = @item_cd AND s.rout_no = @rout_no AND s.proc_seq = @proc_seq
      AND s.review_from <= @review AND s.review_to > @review AND s.proposed_min IS NOT NULL;
    IF @proposals = 0
    BEGIN
        ROLLBACK TRANSACTION;
        SET @message = N'There is no proposed standard time for operation ' + ISNULL(CAST(@proc_seq AS nvarchar(12)), N'NULL')
            + N' of routing ' + ISNULL(@rout_no, N'NULL') + N' of item ' + ISNULL(@item_cd, N'NULL')
            + N'. Load the screen again: a newer review has replaced it.';
        THROW 50002, @message, 1;
    END;
    INSERT INTO routing.routing_feedback_time
        (item_cd, rout_no, proc_seq, measure, review_id, job_cd, standard_min, proposed_min, measured_min, orders,
         accepted_by, accepted_at)
    SELECT s.item_cd, s.rout_no, s.proc_seq, s.measure, @review, s.job_cd, s.standard_min, s.proposed_min, s.measured_min,
           s.orders, LTRIM(RTRIM(@accepted_by)), SYSUTCDATETIME()
    FROM routing.standard_time_proposal AS s
    WHERE s.item_cd = @item_cd AND s.rout_no = @rout_no AND s.proc_seq = @proc_seq
      AND s.review_from <= @review AND s.review_to > @review AND s.proposed_min IS NOT NULL
      AND NOT EXISTS (
          SELECT 1
          FROM routing.routing_feedback_time AS f WITH (UPDLOCK, HOLDLOCK)
          WHERE f.item_cd = s.item_cd AND f.rout_no = s.rout_no AND f.proc_seq = s.proc_seq AND f.measure = s.measure
            AND f.proposed_min = s.proposed_min
            AND (f.standard_min = s.standard_min OR (f.standard_min IS NULL AND s.standard_min IS NULL))
      );
    SELECT f.item_cd, f.rout_no, f.proc_seq, f.measure, f.standard_min, f.proposed_min, f.review_id, f.accepted_by,
           f.accepted_at
    FROM routing.routing_feedback_time AS f
    JOIN routing.standard_time_proposal AS s
      ON s.item_cd = f.item_cd AND s.rout_no = f.rout_no AND s.proc_seq = f.proc_seq AND s.measure = f.measure
     AND s.proposed_min = f.proposed_min
     AND (f.standard_min = s.standard_min OR (f.standard_min IS NULL AND s.standard_min IS NULL))
    WHERE s.item_cd = @item_cd AND s.rout_no = @rout_no AND s.proc_seq = @proc_seq
      AND s.review_from <= @review AND s.review_to > @review;
    SELECT d.CoCd, d.PlantCd, d.ITEM_CD, d.ROUT_NO, d.PROC_SEQ, d.JOB_CD, d.TIME_UNIT, d.RUN_TIME, d.RUN_TIME_QTY,
           d.SETUP_TIME, d.UPDT_USER_ID, d.REVIEW_ID
    FROM routing.bop_proc_detail_time AS d
    WHERE d.ITEM_CD = @item_cd AND d.ROUT_NO = @rout_no AND d.PROC_SEQ = @proc_seq;
    COMMIT TRANSACTION;
END;
GO

GRANT EXECUTE ON routing.adopt_time TO routing_erp_reader;
GO
