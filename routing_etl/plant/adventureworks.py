"""Microsoft's AdventureWorks sample as a database, from CSV files: the real input of the `adventureworks` profile.

What belongs here: the tables' own names, columns and types, and loading the files. What does not: what the columns mean
(`profiles/adventureworks.toml`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from routing_etl.database.engine import make_engine, translated
from routing_etl.errors import SourceError
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import default_settings

_INT, _BIT, _MONEY, _WHEN = (
    sa.Integer(),
    sa.Boolean(create_constraint=False),
    sa.Numeric(19, 4),
    sa.DateTime(),
)


def _text(length: int) -> sa.Unicode:
    return sa.Unicode(length)


#: File name, schema, table, and its columns in the file's order with SQL Server's types.
_TABLES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("product_category", "Production", "ProductCategory", {"ProductCategoryID": _INT, "Name": _text(50), "ModifiedDate": _WHEN}),
    (
        "product_subcategory",
        "Production",
        "ProductSubcategory",
        {"ProductSubcategoryID": _INT, "ProductCategoryID": _INT, "Name": _text(50), "ModifiedDate": _WHEN},
    ),
    (
        "product_model",
        "Production",
        "ProductModel",
        {
            "ProductModelID": _INT,
            "Name": _text(50),
            "HasCatalogDescription": _BIT,
            "HasInstructions": _BIT,
            "ModifiedDate": _WHEN,
        },
    ),
    (
        "product",
        "Production",
        "Product",
        {
            "ProductID": _INT,
            "Name": _text(50),
            "ProductNumber": _text(25),
            "MakeFlag": _BIT,
            "FinishedGoodsFlag": _BIT,
            "Color": _text(15),
            "SafetyStockLevel": _INT,
            "ReorderPoint": _INT,
            "StandardCost": _MONEY,
            "ListPrice": _MONEY,
            "Size": _text(5),
            "SizeUnitMeasureCode": _text(3),
            "WeightUnitMeasureCode": _text(3),
            "Weight": sa.Numeric(8, 2),
            "DaysToManufacture": _INT,
            "ProductLine": _text(2),
            "Class": _text(2),
            "Style": _text(2),
            "ProductSubcategoryID": _INT,
            "ProductModelID": _INT,
            "SellStartDate": _WHEN,
            "SellEndDate": _WHEN,
            "DiscontinuedDate": _WHEN,
            "ModifiedDate": _WHEN,
        },
    ),
    (
        "location",
        "Production",
        "Location",
        {"LocationID": _INT, "Name": _text(50), "CostRate": _MONEY, "Availability": sa.Numeric(8, 2), "ModifiedDate": _WHEN},
    ),
    (
        "work_order",
        "Production",
        "WorkOrder",
        {
            "WorkOrderID": _INT,
            "ProductID": _INT,
            "OrderQty": _INT,
            "StockedQty": _INT,
            "ScrappedQty": _INT,
            "StartDate": _WHEN,
            "EndDate": _WHEN,
            "DueDate": _WHEN,
            "ScrapReasonID": _INT,
            "ModifiedDate": _WHEN,
        },
    ),
    (
        "work_order_routing",
        "Production",
        "WorkOrderRouting",
        {
            "WorkOrderID": _INT,
            "ProductID": _INT,
            "OperationSequence": _INT,
            "LocationID": _INT,
            "ScheduledStartDate": _WHEN,
            "ScheduledEndDate": _WHEN,
            "ActualStartDate": _WHEN,
            "ActualEndDate": _WHEN,
            "ActualResourceHrs": sa.Numeric(9, 4),
            "PlannedCost": _MONEY,
            "ActualCost": _MONEY,
            "ModifiedDate": _WHEN,
        },
    ),
    (
        "bill_of_materials",
        "Production",
        "BillOfMaterials",
        {
            "BillOfMaterialsID": _INT,
            "ProductAssemblyID": _INT,
            "ComponentID": _INT,
            "StartDate": _WHEN,
            "EndDate": _WHEN,
            "UnitMeasureCode": _text(3),
            "BOMLevel": _INT,
            "PerAssemblyQty": sa.Numeric(8, 2),
            "ModifiedDate": _WHEN,
        },
    ),
    ("scrap_reason", "Production", "ScrapReason", {"ScrapReasonID": _INT, "Name": _text(50), "ModifiedDate": _WHEN}),
    ("unit_measure", "Production", "UnitMeasure", {"UnitMeasureCode": _text(3), "Name": _text(50), "ModifiedDate": _WHEN}),
    (
        "product_vendor",
        "Purchasing",
        "ProductVendor",
        {
            "ProductID": _INT,
            "BusinessEntityID": _INT,
            "AverageLeadTime": _INT,
            "StandardPrice": _MONEY,
            "LastReceiptCost": _MONEY,
            "LastReceiptDate": _WHEN,
            "MinOrderQty": _INT,
            "MaxOrderQty": _INT,
            "OnOrderQty": _INT,
            "UnitMeasureCode": _text(3),
            "ModifiedDate": _WHEN,
        },
    ),
)  # fmt: skip


def load_csv(folder: Path, url: str, progress: Progress = SILENT) -> dict[str, int]:
    """Write the AdventureWorks CSV files of `folder` into the database at `url`; returns rows per table.

    Tables and columns carry SQL Server's own names; schemas (`Production`, `Purchasing`) are used where the database
    has them, SQLite gets plain table names. Tables that exist are replaced.

    Raises
    ------
    SourceError: a file is missing, or its columns are not those of the table.
    """
    engine = make_engine(url, "warehouse", default_settings())
    plain = engine.dialect.name == "sqlite"
    metadata = sa.MetaData()
    rows: dict[str, int] = {}
    try:
        with translated("erp", url), engine.begin() as connection:
            if not plain:
                present = sa.inspect(connection).get_schema_names()
                for schema in sorted({t[1] for t in _TABLES} - set(present)):
                    connection.execute(sa.schema.CreateSchema(schema))
            with progress.task("Loading AdventureWorks", len(_TABLES)) as task:
                for file, schema, name, columns in _TABLES:
                    table = sa.Table(
                        name,
                        metadata,
                        *[sa.Column(c, t) for c, t in columns.items()],
                        schema=None if plain else schema,
                    )
                    content = _read(folder, file, columns)
                    table.drop(connection, checkfirst=True)
                    table.create(connection)
                    _insert(connection, table, content)
                    rows[name] = content.height
                    task.advance()
    finally:
        engine.dispose()
    return rows


def _read(folder: Path, file: str, columns: dict[str, Any]) -> pl.DataFrame:
    found = [p for p in (folder / f"{file}.csv", folder / f"{file}.csv.gz") if p.is_file()]
    if not found:
        raise SourceError(
            f"The file {folder / file}.csv (or .csv.gz) does not exist.",
            remedy="Give the folder with the CSV files.",
        )
    text = pl.read_csv(found[0], infer_schema=False)
    if text.width != len(columns):
        raise SourceError(
            f"{found[0]} has {text.width} columns, expected {len(columns)} ({', '.join(columns)}).",
            remedy="Use the CSV files as they are described in that folder's README.",
        )
    text.columns = list(columns)
    return text.select([_typed(n, t) for n, t in columns.items()])


def _typed(name: str, kind: Any) -> pl.Expr:
    """Numbers as numbers; dates stay ISO text, which every database takes for its own date type."""
    column = pl.col(name)
    if isinstance(kind, sa.Boolean):
        return column == "1"
    if isinstance(kind, sa.Integer):
        return column.cast(pl.Int64)
    return column.cast(pl.Float64) if isinstance(kind, sa.Numeric) else column


def _insert(connection: sa.Connection, table: sa.Table, content: pl.DataFrame) -> None:
    """Rows as they are through the driver: SQLAlchemy's per-value conversion would take most of the time."""
    compiled = sa.insert(table).compile(dialect=connection.dialect)
    rows: Any = content.rows() if compiled.positional else content.to_dicts()
    connection.exec_driver_sql(str(compiled), rows)
