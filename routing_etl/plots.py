"""Plots for people who watch the night, as PNG bytes, drawn from plain tables.

Belongs here: drawing. Does not: choosing what is measured, where a picture is shown. Matplotlib is imported when a plot
is drawn; its `Figure` is used without pyplot, so nothing global is touched and threads may draw at once. Texts are
codes and English words: fonts with Korean glyphs are not everywhere, so anything outside ASCII is written as escapes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import frames

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Row = Mapping[str, Any]

_SIZE, _DPI = (6.8, 4.2), 100
_BLUE, _GREY, _RED, _LIGHT = "#2563a8", "#7d8790", "#c2410c", "#bcd2e8"
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
        axes.plot(sure, seen, color=_LIGHT, linewidth=1.5)
        sizes = [20 + 220 * r["n"] / most for r in rows]
        axes.scatter(sure, seen, s=sizes, color=_BLUE, alpha=0.7, label="held-out items (size: how many)")
        axes.set(xlim=(-0.02, 1.04), ylim=(-0.04, 1.06))
        axes.set_xlabel("confidence of the first candidate")
        axes.set_ylabel("share that was the engineer's routing")
        axes.legend(fontsize=8, loc="upper left")

    return _png(f"Calibration on {sum(r['n'] for r in rows):,} held-out items", draw)


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
