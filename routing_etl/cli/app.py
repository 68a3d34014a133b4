"""The command line: parse, call one pipeline function, show the result. No logic of the batch lives here."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from routing_etl import __version__, safe_text
from routing_etl.cli.closed_pipe import CLOSED, OutputPipe
from routing_etl.cli.streams import Streams
from routing_etl.errors import ConfigurationError, RoutingEtlError
from routing_etl.shortages import shortage

if TYPE_CHECKING:
    from rich.console import Console

    from routing_etl.pipeline.context import Context
    from routing_etl.pipeline.street import Step
    from routing_etl.progress import Progress
    from routing_etl.settings import Settings

app = typer.Typer(
    name="routing-etl",
    help="Predict manufacturing routings from ERP data and publish them where the ERP reads them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="Trained model versions.", no_args_is_help=True)
publications_app = typer.Typer(help="Published batches of predictions.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(publications_app, name="publications")
sql_app = typer.Typer(help="SQL text for DBAs and the ERP team.", no_args_is_help=True)
app.add_typer(sql_app, name="sql")
profile_app = typer.Typer(
    help="Source profiles: what an ERP calls its tables and columns.", no_args_is_help=True
)
app.add_typer(profile_app, name="profile")

FullOption = Annotated[
    bool, typer.Option("--full", help="Read every row, even where the profile lets changes be read alone.")
]
RunOption = Annotated[str | None, typer.Option("--run", help="Run id; default: the newest that fits.")]


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _settings(**overrides: object) -> Settings:
    from routing_etl.log import configure, get_logger
    from routing_etl.settings import load_settings

    settings = load_settings(**{k: v for k, v in overrides.items() if v is not None})
    configure(settings.home / "logs", settings.log_level)
    get_logger(__name__).info(
        "settings_read", env_file=str(settings.read_from) if settings.read_from else None
    )
    return settings


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    from routing_etl.cli.display import progress_on

    with progress_on(console) as progress:
        yield progress


@contextmanager
def _context(step: Step[Any], run_id: str | None = None) -> Iterator[Context]:
    """Settings, the run folder that a step works on (a new one for the first) under the run lock, and progress bars."""
    from routing_etl import runs
    from routing_etl.pipeline import context

    settings = _settings()
    console = _console()
    with runs.run_lock(settings.home, "a single step"):
        run = (
            runs.new_run(settings.home, run_id)
            if step.on is None
            else runs.find_run(settings.home, run_id, having=step.on.report)
        )
        with _progress(console) as progress:
            yield context.Context(settings, run, progress)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"routing-etl {__version__}")
        raise typer.Exit


# --- everything at once ------------------------------------------------------------------------------------------------


@app.command()
def demo(
    items: Annotated[int, typer.Option("--items", help="Size of the plant: 200 to 325,000 items.")] = 5000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another plant with other rules.")] = 42,
    home: Annotated[
        Path | None, typer.Option("--home", help="Folder for everything; default .routing_etl")
    ] = None,
) -> None:
    """Make a realistic plant in a SQLite ERP, run the whole night on it, and show what came out."""
    from routing_etl.cli import display
    from routing_etl.pipeline import demo as demos
    from routing_etl.pipeline.one_item import example_prediction

    folder = home or Path(".routing_etl")
    settings = _settings(home=folder, models=folder / "models", **demos.demo_urls(folder))
    console = _console()
    display.demo_header(console, items, seed, settings)
    with _progress(console) as progress:
        result = demos.demo(settings, items=items, seed=seed, progress=progress)
    display.demo_result(console, settings, result, example_prediction(settings, result.run))


@app.command()
def plant(
    items: Annotated[int, typer.Option("--items", help="200 to 325,000 items.")] = 5000,
    seed: Annotated[int, typer.Option("--seed")] = 42,
    url: Annotated[
        str | None, typer.Option("--url", help="SQLAlchemy URL; default: ROUTING_ETL_ERP_URL")
    ] = None,
) -> None:
    """Write only the demo plant into a database. Refuses to touch tables that are not a demo plant's."""
    from routing_etl.cli import display
    from routing_etl.pipeline.demo import write_demo_plant

    settings = _settings()
    console = _console()
    with _progress(console) as progress:
        report = write_demo_plant(settings, url or settings.erp, items=items, seed=seed, progress=progress)
    display.plant_table(console, report)


@app.command("load-adventureworks")
def load_adventureworks(
    folder: Annotated[Path, typer.Argument(help="Folder of the AdventureWorks CSV files.")],
    url: Annotated[
        str | None, typer.Option("--url", help="SQLAlchemy URL; default: ROUTING_ETL_ERP_URL")
    ] = None,
) -> None:
    """Write Microsoft's sample ERP from CSV files into a database, under SQL Server's own names."""
    from routing_etl.pipeline import demo as demos

    demos.load_adventureworks(folder, url or _settings().erp)
    typer.echo("Loaded. Use it with ROUTING_ETL_PROFILE=adventureworks.")


@app.command()
def run(
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="Name of the run; default: its UTC time.")
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train a new model even if none is due.")
    ] = False,
    full: FullOption = False,
) -> None:
    """The night: extract, clean, check, times, standards, health, train when due, score, check candidates, load, publish, measure."""
    from routing_etl.cli import display
    from routing_etl.pipeline import night

    settings = _settings()
    console = _console()
    with _progress(console) as progress:
        result = night.night(settings, progress=progress, run_id=run_id, retrain=retrain, full=full)
    display.night_result(console, result)


# --- one step ----------------------------------------------------------------------------------------------------------


@app.command()
def extract(
    run_id: Annotated[str | None, typer.Option("--run-id", help="Name of the new run.")] = None,
    full: FullOption = False,
) -> None:
    """Read and clean the ERP's tables into a new run folder."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with _context(street.EXTRACT, run_id) as ctx:
        extracted, cleaned = steps.extract(ctx, full=full), steps.clean(ctx, warehouse_needed=False)
    display.source_table(_console(), extracted.result, cleaned.result)
    typer.echo(f"Run {ctx.run.run_id} in {ctx.run.path}")


@app.command()
def check(run_id: RunOption = None) -> None:
    """Check the cleaned frames of the newest run."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with _context(street.CHECK_SOURCE, run_id) as ctx:
        checked = steps.check_source(ctx)
        found = street.CHECK_SOURCE.outcomes_of(ctx.run)
    console = _console()
    display.check_table(console, found)
    display.quality_score(console, checked.result.score)


@app.command()
def times(run_id: RunOption = None) -> None:
    """Aggregate work results to time profiles."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with _context(street.AGGREGATE_TIMES, run_id) as ctx:
        aggregated = steps.aggregate_times(ctx)
    display.times_table(_console(), aggregated.result)


@app.command()
def standards(
    run_id: RunOption = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the worst are shown.")] = 20,
) -> None:
    """Compare the ERP's standard times with what orders took; publish the review and show the worst."""
    from routing_etl.cli import display_upkeep
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.review import worst_standards

    with _context(street.REVIEW_STANDARDS, run_id) as ctx:
        reviewed = steps.review_standards(ctx)
        worst = worst_standards(ctx.run, top)
    display_upkeep.standards_table(_console(), reviewed.result, worst)


@app.command()
def health(
    run_id: RunOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Copy the page, one HTML file that can be mailed, to here.")
    ] = None,
) -> None:
    """Say what is wrong with the ERP's data, by planner, family, plant and work centre: table, view and HTML page."""
    from routing_etl.cli import display_upkeep
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.review import read_findings

    with _context(street.CHECK_HEALTH, run_id) as ctx:
        checked = steps.check_health(ctx).result
        findings = read_findings(ctx.run)
    page = Path(checked.page)
    if out is not None:
        out.write_bytes(page.read_bytes())
    display_upkeep.health_table(_console(), checked, findings, out or page)


@app.command()
def train(
    version: Annotated[
        str | None, typer.Option("--version", "--name", help="Version name; default: UTC time.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Train and evaluate, save nothing.")] = False,
    promote: Annotated[
        bool, typer.Option(help="Make it the champion unless it is significantly worse than the champion.")
    ] = True,
    run_id: RunOption = None,
) -> None:
    """Train, evaluate on held-out items, and save a model version."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.training import TrainingRequest

    with _context(street.TRAIN, run_id) as ctx:
        trained = steps.train(ctx, TrainingRequest(version, dry_run=dry_run, promote=promote))
    display.train_result(_console(), trained.result)


@app.command()
def evaluate(
    split: Annotated[str, typer.Option(help="time, family or loo (leave one out)")] = "time",
    max_items: Annotated[int, typer.Option(help="Most held-out items that are judged.")] = 5000,
    plots: Annotated[
        Path | None,
        typer.Option("--plots", help="Folder for PNGs: accuracy against coverage, calibration, times."),
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Judge the method against the baselines on held-out items of the newest run; saves nothing to the registry."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street
    from routing_etl.pipeline.results import tables_of
    from routing_etl.plots import of_evaluation, save

    with _context(street.EVALUATE, run_id) as ctx:
        evaluated = steps.evaluate(ctx, split=split, max_items=max_items).result
    display.metrics_table(_console(), evaluated.metrics, evaluated.split)
    for file in save(of_evaluation(tables_of(evaluated)), plots) if plots is not None else ():
        typer.echo(f"Wrote {file}")


@app.command()
def score(
    version: Annotated[
        str | None, typer.Option("--version", help="Model version; default: the champion.")
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Predict routings for every item without one, into the run folder."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with _context(street.SCORE, run_id) as ctx:
        scored = steps.score(ctx, version=version)
    display.score_table(_console(), scored.result)


@app.command()
def publish(
    run_id: RunOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Publish predictions that were rolled back before, too.")
    ] = False,
) -> None:
    """Check the candidates, load them and make them the published batch."""
    from routing_etl.cli import display
    from routing_etl.pipeline import steps, street

    with _context(street.CHECK_CANDIDATES, run_id) as ctx:
        published = steps.publish_run(ctx, again=again)
    display.publication_table(_console(), published)


@app.command()
def predict(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="What if: ATTRIBUTE=VALUE, repeatable.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Model version; default: the champion.")
    ] = None,
    lot: Annotated[
        float | None, typer.Option("--lot", help="Pieces of the order; default: the item's usual lot.")
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Predict one item, with its evidence. Publishes nothing."""
    from routing_etl.cli import display
    from routing_etl.pipeline.one_item import WhatIf, predict_item

    settings = _settings()
    what_if = WhatIf(_overrides(set_ or []), lot)
    prediction = predict_item(settings, item_cd, what_if, version=version, run_id=run_id)
    display.prediction(_console(), prediction)


def _overrides(pairs: list[str]) -> dict[str, str]:
    overrides = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise ConfigurationError(
                f"--set {pair!r} is not NAME=VALUE.", remedy="Write for example --set OUTDIAMETER=120"
            )
        overrides[name.strip()] = value.strip()
    return overrides


# --- operation ---------------------------------------------------------------------------------------------------------


@app.command()
def doctor() -> None:
    """Check settings, databases, profile against catalogue, migrations, model and disk; exit code 1 on an error."""
    from routing_etl.cli import display
    from routing_etl.doctor.examination import examine

    findings = examine(_settings())
    display.doctor_table(_console(), findings)
    if any(f.level == "error" for f in findings):
        raise typer.Exit(1)


@profile_app.command("suggest")
def profile_suggest(
    url: Annotated[
        str | None, typer.Option("--url", help="SQLAlchemy URL; default: ROUTING_ETL_ERP_URL")
    ] = None,
    tables: Annotated[
        list[str] | None,
        typer.Option("--tables", help="Tables to choose from, separated by commas; default: all."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Propose a commented profile for an ERP from its catalogue and a sample; exit code 1 if a required part is missing."""
    from routing_etl.cli import display
    from routing_etl.onboarding.suggest import suggest

    settings = _settings()
    only = [name.strip() for text in tables or [] for name in text.split(",") if name.strip()]
    found = suggest(url or settings.erp, settings, tables=only, out=out)
    if out is None:
        typer.echo(found.text)
    else:
        display.doctor_table(_console(), found.findings)
        typer.echo(
            f"Wrote {out}: {found.questions} places are marked DECIDE. Settle them, then: routing-etl doctor"
        )
    for text in found.missing:
        typer.echo(f"Missing: {text}", err=True)
    if found.missing:
        raise typer.Exit(1)


@app.command("settings")
def settings_(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write docs/settings.md to standard output; no values.")
    ] = False,
) -> None:
    """Every setting with its value, where it comes from, what it may be and what it means; no secret is shown."""
    from routing_etl.cli import display
    from routing_etl.doctor import settings_table

    if markdown:
        typer.echo(settings_table.settings_markdown())
        return
    display.settings_list(_console(), settings_table.settings_rows(_settings()))


@app.command()
def migrate(
    sql: Annotated[bool, typer.Option("--sql", help="Print the DDL instead of running it.")] = False,
    dialect: Annotated[str, typer.Option(help="Dialect of --sql: mssql, sqlite or postgresql.")] = "mssql",
    revision: Annotated[
        str, typer.Option("--revision", "--to", help="Target revision; 'base' removes our tables.")
    ] = "head",
    start: Annotated[
        str | None,
        typer.Option("--from", help="Of --sql: revision that the database is at. Default: no tables."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove what a step back to an earlier revision removes.")
    ] = False,
) -> None:
    """Create or upgrade our tables and views. A step back lists what it removes, and asks."""
    from routing_etl.cli import display
    from routing_etl.pipeline import upkeep

    settings = _settings()
    if sql:
        typer.echo(upkeep.migration_sql(settings, dialect, revision, start))
        return
    if start is not None:
        raise ConfigurationError(
            f"--from {start} is for --sql only: a database says itself where it is.",
            remedy="Leave it out, or add --sql.",
        )
    lost = upkeep.removed_by_migration(settings, revision)
    if lost is not None:
        display.removals(_console(), lost, revision)
        yes = yes or (_asks_a_person() and _typed(revision))
    typer.echo(f"Our tables are at revision {upkeep.migrate(settings, revision, remove=yes)}.")


def _asks_a_person() -> bool:
    """Whether somebody sits at a terminal and can answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _typed(revision: str) -> bool:
    answer = typer.prompt(
        f"Type {revision} to remove this, or press Enter to keep it", default="", show_default=False
    )
    return bool(answer == revision)


@models_app.command("list")
def models_list() -> None:
    """Versions, newest first, with their metrics and aliases."""
    from routing_etl.cli import display
    from routing_etl.registry.store import ModelRegistry

    display.models_table(_console(), ModelRegistry(_settings().models_dir))


@models_app.command("show")
def models_show(version: str) -> None:
    """One version: manifest, metrics, training data."""
    from routing_etl.cli import display
    from routing_etl.registry.store import ModelRegistry

    display.model_details(_console(), ModelRegistry(_settings().models_dir), version)


@models_app.command("card")
def models_card(
    version: Annotated[str, typer.Argument(help="Version or alias.")] = "champion",
) -> None:
    """The model card as Markdown: purpose, data, metrics by segment, limits, and who promoted it when and why."""
    from routing_etl.pipeline.cards import model_card
    from routing_etl.registry.store import ModelRegistry

    typer.echo(safe_text.terminal(model_card(ModelRegistry(_settings().models_dir), version)))


@models_app.command("verify")
def models_verify(
    version: Annotated[str | None, typer.Argument(help="Default: every version.")] = None,
) -> None:
    """Check every artifact's sha256 against the manifest, and the manifest's against the database."""
    from routing_etl.pipeline import upkeep

    for name in upkeep.verify_models(_settings(), version):
        typer.echo(f"{name}: all artifacts match")


@models_app.command("promote")
def models_promote(
    version: str, why: Annotated[str, typer.Option("--why", help="Reason, kept on record.")]
) -> None:
    """Make a version the champion: the one that scores."""
    from routing_etl.pipeline import versions

    versions.promote(_settings(), version, why=why)
    typer.echo(f"{version} is the champion.")


@models_app.command("rollback")
def models_rollback(why: Annotated[str, typer.Option("--why", help="Reason, kept on record.")]) -> None:
    """Make the version champion again that was champion before the present one."""
    from routing_etl.pipeline import versions

    typer.echo(f"{versions.rollback_champion(_settings(), why=why)} is the champion again.")


@publications_app.command("list")
def publications_list() -> None:
    """Publications, newest first."""
    from routing_etl.cli import display
    from routing_etl.pipeline import upkeep

    display.publications_table(_console(), upkeep.publications(_settings()))


@publications_app.command("rollback")
def publications_rollback(
    to: Annotated[int | None, typer.Option("--to", help="Publication id; default: the one before.")] = None,
) -> None:
    """Make an earlier publication the current one."""
    from routing_etl.pipeline import upkeep

    typer.echo(f"Publication {upkeep.rollback(_settings(), to)} is the current one.")


@app.command()
def adopt(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    candidate_id: Annotated[str, typer.Argument(help="Candidate id, e.g. 3H18091DB_C01.")],
    user: Annotated[str, typer.Option("--user", help="Who takes it over; kept on record.")],
) -> None:
    """Take over a published candidate: mark it in routing_feedback and show it in the ERP's BOP shape."""
    from routing_etl.cli import display
    from routing_etl.pipeline import upkeep

    display.adoption(_console(), upkeep.adopt(_settings(), item_cd, candidate_id, user))


@app.command("adopt-time")
def adopt_time(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    rout_no: Annotated[str, typer.Argument(help="Routing number as the ERP has it.")],
    proc_seq: Annotated[int, typer.Argument(help="Operation number.")],
    user: Annotated[str, typer.Option("--user", help="Who takes it over; kept on record.")],
) -> None:
    """Take over proposed standard times: mark them in routing_feedback_time and show them in the ERP's BOP shape."""
    from routing_etl.cli import display_upkeep
    from routing_etl.pipeline import upkeep
    from routing_etl.warehouse.feedback_time import Operation

    adopted = upkeep.adopt_time(_settings(), Operation(item_cd, rout_no, proc_seq), user)
    display_upkeep.time_adoption(_console(), adopted)


@sql_app.command("render")
def sql_render(
    dialect: Annotated[str, typer.Option(help="mssql, sqlite or postgresql.")] = "mssql",
    profile: Annotated[
        Path | None, typer.Option("--profile", help="TOML file of output columns; default: the shipped one.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for VIEW.sql; default: print it.")] = None,
) -> None:
    """Write the flat view of an output column profile as DDL."""
    from routing_etl.pipeline import upkeep

    name, text = upkeep.render_view(_settings(), dialect, profile)
    if out is None:
        typer.echo(text)
        return
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{name}.{dialect}.sql"
    file.write_text(f"{text}\n", encoding="utf-8")
    typer.echo(f"Wrote {file}")


#: Exit code of a command that was stopped with Ctrl-C.
_STOPPED = 130

# --- entry -------------------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> None:
    """Console entry: exit code 0 on success only; errors as one sentence on stderr, the trace in the log."""
    streams = Streams()
    output = OutputPipe()
    before, sys.unraisablehook = sys.unraisablehook, _deliver_again
    try:
        code = _run(lambda: _called(argv, output))
        if (full := streams.full()) is not None:
            done = "The command did its work" if code == 0 else "The command failed"
            _complain(
                f"{done}, but its output could not be written whole: {full.strerror}. Free space for it."
            )
            code = code or 1
    except BrokenPipeError:
        if not output.reader_is_gone():
            raise
        code = CLOSED  # errors go into the same pipe, and there was one to tell
    finally:
        sys.unraisablehook = before
    if code == CLOSED:
        output.quieten()
    output.close()
    if code == _STOPPED:
        # An interrupt in the middle of an exec() (dataclasses run one while their module is imported) makes Python end by
        # the signal, whatever was caught since and whatever code is given; another exec() makes it forget that.
        exec("")
    sys.exit(code)


def _called(argv: list[str] | None, output: OutputPipe) -> Any:
    """Typer and rich turn every broken pipe into exit code 1 without a word; of another pipe than our output it is told."""
    try:
        return app(args=argv, standalone_mode=False)
    except SystemExit as exc:
        broken = exc.__context__
        if not isinstance(broken, BrokenPipeError):
            raise
        if output.reader_is_gone():
            return CLOSED
    raise broken


def _deliver_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Python only prints an interrupt that meets a finaliser or a weak reference's callback, and works on.

    It is given again a moment later, from another thread: given here it would meet this hook.
    """
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        again = threading.Timer(0.02, _thread.interrupt_main)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _run(call: Callable[[], Any]) -> int:
    try:
        result = call()
    except (KeyboardInterrupt, typer.Abort):
        _log_failure()
        typer.echo(
            "Stopped. The last publication is untouched; run the command again when you like.", err=True
        )
        return 130
    except RoutingEtlError as exc:
        _log_failure()
        _complain(exc)
        return 1
    except BaseException as exc:  # the last line of defence; a panic of a library is no Exception
        if isinstance(exc, SystemExit | GeneratorExit):
            raise
        usage = getattr(exc, "format_message", None)
        if usage is not None:
            _complain(f"{usage()} Add --help to see what the command takes.")
            return 2
        where = _log_failure()
        own = shortage(exc, "in this command")
        if own is not None:
            _complain(f"{own} {where}")
            return 1
        if isinstance(exc, OSError) and exc.filename:
            _complain(
                f"{exc.filename}: {exc.strerror}. Check that the disk has room, that this user may write there "
                f"and that ROUTING_ETL_HOME names a directory. {where}"
            )
            return 1
        _complain(f"unexpected {type(exc).__name__}: {str(exc)[:300]}. {where}")
        return 1
    if result == _STOPPED:  # Typer itself turns Ctrl-C into this code without a word
        typer.echo(
            "Stopped. The last publication is untouched; run the command again when you like.", err=True
        )
    return result if isinstance(result, int) else 0


def _complain(what: object) -> None:
    """Show an error. Errors quote codes of the ERP, file names and arguments as they are."""
    typer.echo(f"Error: {safe_text.terminal(what)}", err=True)


def _log_failure() -> str:
    """Write the trace into the log; where it is, in one sentence."""
    try:
        return _logged()
    except (MemoryError, OSError, RuntimeError) as exc:  # while too little memory is left to format a trace
        return f"Its trace could not be logged ({type(exc).__name__})."


def _logged() -> str:
    import logging

    from routing_etl.log import get_logger

    handlers = logging.getLogger("routing_etl").handlers
    file = next((str(h.baseFilename) for h in handlers if isinstance(h, logging.FileHandler)), None)
    if file is None:
        return "No log file was open yet."
    get_logger(__name__).error("command_failed", exc_info=True)
    return f"The full trace is in {file}."
