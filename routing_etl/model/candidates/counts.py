"""How often and when training items have each job sequence, in all and by the values of telling attributes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import lookup
from routing_etl.model.catalogue.routings import RoutingCatalogue


@dataclass(frozen=True)
class KnownRoutings:
    """The routings of the training items, and what tells the items apart. Arrays hold a value per label, but for three.

    Attributes
    ----------
    catalogue : RoutingCatalogue
        The coded routings.
    described : Floats
        Sequences x d: mean routing description of every sequence.
    live : Bools
        Per sequence, whether it may be proposed.
    codes : dict of str to Codes
        Telling level -> coded value, -1 unknown; the most telling level first.
    kind : str
        The level of `codes` that tells kinds of items apart, '' when none does.
    age_days : Floats
        Age of the routing, NaN unknown.
    family : Ints
        The operation model's family.
    folds : Ints
        Fold number.
    called : Ints
        Operations that a word brings in any family (`word_rules`).
    """

    catalogue: RoutingCatalogue
    described: Floats
    live: Bools
    codes: dict[str, Codes]
    kind: str
    age_days: Floats
    family: Ints
    folds: Ints
    called: Ints = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class SequenceCounts:
    """Counts of job sequences among training items.

    Attributes
    ----------
    n : float
        Training items counted.
    total : Floats
        Items per sequence.
    of_value : dict of str to (Ints, Floats)
        Per level the keys value * sequences + sequence, sorted, and the items of each.
    of_level : dict of str to Floats
        Per level the items of every value.
    age_newest : Floats
        Days since each sequence was last written, NaN unknown.
    young_share : Floats
        Share of each sequence's items that are younger than half the median age.
    """

    n: float
    total: Floats
    of_value: dict[str, tuple[Ints, Floats]]
    of_level: dict[str, Floats]
    age_newest: Floats
    young_share: Floats

    @classmethod
    def of(cls, known: KnownRoutings, rows: Ints) -> SequenceCounts:
        """Count the labels in `rows`."""
        n_sequences = known.catalogue.n_sequences
        own, age = known.catalogue.label_sequence[rows], known.age_days[rows]
        total = np.bincount(own, minlength=n_sequences).astype(np.float32)
        of_value, of_level = {}, {}
        for name, code in known.codes.items():
            value = code[rows].astype(np.int64)
            keep = value >= 0
            keys, numbers = np.unique(value[keep] * n_sequences + own[keep], return_counts=True)
            of_value[name] = (keys, numbers.astype(np.float32))
            width = int(code.max()) + 1 if len(code) else 0
            of_level[name] = np.bincount(value[keep], minlength=max(width, 1)).astype(np.float32)
        dated = np.isfinite(age)
        newest = np.full(n_sequences, np.nan, dtype=np.float32)
        np.fmin.at(newest, own[dated], age[dated].astype(np.float32))
        young = dated & (age < np.median(age[dated]) / 2) if dated.any() else dated
        share = np.bincount(own, young, n_sequences) / np.maximum(total, 1)
        return cls(float(len(rows)), total, of_value, of_level, newest, share.astype(np.float32))

    def with_value(self, level: str, value: Ints, sequence: Ints) -> Floats:
        """How many items with this value of the level have the sequence, pair by pair."""
        return lookup(*self.of_value[level], value * len(self.total) + sequence)
