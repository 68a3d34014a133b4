"""The whole profile, and the rules that more than one of its tables must keep."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from routing_etl.erp.profile_model.raw_columns import RAW_COLUMNS, RESERVED, UNIT_PREFIX, Family
from routing_etl.erp.profile_model.results import ResultSource
from routing_etl.erp.profile_model.routing import RUN_BASES, Routing
from routing_etl.erp.profile_model.section import KeyProblem, Section
from routing_etl.erp.profile_model.tables import ItemSource, OperationSource, ResourceSource, Source


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

    quantities: dict[str, dict[str, float]] = Field(default_factory=dict)
    map: dict[str, str] = Field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    blank_default: dict[str, str] = Field(default_factory=dict)
    suspicious: dict[str, float] = Field(default_factory=dict)

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

    titles: dict[str, str] = Field(default_factory=dict)


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
            other_number = getattr(section, "renumbers", False) or (
                family == "results" and "oper_no" in section.columns
            )
            mapped_names = {*section.columns, *(("proc_seq",) if other_number else ())}
            missing = [c.name for c in known.values() if c.required and c.name not in mapped_names]
            if missing:
                raise KeyProblem(f"{family}.columns", None, f"must map {', '.join(missing)}")
            if section.also and section.incremental is not None:
                raise KeyProblem(
                    f"{family}.also", list(section.also), "changes are read of one table",
                    f"Remove [{family}.incremental], or read a view of all the tables.",
                )  # fmt: skip
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
            if attribute.converted and self.units.quantity_of(attribute.unit) is None:
                raise KeyProblem(
                    f"items.attributes.{name}.unit",
                    attribute.unit,
                    "the unit stands in no [units.quantities]",
                )
            if attribute.converted and attribute.unit_column is None:
                self._check_one_unit(name, attribute.unit, attribute.unit_group)
        named = [("mark_columns", n) for n in self.items.mark_columns]
        named += [("not_above", n) for pair in self.items.not_above for n in pair]
        named += [("outlier.by", self.items.outlier.by)] if self.items.outlier else []
        keys = [(f"items.{key}", name) for key, name in named]
        keys += [(f"health.{k}", n) for k in ("planner", "family", "plant") if (n := getattr(self.health, k))]
        for key, name in keys:
            if name not in attributes:
                raise KeyProblem(key, name, "[items.attributes] has no such attribute")

    def _check_one_unit(self, name: str, unit: str, group: str) -> None:
        """The unit of all values of an attribute is known, and can be converted."""
        given = self.units.blank_default.get(group, "unknown").removesuffix("?")
        if given not in (self.units.quantity_of(unit) or {}):
            raise KeyProblem(
                f"items.attributes.{name}.unit_group", group,
                "without unit_column it names the unit of every value, and [units.blank_default] gives none that can be "
                f"converted to {unit}",
                f'Write {group} = "UNIT" in [units.blank_default], with a unit of the quantity of {unit}, give unit_column, or leave '
                "unit_group out.",
            )  # fmt: skip

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
        if "next_oper" in columns and self.operations.order_by:
            raise KeyProblem(
                "operations.order_by", list(self.operations.order_by), "next_oper says the order already",
                "Give either order_by or next_oper.",
            )  # fmt: skip
        if "next_oper" in columns and not {"proc_seq", "oper_no"} & set(columns):
            raise KeyProblem(
                "operations.columns.next_oper", columns["next_oper"].source, "nothing says by which number an operation is named there",
                "Map proc_seq, or oper_no where next_oper names an id.",
            )  # fmt: skip
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
        if self.operations.renumbers and "proc_seq" not in ours:
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
