"""`RoutingPredictor`: from item attributes to a few routings with times, confidence and evidence.

The order of `fit`: code the routings (`labels`), encode attributes by what they tell about routings (`features`), grow
the forest (`forest`), span the space of similar items (`similarity`), collect candidates and their evidence as a new
item would have it (`candidates`), learn to rank and calibrate (`ranking`), learn times (`operation_times`).

What belongs here: the order of those steps and the choice of what is proposed. What does not: files, databases.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from scipy import sparse
from sklearn import config_context
from sklearn.decomposition import TruncatedSVD

from routing_etl.errors import ModelError
from routing_etl.frames import (
    ABSTAINED,
    CANDIDATE_EVIDENCE,
    CANDIDATE_OPERATIONS,
    CANDIDATES,
    AttributeSpec,
    Predictions,
    TimeEvidence,
)
from routing_etl.model.answer.abstention import reasons
from routing_etl.model.answer.explain import AttributeText
from routing_etl.model.answer.output import (
    abstained_frame,
    candidate_frame,
    evidence_frame,
    operation_frame,
    shown_steps,
)
from routing_etl.model.attributes.features import AttributeEncoder, drawn_folds
from routing_etl.model.attributes.importance import artifact_set, attribute_importance, attribute_statistics
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.attributes.tokens import TokenTable
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import FEW, dense_product, group_mean, take
from routing_etl.model.base.parameters import (
    COUNT,
    PREDICTOR_RULES,
    Parameters,
    check_number,
    check_parameters,
)
from routing_etl.model.candidates.forest import forest_for
from routing_etl.model.candidates.maker import CandidateMaker, Evidence
from routing_etl.model.candidates.operations_model import OperationModel
from routing_etl.model.candidates.similarity import NeighbourIndex, SimilarityScale, attribute_space, project
from routing_etl.model.catalogue.recency import age_in_days, age_weight, retired
from routing_etl.model.catalogue.routings import build_catalogue, usual_operations
from routing_etl.model.inputs import (
    check_attributes,
    check_fitted,
    check_pool_words,
    check_training,
    evidence_of,
    usable_attributes,
)
from routing_etl.model.machines.line_model import LineModel
from routing_etl.model.machines.outside_model import OutsideModel
from routing_etl.model.machines.resources import OutOfUse, pool_steps, resource_alternatives, unnamed_steps
from routing_etl.model.machines.steps import StepChooser
from routing_etl.model.plain import asked_frame, training_frames
from routing_etl.model.ranking.choice import choose
from routing_etl.model.ranking.novelty import TYPE_LEVEL, Novelty, kind_level, novelty_factor
from routing_etl.model.ranking.ranker import CandidateRanker
from routing_etl.model.times.operation_times import OperationTimes, TimeRequest
from routing_etl.progress import SILENT, Progress

#: What `fit` learns last.
_LAST = "texts_"
_LEAST_LABELS = 20
_LEAST_FOR_UNSEEN = 0.05
#: Machines are replaced and reshuffled sooner than routings change.
_MACHINE_HALF_LIFE_DAYS = 500.0


class RoutingPredictor(Parameters):
    """Learns routings from routed items and proposes routings for others.

    Parameters
    ----------
    attributes: the item columns to learn from (core columns part_type, item_acct and item_nm are added when filled).
    n_neighbors: similar items looked at per item. candidates_per_item: most candidates proposed.
    similarity_threshold: tier HIGH, and priority `primary`, from this similarity on.
    feature_weights: attribute name -> weight of that attribute in the similarity, applied after learning; 0 switches
        the attribute off altogether. n_trees: size of the forest (see
        `forest_for`). half_life_days: an old routing's vote halves in.
    evidence_per_candidate: neighbours shown per candidate. pool_words: words that mark a waiting pool.
    max_ranker_items: most training items whose candidates train the ranker. n_jobs: threads; None: as many as
        `joblib.parallel_config` says, else one.

    Attributes
    ----------
    attributes_: the attributes in use, most telling first. catalogue_: the coded routings. notes_: what was left out, and what times go with.
    resource_alternatives_: RESOURCE_ALTERNATIVES frame of the plant, the same in every `Predictions`.
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
        n_components: int = 48,
        half_life_days: float = 1500.0,
        evidence_per_candidate: int = 3,
        pool_words: Sequence[str] = ("대기",),
        max_ranker_items: int = 40_000,
        n_jobs: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.attributes = attributes
        self.n_neighbors = n_neighbors
        self.candidates_per_item = candidates_per_item
        self.similarity_threshold = similarity_threshold
        self.feature_weights = feature_weights
        self.n_trees = n_trees
        self.n_components = n_components
        self.half_life_days = half_life_days
        self.evidence_per_candidate = evidence_per_candidate
        self.pool_words = pool_words
        self.max_ranker_items = max_ranker_items
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
        items: ITEMS frame with the attribute columns, routed and unrouted. operations: OPERATIONS frame, all ranks;
        the label is rank 0. times: profiles of work results; None when there are none.

        Raises
        ------
        ModelError: no routed item, too few of them, no usable attribute, an attribute column is missing, or a parameter is
        out of its range. FrameError: a frame does not keep its contract.
        """
        check_parameters(self, PREDICTOR_RULES)
        check_attributes(self.attributes)
        check_pool_words(self.pool_words)
        items, operations = training_frames(items, operations)
        check_training(items, operations)
        evidence = evidence_of(times)
        vars(self).pop("telling_", None)
        with progress.task("learning routings", 7) as task, config_context(transform_output="default"):
            catalogue = build_catalogue(items, operations)
            labels = catalogue.labels
            if labels.height < _LEAST_LABELS:
                raise ModelError(
                    f"Only {labels.height} item(s) have a routing to learn from; {_LEAST_LABELS} are needed.",
                    remedy="Give the operations of more items (in the pipeline: check the filters of the source profile).",
                )
            train = labels.select("item_key").join(items, on="item_key", how="left", maintain_order="left")
            self.notes_ = list(catalogue.notes)
            self.attributes_ = usable_attributes(train, self.attributes, self.feature_weights, self.notes_)
            self.catalogue_ = catalogue
            folds = drawn_folds(labels.height, self.random_state)
            variant = labels["variant"].to_numpy().astype(np.int64)
            described = self._describe(variant)
            task.advance()
            self.encoder_ = AttributeEncoder(attributes=self.attributes_, random_state=self.random_state)
            features = self.encoder_.fit_transform(train, described[variant], folds)
            task.advance()
            age = age_in_days(labels["rout_date"])
            forest = forest_for(labels.height, self.n_trees)
            self.forest_ = forest.set_params(n_jobs=self.n_jobs, random_state=self.random_state).fit(
                features,
                variant,
                target=described[variant],
                weights=age_weight(age, self.half_life_days),
                progress=progress,
            )
            votes = self.forest_.out_of_bag()
            task.advance()
            self._fit_space(features, votes)
            task.advance()
            table = self.encoder_.tokeniser_.transform(train)
            codes = self._telling_codes(table)
            probabilities, family = self._fit_operations(
                table,
                features,
                described[variant],
                votes,
                usual_operations(catalogue, operations),
                folds,
                age,
                progress,
            )
            live = self._fit_recency(age, codes)
            maker = CandidateMaker()
            sequence_described = group_mean(described, catalogue.variant_sequence, catalogue.n_sequences)
            maker.fit(
                catalogue, sequence_described, codes, age, live, family, folds, kind_level(self.telling_)
            )
            self.maker_ = maker
            self.notes_ += maker.guard_.told()
            near = self._fit_ranker(train, features, votes, probabilities, family, codes, folds)
            task.advance()
            self.book_ = catalogue.book()
            self.shown_steps_ = shown_steps(catalogue)
            pool = pool_steps(catalogue.steps, self.pool_words)
            young = age_weight(age, _MACHINE_HALF_LIFE_DAYS)
            lines = LineModel(n_jobs=self.n_jobs, random_state=self.random_state).fit(
                catalogue, features, self._step_live, young
            )
            outside = OutsideModel(n_jobs=self.n_jobs, random_state=self.random_state).fit(
                catalogue, features, young
            )
            self.chooser_ = StepChooser().fit(catalogue, lines, outside, self._step_live, pool)
            self.times_ = OperationTimes(
                half_life_days=self.half_life_days, n_jobs=self.n_jobs, random_state=self.random_state
            ).fit(catalogue, operations, evidence, table, features, family, folds, *near, lines.line_of_job_)
            self.notes_.append(self.times_.told(self.encoder_.tokeniser_.number_names))
            task.advance()
            self.resource_alternatives_ = resource_alternatives(
                operations, evidence, self.pool_words, self._gone
            )
            self._fit_artifacts(train)
            task.advance()
        del self._step_live, self._gone
        return self

    def _describe(self, variant: Ints) -> Floats:
        """Variants x k: low-rank description of every routing."""
        described = self.catalogue_.description()
        k = min(self.n_components, min(described.shape) - 1, len(variant) - 1)
        if k < 2:
            return np.asarray(described.todense(), dtype=np.float32)
        rows = variant
        if len(rows) > 60_000:
            rows = np.random.default_rng(self.random_state).choice(rows, 60_000, replace=False)
        reducer = TruncatedSVD(k, n_iter=4, random_state=self.random_state).fit(described[rows])
        return np.asarray(reducer.transform(described), dtype=np.float32)

    def _fit_space(self, features: Floats, votes: sparse.csr_matrix) -> None:
        weights = dict(self.feature_weights or {})
        encoder = self.encoder_
        self.space_ = attribute_space(
            features,
            encoder.feature_attributes_,
            self.forest_.feature_importances_.astype(np.float32),
            weights,
            dims=16,
        )
        described = self._describe(self.catalogue_.labels["variant"].to_numpy().astype(np.int64))
        self.described_ = described
        expected = np.asarray(votes @ described, dtype=np.float32)
        attributes = project(self.space_, features)
        spread = float(np.sqrt(expected.var(axis=0).sum())) or 1.0
        own = float(np.sqrt(attributes.var(axis=0).sum())) or 1.0
        self.attribute_share_ = 0.25 * spread / own
        self.index_ = NeighbourIndex(random_state=self.random_state).fit(
            np.hstack([expected, attributes * self.attribute_share_]).astype(np.float32)
        )

    def _place(self, expected: Floats, features: Floats) -> Floats:
        return np.hstack([expected, project(self.space_, features) * self.attribute_share_]).astype(
            np.float32
        )

    def _telling_codes(self, table: TokenTable) -> dict[str, Codes]:
        """Coded values of the levels that tell most about routings, strongest first."""
        if not hasattr(self, "telling_"):
            gains = self.encoder_.level_gain_
            ranked = sorted(gains, key=lambda name: (-gains[name], name))
            self.telling_ = [name for name in ranked if gains[name] > 0.01][:5]
            if TYPE_LEVEL in gains and TYPE_LEVEL not in self.telling_:
                self.telling_.append(TYPE_LEVEL)
        return {name: table.codes[name] for name in self.telling_}

    def _fit_operations(
        self,
        table: TokenTable,
        features: Floats,
        target: Floats,
        votes: sparse.csr_matrix,
        usual: sparse.csr_matrix,
        folds: Ints,
        age: Floats,
        progress: Progress,
    ) -> tuple[Floats, Ints]:
        """Families and operation model; out-of-fold probabilities and family of the training items."""
        catalogue = self.catalogue_
        sequence = catalogue.labels["sequence"].to_numpy().astype(np.int64)
        variant = catalogue.labels["variant"].to_numpy().astype(np.int64)
        by_sequence = catalogue.sequence_matrix()
        operations = by_sequence[sequence]
        self.variant_operations_ = by_sequence[catalogue.variant_sequence]
        model = OperationModel(n_jobs=self.n_jobs, random_state=self.random_state)
        own = model.fit_families(features, target, operations, variant, catalogue.n_variants)
        family = np.where(np.diff(votes.indptr) > 0, model.family(votes), own)
        probabilities = model.fit(
            table,
            usual,
            self._voted(votes),
            family,
            folds,
            age_weight(age, self.half_life_days),
            progress,
        )
        self.operations_ = model
        return probabilities, family

    def _labels_of(self, keys: pl.Series) -> Ints:
        """Number of the training item with each key, -1 for none; the labels are sorted by their key."""
        known = self.catalogue_.labels["item_key"]
        if keys.len() <= FEW:
            found = np.array([bisect_left(known, key) for key in keys.to_list()], dtype=np.int64)
        else:
            found = np.asarray(known.search_sorted(keys))
        place = np.minimum(found, known.len() - 1).astype(np.int64)
        return np.where((take(known, place) == keys).to_numpy(), place, -1)

    def _voted(self, votes: sparse.csr_matrix) -> Floats:
        """Items x operations: share of the forest's votes for routings with the operation."""
        return dense_product(votes, self.variant_operations_)

    def _fit_recency(self, age: Floats, codes: dict[str, Codes]) -> Bools:
        """Which sequences may be proposed: codes fit, no job out of use; sets which steps may be."""
        catalogue = self.catalogue_
        item, steps = catalogue.label_steps()
        family = (
            codes[self.telling_[0]].astype(np.int64) + 1
            if self.telling_
            else np.zeros(catalogue.labels.height, np.int64)
        )
        old_job = retired(item, catalogue.step_job[steps], len(catalogue.jobs), age, family)
        old_step = retired(item, steps, catalogue.steps.height, age, family)
        self.retired_jobs_ = catalogue.jobs.filter(pl.Series(old_job))
        if self.retired_jobs_.len():
            self.notes_.append(
                f"Jobs out of use, not proposed: {', '.join(self.retired_jobs_.to_list()[:20])}."
            )
        self._gone = OutOfUse.of(catalogue, self.retired_jobs_.to_list(), old_step)
        usable = catalogue.step_fits & catalogue.step_observed & ~old_step
        self._step_live = usable & ~unnamed_steps(catalogue.steps, usable)
        fits = np.bitwise_and.reduceat(~old_job[catalogue.sequence_jobs], catalogue.sequence_offsets[:-1])
        return catalogue.sequence_fits & fits

    def _fit_ranker(
        self,
        train: pl.DataFrame,
        features: Floats,
        votes: sparse.csr_matrix,
        probabilities: Floats,
        family: Ints,
        codes: dict[str, Codes],
        folds: Ints,
    ) -> tuple[Ints, Ints, Floats]:
        """Similarity scale, ranker, novelty; returns the labels used, their neighbours and similarities."""
        sequence_of = self.catalogue_.labels["sequence"].to_numpy().astype(np.int64)
        self.sequence_of_ = sequence_of
        n = len(sequence_of)
        rng = np.random.default_rng(self.random_state)
        chosen = np.arange(n)
        if n > self.max_ranker_items:
            chosen = np.sort(rng.choice(n, self.max_ranker_items, replace=False))
        expected = np.asarray(votes[chosen] @ self.described_, dtype=np.float32)
        points = self._place(expected, features[chosen])
        distance, found = self.index_.search(points, self.n_neighbors, chosen)
        same = (found >= 0) & (sequence_of[np.maximum(found, 0)] == sequence_of[chosen][:, None])
        self.scale_ = SimilarityScale().fit(distance[:, :10], same[:, :10])
        similarity = self.scale_.of(distance)
        parts = []
        for fold in np.unique(folds[chosen]):
            here = np.flatnonzero(folds[chosen] == fold)
            at = chosen[here]
            evidence = Evidence(
                votes=votes[at],
                distance=distance[here],
                neighbours=found[here],
                similarity=similarity[here],
                expected=expected[here],
                operations=probabilities[at],
                family=family[at],
                codes={name: code[at] for name, code in codes.items()},
            )
            pairs = self.maker_.make(evidence, sequence_of, without=int(fold))
            hit = pairs.sequence == sequence_of[at][pairs.row]
            parts.append((pairs.features, hit, here[pairs.row]))
        self.maker_.forget_folds()
        row = np.concatenate([part[2] for part in parts])
        self.ranker_ = CandidateRanker(n_jobs=self.n_jobs, random_state=self.random_state)
        self.ranker_.fit(
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            row,
            folds[chosen][row],
            family[chosen][row],
        )
        level = self.maker_.kind_
        known, factor = pl.Series([], dtype=pl.String), 1.0
        if level:
            values = train.select(normalise(level.split("|")[0])).to_series()
            known = values.drop_nulls().unique().sort()
            factor = novelty_factor(
                codes[level][chosen], points, sequence_of[chosen], same[:, 0], self.random_state
            )
        bound = self.ranker_.least_ if level == TYPE_LEVEL else None
        self.novelty_ = Novelty(level.split("|")[0], known, factor, bound)
        return chosen, found, similarity

    def _fit_artifacts(self, train: pl.DataFrame) -> None:
        weights = dict(self.feature_weights or {})
        self.importance_ = attribute_importance(self.encoder_, self.forest_.feature_importances_)
        self.statistics_ = attribute_statistics(
            train, self.attributes_, weights, self.encoder_, self.random_state
        )
        order = sorted(self.attributes_, key=lambda a: -self.importance_[a.name])
        self.texts_ = AttributeText(tuple(order)).fit(train)

    def legacy_artifacts(self) -> dict[str, object]:
        """The artifact set of docs/legacy-system.md 2.5: objects for joblib files and dictionaries for JSON files.

        Keys: encoder, scaler, feature_columns, feature_weights (joblib); active_features, feature_importance,
        feature_statistics, feature_recommendations, feature_weights_json (JSON).

        Raises
        ------
        ModelError: not fitted.
        """
        check_fitted(self, _LAST)
        weights = {a.name: 1.0 for a in (*self.attributes, *self.attributes_)} | dict(
            self.feature_weights or {}
        )
        used = {a.name for a in self.attributes_}
        return artifact_set(self.encoder_, self.space_, used, weights, self.importance_, self.statistics_)

    # --- prediction ----------------------------------------------------------------------------------------------

    def predict(self, items: pl.DataFrame) -> Predictions:
        """Propose routings for items (ITEMS frame with the attribute columns).

        The night asks for items without a routing. An item that the model has learned from is no neighbour, reference or
        evidence of itself, and a routing that only it has is proposed only if composed of operations that others have. But
        its routing stays among the forest's votes and the counts, so its confidence is somewhat too high. How good the
        model is, `evaluate` tells, which trains without the items that it asks.

        Raises
        ------
        ModelError: not fitted, or an attribute column is missing or of another type. FrameError: no codes, keys or hashes.
        """
        check_fitted(self, _LAST)
        items = asked_frame(items)
        if items.height == 0:
            return Predictions(
                CANDIDATES.empty(),
                CANDIDATE_OPERATIONS.empty(),
                self.resource_alternatives_,
                CANDIDATE_EVIDENCE.empty(),
                ABSTAINED.empty(),
            )
        table = self.encoder_.tokeniser_.transform(items)
        features = self.encoder_.encode(table)
        votes = self.forest_.vote(features)
        family = self.operations_.family(votes)
        expected = np.asarray(votes @ self.described_, dtype=np.float32)
        own = self._labels_of(items["item_key"])
        distance, found = self.index_.search(self._place(expected, features), self.n_neighbors, own)
        codes = self._telling_codes(table)
        evidence = Evidence(
            votes=votes,
            distance=distance,
            neighbours=found,
            similarity=self.scale_.of(distance),
            expected=expected,
            operations=self.operations_.predict(table, self._voted(votes), family),
            family=family,
            codes=codes,
        )
        return self._propose(items, table, features, evidence, own)

    def iter_predict(
        self, items: pl.DataFrame, batch_size: int = 8192, progress: Progress = SILENT
    ) -> Iterator[Predictions]:
        """`predict` in batches; memory is bounded by the batch. `resources` is the same frame in every batch."""
        check_fitted(self, _LAST)
        check_number("iter_predict", "batch_size", batch_size, COUNT)
        items = asked_frame(items)
        with progress.task("scoring items", items.height) as task:
            for start in range(0, items.height, batch_size):
                batch = items.slice(start, batch_size)
                yield self.predict(batch)
                task.advance(batch.height)

    def _propose(
        self, items: pl.DataFrame, table: TokenTable, features: Floats, evidence: Evidence, own: Ints
    ) -> Predictions:
        pairs = self.maker_.make(evidence, self.sequence_of_, own=own)
        _, probability = self.ranker_.predict(pairs.features, pairs.row, evidence.family[pairs.row])
        unseen = self.novelty_.unseen(items)
        probability, best = self.novelty_.doubted(probability, pairs.row, unseen)
        shown = self.texts_.shown(items)
        empty = self.texts_.empty(shown)
        nearest = evidence.similarity.max(axis=1, initial=0.0)
        silent = empty | (best <= 0.0) | (unseen & (best < _LEAST_FOR_UNSEEN))
        keep = ~silent[pairs.row]
        book = self.book_.extended(pairs.composed.offsets, pairs.composed.operations, self.catalogue_)
        chosen = choose(
            pairs.row[keep],
            pairs.sequence[keep],
            probability[keep],
            evidence,
            self.sequence_of_,
            self.candidates_per_item,
            book,
        )
        steps = self.chooser_.steps(chosen, evidence, book, features)
        times = self.times_.predict(
            TimeRequest(
                row=chosen.row[steps.candidate],
                step=steps.step,
                item_key=items["item_key"],
                table=table,
                features=features,
                family=evidence.family,
                neighbours=evidence.neighbours,
                similarity=evidence.similarity,
            )
        )
        operations = operation_frame(items, chosen, steps, times, self.shown_steps_, self.catalogue_)
        row, rank, place, label, similarity, weight = self.chooser_.voters(
            chosen, evidence, self.sequence_of_, self.evidence_per_candidate
        )
        n = len(chosen.row)
        matching, differing = self.texts_.compare(
            shown, np.concatenate([chosen.row, row]), np.concatenate([chosen.reference, label])
        )
        candidates = candidate_frame(
            items, chosen, steps, times, self.catalogue_, book, matching[:n], self.similarity_threshold
        )
        texts = matching[n:], differing[n:]
        voters = evidence_frame(items, row, rank, place, label, similarity, weight, texts, self.catalogue_)
        quiet = np.flatnonzero(silent)
        code, reason = reasons(items, quiet, empty, unseen, self.novelty_.attribute)
        abstained = abstained_frame(items, quiet, code, reason, nearest[quiet])
        return Predictions(candidates, operations, self.resource_alternatives_, voters, abstained)
