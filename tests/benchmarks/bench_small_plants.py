"""How honest the product is with few routed items: 30, 60, 115 and 300 of them, over many plants.

    python tests/benchmarks/bench_small_plants.py --label before --out /tmp/small.parquet
    python tests/benchmarks/bench_small_plants.py --label after --out /tmp/small.parquet
    python tests/benchmarks/bench_small_plants.py --show /tmp/small.parquet

Each plant has a few hundred items of which `--sizes` keep their routing and work results; a model is trained on these as the
night does, and judged on items that it has not seen by the plant's truth, beside three simple answers: the nearest item's
routing, the part type's most frequent routing, and, for machines, the job's most frequent machine. Plants are demo plants of
several grammars and workshops of another simulator (`tests/support/workshop.py`).

A plant is *worse by more than noise* than a simple answer when its mean difference over the judged items, taken item by item,
is below zero by more than 1.96 standard errors.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtr
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from routing_etl.evaluation.baselines import MajorityByPartType, NearestCopyPredictor
from routing_etl.evaluation.comparison import Comparison, compare
from routing_etl.evaluation.markdown import table
from routing_etl.evaluation.reference import TIME_COLUMNS, expected_routings
from routing_etl.evaluation.truth import Truth
from routing_etl.frames import AttributeSpec, TimeBasis, TimeEvidence
from routing_etl.log import configure
from routing_etl.model.predictor import RoutingPredictor

SIZES = (30, 60, 115, 300)
#: Items of a plant, and most that are judged.
ITEMS, JUDGED = 700, 600
#: Grammars of the demo plants; None stands for the workshop. Seeds take them in turn.
GRAMMARS: tuple[dict[str, float] | None, ...] = (
    {
        "families": 3,
        "part_types": 8,
        "conditional_share": 0.1,
        "attributes_per_family": 3,
        "planner_noise": 0.1,
    },
    None,
    {"families": 5, "part_types": 10, "conditional_share": 0.05, "planner_noise": 0.03, "dirt": 0.0},
    {"families": 4, "part_types": 40, "conditional_share": 0.25, "planner_noise": 0.2},
    {"families": 8, "part_types": 40, "conditional_share": 0.15, "time_noise": 0.4},
)


@dataclass(frozen=True)
class Small:
    """A plant of which any part may be routed."""

    name: str
    items: pl.DataFrame
    operations: pl.DataFrame
    attributes: tuple[AttributeSpec, ...]
    times: Path
    basis: TimeBasis
    pool_words: tuple[str, ...]
    truth: Truth


def make(seed: int, work: Path) -> Small:
    """The plant of a seed."""
    grammar = GRAMMARS[seed % len(GRAMMARS)]
    if grammar is None:
        return _workshop(seed, work)
    from accuracy import Asked

    plant = Asked(ITEMS, 5000 + seed, {**grammar, "routed_share": 0.8}).make(work)
    return Small(
        f"demo {grammar}", plant.items, plant.operations, plant.attributes, plant.times, plant.basis, plant.pool_words,
        plant.truth,
    )  # fmt: skip


def _workshop(seed: int, work: Path) -> Small:
    from routing_etl.times.profiles import ReportedTimes, build_profiles
    from tests.support.workshop import ATTRIBUTES, make_workshop

    shop, basis = make_workshop(ITEMS, seed, models=3 + seed % 7), TimeBasis()
    build_profiles(ReportedTimes(shop.results.lazy(), basis), shop.operations.lazy(), work / "times")
    return Small("workshop", shop.items, shop.operations, ATTRIBUTES, work / "times", basis, (), shop.truth)


@dataclass(frozen=True)
class Trial:
    """A plant with some routed items, and the items to judge."""

    plant: Small
    items: pl.DataFrame
    operations: pl.DataFrame
    times: TimeEvidence
    asked: pl.DataFrame

    @classmethod
    def of(cls, plant: Small, n: int, seed: int) -> Trial:
        """Keep the routings of `n` items drawn at random; judge items that the truth knows and that are no copies of them."""
        from routing_etl.times.profiles import subset_evidence

        rng = np.random.default_rng((seed, n))
        routed = plant.operations.filter(pl.col("routing_rank") == 0)["item_key"].unique().sort()
        kept = routed.gather(np.sort(rng.choice(len(routed), n, replace=False)))
        known = plant.items.join(kept.to_frame(), on="item_key", how="semi")
        others = (
            plant.items.join(kept.to_frame(), on="item_key", how="anti")
            .join(plant.truth.routings.select("item_key").unique(), on="item_key", how="semi")
            .filter(~pl.col("attribute_hash").is_in(known["attribute_hash"].implode()))
            .filter(pl.col("part_type").is_null() | pl.col("part_type").is_in(known["part_type"].implode()))
            .sort("item_key")
        )
        asked = others.gather(np.sort(rng.choice(others.height, min(JUDGED, others.height), replace=False)))
        hidden = plant.items["item_key"].filter(~plant.items["item_key"].is_in(kept.implode()))
        return cls(
            plant,
            pl.concat([known, asked]),
            plant.operations.join(kept.to_frame(), on="item_key", how="semi"),
            subset_evidence(plant.times, hidden, plant.basis),
            asked,
        )

    def predictor(self, seed: int) -> RoutingPredictor:
        """An unfitted predictor as the night makes it."""
        return RoutingPredictor(
            attributes=self.plant.attributes, pool_words=self.plant.pool_words, random_state=seed, n_jobs=1
        )


def judge(trial: Trial, seed: int) -> dict[str, object]:
    """Train, predict, compare: one row of figures, with lists of a value per judged item."""
    started = time.perf_counter()
    model = trial.predictor(seed).fit(trial.items, trial.operations, times=trial.times)
    seconds = time.perf_counter() - started
    answers = {"model": model.predict(trial.asked)}
    for name, maker in (("nearest", NearestCopyPredictor), ("majority", MajorityByPartType)):
        answers[name] = maker().fit(trial.items, trial.operations, times=trial.times).predict(trial.asked)
    reference = expected_routings(trial.plant.truth, trial.asked["item_key"])
    found = {name: compare(answer, reference) for name, answer in answers.items()}
    row: dict[str, object] = {"fit_seconds": seconds, "judged": trial.asked.height}
    for name, one in found.items():
        hit, sure = _first(one)
        row |= {f"{name}_hit": hit.tolist(), f"{name}_sure": sure.tolist()}
    row |= _machines(found, trial)
    row |= _coverage(found["model"])
    row["notes"] = " | ".join(model.notes_)
    return row


def _first(found: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Per item: probability that the first candidate is right (0 without one), and its confidence (NaN without one)."""
    hit, sure = np.zeros(found.n_items), np.full(found.n_items, np.nan)
    best = found.candidates.filter(pl.col("rank") == 1)
    hit[best["item"].to_numpy()] = best["hit"].to_numpy()
    sure[best["item"].to_numpy()] = best["confidence"].to_numpy()
    return hit, sure


def _machines(found: dict[str, Comparison], trial: Trial) -> dict[str, object]:
    """Per item right machines and operations: of the model, of the job's majority, of the nearest item where it has the job."""
    usual = (
        trial.operations.filter(pl.col("res_cd").is_not_null())
        .group_by("job_cd", "res_cd")
        .agg(n=pl.len())
        .sort("job_cd", "n", "res_cd", descending=[False, True, False])
        .unique("job_cd", keep="first", maintain_order=True)
        .select("job_cd", usual="res_cd")
    )
    near = found["nearest"].matches.select("item", "variant", "actual_pos", near="predicted_res")
    rows = (
        found["model"]
        .matches.filter(pl.col("actual_res").is_not_null())
        .join(usual, on="job_cd", how="left")
        .join(near, on=["item", "variant", "actual_pos"], how="left")
        .group_by("item")
        .agg(
            n=pl.col("weight").sum(),
            **{
                name: (
                    pl.col("weight") * (pl.col("actual_res") == pl.col(column)).fill_null(value=False)
                ).sum()
                for name, column in (("own", "predicted_res"), ("usual", "usual"))
            },
            n_near=pl.col("weight").filter(pl.col("near").is_not_null()).sum(),
            **{
                name: (pl.col("weight") * (pl.col("actual_res") == pl.col(column)).fill_null(value=False))
                .filter(pl.col("near").is_not_null())
                .sum()
                for name, column in (("own_near", "predicted_res"), ("near", "near"))
            },
        )
        .sort("item")
    )
    return {f"res_{c}": rows[c].to_list() for c in rows.columns if c != "item"}


def _coverage(found: Comparison) -> dict[str, object]:
    """Per measure the mean probability that one order's time lies between P10 and P90, and operations judged."""
    out: dict[str, object] = {}
    for measure, (_, low, high) in TIME_COLUMNS.items():
        sigma = found.reference.time_sigma.get(measure, 0.0)
        rows = found.matches.filter(
            pl.col(low).is_not_null() & pl.col(high).is_not_null() & (pl.col(f"{measure}_actual") > 0)
        )
        ends = [
            np.log(np.maximum(rows[c].to_numpy(), 1e-9) / rows[f"{measure}_actual"].to_numpy())
            for c in (low, high)
        ]
        inside = ndtr(ends[1] / sigma) - ndtr(ends[0] / sigma)
        weight = rows["weight"].to_numpy()
        out[f"{measure}_inside"] = float((inside * weight).sum())
        out[f"{measure}_operations"] = float(weight.sum())
        out[f"{measure}_width"] = float((np.abs(ends[1] - ends[0]) * weight).sum())
    return out


# --- the table -------------------------------------------------------------------------------------------------------


def ece(sure: np.ndarray, hit: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    known = np.isfinite(sure)
    sure, hit = sure[known], hit[known]
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(place, sure - hit, bins)
    return float(np.abs(gap).sum() / max(len(sure), 1))


def least_ece(sure: np.ndarray, draws: int = 40) -> float:
    """The mean of `ece` over so many draws of right and wrong answers to which these confidences are true: never 0."""
    known = sure[np.isfinite(sure)]
    rng = np.random.default_rng(0)
    return float(np.mean([ece(known, (rng.random(len(known)) < known).astype(float)) for _ in range(draws)]))


def learned_ece(sure: np.ndarray, routed: int, draws: int = 40) -> float:
    """The mean of `ece` of a forecaster to whom these confidences are true but for a base rate learned from `routed` answers.

    The log-odds are off by a normal error whose variance is that of a base rate of so many independent answers. Nobody who learns
    from one plant alone does better in the mean; families of like items are no independent answers, so plants do worse.
    """
    known = np.clip(sure[np.isfinite(sure)], 1e-6, 1 - 1e-6)
    rng = np.random.default_rng(0)
    error = 1.0 / np.sqrt(routed * np.mean(known * (1.0 - known)))
    off = [expit(logit(known) + rng.normal(0.0, error)) for _ in range(draws)]
    return float(np.mean([ece(told, (rng.random(len(known)) < known).astype(float)) for told in off]))


def _worse(mine: np.ndarray, other: np.ndarray) -> bool:
    difference = mine - other
    if len(difference) < 2:
        return False
    return bool(difference.mean() + 1.96 * difference.std(ddof=1) / np.sqrt(len(difference)) < 0)


def _difference(rows: pl.DataFrame, other: str) -> str:
    """Mean over plants of the exact match less that of a simple answer, and its standard error."""
    each = [
        np.mean(np.asarray(a) - np.asarray(b))
        for a, b in zip(rows["model_hit"].to_list(), rows[f"{other}_hit"].to_list(), strict=True)
    ]
    error = np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return f"{np.mean(each):+.3f} ± {error:.3f}"


def _joined(rows: pl.DataFrame, column: str) -> np.ndarray:
    return np.concatenate([np.asarray(v, dtype=float) for v in rows[column].to_list()])


def figures(rows: pl.DataFrame) -> list[str]:
    """The figures of all plants of one size under one label, in the order of `HEAD`."""
    hit, sure = _joined(rows, "model_hit"), _joined(rows, "model_sure")
    each = [
        ece(np.asarray(s, dtype=float), np.asarray(h))
        for s, h in zip(rows["model_sure"].to_list(), rows["model_hit"].to_list(), strict=True)
    ]
    learned = [
        learned_ece(np.asarray(s, dtype=float), n)
        for s, n in zip(rows["model_sure"].to_list(), rows["size"].to_list(), strict=True)
    ]
    least = [least_ece(np.asarray(s, dtype=float)) for s in rows["model_sure"].to_list()]
    known = np.isfinite(sure)
    most = [float(np.nanmax(np.asarray(s, dtype=float))) for s in rows["model_sure"].to_list()]
    top = sure >= np.nanquantile(sure, 0.9)
    gap = [
        float(
            np.nanmean(np.asarray(s, dtype=float))
            - np.asarray(h)[np.isfinite(np.asarray(s, dtype=float))].mean()
        )
        for s, h in zip(rows["model_sure"].to_list(), rows["model_hit"].to_list(), strict=True)
    ]
    worse = {
        other: np.mean(
            [
                _worse(np.asarray(a), np.asarray(b))
                for a, b in zip(rows["model_hit"].to_list(), rows[f"{other}_hit"].to_list(), strict=True)
            ]
        )
        for other in ("nearest", "majority")
    }
    machine = {
        c: _joined(rows, f"res_{c}").sum() for c in ("own", "usual", "n", "own_near", "near", "n_near")
    }
    worse_machine = np.mean(
        [
            _worse(np.asarray(a) / np.asarray(n), np.asarray(b) / np.asarray(n))
            for a, b, n in zip(
                rows["res_own"].to_list(), rows["res_usual"].to_list(), rows["res_n"].to_list(), strict=True
            )
        ]
    )
    covered = [rows[f"{m}_inside"].sum() / rows[f"{m}_operations"].sum() for m in ("setup", "run")]
    each_covered = [
        float(np.quantile((rows[f"{m}_inside"] / rows[f"{m}_operations"]).drop_nans().to_numpy(), 0.1))
        for m in ("setup", "run")
    ]
    width = [rows[f"{m}_width"].sum() / rows[f"{m}_operations"].sum() for m in ("setup", "run")]
    return [
        str(rows.height),
        f"{hit.mean():.3f}",
        f"{_joined(rows, 'nearest_hit').mean():.3f}",
        f"{_joined(rows, 'majority_hit').mean():.3f}",
        f"{known.mean():.2f}",
        f"{np.mean(each):.3f} / {np.mean(least):.3f} / {np.mean(learned):.3f} / {ece(sure, hit):.3f}",
        f"{np.mean(gap):+.3f}",
        f"{np.max(most):.3f} / {np.mean(most):.3f}",
        f"{np.nanmean(sure[top]):.3f} / {hit[top].mean():.3f}",
        *(_difference(rows, other) for other in ("nearest", "majority")),
        f"{covered[0]:.3f} ({each_covered[0]:.2f})",
        f"{covered[1]:.3f} ({each_covered[1]:.2f})",
        f"{width[0]:.2f} / {width[1]:.2f}",
        f"{machine['own'] / machine['n']:.3f} / {machine['usual'] / machine['n']:.3f}",
        f"{machine['own_near'] / machine['n_near']:.3f} / {machine['near'] / machine['n_near']:.3f}",
        f"{worse['nearest']:.2f} / {worse['majority']:.2f} / {worse_machine:.2f}",
        f"{rows['fit_seconds'].mean():.1f}",
    ]


HEAD = (
    "label", "routed", "plants", "exact", "nearest", "majority", "answered", "ECE mean / of true confidence / with a base rate learned from n / pooled", "over-confidence", "highest confidence max / mean", "surest tenth: told / right",
    "exact less nearest", "exact less majority",
    "set-up coverage (worst tenth)", "run coverage (worst tenth)", "ln width", "machine own / usual", "machine own / nearest",
    "worse than nearest / majority / usual machine", "s",
)  # fmt: skip


def show(found: pl.DataFrame) -> str:
    """The table: a line per size and label."""
    body = [
        [str(label), str(size), *figures(rows)]
        for (size, label), rows in found.sort("size", "label", descending=[False, True]).group_by(
            ["size", "label"], maintain_order=True
        )
    ]
    return "\n".join(table(HEAD, body))


def run(
    sizes: Sequence[int], seeds: Sequence[int], label: str, cache: Path, out: Path | None
) -> pl.DataFrame:
    """Judge every size on the plant of every seed. Plants are kept in `cache`, because making one takes longer than a fit.

    What was found so far is written to `out` after every plant.
    """
    before = pl.read_parquet(out).filter(pl.col("label") != label) if out and out.exists() else pl.DataFrame()
    rows = []
    for seed in seeds:
        kept = cache / f"plant-{seed}"
        if not (kept / "plant.pickle").exists():
            kept.mkdir(parents=True, exist_ok=True)
            plant = make(seed, kept)
            (kept / "plant.pickle").write_bytes(pickle.dumps(plant))
        plant = pickle.loads((kept / "plant.pickle").read_bytes())
        for size in sizes:
            with threadpool_limits(1):
                found = judge(Trial.of(plant, size, seed), seed)
            rows.append({"label": label, "size": size, "seed": seed, "plant": plant.name, **found})
            hit = np.mean(np.asarray(found["model_hit"]))
            print(
                f"{label} seed {seed} size {size}: exact {hit:.3f}, {found['fit_seconds']:.1f} s",
                file=sys.stderr,
                flush=True,
            )
        found = pl.concat([before, pl.DataFrame(rows, infer_schema_length=None)], how="diagonal_relaxed")
        if out:
            found.write_parquet(out)
    return found


def main() -> None:
    """Judge and print, or print what was judged before."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", type=int, default=20, help="plants per size")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--label", default="now")
    parser.add_argument(
        "--out", type=Path, help="Parquet file that figures are kept in, beside those of other labels"
    )
    parser.add_argument("--cache", type=Path, help="folder for plants")
    parser.add_argument("--show", type=Path, help="only print the table of such a file")
    args = parser.parse_args()
    configure(None)
    if args.show:
        print(show(pl.read_parquet(args.show)))
        return
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(args.first, args.first + args.seeds)
        found = run(args.sizes, seeds, args.label, args.cache or Path(folder), args.out)
    print(show(found))


if __name__ == "__main__":
    main()
