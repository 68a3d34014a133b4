"""Joins that give a row one partner at most, and joins of which no row has a partner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.sql.elements import quoted_name

from routing_etl.database.engine import translated
from routing_etl.erp.catalogue import Binding, Catalogue, flat, qualified
from routing_etl.erp.census.counts import Ask, Numbers, SourceCount
from routing_etl.erp.profile_model import Family, Join


def single_partners(engine: Engine, catalogue: Catalogue) -> dict[Family, frozenset[str]]:
    """Find the joins that give a row one partner at most, because they go over a unique key of the joined table.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Engine of the ERP's database.
    catalogue : Catalogue
        The resolved profile.

    Returns
    -------
    dict of str to frozenset of str
        Aliases of such joins by section. A view has no keys, so none of its joins is among them.
    """
    with translated("erp", engine.url):
        inspector = sa.inspect(engine)
        return {
            family: frozenset(
                join.alias for join in binding.section.joins if _over_unique_key(inspector, binding, join)
            )
            for family, binding in catalogue.bindings.items()
        }


def no_key_twice(binding: Binding, ask: Ask, single: frozenset[str]) -> frozenset[str]:
    """Add to the joins with one partner at most those whose key now is in no two rows of the joined table.

    One look at the joined table, which mostly is small, saves counting the main table through the join.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    ask : Ask
        Answers a statement, in the transaction that reads the rows.
    single : frozenset of str
        Aliases of joins over a unique key (`single_partners`).
    """
    numbers = Numbers()
    for join in binding.section.joins:
        own = _pinned(binding, join)
        if join.alias in single or not own:
            continue
        name, schema = binding.tables[join.alias]
        columns: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(c, True)) for c in own]
        other = (
            quoted_name(schema, "." not in schema) if schema else None
        )  # another database's is quoted already
        table = sa.table(quoted_name(name, True), *columns, schema=other)
        twice = sa.select(*table.c).group_by(*table.c).having(sa.func.count() > 1)
        numbers.want(join.alias, sa.select(sa.func.count()).select_from(twice.subquery()))
    numbers.ask(ask)
    return single | {alias for alias, rows in numbers.found.items() if rows == 0}


def without_partner(binding: Binding, raw: Path) -> list[SourceCount]:
    """Find the joins of which no row has a partner, by the rows that were read: every value from there is NULL.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    raw : pathlib.Path
        Its raw Parquet file, whose statistics are read.
    """
    meta = pq.ParquetFile(raw).metadata
    names = meta.schema.to_arrow_schema().names
    counts = []
    for join in binding.section.joins:
        mine = [
            c.name
            for c in binding.columns
            if (parts := flat([c]))
            and all(p.found is not None and p.found.alias == join.alias for p in parts)
        ]
        if mine and meta.num_rows and all(_is_blank(meta, names.index(name)) for name in mine):
            table = binding.tables[join.alias]
            counts.append(
                SourceCount(
                    binding.frame, "join_finds_nothing", f"join {join.alias} to {table}", meta.num_rows, meta.num_rows,
                    f"the join {join.alias} to {table} gives no value in any of {meta.num_rows:,} rows",
                    "Compare the columns of its key: leading zeros, blanks, another company?",
                )
            )  # fmt: skip
    return counts


def _is_blank(meta: pq.FileMetaData, column: int) -> bool:
    """Whether a column of a Parquet file has no value at all; not, where its statistics do not say."""
    groups = [meta.row_group(i).column(column).statistics for i in range(meta.num_row_groups)]
    return all(s is not None and s.has_null_count and s.num_values == 0 for s in groups)


def _pinned(binding: Binding, join: Join) -> list[str]:
    """Columns of the joined table of which a row of the frame allows one value: those of the key, and of constants."""
    named = [o for _, o in join.on] + [w.column for w in join.where if w.op == "=" and w.value != ""]
    found = [binding.find(qualified(join.alias, name)) for name in named]
    return list(dict.fromkeys(c.name for c in found if c is not None))


def _over_unique_key(inspector: Inspector, binding: Binding, join: Join) -> bool:
    name, schema = binding.tables[join.alias]
    own = set(_pinned(binding, join))
    if schema is not None and schema.startswith("["):
        return False  # another database, whose keys are not looked up
    try:
        keys = [inspector.get_pk_constraint(name, schema=schema).get("constrained_columns") or []]
        indexes = inspector.get_indexes(name, schema=schema)
    except sa.exc.NoSuchTableError:
        return False  # a view has no keys
    for index in indexes:
        partial = any(k.endswith("_where") for k in index.get("dialect_options", {}))
        columns = index["column_names"]
        if index["unique"] and not partial and None not in columns:
            keys.append([str(c) for c in columns])
    return any(key and set(key) <= own for key in keys)
