"""Reading the ERP: source profiles, streaming extract to Parquet, cleaning with rejects.

Belongs here: the ERP's columns, units and dirt. Does not: learning, our own tables, the simulated plant.
"""

__all__ = [
    "catalogue",
    "changes",
    "clean",
    "clean_items",
    "extract",
    "parse",
    "profile",
    "profile_model",
    "text",
]
