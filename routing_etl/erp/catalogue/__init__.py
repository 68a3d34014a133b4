"""A profile against the live database: what is there, what is missing, and what looks renamed.

Names are matched without regard to case, as SQL Server does, and resolved to the database's own spelling; only these
resolved names ever reach a statement. No rows are read here.
"""

from routing_etl.erp.catalogue.binding import bind, unit_column_name
from routing_etl.erp.catalogue.bound import (
    Binding,
    BoundPivot,
    Catalogue,
    ChangeMarks,
    Finding,
    FindingKind,
    FoundColumn,
    Notation,
    ReadColumn,
    Recipe,
    TableName,
    TypeFamily,
    UnreadHeader,
    UnreadMaster,
    flat,
)
from routing_etl.erp.catalogue.doubts import NAMED_MINUTES, UNIT_NAME, people_or_machine, words_of_name
from routing_etl.erp.catalogue.names import qualified, split_quoted
from routing_etl.erp.catalogue.siblings import without_time
from routing_etl.erp.catalogue.tables import PARTITIONS

__all__ = [
    "NAMED_MINUTES",
    "PARTITIONS",
    "UNIT_NAME",
    "Binding",
    "BoundPivot",
    "Catalogue",
    "ChangeMarks",
    "Finding",
    "FindingKind",
    "FoundColumn",
    "Notation",
    "ReadColumn",
    "Recipe",
    "TableName",
    "TypeFamily",
    "UnreadHeader",
    "UnreadMaster",
    "bind",
    "flat",
    "people_or_machine",
    "qualified",
    "split_quoted",
    "unit_column_name",
    "without_time",
    "words_of_name",
]
