"""Checks of what `fit` and `predict` are given: frames, work results, attributes, weights and words.

Every caller's mistake is refused here by name, so that no error of a library comes from deep inside. The numbers of a
constructor are checked by `base.parameters`; plain frames are completed by `plain` before they are checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

import polars as pl

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
from routing_etl.model.attributes.levels import normalise
from routing_etl.model.attributes.tokens import Tokeniser
from routing_etl.model.base.parameters import Rule, check_number
from routing_etl.model.ranking.novelty import TYPE_ATTRIBUTE

#: The weight multiplies an attribute's coordinates in the space of similar items; beyond a million all other attributes
#: vanish in the rounding of 32-bit floats.
_WEIGHT = Rule(0, 1e6)
#: What a prediction needs of its items, beside the attributes.
ASKED = Frame(ITEMS.name, (ITEM_CD, ITEM_KEY, ITEMS["item_hash"]), ITEMS.key, open=True)
_CORE = (
    AttributeSpec("part_type", "category"),
    AttributeSpec("item_acct", "category"),
    AttributeSpec("item_nm", "text"),
)
#: Columns of the ITEMS contract that describe the item; learned from wherever they are filled.
CORE = tuple(attribute.name for attribute in _CORE)
_NUMBERS = [c.name for c in OPERATIONS.columns if c.dtype == pl.Float64]
#: What the cleaning step adds to a column X: how its values were written. No attributes.
_NOTES = ("_raw", "_unit", "_unit_source")
_TEXTS = (pl.String, pl.Categorical, pl.Enum)


# --- frames ----------------------------------------------------------------------------------------------------------


def check_eager(name: str, given: object) -> None:
    """It is a Polars DataFrame.

    Parameters
    ----------
    name : str
        What the frame is called in the message.
    given : object
        What the caller handed over.

    Raises
    ------
    FrameError
        It is something else; says how to make a Polars DataFrame of it.
    """
    if isinstance(given, pl.DataFrame):
        return
    kind, library = type(given).__name__, type(given).__module__.split(".")[0]
    if isinstance(given, pl.LazyFrame):
        remedy = f"Collect it: {name}.collect()."
    elif library == "pandas":
        remedy = f"Convert it: pl.from_pandas({name})."
    else:
        remedy = f"Make one of it: pl.DataFrame({name})."
    raise FrameError(f"{name} is a {library} {kind}, must be a Polars DataFrame.", remedy=remedy)


def _unique(items: pl.DataFrame) -> None:
    keys = items["item_key"]
    if keys.len() < 2 or keys.n_unique() == keys.len():
        return
    twice = keys.filter(keys.is_duplicated())
    raise FrameError(
        f"Frame items: {twice.len()} rows share their item_key with another, {twice[0]!r} for one.",
        remedy="Give one row per item.",
    )


def _finite(frame: str, given: pl.DataFrame, names: list[str]) -> None:
    """Numbers are NULL or within what the source's columns hold."""
    wild = given.select((~(pl.col(names).abs() <= MAX_SOURCE)).sum()).row(0, named=True) if names else {}
    for name, count in wild.items():
        if count:
            raise FrameError(
                f"Frame {frame}: column {name} holds {count} value(s) that are NaN, infinite or beyond"
                f" {MAX_SOURCE:.0f}.",
                remedy="Give NULL for what is not known.",
            )


def check_training(items: pl.DataFrame, operations: pl.DataFrame) -> None:
    """Items and operations keep their contracts, no item is given twice, and numbers are finite or NULL.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    operations : polars.DataFrame
        OPERATIONS frame.

    Raises
    ------
    FrameError
        Names the frame, the column and what is wrong.
    """
    for frame, given in ((ITEMS, items), (OPERATIONS, operations)):
        check_eager(frame.name, given)
        frame.validate(given)
    _unique(items)
    _finite(OPERATIONS.name, operations, _NUMBERS)


def check_asked(items: pl.DataFrame) -> None:
    """Items to predict for have codes, keys and hashes, and no item is given twice.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame; of the contract only `item_cd`, `item_key` and `item_hash` are looked at.

    Raises
    ------
    FrameError
        Names the column and what is wrong.
    """
    check_eager(ITEMS.name, items)
    ASKED.validate(items)
    _unique(items)


def check_columns(items: pl.DataFrame, known: Mapping[str, pl.DataType]) -> None:
    """The items have these columns, of the types that they had in training.

    Parameters
    ----------
    items : polars.DataFrame
        The items to predict for.
    known : mapping of str to polars.DataType
        Dtype in training, by column.

    Raises
    ------
    ModelError
        Names the columns that are missing or of another type.
    """
    wrong = [f"{n} ({items.schema.get(n, 'missing')})" for n, t in known.items() if items.schema.get(n) != t]
    if wrong:
        raise ModelError(
            f"The items' column(s) {', '.join(wrong)} are not as in training.",
            remedy="Give the columns that the model was trained with (in the pipeline: extract with the same profile),"
            " or train a new model.",
        )


def evidence_of(times: TimeEvidence | None) -> TimeEvidence:
    """The profiles of work results, empty ones for None.

    Parameters
    ----------
    times : TimeEvidence or None
        What the caller gave.

    Returns
    -------
    TimeEvidence
        `times`, or profiles without a row.

    Raises
    ------
    FrameError
        It is no `TimeEvidence`, or one of its frames does not keep its contract.
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
        check_eager(frame.name, given)
        frame.validate(given)
    return times


# --- attributes ------------------------------------------------------------------------------------------------------


def check_attributes(attributes: Iterable[AttributeSpec]) -> None:
    """Attributes are AttributeSpecs of known kinds, each name once.

    Parameters
    ----------
    attributes : iterable of AttributeSpec
        What the caller gave.

    Raises
    ------
    ModelError
        Names the attribute.
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


def identifiers(attributes: Iterable[AttributeSpec]) -> tuple[str, ...]:
    """Columns of codes that no two items share, from which nothing but the sizes that they say is read.

    Parameters
    ----------
    attributes : iterable of AttributeSpec
        The attributes of the model; a code among them is no identifier.
    """
    return () if ITEM_CD.name in {a.name for a in attributes} else (ITEM_CD.name,)


def inferred_attributes(items: pl.DataFrame) -> tuple[AttributeSpec, ...]:
    """The attributes of an items frame whose attributes nobody named: every column that the ITEMS contract does not know.

    A column of numbers is a `number`, of true and false a `category`. A column of texts is a `text` when most of its
    values have several words or hardly repeat (more distinct values than half of the filled rows), else a `category`. The
    kind `code`, whose prefixes mean something, is never inferred. Left out is what the pipeline's cleaning notes:
    `placeholders`, and `X_raw`, `X_unit`, `X_unit_source` beside a column X.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame of the routed items.

    Returns
    -------
    tuple of AttributeSpec
        In the order of the columns.

    Raises
    ------
    FrameError
        A column is neither number, text nor true and false.
    """
    notes = {"placeholders", *(name + kind for name in items.columns for kind in _NOTES)}
    found = []
    for name, dtype in items.schema.items():
        if name in ITEMS.schema or name in notes:
            continue
        if dtype.is_numeric():
            found.append(AttributeSpec(name, "number"))
        elif dtype in (pl.Boolean, pl.Null):
            found.append(AttributeSpec(name, "category"))
        elif dtype in _TEXTS:
            found.append(AttributeSpec(name, "text" if _is_text(items[name].cast(pl.String)) else "category"))
        else:
            raise FrameError(
                f"items: column {name!r} is {dtype}, which is no attribute (number, text, true or false).",
                remedy=f"Leave it out with items.drop({name!r}), cast it, or name the columns to learn from in"
                " RoutingPredictor(attributes=...).",
            )
    return tuple(found)


def _is_text(values: pl.Series) -> bool:
    """Whether most values have several words, or hardly repeat."""
    filled = values.drop_nulls().str.strip_chars()
    words = filled.str.contains(r"\s").sum()
    return bool(2 * words > filled.len() or 2 * filled.n_unique() > filled.len())


def checked_weights(owner: str, weights: Mapping[str, float] | None) -> dict[str, float]:
    """The weights by attribute name; none for None.

    Parameters
    ----------
    owner : str
        The class whose argument this is, for the message.
    weights : mapping of str to float, or None
        What the caller gave; true and false count as 1 and 0.

    Returns
    -------
    dict of str to float
        Weight by attribute name.

    Raises
    ------
    ModelError
        Names the attribute and its weight.
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
    """The attributes, and the core columns, that tell the routed items apart.

    Those that are switched off, empty or constant are left out.

    Parameters
    ----------
    train : polars.DataFrame
        ITEMS frame of the routed items.
    attributes : tuple of AttributeSpec
        The attributes that the caller named; empty: `inferred_attributes`.
    feature_weights : mapping of str to float, or None
        Weight by attribute name; 0 switches an attribute off.
    notes : list of str
        Gets a sentence for each attribute that is left out.

    Returns
    -------
    tuple of AttributeSpec
        At least one.

    Raises
    ------
    ModelError
        A column is missing or cannot be read, a weight names no attribute or is no weight, or no attribute is left.
    FrameError
        A number is NaN, infinite or beyond what the source holds, or no attribute can be made of a column.
    """
    attributes = tuple(attributes) or inferred_attributes(train)
    named = {a.name for a in attributes}
    missing = [a.name for a in attributes if a.name not in train.columns]
    if missing:
        raise ModelError(
            f"The items lack the attribute column(s) {', '.join(missing)}.",
            remedy="Give items with these columns (in the pipeline: extract with the profile that names them), or leave"
            " them out of attributes.",
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
            remedy="Give more attribute columns (in the pipeline: map more item columns in the source profile).",
        )
    return tuple(used)


# --- part types ------------------------------------------------------------------------------------------------------


def types_of(items: pl.DataFrame) -> pl.Series:
    """The part type of every item, as the model reads it; NULL for none.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame.
    """
    return items.select(normalise(TYPE_ATTRIBUTE)).to_series()


# --- words and state -------------------------------------------------------------------------------------------------


def check_pool_words(words: Iterable[str]) -> None:
    """Words that mark a waiting pool are texts of at least one letter.

    Parameters
    ----------
    words : iterable of str
        What the caller gave.

    Raises
    ------
    ModelError
        Names what is no such word.
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
    """`fit` was called: the model has the attribute that `fit` sets last.

    Parameters
    ----------
    model : object
        The estimator.
    learned : str
        Name of the attribute.

    Raises
    ------
    ModelError
        The model is not fitted; its cause is scikit-learn's `NotFittedError`.
    """
    if not hasattr(model, learned):
        from sklearn.exceptions import NotFittedError

        raise ModelError(
            "The model is not trained.", remedy="Call fit, or load a trained version."
        ) from NotFittedError()
