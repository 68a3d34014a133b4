"""The Typer application and its groups, which the modules of commands fill."""

from __future__ import annotations

from typing import Annotated

import typer

from routing_etl import __version__
from routing_etl.cli.streams import echo

app = typer.Typer(
    name="routing-etl",
    help="Predict manufacturing routings from ERP data and publish them where the ERP reads them.",
    no_args_is_help=True,
    add_completion=True,
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


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", help="Table [target.NAME] of <home>/routing_etl.toml; default: ROUTING_ETL_TARGET."
        ),
    ] = None,
) -> None:
    if version:
        echo(f"routing-etl {__version__}")
        raise typer.Exit
    if target is not None:
        from routing_etl.settings import use_target

        use_target(target)
