"""What holds across a plant's families, in plants that have such: notes, sizes in texts, types like no other, load."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from routing_etl.errors import ConfigurationError
from routing_etl.plant.demo import Grammar, write_plant
from routing_etl.plant.draw import draw_book
from routing_etl.plant.named import named_grammar
from routing_etl.plant.wide import NOTES
from routing_etl.settings import load_settings

Read = Callable[[str], pl.DataFrame]
#: Wide, without what would blur it: no dirt, no code or machine change, nothing sent outside as a whole.
WIDE = replace(
    named_grammar("wide"), dirt=0.0, attribute_noise=0.0, drifted_codes=0, dated_lines=0, outsourced_share=0.0,
    results_per_item=0, pool_share=0.0, families=10, part_types=80, extra_operations=0.4,
)  # fmt: skip
SEED = 6


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Read:
    path = tmp_path_factory.mktemp("wide") / "erp.db"
    write_plant(f"sqlite:///{path}", 1500, SEED, load_settings(), grammar=WIDE)
    connection = sqlite3.connect(path)
    return lambda sql: pl.read_database(sql, connection, infer_schema_length=None)


def truth(read: Read) -> pl.DataFrame:
    """Every routing that a planner would write, with the facts of its item; codes as lists."""
    rows = read(
        "SELECT i.*, r.JOB_SEQ, r.PROBABILITY FROM DEMO_TRUTH_ROUTING r JOIN DEMO_TRUTH_ITEM i ON i.ITEM_CD = r.ITEM_CD"
    )
    return rows.with_columns(pl.col("JOB_SEQ", "NOTE_JOBS").str.split(">"))


def test_a_note_replaces_or_adds_the_same_operation_in_every_family(wide: Read) -> None:
    book, rows = draw_book(SEED, WIDE), truth(wide).filter(pl.col("KIND") != "strange")
    assert {bool(r.replaces) for r in book.wide.rules} == {True, False}
    for rule in book.wide.rules:
        code = book.codes.code[rule.code]
        replaced = [book.codes.code[c] for c in rule.replaces]
        has = pl.col("JOB_SEQ").list.contains(code)
        called = rows.filter(pl.col("NOTE_JOBS").list.contains(code))
        silent = rows.filter(~pl.col("NOTE_JOBS").list.contains(code))
        assert called.height > 30
        assert not silent.select(has.any()).item()
        if replaced:
            assert not called.select(
                pl.col("JOB_SEQ").list.eval(pl.element().is_in(replaced)).list.any().any()
            ).item()
            assert called.select(has.any()).item()
        else:
            assert called.select(has.all()).item()


def test_a_note_stands_in_several_texts_and_spellings(wide: Read) -> None:
    book = draw_book(SEED, WIDE)
    texts = wide(
        "SELECT i.*, t.NOTE_JOBS FROM BI_ITEM_INFO_VIEW i JOIN DEMO_TRUTH_ITEM t ON t.ITEM_CD = i.ITEM_CD WHERE t.KIND = 'known'"
    )
    for rule in book.wide.rules:
        code, words = book.codes.code[rule.code], NOTES[rule.note]
        called = texts.filter(pl.col("NOTE_JOBS").str.split(">").list.contains(code))
        found = [
            called.select(pl.col(column).str.contains(word, literal=True).any()).item()
            for column in ("ITEM_SPEC", "ADDITIONAL_SPEC", "ITEM_NM", "MATERIAL_DESC")
            for word in words
        ]
        assert sum(found) >= 8
        anywhere = pl.any_horizontal(
            pl.col(c).str.contains_any(list(words))
            for c in ("ITEM_SPEC", "ADDITIONAL_SPEC", "ITEM_NM", "MATERIAL_DESC")
        )
        assert called.select(anywhere.all()).item()


def test_a_part_types_own_operation_is_in_all_its_routings_and_in_no_other(wide: Read) -> None:
    rows = truth(wide).filter(pl.col("TYPE_JOB") != "")
    assert rows["TYPE_JOB"].n_unique() > 10
    assert rows.select(pl.col("JOB_SEQ").list.contains(pl.col("TYPE_JOB")).all()).item()
    own = set(rows["TYPE_JOB"])
    others = truth(wide).filter(pl.col("TYPE_JOB") == "")["JOB_SEQ"].explode()
    assert not own & set(others)


def test_types_like_no_other_have_job_codes_that_nobody_used(wide: Read) -> None:
    strange = set(truth(wide).filter(pl.col("KIND") == "strange")["JOB_SEQ"].explode())
    used = set(wide("SELECT DISTINCT JOB_CD FROM BI_ROUTING_VIEW")["JOB_CD"])
    assert len(strange) >= 3
    assert not strange & used
    near = set(truth(wide).filter(pl.col("KIND") == "new")["JOB_SEQ"].explode())
    assert len(near & used) > 0.7 * len(near)


def test_sizes_stand_in_texts_with_and_without_the_column(wide: Read) -> None:
    sizes = wide("SELECT SIZE, COUNT(*) n FROM DEMO_TRUTH_ITEM GROUP BY 1").rows()
    counts = dict(sizes)
    assert counts["text"] / (counts["text"] + counts["missing"]) == pytest.approx(0.4, abs=0.08)
    assert (counts["text"] + counts["missing"]) / (1500 - counts["none"]) == pytest.approx(0.2, abs=0.04)


def test_a_size_in_a_text_is_that_of_the_column(wide: Read) -> None:
    items = wide("SELECT * FROM BI_ITEM_INFO_VIEW WHERE OUTDIAMETER > 0")
    text = pl.concat_str("ITEM_SPEC", "ADDITIONAL_SPEC", "ITEM_NM", separator=" | ", ignore_nulls=True)
    mm = (
        items.with_columns(
            found=text.str.extract_groups(
                r"(?:Ø|OD| )(\d+(?:\.\d+)?)(?:x| X |\*| x )(\d+(?:\.\d+)?)(?:T| mm| |$)"
            )
        )
        .unnest("found")
        .drop_nulls("1")
    )
    assert mm.height > 100
    close = (pl.col("1").cast(pl.Float64) - pl.col("OUTDIAMETER")).abs() < 0.06
    assert mm.select(close.mean()).item() > 0.99


def test_a_machine_chosen_by_load_is_the_first_in_two_of_three_cases(wide: Read) -> None:
    facts = dict(wide("SELECT NAME, VALUE FROM DEMO_TRUTH_SUMMARY").rows())
    pairs = [p.split(" / ") for p in facts["machines_by_load"].split(", ")]
    assert len(pairs) == 3
    for first, second in pairs:
        used = wide(f"SELECT RES_CD FROM BI_ROUTING_VIEW WHERE RES_CD IN ('{first}', '{second}')")["RES_CD"]
        assert used.len() > 60
        assert (used == first).mean() == pytest.approx(0.65, abs=0.12)
        assert not (
            wide("SELECT RES_SEQ FROM DEMO_TRUTH_ROUTING")["RES_SEQ"].str.split(">").explode() == second
        ).any()


def test_an_option_is_as_probable_for_every_item_of_its_family() -> None:
    options = [t for f in draw_book(SEED, WIDE).families for t in f.toggles if t.rule is None]
    assert options
    assert all(0.15 <= t.share <= 0.4 for t in options)


def test_grammars_have_names_and_unseen_ones_are_drawn() -> None:
    assert named_grammar("plain") == Grammar()
    assert named_grammar("drawn:3") == named_grammar("drawn:3") != named_grammar("drawn:4")
    assert all(named_grammar(f"drawn:{k}").plant_rules >= 2 for k in range(20))
    for name in ("narrow", "drawn:", "drawn:x", "drawn:-1"):
        with pytest.raises(ConfigurationError, match="no grammar"):
            named_grammar(name)
