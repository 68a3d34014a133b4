"""A machine that runs out of something: every library's way of saying it becomes one sentence with its kind."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from routing_etl.database.errors import classify
from routing_etl.errors import DiskFullError, RoutingEtlError, RunFolderError, ShortageError
from routing_etl.pipeline import street
from routing_etl.pipeline.context import _LOWER
from routing_etl.settings import Settings
from routing_etl.shortages import own_errors, shortage


class PanicException(BaseException):
    """As the panics of Polars: no Exception, and known only by its name."""


def system(number: int, filename: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), filename)


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (system(errno.ENOSPC, "/data/x.parquet"), DiskFullError, r"/data/x\.parquet"),
        (system(errno.EFBIG), DiskFullError, "ulimit -f"),
        (system(errno.EDQUOT), DiskFullError, "No space left"),
        (pl.exceptions.ComputeError("No space left on device (os error 28)"), DiskFullError, "in step score"),
        (pa.ArrowInvalid("[Errno 27] Error writing bytes to file. Detail: [errno 27] File too large"), DiskFullError, "disk"),
        (MemoryError(), ShortageError, "Too little memory in step score: this process has"),
        (np._core._exceptions._ArrayMemoryError((10**9,), np.dtype("f8")), ShortageError, "7.45 GiB"),  # type: ignore[attr-defined]
        (pa.ArrowMemoryError("malloc of size 64 failed"), ShortageError, "malloc"),
        (system(errno.ENOMEM), ShortageError, "SCORE_BATCH lower"),
        (ImportError("libarrow.so: failed to map segment from shared object"), ShortageError, "memory"),
        (RuntimeError("can't start new thread"), ShortageError, "[0-9]+ threads run"),
        (system(errno.EAGAIN), ShortageError, "POLARS_MAX_THREADS"),
        (PanicException("OS can't spawn worker thread: Resource temporarily unavailable"), ShortageError, "thread"),
        (system(errno.EMFILE), ShortageError, "Too many open files.*ulimit -n"),
    ],
)  # fmt: skip
def test_each_shortage_has_its_kind_and_remedy(
    raised: BaseException, kind: type[RoutingEtlError], says: str
) -> None:
    with pytest.raises(kind, match=says) as error, own_errors("in step score", lower="SCORE_BATCH lower"):
        raise raised
    assert error.value.remedy and error.value.__cause__ is raised
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("no space left in the code"),
        KeyError("out of memory"),
        RuntimeError("dictionary changed size during iteration"),
        system(errno.EACCES, "/data/x"),
        KeyboardInterrupt(),
        ShortageError("told already"),
    ],
)
def test_what_is_no_shortage_passes(raised: BaseException) -> None:
    assert shortage(raised, "here") is None
    with pytest.raises(type(raised)), own_errors("here", folder="f"):
        raise raised


def test_a_file_of_the_run_that_is_gone_or_cut_off_is_named(tmp_path: Path) -> None:
    file = tmp_path / "items.parquet"
    for read in (lambda: file.read_bytes(), lambda: pl.scan_parquet(file).collect()):
        with (
            pytest.raises(RunFolderError, match=r"gone in step clean.*items\.parquet") as error,
            own_errors("in step clean", folder=tmp_path),
        ):
            read()
        assert "routing-etl run" in error.value.remedy
    pl.DataFrame({"a": range(1000)}).write_parquet(file)
    whole = file.read_bytes()
    for cut in (whole[: len(whole) // 2], whole[:3], b""):
        file.write_bytes(cut)
        for read_file in (lambda: pl.scan_parquet(file).collect(), lambda: pq.read_table(file)):
            with (
                pytest.raises(RunFolderError, match="damaged or cut off"),
                own_errors("in step clean", folder=tmp_path),
            ):
                read_file()


def test_a_full_disk_met_while_a_database_is_read_is_not_the_databases_fault() -> None:
    found = classify(system(errno.EFBIG, "/data/raw.tmp"), "erp", "sqlite:///erp.db")
    assert isinstance(found, DiskFullError) and "/data/raw.tmp" in found.message


def test_the_settings_that_are_named_exist() -> None:
    named = {n for text in _LOWER.values() for n in re.findall(r"ROUTING_ETL_(\w+?)(?:=|\b)", text)}
    assert named and named <= {name.upper() for name in Settings.model_fields}
    assert set(_LOWER) <= {step.name for step in street.STEPS}
