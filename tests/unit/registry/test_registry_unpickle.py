"""Arrays of a model are parts of the bytes that were hashed: nothing is read twice, copied, or taken from beyond the file."""

from __future__ import annotations

import io
import pickle
from typing import Any

import joblib
import numpy as np
import pytest

from routing_etl.registry.unpickle import load_bytes


def dumped(value: object) -> bytearray:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return bytearray(stream.getvalue())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=np.int32).reshape(3, 4)),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::2],
        np.arange(5, dtype=">f8"),
        np.array(7.5),
        np.empty((0, 3), dtype=np.float32),
        np.array(["a", "bc"]),
        np.array([(1, 2.5)], dtype=[("a", "<u4"), ("b", "<f8")]),
    ],
    ids=["C", "Fortran", "a view", "big-endian", "a number", "empty", "text", "records"],
)
def test_every_array_comes_back_as_joblib_gives_it(array: np.ndarray[Any, Any]) -> None:
    content = dumped({"before": "x", "array": array, "again": array, "after": [1, 2]})
    ours, theirs = load_bytes(content), joblib.load(io.BytesIO(bytes(content)))
    assert ours["after"] == [1, 2]
    found, expected = ours["array"], theirs["array"]
    assert found.shape == expected.shape and found.dtype.isnative
    assert found.dtype == expected.dtype and found.flags.f_contiguous == expected.flags.f_contiguous
    assert np.array_equal(found, expected)


def test_arrays_are_parts_of_the_content_and_can_be_written_to() -> None:
    content = dumped([np.arange(1000.0), np.asfortranarray(np.ones((30, 40)))])
    whole = np.frombuffer(content, dtype=np.uint8)
    for array in load_bytes(content):
        assert np.shares_memory(array, whole)
        assert array.flags.writeable


def test_an_array_that_goes_beyond_the_end_of_the_file_is_refused() -> None:
    content = dumped(np.arange(1000.0))
    with pytest.raises(pickle.UnpicklingError, match="beyond the end of the file"):
        load_bytes(content[:-9])
