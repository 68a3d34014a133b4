"""Tables with the rows of another time, such as work results of another year, that the profile does not read."""

from __future__ import annotations

import re

from routing_etl.erp.catalogue.bound import Finding, TableName
from routing_etl.erp.catalogue.look import Look
from routing_etl.erp.profile_model import FRAME_OF

#: Ends of names by which tables of one content are told apart: a year, a month of it, an archive.
_TIME = re.compile(
    r"[_ ]?((19|20)\d\d([_-]?\d\d)?|archiv(e|ed|iert)?|arch|hist(ory|orie|oric)?|closed)$", re.IGNORECASE
)


def without_time(table: str) -> str:
    """A table's name in lower case without the year, month or archive at its end.

    Parameters
    ----------
    table : str
        Name of the table, without its schema.
    """
    return _TIME.sub("", table).lower()


def _may_be_one_of_several(look: Look, main: TableName) -> bool:
    """Whether a table can lack the rows of others: a view may unite them."""
    return re.search(r"(19|20)\d\d([_-]?\d\d)?$", main.name) is not None or not look.tables.is_view(main)


def left_out(look: Look) -> list[Finding]:
    """Tables that by name and columns hold the work results of another time than the one that is read.

    Parameters
    ----------
    look : Look
        One frame's tables and columns.
    """
    section, main = look.section, look.found_tables[look.section.alias]
    if look.family != "results" or not _may_be_one_of_several(look, main):
        return []
    stem = without_time(main.name)
    known = {t.name.lower() for t in look.found_tables.values()} | {
        n.lower() for n in (*section.also, *section.ignore)
    }
    read = {key for alias, key in look.used if alias == section.alias}
    found, own = [], look.tables.partitions(main.schema)
    for name in look.tables.names(main.schema):
        if name in own:
            continue
        if without_time(name) != stem or {name.lower(), f"{main.schema}.{name}".lower()} & known:
            continue
        table = TableName(name, main.schema)
        if not read <= set(look.tables.columns(table, section.alias)):
            continue
        found.append(
            Finding(
                "doubtful",
                "warning",
                FRAME_OF[look.family],
                str(table),
                None,
                f"{table} has every column that is read of {main}, and by its name the work results of another time; it is not read.",
                f'Write also = ["{table}"] in [results] to read both, or add "{table}" to results.ignore.',
            )
        )
    return found
