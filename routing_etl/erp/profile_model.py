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
    [units]             Units         unit spellings and factors

`profiles/bi_views.toml` shows every key with its meaning, for the people who write profiles. `RAW_COLUMNS` are the columns
that a profile maps to; `profile.py` finds and merges the files.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from routing_etl.frames import AttributeKind

ReadType = Literal["text", "integer", "number", "date"]
Family = Literal["items", "operations", "results", "purchase_orders"]
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

#: Raw columns of every frame, in the order in which they are written. Item attributes come after these.
RAW_COLUMNS: dict[Family, dict[str, RawColumn]] = {
    "items": _columns(_key("item_cd", 100, required=True)),
    "operations": _columns(
        _key("item_cd", 100, required=True),
        _key("rout_no", 50, required=True),
        _PROC_SEQ,
        _key("job_cd", 50, required=True),
        _text("job_nm", 255),
        _key("res_cd", 50),
        _text("res_nm", 255),
        _text("inside", 16),
        RawColumn("insrt_dt", "date"),
        _text("time_unit", 20),
        RawColumn("setup_time", "number"),
        RawColumn("run_time", "number"),
        RawColumn("run_time_qty", "number"),
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
        _key("job_cd", 50, required=True),
        _key("res_cd", 50),
        RawColumn("report_dt", "date"),
        RawColumn("machine_time", "number"),
        RawColumn("setup_time", "number"),
        RawColumn("hold_time", "number"),
        RawColumn("order_qty", "number"),
        RawColumn("bad_qty", "number"),
    ),
    "purchase_orders": _columns(
        _key("item_cd", 100, required=True),
        _key("po_no", 50, required=True),
        RawColumn("po_date", "date"),
        RawColumn("qty", "number"),
    ),
}

#: Name of the frame in `frames.py`, and of its Parquet file, by section of the profile.
FRAME_OF: dict[Family, str] = {
    "items": "items",
    "operations": "operations",
    "results": "work_results",
    "purchase_orders": "purchase_orders",
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

#: One name, or several to try in order.
Names = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


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


class ColumnMap(Section):
    """Where a canonical column comes from; a plain string in TOML means `{ column = "..." }`.

    Parameters
    ----------
    column : tuple of str
        Source column, or several to try in order. A name may carry the alias of a joined table: `product.Name`.
    const : str or int or float, optional
        A constant in place of a column.
    length : int, optional
        Longest text, in place of that of `RAW_COLUMNS`.
    optional : bool
        The column may be absent from the database; it is then NULL.
    integer_code : bool
        The code is an integer in this database, so it has no leading zeros to lose.
    """

    column: Names = ()
    const: str | int | float | None = None
    length: int | None = Field(None, ge=1, le=4000)
    optional: bool = False
    integer_code: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, (str, list, tuple)) else value

    @model_validator(mode="after")
    def _one_source(self) -> ColumnMap:
        if bool(self.column) == (self.const is not None):
            raise ValueError("give either column or const")
        return self

    @property
    def source(self) -> str:
        """The mapping in words, for messages."""
        return "/".join(self.column) or f"constant {self.const!r}"


class AttributeMap(Section):
    """One item attribute: its column, what kind of value it is, and which of its values mean "missing".

    Parameters
    ----------
    column : tuple of str
        Source column, or several to try in order.
    kind : {"category", "code", "text", "number"}
        One of few words, a structured code, free text, or a number.
    length : int
        Longest text.
    optional : bool
        The column may be absent from the database.
    integer_code : bool
        The code is an integer in this database, so it has no leading zeros to lose.
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

    column: Names
    kind: AttributeKind
    length: int = Field(100, ge=1, le=4000)
    optional: bool = False
    integer_code: bool = False
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
        if self.kind != "number" and (self.unit_column or self.unit or self.placeholder_values):
            raise ValueError('unit, unit_column and placeholder_values need kind = "number"')
        if self.unit_column and not self.unit:
            raise ValueError("unit_column needs unit, the unit that values are converted to")
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
    kind : {"left", "inner"}
        Whether rows without a partner stay.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    """

    table: str
    alias: str
    on: tuple[tuple[str, str], ...] = Field(min_length=1)
    kind: Literal["left", "inner"] = "left"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")


class Where(Section):
    """A filter on source rows: `column op value`. The value is sent as a bound parameter."""

    column: str
    op: Literal["=", "!=", "<", "<=", ">", ">=", "is null", "is not null"]
    value: str | int | float | bool | None = None

    @model_validator(mode="after")
    def _value(self) -> Where:
        if (self.value is None) != self.op.endswith("null"):
            raise ValueError("value goes with every operator but 'is null' and 'is not null'")
        return self


class Latest(Section):
    """Keep only the rows whose `key` is the highest of their `group`, e.g. the newest work order of a product."""

    group: str
    key: str


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
    where : tuple of Where
        Filters; all must hold.
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
    where: tuple[Where, ...] = ()
    latest: Latest | None = None
    incremental: Incremental | None = None
    columns: dict[str, ColumnMap] = {}
    ignore: tuple[str, ...] = ()


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
    outlier: Outlier | None = None
    not_above: tuple[tuple[str, str], ...] = ()
    on_not_above: Literal["null_first", "null_both", "swap", "keep"] = "null_first"


class Routing(Section):
    """How routing rows are read, and which routing of an item counts (docs/erp-contract.md 4.3 and 9).

    Parameters
    ----------
    run_basis : {"base_qty", "piece"}
        The run time is for `run_time_qty` pieces (1 when that is NULL or 0), or for one piece.
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

    run_basis: Literal["base_qty", "piece"] = "base_qty"
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
    """

    database_schema: str | dict[str, str] | None = Field(None, alias="schema")
    strict_types: bool = False


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
    if section.joins or section.latest:
        raise KeyProblem(
            key,
            wanted.column,
            "a change in a joined table, or another newest row of a group, does not show in this column",
            "Remove joins and latest (a view can join, if its change column covers every table), or remove "
            f"[{key}]: then every row is read every night.",
        )
    if wanted.kind == "rowversion" and wanted.distance != int(wanted.distance):
        raise KeyProblem(f"{key}.overlap", wanted.overlap, "row versions are whole numbers")


class Document(Section):
    """A whole profile."""

    name: str
    description: str = ""
    source: Database = Field(default_factory=lambda: Database.model_validate({}))
    items: ItemSource
    operations: Source
    routing: Routing = Routing()
    results: ResultSource | None = None
    purchase_orders: Source | None = None
    units: Units = Units()

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
            missing = [c.name for c in known.values() if c.required and c.name not in section.columns]
            if missing:
                raise KeyProblem(f"{family}.columns", None, f"must map {', '.join(missing)}")
            _check_incremental(family, section)
        self._check_items()
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
                    f"items.attributes.{name}", "/".join(attribute.column), "a reserved column name"
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
        for key, name in named:
            if name not in attributes:
                raise KeyProblem(f"items.{key}", name, "[items.attributes] has no such attribute")

    def sections(self) -> dict[Family, Source]:
        """The sections that name a table, in reading order."""
        found: dict[Family, Source | None] = {
            "items": self.items,
            "operations": self.operations,
            "results": self.results,
            "purchase_orders": self.purchase_orders,
        }
        return {k: v for k, v in found.items() if v is not None}
