-- An engineer takes over a proposal on the ERP's screen: EXEC routing.adopt_candidate @item_cd = N'3H18091DB',
-- @candidate_id = N'3H18091DB_C01', @accepted_by = N'kim'. It is marked in routing.routing_feedback once, however often
-- the button is pressed, and comes back in the shape of P_BOP_PROC_MASTER, P_BOP_PROC_DETAIL and P_BOP_PROC_RES for the
-- ERP to insert under its own rules. It writes nothing outside schema routing.
-- @edited says what will be changed in it, in at most 1,000 characters, where it is not taken over as it is. A longer text is
-- refused. A candidate that is rejected must be undone first (mark_candidate.sql).
-- Result sets: 1 the mark (who and when: the first time; how many other routings of the item are accepted as well), 2 master,
-- 3 detail, 4 resources.
-- May be run again: rights that were given on it stay, and what fails leaves it as it was. Run with sqlcmd -b, or as it is in SSMS.

-- What sqlcmd leaves off unless told; a procedure keeps what it was made with.
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
GO

IF OBJECT_ID(N'routing.adopt_candidate', N'P') IS NULL
EXEC(N'CREATE PROCEDURE routing.adopt_candidate AS THROW 50009, N''adopt_candidate was not made whole: run adopt_candidate.sql again.'', 1;');
GO

ALTER PROCEDURE routing.adopt_candidate
    @item_cd nvarchar(4000),
    @candidate_id nvarchar(4000),
    @accepted_by nvarchar(4000),
    @edited nvarchar(max) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @publication int;
    DECLARE @rank smallint;
    DECLARE @rout_no nvarchar(50);
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
        (N'@candidate_id', LEN(@candidate_id), 110),
        (N'@accepted_by', LEN(LTRIM(@accepted_by)), 128),
        (N'@edited', LEN(@edited), 1000)
    ) AS t (name, length, most)
    WHERE t.length > t.most;
    IF @message IS NOT NULL
    BEGIN
        THROW 50005, @message, 1;
    END;
    BEGIN TRANSACTION;
    -- HOLDLOCK keeps the pointer where it is until the rows below are read: a few milliseconds.
    SELECT @publication = p.publication_id
    FROM routing.current_publication AS p WITH (HOLDLOCK)
    WHERE p.slot = 1;
    SELECT @rank = c.candidate_rank, @rout_no = c.predicted_rout_no
    FROM routing.routing_candidates AS c
    WHERE c.publication_id = @publication AND c.item_cd = @item_cd AND c.candidate_id = @candidate_id;
    IF @rank IS NULL
    BEGIN
        ROLLBACK TRANSACTION;
        SET @message = N'Candidate ' + ISNULL(@candidate_id, N'NULL') + N' of item ' + ISNULL(@item_cd, N'NULL')
            + N' is not in the published batch. Load the screen again: a newer batch has replaced it.';
        THROW 50002, @message, 1;
    END;
    IF EXISTS (
        SELECT 1
        FROM routing.routing_feedback AS f WITH (UPDLOCK, HOLDLOCK)
        WHERE f.item_cd = @item_cd AND f.publication_id = @publication AND f.candidate_rank = @rank
          AND f.mark = 'rejected' AND f.undone_at IS NULL
    )
    BEGIN
        ROLLBACK TRANSACTION;
        SET @message = N'Candidate ' + @candidate_id + N' is rejected. Undo that first: EXEC routing.undo_marks.';
        THROW 50003, @message, 1;
    END;
    UPDATE routing.routing_feedback
    SET mark = CASE WHEN @edited IS NULL THEN 'accepted' ELSE 'edited' END, reason_code = NULL, remark = @edited,
        accepted_by = LTRIM(RTRIM(@accepted_by)), accepted_at = SYSUTCDATETIME(), undone_by = NULL, undone_at = NULL
    WHERE item_cd = @item_cd AND publication_id = @publication AND candidate_rank = @rank AND undone_at IS NOT NULL;
    INSERT INTO routing.routing_feedback
        (item_cd, publication_id, candidate_id, candidate_rank, predicted_rout_no, routing_code, accepted_by, accepted_at,
         mark, reason_code, remark, undone_by, undone_at)
    SELECT c.item_cd, c.publication_id, c.candidate_id, c.candidate_rank, c.predicted_rout_no, c.routing_code,
           LTRIM(RTRIM(@accepted_by)), SYSUTCDATETIME(), CASE WHEN @edited IS NULL THEN 'accepted' ELSE 'edited' END,
           NULL, @edited, NULL, NULL
    FROM routing.routing_candidates AS c
    WHERE c.publication_id = @publication AND c.item_cd = @item_cd AND c.candidate_rank = @rank
      AND NOT EXISTS (
          SELECT 1
          FROM routing.routing_feedback AS f WITH (UPDLOCK, HOLDLOCK)
          WHERE f.item_cd = c.item_cd AND f.publication_id = c.publication_id AND f.candidate_rank = c.candidate_rank
      );
    SELECT f.item_cd, f.candidate_id, f.publication_id, f.predicted_rout_no, f.marked_by, f.marked_at, f.others_accepted
    FROM routing.routing_marks AS f
    WHERE f.item_cd = @item_cd AND f.publication_id = @publication AND f.candidate_rank = @rank;
    SELECT
        m.ID, m.CoCd, m.PlantCd, m.ITEM_CD, m.ROUT_NO, m.BOM_NO, m.DESCRIPTION, m.MAJOR_FLG, m.VALID_FROM_DT,
        m.VALID_TO_DT, m.ROU_DEV_USER_ID, m.ROU_MFG_USER_ID, m.ROU_QUR_USER_ID, m.ROU_APP_USER_ID, m.REV_NO,
        m.REV_DT, m.INSRT_USER_ID, m.INSRT_DT, m.UPDT_USER_ID, m.UPDT_DT, m.ALT_RT_VALUE, m.ASSIGN_NO,
        m.AttachNo, m.STD_ROUT_ITEM, m.STD_ROUT_NO, m.REV_NOTE, m.Difficult_Level, m.ITEM_LT
    FROM routing.bop_proc_master AS m
    WHERE m.ITEM_CD = @item_cd AND m.ROUT_NO = @rout_no;
    SELECT
        d.ID, d.CoCd, d.PlantCd, d.ITEM_CD, d.ROUT_NO, d.PROC_SEQ, d.WC_CD, d.INSIDE_FLG, d.RES_CD, d.ROUT_ORDER,
        d.JOB_CD, d.MFG_LT, d.TIME_UNIT, d.RUN_TIME, d.SETUP_TIME, d.WAIT_TIME, d.MOVE_TIME, d.MOVE_QTY,
        d.QUEUE_TIME, d.RUN_TIME_QTY, d.RUN_TIME_UNIT, d.MILESTONE_FLG, d.INSP_FLG, d.OVERLAP_OPR,
        d.OVERLAP_LT, d.SUBCONTRACT_PRC, d.CUR_CD, d.BP_CD, d.TAX_TYPE, d.RUN_TIME_RULE_PLAN,
        d.RUN_TIME_RULE_SCHL, d.RUN_TIME_PLAN, d.RUN_TIME_SCHL, d.SETUP_TIME_IN_HOUR_PLAN,
        d.SETUP_TIME_IN_HOUR, d.SETUP_TIME_RULE, d.WHEN_TO_SETUP_RULE, d.WAIT_TIME_IN_HOUR,
        d.MOVE_TIME_IN_HOUR, d.QUEUE_TIME_IN_HOUR, d.ALLOC_RULE, d.SELECT_RULE, d.FREE_CHECK_FLG,
        d.HOLD_TEMP_FLG, d.NEXT_PROC_SEQ, d.OPR_SEQ, d.SETUP_BASE_CD, d.CROSS_BREAK_RULE, d.OVERLAP_TYPE,
        d.OVERLAP_VALUE, d.PROD_RATE, d.SETUP_RSC_GRP_CD, d.SETUP_RSC_CD, d.RSC_SCHEDULED_FLG, d.AttachNo,
        d.ROUT_DOC, d.OP_DRAW_NO, d.ROUT_SIZE, d.STD_RUN_COST_PER_HR, d.STD_SUBCONTRACT_PRC,
        d.STD_LABOR_COST, d.STD_DIR_EXPENSE, d.STD_INDIR_LABOR_COST, d.STD_INDIR_EXPENSE, d.VALID_FROM_DT,
        d.VALID_TO_DT, d.NC_PROGRAM, d.NC_PROGRAM_WRITER, d.NC_WRITE_DATE, d.NC_REVIEWER, d.NC_REVIEW_DT,
        d.PRESSURE_USE, d.INSRT_USER_ID, d.INSRT_DT, d.UPDT_USER_ID, d.UPDT_DT, d.FIX_RUN_TIME, d.REMARK,
        d.CUST_SIZE, d.MTMG_NUMB, d.D_ITEM_CD, d.RAW_MATL_SIZE, d.JAW_SIZE, d.VALIDITY, d.PROGRAM_REMARK,
        d.BATCH_OPER, d.ACT_RUN_TIME, d.ACT_SETUP_TIME, d.DocYn, d.PROC_REMARK, d.NC_UPDATER,
        d.NC_UPDATE_DT, d.GROSS_WEIGHT
    FROM routing.bop_proc_detail AS d
    WHERE d.ITEM_CD = @item_cd AND d.ROUT_NO = @rout_no
    ORDER BY d.PROC_SEQ;
    SELECT
        r.ID, r.COCD, r.PLANTCD, r.ITEM_CD, r.ROUT_NO, r.REV_NO, r.JOB_CD, r.RES_CD, r.RUN_TIME, r.SETUP_TIME,
        r.WAIT_TIME, r.MOVE_TIME, r.QUEUE_TIME, r.AFTER_TIME, r.MAN_HOUR, r.MACHINE_HOUR, r.RES_PRIORITY,
        r.MAIN_YN, r.IN_ID, r.IN_DT, r.UP_ID, r.UP_DT, r.TASK_ID, r.REV_COND, r.TASK_COND, r.FOLD_MTHD,
        r.FOLD_TIME, r.PREV_RES_QTY, r.CURR_RES_QTY, r.NEXT_RES_QTY, r.NEXT_RES_ABSL_YN, r.RUN_TIME_UNIT,
        r.SETUP_TIME_UNIT, r.WAIT_TIME_UNIT, r.MOVE_TIME_UNIT, r.QUEUE_TIME_UNIT, r.AFTER_TIME_UNIT,
        r.BEFORE_TIME, r.BEFORE_TIME_UNIT
    FROM routing.bop_proc_res AS r
    WHERE r.ITEM_CD = @item_cd AND r.ROUT_NO = @rout_no
    ORDER BY r.ID;
    COMMIT TRANSACTION;
END;
GO

-- The ERP's users may run it without any right on the tables (see roles_and_grants.sql).
GRANT EXECUTE ON routing.adopt_candidate TO routing_erp_reader;
GO

-- What became of proposals: marks in force by model version and rank.
SELECT f.model_version, f.candidate_rank, f.mark, COUNT(*) AS candidates
FROM routing.routing_marks AS f
WHERE f.in_force = 1
GROUP BY f.model_version, f.candidate_rank, f.mark
ORDER BY f.model_version, f.candidate_rank, f.mark;
GO
