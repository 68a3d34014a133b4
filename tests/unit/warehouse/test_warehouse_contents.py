"""What is checked and counted before a load: named refusals, checksums, and the content hash."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warehouse_predictions import CANDIDATE, OPERATION, known_rows, many_frames, write_frames, write_rows

from routing_etl.errors import FrameError, WarehouseError
from routing_etl.warehouse.contents import content_hash, contents_of, require_rows, scan, targets, to_rows
from routing_etl.warehouse.schema import tables

TABLES = tables(None)


def contents(folder, rows, dialect="sqlite"):
    return contents_of(write_rows(folder, rows), TABLES, dialect)


def test_counts_and_checksums_known_by_hand(tmp_path):
    candidates, operations, _, resources, abstained = contents(tmp_path, known_rows())
    assert (candidates.rows, operations.rows, resources.rows, abstained.rows) == (1, 2, 4, 1)
    assert candidates.checksums["similarity_score"] == (1, 9123)
    assert operations.checksums["setup_time"] == (1, 123457)
    assert operations.checksums["job_cd"] == (2, len("A01-2") + len("C10-1"))
    assert operations.checksums["cust_nm"] == (1, 3)
    assert operations.checksums["proc_seq"] == (2, 30)
    assert resources.checksums["is_pool"] == (4, 1)
    days = (date(2025, 6, 18) - date(1970, 1, 1)).days
    assert resources.checksums["last_used"] == (4, 4 * days)
    assert abstained.checksums["item_cd"] == (1, 10)


@pytest.mark.parametrize(
    ("frame", "column", "value", "words"),
    [
        ("candidate_operations", "run_time", math.nan, "not a finite number"),
        ("candidate_operations", "safe_time", math.inf, "not a finite number"),
        ("candidates", "similarity_score", -math.inf, "not a finite number"),
        ("candidate_operations", "setup_time", 1e8, "outside"),
        ("candidates", "confidence", 12.0, "outside"),
        ("candidate_operations", "job_cd", "J" * 33, "longer than 32 characters"),
        ("candidates", "item_cd", "I" * 101, "longer than 100 characters"),
        ("candidate_operations", "sample_count", 2**31, "outside"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(tmp_path, frame, column, value, words):
    rows = known_rows()
    rows[frame][0][column] = value
    with pytest.raises(FrameError) as caught:
        contents(tmp_path, rows)
    message = str(caught.value)
    assert frame in message and column in message and words in message and "Nothing was loaded" in message


def test_a_required_value_that_is_missing_is_refused_by_name(tmp_path):
    folder = write_rows(tmp_path, known_rows())
    part = folder / "candidates" / "part-00000.parquet"
    pl.read_parquet(part).with_columns(priority=pl.lit(None, pl.String)).write_parquet(part)
    with pytest.raises(FrameError, match=r"priority is NULL.*3H18091DB"):
        contents_of(folder, TABLES, "sqlite")


def test_exactly_the_maximum_length_fits(tmp_path):
    rows = known_rows()
    rows["candidate_operations"][0]["job_cd"] = "한" * 32
    assert contents(tmp_path, rows)[1].checksums["job_cd"] == (2, 37)


def test_sql_server_counts_utf_16_units(tmp_path):
    rows = known_rows()
    rows["candidate_operations"][0]["job_nm"] = "𠀀" * 40
    assert contents(tmp_path / "a", rows)[1].checksums["job_nm"][1] == 40 + len("MTM 3차")
    with pytest.raises(FrameError, match="job_nm is longer than 64"):
        contents(tmp_path / "b", rows, "mssql")


def test_a_missing_frame_names_folder_and_step(tmp_path):
    folder = write_rows(tmp_path, known_rows())
    (folder / "abstained" / "part-00000.parquet").unlink()
    with pytest.raises(FrameError, match=r"abstained.*routing-etl score"):
        contents_of(folder, TABLES, "sqlite")


def test_a_broken_file_is_refused(tmp_path):
    folder = write_rows(tmp_path, known_rows())
    (folder / "candidates" / "part-00000.parquet").write_bytes(b"not parquet")
    with pytest.raises(FrameError, match="candidates"):
        contents_of(folder, TABLES, "sqlite")


def test_a_batch_without_items_is_refused(tmp_path):
    empty = dict.fromkeys(known_rows(), ())
    found = contents(tmp_path, {name: list(rows) for name, rows in empty.items()})
    with pytest.raises(WarehouseError, match="no candidate and no abstained item"):
        require_rows(found, tmp_path)


def test_negative_zero_is_zero(tmp_path):
    rows = known_rows()
    rows["candidate_operations"][0]["wait_time"] = -0.00001
    write_rows(tmp_path, rows)
    target = targets(TABLES)[1]
    value = to_rows(scan(tmp_path, target), target).collect()["wait_time"][0]
    assert value == 0 and math.copysign(1, value) == 1


def _hash(folder, **constants):
    return content_hash(contents_of(folder, TABLES, "sqlite"), constants)


def test_the_hash_knows_content_not_files(tmp_path):
    frames = many_frames(40)
    whole = _hash(write_frames(tmp_path / "a", frames))
    shuffled = {n: f.sample(fraction=1, shuffle=True, seed=3) for n, f in frames.items()}
    assert _hash(write_frames(tmp_path / "b", shuffled, parts=5)) == whole
    assert _hash(tmp_path / "a", word="other") != whole
    changed = dict(frames)
    changed["candidate_operations"] = frames["candidate_operations"].with_columns(
        wait_time=pl.when(pl.int_range(pl.len()) == 7).then(201.0).otherwise("wait_time")
    )
    assert _hash(write_frames(tmp_path / "c", changed)) != whole


def test_the_hash_sees_a_swap_of_two_values(tmp_path):
    rows = known_rows()
    one = _hash(write_rows(tmp_path / "a", rows))
    rows["candidates"].append(
        CANDIDATE | {"candidate_rank": 2, "candidate_id": "3H18091DB_C02", "support": 0.1}
    )
    rows["candidate_operations"].append(OPERATION | {"candidate_rank": 2})
    two = _hash(write_rows(tmp_path / "b", rows))
    rows["candidates"][0]["support"], rows["candidates"][1]["support"] = 0.1, 0.8
    three = _hash(write_rows(tmp_path / "c", rows))
    assert len({one, two, three}) == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.floats(0, 99_999_999, allow_nan=False),
    name=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=32),
)
def test_rounding_agrees_with_python_and_any_text_is_measured(tmp_path_factory, value, name):
    rows = known_rows()
    rows["candidate_operations"][0] |= {"move_time": value, "job_nm": name}
    found = contents(tmp_path_factory.mktemp("p"), rows)[1].checksums
    assert abs(found["move_time"][1] - value * 10_000) <= 0.5 + value * 1e-10
    assert found["job_nm"] == (2, len(name) + len("MTM 3차"))
