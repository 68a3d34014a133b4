"""A `.env` file names the databases, so it is read only from the home and where nobody else can have written it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from routing_etl import settings as settings_module
from routing_etl.cli import app
from routing_etl.cli.common import read_settings
from routing_etl.errors import ConfigurationError
from routing_etl.settings import load_settings

EVIL = "ROUTING_ETL_WAREHOUSE_URL=sqlite:////tmp/evil.db\n"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX tells who may write")


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o755)
    monkeypatch.chdir(folder)
    home = folder / ".routing_etl"
    home.mkdir(mode=0o755)
    (home / ".env").write_text(EVIL)
    (home / ".env").chmod(0o600)
    return home / ".env"


def test_a_file_of_the_working_folder_is_refused_unless_it_is_named(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one in an unpacked archive, which belongs to whoever unpacked it."""
    here = Path(".env").absolute()
    for content in (EVIL, f"\n export {EVIL.lower()}", f"A=1\r\n{EVIL}"):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            here.write_bytes(content.encode(encoding).removeprefix(b"\xef\xbb\xbf"))
            with pytest.raises(
                ConfigurationError, match=f"{here} holds settings of ours, but lies outside"
            ) as caught:
                load_settings()
            assert str(env) in caught.value.remedy
    here.write_text(f"{EVIL}ROUTING_ETL_SHARDS=3\n")
    here.chmod(0o600)
    monkeypatch.setenv("ROUTING_ETL_ENV_FILE", ".env")
    named = load_settings()
    assert (named.read_from, named.shards) == (here, 3)
    monkeypatch.setenv("ROUTING_ETL_ENV_FILE", "no/such")
    with pytest.raises(ConfigurationError, match="'no/such': there is no such file"):
        load_settings()


def test_a_working_folder_that_is_the_home_or_holds_a_file_of_others_is_fine(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("DJANGO_SECRET=x # not ROUTING_ETL_HOME\n")
    assert load_settings().read_from == env
    monkeypatch.chdir(env.parent)
    monkeypatch.setenv("ROUTING_ETL_HOME", ".")
    assert load_settings().read_from == env


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o644])
def test_a_file_of_ones_own_is_read_and_named(env: Path, mode: int) -> None:
    env.chmod(mode)
    settings = load_settings()
    assert settings.warehouse == "sqlite:////tmp/evil.db"
    assert settings.read_from == env


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_may_write_is_refused(env: Path, mode: int) -> None:
    env.chmod(mode)
    with pytest.raises(
        ConfigurationError, match=rf"{env} may be written by others \(mode {mode:o}\), so it was not read"
    ) as caught:
        load_settings()
    assert f"chmod go-w {env}" in caught.value.remedy
    assert load_settings(_env_file=None).read_from is None


def test_a_file_in_a_folder_of_everybody_is_refused(env: Path) -> None:
    env.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="lies in a folder that everybody may write to"):
        load_settings()
    env.parent.chmod(0o1777)  # as /tmp: there nobody can replace the file of another user
    assert load_settings().read_from == env


def test_a_file_of_another_user_is_refused(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when somebody lays one into /tmp, where everybody may lay files."""
    owner = env.stat().st_uid
    real = Path.stat

    def stat(path: Path, **more: bool) -> os.stat_result:
        found = real(path, **more)
        return os.stat_result((*found[:4], 12345, *found[5:])) if path == env else found

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(ConfigurationError, match="belongs to user 12345"):
        load_settings()
    monkeypatch.undo()
    assert env.stat().st_uid == owner


def test_without_a_file_nothing_is_named(env: Path) -> None:
    env.unlink()
    assert load_settings().read_from is None


def test_the_log_begins_with_the_file_that_was_read(env: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    env.write_text(f"ROUTING_ETL_HOME={home}\n")
    read_settings()
    [line] = (home / "logs" / "routing_etl.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["event"] == "settings_read" and json.loads(line)["env_file"] == str(env)


def test_the_command_line_says_it_in_one_sentence(env: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env.chmod(0o666)
    with pytest.raises(SystemExit) as ended:
        app.main(["publications", "list"])
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: The settings file") and "chmod go-w" in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("A=1\nROUTING_ETL_ERP_URL='mssql+pyodbc://u:s3cret@h/db\n", "line 2 is no NAME=value"),
        ('ROUTING_ETL_SHARDS="3\nROUTING_ETL_THREADS=2\n', "line 1 is no NAME=value"),
        ("\0" * 300, "holds NUL characters"),
        ("ROUTING_ETL_SHARDS=3\n\0\0\0", "holds NUL characters"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_left_out(env: Path, content: str, said: str) -> None:
    """A quotation mark that is not closed, or what a power cut leaves: the setting would be the default without a word."""
    env.write_text(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_settings()
    assert str(env) in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_number_of_thousands_of_digits_is_one_sentence(env: Path) -> None:
    file = env.parent / "routing_etl.toml"
    file.write_text(f"shards = {'9' * 5000}")
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"routing_etl\.toml is not TOML \(Exceeds the limit"):
        load_settings()


def test_a_working_folder_that_was_removed_is_named_unless_the_home_lies_elsewhere(
    env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a scheduler's that was cleaned, or a shell's in a folder that another has unpacked anew."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit) as ended:
        app.main(["status"])
    [line] = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith(
        "Error: The working folder of this process was removed, and the home .routing_etl lies in it."
    )
    assert "ROUTING_ETL_HOME" in line
    env.unlink()
    monkeypatch.setenv("ROUTING_ETL_HOME", str(env.parent))
    assert load_settings().home == env.parent


@pytest.mark.parametrize("name", [".env", "routing_etl.toml"])
def test_a_file_that_is_exchanged_while_it_is_read_does_not_count(
    env: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whoever may write to the folder puts his file there after the check, and ours back after it was read."""
    file, aside = env.with_name(name), env.with_name("aside")
    env.write_text("")
    file.write_text("" if name == ".env" else "shards = 1\n")
    file.chmod(0o600)
    evil = env.with_name("evil")
    evil.write_text(EVIL if name == ".env" else "shards = 3\n")
    before = settings_module.read_configuration
    unknown = settings_module._refuse_unknown

    def exchanged(change: Any) -> Any:
        def read(*given: Any) -> Any:
            file.rename(aside)
            evil.rename(file)
            try:
                return change(*given)
            finally:
                file.rename(evil)
                aside.rename(file)

        return read

    if name == ".env":
        monkeypatch.setattr(settings_module, "_refuse_unknown", exchanged(unknown))
    else:
        monkeypatch.setattr(settings_module, "read_configuration", exchanged(before))
    with pytest.raises(ConfigurationError, match="was changed while it was read"):
        load_settings()
