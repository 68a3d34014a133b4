"""One item's prediction: its candidates with operations, machines, times, lead time and evidence.

Belongs here: what `predict` and the demo show of an item. Does not: what was done with a candidate (`feedback`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from routing_etl.cli.display.parts import new_table, number, safe
from routing_etl.evaluation.tiers import confidence_tier

if TYPE_CHECKING:
    from routing_etl.pipeline.one_item import LeadTime, Prediction
    from routing_etl.sheets.content import Sheet


def prediction_details(
    console: Console, result: Prediction, title: str = "Item", sheet: Sheet | None = None
) -> None:
    """One item's candidates with operations, times and evidence.

    `title` says which item it is; with its `sheet` the candidates behind the first are told apart from it.
    """
    apart = _told_apart(sheet) if sheet is not None else {}
    item = result.item
    shown = {a.name: item.get(a.name) for a in result.attributes if item.get(a.name) is not None}
    lines = [f"[bold]{safe(item['item_cd'])}[/]  {safe(item.get('item_nm') or '')}"]
    lines.append(safe(", ".join(f"{k}={_plain(v)}" for k, v in shown.items())))
    if result.overrides:
        lines.append(
            "[yellow]what if:[/] " + safe(", ".join(f"{k}={v}" for k, v in result.overrides.items()))
        )
    if result.purchase:
        often = "once" if result.purchase.orders == 1 else f"{result.purchase.orders:,} times"
        lines.append(f"purchased {often}, last on {result.purchase.latest}")
    console.print(
        Panel(Group(*lines), title=f"{title}; model {safe(result.model_version)}", title_align="left")
    )
    for note in result.notes:
        console.print(f"[yellow]Note:[/] {safe(note)}")
    p = result.predictions
    for row in p.abstained.iter_rows(named=True):
        console.print(f"[yellow]No prediction:[/] {safe(row['reason'])}")
    for candidate in p.candidates.sort("candidate_rank").iter_rows(named=True):
        _candidate(console, candidate, result, apart.get(candidate["candidate_rank"], ""))
    if result.own_routing.height:
        console.print(
            f"The ERP's own routing {safe(result.own_routing['rout_no'][0])} (the model has learned from it): "
            f"{safe(_jobs(result.own_routing))}"
        )


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told_apart(sheet: Sheet) -> dict[int, str]:
    """What sets each candidate behind the first apart from it, by rank."""
    from routing_etl.sheets.pages import apart_in_words
    from routing_etl.sheets.words import words

    said = words("en")
    return {
        c.rank: ("hardly ever right; " if c.remote else "") + apart_in_words(c.apart, said)
        for c in sheet.candidates
        if c.apart is not None
    }


def _candidate(console: Console, candidate: dict[str, Any], result: Prediction, apart: str) -> None:
    """The first candidate in full, the others in one line each."""
    p = result.predictions
    mine = pl.col("candidate_rank") == candidate["candidate_rank"]
    operations = p.operations.filter(mine).sort("proc_seq")
    source = (
        f"copied from routing {candidate['rout_no']} of {candidate['reference_item_cd']}"
        if candidate["rout_no"]
        else "typical"
    )
    title = (
        f"{candidate['candidate_id']}  confidence {candidate['confidence']:.2f} "
        f"({confidence_tier(candidate['confidence'])})  similarity {candidate['similarity_score']:.2f} "
        f"{candidate['similarity_tier']}  {candidate['priority']}  {source}"
    )
    if candidate["candidate_rank"] > 1:
        console.print(f"[bold]{safe(title)}[/]\n   {safe(_jobs(operations))}")
        if apart:
            console.print(f"   beside the first: {safe(apart)}")
        return
    console.print(_operations(title, operations, console.width))
    console.print(
        "   Set-up: minutes per order. Run times: minutes per piece, in an order of the size in column lot."
    )
    if console.width < _WITH_SOURCE:
        console.print(
            f"   From {_WITH_SOURCE} columns on, OPT / STD / SAFE and the source of each time are shown too."
        )
    if result.lead_time is not None:
        console.print(f"   {_lead_time(result.lead_time)}")
    for neighbour, similarity, matching, differing in (
        p.evidence.filter(mine)
        .sort("evidence_rank")
        .select("neighbour_item_cd", "similarity", "matching", "differing")
        .iter_rows()
    ):
        because = "because of" if candidate["neighbour_count"] else "has no example; most like the routing of"
        console.print(
            f"   {because} [bold]{safe(neighbour)}[/] (similarity {similarity:.2f}): same "
            f"{safe(_short(in_words(matching, ', ', result.titles), _USUAL_ALONE))}; differs in "
            f"{safe(_short(in_words(differing, '; ', result.titles)))}"
        )


#: What is said of a neighbour that agrees in nothing, or only in what most items have.
_USUAL_ALONE = "nothing beyond what many items share"


def _jobs(operations: pl.DataFrame) -> str:
    """The jobs of a routing in their order, on one line."""
    jobs = operations.select("job_cd", "job_nm").iter_rows()
    return " > ".join(f"{code} {name or ''}".strip() for code, name in jobs)


#: Columns of the terminal from which on the operations have room for all that is known of their times.
_WITH_SOURCE = 115


def _operations(title: str, operations: pl.DataFrame, width: int) -> Table:
    """The operations of a candidate with machines and times; a narrow terminal gets less of the times."""
    names = ["seq", "job", "machine", "set-up", "lot", "run", "P10", "P90"]
    more = ["OPT/STD/SAFE", "time from"] if width >= _WITH_SOURCE else []
    table = new_table(title, *names, *more, right=3)
    for column in table.columns:
        column.no_wrap = column.header not in ("job", "time from")
    for o in operations.iter_rows(named=True):
        scenario = "/".join(number(o[c], 1) for c in ("optimal_time", "standard_time", "safe_time"))
        samples = f", {o['sample_count']:,} results" if o["sample_count"] else ""
        told = (scenario, o["time_source"].replace("_", " ") + samples)
        table.add_row(
            str(o["proc_seq"]),
            safe(f"{o['job_cd']} {o['job_nm'] or ''}"),
            safe(o["res_cd"] or "-"),
            number(o["setup_time"], 1),
            "-" if o["lot_size"] is None else f"{o['lot_size']:,.0f}",
            number(o["run_time"], 2),
            number(o["run_p10"], 1),
            number(o["run_p90"], 1),
            *told[: len(more)],
        )
    return table


def _lead_time(found: LeadTime) -> str:
    """The lead time of an order in words; what is not known is said."""
    parts = [f"set-up and run {number(found.working_min, 0)} min"]
    if found.total_min != found.working_min:
        parts.append(f"with queue, wait and move {number(found.total_min, 0)} min")
    if found.outsourcing_days:
        parts.append(f"outsourcing {found.outsourcing_days:g} days on top")
    unknown = "" if found.complete else " (some operations have no known time)"
    return f"lead time of an order of {found.pieces:,.0f} pieces: {', '.join(parts)}{unknown}"


def in_words(names: str | None, mark: str, titles: Mapping[str, str]) -> str | None:
    """Attributes in the plant's words: each begins a part of the text, alone or before its two values.

    Parameters
    ----------
    names : str or None
        `matching` or `differing` of a row of evidence.
    mark : str
        What stands between two attributes.
    titles : mapping of str to str
        Attribute to its title.
    """
    if not names:
        return names
    parts = (part.partition(":") for part in names.split(mark))
    return mark.join(f"{titles.get(name, name)}{colon}{rest}" for name, colon, rest in parts)


def _short(names: str | None, none: str = "nothing", length: int = 120) -> str:
    if not names:
        return none
    return names if len(names) <= length else names[: length - 4].rstrip() + " ..."
