"""A model version loaded for a run's items, verified, and answering in the run's spelling of codes.

Separate from saving one (`versions.py`): who asks for one item waits for what this module imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing_etl.database.engine import safe_url
from routing_etl.errors import CodesNotComparedError, RegistryError
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.incomplete import Incomplete, require_enough
from routing_etl.pipeline.learning import read_attributes
from routing_etl.pipeline.spelled import Spelled, TodaysCodes, codes_of_today, of_model

if TYPE_CHECKING:
    from routing_etl.frames import AttributeSpec
    from routing_etl.model.predictor import RoutingPredictor

log = get_logger(__name__)


def _no_champion(ctx: Context) -> RegistryError:
    """Says why, where a version was trained and could not become the champion."""
    unmeasured = [v.name for v in ctx.registry.list() if v.problem is None and not v.measured]
    if not unmeasured:
        return RegistryError(
            f"There is no champion model in {ctx.settings.models_dir}.", remedy="Train one: routing-etl train"
        )
    return RegistryError(
        f"There is no champion model in {ctx.settings.models_dir}. Version {unmeasured[0]} was trained, but could not be measured on held-out items, which a champion must "
        "be.",
        remedy=f"The reasons: routing-etl models show {unmeasured[0]}. Most often too few items have a usable routing.",
    )


def missing_attributes(ctx: Context, name: str) -> tuple[AttributeSpec, ...]:
    """The attributes that a version learned from and that no item of the run has.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames.
    name : str
        Name of the version.
    """
    present = {a.name for a in read_attributes(ctx.run)}
    return tuple(a for a in ctx.registry.attributes(name) if a.name not in present)


def load_model(ctx: Context, version: str | None = None) -> tuple[str, Spelled | Incomplete]:
    """A verified model for the run's items, never a fallback.

    Its manifest's hash must stand in the database. Attributes that it learned from and that no item has now are missing for
    it, which lowers its confidence; those that it has not learned from are left out. Both are logged as warnings.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames.
    version : str, optional
        Name of the version. None: the champion.

    Returns
    -------
    tuple of str and Spelled or Incomplete
        The version's name and its predictor, which answers in the spelling of codes that the run has.

    Raises
    ------
    RegistryError
        There is no such version, or no champion (error code 1002 of the replaced system).
    TamperedArtifactError
        A file or the manifest differs from what was saved.
    IncompatibleModelError
        It was trained with attributes of another kind or unit, or other library versions, or lacks most of what it decides by.
    """
    from routing_etl.warehouse.model_records import ModelRecords

    name = version or ctx.registry.alias("champion")
    if name is None:
        raise _no_champion(ctx)
    ctx.registry.show(name)
    with ctx.warehouse() as engine:
        expected = ModelRecords(engine, ctx.settings).manifest_sha256(name)
    if expected is None:
        raise RegistryError(
            f"Model version {name} is not in the table model_version of {safe_url(ctx.settings.warehouse)}.",
            remedy="Use the warehouse it was trained with, or train again: routing-etl train",
        )
    present = {a.name: a for a in read_attributes(ctx.run)}
    learned = ctx.registry.attributes(name)
    missing = missing_attributes(ctx, name)
    predictor = ctx.registry.load(
        name,
        expected_manifest_sha256=expected,
        expected_attributes=[present.get(a.name, a) for a in learned],
    )
    unlearned = sorted(present.keys() - {a.name for a in learned})
    if unlearned:
        log.warning("attributes_not_learned", version=name, attributes=unlearned, remedy="routing-etl train")
    spelled = Spelled(predictor, _codes(ctx, predictor))
    if not missing:
        return name, spelled
    incomplete = Incomplete(spelled, missing)
    require_enough(name, incomplete)
    log.warning(
        "attributes_missing",
        version=name,
        attributes=[a.name for a in missing],
        confidence_times=round(incomplete.kept, 4),
    )
    return name, incomplete


def _codes(ctx: Context, predictor: RoutingPredictor) -> TodaysCodes:
    """Today's codes, and which of the model's the warehouse calls equal to them."""
    from routing_etl.warehouse.identity import code_identity

    codes = codes_of_today(ctx.run)
    try:
        with code_identity(ctx.settings) as equal:
            return of_model(codes, predictor.resource_alternatives_, equal)
    except CodesNotComparedError as exc:
        log.warning("codes_compared_by_rule_alone", reason=exc.message)
        return codes
