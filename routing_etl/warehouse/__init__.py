"""Our tables in the database: schema, bulk load, publication, records, locks.

Belongs here: writing and reading our tables. Does not: reads of the ERP.
"""

__all__ = [
    "compression",
    "feedback",
    "load_shards",
    "migrate",
    "outcomes",
    "profiles",
    "publish",
    "records",
    "schema",
    "views",
]
