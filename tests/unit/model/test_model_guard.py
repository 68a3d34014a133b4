"""No candidate without the inspections that all items of its kind have: small plants whose answers are known by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from model_toy import ATTRIBUTES, toy_plant
from scipy import sparse

from routing_etl.frames import ITEMS, OPERATIONS, Predictions
from routing_etl.model.candidates.counts import KnownRoutings
from routing_etl.model.candidates.evidence import Evidence
from routing_etl.model.candidates.guard import InspectionGuard
from routing_etl.model.candidates.maker import CandidateMaker
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.catalogue.routings import RoutingCatalogue, build_catalogue
from routing_etl.model.predictor import RoutingPredictor


def predictor() -> RoutingPredictor:
    return RoutingPredictor(attributes=ATTRIBUTES, n_trees=16, n_jobs=1)


def with_job(found: Predictions, *jobs: str) -> pl.DataFrame:
    """The candidates, and whether each has one of the jobs."""
    has = pl.col("routing_code").str.split(">").list.set_intersection(list(jobs)).list.len() > 0
    return found.candidates.select("item_key", "candidate_rank", has=has)


def of_odd_types(items: pl.DataFrame) -> pl.DataFrame:
    """The toy plant's types T1, T3, ...: all their routings have the inspection Q10, all others have not."""
    return items.filter(pl.col("part_type").str.tail(1).cast(pl.Int32) % 2 == 1)


@pytest.fixture(scope="module")
def plant() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    return toy_plant(700)


@pytest.fixture(scope="module")
def model(plant: tuple[pl.DataFrame, ...]) -> RoutingPredictor:
    return predictor().fit(plant[0], plant[1])


@pytest.mark.slow
def test_no_candidate_lacks_the_inspection_that_its_part_type_always_has(
    plant: tuple[pl.DataFrame, ...], model: RoutingPredictor
) -> None:
    unknown = plant[2]
    found = model.predict(unknown)
    judged = with_job(found, "Q10").join(of_odd_types(unknown), on="item_key", how="semi")
    assert judged.height > 300
    assert judged["has"].all()
    assert found.candidates["item_key"].n_unique() == unknown.height, "no item loses all its candidates"
    assert any("Q10" in note and note.startswith("Inspections") for note in model.notes_)


@pytest.mark.slow
def test_without_the_flag_there_is_no_inspection_to_guard(plant: tuple[pl.DataFrame, ...]) -> None:
    items, operations, unknown = plant
    bare = operations.with_columns(insp_flg=pl.lit("N"))
    found = predictor().fit(items, bare).predict(unknown)
    judged = with_job(found, "Q10").join(of_odd_types(unknown), on="item_key", how="semi")
    assert not judged["has"].all(), "the same plant has candidates that lack the job"


def test_an_item_whose_part_type_is_not_known_is_asked_for_no_inspection(
    plant: tuple[pl.DataFrame, ...], model: RoutingPredictor
) -> None:
    unknown = of_odd_types(plant[2]).with_columns(
        pl.lit(None, pl.String).alias(n) for n in ("part_type", "kind_cd")
    )
    judged = with_job(model.predict(unknown), "Q10")
    assert judged.height
    assert not judged["has"].all()


# --- the rules themselves ------------------------------------------------------------------------------------------------


def catalogue_of(*routings: tuple[int, str]) -> RoutingCatalogue:
    """Catalogue of (number of items, jobs) in this order; jobs that begin with Q are inspections."""
    rows = [
        (f"I{i:05}", place, job)
        for i, jobs in enumerate(jobs for n, jobs in routings for _ in range(n))
        for place, job in enumerate(jobs.split())
    ]
    made = pl.DataFrame(rows, schema=["item_key", "place", "job_cd"], orient="row").select(
        "item_key", "job_cd", item_cd="item_key", rout_no=pl.lit("R"), proc_seq=10 * (pl.col("place") + 1),
        job_nm="job_cd", res_cd="job_cd", inside=pl.lit("in"), rout_class=pl.lit("in"), routing_rank=0, decided_by=pl.lit("only"),
        rout_valid=True, rout_date=datetime(2025, 1, 1), insrt_dt=datetime(2025, 1, 1),
        insp_flg=pl.when(pl.col("job_cd").str.starts_with("Q")).then(pl.lit("Y")).otherwise(pl.lit("N")),
    )  # fmt: skip
    items = made.select("item_key", "item_cd").unique().sort("item_key").with_columns(
        attribute_hash=pl.lit(1, pl.UInt64), item_hash=pl.lit("x")
    )  # fmt: skip
    return build_catalogue(ITEMS.conform(items), OPERATIONS.conform(made))


def lacking(
    catalogue: RoutingCatalogue,
    kind: Sequence[int] | None,
    family: Sequence[int],
    asked: tuple[int, int],
    live: Sequence[str] | None = None,
) -> tuple[set[str], str | None]:
    """Routings that an item of this kind and family may not have, and the stand-in."""
    codes = catalogue.sequence_codes
    alive = np.ones(len(codes), bool) if live is None else codes.is_in(list(live)).to_numpy()
    guard = InspectionGuard().fit(
        catalogue,
        None if kind is None else np.array(kind, np.int64),
        np.array(family, np.int64),
        alive,
    )
    demand = guard.demand(None if kind is None else np.array([asked[0]]), np.array([asked[1]]))
    every = np.arange(len(codes))
    lacks = demand.lacks(np.zeros(len(codes), np.int64), guard.has(every))
    spare = int(demand.stand_in[0])
    return set(codes.filter(pl.Series(lacks)).to_list()), codes[spare] if spare >= 0 else None


@pytest.mark.parametrize(
    ("with_it", "without_it", "guarded"),
    [(30, 0, True), (29, 0, False), (99, 1, True), (98, 1, False), (500, 6, False)],
)
def test_always_takes_thirty_routings_and_one_slip_in_a_hundred(
    with_it: int, without_it: int, guarded: bool
) -> None:
    catalogue = catalogue_of((with_it, "A Q1 Z"), (without_it, "A Z"), (30, "B Z"))
    n = with_it + without_it
    lacks, _ = lacking(catalogue, [0] * n + [1] * 30, [0] * (n + 30), (0, 0))
    assert ("B>Z" in lacks) == guarded


def test_inspections_that_differ_are_one_demand_for_any() -> None:
    catalogue = catalogue_of((25, "A Q1 Z"), (25, "A Q2 Z"), (30, "A Z"))
    lacks, spare = lacking(catalogue, [0] * 50 + [1] * 30, [0] * 80, (0, 0))
    assert lacks == {"A>Z"}
    assert spare == "A>Q1>Z"


def test_a_second_inspection_is_asked_for_as_well() -> None:
    catalogue = catalogue_of((45, "A Q1 B Q1"), (45, "A Q1"))
    assert lacking(catalogue, [0] * 45 + [1] * 45, [0] * 90, (0, 0))[0] == {"A>Q1"}
    assert lacking(catalogue, [0] * 45 + [1] * 45, [0] * 90, (1, 0))[0] == set()


def test_a_rare_kind_keeps_to_its_family_unless_its_own_routings_do_not() -> None:
    """Kind 1 has five routings like its family, kind 2 one without: too few to spoil what the family always has."""
    catalogue = catalogue_of((200, "A Q1 Z"), (5, "B Q1 Z"), (1, "C Z"))
    kind, family = [0] * 200 + [1] * 5 + [2], [0] * 206
    assert lacking(catalogue, kind, family, (1, 0))[0] == {"C>Z"}
    assert lacking(catalogue, kind, family, (2, 0))[0] == set()
    assert lacking(catalogue, kind, family, (9, 0)) == (set(), None), "a kind that nobody has routed"
    assert lacking(catalogue, kind, family, (-1, 0)) == (set(), None)
    assert lacking(catalogue, kind, family, (1, -1))[0] == set(), "no family, and five are too few"


def test_where_nothing_tells_kinds_families_stand_for_them() -> None:
    catalogue = catalogue_of((50, "A Q1 Z"), (50, "B Z"))
    family = [0] * 50 + [1] * 50
    assert lacking(catalogue, None, family, (0, 0))[0] == {"B>Z"}
    assert lacking(catalogue, None, family, (0, 1))[0] == set()
    assert lacking(catalogue, None, family, (0, -1))[0] == set()


def test_what_no_routing_in_use_has_is_not_asked_for() -> None:
    """All routings with Q1 are out of use: items of the kind keep the proposals that they have."""
    catalogue = catalogue_of((50, "A Q1 Z"), (50, "B Z"))
    lacks, _ = lacking(catalogue, [0] * 50 + [1] * 50, [0] * 100, (0, 0), live=["B>Z"])
    assert lacks == set()


def test_an_item_with_nothing_else_left_gets_the_usual_routing_of_its_kind() -> None:
    """All votes are for a routing without the inspection: two items of another kind, one of this kind."""
    catalogue = catalogue_of((20, "A Q1 Z"), (40, "B Q1 Z"), (40, "A Z"))
    n, codes = catalogue.labels.height, catalogue.sequence_codes.to_list()
    kind = np.array([0] * 60 + [1] * 40, dtype=np.int32)
    family = np.zeros(n, dtype=np.int64)
    levels = {"item_acct|value": np.full(n, -1, np.int32), "part_type|value": kind}
    known = KnownRoutings(
        catalogue=catalogue,
        described=np.zeros((len(codes), 2), np.float32),
        live=np.ones(len(codes), bool),
        codes=levels,
        kind="part_type|value",
        age_days=np.full(n, np.nan, np.float32),
        family=family,
        folds=np.arange(n) % 5,
    )
    maker = CandidateMaker().fit(known)
    votes = np.zeros((2, catalogue.n_variants), np.float32)
    votes[:, np.flatnonzero(catalogue.variant_sequence == codes.index("A>Z"))] = 1.0
    evidence = Evidence(
        votes=sparse.csr_matrix(votes),
        neighbours=Neighbours(np.full((2, 1), -1), np.zeros((2, 1))),
        expected=np.zeros((2, 2)),
        operations=np.full((2, catalogue.n_operations), 0.5),
        family=np.array([-1, -1]),
        codes={"item_acct|value": np.array([-1, -1]), "part_type|value": np.array([0, 1])},
    )
    pairs = maker.make(evidence)
    assert [(r, codes[s]) for r, s in zip(pairs.row, pairs.sequence, strict=True)] == [
        (0, "B>Q1>Z"),
        (1, "A>Z"),
    ]
    assert np.isfinite(pairs.features.column("count")).all()
    # The same maker without the fold of the items: of the 20, 40 and 40 routings four fifths are left.
    left = maker.without_fold(known, 0)
    assert left.counts_.total[[codes.index(c) for c in ("A>Q1>Z", "B>Q1>Z", "A>Z")]].tolist() == [16, 32, 32]
    assert maker.counts_.n == 100
