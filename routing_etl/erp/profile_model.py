"""The keys of a source profile: which exist, what they may hold, what they mean.

What belongs here: the sections of a profile as pydantic models, and the raw columns that a profile maps to. What does
not: finding and merging files, or errors for people (`profile.py`).
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
    """A column of a raw frame: how it is read, whether a profile must map it, and its longest text.

    `key` columns are never cut: a longer value rejects its row. Other texts are cut and counted.
    """

    name: str
    type: ReadType
    required: bool = False
    length: int = 255
    key: bool = False


def _raw(*columns: tuple[Any, ...]) -> dict[str, RawColumn]:
    return {c[0]: RawColumn(*c) for c in columns}


#: Raw columns of every frame, in the order in which they are written. Item attributes come after these.
RAW_COLUMNS: dict[Family, dict[str, RawColumn]] = {
    "items": _raw(("item_cd", "text", True, 100, True)),
    "operations": _raw(
        ("item_cd", "text", True, 100, True),
        ("rout_no", "text", True, 50, True),
        ("proc_seq", "integer", True),
        ("job_cd", "text", True, 50, True),
        ("job_nm", "text", False, 255),
        ("res_cd", "text", False, 50, True),
        ("res_nm", "text", False, 255),
        ("inside", "text", False, 16),
        ("insrt_dt", "date"),
        ("time_unit", "text", False, 20),
        ("setup_time", "number"),
        ("run_time", "number"),
        ("run_time_qty", "number"),
        ("act_setup_time", "number"),
        ("act_run_time", "number"),
        ("queue_time", "number"),
        ("wait_time", "number"),
        ("move_time", "number"),
        ("mfg_lt", "number"),
        ("batch_oper", "text", False, 8),
        ("bp_cd", "text", False, 50, True),
        ("cust_nm", "text", False, 255),
        ("cur_cd", "text", False, 20),
        ("subcontract_prc", "number"),
        ("tax_type", "text", False, 20),
        ("insp_flg", "text", False, 16),
        ("milestone_flg", "text", False, 16),
        ("valid_from", "date"),
        ("valid_to", "date"),
        ("validity", "text", False, 32),
        ("major_flg", "text", False, 16),
    ),
    "results": _raw(
        ("item_cd", "text", True, 100, True),
        ("rout_no", "text", False, 50, True),
        ("proc_seq", "integer", True),
        ("job_cd", "text", True, 50, True),
        ("res_cd", "text", False, 50, True),
        ("report_dt", "date"),
        ("machine_time", "number"),
        ("setup_time", "number"),
        ("hold_time", "number"),
        ("order_qty", "number"),
        ("bad_qty", "number"),
    ),
    "purchase_orders": _raw(
        ("item_cd", "text", True, 100, True),
        ("po_no", "text", True, 50, True),
        ("po_date", "date"),
        ("qty", "number"),
    ),
}

#: Frame name of `frames.py` (and of the Parquet file) by profile section.
FRAME_OF: dict[Family, str] = {
    "items": "items",
    "operations": "operations",
    "results": "work_results",
    "purchase_orders": "purchase_orders",
}

#: Item columns that cleaning adds; no attribute may be called so.
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

Names = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class KeyProblem(ValueError):
    """A problem between several keys: carries the key and the value for the message, and a remedy where one is known."""

    def __init__(self, key: str, value: object, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.key, self.value, self.remedy = key, value, remedy


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMap(Section):
    """Where a canonical column comes from: `column` (one name, or several to try in order) or a constant.

    A name may carry the alias of a joined table: `product.Name`. `length` bounds its text, `optional` lets it be
    absent, `integer_code` says that the code is an integer in this database. A plain string in TOML means
    `{ column = "..." }`.
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

    `null_words` replaces the frame's list for this column. `placeholder_words` and `placeholder_values` become NULL too
    and are flagged in the items' `placeholders` column. `unit` is the unit wanted (mm); `unit_column` says what each row
    is in; `unit_group` picks the rule for a blank unit. `right_trim` are characters cut off the end of a text.
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

    @model_validator(mode="after")
    def _consistent(self) -> AttributeMap:
        if self.kind != "number" and (self.unit_column or self.unit or self.placeholder_values):
            raise ValueError('unit, unit_column and placeholder_values need kind = "number"')
        if self.unit_column and not self.unit:
            raise ValueError("unit_column needs unit, the unit that values are converted to")
        return self


class Join(Section):
    """Another table of the same frame: `on` pairs of [known column (alias.column), column of this table]."""

    table: str
    alias: str
    on: tuple[tuple[str, str], ...] = Field(min_length=1)
    kind: Literal["left", "inner"] = "left"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")


class Where(Section):
    """A filter on source rows; the value travels as a bound parameter."""

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


#: How far below the newest mark an incremental read begins, by kind, when the profile does not say.
OVERLAP: dict[ChangeKind, float] = {"date": 3, "number": 1000, "rowversion": 0}


class Incremental(Section):
    """Read only what changed since the last succeeded run; `incremental.py` says how, and what it cannot see.

    `column` grows with every insert and update of a row: a `date` (day or moment), a `number` (a sequence) or SQL
    Server's `rowversion`. `key` are source columns whose values together are unique. `overlap` is read again below the
    newest mark seen: days for a date, units for a number or row version. Every `full_every_days` all rows are read.
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
    """Where one frame's rows are: a table or view, joined tables, filters, and how changes are found."""

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
    """A size beyond `factor` times the median of its group, in groups of `min_rows` and more, is quarantined."""

    by: str
    factor: float = Field(gt=1)
    min_rows: int = Field(50, ge=5)


class ItemSource(Source):
    """The item master and the rules for its values."""

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
    """How routing rows are read and which routing of an item counts (docs/erp-contract.md 4.3 and section 9)."""

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
    null_words: tuple[str, ...] = ()
    zero_time_is_missing: bool = True
    fill_job_cd_from_name: bool = True


class ResultSource(Source):
    """Work results: their age filter and time basis."""

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
    """Unit spellings (matched trimmed and upper case), quantities with their factors, and rules for doubtful values.

    `map`: spelling to unit; a trailing `?` marks an assumption. `unknown`: spellings known to mean nothing; any other
    spelling is reported as new. `blank_default`: unit group to the unit of a value without one, or "unknown".
    `suspicious`: in this unit, values from here on are not believed.
    """

    quantities: dict[str, dict[str, float]] = {}
    map: dict[str, str] = {}
    unknown: tuple[str, ...] = ()
    blank_default: dict[str, str] = {}
    suspicious: dict[str, float] = {}

    def quantity_of(self, unit: str) -> dict[str, float] | None:
        """The quantity (unit to factor) that a unit belongs to."""
        return next((q for q in self.quantities.values() if unit in q), None)


class Database(Section):
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
        found: dict[Family, Source | None] = {
            "items": self.items,
            "operations": self.operations,
            "results": self.results,
            "purchase_orders": self.purchase_orders,
        }
        return {k: v for k, v in found.items() if v is not None}
