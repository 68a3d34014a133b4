"""What there is to learn: each training item's routing, as integer codes, and the catalogue behind the codes.

A routing is known here by three nested identities: its *sequence* (the job codes in order: what the exact-match metric
compares), its *variant* (the sequence with resource and in-house/outsourced for every step) and its *steps*, each one
of the observed triples (job, resource, inside). Predicting variants and steps instead of free codes is what keeps
every proposed pair of job and resource a pair that the plant has really planned.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import sparse

from routing_etl.errors import ModelError
from routing_etl.frames import CANDIDATE_OPERATIONS, CANDIDATES, OUTSOURCED
from routing_etl.model.base.arrays import Bools, Ints
from routing_etl.model.base.columns import FEW, lists, ranges, take
from routing_etl.model.catalogue.recency import age_in_days, retired, successors

ROUTING_CODE_LENGTH = CANDIDATES["routing_code"].max_length or 1000
_CODE_LENGTH = CANDIDATE_OPERATIONS["job_cd"].max_length or 32
_SIGNATURE_LENGTH = CANDIDATES["routing_signature"].max_length or 200
_NAMES = 4
_BP_LENGTH = CANDIDATE_OPERATIONS["bp_cd"].max_length or 16
_SEPARATOR = "\x1f"

#: Columns of a step that describe it; the most frequent value of the step's rows stands for it.
STEP_TEXTS = (
    "job_nm",
    "res_nm",
    "batch_oper",
    "bp_cd",
    "cust_nm",
    "cur_cd",
    "tax_type",
    "insp_flg",
    "milestone_flg",
)
#: Columns of a step that are numbers; the median of the step's rows stands for it.
STEP_NUMBERS = ("queue_min", "wait_min", "move_min", "mfg_lt_days", "subcontract_prc", "setup_min", "run_min")


@dataclass(frozen=True)
class LaidOut:
    """The operations of sequences, end to end: of which of the asked sequences, at which place, which job and operation."""

    owner: Ints
    position: Ints
    job: Ints
    operation: Ints


@dataclass(frozen=True)
class SequenceBook:
    """Sequences by number. Those from `n_own` on are of `more`, so that nothing is copied for a prediction's few new ones.

    Attributes
    ----------
    offsets : Ints
        Where each sequence begins in `operations`, and the end.
    operations : Ints
        Operations of the sequences, end to end.
    codes, signatures : polars.Series
        Per sequence its job codes as text, and its first job names.
    job_of_operation : Ints
        Job of every operation.
    more : SequenceBook or None
        Further sequences.
    """

    offsets: Ints
    operations: Ints
    codes: pl.Series
    signatures: pl.Series
    job_of_operation: Ints
    more: SequenceBook | None = None

    @property
    def n_own(self) -> int:
        """Number of sequences without those of `more`."""
        return len(self.offsets) - 1

    def extended(self, offsets: Ints, operations: Ints, catalogue: RoutingCatalogue) -> SequenceBook:
        """Add further sequences at the end, in a new book.

        Parameters
        ----------
        offsets : Ints
            Where each new sequence begins in `operations`, and the end.
        operations : Ints
            Their operations.
        catalogue : RoutingCatalogue
            Codes and names of the jobs.
        """
        if len(offsets) < 2:
            return self
        texts = catalogue.sequence_texts(offsets, catalogue.operation_job[operations])
        return replace(self, more=SequenceBook(offsets, operations, *texts, self.job_of_operation))

    def lay_out(self, sequence: Ints) -> LaidOut:
        """The operations of these sequences."""
        first, size = self._bounds(sequence)
        owner = np.repeat(np.arange(len(sequence)), size)
        place = ranges(first, size)
        position = place - first[owner]
        if self.more is None:
            operation = self.operations[place]
        else:
            here = (sequence < self.n_own)[owner]
            operation = np.empty(len(place), dtype=np.int64)
            operation[here] = self.operations[place[here]]
            operation[~here] = self.more.operations[place[~here]]
        return LaidOut(owner, position, self.job_of_operation[operation], operation)

    def _bounds(self, sequence: Ints) -> tuple[Ints, Ints]:
        """Start of each sequence in its own book, and its length."""
        own = np.minimum(sequence, self.n_own - 1)
        first, size = self.offsets[own], self.offsets[own + 1] - self.offsets[own]
        new = sequence >= self.n_own
        if self.more is not None and new.any():
            first[new], size[new] = self.more._bounds(sequence[new] - self.n_own)
        return first, size

    def texts(self, sequence: Ints) -> tuple[pl.Series, pl.Series]:
        """Code and signature of every one of these sequences."""
        new = sequence >= self.n_own
        if self.more is None or not new.any():
            return take(self.codes, sequence), take(self.signatures, sequence)
        further = self.more.texts(sequence[new] - self.n_own)
        own = take(self.codes, sequence[~new]), take(self.signatures, sequence[~new])
        back = np.empty(len(sequence), dtype=np.int64)
        back[np.concatenate([np.flatnonzero(~new), np.flatnonzero(new)])] = np.arange(len(sequence))
        codes, signatures = (take(pl.concat(both), back) for both in zip(own, further, strict=True))
        return codes, signatures


@dataclass
class RoutingCatalogue:
    """Integer-coded routings of the training items.

    Attributes
    ----------
    labels: one row per training item, sorted by item_key: item_key, item_cd, rout_no, sequence, variant, rout_class,
        rout_date (row number = label index).
    jobs: job code per job index. steps: frame, one row per step index with its texts and numbers.
    sequence_jobs, variant_steps: for every sequence / variant the list of job / step indices (offsets and values).
    variant_sequence: sequence of every variant. sequence_fits, step_fits: whether the codes fit the output's columns.
    step_observed: False for a pair of job and resource that nobody planned: only with a code that one of them replaces.
    replaced_jobs: job codes out of use -> the code that took over; replaced_resources likewise.
    operation_job, sequence_operations: job of every operation; operations of every sequence, like sequence_jobs.
    notes: sentences on what was left out, for the model card.
    """

    labels: pl.DataFrame
    jobs: pl.Series
    job_names: pl.Series
    steps: pl.DataFrame
    step_job: Ints
    sequence_offsets: Ints
    sequence_jobs: Ints
    variant_offsets: Ints
    variant_steps: Ints
    variant_sequence: Ints
    sequence_fits: Bools
    step_fits: Bools
    step_observed: Bools
    replaced_jobs: dict[str, str]
    replaced_resources: dict[str, str]
    sequence_codes: pl.Series
    operation_job: Ints = field(init=False)
    operation_key: Ints = field(init=False)
    sequence_operations: Ints = field(init=False)
    label_sequence: Ints = field(init=False)
    label_variant: Ints = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Number the operations: a job and its occurrence in the routing (first, second ...)."""
        self.label_sequence = self.labels["sequence"].to_numpy().astype(np.int64)
        self.label_variant = self.labels["variant"].to_numpy().astype(np.int64)
        lengths = np.diff(self.sequence_offsets)
        owner = np.repeat(np.arange(self.n_sequences), lengths)
        occurrence = np.minimum(occurrences(owner, self.sequence_jobs), 63)
        key = self.sequence_jobs * 64 + occurrence
        keys, self.sequence_operations = np.unique(key, return_inverse=True)
        self.operation_job = (keys // 64).astype(np.int64)
        self.operation_key = keys

    @property
    def n_operations(self) -> int:
        """Number of distinct operations (job and occurrence)."""
        return len(self.operation_job)

    @property
    def n_sequences(self) -> int:
        """Number of distinct job sequences."""
        return len(self.sequence_offsets) - 1

    @property
    def n_variants(self) -> int:
        """Number of distinct routings, resources included."""
        return len(self.variant_offsets) - 1

    def part(self, rows: Ints) -> tuple[RoutingCatalogue, Ints]:
        """The catalogue of some of the labels: fewer variants, the same sequences, jobs and steps.

        Parameters
        ----------
        rows : Ints
            Which labels, ascending.

        Returns
        -------
        RoutingCatalogue
            Its labels are numbered from 0 on, and so are its variants.
        Ints
            Number here of each of its variants.
        """
        variants, own = np.unique(self.label_variant[rows], return_inverse=True)
        first = self.variant_offsets[variants]
        size = self.variant_offsets[variants + 1] - first
        labels = self.labels[rows].with_columns(variant=pl.Series(own).cast(self.labels["variant"].dtype))
        part = replace(
            self,
            labels=labels,
            variant_offsets=np.concatenate([[0], np.cumsum(size)]),
            variant_steps=self.variant_steps[ranges(first, size)],
            variant_sequence=self.variant_sequence[variants],
        )
        return part, variants

    def book(self) -> SequenceBook:
        """The known sequences as a book."""
        texts = self.sequence_texts(self.sequence_offsets, self.sequence_jobs)
        return SequenceBook(
            self.sequence_offsets,
            self.sequence_operations,
            self.sequence_codes,
            texts[1],
            self.operation_job,
        )

    def sequence_texts(self, offsets: Ints, jobs: Ints) -> tuple[pl.Series, pl.Series]:
        """All job codes joined by '>', and the first four job names joined by '+', of every sequence."""
        codes, names = take(self.jobs, jobs), take(self.job_names, jobs)
        if len(offsets) <= FEW:
            spans, code, name = list(pairwise(offsets.tolist())), codes.to_list(), names.to_list()
            joined = [">".join(code[a:b]) for a, b in spans]
            signed = ["+".join(n for n in name[a:b][:_NAMES] if n is not None) for a, b in spans]
            cut = [text[:_SIGNATURE_LENGTH] for text in signed]
            return pl.Series(joined, dtype=pl.String), pl.Series(cut, dtype=pl.String)
        both = pl.DataFrame(
            [lists(codes, offsets).alias("codes"), lists(names, offsets).alias("signatures")]
        ).select(
            pl.col("codes").list.join(">"),
            pl.col("signatures").list.head(_NAMES).list.join("+").str.slice(0, _SIGNATURE_LENGTH),
        )
        return both["codes"], both["signatures"]

    def sequence_matrix(self) -> sparse.csr_matrix:
        """Sequences x operations, 1 where the sequence has the operation."""
        data = np.ones(len(self.sequence_jobs), dtype=np.float32)
        matrix = sparse.csr_matrix(
            (data, self.sequence_operations, self.sequence_offsets),
            shape=(self.n_sequences, self.n_operations),
        )
        matrix.sort_indices()
        return matrix

    def variant_matrix(self) -> sparse.csr_matrix:
        """Variants x steps, 1 where the variant has the step."""
        data = np.ones(len(self.variant_steps), dtype=np.float32)
        matrix = sparse.csr_matrix(
            (data, self.variant_steps, self.variant_offsets), shape=(self.n_variants, self.steps.height)
        )
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        return matrix

    def label_steps(self) -> tuple[Ints, Ints]:
        """Every step of every label's routing: label and step, label by label."""
        matrix = self.variant_matrix()[self.label_variant]
        label = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return label, matrix.indices.astype(np.int64)

    def description(self, job: float = 1.0, pair: float = 0.5, step: float = 0.4) -> sparse.csr_matrix:
        """Variants x features: which jobs (by occurrence), which neighbouring jobs, which steps a routing has.

        The squared distance of two rows counts, weighted, what must be changed to turn one routing into the other.
        """
        lengths = np.diff(self.variant_offsets)
        variant = np.repeat(np.arange(self.n_variants), lengths)
        steps = self.variant_steps
        jobs = self.step_job[steps]
        first = np.zeros(len(steps), dtype=bool)
        first[self.variant_offsets[:-1][lengths > 0]] = True
        previous = np.where(first, -1, np.roll(jobs, 1))
        n_jobs = len(self.jobs)
        pairs = (previous + 1) * (n_jobs + 1) + jobs + 1
        last = np.roll(first, -1)
        pairs_out = (jobs[last] + 1) * (n_jobs + 1)
        _, pair_code = np.unique(np.concatenate([pairs, pairs_out]), return_inverse=True)
        occurrence = occurrences(variant, jobs)
        _, job_code = np.unique(jobs * 64 + np.minimum(occurrence, 63), return_inverse=True)
        rows = np.concatenate([variant, variant, variant[last], variant])
        n_job_code, n_pair = int(job_code.max()) + 1, int(pair_code.max()) + 1
        cols = np.concatenate([job_code, n_job_code + pair_code, n_job_code + n_pair + steps])
        data = np.concatenate(
            [np.full(len(jobs), job), np.full(len(pair_code), pair), np.full(len(steps), step)]
        ).astype(np.float32)
        shape = (self.n_variants, n_job_code + n_pair + self.steps.height)
        return sparse.csr_matrix((data, (rows, cols)), shape=shape)


def usual_operations(catalogue: RoutingCatalogue, operations: pl.DataFrame) -> sparse.csr_matrix:
    """Labels x operations: the share of an item's routings that have the operation, the label's own among them.

    Planners differ, so several routings of one item tell more than the one that counts. Only routings of the label's
    class are taken (one sent outside answers another question), and only those whose operations are all known.

    Parameters
    ----------
    catalogue : RoutingCatalogue
        The known routings.
    operations : polars.DataFrame
        OPERATIONS frame, all ranks.
    """
    own = catalogue.sequence_matrix()[catalogue.label_sequence]
    labels = catalogue.labels.select("item_key", "rout_class").with_row_index("label")
    jobs = pl.DataFrame({"job_cd": catalogue.jobs}).with_row_index("job")
    other = (
        operations.filter(pl.col("routing_rank") > 0)
        .select(
            "item_key",
            "rout_class",
            "routing_rank",
            "proc_seq",
            pl.col("job_cd").replace(catalogue.replaced_jobs),
        )
        .join(labels, on=["item_key", "rout_class"])
        .join(jobs, on="job_cd", how="left")
        .sort("label", "routing_rank", "proc_seq")
    )
    routing = (
        other.select(pl.struct("label", "routing_rank").rle_id()).to_series().to_numpy().astype(np.int64)
    )
    job = other["job"].cast(pl.Int64).fill_null(-1).to_numpy()
    key = job * 64 + np.minimum(occurrences(routing, job), 63)
    place = np.minimum(np.searchsorted(catalogue.operation_key, key), catalogue.n_operations - 1)
    strange = (
        np.bincount(routing, catalogue.operation_key[place] != key) > 0 if len(routing) else np.empty(0, bool)
    )
    keep = ~strange[routing]
    label, place = other["label"].to_numpy().astype(np.int64)[keep], place[keep]
    more = sparse.csr_matrix((np.ones(len(label), np.float32), (label, place)), shape=own.shape)
    _, first = np.unique(routing[keep], return_index=True)
    count = 1.0 + np.bincount(label[first], minlength=own.shape[0])
    return sparse.csr_matrix(sparse.diags(1.0 / count) @ (own + more), dtype=np.float32)


def occurrences(group: Ints, value: Ints) -> Ints:
    """0 for the first appearance of a value in its group, 1 for the second ... Groups are contiguous."""
    order = np.lexsort((np.arange(len(value)), value, group))
    g, v = group[order], value[order]
    start = np.ones(len(value), dtype=bool)
    start[1:] = (g[1:] != g[:-1]) | (v[1:] != v[:-1])
    positions = np.arange(len(value))
    out = np.empty(len(value), dtype=np.int64)
    out[order] = positions - np.maximum.accumulate(np.where(start, positions, 0))
    return out


def build_catalogue(items: pl.DataFrame, operations: pl.DataFrame) -> RoutingCatalogue:
    """Code the routing that counts (rank 0) of every item that may be learned from.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    operations : polars.DataFrame
        OPERATIONS frame, all ranks.

    Raises
    ------
    ModelError
        There is no routed, non-excluded item at all.
    """
    notes: list[str] = []
    rank0 = operations.filter(pl.col("routing_rank") == 0)
    own = _learnable(rank0, items, notes)
    if own.height == 0:
        raise ModelError(
            f"There is no routed item to learn from ({items.height} items, {operations.height} operations).",
            remedy="Check that the routing source is mapped and that items and routings share their item codes.",
        )
    own, replaced = _with_todays_codes(own, items, "job_cd", "job_nm")
    own, replaced_machines = _with_todays_codes(own, items, "res_cd", "res_nm")
    for what, found in (
        ("Jobs replaced by another code", replaced),
        ("Resources replaced by another", replaced_machines),
    ):
        if found:
            notes.append(f"{what}; older routings are read with the new one: {_told(found)}.")
    own, steps, jobs = _coded_steps(own)
    coded = _coded_routings(own)
    described = _describe_steps(own, steps)
    fits_step = _fitting(described)
    sequence_offsets, sequence_jobs = _offsets(coded.sequences["jobs"]), _flat(coded.sequences["jobs"])
    job_fits = np.bincount(described["job"].to_numpy(), fits_step, jobs.len()) > 0
    fits = np.bitwise_and.reduceat(job_fits[sequence_jobs], sequence_offsets[:-1])
    fits &= (coded.sequences["sequence_code"].str.len_chars() <= ROUTING_CODE_LENGTH).to_numpy()
    if not fits.all():
        notes.append(
            f"{int((~fits).sum())} job sequence(s) hold a code too long for the output and are never proposed."
        )
    return RoutingCatalogue(
        labels=coded.labels,
        jobs=jobs,
        job_names=_job_names(described).fill_null(jobs),
        steps=described,
        step_job=steps["job"].to_numpy().astype(np.int64),
        sequence_offsets=sequence_offsets,
        sequence_jobs=sequence_jobs,
        variant_offsets=_offsets(coded.variants["steps"]),
        variant_steps=_flat(coded.variants["steps"]),
        variant_sequence=coded.variants["sequence"].to_numpy().astype(np.int64),
        sequence_fits=fits,
        step_fits=fits_step,
        step_observed=_observed(described, rank0),
        replaced_jobs=replaced,
        replaced_resources=replaced_machines,
        sequence_codes=coded.sequences["sequence_code"],
        notes=notes,
    )


def _learnable(rank0: pl.DataFrame, items: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """The operations, in order, of items that may be learned from; `notes` gets a sentence on what is left out."""
    usable = items.filter(pl.col("excluded").is_null()).select("item_key")
    own = rank0.join(usable, on="item_key", how="semi").sort("item_key", "proc_seq")
    excluded = rank0["item_key"].n_unique() - own["item_key"].n_unique()
    if excluded:
        notes.append(f"{excluded} routed item(s) are excluded from training or not in the item frame.")
    incomplete = own.filter(pl.col("job_cd").is_null())["item_key"].unique()
    if incomplete.len():
        own = own.filter(~pl.col("item_key").is_in(incomplete.implode()))
        notes.append(
            f"{incomplete.len()} routing(s) have an operation without a job code and are not learned."
        )
    return own


def _coded_steps(own: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
    """The operations with the numbers of their step and job, the steps, and the job codes."""
    own = own.with_columns(
        step_key=pl.concat_str(
            pl.col("job_cd"), pl.col("res_cd").fill_null(""), pl.col("inside"), separator=_SEPARATOR
        )
    )
    steps = own.select("step_key", "job_cd", "res_cd", "inside").unique("step_key").sort("step_key")
    steps = steps.with_row_index("step").with_columns(pl.col("step").cast(pl.Int64))
    jobs = steps["job_cd"].unique().sort()
    steps = steps.join(pl.DataFrame({"job_cd": jobs}).with_row_index("job"), on="job_cd").sort("step")
    own = own.join(steps.select("step_key", "step", "job"), on="step_key", maintain_order="left")
    return own, steps, jobs


@dataclass(frozen=True)
class _CodedRoutings:
    """The labels with their sequence and variant; the distinct sequences and variants, with jobs and steps as lists."""

    labels: pl.DataFrame
    sequences: pl.DataFrame
    variants: pl.DataFrame


def _coded_routings(own: pl.DataFrame) -> _CodedRoutings:
    """Number the distinct sequences and variants of the operations' routings."""
    routings = own.group_by("item_key", maintain_order=True).agg(
        pl.col("item_cd", "rout_no", "rout_class", "rout_date").first(),
        pl.col("job_cd").str.join(">").alias("sequence_code"),
        pl.col("step_key").str.join(">").alias("variant_code"),
        pl.col("step").alias("steps"),
        pl.col("job").cast(pl.Int64).alias("jobs"),
    )
    sequences = routings.unique("sequence_code").sort("sequence_code").select("sequence_code", "jobs")
    sequences = sequences.with_row_index("sequence").with_columns(pl.col("sequence").cast(pl.Int64))
    routings = routings.join(
        sequences.select("sequence_code", "sequence"), on="sequence_code", maintain_order="left"
    )
    variants = (
        routings.unique("variant_code").sort("variant_code").select("variant_code", "steps", "sequence")
    )
    variants = variants.with_row_index("variant").with_columns(pl.col("variant").cast(pl.Int64))
    routings = routings.join(
        variants.select("variant_code", "variant"), on="variant_code", maintain_order="left"
    )
    labels = routings.select(
        "item_key", "item_cd", "rout_no", "rout_class", "rout_date", "sequence", "variant"
    )
    return _CodedRoutings(labels, sequences, variants)


def _fitting(steps: pl.DataFrame) -> Bools:
    """Per step, whether its codes fit the columns of the output."""
    too_long = steps.select(
        (pl.col("job_cd").str.len_chars() > _CODE_LENGTH)
        | (pl.col("res_cd").str.len_chars() > _CODE_LENGTH).fill_null(False)
        | (pl.col("bp_cd").str.len_chars() > _BP_LENGTH).fill_null(False)
    ).to_series()
    return np.asarray(~too_long.to_numpy())


def _observed(steps: pl.DataFrame, rank0: pl.DataFrame) -> Bools:
    """Per step, whether somebody planned it as it is, not only with a code that was replaced since."""
    planned = rank0.select("job_cd", "res_cd", "inside").unique().with_columns(seen=pl.lit(True))
    seen = steps.select("job_cd", "res_cd", "inside").join(
        planned, on=["job_cd", "res_cd", "inside"], how="left", nulls_equal=True, maintain_order="left"
    )
    return np.asarray(seen["seen"].fill_null(False).to_numpy())


def _job_names(steps: pl.DataFrame) -> pl.Series:
    """Per job the name of its most frequent step that has one."""
    names = steps.group_by("job").agg(
        pl.col("job_nm").sort_by("step_count", descending=True).drop_nulls().first()
    )
    return names.sort("job")["job_nm"]


def _with_todays_codes(
    own: pl.DataFrame, items: pl.DataFrame, code: str, name: str
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The operations with codes of jobs or resources that went out of use read as those that took over.

    `code`, `name`: the column and the one with its text, which is taken from rows that have today's code. Retirement
    and succession are judged within part types.
    """
    replaced = _replaced(own, items, code, name)
    if not replaced:
        return own, replaced
    today = own.filter(pl.col(code).is_in(list(replaced.values())))
    names = today.group_by(code).agg(pl.col(name).drop_nulls().mode().sort().first().alias("new_name"))
    was = pl.col(code).is_in(list(replaced)).fill_null(False)
    own = own.with_columns(pl.when(~was).then(name).alias(name), pl.col(code).replace(replaced))
    own = own.join(names, on=code, how="left", maintain_order="left")
    return own.with_columns(pl.coalesce(name, "new_name").alias(name)).drop("new_name"), replaced


def _replaced(own: pl.DataFrame, items: pl.DataFrame, code: str, name: str) -> dict[str, str]:
    """Codes that went out of use and the codes that took over."""
    routed = own.group_by("item_key", maintain_order=True).agg(pl.col("rout_date").first())
    age = age_in_days(routed["rout_date"])
    if not np.isfinite(age).any():
        return {}
    kinds = items.select("item_key", pl.col("part_type").fill_null(""))
    own = own.join(kinds, on="item_key", how="left", maintain_order="left")
    family = own.group_by("item_key", maintain_order=True).agg(pl.col("part_type").first())["part_type"]
    used = own.with_columns(item=pl.col("item_key").rle_id().cast(pl.Int64)).filter(
        pl.col(code).is_not_null()
    )
    if used.is_empty():
        return {}
    codes = used[code].unique().sort()
    coded = used[code].replace_strict(codes, pl.int_range(codes.len(), eager=True), return_dtype=pl.Int64)
    gone = retired(
        used["item"].to_numpy(),
        coded.to_numpy(),
        codes.len(),
        age,
        family.fill_null("").rank("dense").to_numpy().astype(np.int64) - 1,
    )
    known = np.isfinite(age)
    ages = dict(zip(routed["item_key"].filter(pl.Series(known)), age[known].tolist(), strict=True))
    return successors(own, ages, codes.filter(pl.Series(gone)).to_list(), code, name)


def _told(replaced: dict[str, str]) -> str:
    return ", ".join(f"{a} -> {b}" for a, b in sorted(replaced.items()))


def _flat(lists: pl.Series) -> Ints:
    """The values of all lists, end to end."""
    return lists.explode().to_numpy().astype(np.int64)


def _offsets(lists: pl.Series) -> Ints:
    """Where each list begins in `_flat`, and the end."""
    return np.concatenate([[0], np.cumsum(lists.list.len().to_numpy())]).astype(np.int64)


def _describe_steps(own: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Steps with their most frequent texts, median numbers and newest date; sorted by step index."""
    texts = [pl.col(c).drop_nulls().mode().sort().first().alias(c) for c in STEP_TEXTS]
    numbers = [pl.col(c).median().alias(c) for c in STEP_NUMBERS]
    described = own.group_by("step").agg(
        *texts,
        *numbers,
        pl.len().alias("step_count"),
        pl.col("rout_date").max().alias("last_date"),
    )
    return (
        steps.select("step", "job", "job_cd", "res_cd", "inside")
        .join(described, on="step", how="left")
        .with_columns(pl.col("job").cast(pl.Int64), outsourced=pl.col("inside") == OUTSOURCED)
        .sort("step")
    )
