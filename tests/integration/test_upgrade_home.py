"""An installation that version 0.7.0 left behind, taken over as docs/upgrade.md says.

`tests/stored/home_0.7.0.tar.xz` was made by 0.7.0 itself and never changed: the folder of a plant of 200 items with its `.env`,
profile, ERP, warehouse (revision 0004, two publications, one adopted candidate), models, run folder and log. The tables of the
simulation's truth were removed, as a plant has none.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
from homes import NO_REHEARSAL, ask

from routing_etl.cli import app
from routing_etl.warehouse.migrate import head_revision

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STORED = Path(__file__).parents[1] / "stored" / "home_0.7.0.tar.xz"
#: What 0.7.0 had published last.
SECOND = "SELECT item_cd, candidate_id, confidence FROM routing_candidates ORDER BY item_cd, candidate_id"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    for name, value in NO_REHEARSAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as end:
            app.main(list(words))
        printed = capsys.readouterr()
        return Said(int(end.value.code or 0), printed.out, printed.err)

    return run


def test_a_home_of_0_7_0_is_taken_over_runs_a_night_publishes_and_goes_back(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(STORED) as stored:
        stored.extractall(tmp_path, filter="data")
    (plant,) = tmp_path.iterdir()
    home, warehouse = plant / "home", plant / "home" / "warehouse.db"
    before = ask(warehouse, SECOND)
    assert len(before) == 272
    with chdir(plant):
        # 0.7.0 read `.env` from the folder that it was started in.
        moved = call("status")
        assert moved.code == 2 and "it was not read" in moved.err and "ROUTING_ETL_ENV_FILE=" in moved.err
        monkeypatch.setenv("ROUTING_ETL_ENV_FILE", str(plant / ".env"))

        examined = call("doctor", "--json")
        assert examined.code != 0 and "'0004'" in examined.out and "routing-etl migrate" in examined.out
        refused = call("run")
        assert (
            refused.code != 0 and "at revision '0004'" in refused.err and "routing-etl migrate" in refused.err
        )

        assert call("migrate").code == 0
        assert ask(warehouse, "SELECT version_num FROM schema_version") == [(head_revision(),)]
        assert ask(warehouse, SECOND) == before
        assert ask(warehouse, "SELECT item_cd, candidate_id, accepted_by FROM routing_feedback") == [
            ("00-0154944", "00-0154944_C01", "engineer")
        ]

        # Its model is a file of another version's classes: it is named and not opened, and a training is the way out. So are the
        # frames of its last run.
        named = call("doctor", "--json")
        assert "trained under routing_etl 0.7.0" in named.out and "routing-etl train" in named.out
        standing = call("status")
        assert standing.code == 5 and "trained under routing_etl 0.7.0" in standing.out, standing.out
        lacking = call("predict", "00-0154944")
        assert (
            lacking.code == 3 and "lacks column oper_no" in lacking.err and "routing-etl run" in lacking.err
        )
        night = call("run", "--retrain")
        assert night.code == 0, night.err
        assert "Publication 3 is what the ERP reads now" in night.out
        assert ask(warehouse, SECOND) != before

        assert call("publications", "rollback").code == 0
        assert ask(warehouse, SECOND) == before
        assert (home / "sheets" / "index.html").is_file()
        assert call("predict", "00-0154944").code == 0
