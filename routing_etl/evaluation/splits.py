"""Which items a model is trained on and which it is judged on, so that the judgement is worth something.

Three rules hold in every split. Items that are copies of one another are never on both sides. Of a judged item nothing
is known in training: not its routings of any rank, not its work results. And a split draws nothing from the clock: the
same items, operations and seed give the same split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from scipy import sparse

from routing_etl.errors import ModelError
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.frames import ITEMS, OPERATIONS
from routing_etl.model.base.arrays import Bools, Ints
from routing_etl.model.inputs import types_of

#: A text attribute with at least this many distinct values per filled row names the item rather than describes it.
IDENTIFIER_SHARE = 0.3
#: An identifier's value makes one group of at most this share of the items.
LARGEST_GROUP = 0.02
#: ... or of this many items, in a small plant.
LEAST_LIMIT = 20
#: The attributes besides the identifiers describe the items only if they have at least this many distinct values per item.
LEAST_DISTINCT = 0.05
#: Least items on the judged side of a split by time; below, the newest share is taken.
LEAST_TEST = 30
#: The share of the items that is then judged, and that a split by family judges.
NEWEST_SHARE = 0.2
#: Share of the items that a split by recent routings judges at most, and that of the recent ones: the others teach what is new.
RECENT_SHARE, RECENT_PART = 0.2, 0.5
#: Chance that any job is called out of use which is not.
_BY_CHANCE = 0.001
#: Up to this many items, leave-one-out fits once per group of near-identical items.
EXACT_LOO = 400
#: Above, it fits this many times.
MANY_ITEMS_FOLDS = 10


@dataclass(frozen=True)
class Fold:
    """One training.

    Attributes
    ----------
    test : polars.Series
        Keys of the judged items.
    operations : polars.DataFrame
        The operations that the training may see.
    """

    test: pl.Series
    operations: pl.DataFrame

    @property
    def train(self) -> pl.Series:
        """Keys of the items whose routings and results the training may see."""
        return self.operations["item_key"].unique().sort()


@dataclass(frozen=True)
class Split:
    """The folds of one evaluation.

    Attributes
    ----------
    name : str
        'recent', 'time', 'family', 'loo' or 'type', the split that was made; it may differ from the one asked for.
    folds : tuple of Fold
        The trainings.
    notes : tuple of str
        What a reader must know, such as why another split was made.
    """

    name: str
    folds: tuple[Fold, ...]
    notes: tuple[str, ...]

    @property
    def test(self) -> pl.Series:
        """Keys of all judged items, sorted."""
        empty = [pl.Series("item_key", [], dtype=pl.String)]
        return pl.concat([*empty, *(f.test for f in self.folds)]).sort()


def attribute_columns(items: pl.DataFrame) -> list[str]:
    """The attribute columns of an ITEMS frame: all beyond the contract's own."""
    return [c for c in items.columns if c not in ITEMS.schema]


def identifier_columns(items: pl.DataFrame) -> list[str]:
    """Text attributes whose values are nearly unique, such as drawing numbers."""
    texts = [c for c in attribute_columns(items) if items.schema[c] == pl.String]
    if not texts or not items.height:
        return []
    counts = items.select(
        [pl.col(c).n_unique().alias(f"u:{c}") for c in texts]
        + [pl.col(c).count().alias(f"n:{c}") for c in texts]
    ).row(0, named=True)
    return [c for c in texts if counts[f"n:{c}"] and counts[f"u:{c}"] >= IDENTIFIER_SHARE * counts[f"n:{c}"]]


def near_identical_groups(items: pl.DataFrame, *, by_identifier: bool) -> Ints:
    """Group number per item; items of one group must stay on one side.

    A group is made of items with equal attributes (`attribute_hash`) and of items that are equal but for identifiers (drawing
    number and the like), however many they are. Where the other attributes hardly tell items apart (`LEAST_DISTINCT`), the
    nearly unique texts are what describes them, and they count too.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    by_identifier : bool
        Whether items that share an identifier, such as all items of one drawing, are one group too. That asks the harder
        question how well a family is predicted of which nothing is known. A value that binds more than `LARGEST_GROUP` of the
        items links nothing, and an identifier whose values would chain more than that into one group is not used.

    Returns
    -------
    numpy.ndarray
        Group numbers from 0 on.
    """
    group = np.unique(items["attribute_hash"].to_numpy(), return_inverse=True)[1].astype(np.int64)
    same = _equal_but_for_identifiers(items)
    if same is not None and _describes(same):
        group = _merge(group, same, items.height)
    if not by_identifier:
        return group
    limit = max(LEAST_LIMIT, int(LARGEST_GROUP * items.height))
    for name in identifier_columns(items):
        joined = _merge(group, items[name], limit)
        # values that chain many items together say nothing about any two of them
        if np.bincount(joined, minlength=1).max() <= max(limit, np.bincount(group, minlength=1).max()):
            group = joined
    return group


def _equal_but_for_identifiers(items: pl.DataFrame) -> pl.Series | None:
    """A key that items share when all but their identifiers is equal; NULL when nothing else is filled.

    None when there is no identifier (`attribute_hash` then tells equal items) or nothing besides identifiers.
    """
    names = identifier_columns(items)
    notes = _cleaning_notes(items)
    described = [c for c in attribute_columns(items) if c not in names and c not in notes]
    if not names or not described:
        return None
    same = items.select(
        key=pl.struct("part_type", "item_acct", *described).hash(0),
        filled=pl.any_horizontal(pl.col(described).is_not_null()),
    )
    return same.select(pl.when("filled").then("key")).to_series()


def _cleaning_notes(items: pl.DataFrame) -> set[str]:
    """Columns that tell how attributes were cleaned: equal sizes may have been written in different units."""
    kinds = ("_raw", "_unit", "_unit_source")
    return {"placeholders", *(name + kind for name in attribute_columns(items) for kind in kinds)}


def _describes(same: pl.Series) -> bool:
    known = same.drop_nulls()
    return known.n_unique() >= LEAST_DISTINCT * known.len()


def _merge(group: Ints, key: pl.Series, limit: int) -> Ints:
    """Groups that share a value of `key` become one; NULL and values of more than `limit` items link nothing."""
    codes = key.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    rows = np.flatnonzero(codes >= 0)
    if len(rows):
        counts = np.bincount(codes[rows])
        rows = rows[counts[codes[rows]] <= limit]
    n_groups, width = int(group.max(initial=-1)) + 1, int(codes.max(initial=-1)) + 1
    size = n_groups + width
    graph = sparse.csr_matrix((np.ones(len(rows)), (group[rows], n_groups + codes[rows])), shape=(size, size))
    _, part = sparse.csgraph.connected_components(graph, directed=False)
    return np.unique(part[group], return_inverse=True)[1].astype(np.int64)


def labelled_items(items: pl.DataFrame, operations: pl.DataFrame) -> pl.DataFrame:
    """The items that can be judged: not excluded, with a routing that counts; adds `rout_date` (NULL when unknown)."""
    labels = (
        operations.lazy()
        .filter((pl.col("routing_rank") == 0) & pl.col("job_cd").is_not_null())
        .group_by("item_key")
        .agg(pl.col("rout_date").max())
    )
    return (
        items.lazy()
        .filter(pl.col("excluded").is_null())
        .join(labels, on="item_key")
        .collect()
        .sort("item_key")
    )


def make_split(items: pl.DataFrame, operations: pl.DataFrame, options: EvaluationOptions) -> Split:
    """Divide the routed items into a judged and a training side.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    operations : polars.DataFrame
        OPERATIONS frame; items without a valid routing are on no side.
    options : EvaluationOptions
        'time' judges the routings of the last `test_days` days before the newest one, and trains on what is older. 'recent'
        judges a part of these in whole families, the same ones whenever it is asked, and trains on all others. 'family'
        judges whole groups of items that share a drawing or are alike, a fifth of all. 'loo' judges every item, each left
        out in turn together with those equal but for identifiers, or in `folds` parts of such groups; without `folds` more
        than 400 items are judged in 10 parts. 'type' judges whole part types, a fifth of the items that have one. Of all items that qualify at most `max_items` are drawn with `random_state`.

    Returns
    -------
    Split
        Its folds; its name may differ from the split that was asked for, and its notes then say why.

    Raises
    ------
    FrameError
        A frame lacks a column that its contract asks for, or has it in another type.
    ModelError
        There are fewer than two groups of routed items, or part types.
    """
    ITEMS.validate(items)
    OPERATIONS.validate(operations)
    labelled = labelled_items(items, operations)
    if labelled.height < 2:
        raise ModelError(
            f"Only {labelled.height} item(s) have a routing that counts; an evaluation needs two groups of items.",
            remedy="An item counts when it is not excluded and has operations of routing_rank 0 with a job_cd.",
        )
    rng = np.random.default_rng(options.random_state)
    if options.split == "loo":
        divided = _leave_one_out(labelled, operations, options.folds, options.max_items, rng)
    elif options.split == "type":
        divided = _by_type(labelled, operations, options.max_items, rng)
    elif options.split == "family":
        divided = _by_family(labelled, operations, options.max_items, rng, ())
    elif options.split == "recent":
        divided = _recent(labelled, operations, options.test_days, options.max_items, rng)
    else:
        divided = _by_time(labelled, operations, options.test_days, options.max_items, rng)
    same = _equal_but_for_identifiers(labelled.drop("rout_date"))
    if same is None or _describes(same):
        return divided
    names = ", ".join(identifier_columns(labelled.drop("rout_date")))
    note = (
        f"Attributes other than {names} tell fewer than {LEAST_DISTINCT:.0%} of the items apart, so items that differ in "
        "these alone are not taken as equal."
    )
    return replace(divided, notes=(*divided.notes, note))


def _sample(keys: Ints, limit: int, rng: np.random.Generator) -> Ints:
    return keys if len(keys) <= limit else np.sort(rng.choice(keys, limit, replace=False))


def _without(operations: pl.DataFrame, hidden: pl.Series, until: datetime | None = None) -> pl.DataFrame:
    """Operations of the items that are not hidden, and, when `until` is given, of no routing that is known to be later."""
    rows = operations.lazy()
    if until is not None:
        rows = rows.filter(~(pl.col("rout_date") > until).fill_null(False))
    keys = hidden.alias("item_key").to_frame().lazy()
    return rows.join(keys, on="item_key", how="anti", maintain_order="left").collect()


@dataclass(frozen=True)
class _Window:
    """The routings after a moment: which of the labelled items have one, the moment, and what a reader must know."""

    late: Bools
    cut: datetime
    notes: tuple[str, ...]


def _window(labelled: pl.DataFrame, test_days: float) -> _Window | str:
    """The newest routings; or, as a sentence, why time does not tell them."""
    dates = labelled["rout_date"].drop_nulls()
    if dates.len() < max(LEAST_TEST, labelled.height // 2):
        return (
            f"Split by time is not possible: only {dates.len()} of {labelled.height} routings have a date. "
            "Split by family instead."
        )
    notes: list[str] = []
    newest = dates.max()
    assert isinstance(newest, datetime)
    cut = newest - timedelta(days=float(test_days))
    recent = int((dates > cut).sum())
    least, most = min(LEAST_TEST, dates.len() // 3), labelled.height // 2
    if not least <= recent <= most:
        moved = dates.quantile(1 - NEWEST_SHARE, interpolation="lower")
        assert isinstance(moved, datetime)
        newer = int((dates > moved).sum())
        if newer < NEWEST_SHARE * dates.len() / 2:
            same = int((dates == moved).sum())
            whose = "all" if same == dates.len() else f"{same} of {dates.len()}"
            return f"Split by time is not possible: {whose} routings have the date {moved:%Y-%m-%d}. Split by family instead."
        notes.append(
            f"The last {test_days:g} days hold {recent} of {labelled.height} routings; judged instead are routings after "
            f"{moved:%Y-%m-%d}, the newest {newer / dates.len():.0%}."
        )
        cut = moved
    late = (labelled["rout_date"] > cut).fill_null(False).to_numpy()
    return _Window(late, cut, tuple(notes))


def _by_time(
    labelled: pl.DataFrame,
    operations: pl.DataFrame,
    test_days: float,
    max_items: int,
    rng: np.random.Generator,
) -> Split:
    found = _window(labelled, test_days)
    if isinstance(found, str):
        return _by_family(labelled, operations, max_items, rng, (found,))
    late, cut, notes = found.late, found.cut, list(found.notes)
    chosen = _sample(np.flatnonzero(late), max_items, rng)
    group = near_identical_groups(labelled.drop("rout_date"), by_identifier=False)
    copies = np.isin(group, group[chosen])
    hidden = late | copies
    if hidden.all():
        return _by_family(labelled, operations, max_items, rng, ("All items are one group by time.",))
    twins = int((copies & ~late).sum())
    if twins:
        notes.append(f"{twins} older items are near-identical to judged ones and were kept out of training.")
    undated = labelled["rout_date"].null_count()
    if undated:
        notes.append(f"{undated} routings without a date are in training.")
    known = _without(operations, labelled["item_key"].filter(pl.Series(hidden)), cut)
    return Split("time", (Fold(labelled["item_key"][chosen].sort(), known),), tuple(notes))


def _recent(
    labelled: pl.DataFrame,
    operations: pl.DataFrame,
    test_days: float,
    max_items: int,
    rng: np.random.Generator,
) -> Split:
    found = _window(labelled, test_days)
    if isinstance(found, str):
        return _by_family(labelled, operations, max_items, rng, (found,))
    items, late = labelled.drop("rout_date"), found.late
    replaced = _with_a_job_out_of_use(labelled, operations, late)
    current = late & ~replaced
    if not current.any():
        current = late
    family = near_identical_groups(items, by_identifier=True)
    least = min(LEAST_TEST, labelled.height // 3)
    wanted = min(RECENT_PART * current.sum(), RECENT_SHARE * labelled.height, max_items)
    chosen = _in_drawn_order(labelled["item_key"], family, current, int(max(wanted, min(least, max_items))))
    copies = near_identical_groups(items, by_identifier=False)
    # of a judged item's family what was written in these days, and its copies of any time
    hidden = (late & np.isin(family, family[chosen])) | np.isin(copies, copies[chosen])
    if hidden.all():
        return _by_family(labelled, operations, max_items, rng, ("All items are one group by time.",))
    past = int((late & replaced).sum())
    notes = [
        *found.notes,
        *(
            [
                f"{past} of them have a job that nobody writes any more: they are learned from and judge nothing."
            ]
            if past
            else ()
        ),
        f"Judged are {len(chosen)} of {int(late.sum())} routings after {found.cut:%Y-%m-%d}, in whole families and the same ones "
        "whenever these data are judged; the others are learned from, as the version that predicts learns from them.",
    ]
    return Split(
        "recent",
        (
            Fold(
                labelled["item_key"][chosen].sort(),
                _without(operations, labelled["item_key"].filter(pl.Series(hidden))),
            ),
        ),
        tuple(notes),
    )


def _with_a_job_out_of_use(labelled: pl.DataFrame, operations: pl.DataFrame, late: Bools) -> Bools:
    """Late items whose routing has a job that nobody writes any more, so that it is no test of what would be written today.

    Had its use gone on, the routings of the same part types since the last one that has it would have had it as often as those before:
    so many were expected that none is no chance (Poisson, over all jobs).
    """
    recent = labelled.select("item_key", day="rout_date", kind=types_of(labelled)).filter(pl.Series(late))
    used = (
        operations.filter(pl.col("routing_rank") == 0)
        .select("item_key", "job_cd")
        .drop_nulls()
        .unique()
        .join(recent, on="item_key")
        .with_columns(last=pl.col("day").max().over("job_cd"))
    )
    by_kind = used.group_by("job_cd", "kind", "last").agg(users=pl.len())
    dates = recent.group_by("kind").agg(pl.col("day"))
    expected = (
        by_kind.join(dates, on="kind", nulls_equal=True)
        .explode("day")
        .group_by("job_cd", "kind", "users")
        .agg(before=(pl.col("day") <= pl.col("last")).sum(), after=(pl.col("day") > pl.col("last")).sum())
        .group_by("job_cd")
        .agg(missed=(pl.col("users") / pl.col("before") * pl.col("after")).sum())
    )
    gone = expected.filter(pl.col("missed") > -np.log(_BY_CHANCE / max(expected.height, 1)))
    replaced = used.join(gone, on="job_cd", how="semi")["item_key"].implode()
    return labelled["item_key"].is_in(replaced).to_numpy()


def _in_drawn_order(keys: pl.Series, family: Ints, late: Bools, wanted: int) -> Ints:
    """So many of these items, family by family in an order that hangs on the keys alone: more data take none of them back.

    A family has the place that is drawn for its first key, so that a large one is judged no sooner than a small one. Where a new
    first key comes in, the family may change sides.
    """
    drawn = keys.hash(0).to_numpy()
    order = keys.arg_sort().to_numpy()
    _, at = np.unique(family[order], return_index=True)
    first = drawn[order[at]]
    rows = np.flatnonzero(late)
    order = rows[np.lexsort((drawn[rows], first[family[rows]]))]
    return np.sort(order[:wanted])


def _by_family(
    labelled: pl.DataFrame,
    operations: pl.DataFrame,
    max_items: int,
    rng: np.random.Generator,
    notes: Sequence[str],
) -> Split:
    group = near_identical_groups(labelled.drop("rout_date"), by_identifier=True)
    n_groups = int(group.max()) + 1
    if n_groups < 2:
        raise ModelError(
            f"All {labelled.height} routed items are alike (one group); nothing is left to judge on.",
            remedy="Map more item attributes in the source profile.",
        )
    order = rng.permutation(n_groups)
    size = np.cumsum(np.bincount(group)[order])
    wanted = max(1.0, NEWEST_SHARE * labelled.height)
    last = min(int(np.searchsorted(size, wanted)) + 1, n_groups - 1)
    late = np.isin(group, order[:last])
    chosen = _sample(np.flatnonzero(late), max_items, rng)
    # groups of which no item was drawn stay in training
    hidden = np.isin(group, group[chosen])
    known = _without(operations, labelled["item_key"].filter(pl.Series(hidden)))
    return Split("family", (Fold(labelled["item_key"][chosen].sort(), known),), tuple(notes))


def _by_type(
    labelled: pl.DataFrame, operations: pl.DataFrame, max_items: int, rng: np.random.Generator
) -> Split:
    types = types_of(labelled).rank("dense").cast(pl.Int64).fill_null(0).to_numpy().astype(np.int64) - 1
    typed = np.flatnonzero(types >= 0)
    n_types = int(types.max(initial=-1)) + 1
    if n_types < 2:
        raise ModelError(
            f"The routed items have {n_types} part type(s); to leave types out takes two.",
            remedy="Map the part type (part_type) in the source profile, or evaluate by time, family or loo.",
        )
    order = rng.permutation(n_types)
    size = np.cumsum(np.bincount(types[typed], minlength=n_types)[order])
    last = min(int(np.searchsorted(size, max(1.0, NEWEST_SHARE * len(typed)))) + 1, n_types - 1)
    late = np.isin(types, order[:last])
    judged = labelled["item_key"][_sample(np.flatnonzero(late), max_items, rng)].sort()
    note = f"{last} of {n_types} part types were left out of the training."
    return Split(
        "type", (Fold(judged, _without(operations, labelled["item_key"].filter(pl.Series(late)))),), (note,)
    )


def _leave_one_out(
    labelled: pl.DataFrame,
    operations: pl.DataFrame,
    folds: int | None,
    max_items: int,
    rng: np.random.Generator,
) -> Split:
    group = near_identical_groups(labelled.drop("rout_date"), by_identifier=False)
    n_groups = int(group.max()) + 1
    size = np.bincount(group)[group]
    notes: list[str] = []
    if (size > 1).any():
        notes.append(
            f"{(size > 1).sum()} of {labelled.height} items have others that are equal but for identifiers; these are "
            f"left out together, up to {size.max()} at once, because one would tell the answer of the other."
        )
    if folds is None and labelled.height > EXACT_LOO:
        folds = MANY_ITEMS_FOLDS
    if folds is not None:
        notes.append(f"{labelled.height} items: {folds} folds of whole groups instead of one item at a time.")
        fold = rng.permutation(n_groups)[group] % min(folds, n_groups)
    else:
        fold = group
    chosen = np.zeros(labelled.height, dtype=bool)
    chosen[_sample(np.arange(labelled.height), max_items, rng)] = True
    keys = labelled["item_key"]
    out = []
    for number in range(int(fold.max()) + 1):
        here = fold == number
        judged = keys.filter(pl.Series(here & chosen))
        known = _without(operations, keys.filter(pl.Series(here)))
        if judged.len() and known.height:
            out.append(Fold(judged, known))
    if not out:
        raise ModelError(
            f"All {labelled.height} routed items are alike (one group); nothing is left to judge on.",
            remedy="Map more item attributes in the source profile.",
        )
    return Split("loo", tuple(out), tuple(notes))
