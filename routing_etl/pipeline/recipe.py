"""How a version was made, and from what: two versions of one recipe differ in their data alone.

The recipe is what people set: hyperparameters, source profile and program version. The seed is no part of it, nor is what gives the
first candidate, which a training chooses by itself (docs/decisions/0015-small-plants.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from routing_etl import __version__
from routing_etl.evaluation.metric_table import MetricRow
from routing_etl.log import get_logger
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_copies, read_valid_operations
from routing_etl.pipeline.results import metric_rows
from routing_etl.runs import as_json

if TYPE_CHECKING:
    from routing_etl import frames
    from routing_etl.model.predictor import RoutingPredictor
    from routing_etl.pipeline.learning import LearningData
    from routing_etl.registry.store import ModelRegistry
    from routing_etl.registry.versions import VersionDetails

log = get_logger(__name__)

#: Parameters that a training draws by or chooses by itself.
_NOT_SET = frozenset({"random_state", "answers_by", "attributes"})


@dataclass(frozen=True)
class Recipe:
    """What people set of a training.

    Attributes
    ----------
    parameters : mapping
        Hyperparameters, as JSON holds them.
    profile : str
        Fingerprint of the source profile.
    program : str
        Version of this program.
    """

    parameters: Mapping[str, Any]
    profile: str
    program: str

    @property
    def hash(self) -> str:
        """sha256: equal recipes have equal hashes."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def differences(self, other: Recipe) -> tuple[str, ...]:
        """In what the other recipe differs, in words; empty when they are the same.

        Parameters
        ----------
        other : Recipe
            The other one.
        """
        names = sorted(self.parameters.keys() | other.parameters.keys())
        found = [
            f"{name} {self.parameters.get(name)!r} instead of {other.parameters.get(name)!r}"
            for name in names
            if self.parameters.get(name) != other.parameters.get(name)
        ]
        if self.profile != other.profile:
            found.append("another source profile")
        if self.program != other.program:
            found.append(f"program {self.program} instead of {other.program}")
        return tuple(found)


def recipe_of(details: VersionDetails) -> Recipe:
    """The recipe of a saved version.

    Parameters
    ----------
    details : VersionDetails
        As the registry shows it.
    """
    asked = details.metadata.get("hyperparameters") or {}
    return Recipe(
        {k: v for k, v in asked.items() if k not in _NOT_SET},
        str(details.metadata.get("profile_fingerprint")),
        str(details.runtime_versions.get("routing_etl")),
    )


def present_recipe(ctx: Context) -> Recipe:
    """The recipe that a training by the present settings would have.

    Parameters
    ----------
    ctx : Context
        Settings and profile; of the run its attributes.
    """
    from routing_etl.pipeline.learning import make_predictor, read_attributes

    asked = as_json(make_predictor(ctx.settings, read_attributes(ctx.run)).get_params(), dict)
    return Recipe({k: v for k, v in asked.items() if k not in _NOT_SET}, ctx.profile.fingerprint, __version__)


def maker_of(
    ctx: Context, details: VersionDetails, attributes: tuple[frames.AttributeSpec, ...]
) -> Callable[[], RoutingPredictor] | None:
    """What makes unfitted predictors by the recipe of a saved version.

    What gives the first candidate is the version's too: one that copies the nearest item is judged as one that copies.

    Parameters
    ----------
    ctx : Context
        Settings and profile; of the run its attributes.
    details : VersionDetails
        As the registry shows it.
    attributes : tuple of AttributeSpec
        The item columns to learn from.

    Returns
    -------
    callable or None
        None where the recipe is the present one, or cannot be made here, because it read another profile.
    """
    from routing_etl.pipeline.learning import make_predictor

    theirs, mine = recipe_of(details), present_recipe(ctx)
    changed = {k: v for k, v in theirs.parameters.items() if k in mine.parameters and mine.parameters[k] != v}
    if theirs.profile != mine.profile or not changed:
        return None
    asked = {k: tuple(v) if isinstance(v, list) else v for k, v in changed.items()}
    by = (details.metadata.get("hyperparameters") or {}).get("answers_by", "auto")
    log.info("recipe_made_again", version=details.info.name, parameters=sorted(asked), answers_by=by)
    return lambda: make_predictor(ctx.settings, attributes, answers_by=by).set_params(**asked)


def data_hash(data: LearningData) -> str:
    """A hash of what is learned from: the same items and routings in any order give the same one.

    Parameters
    ----------
    data : LearningData
        Items and valid routings.
    """
    parts = []
    for frame in (data.items, data.learned):
        rows = frame.select(sorted(frame.columns)).hash_rows()
        parts.append(f"{frame.height}:{rows.sum()}:{rows.sort().head(64).to_list()}")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def routed_items(ctx: Context) -> int | None:
    """Items of the run that a training would learn from; None when it has no cleaned operations.

    Parameters
    ----------
    ctx : Context
        The run.
    """
    file = ctx.run.clean / "operations.parquet"
    if not file.is_file():
        return None
    waiting = read_copies(ctx.run).filter(~pl.col("ordered"))
    learned = read_valid_operations(ctx.run).join(waiting.lazy(), on="item_key", how="anti")
    return int(learned.select(pl.col("item_key").n_unique()).collect().item())


@dataclass(frozen=True)
class MetricBeside:
    """A metric of two versions, each on its own held-out items."""

    metric: str
    split: str
    value: float | None
    other_value: float | None
    n: int
    other_n: int


@dataclass(frozen=True)
class VersionsCompared:
    """Two versions side by side.

    Attributes
    ----------
    version, other : str
        Their names.
    recipe : tuple of str
        In what the recipe of the first differs from that of the other; empty when they are the same.
    metrics : tuple of MetricBeside
        Each was measured on its own items, so that they do not tell which version is better.
    """

    version: str
    other: str
    recipe: tuple[str, ...]
    metrics: tuple[MetricBeside, ...]


def compared(registry: ModelRegistry, version: str, other: str) -> VersionsCompared:
    """Two versions side by side.

    Parameters
    ----------
    registry : ModelRegistry
        Where they lie.
    version : str
        Name or alias of one.
    other : str
        Name or alias of the other.

    Raises
    ------
    RegistryError
        There is no such version.
    """
    left, right = registry.show(version), registry.show(other)
    theirs = {(r.split, r.metric): r for r in metrics_of(right) if r.of_model}
    return VersionsCompared(
        left.info.name,
        right.info.name,
        recipe_of(left).differences(recipe_of(right)),
        tuple(
            MetricBeside(row.metric, row.split, row.value, beside.value, row.n, beside.n)
            for row in metrics_of(left)
            if row.of_model and (beside := theirs.get((row.split, row.metric))) is not None
        ),
    )


def metrics_of(details: VersionDetails) -> tuple[MetricRow, ...]:
    """The metric rows in a saved version's `metrics.json`; none when it was saved without."""
    return metric_rows(details.metrics.get("metrics") or ())
