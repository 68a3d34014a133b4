"""Microsoft's AdventureWorks sample as a database, loaded from CSV files: input of the `adventureworks` profile."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Table:
    """A table of AdventureWorks: its CSV file, schema and name, and its columns in the file's order."""

    file: str
    schema: str
    name: str
    columns: dict[str, sa.types.TypeEngine[Any]]


_TABLES = (
    _Table("product_category", "Production", "ProductCategory", {"ProductCategoryID": _INT, "Name": _text(50), "ModifiedDate": _WHEN}),
    _Table(
        "product_subcategory",
        "Production",
        "ProductSubcategory",
        {"ProductSubcategoryID": _INT, "ProductCategoryID": _INT, "Name": _text(50), "ModifiedDate": _WHEN},
    ),
    _Table(
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
    _Table(
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
    _Table(
        "location",
        "Production",
        "Location",
        {"LocationID": _INT, "Name": _text(50), "CostRate": _MONEY, "Availability": sa.Numeric(8, 2), "ModifiedDate": _WHEN},
    ),
    _Table(
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
    _Table(
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
    _Table(
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
    _Table("scrap_reason", "Production", "ScrapReason", {"ScrapReasonID": _INT, "Name": _text(50), "ModifiedDate": _WHEN}),
    _Table("unit_measure", "Production", "UnitMeasure", {"UnitMeasureCode": _text(3), "Name": _text(50), "ModifiedDate": _WHEN}),
    _Table(
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
    """Write the AdventureWorks CSV files of a folder into a database.

    Tables and columns carry SQL Server's own names. Schemas (`Production`, `Purchasing`) are used where the database has
    them; SQLite gets plain table names. Tables that exist are replaced.

    Parameters
    ----------
    folder : pathlib.Path
        Folder with `<table>.csv` or `<table>.csv.gz`.
    url : str
        Database URL.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    dict of str to int
        Rows per table.

    Raises
    ------
    SourceError
        A file is missing, or its columns are not those of the table.
    """
    engine = make_engine(url, "warehouse", default_settings())
    plain = engine.dialect.name == "sqlite"
    metadata = sa.MetaData()
    rows: dict[str, int] = {}
    try:
        with translated("erp", url), engine.begin() as connection:
            if not plain:
                present = sa.inspect(connection).get_schema_names()
                for name in sorted({t.schema for t in _TABLES} - set(present)):
                    connection.execute(sa.schema.CreateSchema(name))
            with progress.task("Loading AdventureWorks", len(_TABLES)) as task:
                for wanted in _TABLES:
                    columns = [sa.Column(c, t) for c, t in wanted.columns.items()]
                    schema = None if plain else wanted.schema
                    table = sa.Table(wanted.name, metadata, *columns, schema=schema)
                    content = _read(folder, wanted)
                    table.drop(connection, checkfirst=True)
                    table.create(connection)
                    _insert(connection, table, content)
                    rows[wanted.name] = content.height
                    task.advance()
    finally:
        engine.dispose()
    return rows


def _read(folder: Path, wanted: _Table) -> pl.DataFrame:
    file, columns = wanted.file, wanted.columns
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
    if content.is_empty():  # a driver takes no rows for a row without values
        return
    compiled = sa.insert(table).compile(dialect=connection.dialect)
    rows: Any = content.rows() if compiled.positional else content.to_dicts()
    connection.exec_driver_sql(str(compiled), rows)
