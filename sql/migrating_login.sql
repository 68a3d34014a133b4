-- The login that migrates (routing-etl migrate, or the script of routing-etl migrate --sql): what it needs and nothing
-- beyond schema routing. Run once by a DBA, before our tables are there, in the database that is to hold them. It can be
-- run again. The login of the nightly run (roles_and_grants.sql) needs none of this, and should not have it.
-- All of it takes place or nothing: run it with sqlcmd -b, or as it is in SSMS.

SET XACT_ABORT ON;
SET NOCOUNT ON;
SET LOCK_TIMEOUT 15000;
BEGIN TRANSACTION;

-- 1. The schema, owned by dbo. A login that may CREATE SCHEMA itself does not need this statement.
IF SCHEMA_ID(N'routing') IS NULL EXEC(N'CREATE SCHEMA routing');

-- 2. The role. Outside the schema it can make nothing: CREATE TABLE and the others also need ALTER on the schema.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'routing_etl_migrator') EXEC(N'CREATE ROLE routing_etl_migrator');
-- Rows of the version table schema_version, and rows of ours that a revision moves:
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::routing TO routing_etl_migrator;
GRANT CREATE TABLE TO routing_etl_migrator;
GRANT CREATE VIEW TO routing_etl_migrator;
GRANT ALTER ON SCHEMA::routing TO routing_etl_migrator;
-- Foreign keys between our tables:
GRANT REFERENCES ON SCHEMA::routing TO routing_etl_migrator;
-- Whether a table or view is there:
GRANT VIEW DEFINITION ON SCHEMA::routing TO routing_etl_migrator;

COMMIT TRANSACTION;
GO

-- Members, for as long as the migration takes:
-- ALTER ROLE routing_etl_migrator ADD MEMBER <user>;
-- ALTER ROLE routing_etl_migrator DROP MEMBER <user>;
