"""What the stages of `RoutingPredictor.fit` take and return: the predictor's parameters, and what each stage has learned, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from routing_etl.frames import AttributeSpec, TimeEvidence
from routing_etl.model.answer.explain import AttributeText
from routing_etl.model.attributes.encoding import AttributeEncoding
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import dense_product
from routing_etl.model.candidates.evidence import Said
from routing_etl.model.candidates.families import Families
from routing_etl.model.candidates.grown import GrownForest
from routing_etl.model.candidates.known_sizes import KnownSizes
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.similarity import (
    ItemSpace,
    Neighbours,
    SimilarityCurve,
)
from routing_etl.model.candidates.type_names import TypeNames
from routing_etl.model.candidates.word_rules import WordRules
from routing_etl.model.catalogue.routings import RoutingCatalogue
from routing_etl.model.machines.resources import OutOfUse
from routing_etl.model.ranking.novelty import (
    Novelty,
)
from routing_etl.model.ranking.ranker import CandidateRanker
from routing_etl.progress import Progress

#: Fewer routed items are refused: cross-fitting and calibration need a few items per fold.
LEAST_LABELS = 20


@dataclass(frozen=True)
class Options:
    """The predictor's parameters that stages need, checked."""

    feature_weights: Mapping[str, float]
    n_neighbors: int
    n_trees: int
    half_life_days: float
    pool_words: tuple[str, ...]
    n_jobs: int | None
    seed: int
    progress: Progress
    least_labels: int = LEAST_LABELS
    operation_folds: int = 5
    machine_trees: int = 24


@dataclass(frozen=True)
class Training:
    """The training items and their routings; arrays hold a value per item.

    Attributes
    ----------
    items : polars.DataFrame
        ITEMS frame, in the order of the catalogue's labels.
    operations : polars.DataFrame
        OPERATIONS frame, all ranks.
    evidence : TimeEvidence
        Profiles of work results.
    catalogue : RoutingCatalogue
        The coded routings.
    attributes : tuple of AttributeSpec
        Attributes that tell items apart.
    folds : Ints
        Fold numbers.
    age : Floats
        Days before the newest routing, NaN unknown.
    notes : tuple of str
        What was left out, for the model card.
    groups : Ints or None
        Per item the number of the kind of items with which it is left out, which lies in one fold: nothing is learned about an item
        from its fold. None: kinds are not left out.
    siblings : Ints or None
        The same of a few items of one design. None: every item is left out alone.
    waiting : polars.DataFrame or None
        Attributes and identifiers of items without a routing, whose sizes are known all the same.
    """

    items: pl.DataFrame
    operations: pl.DataFrame
    evidence: TimeEvidence
    catalogue: RoutingCatalogue
    attributes: tuple[AttributeSpec, ...]
    folds: Ints
    age: Floats
    notes: tuple[str, ...]
    groups: Ints | None = None
    siblings: Ints | None = None
    waiting: pl.DataFrame | None = None

    @property
    def together(self) -> Ints | None:
        """Per item the number of the group with which it is left out; None where every item is left out alone."""
        return self.siblings if self.groups is None else self.groups


@dataclass(frozen=True)
class Encoded:
    """The training items as numbers, and the routings as the items' target.

    Attributes
    ----------
    encoder : AttributeEncoding
        Fitted.
    features : Floats
        Items x columns, out of fold.
    table : TokenTable
        The coded attributes.
    described : Floats
        Routing variants x d, low-rank description.
    telling : tuple of str
        Levels that tell most about routings, strongest first.
    """

    encoder: AttributeEncoding
    features: Floats
    table: TokenTable
    described: Floats
    telling: tuple[str, ...]

    @property
    def codes(self) -> dict[str, Codes]:
        """Coded values of the telling levels."""
        return {name: self.table.codes[name] for name in self.telling}

    @property
    def kind(self) -> Codes:
        """Coded value of the attribute that tells most, -1 everywhere when none does or it is left out."""
        none = np.full(len(self.features), -1, np.int32)
        return self.table.codes.get(self.encoder.base_level_, none)


@dataclass(frozen=True)
class Grown:
    """The grown forest, what each feature tells, and the out-of-bag votes for the training items (items x variants)."""

    forest: GrownForest
    importances: Floats
    votes: sparse.csr_matrix


@dataclass(frozen=True)
class Divided:
    """Families, and the family of every training item, by which one without votes is told."""

    families: Families
    own: Ints


@dataclass(frozen=True)
class Expected:
    """The operation model, and what it expects of the training items.

    Attributes
    ----------
    model : OperationModel
        Fitted.
    families : Families
        The families of the plant.
    sizes : KnownSizes
        Which sizes are known in them.
    variant_operations : scipy.sparse.csr_matrix
        Routing variants x operations, 0/1.
    words : WordRules
        Rules of the whole plant, called by words.
    said : Said
        What they say of the training items, out of fold; it is in `probabilities` too.
    probabilities : Floats
        Training items x operations, out of fold.
    family : Ints
        Family of every training item.
    names : TypeNames or None
        What the names of part types tell, where types are left out.
    """

    model: OperationModel
    families: Families
    sizes: KnownSizes
    variant_operations: sparse.csr_matrix
    words: WordRules
    said: Said
    probabilities: Floats
    family: Ints
    names: TypeNames | None = None

    def voted(self, votes: sparse.csr_matrix) -> Floats:
        """Items x operations: share of the forest's votes for routings with the operation."""
        return dense_product(votes, self.variant_operations)


@dataclass(frozen=True)
class Basis:
    """The first stages: all that is known of the training items before candidates are collected."""

    training: Training
    encoded: Encoded
    grown: Grown
    space: ItemSpace
    expected: Expected


@dataclass(frozen=True)
class InUse:
    """What may be proposed.

    Attributes
    ----------
    sequences, steps : Bools
        Per job sequence and per step of the catalogue.
    retired_jobs : polars.Series
        Codes of jobs that went out of use.
    gone : OutOfUse
        Jobs and resources that are no longer planned.
    notes : tuple of str
        Sentences for the model card.
    """

    sequences: Bools
    steps: Bools
    retired_jobs: pl.Series
    gone: OutOfUse
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """How candidates are ranked, and the neighbours that were searched to learn it.

    Attributes
    ----------
    scale : SimilarityCurve
        Distance to similarity.
    ranker : CandidateRanker
        Scores and probabilities.
    novelty : Novelty
        Confidence of items of new types.
    neighbours : Neighbours
        Of every training item; none for items that were not searched.
    searched : Bools
        Which training items were.
    """

    scale: SimilarityCurve
    ranker: CandidateRanker
    novelty: Novelty
    neighbours: Neighbours
    searched: Bools


@dataclass(frozen=True)
class Explanation:
    """What each attribute is worth, how it is filled, and its texts for comparing items."""

    importance: dict[str, float]
    statistics: dict[str, dict[str, object]]
    texts: AttributeText
