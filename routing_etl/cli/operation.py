"""Commands for who operates it: doctor, settings, profiles, migrations, SQL text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl.cli.audit import audited
from routing_etl.cli.common import read_settings
from routing_etl.cli.exit_codes import CHECKS, SETTINGS
from routing_etl.cli.output import console, gives, output
from routing_etl.cli.root import app, profile_app, sql_app
from routing_etl.cli.streams import echo
from routing_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console


@app.command()
@gives("doctor", "doctor.examination:Finding", many=True, table=True)
def doctor() -> None:
    """Check settings, databases, profile against catalogue, migrations, model and disk; exit code 5 on an error."""
    from routing_etl.cli.display.operation import doctor_table
    from routing_etl.cli.shown import as_rows
    from routing_etl.doctor.examination import examine

    findings = list(examine(read_settings()))
    rows = lambda: as_rows(findings, "area", "level", "message", "remedy")  # noqa: E731
    output().give(findings, lambda screen: doctor_table(screen, findings), rows)
    if any(f.level == "error" for f in findings):
        raise typer.Exit(CHECKS)


@app.command("status")
@gives("status", "pipeline.status:Status")
def status_() -> None:
    """What is published, how old and how good it is, what failed and what is due; exit code 5 if something is wrong."""
    from routing_etl.cli.display.operation import status_lines
    from routing_etl.pipeline.status import status

    found = status(read_settings())
    output().give(found, lambda screen: status_lines(screen, found))
    if not found.ok:
        raise typer.Exit(CHECKS)


@app.command("init")
@gives("init", "pipeline.initial:Made")
def init(
    home: Annotated[Path, typer.Option("--home", help="Folder of the installation.")] = Path(".routing_etl"),
    erp_url: Annotated[
        str | None, typer.Option("--erp-url", help="SQLAlchemy URL of the ERP; asked for at a terminal.")
    ] = None,
    warehouse_url: Annotated[
        str | None,
        typer.Option("--warehouse-url", help="SQLAlchemy URL of our tables; asked for at a terminal."),
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="Shipped profile that yours extends.")
    ] = "bi_views",
    name: Annotated[str, typer.Option("--name", help="Name of your profile.")] = "plant",
    plant: Annotated[
        list[str] | None,
        typer.Option(
            "--plant",
            metavar="NAME=VALUE",
            help="What the plant calls itself: company_code=2000, plant_code, timezone, word_inhouse ...; asked for at a terminal.",
        ),
    ] = None,
) -> None:
    """Write the first .env, a profile of your own and workspace.yaml. Nothing is overwritten."""
    from routing_etl.pipeline.initial import PLANT, Wanted, initialise

    own = _of_plant(plant or [], tuple(PLANT))
    asks = _asks_a_person() and output().for_people
    wanted = Wanted(
        home, _asked(erp_url, "SQLAlchemy URL of the ERP (Enter: SQLite)", asks),
        _asked(warehouse_url, "SQLAlchemy URL of our tables (Enter: SQLite)", asks), profile, name,
        {n: said for n, what in PLANT.items() if (said := _asked(own.get(n), f"{what[0].upper()}{what[1:]} (Enter: later)", asks))},
    )  # fmt: skip
    made = initialise(wanted)

    def show(_: Console) -> None:
        for file in made.written:
            echo(f"Wrote {file}")
        for file in made.kept:
            echo(f"Was there, and stays as it was: {file}")
        echo(f"Next, with ROUTING_ETL_HOME={home}: routing-etl doctor")

    output().give(made, show)


def _of_plant(given: list[str], known: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE texts as a mapping."""
    found = dict(text.partition("=")[::2] for text in given)
    for name, value in found.items():
        if name not in known or not value:
            raise ConfigurationError(
                f"--plant {name}={value} says nothing of a plant.",
                remedy=f"Write NAME=VALUE with one of {', '.join(known)}.",
            )
    return found


def _asked(value: str | None, question: str, asks: bool) -> str:
    if value is not None or not asks:
        return value or ""
    return str(typer.prompt(question, default="", show_default=False))


@app.command("json-schema")
def json_schema(
    command: Annotated[
        str | None, typer.Argument(help='A command, e.g. "publications list"; default: all of them.')
    ] = None,
) -> None:
    """The JSON Schema of what commands give with --json."""
    import json

    from routing_etl.cli.output import RESULTS, schema_of

    if command is not None and command not in RESULTS:
        raise ConfigurationError(
            f"There is no command {command!r} with --json.", remedy=f"One of: {', '.join(sorted(RESULTS))}."
        )
    wanted = {name: schema_of(name) for name in sorted(RESULTS)} if command is None else schema_of(command)
    echo(json.dumps(wanted, indent=1))


@profile_app.command("suggest")
@gives("profile suggest", "cli.shown:ProfileShown")
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
    """Propose a commented profile for an ERP from its catalogue and a sample; exit code 2 if a required part is missing."""
    from routing_etl.cli.display.operation import doctor_table
    from routing_etl.cli.shown import ProfileShown
    from routing_etl.onboarding.suggest import suggest

    settings = read_settings()
    only = [name.strip() for text in tables or [] for name in text.split(",") if name.strip()]
    found = suggest(url or settings.erp, settings, tables=only, out=out)

    def show(screen: Console) -> None:
        if out is None:
            echo(found.text)
            return
        if found.findings:
            doctor_table(screen, found.findings)
        then = "Write what is MISSING by hand (docs/profiles.md); then" if found.missing else "Then"
        echo(
            f"Wrote {out}. Places marked DECIDE, to be settled: {found.questions}. {then}: routing-etl doctor"
        )

    output().give(ProfileShown(found.text, out, found.questions, tuple(found.missing)), show)
    for text in found.missing:
        echo(f"Missing: {text}", err=True)
    if found.missing:
        raise typer.Exit(SETTINGS)


@app.command("settings")
@gives("settings", "doctor.settings_table:SettingRow", many=True, table=True)
def settings_(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write docs/settings.md to standard output; no values.")
    ] = False,
) -> None:
    """Every setting with its value, where it comes from, what it may be and what it means; no secret is shown."""
    from routing_etl.cli.display.operation import settings_list
    from routing_etl.cli.shown import as_rows
    from routing_etl.doctor import settings_table

    if markdown:
        echo(settings_table.settings_markdown())
        return
    found = list(settings_table.settings_rows(read_settings()))
    names = ("variable", "value", "source", "default", "bounds", "meaning")
    output().give(found, lambda screen: settings_list(screen, found), lambda: as_rows(found, *names))


@app.command()
@gives("migrate", "cli.shown:MigratedShown")
@audited("migrate", "revision")
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
    from routing_etl.cli.display.operation import removals
    from routing_etl.cli.shown import MigratedShown
    from routing_etl.pipeline import upkeep

    settings = read_settings()
    if sql:
        echo(upkeep.migration_sql(settings, dialect, revision, start))
        return
    if start is not None:
        raise ConfigurationError(
            f"--from {start} is for --sql only: a database says itself where it is.",
            remedy="Leave it out, or add --sql.",
        )
    lost = upkeep.removed_by_migration(settings, revision)
    if lost is not None and output().for_people:
        removals(console(), lost, revision)
        yes = yes or (_asks_a_person() and _typed(revision))
    now = upkeep.migrate(settings, revision, remove=yes)
    output().give(MigratedShown(now, lost or ()), lambda _: echo(f"Our tables are at revision {now}."))


def _asks_a_person() -> bool:
    """Whether somebody sits at a terminal and can answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _typed(revision: str) -> bool:
    answer = typer.prompt(
        f"Type {revision} to remove this, or press Enter to keep it", default="", show_default=False
    )
    return bool(answer == revision)


@sql_app.command("render")
@gives("sql render", "cli.shown:SqlShown")
def sql_render(
    dialect: Annotated[str, typer.Option(help="mssql, sqlite or postgresql.")] = "mssql",
    profile: Annotated[
        Path | None, typer.Option("--profile", help="TOML file of output columns; default: the shipped one.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for VIEW.sql; default: print it.")] = None,
) -> None:
    """Write the flat view of an output column profile as DDL."""
    from routing_etl.cli.shown import SqlShown
    from routing_etl.pipeline import upkeep

    name, text = upkeep.render_view(read_settings(), dialect, profile)
    file = None if out is None else out / f"{name}.{dialect}.sql"
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    output().give(SqlShown(name, text), lambda _: echo(text if file is None else f"Wrote {file}"))


@sql_app.command("list")
@gives("sql list", "warehouse.scripts:Script", many=True, table=True)
def sql_list() -> None:
    """List the scripts that travel with the product."""
    from dataclasses import asdict

    from routing_etl.cli.display.operation import scripts_table
    from routing_etl.warehouse.scripts import scripts

    found = scripts()
    output().give(found, lambda screen: scripts_table(screen, found), lambda: map(asdict, found))


@sql_app.command("show")
@gives("sql show", "cli.shown:ScriptShown")
def sql_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As routing-etl sql list names it.")],
) -> None:
    """Print a script: roles and grants, procedures for the ERP's buttons, questions, the DDL."""
    from routing_etl.cli.shown import ScriptShown
    from routing_etl.warehouse.scripts import script_text

    shown = ScriptShown(name, script_text(name))
    output().give(shown, lambda _: echo(shown.text.rstrip("\n")))
