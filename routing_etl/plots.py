"""Plots for people who watch the night, as PNG bytes, drawn from frames.

Matplotlib is imported when a plot is drawn; its `Figure` is used without pyplot, so nothing global is touched and threads
may draw at once. Texts are codes and English words: fonts with Korean glyphs are not everywhere, so anything outside ASCII
is written as escapes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from routing_etl import frames, safe_text
from routing_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.ticker import PercentFormatter


class EvaluationFrames(Protocol):
    """What an evaluation is drawn from: `EvaluationTables` and `EvaluationReport` of the room `evaluation`."""

    @property
    def metrics(self) -> pl.DataFrame:
        """METRICS frame."""
        ...

    @property
    def calibration(self) -> pl.DataFrame:
        """Count, confidence and share observed per bin of the confidence: n, confidence, observed."""
        ...

    @property
    def coverage(self) -> pl.DataFrame:
        """Accuracy by share of all items that are accepted: coverage, accuracy."""
        ...

    @property
    def time_sample(self) -> pl.DataFrame:
        """Predicted and actual minutes of held-out operations: measure, predicted, actual."""
        ...


_SIZE, _DPI = (6.8, 4.2), 100
BLUE, GREY, RED, LIGHT = "#2563a8", "#7d8790", "#c2410c", "#bcd2e8"
GREEN, _OTHERS = "#2f7d4f", (RED, "#7a4fa0", "#8a6d1f", "#4d5a63")
#: Most jobs of a time profile's plot: more labels cannot be read.
_JOBS = 20
#: Most segments of a finding's plot.
_SEGMENTS = 12
_UNITS = {"run": "minutes per piece", "setup": "minutes per order"}
#: What the trend shows, best known first.
TREND_METRICS = ("exact_at_1", "exact_at_4", "operation_f1", "resource_top1", "ece")


def png(title: str, draw: Callable[[Axes], None], size: tuple[float, float] = _SIZE) -> bytes:
    """Draw one plot with the house's frame.

    Parameters
    ----------
    title : str
        Heading.
    draw : callable
        Draws into the axes.
    size : tuple of float, optional
        Width and height in inches, 100 dots each.

    Returns
    -------
    bytes
        PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
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


def percent_axis() -> PercentFormatter:
    """Shares as whole percents."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1, decimals=0)


def short_label(value: object, length: int = 18) -> str:
    """Text for an axis: one line, ASCII, cut where it is longer.

    Parameters
    ----------
    value : object
        What to show.
    length : int, optional
        Most characters.
    """
    plain = safe_text.one_line(value).encode("ascii", "backslashreplace").decode()
    return safe_text.plot(plain if len(plain) <= length else f"{plain[: length - 2]}..")


def health_overview(findings: pl.DataFrame) -> bytes | None:
    """Draw the share of touched rows of every check over the whole plant.

    Parameters
    ----------
    findings : polars.DataFrame
        `title`, `dimension` and `share` of the findings of data health; those without a share were not measured.

    Returns
    -------
    bytes or None
        PNG. None when nothing was measured.
    """
    rows = findings.filter(pl.col("dimension") == "all", pl.col("share").is_not_null()).reverse()
    return _shares("Share of rows touched, by check", rows["title"], rows["share"]) if rows.height else None


def health_segments(findings: pl.DataFrame, title: str) -> bytes | None:
    """Draw the segments in which a check touches most rows, by their share.

    Parameters
    ----------
    findings : polars.DataFrame
        `segment` and `share` of one check and one dimension, most touched rows first.
    title : str
        Heading.

    Returns
    -------
    bytes or None
        PNG. None when there is no segment.
    """
    rows = findings.head(_SEGMENTS).reverse()
    return _shares(title, rows["segment"], rows["share"]) if rows.height else None


def _shares(title: str, names: pl.Series, shares: pl.Series) -> bytes:
    """Horizontal bars with their percentages."""

    def draw(axes: Axes) -> None:
        places = range(len(names))
        axes.barh(places, shares.to_list(), color=BLUE, height=0.62)
        for place, share in zip(places, shares, strict=True):
            axes.text(share + 0.01, place, f"{share:.1%}", va="center", fontsize=8, color=GREY)
        axes.set_yticks(places, [short_label(name, 34) for name in names], fontsize=8)
        axes.set_xlim(0, max(min(float(shares.max()) * 1.25, 1.12), 0.05))  # type: ignore[arg-type]
        axes.xaxis.set_major_formatter(percent_axis())
        axes.grid(axis="y", visible=False)

    return png(title, draw)


def drift_by_attribute(psi: pl.DataFrame, limits: Sequence[float]) -> bytes | None:
    """Draw how far the attributes' values are from those of the training window, the farthest first.

    Parameters
    ----------
    psi : polars.DataFrame
        `segment` and `value`: population stability index by attribute; those without a value are left out.
    limits : sequence of float
        From where on it is watch, drift, severe: drawn as lines.

    Returns
    -------
    bytes or None
        PNG. None when nothing was measured.
    """
    rows = psi.drop_nulls("value").sort("value", "segment", descending=[True, False]).head(_JOBS).reverse()
    if rows.is_empty():
        return None

    def draw(axes: Axes) -> None:
        places = range(rows.height)
        axes.barh(places, rows["value"].to_list(), color=BLUE, height=0.62)
        axes.set_yticks(places, [short_label(name, 34) for name in rows["segment"]], fontsize=8)
        for limit in limits:
            axes.axvline(limit, color=RED, linewidth=0.8, linestyle="--")
        axes.set_xlim(0, max(float(rows["value"][-1]) * 1.1, limits[0] * 1.5))
        axes.set_xlabel("population stability index; lines: watch, drift, severe", fontsize=8)
        axes.grid(axis="y", visible=False)

    return png("Attributes beside the training window", draw)


def time_profile_by_job(by_job: pl.DataFrame, measure: str = "run") -> bytes | None:
    """Draw OPT to SAFE with STD of the jobs with the most work results.

    Parameters
    ----------
    by_job : polars.DataFrame
        TIME_BY_JOB frame.
    measure : {'run', 'setup'}, optional
        Run times in minutes per piece or set-up times in minutes per order.

    Returns
    -------
    bytes or None
        PNG. None when no job has any work result.
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
        axes.hlines(places, low, high, color=LIGHT, linewidth=7)
        axes.plot(mid, places, "o", color=BLUE, markersize=5, label="STD")
        axes.plot(low, places, "|", color=GREY, label="OPT")
        axes.plot(high, places, "|", color=RED, label="SAFE")
        axes.set_yticks(list(places), [short_label(j) for j in rows["job_cd"]], fontsize=7)
        axes.set_xscale("log")
        _log_scale(axes.xaxis)
        axes.set_xlabel(_UNITS[measure])
        axes.legend(fontsize=8, loc="lower right")

    name = "Run" if measure == "run" else "Set-up"
    return png(f"{name} time by job: the {rows.height} jobs with the most work results", draw)


def predicted_against_actual(sample: pl.DataFrame, measure: str = "run") -> bytes | None:
    """Draw predicted over actual minutes of held-out operations with the identity line.

    Parameters
    ----------
    sample : polars.DataFrame
        measure, predicted, actual, as `EvaluationReport.time_sample`.
    measure : {'run', 'setup'}, optional
        Run times in minutes per piece or set-up times in minutes per order.

    Returns
    -------
    bytes or None
        PNG. None without a point.
    """
    points = sample.filter(pl.col("measure") == measure).select("actual", "predicted").rows()
    if not points:
        return None

    def draw(axes: Axes) -> None:
        actual, predicted = zip(*points, strict=True)
        ends = [min(*actual, *predicted) * 0.8, max(*actual, *predicted) * 1.25]
        axes.plot(ends, ends, color=RED, linewidth=1, label="predicted = actual")
        axes.plot(actual, predicted, "o", color=BLUE, markersize=3.5, alpha=0.5, linewidth=0)
        axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
        _log_scale(axes.xaxis)
        _log_scale(axes.yaxis)
        axes.set_xlabel(f"actual, {_UNITS[measure]}")
        axes.set_ylabel(f"predicted, {_UNITS[measure]}")
        axes.legend(fontsize=8, loc="upper left")

    name = "Run" if measure == "run" else "Set-up"
    return png(f"{name} time of {len(points)} held-out operations", draw)


def confidence_calibration(bins: pl.DataFrame) -> bytes | None:
    """Draw how often first candidates were exact over how sure the model was.

    Parameters
    ----------
    bins : polars.DataFrame
        n, confidence, observed per bin, as `EvaluationReport.calibration`.

    Returns
    -------
    bytes or None
        PNG. None without a bin.
    """
    if bins.is_empty():
        return None
    count, sure, seen = (bins[name].to_list() for name in ("n", "confidence", "observed"))

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=RED, linewidth=1, label="perfectly calibrated")
        low, high = zip(*(_wilson(share, n) for share, n in zip(seen, count, strict=True)), strict=True)
        axes.vlines(sure, low, high, color=LIGHT, linewidth=3, label="95 % interval of the share")
        sizes = [20 + 220 * n / max(count) for n in count]
        axes.scatter(
            sure, seen, s=sizes, color=BLUE, alpha=0.8, zorder=3, label="judged items (size: how many)"
        )
        axes.set(xlim=(-0.02, 1.04), ylim=(-0.04, 1.06))
        axes.set_xlabel("confidence of the first candidate")
        axes.set_ylabel("share that was the engineer's routing")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

    return png(f"Calibration on {sum(count):,} judged items", draw)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a share of n (Wilson 1927); 1.96 is the normal distribution's 97.5 % quantile."""
    z2 = 1.96**2
    middle, half = share + z2 / (2 * n), 1.96 * (share * (1 - share) / n + z2 / (4 * n * n)) ** 0.5
    return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


def accuracy_against_coverage(curve: pl.DataFrame, metrics: pl.DataFrame) -> bytes | None:
    """Draw how often the first candidate is exact when only the surest share of the items is accepted.

    Every baseline is one point: the share of items it answers and how often it is exact there. An oracle, where there is
    one, is drawn at all items and at its surest half.

    Parameters
    ----------
    curve : polars.DataFrame
        coverage (0..1 of all items), accuracy, as `EvaluationReport.coverage`.
    metrics : polars.DataFrame
        METRICS frame.

    Returns
    -------
    bytes or None
        PNG. None without a curve.
    """
    known = curve.select("coverage", "accuracy").drop_nulls("accuracy").rows()
    if not known:
        return None
    overall = metrics.filter(pl.col("segment") == "all").select("method", "metric", "value")
    values = {(method, metric): value for method, metric, value in overall.iter_rows()}
    exact = "exact_at_1" if ("model", "exact_at_1") in values else "expected_exact_at_1"
    points = _baseline_points(values, exact)
    halves = [(0.5, values.get(("oracle", f"{exact}_surest_half"))), (1.0, values.get(("oracle", exact)))]
    best = [(share, value) for share, value in halves if value is not None]

    def draw(axes: Axes) -> None:
        share, right = zip(*known, strict=True)
        axes.plot(
            share, right, "o-", color=BLUE, markersize=4, linewidth=1.8, label="model, surest items first"
        )
        if best:
            axes.plot(*zip(*best, strict=True), "D--", color=GREEN, markersize=6, linewidth=1, label="oracle")
        for (method, answered, value), marker, colour in zip(points, "sv^P", _OTHERS, strict=False):
            label = short_label(method, 24)
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
        axes.xaxis.set_major_formatter(percent_axis())
        axes.yaxis.set_major_formatter(percent_axis())
        axes.set_xlabel("share of all items whose first candidate is accepted")
        axes.set_ylabel("share of these that is exact")
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

    what = "Expected exact match" if exact.startswith("expected") else "Exact match"
    return png(f"{what} against coverage", draw)


def _baseline_points(
    values: Mapping[tuple[str, str], float | None], exact: str
) -> list[tuple[str, float, float]]:
    """Method, share of items answered and share of these that is exact, of every baseline that has both."""
    found = []
    for method in sorted({method for method, _ in values}):
        answered, value = values.get((method, "answered_share")), values.get((method, f"{exact}_answered"))
        is_baseline = method not in ("model", "oracle", "ceiling") and not method.startswith("model_minus_")
        if is_baseline and answered is not None and value is not None:
            found.append((method, answered, value))
    return found


def of_evaluation(found: EvaluationFrames) -> dict[str, bytes | None]:
    """Draw the plots of an evaluation or a training.

    Parameters
    ----------
    found : EvaluationFrames
        An `EvaluationReport`, or the `EvaluationTables` of a step's report.

    Returns
    -------
    dict of str to bytes or None
        PNGs by name; None for those that have nothing to draw.
    """
    return {
        "accuracy_against_coverage": accuracy_against_coverage(found.coverage, found.metrics),
        "confidence_calibration": confidence_calibration(found.calibration),
        "predicted_against_actual_run_time": predicted_against_actual(found.time_sample, "run"),
        "predicted_against_actual_setup_time": predicted_against_actual(found.time_sample, "setup"),
    }


def make_folder(folder: Path) -> None:
    """Make the folder for pictures, before the work that they show.

    Raises
    ------
    ConfigurationError
        It cannot be made, or nothing can be written there.
    """
    probe = folder / ".routing_etl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise ConfigurationError(
            f"No plots can be written into {folder}: {exc.strerror or exc}.",
            remedy="Name a folder that this user may write.",
        ) from exc


def save(pictures: Mapping[str, bytes | None], folder: Path) -> list[Path]:
    """Write `<name>.png` for every picture that was drawn.

    Parameters
    ----------
    pictures : mapping of str to bytes or None
        PNGs by name.
    folder : pathlib.Path
        Where to write; made when missing.

    Returns
    -------
    list of pathlib.Path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, png in pictures.items():
        if png is not None:
            files.append(folder / f"{name}.png")
            files[-1].write_bytes(png)
    return files


def metric_trend(versions: Sequence[tuple[str, pl.DataFrame]]) -> bytes | None:
    """Draw headline metrics with their 95 % intervals over model versions.

    Each version was judged on its own held-out items, and those of a later one are others: no line joins two versions.

    Parameters
    ----------
    versions : sequence of (str, polars.DataFrame)
        Name and METRICS frame of each version, oldest first.

    Returns
    -------
    bytes or None
        PNG. None when no version has a headline metric.
    """
    shown = [(name, _headlines(metrics)) for name, metrics in versions]
    measured = [(name, rows) for name, rows in shown if not rows.is_empty()]
    if not measured:
        return None

    def draw(axes: Axes) -> None:
        for metric in TREND_METRICS:
            found = [
                (place, *row)
                for place, (_, rows) in enumerate(measured)
                for row in rows.filter(pl.col("metric") == metric).select("value", "low", "high").iter_rows()
            ]
            if found:
                at, value, low, high = zip(*found, strict=True)
                [line] = axes.plot(at, value, "o", markersize=4, label=metric)
                axes.vlines(at, low, high, color=line.get_color(), alpha=0.4, linewidth=3)
        names = [short_label(name, 24) for name, _ in measured]
        axes.set_xticks(range(len(names)), names, fontsize=7, rotation=20, ha="right")
        axes.set(ylim=(-0.03, 1.05), xlim=(-0.5, max(len(names) - 0.5, 0.5)))
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)

    return png("Metrics of model versions, each on its own held-out items", draw)


def _headlines(metrics: pl.DataFrame) -> pl.DataFrame:
    """The model's measured headline metrics over all items; an interval that is missing is the value itself."""
    return metrics.filter(
        pl.col("method") == "model",
        pl.col("segment") == "all",
        pl.col("metric").is_in(TREND_METRICS),
        pl.col("value").is_not_null(),
    ).with_columns(pl.col("low", "high").fill_null(pl.col("value")))


def similarity_distribution(scores: pl.Series, threshold: float) -> bytes | None:
    """Draw a histogram of the first candidates' similarity.

    Parameters
    ----------
    scores : polars.Series
        Similarity of the first candidates, 0 to 1.
    threshold : float
        Where the tier HIGH begins.

    Returns
    -------
    bytes or None
        PNG. None when nothing was predicted.
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
            width=0.92 / bins, color=BLUE,
        )  # fmt: skip
        axes.axvline(threshold, color=RED, linewidth=1, label=f"HIGH from {threshold:g}")
        axes.set_xlim(0, 1.01)
        axes.set_xlabel("similarity of the reference item")
        axes.set_ylabel("predicted items")
        axes.legend(fontsize=8, loc="upper left")

    high = (known >= threshold).sum()
    return png(f"Similarity of {known.len():,} predicted items, {high:,} of tier HIGH", draw)


def first_candidates(candidates: pl.LazyFrame) -> pl.Series:
    """Read the similarity scores of the first candidates.

    Parameters
    ----------
    candidates : polars.LazyFrame
        CANDIDATES frame.

    Returns
    -------
    polars.Series
        One score per predicted item.
    """
    first = candidates.filter(pl.col(frames.RANK.name) == 1).select("similarity_score")
    return first.collect()["similarity_score"]
