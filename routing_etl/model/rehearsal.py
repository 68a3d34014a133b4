"""What a plant with few routed items can support, found by rehearsing the whole recipe on items that it has not seen.

With few items the scores by which a model judges itself are too good: one isotonic step of three right answers is a
probability of 1. So with fewer than `REHEARSED` routed items the recipe is repeated on parts of them, and the items left out
tell, each as a new item would,

* how sure the first candidate may be (`ranking.modest`),
* whether the model finds the routing more often than copying the nearest item or taking the most frequent one of the kind does,
* whether it finds the machine more often than taking the job's most frequent one does,
* how much wider P10 to P90 have to be to hold 80 % of the orders.

Items with equal attributes are left out together. Where a plain answer did better, it answers, and the model's notes say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
import polars as pl

from routing_etl.errors import ModelError
from routing_etl.frames import Predictions, TimeEvidence
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.candidates.plain import PlainAnswer, PlainAnswers
from routing_etl.model.catalogue.routings import RoutingCatalogue, SequenceBook
from routing_etl.model.ranking.choice import Ranked
from routing_etl.model.ranking.modest import ALIKE, FITTED, ModestCurve, Pool, settled
from routing_etl.model.ranking.novelty import Novelty
from routing_etl.model.ranking.ranker import first_choice
from routing_etl.model.times.measure import COVERED, covering_scale
from routing_etl.model.times.timed import MEASURES, TimedOperations

#: From so many routed items on the cross-fitted scores are enough (tests/benchmarks/bench_small_plants.py).
REHEARSED = 250
#: Fewer routed items are rehearsed on twice as many parts, because a model learns much from the last few items there.
FINELY_REHEARSED = 100
#: Least groups of items for a rehearsal of single answers.
LEAST_GROUPS = 5
#: A plain answer takes over when it was right more often by so many standard errors of the difference; the model's candidates
#: have the routing of the most similar item among them already (`ranking.modest.Pool`).
_MARGIN = 1.0
#: The same for the most frequent machine of a job.
_MACHINE_MARGIN = 0.5
#: Largest share of orders that P10 to P90 are asked to hold, to be sure of 80 % of them.
_MOST_COVERED = 0.95

#: Most training items from which the confidence of a plain answer is learned on a plant of any size.
_MOST_ASKED = 2_000

AnswersBy = Literal["model", "nearest", "majority"]
#: What answers, in words.
ANSWERS: dict[AnswersBy, str] = {
    "model": "the model",
    "nearest": "copying the routing of the most similar item",
    "majority": "the most frequent routing of the item's kind",
}


@dataclass(frozen=True)
class Modesty:
    """What a predictor may say.

    Attributes
    ----------
    answers_by : {'model', 'nearest', 'majority'}
        What gives the first candidate.
    curve : ModestCurve or None
        Score of the first candidate to its confidence. None: the score is the confidence.
    plain : PlainAnswers or None
        Gives the plain answers. None on a plant of many items, where the model answers alone.
    pool : Pool or None
        How the model's candidates are ordered on a plant of few items. None: as the ranker does.
    usual_machines : bool
        Whether each job gets its most frequent machine.
    widening : mapping of str to float
        Per measure by what the spread of times is multiplied.
    told : tuple of str
        Sentences for the model card.
    """

    answers_by: AnswersBy = "model"
    curve: ModestCurve | None = None
    plain: PlainAnswers | None = None
    pool: Pool | None = None
    usual_machines: bool = False
    widening: Mapping[str, float] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    @property
    def copies(self) -> bool:
        """Whether a plain answer stands in for the model."""
        return self.answers_by != "model" and self.plain is not None

    def answer(self, items: pl.DataFrame, own: Ints) -> PlainAnswer:
        """The plain answer that stands in for the model, or beside it.

        Parameters
        ----------
        items : polars.DataFrame
            The items.
        own : Ints
            Per item its number among the training items, -1 for none.
        """
        assert self.plain is not None
        return (
            self.plain.majority(items, own)
            if self.answers_by == "majority"
            else self.plain.nearest(items, own)
        )

    def applied(self, ranked: Ranked, n: int, answer: PlainAnswer) -> Ranked:
        """The candidates with the confidence that the rehearsal supports, the plain answer first where it stands in.

        Parameters
        ----------
        ranked : Ranked
            The model's candidates, rows ascending.
        n : int
            Number of items.
        answer : PlainAnswer
            The plain answer; looked at where it stands in.
        """
        row, sequence, probability = ranked.row, ranked.sequence, ranked.probability
        if self.copies:
            has = answer.sequence >= 0
            other = ~(has[row] & (sequence == answer.sequence[row]))
            row = np.concatenate([row[other], np.flatnonzero(has)])
            sequence = np.concatenate([sequence[other], answer.sequence[has]])
            probability = np.concatenate([probability[other], answer.score[has]])
            order = np.lexsort((sequence, row))
            row, sequence, probability = row[order], sequence[order], probability[order]
            first = has[row] & (sequence == answer.sequence[row])
            # An item that the plain answer has nothing for keeps the model's first choice.
            first |= first_choice(probability, row) & ~has[row]
        elif self.curve is None:
            return ranked
        else:
            first = first_choice(probability, row)
        top = np.zeros(n)
        top[row[first]] = probability[first] if self.curve is None else self.curve(probability[first])
        rest = settled(top, np.where(first, 0.0, probability), row)
        return Ranked(row, sequence, np.where(first, top[row], rest))


class Rehearsing(Protocol):
    """A fitted predictor, as a rehearsal asks it."""

    catalogue_: RoutingCatalogue
    book_: SequenceBook
    novelty_: Novelty
    modesty_: Modesty

    @property
    def of_today(self) -> Bools:
        """Per training item, whether its routing has no job that is out of use."""
        ...

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings."""
        ...

    def plain_answers(self, items: pl.DataFrame) -> PlainAnswers:
        """The plain answers from the same training items."""
        ...


@dataclass(frozen=True)
class Script:
    """What is rehearsed.

    Attributes
    ----------
    items, operations, evidence : polars.DataFrame, polars.DataFrame, TimeEvidence
        What the predictor was trained on.
    trained : Rehearsing
        The predictor trained on all of it.
    times : mapping of str to TimedOperations
        Per measure the times of the training items that predictions are judged by.
    within : mapping of str to Floats
        Per measure and job the standard deviation of ln(minutes) between orders.
    spread : mapping of str to Floats
        Per measure and job the standard deviation of ln(minutes) that `trained` makes P10 and P90 of.
    learn : callable
        A part of operations and evidence to a predictor that was trained on it.
    folds : int
        Parts that are left out in turn.
    seed : int
        Seed of the parts.
    answers_by : str or None, optional
        What gives the first candidate. None: what is right most often.
    """

    items: pl.DataFrame
    operations: pl.DataFrame
    evidence: TimeEvidence
    trained: Rehearsing
    times: Mapping[str, TimedOperations]
    within: Mapping[str, Floats]
    spread: Mapping[str, Floats]
    learn: Callable[[pl.DataFrame, TimeEvidence], Rehearsing]
    folds: int
    seed: int
    answers_by: AnswersBy | None = None

    def labels(self) -> pl.DataFrame:
        """item_key, group (of equal attributes), fold, the jobs as code, and today, of every training item in the catalogue's order.

        Today: whether it has no job that is out of use. Such a job is never proposed, so the item tells nothing about what is.
        """
        catalogue = self.trained.catalogue_
        known = catalogue.labels.select("item_key").join(
            self.items.select("item_key", "attribute_hash"), on="item_key", how="left", maintain_order="left"
        )
        hashes = known["attribute_hash"].to_numpy()
        _, first, number = np.unique(hashes, return_index=True, return_inverse=True)
        group = np.argsort(np.argsort(first))[number]  # in order of appearance, whatever the hashes are
        drawn = np.random.default_rng(self.seed).permutation(int(group.max(initial=0)) + 1)
        code, _ = self.trained.book_.texts(catalogue.label_sequence)
        return known.select(
            "item_key",
            group=pl.Series(group),
            fold=pl.Series(drawn[group] % self.folds),
            code=code.alias("code"),
            today=pl.Series(self.trained.of_today),
        )


@dataclass(frozen=True)
class _Heard:
    """What was answered to items left out.

    `answers`: item_key, code, and per way to answer its code and score; `sure`: whether the score of the model is that of an
    item of a known kind. `operations`: item_key, job_cd, res_cd, usual, and the time by measure.
    """

    answers: pl.DataFrame
    operations: pl.DataFrame


def rehearse(script: Script) -> Modesty:
    """Repeat the recipe on parts of the items, and judge it on the others.

    Parameters
    ----------
    script : Script
        What is rehearsed.

    Returns
    -------
    Modesty
        What the predictor may say.
    """
    labels = script.labels()
    today = labels.filter("today")
    if today["group"].n_unique() < LEAST_GROUPS:
        nothing = np.empty(0)
        return replace(
            script.trained.modesty_,
            curve=ModestCurve.fit(nothing, nothing, nothing),
            told=(
                "The routed items are too few, or too much alike, to rehearse on: no confidence is above one half.",
            ),
        )
    heard = [_perform(script, labels.filter(pl.col("fold") == f)) for f in range(script.folds)]
    answers = pl.concat([h.answers for h in heard]).join(today.drop("code"), on="item_key")
    operations = pl.concat([h.operations for h in heard]).join(
        labels.select("item_key", "group"), on="item_key"
    )
    weight = answers.select(1.0 / pl.len().over("group")).to_series().to_numpy()
    of_known_kind = answers["sure"].to_numpy()
    by, right = _chosen(answers, weight * of_known_kind, answers["group"].to_numpy(), script.answers_by)
    usual, machines = _usual_machines(operations, script.operations)
    widening = {m: _widening(m, operations, script) for m in MEASURES}
    known = of_known_kind | (by != "model")
    curve = ModestCurve.fit(
        answers[f"{by}_score"].to_numpy()[known], right[by][known], weight[known], slope=_slope(by)
    )
    told = (
        _told_of_answers(by, right, weight),
        *_told_of_machines(usual, machines),
        _told_of_times(widening),
    )
    return replace(
        script.trained.modesty_,
        answers_by=by,
        curve=curve,
        usual_machines=usual,
        widening=widening,
        told=tuple(t for t in told if t),
    )


def plain_only(trained: Rehearsing, items: pl.DataFrame, by: AnswersBy, seed: int) -> Modesty:
    """A plain answer for a plant of any size, whose confidence is learned from training items that copy from the others.

    Parameters
    ----------
    trained : Rehearsing
        The predictor.
    items : polars.DataFrame
        ITEMS frame with the training items.
    by : {'nearest', 'majority'}
        Which answer.
    seed : int
        Seed of the items that the confidence is learned from.

    Returns
    -------
    Modesty
        What the predictor may say.
    """
    catalogue = trained.catalogue_
    labels, plain = catalogue.labels, trained.plain_answers(items)
    rng, today = np.random.default_rng(seed), np.flatnonzero(trained.of_today)
    asked = np.sort(rng.choice(today, min(_MOST_ASKED, len(today)), replace=False))
    known = labels["item_key"].gather(asked).to_frame().join(items, on="item_key", maintain_order="left")
    answer = plain.majority(known, asked) if by == "majority" else plain.nearest(known, asked)
    hit = (answer.sequence == catalogue.label_sequence[asked]).astype(np.float64)
    weight = known.select(1.0 / pl.len().over("attribute_hash")).to_series().to_numpy()
    curve = ModestCurve.fit(answer.score, hit, weight, slope=_slope(by))
    share = float((hit * weight).sum() / max(weight.sum(), 1.0))
    told = f"The first candidate comes from {ANSWERS[by]}, which was right for {share:.2f} of {len(hit):,} routed items."
    return Modesty(by, curve, plain, told=(told,))


def _slope(by: AnswersBy) -> tuple[float, float]:
    """The expected slope of the curve of an answer's score."""
    return ALIKE if by == "nearest" else FITTED


def check_answers_by(given: object) -> None:
    """Check the parameter `answers_by`.

    Parameters
    ----------
    given : object
        What was given.

    Raises
    ------
    ModelError
        It is none of the words.
    """
    words = ("auto", *ANSWERS)
    if given not in words:
        raise ModelError(
            f"RoutingPredictor: answers_by = {given!r} is not one of {', '.join(words)}.",
            remedy="Give one of them.",
        )


def _perform(script: Script, left_out: pl.DataFrame) -> _Heard:
    """Train without some items and ask for them."""
    keys = left_out["item_key"].implode()
    asked = script.items.filter(pl.col("item_key").is_in(keys)).sort("item_key")
    known = script.operations.filter(~pl.col("item_key").is_in(keys))
    profile = script.evidence.by_item_operation
    told = replace(script.evidence, by_item_operation=profile.filter(~pl.col("item_key").is_in(keys)))
    model = script.learn(known, told)
    found = model.predict(asked)
    plain = model.plain_answers(script.items)
    frame = left_out.select("item_key", "code").sort("item_key")
    first = found.candidates.filter(pl.col("candidate_rank") == 1).select(
        "item_key", model="routing_code", model_score="confidence"
    )
    nobody = np.full(asked.height, -1, dtype=np.int64)
    for name, answer in (
        ("nearest", plain.nearest(asked, nobody)),
        ("majority", plain.majority(asked, nobody)),
    ):
        code = model.book_.texts(np.maximum(answer.sequence, 0))[0]
        frame = frame.with_columns(
            pl.when(pl.Series(answer.sequence >= 0)).then(code).alias(name),
            pl.Series(f"{name}_score", answer.score),
        )
    sure = pl.DataFrame({"item_key": asked["item_key"], "sure": ~model.novelty_.unseen(asked)})
    frame = (
        frame.join(first, on="item_key", how="left", maintain_order="left")
        .join(sure, on="item_key", maintain_order="left")
        .with_columns(pl.col("model_score").fill_null(0.0))
    )
    usual = (
        known.filter((pl.col("routing_rank") == 0) & pl.col("res_cd").is_not_null())
        .group_by("job_cd", "res_cd")
        .agg(n=pl.len())
        .sort("job_cd", "n", "res_cd", descending=[False, True, False])
        .unique("job_cd", keep="first", maintain_order=True)
        .select("job_cd", usual="res_cd")
    )
    operations = (
        found.operations.filter(pl.col("candidate_rank") == 1)
        .select("item_key", "job_cd", "res_cd", *(f"{m}_time" for m in MEASURES))
        .unique(["item_key", "job_cd"], keep="first", maintain_order=True)
        .join(usual, on="job_cd", how="left", maintain_order="left")
    )
    return _Heard(frame, operations)


def _chosen(
    answers: pl.DataFrame, weight: Floats, group: Ints, asked: AnswersBy | None
) -> tuple[AnswersBy, dict[AnswersBy, Floats]]:
    """What answers, and per way to answer whether it was right, item by item.

    Items of a kind that the others do not have weigh nothing: the model abstains there, or doubts itself. Items of one group are
    one case, however many they are.
    """
    right: dict[AnswersBy, Floats] = {
        name: answers.select((pl.col(name) == pl.col("code")).fill_null(value=False))
        .to_series()
        .to_numpy()
        .astype(np.float64)
        for name in ANSWERS
    }
    best: AnswersBy = asked or "model"
    for name in ANSWERS:
        gained: Floats = np.bincount(group, (right[name] - right[best]) * weight).astype(np.float64)
        if asked is None and _better(gained, _MARGIN):
            best = name
    return best, right


def _better(difference: Floats, margin: float) -> bool:
    """Whether the sum of the differences of groups is above 0 by more than a number of its standard errors."""
    return bool(difference.sum() > margin * np.sqrt((difference**2).sum()))


def _usual_machines(operations: pl.DataFrame, written: pl.DataFrame) -> tuple[bool, tuple[float, float, int]]:
    """Whether the job's most frequent machine is right more often, and both shares with the number of operations."""
    actual = (
        written.filter((pl.col("routing_rank") == 0) & pl.col("res_cd").is_not_null())
        .select("item_key", "job_cd", actual="res_cd")
        .unique(["item_key", "job_cd"], keep="first", maintain_order=True)
    )
    rows = operations.join(actual, on=["item_key", "job_cd"]).select(
        "group",
        own=(pl.col("res_cd") == pl.col("actual")).fill_null(value=False).cast(pl.Float64),
        usual=(pl.col("usual") == pl.col("actual")).fill_null(value=False).cast(pl.Float64),
    )
    if not rows.height:
        return False, (0.0, 0.0, 0)
    by_group = rows.group_by("group", maintain_order=True).agg(
        difference=(pl.col("usual") - pl.col("own")).sum()
    )["difference"]
    better = _better(by_group.to_numpy(), _MACHINE_MARGIN)
    return better, (float(rows["own"].sum()), float(rows["usual"].sum()), rows.height)


def _widening(measure: str, operations: pl.DataFrame, script: Script) -> float:
    """By what the spread of a measure is multiplied, from the errors on items left out.

    It is the spread of the predictor that is deployed: what each rehearsed one thinks of itself differs by more than its errors.

    P10 to P90 are to hold 0.8 (n + 1) / n of the orders of n groups of items: the errors of one item go together, and of n
    new errors the next one is beyond the widest with a chance of 1 / (n + 1) (split conformal prediction, Lei et al. 2018).
    """
    known, catalogue = script.times[measure], script.trained.catalogue_
    actual = pl.DataFrame(
        {
            "item_key": catalogue.labels["item_key"].gather(known.label),
            "job_cd": catalogue.jobs.gather(known.job),
            "job": known.job,
            "actual": known.value,
            "samples": known.samples,
        }
    )
    value = pl.col(f"{measure}_time")
    rows = (
        operations.filter(value > 0)
        .join(actual, on=["item_key", "job_cd"])
        .select("group", "job", "samples", error=pl.col("actual") - value.log())
    )
    n = rows["group"].n_unique()
    if n < LEAST_GROUPS or measure not in script.spread:
        return 1.0
    job, error = rows["job"].to_numpy(), rows["error"].to_numpy()
    within, spread = script.within[measure][job], script.spread[measure][job]
    sampling = within**2 / np.maximum(rows["samples"].to_numpy(), 1.0)
    between = max(float(np.mean(error**2 - sampling)), 1e-4)
    error = error * np.sqrt(between / (between + sampling))
    return covering_scale(error, within, spread, min(COVERED * (n + 1) / n, _MOST_COVERED))


# --- what the card is told -------------------------------------------------------------------------------------------


def _told_of_answers(by: AnswersBy, right: Mapping[AnswersBy, Floats], weight: Floats) -> str:
    total = float(weight.sum())
    shares = {name: float((hit * weight).sum()) / total for name, hit in right.items()}
    others = " and ".join(f"{ANSWERS[name]} {shares[name]:.2f}" for name in ANSWERS if name != "model")
    return (
        f"Rehearsed on {len(weight)} routed items, each left out once: the model found the routing of a share of "
        f"{shares['model']:.2f}, {others}. "
        + ("The model answers" if by == "model" else f"So the first candidate comes from {ANSWERS[by]}")
        + f"; no confidence is above {(total + 1) / (total + 2):.3f}."
    )


def _told_of_machines(usual: bool, counted: tuple[float, float, int]) -> tuple[str, ...]:
    own, plain, n = counted
    if not usual:
        return ()
    return (
        f"Machines: each job gets its most frequent machine, which was right for {plain / n:.2f} of {n} operations of items left "
        f"out, the model for {own / n:.2f}.",
    )


def _told_of_times(widening: Mapping[str, float]) -> str:
    parts = [f"{m} {w:.2f}" for m, w in widening.items() if w != 1.0]
    return (
        f"P10 to P90 were widened to what items left out showed, by a factor of: {', '.join(parts)}."
        if parts
        else ""
    )
