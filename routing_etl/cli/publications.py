"""Commands about published batches."""

from __future__ import annotations

from typing import Annotated

import typer

from routing_etl.cli.common import console, read_settings
from routing_etl.cli.root import publications_app


@publications_app.command("list")
def publications_list() -> None:
    """Publications, newest first."""
    from routing_etl.cli import display
    from routing_etl.pipeline import upkeep

    display.publications_table(console(), upkeep.publications(read_settings()))


@publications_app.command("rollback")
def publications_rollback(
    to: Annotated[int | None, typer.Option("--to", help="Publication id; default: the one before.")] = None,
) -> None:
    """Make an earlier publication the current one."""
    from routing_etl.pipeline import upkeep

    typer.echo(f"Publication {upkeep.rollback(read_settings(), to)} is the current one.")
