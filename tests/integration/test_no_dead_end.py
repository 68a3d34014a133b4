"""No dead end: what an error advises is done, word for word, until the command that failed does its work."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import NO_REHEARSAL
from remedies import WALKED
from walks import Case, House

from routing_etl.cli import app

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("learned_once")]


@pytest.fixture
def house(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[House]:
    """A copy of a home after a night where the case needs one, else an empty one; the working folder is another one."""
    case: Case = request.getfixturevalue("case")
    home = request.getfixturevalue("home") if case.at_home else tmp_path / "home"
    for folder in (home, tmp_path / "work"):
        folder.mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("ROUTING_ETL_HOME", str(home))
    for name, value in NO_REHEARSAL.items():
        monkeypatch.setenv(name, value)

    def call(command: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            app.main(shlex.split(command))
        return int(end.value.code or 0), capsys.readouterr().err.strip()

    made = House(home, monkeypatch, call)
    with made.held:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", WALKED, ids=[c.sentence for c in WALKED])
def test_what_an_error_advises_leads_out(case: Case, house: House) -> None:
    command = case.arrange(house)
    house.walk(command, case.do)
    assert house.said and case.says(house.said[0]), house
