"""The stages of `RoutingPredictor.fit`: each takes what earlier stages learned and returns what it learns, frozen.

`predictor` calls them in order; nothing is kept on the way but what they return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from routing_etl.errors import ModelError
from routing_etl.frames import AttributeSpec, TimeEvidence
from routing_etl.model.answer.explain import AttributeText
from routing_etl.model.answer.resemblance import Resemblance
from routing_etl.model.attributes.features import AttributeEncoder, drawn_folds
from routing_etl.model.attributes.importance import attribute_importance, attribute_statistics
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import dense_product, group_mean
from routing_etl.model.candidates.counts import KnownRoutings
from routing_etl.model.candidates.evidence import Evidence, EvidenceFeatures, Said
from routing_etl.model.candidates.families import Families, find_families
from routing_etl.model.candidates.forest import RoutingForest, forest_for
from routing_etl.model.candidates.maker import CandidateMaker
from routing_etl.model.candidates.operations_model import OperationCases, OperationModel
from routing_etl.model.candidates.similarity import (
    AttributeSpace,
    ItemSpace,
    NeighbourIndex,
    Neighbours,
    SimilarityScale,
)
from routing_etl.model.candidates.word_rules import WordCases, WordRules
from routing_etl.model.catalogue.recency import age_in_days, age_weight, retired
from routing_etl.model.catalogue.routings import RoutingCatalogue, build_catalogue, usual_operations
from routing_etl.model.inputs import types_of, usable_attributes
from routing_etl.model.machines.line_model import LineModel
from routing_etl.model.machines.outside_model import OutsideModel
from routing_etl.model.machines.resources import OutOfUse, pool_steps, unnamed_steps
from routing_etl.model.machines.steps import StepChooser
from routing_etl.model.ranking.novelty import (
    TYPE_ATTRIBUTE,
    TYPE_LEVEL,
    Novelty,
    kind_level,
    novelty_factor,
)
from routing_etl.model.ranking.ranker import CandidateRanker
from routing_etl.model.times.operation_times import OperationTimes, TimeItems, TimeTraining
from routing_etl.model.times.timed import MEASURES, TimedOperations, actual_times, standard_times
from routing_etl.progress import Progress

#: Fewer routed items are refused: cross-fitting and calibration need a few items per fold.
LEAST_LABELS = 20
#: Dimensions of the low-rank description of routings, and most items that its directions are found from.
_N_COMPONENTS, _MOST_DESCRIBED = 48, 60_000
#: Most training items whose candidates train the ranker.
_MOST_RANKED = 40_000
#: Nearest neighbours that teach the scale of similarity.
_SCALE_NEIGHBOURS = 10
#: Spread of the attributes' part of the space of items beside that of the expected routing.
_ATTRIBUTE_SPREAD = 0.25
#: A level is telling if it explains more than this share of the routings' description; at most so many are used.
_LEAST_GAIN, _MOST_TELLING = 0.01, 5
#: Machines are replaced and reshuffled sooner than routings change, so their uses are aged by a half-life of their own.
_MACHINE_HALF_LIFE_DAYS = 500.0
#: Operations with work results that are enough to judge predicted times by; standard times stand in for fewer.
_ENOUGH_RESULTS = 10


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
        Per item the number of the group with which it is left out, which lies in one fold. None: every item is left out alone.
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


@dataclass(frozen=True)
class Encoded:
    """The training items as numbers, and the routings as the items' target.

    Attributes
    ----------
    encoder : AttributeEncoder
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

    encoder: AttributeEncoder
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
    """The fitted forest, and the out-of-bag votes for the training items (items x variants)."""

    forest: RoutingForest
    votes: sparse.csr_matrix


@dataclass(frozen=True)
class Expected:
    """The operation model, and what it expects of the training items.

    Attributes
    ----------
    model : OperationModel
        Fitted.
    families : Families
        The families of the plant.
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
    """

    model: OperationModel
    families: Families
    variant_operations: sparse.csr_matrix
    words: WordRules
    said: Said
    probabilities: Floats
    family: Ints

    def voted(self, votes: sparse.csr_matrix) -> Floats:
        """Items x operations: share of the forest's votes for routings with the operation."""
        return dense_product(votes, self.variant_operations)


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
    scale : SimilarityScale
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

    scale: SimilarityScale
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


def read_training(
    items: pl.DataFrame,
    operations: pl.DataFrame,
    evidence: TimeEvidence,
    attributes: tuple[AttributeSpec, ...],
    options: Options,
) -> Training:
    """Code the routings and choose the attributes to learn from.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame, checked.
    operations : polars.DataFrame
        OPERATIONS frame, checked.
    evidence : TimeEvidence
        Profiles of work results.
    attributes : tuple of AttributeSpec
        The attributes asked for.
    options : Options
        The predictor's parameters.

    Raises
    ------
    ModelError
        Too few routed items, or no usable attribute.
    """
    catalogue = build_catalogue(items, operations)
    labels = catalogue.labels
    if labels.height < options.least_labels:
        raise ModelError(
            f"Only {labels.height} item(s) have a routing to learn from; {options.least_labels} are needed.",
            remedy="Give the operations of more items (in the pipeline: check the filters of the source profile).",
        )
    train = labels.select("item_key").join(items, on="item_key", how="left", maintain_order="left")
    notes = list(catalogue.notes)
    used = usable_attributes(train, attributes, options.feature_weights, notes)
    folds = drawn_folds(labels.height, options.seed)
    age = age_in_days(labels["rout_date"])
    return Training(train, operations, evidence, catalogue, used, folds, age, tuple(notes))


def encode(training: Training, options: Options) -> Encoded:
    """Describe the routings in few dimensions and encode the items by what they tell about that description.

    Parameters
    ----------
    training : Training
        The training items.
    options : Options
        The predictor's parameters.
    """
    described = _described(training.catalogue, options.seed)
    return encode_with(
        AttributeEncoder(attributes=training.attributes, random_state=options.seed), training, described
    )


def encode_with(encoder: AttributeEncoder, training: Training, described: Floats) -> Encoded:
    """Encode the items by what they tell about this description of their routings.

    Parameters
    ----------
    encoder : AttributeEncoder
        To be fitted.
    training : Training
        The training items.
    described : Floats
        Routing variants x d.
    """
    target = described[training.catalogue.label_variant]
    features, table = encoder.fit_coded(training.items, target, training.folds)
    gains = encoder.level_gain_
    ranked = sorted(gains, key=lambda name: (-gains[name], name))
    telling = [name for name in ranked if gains[name] > _LEAST_GAIN][:_MOST_TELLING]
    if TYPE_LEVEL in gains and TYPE_LEVEL not in telling:
        telling.append(TYPE_LEVEL)
    return Encoded(encoder, features, table, described, tuple(telling))


def _described(catalogue: RoutingCatalogue, seed: int) -> Floats:
    """Variants x k: low-rank description of every routing (truncated SVD of its jobs, pairs of jobs and steps)."""
    described, rows = catalogue.description(), catalogue.label_variant
    k = min(_N_COMPONENTS, min(described.shape) - 1, len(rows) - 1)
    if k < 2:
        return np.asarray(described.todense(), dtype=np.float32)
    if len(rows) > _MOST_DESCRIBED:
        rows = np.random.default_rng(seed).choice(rows, _MOST_DESCRIBED, replace=False)
    reducer = TruncatedSVD(k, n_iter=4, random_state=seed).fit(described[rows])
    return np.asarray(reducer.transform(described), dtype=np.float32)


def grow(training: Training, encoded: Encoded, options: Options) -> Grown:
    """Grow the forest.

    Parameters
    ----------
    training : Training
        The training items.
    encoded : Encoded
        Their features and target.
    options : Options
        The predictor's parameters.
    """
    forest = forest_for(training.catalogue.labels.height, options.n_trees)
    forest.set_params(n_jobs=options.n_jobs, random_state=options.seed)
    variant = training.catalogue.label_variant
    votes = forest.fit_out_of_bag(
        encoded.features,
        variant,
        target=encoded.described[variant],
        weights=age_weight(training.age, options.half_life_days),
        groups=training.groups,
        progress=options.progress,
    )
    return Grown(forest, votes)


def span_space(encoded: Encoded, grown: Grown, options: Options) -> ItemSpace:
    """Place the training items by the routing that is expected of them and, with less weight, by their attributes.

    Parameters
    ----------
    encoded : Encoded
        Their features.
    grown : Grown
        Their votes, and the importance of the features.
    options : Options
        The predictor's parameters.
    """
    importance = grown.forest.feature_importances_.astype(np.float32)
    owners = encoded.encoder.feature_attributes_
    user = np.array([options.feature_weights.get(owner, 1.0) for owner in owners], dtype=np.float32)
    space = AttributeSpace.of(encoded.features, np.sqrt(np.maximum(importance, 0.0)) * user)
    expected = np.asarray(grown.votes @ encoded.described, dtype=np.float32)
    attributes = space.project(encoded.features)
    spread = float(np.sqrt(expected.var(axis=0).sum())) or 1.0
    own = float(np.sqrt(attributes.var(axis=0).sum())) or 1.0
    share = _ATTRIBUTE_SPREAD * spread / own
    index = NeighbourIndex(random_state=options.seed)
    index.fit(np.hstack([expected, attributes * share]).astype(np.float32))
    return ItemSpace(encoded.described, space, share, index)


@dataclass(frozen=True)
class Divided:
    """Families, and the family of every training item, by which one without votes is told."""

    families: Families
    own: Ints


def divide(training: Training, encoded: Encoded, options: Options) -> Divided:
    """Find the families.

    Parameters
    ----------
    training : Training
        The training items.
    encoded : Encoded
        Their attributes.
    options : Options
        The predictor's parameters.
    """
    catalogue = training.catalogue
    variant = catalogue.label_variant
    operations = catalogue.sequence_matrix()[catalogue.label_sequence]
    own = find_families(encoded.features, encoded.described[variant], operations, options.seed)
    return Divided(Families.counted(own, variant, catalogue.n_variants), own)


def expect_operations(
    training: Training, encoded: Encoded, grown: Grown, divided: Divided, options: Options
) -> Expected:
    """Learn which operations an item needs.

    Parameters
    ----------
    training : Training
        The training items.
    encoded : Encoded
        Their attributes.
    grown : Grown
        Their votes.
    divided : Divided
        Their families.
    options : Options
        The predictor's parameters.
    """
    families = divided.families
    catalogue, votes = training.catalogue, grown.votes
    variant_operations = catalogue.sequence_matrix()[catalogue.variant_sequence]
    family = np.where(np.diff(votes.indptr) > 0, families.likeliest(votes), divided.own)
    model = OperationModel(n_folds=options.operation_folds, n_jobs=options.n_jobs, random_state=options.seed)
    cases = OperationCases(
        table=encoded.table,
        operations=usual_operations(catalogue, training.operations),
        votes=dense_product(votes, variant_operations),
        family=family,
        folds=training.folds,
        n_families=families.n,
        weights=age_weight(training.age, options.half_life_days),
    )
    probabilities = model.fit(cases, options.progress)
    words = WordRules()
    said = words.fit(
        WordCases(
            phrases=encoded.table.phrases,
            operations=cases.operations,
            votes=cases.votes,
            expected=probabilities,
            family=family,
            folds=training.folds,
            kind=encoded.kind,
        )
    )
    said.put(probabilities)
    return Expected(model, families, variant_operations, words, said, probabilities, family)


@dataclass(frozen=True)
class Basis:
    """The first stages: all that is known of the training items before candidates are collected."""

    training: Training
    encoded: Encoded
    grown: Grown
    space: ItemSpace
    expected: Expected


def find_in_use(basis: Basis) -> InUse:
    """Find the jobs, steps and sequences that may be proposed: codes fit the output, and no job is out of use.

    Parameters
    ----------
    basis : Basis
        The training items; the most telling level groups them.
    """
    catalogue, age, encoded = basis.training.catalogue, basis.training.age, basis.encoded
    item, steps = catalogue.label_steps()
    if encoded.telling:
        group = encoded.codes[encoded.telling[0]].astype(np.int64) + 1
    else:
        group = np.zeros(catalogue.labels.height, np.int64)
    old_job = retired(item, catalogue.step_job[steps], len(catalogue.jobs), age, group)
    old_step = retired(item, steps, catalogue.steps.height, age, group)
    jobs = catalogue.jobs.filter(pl.Series(old_job))
    names = jobs.to_list()
    notes = (f"Jobs out of use, not proposed: {', '.join(names[:20])}.",) if names else ()
    usable = catalogue.step_fits & catalogue.step_observed & ~old_step
    fits = np.bitwise_and.reduceat(~old_job[catalogue.sequence_jobs], catalogue.sequence_offsets[:-1])
    return InUse(
        sequences=catalogue.sequence_fits & fits,
        steps=usable & ~unnamed_steps(catalogue.steps, usable),
        retired_jobs=jobs,
        gone=OutOfUse.of(catalogue, names, old_step),
        notes=notes,
    )


def known_routings(basis: Basis, in_use: InUse) -> KnownRoutings:
    """What candidates are collected from.

    Parameters
    ----------
    basis : Basis
        The training items.
    in_use : InUse
        What may be proposed.
    """
    training, encoded = basis.training, basis.encoded
    catalogue = training.catalogue
    return KnownRoutings(
        catalogue=catalogue,
        described=group_mean(encoded.described, catalogue.variant_sequence, catalogue.n_sequences),
        live=in_use.sequences,
        codes=encoded.codes,
        kind=kind_level(encoded.telling),
        age_days=training.age,
        family=basis.expected.family,
        folds=training.folds,
        called=basis.expected.words.operations_,
    )


def rank(basis: Basis, known: KnownRoutings, maker: CandidateMaker, options: Options) -> Ranking:
    """Learn what similarity means, which candidate is right, and how sure an item of a new type may be.

    Parameters
    ----------
    basis : Basis
        The training items.
    known : KnownRoutings
        What the maker was fitted on.
    maker : CandidateMaker
        Collects candidates.
    options : Options
        The predictor's parameters.
    """
    n = basis.training.catalogue.labels.height
    asked = np.arange(n)
    if n > _MOST_RANKED:
        asked = np.sort(np.random.default_rng(options.seed).choice(n, _MOST_RANKED, replace=False))
    searched = _search(basis, asked, options.n_neighbors)
    features, hit, row = _candidates(basis, known, maker, searched)
    ranker = CandidateRanker(n_jobs=options.n_jobs, random_state=options.seed)
    ranker.fit(features, hit, row, known.folds[asked][row], known.family[asked][row])
    label = np.full((n, searched.neighbours.label.shape[1]), -1, dtype=np.int64)
    similarity = np.zeros(label.shape, dtype=np.float32)
    label[asked], similarity[asked] = searched.neighbours.label, searched.neighbours.similarity
    was_asked = np.zeros(n, dtype=bool)
    was_asked[asked] = True
    return Ranking(
        searched.scale,
        ranker,
        _novelty(basis.training, known, searched, options),
        Neighbours(label, similarity),
        was_asked,
    )


@dataclass(frozen=True)
class _Searched:
    """The training items that were `asked`: their coordinates, neighbours, and whether the nearest has their routing."""

    asked: Ints
    expected: Floats
    points: Floats
    scale: SimilarityScale
    neighbours: Neighbours
    nearest_same: Bools


def _search(basis: Basis, asked: Ints, k: int) -> _Searched:
    """Find the neighbours of training items, by their out-of-bag votes, and learn the scale of similarity from them."""
    sequence, space = basis.training.catalogue.label_sequence, basis.space
    expected = space.expected(basis.grown.votes[asked])
    points = space.place(expected, basis.encoded.features[asked])
    distance, found = _nearest(basis, points, asked, k)
    same = (found >= 0) & (sequence[np.maximum(found, 0)] == sequence[asked][:, None])
    scale = SimilarityScale().fit(distance[:, :_SCALE_NEIGHBOURS], same[:, :_SCALE_NEIGHBOURS])
    neighbours = Neighbours(found, scale.of(distance))
    return _Searched(asked, expected, points, scale, neighbours, same[:, 0])


def _nearest(basis: Basis, points: Floats, asked: Ints, k: int) -> tuple[Floats, Ints]:
    """Distance and number of the nearest training items, the item itself left out, or all of its fold where groups are."""
    training, index = basis.training, basis.space.index
    if training.groups is None:
        return index.search(points, k, asked)
    distance = np.full((len(asked), k), np.inf, np.float32)
    found = np.full((len(asked), k), -1, np.int64)
    folds = training.folds[asked]
    for fold in np.unique(folds):
        here, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if not len(others):
            continue
        part = NeighbourIndex(random_state=index.random_state).fit(points[others])
        distance[here], near = part.search(points[here], k)
        found[here] = np.where(near >= 0, asked[others][near], -1)
    return distance, found


def _candidates(
    basis: Basis, known: KnownRoutings, maker: CandidateMaker, searched: _Searched
) -> tuple[EvidenceFeatures, Bools, Ints]:
    """Candidates of the asked items, fold by fold: evidence, whether right, and the item's place among the asked."""
    sequence, folds = known.catalogue.label_sequence, known.folds[searched.asked]
    features, hits, rows = [], [], []
    for fold in np.unique(folds):
        here = np.flatnonzero(folds == fold)
        at = searched.asked[here]
        evidence = Evidence(
            votes=basis.grown.votes[at],
            neighbours=searched.neighbours.at(here),
            expected=searched.expected[here],
            operations=basis.expected.probabilities[at],
            said=basis.expected.said.at(at),
            family=known.family[at],
            codes={name: code[at] for name, code in known.codes.items()},
        )
        pairs = maker.without_fold(known, int(fold)).make(evidence)
        features.append(pairs.features)
        hits.append(pairs.sequence == sequence[at][pairs.row])
        rows.append(here[pairs.row])
    return EvidenceFeatures.joined(features), np.concatenate(hits), np.concatenate(rows)


def _novelty(training: Training, known: KnownRoutings, searched: _Searched, options: Options) -> Novelty:
    """What tells kinds of items apart, and how much less sure an item of a new kind is."""
    level = known.kind
    attribute = level.split("|")[0]
    types = types_of(training.items)
    if types.n_unique() == 1 and not types.null_count() and options.feature_weights.get(TYPE_ATTRIBUTE, 1.0):
        # The only type tells no items apart and is no attribute, but another one is as new as anywhere.
        return Novelty(TYPE_ATTRIBUTE, types.unique(), 1.0)
    if not level:
        return Novelty(attribute, pl.Series([], dtype=pl.String), 1.0)
    values = training.items.select(normalise(attribute)).to_series().drop_nulls().unique().sort()
    factor = novelty_factor(
        known.codes[level][searched.asked],
        searched.points,
        known.catalogue.label_sequence[searched.asked],
        searched.nearest_same,
        options.seed,
    )
    return Novelty(attribute, values, factor)


def choose_steps(basis: Basis, in_use: InUse, options: Options) -> StepChooser:
    """Learn which machine does a job, and whether it is done outside.

    Parameters
    ----------
    basis : Basis
        The training items.
    in_use : InUse
        The steps that may be proposed.
    options : Options
        The predictor's parameters.
    """
    catalogue, features = basis.training.catalogue, basis.encoded.features
    young = age_weight(basis.training.age, _MACHINE_HALF_LIFE_DAYS)
    lines = LineModel(n_trees=options.machine_trees, n_jobs=options.n_jobs, random_state=options.seed)
    pool = pool_steps(catalogue.steps, options.pool_words)
    lines.fit(catalogue, features, in_use.steps, young, pool)
    outside = OutsideModel(n_jobs=options.n_jobs, random_state=options.seed)
    outside.fit(catalogue, features, young)
    return StepChooser().fit(catalogue, lines, outside, in_use.steps, pool)


def learn_times(basis: Basis, ranking: Ranking, line_of_job: Ints, options: Options) -> OperationTimes:
    """Learn set-up and run times.

    Parameters
    ----------
    basis : Basis
        The training items and their work results.
    ranking : Ranking
        Their neighbours.
    line_of_job : Ints
        Line of machines of every job, -1 for none.
    options : Options
        The predictor's parameters.
    """
    training, encoded = basis.training, basis.encoded
    times = OperationTimes(
        half_life_days=options.half_life_days, n_jobs=options.n_jobs, random_state=options.seed
    )
    return times.fit(
        training.catalogue,
        TimeTraining(
            operations=training.operations,
            evidence=training.evidence,
            items=TimeItems(encoded.table, encoded.features, basis.expected.family, ranking.neighbours),
            folds=training.folds,
            searched=ranking.searched,
            line_of_job=line_of_job,
        ),
    )


def known_times(training: Training) -> dict[str, TimedOperations]:
    """Per measure the times of the training items' operations: work results where there are any to judge by, else standards.

    Parameters
    ----------
    training : Training
        The training items and their work results.
    """
    actual = actual_times(training.catalogue, training.evidence.by_item_operation, np.inf)
    standard = standard_times(training.catalogue, training.operations)
    return {m: actual[m] if len(actual[m].label) >= _ENOUGH_RESULTS else standard[m] for m in MEASURES}


def explain(basis: Basis, options: Options) -> Explanation:
    """Find what each attribute is worth, and keep the texts by which items are compared.

    Parameters
    ----------
    basis : Basis
        The training items.
    options : Options
        The predictor's parameters.
    """
    training, encoder = basis.training, basis.encoded.encoder
    importance = attribute_importance(encoder, basis.grown.forest.feature_importances_)
    statistics = attribute_statistics(
        training.items, training.attributes, dict(options.feature_weights), encoder, options.seed
    )
    order = sorted(training.attributes, key=lambda a: -importance[a.name])
    resemblance = Resemblance.of(order, training.items, importance, dict(options.feature_weights))
    return Explanation(importance, statistics, AttributeText(resemblance).fit(training.items))
