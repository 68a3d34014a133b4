"""Model cards: of a saved version with its promotions, and of an evaluation or dry run that saved nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from routing_etl import safe_text
from routing_etl.database.engine import safe_url
from routing_etl.errors import RegistryError
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.results import Evaluated, metrics_json

if TYPE_CHECKING:
    from routing_etl.model.predictor import RoutingPredictor
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.warehouse.decisions import Recorded

#: The card's name in a version's folder (`model_card.md`) and in its manifest.
CARD = "model_card"
#: How the text begins that stands in for a card.
NO_CARD = "The model card could not be written"

log = get_logger(__name__)


def metadata_json(ctx: Context, requested_by: str, predictor: RoutingPredictor | None) -> dict[str, Any]:
    """Where a model comes from and how it was set, for `training_metadata.json` and the card.

    `predictor` gives the hyperparameters, and what the model left out in its own words; None when no model was kept.
    """
    content: dict[str, Any] = {
        "run_id": ctx.run.run_id,
        "requested_by": requested_by,
        "source": safe_url(ctx.settings.erp),
        "profile": ctx.profile.name,
        "profile_fingerprint": ctx.profile.fingerprint,
        "training_date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if predictor is None:
        return content
    asked = {k: v for k, v in predictor.get_params().items() if k != "attributes"}
    return content | {"hyperparameters": asked, "notes": list(predictor.notes_)}


def documents(contents: Mapping[str, Any]) -> dict[str, str]:
    """The texts that the registry saves with a version, made from the contents of its JSON files."""
    return {CARD: _card(contents["metrics"], contents["training_metadata"], contents["feature_importance"])}


def _card(
    metrics: Mapping[str, Any], metadata: Mapping[str, Any], importance: Mapping[str, float] | None
) -> str:
    """The card, or a line that says why there is none: a text for people is no reason to lose a training."""
    from routing_etl.evaluation.card import model_card as write_card

    try:
        return write_card(metrics, metadata, importance)
    except Exception as exc:
        log.exception("model_card_failed", error=str(exc))
        return f"{NO_CARD} ({type(exc).__name__}: {exc}); the trace is in the log.\n"


def model_card(registry: ModelRegistry, version: str, decided: Sequence[Recorded] = ()) -> str:
    """A version's card, verified, followed by who made it champion, when and why.

    Parameters
    ----------
    registry : ModelRegistry
        Where the version lies.
    version : str
        Name or alias.
    decided : sequence of Recorded, optional
        Decisions on record; those about the version are shown with the figures of both sides.

    Raises
    ------
    RegistryError
        There is no such version, or it was saved before there were cards.
    TamperedArtifactError
        The card was changed.
    """
    from routing_etl.evaluation.card import promotions

    name = registry.resolve(version)
    if CARD not in {a.name for a in registry.show(name).artifacts}:
        raise RegistryError(
            f"Model version {name} has no model card: it was saved by an earlier release.",
            remedy=f"Its figures are in: routing-etl models show {name}",
        )
    history = [asdict(change) for change in registry.alias_history()]
    text = f"{registry.read_text(name, CARD)}\n{promotions(name, history)}"
    return text + _decisions(name, decided)


def _decisions(version: str, decided: Sequence[Recorded]) -> str:
    """The section of the decisions about a version, oldest first; empty without any."""
    from routing_etl.evaluation.markdown import number, table

    own = [row for row in reversed(decided) if row.made.version == version]
    if not own:
        return ""
    body = [
        [
            f"{row.decided_at:%Y-%m-%d %H:%M}",
            row.made.decision,
            *map(safe_text.markdown, (row.made.by, row.made.via, row.made.reason)),
        ]
        for row in own
    ]
    figures = [
        [
            row.made.decision, f.metric, f.segment, f.basis, number(f.value), number(f.champion_value), number(f.difference),
            f"{number(f.low)} to {number(f.high)}", str(f.n), safe_text.markdown(f.reason or f.verdict),
        ]
        for row in own
        for f in row.made.figures
    ]  # fmt: skip
    lines = ["", "## Decisions", "", *table(["When (UTC)", "decision", "who", "through", "why"], body)]
    if figures:
        lines += ["", "What was compared:", ""]
        head = ["for", "metric", "segment", "on", "version", "champion", "difference", "95 %", "n", "verdict"]
        lines += table(head, figures)
    return "\n".join(lines).rstrip() + "\n"


def unsaved_card(
    ctx: Context, found: Evaluated, predictor: RoutingPredictor | None = None, requested_by: str = ""
) -> str:
    """The card of an evaluation or a dry run: figures without a version. `predictor`: a dry run's, fitted."""
    from routing_etl.registry.manifest import runtime_versions

    metadata = metadata_json(ctx, requested_by, predictor) | {"runtime_versions": runtime_versions()}
    importance = dict(predictor.importance_) if predictor is not None else None
    return _card(metrics_json(found), metadata, importance)
