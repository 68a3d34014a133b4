"""Walks of remedies about what lies in a home and its warehouse: runs, versions, publications; each in a copy after a night."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable

from homes import change
from walks import Case, Do, House
from walks_commands import MARK, retyped, typed
from walks_settings import also, given


def without(pattern: str, command: str) -> Callable[[House], str]:
    """Remove files or folders of the home."""

    def arrange(house: House) -> str:
        found = list(house.home.glob(pattern))
        assert found, pattern
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return command

    return arrange


def broken(pattern: str, command: str) -> Callable[[House], str]:
    """Spoil files of the home."""

    def arrange(house: House) -> str:
        found = list(house.home.glob(pattern))
        assert found, pattern
        for path in found:
            path.write_bytes(b"{ spoilt")
        return command

    return arrange


def stated(statement: str, command: str) -> Callable[[House], str]:
    """Change the warehouse."""

    def arrange(house: House) -> str:
        change(house.warehouse, statement)
        return command

    return arrange


def manifest(command: str, **changes: object) -> Callable[[House], str]:
    """Change the manifest of the champion."""

    def arrange(house: House) -> str:
        file = house.versions()[-1] / "manifest.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**content, **changes}), encoding="utf-8")
        return command

    return arrange


def _delete(house: House, said: str) -> None:
    """Run the first statement of the sentence."""
    statement = re.search(r"DELETE FROM \S+ WHERE version_num <> '\w+'", said)
    assert statement, said
    change(house.warehouse, statement[0])


def _available(template: str) -> Do:
    """The command with an id that the sentence says is available."""

    def do(house: House, said: str) -> str:
        offered = re.search(r"(?:available|versions|published for it): ([\w.-]+)", said)
        assert offered, said
        return template.replace("{}", offered[1])

    return do


def _new_item(house: House) -> str:
    """An item that the ERP has since the last read."""
    change(
        house.home / "erp.db", "CREATE TEMP TABLE one AS SELECT * FROM BI_ITEM_INFO_VIEW LIMIT 1",
        "UPDATE one SET ITEM_CD = 'NEW-1'", "INSERT INTO BI_ITEM_INFO_VIEW SELECT * FROM one",
    )  # fmt: skip
    return "predict NEW-1 --quiet"


def _moved_erp(house: House) -> str:
    (house.home / "erp.db").rename(house.home / "moved.db")
    return "extract --quiet"


def _older(house: House) -> str:
    """A warehouse before the newest revision."""
    code, said = house.call("migrate --to 0010 --yes --quiet")
    assert not code, said
    return typed("adopt {item} {candidate} " + MARK)(house)


def _accepted(house: House) -> str:
    """A candidate that somebody has accepted."""
    code, said = house.call(typed("adopt {item} {candidate} " + MARK)(house))
    assert not code, said
    return typed("reject {item} --reason other " + MARK)(house)


def _wrong_schema(house: House) -> str:
    given(WAREHOUSE_SCHEMA="a-b")(house)
    return "migrate --sql"


def _list_with_a_new_item(house: House) -> str:
    """A list with an item that the ERP has since the last read."""
    from pathlib import Path

    known = typed("{item}")(house)
    _new_item(house)
    Path("list.csv").write_text(f"ITEM_CD\n{known}\nNEW-1\n", encoding="utf-8")
    return "predict --items list.csv --quiet"


def _sheets_in_the_way(house: House) -> str:
    """A file where the folder of the sheets is to be."""
    shutil.rmtree(house.home / "sheets")
    (house.home / "sheets").touch()
    return "worklist --quiet"


def _no_sheets_in_the_way(house: House, said: str) -> None:
    (house.home / "sheets").unlink()


#: Columns of the demo plant that say what an item is.
_TOLD = ("PART_TYPE", "PartNm", "ITEM_SUFFIX", "ITEM_SPEC", "ITEM_MATERIAL", "MATERIAL_DESC", "GROUP1", "GROUP2", "GROUP3", "OUTDIAMETER",
         "INDIAMETER", "OUTTHICKNESS", "SealTypeGrup", "IN_SEALTYPE_CD", "MID_SEALTYPE_CD", "OUT_SEALTYPE_CD", "DRAW_NO", "RAW_MATL_KIND",
         "ITEM_NM", "ITEM_NM_ENG", "ADDITIONAL_SPEC", "IN_SEALSIZE", "MID_SEALSIZE", "OUT_SEALSIZE", "RAW_MATL_KINDNM", "ITEM_GRP1", "ITEM_GRP1NM", "DRAW_USE", "DRAW_REV")  # fmt: skip


def _emptied(house: House) -> str:
    """Nearly all columns of the items are empty since today, and the tables are read again."""
    shutil.copy(house.home / "erp.db", house.home / "kept.db")
    change(house.home / "erp.db", "UPDATE BI_ITEM_INFO_VIEW SET " + ", ".join(f'"{c}" = NULL' for c in _TOLD))
    _read_again(house)
    return "score --quiet"


def _read_again(house: House) -> None:
    for step in ("extract", "check", "times"):
        code, said = house.call(f"{step} --quiet")
        assert not code, said


def _filled_again(house: House, said: str) -> None:
    """Fill the columns in the ERP again."""
    shutil.copy(house.home / "kept.db", house.home / "erp.db")
    _read_again(house)


TWO = "INSERT INTO schema_version VALUES ('0009')"
CASES = (
    Case("The ERP database … does not exist", _moved_erp, also(ERP_URL="sqlite:///{home}/moved.db")),
    Case("No run under … has finished the step", without("runs", "score")),
    Case("There is no model in", without("models", "models verify")),
    Case("There is no champion model in ….", without("models", "score")),
    Case("The manifest … is broken", broken("models/*/manifest.json", "score")),
    Case("The manifest of model version", manifest("score", schema_version="1.0")),
    Case("There is no model version …", typed("models show nonsense --quiet"), _available("models show {} --quiet")),
    Case("There is no former champion", typed("models rollback --why advised"), lambda house, said: house.obey(said) or "models list"),
    Case("No champion is pinned.", typed("models unpin --why advised"), lambda house, said: house.obey(said) or "models list"),
    Case("The warehouse (…) is at revision …, this version", _older),
    Case("The warehouse (…) names … revisions", stated(TWO, "publications list"), _delete),
    Case("There is no loaded publication", typed("publications diff 99 --with 1"), retyped("publications list")),
    Case("Schema name … is not usable", _wrong_schema, also(WAREHOUSE_SCHEMA="routing_2")),
    Case("The report … of run … cannot be read", broken("runs/*/reports/score.json", "publish")),
    Case("The candidates in … are gone.", without("runs/*/predictions/candidates", "publish")),
    Case("Item … is not in the extracted item master", _new_item),
    Case("… of … items were predicted. …", _list_with_a_new_item),
    Case("The sheets were ….", _sheets_in_the_way, _no_sheets_in_the_way),
    Case("…: … (run folder …).", broken("runs/*/clean/items.parquet", "check --quiet")),
    Case("Model version … lacks …, which no item has any more", _emptied, _filled_again),
    Case("Candidate … of item … is …, by", _accepted),
)  # fmt: skip
