"""Sizes in texts: which number is which size, in which unit, is learned where the column is filled; else nothing is read."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing_etl import RoutingPredictor
from routing_etl.frames import SIZES_FROM_TEXTS, AttributeSpec
from routing_etl.model.attributes.expressions import number_in, numbers_of
from routing_etl.model.attributes.levels import normalise, normalised
from routing_etl.model.attributes.sizes import SizeReader
from routing_etl.model.attributes.tokens import Tokeniser

N = 300


def plant(
    form: str = "OD{} X {}T", factor: float = 1.0, filled: int = 200
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Texts and columns of `N` items of different sizes, the columns of the first `filled` of them filled."""
    rng = np.random.default_rng(5)
    od, t = np.round(rng.uniform(20, 300, N) * 2) / 2, np.round(rng.uniform(4, 60, N), 1)
    written = [form.format(f"{a / factor:.3f}", f"{b / factor:.3f}") for a, b in zip(od, t, strict=True)]
    texts = pl.DataFrame({"spec": [f"5 U 4 V {w} API 682" for w in written], "name": ["RING 12"] * N})
    here = pl.Series(np.arange(N) < filled)
    columns = pl.DataFrame({"od": od, "t": t, "turns": rng.integers(1, 3, N).astype(float)})
    return texts.select(normalise("spec"), normalise("name")), columns.with_columns(
        pl.when(here).then(pl.col("od")).alias("od"), pl.when(here).then(pl.col("t")).alias("t")
    )


@pytest.mark.parametrize(
    ("form", "factor"),
    [
        ("OD{} X {}T", 1.0),
        ("Ø{}x{}", 1.0),
        ("{}*{}", 1.0),
        ("{} x {} mm", 1.0),
        ('{}" x {}"', 25.4),
        ("OD {}, T: {}", 1.0),
        ("{}IN X {}IN", 25.4),
    ],
)
def test_a_size_is_read_in_its_unit_where_the_column_is_empty(form: str, factor: float) -> None:
    texts, columns = plant(form, factor)
    whole = plant(form, factor, filled=N)[1]
    reader = SizeReader().fit(texts, columns)
    assert {(r.measure, r.attribute) for r in reader.readings} == {("od", "spec"), ("t", "spec")}
    assert {r.factor for r in reader.readings} == {factor}
    assert [sentence.split(",")[0] for sentence in reader.told()] == [
        f"Where {m} is missing" for m in reader.measures
    ]
    assert f" in {reader.readings[0].agreed} of" in reader.told()[0]
    read = reader.filled(texts, columns)
    assert read["od"].null_count() == read["t"].null_count() == 0
    assert (read["od"] - whole["od"]).abs().max() < 0.02
    assert read["turns"].equals(columns["turns"])


#: Sheets: few thicknesses, many lengths; the order of the three differs from text to text.
def sheets(*forms: str, filled: int = 200) -> tuple[pl.DataFrame, pl.DataFrame, list[float]]:
    rng = np.random.default_rng(11)
    thick = rng.choice([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0], N)
    wide, long = rng.integers(60, 300, N), rng.integers(310, 900, N)
    written = [
        forms[i % len(forms)].format(f"{t:.1f}".replace(".", ","), w, k)
        for i, (t, w, k) in enumerate(zip(thick, wide, long, strict=True))
    ]
    texts = pl.DataFrame({"spec": [f"{w} 1.4301 part {k}" for w, k in zip(written, long, strict=True)]})
    here = pl.Series(np.arange(N) < filled)
    column = pl.DataFrame({"t": thick}).with_columns(pl.when(here).then(pl.col("t")).alias("t"))
    return texts.select(normalise("spec")), column, thick.tolist()


@pytest.mark.parametrize(
    "forms", [("Bl. {0}x{1}x{2}",), ("t={0}",), ("{0}mm",), ("Bl. {0}x{1}x{2}", "{2}x{1}x{0}")]
)
def test_a_size_of_few_values_is_read_with_a_decimal_comma_in_whatever_order(forms: tuple[str, ...]) -> None:
    texts, column, thick = sheets(*forms)
    reader = SizeReader().fit(texts, column)
    assert reader.filled(texts, column)["t"].to_list() == thick
    rows = texts["spec"].to_list()
    empty = list(range(200, N))
    assert reader.read_few({"spec": rows}, "t", empty) == {i: thick[i] for i in empty}


def test_a_number_that_agrees_for_one_frequent_value_only_is_not_believed() -> None:
    texts, column, thick = sheets("M{0}")
    screws = pl.DataFrame({"spec": [f"M{'8' if i % 10 else 3 + i % 7} part {i}" for i in range(N)]}).select(
        normalise("spec")
    )
    mostly = pl.DataFrame({"t": [8.0 if i % 10 else t for i, t in enumerate(thick)]})
    assert SizeReader().fit(screws, mostly).readings == []
    assert SizeReader().fit(texts, column.sample(fraction=1.0, shuffle=True, seed=1)).readings == []


def test_fractions_of_an_inch_are_read() -> None:
    parts = np.random.default_rng(1).integers(9, 150, N)
    texts = pl.DataFrame(
        {"spec": [f'{p // 16}-{p % 16}/16" SEAL' if p >= 16 and p % 16 else f'{p}/16" SEAL' for p in parts]}
    ).select(normalise("spec"))
    size = pl.DataFrame(
        {"od": [float(np.round(p * 25.4 / 16)) if k % 2 else None for k, p in enumerate(parts)]}
    )
    reader = SizeReader().fit(texts, size)
    assert [(r.form, r.factor) for r in reader.readings] == [('9"', 25.4)]
    read = reader.filled(texts, size)["od"]
    assert (read - pl.Series(parts * 25.4 / 16)).abs().max() < 0.51


def test_a_column_that_is_filled_is_never_replaced_and_what_contradicts_it_is_counted() -> None:
    texts, columns = plant()
    columns = columns.with_columns(od=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit(777.0)).otherwise("od"))
    reader = SizeReader().fit(texts, columns)
    assert reader.filled(texts, columns)["od"][:3].to_list() == [777.0] * 3
    told = reader.compared(texts, columns)
    assert told.filter("contradicts").select("row", "attribute", "text_attribute", "column_value").rows() == [
        (k, "od", "spec", 777.0) for k in range(3)
    ]
    assert told.filter(pl.col("column_value").is_null())["attribute"].value_counts().sort(
        "attribute"
    ).rows() == [("od", 100), ("t", 100)]


def coded(filled: int = 200) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Item codes of two families, one with diameter and length in whole millimetres, and the columns, not filled to the end."""
    rng = np.random.default_rng(6)
    od, length = np.round(rng.uniform(20, 300, N), 1), np.round(rng.uniform(100, 900, N))
    plain = np.arange(N) % 3 == 0
    serial = rng.integers(1000, 9999, N)
    codes = [
        f"12-{s * 7}" if p else f"TU{round(a):03d}-{round(b):04d}-{s}"
        for p, a, b, s in zip(plain, od, length, serial, strict=True)
    ]
    here = pl.Series(np.arange(N) < filled)
    columns = pl.DataFrame({"od": od, "len": length}).with_columns(pl.when(here).then(pl.all()).name.keep())
    return pl.DataFrame({"item_cd": codes}), columns


def test_an_item_code_tells_sizes_where_it_does_and_a_serial_number_tells_none() -> None:
    texts, columns = coded()
    reader = SizeReader().fit(texts, columns, ["item_cd"])
    assert {(r.form, r.place, r.measure) for r in reader.readings} == {
        ("TU9-9-9", 0, "od"),
        ("TU9-9-9", 1, "len"),
    }
    whole = coded(N)[1]
    filled = reader.filled(texts, columns)
    missing, plain = np.arange(N) >= 200, np.arange(N) % 3 == 0
    assert filled["od"].is_null().to_numpy().tolist() == (missing & plain).tolist()
    off = (filled["od"] - whole["od"]).abs().drop_nulls()
    assert off.max() <= 0.5
    rows = np.flatnonzero(missing).tolist()
    few = reader.read_few({"item_cd": texts["item_cd"].to_list()}, "len", rows)
    assert few == {row: filled["len"][row] for row in rows if not plain[row]}


def test_a_code_whose_number_is_another_size_is_not_believed() -> None:
    texts, columns = coded()
    assert (
        SizeReader()
        .fit(
            texts,
            columns.with_columns(od=pl.col("od") * 1.2, len=None).cast({"len": pl.Float64}),
            ["item_cd"],
        )
        .readings
        == []
    )


@pytest.mark.parametrize(("factor", "read"), [(1.0, True), (25.4, False)])
def test_whole_inches_are_no_diameter_in_millimetres(factor: float, read: bool) -> None:
    """RG5 says some 127 mm, which may be 115 or 139: every item agrees, and none is known by it."""
    rng = np.random.default_rng(6)
    od = np.round(rng.uniform(40, 300, N), 1)
    texts = pl.DataFrame({"item_cd": [f"RG{round(a / factor)}-{i:04d}" for i, a in enumerate(od)]})
    reader = SizeReader().fit(texts, pl.DataFrame({"od": od}), ["item_cd"])
    assert [(r.form, r.place) for r in reader.readings] == ([("RG9-9", 0)] if read else [])
    assert not read or "agrees to 0.5" in reader.told()[0]


def test_an_item_code_is_read_by_the_model_one_item_like_many() -> None:
    """The attributes do not name it: nothing else is learned from it."""
    texts, columns = coded()
    items = texts.hstack(columns).with_columns(note=pl.lit("TUBE"))
    tokeniser = Tokeniser(
        (
            AttributeSpec("note", "text"),
            AttributeSpec("od", "number", "mm"),
            AttributeSpec("len", "number", "mm"),
        ),
        identifiers=("item_cd",),
    ).fit(items)
    assert not [level for level in tokeniser.levels if level.attribute == "item_cd"]
    folds = np.arange(N) % 5
    table = tokeniser.guess_sizes(items, tokeniser.transform(items), folds, seed=1)
    plain, missing = np.arange(N) % 3 == 0, np.arange(N) >= 200
    assert table.known.tolist() == [[bool(k)] * 2 for k in ~(plain & missing)]
    for start in (0, 210):
        few = tokeniser.transform(items[start : start + 5])
        np.testing.assert_array_equal(few.numbers, table.numbers[start : start + 5])
        np.testing.assert_array_equal(few.known, table.known[start : start + 5])
    told = tokeniser.sizes_told(items)
    assert told["text_attribute"].unique().to_list() == ["item_cd"]


def test_few_rows_a_third_wrong_or_a_number_that_never_varies_are_not_believed() -> None:
    texts, columns = plant(filled=30)
    assert SizeReader().fit(texts, columns).readings == []
    texts, columns = plant()
    third = pl.int_range(pl.len()) % 3 == 0
    wrong = columns.with_columns(od=pl.when(third).then(pl.col("od") + 9).otherwise("od"), t=None)
    assert SizeReader().fit(texts, wrong.cast({"t": pl.Float64})).readings == []
    same = columns.with_columns(od=pl.lit(12.0), t=None)  # the name says 12 of every item
    assert SizeReader().fit(texts, same.cast({"t": pl.Float64})).readings == []


def test_a_size_far_beyond_all_that_are_known_is_not_taken() -> None:
    texts, columns = plant()
    reader = SizeReader().fit(texts, columns)
    odd = pl.DataFrame({"spec": ["OD9999.0 X 12.5T"], "name": [None]}, schema_overrides={"name": pl.String})
    none = pl.DataFrame({"od": [None], "t": [None]}, schema={"od": pl.Float64, "t": pl.Float64})
    assert reader.filled(odd, none).row(0) == (None, 12.5)
    wild = pl.DataFrame({"od": [np.inf], "t": [1e300]})
    assert reader.filled(odd, wild).row(0) == (None, 12.5), "what no source can hold is missing"
    assert reader.compared(odd, wild)["column_value"].to_list() == [None]


def test_a_plant_without_texts_sizes_or_repeated_forms_reads_nothing() -> None:
    texts, columns = plant()
    nothing = pl.DataFrame()
    assert SizeReader().fit(nothing, columns).readings == []
    assert SizeReader().fit(texts, nothing).readings == []
    unique = pl.DataFrame({"spec": [f"{chr(65 + k % 26)}{chr(65 + k // 26)}{k}" for k in range(N)]})
    assert SizeReader().fit(unique, columns).readings == []
    assert SizeReader().compared(texts, columns).height == 0
    empty = texts.select(pl.lit(None, pl.String).alias("spec"))
    assert SizeReader().fit(empty, columns).readings == []


READER = SizeReader().fit(*plant())
INCHES = SizeReader().fit(*plant('{}" x {}"', 25.4))
WORDS = SizeReader().fit(*plant("OD {}, T: {}"))
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.text("0123456789.,/-xX*\"' ODTØmMiIn", max_size=24),
    st.builds("OD{} X {}T".format, st.floats(10, 400).map(lambda v: round(v, 2)), st.integers(0, 99)),
    st.builds(
        '{}-{}/{}" X {}"'.format, st.integers(0, 9), st.integers(1, 15), st.integers(0, 16), st.integers(0, 9)
    ),
)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("78/45.1 x 655", (78.0, 655.0)),
        ("100/38 x 370", (100.0, 370.0)),
        ('3/4" x 1-1/2"', (0.75, 1.5)),
        ("3/4x1/2", (0.75, 0.5)),
        ("1/25 x 7", (1.0, 7.0)),
    ],
)
def test_a_stroke_divides_a_fraction_of_an_inch_and_joins_other_numbers(
    text: str, sizes: tuple[float, float]
) -> None:
    table = pl.DataFrame({"spec": [text]}).select(normalise("spec"))
    found = numbers_of(table, ["spec"], ()).filter(pl.col("place") < 4).sort("place")
    assert (found["number"][0], found["number"][-1]) == sizes
    form, written = found["form"][0], normalised(text)
    assert written is not None
    assert [number_in(written, form, place, is_code=False) for place in found["place"]] == found[
        "number"
    ].to_list()


def spread(of_each: int, contradicts: bool = False) -> tuple[pl.DataFrame, pl.DataFrame, list[float]]:
    """A notation in one of three texts, its column filled for `of_each` items of each text; the third text may mean another size."""
    rng = np.random.default_rng(8)
    od = np.round(rng.uniform(20, 300, N), 1)
    place, number = np.arange(N) % 3, np.arange(N) // 3
    meant = np.where((place == 2) & contradicts, od[::-1], od)
    written = {f"text{k}": [f"Ø{v}x{v / 2:.2f}" if p == k else None for v, p in zip(meant, place, strict=True)] for k in range(3)}  # fmt: skip
    column = pl.DataFrame(
        {"od": [v if i < of_each else None for v, i in zip(od.tolist(), number, strict=True)]}
    )
    return pl.DataFrame(written).select(normalise(n) for n in written), column, od.tolist()


def test_a_notation_is_proved_by_all_texts_together_and_read_in_each() -> None:
    texts, column, od = spread(15)
    reader = SizeReader().fit(texts, column)
    assert {(r.attribute, r.pairs, r.agreed, r.together) for r in reader.readings} == {
        (f"text{k}", 15, 15, True) for k in range(3)
    }
    assert reader.filled(texts, column)["od"].to_list() == pytest.approx(od, abs=0.06)
    assert "of all texts" in reader.told()[0]
    assert SizeReader().fit(*spread(4)[:2]).readings == [], "too few pairs in each"


def test_a_text_in_which_a_notation_means_something_else_is_not_read() -> None:
    texts, column, _ = spread(40, contradicts=True)
    reader = SizeReader().fit(texts, column)
    assert {r.attribute for r in reader.readings} == {"text0", "text1"}
    assert reader.filled(texts, column)["od"].null_count() == N // 3 - 40


def test_a_number_that_is_two_sizes_is_read_as_both() -> None:
    texts, columns = plant()
    columns = columns.select("od", seal="od")
    read = SizeReader().fit(texts, columns).filled(texts, columns)
    assert read.null_count().row(0) == (0, 0)
    assert read["od"].equals(read["seal"])


def test_a_number_is_no_size_that_most_of_its_items_do_not_have() -> None:
    texts, columns = plant()
    every_third = pl.int_range(pl.len()) % 3 == 0
    columns = columns.select("od", seal=pl.when(every_third).then("od"))
    reader = SizeReader().fit(texts, columns)
    assert {r.measure for r in reader.readings} == {"od"}
    assert reader.filled(texts, columns)["seal"].equals(columns["seal"])


def test_a_number_is_the_size_that_it_agrees_with_more_often_however_few_have_it() -> None:
    texts, columns = plant()
    wrong = pl.int_range(pl.len()) % 20 == 0
    other = pl.when(wrong).then(pl.col("od") + 9).otherwise("od")
    columns = columns.select(od=pl.when(pl.int_range(pl.len()) < 80).then("od"), rough=other)
    assert {r.measure for r in SizeReader().fit(texts, columns.select("rough")).readings} == {"rough"}
    assert {r.measure for r in SizeReader().fit(texts, columns).readings} == {"od"}


def test_items_without_a_routing_show_how_texts_write_sizes_too() -> None:
    texts, columns = plant()
    kinds = {"spec": "text", "od": "number", "t": "number", "turns": "number"}
    attributes = [AttributeSpec(name, kind) for name, kind in kinds.items()]  # type: ignore[arg-type]
    items = texts.select("spec").hstack(columns)
    few, others = items[[*range(20), *range(200, 260)]], items[20:200]
    alone, beside = Tokeniser(attributes).fit(few), Tokeniser(attributes).fit(few, others)
    places = [beside.number_names.index(name) for name in ("od", "t")]
    assert np.isnan(alone.transform(few).numbers[20:, places]).all()
    assert not np.isnan(beside.transform(few).numbers[:, places]).any()


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=6))
@example(['1/0" X 4" 3" X 4"', '1/0" X 1/0"'])
@example(["OD 12, T 4", "W OD120 X 3T", "D: 9 X 4"])
@example(["OD 78/45.1 X 3", '3/4" X 1/2"', "\x001/2\x00 X 3", "3/4X1/2X5/8 9/7"])
@example(["OD12,5 X 3T OD99 X 3T", '3-1/2" X 1/0"', "٣٤X٣", "OD12 1/2 X 4T"])
def test_one_item_is_read_as_in_a_column(rows: list[str | None]) -> None:
    texts = pl.DataFrame({"spec": pl.Series(rows, dtype=pl.String)}).select(normalise("spec"))
    texts = texts.with_columns(name=pl.lit(None, pl.String))
    none = pl.DataFrame({n: pl.Series([None] * len(rows), dtype=pl.Float64) for n in ("od", "t")})
    alone = {"spec": [normalised(t) for t in rows], "name": [None] * len(rows)}
    for reader in (READER, INCHES, WORDS):
        column = reader.filled(texts, none)
        for name in ("od", "t"):
            few = reader.read_few(alone, name, range(len(rows)))
            assert [few.get(k) for k in range(len(rows))] == pytest.approx(column[name].to_list())


def test_items_are_coded_with_the_sizes_of_their_texts_alone_and_in_a_batch() -> None:
    texts, columns = plant()
    items = texts.hstack(columns)
    kinds = {"spec": "text", "name": "text", "od": "number", "t": "number", "turns": "number"}
    tokeniser = Tokeniser([AttributeSpec(name, kind) for name, kind in kinds.items()]).fit(items)  # type: ignore[arg-type]
    batch = tokeniser.transform(items).numbers
    place = [tokeniser.number_names.index(name) for name in ("od", "t")]
    assert not np.isnan(batch[:, place]).any()
    few = tokeniser.transform(items[250:255]).numbers
    np.testing.assert_allclose(few, batch[250:255], rtol=1e-6)


@pytest.fixture(scope="module")
def model() -> RoutingPredictor:
    """A plant that saws parts above 100 mm; its names say the diameter in mm or inches, all columns are filled."""
    rng = np.random.default_rng(3)
    n = 240
    od = np.round(rng.uniform(40, 160, n), 1)
    items = pl.DataFrame({
        "item_cd": [f"K{i}" for i in range(n)], "part_type": np.array(["RING", "SLEEVE"])[np.arange(n) % 3 % 2],
        "item_nm": [f'SEAL {v / 25.4:.3f}" STD' if i % 2 else f"SEAL OD{v} STD" for i, v in enumerate(od)], "od": od,
    })  # fmt: skip
    operations = pl.DataFrame([
        {"item_cd": f"K{i}", "proc_seq": 10 * k + 10, "job_cd": job, "res_cd": "M"}
        for i, v in enumerate(od)
        for k, job in enumerate((["SAW"] if v > 100 else []) + ["TURN", "PACK"])
    ])  # fmt: skip
    kinds = (("part_type", "category"), ("item_nm", "text"), ("od", "number"))
    attributes = tuple(AttributeSpec(name, kind) for name, kind in kinds)  # type: ignore[arg-type]
    return RoutingPredictor(attributes=attributes, n_trees=12, rehearsals=0).fit(items, operations)


def asked(names: list[str], od: list[float | None]) -> pl.DataFrame:
    columns = {
        "item_cd": [f"Q{i}" for i in range(len(od))],
        "part_type": ["RING"] * len(od),
        "item_nm": names,
        "od": od,
    }
    return pl.DataFrame(columns, schema_overrides={"od": pl.Float64})


def test_a_size_in_a_text_decides_whatever_its_unit(model: RoutingPredictor) -> None:
    names = ['SEAL 5.512" STD', "SEAL OD60.5 STD", 'SEAL 2.362" STD', "SEAL OD140.5 STD"]
    first = (
        model.predict(asked(names, [None] * 4)).candidates.filter(candidate_rank=1)["routing_code"].to_list()
    )
    assert first == ["SAW>TURN>PACK", "TURN>PACK", "TURN>PACK", "SAW>TURN>PACK"]
    assert sum("where both are filled" in note for note in model.notes_) == 1


def test_sizes_from_texts_are_listed_with_their_source_and_what_the_column_has(
    model: RoutingPredictor,
) -> None:
    told = model.sizes_from_texts(asked(['SEAL 5.512" STD', 'SEAL 5.512" STD', "SEAL"], [None, 60.0, 60.0]))
    assert told.columns == SIZES_FROM_TEXTS.names
    assert told.select("item_key", "attribute", "text_attribute", "column_value", "contradicts").rows() == [
        ("Q0", "od", "item_nm", None, False),
        ("Q1", "od", "item_nm", 60.0, True),
    ]
    assert told["size"].to_list() == pytest.approx([140.0, 140.0], abs=0.05)


def test_a_model_without_readings_lists_nothing(model: RoutingPredictor) -> None:
    assert SizeReader().measures == []
    assert model.sizes_from_texts(asked(["SEAL"], [None])).height == 0


# --- weights ----------------------------------------------------------------------------------------------------------
def weighed(both: str = "") -> tuple[pl.DataFrame, pl.DataFrame, list[float]]:
    """Items whose weight in grams is in the column (even rows) or in one of two texts (odd rows); `both`: texts of the even rows."""
    grams = [float(np.round(np.exp(x), 1)) for x in np.random.default_rng(3).normal(3, 0.5, N)]
    wrote = ["PART WT {:.1f} g", "HSG PA66 GF30, {:.1f} GRAMS", "wt. {:.2f} oz."]
    texts, notes = [], []
    for i, g in enumerate(grams):
        form = wrote[i % 3] if i % 2 else both
        said = form.format(g / 28.349523125 if "oz" in form else g)
        texts.append(said if i % 4 < 2 else "HOUSING 4 G1/2")
        notes.append(said if i % 4 > 1 else "TOOL 2")
    frame = pl.DataFrame({"name": texts, "note": notes}).select(normalise("name"), normalise("note"))
    column = pl.Series([None if i % 2 else g for i, g in enumerate(grams)], dtype=pl.Float64)
    return frame, pl.DataFrame({"weight": column}), grams


def test_a_weight_is_read_by_its_unit_though_no_row_has_it_twice() -> None:
    texts, columns, grams = weighed()
    reader = SizeReader().fit(texts, columns, units={"weight": "g"})
    read = reader.filled(texts, columns)["weight"]
    assert read.null_count() == 0
    assert (read / pl.Series(grams) - 1).abs().max() < 0.1  # hundredths of an ounce of the lightest
    assert "by its unit; where both are filled it agrees in 0 of 0 cases" in reader.told()[0]
    few = reader.read_few({n: texts[n].to_list() for n in texts.columns}, "weight", range(1, N, 2))
    assert few == {i: read[i] for i in range(1, N, 2)}
    pounds = columns.with_columns(pl.col("weight") / 453.59237)
    again = SizeReader().fit(texts, pounds, units={"weight": "LB"}).filled(texts, pounds)["weight"]
    assert (again * 453.59237 / read - 1).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("both", "units"),
    [
        ("PACK 7{:.1f} G", {"weight": "g"}),
        ("", {"weight": "mm"}),
        ("", {}),
        ("", {"weight": "g", "shot": "g"}),
    ],
)
def test_a_weight_is_not_read_where_it_contradicts_or_may_be_another(
    both: str, units: dict[str, str]
) -> None:
    """The texts of rows that have the column tell another weight; the column is none; there are two weights."""
    texts, columns, _ = weighed(both)
    columns = columns.with_columns(pl.lit(2.0).alias("shot"))
    reader = SizeReader().fit(texts, columns, units=units)
    assert reader.readings == []


def test_weights_unlike_those_of_the_column_are_not_read() -> None:
    texts, columns, _ = weighed()
    heavy = columns.with_columns(pl.col("weight") * 40)
    assert SizeReader().fit(texts, heavy, units={"weight": "g"}).readings == []


def test_two_weights_in_the_texts_of_an_item_are_none() -> None:
    texts, columns, _ = weighed()
    texts = texts.with_columns(
        pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("PACK 999 G")).otherwise("note").alias("note")
    )
    read = SizeReader().fit(texts, columns, units={"weight": "g"}).filled(texts, columns)["weight"]
    assert read[1] is None and read.null_count() == 1
