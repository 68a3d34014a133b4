"""Plain frames of a caller: what is derived, what is refused in which words, and that full frames cost nothing more."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_toy import ATTRIBUTES, toy_plant
from polars.testing import assert_frame_equal

from routing_etl.errors import FrameError, ModelError, RoutingEtlError
from routing_etl.evaluation.evaluate import evaluate
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.frames import ITEMS as ITEMS_CONTRACT
from routing_etl.frames import OPERATIONS as OPERATIONS_CONTRACT
from routing_etl.frames import AttributeSpec
from routing_etl.model.inputs import inferred_attributes
from routing_etl.model.plain import asked_frame, training_frames
from routing_etl.model.predictor import RoutingPredictor

ITEMS, OPERATIONS, UNKNOWN = toy_plant(120)
NAMES = [a.name for a in ATTRIBUTES]
PLAIN_ITEMS = ITEMS.select("item_cd", *NAMES)
PLAIN_OPERATIONS = OPERATIONS.select("item_cd", "proc_seq", "job_cd", "res_cd")
#: Two items and their operations, for the sentences of errors.
TWO_ITEMS = pl.DataFrame({"item_cd": ["A", "B"], "material": ["S", "H"]})
TWO_OPERATIONS = pl.DataFrame(
    {"item_cd": ["A", "A", "B"], "proc_seq": [10, 20, 10], "job_cd": ["J", "K", "J"]}
)


def small(**changed: Any) -> RoutingPredictor:
    return RoutingPredictor(**({"n_trees": 5, "n_jobs": 1, "rehearsals": 0} | changed))


def refused(items: pl.DataFrame, operations: pl.DataFrame) -> FrameError:
    with pytest.raises(FrameError) as told:
        training_frames(items, operations)
    assert told.value.remedy
    assert "step" not in str(told.value).lower()
    return told.value


@pytest.fixture(scope="module")
def plain_model() -> RoutingPredictor:
    return small(rehearsals=2).fit(PLAIN_ITEMS, PLAIN_OPERATIONS)


# --- the same answers ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_plain_frames_give_the_answers_of_full_frames_with_the_same_information() -> None:
    times = ["setup_min", "run_min", "queue_min", "wait_min", "move_min"]
    more = ["job_nm", "res_nm", "inside", "bp_cd", "insp_flg", "milestone_flg", "insrt_dt", "rout_no", *times]
    plain_items = PLAIN_ITEMS.with_columns(ITEMS["part_type"], ITEMS["item_nm"])
    plain = small(attributes=ATTRIBUTES).fit(
        plain_items, OPERATIONS.select("item_cd", "proc_seq", "job_cd", "res_cd", *more)
    )
    full = small(attributes=ATTRIBUTES).fit(ITEMS, OPERATIONS)
    mine, theirs = plain.predict(plain_items.tail(30)), full.predict(ITEMS.tail(30))
    assert theirs.candidates.height > 30
    assert mine.candidates.drop("item_hash").equals(theirs.candidates.drop("item_hash"))
    assert mine.operations.equals(theirs.operations)
    assert mine.evidence.equals(theirs.evidence)
    assert mine.resources.equals(theirs.resources)
    assert mine.abstained.equals(theirs.abstained)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 30])
def test_plain_items_are_answered_as_full_ones_are(plain_model: RoutingPredictor, n: int) -> None:
    plain, full = plain_model.predict(PLAIN_ITEMS.tail(n)), plain_model.predict(ITEMS.tail(n))
    assert plain.candidates["item_key"].n_unique() + plain.abstained.height == n
    assert plain.candidates.drop("item_hash").equals(full.candidates.drop("item_hash"))
    assert plain.operations.equals(full.operations)
    for mine, theirs in zip(
        plain_model.iter_predict(PLAIN_ITEMS.tail(n), 7),
        plain_model.iter_predict(ITEMS.tail(n), 7),
        strict=True,
    ):
        assert mine.candidates.drop("item_hash").equals(theirs.candidates.drop("item_hash"))


def test_a_changed_item_has_another_hash(plain_model: RoutingPredictor) -> None:
    items = PLAIN_ITEMS.tail(2)
    first = asked_frame(items)["item_hash"]
    assert first.str.len_chars().to_list() == [64, 64]
    assert asked_frame(items)["item_hash"].equals(first)
    changed = asked_frame(items.with_columns(material=pl.lit("other")))["item_hash"]
    assert (changed != first).all()


def test_without_times_the_answers_times_are_empty(plain_model: RoutingPredictor) -> None:
    found = plain_model.predict(PLAIN_ITEMS.tail(10)).operations
    assert found.height
    assert found["time_source"].unique().to_list() == ["none"]
    times = [
        "setup_time", "run_time", "setup_p10", "setup_p90", "run_p10", "run_p50", "run_p90", "optimal_time",
        "standard_time", "safe_time", "time_cv", "act_setup_time", "act_run_time", "queue_time", "wait_time", "move_time",
        "lot_size", "lot_exponent", "mfg_lt", "time_confidence",
    ]  # fmt: skip
    assert found.select(pl.col(times).null_count()).row(0) == (found.height,) * len(times)


def test_standard_times_alone_are_enough_for_times() -> None:
    operations = OPERATIONS.select("item_cd", "proc_seq", "job_cd", "res_cd", "run_min")
    found = small().fit(PLAIN_ITEMS, operations).predict(PLAIN_ITEMS.tail(10)).operations
    assert found["run_time"].null_count() == 0
    assert set(found["time_source"]) <= {"standard_similar", "model"}
    assert found["setup_time"].null_count() == found.height


@pytest.mark.slow
def test_evaluate_takes_plain_frames_and_needs_no_times(capsys: pytest.CaptureFixture[str]) -> None:
    options = EvaluationOptions(split="family", n_resamples=0, max_items=20)
    report = evaluate(small, PLAIN_ITEMS, PLAIN_OPERATIONS, options=options)
    exact = report.value("exact_at_1")
    assert exact is not None and 0 < exact <= 1
    assert report.value("run_mae") is None
    assert report.value("exact_at_1", method="nearest_copy") is not None
    full = evaluate(small, *training_frames(PLAIN_ITEMS, PLAIN_OPERATIONS), options=options)
    assert full.metrics.equals(report.metrics)
    assert capsys.readouterr().out == ""


def test_evaluate_refuses_plain_frames_by_name() -> None:
    with pytest.raises(FrameError, match="operations has no column 'job_cd'"):
        evaluate(small, PLAIN_ITEMS, PLAIN_OPERATIONS.drop("job_cd"))


# --- what is derived -------------------------------------------------------------------------------------------------


def test_full_frames_are_handed_on_themselves() -> None:
    items, operations = training_frames(ITEMS, OPERATIONS)
    assert items is ITEMS
    assert operations is OPERATIONS
    assert asked_frame(UNKNOWN) is UNKNOWN
    few = UNKNOWN.select("item_cd", "item_key", "item_hash", *NAMES)
    assert asked_frame(few) is few


def test_what_follows_is_derived_and_the_rest_is_null() -> None:
    items = pl.DataFrame({"item_cd": [" a1", "Ｂ 2"], "size": [1.5, None]})
    operations = pl.DataFrame(
        {"item_cd": ["A1", "b  2", "B 2"], "proc_seq": [1, 1, 2], "job_cd": ["J", "K", None]}
    )
    known, steps = training_frames(items, operations)
    ITEMS_CONTRACT.validate(known)
    OPERATIONS_CONTRACT.validate(steps)
    assert known["item_cd"].to_list() == [" a1", "Ｂ 2"]
    assert known["item_key"].to_list() == ["A1", "B 2"]
    assert known.select("part_type", "item_nm", "item_acct", "excluded").null_count().row(0) == (2,) * 4
    assert known["size"].to_list() == [1.5, None]
    assert steps.columns == OPERATIONS_CONTRACT.names
    assert steps["item_key"].to_list() == ["A1", "B 2", "B 2"]
    assert steps.select("inside", "rout_no", "routing_rank", "rout_valid", "rout_class", "decided_by").row(2) == (
        "in", "1", 0, True, "in", "only",
    )  # fmt: skip
    assert steps.select("res_cd", "run_min", "rout_date", "valid_from").null_count().row(0) == (3,) * 4


def test_equal_attributes_have_one_hash_whatever_the_code() -> None:
    items = pl.DataFrame({"item_cd": ["A", "B", "C"], "size": [1, 1, 2], "tags": [["x"], ["y"], ["z"]]})
    hashes = training_frames(items, TWO_OPERATIONS)[0]["attribute_hash"]
    assert hashes[0] == hashes[1] != hashes[2]
    bare = training_frames(items.select("item_cd"), TWO_OPERATIONS)[0]["attribute_hash"]
    assert bare.n_unique() == 1


def test_a_routings_class_and_date_follow_from_its_operations() -> None:
    operations = pl.DataFrame(
        {
            "item_cd": ["A", "A", "A", "B", "B"],
            "routing_rank": [0, 0, 1, 0, 0],
            "proc_seq": [10, 20, 10, 10, 20],
            "job_cd": ["J", "K", "J", "J", "K"],
            "inside": ["in", "out", "out", "in", "in"],
            "insrt_dt": [date(2024, 1, 1), date(2024, 3, 1), None, None, None],
        }
    )
    found = training_frames(TWO_ITEMS, operations)[1]
    assert found["rout_class"].to_list() == ["mixed", "mixed", "out", "in", "in"]
    assert found["rout_no"].to_list() == ["1", "1", "2", "1", "1"]
    assert found["rout_date"].to_list() == [datetime(2024, 3, 1)] * 2 + [None] * 3
    assert set(found["decided_by"]) == {"given"}


def test_types_that_hold_the_same_values_are_taken() -> None:
    operations = TWO_OPERATIONS.with_columns(
        pl.col("item_cd").cast(pl.Categorical),
        pl.col("proc_seq").cast(pl.UInt8),
        pl.col("job_cd").cast(pl.Enum(["J", "K"])),
        run_min=pl.lit(3),
        valid_from=pl.lit(datetime(2024, 5, 6, 7)),
        bp_cd=pl.lit(None),
    )
    found = training_frames(TWO_ITEMS, operations)[1]
    assert dict(found.schema) == OPERATIONS_CONTRACT.schema
    assert found["run_min"].to_list() == [3.0, 3.0, 3.0]
    assert found["valid_from"][0] == date(2024, 5, 6)


# --- attributes ------------------------------------------------------------------------------------------------------


def test_attributes_are_inferred_from_the_columns() -> None:
    n = 60
    items = pl.DataFrame(
        {
            "item_cd": [f"I{i}" for i in range(n)],
            "part_type": ["T"] * n,
            "size": range(n),
            "weight": [i / 7 for i in range(n)],
            "plated": [i % 2 == 0 for i in range(n)],
            "material": [f"S{i % 5}" for i in range(n)],
            "drawing": [f"D-{i:04d}" for i in range(n)],
            "steel": ["stainless steel" if i % 2 else "carbon steel" for i in range(n)],
            "finish": pl.Series(["matt", "gloss"] * (n // 2), dtype=pl.Categorical),
            "size_raw": ["x"] * n,
            "placeholders": ["-"] * n,
            "unused": [None] * n,
        }
    )
    assert {a.name: a.kind for a in inferred_attributes(items)} == {
        "size": "number", "weight": "number", "plated": "category", "material": "category", "drawing": "text",
        "steel": "text", "finish": "category", "unused": "category",
    }  # fmt: skip


def test_a_column_without_any_value_is_noted_and_not_used() -> None:
    model = small().fit(
        PLAIN_ITEMS.with_columns(colour=pl.lit(None), grade=pl.lit(None, pl.String)), PLAIN_OPERATIONS
    )
    told = [note for note in model.notes_ if "is empty in all routed items" in note]
    assert [note.split()[1] for note in told] == ["colour", "grade"]
    assert model.predict(PLAIN_ITEMS.tail(3)).candidates.height


def test_attributes_that_are_named_are_the_only_ones() -> None:
    found = small(attributes=(AttributeSpec("material", "code"),)).fit(PLAIN_ITEMS, PLAIN_OPERATIONS)
    assert [(a.name, a.kind) for a in found.attributes_] == [("material", "code")]


@pytest.mark.parametrize(
    ("values", "kind"), [(date(2024, 1, 1), "Date"), (["a", "b"], r"List\(String\)"), (b"x", "Binary")]
)
def test_a_column_that_is_no_attribute_is_named(values: object, kind: str) -> None:
    items = PLAIN_ITEMS.with_columns(made=pl.lit(values) if kind == "Date" else pl.Series([values] * 120))
    with pytest.raises(FrameError, match=rf"items: column 'made' is {kind}, which is no attribute") as told:
        small().fit(items, PLAIN_OPERATIONS)
    assert "items.drop('made')" in told.value.remedy
    assert "RoutingPredictor(attributes=...)" in told.value.remedy
    named = small(attributes=ATTRIBUTES).fit(items, PLAIN_OPERATIONS)
    assert "made" not in [a.name for a in named.attributes_]


def test_true_and_false_are_read_alike_in_one_item_and_in_many() -> None:
    items = PLAIN_ITEMS.with_columns(plated=pl.col("spec").str.starts_with("PLATED")).drop("spec")
    model = small().fit(items, PLAIN_OPERATIONS)
    assert "plated" in [a.name for a in model.attributes_]
    many = model.predict(items.tail(48)).candidates
    one = model.predict(items.tail(1)).candidates
    assert one.height
    assert_frame_equal(one, many.filter(pl.col("item_cd") == one["item_cd"][0]), abs_tol=1e-5)


def test_an_attribute_that_predict_does_not_get_is_named(plain_model: RoutingPredictor) -> None:
    with pytest.raises(ModelError, match=r"column\(s\) material"):
        plain_model.predict(PLAIN_ITEMS.tail(2).drop("material"))


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["item_cd", "proc_seq", "job_cd"])
def test_a_column_that_is_missing_is_named(name: str) -> None:
    told = refused(TWO_ITEMS, TWO_OPERATIONS.drop(name))
    assert f"operations has no column '{name}'; it has" in told.message
    assert f"operations.rename({{'...': '{name}'}})" in told.remedy
    assert OPERATIONS_CONTRACT[name].meaning in told.remedy


def test_items_without_codes_are_refused(plain_model: RoutingPredictor) -> None:
    bare = TWO_ITEMS.rename({"item_cd": "code"})
    told = refused(bare, TWO_OPERATIONS)
    assert told.message == "items has no column 'item_cd'; it has code, material."
    with pytest.raises(FrameError, match="items has no column 'item_cd'"):
        plain_model.predict(bare)
    assert "it has none" in refused(pl.DataFrame(), TWO_OPERATIONS).message


@pytest.mark.parametrize(
    ("frame", "name", "values", "message", "remedy"),
    [
        ("items", "item_cd", [1, 2], "is Int64, text is expected", "cast(pl.String)"),
        ("items", "part_type", [1, 2], "is Int64, text is expected", "cast(pl.String)"),
        ("operations", "item_cd", [1, 2, 3], "is Int64, text is expected", "cast(pl.String)"),
        ("operations", "proc_seq", [1.0, 2.0, 1.0], "is Float64, a whole number is expected", "cast(pl.Int32)"),
        ("operations", "proc_seq", ["1", "2", "1"], "is String, a whole number is expected", "cast(pl.Int32)"),
        ("operations", "res_cd", [1, 2, 3], "is Int64, text is expected", "cast(pl.String)"),
        ("operations", "run_min", ["1", "2", "3"], "is String, a number is expected", "cast(pl.Float64)"),
        ("operations", "rout_valid", [1, 0, 1], "is Int64, true or false is expected", "cast(pl.Boolean)"),
        ("operations", "valid_to", ["a", "b", "c"], "is String, a date is expected", ".str.to_date()"),
        ("operations", "insrt_dt", ["a", "b", "c"], "is String, a date is expected", ".str.to_datetime()"),
    ],
)  # fmt: skip
def test_a_column_of_another_type_is_named_with_its_cast(
    frame: str, name: str, values: list[Any], message: str, remedy: str
) -> None:
    frames = {"items": TWO_ITEMS, "operations": TWO_OPERATIONS}
    frames[frame] = frames[frame].with_columns(pl.Series(name, values))
    told = refused(**frames)
    assert told.message == f"{frame}: column '{name}' {message}."
    assert f"{frame}.with_columns(pl.col('{name}')" in told.remedy
    assert remedy in told.remedy


def test_the_remedy_of_a_wrong_type_is_code_that_works() -> None:
    items = pl.DataFrame({"item_cd": [1, 2]})
    told = refused(items, TWO_OPERATIONS)
    code = told.remedy.removeprefix("Cast it with ").removesuffix(".")
    assert eval(code, {"items": items, "pl": pl})["item_cd"].to_list() == ["1", "2"]


def test_a_number_that_does_not_fit_is_refused() -> None:
    told = refused(TWO_ITEMS, TWO_OPERATIONS.with_columns(proc_seq=pl.lit(2**40)))
    assert "operations: column 'proc_seq' holds values that do not fit Int32" in told.message


@pytest.mark.parametrize("name", ["item_cd", "proc_seq", "inside"])
def test_null_where_a_value_is_needed_is_refused(name: str) -> None:
    operations = TWO_OPERATIONS.with_columns(inside=pl.lit("in"))
    dtype = operations.schema[name]
    holed = operations.with_columns(pl.when(pl.col("job_cd") == "J").then(name).cast(dtype).alias(name))
    told = refused(TWO_ITEMS, holed)
    assert told.message == f"operations: column '{name}' is NULL in 1 of 3 rows."
    assert f"operations.drop_nulls('{name}')" in told.remedy


def test_codes_that_are_blank_or_there_twice_are_refused(plain_model: RoutingPredictor) -> None:
    blank = TWO_ITEMS.with_columns(item_cd=pl.Series(["A", " "]))
    assert "'item_cd' is blank in 1 row" in refused(blank, TWO_OPERATIONS).message
    told = refused(pl.concat([TWO_ITEMS, TWO_ITEMS[:1]]), TWO_OPERATIONS)
    assert "items: 2 rows share their item_cd with another row, 'A' for one" in told.message
    assert "items.unique('item_cd')" in told.remedy
    cased = TWO_ITEMS.with_columns(item_cd=pl.Series(["A", "a "]))
    assert "'A' and 'a ' for one" in refused(cased, TWO_OPERATIONS).message
    with pytest.raises(FrameError, match="2 rows share their item_cd"):
        plain_model.predict(pl.concat([PLAIN_ITEMS[:3], PLAIN_ITEMS[:1]]))


def test_operations_of_items_that_are_not_there_are_refused() -> None:
    told = refused(TWO_ITEMS[:1], TWO_OPERATIONS)
    assert told.message == "operations: 1 item(s) are not in items, 'B' for one."
    assert "operations.join(items, on='item_cd', how='semi')" in told.remedy
    full = OPERATIONS.head(30)
    with pytest.raises(FrameError, match="are not in items"):
        training_frames(TWO_ITEMS, full)


def test_a_column_that_nothing_reads_is_refused() -> None:
    """`setup` for `setup_min` must not mean a model without set-up times."""
    told = refused(TWO_ITEMS, TWO_OPERATIONS.with_columns(setup=pl.lit(3.0)))
    assert told.message == "operations has column(s) 'setup', which nothing reads."
    assert "operations.drop('setup')" in told.remedy
    assert "setup_min" in told.remedy


def test_a_place_other_than_inside_and_outside_is_refused() -> None:
    told = refused(TWO_ITEMS, TWO_OPERATIONS.with_columns(inside=pl.lit("Y")))
    assert told.message == "operations: column 'inside' holds 'Y', 'in' or 'out' is expected."


def test_two_routings_of_an_item_must_be_told_apart() -> None:
    twice = pl.concat([TWO_OPERATIONS, TWO_OPERATIONS[:1]])
    told = refused(TWO_ITEMS, twice)
    assert told.message == "operations: item 'A' has proc_seq 10 more than once in a routing."
    assert "give 'rout_no' and 'routing_rank'" in told.remedy
    numbered = twice.with_columns(rout_no=pl.Series(["R1", "R1", "R1", "R2"]))
    told = refused(TWO_ITEMS, numbered)
    assert (
        "item 'A' has the routings 'R1', 'R2' and no column 'routing_rank' tells which one counts"
        in told.message
    )
    same = numbered.with_columns(routing_rank=pl.lit(0))
    assert (
        "item 'A' has the routings 'R1', 'R2' with the same routing_rank" in refused(TWO_ITEMS, same).message
    )
    mixed = numbered.with_columns(routing_rank=pl.Series([0, 1, 0, 2]))
    assert "a routing of item 'A' has the routing_rank 0 and 1" in refused(TWO_ITEMS, mixed).message
    ranked = numbered.with_columns(routing_rank=pl.Series([0, 0, 0, 1]))
    assert training_frames(TWO_ITEMS, ranked)[1]["rout_no"].to_list() == ["R1", "R1", "R1", "R2"]


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        (TWO_ITEMS.to_pandas(), "pl.from_pandas(items)"),
        (TWO_ITEMS.lazy(), "items.collect()"),
        ({"item_cd": ["A"]}, "pl.DataFrame(items)"),
        (None, "pl.DataFrame(items)"),
    ],
    ids=["pandas", "lazy", "dict", "none"],
)
def test_what_is_no_polars_frame_is_told_how_to_become_one(given: Any, remedy: str) -> None:
    for act in (lambda: training_frames(given, TWO_OPERATIONS), lambda: asked_frame(given)):
        with pytest.raises(FrameError, match="must be a Polars DataFrame") as told:
            act()
        assert remedy in told.value.remedy


# --- anything else ---------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.data())
def test_any_plain_operations_are_completed_or_refused_by_name(data: st.DataObject) -> None:
    n = data.draw(st.integers(0, 4))
    names = data.draw(st.sets(st.sampled_from(OPERATIONS_CONTRACT.names)))
    values = {
        "item_cd": st.sampled_from(["A", "B", " a", "C", ""]),
        "inside": st.sampled_from(["in", "out", "x"]),
        "rout_no": st.sampled_from(["R", "S"]),
    }
    anything = st.one_of(st.integers(0, 3), st.text(max_size=2), st.none(), st.booleans(), st.dates())
    columns = {
        name: pl.Series(name, [data.draw(values.get(name, anything)) for _ in range(n)], strict=False)
        for name in sorted(names | {"item_cd", "proc_seq", "job_cd"})
    }
    try:
        found = training_frames(TWO_ITEMS, pl.DataFrame(columns))[1]
    except RoutingEtlError as error:
        assert error.remedy
    else:
        OPERATIONS_CONTRACT.validate(found)
        assert found.height == n
        assert found.select("item_key", "rout_no", "proc_seq").is_unique().all()
