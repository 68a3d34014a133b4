"""The feature artifacts of a model version: what each attribute is worth and how it is filled (docs/legacy-system.md 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from routing_etl.frames import AttributeSpec
from routing_etl.model.attributes.encoding import AttributeEncoding
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.base.arrays import Floats, Ints

#: Items on which attributes are compared with each other, and bins of a number for that.
_SAMPLE, _BINS = 3_000, 20
_BUCKETS = (
    ("core", 0.8),
    ("important", 0.6),
    ("general", 0.4),
    ("review", 0.2),
    ("consider_removing", -1.0),
)


def attribute_importance(encoder: AttributeEncoding, importance: Floats) -> dict[str, float]:
    """Share of every attribute in what the forest learned; the joint token columns are split by their coefficients."""
    names = [a.name for a in encoder.attributes]
    worth = dict.fromkeys(names, 0.0)
    for owner, value in zip(encoder.feature_attributes_, importance, strict=True):
        if owner in worth:
            worth[owner] += float(value)
    joint = float(
        sum(v for o, v in zip(encoder.feature_attributes_, importance, strict=True) if o not in worth)
    )
    free = [a.name for a in encoder.attributes if a.kind == "text"]
    strength = dict.fromkeys(names, 0.0)
    for level, places in encoder.ridge_places_.items():
        part = encoder.ridge_[places[places >= 0]]
        owner = level.split("|")[0]
        for name in [owner] if owner in strength else free:
            strength[name] += float((part**2).sum()) / (1 if owner in strength else len(free))
    total = sum(strength.values())
    if total > 0:
        for name in names:
            worth[name] += joint * strength[name] / total
    scale = sum(worth.values())
    return {name: value / scale if scale > 0 else 0.0 for name, value in worth.items()}


def attribute_statistics(
    items: pl.DataFrame,
    attributes: tuple[AttributeSpec, ...],
    weights: dict[str, float],
    encoder: AttributeEncoding,
    random_state: int,
) -> dict[str, dict[str, Any]]:
    """Per attribute: how it is filled and spread among the training items.

    `variance`: of the numbers, or 1 - sum of squared shares for codes and texts. `independence`: 1 - the largest
    normalised mutual information with another attribute. `activity_ratio`: share filled. `uniformity`: entropy of the
    values over its maximum. `domain_weight`: the user's weight, 1 by default. `embedding_dim_index`: first column of
    the attribute in the encoded matrix, None when only the joint token columns carry it.
    """
    codes: dict[str, Ints] = {}
    out: dict[str, dict[str, Any]] = {}
    for attribute in attributes:
        name = attribute.name
        number = attribute.kind == "number"
        column = items[name].cast(pl.Float64) if number else items.select(normalise(name)).to_series()
        first = next((i for i, o in enumerate(encoder.feature_attributes_) if o == name), None)
        out[name] = {
            **_filled(column, number=number),
            "domain_weight": float(weights.get(name, 1.0)),
            "embedding_dim_index": first,
        }
        values = column.rank("dense").fill_null(0).to_numpy().astype(np.int64)
        codes[name] = values * _BINS // max(int(values.max()), 1) if number else values
    for name, closest in _closest(codes, random_state).items():
        out[name]["independence"] = 1.0 - closest
    return out


def _filled(column: pl.Series, *, number: bool) -> dict[str, Any]:
    """How an attribute is filled and spread."""
    filled = column.len() - column.null_count()
    counts = column.drop_nulls().value_counts()["count"].to_numpy().astype(np.float64)
    share = counts / max(counts.sum(), 1.0)
    entropy = float(-(share * np.log(np.maximum(share, 1e-12))).sum())
    variance: Any
    if number:
        variance = column.var(ddof=0)
        nonzero = int((column.fill_null(0.0) != 0).sum())
    else:
        variance = 1.0 - float((share**2).sum()) if len(share) else None
        nonzero = filled
    return {
        "variance": None if variance is None else float(variance),
        "activity_ratio": filled / column.len(),
        "uniformity": float(entropy / np.log(len(share))) if len(share) > 1 else 0.0,
        "non_zero_count": nonzero,
        "unique_values": len(share),
    }


def _closest(codes: Mapping[str, Ints], random_state: int) -> dict[str, float]:
    """Per attribute the largest normalised mutual information with another one, on a sample of the items."""
    n = len(next(iter(codes.values()))) if codes else 0
    rng = np.random.default_rng(random_state)
    rows = np.arange(n)
    if n > _SAMPLE:
        rows = np.sort(rng.choice(n, _SAMPLE, replace=False))
    shuffled = rng.permutation(len(rows))
    names = list(codes)
    closest = dict.fromkeys(names, 0.0)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            shared = _mutual_information(codes[a][rows], codes[b][rows], shuffled)
            closest[a], closest[b] = max(closest[a], shared), max(closest[b], shared)
    return closest


def _mutual_information(a: Ints, b: Ints, shuffled: Ints) -> float:
    """Mutual information over the smaller entropy, less what the same values in random order share: 0 .. 1."""
    n = len(a)
    a, b = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    ha, hb = _entropy(np.bincount(a) / n), _entropy(np.bincount(b) / n)
    least = min(ha, hb)
    if least <= 0:
        return 0.0
    width = int(b.max()) + 1

    def shared(right: Ints) -> float:
        return ha + hb - _entropy(np.unique(a * width + right, return_counts=True)[1] / n)

    chance = shared(b[shuffled])
    return float(np.clip((shared(b) - chance) / max(least - chance, 1e-9), 0.0, 1.0))


def _entropy(share: Floats) -> float:
    return float(-(share * np.log(np.maximum(share, 1e-12))).sum())


def recommendations(importance: dict[str, float], weights: dict[str, float]) -> dict[str, list[str]]:
    """The five buckets: score = 0.6 x importance (of the strongest) + 0.4 x weight / 3, limits 0.8, 0.6, 0.4, 0.2."""
    top = max(importance.values(), default=0.0) or 1.0
    out: dict[str, list[str]] = {bucket: [] for bucket, _ in _BUCKETS}
    for name, value in sorted(importance.items(), key=lambda kv: -kv[1]):
        score = 0.6 * value / top + 0.4 * min(weights.get(name, 1.0), 3.0) / 3.0
        out[next(bucket for bucket, low in _BUCKETS if score >= low)].append(name)
    return out
