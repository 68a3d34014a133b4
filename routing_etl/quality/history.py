"""The cleaned frames of a run beside those of the last run that succeeded: what became fewer, emptier or older.

A night whose routings were half deleted passes every check that looks at the rows that are left. Here the two states are
compared: rows, items that lose their routing, codes, filled attributes, and the newest dates. Each comparison is a check: it
warns from one share on and stops the night from another (settings), and says what it was compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from routing_etl.frames import (
    ITEMS,
    OPERATIONS,
    PURCHASE_ORDERS,
    WORK_RESULTS,
    CheckOutcome,
    Severity,
    read_attributes,
)

#: Fewer rows, items or codes than this are not compared by their share: a few more or less is a large one.
LEAST = 50
#: File beside the items that lists their attributes.
ATTRIBUTES_FILE = "items.attributes.json"
_EXPECTATION = "compared_with_last_run"


@dataclass(frozen=True)
class Comparison:
    """One comparison before it is made.

    Attributes
    ----------
    frame, check : str
        Its name.
    column : str or None
        The column meant.
    severity : {'critical', 'warning'}
        What a share above the limit that stops is; 'warning': it never stops.
    meaning : str
        One sentence for people.
    """

    frame: str
    check: str
    column: str | None
    severity: Severity
    meaning: str


@dataclass(frozen=True)
class Limits:
    """Share of a loss from which on a comparison warns, and from which on it stops the night (1: never)."""

    warn: float
    stop: float


@dataclass(frozen=True)
class _Loss:
    """What was lost: `lost` of `before`, in words; None where nothing can be compared."""

    lost: float
    before: float
    observed: str


_ROWS = "The frame has about as many rows as in the last run that succeeded."
_CODES = "About as many different codes occur as in the last run that succeeded."
COMPARISONS = (
    Comparison(ITEMS.name, "rows_as_before", None, "critical", _ROWS),
    Comparison(
        ITEMS.name, "filled_as_before", None, "warning",
        "No attribute is filled in far fewer items than in the last run that succeeded.",
    ),
    Comparison(OPERATIONS.name, "rows_as_before", None, "critical", _ROWS),
    Comparison(
        OPERATIONS.name, "items_keep_their_routing", "item_key", "critical",
        "Items that had a valid routing in the last run that succeeded, and are still there, have one.",
    ),
    Comparison(OPERATIONS.name, "jobs_as_before", "job_cd", "warning", _CODES),
    Comparison(OPERATIONS.name, "resources_as_before", "res_cd", "warning", _CODES),
    Comparison(
        OPERATIONS.name, "newest_as_before", "insrt_dt", "warning",
        "The newest routing is not older than in the last run that succeeded.",
    ),
    Comparison(WORK_RESULTS.name, "rows_as_before", None, "critical", _ROWS),
    Comparison(
        WORK_RESULTS.name, "newest_as_before", "report_dt", "warning",
        "The newest report is not older than in the last run that succeeded.",
    ),
    Comparison(PURCHASE_ORDERS.name, "rows_as_before", None, "warning", _ROWS),
)  # fmt: skip


def comparisons(absent: Collection[str] = ()) -> tuple[Comparison, ...]:
    """The comparisons of the frames that a profile has."""
    return tuple(c for c in COMPARISONS if c.frame not in absent)


def compare(
    clean: Path, before: Path | None, limits: Limits, *, absent: Collection[str] = (), told: str = ""
) -> list[CheckOutcome]:
    """Compare the cleaned frames of a run with those of an earlier one.

    Parameters
    ----------
    clean : pathlib.Path
        Cleaned frames of this run.
    before : pathlib.Path or None
        Those of the last run that succeeded. None: there is none, and every comparison passes and says so.
    limits : Limits
        From which losses on a comparison warns and stops.
    absent : collection of str, optional
        Frames that the profile or the ERP does not have.
    told : str, optional
        Name of the earlier run, for the sentence.
    """
    return [_outcome(c, clean, before, limits, told) for c in comparisons(absent)]


def _outcome(c: Comparison, clean: Path, before: Path | None, limits: Limits, told: str) -> CheckOutcome:
    loss = None
    if before is not None and (before / f"{c.frame}.parquet").is_file():
        loss = _MEASURED[c.check](c, _Pair(clean, before, c.frame))
    if loss is None:
        return _result(
            c, "warning", True, f"nothing to compare with{f' in run {told}' if told else ''}", limits, 0, 0
        )
    share = loss.lost / loss.before if loss.before else 0.0
    observed = f"{loss.observed} (beside run {told})"
    small = loss.before < LEAST
    stops = c.severity == "critical" and share > limits.stop and not small
    passed = small or share <= limits.warn
    return _result(
        c,
        "critical" if stops else "warning",
        passed,
        observed,
        limits,
        int(loss.before),
        int(max(loss.lost, 0)),
    )


def _result(
    c: Comparison, severity: Severity, success: bool, observed: str, limits: Limits, checked: int, lost: int
) -> CheckOutcome:
    expected = f"a loss of at most {limits.warn:.0%}"
    if severity == "critical":
        expected = (
            f"a loss of at most {limits.stop:.0%} (ROUTING_ETL_CHANGE_STOP); if this is right, run once with "
            "ROUTING_ETL_CHANGE_STOP=1"
        )
    return CheckOutcome(
        frame=c.frame,
        check=c.check,
        expectation=_EXPECTATION,
        column=c.column,
        severity=severity,
        success=success,
        observed=observed,
        expected=expected,
        rows_checked=checked,
        rows_unexpected=0 if success else lost,
    )


class _Pair:
    """A frame now and before."""

    def __init__(self, clean: Path, before: Path, frame: str) -> None:
        self.clean, self.before, self.frame = clean, before, frame

    def scans(self) -> Iterator[pl.LazyFrame]:
        """Before, then now."""
        for folder in (self.before, self.clean):
            yield pl.scan_parquet(folder / f"{self.frame}.parquet")

    def values(self, *wanted: pl.Expr) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """The same figures before and now."""
        then, now = (scan.select(wanted).collect().row(0) for scan in self.scans())
        return then, now


def _rows(_: Comparison, pair: _Pair) -> _Loss:
    return _fewer(pair, pl.len(), "rows")


def _codes(c: Comparison, pair: _Pair) -> _Loss:
    assert c.column is not None
    return _fewer(pair, pl.col(c.column).drop_nulls().n_unique(), f"different values of {c.column}")


def _fewer(pair: _Pair, figure: pl.Expr, what: str) -> _Loss:
    (then,), (now,) = pair.values(figure)
    assert isinstance(then, int)
    assert isinstance(now, int)
    return _Loss(then - now, then, f"{now:,} {what}, {then:,} before")


def _routings(_: Comparison, pair: _Pair) -> _Loss:
    """Items that had a valid routing, are still in the item master, and have none now."""
    then, now = (scan.filter("rout_valid").select("item_key").unique() for scan in pair.scans())
    items = pl.scan_parquet(pair.clean / f"{ITEMS.name}.parquet").select("item_key")
    still = then.join(items, on="item_key", how="semi")
    before, lost = (
        frame.select(pl.len()).collect().item()
        for frame in (still, still.join(now, on="item_key", how="anti"))
    )
    return _Loss(lost, before, f"{lost:,} of {before:,} items lost their routing")


def _filled(_: Comparison, pair: _Pair) -> _Loss | None:
    """The attribute that lost most of its values, by its share of the items."""
    then, now = pair.scans()
    names = [n for n in then.collect_schema().names() if n not in ITEMS.schema]
    listed = pair.before / ATTRIBUTES_FILE
    if listed.is_file():  # beside the attributes are columns that cleaning keeps for people
        told = {a.name for a in read_attributes(listed)}
        names = [n for n in then.collect_schema().names() if n in told]
    kept = set(now.collect_schema().names())
    if not names:
        return None
    shares = []
    for scan, known in ((then, set(names)), (now, kept)):
        wanted = [(pl.col(n).count() / pl.len() if n in known else pl.lit(0.0)).alias(n) for n in names]
        shares.append(scan.select(wanted).collect().row(0, named=True))
    rows = int(then.select(pl.len()).collect().item())
    worst = max(names, key=lambda n: (shares[0][n] or 0) - (shares[1][n] or 0))
    was, is_now = shares[0][worst] or 0.0, shares[1][worst] or 0.0
    return _Loss(
        (was - is_now) * rows, rows, f"{worst} is filled in {is_now:.1%} of the items, {was:.1%} before"
    )


def _newest(c: Comparison, pair: _Pair) -> _Loss | None:
    """A newest date that went back: rows were taken away, or an old copy was read."""
    assert c.column is not None
    (then,), (now,) = pair.values(pl.col(c.column).max())
    if not isinstance(then, date):
        return None
    back = now is None or (isinstance(now, date | datetime) and now < then)
    return _Loss(LEAST if back else 0, LEAST, f"the newest is of {now}, before of {then}")


_MEASURED: dict[str, Callable[[Comparison, _Pair], _Loss | None]] = {
    "rows_as_before": _rows,
    "filled_as_before": _filled,
    "items_keep_their_routing": _routings,
    "jobs_as_before": _codes,
    "resources_as_before": _codes,
    "newest_as_before": _newest,
}
