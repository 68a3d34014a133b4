"""Plots for people who watch the night, as PNG bytes, drawn from plain tables.

Belongs here: drawing. Does not: choosing what is measured, where a picture is shown. Matplotlib is imported when a plot
is drawn; its `Figure` is used without pyplot, so nothing global is touched and threads may draw at once. Texts are
codes and English words: fonts with Korean glyphs are not everywhere, so anything outside ASCII is written as escapes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Row = Mapping[str, Any]

_SIZE, _DPI = (6.8, 4.2), 100
_BLUE, _GREY, _RED, _LIGHT = "#2563a8", "#7d8790", "#c2410c", "#bcd2e8"
_GREEN, _OTHERS = "#2f7d4f", (_RED, "#7a4fa0", "#8a6d1f", "#4d5a63")
_JOBS = 20
_UNITS = {"run": "minutes per piece", "setup": "minutes per order"}
#: What the trend shows, best known first.
TREND_METRICS = ("exact_at_1", "exact_at_4", "operation_f1", "resource_top1", "ece")


def _png(title: str, draw: Callable[[Axes], None]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e7ea", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title(title, fontsize=11, loc="left")
    draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _log_scale(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of each decade, so that labels do not run into each other."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _percent() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1, decimals=0)


def _text(value: object, length: int = 18) -> str:
    plain = str(value).encode("ascii", "backslashreplace").decode()
    return plain if len(plain) <= length else f"{plain[: length - 2]}.."


def time_profile_by_job(by_job: pl.DataFrame, measure: str = "run") -> bytes | None:
    """OPT to SAFE with STD of the jobs with the most samples; None when no job has any.

    Parameters
    ----------
    by_job: TIME_BY_JOB frame. measure: 'run' (minutes per piece) or 'setup' (minutes per order).
    """
    columns = {s: f"{measure}_{s}" for s in ("optimal", "standard", "safe")}
    rows = (
        by_job.filter(pl.col(f"{measure}_n") > 0, *(pl.col(c) > 0 for c in columns.values()))
        .top_k(_JOBS, by=f"{measure}_n")
        .sort(columns["standard"])
    )
    if rows.is_empty():
        return None

    def draw(axes: Axes) -> None:
        places = range(rows.height)
        low, mid, high = (rows[c].to_list() for c in columns.values())
        axes.hlines(places, low, high, color=_LIGHT, linewidth=7)
        axes.plot(mid, places, "o", color=_BLUE, markersize=5, label="STD")
        axes.plot(low, places, "|", color=_GREY, label="OPT")
        axes.plot(high, places, "|", color=_RED, label="SAFE")
        axes.set_yticks(list(places), [_text(j) for j in rows["job_cd"]], fontsize=7)
        axes.set_xscale("log")
        _log_scale(axes.xaxis)
        axes.set_xlabel(_UNITS[measure])
        axes.legend(fontsize=8, loc="lower right")

    name = "Run" if measure == "run" else "Set-up"
    return _png(f"{name} time by job: the {rows.height} jobs with the most work results", draw)


def predicted_against_actual(rows: Sequence[Row], measure: str = "run") -> bytes | None:
    """Predicted over actual minutes of held-out operations with the identity line; None without a point.

    `rows`: measure, predicted, actual, as `EvaluationReport.time_sample`.
    """
    points = [(r["actual"], r["predicted"]) for r in rows if r["measure"] == measure]
    if not points:
        return None

    def draw(axes: Axes) -> None:
        actual, predicted = zip(*points, strict=True)
        ends = [min(*actual, *predicted) * 0.8, max(*actual, *predicted) * 1.25]
        axes.plot(ends, ends, color=_RED, linewidth=1, label="predicted = actual")
        axes.plot(actual, predicted, "o", color=_BLUE, markersize=3.5, alpha=0.5, linewidth=0)
        axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
        _log_scale(axes.xaxis)
        _log_scale(axes.yaxis)
        axes.set_xlabel(f"actual, {_UNITS[measure]}")
        axes.set_ylabel(f"predicted, {_UNITS[measure]}")
        axes.legend(fontsize=8, loc="upper left")

    name = "Run" if measure == "run" else "Set-up"
    return _png(f"{name} time of {len(points)} held-out operations", draw)


def confidence_calibration(rows: Sequence[Row]) -> bytes | None:
    """How often first candidates were exact over how sure the model was; None without a bin.

    `rows`: n, confidence, observed per bin, as `EvaluationReport.calibration`.
    """
    if not rows:
        return None

    def draw(axes: Axes) -> None:
        most = max(r["n"] for r in rows)
        axes.plot([0, 1], [0, 1], color=_RED, linewidth=1, label="perfectly calibrated")
        sure, seen = [r["confidence"] for r in rows], [r["observed"] for r in rows]
        low, high = zip(*(_wilson(r["observed"], r["n"]) for r in rows), strict=True)
        axes.vlines(sure, low, high, color=_LIGHT, linewidth=3, label="95 % interval of the share")
        sizes = [20 + 220 * r["n"] / most for r in rows]
        axes.scatter(
            sure, seen, s=sizes, color=_BLUE, alpha=0.8, zorder=3, label="judged items (size: how many)"
        )
        axes.set(xlim=(-0.02, 1.04), ylim=(-0.04, 1.06))
        axes.set_xlabel("confidence of the first candidate")
        axes.set_ylabel("share that was the engineer's routing")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

    return _png(f"Calibration on {sum(r['n'] for r in rows):,} judged items", draw)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a share of n (Wilson 1927)."""
    z2 = 1.96**2
    middle, half = share + z2 / (2 * n), 1.96 * (share * (1 - share) / n + z2 / (4 * n * n)) ** 0.5
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def accuracy_against_coverage(curve: Sequence[Row], rows: Sequence[Row]) -> bytes | None:
    """How often the first candidate is exact when only the surest share of the items is accepted; None without a curve.

    Every baseline is one point: the share of items it answers and how often it is exact there. An oracle, where there
    is one, is drawn at all items and at its surest half.

    Parameters
    ----------
    curve: coverage (0..1 of all items), accuracy, as `EvaluationReport.coverage`. rows: METRICS rows.
    """
    known = [(r["coverage"], r["accuracy"]) for r in curve if r["accuracy"] is not None]
    if not known:
        return None
    values = {(r["method"], r["metric"]): r["value"] for r in rows if r["segment"] == "all"}
    exact = "exact_at_1" if ("model", "exact_at_1") in values else "expected_exact_at_1"
    points = [
        (method, values[method, "answered_share"], value)
        for (method, metric), value in sorted(values.items())
        if metric == f"{exact}_answered" and value is not None and (method, "answered_share") in values
        if method not in ("model", "oracle", "ceiling") and not method.startswith("model_minus_")
    ]
    halves = [(0.5, values.get(("oracle", f"{exact}_surest_half"))), (1.0, values.get(("oracle", exact)))]
    best = [(share, value) for share, value in halves if value is not None]

    def draw(axes: Axes) -> None:
        share, right = zip(*known, strict=True)
        axes.plot(
            share, right, "o-", color=_BLUE, markersize=4, linewidth=1.8, label="model, surest items first"
        )
        if best:
            axes.plot(
                *zip(*best, strict=True), "D--", color=_GREEN, markersize=6, linewidth=1, label="oracle"
            )
        for (method, answered, value), marker, colour in zip(points, "sv^P", _OTHERS, strict=False):
            label = _text(method, 24)
            axes.plot(
                [answered],
                [value],
                marker,
                color=colour,
                markersize=8,
                linewidth=0,
                label=label,
                clip_on=False,
            )
        axes.set(xlim=(0, 1.03), ylim=(0, 1.04))
        axes.xaxis.set_major_formatter(_percent())
        axes.yaxis.set_major_formatter(_percent())
        axes.set_xlabel("share of all items whose first candidate is accepted")
        axes.set_ylabel("share of these that is exact")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

    what = "Expected exact match" if exact.startswith("expected") else "Exact match"
    return _png(f"{what} against coverage", draw)


def of_evaluation(report: Mapping[str, Any]) -> dict[str, bytes | None]:
    """The plots of an evaluation or a training by name; None for those that have nothing to draw.

    `report`: metrics (METRICS rows), calibration, coverage, time_sample, as the steps `evaluate` and `train` report.
    """
    sample = report.get("time_sample") or []
    return {
        "accuracy_against_coverage": accuracy_against_coverage(
            report.get("coverage") or [], report["metrics"]
        ),
        "confidence_calibration": confidence_calibration(report.get("calibration") or []),
        "predicted_against_actual_run_time": predicted_against_actual(sample, "run"),
        "predicted_against_actual_setup_time": predicted_against_actual(sample, "setup"),
    }


def save(pictures: Mapping[str, bytes | None], folder: Path) -> list[Path]:
    """Write `<name>.png` for every picture that was drawn, in a folder that is made when missing; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, png in pictures.items():
        if png is not None:
            files.append(folder / f"{name}.png")
            files[-1].write_bytes(png)
    return files


def metric_trend(versions: Sequence[tuple[str, Sequence[Row]]]) -> bytes | None:
    """Headline metrics over model versions, oldest first, with their 95 % intervals; None without a measured one.

    `versions`: name and METRICS rows of each version.
    """
    measured = [(name, [r for r in rows if _headline(r)]) for name, rows in versions]
    measured = [(name, rows) for name, rows in measured if rows]
    if not measured:
        return None

    def draw(axes: Axes) -> None:
        for metric in TREND_METRICS:
            found = [
                (i, r["value"], r["low"] if r["low"] is not None else r["value"],
                 r["high"] if r["high"] is not None else r["value"])
                for i, (_, rows) in enumerate(measured) for r in rows if r["metric"] == metric
            ]  # fmt: skip
            if found:
                at, value, low, high = zip(*found, strict=True)
                [line] = axes.plot(at, value, "o-", markersize=4, linewidth=1.5, label=metric)
                axes.vlines(at, low, high, color=line.get_color(), alpha=0.4, linewidth=3)
        names = [_text(name, 24) for name, _ in measured]
        axes.set_xticks(range(len(names)), names, fontsize=7, rotation=20, ha="right")
        axes.set(ylim=(-0.03, 1.05), xlim=(-0.5, max(len(names) - 0.5, 0.5)))
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

    return _png("Metrics on held-out items over model versions", draw)


def _headline(row: Row) -> bool:
    return (
        row["method"] == "model"
        and row["segment"] == "all"
        and row["metric"] in TREND_METRICS
        and row["value"] is not None
    )


def similarity_distribution(scores: pl.Series, threshold: float) -> bytes | None:
    """Histogram of the first candidates' similarity, 0 to 1; None when nothing was predicted.

    `threshold`: where the tier HIGH begins.
    """
    known = scores.drop_nulls()
    if known.is_empty():
        return None
    bins = 40
    counts = (
        known.to_frame("s")
        .select((pl.col("s") * bins).floor().clip(0, bins - 1).cast(pl.Int32).alias("bin"))
        .group_by("bin")
        .len()
    )
    by_bin: dict[int, int] = dict(counts.iter_rows())

    def draw(axes: Axes) -> None:
        axes.bar(
            [(b + 0.5) / bins for b in range(bins)], [by_bin.get(b, 0) for b in range(bins)],
            width=0.92 / bins, color=_BLUE,
        )  # fmt: skip
        axes.axvline(threshold, color=_RED, linewidth=1, label=f"HIGH from {threshold:g}")
        axes.set_xlim(0, 1.01)
        axes.set_xlabel("similarity of the reference item")
        axes.set_ylabel("predicted items")
        axes.legend(fontsize=8, loc="upper left")

    high = (known >= threshold).sum()
    return _png(f"Similarity of {known.len():,} predicted items, {high:,} of tier HIGH", draw)


def first_candidates(candidates: pl.LazyFrame) -> pl.Series:
    """Similarity scores of the first candidates of a CANDIDATES frame."""
    first = candidates.filter(pl.col(frames.RANK.name) == 1).select("similarity_score")
    return first.collect()["similarity_score"]
