"""Errors that a database raises, faked at the DBAPI layer: each is classified, says what to do, and shows no secret."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from routing_etl.database.errors import POSTGRESQL, SQL_SERVER, classify, translated, without_secrets
from routing_etl.errors import DiskFullError, SourceError, TransientDatabaseError, WarehouseError

pytestmark = pytest.mark.unit

SECRET = "s3cret!Sentinel"
URL = sa.engine.URL.create("mssql+pyodbc", "etl", SECRET, "erp-db", 1433, "PLANT")
PG = "postgresql+psycopg://etl:s3cret@erp-db/plant"


class FakeDbapiError(Exception):
    """What pyodbc raises: SQLSTATE and a message with the server's numbers in brackets."""


def pyodbc_error(text: str, state: str = "42000") -> sa.exc.DBAPIError:
    original = FakeDbapiError(
        state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{text}"
    )
    return sa.exc.DBAPIError("SELECT 1", None, original)


CASES = [
    ("Login failed for user 'etl'. (18456) (SQLDriverConnect)", WarehouseError, "refused the login"),
    ("Login failed ... password of the account has expired. (18487)", WarehouseError, "has expired"),
    ("Login failed ... password must be changed. (18488)", WarehouseError, "must be changed"),
    ("The SELECT permission was denied on the object 'V'. (229)", WarehouseError, "grant is missing"),
    ("The SELECT permission was denied on the column 'C'. (230)", WarehouseError, "grant is missing"),
    ("Database 'PLANT' is already open and can only have one user. (924)", WarehouseError, "single-user"),
    ("Failed to update database because it is read-only. (3906)", WarehouseError, "can only be read"),
    ("Database 'PLANT' cannot be opened because it is offline. (942)", WarehouseError, "offline"),
    (
        "Login failed for user 'etl'. (18456); Cannot open database \"PLANT\" requested by the login. (4060)",
        WarehouseError,
        "cannot be opened by this login",
    ),
    ("Invalid object name 'BI_ROUTING_VIEW'. (208)", WarehouseError, "no such table or view"),
    ("Invalid column name 'JOB_CD'. (207)", WarehouseError, "no such column"),
    ("The transaction log for database 'PLANT' is full. (9002)", DiskFullError, "transaction log is full"),
    ("Could not allocate space for object 'candidate'. (1105)", DiskFullError, "files are full"),
    ("chosen as the deadlock victim. Rerun the transaction. (1205)", TransientDatabaseError, "deadlock"),
    ("Lock request time out period exceeded. (1222)", TransientDatabaseError, "did not free a lock"),
    ("SHUTDOWN is in progress. (6005)", TransientDatabaseError, "shut down or restarted"),
    ("TCP Provider: Error code 0x2746 (10054) (SQLExecDirectW)", TransientDatabaseError, "was cut"),
    ("String or binary data would be truncated in table 't'. (2628)", WarehouseError, "longer than"),
    ("String or binary data would be truncated. (8152)", WarehouseError, "longer than"),
    ("Violation of PRIMARY KEY constraint 'pk_candidate'. (2627)", WarehouseError, "key is there already"),
    ("Cannot insert duplicate key row in object 't'. (2601)", WarehouseError, "key is there already"),
    ('conflicted with the CHECK constraint "ck_x". (547)', WarehouseError, "CHECK or a foreign key"),
    ("Snapshot isolation transaction failed accessing database. (3952)", WarehouseError, "SNAPSHOT"),
]


@pytest.mark.parametrize(("text", "kind", "words"), CASES)
def test_sql_server_errors_are_known_by_their_number(text, kind, words):
    error = classify(pyodbc_error(text), "warehouse", URL)
    assert type(error) is kind
    assert error.transient is (kind is TransientDatabaseError)
    assert words in error.message
    assert "erp-db" in error.message
    assert error.remedy and "{" not in str(error)
    assert SECRET not in str(error)


def test_a_key_value_in_brackets_is_not_an_error_number():
    text = "Cannot insert duplicate key in object 't'. The duplicate key value is (1205). (2627) (SQLExecDirectW); [01000] The statement has been terminated. (3621)"
    error = classify(pyodbc_error(text, "23000"), "warehouse", URL)
    assert not error.transient and "key is there already" in error.message


def test_the_erps_errors_are_source_errors():
    error = classify(pyodbc_error("Invalid object name 'BI_ROUTING_VIEW'. (208)"), "erp", URL)
    assert type(error) is SourceError
    assert "BI_ROUTING_VIEW" in error.message and "routing-etl doctor" in error.remedy


def test_errors_of_the_other_drivers_carry_their_number_elsewhere():
    arrow = RuntimeError(
        "ODBC emitted an error calling 'SQLExecute':\nState: 40001, Native error: 1205, Message: x"
    )
    assert classify(arrow, "warehouse", URL).transient
    certificate = pyodbc_error(
        "SSL Provider: [error:0A000086:certificate verify failed:self-signed] (-1)", "08001"
    )
    error = classify(certificate, "warehouse", URL)
    assert not error.transient and "ROUTING_ETL_TRUST_SERVER_CERTIFICATE" in error.remedy
    timeout = classify(pyodbc_error("Login timeout expired (0) (SQLDriverConnect)", "HYT00"), "erp", URL)
    assert timeout.transient


@pytest.mark.parametrize(
    "state", ["40P01", "57P01", "08006", "28P01", "42501", "42P01", "23505", "25006", "53100"]
)
def test_postgresql_errors_are_known_by_their_state(state):
    original = FakeDbapiError("whatever the server's language says")
    original.sqlstate = state
    error = classify(sa.exc.DBAPIError("x", None, original), "warehouse", PG)
    meaning = POSTGRESQL.get(state) or POSTGRESQL[state[:2]]
    assert error.transient is (meaning.fate == "transient")
    assert isinstance(error, DiskFullError) is (meaning.fate == "full")


def test_numbers_of_sql_server_mean_nothing_elsewhere():
    error = classify(sa.exc.DBAPIError("x", None, FakeDbapiError("weird (1205) text")), "warehouse", PG)
    assert not error.transient


def test_the_first_error_is_reported_when_the_rollback_fails_after_it():
    """A server that ends the transaction at a missing object refuses the rollback that follows."""
    with pytest.raises(SourceError, match="no such table or view") as caught, translated("erp", URL):
        try:
            raise pyodbc_error("Invalid object name 'V'. (208)")
        except sa.exc.DBAPIError:
            raise pyodbc_error(
                "The ROLLBACK TRANSACTION request has no corresponding BEGIN. (3903)"
            ) from None
    assert "3903" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("'NOT NULL' is not supported (33557097) (SQLExecDirectW)", "'NOT NULL' is not supported (33557097)."),
        ("Cannot continue. (596) (SQLFetch); [08S01] [Microsoft][ODBC Driver 18 for SQL Server]Cut (26)",
         "Cannot continue. (596); Cut (26)."),
    ],
)  # fmt: skip
def test_what_the_server_said_is_shown_without_what_the_drivers_put_around_it(said, shown):
    message = classify(pyodbc_error(said), "warehouse", URL).message
    assert message.endswith(f"erp-db:1433/PLANT): {shown}"), message


def test_a_lone_3903_is_still_an_error():
    assert "3903" in str(
        classify(pyodbc_error("no corresponding BEGIN TRANSACTION. (3903)"), "warehouse", URL)
    )


def test_every_meaning_has_a_sentence_and_a_remedy():
    for meaning in (*SQL_SERVER.values(), *POSTGRESQL.values()):
        assert "{name}" in meaning.sentence
        assert meaning.remedy.endswith(".")


@pytest.mark.parametrize(
    "text",
    [f"Server=x;UID=a;PWD={SECRET};Encrypt=yes", f"password={{{SECRET}}} x", f"DSN with {SECRET} in it"],
)
def test_secrets_are_taken_out(text):
    shown = without_secrets(text, URL)
    assert SECRET not in shown and "***" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("odbc_connect=DRIVER%3DX%3BPWD%3Ds3cret%3BEncrypt%3Dyes", "odbc_connect=DRIVER%3DX%3BPWD%3D***%3BEncrypt%3Dyes"),
        ("odbc_connect=UID%3Da%3Bpwd+%3D%7Bs3%3Bcret%7D&x=1", "odbc_connect=UID%3Da%3Bpwd%3D***&x=1"),
        ("Password%3Ds3cret is wrong", "Password%3D*** is wrong"),
        ("a CWPWD%3Dshown", "a CWPWD%3Dshown"),
    ],
)  # fmt: skip
def test_secrets_of_a_connection_text_in_a_url_are_taken_out(text, shown):
    assert without_secrets(text, "mssql+pyodbc:///") == shown


@pytest.mark.parametrize(
    "text",
    [
        "[01000] [unixODBC][Driver Manager]Can't open lib 'Microsoft Access Driver (*.mdb, *.accdb)' : file not found",
        "[IM002] [Microsoft][ODBC Driver Manager] Data source name not found and no default driver specified (0)",
    ],
)
def test_a_missing_odbc_driver_is_one_sentence(text):
    error = sa.exc.DBAPIError("SELECT 1", None, FakeDbapiError(text[1:6], text))
    found = classify(error, "erp", "access+pyodbc:///?odbc_connect=DRIVER=x;PWD=s3cret")
    assert isinstance(found, SourceError)
    assert "ODBC driver" in str(found) and "ROUTING_ETL_ERP_URL" in str(found) and "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file is not a database", "is not a SQLite database"),
        ("database disk image is malformed", "is not a SQLite database"),
        ("failed to resolve host 'nowhere': [Errno -2] Name or service not known", "is not known here"),
        ('connection failed: FATAL:  database "erp" does not exist', "does not exist"),
    ],
)
def test_errors_that_running_again_cannot_help_say_what_to_check(text: str, says: str) -> None:
    error = classify(sa.exc.DBAPIError("SELECT 1", None, FakeDbapiError(text)), "erp", PG)
    assert isinstance(error, SourceError)
    assert not error.transient
    assert says in error.message
    assert "ROUTING_ETL_ERP_URL" in str(error)
