"""Settings: a misspelt name is an error, each has a place in the documents, and none that is secret is shown."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from routing_etl.cli.app import main
from routing_etl.doctor.settings_table import settings_markdown, settings_rows
from routing_etl.errors import ConfigurationError
from routing_etl.settings import NOT_SETTINGS, Settings, load_settings

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]
Give = Callable[[str, str], str]


@pytest.fixture(params=["environment", ".env"])
def give(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Give:
    """Set a variable in the environment or in `.env` of the home; returns the name of that place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".routing_etl").mkdir()

    def set_(name: str, value: str) -> str:
        if request.param == "environment":
            monkeypatch.setenv(name, value)
        else:
            with (tmp_path / ".routing_etl" / ".env").open("a", encoding="utf-8") as file:
                file.write(f"{name}={value}\n")
        return "environment" if request.param == "environment" else str(tmp_path / ".routing_etl" / ".env")

    return set_


def test_a_misspelt_setting_is_an_error_with_the_nearest_name(give: Give) -> None:
    where = give("ROUTING_ETL_WAREHOUSE_SEVER", "sql01")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.message == (
        f"Unknown setting: ROUTING_ETL_WAREHOUSE_SEVER ({where}), did you mean ROUTING_ETL_WAREHOUSE_SERVER?"
    )
    assert "routing-etl settings --markdown" in caught.value.remedy


def test_all_unknown_settings_are_named_and_none_of_their_values(give: Give) -> None:
    give("ROUTING_ETL_ERP_PASWORD", "geheim")
    give("routing_etl_colour_of_the_sky", "geheim")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "ROUTING_ETL_ERP_PASSWORD?" in caught.value.message
    assert "ROUTING_ETL_COLOUR_OF_THE_SKY" in caught.value.message
    assert caught.value.message.count("did you mean") == 1 and "geheim" not in str(caught.value)


def test_what_is_ours_and_no_setting_and_what_is_not_ours_is_allowed(give: Give) -> None:
    given = [
        name for name in NOT_SETTINGS if name != "ROUTING_ETL_ENV_FILE"
    ]  # names a file that must be there
    for name in (*given, "MY_ROUTING_ETL_HOME", "ROUTINGETL"):
        give(name, "x")
    give("routing_etl_keep_runs", "7")
    assert load_settings().keep_runs == 7, "case does not matter, as before"


@pytest.mark.parametrize("side", ["ERP", "WAREHOUSE"])
@pytest.mark.parametrize("part", ["DATABASE", "USER", "PASSWORD", "PASSWORD_FILE", "PORT"])
def test_a_part_of_a_connection_without_its_server_is_an_error(give: Give, side: str, part: str) -> None:
    name = f"ROUTING_ETL_{side}_{part}"
    give(name, "1433")
    with pytest.raises(ConfigurationError, match=f"{name} set without ROUTING_ETL_{side}_SERVER\\."):
        load_settings()
    give(f"ROUTING_ETL_{side}_URL", "sqlite:///x.db")
    with pytest.raises(ConfigurationError, match=f"ROUTING_ETL_{side}_URL does not use it"):
        load_settings()


def test_an_empty_part_is_none(give: Give) -> None:
    """A compose file passes variables on whether they are set or not."""
    for part in ("SERVER", "DATABASE", "USER", "PASSWORD"):
        give(f"ROUTING_ETL_ERP_{part}", "")
    assert load_settings().erp.startswith("sqlite:///")


def test_a_file_from_the_editor_of_windows_is_read_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".routing_etl").mkdir()
    (tmp_path / ".routing_etl" / ".env").write_bytes(
        "\ufeffROUTING_ETL_KEEP_RUNS=9\r\nROUTING_ETL_WORD_INHOUSE=사내\r\n".encode()
    )
    assert load_settings().keep_runs == 9, "the byte order mark is no part of the first name"
    (tmp_path / ".routing_etl" / ".env").write_bytes("ROUTING_ETL_KEEP_RUNS=9\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"\.env is not UTF-8 text .*Save it as UTF-8"):
        load_settings()


def test_the_command_shows_value_source_bounds_and_meaning_and_no_secret(
    give: Give, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = give("ROUTING_ETL_KEEP_RUNS", "8")
    for name in ("ROUTING_ETL_SMTP_URL", "ROUTING_ETL_FAILURE_WEBHOOK"):
        give(name, "https://user:geheim@host/geheim")
    give("ROUTING_ETL_ERP_URL", "mssql+pyodbc://reader:geheim@sql01/ERP?PWD=geheim")
    give("ROUTING_ETL_WAREHOUSE_SERVER", "sql02")
    give("ROUTING_ETL_WAREHOUSE_DATABASE", "W")
    give("ROUTING_ETL_WAREHOUSE_PASSWORD", "geheim")
    with pytest.raises(SystemExit) as end:
        main(["settings"])
    shown = capsys.readouterr().out
    assert not end.value.code and "geheim" not in shown
    assert f"ROUTING_ETL_KEEP_RUNS = 8 ({where}; default: 3)\n" in shown
    assert "    run folders kept [whole number from 1 to 1,000]\n" in shown
    assert "ROUTING_ETL_TEST_DAYS = 180 (default)" in shown
    assert f"ROUTING_ETL_ERP_URL = mssql+pyodbc://reader:***@sql01/ERP ({where})" in shown
    assert f"ROUTING_ETL_SMTP_URL = set, not shown ({where})" in shown
    assert shown.count("\nROUTING_ETL_") + 1 == len(Settings.model_fields)


def test_the_list_of_settings_that_an_error_sends_people_to_needs_no_right_settings(
    give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    give("ROUTING_ETL_WAREHOUSE_SEVER", "sql01")
    codes = []
    for words in (["settings"], ["settings", "--markdown"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        codes.append(end.value.code or 0)
    printed = capsys.readouterr()
    assert codes == [2, 0]
    assert "| `ROUTING_ETL_WAREHOUSE_SERVER` |" in printed.out and len(printed.err.splitlines()) == 1


def test_the_environment_wins_over_the_file_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".routing_etl").mkdir()
    (tmp_path / ".routing_etl" / ".env").write_text(
        "ROUTING_ETL_KEEP_RUNS=8\nROUTING_ETL_SHARDS=2\n", encoding="utf-8"
    )
    monkeypatch.setenv("ROUTING_ETL_KEEP_RUNS", "5")
    found = {row.variable: (row.value, row.source) for row in settings_rows(load_settings())}
    assert found["ROUTING_ETL_KEEP_RUNS"] == ("5", "environment")
    assert found["ROUTING_ETL_SHARDS"] == ("2", str(tmp_path / ".routing_etl" / ".env"))


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_page_of_settings_is_the_generated_one() -> None:
    """After a change: `routing-etl settings --markdown > docs/settings.md`."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_markdown() + "\n"
    assert page.count("\n| `ROUTING_ETL_") == len(Settings.model_fields)


def environment_reads(source: str) -> list[str]:
    """Expressions of a module that read the environment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "os.environ",
            "os.environb",
            "os.getenv",
        ):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "dotenv"):
            found += [
                a.name for a in node.names if a.name in ("environ", "environb", "getenv", "dotenv_values")
            ]
    return found


def test_only_settings_reads_the_environment() -> None:
    assert environment_reads("import os\nfrom os import getenv\nx = os.environ['A']") == [
        "getenv",
        "os.environ",
    ]
    readers = {}
    for folder in ("routing_etl", "dagster_defs", "migrations"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if found := environment_reads(path.read_text(encoding="utf-8")):
                readers[path.relative_to(ROOT).as_posix()] = found
    # The package sets one variable, for another library, before that is imported.
    assert readers.pop("routing_etl/__init__.py") == ["os.environ"]
    assert list(readers) == ["routing_etl/settings.py"]
