"""The keys of a source profile: which exist, what they may hold, what they mean.

A profile is a TOML file; `Document` is the whole of it, and each table in it is a `Section`:

    name, description
    [source]            Database      schema, strict_types
    [items]             ItemSource    a Source, and the rules for an item's values
      [items.attributes]  AttributeMap  one per item attribute
    [operations]        Source        where the routing rows are
    [routing]           Routing       how they are read
    [results]           ResultSource  a Source, and the time basis of the work results
    [purchase_orders]   Source
    [resources]         ResourceSource  a Source, and the words for machines that are in use or not
    [units]             Units         unit spellings and factors

`docs/profiles.md` explains every key with an example, `profiles/bi_views.toml` lists them, both for the people who write
profiles. `RAW_COLUMNS` are the columns that a profile maps to; `profile.py` finds and merges the files.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from routing_etl.frames import AttributeKind

ReadType = Literal["text", "integer", "number", "date"]
Family = Literal["items", "operations", "results", "purchase_orders", "resources"]
ChangeKind = Literal["rowversion", "date", "number"]


@dataclass(frozen=True)
class RawColumn:
    """A column of a raw frame, before cleaning.

    Parameters
    ----------
    name : str
        Canonical name, the key under `[<section>.columns]`.
    type : {"text", "integer", "number", "date"}
        How it is read. Dates are read as text, because ERPs hold unreadable ones.
    required : bool, optional
        Whether a profile must map it.
    length : int, optional
        Longest text, unless the profile says otherwise.
    key : bool, optional
        Part of a key: never cut, a longer value rejects its row. Other texts are cut and counted.
    """

    name: str
    type: ReadType
    required: bool = False
    length: int = 255
    key: bool = False


def _key(name: str, length: int, *, required: bool = False) -> RawColumn:
    return RawColumn(name, "text", required, length, key=True)


def _text(name: str, length: int) -> RawColumn:
    return RawColumn(name, "text", length=length)


def _columns(*columns: RawColumn) -> dict[str, RawColumn]:
    return {c.name: c for c in columns}


_PROC_SEQ = RawColumn("proc_seq", "integer", required=True)

#: Raw columns that hold what `operations.order_by` names.
ORDER_COLUMNS = ("order_1", "order_2", "order_3")

#: Raw columns of every frame, in the order in which they are written. Item attributes come after these.
RAW_COLUMNS: dict[Family, dict[str, RawColumn]] = {
    "items": _columns(_key("item_cd", 100, required=True)),
    "operations": _columns(
        _key("item_cd", 100, required=True),
        _key("rout_no", 50, required=True),
        _PROC_SEQ,
        _key("oper_no", 50),
        _key("job_cd", 50, required=True),
        _text("job_nm", 255),
        _key("res_cd", 50),
        _text("res_nm", 255),
        _text("inside", 16),
        RawColumn("insrt_dt", "date"),
        _text("time_unit", 20),
        *(_text(name, 20) for name in ("setup_unit", "run_unit", "queue_unit", "wait_unit", "move_unit")),
        RawColumn("setup_time", "number"),
        RawColumn("run_time", "number"),
        RawColumn("run_time_qty", "number"),
        _text("qty_unit", 20),
        _text("run_basis", 32),
        RawColumn("efficiency", "number"),
        RawColumn("capacity", "number"),
        RawColumn("resource_priority", "number"),
        *(_text(name, 255) for name in ORDER_COLUMNS),
        RawColumn("act_setup_time", "number"),
        RawColumn("act_run_time", "number"),
        RawColumn("queue_time", "number"),
        RawColumn("wait_time", "number"),
        RawColumn("move_time", "number"),
        RawColumn("mfg_lt", "number"),
        _text("batch_oper", 8),
        _key("bp_cd", 50),
        _text("cust_nm", 255),
        _text("cur_cd", 20),
        RawColumn("subcontract_prc", "number"),
        _text("tax_type", 20),
        _text("insp_flg", 16),
        _text("milestone_flg", 16),
        RawColumn("valid_from", "date"),
        RawColumn("valid_to", "date"),
        _text("validity", 32),
        _text("major_flg", 16),
    ),
    "results": _columns(
        _key("item_cd", 100, required=True),
        _key("rout_no", 50),
        _PROC_SEQ,
        _key("oper_no", 50),
        _key("job_cd", 50, required=True),
        _key("res_cd", 50),
        RawColumn("report_dt", "date"),
        RawColumn("machine_time", "number"),
        RawColumn("setup_time", "number"),
        RawColumn("hold_time", "number"),
        RawColumn("order_qty", "number"),
        RawColumn("bad_qty", "number"),
        _key("order_no", 50),
        _key("confirmation_no", 50),
        _key("reverses", 50),
        _text("reversed", 16),
        RawColumn("yield_qty", "number"),
        _text("record_kind", 32),
        _text("rework", 16),
        _text("finished", 16),
        _text("time_unit", 20),
        _text("setup_time_unit", 20),
        _text("qty_unit", 20),
        _key("worker_cd", 50),
        RawColumn("start_at", "date"),
        RawColumn("end_at", "date"),
    ),
    "purchase_orders": _columns(
        _key("item_cd", 100, required=True),
        _key("po_no", 50, required=True),
        RawColumn("po_date", "date"),
        RawColumn("qty", "number"),
    ),
    "resources": _columns(
        _key("res_cd", 50, required=True),
        _text("res_nm", 255),
        _text("active", 32),
        RawColumn("valid_from", "date"),
        RawColumn("valid_to", "date"),
        _key("replaced_by", 50),
        _key("res_group", 50),
        _key("alternate", 50),
    ),
}

#: Name of the frame in `frames.py`, and of its Parquet file, by section of the profile.
FRAME_OF: dict[Family, str] = {
    "items": "items",
    "operations": "operations",
    "results": "work_results",
    "purchase_orders": "purchase_orders",
    "resources": "resources",
}

#: Item columns that cleaning adds; no attribute may have such a name.
RESERVED = (
    "item_cd",
    "item_key",
    "marks",
    "excluded",
    "attribute_hash",
    "item_hash",
    "placeholders",
    "row_nr",
)
#: Prefix of the raw columns that hold an attribute's unit.
UNIT_PREFIX = "unit_of_"
#: Dates by which databases and ERPs say "none": the first of SQL Server's date and datetime, the zeros of spreadsheets, of
#: desktop databases and of Unix, and the first day that some systems allow.
NO_DATES = (
    date(1, 1, 1),
    date(1753, 1, 1),
    date(1800, 1, 1),
    date(1899, 12, 30),
    date(1899, 12, 31),
    date(1900, 1, 1),
    date(1970, 1, 1),
)


class KeyProblem(ValueError):
    """A rule about a key that pydantic cannot express.

    Parameters
    ----------
    key : str
        Full name of the key.
    value : object
        What it holds.
    problem : str
        What is wrong, for people.
    remedy : str, optional
        What to do, where that is known.
    """

    def __init__(self, key: str, value: object, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.key, self.value, self.remedy = key, value, remedy


class Section(BaseModel):
    """A table of the profile: unknown keys are errors, values cannot be changed once they are checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


#: What a list of columns may mean; a bare list does not say which.
_LISTS = (
    'Write first_of = ["A", "B"] for the first of these columns that the database has, coalesce = ["A", "B"] for the first '
    'that is filled in each row, or concat = ["A", "B"] for both together.'
)


def _one_name(value: Any) -> Any:
    """One column name, kept as a tuple of one."""
    if isinstance(value, (list, tuple)) and len(value) > 1:
        raise KeyProblem("", list(value), "a list does not say what its columns mean together", _LISTS)
    return (value,) if isinstance(value, str) else value


def _tuple_of(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


#: One name, as a tuple of one.
OneName = Annotated[tuple[str, ...], BeforeValidator(_one_name)]
#: One name, or several.
Names = Annotated[tuple[str, ...], BeforeValidator(_tuple_of)]

#: How a time of day or a duration is written as text.
TimeForm = Literal["hh:mm:ss", "hh:mm", "mm:ss", "hhmmss"]
Combination = Literal["first_of", "coalesce", "concat", "sum"]


class Mapped(Section):
    """What a column and an attribute have in common: where the value comes from, and how it is written.

    Exactly one of `column`, `first_of`, `coalesce`, `concat` and `sum` says where it comes from (of a column also `const`). A
    name may carry the alias of a joined table, `product.Name`; `"product"."No."` and `[product].[No.]` are quoted names.

    Parameters
    ----------
    column : tuple of str
        Source column.
    first_of : tuple of str
        Columns of which the first that the database has is read.
    coalesce : tuple of str
        Columns of which, in each row, the first that is neither NULL nor blank counts.
    concat : tuple of str
        Columns whose texts together are the value, e.g. a key of two columns. Where one is NULL or blank, so is the whole;
        these rows are counted.
    sum : tuple of str
        Columns of numbers that are added; NULL where all are.
    separator : str
        Between the texts of `concat`.
    map : dict of str to str
        Value, trimmed, to the value that is meant: `{ FRAES = "MILL" }`. Others stay as they are.
    present : str, optional
        What any value means that is not blank: a vendor number means `"out"`.
    absent : str, optional
        What a blank means, beside `present`.
    optional : bool
        The columns may be absent from the database; the value is then NULL.
    integer_code : bool
        The code is an integer in this database, so it has no leading zeros to lose.
    decimal : {".", ","}, optional
        Decimal mark of numbers in text, in place of that of `[source]`.
    """

    column: OneName = ()
    first_of: Names = ()
    coalesce: Names = ()
    concat: Names = ()
    sum: Names = ()
    separator: str = "/"
    map: dict[str, str] = {}
    present: str | None = None
    absent: str | None = None
    optional: bool = False
    integer_code: bool = False
    decimal: Literal[".", ","] | None = None

    @property
    def how(self) -> Combination:
        """How the named columns make the value; one column is `first_of` itself."""
        for how in ("coalesce", "concat", "sum"):
            if getattr(self, how):
                return how  # type: ignore[return-value]
        return "first_of"

    @property
    def names(self) -> tuple[str, ...]:
        """Every source column named."""
        return self.column or self.first_of or self.coalesce or self.concat or self.sum

    @model_validator(mode="after")
    def _rules(self) -> Mapped:
        said = [k for k in ("column", "first_of", "coalesce", "concat", "sum") if getattr(self, k)]
        if len(said) > 1:
            raise KeyProblem("", ", ".join(said), "only one of these keys can say where the value comes from")
        if self.absent is not None and self.present is None:
            raise KeyProblem(
                "", f"absent = {self.absent!r}", "absent goes with present", 'Add present = "...".'
            )
        if self.present is not None and self.map:
            raise KeyProblem("", "present, map", "give either map or present")
        return self


class ColumnMap(Mapped):
    """Where a canonical column comes from; a plain string in TOML means `{ column = "..." }`. See also `Mapped`.

    Parameters
    ----------
    const : str or int or float, optional
        A constant in place of a column.
    length : int, optional
        Longest text, in place of that of `RAW_COLUMNS`.
    date_format : str, optional
        How dates in text are written, in place of that of `[source]`.
    time_form : {"hh:mm:ss", "hh:mm", "mm:ss", "hhmmss"}, optional
        The time is a text of this form; it is read in minutes, whatever the row's unit says.
    natural : bool
        The operation number is a text such as 10, 10.5 or 20A, and orders as people read it.
    """

    const: str | int | float | None = None
    length: int | None = Field(None, ge=1, le=4000)
    date_format: str | None = None
    time_form: TimeForm | None = None
    natural: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, (str, list, tuple)) else value

    @model_validator(mode="after")
    def _one_source(self) -> ColumnMap:
        if bool(self.names) == (self.const is not None):
            raise ValueError("give either const, or one of column, first_of, coalesce, concat and sum")
        return self

    @property
    def source(self) -> str:
        """The mapping in words, for messages."""
        return "/".join(self.names) or f"constant {self.const!r}"


class AttributeMap(Mapped):
    """One item attribute: its column, what kind of value it is, and which values mean "missing". See also `Mapped`.

    Parameters
    ----------
    kind : {"category", "code", "text", "number"}
        One of few words, a structured code, free text, or a number.
    length : int
        Longest text.
    null_words : tuple of str, optional
        Whole values that mean NULL, in place of the list of `[items]`.
    placeholder_words : tuple of str
        Whole values that stand for "unknown": they become NULL and are flagged in the items' column `placeholders`.
    placeholder_values : tuple of float
        The same for numbers.
    zero_is_missing : bool, optional
        Whether 0 means "not entered", in place of the rule of `[items]`.
    upper : bool
        Turn the text into upper case.
    right_trim : str
        Characters cut off the end of the text.
    unit : str
        Unit that values are converted to.
    unit_column : str, optional
        Source column that says which unit each row is in.
    unit_group : str
        Key of `units.blank_default`: what a blank unit means.
    weight : float
        How much the attribute counts in the similarity of items, on top of what the model learns; 0 switches it off.
    """

    kind: AttributeKind
    length: int = Field(100, ge=1, le=4000)
    null_words: tuple[str, ...] | None = None
    placeholder_words: tuple[str, ...] = ()
    placeholder_values: tuple[float, ...] = ()
    zero_is_missing: bool | None = None
    upper: bool = False
    right_trim: str = ""
    unit: str = ""
    unit_column: str | None = None
    unit_group: str = ""
    weight: float = Field(1.0, ge=0, le=1e6)

    @model_validator(mode="after")
    def _consistent(self) -> AttributeMap:
        if not self.names:
            raise ValueError("give one of column, first_of, coalesce, concat and sum")
        if self.kind == "number" and (self.concat or self.map or self.present is not None):
            raise ValueError("concat, map and present make texts; a number cannot be made by them")
        if self.kind != "number" and (self.unit_column or self.unit or self.placeholder_values):
            raise ValueError('unit, unit_column and placeholder_values need kind = "number"')
        if self.unit_column and not self.unit:
            raise ValueError("unit_column needs unit, the unit that values are converted to")
        return self


def _pairs(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and not value:
        raise KeyProblem(
            "", [], "a join without a key puts every row beside every other",
            'Write on = [["COLUMN", "COLUMN OF THE JOINED TABLE"]]; conditions with constants go into where.',
        )  # fmt: skip
    return value


#: Pairs of a column that is known already and a column of the joined table; at least one.
On = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
Value = str | int | float | bool


class Where(Section):
    """A filter on source rows: `column op value`. Values are sent as bound parameters.

    A blank counts as NULL and NULL as a blank: `= ""` keeps both, `!= ""` neither. `!=`, `not in` and `not like` keep rows
    where the column is NULL, which is none of the values.

    Parameters
    ----------
    column : str
        Source column.
    op : str
        Operator.
    value : str or int or float or bool or list of these, optional
        What it is compared with; a list with `in` and `not in`.
    """

    column: str
    op: Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "is null", "is not null"]
    value: Value | tuple[Value, ...] | None = None

    @model_validator(mode="after")
    def _value(self) -> Where:
        if (self.value is None) != self.op.endswith("null"):
            raise ValueError("value goes with every operator but 'is null' and 'is not null'")
        if self.op in ("in", "not in") and (not isinstance(self.value, tuple) or not self.value):
            raise KeyProblem("", self.value, f"{self.op!r} needs a list", 'Write value = ["A", "B"].')
        if self.op not in ("in", "not in") and isinstance(self.value, tuple):
            raise KeyProblem("", list(self.value), f"{self.op!r} compares with one value", 'Use op = "in".')
        if self.op.endswith("like") and not isinstance(self.value, str):
            raise KeyProblem("", self.value, f"{self.op!r} needs a text with % or _")
        return self


class Join(Section):
    """Another table that the frame's columns come from.

    Parameters
    ----------
    table : str
        Table or view.
    alias : str
        Prefix of its columns: `alias.COLUMN`.
    on : tuple of (str, str)
        Pairs of a column that is known already (main table, or `alias.COLUMN`) and a column of this table.
    where : tuple of Where
        Conditions on columns of this table that say which of its rows are partners, e.g. a language. Rows of the frame without
        such a partner stay in a left join, unlike with the frame's own `where`.
    kind : {"left", "inner"}
        Whether rows without a partner stay.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    """

    table: str
    alias: str
    on: On
    where: tuple[Where, ...] = ()
    kind: Literal["left", "inner"] = "left"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")


class Pivot(Section):
    """A table that holds attributes as rows of a name and a value: each name becomes a column, `alias.NAME`.

    An item without a name's row has NULL there and stays. Where an item has two different values of one name, the value is
    NULL; the extract counts and tells such names.

    Parameters
    ----------
    table : str
        Table or view.
    alias : str
        Prefix of the columns made.
    on : tuple of (str, str)
        Pairs of a column that is known already and a column of this table (or of a table in `joins`).
    name : str
        Column with the attribute's name.
    value : str
        Column with its value.
    names : dict of str to (str or int)
        Column to make, to the name that stands in the table.
    joins : tuple of Join
        Further tables that name or value come from.
    where : tuple of Where
        Which rows count.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    """

    table: str
    alias: str
    on: On
    name: str
    value: str
    names: dict[str, str | int] = Field(min_length=1)
    joins: tuple[Join, ...] = ()
    where: tuple[Where, ...] = ()
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")


class Latest(Section):
    """Keep only the rows whose `key` is the highest of their `group`, e.g. those of the newest work order of a product.

    Only rows that pass the filters are compared. A NULL key is the lowest. Rows with equal keys stay together, so a key that is
    not unique, such as a date, needs a second column: `key = ["DAY", "ORDER_NO"]`.

    Parameters
    ----------
    group : tuple of str
        Column or columns whose equal values make a group.
    key : tuple of str
        Column, or columns in the order in which they decide.
    """

    group: Names
    key: Names


#: How far below the newest change an incremental read begins, by kind, when the profile does not say: days, numbers,
#: row versions.
OVERLAP: dict[ChangeKind, float] = {"date": 3, "number": 1000, "rowversion": 0}


class Incremental(Section):
    """Read only what changed since the last succeeded run; `incremental.py` says how, and what it cannot see.

    Parameters
    ----------
    column : str
        Change column: it grows with every insert and update of a row.
    kind : {"rowversion", "date", "number"}
        SQL Server's `rowversion`, a day or moment, or a sequence number.
    key : tuple of str
        Source columns whose values together are unique.
    overlap : float, optional
        Distance below the newest change seen that is read again: days of a date, else units. `OVERLAP` by default.
    full_every_days : int
        Every row is read this often, which finds changes that do not show in the change column.
    """

    column: str
    kind: ChangeKind
    key: Names = ()
    overlap: float | None = Field(None, ge=0)
    full_every_days: int = Field(7, ge=1, le=366)

    @property
    def distance(self) -> float:
        """The overlap, or the kind's own when the profile names none."""
        return OVERLAP[self.kind] if self.overlap is None else self.overlap


class Source(Section):
    """Where one frame's rows are.

    Parameters
    ----------
    table : str
        Table or view.
    alias : str
        Prefix of its columns where several tables are joined.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    optional : bool
        The table may be absent; the frame is then empty.
    joins : tuple of Join
        Further tables.
    pivot : tuple of Pivot
        Tables that hold attributes as rows.
    where : tuple of Where
        Filters; all must hold.
    company : str, optional
        Column of the company, plant or client: it becomes part of the item and resource codes, before a `/`.
    latest : Latest, optional
        Keep only the newest rows of a group.
    incremental : Incremental, optional
        How to read changes only; without it every row is read every night.
    columns : dict of str to ColumnMap
        Canonical column to its source.
    ignore : tuple of str
        Columns that are left unread on purpose; all others that are not mapped are reported by the doctor.
    """

    table: str
    alias: str = "main"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")
    optional: bool = False
    joins: tuple[Join, ...] = ()
    pivot: tuple[Pivot, ...] = ()
    where: tuple[Where, ...] = ()
    company: str | None = None
    latest: Latest | None = None
    incremental: Incremental | None = None
    columns: dict[str, ColumnMap] = {}
    ignore: tuple[str, ...] = ()

    @property
    def filters(self) -> str:
        """The filters in words, '' without any."""
        said = [f"{w.column} {w.op}" + ("" if w.value is None else f" {w.value}") for w in self.where]
        return "; ".join(said)


class OperationSource(Source):
    """Where the routing rows are.

    Parameters
    ----------
    order_by : tuple of str
        Columns by which the operations of a routing are ordered, where no single number does it; their place in this order
        then is the operation number: 10, 20, 30. Work results find them by `oper_no`, or by `proc_seq` as the ERP has it.
    """

    order_by: Names = Field((), max_length=len(ORDER_COLUMNS))


class ResourceSource(Source):
    """The master of machines and work centres. A machine that is out of use is proposed to nobody.

    Machines of one `res_group` can stand in for each other, and `alternate` names one that can stand in for this machine; a
    machine with several alternates has a row for each.

    Parameters
    ----------
    active_words : tuple of str
        Values of `active` that mean "in use".
    inactive_words : tuple of str
        Values of `active` that mean "out of use". A value in neither list is counted, and the machine taken as in use.
    """

    active_words: tuple[str, ...] = ("1", "Y", "YES", "TRUE", "X", "ACTIVE")
    inactive_words: tuple[str, ...] = ("0", "N", "NO", "FALSE", "INACTIVE")


class Outlier(Section):
    """A size beyond `factor` times the median of its group `by` becomes NULL, in groups of at least `min_rows` sizes."""

    by: str
    factor: float = Field(gt=1)
    min_rows: int = Field(50, ge=5)


class ItemSource(Source):
    """The item master, and the rules for its values.

    Parameters
    ----------
    attributes : dict of str to AttributeMap
        The item attributes, by the name that the model and people see.
    null_words : tuple of str
        Whole values that mean NULL, in any case.
    zero_is_missing : bool
        Numbers: 0 means "not entered".
    marks : dict of str to str
        Mark to the text that people write for it: `DEL = "(DEL)"`. The text is removed and the mark noted.
    mark_columns : tuple of str
        Attributes in which marks are looked for.
    exclude_marks : tuple of str
        Marks that keep an item out of the training.
    on_key_collision : {"reject", "error"}
        What to do with two codes that are equal after trimming.
    on_repeated_code : {"stop", "reject"}
        What to do when many codes occur in rows of different content: stop, or keep the row with most values of each.
    outlier : Outlier, optional
        Which sizes are too large to be true.
    not_above : tuple of (str, str)
        Pairs of attributes of which the first may not exceed the second.
    on_not_above : {"null_first", "null_both", "swap", "keep"}
        What to do when it does.
    """

    attributes: dict[str, AttributeMap] = {}
    null_words: tuple[str, ...] = ()
    zero_is_missing: bool = True
    marks: dict[str, str] = {}
    mark_columns: tuple[str, ...] = ()
    exclude_marks: tuple[str, ...] = ()
    on_key_collision: Literal["reject", "error"] = "reject"
    on_repeated_code: Literal["stop", "reject"] = "stop"
    outlier: Outlier | None = None
    not_above: tuple[tuple[str, str], ...] = ()
    on_not_above: Literal["null_first", "null_both", "swap", "keep"] = "null_first"


RunBasis = Literal[
    "base_qty", "piece", "per_10", "per_100", "per_1000", "order", "seconds_per_piece", "minutes_per_piece",
    "hours_per_piece", "minutes_per_order", "hours_per_order", "pieces_per_minute", "pieces_per_hour",
    "pieces_per_time_unit",
]  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """What a word of `RunBasis` means.

    Parameters
    ----------
    minutes : float or None
        Minutes of the time that it names; None: those of the row's unit.
    pieces : float or None
        Pieces that the time is for; None: `run_time_qty`.
    per : {"piece", "order", "rate"}
        A time for pieces, a time for the order whatever its size, or pieces in a time.
    """

    minutes: float | None = None
    pieces: float | None = 1.0
    per: Literal["piece", "order", "rate"] = "piece"


#: A unit of time for one piece, which a set-up or a queue cannot have.
PER_PIECE = re.compile(
    r"(/|per|pro)\s*(parts?|pcs?|pieces?|ea|each|units?|st|stk|stueck|stück)\.?\s*$", re.IGNORECASE
)
#: What the run time of a row is, by the word that a profile has for it.
RUN_BASES: dict[str, Rate] = {
    "base_qty": Rate(pieces=None),
    "piece": Rate(),
    "per_10": Rate(pieces=10.0),
    "per_100": Rate(pieces=100.0),
    "per_1000": Rate(pieces=1000.0),
    "order": Rate(per="order"),
    "seconds_per_piece": Rate(1 / 60),
    "minutes_per_piece": Rate(1.0),
    "hours_per_piece": Rate(60.0),
    "minutes_per_order": Rate(1.0, per="order"),
    "hours_per_order": Rate(60.0, per="order"),
    "pieces_per_minute": Rate(1.0, per="rate"),
    "pieces_per_hour": Rate(60.0, per="rate"),
    "pieces_per_time_unit": Rate(per="rate"),
}


class Routing(Section):
    """How routing rows are read, and which routing of an item counts (docs/erp-contract.md 4.3 and 9).

    Parameters
    ----------
    run_basis : str
        What the run time says, where no row says it: a word of `RUN_BASES`. "base_qty": it is for `run_time_qty` pieces (1 when
        that is NULL or 0); "piece": for one piece.
    run_basis_words : dict of str to str
        Value of `run_basis` in a row, in any case, to a word of `RUN_BASES`.
    qty_units : dict of str to float
        Unit of `run_time_qty`, in any case, to pieces.
    mfg_lt_unit : {"day", "hour", "minute"}
        Unit of `mfg_lt`.
    time_units : dict of str to float
        Unit of time, in any case, to minutes.
    blank_time_unit : float, optional
        Minutes of a blank unit; None: such times are NULL.
    inside_words : tuple of str
        Words for "in-house".
    outside_words : tuple of str
        Words for "outsourced".
    inside_default : {"in", "out"}
        What a blank or unknown word means; each case is counted.
    outsourced_rout_no : tuple of str
        Routing numbers that mean "outsourced" whatever the words say.
    yes_words : tuple of str
        Words for "yes" in flags.
    major_flag_source : str
        Column that marks the main routing, or "none".
    invalid_validity : tuple of str
        Values of `validity` that make a routing invalid.
    waiting_pool_words : tuple of str
        Words in a resource's code or name that mark a pool where work waits, which is no machine.
    null_words : tuple of str
        Whole values that mean NULL, in any case.
    zero_time_is_missing : bool
        Set-up and run times of 0 are not maintained.
    fill_job_cd_from_name : bool
        Take a missing job code from its name where the name goes with one code only.
    """

    run_basis: RunBasis = "base_qty"
    run_basis_words: dict[str, RunBasis] = {}
    qty_units: dict[str, Annotated[float, Field(gt=0)]] = {}
    mfg_lt_unit: Literal["day", "hour", "minute"] = "day"
    time_units: dict[str, float] = {}
    blank_time_unit: float | None = 1.0
    inside_words: tuple[str, ...] = ()
    outside_words: tuple[str, ...] = ()
    inside_default: Literal["in", "out"] = "in"
    outsourced_rout_no: tuple[str, ...] = ()
    yes_words: tuple[str, ...] = ("Y",)
    major_flag_source: str = "none"
    invalid_validity: tuple[str, ...] = ("N",)
    waiting_pool_words: tuple[str, ...] = ()
    null_words: tuple[str, ...] = ()
    zero_time_is_missing: bool = True
    fill_job_cd_from_name: bool = True


class Correction(Section):
    """A rule that puts right what was reported wrongly: rows that meet all its conditions are multiplied by its factors.

    Parameters
    ----------
    machine : str, optional
        Resource of the rows, in any case; None: all.
    job : str, optional
        Their job.
    item : str, optional
        Their item.
    since : datetime.date, optional
        First day of the reports.
    before : datetime.date, optional
        Day before which the reports lie.
    factor : float
        What their times are multiplied by: 60 where hours were typed and minutes are due.
    qty_factor : float
        What their quantities are multiplied by: 10 where boxes of ten were counted.
    """

    machine: str | None = None
    job: str | None = None
    item: str | None = None
    since: date | None = None
    before: date | None = None
    factor: float = Field(1.0, gt=0)
    qty_factor: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _says_something(self) -> Correction:
        if self.factor == 1 and self.qty_factor == 1:
            raise ValueError("corrects nothing: give factor or qty_factor")
        if not any((self.machine, self.job, self.item, self.since, self.before)):
            raise ValueError(
                "names no rows: give machine, job, item, since or before; for all rows there is time_factor_min"
            )
        return self


class ResultSource(Source):
    """Work results, their age filter, and what their times mean.

    Parameters
    ----------
    max_age_years : float, optional
        Older results are filtered; counted back from the cut-off date, or from the newest date in the data.
    null_words : tuple of str
        Whole values that mean NULL, in any case.
    time_factor_min : float
        Minutes per reported unit: 60 for hours.
    run_basis : {"order", "lot", "piece"}
        What one reported machine time covers.
    setup_basis : {"order", "lot", "piece"}
        What one reported set-up time covers.
    qty : {"ordered", "good"}
        Pieces that a time is divided by: those ordered, or those without the rejected ones.
    lot_size : float, optional
        Pieces of a lot, for the basis "lot".
    half_life_days : float
        A result counts half as much as one that is so many days newer; inf: all count alike.
    hold_columns : tuple of str
        Columns that may hold the time an order was on hold, tried in this order; none need exist.
    order_quantity : {"sum", "largest", "last", "order"}, optional
        How the quantity of several rows of one order and operation is found. Needed with `order_no`, unless `yield_qty`
        is mapped: then the yields are summed.
    kinds : dict of {"setup", "run", "ignore"} to tuple of str
        What the words of `record_kind` mean: the row's machine time is set-up, run, or neither.
    time_units : dict of str to float
        Unit of a row's times, in any case, to minutes.
    blank_time_unit : float, optional
        Minutes of a blank unit; None: such times are NULL.
    qty_units : dict of str to float
        Unit of a row's quantities, in any case, to pieces.
    blank_qty_unit : float, optional
        Pieces of a blank unit; None: such quantities are NULL.
    rework : {"exclude", "include"}
        Whether rows that are flagged as rework count.
    yes_words : tuple of str
        Words for "yes" in the flags `reversed`, `rework` and `finished`.
    no_words : tuple of str
        Words for "no"; a blank means no as well.
    time_zone : str, optional
        Time zone of `start_at` and `end_at`, for days on which clocks change.
    correct : tuple of Correction
        Rules for reports that are known to be wrong.
    """

    max_age_years: float | None = Field(None, gt=0)
    null_words: tuple[str, ...] = ()
    time_factor_min: float = Field(60.0, gt=0)
    run_basis: Literal["order", "lot", "piece"] = "order"
    setup_basis: Literal["order", "lot", "piece"] = "order"
    qty: Literal["ordered", "good"] = "ordered"
    lot_size: float | None = Field(None, gt=0)
    half_life_days: float = Field(1500.0, gt=0)
    hold_columns: tuple[str, ...] = ()
    order_quantity: Literal["sum", "largest", "last", "order"] | None = None
    kinds: dict[Literal["setup", "run", "ignore"], tuple[str, ...]] = {}
    time_units: dict[str, Annotated[float, Field(gt=0)]] = {}
    blank_time_unit: float | None = Field(None, gt=0)
    qty_units: dict[str, Annotated[float, Field(gt=0)]] = {}
    blank_qty_unit: float | None = Field(None, gt=0)
    rework: Literal["exclude", "include"] = "exclude"
    yes_words: tuple[str, ...] = ("Y", "YES", "X", "1", "TRUE", "T", "J")
    no_words: tuple[str, ...] = ("N", "NO", "0", "FALSE", "F")
    time_zone: str | None = None
    correct: tuple[Correction, ...] = ()

    def check(self) -> None:
        """Refuse keys that need another one.

        Raises
        ------
        KeyProblem
            A column is mapped whose meaning no key says, or a key stands for a column that is not mapped.
        """
        for column, key, said, remedy in (
            ("order_no", "order_quantity", bool(self.order_quantity) or "yield_qty" in self.columns,
             'Write order_quantity = "order" where the order\'s quantity stands on each of its rows, "sum" where each row has '
             'its own, "largest" or "last" where rows count up; or map yield_qty, the good pieces of each row.'),
            ("time_unit", "time_units", bool(self.time_units), 'Write time_units = { "H" = 60, "MIN" = 1 }.'),
            ("setup_time_unit", "time_units", bool(self.time_units), 'Write time_units = { "H" = 60, "MIN" = 1 }.'),
            ("qty_unit", "qty_units", bool(self.qty_units), 'Write qty_units = { "PCS" = 1, "BOX" = 10 }.'),
            ("record_kind", "kinds", bool(self.kinds), 'Write kinds = { setup = ["S"], run = ["P"] }.'),
        ):  # fmt: skip
            if column in self.columns and not said:
                raise KeyProblem(
                    f"results.{key}", None, f"{column} is mapped, but nothing says how it is meant", remedy
                )
        for key, value, column in (
            ("order_quantity", self.order_quantity, "order_no"), ("kinds", self.kinds, "record_kind"),
            ("time_units", self.time_units, "time_unit"), ("qty_units", self.qty_units, "qty_unit"),
        ):  # fmt: skip
            if value and column not in self.columns and f"setup_{column}" not in self.columns:
                raise KeyProblem(
                    f"results.{key}", value, f"needs {column}",
                    f"Map {column} in [results.columns], or remove the key.",
                )  # fmt: skip
        if "reverses" in self.columns and "confirmation_no" not in self.columns:
            raise KeyProblem(
                "results.columns.reverses", self.columns["reverses"].source,
                "refers to confirmation numbers, which are not mapped", "Map confirmation_no as well.",
            )  # fmt: skip
        if ("start_at" in self.columns) != ("end_at" in self.columns):
            raise KeyProblem(
                "results.columns", None, "start_at and end_at go together", "Map both, or neither."
            )
        words = [w.strip().upper() for kind in self.kinds.values() for w in kind]
        doubled = sorted({w for w in words if words.count(w) > 1})
        if doubled:
            raise KeyProblem("results.kinds", doubled, "a word has two meanings", "Name each word once.")
        if self.time_zone is not None and self.time_zone not in available_timezones():
            raise KeyProblem(
                "results.time_zone", self.time_zone, "no such time zone", 'Write it as "Europe/Berlin".'
            )


class Units(Section):
    """Unit spellings, quantities with their factors, and rules for doubtful values.

    Parameters
    ----------
    quantities : dict of str to dict of str to float
        Quantity to its units, each with its factor to a common one: `length = { mm = 1, in = 25.4 }`.
    map : dict of str to str
        Spelling, trimmed and in upper case, to a unit of `quantities`. A trailing `?` marks an assumption.
    unknown : tuple of str
        Spellings that are known to mean nothing; any other spelling is reported as new.
    blank_default : dict of str to str
        An attribute's `unit_group` to the unit of a value without one, or "unknown".
    suspicious : dict of str to float
        Unit to the size from which a value in it is not believed.
    """

    quantities: dict[str, dict[str, float]] = {}
    map: dict[str, str] = {}
    unknown: tuple[str, ...] = ()
    blank_default: dict[str, str] = {}
    suspicious: dict[str, float] = {}

    def quantity_of(self, unit: str) -> dict[str, float] | None:
        """The units, with their factors, of the quantity that a unit belongs to; None for an unknown unit."""
        return next((q for q in self.quantities.values() if unit in q), None)


class Database(Section):
    """The database as a whole.

    Parameters
    ----------
    database_schema : str or dict, optional
        Key `schema`. A string holds for every database with schemas, a table for the dialects that it names.
    strict_types : bool
        Retyped and narrowed columns are errors, not warnings.
    decimal : {".", ","}, optional
        Decimal mark of numbers that are stored as text; the other of the two then groups thousands. Without it a number such as
        `1,500`, which can be either, is NULL and counted.
    date_format : str, optional
        How dates that are stored as text are written, as for Python's strptime: `"%d.%m.%Y"`; or `"CYYDDD"`, the day numbers of
        JD Edwards. Without it ISO dates, `20240531` and `31-May-2024` are understood.
    no_date : tuple of date, optional
        Dates that mean "none", e.g. 1753-01-01. Without it the usual ones (`NO_DATES`) are taken as none, counted and told.
    """

    database_schema: str | dict[str, str] | None = Field(None, alias="schema")
    strict_types: bool = False
    decimal: Literal[".", ","] | None = None
    date_format: str | None = None
    no_date: tuple[date, ...] | None = None


class Health(Section):
    """By what the health of the ERP's data is told, and what counts as old.

    Parameters
    ----------
    planner : str, optional
        Item attribute that names who plans the item. None: the work centre of the operation stands in.
    family : str, optional
        Item attribute of the family. None: the part type, where the profile has one.
    plant : str, optional
        Item attribute of the plant.
    old_years : float
        A standard that was written longer ago than this is old.
    idle_years : float
        A work centre that nothing was reported of for this long is dead.
    """

    planner: str | None = None
    family: str | None = None
    plant: str | None = None
    old_years: float = Field(5.0, gt=0)
    idle_years: float = Field(2.0, gt=0)


class Sheets(Section):
    """How item sheets call things.

    Parameters
    ----------
    titles : dict of str to str
        Item attribute to its title in the plant's words. An attribute without one is shown by its column in the ERP.
    """

    titles: dict[str, str] = {}


def _check_incremental(family: Family, section: Source) -> None:
    """Rows can be merged by a unique key only, and only where every change of a row shows in its change column."""
    wanted = section.incremental
    if wanted is None:
        return
    key = f"{family}.incremental"
    if not wanted.key or len({k.lower() for k in wanted.key}) != len(wanted.key):
        raise KeyProblem(
            f"{key}.key",
            list(wanted.key),
            "rows without a unique key cannot be merged" if not wanted.key else "names a column twice",
            'Name the columns whose values together are unique, e.g. key = ["IDX"], or remove '
            f"[{key}]: then every row is read every night.",
        )
    if section.joins or section.latest or section.pivot:
        raise KeyProblem(
            key,
            wanted.column,
            "a change in a joined table, or another newest row of a group, does not show in this column",
            "Remove joins, pivot and latest (a view can join, if its change column covers every table), or remove "
            f"[{key}]: then every row is read every night.",
        )
    if wanted.kind == "rowversion" and wanted.distance != int(wanted.distance):
        raise KeyProblem(f"{key}.overlap", wanted.overlap, "row versions are whole numbers")


def _check_forms(family: Family, section: Source) -> None:
    """Forms that a column's type does not allow."""
    aliases = [section.alias, *(j.alias for j in section.joins), *(p.alias for p in section.pivot)]
    twice = next((a for a in aliases if aliases.count(a) > 1), None)
    if twice is not None:
        raise KeyProblem(f"{family}.joins", twice, "two tables have this alias", "Give each its own.")
    for name, mapped in section.columns.items():
        raw = RAW_COLUMNS[family][name]
        key = f"{family}.columns.{name}"
        if raw.type != "text" and (mapped.concat or mapped.map or mapped.present is not None):
            raise KeyProblem(key, mapped.source, f"concat, map and present make texts, this is a {raw.type}")
        if mapped.sum and raw.type != "number":
            raise KeyProblem(key, mapped.source, f"sum adds numbers, this is a {raw.type}")
        if mapped.natural and name != "proc_seq":
            raise KeyProblem(f"{key}.natural", True, "only the operation number proc_seq has a natural order")
        if mapped.time_form and not name.endswith("_time"):
            raise KeyProblem(f"{key}.time_form", mapped.time_form, "only times have a form")
        if mapped.time_form and isinstance(section, ResultSource) and section.time_factor_min != 1:
            raise KeyProblem(
                "results.time_factor_min",
                section.time_factor_min,
                f"times written as {mapped.time_form} are read in minutes",
                "Write time_factor_min = 1.",
            )
        if mapped.date_format and raw.type != "date":
            raise KeyProblem(f"{key}.date_format", mapped.date_format, f"this is a {raw.type}, no date")


class Document(Section):
    """A whole profile."""

    name: str
    description: str = ""
    source: Database = Field(default_factory=lambda: Database.model_validate({}))
    items: ItemSource
    operations: OperationSource
    routing: Routing = Routing()
    results: ResultSource | None = None
    purchase_orders: Source | None = None
    resources: ResourceSource | None = None
    units: Units = Units()
    health: Health = Field(default_factory=lambda: Health.model_validate({}))
    sheets: Sheets = Field(default_factory=lambda: Sheets.model_validate({}))

    @model_validator(mode="after")
    def _mapped(self) -> Document:
        for family, section in self.sections().items():
            known = RAW_COLUMNS[family]
            for name, mapped in section.columns.items():
                if name not in known:
                    near = difflib.get_close_matches(name, known, 1)
                    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
                    raise KeyProblem(
                        f"{family}.columns.{name}", mapped.source, f"not a canonical column{hint}"
                    )
            other_number = getattr(section, "order_by", ()) or (
                family == "results" and "oper_no" in section.columns
            )
            mapped_names = {*section.columns, *(("proc_seq",) if other_number else ())}
            missing = [c.name for c in known.values() if c.required and c.name not in mapped_names]
            if missing:
                raise KeyProblem(f"{family}.columns", None, f"must map {', '.join(missing)}")
            _check_incremental(family, section)
            _check_forms(family, section)
        if self.results is not None:
            self.results.check()
        self._check_items()
        self._check_company()
        self._check_routing()
        self._check_numbers()
        for key, unit in (*self.units.map.items(), *self.units.blank_default.items()):
            if unit != "unknown" and self.units.quantity_of(unit.removesuffix("?")) is None:
                raise KeyProblem(f"units.map.{key}", unit, "the unit stands in no [units.quantities]")
        return self

    def _check_items(self) -> None:
        attributes = self.items.attributes
        if not attributes:
            raise KeyProblem("items.attributes", None, "must name at least one attribute")
        for name, attribute in attributes.items():
            if name in RESERVED or name.startswith(UNIT_PREFIX):
                raise KeyProblem(
                    f"items.attributes.{name}", "/".join(attribute.names), "a reserved column name"
                )
            if attribute.unit_column and self.units.quantity_of(attribute.unit) is None:
                raise KeyProblem(
                    f"items.attributes.{name}.unit",
                    attribute.unit,
                    "the unit stands in no [units.quantities]",
                )
        named = [("mark_columns", n) for n in self.items.mark_columns]
        named += [("not_above", n) for pair in self.items.not_above for n in pair]
        named += [("outlier.by", self.items.outlier.by)] if self.items.outlier else []
        keys = [(f"items.{key}", name) for key, name in named]
        keys += [(f"health.{k}", n) for k in ("planner", "family", "plant") if (n := getattr(self.health, k))]
        for key, name in keys:
            if name not in attributes:
                raise KeyProblem(key, name, "[items.attributes] has no such attribute")

    def _check_company(self) -> None:
        """A company that is part of the item code in one table must be part of it in all."""
        sections = self.sections()
        named = [f for f, s in sections.items() if s.company is not None]
        lacking = [f for f, s in sections.items() if s.company is None]
        if named and lacking:
            raise KeyProblem(
                f"{lacking[0]}.company",
                None,
                f"[{named[0]}] has codes with their company, this table has codes without; they would not meet",
                f'Write company = "COLUMN" in [{"], [".join(lacking)}], or in no section.',
            )

    def _check_routing(self) -> None:
        columns = self.operations.columns
        for column, key, said in (
            ("run_basis", "run_basis_words", self.routing.run_basis_words),
            ("qty_unit", "qty_units", self.routing.qty_units),
        ):
            mapped = columns.get(column)
            if mapped is not None and not said and not (column == "run_basis" and mapped.const in RUN_BASES):
                raise KeyProblem(
                    f"routing.{key}",
                    None,
                    f"operations.columns.{column} is mapped, but nothing says what its values mean",
                    f"Write [routing.{key}] with a line for each value.",
                )

    def _check_numbers(self) -> None:
        """Work results must name operations as the routing does, or by a number that both have."""
        if self.results is None:
            return
        ours, theirs = self.operations.columns, self.results.columns
        both = "Map oper_no, the number by which the ERP knows an operation, in [operations.columns] and in [results.columns]."
        if ("oper_no" in ours) != ("oper_no" in theirs):
            lacking = "results" if "oper_no" in ours else "operations"
            raise KeyProblem(
                f"{lacking}.columns.oper_no", None, "the other of [operations] and [results] maps it, so results find no operation",
                both,
            )  # fmt: skip
        if "oper_no" in ours:
            return
        if self.operations.order_by and "proc_seq" not in ours:
            raise KeyProblem(
                "operations.order_by", list(self.operations.order_by),
                "the operations are numbered 10, 20, 30 by it, and work results name the ERP's numbers, so they would not meet",
                "Map in [operations.columns] also proc_seq, the number that results name, or oper_no in both sections.",
            )  # fmt: skip
        natural = [
            name
            for name, columns in (("operations", ours), ("results", theirs))
            if columns["proc_seq"].natural
        ]
        if len(natural) == 1:
            lacking = "results" if natural == ["operations"] else "operations"
            raise KeyProblem(
                f"{lacking}.columns.proc_seq.natural", False, f"[{natural[0]}.columns] has it, so the numbers would not meet",
                "Write natural = true in both.",
            )  # fmt: skip

    def sections(self) -> dict[Family, Source]:
        """The sections that name a table, in reading order."""
        found: dict[Family, Source | None] = {
            "items": self.items,
            "operations": self.operations,
            "results": self.results,
            "purchase_orders": self.purchase_orders,
            "resources": self.resources,
        }
        return {k: v for k, v in found.items() if v is not None}
