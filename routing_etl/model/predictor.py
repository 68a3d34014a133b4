"""`RoutingPredictor`: from item attributes to a few routings with times, confidence and evidence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    SIZES_FROM_TEXTS,
    AttributeSpec,
    Predictions,
    TimeEvidence,
)
from routing_etl.model.answer.abstention import Silence, reasons
from routing_etl.model.answer.output import (
    Proposal,
    abstained_frame,
    candidate_frame,
    evidence_frame,
    operation_frame,
    shown_steps,
)
from routing_etl.model.attributes.importance import recommendations
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.base.columns import FEW, dense_product, take
from routing_etl.model.base.parameters import (
    COUNT,
    PREDICTOR_RULES,
    Parameters,
    check_number,
    check_parameters,
)
from routing_etl.model.candidates.evidence import Evidence
from routing_etl.model.candidates.maker import CandidateMaker, Pairs
from routing_etl.model.candidates.plain import PlainAnswers
from routing_etl.model.candidates.similarity import Neighbours
from routing_etl.model.inputs import (
    check_attributes,
    check_fitted,
    check_pool_words,
    check_training,
    evidence_of,
)
from routing_etl.model.learned import Basis, Options
from routing_etl.model.machines.resources import resource_alternatives
from routing_etl.model.new_types import NewTypes, learn_new_types
from routing_etl.model.plain import asked_frame, training_frames
from routing_etl.model.ranked import rank
from routing_etl.model.ranking.choice import Ranked, choose, voters
from routing_etl.model.ranking.modest import Pool
from routing_etl.model.ranking.novelty import TYPE_ATTRIBUTE
from routing_etl.model.rehearsal import (
    FINELY_REHEARSED,
    REHEARSED,
    Modesty,
    Script,
    check_answers_by,
    plain_only,
    rehearse,
)
from routing_etl.model.stages import (
    choose_steps,
    divide,
    encode,
    expect_operations,
    explain,
    find_in_use,
    grow,
    known_routings,
    known_times,
    learn_times,
    read_training,
    span_space,
)
from routing_etl.model.times.operation_times import TimeItems, TimeRequest
from routing_etl.model.times.timed import TimedOperations
from routing_etl.progress import SILENT, Progress

if TYPE_CHECKING:
    from sklearn.utils import Tags

#: An attribute that tells that the model is fitted.
_FITTED = "texts_"
#: An item of a type that nobody has routed gets no proposal when its best candidate is less likely than this.
_LEAST_FOR_UNSEEN = 0.05
#: ... and when its kin is known, than this: most of its operations are right.
_LEAST_FOR_KIN = 0.02
#: A rehearsal learns from parts of few items: so many of them are enough, and so many trees for routings and per line of
#: machines.
_LEAST_REHEARSED, _REHEARSED_TREES, _REHEARSED_MACHINE_TREES = 8, 20, 10


@dataclass(frozen=True)
class _Asked:
    """A batch of items as the model reads it, and their candidates.

    `table`, `features`: the coded attributes, and as numbers. `pairs`: the candidates that were collected. `ranked`: these and a
    plain answer where one stands in, with the confidence that may be shown. `neighbours`: those of the evidence, and a copied item.
    `copies`: whose first candidate is a plain answer that the model would not have put first. `new`: which items are of a type
    that no routed item has. `strange`: which are too unlike all routed items to be judged; `unknown`: why, as text, NULL when there are too few types to tell.
    """

    items: pl.DataFrame
    table: TokenTable
    features: Floats
    evidence: Evidence
    pairs: Pairs
    ranked: Ranked
    neighbours: Neighbours
    copies: Bools
    new: Bools
    strange: Bools
    unknown: pl.Series


class RoutingPredictor(Parameters):
    """Learns routings from routed items and proposes routings for others.

    Parameters
    ----------
    attributes : tuple of AttributeSpec, optional
        The item columns to learn from. The core columns part_type, item_acct and item_nm are added when filled. Empty:
        every further column of items, by the rule of `inputs.inferred_attributes`.
    n_neighbors : int, optional
        Similar items looked at per item.
    candidates_per_item : int, optional
        Most candidates proposed.
    similarity_threshold : float, optional
        Tier HIGH, and priority `primary`, from this similarity on.
    feature_weights : mapping of str to float, optional
        Attribute name -> weight of that attribute in the similarity, applied after learning; 0 switches the attribute off
        altogether.
    n_trees : int, optional
        Size of the forest of a plant of many items (`forest_for`).
    half_life_days : float, optional
        A routing's vote, and a work result's, count half as much as one so many days newer.
    evidence_per_candidate : int, optional
        Neighbours shown per candidate.
    pool_words : sequence of str, optional
        Words in a resource's code or name that mark a waiting pool, which is no machine.
    answers_by : {'auto', 'model', 'nearest', 'majority'}, optional
        What gives the first candidate: the model, the routing of the most similar item, or the most frequent routing of the
        item's kind. 'auto': with few routed items what was right most often in the rehearsal, else the model.
    rehearsals : int, optional
        With fewer than `rehearsal.REHEARSED` routed items: parts that are left out in turn to learn how sure the model may be
        and whether a plain answer is better, twice as many with fewer than `rehearsal.FINELY_REHEARSED`. Below 2: none, and
        the ranker alone orders the candidates.
    n_jobs : int, optional
        Threads. None: as many as `joblib.parallel_config` says, else one.
    random_state : int, optional
        Seed of everything that draws.

    Attributes
    ----------
    modesty_ : Modesty
        What answers, and how sure it may be.
    attributes_ : tuple of AttributeSpec
        The attributes in use.
    catalogue_ : RoutingCatalogue
        The coded routings.
    notes_ : list of str
        What was left out, and what times go with.
    importance_ : dict of str to float
        Share of every attribute in what the forest learned.
    resource_alternatives_ : polars.DataFrame
        RESOURCE_ALTERNATIVES frame of the plant, the same in every `Predictions`.
    """

    def __init__(
        self,
        *,
        attributes: tuple[AttributeSpec, ...] = (),
        n_neighbors: int = 24,
        candidates_per_item: int = 4,
        similarity_threshold: float = 0.8,
        feature_weights: Mapping[str, float] | None = None,
        n_trees: int = 50,
        half_life_days: float = 1500.0,
        evidence_per_candidate: int = 3,
        pool_words: Sequence[str] = (),
        answers_by: Literal["auto", "model", "nearest", "majority"] = "auto",
        rehearsals: int = 4,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.attributes = attributes
        self.n_neighbors = n_neighbors
        self.candidates_per_item = candidates_per_item
        self.similarity_threshold = similarity_threshold
        self.feature_weights = feature_weights
        self.n_trees = n_trees
        self.half_life_days = half_life_days
        self.evidence_per_candidate = evidence_per_candidate
        self.pool_words = pool_words
        self.answers_by = answers_by
        self.rehearsals = rehearsals
        self.n_jobs = n_jobs
        self.random_state = random_state

    # --- training ------------------------------------------------------------------------------------------------

    def fit(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        *,
        times: TimeEvidence | None = None,
        progress: Progress = SILENT,
    ) -> RoutingPredictor:
        """Learn from the routed items.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame with the attribute columns, routed and unrouted; or plain items: `item_cd` and attribute columns
            (see `model.plain.training_frames`).
        operations : polars.DataFrame
            OPERATIONS frame, all ranks; an item's routing is that of rank 0. Or plain operations: `item_cd`, `proc_seq`,
            `job_cd`, `res_cd` and what else is known.
        times : TimeEvidence, optional
            Profiles of work results. None: there are none.
        progress : Progress, optional
            Told how far it is.

        Raises
        ------
        ModelError
            No routed item, too few of them, no usable attribute, an attribute column is missing, or a parameter is out of
            its range.
        FrameError
            A frame does not keep its contract.
        """
        from sklearn import config_context

        options = self._checked(progress)
        items, operations = training_frames(items, operations)
        check_training(items, operations)
        evidence = evidence_of(times)
        with config_context(transform_output="default"):
            lessons = self._learn(items, operations, evidence, options)
            if self._is_small:
                self._take(self._rehearsed(items, operations, evidence, lessons, options))
            elif self.answers_by in ("nearest", "majority"):
                self._take(plain_only(self, items, self.answers_by, options.seed))
        return self

    def _learn(
        self, items: pl.DataFrame, operations: pl.DataFrame, evidence: TimeEvidence, options: Options
    ) -> Mapping[str, TimedOperations]:
        """Run the stages and keep what they learned; gives the times of the training items."""
        with options.progress.task("learning routings", 7) as task:
            training = read_training(items, operations, evidence, self.attributes, options)
            task.advance()
            encoded = encode(training, options)
            task.advance()
            grown = grow(training, encoded, options)
            task.advance()
            space = span_space(encoded, grown, options)
            task.advance()
            divided = divide(training, encoded, options)
            expected = expect_operations(training, encoded, grown, divided, options)
            basis = Basis(training, encoded, grown, space, expected)
            in_use = find_in_use(basis)
            known = known_routings(basis, in_use)
            maker = CandidateMaker().fit(known)
            ranking = rank(basis, known, maker, options)
            new_types = learn_new_types(basis, in_use, items, options)
            task.advance()
            chooser = choose_steps(basis, in_use, options)
            learned_times = learn_times(basis, ranking, chooser.lines_.line_of_job_, options)
            task.advance()
            alternatives = resource_alternatives(operations, evidence, options.pool_words, in_use.gone)
            explanation = explain(basis, options)
            task.advance()

        catalogue = training.catalogue
        self.attributes_, self.catalogue_ = training.attributes, catalogue
        self.book_, self.shown_steps_ = catalogue.book(), shown_steps(catalogue)
        self.encoder_, self.telling_ = encoded.encoder, encoded.telling
        self.forest_, self.space_ = grown.forest, space
        self.operations_, self.families_, self.sizes_ = expected.model, expected.families, expected.sizes
        self.word_rules_ = expected.words
        self.variant_operations_ = expected.variant_operations
        self.retired_jobs_ = in_use.retired_jobs
        self.maker_ = maker
        self.scale_, self.ranker_, self.novelty_ = ranking.scale, ranking.ranker, ranking.novelty
        self.new_types_ = new_types
        self.chooser_, self.times_ = chooser, learned_times
        self.resource_alternatives_ = alternatives
        self.importance_, self.statistics_ = explanation.importance, explanation.statistics
        self.texts_ = explanation.texts
        numbers = encoded.encoder.tokeniser_.number_names
        blind = (new_types.told(),) if new_types is not None else ()
        self.notes_ = [
            *training.notes,
            *in_use.notes,
            *maker.guard_.told(),
            *encoded.encoder.tokeniser_.sizes.told(),
            *encoded.encoder.tokeniser_.guesses.told(),
            *blind,
            learned_times.told(numbers),
        ]
        self.modesty_ = Modesty()
        if self._is_small:
            self.modesty_ = Modesty(plain=self.plain_answers(items), pool=Pool.of(catalogue.labels.height))
        return known_times(training)

    @property
    def _is_small(self) -> bool:
        """Whether so few items are routed that what may be said is rehearsed."""
        return self.rehearsals > 1 and self.catalogue_.labels.height < REHEARSED

    def _rehearsed(
        self,
        items: pl.DataFrame,
        operations: pl.DataFrame,
        evidence: TimeEvidence,
        times: Mapping[str, TimedOperations],
        options: Options,
    ) -> Modesty:
        """Repeat the recipe on parts of the items and learn from the others what may be said."""
        quick = replace(
            options,
            n_trees=min(options.n_trees, _REHEARSED_TREES),
            progress=SILENT,
            least_labels=_LEAST_REHEARSED,
            machine_trees=_REHEARSED_MACHINE_TREES,
        )

        def learn(known: pl.DataFrame, told: TimeEvidence) -> RoutingPredictor:
            other = RoutingPredictor(**self.get_params())
            other._learn(items, known, told, quick)
            return other

        script = Script(
            items=items, operations=operations, evidence=evidence, trained=self, times=times,
            within=self.times_.jobs_.within, learn=learn, seed=options.seed,
            spread={m: model.spread for m, model in self.times_.measures_.items() if model is not None},
            folds=self.rehearsals * (2 if self.catalogue_.labels.height < FINELY_REHEARSED else 1),
            answers_by=None if self.answers_by == "auto" else self.answers_by,
        )  # fmt: skip
        return rehearse(script)

    def _take(self, modesty: Modesty) -> None:
        """Say no more than was found."""
        self.modesty_ = modesty
        self.times_.widen(modesty.widening)
        self.chooser_.usual_only_ = modesty.usual_machines
        self.notes_ = [*modesty.told, *self.notes_]

    @property
    def of_today(self) -> Bools:
        """Per training item, whether its routing has no job that is out of use."""
        catalogue = self.catalogue_
        passed = catalogue.sequence_fits & ~self.maker_.live_
        return np.asarray(~passed[catalogue.label_sequence])

    def plain_answers(self, items: pl.DataFrame) -> PlainAnswers:
        """The answers that need no learning, from the same training items.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame with the training items.
        """
        known = self.catalogue_.labels.select("item_key").join(
            items, on="item_key", how="left", maintain_order="left"
        )
        answers = PlainAnswers(self.attributes_, self.novelty_.attribute)
        return answers.fit(known, self.catalogue_.label_sequence, self.maker_.live_)

    def _checked(self, progress: Progress) -> Options:
        """The parameters, each within its range."""
        check_parameters(self, PREDICTOR_RULES)
        check_attributes(self.attributes)
        check_pool_words(self.pool_words)
        check_answers_by(self.answers_by)
        return Options(
            feature_weights=self.feature_weights or {},
            n_neighbors=self.n_neighbors,
            n_trees=self.n_trees,
            half_life_days=self.half_life_days,
            pool_words=tuple(self.pool_words),
            n_jobs=self.n_jobs,
            seed=self.random_state,
            progress=progress,
        )

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn's tools that this takes frames, not matrices."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(two_d_array=False, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` was called; for `sklearn.utils.validation.check_is_fitted`."""
        return hasattr(self, _FITTED)

    def feature_artifacts(self) -> dict[str, object]:
        """What the features are and what each is worth, as contents of JSON files (docs/legacy-system.md 2.5).

        Returns
        -------
        dict of str to object
            By the earlier system's names: active_features, feature_columns, feature_importance, feature_statistics,
            feature_recommendations, feature_weights.

        Raises
        ------
        ModelError
            Not fitted.
        """
        check_fitted(self, _FITTED)
        weights = {a.name: 1.0 for a in (*self.attributes, *self.attributes_)} | dict(
            self.feature_weights or {}
        )
        active = {name: name in {a.name for a in self.attributes_} for name in weights}
        return {
            "active_features": active,
            "feature_columns": list(self.encoder_.feature_names_),
            "feature_importance": dict(self.importance_),
            "feature_statistics": {name: dict(entry) for name, entry in self.statistics_.items()},
            "feature_recommendations": recommendations(self.importance_, weights),
            "feature_weights": {"version": "3.0", "weights": weights, "active": active},
        }

    # --- prediction ----------------------------------------------------------------------------------------------

    @property
    def learned_items(self) -> pl.Series:
        """Keys of the items whose routings it learned from, sorted."""
        return self.catalogue_.labels["item_key"]

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings for items.

        The night asks for items without a routing. An item that the model has learned from is no neighbour, reference or
        evidence of itself, and a routing that only it has is proposed only if composed of operations that others have. But
        its routing stays among the forest's votes and the counts, so its confidence is somewhat too high. How good the
        model is, `evaluate` tells, which trains without the items that it asks.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame with the attribute columns, or plain items.

        Raises
        ------
        ModelError
            Not fitted, or an attribute column is missing or of another type.
        FrameError
            No codes, keys or hashes.
        """
        check_fitted(self, _FITTED)
        items = asked_frame(items)
        if items.height == 0:
            return Predictions(
                CANDIDATES.empty(),
                CANDIDATE_OPERATIONS.empty(),
                self.resource_alternatives_,
                CANDIDATE_EVIDENCE.empty(),
                ABSTAINED.empty(),
            )
        self.encoder_.tokeniser_.check(items)
        new = self.novelty_.unseen(items)
        if self.new_types_ is None or self.modesty_.copies or not new.any():
            return self._propose(self._ranked(items, new))
        if new.all():
            return self._propose(self._ranked_of_new_types(items, self.new_types_))
        known = items.filter(pl.Series(~new))
        parts = (
            self._propose(self._ranked(known, np.zeros(known.height, dtype=bool))),
            self._propose(self._ranked_of_new_types(items.filter(pl.Series(new)), self.new_types_)),
        )
        return _in_order(items["item_key"], parts)

    @property
    def sizes_in_texts(self) -> tuple[str, ...]:
        """Names of the attributes that texts and codes can tell where they are empty.

        Raises
        ------
        ModelError
            Not fitted.
        """
        check_fitted(self, _FITTED)
        return tuple(self.encoder_.tokeniser_.sizes.measures)

    def sizes_from_texts(self, items: pl.DataFrame) -> pl.DataFrame:
        """The sizes that the items' texts tell, those that are used and those beside a filled column.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame with the attribute columns, or plain items.

        Returns
        -------
        polars.DataFrame
            SIZES_FROM_TEXTS frame.

        Raises
        ------
        ModelError
            Not fitted, or an attribute column is missing or of another type.
        """
        check_fitted(self, _FITTED)
        items = asked_frame(items)
        told = self.encoder_.tokeniser_.sizes_told(items)
        return SIZES_FROM_TEXTS.conform(
            told.with_columns(item_key=items["item_key"].gather(told["row"])).drop("row")
        )

    def iter_predict(
        self, items: pl.DataFrame, batch_size: int = 8192, progress: Progress = SILENT
    ) -> Iterator[Predictions]:
        """`predict` in batches; memory is bounded by the batch. `resources` is the same frame in every batch.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS frame with the attribute columns, or plain items.
        batch_size : int, optional
            Items per batch.
        progress : Progress, optional
            Told of every batch.

        Yields
        ------
        Predictions
            Of one batch.
        """
        check_fitted(self, _FITTED)
        check_number("iter_predict", "batch_size", batch_size, COUNT)
        items = asked_frame(items)
        with progress.task("scoring items", items.height) as task:
            for start in range(0, items.height, batch_size):
                batch = items.slice(start, batch_size)
                yield self.predict(batch)
                task.advance(batch.height)

    def _ranked(self, items: pl.DataFrame, new: Bools) -> _Asked:
        """Items, most of them of known types, with their candidates. `new`: which are of a new one."""
        table = self.encoder_.tokeniser_.transform(items)
        features = self.encoder_.encode(table)
        votes = self.forest_.vote(features)
        family = self.families_.likeliest(votes)
        expected = self.space_.expected(votes)
        own = self._labels_of(items["item_key"])
        distance, found = self.space_.index.search(
            self.space_.place(expected, features), self.n_neighbors, own
        )
        voted = dense_product(votes, self.variant_operations_)
        operations = self.operations_.predict(table, voted, family)
        said = self.word_rules_.say(table.phrases, voted, operations, family)
        said.put(operations)
        evidence = Evidence(
            votes=votes,
            neighbours=Neighbours(found, self.scale_.of(distance)),
            expected=expected,
            operations=operations,
            said=said,
            sizes_known=self.sizes_.share(table.known, family),
            family=family,
            codes={name: table.codes[name] for name in self.telling_},
        )
        pairs = self.maker_.make(evidence, own=own)
        ranked, neighbours, copies = self._modest(items, own, evidence, pairs)
        ranked = replace(ranked, probability=self.novelty_.doubted(ranked.probability, ranked.row, new))
        # Nothing is known of new part types where there are too few types to learn from.
        strange = new & (self.novelty_.attribute == TYPE_ATTRIBUTE and not self.modesty_.copies)
        untold = pl.repeat(None, items.height, dtype=pl.String, eager=True)
        return _Asked(
            items, table, features, evidence, pairs, ranked, neighbours, copies, new, strange, untold
        )

    def _ranked_of_new_types(self, items: pl.DataFrame, new_types: NewTypes) -> _Asked:
        """Items of new part types with their candidates."""
        table = self.encoder_.tokeniser_.transform(items)
        judged = new_types.judge(items, self.n_neighbors)
        return _Asked(
            items=items,
            table=table,
            features=self.encoder_.encode(table),
            evidence=judged.evidence,
            pairs=judged.pairs,
            ranked=Ranked(judged.pairs.row, judged.pairs.sequence, judged.probability),
            neighbours=judged.evidence.neighbours,
            copies=np.zeros(items.height, dtype=bool),
            new=np.ones(items.height, dtype=bool),
            strange=judged.strange,
            unknown=judged.unknown,
        )

    def _labels_of(self, keys: pl.Series) -> Ints:
        """Number of the training item with each key, -1 for none; the labels are sorted by their key."""
        known = self.catalogue_.labels["item_key"]
        if keys.len() <= FEW:
            found = np.array([bisect_left(known, key) for key in keys.to_list()], dtype=np.int64)
        else:
            found = np.asarray(known.search_sorted(keys))
        place = np.minimum(found, known.len() - 1).astype(np.int64)
        return np.where((take(known, place) == keys).to_numpy(), place, -1)

    def _propose(self, asked: _Asked) -> Predictions:
        """Collect candidates, rank them, and give the best of them machines, times and reasons."""
        items, evidence, catalogue = asked.items, asked.evidence, self.catalogue_
        label_sequence, neighbours = catalogue.label_sequence, asked.neighbours
        best = np.zeros(items.height)
        np.maximum.at(best, asked.ranked.row, asked.ranked.probability)
        shown = self.texts_.shown(items)
        empty = self.texts_.empty(shown)
        silent = empty | asked.strange | (best <= 0.0) | (asked.new & (best < self._least_for_new()))
        composed = asked.pairs.composed
        book = self.book_.extended(composed.offsets, composed.operations, catalogue)
        ranked = asked.ranked.at(~silent[asked.ranked.row])
        chosen = choose(ranked, neighbours, book, label_sequence, self.candidates_per_item)
        steps = self.chooser_.steps(chosen, evidence, book, asked.features)
        timed = TimeItems(asked.table, asked.features, evidence.family, neighbours)
        request = TimeRequest(chosen.row[steps.candidate], steps.step, items["item_key"], timed)
        proposal = Proposal(items, chosen, steps, self.times_.predict(request), catalogue, book)
        voted = voters(chosen, neighbours, label_sequence, self.evidence_per_candidate)
        without = np.flatnonzero(silent)
        compared = self.texts_.compare(
            shown,
            np.concatenate([chosen.row, voted.row, without]),
            np.concatenate([chosen.reference, voted.label, evidence.neighbours.nearest(without)]),
        )
        n, last = len(chosen.row), len(chosen.row) + len(voted.row)
        return Predictions(
            candidate_frame(
                proposal, compared.part(0, n), self.similarity_threshold, asked.copies[chosen.row]
            ),
            operation_frame(proposal, self.shown_steps_),
            self.resource_alternatives_,
            evidence_frame(proposal, voted, compared.part(n, last)),
            self._abstained(asked, without, empty, compared.resemblance[last:]),
        )

    def _least_for_new(self) -> float:
        """How likely the best candidate of an item of a new type must be for a proposal."""
        kin = self.new_types_ is not None and self.new_types_.kinship.tells
        return _LEAST_FOR_KIN if kin else _LEAST_FOR_UNSEEN

    def _modest(
        self, items: pl.DataFrame, own: Ints, evidence: Evidence, pairs: Pairs
    ) -> tuple[Ranked, Neighbours, Bools]:
        """The candidates with the confidence that may be shown, and what goes with them.

        Also the neighbours with the copied items among them, and per item whether its first candidate is a plain answer that
        the model would not have put first.
        """
        row, near, modesty, n = pairs.row, evidence.neighbours, self.modesty_, items.height
        score, probability = self.ranker_.predict(pairs.features, row, evidence.family[row])
        if modesty.plain is None:
            return Ranked(row, pairs.sequence, probability), near, np.zeros(n, dtype=bool)
        answer, copies = modesty.answer(items, own), np.full(n, modesty.copies)
        if modesty.pool is not None:
            probability, tipped = modesty.pool.scored(
                score, pairs.features, row, pairs.sequence == answer.sequence[row]
            )
            copies[row[tipped]] = True
        ranked = modesty.applied(Ranked(row, pairs.sequence, probability), n, answer)
        lone = np.flatnonzero(
            copies & (answer.label >= 0) & ~(near.label == answer.label[:, None]).any(axis=1)
        )
        label, similarity = near.label.copy(), near.similarity.copy()
        label[lone, -1], similarity[lone, -1] = answer.label[lone], np.maximum(similarity[lone, -1], 1e-6)
        return ranked, Neighbours(label, similarity), copies

    def _abstained(self, asked: _Asked, row: Ints, empty: Bools, nearest: Floats) -> pl.DataFrame:
        """The ABSTAINED frame of the items in these rows."""
        code, reason = reasons(
            asked.items, row, Silence(empty, asked.new, asked.strange, asked.unknown), self.novelty_.attribute
        )
        return abstained_frame(asked.items, row, code, reason, nearest)


def _in_order(keys: pl.Series, parts: tuple[Predictions, ...]) -> Predictions:
    """Predictions of parts of a batch as one, in the order of the batch's items."""
    place = keys.alias("item_key").to_frame().with_row_index("\x00place")

    def joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
        rows = pl.concat(frames).join(place, on="item_key", how="left", maintain_order="left")
        return rows.sort("\x00place", maintain_order=True).drop("\x00place")

    return Predictions(
        joined([p.candidates for p in parts]),
        joined([p.operations for p in parts]),
        parts[0].resources,
        joined([p.evidence for p in parts]),
        joined([p.abstained for p in parts]),
    )
