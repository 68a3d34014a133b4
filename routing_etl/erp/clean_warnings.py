"""What people should look at after cleaning, in sentences with what mends it.

Belongs here: sentences that are made of the accounts of the frames, and from which share of the rows on they are said.
Does not: sentences about a whole column (`suspicions`, `odd_times`) or the machine master (`work_centres`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from routing_etl.erp.clean_operations import PARTLY_IN_FORCE
from routing_etl.erp.clean_report import FrameClean, Respelled
from routing_etl.erp.clean_results import TIME_WITHOUT_QUANTITY
from routing_etl.erp.left_out import ITEM_LEFT_OUT, OPERATION_LEFT_OUT
from routing_etl.erp.net_results import (
    ADDED,
    ALIKE,
    COMPARED,
    EQUAL_REPORT,
    ON_SEVERAL,
    ORDERS,
    RISING,
    RISING_ROWS,
    SEVERAL_ROWS,
    SHORTER,
    TOLD,
)
from routing_etl.erp.operation_order import BROKEN_CHAIN
from routing_etl.erp.own_numbers import AMBIGUOUS_OPERATION
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import Family, ResultSource
from routing_etl.erp.rejects import BAD_PROC_SEQ, ORPHAN_ITEM, ORPHAN_OPERATION
from routing_etl.erp.set_up_in_run import NOT_KNOWN, NOT_LONGER, TAKEN_OUT
from routing_etl.erp.text import NOT_TEXT
from routing_etl.erp.work_centres import INACTIVE, REPLACED, STOOD_IN, UNKNOWN

#: What is told of a repair, behind the number of values; `{columns}` stands for where they are.
_REPAIRS = {
    "inside_unknown_word": "in-house/outsourced words that the profile does not know (routing.inside_words); where "
    'any value means outside, such as a vendor number, write present = "out", absent = "in" at the column ({columns})',
    "time_unit_unknown": "time units that the profile does not know (time_units of [routing] or [results]); their times are NULL ({columns})",
    "run_basis_unknown": "words for the basis of the run time that the profile does not know (routing.run_basis_words); these "
    "run times are NULL ({columns})",
    "base_unit_unknown": "units of the base quantity that the profile does not know (routing.qty_units); these run times are "
    "NULL ({columns})",
    PARTLY_IN_FORCE: "routings have rows that are in force and rows that are not ({columns}); such a routing counts as not in force "
    "as a whole. Where operations end one by one, leave the ended ones out by a filter or a view",
    BROKEN_CHAIN: "routings in which each operation does not lead to the next up to one last one ({columns}); they are ordered by "
    "their numbers. Are rows missing, or rows of another version among them?",
    "flag_unknown_word": "words in {columns} are neither in routing.yes_words nor in routing.no_words, and count as no",
    "counted_as_one": "rows have no number above 0 in {columns}; it counts as 1",
    "no_time_factor": "rows have no factor above 0 in {columns}; their times are NULL",
    "zero_rate": "rates in {columns} are 0 pieces; these run times are NULL",
    "run_time_per_order": "run times in {columns} are for an order whatever its size; they count as set-up",
    "time_per_order": "reports in {columns} are of operations whose standard is for the order whatever its size; they are for the order "
    "too, and count as set-up",
    TAKEN_OUT: "run times in {columns} had the set-up of their order taken out, as results.setup_within_run says",
    NOT_LONGER: "run times in {columns} are not longer than the set-up that results.setup_within_run says is in them, and were set to NULL; are set-ups booked "
    "apart in these rows?",
    NOT_KNOWN: "run times in {columns} have a set-up in them, by results.setup_within_run, and no routing has a standard of it; they were set to NULL",
    "decimal_comma": "numbers in {columns} have a comma that can be the decimal mark or group thousands, and were set to "
    'NULL: write decimal = "," or decimal = "." in [source]',
    "time_as_text": 'times in {columns} are written with colons, and were set to NULL: write time_form = "hh:mm:ss" at the '
    "column",
    "time_with_unit": "times in {columns} name their unit or their days, such as 15 min, PT15M or 1.06:30:00, and were set to NULL: "
    'write time_form = "unit", "iso" or "d.hh:mm:ss" at the column',
    "no_date_assumed": "dates in {columns} are days by which systems say none, such as 1753-01-01, and were taken so; name them "
    "in [source] no_date",
    "incomplete_key": "keys made of several columns lack a part, and were set to NULL ({columns})",
    INACTIVE: "rows name a machine that is out of use ({columns}); they go on without a machine",
    REPLACED: "routing rows name a machine that another has replaced ({columns}); they go on with that one",
    UNKNOWN: "rows name a machine that [resources] does not have ({columns}); they stay as they are",
    "equal_priority": "operations have two machines of the same, lowest resource_priority; of those the newest row, then the "
    "machine that sorts first, was taken. Are both needed, as a machine and its operator? Then leave one out by a filter",
    STOOD_IN: "routing rows name a machine that is out of use and has another machine beside it, which took its place ({columns})",
    "no_job_code": "routing rows without a job code ({columns})",
    "unreadable_value": "values in {columns} are not of the column's type and were set to NULL; if they are times, write time_form at the column, if numbers decimal",
    "unreadable_date": "unreadable dates in {columns} were set to NULL",
    "negative_value": "numbers below 0 in {columns} were set to NULL; a sign may say something, such as an estimate or a reversal: what?",
    "future_date": "dates after today in {columns} were set to NULL",
    NOT_TEXT: "texts with bytes that are none in the database's encoding, read as the character U+FFFD; codes that differ "
    "there alone cannot be told apart ({columns})",
    "too_large": "numbers in {columns} are larger than can be meant and were set to NULL",
    "no_date": "dates in {columns} before 1950 stand for no date and were set to NULL",
    "qty_unit_unknown": "units of quantity that the profile does not know (results.qty_units); their quantities are NULL",
    "order_quantity_differs": "orders whose rows name different quantities, which are NULL now; results.order_quantity = "
    "'order' means that each row has the order's: is it 'sum', 'largest' or 'last'?",
    "no_order_no": "rows without an order number, counted as an order each",
    "clock_change": "moments in {columns} that the night of a clock change has twice or not at all; they are NULL",
    "overlap_counted_once": "bookings that lie over another one of the same operation; the minutes count once",
}
#: Share of routing rows that may repeat an operation before it is told.
_REPEATS_TOLD = 0.01
#: Reasons of rejected routing rows that are told from `_REPEATS_TOLD` of the rows on.
_ROUTING_REJECTS = {
    "conflicting_proc_seq": "two jobs have one operation number, so the whole routing cannot be used. Are versions, labour and machine rows of one "
    "operation, alternatives or text lines? Then leave one kind out by a filter; or write order_by in [operations].",
    "bad_proc_seq": "the operation number is missing, zero or negative, so the whole routing cannot be used. Are header or text lines among "
    "the rows? Then leave them out by a filter.",
    "missing_key": "the item code or the routing number is missing. Does a join find no partner, or is another column the code?",
}
#: Reasons of rejected results that are told whenever they occur.
_TOLD = TOLD | {AMBIGUOUS_OPERATION.rule: AMBIGUOUS_OPERATION.sentence}
_RENAMED = (
    'Where codes or numbers have changed, write map = { OLD = "NEW" } at the column in [results.columns], or join a table of old '
    'and new ones: coalesce = ["changed.NEW", "OLD"].'
)
#: Share of results with a time and no quantity above which they are told.
_LOST_TOLD = 0.05
#: Orders of several rows, and the share of them whose times rise, from which it is told: of three parts one order in six does by chance.
_RISING_ORDERS, _RISING_TOLD = 10, 0.7
#: Fewest orders whose rows have one quantity, their share of those of several rows, and fewest that show by their times what it is.
_ALIKE_ORDERS, _ALIKE_TOLD, _ALIKE_COMPARED = 10, 0.9, 10
#: Share of orders whose rows of one operation name several machines, from which it is told.
_SPLIT_TOLD = 0.5
#: Results that nothing in the ERP claims any more, told from this share on.
_ORPHANS = {r.rule: f"{r.sentence} {_RENAMED}" for r in (ORPHAN_ITEM, ORPHAN_OPERATION)} | {
    BAD_PROC_SEQ.rule: f"{BAD_PROC_SEQ.sentence} Minutes of a whole order cannot be shared among its operations.",
    "missing_key": "The item code or the job code is missing: does a join find no partner, is another column the code, or are minutes booked to the order as a whole, which cannot be shared among its operations?",
}
_ORPHANS_TOLD = 0.01
#: Rules of rows that name what the profile leaves out: the section that does, and what is named.
_LEFT_OUT: tuple[tuple[str, Family, str], ...] = (
    (ITEM_LEFT_OUT, "items", "an item"), (OPERATION_LEFT_OUT, "operations", "an operation"),
)  # fmt: skip


def repairs_told(frames: Mapping[str, FrameClean]) -> list[str]:
    """Sentences about repairs that suggest the profile lacks words of this ERP, or the driver its encoding.

    Parameters
    ----------
    frames : mapping of str to FrameClean
        The account of every frame.
    """
    return [
        f"{name}: {_repaired(frame, rule)} {text.format(columns=', '.join(frame.repairs[rule]))}{_most_often(frame, rule)}."
        for name, frame in frames.items()
        for rule, text in _REPAIRS.items()
        if rule in frame.repairs
    ]


def _most_often(found: FrameClean, rule: str) -> str:
    """The most frequent values that a rule met, with their rows, as the end of a sentence."""
    words = found.words.get(rule, {})
    more = found.different.get(rule, 0) - len(words)
    named = ", ".join(f"{word!r} ({rows:,})" for word, rows in words.items())
    return f": {named}" + (f" and {more:,} more" if more > 0 else "") if named else ""


def _repaired(found: FrameClean, rule: str) -> int:
    """How many values a rule repaired or noticed, in all columns."""
    return sum(found.repairs.get(rule, {}).values())


def operations_told(operations: FrameClean) -> list[str]:
    """Sentences about rows of routings that were kept out, or are no operations of their own.

    Parameters
    ----------
    operations : FrameClean
        The account of the operations.
    """
    said = unusable_routings_told(operations)
    repeated = operations.rejects.get("duplicate_key", 0)
    if repeated >= max(_REPEATS_TOLD * operations.rows_in, 2):
        of = ", ".join(operations.examples.get("duplicate_key", ()))
        said.append(
            f"operations: {repeated:,} of {operations.rows_in:,} rows repeat an operation of their routing and were rejected; the newest "
            f"was kept, or any where no row has a date (e.g. {of}). Is a version, an alternative or a plant missing from rout_no or from "
            "a filter, are set-up and run rows of their own, or does a join multiply the rows?"
        )
    if several := operations.rejects.get("several_machines"):
        said.append(
            f"operations: {several} row(s) name a further machine of an operation and were rejected; the newest row, then the "
            "machine that sorts first, was kept: map resource_priority in [operations.columns] if another is meant."
        )
    if chosen := operations.filtered.get("alternative_machine"):
        said.append(
            f"operations: {chosen} row(s) name a further machine of an operation; the one with the lowest resource_priority "
            "counts, the others are alternatives of its job."
        )
    return said


def unusable_routings_told(operations: FrameClean) -> list[str]:
    """Sentences about rows of routings that cannot be used, with what mends it.

    Parameters
    ----------
    operations : FrameClean
        The account of the operations.
    """
    return [
        f"operations: {rows:,} of {operations.rows_in:,} rows kept out ({rule}): {sentence} E.g. {', '.join(operations.examples.get(rule, ()))}."
        for rule, sentence in _ROUTING_REJECTS.items()
        if (rows := operations.rejects.get(rule, 0)) >= max(_REPEATS_TOLD * operations.rows_in, 2)
    ]


def left_out_told(frames: Mapping[str, FrameClean], profile: Profile) -> list[str]:
    """Sentences about rows that name an item or an operation which the profile's own filters leave out.

    Parameters
    ----------
    frames : mapping of str to FrameClean
        The account of every frame.
    profile : Profile
        The source profile.
    """
    said = []
    for name, found in frames.items():
        for rule, family, what in _LEFT_OUT:
            rows = found.filtered.get(rule, 0)
            if rows >= max(_ORPHANS_TOLD * found.rows_in, 1):
                section = profile.sections[family]
                how = " and ".join(
                    [*([section.filters] if section.where else []), *(["latest"] if section.latest else [])]
                )
                said.append(
                    f"{name}: {rows:,} of {found.rows_in:,} rows name {what} that the profile's own filter in [{family}] leaves out "
                    f"({how}), so they do not count. Loosen it if they should."
                )
    return said


def results_told(found: FrameClean, results: ResultSource | None) -> list[str]:
    """Sentences about results that were kept out because it is not clear what they mean, and about rules without rows.

    Parameters
    ----------
    found : FrameClean
        The account of the results.
    results : ResultSource or None
        Section of the profile; None: no results are read, and nothing is said.
    """
    if results is None:
        return []
    return [
        *_kept_out(found),
        *_without_quantity(found, results),
        *_added_rows(found),
        *_multiplied(found, results),
        *_corrected(found, results),
    ]


def _kept_out(found: FrameClean) -> list[str]:
    why = {**_ORPHANS, **_TOLD}
    return [
        f"work_results: {rows:,} of {found.rows_in:,} rows kept out ({rule}): {why[rule]} "
        f"E.g. {', '.join(found.examples.get(rule, ()))}."
        for rule, rows in found.rejects.items()
        if rule in _TOLD or (rule in _ORPHANS and rows >= _ORPHANS_TOLD * found.rows_in)
    ]


def _without_quantity(found: FrameClean, results: ResultSource) -> list[str]:
    """Minutes that count for no piece."""
    lost = _repaired(found, TIME_WITHOUT_QUANTITY)
    if lost <= _LOST_TOLD * found.rows_kept or results.run_basis == "piece":
        return []
    why = (
        "Where the quantity stands on one row of several of an order, the times per piece of the others are too short: map "
        "order_no, with order_quantity."
        if "order_no" not in results.columns
        else "Is another column the quantity of the order, or its yield?"
    )
    return [
        f"work_results: {lost:,} of {found.rows_kept:,} rows have a run time and no quantity, so their minutes count for no piece. {why}"
    ]


def _added_rows(found: FrameClean) -> list[str]:
    """Rows of one order whose times are added although they may not be parts of one time."""
    said = []
    several, rising = _repaired(found, SEVERAL_ROWS), _repaired(found, RISING)
    if several >= _RISING_ORDERS and rising >= _RISING_TOLD * several:
        said.append(
            f"work_results: in {rising:,} of {several:,} orders of {RISING_ROWS} rows and more the time rises from row to row, so it may be "
            'counted up from the first; the rows are added. Write order_time = "largest" in [results] if each row has the time so far.'
        )
    orders, split = _repaired(found, ORDERS), _repaired(found, ON_SEVERAL)
    if split >= max(_RISING_ORDERS, _SPLIT_TOLD * orders):
        said.append(
            f"work_results: in {split:,} of {orders:,} orders the rows of one operation name several machines, and their times are added. If some of "
            "these are people or departments, whose time runs beside the machine's, leave them out by a filter, or map record_kind with "
            "results.kinds."
        )
    added, alike = _repaired(found, ADDED), _repaired(found, ALIKE)
    compared, shorter = _repaired(found, COMPARED), _repaired(found, SHORTER)
    if alike >= max(_ALIKE_ORDERS, _ALIKE_TOLD * added) and (
        compared < _ALIKE_COMPARED or 2 * shorter > compared
    ):
        said.append(
            f"work_results: in {alike:,} of {added:,} orders of several rows all rows of an operation have one quantity, and the quantities are added"
            + (
                f"; {shorter:,} of {compared:,} of them would take much less for a piece than orders of one row"
                if compared
                else ""
            )
            + '. Write order_quantity = "order" in [results], with the quantity as order_qty, if each row has that of the whole order.'
        )
    return said


def _multiplied(found: FrameClean, results: ResultSource) -> list[str]:
    """Equal rows where a join may have made them."""
    if not (results.joins and found.rejects.get(EQUAL_REPORT.rule)):
        return []
    tables = ", ".join(j.table for j in results.joins)
    return [
        f"work_results: rows that are equal in every column often come from a join that finds several partners (here: "
        f"{tables}); its on or where in [results] must leave one."
    ]


def _corrected(found: FrameClean, results: ResultSource) -> list[str]:
    """What became of each rule of [[results.correct]]."""
    corrected = found.repairs.get("corrected", {})
    said = []
    for number, _ in enumerate(results.correct, 1):
        rows = corrected.get(f"rule {number}", 0)
        said.append(
            f"work_results: rule {number} of [[results.correct]] put {rows:,} rows right."
            if rows
            else f"work_results: rule {number} of [[results.correct]] meets no row; correct its names and days, or remove it."
        )
    return said


def respelled_told(respelled: Sequence[Respelled], count: int) -> list[str]:
    """A sentence about codes that are counted as others.

    Parameters
    ----------
    respelled : sequence of Respelled
        Spellings that were not kept, those with most rows first.
    count : int
        How many there are.
    """
    if not count:
        return []
    return [f"{count} code spelling(s) are counted as another one: {'; '.join(map(str, respelled[:5]))}."]
