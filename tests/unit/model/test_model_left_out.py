"""A training item that is left out looks as it would look had nobody ever seen it."""

from __future__ import annotations

import numpy as np
import pytest
from model_toy import catalogue_of
from scipy import sparse

from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.candidates.counts import KnownRoutings
from routing_etl.model.candidates.evidence import Evidence
from routing_etl.model.candidates.maker import CandidateMaker
from routing_etl.model.candidates.operation_columns import OperationCases
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.candidates.tied_words import TiedWords
from routing_etl.model.catalogue.routings import RoutingCatalogue
from routing_etl.model.times.timed import TimedOperations, job_means, moved_by_own

#: Routings of one family, each of one item; every step of the last one, and each of its ends, stands in another one too.
ROUTINGS = ("A B D", "A C D", "B C", "A B C", "C D", "A B C D")
WANTED = ROUTINGS[-1].split()
#: What is expected of the item: all four jobs, C with the least doubt that makes a set without it worth a look.
EXPECTED = {"A": 0.95, "B": 0.9, "C": 0.6, "D": 0.85}


def known(routings: tuple[str, ...], family: tuple[int, ...] | None = None) -> KnownRoutings:
    """All that is known of the items, each in a fold of its own."""
    catalogue = catalogue_of(*routings)
    n = catalogue.labels.height
    return KnownRoutings(
        catalogue=catalogue,
        described=np.zeros((catalogue.n_sequences, 2), np.float32),
        live=np.ones(catalogue.n_sequences, bool),
        codes={},
        kind="",
        age_days=np.full(n, 100.0),
        family=np.zeros(n, np.int64) if family is None else np.array(family),
        folds=np.arange(n),
    )


def candidates(
    of: KnownRoutings, maker: CandidateMaker, expected: dict[str, float] = EXPECTED
) -> dict[str, np.ndarray]:
    """Routing code -> evidence, for an item of which these jobs are expected and that resembles nobody."""
    catalogue = of.catalogue
    jobs = catalogue.jobs[catalogue.operation_job].to_list()
    votes = sparse.csr_matrix(
        ([1.0], ([0], [variant(catalogue, ROUTINGS[0])])), shape=(1, catalogue.n_variants)
    )
    evidence = Evidence(
        votes=votes.astype(np.float32),
        neighbours=Neighbours(np.full((1, 3), -1, np.int64), np.zeros((1, 3), np.float32)),
        expected=np.zeros((1, 2), np.float32),
        operations=np.array([[expected[job] for job in jobs]], np.float32),
        family=np.zeros(1, np.int64),
        codes={},
    )
    pairs = maker.make(evidence)
    book = catalogue.book().extended(pairs.composed.offsets, pairs.composed.operations, catalogue)
    return dict(zip(book.texts(pairs.sequence)[0].to_list(), pairs.features.values, strict=True))


def variant(catalogue: RoutingCatalogue, routing: str) -> int:
    """Number of the variant with these jobs."""
    sequence = catalogue.sequence_codes.to_list().index(routing.replace(" ", ">"))
    return int(np.flatnonzero(catalogue.variant_sequence == sequence)[0])


@pytest.mark.parametrize("place", [0, 2, 5])
def test_the_evidence_of_a_left_out_item_is_that_of_an_item_never_seen(place: int) -> None:
    """Wherever among the known routings the only item of a routing stands, leaving it out must leave nothing of it."""
    others = ROUTINGS[:-1]
    everybody = (*others[:place], ROUTINGS[-1], *others[place:])
    told = known(everybody)
    left_out = candidates(told, CandidateMaker().fit(told).without_fold(told, place))
    blind = known(others)
    never_seen = candidates(blind, CandidateMaker().fit(blind))
    assert ">".join(WANTED) in left_out, "the routing can be composed"
    assert left_out.keys() == never_seen.keys()
    for code, features in left_out.items():
        np.testing.assert_allclose(features, never_seen[code], rtol=1e-6, err_msg=code)


def test_a_routing_of_another_family_is_none_of_the_left_out_item_s_own() -> None:
    """The routing is known from another family. Among those of the item's own family only the item itself has it."""
    routings, family = (*ROUTINGS, ROUTINGS[-1]), (0, 0, 0, 0, 0, 0, 1)
    doubted = EXPECTED | {"D": 0.03}
    told = known(routings, family)
    left_out = candidates(told, CandidateMaker().fit(told).without_fold(told, 5), doubted)
    blind = known((*routings[:5], *routings[6:]), (*family[:5], *family[6:]))
    never_seen = candidates(blind, CandidateMaker().fit(blind), doubted)
    assert "A>B>C" in left_out
    assert left_out.keys() == never_seen.keys()


def out_of_fold(operations: np.ndarray, folds: np.ndarray, numbers: np.ndarray | None = None) -> np.ndarray:
    """What is expected of items of one family, out of fold, of which nothing is known but their routings and these numbers."""
    n = len(operations)
    numbers = np.empty((n, 0), np.float32) if numbers is None else numbers
    cases = OperationCases(
        table=TokenTable(codes={}, words={}, numbers=numbers),
        operations=sparse.csr_matrix(operations),
        votes=np.zeros(operations.shape, np.float32),
        family=np.zeros(n, np.int64),
        folds=folds,
        n_families=1,
        weights=np.ones(n),
        tied=TiedWords.none(),
        age=np.zeros(n, dtype=np.float32),
    )
    return OperationModel().fit(cases)


@pytest.mark.parametrize("n", [10, 60])
def test_what_is_expected_of_an_item_does_not_come_from_its_own_fold(n: int) -> None:
    """In a family too small to be asked, and of an operation too rare to be asked for, the share of the others is told."""
    folds = np.arange(n) % 5
    operations = np.ones((n, 2), np.float32)
    operations[:, 1] = 0.0
    operations[[0, 1], 1] = 1.0
    told = out_of_fold(operations, folds)
    of_fold_0 = folds == 0
    other = operations.copy()
    other[0] = 0.0
    np.testing.assert_array_equal(out_of_fold(other, folds)[of_fold_0], told[of_fold_0])
    # One of the 4 n / 5 items of other folds has the rare operation, with half an item of what is usual among them.
    others = 4 * n / 5
    np.testing.assert_allclose(
        told[0], [(others + 0.5) / (others + 1), (1 + 0.5 / others) / (others + 1)], rtol=2e-3
    )
    np.testing.assert_allclose(told[0], told[5])


def test_how_long_is_learned_is_told_by_items_that_were_left_out() -> None:
    """An operation that follows a size is learned; one that chance decides keeps its rate for every item."""
    rng = np.random.default_rng(8)
    n = 400
    numbers = rng.normal(size=(n, 12)).astype(np.float32)
    operations = np.column_stack([numbers[:, 3] > 0, rng.random(n) < 0.4]).astype(np.float32)
    told = out_of_fold(operations, np.arange(n) % 5, numbers)
    assert ((told[:, 0] > 0.5) == operations[:, 0]).mean() > 0.98
    assert told[:, 1].mean() == pytest.approx(operations[:, 1].mean(), abs=0.03)
    assert told[:, 1].std() < 0.08


@pytest.mark.parametrize("with_standards", [False, True])
def test_an_operation_is_judged_by_the_mean_of_its_job_without_its_own_time(with_standards: bool) -> None:
    """Job 0 has three times, job 1 two, job 2 one: nobody else tells what job 2 takes, unless a standard time does."""
    label, job = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 2])
    times = TimedOperations(
        label, job, np.array([1.0, 2.0, 4.0, 0.0, 3.0, 5.0]), np.array([1.0, 2, 5, 1, 1, 3])
    )
    planned = np.array([0, 1, 2, 3, 2]) if with_standards else np.empty(0, np.int64)
    of_job = np.array([0, 0, 1, 2, 2]) if with_standards else np.empty(0, np.int64)
    standard = TimedOperations(planned, of_job, 0.5 + planned, np.ones(len(planned)))
    mean, _ = job_means(times, 3, standard)
    moved = moved_by_own(times, 3, standard)
    for i in range(len(label)):
        own = (standard.label == label[i]) & (standard.job == job[i])
        blind = job_means(times.where(np.arange(len(label)) != i), 3, standard.where(~own))
        if blind[1][job[i]]:
            assert moved[i] == pytest.approx(mean[job[i]] - blind[0][job[i]])
        else:
            assert np.isnan(moved[i])
    assert np.isnan(moved[5]) != with_standards
