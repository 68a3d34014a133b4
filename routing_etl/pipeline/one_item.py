"""Predictions of single items, with what-if values, and what is behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from routing_etl import frames
from routing_etl.erp.attribute_order import in_order
from routing_etl.erp.parse import parse_numbers
from routing_etl.erp.profile import Profile
from routing_etl.erp.text import Counter
from routing_etl.errors import ConfigurationError, ItemNotFoundError
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.in_house import in_house_of
from routing_etl.pipeline.learning import read_attributes, read_items, read_valid_operations
from routing_etl.pipeline.loading import load_model
from routing_etl.runs import RunFolder, find_run
from routing_etl.settings import Settings
from routing_etl.times.lead_time import PREDICTED, totals
from routing_etl.times.lot_size import operations_at_lot


@dataclass(frozen=True)
class WhatIf:
    """What a prediction is asked for beside the item as it is.

    Attributes
    ----------
    overrides : dict
        Attribute name (any case, canonical or the ERP's) to value, in the attribute's canonical unit. Values that the
        profile does not allow together (`items.not_above`) are treated as in cleaning, and the notes say so.
    lot : float or None
        Pieces of the order that run times are wanted for; None: the item's usual lot.
    """

    overrides: dict[str, str] = field(default_factory=dict)
    lot: float | None = None


@dataclass(frozen=True)
class Purchases:
    """How often an item was bought, when last, and how many pieces in all."""

    orders: int
    latest: date | None
    quantity: float | None


@dataclass(frozen=True)
class LeadTime:
    """Time that an order of `pieces` takes by a candidate, summed over the operations whose times are known.

    `working_min` is set-up and run, `total_min` has queue, wait and move as well; minutes, None when nothing is known.
    `complete` is false when an operation lacks its set-up or run time. `outsourcing_days` comes on top.
    """

    pieces: float
    working_min: float | None
    total_min: float | None
    outsourcing_days: float | None
    complete: bool


@dataclass(frozen=True)
class Prediction:
    """One item's prediction with what is behind it: `run` it was made on, `lead_time` of the first candidate.

    `titles` are the attributes in the plant's words, as its sheets have them: the profile's title, else the ERP's column.
    """

    item: dict[str, Any]
    attributes: tuple[frames.AttributeSpec, ...]
    overrides: dict[str, str]
    model_version: str
    predictions: frames.Predictions
    own_routing: pl.DataFrame
    purchase: Purchases | None
    lead_time: LeadTime | None
    run: RunFolder
    notes: tuple[str, ...] = ()
    titles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Predicted:
    """What a list of items gave.

    Attributes
    ----------
    found : tuple of Prediction
        Of the items that the run has, in the order of the list.
    unknown : tuple of ItemNotFoundError
        What is to be said of the codes that no item of the run has.
    """

    found: tuple[Prediction, ...]
    unknown: tuple[ItemNotFoundError, ...]


def predict_item(
    settings: Settings,
    item_cd: str,
    what_if: WhatIf | None = None,
    *,
    version: str | None = None,
    run_id: str | None = None,
) -> Prediction:
    """Predict one item of the newest run; parameters and errors as `predict_items`.

    Raises
    ------
    ItemNotFoundError
        There is no such item.
    """
    predicted = predict_items(settings, (item_cd,), what_if, version=version, run_id=run_id)
    for missing in predicted.unknown:
        raise missing
    return predicted.found[0]


def predict_items(
    settings: Settings,
    codes: Sequence[str],
    what_if: WhatIf | None = None,
    *,
    version: str | None = None,
    run_id: str | None = None,
) -> Predicted:
    """Predict items of the newest run: the model is loaded once and asked once.

    An item that has a valid routing is one that the model learned from; its own routing is returned beside the
    prediction.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    codes : sequence of str
        Item codes as the ERP has them.
    what_if : WhatIf, optional
        Other attribute values, another lot, for all of them. None: the items as they are.
    version : str, optional
        Model version. None: the champion.
    run_id : str, optional
        Run whose items are asked. None: the newest that has cleaned frames.

    Raises
    ------
    ConfigurationError
        An override names no attribute or is not a number, or the lot is not above 0.
    """
    what_if = what_if or WhatIf()
    run = find_run(settings.home, run_id, having=street.CLEAN.report)
    ctx = Context(settings, run)
    # What an earlier release left in the run is told before its model is.
    attributes, operations = read_attributes(run), read_valid_operations(run)
    items, place, unknown = _find_items(read_items(run), codes)
    if items.is_empty():
        return Predicted((), unknown)
    changed, notes = _in_order(_override(items, attributes, what_if.overrides), ctx.profile)
    name, predictor = load_model(ctx, version)
    found = in_house_of(ctx, predictor.resource_alternatives_).applied(predictor.predict(changed))
    if what_if.lot is not None:
        found = replace(found, operations=operations_at_lot(found.operations, what_if.lot))
    of_item = _Parts(
        {f: _Rows(getattr(found, f)) for f in ("candidates", "operations", "evidence", "abstained")},
        _Rows(_own_routings(operations, items)),
        _purchases(run, items),
        _lead_times(found.operations, what_if.lot),
    )
    titles = {a.name: ctx.profile.titles.get(a.name) or a.source or a.name for a in attributes}
    each = [
        Prediction(
            item=item,
            attributes=attributes,
            overrides=what_if.overrides,
            model_version=name,
            predictions=replace(found, **{f: rows[key] for f, rows in of_item.predictions.items()}),
            own_routing=of_item.own[key],
            purchase=of_item.purchases.get(key),
            lead_time=of_item.lead_times.get(key),
            run=run,
            notes=tuple(notes.get(key, ())),
            titles=titles,
        )
        for item in changed.iter_rows(named=True)
        for key in (item["item_key"],)
    ]
    return Predicted(tuple(each[i] for i in place), unknown)


class _Rows(dict[str, pl.DataFrame]):
    """The rows of a frame by item; of an item without any, an empty frame."""

    def __init__(self, rows: pl.DataFrame) -> None:
        parts = rows.partition_by("item_key", as_dict=True, maintain_order=True) if rows.height else {}
        super().__init__({str(key): part for (key,), part in parts.items()})
        self._none = rows.clear()

    def __missing__(self, key: str) -> pl.DataFrame:
        return self._none


@dataclass(frozen=True)
class _Parts:
    """What is known of every item, by its key."""

    predictions: Mapping[str, _Rows]
    own: _Rows
    purchases: Mapping[str, Purchases]
    lead_times: Mapping[str, LeadTime]


def _own_routings(operations: pl.LazyFrame, items: pl.DataFrame) -> pl.DataFrame:
    own = operations.filter(
        pl.col("item_key").is_in(items["item_key"].implode()), pl.col("routing_rank") == 0
    )
    return own.sort("item_key", "proc_seq", maintain_order=True).collect()


def _lead_times(operations: pl.DataFrame, lot: float | None) -> dict[str, LeadTime]:
    """Of every item's first candidate for the lot asked for, or the usual one; without items of which neither is known."""
    first = operations.filter(pl.col("candidate_rank") == 1)
    if lot is not None:
        pieces = first.select("item_key", pieces=pl.lit(float(lot))).unique()
    else:
        usual = first.drop_nulls("lot_size").group_by("item_key").agg(pl.col("lot_size").unique())
        alone = usual.filter(pl.col("lot_size").list.len() == 1)
        pieces = alone.select("item_key", pieces=pl.col("lot_size").list.first().cast(pl.Float64))
    asked = first.join(pieces, on="item_key", how="inner", maintain_order="left")
    if asked.is_empty():
        return {}
    columns = ("working_min", "lead_time_min", "outsourcing_days", "complete")
    per_order = asked.with_columns(pl.col(PREDICTED.run) * pl.col("pieces"))
    summed = totals(per_order.lazy(), columns=PREDICTED).collect().join(pieces, on="item_key")
    return {key: LeadTime(*row) for key, *row in summed.select("item_key", "pieces", *columns).iter_rows()}


def example_prediction(settings: Settings, run: RunFolder) -> Prediction:
    """The most confident predicted item of a run, if possible one with three operations and more: a good first look.

    Raises
    ------
    ItemNotFoundError
        No item was predicted.
    """
    candidates = pl.scan_parquet(run.predictions / frames.CANDIDATES.name / "*.parquet")
    best = (
        candidates.filter(pl.col("candidate_rank") == 1, pl.col("process_count") >= 3)
        .sort("confidence", "item_key", descending=[True, False])
        .head(1)
        .collect()
    )
    if best.is_empty():
        best = candidates.sort("confidence", descending=True).head(1).collect()
    if best.is_empty():
        raise ItemNotFoundError(
            "No item was predicted.", remedy="See the abstained items in routing_abstained."
        )
    return predict_item(settings, best["item_cd"][0], run_id=run.run_id)


def _find_items(
    items: pl.LazyFrame, codes: Sequence[str]
) -> tuple[pl.DataFrame, list[int], tuple[ItemNotFoundError, ...]]:
    """The items' rows, of each code that is known the row, and what is said of the others.

    They alone are read: all items of a large plant take a second and a gigabyte.
    """
    asked = pl.DataFrame({"asked": list(codes)}, schema={"asked": pl.String})
    asked = asked.with_columns(key=frames.key_of(pl.col("asked")))
    alike = items.filter(
        pl.col("item_cd").is_in(asked["asked"].implode()) | pl.col("item_key").is_in(asked["key"].implode())
    ).collect()
    numbered = alike.select("item_cd", "item_key").with_row_index("row")
    # an item of exactly that code goes before one that only has its key
    exact = dict(numbered.unique("item_cd", keep="first").select("item_cd", "row").iter_rows())
    by_key = dict(numbered.unique("item_key", keep="first").select("item_key", "row").iter_rows())
    place = [exact.get(code, by_key.get(key)) for code, key in asked.iter_rows()]
    known = sorted({row for row in place if row is not None})
    number = {row: i for i, row in enumerate(known)}
    unknown = tuple(_not_found(items, code) for code, row in zip(codes, place, strict=True) if row is None)
    return alike[known], [number[row] for row in place if row is not None], unknown


def _not_found(items: pl.LazyFrame, item_cd: str) -> ItemNotFoundError:
    begins = pl.col("item_key").str.starts_with(item_cd.strip().upper()[:4])
    near = items.filter(begins).select("item_cd").head(3).collect()["item_cd"].to_list()
    hint = f" Items that begin alike: {', '.join(near)}." if near else ""
    return ItemNotFoundError(
        f"Item {item_cd!r} is not in the extracted item master.{hint}",
        remedy="Check the code; for a brand-new item run: routing-etl extract",
    )


def _override(
    item: pl.DataFrame, attributes: tuple[frames.AttributeSpec, ...], values: dict[str, str]
) -> pl.DataFrame:
    by_name = {a.name.upper(): a for a in attributes} | {a.source.upper(): a for a in attributes if a.source}
    for name, value in values.items():
        attribute = by_name.get(name.upper())
        if attribute is None:
            raise ConfigurationError(
                f"--set {name}: no such attribute.",
                remedy=f"Use one of {', '.join(a.name for a in attributes)}.",
            )
        typed: str | float | None = value or None
        if attribute.kind == "number" and value:
            number = parse_numbers(pl.Series([value]))[0][0]
            if number is None or not 0 <= number <= frames.MAX_SOURCE:
                comma = (
                    " A comma can be the decimal mark or group thousands: write a point."
                    if "," in value
                    else ""
                )
                raise ConfigurationError(
                    f"--set {name}={value!r} is not a number that an item can have.{comma}",
                    remedy=f"Give it in {attribute.unit or 'its unit'}, 0 or more.",
                )
            typed = number
        item = item.with_columns(pl.lit(typed, dtype=item.schema[attribute.name]).alias(attribute.name))
    return item


#: What becomes of two values of which the first is above the second, by `items.on_not_above`.
_NOT_ABOVE = {
    "null_first": "{low} is taken as unknown",
    "null_both": "both are taken as unknown",
    "swap": "the two are exchanged",
    "keep": "both are kept",
}


def _in_order(items: pl.DataFrame, profile: Profile) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """The items as cleaning would have them, and in words what was done, by item."""
    # a profile that was changed since the run may name attributes that the run does not have
    pairs = tuple(pair for pair in profile.items.not_above if set(pair) <= set(items.columns))
    section = profile.items.model_copy(update={"not_above": pairs})
    notes: dict[str, list[str]] = {}
    for low, high in pairs:
        done = _NOT_ABOVE[section.on_not_above].format(low=low)
        above = items.filter(pl.col(low) > pl.col(high)).select("item_key", low, high)
        for key, inner, outer in above.iter_rows():
            notes.setdefault(key, []).append(
                f"{low} = {inner:g} is above {high} = {outer:g}, which the profile does not allow (items.not_above): {done} "
                f'(items.on_not_above = "{section.on_not_above}"), as in the nightly run.'
            )
    return in_order(items, section, Counter()), notes


def _purchases(run: RunFolder, items: pl.DataFrame) -> dict[str, Purchases]:
    path = run.clean / f"{frames.PURCHASE_ORDERS.name}.parquet"
    if not path.is_file():
        return {}
    bought = (
        pl.scan_parquet(path)
        .filter(pl.col("item_key").is_in(items["item_key"].implode()))
        .group_by("item_key")
        .agg(pl.len(), pl.col("po_date").max(), pl.col("qty").sum())
        .collect()
    )
    return {key: Purchases(*row) for key, *row in bought.iter_rows()}
