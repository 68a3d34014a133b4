"""The stages of `RoutingPredictor.fit`: each takes what earlier stages learned and returns what it learns, frozen.

`predictor` calls them in order; nothing is kept on the way but what they return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from routing_etl.errors import ModelError
from routing_etl.frames import AttributeSpec, TimeEvidence
from routing_etl.model.answer.explain import AttributeText
from routing_etl.model.answer.resemblance import Resemblance
from routing_etl.model.attributes.encoding import drawn_folds
from routing_etl.model.attributes.importance import attribute_importance, attribute_statistics
from routing_etl.model.base.arrays import Floats, Ints
from routing_etl.model.base.columns import dense_product, group_mean
from routing_etl.model.candidates.counts import KnownRoutings
from routing_etl.model.candidates.families import Families, find_families
from routing_etl.model.candidates.known_sizes import KnownSizes
from routing_etl.model.candidates.operation_columns import OperationCases
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.similarity import (
    AttributeSpace,
    ItemSpace,
    NeighbourIndex,
)
from routing_etl.model.candidates.tied_words import TiedWords
from routing_etl.model.candidates.type_names import TypeCases, TypeNames
from routing_etl.model.candidates.word_rules import WordRules
from routing_etl.model.candidates.word_screen import WordCases
from routing_etl.model.catalogue.recency import age_in_days, age_weight, retired
from routing_etl.model.catalogue.routings import RoutingCatalogue, build_catalogue, usual_operations
from routing_etl.model.inputs import identifiers, usable_attributes
from routing_etl.model.learned import (
    Basis,
    Divided,
    Encoded,
    Expected,
    Explanation,
    Grown,
    InUse,
    Options,
    Ranking,
    Training,
)
from routing_etl.model.machines.line_model import LineModel
from routing_etl.model.machines.outside_model import OutsideModel
from routing_etl.model.machines.resources import OutOfUse, pool_steps, unnamed_steps
from routing_etl.model.machines.steps import StepChooser
from routing_etl.model.ranking.novelty import (
    TYPE_LEVEL,
    kind_level,
)
from routing_etl.model.siblings import siblings
from routing_etl.model.times.operation_times import OperationTimes, TimeItems, TimeTraining
from routing_etl.model.times.timed import MEASURES, TimedOperations, actual_times, standard_times

if TYPE_CHECKING:
    from routing_etl.model.attributes.features import AttributeEncoder

#: Dimensions of the low-rank description of routings, and most items that its directions are found from.
_N_COMPONENTS, _MOST_DESCRIBED = 48, 60_000
#: Spread of the attributes' part of the space of items beside that of the expected routing.
_ATTRIBUTE_SPREAD = 0.25
#: Sizes whose columns have less than this share of the forest's importance tell nothing.
_LEAST_WORTH = 0.01
#: A level is telling if it explains more than this share of the routings' description; at most so many are used.
_LEAST_GAIN, _MOST_TELLING = 0.01, 5
#: Machines are replaced and reshuffled sooner than routings change, so their uses are aged by a half-life of their own.
_MACHINE_HALF_LIFE_DAYS = 500.0
#: Operations with work results that are enough to judge predicted times by; standard times stand in for fewer.
_ENOUGH_RESULTS = 10


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
    routed = pl.concat([operations["item_key"], train["item_key"]]).unique().implode()
    waiting = items.filter(~pl.col("item_key").is_in(routed), pl.col("excluded").is_null())
    together = siblings(waiting, train, used, options.seed)
    if together is None:
        groups, folds = None, drawn_folds(labels.height, options.seed)
    else:
        groups, told = together
        folds = drawn_folds(int(groups.max()) + 1, options.seed)[groups]
        notes.append(told)
    return Training(
        items=train,
        operations=operations,
        evidence=evidence,
        catalogue=catalogue,
        attributes=used,
        folds=folds,
        age=age_in_days(labels["rout_date"]),
        notes=tuple(notes),
        siblings=groups,
        waiting=waiting.select(*(a.name for a in used), *identifiers(used)),
    )


def encode(training: Training, options: Options) -> Encoded:
    """Describe the routings in few dimensions and encode the items by what they tell about that description.

    Parameters
    ----------
    training : Training
        The training items.
    options : Options
        The predictor's parameters.
    """
    from routing_etl.model.attributes.features import AttributeEncoder

    described = _described(training.catalogue, options.seed)
    return encode_with(
        AttributeEncoder(
            attributes=training.attributes,
            random_state=options.seed,
            identifiers=identifiers(training.attributes),
        ),
        training,
        described,
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
    features, table = encoder.fit_coded(training.items, target, training.folds, training.waiting)
    gains = encoder.level_gain_
    ranked = sorted(gains, key=lambda name: (-gains[name], name))
    telling = [name for name in ranked if gains[name] > _LEAST_GAIN][:_MOST_TELLING]
    if TYPE_LEVEL in gains and TYPE_LEVEL not in telling:
        telling.append(TYPE_LEVEL)
    return Encoded(encoder.encoding, features, table, described, tuple(telling))


def _described(catalogue: RoutingCatalogue, seed: int) -> Floats:
    """Variants x k: low-rank description of every routing (truncated SVD of its jobs, pairs of jobs and steps)."""
    described, rows = catalogue.description(), catalogue.label_variant
    k = min(_N_COMPONENTS, min(described.shape) - 1, len(rows) - 1)
    if k < 2:
        return np.asarray(described.todense(), dtype=np.float32)
    if len(rows) > _MOST_DESCRIBED:
        rows = np.random.default_rng(seed).choice(rows, _MOST_DESCRIBED, replace=False)
    from sklearn.decomposition import TruncatedSVD

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
    from routing_etl.model.candidates.forest import forest_for

    forest = forest_for(training.catalogue.labels.height, options.n_trees)
    forest.set_params(n_jobs=options.n_jobs, random_state=options.seed)
    variant = training.catalogue.label_variant
    votes = forest.fit_out_of_bag(
        encoded.features,
        variant,
        target=encoded.described[variant],
        weights=age_weight(training.age, options.half_life_days),
        groups=training.together,
        progress=options.progress,
    )
    return Grown(forest.grown, forest.feature_importances_, votes)


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
    importance = grown.importances.astype(np.float32)
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


def _worth_of_sizes(encoded: Encoded, grown: Grown) -> Floats:
    """Per measure its share of the importance of all measures; empty where that is next to nothing."""
    importance = grown.importances.astype(np.float32)
    owners = np.array(encoded.encoder.feature_attributes_)
    worth = np.array([importance[owners == m].sum() for m in encoded.encoder.tokeniser_.sized], np.float32)
    total = float(worth.sum())
    return worth / total if total > _LEAST_WORTH else np.empty(0, np.float32)


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
    training: Training,
    encoded: Encoded,
    grown: Grown,
    divided: Divided,
    options: Options,
) -> Expected:
    """Learn which operations an item needs.

    Where items are left out type by type (`Training.groups`), the words of types' names are asked from type to type: ties and rules of the
    plant that were found with a type tell its operations.

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
    operations = usual_operations(catalogue, training.operations)
    phrases, types, names = encoded.table.phrases, training.groups, None
    if types is None:
        tied = TiedWords.learn(phrases, operations, family, encoded.kind, training.folds)
    else:
        tied = TiedWords.none()
    cases = OperationCases(
        table=encoded.table,
        operations=operations,
        votes=dense_product(votes, variant_operations),
        family=family,
        folds=training.folds,
        n_families=families.n,
        weights=age_weight(training.age, options.half_life_days),
        tied=tied,
        age=training.age,
    )
    probabilities = model.fit(cases, options.progress)
    if types is not None:
        names = TypeNames()
        probabilities = names.fit(
            TypeCases(
                phrases=phrases,
                operations=cases.operations,
                votes=cases.votes,
                expected=probabilities,
                family=family,
                types=types,
                folds=training.folds,
                n_families=families.n,
            )
        )
        phrases = names.notes(phrases)
    words = WordRules()
    said = words.fit(
        WordCases(
            phrases=phrases,
            operations=cases.operations,
            votes=cases.votes,
            expected=probabilities,
            family=family,
            folds=training.folds,
            kind=encoded.kind,
        )
    )
    said.put(probabilities)
    sizes = KnownSizes.of(_worth_of_sizes(encoded, grown), encoded.table.known, family, families.n)
    return Expected(model, families, sizes, variant_operations, words, said, probabilities, family, names)


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
    importance = attribute_importance(encoder, basis.grown.importances)
    statistics = attribute_statistics(
        training.items, training.attributes, dict(options.feature_weights), encoder, options.seed
    )
    order = sorted(training.attributes, key=lambda a: -importance[a.name])
    resemblance = Resemblance.of(order, training.items, importance, dict(options.feature_weights))
    return Explanation(importance, statistics, AttributeText(resemblance).fit(training.items))
