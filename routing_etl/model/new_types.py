"""Items of a part type that nobody has routed: what can be said of them, learned from part types that are left out whole.

Everything else in the model learns from items whose type has routings, and leans on the type. What it says of an item without
such routings, and how sure it is, it has never been tested on. So the first stages are run once more, on some of the training
items, with types left out instead of items: the encodings of an item, the votes for it, its neighbours, the operations expected
of it and its candidates all come from other types, as they do for an item of a new type. A level that tells only the type from
the others tells nothing then, and is not used. What is right among these candidates is learned, and calibrated, on the types left
out; a new type is taken for one more of them.

That holds for a type that resembles the others as they resemble each other. Of one that has no kin among them (`model.kinship`) the
confidence would be a guess, and the item is `strange`: it gets no proposal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import sparse

from routing_etl.model.attributes.encoding import AttributeEncoding, drawn_folds
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import dense_product, rank_in_group
from routing_etl.model.candidates.evidence import Evidence
from routing_etl.model.candidates.families import Families
from routing_etl.model.candidates.grown import GrownForest
from routing_etl.model.candidates.known_sizes import KnownSizes
from routing_etl.model.candidates.maker import CandidateMaker, Pairs
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.similarity import ItemSpace, Neighbours, SimilarityCurve
from routing_etl.model.candidates.type_names import TypeNames
from routing_etl.model.candidates.word_rules import WordRules
from routing_etl.model.inputs import identifiers, types_of
from routing_etl.model.kinship import Kinship
from routing_etl.model.learned import Basis, Divided, InUse, Options, Training
from routing_etl.model.ranked import rank
from routing_etl.model.ranking.novelty import TYPE_ATTRIBUTE, TYPE_LEVEL
from routing_etl.model.ranking.ranker import CandidateRanker
from routing_etl.model.stages import encode_with, expect_operations, grow, known_routings, span_space

#: Fewer part types tell nothing about how far the routings of one hold for another.
_LEAST_TYPES = 5
#: Training items that are asked: at least and at most so many, and this share of all in between.
_LEAST_TAUGHT, _MOST_TAUGHT, _SHARE_TAUGHT = 1_500, 15_000, 0.7
#: Size of the forest and of the regression over words, and boosters per question: few items teach no more.
_TREES, _MOST_WORDS, _FOLDS = 24, 500, 3


@dataclass(frozen=True)
class Judged:
    """Items of new part types, judged by other types.

    Attributes
    ----------
    evidence : Evidence
        What is known of them, in the numbers of all training items and variants.
    pairs : Pairs
        Their candidates.
    probability : Floats
        Per candidate, that it is the item's routing.
    strange : Bools
        Per item, whether it is unlike the types that this was learned from, so that its probabilities mean nothing.
    unknown : polars.Series
        Per strange item why it has no kin among the routed types, as text; else NULL.
    """

    evidence: Evidence
    pairs: Pairs
    probability: Floats
    strange: Bools
    unknown: pl.Series


@dataclass(frozen=True)
class NewTypes:
    """What was learned from types left out. `rows`: number of each asked training item; `variants`: of each routing variant.

    Attributes
    ----------
    encoder, forest, space, families, sizes, operations, words, maker, scale, ranker, names
        As in `RoutingPredictor`, learned from the asked items.
    telling : tuple of str
        Levels that tell most about the routings of other types.
    kinship : Kinship
        Which items have kin among the types that were left out.
    n_types : int
        Types that were left out.
    """

    encoder: AttributeEncoding
    forest: GrownForest
    space: ItemSpace
    families: Families
    sizes: KnownSizes
    operations: OperationModel
    words: WordRules
    variant_operations: sparse.csr_matrix
    maker: CandidateMaker
    scale: SimilarityCurve
    ranker: CandidateRanker
    telling: tuple[str, ...]
    kinship: Kinship
    rows: Ints
    variants: Ints
    n_variants: int
    n_types: int
    #: A model that was learned before names were asked has none.
    names: TypeNames | None = None

    def told(self) -> str:
        """How often other types' routings were right for a type left out, for the model card."""
        share = self.ranker.right_ / max(self.ranker.asked_, 1)
        return (
            f"New part types: {self.n_types:,} part types were left out in turn; of {self.ranker.asked_:,} of their items the first "
            f"candidate, from the routings of other types, was right for a share of {share:.2f}."
        )

    def judge(self, items: pl.DataFrame, n_neighbors: int) -> Judged:
        """Candidates of items of new types, with their probability.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame of items of new types.
        n_neighbors : int
            Similar items looked at per item.
        """
        table = self.encoder.tokeniser_.transform(items)
        features = self.encoder.encode(table)
        votes = self.forest.vote(features)
        family = self.families.likeliest(votes)
        expected = self.space.expected(votes)
        distance, found = self.space.index.search(self.space.place(expected, features), n_neighbors)
        voted = dense_product(votes, self.variant_operations)
        operations = self.operations.predict(_without_type(table), voted, family)
        phrases = table.phrases
        if self.names is not None:
            operations = self.names.read(phrases, family, operations, voted)
            phrases = self.names.notes(phrases)
        said = self.words.say(phrases, voted, operations, family)
        said.put(operations)
        evidence = Evidence(
            votes=votes,
            neighbours=Neighbours(found, self.scale.of(distance)),
            expected=expected,
            operations=operations,
            said=said,
            sizes_known=self.sizes.share(table.known, family),
            family=family,
            codes={name: table.codes[name] for name in self.telling},
        )
        pairs = self.maker.make(evidence)
        _, probability = self.ranker.predict(pairs.features, pairs.row, family[pairs.row])
        probability = np.minimum(probability, (self.n_types + 1) / (self.n_types + 2))
        return Judged(self._in_full(evidence), pairs, probability, *self.kinship.strange(items, table.codes))

    def _in_full(self, evidence: Evidence) -> Evidence:
        """The evidence in the numbers of all training items and of all their routing variants."""
        near, votes = evidence.neighbours, evidence.votes
        label = np.where(near.label >= 0, self.rows[np.maximum(near.label, 0)], -1)
        shape = (votes.shape[0], self.n_variants)
        return replace(
            evidence,
            neighbours=Neighbours(label, near.similarity),
            votes=sparse.csr_matrix((votes.data, self.variants[votes.indices], votes.indptr), shape=shape),
        )


def learn_new_types(basis: Basis, in_use: InUse, items: pl.DataFrame, options: Options) -> NewTypes | None:
    """Learn from types left out; None where nothing tells types, or there are too few.

    Parameters
    ----------
    basis : Basis
        The first stages on all training items.
    in_use : InUse
        What may be proposed.
    items : polars.DataFrame
        ITEMS frame, routed and unrouted: the more unrouted items are of new types, the more is learned for them.
    options : Options
        The predictor's parameters.
    """
    training = basis.training
    if TYPE_ATTRIBUTE not in {a.name for a in training.attributes}:
        return None
    types = types_of(training.items).rank("dense").cast(pl.Int64)
    kind = types.fill_null(0).to_numpy() - 1
    n = len(kind)
    wanted = int(
        np.clip(
            max(_SHARE_TAUGHT, _share_of_new_types(items, training.items)) * n, _LEAST_TAUGHT, _MOST_TAUGHT
        )
    )
    rows = _drawn(kind, wanted, options.seed)
    _, groups = np.unique(kind[rows], return_inverse=True)
    n_types = int(groups.max(initial=-1)) + 1
    if n_types < _LEAST_TYPES:
        return None
    catalogue, variants = training.catalogue.part(rows)
    part = replace(
        training,
        items=training.items[rows],
        catalogue=catalogue,
        folds=drawn_folds(n_types, options.seed)[groups],
        age=training.age[rows],
        groups=groups,
        siblings=None,
        waiting=_beside(training, rows),
    )
    quick = replace(options, n_trees=min(options.n_trees, _TREES), operation_folds=_FOLDS)
    return _learn(basis, in_use, _Part(part, rows, variants, groups), quick)


def _beside(training: Training, rows: Ints) -> pl.DataFrame | None:
    """The items that wait for a routing, and the training items that are not among `rows`: their sizes are known too."""
    if training.waiting is None:
        return None
    rest = np.setdiff1d(np.arange(training.items.height), rows)
    return pl.concat(
        [training.waiting, training.items[rest].select(training.waiting.columns)], how="vertical_relaxed"
    )


@dataclass(frozen=True)
class _Part:
    """Some of the training items: what they are, their numbers and those of their routing variants, and their types."""

    training: Training
    rows: Ints
    variants: Ints
    types: Ints


def _learn(basis: Basis, in_use: InUse, asked: _Part, options: Options) -> NewTypes:
    """The first stages on some of the training items, types left out."""
    from routing_etl.model.attributes.features import AttributeEncoder

    part, rows, variants = asked.training, asked.rows, asked.variants
    encoder = AttributeEncoder(
        attributes=part.attributes,
        max_ridge=_MOST_WORDS,
        random_state=options.seed,
        identifiers=identifiers(part.attributes),
    )
    encoded = encode_with(encoder, part, basis.encoded.described[variants])
    encoded = replace(encoded, telling=tuple(t for t in encoded.telling if t != TYPE_LEVEL))
    grown = grow(part, encoded, options)
    space = span_space(encoded, grown, options)
    whole = basis.expected.families
    families = Families(whole.n, whole.of_variant[variants])
    blind = replace(encoded, table=_without_type(encoded.table))
    divided = Divided(families, basis.expected.family[rows])
    expected = expect_operations(part, blind, grown, divided, options)
    own = Basis(part, encoded, grown, space, expected)
    # A kind of items would be asked for its own inspections; of a new one only what its family always has is known.
    known = replace(known_routings(own, in_use), kind="")
    maker = CandidateMaker().fit(known)
    ranking = rank(own, known, maker, options)
    return NewTypes(
        encoder=encoded.encoder,
        forest=grown.forest,
        space=space,
        families=families,
        sizes=expected.sizes,
        operations=expected.model,
        names=expected.names,
        words=expected.words,
        variant_operations=expected.variant_operations,
        maker=maker,
        scale=ranking.scale,
        ranker=ranking.ranker,
        telling=encoded.telling,
        kinship=Kinship.learn(
            part.items,
            encoded.table.codes,
            basis.encoded.described[variants][part.catalogue.label_variant],
            asked.types,
        ),
        rows=rows,
        variants=variants,
        n_variants=basis.training.catalogue.n_variants,
        n_types=int(asked.types.max()) + 1,
    )


def _share_of_new_types(items: pl.DataFrame, routed: pl.DataFrame) -> float:
    """Share of items of a type that no routed item has, among those without a routing."""
    asked = items.join(routed.select("item_key"), on="item_key", how="anti")
    new = ~types_of(asked).is_in(types_of(routed).drop_nulls().unique().implode())
    return int(new.sum()) / max(asked.height, 1)


def _drawn(kind: Ints, wanted: int, seed: int) -> Ints:
    """Rows of items that have a type, as many of each type as `wanted` allows; ascending."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(kind))
    order = order[np.argsort(kind[order], kind="stable")]
    order = order[kind[order] >= 0]
    place = rank_in_group(kind[order])
    return np.sort(order[np.argsort(place, kind="stable")][:wanted])


def _without_type(table: TokenTable) -> TokenTable:
    return replace(table, codes={k: v for k, v in table.codes.items() if k != TYPE_LEVEL})
