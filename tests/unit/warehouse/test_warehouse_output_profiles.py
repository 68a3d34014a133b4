"""Output column profiles: the shipped one is the contract's 52 columns; changes need no code; mistakes are named."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import sqlalchemy as sa
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner
from warehouse_predictions import known_rows, warehouse, write_rows
from warehouse_scripts import made_once

from routing_etl.cli.app import app
from routing_etl.errors import ConfigurationError
from routing_etl.warehouse.output_profiles import load_output_profile, render, shipped_profile
from routing_etl.warehouse.schema import FLAT_COLUMNS
from routing_etl.warehouse.views import known_columns

READ = {"mssql": "tsql", "sqlite": "sqlite", "postgresql": "postgres"}
GOOD = """
active = "mine"
[profile.mine]
view = "my_view"
keys = ["ITEM_CD"]
columns = ["PLANT", "ITEM_CD", "JOB_CD"]
exclusive = [["RUN_TIME", "MACH_WORKED_HOURS"]]
[profile.mine.aliases]
JOB_CD = "작업"
[profile.mine.constants]
PLANT = "50% d'accord"
"""


def test_the_shipped_profile_is_the_contract():
    profile = load_output_profile()
    assert tuple(shown for _, shown in profile.columns) == FLAT_COLUMNS[:52]
    assert profile.view == "routing_flat_52" and profile.constants == {}


def test_every_profile_of_the_shipped_file_is_right(tmp_path):
    text = shipped_profile().read_text(encoding="utf-8")
    names = re.findall(r"^\[profile\.(\w+)\]$", text, re.M)
    assert names == ["flat_52", "short"]
    for name in names:
        (tmp_path / "p.toml").write_text(text.replace('"flat_52"', f'"{name}"', 1), encoding="utf-8")
        assert load_output_profile(tmp_path / "p.toml").view == f"routing_{name}"


@pytest.mark.parametrize("dialect", READ)
def test_the_rendered_view_parses_and_has_the_columns(dialect, tmp_path):
    (tmp_path / "p.toml").write_text(GOOD, encoding="utf-8")
    for profile in (load_output_profile(), load_output_profile(tmp_path / "p.toml")):
        text = render(profile, dialect)
        create = rendered_view(text, dialect)
        (tree,) = (s for s in sqlglot.parse(create, read=READ[dialect]) if s is not None)
        assert tree.find(sqlglot.exp.Select).named_selects == [shown for _, shown in profile.columns]
        assert "OR ALTER" not in text


def rendered_view(text, dialect):
    """The CREATE VIEW inside of what makes the view again."""
    if dialect == "sqlite":
        return text[text.index("CREATE VIEW") :].removesuffix("COMMIT;").rstrip().removesuffix(";")
    statement = text.removesuffix("GO").strip().removesuffix(";")
    statement = statement[statement.index("DO $") :] if dialect == "postgresql" else statement
    found = made_once(statement)
    assert found != statement
    return found.replace("REPLACE VIEW", "CREATE VIEW", 1)


@pytest.mark.parametrize("dialect", READ)
def test_a_constant_cannot_end_the_text_around_it(dialect, tmp_path):
    hostile = "$select$ $again$ ') {name} {select} ';"
    text = GOOD.replace("50% d'accord", hostile)
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    create = rendered_view(render(load_output_profile(tmp_path / "p.toml"), dialect), dialect)
    (tree,) = (s for s in sqlglot.parse(create, read=READ[dialect]) if s is not None)
    constant = next(e for e in tree.find(sqlglot.exp.Select).expressions if e.alias == "PLANT")
    texts = constant.find_all(sqlglot.exp.Literal, sqlglot.exp.National)
    assert hostile in [text.this for text in texts]


def test_a_changed_profile_works_in_a_database_without_code(tmp_path):
    (tmp_path / "p.toml").write_text(GOOD, encoding="utf-8")
    publisher, _ = warehouse(tmp_path / "w.db")
    loaded = publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m")
    publisher.publish(loaded.publication_id)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    ddl = render(load_output_profile(tmp_path / "p.toml"), "sqlite").replace(".bail on", "")
    for _ in range(2):  # twice: an existing view is replaced
        with engine.connect() as connection:
            connection.connection.driver_connection.executescript(ddl)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM my_view").mappings().first()
    assert dict(found) == {"PLANT": "50% d'accord", "ITEM_CD": "3H18091DB", "작업": "A01-2"}


def test_a_script_for_sqlite_that_fails_in_the_middle_leaves_the_view_as_it_was(tmp_path):
    """By SQLite's own program, which would go on after an error: the second half is wrong, or never comes."""
    client = shutil.which("sqlite3") or pytest.skip("the program sqlite3 is not installed")
    (tmp_path / "p.toml").write_text(GOOD, encoding="utf-8")
    warehouse(tmp_path / "w.db")
    script = render(load_output_profile(tmp_path / "p.toml"), "sqlite")

    def sqlite3(text):
        done = subprocess.run(
            [client, str(tmp_path / "w.db")], input=text, capture_output=True, encoding="utf-8", check=False
        )
        return done.returncode, done.stdout, done.stderr

    shown = "SELECT sql FROM sqlite_master WHERE name = 'my_view';"
    assert (
        sqlite3(f"CREATE VIEW my_view AS SELECT 1 AS mine;\n{shown}")[1]
        == "CREATE VIEW my_view AS SELECT 1 AS mine\n"
    )
    code, _, said = sqlite3(script.replace("\nFROM ", "\nFORM "))
    assert code == 1 and "syntax error" in said
    assert sqlite3(shown)[1] == "CREATE VIEW my_view AS SELECT 1 AS mine\n"
    sqlite3(script[: script.index("CREATE VIEW")])
    assert sqlite3(shown)[1] == "CREATE VIEW my_view AS SELECT 1 AS mine\n"
    assert sqlite3(script) == (0, "", "")
    assert "candidate_operation" in sqlite3(shown)[1]


def test_a_text_constant_is_unicode_on_sql_server(tmp_path):
    (tmp_path / "p.toml").write_text(GOOD.replace("50%", "예측"), encoding="utf-8")
    text = render(load_output_profile(tmp_path / "p.toml"), "mssql")
    assert "N'예측 d''accord'" in rendered_view(text, "mssql")


MISTAKES = [
    ('active = "mine"', 'active = "other"', r"active = 'other' is no profile\. Use one of mine"),
    (
        '"JOB_CD"]',
        '"JOB_CX"]',
        r"profile\.mine\.columns = 'JOB_CX' is not a known column\. Use one of ITEM_CD",
    ),
    ('"JOB_CD"]', '"ITEM_CD"]', r"columns = 'ITEM_CD' stands there twice"),
    ("JOB_CD = ", "RES_CD = ", r"aliases = 'RES_CD' is not in columns"),
    ('"작업"', '"item_cd"', r"aliases = 'ITEM_CD' names two columns"),
    ('"작업"', '"x]; DROP"', r"aliases\.JOB_CD = 'x\]; DROP' is not a usable name"),
    ('keys = ["ITEM_CD"]', 'keys = ["RES_CD"]', r"keys = 'RES_CD' is not in columns"),
    ('"JOB_CD"]', '"JOB_CD", "RUN_TIME", "MACH_WORKED_HOURS"]', r"exclusive = .*are both in columns"),
    ('[["RUN_TIME", ', '[["RUN_TIMES", ', r"exclusive = 'RUN_TIMES' is not a known column"),
    ('"my_view"', '"candidate"', r"view = 'candidate' is a table or view of ours"),
    # As SQL Server's usual collations compare names, too: case and width do not count.
    ('"my_view"', '"ｃandidate"', r"view = 'ｃandidate' is a table or view of ours"),
    ('"my_view"', '"routing_candidateſ"', r"view = 'routing_candidateſ' is a table or view of ours"),
    ('"my_view"', '"Schema_Version"', r"view = 'Schema_Version' is a table or view of ours"),
    ('"작업"', '"ｉtem_cd"', r"aliases = 'ITEM_CD' names two columns"),
    ('"my_view"', '"my view"', r"view = 'my view' is not a usable name"),
    ("PLANT = ", "ITEM_CD = ", r"constants = 'ITEM_CD' is not a name of its own"),
    ('"50% d\'accord"', "true", r"constants\.PLANT = True is no text"),
    ('"50% d\'accord"', "inf", r"constants\.PLANT = inf is no finite number"),
    *(
        (
            '"50% d\'accord"',
            text,
            rf"constants\.PLANT = .* holds {held}, which tools that run the DDL take for a command",
        )
        for text, held in (
            (r'"a\nGO\nDROP TABLE x\nGO"', r"'\\n'"),
            (r'"a\r:r evil.sql"', r"'\\r'"),
            ('"x\' -- y"', "'--'"),
            ('"/* y"', r"'/\*'"),
            ('"$(PASSWORD)"', r"'\$\('"),
            (r'"\u2028GO"', r"'\\u2028'"),
            (r'"\u0000"', r"'\\x00'"),
        )
    ),
    ('["PLANT", ', "[", r"constants = 'PLANT' is not in columns"),
    ("exclusive", "exklusive", r"exklusive = .* is not known\. Known keys: aliases, columns"),
    ('"mine"', "mine", r"cannot be read"),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[m[2][:30] for m in MISTAKES])
def test_a_mistake_names_file_key_value_and_remedy(old, new, message, tmp_path):
    path = tmp_path / "mine.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_output_profile(path)
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 10_000, "x = " + "{a=" * 10_000, ".".join("x" * 10_000) + " = 1"]
)
def test_a_file_nested_ten_thousand_deep_is_one_sentence(text, tmp_path):
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"p\.toml") as caught:
        load_output_profile(tmp_path / "p.toml")
    assert len(str(caught.value)) < 500


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.toml cannot be read.*is an example"):
        load_output_profile(tmp_path / "none.toml")


@given(st.lists(st.sampled_from(sorted(known_columns())), min_size=1, max_size=12, unique=True))
def test_any_choice_of_known_columns_comes_out_in_its_order(tmp_path_factory, columns):
    path = tmp_path_factory.mktemp("p") / "p.toml"
    listed = ", ".join(f'"{c}"' for c in columns)
    path.write_text(
        f'active = "a"\n[profile.a]\nview = "v"\nkeys = ["{columns[0]}"]\ncolumns = [{listed}]\n',
        encoding="utf-8",
    )
    text = render(load_output_profile(path), "mssql")
    assert re.findall(r"AS \[?(\w+)\]?,?$", text[: text.index("\nFROM ")], re.M) == columns


def test_the_command_prints_or_writes_the_view(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["sql", "render", "--dialect", "sqlite"])
    assert shown.exit_code == 0 and "CREATE VIEW routing_flat_52" in shown.output
    done = CliRunner().invoke(app, ["sql", "render", "--out", "views"])
    assert done.exit_code == 0
    written = (tmp_path / "views" / "routing_flat_52.mssql.sql").read_text(encoding="utf-8")
    assert written == render(load_output_profile()) + "\n"
