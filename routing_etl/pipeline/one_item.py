"""One item's prediction, with what-if values, and what is behind it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from routing_etl import frames
from routing_etl.erp.clean_items import in_order
from routing_etl.erp.parse import parse_numbers
from routing_etl.erp.profile import Profile
from routing_etl.erp.text import Counter
from routing_etl.errors import ConfigurationError, ItemNotFoundError
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.in_house import in_house_of
from routing_etl.pipeline.learning import read_attributes, read_items, read_valid_operations
from routing_etl.pipeline.versions import load_model
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


def predict_item(
    settings: Settings,
    item_cd: str,
    what_if: WhatIf | None = None,
    *,
    version: str | None = None,
    run_id: str | None = None,
) -> Prediction:
    """Predict one item of the newest run.

    An item that has a valid routing is one that the model learned from; its own routing is returned beside the
    prediction.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    item_cd : str
        Item code as the ERP has it.
    what_if : WhatIf, optional
        Other attribute values, another lot. None: the item as it is.
    version : str, optional
        Model version. None: the champion.
    run_id : str, optional
        Run whose items are asked. None: the newest that has cleaned frames.

    Raises
    ------
    ItemNotFoundError
        There is no such item.
    ConfigurationError
        An override names no attribute or is not a number, or the lot is not above 0.
    """
    what_if = what_if or WhatIf()
    run = find_run(settings.home, run_id, having=street.CLEAN.report)
    ctx = Context(settings, run)
    # What an earlier release left in the run is told before its model is.
    attributes, operations = read_attributes(run), read_valid_operations(run)
    item = _find_item(read_items(run), item_cd)
    changed, notes = _in_order(_override(item, attributes, what_if.overrides), ctx.profile)
    name, predictor = load_model(ctx, version)
    key = item["item_key"][0]
    found = in_house_of(ctx, predictor.resource_alternatives_).applied(predictor.predict(changed))
    if what_if.lot is not None:
        found = replace(found, operations=operations_at_lot(found.operations, what_if.lot))
    own = operations.filter(pl.col("item_key") == key, pl.col("routing_rank") == 0)
    return Prediction(
        item=changed.to_dicts()[0],
        attributes=attributes,
        overrides=what_if.overrides,
        model_version=name,
        predictions=found,
        own_routing=own.sort("proc_seq").collect(),
        purchase=_purchases(run, key),
        lead_time=_lead_time(found.operations, what_if.lot),
        run=run,
        notes=notes,
        titles={a.name: ctx.profile.titles.get(a.name) or a.source or a.name for a in attributes},
    )


def _lead_time(operations: pl.DataFrame, lot: float | None) -> LeadTime | None:
    """Of the first candidate for the lot asked for, or the usual one; None when neither is known."""
    first = operations.filter(pl.col("candidate_rank") == 1)
    usual = first["lot_size"].drop_nulls().unique()
    pieces = lot if lot is not None else float(usual[0]) if usual.len() == 1 else None
    if pieces is None or first.is_empty():
        return None
    columns = ("working_min", "lead_time_min", "outsourcing_days", "complete")
    [row] = totals(first.lazy(), pieces=pieces, columns=PREDICTED).select(columns).collect().iter_rows()
    return LeadTime(pieces, *row)


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


def _find_item(items: pl.LazyFrame, item_cd: str) -> pl.DataFrame:
    """The item's row. It alone is read: all items of a large plant take a second and a gigabyte."""
    key = pl.select(frames.key_of(pl.lit(item_cd))).item()
    alike = items.filter((pl.col("item_cd") == item_cd) | (pl.col("item_key") == key))
    found = alike.sort(pl.col("item_cd") != item_cd, maintain_order=True).head(1).collect()
    if found.is_empty():
        begins = pl.col("item_key").str.starts_with(item_cd.strip().upper()[:4])
        near = items.filter(begins).select("item_cd").head(3).collect()["item_cd"].to_list()
        hint = f" Items that begin alike: {', '.join(near)}." if near else ""
        raise ItemNotFoundError(
            f"Item {item_cd!r} is not in the extracted item master.{hint}",
            remedy="Check the code; for a brand-new item run: routing-etl extract",
        )
    return found


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


def _in_order(item: pl.DataFrame, profile: Profile) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The item as cleaning would have it, and in words what was done."""
    # a profile that was changed since the run may name attributes that the run does not have
    pairs = tuple(pair for pair in profile.items.not_above if set(pair) <= set(item.columns))
    section = profile.items.model_copy(update={"not_above": pairs})
    notes = []
    for low, high in pairs:
        inner, outer = item[low][0], item[high][0]
        if inner is not None and outer is not None and inner > outer:
            done = _NOT_ABOVE[section.on_not_above].format(low=low)
            notes.append(
                f"{low} = {inner:g} is above {high} = {outer:g}, which the profile does not allow (items.not_above): {done} "
                f'(items.on_not_above = "{section.on_not_above}"), as in the nightly run.'
            )
    return in_order(item, section, Counter()), tuple(notes)


def _purchases(run: RunFolder, key: str) -> Purchases | None:
    path = run.clean / f"{frames.PURCHASE_ORDERS.name}.parquet"
    if not path.is_file():
        return None
    orders, latest, quantity = (
        pl.scan_parquet(path)
        .filter(pl.col("item_key") == key)
        .select(pl.len(), pl.col("po_date").max(), pl.col("qty").sum())
        .collect()
        .row(0)
    )
    return Purchases(orders, latest, quantity) if orders else None
