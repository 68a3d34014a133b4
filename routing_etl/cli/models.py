"""Commands about model versions."""

from __future__ import annotations

from typing import Annotated

import typer

from routing_etl import safe_text
from routing_etl.cli.common import read_settings
from routing_etl.cli.output import gives, output
from routing_etl.cli.root import models_app


@models_app.command("list")
@gives("models list", "cli.shown:ModelShown", many=True, table=True)
def models_list() -> None:
    """Versions, newest first, with their metrics and aliases."""
    from routing_etl.cli import display
    from routing_etl.cli.shown import as_rows, models_of
    from routing_etl.registry.store import ModelRegistry

    registry = ModelRegistry(read_settings().models_dir)
    found = models_of(registry)
    names = ("name", "status", "aliases", "created_at", "exact_match", "f1_weighted", "bytes", "problem")
    output().give(
        found, lambda screen: display.models_table(screen, registry), lambda: as_rows(found, *names)
    )


@models_app.command("show")
@gives("models show", "registry.versions:VersionDetails")
def models_show(version: str) -> None:
    """One version: manifest, metrics, training data."""
    from routing_etl.cli import display
    from routing_etl.registry.store import ModelRegistry

    registry = ModelRegistry(read_settings().models_dir)
    found = registry.show(version)
    output().give(found, lambda screen: display.model_details(screen, registry, version))


@models_app.command("card")
@gives("models card", "cli.shown:CardShown")
def models_card(
    version: Annotated[str, typer.Argument(help="Version or alias.")] = "champion",
) -> None:
    """The model card as Markdown: purpose, data, metrics by segment, limits, and who promoted it when and why."""
    from routing_etl.cli.shown import CardShown
    from routing_etl.pipeline.cards import model_card
    from routing_etl.registry.store import ModelRegistry

    card = model_card(ModelRegistry(read_settings().models_dir), version)
    output().give(CardShown(version, card), lambda _: typer.echo(safe_text.terminal(card)))


@models_app.command("verify")
@gives("models verify", "cli.shown:VerifiedShown")
def models_verify(
    version: Annotated[str | None, typer.Argument(help="Default: every version.")] = None,
) -> None:
    """Check every artifact's sha256 against the manifest, and the manifest's against the database."""
    from routing_etl.cli.shown import VerifiedShown
    from routing_etl.pipeline import upkeep

    names = tuple(upkeep.verify_models(read_settings(), version))
    text = "\n".join(f"{name}: all artifacts match" for name in names)
    output().give(VerifiedShown(names), lambda _: typer.echo(text))


@models_app.command("promote")
@gives("models promote", "cli.shown:ChampionShown")
def models_promote(
    version: str, why: Annotated[str, typer.Option("--why", help="Reason, kept on record.")]
) -> None:
    """Make a version the champion: the one that scores."""
    from routing_etl.cli.shown import ChampionShown
    from routing_etl.pipeline import versions

    versions.promote(read_settings(), version, why=why)
    output().give(ChampionShown(version), lambda _: typer.echo(f"{version} is the champion."))


@models_app.command("rollback")
@gives("models rollback", "cli.shown:ChampionShown")
def models_rollback(why: Annotated[str, typer.Option("--why", help="Reason, kept on record.")]) -> None:
    """Make the version champion again that was champion before the present one."""
    from routing_etl.cli.shown import ChampionShown
    from routing_etl.pipeline import versions

    now = versions.rollback_champion(read_settings(), why=why)
    output().give(ChampionShown(now), lambda _: typer.echo(f"{now} is the champion again."))
