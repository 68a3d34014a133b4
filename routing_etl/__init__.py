"""routing_etl: predicted manufacturing routings, from ERP tables to tables the ERP reads.

The package is a set of rooms (`erp`, `quality`, `times`, `model`, `registry`, `warehouse`) that do not import each
other; `pipeline` joins them into the nightly batch, and `cli` and `dagster_defs` call `pipeline`. Importing the
package itself imports none of them, so that it stays fast.
"""

import os

# Polars reads this when it is first imported. By its default freed pages stay with the process for some seconds more, so
# that frames that are gone count in the peak; a night shares its server with others. A value set from outside wins.
os.environ.setdefault("_RJEM_MALLOC_CONF", "muzzy_decay_ms:0")

__version__ = "0.7.0"
