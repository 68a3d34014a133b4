"""Hostile ERP databases: each night publishes with every row accounted for, or ends in one sentence.

Here a dozen cases; 500 by seed: `nox -s benchmarks -- hostile`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hostile_erp import FAULTS, faults_of, make_template, run_case, trains, write_case

pytestmark = [pytest.mark.integration, pytest.mark.slow]
#: A dozen cases, single faults and pairs.
SEEDS = (5, 12, 21, 26, 31, 38, 45, 53, 57, 61, 74, 83)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "home")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_erp_is_published_whole_or_refused_in_a_sentence(
    seed: int, template: Path, tmp_path: Path
) -> None:
    outcome = run_case(seed, template, tmp_path / "home")
    assert outcome.good, outcome


def test_a_case_is_the_same_again_and_every_fault_has_its_turn(template: Path, tmp_path: Path) -> None:
    assert {fault for seed in range(500) for fault in faults_of(seed) if seed % 2 == 0} == set(FAULTS)
    assert sum(trains(seed) for seed in range(500)) == 100 and any(trains(seed) for seed in SEEDS)
    dumps = []
    for name in ("a.db", "b.db"):
        write_case(61, template / "erp.db", tmp_path / name)
        with closing(sqlite3.connect(tmp_path / name)) as erp:
            dumps.append(list(erp.iterdump()))
    assert dumps[0] == dumps[1]
