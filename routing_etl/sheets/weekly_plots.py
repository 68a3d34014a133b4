"""Plots of the weekly report, as PNG bytes; None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl.plots import BLUE, GREEN, GREY, LIGHT, RED, percent_axis, png, short_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = (11.8, 3.6)
#: Most versions, weeks and nights of a plot: more labels cannot be read.
VERSIONS, WEEKS, NIGHTS = 12, 26, 40


def quality(versions: pl.DataFrame) -> bytes | None:
    """Exact match of each version on its held-out items, and of what engineers wrote themselves since.

    A line joins only versions that were measured on the same items.

    Parameters
    ----------
    versions : polars.DataFrame
        model_version, value, low, high, n, difference, realised, realised_n; the oldest first.
    """
    rows = versions.filter(pl.col("value").is_not_null() | pl.col("realised").is_not_null()).tail(VERSIONS)
    if rows.is_empty():
        return None

    def points(axes: Axes, name: str, count: str, shift: float, colour: str, words: str) -> None:
        marked = rows.with_row_index("place").filter(pl.col(name).is_not_null())
        if marked.is_empty():
            return
        where = [place + shift for place in marked["place"]]
        axes.plot(where, marked[name].to_list(), "o", color=colour, markersize=6, label=words)
        for place, value, n in zip(where, marked[name], marked[count], strict=True):
            axes.annotate(
                f"n={n:,}", (place, value), (6, -13), fontsize=8, color=colour, textcoords="offset points"
            )

    def draw(axes: Axes) -> None:
        measured = rows.with_row_index("place").filter(pl.col("value").is_not_null())
        places = [place - 0.08 for place in measured["place"]]
        known = list(zip(places, measured["low"], measured["high"], strict=True))
        bars = [(place, low, high) for place, low, high in known if low is not None and high is not None]
        if bars:
            axes.vlines(*zip(*bars, strict=True), color=BLUE, alpha=0.35, linewidth=4)
        ends = list(zip(places, measured["value"], measured["difference"], strict=True))
        for (left, before, _), (right, after, difference) in pairwise(ends):
            if difference is not None:
                axes.plot([left, right], [before, after], color=BLUE, linewidth=1.2)
        points(axes, "value", "n", -0.08, BLUE, "held-out items, with 95 % interval")
        points(axes, "realised", "realised_n", 0.08, GREEN, "routed by engineers since, copies apart")
        names = [short_label(name, 28) for name in rows["model_version"]]
        axes.set_xticks(range(rows.height), names, fontsize=8)
        if rows.height > 4:
            axes.tick_params(axis="x", rotation=15)
        axes.set(xlim=(-0.5, rows.height - 0.35), ylim=(0, 1.02))
        axes.yaxis.set_major_formatter(percent_axis())
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False)

    return png("", draw, _WIDE)


def acceptance(weeks: pl.DataFrame) -> bytes | None:
    """Items with a proposal that engineers routed, week by week, by what they did, with the share taken over.

    Parameters
    ----------
    weeks : polars.DataFrame
        week, taken_over, themselves_as_first, themselves_as_another, otherwise, items_routed; the oldest first.
    """
    rows = weeks.tail(WEEKS)
    if rows.is_empty():
        return None
    parts = (
        ("taken_over", "taken over", BLUE), ("themselves_as_first", "written themselves, as the first candidate", LIGHT),
        ("themselves_as_another", "as another candidate", "#e7d9a8"), ("otherwise", "otherwise", "#d9dde1"),
    )  # fmt: skip

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        places = list(range(rows.height))
        bottom = [0.0] * rows.height
        for name, words, colour in parts:
            heights = rows[name].to_list()
            axes.bar(places, heights, bottom=bottom, color=colour, width=0.62, label=words)
            bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
        for place, row in zip(places, rows.iter_rows(named=True), strict=True):
            share = row["taken_over"] / row["items_routed"]
            axes.annotate(
                f"{share:.0%}",
                (place, row["items_routed"]),
                (0, 3),
                ha="center",
                fontsize=8,
                color=BLUE,
                textcoords="offset points",
            )
        axes.set_xticks(
            places,
            [str(week)[:10] for week in rows["week"]],
            fontsize=8,
            rotation=30 if rows.height > 9 else 0,
            ha="right" if rows.height > 9 else "center",
        )
        axes.set(xlim=(-0.6, max(rows.height - 0.4, 5.4)), ylim=(0, max(bottom) * 1.15))
        axes.set_ylabel("items routed")
        axes.grid(axis="x", visible=False)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False)

    return png("", draw, _WIDE)


def drift(nights: pl.DataFrame, limit: float) -> bytes | None:
    """Drift of the similarity and the share of items without a proposal, night by night, with the promotions.

    Parameters
    ----------
    nights : polars.DataFrame
        computed_at, model_version, similarity_drift, abstained_share; the oldest first.
    limit : float
        Drift that is told (nats).
    """
    rows = nights.tail(NIGHTS)
    if rows["similarity_drift"].is_null().all() and rows["abstained_share"].is_null().all():
        return None

    def draw(axes: Axes) -> None:
        moments = rows["computed_at"].to_list()
        # A version is compared with its own first batch, so no line leads from one version to the next.
        found: list[tuple[datetime, float]] = []
        for (_,), part in rows.group_by("model_version", maintain_order=True):
            mine = part.select("computed_at", "similarity_drift").drop_nulls().rows()
            if mine:
                words = None if found else "drift of similarity (nats)"
                axes.plot(
                    *zip(*mine, strict=True), "o-", color=BLUE, markersize=4, linewidth=1.4, label=words
                )
                found += mine
        share = rows.select("computed_at", "abstained_share").drop_nulls().rows()
        if share:
            axes.plot(
                *zip(*share, strict=True),
                "s-",
                color=GREY,
                markersize=3.5,
                linewidth=1.2,
                label="share of items without a proposal",
            )
        axes.axhline(limit, color=RED, linewidth=1, linestyle="--", label=f"drift that is told: {limit:g}")
        changes = rows.filter(pl.col("model_version") != pl.col("model_version").shift())
        for number, (moment, _) in enumerate(changes.select("computed_at", "model_version").iter_rows()):
            axes.axvline(
                moment,
                color="#7a4fa0",
                linewidth=1,
                linestyle=":",
                label=None if number else "first night of a new version",
            )
        highest = max([limit, *(value for _, value in found), *(value for _, value in share)])
        axes.set_ylim(0, highest * 1.15)
        _dates(axes, moments)
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False)

    return png("", draw, _WIDE)


def nights(runs: pl.DataFrame) -> bytes | None:
    """How long each run took, coloured by how it ended.

    Parameters
    ----------
    runs : polars.DataFrame
        started_at, seconds, status; the oldest first.
    """
    rows = runs.filter(pl.col("seconds").is_not_null()).tail(NIGHTS)
    if rows.is_empty():
        return None
    colours = {"succeeded": BLUE, "succeeded_with_warnings": "#c98a1b", "failed": RED, "cancelled": GREY}

    def draw(axes: Axes) -> None:
        places = list(range(rows.height))
        minutes = [seconds / 60 for seconds in rows["seconds"]]
        for status, colour in colours.items():
            mine = [(p, m) for p, m, s in zip(places, minutes, rows["status"], strict=True) if s == status]
            if mine:
                axes.bar(
                    [p for p, _ in mine],
                    [m for _, m in mine],
                    color=colour,
                    width=0.62,
                    label=status.replace("_", " "),
                )
        axes.set_ylabel("minutes")
        axes.set(xlim=(-0.6, max(rows.height - 0.4, 9.4)), ylim=(0, max(max(minutes) * 1.15, 0.1)))
        step = -(-rows.height // 10)
        shown = places[::step]
        axes.set_xticks(shown, [f"{rows['started_at'][p]:%m-%d %H:%M}" for p in shown], fontsize=8)
        axes.grid(axis="x", visible=False)
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False)

    return png("", draw, _WIDE)


def _dates(axes: Axes, moments: Sequence[datetime]) -> None:
    """Days below the axis, without overlap."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator: Any = AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
