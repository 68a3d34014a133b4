"""The cleaned frames of a run beside the median of the last runs that succeeded: a slow slide is told as well.

`history` looks at the last run alone: what loses 5 % every night is never far below the night before. Each run keeps its own few
figures with those of the runs before it, so that run folders may be removed. Nothing here stops a night.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import polars as pl

from routing_etl.frames import ITEMS, OPERATIONS, PURCHASE_ORDERS, WORK_RESULTS, CheckOutcome, read_attributes
from routing_etl.quality.history import ATTRIBUTES_FILE, LEAST, Comparison

#: Runs that a median needs: with fewer it is one of two, which `history` has compared already.
FEWEST = 3
#: Runs whose figures are kept at most; the setting of how many are compared may not be larger.
KEPT = 365
#: Begins the names of the shares of items that have an attribute.
_FILLED = "filled:"
_EXPECTATION = "compared_with_last_runs"
_ROWS = "The frame has about as many rows as in the middle one of the last runs that succeeded."
_CODES = "About as many different codes occur as in the middle one of the last runs that succeeded."
USUAL = (
    Comparison(ITEMS.name, "rows_as_usual", None, "warning", _ROWS),
    Comparison(
        ITEMS.name, "filled_as_usual", None, "warning",
        "No attribute is filled in far fewer items than in the middle one of the last runs that succeeded.",
    ),
    Comparison(OPERATIONS.name, "rows_as_usual", None, "warning", _ROWS),
    Comparison(
        OPERATIONS.name, "routed_items_as_usual", "item_key", "warning",
        "About as many items have a valid routing as in the middle one of the last runs that succeeded.",
    ),
    Comparison(OPERATIONS.name, "jobs_as_usual", "job_cd", "warning", _CODES),
    Comparison(OPERATIONS.name, "resources_as_usual", "res_cd", "warning", _CODES),
    Comparison(WORK_RESULTS.name, "rows_as_usual", None, "warning", _ROWS),
    Comparison(PURCHASE_ORDERS.name, "rows_as_usual", None, "warning", _ROWS),
)  # fmt: skip


@dataclass(frozen=True)
class RunFigures:
    """What one run counted: rows, codes and routed items by `frame.check`, and filled shares of attributes."""

    run_id: str
    figures: dict[str, float]


@dataclass(frozen=True)
class Past:
    """Figures of the last runs that succeeded, oldest first, and of the run that wrote them as the last."""

    runs: tuple[RunFigures, ...] = ()

    def with_run(self, run: RunFigures) -> Past:
        """These and one more, the oldest left out where there are too many; a run that counted again counts once."""
        return Past((*(r for r in self.runs if r.run_id != run.run_id), run)[-KEPT:])


def usual(absent: Collection[str] = ()) -> tuple[Comparison, ...]:
    """The comparisons of the frames that a profile has."""
    return tuple(c for c in USUAL if c.frame not in absent)


def figures_of(clean: Path, *, absent: Collection[str] = ()) -> dict[str, float]:
    """Count what is compared, in one pass over each frame.

    Parameters
    ----------
    clean : pathlib.Path
        Cleaned frames of a run.
    absent : collection of str, optional
        Frames that the profile or the ERP does not have.
    """
    found: dict[str, float] = {}
    for frame in dict.fromkeys(c.frame for c in usual(absent)):
        file = clean / f"{frame}.parquet"
        if file.is_file():
            wanted = _FIGURES.get(frame, {})
            shares = _filled(clean) if frame == ITEMS.name else {}
            values = pl.scan_parquet(file).select(
                pl.len().alias("rows_as_usual"),
                *(e.alias(n) for n, e in wanted.items()),
                *(e.alias(n) for n, e in shares.items()),
            )
            row = values.collect().row(0, named=True)
            found.update({f"{frame}.{name}": float(v) for name, v in row.items() if v is not None})
    return found


def compare_usual(
    now: Mapping[str, float], past: Past, *, last: int, warn: float, absent: Collection[str] = ()
) -> list[CheckOutcome]:
    """Compare the figures of a run with the median of each over the last runs.

    Parameters
    ----------
    now : mapping of str to float
        Figures of this run (`figures_of`).
    past : Past
        Those of runs that succeeded, without this one.
    last : int
        Runs that are compared with, at most; 0: none, and every comparison passes and says so.
    warn : float
        Share below the median from which on a comparison warns.
    absent : collection of str, optional
        Frames that the profile or the ERP does not have.
    """
    runs = past.runs[-last:] if last else ()
    return [_outcome(c, now, runs, warn) for c in usual(absent)]


def _outcome(
    c: Comparison, now: Mapping[str, float], runs: Sequence[RunFigures], warn: float
) -> CheckOutcome:
    if c.check == "filled_as_usual":
        return _emptiest(c, now, runs, warn)
    name = f"{c.frame}.{c.check}"
    before = _median(name, runs)
    if before is None or name not in now:
        return _result(c, f"only {len(runs)} runs to compare with", warn, 0, 0)
    lost = before - now[name]
    told = f"{now[name]:,.0f}, in the middle of the last {len(runs)} runs {before:,.0f}"
    fails = before >= LEAST and lost > warn * before
    return _result(c, told, warn, int(before), int(lost) if fails else 0)


def _emptiest(
    c: Comparison, now: Mapping[str, float], runs: Sequence[RunFigures], warn: float
) -> CheckOutcome:
    """The attribute whose share of filled items lies furthest below its median."""
    rows = now.get(f"{ITEMS.name}.rows_as_usual", 0.0)
    prefix = f"{ITEMS.name}.{_FILLED}"
    medians = {n: _median(n, runs) for n in {n for r in runs for n in r.figures} if n.startswith(prefix)}
    losses = {n: m - now.get(n, 0.0) for n, m in medians.items() if m is not None}
    if not losses or rows < LEAST:
        return _result(c, f"only {len(runs)} runs to compare with", warn, 0, 0)
    worst = max(sorted(losses), key=losses.__getitem__)
    lost, name = losses[worst], worst.removeprefix(prefix)
    told = (
        f"{name} is filled in {now.get(worst, 0.0):.1%} of the items, in the middle of the last {len(runs)} runs "
        f"in {medians[worst]:.1%}"
    )
    return _result(c, told, warn, int(rows), round(lost * rows) if lost > warn else 0)


def _median(name: str, runs: Sequence[RunFigures]) -> float | None:
    """The median over the runs that have the figure; None with fewer than `FEWEST`."""
    values = [r.figures[name] for r in runs if name in r.figures]
    return median(values) if len(values) >= FEWEST else None


def _result(c: Comparison, observed: str, warn: float, checked: int, lost: int) -> CheckOutcome:
    return CheckOutcome(
        frame=c.frame,
        check=c.check,
        expectation=_EXPECTATION,
        column=c.column,
        severity="warning",
        success=lost == 0,
        observed=observed,
        expected=f"at most {warn:.0%} below the median of the last runs",
        rows_checked=checked,
        rows_unexpected=lost,
    )


def _filled(clean: Path) -> dict[str, pl.Expr]:
    """The share of items that have each attribute."""
    listed = clean / ATTRIBUTES_FILE
    if not listed.is_file():
        return {}
    names = [a.name for a in read_attributes(listed)]
    there = set(pl.scan_parquet(clean / f"{ITEMS.name}.parquet").collect_schema())
    return {f"{_FILLED}{n}": pl.col(n).count() / pl.len() for n in names if n in there}


_FIGURES: dict[str, dict[str, pl.Expr]] = {
    OPERATIONS.name: {
        "routed_items_as_usual": pl.col("item_key").filter("rout_valid").n_unique(),
        "jobs_as_usual": pl.col("job_cd").drop_nulls().n_unique(),
        "resources_as_usual": pl.col("res_cd").drop_nulls().n_unique(),
    }
}
