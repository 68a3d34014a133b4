"""AdventureWorks, real input: CSV files to a database under SQL Server's names, and through the profile to clean frames."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from routing_etl import frames
from routing_etl.erp.catalogue import bind
from routing_etl.erp.clean import clean
from routing_etl.erp.clean_report import CleanReport
from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.errors import SourceError
from routing_etl.plant.adventureworks import load_csv
from routing_etl.settings import load_settings

pytestmark = pytest.mark.integration

CSV = Path(__file__).parents[2].parent / "shared" / "data" / "adventureworks"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not CSV.is_dir():
        pytest.skip(f"the AdventureWorks CSV files are not at {CSV}")
    path = tmp_path_factory.mktemp("adventureworks") / "aw.db"
    rows = load_csv(CSV, f"sqlite:///{path.as_posix()}")
    assert (rows["Product"], rows["WorkOrder"], rows["WorkOrderRouting"]) == (504, 72591, 67131)
    return path


@pytest.fixture(scope="module")
def cleaned(database: Path) -> tuple[Path, CleanReport]:
    home, profile = database.parent, load_profile("adventureworks")
    extract(f"sqlite:///{database.as_posix()}", profile, home / "raw", load_settings(home=home))
    return home, clean(home / "raw", home / "clean", home / "rejects", profile, cutoff=None)


def test_tables_and_columns_have_sql_servers_names(database: Path) -> None:
    inspector = sa.inspect(sa.create_engine(f"sqlite:///{database.as_posix()}"))
    assert {"Product", "ProductSubcategory", "WorkOrder", "WorkOrderRouting", "Location"} <= set(
        inspector.get_table_names()
    )
    names = [c["name"] for c in inspector.get_columns("Product")]
    assert {"ProductID", "ProductNumber", "MakeFlag", "ProductSubcategoryID"} <= set(names)


def test_profile_fits_without_findings(database: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{database.as_posix()}")
    assert bind(engine, load_profile("adventureworks")).worst_first == []


def test_made_products_and_their_routings(cleaned: tuple[Path, CleanReport]) -> None:
    home, report = cleaned
    items = pl.read_parquet(home / "clean" / "items.parquet")
    operations = pl.read_parquet(home / "clean" / "operations.parquet")
    frames.ITEMS.validate(items)
    frames.OPERATIONS.validate(operations)
    assert items.height == 239
    assert operations["item_key"].n_unique() == 149
    sequences = operations.sort("proc_seq").group_by("item_key").agg(pl.col("job_cd").str.join(">"))
    assert sequences["job_cd"].n_unique() == 7
    assert sequences.filter(pl.col("job_cd") == "60").height == 97
    assert set(operations["routing_rank"]) == {0}
    assert set(operations["rout_class"]) == {"in"}
    assert operations.filter(pl.col("job_cd") == "60")["job_nm"].unique().to_list() == ["Final Assembly"]
    assert report.rejects == {}
    assert {"part_type", "product_number", "weight"} <= set(report.attributes)


def test_products_without_routing_are_the_work_list(
    cleaned: tuple[Path, CleanReport], database: Path
) -> None:
    """90 made products have no routing; 89 of them have work orders, one was never ordered."""
    home, _ = cleaned
    items = pl.read_parquet(home / "clean" / "items.parquet")
    operations = pl.read_parquet(home / "clean" / "operations.parquet")
    open_items = set(items["item_key"]) - set(operations["item_key"])
    with sa.create_engine(f"sqlite:///{database.as_posix()}").connect() as connection:
        ordered = {str(r[0]) for r in connection.exec_driver_sql("SELECT DISTINCT ProductID FROM WorkOrder")}
    assert len(open_items) == 90
    assert len(open_items & ordered) == 89


def test_reported_hours_arrive_with_their_order_quantity(cleaned: tuple[Path, CleanReport]) -> None:
    home, _ = cleaned
    results = pl.read_parquet(home / "clean" / "work_results.parquet")
    assert results.height == 67131
    assert set(results["match_level"]) == {"routing"}
    assert results["order_qty"].null_count() == 0
    first = results.filter((pl.col("item_key") == "747") & (pl.col("proc_seq") == 1))
    assert set(first["machine_time"]) == {4.1}


def test_weights_are_in_grams(cleaned: tuple[Path, CleanReport]) -> None:
    home, _ = cleaned
    items = pl.read_parquet(home / "clean" / "items.parquet").filter(pl.col("weight").is_not_null())
    pounds = items.filter(pl.col("weight_unit") == "LB")
    assert ((pounds["weight"] / pounds["weight_raw"]) - 453.59237).abs().max() < 1e-6
    assert set(items["weight_unit_source"]) == {"stated"}


def test_loading_again_replaces(database: Path) -> None:
    assert load_csv(CSV, f"sqlite:///{database.as_posix()}")["Product"] == 504
    with sa.create_engine(f"sqlite:///{database.as_posix()}").connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM Product").scalar() == 504


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="product_category"):
        load_csv(tmp_path, f"sqlite:///{(tmp_path / 'x.db').as_posix()}")


def test_a_file_with_other_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "product_category.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(SourceError, match="2 columns, expected 3"):
        load_csv(tmp_path, f"sqlite:///{(tmp_path / 'x.db').as_posix()}")
