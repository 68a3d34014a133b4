"""Our tables in the database: schema, bulk load, publication, records, locks."""
