"""The two check steps of the night, and what a failed critical check does.

Importing this module must not import Great Expectations, so that the names of all checks are known at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from routing_etl.errors import DataQualityError, FrameError
from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    CODE_SPELLINGS,
    FRAMES,
    ITEMS,
    OPERATIONS,
    PURCHASE_ORDERS,
    REJECTS,
    RESOURCE_ALTERNATIVES,
    SOURCE_COUNTS,
    WORK_RESULTS,
    AttributeSpec,
    CheckOutcome,
    Severity,
    read_attributes,
)
from routing_etl.progress import SILENT, Progress
from routing_etl.quality import candidate_rules, source_rules
from routing_etl.quality.count_rules import count_rules, long_ended
from routing_etl.quality.history import ATTRIBUTES_FILE, comparisons
from routing_etl.quality.rules import Rule, Scope
from routing_etl.quality.usual import usual

SOURCE_FRAMES = (ITEMS.name, OPERATIONS.name, WORK_RESULTS.name, PURCHASE_ORDERS.name)
PREDICTION_FRAMES = (
    CANDIDATES.name,
    CANDIDATE_OPERATIONS.name,
    RESOURCE_ALTERNATIVES.name,
    CANDIDATE_EVIDENCE.name,
    ABSTAINED.name,
)


@dataclass(frozen=True)
class CheckInfo:
    """What is known of a check before it runs."""

    frame: str
    check: str
    severity: Severity
    meaning: str
    expected: str
    column: str | None


def source_rules_by_frame(
    attributes: Sequence[AttributeSpec] = (),
    *,
    not_above: Sequence[tuple[str, str]] = (),
    today: date | None = None,
    rejects: bool = True,
    absent: Collection[str] = (),
) -> dict[str, list[Rule]]:
    """Rules of the source frames.

    Parameters
    ----------
    attributes : sequence of AttributeSpec, optional
        The profile's item attributes.
    not_above : sequence of (str, str), optional
        Pairs of attributes of which the first may not exceed the second; empty: inner and outer diameters by their names.
    today : datetime.date, optional
        Day that reports and orders may not be younger than; today in UTC by default.
    rejects : bool, optional
        Whether to judge the shares of rejected rows.
    absent : collection of str, optional
        Frames that the profile or the ERP does not have: nothing is checked of them.
    """
    day = today or datetime.now(UTC).date()
    rules = {
        ITEMS.name: source_rules.item_rules(attributes, not_above),
        OPERATIONS.name: [*source_rules.operation_rules(), source_rules.one_spelling(), *long_ended()],
        WORK_RESULTS.name: source_rules.result_rules(day),
        PURCHASE_ORDERS.name: source_rules.order_rules(day),
    }
    present = [name for name in SOURCE_FRAMES if name not in absent]
    rules = {name: [*rules[name], *count_rules(name)] for name in present}
    if rejects:
        rules[REJECTS.name] = [
            *source_rules.reject_rules(present),
            *(source_rules.unclear_result_rules() if WORK_RESULTS.name in present else ()),
        ]
    return rules


def candidate_rules_by_frame(
    *, max_candidates: int = 10, similarity_threshold: float = 0.8
) -> dict[str, list[Rule]]:
    """Rules of the prediction frames."""
    return {
        CANDIDATES.name: candidate_rules.candidate_rules(max_candidates, similarity_threshold),
        CANDIDATE_OPERATIONS.name: candidate_rules.operation_rules(),
        RESOURCE_ALTERNATIVES.name: candidate_rules.resource_rules(),
        CANDIDATE_EVIDENCE.name: candidate_rules.evidence_rules(),
        ABSTAINED.name: candidate_rules.abstained_rules(),
    }


def list_checks(
    attributes: Sequence[AttributeSpec] = (), *, absent: Collection[str] = ()
) -> dict[str, list[CheckInfo]]:
    """Every check by frame, sources first, without running or importing anything heavy.

    Parameters
    ----------
    attributes : sequence of AttributeSpec, optional
        The profile's item attributes; without them the checks of single attributes are not listed.
    absent : collection of str, optional
        Source frames that the profile does not have.
    """
    sources = source_rules_by_frame(attributes, absent=absent)
    return {
        frame: [CheckInfo(r.frame, r.check, r.severity, r.meaning, r.expected, r.column) for r in rules]
        for frame, rules in (sources | candidate_rules_by_frame()).items()
    }


def list_comparisons(*, absent: Collection[str] = ()) -> dict[str, list[CheckInfo]]:
    """Every comparison with the last run that succeeded, and with the median of the last runs, by frame.

    Parameters
    ----------
    absent : collection of str, optional
        Source frames that the profile does not have.
    """
    found: dict[str, list[CheckInfo]] = {}
    for c in comparisons(absent):
        expected = "no great loss (ROUTING_ETL_CHANGE_WARN, ROUTING_ETL_CHANGE_STOP)"
        found.setdefault(c.frame, []).append(
            CheckInfo(c.frame, c.check, c.severity, c.meaning, expected, c.column)
        )
    for c in usual(absent):
        expected = "no slow slide (ROUTING_ETL_CHANGE_WARN, ROUTING_ETL_CHANGE_RUNS)"
        found.setdefault(c.frame, []).append(
            CheckInfo(c.frame, c.check, c.severity, c.meaning, expected, c.column)
        )
    return found


def check_sources(
    clean: Path,
    *,
    rejects: Path | None = None,
    not_above: Sequence[tuple[str, str]] = (),
    today: date | None = None,
    absent: Collection[str] = (),
    progress: Progress = SILENT,
) -> list[CheckOutcome]:
    """Check the cleaned frames, and what was counted in the ERP while it was read (`raw/source_counts.parquet`).

    Parameters
    ----------
    clean : pathlib.Path
        Folder with `<frame>.parquet` per source frame and `items.attributes.json`.
    rejects : pathlib.Path, optional
        Folder with the rejected rows; by default the folder `rejects` beside `clean`. Without such a folder the shares of
        rejected rows are not checked.
    not_above : sequence of (str, str), optional
        Pairs of attributes of which the first may not exceed the second; by default inner and outer diameters, found by
        their names.
    today : datetime.date, optional
        Day that reports and orders may not be younger than; today in UTC by default.
    absent : collection of str, optional
        Frames that the profile or the ERP does not have: nothing is checked of them.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    list of CheckOutcome
        One outcome per check, frame by frame.

    Raises
    ------
    FrameError
        A required file is missing.
    """
    path = clean / ATTRIBUTES_FILE
    if not path.is_file():
        raise FrameError(f"No attribute list at {path}.", remedy="Extract first: routing-etl extract")
    attributes = read_attributes(path)
    scope: dict[str, pl.LazyFrame] = {}
    for name in SOURCE_FRAMES:
        file = clean / f"{name}.parquet"
        if file.is_file():
            scope[name] = pl.scan_parquet(file)
        elif name in source_rules.OPTIONAL_FRAMES:
            scope[name] = FRAMES[name].empty().lazy()
        else:
            raise FrameError(f"No cleaned frame at {file}.", remedy="Extract first: routing-etl extract")
    spellings = clean / f"{CODE_SPELLINGS.name}.parquet"
    scope[CODE_SPELLINGS.name] = (
        pl.scan_parquet(spellings) if spellings.is_file() else CODE_SPELLINGS.empty().lazy()
    )
    counts = clean.parent / "raw" / f"{SOURCE_COUNTS.name}.parquet"
    if counts.is_file():
        scope[SOURCE_COUNTS.name] = pl.scan_parquet(counts)
    rejected = rejects if rejects is not None else clean.parent / "rejects"
    if rejected.is_dir():
        scope[REJECTS.name] = _parts(rejected, REJECTS.name)
    rules = source_rules_by_frame(
        attributes, not_above=not_above, today=today, rejects=REJECTS.name in scope, absent=absent
    )
    return _run(rules, scope, progress)


def check_candidates(
    predictions: Path,
    *,
    max_candidates: int = 10,
    similarity_threshold: float = 0.8,
    progress: Progress = SILENT,
) -> list[CheckOutcome]:
    """Check the predictions before they are loaded.

    Parameters
    ----------
    predictions : pathlib.Path
        Folder with one folder of Parquet part files per frame (`candidates/*.parquet`, ...). A frame without files counts
        as a frame without rows.
    max_candidates : int, optional
        Most candidates of an item, as the items were scored.
    similarity_threshold : float, optional
        Similarity from which a candidate is of the HIGH tier, as the items were scored.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    list of CheckOutcome
        One outcome per check, frame by frame.

    Raises
    ------
    FrameError
        The folder does not exist, or that of the candidates in it.
    """
    if not predictions.is_dir():
        raise FrameError(
            f"No predictions at {predictions}.", remedy="Run the step 'score' of this run first."
        )
    if not (
        predictions / CANDIDATES.name
    ).is_dir():  # scoring leaves the folder, where nothing is predicted too
        raise FrameError(
            f"The candidates in {predictions} are gone.", remedy="Score again: routing-etl score"
        )
    scope = {name: _parts(predictions / name, name) for name in PREDICTION_FRAMES}
    rules = candidate_rules_by_frame(max_candidates=max_candidates, similarity_threshold=similarity_threshold)
    return _run(rules, scope, progress)


def raise_on_critical(outcomes: Iterable[CheckOutcome]) -> None:
    """Stop the night when a critical check failed.

    Raises
    ------
    DataQualityError
        Names each failed critical check with what was observed and expected, and up to five rows.
    """
    failed = [o for o in outcomes if o.blocks]
    if not failed:
        return
    lines = []
    for o in failed:
        text = f"{o.frame}.{o.check}: {o.observed}; expected {o.expected}"
        text += f"; raised {o.exception}" if o.exception else ""
        text += f"; e.g. {' | '.join(o.sample)}" if o.sample else ""
        lines.append(text)
    raise DataQualityError(
        f"{len(failed)} critical check(s) failed: " + "; ".join(f"[{line}]" for line in lines) + ".",
        remedy="Correct the named rows in the ERP or the source profile and run again; nothing was published.",
    )


def _parts(folder: Path, name: str) -> pl.LazyFrame:
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    return pl.scan_parquet(files) if files else FRAMES[name].empty().lazy()


def _run(rules: Mapping[str, list[Rule]], scope: Scope, progress: Progress) -> list[CheckOutcome]:
    from routing_etl.quality.adapter import Validator, empty_outcomes, run_rules

    outcomes: list[CheckOutcome] = []
    with Validator() as validator:
        for frame, of_frame in rules.items():
            rows = 1 if frame == REJECTS.name else int(scope[frame].select(pl.len()).collect().item())
            if rows:
                outcomes += run_rules(frame, of_frame, scope, validator, progress=progress)
            elif frame in source_rules.OPTIONAL_FRAMES:
                outcomes += empty_outcomes(of_frame, passes=False, severity="warning")
            else:
                passes = frame in candidate_rules.MAY_BE_EMPTY
                outcomes += empty_outcomes(of_frame, passes=passes, severity=None)
    return outcomes
