"""Walks of remedies about words and files that somebody gives a command: revisions, formats, views, tables, names, lists."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from homes import ask
from sentences import ROOT
from walks import Case, Do, House
from walks_commands import MARK, _filled, _one_of, retyped, typed


def filed(name: str, text: str, command: str) -> Callable[[House], str]:
    """A file in the working folder, and the command that reads it."""
    return lambda house: (Path(name).write_text(text, encoding="utf-8") and "") or _filled(house, command)


def refiled(name: str, text: str) -> Do:
    """The file written again as the sentence says."""
    return lambda house, said: Path(name).write_text(text, encoding="utf-8") and None


def _other_erp(command: str) -> Callable[[House], str]:
    """A database with an item master and routings of somebody else's making."""

    def arrange(house: House) -> str:
        with closing(sqlite3.connect("other.db")) as made, made:
            made.execute(
                "CREATE TABLE BI_ROUTING_VIEW (ItemNo TEXT, RoutNo TEXT, OpNo INTEGER, OpCode TEXT, SetupMin REAL, RunMin REAL)"
            )
            made.execute("CREATE TABLE Item (ItemNo TEXT, Name TEXT, ItemGroup TEXT)")
            made.execute("INSERT INTO Item VALUES ('A', 'shaft', 'S'), ('B', 'ring', 'R')")
            made.execute(
                "INSERT INTO BI_ROUTING_VIEW VALUES ('A', '1', 10, 'TURN', 5, 1), ('B', '1', 10, 'MILL', 5, 2)"
            )
        return command

    return arrange


def _two_items(house: House) -> str:
    found = ask(house.warehouse, "SELECT DISTINCT item_cd FROM routing_candidates ORDER BY 1 LIMIT 2")
    Path("list.csv").write_text("\n".join(["ITEM_CD", *(item for (item,) in found)]), encoding="utf-8")
    return "predict --items list.csv --html sheets.html --quiet"


def _known(template: str, behind: str) -> Do:
    """The command with the last word of the list that the sentence offers."""

    def do(house: House, said: str) -> str:
        offered = re.search(rf"{behind}:? ([\w.,… -]+\w)", said)
        assert offered, said
        return template.replace("{}", re.split(r",\s*|\s", offered[1])[-1])

    return do


def _published_for_it(house: House, said: str) -> str:
    offered = re.search(r"published for it: ([\w.-]+)", said)
    assert offered, said
    return _filled(house, f"adopt {{item}} {offered[1]} {MARK}")


def _no_card(house: House) -> str:
    """A version that an earlier release saved: its manifest, which the database vouches for, names no card."""
    from walks_versions import resigned

    def earlier(manifest: dict[str, dict[str, object]]) -> None:
        del manifest["artifacts"]["model_card"]

    return resigned(earlier, f"models card {house.versions()[-1].name}")(house)


def _csv(table: str, house: House, file: str) -> None:
    """A table of the ERP as a CSV file."""
    import polars as pl

    with closing(sqlite3.connect(house.home / "erp.db")) as erp:
        pl.read_database(f"SELECT * FROM {table}", erp, infer_schema_length=None).write_csv(file)


def _from_files(command: str) -> Callable[[House], str]:
    """Item master and routings as CSV files, one of them also under a wrong name and one spoilt."""

    def arrange(house: House) -> str:
        _csv("BI_ITEM_INFO_VIEW", house, "items.csv")
        _csv("BI_ROUTING_VIEW", house, "operations.csv")
        shutil.copy("items.csv", "items.txt")
        Path("spoilt.parquet").write_bytes(b"no Parquet")
        return command

    return arrange


def _table_of_somebody(house: House) -> str:
    with closing(sqlite3.connect("full.db")) as made:
        made.execute("CREATE TABLE BI_ITEM_INFO_VIEW (ITEM_CD TEXT)")
    return PLANT.replace("{}", "full.db")


PLANT = "plant --items 200 --seed 1 --url sqlite:///{} --quiet"
SUGGEST = "profile suggest --url sqlite:///other.db --quiet"
FILES = "train --dry-run --quiet --items {} --operations {}"
RENDER = "sql render --profile out.toml --quiet"
#: The example that the sentences name.
OUTPUT = (ROOT / "routing_etl" / "warehouse" / "outputs" / "erp.toml").read_text(encoding="utf-8")
CASES = (
    Case("There is nothing between revision", typed("migrate --sql --from 0010 --to 0010"), retyped("migrate --sql --from 0010 --to 0011")),
    Case("Revision … is unknown", typed("migrate --sql --from 9999"), _one_of("migrate --sql --from {}")),
    Case("Cannot migrate to revision …", typed("migrate --to 9999 --yes --quiet"), _known("migrate --to {} --quiet", "Known revisions")),
    Case("No migrations for …", typed("migrate --sql --dialect oracle"), _one_of("migrate --sql --dialect {}")),
    Case("No views for …", typed("sql render --dialect oracle --quiet"), _one_of("sql render --dialect {} --quiet")),
    Case("Output profile … cannot be read: ….", filed("out.toml", "active = two\n", RENDER), refiled("out.toml", OUTPUT)),
    Case("Output profile … cannot be read: it is nested", filed("out.toml", f"x = {'[' * 9000}\n", RENDER), refiled("out.toml", OUTPUT)),
    Case("Output profile …: …… = … ….", filed("out.toml", OUTPUT.replace('active = "flat_52"', 'active = "flat"'), RENDER), refiled("out.toml", OUTPUT)),
    Case("The database … already has …", _table_of_somebody, retyped(PLANT.replace("{}", "new.db"))),
    Case("… is not a database URL.", typed("profile suggest --url other.db --quiet"), lambda house, said: _other_erp(SUGGEST)(house)),
    Case("The database has no table or view …", _other_erp(f"{SUGGEST} --tables Items,BI_ROUTING_VIEW"), retyped(f"{SUGGEST} --tables Item,BI_ROUTING_VIEW")),
    Case("… exists.", lambda house: filed("mine.toml", "# mine", "")(house) or _other_erp(f"{SUGGEST} --out mine.toml")(house), retyped(f"{SUGGEST} --out other.toml")),
)  # fmt: skip
AT_HOME = (
    Case("There is no file format …", typed("publications export --out files --format doc --quiet"), _one_of("publications export --out files --format {} --quiet")),
    Case("The report cannot be written to …", filed("file", "", "report --out file/week.html --quiet"), retyped("report --out week.html --quiet")),
    Case("--html … is one file", _two_items, lambda house, said: "predict --items list.csv --html sheets --quiet"),
    Case("Item … has no published candidate", typed(f"adopt {{item}} nonsense {MARK}"), _published_for_it),
    Case("User name … is not usable.", typed("adopt {item} {candidate} --user '  ' --quiet"), retyped(f"adopt {{item}} {{candidate}} {MARK}")),
    Case("The remark has … characters", typed(f"reject {{item}} --reason other --remark {'x' * 1001} {MARK}"), retyped(f"reject {{item}} --reason other --remark {'x' * 1000} {MARK}")),
    Case("… … is no text: it holds bytes", typed(f"reject {{item}} --reason other --remark \udcff {MARK}"), retyped(f"reject {{item}} --reason other --remark ÿ {MARK}")),
    Case("No run … under … (newest: ", typed("score --run nonsense --quiet"), _known("score --run {} --quiet", "newest")),
    Case("Run id … is not usable.", typed("extract --run-id a/b --quiet"), retyped("extract --run-id a-b --quiet")),
    Case("Run … exists already.", lambda house: f"extract --quiet --run-id {next((house.home / 'runs').iterdir()).name}", retyped("extract --quiet")),
    Case("Model version … has no model card", _no_card, lambda house, said: house.obey(said) or "models list --quiet"),
    Case("Only … is given.", _from_files("train --dry-run --quiet --items items.csv"), retyped(FILES.format("items.csv", "operations.csv"))),
    Case("… is neither CSV nor Parquet by its name.", _from_files(FILES.format("items.txt", "operations.csv")), retyped(FILES.format("items.csv", "operations.csv"))),
    Case("There is no file ….", _from_files(FILES.format("item.csv", "operations.csv")), retyped(FILES.format("items.csv", "operations.csv"))),
    Case("… cannot be read: …", _from_files(FILES.format("spoilt.parquet", "operations.csv")), retyped(FILES.format("items.csv", "operations.csv"))),
)  # fmt: skip
