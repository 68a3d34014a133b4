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

from routing_etl.erp.profile_model.document import Database, Document, Health, Sheets, Units
from routing_etl.erp.profile_model.mapped import AttributeMap, ColumnMap, Combination, Mapped, TimeForm
from routing_etl.erp.profile_model.raw_columns import (
    FRAME_OF,
    NO_DATES,
    ORDER_COLUMNS,
    RAW_COLUMNS,
    RESERVED,
    UNIT_PREFIX,
    ChangeKind,
    Family,
    RawColumn,
    ReadType,
)
from routing_etl.erp.profile_model.results import Correction, ResultSource
from routing_etl.erp.profile_model.routing import PER_PIECE, RUN_BASES, Rate, Routing, RunBasis
from routing_etl.erp.profile_model.section import KeyProblem, Names, OneName, Section
from routing_etl.erp.profile_model.tables import (
    OVERLAP,
    Incremental,
    ItemSource,
    Join,
    Latest,
    On,
    OperationSource,
    Outlier,
    Pivot,
    ResourceSource,
    Source,
    Value,
    Where,
)

__all__ = [
    "FRAME_OF",
    "NO_DATES",
    "ORDER_COLUMNS",
    "OVERLAP",
    "PER_PIECE",
    "RAW_COLUMNS",
    "RESERVED",
    "RUN_BASES",
    "UNIT_PREFIX",
    "AttributeMap",
    "ChangeKind",
    "ColumnMap",
    "Combination",
    "Correction",
    "Database",
    "Document",
    "Family",
    "Health",
    "Incremental",
    "ItemSource",
    "Join",
    "KeyProblem",
    "Latest",
    "Mapped",
    "Names",
    "On",
    "OneName",
    "OperationSource",
    "Outlier",
    "Pivot",
    "Rate",
    "RawColumn",
    "ReadType",
    "ResourceSource",
    "ResultSource",
    "Routing",
    "RunBasis",
    "Section",
    "Sheets",
    "Source",
    "TimeForm",
    "Units",
    "Value",
    "Where",
]
