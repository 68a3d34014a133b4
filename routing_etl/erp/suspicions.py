"""What the raw rows say about a profile that is probably not meant: refused, or told with counts.

Nothing is guessed for a single value here. A rule looks at a whole column, and where the column cannot mean what the profile
says, it names the values and the key that would say it right.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from routing_etl.erp.parse import parse_dates
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF, RAW_COLUMNS, Family
from routing_etl.erp.reader import UNREADABLE
from routing_etl.errors import SourceError
from routing_etl.frames import INHOUSE, OUTSOURCED

#: Share of a column's dates that may be unreadable, and the fewest that are judged: beyond both they have another form.
_UNREADABLE_SHARE, _UNREADABLE_ROWS = 0.1, 5
#: Share of operation numbers that may be one and the same in routings of several operations, and the fewest judged.
_SAME_SHARE, _SAME_ROWS = 0.5, 6
#: Share of routing rows whose job no other item has: from the second on the column is refused as a code.
_TEXT_TOLD, _TEXT_REFUSED = 0.2, 0.5
#: Share of the other rows that must have a machine and a time for rows without either to be told.
_FULL = 0.95
#: Largest efficiency that can be a fraction; a percentage of 2 is none that a plant has.
_MOST_FRACTION = 2.0
#: Share of routed items whose routing only its number chose, from which it is told.
_UNDECIDED = 0.01
#: Fewest routing rows of which that is asked.
_TEXT_ROWS = 20


def refuse_unfit_dates(
    raw: Mapping[str, pl.LazyFrame], problems: Mapping[str, pl.DataFrame], profile: Profile
) -> None:
    """Refuse dates of a form that the profile does not say.

    Raises
    ------
    SourceError
        More than a tenth of the dates of a column cannot be read.
    """
    for family in profile.sections:
        name = FRAME_OF[family]
        if name not in raw:
            continue
        for column, spec in profile.column_maps(family).items():
            if RAW_COLUMNS[family][column].type != "date" or spec.const is not None:
                continue
            found = problems[name].filter((pl.col("column") == column) & (pl.col("problem") == UNREADABLE))[
                "value"
            ]
            text = raw[name].group_by(pl.col(column).str.slice(0, 11).str.strip_chars_end("T ").alias("text"))
            counts = text.agg(pl.len().alias("rows")).collect(engine="streaming").drop_nulls("text")
            counts = counts.filter(pl.col("text").str.strip_chars() != "")
            _, bad = parse_dates(counts["text"], open_end=column == "valid_to")
            unread = counts.filter(bad)
            rows = int(unread["rows"].sum()) + len(found)
            filled = int(counts["rows"].sum()) + len(found)
            if rows >= _UNREADABLE_ROWS and rows > _UNREADABLE_SHARE * filled:
                examples = [*found.head(2), *unread.sort("rows", descending=True)["text"].head(2)]
                raise _unfit(family, column, f"{rows} of {filled}", examples, profile)


def _unfit(family: Family, column: str, share: str, examples: list[str], profile: Profile) -> SourceError:
    mapped = profile.column_maps(family)[column]
    form = mapped.date_format or profile.document.source.date_format
    named = ", ".join(map(repr, dict.fromkeys(examples)))
    return SourceError(
        f"{share} dates in {mapped.source} ({FRAME_OF[family]}.{column}) cannot be read"
        + (f" by date_format = {form!r}" if form else "")
        + f", e.g. {named}.",
        remedy='Say how they are written, at the column or under [source]: date_format = "%d.%m.%Y" where the day comes '
        'first, "%m/%d/%Y" where the month does.',
    )


def refuse_unknown_inside(raw: pl.LazyFrame, profile: Profile) -> None:
    """Refuse a column of which most values are neither an in-house nor an outsourced word: all would count as in-house.

    Raises
    ------
    SourceError
        More than half of the filled values are not known.
    """
    spec, rules = profile.operations.columns.get("inside"), profile.routing
    if spec is None or spec.const is not None:
        return
    word = pl.col("inside").str.strip_chars().str.to_uppercase().alias("word")
    counts = raw.group_by(word).agg(pl.len().alias("rows")).collect(engine="streaming").drop_nulls("word")
    none = ["", *(w.upper() for w in rules.null_words)]
    counts = counts.filter(~pl.col("word").is_in(none))
    known = [w.upper() for w in (*rules.inside_words, *rules.outside_words, INHOUSE, OUTSOURCED)]
    strange = counts.filter(~pl.col("word").is_in(known)).sort("rows", "word", descending=[True, False])
    rows, filled = int(strange["rows"].sum()), int(counts["rows"].sum())
    if rows >= _SAME_ROWS and rows > _SAME_SHARE * filled:
        named = ", ".join(map(repr, strange["word"].head(3)))
        raise SourceError(
            f"{rows} of {filled} filled values in {spec.source} (operations.inside) are neither an in-house nor an outsourced word "
            f"({named}), and would all count as {rules.inside_default!r}.",
            remedy=f'Where any value means outside, such as a vendor number, write inside = {{ column = "{spec.source}", '
            'present = "out", absent = "in" }; else name the words in routing.inside_words and routing.outside_words.',
        )


def odd_operation_numbers(raw: pl.LazyFrame, problems: pl.DataFrame, profile: Profile) -> list[str]:
    """Sentences about operation numbers that order nothing: mostly one value, or texts."""
    if profile.operations.renumbers:
        return []
    source = profile.column_maps("operations")["proc_seq"].source
    said = []
    total = raw.select(pl.len()).collect().item()
    texts = problems.filter((pl.col("column") == "proc_seq") & (pl.col("problem") == UNREADABLE))["value"]
    if len(texts):
        said.append(
            f"{len(texts)} of {total} operation numbers in {source} are no whole numbers "
            f"({', '.join(map(repr, texts.unique().sort().head(3)))}), and their routings are rejected; if they are meant, write "
            f'proc_seq = {{ column = "{source}", natural = true }} in [operations.columns].'
        )
    counts = raw.group_by("proc_seq").agg(pl.len().alias("rows")).collect(engine="streaming")
    if counts.is_empty() or counts["rows"].max() < _SAME_SHARE * total:  # type: ignore[operator]
        return said
    keys = ["item_cd", "rout_no", "proc_seq", "job_cd"]
    rows = raw.select(keys).unique().collect(engine="streaming")
    rows = rows.filter(pl.len().over("item_cd", "rout_no") > 1)
    top = rows["proc_seq"].drop_nulls().value_counts(sort=True).head(1)
    if top.height and top["count"][0] >= _SAME_ROWS and top["count"][0] > _SAME_SHARE * rows.height:
        said.append(
            f"{top['count'][0]} of {rows.height} operation numbers in {source} are {top['proc_seq'][0]}: is another column the "
            'order? Map it as proc_seq, or write order_by = ["COLUMN", "COLUMN"] in [operations].'
        )
    return said


def refuse_unfit_efficiency(raw: pl.LazyFrame, profile: Profile) -> None:
    """Refuse percentages that are fractions: 0.8 read as a percentage makes 125 times the time.

    Raises
    ------
    SourceError
        No efficiency is above 2.
    """
    spec = profile.operations.columns.get("efficiency")
    if spec is None or profile.routing.efficiency_unit != "percent":
        return
    column = pl.col("efficiency")
    most, filled = (
        raw.filter(column > 0)
        .select(column.max().alias("most"), pl.len().alias("filled"))
        .collect(engine="streaming")
        .row(0)
    )
    if filled and most <= _MOST_FRACTION:
        raise SourceError(
            f"None of the {filled} efficiencies in {spec.source} (operations.efficiency) is above {most:g}, so they are fractions, and read "
            "as percentages they would make a hundred times the run time.",
            remedy='Write efficiency_unit = "fraction" in [routing].',
        )


def validity_of_all(raw: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say where a column of validity has several words, and none of them means "not in force"."""
    spec, bad = profile.operations.columns.get("validity"), profile.routing.invalid_validity
    if spec is None or spec.const is not None:
        return []
    word = pl.col("validity").str.strip_chars().str.to_uppercase().alias("word")
    counts = raw.group_by(word).agg(pl.len().alias("rows")).collect(engine="streaming").drop_nulls("word")
    counts = counts.filter(pl.col("word") != "").sort("rows", "word", descending=[True, False])
    if counts.height < 2 or counts["word"].is_in([w.upper() for w in bad]).any():
        return []
    named = ", ".join(f"{w!r} ({n})" for w, n in counts.head(5).iter_rows())
    return [
        f"operations: {spec.source} (validity) has {counts.height} different words, {named}, and none of them is in "
        f"routing.invalid_validity ({', '.join(map(repr, bad))}), so every row counts as in force. Name the words of rows that are not "
        "in force there; or, where all are, remove validity."
    ]


def undecided_routings(operations: pl.LazyFrame) -> list[str]:
    """Say of how many items nothing but the routing's number says which routing counts."""
    first = (
        operations.filter(pl.col("routing_rank") == 0).select("item_key", "item_cd", "decided_by").unique()
    )
    found = first.collect(engine="streaming")
    undecided = found.filter(pl.col("decided_by") == "rout_no")
    if undecided.height < max(2, _UNDECIDED * found.height):
        return []
    named = ", ".join(undecided["item_cd"].sort().head(3))
    return [
        f"operations: {undecided.height:,} of {found.height:,} routed items have several routings that only their numbers tell apart; the one "
        f"that sorts last was taken (e.g. of {named}). Where a column says which is meant, write routing.major_flag_source, map insrt_dt, "
        "valid_from, valid_to or validity, or filter alternatives and quantity ranges in [operations].where."
    ]


def text_lines(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Say which jobs never have a machine or a time, where nearly all others have both: they may be lines of text."""
    if not {"res_cd", "run_time"} <= set(profile.operations.columns):
        return []
    empty = pl.col("res_cd").is_null() & pl.col("run_min").is_null() & pl.col("setup_min").is_null()
    full = pl.col("res_cd").is_not_null() & (
        pl.col("run_min").is_not_null() | pl.col("setup_min").is_not_null()
    )
    jobs = (
        operations.drop_nulls("job_cd")
        .group_by("job_cd")
        .agg(
            pl.len().alias("rows"), full.sum().alias("full"),
            lines=(empty & (pl.col("inside") == INHOUSE) & pl.col("bp_cd").is_null()).all(),
        )
        .collect(engine="streaming")
    )  # fmt: skip
    lines, others = jobs.filter("lines"), jobs.filter(~pl.col("lines"))
    if lines.is_empty() or others["full"].sum() < _FULL * max(int(others["rows"].sum()), 1):
        return []
    named = ", ".join(
        f"{j!r} ({n:,})"
        for j, n in lines.sort("rows", descending=True).select("job_cd", "rows").head(3).iter_rows()
    )
    return [
        f"operations: {lines['rows'].sum():,} rows of {lines.height} job(s) have neither a machine nor a time ({named}), and nearly all "
        "others have both: they count as operations. If they are made outside, map inside, or the vendor's column as bp_cd; if they are "
        "lines of text, leave them out by a filter in [operations].where."
    ]


def text_in_place_of_jobs(operations: pl.LazyFrame, profile: Profile) -> list[str]:
    """Look whether the job code is a free text, of which hardly two are alike: there is nothing to learn from it.

    Returns
    -------
    list of str
        A sentence where a fifth of the rows has a job that no other item has.

    Raises
    ------
    SourceError
        Half of the rows have such a job.
    """
    jobs = (
        operations.drop_nulls("job_cd")
        .group_by("job_cd")
        .agg(pl.len().alias("rows"), pl.col("item_key").n_unique().alias("items"))
        .collect(engine="streaming")
    )
    rows, own = int(jobs["rows"].sum()), jobs.filter(pl.col("items") == 1)
    share = int(own["rows"].sum()) / rows if rows else 0.0
    if rows < _TEXT_ROWS or share < _TEXT_TOLD:
        return []
    source = profile.column_maps("operations")["job_cd"].source
    named = ", ".join(map(repr, own["job_cd"].sort().head(2)))
    text = (
        f"{jobs.height} job codes on {rows} operations, of which {own.height} occur at one item only ({named}): is {source} "
        "(operations.job_cd) a free text?"
    )
    remedy = "Map a code of the type of work, or the work centre in its place; the text itself can be operations.job_nm."
    if share >= _TEXT_REFUSED:
        raise SourceError(text, remedy=remedy)
    return [f"{text} {remedy}"]
