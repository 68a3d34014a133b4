"""Source profiles: what an ERP calls its tables, columns, units and words, as data.

A profile is a TOML file that maps any ERP to the canonical frames of `frames.py`. Shipped ones lie in `profiles/`; a
site writes its own file that `extends` one of them and names only what differs (dictionaries merge deeply, lists and
plain values replace, `false` in place of a mapping removes it).

What belongs here: the profile's model, its loading and its errors. What does not: looking at a database
(`catalogue.py`), reading it (`extract.py`) or applying the rules (`clean_*.py`).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from routing_etl.errors import ProfileError
from routing_etl.frames import AttributeKind, AttributeSpec, TimeBasis

ReadType = Literal["text", "integer", "number", "date"]
Family = Literal["items", "operations", "results", "purchase_orders"]

SHIPPED = Path(__file__).parent / "profiles"


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


class _KeyProblem(ValueError):
    """A problem between several keys: carries the key and the value for the message."""

    def __init__(self, key: str, value: object, problem: str) -> None:
        super().__init__(problem)
        self.key, self.value = key, value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMap(_Section):
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


class AttributeMap(_Section):
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


class Join(_Section):
    """Another table of the same frame: `on` pairs of [known column (alias.column), column of this table]."""

    table: str
    alias: str
    on: tuple[tuple[str, str], ...] = Field(min_length=1)
    kind: Literal["left", "inner"] = "left"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")


class Where(_Section):
    """A filter on source rows; the value travels as a bound parameter."""

    column: str
    op: Literal["=", "!=", "<", "<=", ">", ">=", "is null", "is not null"]
    value: str | int | float | bool | None = None

    @model_validator(mode="after")
    def _value(self) -> Where:
        if (self.value is None) != self.op.endswith("null"):
            raise ValueError("value goes with every operator but 'is null' and 'is not null'")
        return self


class Latest(_Section):
    """Keep only the rows whose `key` is the highest of their `group`, e.g. the newest work order of a product."""

    group: str
    key: str


class Source(_Section):
    """Where one frame's rows are: a table or view, joined tables, filters."""

    table: str
    alias: str = "main"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")
    optional: bool = False
    joins: tuple[Join, ...] = ()
    where: tuple[Where, ...] = ()
    latest: Latest | None = None
    columns: dict[str, ColumnMap] = {}
    ignore: tuple[str, ...] = ()


class Outlier(_Section):
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


class Routing(_Section):
    """How routing rows are read and which routing of an item counts (ERP_CONTRACT 4.3 and section 9)."""

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
    hold_columns: tuple[str, ...] = ()


class Units(_Section):
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


class _Database(_Section):
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")
    strict_types: bool = False


class _Document(_Section):
    name: str
    description: str = ""
    source: _Database = _Database()
    items: ItemSource
    operations: Source
    routing: Routing = Routing()
    results: ResultSource | None = None
    purchase_orders: Source | None = None
    units: Units = Units()

    @model_validator(mode="after")
    def _mapped(self) -> _Document:
        for family, section in self.sections().items():
            known = RAW_COLUMNS[family]
            for name, mapped in section.columns.items():
                if name not in known:
                    near = difflib.get_close_matches(name, known, 1)
                    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
                    raise _KeyProblem(
                        f"{family}.columns.{name}", mapped.source, f"not a canonical column{hint}"
                    )
            missing = [c.name for c in known.values() if c.required and c.name not in section.columns]
            if missing:
                raise _KeyProblem(f"{family}.columns", None, f"must map {', '.join(missing)}")
        self._check_items()
        for key, unit in (*self.units.map.items(), *self.units.blank_default.items()):
            if unit != "unknown" and self.units.quantity_of(unit.removesuffix("?")) is None:
                raise _KeyProblem(f"units.map.{key}", unit, "the unit stands in no [units.quantities]")
        return self

    def _check_items(self) -> None:
        attributes = self.items.attributes
        if not attributes:
            raise _KeyProblem("items.attributes", None, "must name at least one attribute")
        for name, attribute in attributes.items():
            if name in RESERVED or name.startswith(UNIT_PREFIX):
                raise _KeyProblem(
                    f"items.attributes.{name}", "/".join(attribute.column), "a reserved column name"
                )
            if attribute.unit_column and self.units.quantity_of(attribute.unit) is None:
                raise _KeyProblem(
                    f"items.attributes.{name}.unit",
                    attribute.unit,
                    "the unit stands in no [units.quantities]",
                )
        named = [("mark_columns", n) for n in self.items.mark_columns]
        named += [("not_above", n) for pair in self.items.not_above for n in pair]
        named += [("outlier.by", self.items.outlier.by)] if self.items.outlier else []
        for key, name in named:
            if name not in attributes:
                raise _KeyProblem(f"items.{key}", name, "[items.attributes] has no such attribute")

    def sections(self) -> dict[Family, Source]:
        found: dict[Family, Source | None] = {
            "items": self.items,
            "operations": self.operations,
            "results": self.results,
            "purchase_orders": self.purchase_orders,
        }
        return {k: v for k, v in found.items() if v is not None}


@dataclass(frozen=True)
class Profile:
    """A loaded, checked profile."""

    file: str
    document: _Document
    fingerprint: str

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.document.name

    @property
    def items(self) -> ItemSource:
        """The item master's section."""
        return self.document.items

    @property
    def operations(self) -> Source:
        """The routing rows' section."""
        return self.document.operations

    @property
    def routing(self) -> Routing:
        """Rules for routing rows."""
        return self.document.routing

    @property
    def results(self) -> ResultSource | None:
        """The work results' section, None when the ERP has none."""
        return self.document.results

    @property
    def units(self) -> Units:
        """Unit spellings and factors."""
        return self.document.units

    @property
    def strict_types(self) -> bool:
        """Whether a retyped or narrowed column is an error."""
        return self.document.source.strict_types

    @cached_property
    def sections(self) -> dict[Family, Source]:
        """The sections that this profile has, in reading order."""
        return self.document.sections()

    @cached_property
    def attributes(self) -> tuple[AttributeSpec, ...]:
        """The item attributes, in the profile's order."""
        return tuple(
            AttributeSpec(name, a.kind, a.unit, "/".join(a.column))
            for name, a in self.items.attributes.items()
        )

    @cached_property
    def time_basis(self) -> TimeBasis:
        """How the work results report time; the default basis when the profile has no results."""
        r = self.results
        if r is None:
            return TimeBasis()
        return TimeBasis(r.time_factor_min, r.run_basis, r.setup_basis, r.qty, r.lot_size)

    def column_maps(self, family: Family) -> dict[str, ColumnMap]:
        """Canonical column to its source, with the columns that rules name (main flag, hold time) among them."""
        section = self.sections[family]
        maps = dict(section.columns)
        if family == "operations" and self.routing.major_flag_source != "none":
            maps["major_flg"] = ColumnMap(column=(self.routing.major_flag_source,))
        if family == "results" and self.results is not None and self.results.hold_columns:
            maps.setdefault("hold_time", ColumnMap(column=self.results.hold_columns, optional=True))
        return {name: maps[name] for name in RAW_COLUMNS[family] if name in maps}

    def schema_for(self, section: Source | Join, dialect: str) -> str | None:
        """The schema of a table on this dialect: the table's own, else the profile's, else the default one.

        A plain string holds for every dialect that has schemas; a table `{ mssql = "dbo" }` for the named ones only.
        """
        own = (
            section.database_schema
            if section.database_schema is not None
            else self.document.source.database_schema
        )
        if isinstance(own, dict):
            return own.get(dialect)
        return own


def shipped_profiles() -> list[str]:
    """Names of the profiles that come with the product."""
    return sorted(p.stem for p in SHIPPED.glob("*.toml"))


def load_profile(name_or_path: str | Path) -> Profile:
    """Load a shipped profile by name, or any profile by the path of its TOML file.

    Raises
    ------
    ProfileError: unknown name, unreadable file, unknown or wrong key; names file, key, value and remedy.
    """
    path = _find(str(name_or_path))
    content = _read_merged(path, ())
    file = path.name
    try:
        document = _Document.model_validate(content)
    except ValidationError as exc:
        raise _profile_error(file, exc) from exc
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return Profile(file, document, hashlib.sha256(canonical.encode()).hexdigest())


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise ProfileError(
            name, "profile", name, "there is no such file", remedy="Check the path in ROUTING_ETL_PROFILE."
        )
    shipped = SHIPPED / f"{name}.toml"
    if name in shipped_profiles():
        return shipped
    near = difflib.get_close_matches(name, shipped_profiles(), 1)
    raise ProfileError(
        name,
        "profile",
        name,
        "there is no such profile" + (f"; did you mean {near[0]}?" if near else ""),
        remedy=f"Use one of {', '.join(shipped_profiles())}, or the path of a TOML file ending in .toml.",
    )


def _read_merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        chain = " -> ".join(p.name for p in (*seen, path))
        raise ProfileError(
            path.name, "extends", chain, "profiles extend each other", remedy="Break the circle."
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ProfileError(
            path.name, "file", str(path), f"it is not valid TOML ({exc})", remedy="Correct the line named."
        ) from exc
    except OSError as exc:
        raise ProfileError(path.name, "file", str(path), str(exc), remedy="Make the file readable.") from exc
    base = content.pop("extends", None)
    if base is None:
        return _without_removed(content)
    if not isinstance(base, str):
        raise ProfileError(
            path.name, "extends", base, "must be a name or a path", remedy='Write extends = "bi_views".'
        )
    relative = path.parent / base
    parent = _read_merged(
        relative if base.endswith(".toml") and relative.is_file() else _find(base), (*seen, path.resolve())
    )
    return _without_removed(_merge(parent, content))


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if (
            isinstance(old, str)
            and isinstance(value, dict)
            and "column" not in value
            and "const" not in value
        ):
            old = {"column": old}
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


#: Mappings that a site may switch off by writing `false`.
_REMOVABLE = ("results", "purchase_orders", "outlier", "latest", "columns", "attributes")


def _without_removed(content: dict[str, Any], inside: bool = False) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in content.items():
        if value is False and (inside or key in _REMOVABLE):
            continue
        kept[key] = (
            _without_removed(value, key in ("columns", "attributes")) if isinstance(value, dict) else value
        )
    return kept


def _profile_error(file: str, exc: ValidationError) -> ProfileError:
    """The first problem as our error: which key, which value, what to write instead."""
    first = exc.errors()[0]
    key = ".".join(str(p) for p in first["loc"]) or "profile"
    value = first.get("input")
    if isinstance(value, dict) and first["type"] in ("value_error", "missing"):
        value = "{...}"
    message = first["msg"].removeprefix("Value error, ")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, _KeyProblem):
        key, value = cause.key, cause.value
    remedy = "Correct this key; see the shipped profiles and ERP_CONTRACT section 9 for what it may hold."
    if first["type"] == "extra_forbidden":
        message = "unknown key"
        known = _keys_at(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
        remedy = f"Did you mean {near[0]}? " if near else ""
        remedy += f"Keys here: {', '.join(known)}." if known else "Remove it."
    elif first["type"] == "missing":
        message, value = "the key is missing", None
        remedy = "Add it, or extend a shipped profile that has it."
    return ProfileError(file, key, value, message, remedy=remedy)


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the model allows at a place of the document."""
    model: Any = _Document
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
            model = _model_in(field.annotation) if field else None
        if model is None:
            return []
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [f.alias or n for n, f in model.model_fields.items()]
    return []


def _model_in(annotation: Any) -> Any:
    """The section model inside `X`, `X | None`, `dict[str, X]` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
