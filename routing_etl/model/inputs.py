"""What `fit` and `predict` are given: frames, work results, weights and attributes, checked before anything is made of them.

A caller of this room may hand over anything; what the contracts of `frames.py` do not allow is refused here by name, so
that no error of a library comes from deep inside. What belongs here: those checks. What does not: numbers of a
constructor (`parameters`), and whether there are enough items to learn from (`predictor`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

import polars as pl
from sklearn.exceptions import NotFittedError

from routing_etl.errors import FrameError, ModelError
from routing_etl.frames import (
    ITEM_CD,
    ITEM_KEY,
    ITEMS,
    MAX_SOURCE,
    OPERATIONS,
    TIME_BY_ITEM_OPERATION,
    TIME_BY_JOB,
    TIME_BY_JOB_RESOURCE,
    AttributeKind,
    AttributeSpec,
    Frame,
    TimeEvidence,
)
from routing_etl.model.attributes.tokens import Tokeniser
from routing_etl.model.base.parameters import Rule, check_number

#: An attribute counts this many times what it told at most; beyond, every other attribute is rounded away.
_WEIGHT = Rule(0, 1e6)
#: What a prediction needs of its items, beside the attributes.
_ASKED = Frame(ITEMS.name, (ITEM_CD, ITEM_KEY, ITEMS["item_hash"]), ITEMS.key, open=True)
_CORE = (
    AttributeSpec("part_type", "category"),
    AttributeSpec("item_acct", "category"),
    AttributeSpec("item_nm", "text"),
)
_NUMBERS = [c.name for c in OPERATIONS.columns if c.dtype == pl.Float64]


def _eager(name: str, frame: object) -> None:
    if not isinstance(frame, pl.DataFrame):
        raise FrameError(
            f"{name} is a {type(frame).__module__.split('.')[0]} {type(frame).__name__}, must be a Polars DataFrame.",
            remedy="Collect a lazy frame, or make a DataFrame of it.",
        )


def _unique(items: pl.DataFrame) -> None:
    keys = items["item_key"]
    if keys.len() < 2 or keys.n_unique() == keys.len():
        return
    twice = keys.filter(keys.is_duplicated())
    raise FrameError(
        f"Frame items: {twice.len()} rows share their item_key with another, {twice[0]!r} for one.",
        remedy="Give one row per item.",
    )


def check_training(items: pl.DataFrame, operations: pl.DataFrame) -> None:
    """Items and operations keep their contracts, items are there once, and numbers are numbers or NULL.

    Raises
    ------
    FrameError: names the frame, the column and what is wrong.
    """
    for frame, given in ((ITEMS, items), (OPERATIONS, operations)):
        _eager(frame.name, given)
        frame.validate(given)
    _unique(items)
    _finite(OPERATIONS.name, operations, _NUMBERS)


def _finite(frame: str, given: pl.DataFrame, names: list[str]) -> None:
    """Numbers are NULL or within what the source's columns hold."""
    wild = given.select((~(pl.col(names).abs() <= MAX_SOURCE)).sum()).row(0, named=True) if names else {}
    for name, count in wild.items():
        if count:
            raise FrameError(
                f"Frame {frame}: column {name} holds {count} value(s) that are NaN, infinite or beyond"
                f" {MAX_SOURCE:.0f}.",
                remedy="Give NULL for what is not known, as the cleaning step does.",
            )


def check_asked(items: pl.DataFrame) -> None:
    """Items to predict for have codes, keys and hashes, and are there once.

    Raises
    ------
    FrameError: names the column and what is wrong.
    """
    _eager(ITEMS.name, items)
    _ASKED.validate(items)
    _unique(items)


def check_columns(items: pl.DataFrame, known: Mapping[str, pl.DataType]) -> None:
    """The items have these columns, of the types that they had in training.

    Raises
    ------
    ModelError: names the columns that are missing or of another type.
    """
    wrong = [f"{n} ({items.schema.get(n, 'missing')})" for n, t in known.items() if items.schema.get(n) != t]
    if wrong:
        raise ModelError(
            f"The items' column(s) {', '.join(wrong)} are not as in training.",
            remedy="Extract with the profile the model was trained with, or train a new model.",
        )


def evidence_of(times: TimeEvidence | None) -> TimeEvidence:
    """The profiles of work results, empty ones for None.

    Raises
    ------
    FrameError: they are no `TimeEvidence`, or one of its frames does not keep its contract.
    """
    if times is None:
        return TimeEvidence.none()
    if not isinstance(times, TimeEvidence):
        raise FrameError(
            f"times is a {type(times).__name__}, must be a TimeEvidence.",
            remedy="Read the profiles of work results with routing_etl.times, or give None when there are none.",
        )
    for frame, given in (
        (TIME_BY_ITEM_OPERATION, times.by_item_operation),
        (TIME_BY_JOB_RESOURCE, times.by_job_resource),
        (TIME_BY_JOB, times.by_job),
    ):
        _eager(frame.name, given)
        frame.validate(given)
    return times


def check_attributes(attributes: Iterable[AttributeSpec]) -> None:
    """Attributes are AttributeSpecs of known kinds, each name once.

    Raises
    ------
    ModelError: names the attribute.
    """
    if not isinstance(attributes, Collection) or isinstance(attributes, str):
        raise ModelError(
            f"attributes = {attributes!r} is no sequence.", remedy="Give a tuple of AttributeSpec."
        )
    names: set[str] = set()
    for attribute in attributes:
        if not isinstance(attribute, AttributeSpec):
            raise ModelError(
                f"Attribute {attribute!r} is a {type(attribute).__name__}.",
                remedy="Give AttributeSpec(name, kind).",
            )
        if attribute.kind not in get_args(AttributeKind):
            raise ModelError(
                f"Attribute {attribute.name} is of kind {attribute.kind!r}.",
                remedy=f"Use one of {', '.join(get_args(AttributeKind))}.",
            )
        if attribute.name in names:
            raise ModelError(
                f"Attribute {attribute.name} is given twice.", remedy="Give each attribute once."
            )
        names.add(attribute.name)


def checked_weights(owner: str, weights: Mapping[str, float] | None) -> dict[str, float]:
    """The weights by attribute name; none for None.

    Raises
    ------
    ModelError: names the attribute and its weight.
    """
    if weights is None:
        return {}
    if not isinstance(weights, Mapping):
        raise ModelError(
            f"{owner}: feature_weights = {weights!r} is no mapping.", remedy="Give attribute name -> weight."
        )
    for name, weight in weights.items():
        # True and False are read as on and off.
        number = int(weight) if isinstance(weight, bool) else weight
        check_number(owner, f"feature_weights[{name!r}]", number, _WEIGHT)
    return {str(name): float(weight) for name, weight in weights.items()}


def usable_attributes(
    train: pl.DataFrame,
    attributes: tuple[AttributeSpec, ...],
    feature_weights: Mapping[str, float] | None,
    notes: list[str],
) -> tuple[AttributeSpec, ...]:
    """The attributes, and the core columns, that the routed items `train` can be told apart by.

    Those that are switched off, empty or constant are left out, and `notes` gets a sentence for each.

    Raises
    ------
    ModelError: a column is missing or cannot be read, a weight names no attribute or is no weight, or none is left.
    FrameError: a number is NaN, infinite or beyond what the source holds.
    """
    named = {a.name for a in attributes}
    missing = [a.name for a in attributes if a.name not in train.columns]
    if missing:
        raise ModelError(
            f"The items lack the attribute column(s) {', '.join(missing)}.",
            remedy="Extract with the profile whose attributes are given to the model.",
        )
    wanted = [*attributes, *[a for a in _CORE if a.name not in named]]
    weights = checked_weights("RoutingPredictor", feature_weights)
    unknown = sorted(set(weights) - {a.name for a in wanted})
    if unknown:
        raise ModelError(
            f"feature_weights names {', '.join(unknown)}, which is no attribute of these items.",
            remedy=f"Use the names {', '.join(a.name for a in wanted)}.",
        )
    Tokeniser(wanted).check(train)
    _finite(ITEMS.name, train, [a.name for a in wanted if a.kind == "number"])
    used = []
    for attribute in wanted:
        values = train[attribute.name]
        if weights.get(attribute.name, 1.0) == 0.0:
            notes.append(f"Attribute {attribute.name} is switched off by its weight 0.")
        elif values.null_count() == train.height:
            if attribute.name in named:
                notes.append(f"Attribute {attribute.name} is empty in all routed items and not used.")
        elif not values.null_count() and values.n_unique() == 1:
            notes.append(f"Attribute {attribute.name} has one value only and is not used.")
        else:
            used.append(attribute)
    if not used:
        raise ModelError(
            "No attribute of the routed items can be learned from: all are empty, constant or switched off.",
            remedy="Map more item columns in the source profile.",
        )
    return tuple(used)


def check_pool_words(words: Iterable[str]) -> None:
    """Words that mark a waiting pool are texts of a letter or more.

    Raises
    ------
    ModelError: names what is none.
    """
    if isinstance(words, Collection) and not isinstance(words, str):
        wrong: list[Any] = [w for w in words if not isinstance(w, str) or not w.strip()]
        if not wrong:
            return
        words = wrong
    raise ModelError(
        f"pool_words: {words!r} is no list of words.",
        remedy="Give a list of texts, an empty one for no pools.",
    )


def check_fitted(model: object, learned: str) -> None:
    """`fit` was called: the model has what it learns last.

    Raises
    ------
    ModelError: it was not.
    """
    if not hasattr(model, learned):
        raise ModelError(
            "The model is not trained.", remedy="Call fit, or load a trained version."
        ) from NotFittedError()
