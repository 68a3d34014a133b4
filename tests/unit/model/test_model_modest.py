"""What few cases support: confidence, plain answers, and how a plain answer stands in for the model."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_etl.errors import ModelError
from routing_etl.frames import AttributeSpec
from routing_etl.model.candidates.evidence import EvidenceFeatures
from routing_etl.model.candidates.plain import PlainAnswer, PlainAnswers
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.model.ranking.choice import Ranked
from routing_etl.model.ranking.modest import ALIKE, ModestCurve, Pool, settled
from routing_etl.model.rehearsal import Modesty
from routing_etl.model.times.measure import COVERED, MOST_SCALE, covering_scale


def test_nothing_is_surer_than_the_cases_allow() -> None:
    """Thirty right answers of thirty: Laplace's rule gives 31/32; a score of 1 says no more, one of 0.5 less."""
    curve = ModestCurve.fit(np.full(30, 0.9), np.ones(30), np.ones(30))
    sure = curve(np.array([0.5, 0.9, 1.0]))
    assert sure[0] < sure[1] <= sure[2] <= 31 / 32
    assert sure[1] > 0.85


CASES = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.05, 1)), max_size=40)


@given(CASES, st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_confidence_keeps_its_bounds_whatever_the_cases(
    cases: list[tuple[float, bool, float]], asked: list[float]
) -> None:
    """Never above (n + 1) / (n + 2) of what the cases weigh, never 0, and never less for a higher score."""
    score, hit, weight = (np.array([c[i] for c in cases], dtype=float) for i in range(3))
    sure = ModestCurve.fit(score, hit, weight)(np.sort(asked))
    assert (sure > 0).all() and sure.max() <= (weight.sum() + 1) / (weight.sum() + 2) + 1e-12
    assert (np.diff(sure) >= -1e-12).all()


def test_without_a_case_nothing_is_surer_than_one_half() -> None:
    nothing = np.empty(0)
    assert ModestCurve.fit(nothing, nothing, nothing)(np.array([1.0]))[0] == pytest.approx(0.5)


def evidence(votes: list[float], likelihood: list[float]) -> EvidenceFeatures:
    """Features of candidates by the forest's votes and the likelihood of their operations."""
    return EvidenceFeatures.of({"forest_share": np.array(votes), "log_likelihood": np.log(likelihood)})


def test_ranker_evidence_and_copy_are_pooled_by_the_number_of_items() -> None:
    """Of 40 items the ranker counts 40 / 100 and a copy 8 / 40; likelihoods 1 : 3 are shares of 0.25 and 0.75."""
    pool = Pool.of(40)
    assert (pool.ranker, pool.copy) == pytest.approx((0.4, 0.2))
    votes, likelihood = [0.5, 0.3], [0.1, 0.3]
    alone, tipped = pool.scored(
        np.array([0.6, 0.4]), evidence(votes, likelihood), np.zeros(2, dtype=int), np.zeros(2, dtype=bool)
    )
    own = [0.4 * 0.6 + 0.6 * (0.5 + 0.25) / 2, 0.4 * 0.4 + 0.6 * (0.3 + 0.75) / 2]
    assert alone == pytest.approx([own[0] / 1.2, own[1] / 1.2])
    assert not tipped.any()


def test_a_copy_that_comes_first_only_by_being_one_is_told() -> None:
    """Item 0: the copied routing has 0.42 against 0.465, and 0.2 more as the copy. Item 1: it is first anyway. Item 2 has none."""
    found, tipped = Pool.of(40).scored(
        np.array([0.3, 0.45, 0.9, 0.1, 0.5]),
        evidence([0.5, 0.5, 0.8, 0.2, 1.0], [0.5, 0.45, 0.8, 0.2, 1.0]),
        np.array([0, 0, 1, 1, 2]),
        np.array([True, False, True, False, False]),
    )
    assert tipped.tolist() == [True, False, False, False, False]
    assert found[0] > found[1] and found[2] > found[3]


@given(
    st.integers(1, 249),
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-300, 0), st.booleans()),
        min_size=1,
        max_size=12,
    ),
)
def test_pooled_scores_are_shares(n: int, drawn: list[tuple[float, float, float, bool]]) -> None:
    ranker, votes, log_likelihood, copied = (np.array([d[i] for d in drawn]) for i in range(4))
    features = EvidenceFeatures.of({"forest_share": votes, "log_likelihood": log_likelihood})
    found, tipped = Pool.of(n).scored(ranker, features, np.zeros(len(drawn), dtype=int), copied)
    assert (found >= 0).all() and found.max() <= 1 + 1e-9
    assert tipped.sum() <= 1 and (copied[tipped]).all()


def test_copies_of_one_item_count_once() -> None:
    alone = ModestCurve.fit(np.full(3, 0.9), np.ones(3), np.ones(3))
    copied = ModestCurve.fit(np.full(30, 0.9), np.ones(30), np.full(30, 0.1))
    assert copied.highest == pytest.approx(alone.highest) == pytest.approx(4 / 5)
    assert copied(np.array([0.9])) == pytest.approx(alone(np.array([0.9])))


def test_scores_that_tell_nothing_give_the_base_rate() -> None:
    rng = np.random.default_rng(0)
    score, hit = rng.random(300), (rng.random(300) < 0.3).astype(float)
    sure = ModestCurve.fit(score, hit, np.ones(300))(np.array([0.05, 0.5, 0.95]))
    assert np.ptp(sure) < 0.2
    assert sure[1] == pytest.approx(hit.mean(), abs=0.05)


def test_many_honest_scores_stay_what_they_are() -> None:
    rng = np.random.default_rng(1)
    score = rng.random(4000)
    curve = ModestCurve.fit(score, (rng.random(4000) < score).astype(float), np.ones(4000))
    asked = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert curve(asked) == pytest.approx(asked, abs=0.04)


def test_alike_items_are_told_to_be_surer_than_others() -> None:
    """Of 15 copies from items of a similarity of 0.8 twelve were right, of 15 from items of 0.4 three: shares of 0.8 and 0.2."""
    score, hit = np.repeat([0.8, 0.4], 15), np.r_[np.arange(15) < 12, np.arange(15) < 3].astype(float)
    asked = np.array([0.8, 0.4])
    fitted = ModestCurve.fit(score, hit, np.ones(30))(asked)
    alike = ModestCurve.fit(score, hit, np.ones(30), slope=ALIKE)(asked)
    assert alike == pytest.approx([0.8, 0.2], abs=0.06)
    assert np.abs(alike - [0.8, 0.2]).max() < np.abs(fitted - [0.8, 0.2]).max()


def test_the_other_candidates_keep_their_order_below_the_first() -> None:
    rest = settled(np.array([0.4, 0.9]), np.array([0.0, 0.45, 0.3, 0.0, 0.3]), np.array([0, 0, 0, 1, 1]))
    assert rest[0] == 0 and rest[3] == 0
    assert 0.4 > rest[1] > rest[2] and rest[1] + rest[2] <= 0.6
    assert rest[4] == pytest.approx(0.1)


def test_intervals_are_widened_until_they_hold_the_share() -> None:
    """Without errors of the model P10 to P90 of a normal distribution hold 80 %; with errors as wide as the orders' they
    have to be wider by the square root of two, and for a larger share wider still."""
    none, wide = np.zeros(2000), np.random.default_rng(2).normal(0, 0.3, 2000)
    spread = np.full(2000, 0.3)
    assert covering_scale(none, spread, spread) == pytest.approx(1.0, abs=0.01)
    assert covering_scale(wide, spread, spread) == pytest.approx(2**0.5, abs=0.06)
    assert covering_scale(none, spread, spread, COVERED * 11 / 10) > 1.2
    assert covering_scale(none[:0], spread[:0], spread[:0]) == MOST_SCALE


ITEMS = pl.DataFrame(
    {
        "item_key": ["a", "b", "c", "d", "e"],
        "kind": ["X", "X", "X", "Y", "Y"],
        "size": [1.0, 1.1, 2.5, 5.0, 5.2],
    }
)
SEQUENCE = np.array([0, 0, 1, 2, 3])


def plain(live: tuple[bool, ...] = (True, True, True, True)) -> PlainAnswers:
    specs = [AttributeSpec("kind", "category"), AttributeSpec("size", "number", "mm")]
    return PlainAnswers(specs, "kind").fit(ITEMS, SEQUENCE, np.array(live))


def test_the_nearest_item_gives_its_routing_but_never_to_itself() -> None:
    asked = pl.DataFrame({"item_key": ["new", "c"], "kind": ["x ", "X"], "size": [2.4, 2.5]})
    found = plain().nearest(asked, np.array([-1, 2]))
    assert found.sequence.tolist() == [1, 0]
    assert found.label.tolist()[0] == 2
    assert 0.9 < found.score[0] <= 1 > found.score[1]


def test_a_routing_out_of_use_is_not_copied() -> None:
    asked = pl.DataFrame({"item_key": ["new"], "kind": ["X"], "size": [2.5]})
    assert plain((True, False, True, True)).nearest(asked, np.array([-1])).sequence.tolist() == [0]


def test_the_majority_is_that_of_the_kind_and_of_all_for_a_new_kind() -> None:
    asked = pl.DataFrame({"item_key": list("pqr"), "kind": ["x", "Z", None], "size": [1.0, 1.0, 1.0]})
    found = plain().majority(asked, np.full(3, -1))
    assert found.sequence.tolist() == [0, 0, 0]
    assert found.score == pytest.approx([2 / 3, 2 / 5, 2 / 5])


def test_the_majority_of_others_is_asked_for_an_item_that_is_one_of_them() -> None:
    """Without e its kind has d alone; without a, b's routing is that of one of the two others of its kind."""
    found = plain().majority(ITEMS[[4, 0]], np.array([4, 0]))
    assert found.sequence.tolist() == [2, 0]
    assert found.score == pytest.approx([1.0, 0.5])


def test_a_plain_answer_comes_first_with_the_confidence_that_it_earned() -> None:
    """The model's first choice of item 0 is sequence 7; copying says 3, which the model did not have. Item 1 has no copy."""
    ranked = Ranked(np.array([0, 0, 1]), np.array([7, 8, 9]), np.array([0.9, 0.05, 0.6]))
    answer = PlainAnswer(np.array([3, -1]), np.array([0.8, 0.0]), np.array([4, -1]))
    curve = ModestCurve.fit(np.linspace(0.2, 0.9, 20), np.tile([1.0, 0.0], 10), np.ones(20))
    found = Modesty("nearest", curve, plain()).applied(ranked, 2, answer)
    first = {row: seq for row, seq, p in zip(found.row, found.sequence, found.probability, strict=True)
             if p == found.probability[found.row == row].max()}  # fmt: skip
    assert first == {0: 3, 1: 9}
    assert found.probability[found.sequence == 3] == pytest.approx(curve(np.array([0.8])))
    assert found.probability[found.row == 0].sum() <= 1


def test_without_a_rehearsal_nothing_changes() -> None:
    ranked = Ranked(np.array([0, 0]), np.array([1, 2]), np.array([1.0, 0.0]))
    answer = PlainAnswer(np.array([2]), np.array([0.9]), np.array([0]))
    assert Modesty().applied(ranked, 1, answer) is ranked


def test_an_unknown_way_to_answer_is_refused_by_name() -> None:
    with pytest.raises(
        ModelError, match="answers_by = 'oracle' is not one of auto, model, nearest, majority"
    ):
        RoutingPredictor(answers_by="oracle").fit(ITEMS, ITEMS)  # type: ignore[arg-type]
