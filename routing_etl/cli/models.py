"""Commands about model versions."""

from __future__ import annotations

from typing import Annotated

import typer

from routing_etl import safe_text
from routing_etl.cli.common import console, read_settings
from routing_etl.cli.root import models_app


@models_app.command("list")
def models_list() -> None:
    """Versions, newest first, with their metrics and aliases."""
    from routing_etl.cli import display
    from routing_etl.registry.store import ModelRegistry

    display.models_table(console(), ModelRegistry(read_settings().models_dir))


@models_app.command("show")
def models_show(version: str) -> None:
    """One version: manifest, metrics, training data."""
    from routing_etl.cli import display
    from routing_etl.registry.store import ModelRegistry

    display.model_details(console(), ModelRegistry(read_settings().models_dir), version)


@models_app.command("card")
def models_card(
    version: Annotated[str, typer.Argument(help="Version or alias.")] = "champion",
) -> None:
    """The model card as Markdown: purpose, data, metrics by segment, limits, and who promoted it when and why."""
    from routing_etl.pipeline.cards import model_card
    from routing_etl.registry.store import ModelRegistry

    typer.echo(safe_text.terminal(model_card(ModelRegistry(read_settings().models_dir), version)))


@models_app.command("verify")
def models_verify(
    version: Annotated[str | None, typer.Argument(help="Default: every version.")] = None,
) -> None:
    """Check every artifact's sha256 against the manifest, and the manifest's against the database."""
    from routing_etl.pipeline import upkeep

    for name in upkeep.verify_models(read_settings(), version):
        typer.echo(f"{name}: all artifacts match")


@models_app.command("promote")
def models_promote(
    version: str, why: Annotated[str, typer.Option("--why", help="Reason, kept on record.")]
) -> None:
    """Make a version the champion: the one that scores."""
    from routing_etl.pipeline import versions

    versions.promote(read_settings(), version, why=why)
    typer.echo(f"{version} is the champion.")


@models_app.command("rollback")
def models_rollback(why: Annotated[str, typer.Option("--why", help="Reason, kept on record.")]) -> None:
    """Make the version champion again that was champion before the present one."""
    from routing_etl.pipeline import versions

    typer.echo(f"{versions.rollback_champion(read_settings(), why=why)} is the champion again.")
