"""What the command line shows: progress bars and tables with rich. Computes nothing."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console, Group
from rich.markup import escape as no_markup
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from routing_etl import safe_text
from routing_etl.cli.display_upkeep import sheets_written
from routing_etl.evaluation.tiers import confidence_tier
from routing_etl.frames import CANDIDATE_OPERATIONS, CANDIDATES, CheckOutcome
from routing_etl.pipeline import street
from routing_etl.pipeline.learning_faults import TRAINING_FAILED
from routing_etl.pipeline.night import NOTHING_TO_PREDICT
from routing_etl.pipeline.sweep import SWEPT
from routing_etl.pipeline.versions import headline, metrics_of
from routing_etl.progress import Task

if TYPE_CHECKING:
    from routing_etl.doctor.examination import Finding
    from routing_etl.doctor.settings_table import SettingRow
    from routing_etl.erp.clean import CleanReport
    from routing_etl.evaluation.details import Loss
    from routing_etl.evaluation.metric_table import MetricRow
    from routing_etl.pipeline.demo import DemoResult
    from routing_etl.pipeline.one_item import LeadTime, Prediction
    from routing_etl.pipeline.results import Extracted, Published, Scored, Trained
    from routing_etl.pipeline.upkeep import Removal
    from routing_etl.plant.demo import PlantReport
    from routing_etl.quality.score import QualityScore
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.runs import RunFolder
    from routing_etl.settings import Settings
    from routing_etl.sheets.content import Sheet
    from routing_etl.times.profiles import TimesReport
    from routing_etl.warehouse.publications import Publication


def _safe(text: object) -> str:
    """Text that is shown as it is: no markup of rich, no control character or line break of a terminal."""
    return no_markup(safe_text.one_line(text))


class _Bar:
    def __init__(self, progress: RichProgress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, n: float = 1) -> None:
        self._progress.advance(self._task, n)

    def describe(self, text: str) -> None:
        self._progress.update(self._task, description=_safe(text))

    def __enter__(self) -> _Bar:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc_type is None:
            task = self._progress.tasks[self._progress.task_ids.index(self._task)]
            total = task.total if task.total is not None else max(task.completed, 1)
            self._progress.update(self._task, total=total, completed=total)
        self._progress.stop_task(self._task)


class BarProgress:
    """`Progress` that draws one bar per task."""

    def __init__(self, console: Console) -> None:
        self._rich = RichProgress(
            SpinnerColumn(finished_text="[green]✓")
            if console.encoding.startswith("utf")
            else SpinnerColumn("line", finished_text="[green]+"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    def task(self, description: str, total: float | None = None) -> Task:
        """A new bar."""
        return _Bar(self._rich, self._rich.add_task(_safe(description), total=total))

    def __enter__(self) -> BarProgress:
        self._rich.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._rich.stop()


class _Line:
    def __init__(self, console: Console, description: str, total: float | None) -> None:
        self._console, self._description, self._total = console, description, total
        self._done, self._started = 0.0, time.monotonic()

    def advance(self, n: float = 1) -> None:
        self._done += n

    def describe(self, text: str) -> None:
        self._description = text

    def __enter__(self) -> _Line:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        count = f"{self._done:,.0f}" if self._total is None else f"{self._done:,.0f} of {self._total:,.0f}"
        seconds = time.monotonic() - self._started
        self._console.print(
            f"{self._description}: {'' if exc_type is None else 'stopped at '}{count}, {seconds:.1f} s",
            markup=False,
            soft_wrap=True,
        )


class LineProgress:
    """`Progress` for output that is no terminal: one plain line for each task, when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def task(self, description: str, total: float | None = None) -> Task:
        """A task whose line is written when it ends."""
        return _Line(self._console, description, total)

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        del exc_type, exc, tb


def progress_on(console: Console) -> BarProgress | LineProgress:
    """Bars on a terminal, plain lines elsewhere."""
    moving = console.is_terminal and not console.is_dumb_terminal
    return BarProgress(console) if moving else LineProgress(console)


def _number(value: Any, digits: int = 3) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return _safe(value)


def _table(title: str, *columns: str, right: int = 1) -> Table:
    """A table whose columns from `right` on are right-aligned numbers."""
    table = Table(title=_safe(title), title_justify="left", title_style="bold", header_style="bold cyan")
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i >= right else "left", overflow="fold")
    return table


# --- sources and checks ------------------------------------------------------------------------------------------------


def plant_table(console: Console, report: PlantReport) -> None:
    """Rows per table of a written plant and its known ceiling."""
    table = _table("Demo plant", "table", "rows")
    for name, rows in report.rows.items():
        table.add_row(name, _number(rows))
    console.print(table)
    console.print(
        "Best exact match that any method can be expected to reach on the items without a routing (known from the plant's "
        f"rules): {report.ceiling:.3f}"
    )


def source_table(console: Console, extracted: Extracted, cleaned: CleanReport) -> None:
    """Rows read, kept, filtered and rejected per table, with reasons and repairs, and how incremental frames were read."""
    read = extracted.read.frames
    table = _table("Rows per ERP table", "frame", "table", "read", "kept", "filtered", "rejected", right=2)
    for name, frame in cleaned.frames.items():
        counts = (frame.rows_in, frame.rows_kept, frame.rows_filtered, frame.rows_rejected)
        source = read[name].table if name in read else "-"
        table.add_row(name, _safe(source), *(_number(n) for n in counts))
    table.pad_edge = console.width > 80  # two columns more for the names of the tables
    console.print(table)
    for name, source_frame in read.items():
        if source_frame.watermark_to is not None:
            console.print(
                f"{name}: {source_frame.mode} read ({_safe(source_frame.why)}), {_number(source_frame.rows_read)} rows read, "
                f"{_number(source_frame.rows_reused)} reused; watermark {_safe(source_frame.watermark_from or 'none')} -> "
                f"{_safe(source_frame.watermark_to)}"
            )
    reasons = _table("Rejected rows by reason", "frame", "rule", "rows", right=2)
    for name, frame in cleaned.frames.items():
        for rule, rows in sorted(frame.rejects.items(), key=lambda kv: -kv[1]):
            reasons.add_row(name, rule, _number(rows))
    if reasons.row_count:
        console.print(reasons)
    for count in extracted.read.counts:
        if count.rows and not count.warns and count.rule != "table_rows":
            console.print(f"{count.frame}: {_safe(count.told)}")
    for warning in (*extracted.read.warnings, *cleaned.warnings):
        console.print(f"[yellow]warning[/] {_safe(warning)}")


def check_table(console: Console, outcomes: Iterable[CheckOutcome]) -> None:
    """Counts per frame, then each failed check with what was observed and expected."""
    found = tuple(outcomes)
    counts: dict[str, list[int]] = {}
    for o in found:
        row = counts.setdefault(o.frame, [0, 0, 0])
        row[0 if o.success else 1 if o.severity == "warning" else 2] += 1
    table = _table("Checks", "frame", "passed", "warnings", "failed")
    for frame, (passed, warned, failed) in counts.items():
        table.add_row(frame, _number(passed), _number(warned), f"[red]{failed}[/]" if failed else "0")
    console.print(table)
    bad = [o for o in found if not o.success]
    if bad:
        details = _table(
            "Checks that did not pass", "check", "severity", "observed", "expected", "rows", right=4
        )
        for o in bad:
            colour = "red" if o.severity == "critical" else "yellow"
            details.add_row(
                _safe(f"{o.frame}.{o.check}"), f"[{colour}]{o.severity}[/]", _safe(_observed(o)),
                _safe(o.expected[:80]), _number(o.rows_unexpected),
            )  # fmt: skip
        console.print(details)
        if any(o.severity == "warning" for o in bad):
            console.print("Warnings do not stop the night.")


def _observed(outcome: CheckOutcome) -> str:
    """What was observed; where it was counted in the ERP, the sentence that says where."""
    first = outcome.sample[0] if outcome.sample else ""
    return first.removeprefix("counted=") if first.startswith("counted=") else outcome.observed[:80]


def quality_score(console: Console, found: QualityScore | None) -> None:
    """The score of the item master with the shares that it is made of."""
    if found is None or found.score is None:
        return
    shares = {
        "complete": found.completeness,
        "duplicates": found.duplicate_rate,
        "impossible sizes": found.outlier_rate,
        "otherwise rejected": found.invalid_rate,
    }
    parts = ", ".join(f"{name} {share:.1%}" for name, share in shares.items() if share is not None)
    console.print(
        f"Quality score of the item master: {found.score:.1f} of 100 ({parts}; {found.items:,} items)"
    )


def times_table(console: Console, report: TimesReport) -> None:
    """What became of the work results, per kind of time."""
    from routing_etl.times.suspects import sentences

    table = _table(
        "Work results to times", "measure", "samples", "minutes typed as hours", "order typed as piece", "outliers", "set aside",
        "actual / standard",
    )  # fmt: skip
    for measure, row in report.measures.items():
        plausibility = report.plausibility.get(measure)
        counts = (row.samples, row.minutes_as_hours, row.order_as_piece, row.outliers, row.set_aside)
        table.add_row(
            {"setup": "set-up per order", "run": "run per piece"}.get(measure, measure),
            *(_number(n) for n in counts),
            _number(plausibility.ratio if plausibility else None, 2),
        )
    console.print(table)
    console.print("Profiles: " + ", ".join(f"{name} {rows:,}" for name, rows in report.groups.items()))
    for text in sentences(report.findings):
        console.print(f"[yellow]warning[/] {_safe(text)}")


# --- model -------------------------------------------------------------------------------------------------------------

_SHOWN = (
    ("exact_at_1", "exact sequence, first candidate"),
    ("exact_at_4", "exact sequence among four"),
    ("operation_f1", "operation set F1"),
    ("edit_similarity", "edit similarity"),
    ("resource_top1", "resource, first choice"),
    ("accuracy", "operation accuracy"),
    ("f1_weighted", "operation F1, weighted"),
    ("run_wape", "run time error (WAPE)"),
    ("setup_wape", "set-up error (WAPE)"),
    ("run_report_coverage", "reports inside P10-P90 (aim 0.80)"),
    ("ece", "calibration error (ECE)"),
)
_METHODS = (
    ("model", "model"),
    ("nearest_copy", "nearest copy"),
    ("majority_part_type", "part-type majority"),
    ("legacy", "legacy"),
)


def metrics_table(console: Console, metrics: Iterable[MetricRow], split: str) -> None:
    """Held-out metrics of the model beside the baselines, overall."""
    rows = [r for r in metrics if r.segment == "all"]
    by_method = {(r.method, r.metric): r for r in rows}
    told = {
        "family": "item families",
        "recent": "a part of the newest routings",
        "time": "the newest routings",
        "loo": "one item at a time",
        "type": "part types",
    }
    held_out = max((r.n for r in rows if r.of_model and r.metric == "exact_at_1"), default=0)
    table = _table(
        f"Metrics on {held_out:,} items (held out: {told.get(split, split)})",
        "metric", *(label for _, label in _METHODS), "95 % interval of the model",
    )  # fmt: skip
    for metric, label in _SHOWN:
        own = by_method.get(("model", metric))
        if own is None:
            continue
        interval = "-" if own.low is None else f"{own.low:.3f} to {own.high:.3f}"
        found = (by_method.get((method, metric)) for method, _ in _METHODS)
        table.add_row(label, *(_number(r.value if r is not None else None) for r in found), interval)
    console.print(table)
    shown = {metric for metric, _ in _SHOWN}
    unmeasured = [r for r in rows if r.of_model and r.value is None and r.metric in shown]
    for reason in sorted({f"{r.metric}: {r.reason}" for r in unmeasured}):
        console.print(f"[yellow]not measured[/] {_safe(reason)}")


def losses_table(console: Console, losses: Iterable[Loss]) -> None:
    """What was wrong: kinds, jobs, and columns that want filling."""
    table = _table(
        "What was wrong (an item can be in several lines)",
        "kind",
        "job or column",
        "items",
        "of all wrong",
        "remark",
    )
    for loss in losses:
        table.add_row(loss.kind, _safe(loss.what), _number(loss.items), f"{loss.share:.0%}", _safe(loss.told))
    if table.row_count:
        console.print(table)


def train_result(console: Console, trained: Trained) -> None:
    """Metrics, where the version went and whether it is the champion."""
    metrics_table(console, trained.metrics, trained.split)
    if trained.dry_run:
        drawn = (
            ""
            if trained.sampled_from is None
            else f" drawn from {trained.sampled_from:,}, so the figures are of a sample,"
        )
        console.print(
            f"Dry run: nothing was saved. Fitted on {trained.training_samples:,} items{drawn} in {trained.training_duration_sec:.1f} s."
        )
        return
    console.print(
        f"Model [bold]{_safe(trained.version)}[/]: {trained.training_samples:,} routed items, "
        f"fitted in {trained.training_duration_sec:.1f} s. "
        + ("It is the champion" if trained.promoted else "Not promoted")
        + _safe(f" ({trained.promotion_reason}).")
    )


def models_table(console: Console, registry: ModelRegistry) -> None:
    """All versions with status, alias and headline metrics."""
    table = _table(
        "Model versions", "version", "status", "alias", "created", "exact match", "F1 weighted", "MB", right=4
    )
    metrics = registry.metrics_by_version()
    for version in registry.list():
        exact = headline(metrics_of(registry.show(version.name))) if version.problem is None else None
        table.add_row(
            _safe(version.name), f"[red]{_safe(version.problem)}[/]" if version.problem else version.status,
            ", ".join(version.aliases), version.created_at[:19], _number(exact.value if exact else None), _number(metrics.get(version.name, {}).get("f1_weighted")),
            _number(version.bytes / 1e6, 1),
        )  # fmt: skip
    console.print(table if table.row_count else "No model yet. Train one: routing-etl train")


def model_details(console: Console, registry: ModelRegistry, version: str) -> None:
    """One version in full."""
    details = registry.show(version)
    facts = _table(f"Model {details.info.name}", "what", "value", right=9)
    for name, value in {
        "status": details.info.status,
        "created": details.info.created_at,
        "folder": details.info.path,
        "trained on": f"{details.metrics.get('training_samples')} routed items",
        "training": f"{_number(details.metrics.get('training_duration_sec'), 1)} s",
        "profile": details.metadata.get("profile"),
        "run": details.metadata.get("run_id"),
        "made with": ", ".join(f"{k} {v}" for k, v in details.runtime_versions.items()),
        "attributes": ", ".join(details.attributes),
    }.items():
        facts.add_row(name, _safe(value))
    console.print(facts)
    metrics = metrics_of(details)
    if metrics:
        metrics_table(console, metrics, metrics[0].split)
    console.print(
        f"The whole story, by segment and with its limits: routing-etl models card {details.info.name}"
    )
    files = _table("Artifacts", "file", "bytes", "sha256")
    for artifact in details.artifacts:
        files.add_row(artifact.path, _number(artifact.bytes), artifact.sha256)
    console.print(files)


# --- predictions -------------------------------------------------------------------------------------------------------


def score_table(console: Console, scored: Scored) -> None:
    """How many items were predicted and how sure the model is."""
    table = _table("Scoring", "what", "value")
    table.add_row("model", _safe(scored.model_version))
    table.add_row("items without a valid routing", _number(scored.items))
    if scored.reused:
        table.add_row(
            "unchanged since an earlier run, which scored them by this model", _number(scored.reused)
        )
    table.add_row("predicted", _number(scored.predicted))
    for reason, count in scored.abstained_by_reason.items():
        table.add_row(f"abstained: {_safe(reason)}", _number(count))
    table.add_row("candidates", _number(scored.rows[CANDIDATES.name]))
    table.add_row("operations", _number(scored.rows[CANDIDATE_OPERATIONS.name]))
    table.add_row("share of first candidates with HIGH similarity", _number(scored.share_high))
    table.add_row("mean confidence of the first candidate", _number(scored.mean_confidence))
    table.add_row("sizes read from a text, their column being empty", _number(scored.sizes_read))
    if scored.replaced:
        table.add_row("outsourced operations replaced by one in house", _number(scored.replaced))
    console.print(table)
    for note in filter(None, (scored.sizes_told, scored.unmapped_told)):
        console.print(f"[yellow]Note:[/] {_safe(note)}")
    if scored.missing_attributes:
        console.print(
            f"[yellow]Warning:[/] no item has {_safe(', '.join(scored.missing_attributes))} any more, which the model learned from: "
            "its confidence was lowered. Fill the column again, or train: routing-etl train"
        )


#: Kinds of change of an item, behind a number.
_CHANGED = {
    "new": "new",
    "gone": "gone",
    "lost": "without a proposal now",
    "found": "with a proposal now",
    "first": "with another first candidate",
    "details": "changed in details",
}


def publication_table(console: Console, published: Published) -> None:
    """What became visible to the ERP."""
    if published.notice:
        console.print(f"[yellow]{_safe(published.notice)}[/]")
        return
    same = " (unchanged: the same batch was published before)" if published.reused else ""
    console.print(f"Publication [bold]{published.publication_id}[/] is what the ERP reads now{same}.")
    if published.changes is not None:
        told = ", ".join(f"{n:,} {_CHANGED[kind]}" for kind, n in published.changes.items() if n)
        console.print(
            f"Items beside the publication before: {told or 'none changed'} (routing-etl publications diff)."
        )
    if published.writer:
        console.print(f"Its rows were sent by {_safe(published.writer)}.")
    if published.writer_reason:
        console.print(f"[yellow]Warning:[/] not the fastest way: {_safe(published.writer_reason)}")


def publications_table(console: Console, publications: list[Publication]) -> None:
    """Publications, newest first."""
    table = _table(
        "Publications",
        "id",
        "state",
        "model version",
        "run",
        "published (UTC)",
        "candidates",
        "operations",
        right=5,
    )
    for p in publications:
        published = p.published_at.strftime("%Y-%m-%d %H:%M:%S") if p.published_at else "-"
        state = f"[green]{p.state}[/]" if p.state == "published" else p.state
        state += ", rolled back" if p.withdrawn else ""
        table.add_row(
            str(p.id), state, _safe(p.model_version), _safe(p.run_id), published,
            _number(p.rows.get("candidate")), _number(p.rows.get("candidate_operation")),
        )  # fmt: skip
    console.print(table if table.row_count else "Nothing has been published yet. Run: routing-etl run")


def prediction(console: Console, result: Prediction, title: str = "Item", sheet: Sheet | None = None) -> None:
    """One item's candidates with operations, times and evidence.

    `title` says which item it is; with its `sheet` the candidates behind the first are told apart from it.
    """
    apart = _told_apart(sheet) if sheet is not None else {}
    item = result.item
    shown = {a.name: item.get(a.name) for a in result.attributes if item.get(a.name) is not None}
    lines = [f"[bold]{_safe(item['item_cd'])}[/]  {_safe(item.get('item_nm') or '')}"]
    lines.append(_safe(", ".join(f"{k}={_plain(v)}" for k, v in shown.items())))
    if result.overrides:
        lines.append(
            "[yellow]what if:[/] " + _safe(", ".join(f"{k}={v}" for k, v in result.overrides.items()))
        )
    if result.purchase:
        often = "once" if result.purchase.orders == 1 else f"{result.purchase.orders:,} times"
        lines.append(f"purchased {often}, last on {result.purchase.latest}")
    console.print(
        Panel(Group(*lines), title=f"{title}; model {_safe(result.model_version)}", title_align="left")
    )
    for note in result.notes:
        console.print(f"[yellow]Note:[/] {_safe(note)}")
    p = result.predictions
    for row in p.abstained.iter_rows(named=True):
        console.print(f"[yellow]No prediction:[/] {_safe(row['reason'])}")
    for candidate in p.candidates.sort("candidate_rank").iter_rows(named=True):
        _candidate(console, candidate, result, apart.get(candidate["candidate_rank"], ""))
    if result.own_routing.height:
        jobs = " > ".join(f"{code} {name or ''}".strip() for code, name in _jobs(result.own_routing))
        console.print(
            f"The ERP's own routing {_safe(result.own_routing['rout_no'][0])} (the model has learned from it): {_safe(jobs)}"
        )


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told_apart(sheet: Sheet) -> dict[int, str]:
    """What sets each candidate behind the first apart from it, by rank."""
    from routing_etl.sheets.pages import apart_in_words
    from routing_etl.sheets.words import words

    said = words("en")
    return {
        c.rank: ("hardly ever right; " if c.remote else "") + apart_in_words(c.apart, said)
        for c in sheet.candidates
        if c.apart is not None
    }


def _candidate(console: Console, candidate: dict[str, Any], result: Prediction, apart: str) -> None:
    """The first candidate in full, the others in one line each."""
    p = result.predictions
    mine = pl.col("candidate_rank") == candidate["candidate_rank"]
    operations = p.operations.filter(mine).sort("proc_seq")
    source = (
        f"copied from routing {candidate['rout_no']} of {candidate['reference_item_cd']}"
        if candidate["rout_no"]
        else "typical"
    )
    title = (
        f"{candidate['candidate_id']}  confidence {candidate['confidence']:.2f} "
        f"({confidence_tier(candidate['confidence'])})  similarity {candidate['similarity_score']:.2f} "
        f"{candidate['similarity_tier']}  {candidate['priority']}  {source}"
    )
    if candidate["candidate_rank"] > 1:
        jobs = " > ".join(f"{code} {name or ''}".strip() for code, name in _jobs(operations))
        console.print(f"[bold]{_safe(title)}[/]\n   {_safe(jobs)}")
        if apart:
            console.print(f"   beside the first: {_safe(apart)}")
        return
    console.print(_operations(title, operations, console.width))
    console.print(
        "   Set-up: minutes per order. Run times: minutes per piece, in an order of the size in column lot."
    )
    if console.width < _WITH_SOURCE:
        console.print(
            f"   From {_WITH_SOURCE} columns on, OPT / STD / SAFE and the source of each time are shown too."
        )
    if result.lead_time is not None:
        console.print(f"   {_lead_time(result.lead_time)}")
    for neighbour, similarity, matching, differing in (
        p.evidence.filter(mine)
        .sort("evidence_rank")
        .select("neighbour_item_cd", "similarity", "matching", "differing")
        .iter_rows()
    ):
        because = "because of" if candidate["neighbour_count"] else "has no example; most like the routing of"
        console.print(
            f"   {because} [bold]{_safe(neighbour)}[/] (similarity {similarity:.2f}): same "
            f"{_safe(_short(in_words(matching, ', ', result.titles)))}; differs in "
            f"{_safe(_short(in_words(differing, '; ', result.titles)))}"
        )


def _jobs(operations: pl.DataFrame) -> Iterable[tuple[str, str | None]]:
    return operations.select("job_cd", "job_nm").iter_rows()


#: Columns of the terminal from which on the operations have room for all that is known of their times.
_WITH_SOURCE = 115


def _operations(title: str, operations: pl.DataFrame, width: int) -> Table:
    """The operations of a candidate with machines and times; a narrow terminal gets less of the times."""
    names = ["seq", "job", "machine", "set-up", "lot", "run", "P10", "P90"]
    more = ["OPT/STD/SAFE", "time from"] if width >= _WITH_SOURCE else []
    table = _table(title, *names, *more, right=3)
    for column in table.columns:
        column.no_wrap = column.header not in ("job", "time from")
    for o in operations.iter_rows(named=True):
        scenario = "/".join(_number(o[c], 1) for c in ("optimal_time", "standard_time", "safe_time"))
        samples = f", {o['sample_count']:,} results" if o["sample_count"] else ""
        told = (scenario, o["time_source"].replace("_", " ") + samples)
        table.add_row(
            str(o["proc_seq"]),
            _safe(f"{o['job_cd']} {o['job_nm'] or ''}"),
            _safe(o["res_cd"] or "-"),
            _number(o["setup_time"], 1),
            "-" if o["lot_size"] is None else f"{o['lot_size']:,.0f}",
            _number(o["run_time"], 2),
            _number(o["run_p10"], 1),
            _number(o["run_p90"], 1),
            *told[: len(more)],
        )
    return table


def _lead_time(found: LeadTime) -> str:
    """The lead time of an order in words; what is not known is said."""
    parts = [f"set-up and run {_number(found.working_min, 0)} min"]
    if found.total_min != found.working_min:
        parts.append(f"with queue, wait and move {_number(found.total_min, 0)} min")
    if found.outsourcing_days:
        parts.append(f"outsourcing {found.outsourcing_days:g} days on top")
    unknown = "" if found.complete else " (some operations have no known time)"
    return f"lead time of an order of {found.pieces:,.0f} pieces: {', '.join(parts)}{unknown}"


def in_words(names: str | None, mark: str, titles: Mapping[str, str]) -> str | None:
    """Attributes in the plant's words: each begins a part of the text, alone or before its two values.

    Parameters
    ----------
    names : str or None
        `matching` or `differing` of a row of evidence.
    mark : str
        What stands between two attributes.
    titles : mapping of str to str
        Attribute to its title.
    """
    if not names:
        return names
    parts = (part.partition(":") for part in names.split(mark))
    return mark.join(f"{titles.get(name, name)}{colon}{rest}" for name, colon, rest in parts)


def _short(names: str | None, length: int = 120) -> str:
    if not names:
        return "nothing"
    return names if len(names) <= length else names[: length - 4].rstrip() + " ..."


# --- the night and the demo --------------------------------------------------------------------------------------------


def demo_header(console: Console, items: int, seed: int, settings: Settings) -> None:
    """What is about to happen."""
    console.print(
        f"A plant of {items:,} items (seed {seed}) goes into [bold]{_safe(settings.home)}/erp.db[/]; then the whole night runs on it: "
        f"{', '.join(step.title for step in street.NIGHT)}."
    )


def night_result(console: Console, run: RunFolder) -> None:
    """All tables of a finished night."""
    extracted, cleaned = run.read(street.EXTRACT.report), run.read(street.CLEAN.report)
    aggregated, trained = run.read(street.AGGREGATE_TIMES.report), run.read(street.TRAIN.report)
    scored, published = run.read(street.SCORE.report), run.read(street.PUBLISH.report)
    swept = run.read(SWEPT)
    for sentence in swept.sentences if swept else ():
        console.print(f"[yellow]Left by an earlier crash:[/] {_safe(sentence)}.")
    if extracted and cleaned:
        source_table(console, extracted.result, cleaned.result)
    check_table(console, [o for step in street.NIGHT for o in step.outcomes_of(run)])
    if aggregated:
        times_table(console, aggregated.result)
    if trained:
        train_result(console, trained.result)
    failed = run.read(TRAINING_FAILED)
    if failed:
        console.print(f"[red]{_safe(failed.sentence)}[/]")
    if scored:
        score_table(console, scored.result)
    if published:
        publication_table(console, published.result)
    else:
        console.print(NOTHING_TO_PREDICT)
    sheets = run.read(street.WRITE_SHEETS.report)
    if sheets:
        sheets_written(console, sheets.result)
    steps = _table("Steps", "step", "seconds", "peak memory MB")
    for step in street.NIGHT:
        finished = run.read(step.report)
        if finished:
            cost = finished.cost
            steps.add_row(step.name, _number(cost.seconds, 1), _number(cost.peak_memory_mb, 0))
    console.print(steps)


def demo_result(console: Console, settings: Settings, result: DemoResult, example: Prediction) -> None:
    """Everything the demo made, one item's prediction, and what to try next."""
    plant_table(console, result.plant)
    console.print(
        "The metrics below judge other items, those with the newest routings: do not compare them with this figure."
    )
    night_result(console, result.run)
    prediction(console, example, "Example: the surest prediction")
    home = settings.home
    folder = "" if shutil.which("routing-etl") else f"{_beside_cwd(Path(sys.executable).parent)}/"
    setting = f"$env:ROUTING_ETL_HOME='{home}'; " if sys.platform == "win32" else f"ROUTING_ETL_HOME={home} "
    flag = "" if str(home) == ".routing_etl" else setting
    item = repr(example.item["item_cd"])
    first = "" if find_spec("dagster_webserver") else " (after: pip install dagster-webserver)"
    next_steps = {
        "open the worklist, with a sheet for each item, in a browser": f"{_beside_cwd(home / 'sheets' / 'index.html')}",
        "predict an item, with its evidence": f"{flag}{folder}routing-etl predict {item}",
        "is it good, and what is due": f"{flag}{folder}routing-etl status",
        f"see every step in the Dagster UI{first}": f"{flag}{folder}routing-etl ui",
        "look at what the ERP reads": f'sqlite3 {home}/warehouse.db "SELECT * FROM routing_predictions LIMIT 20"',
    }
    console.print("[bold]Try next[/]")
    for label, command in next_steps.items():
        # No frame and no break: the line is there to be copied.
        console.print(f"{label}:\n  [bold]{_safe(command)}[/]", soft_wrap=True)


def _beside_cwd(path: Path) -> Path:
    """The path relative to the working folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def doctor_table(console: Console, findings: Iterable[Finding]) -> None:
    """Findings with their remedies."""
    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    table = _table("Doctor", "area", "state", "finding", "what to do", right=9)
    for f in findings:
        table.add_row(f.area, f"[{colours[f.level]}]{f.level}[/]", _safe(f.message), _safe(f.remedy))
    console.print(table)


def removals(console: Console, lost: Iterable[Removal], revision: str) -> None:
    """Tables and columns that a step back removes, with their rows."""
    table = _table(f"Removed by going back to {revision}", "table or column", "rows")
    for removal in lost:
        table.add_row(removal.what, _number(removal.rows))
    console.print(table if table.row_count else f"Going back to {revision} removes views only.")


def settings_list(console: Console, rows: Iterable[SettingRow]) -> None:
    """Settings in force, one below the other; those that were set in bold."""
    for row in rows:
        line = f"{row.variable} = {row.value}".rstrip()
        if row.source == "default":
            console.print(f"{line} (default)", markup=False, soft_wrap=True)
        else:
            default = f"; default: {row.default}" if row.default else ""
            console.print(f"[bold]{_safe(line)}[/] ({_safe(row.source + default)})", soft_wrap=True)
        console.print(f"    {row.meaning} [{row.bounds}]", markup=False, soft_wrap=True)
