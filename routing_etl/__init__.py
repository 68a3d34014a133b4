"""routing_etl: predicted manufacturing routings, from ERP tables to tables the ERP reads.

The package is a set of rooms (`erp`, `quality`, `times`, `model`, `registry`, `warehouse`) that do not import each
other; `pipeline` joins them into the nightly batch, and `cli` and `dagster_defs` call `pipeline`. Importing the
package itself imports none of them, so that it stays fast.
"""

__version__ = "0.5.0"
