"""The ERP's tables as the profile reads them: what is missing or differs, and what joins, filters and keys do to their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from routing_etl.database.engine import translated
from routing_etl.doctor.server import Finding, Level
from routing_etl.erp import census
from routing_etl.erp.catalogue import Catalogue
from routing_etl.erp.catalogue import Finding as Difference
from routing_etl.erp.dropped_reversals import dropped_reversals
from routing_etl.erp.left_out_set_ups import left_out_set_ups
from routing_etl.erp.profile import Profile
from routing_etl.erp.unread_factors import unread_factors
from routing_etl.erp.unread_flags import unread_flags
from routing_etl.erp.unread_headers import unread_headers
from routing_etl.erp.unread_masters import unread_masters
from routing_etl.erp.unread_measures import unread_measures
from routing_etl.erp.unread_references import unread_references
from routing_etl.erp.unread_units import clashes
from routing_etl.erp.unread_words import look_through, unread_words
from routing_etl.frames import MOST_DROPPED

#: Columns that a line names before it only counts the rest.
_NAMED = 12


def examine_source(engine: sa.Engine, catalogue: Catalogue, profile: Profile) -> Iterator[Finding]:
    """Every difference between profile and database, then the counts; nothing is counted while there are errors.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Engine of the ERP's database.
    catalogue : Catalogue
        The resolved profile.
    profile : Profile
        The profile.

    Yields
    ------
    Finding
        Errors first; columns that the profile does not map are one line a table.
    """
    unread: dict[str, list[str]] = {}
    for found in catalogue.worst_first:
        if found.kind == "extra" and found.column is not None:
            unread.setdefault(found.table, []).append(found.column)
        elif found.severity != "info" or found.kind == "missing":
            yield _difference(found)
    for table, columns in unread.items():
        more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
        yield Finding(
            "catalogue", "ok", f"columns of {table} that are not in the profile: {', '.join(columns[:_NAMED])}{more}",
            "Map those that matter; name the others in the table's ignore list.",
        )  # fmt: skip
    if any(f.severity == "error" for f in catalogue.findings):
        return
    yield Finding("catalogue", "ok", "every table and column of the profile is there")
    yield from _counted(engine, catalogue, profile)


def _difference(found: Difference) -> Finding:
    level: Level = "ok" if found.severity == "info" else found.severity
    return Finding("catalogue", level, found.message, found.remedy)


def _counted(engine: sa.Engine, catalogue: Catalogue, profile: Profile) -> Iterator[Finding]:
    single = census.single_partners(engine, catalogue)
    dialect = engine.dialect.name
    with translated("erp", engine.url), engine.connect() as connection:

        def ask(statement: sa.Select[Any]) -> Sequence[int]:
            return [int(n or 0) for n in connection.execute(statement).one()]

        look = look_through(connection, ask)
        for unread in (
            *unread_masters(catalogue, dialect, ask),
            *unread_headers(catalogue, dialect, ask),
            *unread_references(catalogue, dialect, ask),
        ):
            yield Finding("rows", "warning", unread.told, unread.remedy)
        for family, binding in catalogue.bindings.items():
            for clash in clashes(binding, profile, dialect, ask):
                yield Finding("rows", "error" if clash.refused else "warning", clash.told, clash.remedy)
            for flag in (
                *unread_flags(binding, profile, dialect, ask),
                *unread_factors(binding, dialect, ask, date.today()),
                *unread_measures(binding, profile, dialect, ask),
                *unread_words(binding, look),
                *dropped_reversals(binding, dialect, ask),
                *left_out_set_ups(binding, look),
            ):
                yield Finding("rows", "warning", flag.told, flag.remedy)
            counts = census.count_frame(binding, dialect, ask, single[family])
            counts += census.cut_in_erp(binding, dialect, ask)
            if family == "operations":
                counts += census.ended_long_ago(binding, dialect, ask)
            for count in counts:
                if count.warns or (count.rule == "join_drops" and count.rows > MOST_DROPPED * count.of_rows):
                    yield Finding("rows", "warning", f"{count.frame}: {count.told}", count.remedy)
                elif count.rows and count.rule != "table_rows":
                    yield Finding("rows", "ok", f"{count.frame}: {count.told}")
