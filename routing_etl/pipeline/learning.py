"""What a model learns from: the items and routings of a run, and an unfitted predictor with the settings' parameters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from routing_etl import frames
from routing_etl.runs import RunFolder
from routing_etl.settings import Settings

if TYPE_CHECKING:
    from routing_etl.model.predictor import RoutingPredictor


#: As in `RoutingPredictor`.
AnswersBy = Literal["auto", "model", "nearest", "majority"]


#: The file of routings that are copies of our own proposals, in the folder of cleaned frames (`own_copies.py`).
COPIES = "copies.parquet"
_NO_COPIES = pl.DataFrame(schema={"item_key": pl.String, "ordered": pl.Boolean})


@dataclass(frozen=True)
class LearningData:
    """Items with their attributes, and the operations of every routing that is valid.

    Attributes
    ----------
    items : polars.DataFrame
        ITEMS rows.
    operations : polars.DataFrame
        OPERATIONS rows of valid routings.
    attributes : tuple of AttributeSpec
        The attributes that items have a value of.
    copies : polars.DataFrame
        item_key of each item whose routing is a copy of a proposal of ours, and whether an order was made by it (`ordered`).
    whole : bool
        Whether it is all that the run has.
    """

    items: pl.DataFrame
    operations: pl.DataFrame
    attributes: tuple[frames.AttributeSpec, ...]
    copies: pl.DataFrame = field(default_factory=lambda: _NO_COPIES)
    whole: bool = True

    @property
    def learned(self) -> pl.DataFrame:
        """The operations to learn from: copies of proposals only after an order was made by them."""
        return self.operations.join(self.copies.filter(~pl.col("ordered")), on="item_key", how="anti")

    @property
    def independent(self) -> LearningData:
        """The same without any copies and their items, which wait for no routing: what can prove something about proposals."""
        items, operations = (
            f.join(self.copies, on="item_key", how="anti") for f in (self.items, self.operations)
        )
        return replace(self, items=items, operations=operations)

    @property
    def routed(self) -> pl.Series:
        """Keys of the items that have a valid routing."""
        return self.operations["item_key"].unique()

    @property
    def unrouted_items(self) -> pl.DataFrame:
        """The items to predict: those without a valid routing."""
        return self.items.join(self.operations.select("item_key").unique(), on="item_key", how="anti")

    def drawn(self, most: int) -> LearningData:
        """At most so many routed items and so many others, drawn by their keys alone; the same where there are no more.

        Parameters
        ----------
        most : int
            Most items of either kind.
        """
        if self.routed.len() <= most:
            return self
        order = pl.col("item_key").hash(0)
        kept = self.routed.to_frame().sort(order).head(most)
        others = self.unrouted_items.select("item_key").sort(order).head(most)
        return replace(
            self,
            items=self.items.join(pl.concat([kept, others]), on="item_key", how="semi"),
            operations=self.operations.join(kept, on="item_key", how="semi"),
            whole=False,
        )


def read_learning_data(run: RunFolder) -> LearningData:
    """Cleaned items and valid routings of a run.

    Raises
    ------
    FrameError
        A cleaned frame does not keep its contract.
    """
    items = read_items(run).collect()
    frames.ITEMS.validate(items)
    return LearningData(items, read_valid_operations(run).collect(), read_attributes(run), read_copies(run))


def read_items(run: RunFolder) -> pl.LazyFrame:
    """The cleaned items of a run.

    Raises
    ------
    FrameError
        The file does not keep its contract.
    """
    items = pl.scan_parquet(run.clean / "items.parquet")
    frames.ITEMS.validate(items)
    return items


def read_valid_operations(run: RunFolder) -> pl.LazyFrame:
    """The operations of every valid routing of a run.

    Raises
    ------
    FrameError
        The file does not keep its contract.
    """
    operations = pl.scan_parquet(run.clean / "operations.parquet")
    frames.OPERATIONS.validate(operations)
    return operations.filter("rout_valid")


def read_copies(run: RunFolder) -> pl.DataFrame:
    """The copies of proposals that the run knows of: item_key and `ordered`; none before `note_copies` has looked."""
    file = run.clean / COPIES
    return pl.read_parquet(file, columns=_NO_COPIES.columns) if file.is_file() else _NO_COPIES


def read_attributes(run: RunFolder) -> tuple[frames.AttributeSpec, ...]:
    """The item attributes that have a value in this run."""
    return frames.read_attributes(run.clean / "items.attributes.json")


def make_predictor(
    settings: Settings, attributes: tuple[frames.AttributeSpec, ...], *, answers_by: AnswersBy = "auto"
) -> RoutingPredictor:
    """An unfitted predictor with the parameters of the settings and of the source profile that they name.

    Parameters
    ----------
    settings : Settings
        The settings.
    attributes : tuple of AttributeSpec
        The item columns to learn from.
    answers_by : {'auto', 'model', 'nearest', 'majority'}, optional
        What gives the first candidate, as in `RoutingPredictor`.
    """
    from routing_etl.erp.profile import load_profile
    from routing_etl.model.predictor import RoutingPredictor

    profile = load_profile(settings.profile)
    read = {attribute.name for attribute in attributes}
    weights = {n: a.weight for n, a in profile.items.attributes.items() if n in read and a.weight != 1.0}
    return RoutingPredictor(
        attributes=attributes,
        n_neighbors=settings.neighbours,
        candidates_per_item=settings.candidates_per_item,
        similarity_threshold=settings.similarity_threshold,
        feature_weights=weights or None,
        n_trees=settings.trees,
        half_life_days=profile.time_basis.half_life_days,
        evidence_per_candidate=settings.evidence_per_candidate,
        pool_words=profile.routing.waiting_pool_words,
        answers_by=answers_by,
        rehearsals=settings.rehearsals,
        random_state=settings.random_state,
    )
