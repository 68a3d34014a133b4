"""What the version in force meets now, beside its training window: values by hand, sentences, and no alarm without a change."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from routing_etl.evaluation.drift import (
    Drift,
    Written,
    attribute_drift,
    attribute_reference,
    code_drift,
    population_stability,
    score_drift,
    summary,
    time_drift,
)
from routing_etl.evaluation.glossary import GLOSSARY
from routing_etl.frames import AttributeSpec
from routing_etl.times.shifts import Shift

pytestmark = pytest.mark.unit
ATTRIBUTES = (
    AttributeSpec("material", "category"), AttributeSpec("diameter", "number", "mm"), AttributeSpec("drawing", "text"),
)  # fmt: skip
DAY = datetime(2026, 1, 5)


def items(seed: int, n: int = 400, weights: tuple[float, ...] = (0.5, 0.3, 0.2)) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "material": rng.choice(["SUS", "CR", "AL"], n, p=weights),
            "diameter": rng.lognormal(4, 0.5, n),
            "drawing": [f"D{seed}-{i}" for i in range(n)],
        }
    )


def by_segment(found: list[Drift], metric: str) -> dict[str, Drift]:
    return {d.segment: d for d in found if d.metric == metric}


def test_population_stability_by_hand() -> None:
    """Half an item more in each bin: 60.5 and 40.5 of 101, 40.5 and 60.5 of 101."""
    psi, limit = population_stability(np.array([60, 40, 0]), np.array([40, 60, 0]), 0.05)
    assert psi == pytest.approx(2 * (20 / 101) * np.log(60.5 / 40.5))
    assert limit == pytest.approx(3.841 * 2 / 101, rel=1e-3), "one degree of freedom: the empty bin is none"


def test_other_values_are_told_by_attribute_and_value() -> None:
    reference = attribute_reference(items(1), ATTRIBUTES)
    assert set(reference) == {"material", "diameter"}, "a drawing number names items"
    now = items(2).with_columns(
        material=pl.col("material").replace({"CR": "SUS316"}), diameter=pl.col("diameter") / 25.4
    )
    found = attribute_drift(reference, now, "attribute")
    psi = by_segment(found, "attribute_psi")
    assert psi["attribute:material"].band == 3 and psi["attribute:diameter"].band == 3
    assert "attribute diameter has other values: below " in psi["attribute:diameter"].words
    unseen = by_segment(found, "unseen_value_share")["attribute:material"]
    n = now.filter(pl.col("material") == "SUS316").height
    assert unseen.value == n / 400 and unseen.band == 3 and unseen.learnable
    assert unseen.words == f"attribute material has values that were not there, as 'SUS316' ({n} items)"
    assert all(d.metric in GLOSSARY for d in found)


def test_a_value_in_another_spelling_is_the_same_value() -> None:
    """The model sees texts without case, width and blanks at the ends: a column that is respelt changes nothing for it."""
    reference = attribute_reference(items(1), ATTRIBUTES)
    spelt = {"SUS": "sus", "CR": "ＣＲ ", "AL": "Al"}
    found = attribute_drift(reference, items(1).with_columns(pl.col("material").replace(spelt)), "attribute")
    assert by_segment(found, "attribute_psi")["attribute:material"].value == 0
    assert by_segment(found, "unseen_value_share")["attribute:material"].value == 0


def test_what_an_older_release_has_kept_in_two_spellings_counts_as_one() -> None:
    kept = {
        "material": {"values": ["SUS", "sus", "CR"], "others": ["al", "cr"], "counts": [30, 10, 60, 0, 5]}
    }
    now = pl.DataFrame({"material": ["SUS"] * 40 + ["cr"] * 60 + [None] * 5})
    found = attribute_drift(kept, now, "attribute")
    assert by_segment(found, "attribute_psi")["attribute:material"].value == 0
    assert by_segment(found, "unseen_value_share")["attribute:material"].value == 0


def test_few_items_are_not_compared() -> None:
    (found,) = attribute_drift(attribute_reference(items(1), ATTRIBUTES), items(2, n=20), "new")
    assert found.value is None and found.words == "only 20 items of new items: fewer than 50"


def test_items_as_before_give_no_alarm() -> None:
    reference = attribute_reference(items(1, n=2000), ATTRIBUTES)
    small = [d for seed in range(20) for d in attribute_drift(reference, items(100 + seed, n=60), "new")]
    large = [d for seed in range(20) for d in attribute_drift(reference, items(200 + seed), "attribute")]
    assert len(small) == len(large) == 60 and not any(d.band for d in [*small, *large])
    assert any(d.value is not None and d.value > 0.1 for d in small), "of 60 items a value alone says little"


def routings(seed: int, n: int, start: datetime, swap: tuple[str, str] | None = None) -> pl.DataFrame:
    """Routings of one to four jobs; J0 is in 60 % of them."""
    rng = np.random.default_rng(seed)
    shares = {"J0": 0.6, "J1": 0.4, "J2": 0.3, "J3": 0.05}
    rows = [
        {
            "item_key": f"{seed}-{i}",
            "job_cd": job,
            "res_cd": f"M-{job}",
            "rout_date": start + timedelta(days=i),
        }
        for i in range(n)
        for job, share in shares.items()
        if rng.random() < share
    ]
    frame = pl.DataFrame(rows)
    return frame if swap is None else frame.with_columns(job_cd=pl.col("job_cd").replace({swap[0]: swap[1]}))


def written(before: pl.DataFrame, since: pl.DataFrame) -> Written:
    return Written(before, since, {c: before[c].unique() for c in ("job_cd", "res_cd")})


def test_a_replaced_job_code_is_told_from_both_sides() -> None:
    since = routings(2, 40, DAY, ("J0", "J0N"))
    found = code_drift(written(routings(1, 300, DAY - timedelta(days=300)), since))
    new, gone = (by_segment(found, m) for m in ("new_code_share", "gone_code_share"))
    n, first = (
        since.filter(pl.col("job_cd") == "J0N").height,
        since.filter(pl.col("job_cd") == "J0N")["rout_date"].min(),
    )
    total = since["item_key"].n_unique()
    assert new["job:all"].value == n / total and new["job:all"].band == 3 and new["job:all"].learnable
    assert new["job:all"].words == (
        f"job J0N ({n} items) is new since {first:%Y-%m-%d}, in {n / total:.0%} of {total} routings written since"
    )
    assert (
        gone["job:all"].words.startswith("job J0 (in ")
        and f"is in none of {total} routings" in gone["job:all"].words
    )
    assert new["machine:all"].band == gone["machine:all"].band == 0, "the machines stayed"
    told = summary(found)
    assert [(d.segment, d.value) for d in told] == [("all", 3.0), ("learnable", 3.0)]
    assert told[0].row.reason is not None and told[0].row.reason.startswith("severe: job J0N (")


def test_a_week_of_the_new_code_is_enough() -> None:
    """Eight routings are no proof that a job is gone, and five with a code that nobody knew are one that it is new."""
    since = routings(5, 8, DAY, ("J0", "J0N"))
    n = since.filter(pl.col("job_cd") == "J0N").height
    found = code_drift(written(routings(1, 300, DAY - timedelta(days=300)), since))
    assert n >= 5 and by_segment(found, "new_code_share")["job:all"].band == 3


def test_a_job_that_was_gone_within_the_window_is_no_news() -> None:
    """The version has learned the silence: another training is not asked for, week after week."""
    early, late = (
        routings(1, 260, DAY - timedelta(days=300)),
        routings(3, 40, DAY - timedelta(days=40), ("J0", "J0N")),
    )
    found = code_drift(written(pl.concat([early, late]), routings(2, 40, DAY, ("J0", "J0N"))))
    assert len(found) == 4 and not any(d.band for d in found)


def test_routings_as_before_give_no_alarm() -> None:
    before = routings(1, 300, DAY - timedelta(days=300))
    found = [
        d
        for seed in range(20)
        for n in (15, 150)
        for d in code_drift(written(before, routings(100 + seed, n, DAY)))
    ]
    assert len(found) == 160 and not any(d.band for d in found)


def test_nothing_written_since_is_a_reason_and_no_zero() -> None:
    before = routings(1, 300, DAY)
    found = code_drift(written(before, before.clear()))
    assert {(d.value, d.words) for d in found} == {(None, "no routing was written since the training")}
    empty = code_drift(written(before.clear(), before))
    assert {(d.value, d.words) for d in empty} == {(None, "no routing is in the training window")}
    assert [d.row.reason for d in summary([*found, *empty])] == [
        "nothing could be compared with the training window"
    ] * 2


def test_changed_times_are_told_with_machine_factor_day_and_orders() -> None:
    day = date(2026, 4, 6)
    shift = Shift("run", "machine", "CNC-06", 1.6, day, (date(2026, 4, 3), day), 312, 40)
    found = time_drift([shift], date(2026, 4, 1))
    ratio = by_segment(found, "run_time_ratio")["machine:CNC-06"]
    assert (
        ratio.words
        == "operations on machine CNC-06 take 1.60 times their profile since 2026-04-06, 312 orders"
    )
    assert (ratio.value, ratio.n, ratio.band, ratio.learnable) == (1.6, 312, 3, True)
    assert by_segment(found, "run_times_changed")["all"].value == 1.0


def test_a_change_that_a_training_lies_behind_is_told_as_known_to_it() -> None:
    """It was learned at the level since: another training changes nothing."""
    day = date(2026, 4, 6)
    shift = Shift("run", "machine", "CNC-06", 1.6, day, (day, day), 312, 40)
    (known,) = by_segment(time_drift([shift], day), "run_time_ratio").values()
    assert known.words == (
        "operations on machine CNC-06 take 1.60 times their profile since 2026-04-06, 312 orders "
        "(known to the training)"
    )
    assert (known.value, known.learnable) == (1.6, False)


def test_a_day_that_the_reports_leave_open_is_told_with_the_days_that_it_may_be() -> None:
    first, day, last = date(2026, 3, 1), date(2026, 4, 6), date(2026, 5, 2)
    for since, between, said in (
        (day, (first, last), "since about 2026-04-06 (2026-03-01 to 2026-05-02)"),
        (None, (), "(since which day cannot be told)"),
    ):
        shift = Shift("setup", "job", "J1", 0.7, since, between, 30, 10)
        (found,) = by_segment(time_drift([shift], date(2026, 2, 1)), "setup_time_ratio").values()
        assert (
            found.words == f"operations of job J1 take to set up 0.70 times their profile {said}, 30 orders"
        )
        assert found.learnable is (since is not None)
    assert [(d.value, d.band) for d in summary(time_drift([], date(2026, 4, 6)))] == [(0.0, 0), (0.0, 0)]


def test_scores_are_compared_within_a_version() -> None:
    then = np.bincount(np.arange(200) % 50, minlength=50)
    assert [d.band for d in score_drift("confidence", then, then, "")] == [0, 0]
    psi, far = score_drift("confidence", then, np.append(np.full(25, 8), np.zeros(25, dtype=int)), "")
    assert psi.band == 3 and psi.words.startswith("confidence of first candidates is lower than")
    assert far.value == pytest.approx(5 * 8 / 200)
    first, _ = score_drift("confidence", np.zeros(50, dtype=int), then, "there is no earlier publication")
    assert first.value is None and first.words == "there is no earlier publication"
