-- An engineer rejects what is proposed for an item: EXEC routing.reject_candidates @item_cd = N'3H18091DB',
-- @reason_code = 'wrong_machine', @rejected_by = N'kim', @remark = N'too large for CNC-01'; with @candidate_id only that candidate.
-- Reasons: wrong_operations, missing_operation, wrong_order, wrong_machine, wrong_times, wrong_similar_item, item_not_made, other.
-- A mark is taken back, accepted ones too, with EXEC routing.undo_marks @item_cd = N'3H18091DB', @undone_by = N'kim'.
-- Both give the item's marks back. They write nothing outside schema routing.
-- May be run again: rights that were given on them stay, and what fails leaves them as they were. Run with sqlcmd -b, or as it is in SSMS.

-- What sqlcmd leaves off unless told; a procedure keeps what it was made with.
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
GO

IF OBJECT_ID(N'routing.reject_candidates', N'P') IS NULL
EXEC(N'CREATE PROCEDURE routing.reject_candidates AS THROW 50009, N''reject_candidates was not made whole: run mark_candidate.sql again.'', 1;');
GO

ALTER PROCEDURE routing.reject_candidates
    @item_cd nvarchar(4000),
    @reason_code nvarchar(4000),
    @rejected_by nvarchar(4000),
    @remark nvarchar(max) = NULL,
    @candidate_id nvarchar(4000) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @publication int;
    DECLARE @message nvarchar(400);
    IF LTRIM(RTRIM(ISNULL(@rejected_by, N''))) = N''
    BEGIN
        THROW 50001, N'@rejected_by is empty: pass the name of the ERP user.', 1;
    END;
    IF @reason_code IS NULL OR @reason_code NOT IN ('wrong_operations', 'missing_operation', 'wrong_order', 'wrong_machine',
                                                    'wrong_times', 'wrong_similar_item', 'item_not_made', 'other')
    BEGIN
        THROW 50004, N'@reason_code is not one of the reasons that mark_candidate.sql lists.', 1;
    END;
    -- The parameters are wider than the columns, because T-SQL cuts what is longer than a parameter and says nothing.
    SELECT TOP (1) @message = t.name + N' has ' + CAST(t.length AS nvarchar(20)) + N' characters; at most '
        + CAST(t.most AS nvarchar(12)) + N' fit.'
    FROM (VALUES
        (N'@item_cd', LEN(@item_cd), 100),
        (N'@rejected_by', LEN(LTRIM(@rejected_by)), 128),
        (N'@remark', LEN(@remark), 1000),
        (N'@candidate_id', LEN(@candidate_id), 110)
    ) AS t (name, length, most)
    WHERE t.length > t.most;
    IF @message IS NOT NULL
    BEGIN
        THROW 50005, @message, 1;
    END;
    BEGIN TRANSACTION;
    -- HOLDLOCK keeps the pointer where it is until the marks are written: a few milliseconds.
    SELECT @publication = p.publication_id
    FROM routing.current_publication AS p WITH (HOLDLOCK)
    WHERE p.slot = 1;
    IF NOT EXISTS (
        SELECT 1
        FROM routing.routing_candidates AS c
        WHERE c.publication_id = @publication AND c.item_cd = @item_cd
          AND (@candidate_id IS NULL OR c.candidate_id = @candidate_id)
    )
    BEGIN
        ROLLBACK TRANSACTION;
        SET @message = N'Item ' + ISNULL(@item_cd, N'NULL') + N' has no such candidate in the published batch. Load the screen again: '
            + N'a newer batch has replaced it.';
        THROW 50002, @message, 1;
    END;
    IF EXISTS (
        SELECT 1
        FROM routing.routing_feedback AS f WITH (UPDLOCK, HOLDLOCK)
        WHERE f.item_cd = @item_cd AND f.publication_id = @publication AND f.undone_at IS NULL
          AND (f.mark IS NULL OR f.mark <> 'rejected') AND (@candidate_id IS NULL OR f.candidate_id = @candidate_id)
    )
    BEGIN
        ROLLBACK TRANSACTION;
        SET @message = N'A candidate of item ' + @item_cd + N' is accepted. Undo that first: EXEC routing.undo_marks.';
        THROW 50003, @message, 1;
    END;
    UPDATE routing.routing_feedback
    SET mark = 'rejected', reason_code = @reason_code, remark = @remark, accepted_by = LTRIM(RTRIM(@rejected_by)),
        accepted_at = SYSUTCDATETIME(), undone_by = NULL, undone_at = NULL
    WHERE item_cd = @item_cd AND publication_id = @publication AND undone_at IS NOT NULL
      AND (@candidate_id IS NULL OR candidate_id = @candidate_id);
    INSERT INTO routing.routing_feedback
        (item_cd, publication_id, candidate_id, candidate_rank, predicted_rout_no, routing_code, accepted_by, accepted_at,
         mark, reason_code, remark, undone_by, undone_at)
    SELECT c.item_cd, c.publication_id, c.candidate_id, c.candidate_rank, c.predicted_rout_no, c.routing_code,
           LTRIM(RTRIM(@rejected_by)), SYSUTCDATETIME(), 'rejected', @reason_code, @remark, NULL, NULL
    FROM routing.routing_candidates AS c
    WHERE c.publication_id = @publication AND c.item_cd = @item_cd
      AND (@candidate_id IS NULL OR c.candidate_id = @candidate_id)
      AND NOT EXISTS (
          SELECT 1
          FROM routing.routing_feedback AS f WITH (UPDLOCK, HOLDLOCK)
          WHERE f.item_cd = c.item_cd AND f.publication_id = c.publication_id AND f.candidate_rank = c.candidate_rank
      );
    SELECT f.item_cd, f.candidate_id, f.publication_id, f.mark, f.reason_code, f.remark, f.marked_by, f.marked_at
    FROM routing.routing_marks AS f
    WHERE f.item_cd = @item_cd AND f.in_force = 1
    ORDER BY f.publication_id, f.candidate_rank;
    COMMIT TRANSACTION;
END;
GO

IF OBJECT_ID(N'routing.undo_marks', N'P') IS NULL
EXEC(N'CREATE PROCEDURE routing.undo_marks AS THROW 50009, N''undo_marks was not made whole: run mark_candidate.sql again.'', 1;');
GO

ALTER PROCEDURE routing.undo_marks
    @item_cd nvarchar(4000),
    @undone_by nvarchar(4000),
    @candidate_id nvarchar(4000) = NULL
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @message nvarchar(400);
    IF LTRIM(RTRIM(ISNULL(@undone_by, N''))) = N''
    BEGIN
        THROW 50001, N'@undone_by is empty: pass the name of the ERP user.', 1;
    END;
    -- The parameters are wider than the columns, because T-SQL cuts what is longer than a parameter and says nothing.
    SELECT TOP (1) @message = t.name + N' has ' + CAST(t.length AS nvarchar(20)) + N' characters; at most '
        + CAST(t.most AS nvarchar(12)) + N' fit.'
    FROM (VALUES
        (N'@item_cd', LEN(@item_cd), 100),
        (N'@undone_by', LEN(LTRIM(@undone_by)), 128),
        (N'@candidate_id', LEN(@candidate_id), 110)
    ) AS t (name, length, most)
    WHERE t.length > t.most;
    IF @message IS NOT NULL
    BEGIN
        THROW 50005, @message, 1;
    END;
    BEGIN TRANSACTION;
    UPDATE routing.routing_feedback
    SET undone_by = LTRIM(RTRIM(@undone_by)), undone_at = SYSUTCDATETIME()
    WHERE item_cd = @item_cd AND undone_at IS NULL AND (@candidate_id IS NULL OR candidate_id = @candidate_id);
    IF @@ROWCOUNT = 0
    BEGIN
        ROLLBACK TRANSACTION;
        SET @message = N'Nothing that is proposed for item ' + ISNULL(@item_cd, N'NULL') + N' has a mark in force.';
        THROW 50002, @message, 1;
    END;
    SELECT f.item_cd, f.candidate_id, f.publication_id, f.mark, f.undone_by, f.undone_at
    FROM routing.routing_marks AS f
    WHERE f.item_cd = @item_cd
    ORDER BY f.publication_id, f.candidate_rank;
    COMMIT TRANSACTION;
END;
GO

-- The ERP's users may run them without any right on the tables (see roles_and_grants.sql).
GRANT EXECUTE ON routing.reject_candidates TO routing_erp_reader;
GRANT EXECUTE ON routing.undo_marks TO routing_erp_reader;
GO
