"""Runs rules through Great Expectations and turns every result into a `CheckOutcome`.

One batch per view (see `rules.py`): pandas sees at most two float columns of all rows, or a small table of distinct
values, so memory stays near 100 MB for 8 million rows. Great Expectations judges every value that occurs. The counts of
rows come from the view's column `rows`; offending rows are looked up at the positions that Great Expectations reports.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from routing_etl.errors import ConfigurationError
from routing_etl.frames import FRAMES, CheckOutcome, Severity
from routing_etl.log import get_logger
from routing_etl.progress import SILENT, Progress
from routing_etl.quality.rules import ROWS, UNEXPECTED, Raw, Rule, Schema, Scope, Table, Values, View
from routing_etl.shortages import shortage

#: Offending rows shown per failed check.
_SAMPLE = 5
#: Distinct values shown in what was observed.
_SHOWN_VALUES = 10
#: Longest text of a sample row or an exception, in characters.
_TEXT = 200
_SOURCE = "views"
_log = get_logger(__name__)


class Validator:
    """An ephemeral Great Expectations context: no files, no telemetry, no progress bars of its own.

    A context manager, because Great Expectations keeps its context, and with it the last batches and their metrics
    (600 MB for 8 million rows), until the process ends or the data source is deleted.
    """

    def __init__(self) -> None:
        if sys.flags.optimize > 1:
            raise ConfigurationError(
                "Python was started with -OO, which drops the docstrings that Great Expectations needs at its import.",
                remedy="Start it without -OO (PYTHONOPTIMIZE=1 and -O are fine); the steps that check nothing work with it.",
            )
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        self._sources = context.data_sources
        source = self._sources.add_pandas(_SOURCE)
        self._batches = source.add_dataframe_asset("view").add_batch_definition_whole_dataframe("whole")

    def __enter__(self) -> Validator:
        return self

    def __exit__(self, *_: object) -> None:
        del self._batches
        self._sources.delete(_SOURCE)

    def validate(self, table: pl.DataFrame, rules: Sequence[Rule], *, small: bool) -> dict[str, Any]:
        """Validate the rules of one view on its table.

        Whether everything holds is asked first: locating the unexpected values takes several times as long.

        Parameters
        ----------
        table : polars.DataFrame
            The view.
        rules : sequence of Rule
            Rules on this view.
        small : bool
            Ask for the position of every unexpected value, which is affordable on a small table only.

        Returns
        -------
        dict of str to ExpectationValidationResult
            Result by check name.
        """
        from routing_etl.quality.suites import suite

        batch = self._batches.get_batch({"dataframe": _to_pandas(table)})
        asked = suite(rules[0].view.name, rules)
        result = batch.validate(asked, result_format="BOOLEAN_ONLY")
        if not result.success:
            result_format = {
                "result_format": "COMPLETE" if small else "SUMMARY",
                "partial_unexpected_count": _SAMPLE,
            }
            result = batch.validate(asked, result_format=result_format)
        return {r.expectation_config.meta["check"]: r for r in result.results}


def _to_pandas(table: pl.DataFrame) -> Any:
    """Numbers as NumPy arrays (NULL as NaN), everything else as object columns."""
    import pandas as pd

    columns = {
        c.name: c.to_numpy() if c.dtype.is_numeric() else pd.Series(c.to_list(), dtype=object) for c in table
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.height))


def run_rules(
    frame: str,
    rules: Sequence[Rule],
    scope: Scope,
    validator: Validator,
    *,
    progress: Progress = SILENT,
) -> list[CheckOutcome]:
    """Evaluate the rules of one frame; the outcomes come in the order of the rules.

    An exception, in computing a view or inside Great Expectations, becomes a failed check that carries its message.
    """
    by_view: dict[str, list[Rule]] = {}
    for rule in rules:
        by_view.setdefault(rule.view.name, []).append(rule)
    outcomes: dict[str, CheckOutcome] = {}
    with progress.task(f"Checks of {frame}", total=len(by_view)) as task:
        for of_view in by_view.values():
            outcomes |= {o.check: o for o in _run_view(frame, of_view, scope, validator)}
            task.advance()
    return [outcomes[r.check] for r in rules]


def empty_outcomes(rules: Iterable[Rule], *, passes: bool, severity: Severity | None) -> list[CheckOutcome]:
    """Outcomes of rules on a frame without rows; `severity` replaces that of the rules unless it is None."""
    observed = "0 rows: nothing to check" if passes else "0 rows were validated"
    return [
        replace(
            _failed(rule, observed, exception=None),
            success=passes,
            severity=severity or rule.severity,
        )
        for rule in rules
    ]


def _run_view(frame: str, rules: list[Rule], scope: Scope, validator: Validator) -> list[CheckOutcome]:
    view = rules[0].view
    try:
        table = _collect(view, scope, frame)
        results = validator.validate(table, rules, small=not isinstance(view, Raw))
    except Exception as exc:
        own = shortage(exc, f"while checking {frame}")
        if own is not None:  # says nothing about the data
            raise own from exc
        _log.error("check_raised", frame=frame, view=view.name, error=traceback.format_exc())
        return [_failed(r, "not evaluated", exception=_short(f"{type(exc).__name__}: {exc}")) for r in rules]
    return [_outcome(rule, results[rule.check], table, scope) for rule in rules]


def _collect(view: View, scope: Scope, frame: str) -> pl.DataFrame:
    if isinstance(view, Schema):
        schema = scope[frame].collect_schema()
        return pl.DataFrame({f"{name}: {dtype}": [None] for name, dtype in schema.items()})
    return view.plan(scope, frame).collect(engine="streaming")


def _outcome(rule: Rule, result: Any, table: pl.DataFrame, scope: Scope) -> CheckOutcome:
    raised = _exception_text(result.exception_info or {})
    if raised is not None:
        return _failed(rule, "not evaluated", exception=raised)
    if isinstance(rule.view, Schema):
        return _schema_outcome(rule, result, scope)
    positions = [int(i) for i in _positions(result.result, complete=not isinstance(rule.view, Raw))]
    if isinstance(rule.view, Raw):
        checked, unexpected = table.height, int(result.result.get("unexpected_count", 0))
    else:
        wrong = table[positions]
        checked = int(table[ROWS].sum())
        unexpected = int(wrong[UNEXPECTED if UNEXPECTED in table.columns else ROWS].sum())
    success = bool(result.success)
    return CheckOutcome(
        frame=rule.frame,
        check=rule.check,
        expectation=result.expectation_config.type,
        column=rule.column,
        severity=rule.severity,
        success=success,
        observed=_observed(rule, table, checked, unexpected),
        expected=f"{rule.expected} ({rule.meaning})",
        rows_checked=checked,
        rows_unexpected=unexpected,
        sample=() if success else _sample(rule, table, positions, scope),
    )


def _schema_outcome(rule: Rule, result: Any, scope: Scope) -> CheckOutcome:
    rows = int(scope[rule.frame].select(pl.len()).collect().item())
    found = [f"{n}: {d}" for n, d in scope[rule.frame].collect_schema().items()]
    missing = [str(v) for v in rule.values if v not in found]
    return CheckOutcome(
        frame=rule.frame,
        check=rule.check,
        expectation=result.expectation_config.type,
        column=None,
        severity=rule.severity,
        success=bool(result.success),
        observed=f"{len(found)} columns" + (f"; missing {', '.join(missing)}" if missing else ""),
        expected=rule.expected,
        rows_checked=rows,
        rows_unexpected=rows if missing else 0,
        sample=tuple(f for f in found if f.split(":")[0] in {m.split(":")[0] for m in missing})[:_SAMPLE],
    )


def _positions(result: dict[str, Any], *, complete: bool) -> list[Any]:
    if complete:
        return list(result.get("unexpected_index_list") or [])
    return list(result.get("partial_unexpected_index_list") or [])[:_SAMPLE]


def _observed(rule: Rule, table: pl.DataFrame, checked: int, unexpected: int) -> str:
    counted = f"{unexpected:,} of {checked:,} unexpected"
    column = table[rule.columns[0]]
    match rule.kind:
        case "between" if table.height == 1 and not isinstance(rule.view, Raw):
            return f"{_shown(column[0])}; {counted}"
        case "between" if column.len() > column.null_count():
            return f"{_shown(column.min())} to {_shown(column.max())}; {counted}"
        case "in_set":
            values = column.drop_nulls().unique().sort()
            listed = ", ".join(_shown(v) for v in values.head(_SHOWN_VALUES))
            more = " ..." if values.len() > _SHOWN_VALUES else ""
            return f"{listed}{more}; {counted}" if listed else counted
        case _:
            return counted


def _sample(rule: Rule, table: pl.DataFrame, positions: list[int], scope: Scope) -> tuple[str, ...]:
    """Up to five offending rows, by key and value."""
    view, key = rule.view, list(FRAMES[rule.frame].key) if rule.frame in FRAMES else []
    if isinstance(view, Table) and view.offenders is not None:
        rows = view.offenders(scope).head(_SAMPLE).collect()
    elif isinstance(view, Raw):
        columns = list(dict.fromkeys([*key, *view.columns]))
        rows = (
            scope[rule.frame]
            .select(columns)
            .with_row_index("row")
            .filter(pl.col("row").is_in(positions))
            .collect()
        )
    elif isinstance(view, Values):
        rows = _rows_with(view, table[positions], scope[rule.frame], key)
    else:
        rows = table[positions].head(_SAMPLE)
    return tuple(
        _short(", ".join(f"{n}={_shown(v)}" for n, v in row.items())) for row in rows.iter_rows(named=True)
    )


def _rows_with(view: Values, wrong: pl.DataFrame, rows: pl.LazyFrame, key: list[str]) -> pl.DataFrame:
    named = {f"checked__{n}": e for n, e in view.expressions.items()}
    values = wrong.select(pl.col(n).alias(f"checked__{n}") for n in view.expressions).lazy()
    found = (
        rows.select(*key, **named)
        .join(values, on=list(named), how="semi", nulls_equal=True)
        .head(_SAMPLE)
        .collect(engine="streaming")
    )
    return found.rename({f"checked__{n}": n if n not in key else f"{n} checked" for n in view.expressions})


def _failed(rule: Rule, observed: str, *, exception: str | None) -> CheckOutcome:
    return CheckOutcome(
        frame=rule.frame,
        check=rule.check,
        expectation=rule.kind,
        column=rule.column,
        severity=rule.severity,
        success=False,
        observed=observed,
        expected=f"{rule.expected} ({rule.meaning})",
        rows_checked=0,
        rows_unexpected=0,
        exception=exception,
    )


def _exception_text(info: dict[str, Any]) -> str | None:
    """The message of a raised exception, None without one; Great Expectations nests one entry per metric."""
    if "raised_exception" in info:
        return _short(str(info.get("exception_message"))) if info["raised_exception"] else None
    messages = [str(v.get("exception_message")) for v in info.values() if isinstance(v, dict)]
    return _short("; ".join(dict.fromkeys(messages))) if messages else None


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _TEXT else text[: _TEXT - 3] + "..."
