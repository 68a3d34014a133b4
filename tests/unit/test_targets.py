"""`routing_etl.toml`: settings for all targets and for each; what wins, where it comes from, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from routing_etl.cli import app
from routing_etl.doctor.settings_table import settings_rows
from routing_etl.errors import ConfigurationError
from routing_etl.settings import load_settings

pytestmark = pytest.mark.unit
TWO = """
default_target = "dev"
keep_runs = 5
neighbours = 30
cutoff = 2026-01-31

[target.dev]
keep_runs = 2

[target.prod]
home = "plant"
erp_server = "erp-db"
erp_database = "ERP"
erp_password_file = "/run/secrets/erp"
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write `routing_etl.toml` of the default home; returns the home."""
    monkeypatch.chdir(tmp_path)
    home = Path(".routing_etl")
    home.mkdir(mode=0o755)

    def to(text: str) -> Path:
        (home / "routing_etl.toml").write_text(text, encoding="utf-8")
        (home / "routing_etl.toml").chmod(0o644)
        return home

    return to


def test_a_target_wins_over_what_is_for_all_and_works_in_a_folder_of_its_own(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write(TWO)
    dev = load_settings()
    assert (dev.target, dev.keep_runs, dev.neighbours, dev.cutoff) == ("dev", 2, 30, "2026-01-31")
    assert dev.home == home.absolute() / "dev"
    assert dev.base_home == home
    monkeypatch.setenv("ROUTING_ETL_TARGET", "prod")
    prod = load_settings()
    assert (prod.target, prod.keep_runs, prod.erp_server) == ("prod", 5, "erp-db")
    assert prod.home.name == "plant" and prod.home.parent.samefile(home)


def test_the_environment_wins_over_env_file_and_both_over_the_target(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write(TWO)
    own = home / "dev"
    own.mkdir(mode=0o755)
    (own / ".env").write_text("ROUTING_ETL_NEIGHBOURS=31\nROUTING_ETL_KEEP_RUNS=3\n")
    (own / ".env").chmod(0o600)
    monkeypatch.setenv("ROUTING_ETL_KEEP_RUNS", "4")
    settings = load_settings(trees=11)
    assert (settings.keep_runs, settings.neighbours, settings.trees) == (4, 31, 11)
    source = {row.variable.removeprefix("ROUTING_ETL_"): row.source for row in settings_rows(settings)}
    file = str((home / "routing_etl.toml").absolute())
    assert source["KEEP_RUNS"] == "environment" and source["NEIGHBOURS"].endswith(".env")
    assert source["CUTOFF"] == source["TARGET"] == file
    assert source["HOME"] == f"{file} [target.dev]"
    assert source["SHARDS"] == "default"


def test_without_a_target_the_home_is_as_it_is_named(write: Write) -> None:
    home = write("keep_runs = 7\n[target.prod]\nkeep_runs = 9\n")
    settings = load_settings()
    assert (settings.home, settings.keep_runs, settings.target) == (home, 7, None)


def test_a_home_that_a_command_names_stays(write: Write, tmp_path: Path) -> None:
    write(TWO)
    assert load_settings(home=tmp_path / "else").home == tmp_path / "else"


@pytest.mark.parametrize(
    ("text", "sentence", "remedy"),
    [
        ("kep_runs = 5", ": kep_runs is no setting, did you mean keep_runs?", "small letters"),
        (
            "[target.dev]\nROUTING_ETL_KEEP_RUNS = 5",
            " [target.dev]: ROUTING_ETL_KEEP_RUNS is no setting, did you mean keep_runs?",
            "without ROUTING_ETL_",
        ),
        ("[target.prod]\nerp_password = 'x'", " [target.prod]: erp_password is a secret.", "erp_password_file"),
        ("erp_url = 'mssql+pyodbc://u:geheim@h/db'", ": erp_url holds a password.", "ROUTING_ETL_ERP_URL"),
        ("smtp_url = 'smtp://u:geheim@h:587'", ": smtp_url holds a password.", "ROUTING_ETL_SMTP_URL"),
        ("home = 'x'", ": home is no setting.", "small letters"),
        ("keep_runs = = 5", " is not TOML (", "quotes"),
        ("target = 'dev'", ": target = 'dev' is no group of tables.", "default_target"),
        ("default_target = 'pord'\n[target.prod]", " has no table [target.pord], did you mean prod?", "prod"),
    ],
)  # fmt: skip
def test_what_would_be_missed_is_one_sentence_with_a_remedy(
    write: Write, text: str, sentence: str, remedy: str
) -> None:
    file = (write(text) / "routing_etl.toml").absolute()
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.message.startswith(f"{file}{sentence}")
    assert remedy in caught.value.remedy
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("text", ["profile = " + "[" * 10_000, "profile = " + "{a=" * 10_000])
def test_a_file_nested_ten_thousand_deep_is_one_sentence(write: Write, text: str) -> None:
    write(text)
    with pytest.raises(ConfigurationError, match=r"routing_etl\.toml is not TOML \(") as caught:
        load_settings()
    assert len(str(caught.value)) < 500


def test_a_wrong_value_names_the_file_and_its_table(write: Write) -> None:
    file = (write("[target.dev]\nkeep_runs = 0") / "routing_etl.toml").absolute()
    with pytest.raises(ConfigurationError) as caught:
        load_settings(target="dev")
    assert f"ROUTING_ETL_KEEP_RUNS ({file} [target.dev]) = 0: " in caught.value.message


def test_a_target_without_a_file_and_one_that_comes_too_late_are_refused(
    write: Write, tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigurationError, match=r"Target 'prod' is asked for, but there is no routing_etl\.toml"
    ):
        load_settings(target="prod")
    env = write("") / ".env"
    env.write_text("ROUTING_ETL_TARGET=prod\n")
    env.chmod(0o600)
    with pytest.raises(ConfigurationError, match="when the target is chosen already") as caught:
        load_settings()
    assert "default_target" in caught.value.remedy


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells who may write")
def test_a_file_that_others_may_write_or_that_lies_elsewhere_is_not_read(write: Write) -> None:
    file = write("keep_runs = 5") / "routing_etl.toml"
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match="may be written by others"):
        load_settings()
    file.rename("routing_etl.toml")
    with pytest.raises(ConfigurationError, match="lies outside the home"):
        load_settings()


def test_the_option_of_the_command_line_chooses_a_target_for_it_and_what_it_starts(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(TWO)
    monkeypatch.setenv("ROUTING_ETL_TARGET", "dev")  # is put back after the test
    with pytest.raises(SystemExit) as end:
        app.main(["--target", "prod", "settings", "--csv"])
    assert not end.value.code
    shown = capsys.readouterr().out
    assert os.environ["ROUTING_ETL_TARGET"] == "prod"
    [row] = [line for line in shown.splitlines() if line.startswith("ROUTING_ETL_ERP_SERVER,")]
    assert "erp-db" in row and "routing_etl.toml [target.prod]" in row
