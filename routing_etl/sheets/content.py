"""What an item's sheet says, without its words: attributes, candidates, neighbours, the routing that is there already.

A `Sheet` is what the page, the worklist and `routing-etl predict --json` are made of. Texts are as the ERP has them; whoever
shows them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from routing_etl.evaluation.tiers import confidence_tier
from routing_etl.frames import ITEMS, OUTSOURCED, AttributeSpec
from routing_etl.sheets.compare import Apart, Operation, Row, Span, aligned, marked

#: A candidate behind the first is remote below this confidence, or below this share of the first's: it is no equal choice.
REMOTE, REMOTE_SHARE = 0.05, 0.1
#: An attribute in which more than this share of all pairs of items agree: that two items agree in it says little.
COMMONPLACE = 0.25
#: Differences to a neighbour that are told one by one.
_DIFFERENCES = 10


@dataclass(frozen=True)
class Fact:
    """An attribute of the item: its title in the plant's words, its value, and its unit ('' where there is none)."""

    title: str
    value: str | float
    unit: str = ""


@dataclass(frozen=True)
class Difference:
    """An attribute in which a neighbour differs: the item's value, the neighbour's; None: not given."""

    title: str
    item: str | float | None
    neighbour: str | float | None


@dataclass(frozen=True)
class Neighbour:
    """A similar item that speaks for a candidate.

    Attributes
    ----------
    item_cd, name : str
        Its code and name.
    rout_no : str
        Its routing.
    similarity : float
        0 to 1.
    weight : float
        Share of the vote for the candidate; 0: its routing resembles the candidate, but is another one.
    agrees : tuple of str
        Titles of attributes that agree, without those in which most items agree.
    differs : tuple of Difference
        Attributes that differ, at most ten.
    more : int
        Differences beyond these.
    """

    item_cd: str
    name: str
    rout_no: str
    similarity: float
    weight: float
    agrees: tuple[str, ...]
    differs: tuple[Difference, ...]
    more: int = 0


@dataclass(frozen=True)
class Candidate:
    """One proposed routing.

    Attributes
    ----------
    candidate_id : str
        As in the view `routing_candidates`.
    rank : int
        1 is the best.
    confidence : float
        Probability that an engineer would write this routing.
    tier : str
        'high', 'medium' or 'low'.
    remote : bool
        Not an equal choice beside the first: hardly ever right.
    similarity : float
        Of the reference item.
    reference_item_cd, rout_no : str
        Item and routing that support it most; '' where there is none.
    neighbour_count : int
        Similar items that have exactly this routing.
    support : float
        Their share of the similar items' weight.
    lot_size : float or None
        Pieces of the order that run times are for.
    operations : tuple of Operation
        In order.
    apart : Apart or None
        What sets it apart from the first candidate; None for the first.
    neighbours : tuple of Neighbour
        Strongest first.
    """

    candidate_id: str
    rank: int
    confidence: float
    tier: str
    remote: bool
    similarity: float
    reference_item_cd: str
    rout_no: str
    neighbour_count: int
    support: float
    lot_size: float | None
    operations: tuple[Operation, ...]
    apart: Apart | None
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class OwnRouting:
    """The routing that the ERP has for the item already; `valid`: on the day of the run."""

    rout_no: str
    valid: bool
    operations: tuple[Operation, ...]
    apart: Apart | None


@dataclass(frozen=True)
class Sheet:
    """All that an item's page says.

    Attributes
    ----------
    item_cd, name : str
        Code and name of the item.
    part_type : str
        Part type, '' where the ERP names none.
    facts : tuple of Fact
        Attributes that have a value.
    not_given : tuple of str
        Titles of those that have none.
    changed : dict
        Attributes that were asked for with another value than the ERP's ("what if").
    model_version : str
        What predicted it.
    candidates : tuple of Candidate
        Best first; none where the model abstained.
    abstained : str
        Why there is no prediction, in a sentence; '' where there is one.
    own : OwnRouting or None
        The ERP's own routing.
    notes : tuple of str
        What was done to the item's values before the prediction.
    """

    item_cd: str
    name: str
    part_type: str
    facts: tuple[Fact, ...]
    not_given: tuple[str, ...]
    changed: dict[str, str]
    model_version: str
    candidates: tuple[Candidate, ...]
    abstained: str
    own: OwnRouting | None
    notes: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[Candidate, ...]:
        """The candidates that are a choice: all that are not remote."""
        return tuple(c for c in self.candidates if not c.remote)

    def rows(self) -> tuple[Row, ...]:
        """The operations of the choices, and then of the ERP's own routing, aligned."""
        columns = [c.operations for c in self.choices]
        return aligned([*columns, *([self.own.operations] if self.own else [])])


@dataclass(frozen=True)
class Source:
    """What sheets are made of.

    Attributes
    ----------
    items : polars.DataFrame
        ITEMS rows of the items to show.
    candidates, operations, evidence, abstained : polars.DataFrame
        Predictions of these items, as their frames are in `frames`.
    own : polars.DataFrame
        OPERATIONS rows of these items: at most one routing each.
    known : polars.DataFrame
        ITEMS rows that neighbours are looked up in.
    attributes : tuple of AttributeSpec
        Attributes to show.
    titles : mapping of str to str
        Attribute to its title in the plant's words; where it has none, the ERP's column is shown.
    commonplace : frozenset of str
        Attributes in which many items agree.
    model_version : str
        What predicted.
    """

    items: pl.DataFrame
    candidates: pl.DataFrame
    operations: pl.DataFrame
    evidence: pl.DataFrame
    abstained: pl.DataFrame
    own: pl.DataFrame
    known: pl.DataFrame
    attributes: tuple[AttributeSpec, ...]
    titles: Mapping[str, str] = field(default_factory=dict)
    commonplace: frozenset[str] = frozenset()
    model_version: str = ""


def commonplace(items: pl.DataFrame, attributes: tuple[AttributeSpec, ...]) -> frozenset[str]:
    """Attributes in which many items agree, such as a unit or an account: that a neighbour agrees in them says little.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS of the plant.
    attributes : tuple of AttributeSpec
        Those to judge.
    """
    names = [a.name for a in attributes if a.name in items.columns]
    if items.is_empty() or not names:
        return frozenset()
    n = {name: pl.col(name).drop_nulls().unique_counts().cast(pl.Int64) for name in names}
    alike = items.select((n[name] * (n[name] - 1)).sum().alias(name) for name in names).row(0, named=True)
    pairs = items.select(
        (pl.col(name).count().cast(pl.Int64) * (pl.col(name).count().cast(pl.Int64) - 1)).alias(name)
        for name in names
    ).row(0, named=True)
    return frozenset(name for name in names if alike[name] > COMMONPLACE * pairs[name])


def sheets_of(source: Source) -> Iterator[Sheet]:
    """The sheets, in the order of `source.items`.

    Parameters
    ----------
    source : Source
        Items and what was predicted for them. Rows of other items are ignored.
    """
    parts = {
        name: _by_item(frame, order)
        for name, frame, order in (
            ("candidates", source.candidates, ["candidate_rank"]),
            ("operations", source.operations, ["candidate_rank", "proc_seq"]),
            ("evidence", source.evidence, ["candidate_rank", "evidence_rank"]),
            ("abstained", source.abstained, []),
            ("own", source.own, ["proc_seq"]),
        )
    }
    known = {row["item_cd"]: row for row in source.known.iter_rows(named=True)}
    for item in source.items.iter_rows(named=True):
        mine = {name: part.get(item["item_key"], []) for name, part in parts.items()}
        yield _sheet(source, item, mine, known)


def _by_item(frame: pl.DataFrame, order: list[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (frame.sort(order) if order else frame).iter_rows(named=True):
        found.setdefault(row["item_key"], []).append(row)
    return found


def _sheet(
    source: Source,
    item: dict[str, Any],
    mine: dict[str, list[dict[str, Any]]],
    known: dict[str, dict[str, Any]],
) -> Sheet:
    given = [(a, item[a.name]) for a in source.attributes if a.name in item]
    operations = [_proposed(row) for row in mine["operations"]]
    ranks = [row["candidate_rank"] for row in mine["operations"]]
    of_rank = {r: tuple(o for o, at in zip(operations, ranks, strict=True) if at == r) for r in set(ranks)}
    candidates = tuple(_candidate(source, item, row, mine, of_rank, known) for row in mine["candidates"])
    return Sheet(
        item_cd=item["item_cd"],
        name=item.get("item_nm") or "",
        part_type=item.get("part_type") or "",
        facts=tuple(Fact(_title(source, a), value, a.unit) for a, value in given if value is not None),
        not_given=tuple(_title(source, a) for a, value in given if value is None),
        changed={},
        model_version=source.model_version,
        candidates=candidates,
        abstained=mine["abstained"][0]["reason"] if mine["abstained"] else "",
        own=_own(mine["own"], candidates[0].operations if candidates else None),
    )


def _title(source: Source, attribute: AttributeSpec) -> str:
    return source.titles.get(attribute.name) or attribute.source or attribute.name


def _candidate(
    source: Source,
    item: dict[str, Any],
    row: dict[str, Any],
    mine: dict[str, list[dict[str, Any]]],
    operations: dict[int, tuple[Operation, ...]],
    known: dict[str, dict[str, Any]],
) -> Candidate:
    rank = row["candidate_rank"]
    own, first = operations.get(rank, ()), operations.get(1, ())
    apart = None
    if rank > 1:
        marks, apart = marked(first, own)
        own = tuple(replace(o, mark=mark) for o, mark in zip(own, marks, strict=True))
    best = mine["candidates"][0]["confidence"]
    lots = {o["lot_size"] for o in mine["operations"] if o["candidate_rank"] == rank} - {None}
    return Candidate(
        candidate_id=row["candidate_id"],
        rank=rank,
        confidence=row["confidence"],
        tier=str(confidence_tier(row["confidence"])),
        remote=rank > 1 and row["confidence"] < max(REMOTE, REMOTE_SHARE * best),
        similarity=row["similarity_score"],
        reference_item_cd=row["reference_item_cd"] or "",
        rout_no=row["rout_no"] or "",
        neighbour_count=row["neighbour_count"],
        support=row["support"],
        lot_size=lots.pop() if len(lots) == 1 else None,
        operations=own,
        apart=apart,
        neighbours=tuple(
            _neighbour(source, item, e, known) for e in mine["evidence"] if e["candidate_rank"] == rank
        ),
    )


def _proposed(row: dict[str, Any]) -> Operation:
    return Operation(
        number=row["proc_seq"],
        job_cd=row["job_cd"],
        job_nm=row["job_nm"] or "",
        res_cd=row["res_cd"] or "",
        res_nm=row["res_nm"] or "",
        outside=row["inside"] == OUTSOURCED,
        supplier=row["cust_nm"] or row["bp_cd"] or "",
        setup=Span(row["setup_time"], row["setup_p10"], row["setup_p90"]),
        run=Span(row["run_time"], row["run_p10"], row["run_p90"]),
        time_source=row["time_source"],
        results=row["sample_count"],
        confidence=row["confidence"],
    )


def _own(rows: list[dict[str, Any]], first: tuple[Operation, ...] | None) -> OwnRouting | None:
    if not rows:
        return None
    operations = tuple(
        Operation(
            number=row["proc_seq"],
            job_cd=row["job_cd"] or "",
            job_nm=row["job_nm"] or "",
            res_cd=row["res_cd"] or "",
            res_nm=row["res_nm"] or "",
            outside=row["inside"] == OUTSOURCED,
            supplier=row["cust_nm"] or row["bp_cd"] or "",
            setup=Span(row["setup_min"]),
            run=Span(row["run_min"]),
            time_source="standard",
        )
        for row in rows
    )
    apart = None
    if first is not None:
        marks, apart = marked(first, operations)
        operations = tuple(replace(o, mark=mark) for o, mark in zip(operations, marks, strict=True))
    return OwnRouting(rows[0]["rout_no"], bool(rows[0]["rout_valid"]), operations, apart)


def _neighbour(
    source: Source, item: dict[str, Any], row: dict[str, Any], known: dict[str, dict[str, Any]]
) -> Neighbour:
    theirs = known.get(row["neighbour_item_cd"], {})
    agrees, differs = [], []
    for a in source.attributes:
        mine, other = item.get(a.name), theirs.get(a.name)
        if (mine is None and other is None) or not theirs or a.name == ITEMS["item_nm"].name:
            continue
        if mine == other:
            if a.name not in source.commonplace:
                agrees.append(_title(source, a))
        else:
            differs.append((a.kind == "text", Difference(_title(source, a), mine, other)))
    told = [difference for _, difference in sorted(differs, key=lambda pair: pair[0])]
    return Neighbour(
        item_cd=row["neighbour_item_cd"],
        name=theirs.get("item_nm") or "",
        rout_no=row["neighbour_rout_no"] or "",
        similarity=row["similarity"],
        weight=row["weight"],
        agrees=tuple(agrees),
        differs=tuple(told[:_DIFFERENCES]),
        more=max(len(told) - _DIFFERENCES, 0),
    )
