"""Finds the columns of one frame, and reports what is missing, retyped, narrowed or not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routing_etl.erp.catalogue.bound import (
    Finding,
    FoundColumn,
    TableName,
    TypeFamily,
    find_column,
    readings_of,
)
from routing_etl.erp.catalogue.names import nearest_name
from routing_etl.erp.catalogue.tables import Tables
from routing_etl.erp.profile_model import FRAME_OF, Family, ReadType, Source


@dataclass(frozen=True)
class Need:
    """What a column must be to be read.

    `kind`: None: any type. `length`: characters that it should hold, 0: any. `optional`: it may be absent. `text_only`: a
    number would lose leading zeros. `any_text`: the profile says how to read a text. `dated`: it says how dates are written.
    """

    kind: ReadType | None = None
    length: int = 0
    optional: bool = False
    text_only: bool = False
    any_text: bool = False
    dated: bool = False


@dataclass
class Look:
    """Finds one frame's columns and reports what is wrong with them."""

    tables: Tables
    family: Family
    section: Source
    names: dict[str, dict[str, FoundColumn]]
    found_tables: dict[str, TableName]
    used: set[tuple[str, str]]
    findings: list[Finding]

    def up(self, name: str, wanted: tuple[str, ...], need: Need = Need()) -> FoundColumn | None:
        """The first of the wanted columns that exists; a finding when none does or its type differs."""
        if not wanted:
            return None
        for candidate in wanted:
            found = find_column(self.names, self.section.alias, candidate)
            if found is not None:
                self.used.update((found.alias, k) for k, c in self.names[found.alias].items() if c is found)
                self._check_type(found, need)
                return found
        self._missing(name, wanted, need.optional)
        return None

    def _table_of(self, column: str) -> tuple[str, str]:
        """Alias and title of the table that a column is looked for in."""
        alias = next(a for a, _ in readings_of(self.names, self.section.alias, column))
        alias = alias if alias in self.names else self.section.alias
        return alias, str(self.found_tables[alias])

    def unused(self) -> dict[tuple[str, str], FoundColumn]:
        """Columns that the profile neither maps nor ignores, by alias and key."""
        ignored = {n.lower() for n in self.section.ignore}
        return {
            (alias, key): column
            for alias, columns in self.names.items()
            for key, column in columns.items()
            if (alias, key) not in self.used and key not in ignored
        }

    def _missing(self, name: str, wanted: tuple[str, ...], optional: bool) -> None:
        alias, table = self._table_of(wanted[0])
        here = {c.name for key, c in self.names[alias].items() if (alias, key) not in self.used}
        asked = [readings_of(self.names, self.section.alias, w)[0][1] for w in wanted]
        nearest = next((n for n in (nearest_name(w, here) for w in asked) if n), None)
        mapped = {c.lower() for m in self.tables.profile.column_maps(self.family).values() for c in m.names}
        if nearest and nearest.lower() in mapped:
            nearest = None
        column = " or ".join(wanted)
        self.findings.append(
            Finding(
                "renamed" if nearest and not optional else "missing",
                "info" if optional else "error",
                FRAME_OF[self.family],
                table,
                column,
                f"{table} has no column {column} ({FRAME_OF[self.family]}.{name})"
                + (f"; the nearest is {nearest}." if nearest else "."),
                "It is optional and stays NULL."
                if optional
                else (f"If {nearest} is meant, map it" if nearest else "Map the right column")
                + " in a profile that extends this one, or have the view corrected.",
            )
        )

    def lacking(self, table: TableName, columns: list[str]) -> None:
        """Report columns that the profile reads and one of the tables that are read together does not have."""
        main = self.found_tables[self.section.alias]
        self.findings += [
            Finding(
                "missing", "error", FRAME_OF[self.family], str(table), column,
                f"{table} has no column {column}, which [{self.family}] reads of {main} and, by also, of {table}.",
                f"Leave {table} out of {self.family}.also, or read a view of all the tables.",
            )
            for column in columns
        ]  # fmt: skip

    def unfit(self, found: FoundColumn, why: str) -> None:
        """Report an error: the profile reads incrementally by an unsuitable column."""
        table = str(self.found_tables[found.alias])
        self.findings.append(
            Finding(
                "retyped",
                "error",
                FRAME_OF[self.family],
                table,
                found.name,
                f"{table}.{found.name} is {found.type}: {why}.",
                f"Name another column in [{self.family}.incremental], or remove it: then every row is read every night.",
            )
        )

    def _check_type(self, found: FoundColumn, need: Need) -> None:
        if need.kind is None:
            return
        kind, length = need.kind, need.length
        verdict = _type_verdict(found.type, need, self.tables.dialect)
        table = str(self.found_tables[found.alias])
        strict = self.tables.profile.strict_types
        if verdict is not None:
            severity, why = verdict
            self.findings.append(
                Finding(
                    "retyped",
                    "error" if strict else severity,
                    FRAME_OF[self.family],
                    table,
                    found.name,
                    f"{table}.{found.name} is {found.type}, expected {kind}: {why}.",
                    "Write integer_code = true beside the column if this ERP numbers them; else have the view give the text."
                    if need.text_only and kind == "text" and severity == "warning"
                    else 'Write date_format beside the column, or under [source]: "%Y%m%d" for 20240531, "CYYDDD", "epoch" or "excel" for '
                    "days that are counted; or map another column."
                    if kind == "date" and found.type in ("integer", "number")
                    else "Have the view give the expected type, or map another column.",
                )
            )
        elif (
            kind == "text" and found.type == "text" and found.length is not None and 0 < found.length < length
        ):
            self.findings.append(
                Finding(
                    "narrowed",
                    "error" if strict else "info",  # a warning where values fill the column: `census`
                    FRAME_OF[self.family],
                    table,
                    found.name,
                    f"{table}.{found.name} holds {found.length} characters, expected {length}.",
                    "Ask whether the view was narrowed; if that is right, set the column's length in the profile.",
                )
            )

    def report_extra_columns(self) -> None:
        """Report the columns of the main table that the profile neither maps, there or by a join of the table to itself, nor ignores."""
        ignored = {n.lower() for n in self.section.ignore}
        alias = self.section.alias
        table = str(self.found_tables[alias])
        again = {k for a, k in self.used if self.found_tables.get(a) == self.found_tables[alias]}
        self.findings.extend(
            Finding(
                "extra",
                "info",
                FRAME_OF[self.family],
                table,
                column.name,
                f"{table}.{column.name} is not in the profile.",
                "Map it if it matters, or add it to the table's ignore list.",
            )
            for key, column in self.names[alias].items()
            if key not in again and key not in ignored
        )


def _type_verdict(
    found: TypeFamily, need: Need, dialect: str
) -> tuple[Literal["error", "warning", "info"], str] | None:
    """None when a column of family `found` can be read as needed; else how bad it is, and why."""
    kind = need.kind
    if found == "unknown":
        return None
    if found == "binary":
        return "error", "bytes are not readable as that"
    if kind == "text":
        if found in ("integer", "number") and need.text_only:
            return "warning", "leading zeros of codes are lost"
        return None
    if kind in ("integer", "number"):
        if found in ("integer", "number", "boolean") or (found == "text" and need.any_text):
            return None
        if found == "text":
            return "info", "values are parsed; those that are no number become NULL and are counted"
        return "error", "a date is no number"
    if found in ("integer", "number", "boolean"):
        if need.dated:
            return None
        return "error", "a number is no date, unless date_format says how it is written"
    if found == "text" and dialect != "sqlite" and not need.dated:
        return "info", "values are parsed; those that are no date become NULL and are counted"
    return None
