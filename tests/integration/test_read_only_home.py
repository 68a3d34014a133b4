"""A home that the service's user may not write: one sentence before any work, and no trace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
#: What root runs a command with, so that the modes of files hold for root too.
_BOUND = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
]


def as_bound_by_modes(words: list[str]) -> list[str]:
    """The command as somebody for whom the modes of files hold."""
    if os.name != "posix":
        pytest.skip("modes of files are POSIX's")
    if os.geteuid() != 0:
        return words
    if shutil.which("setpriv") is None:
        pytest.skip("root is bound by no mode, and there is no setpriv (util-linux)")
    return [*_BOUND, *words]


def called(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A Python program on a home, by somebody for whom its modes hold."""
    environment = {**os.environ, "ROUTING_ETL_HOME": str(home), "COLUMNS": "200", **variables}
    return subprocess.run(
        as_bound_by_modes([sys.executable, *words]), env=environment, cwd=home.parent, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    ["run", "status", "train", "predict 3H18091DB", "demo --items 200 --home home", "ui --port 3999"],
)
def test_a_home_that_may_not_be_written_is_one_sentence(tmp_path: Path, command: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o555)
    done = called(home, "-m", "routing_etl", *command.split())
    home.chmod(0o755)
    assert done.returncode == 7, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and "Permission denied" in lines[0], done.stderr
    assert "home/logs" in lines[0] and "this user may write there" in lines[0]
    assert "ROUTING_ETL_HOME" in lines[0]
    assert not list(home.iterdir())
