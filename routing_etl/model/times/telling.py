"""Which of many columns go with what is left of a time: the trees of a measure ask these alone."""

from __future__ import annotations

import numpy as np

from routing_etl.model.base.arrays import Floats, Ints

#: Columns that the trees of one measure may ask.
_COLUMNS = 64
#: Most operations by which these columns are chosen.
_MOST_SCREENED = 60_000


def telling_columns(features: Floats, label: Ints, rest: Floats, seed: int) -> Ints:
    """The columns that go most with what is left of ln(time): by the spread of its means over parts of the column.

    Of a larger plant by a sample of its operations, which tells columns apart as well.

    Parameters
    ----------
    features : Floats
        Items x columns.
    label : Ints
        Item of every operation.
    rest : Floats
        What is left of ln(time) of every operation.
    seed : int
        Seed of the sample.

    Returns
    -------
    Ints
        The columns, in order, at most 64.
    """
    if len(rest) > _MOST_SCREENED:
        drawn = np.sort(np.random.default_rng(seed).choice(len(rest), _MOST_SCREENED, replace=False))
        item, label = np.unique(label[drawn], return_inverse=True)
        features, rest = features[item], rest[drawn]
    varied = np.flatnonzero(features.std(axis=0) > 1e-9)
    if len(varied) <= _COLUMNS or not len(rest):
        return varied
    told = np.empty(len(varied))
    for i, column in enumerate(varied):
        values = features[:, column]
        part = np.searchsorted(_edges(values), values, side="right")[label]
        count = np.bincount(part, minlength=1)
        told[i] = (np.bincount(part, rest) ** 2 / np.maximum(count, 1)).sum() - rest.sum() ** 2 / len(rest)
    return np.sort(varied[np.argsort(-told, kind="stable")[:_COLUMNS]])


def _edges(values: Floats) -> Floats:
    """Where a column is cut: into tenths; a value of a tenth of the items and more is a part of its own, and the others are cut.

    Of a number that one kind of part alone has, nearly all items have the value of a missing one: tenths of all would be one part.
    """
    tenths = np.linspace(0, 1, 11)[1:-1]
    edges = np.unique(np.quantile(values, tenths))
    if len(edges) == len(tenths):
        return edges
    found, count = np.unique(values, return_counts=True)
    frequent = found[10 * count >= len(values)]
    others = values[~np.isin(values, frequent)]
    cuts = np.quantile(others, tenths) if len(others) else others
    return np.unique(np.concatenate([frequent, np.nextafter(frequent, np.inf, dtype=frequent.dtype), cuts]))
