"""Our tables in the database: schema, bulk load, publication, records, locks.

What belongs here: writing and reading our tables, and the views on them. What does not: reads of the ERP, and
the decision when a batch is loaded or published (`pipeline`).
"""

__all__ = [
    "audit",
    "copies",
    "decisions",
    "feedback",
    "feedback_time",
    "health",
    "history",
    "identity",
    "load_shards",
    "marks",
    "migrate",
    "model_records",
    "outcomes",
    "output_profiles",
    "owner",
    "publication_changes",
    "publications",
    "publish",
    "questions",
    "retention",
    "revision_statements",
    "run_log",
    "run_records",
    "schema",
    "scripts",
    "standard_times",
    "todays_codes",
    "views",
    "waiting",
    "writer_probe",
    "writing",
]
