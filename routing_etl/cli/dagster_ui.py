"""Dagster beside the command line: its UI, and nights of the command line told to it. Dagster is imported here alone, late."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl.cli.common import read_settings
from routing_etl.cli.root import app
from routing_etl.cli.streams import echo
from routing_etl.dagster_part import dagster_part
from routing_etl.errors import ConfigurationError
from routing_etl.log import get_logger

if TYPE_CHECKING:
    from routing_etl.settings import Settings


@app.command()
def ui(
    host: Annotated[str, typer.Option("--host", help="Where the web server listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535)] = 3000,
) -> None:
    """Start Dagster's web server and daemon on this home, with the nights of the command line in it."""
    settings = read_settings()
    if find_spec("dagster_webserver") is None:
        raise ConfigurationError(
            "Dagster's web server is not installed.",
            remedy='Install it: pip install "routing_etl[ui]", or pip install dagster-webserver.',
        )
    serve = dagster_part("ui").serve
    code = serve(settings, host=host, port=port, say=lambda text: echo(text, err=True))
    if code:
        raise typer.Exit(1)


def tell_dagster(settings: Settings) -> None:
    """Tell a Dagster instance that there is of the nights that it does not know; what goes wrong there fails no night."""
    if not (settings.dagster_home / "dagster.yaml").is_file() or find_spec("dagster") is None:
        return
    try:
        dagster_part("report").tell(settings, settings.dagster_home)
    except Exception as exc:  # noqa: BLE001 - the night has ended as it has ended; it is logged and told
        get_logger(__name__).warning("dagster_not_told", exc_info=True)
        echo(
            f"Warning: Dagster's instance {settings.dagster_home} was not told of this night ({type(exc).__name__}); the trace "
            "is in the log. The next night, or routing-etl ui, tells it.",
            err=True,
        )
