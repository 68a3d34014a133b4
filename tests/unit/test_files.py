"""Finished files reach their names although another program has the old one open for a while, as on Windows."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from routing_etl import files, log
from routing_etl.errors import ConfigurationError, LockedError
from routing_etl.pipeline import memory, street
from routing_etl.registry.files import write_json
from routing_etl.runs import find_run, list_runs, new_run, prune_runs

pytestmark = pytest.mark.unit

#: What makes folders and files of working files.
_MAKERS = ("TemporaryDirectory", "mkdtemp", "NamedTemporaryFile", "mkstemp")


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[float]]:
    """Let the next renames be refused so many times; returns the waits between them."""
    monkeypatch.setattr(files.time, "sleep", lambda seconds: waits.append(seconds))
    waits: list[float] = []

    def refuse(times: int) -> list[float]:
        for name in ("replace", "rename"):
            monkeypatch.setattr(os, name, refusing(getattr(os, name), times))
        return waits

    def refusing(real: Callable[..., None], times: int) -> Callable[..., None]:
        left = [times]

        def call(*paths: Any, **options: Any) -> None:
            if left[0] > 0:
                left[0] -= 1
                raise PermissionError(13, "The process cannot access the file", str(paths[1]))
            real(*paths, **options)

        return call

    return refuse


@pytest.mark.parametrize("times", [1, 2, len(files.WAITS)])
def test_a_file_that_is_open_for_a_moment_is_replaced_a_little_later(
    busy: Callable[[int], list[float]], tmp_path: Path, times: int
) -> None:
    target = tmp_path / "aliases.json"
    write_json(target, {"champion": "old"})
    waits = busy(times)
    write_json(target, {"champion": "new"})
    assert '"new"' in target.read_text(encoding="utf-8")
    assert waits == list(files.WAITS[:times])
    assert [p.name for p in tmp_path.iterdir()] == ["aliases.json"]


def test_a_file_that_stays_open_is_one_sentence_and_the_old_one_stays(
    busy: Callable[[int], list[float]], tmp_path: Path
) -> None:
    target = tmp_path / "aliases.json"
    write_json(target, {"champion": "old"})
    busy(1000)
    with pytest.raises(LockedError) as caught:
        write_json(target, {"champion": "new"})
    assert str(caught.value).startswith(
        f"{target} cannot be renamed or replaced (The process cannot access the file)"
    )
    assert "another program has it open" in caught.value.message and caught.value.transient
    assert '"old"' in target.read_text(encoding="utf-8")


def test_a_report_of_a_run_is_replaced_while_someone_reads_it(
    busy: Callable[[int], list[float]], tmp_path: Path
) -> None:
    run = new_run(tmp_path, "night")
    report: Any = street.EXTRACT.report
    waits = busy(2)
    (run.reports / f"{report.name}.json").write_text("old", encoding="utf-8")
    run.write(SimpleNamespace(name=report.name, to_text=lambda value: value), "new")  # type: ignore[arg-type]
    assert (run.reports / f"{report.name}.json").read_text(encoding="utf-8") == "new"
    assert len(waits) == 2


def test_a_run_folder_in_use_is_left_whole_for_the_next_night(
    busy: Callable[[int], list[float]], tmp_path: Path
) -> None:
    for name in ("first", "second"):
        new_run(tmp_path, name)
    busy(len(files.WAITS) + 1)
    assert prune_runs(tmp_path, 1) == []
    assert [r.run_id for r in list_runs(tmp_path)] == ["second", "first"]
    assert (tmp_path / "runs" / "first" / "reports").is_dir()
    assert prune_runs(tmp_path, 1) == ["first"]
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["second"]


def test_what_a_removal_left_is_no_run_and_is_removed_by_the_next(tmp_path: Path) -> None:
    new_run(tmp_path, "only")
    half = tmp_path / "runs" / ".removing-gone"
    (half / "raw").mkdir(parents=True)
    (half / "created").write_text("2026-01-01", encoding="utf-8")
    assert [r.run_id for r in list_runs(tmp_path)] == ["only"]
    prune_runs(tmp_path, 1)
    assert not half.exists()


def test_the_peak_of_memory_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    now = psutil.Process().memory_info().rss / 1024**2
    ballast = bytearray(64 * 1024**2)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert memory.peak_memory_mb() > now + 50
    del ballast
    assert memory.peak_memory_mb() > now + 50, "it is the peak, not the memory of this moment"
    told = SimpleNamespace(rss=100 * 1024**2, peak_wset=300 * 1024**2)
    monkeypatch.setattr(psutil.Process, "memory_info", lambda self: told)
    assert memory.peak_memory_mb() == 300.0, "Windows: the peak working set"
    del told.peak_wset
    monkeypatch.setattr(memory, "resource", None)
    assert memory.peak_memory_mb() == 100.0, "neither: what is used now"


def test_a_log_file_that_another_process_has_open_grows_on_until_it_can_be_rotated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "_FILE_BYTES", 400)
    real = os.rename

    def refused(src: Any, dst: Any) -> None:
        raise PermissionError(13, "The process cannot access the file", src)

    try:
        log.configure(tmp_path)
        monkeypatch.setattr(os, "rename", refused)
        for n in range(8):
            log.get_logger("routing_etl.test").info("event", n=n)
        assert len((tmp_path / "routing_etl.log").read_text(encoding="utf-8").splitlines()) == 8
        monkeypatch.setattr(os, "rename", real)
        log.get_logger("routing_etl.test").info("event", n=8)
    finally:
        log.configure(None, "WARNING")
    assert len((tmp_path / "routing_etl.log").read_text(encoding="utf-8").splitlines()) == 1
    assert len((tmp_path / "routing_etl.log.1").read_text(encoding="utf-8").splitlines()) == 8
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "run_id", ["../x", "/tmp/x", "a/b", "..", ".hidden", "a\\b", "a\n", "x" * 65, "C:x", "부품"]
)
def test_a_run_id_that_leaves_its_folder_is_refused_by_name(tmp_path: Path, run_id: str) -> None:
    home = tmp_path / "home"
    with pytest.raises(ConfigurationError, match="is not usable") as error:
        new_run(home, run_id)
    assert repr(run_id) in error.value.message
    with pytest.raises(ConfigurationError, match="No run"):
        find_run(home, run_id)
    assert list(tmp_path.iterdir()) == []


def test_every_folder_of_working_files_has_the_name_that_the_sweep_removes() -> None:
    """What a killed process leaves beside its files is litter that nobody else would remove."""
    made, strangers = [], []
    for file in sorted(Path(files.__file__).parent.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith(_MAKERS)):
                continue
            named = {k.arg: ast.unparse(k.value) for k in call.keywords}
            if "dir" not in named:
                continue  # the system's own folder, which the system empties
            made.append(file.name)
            if named.get("prefix") != "SCRATCH":
                strangers.append(f"{file.name}:{call.lineno}: {ast.unparse(call)}")
    assert len(made) >= 3 and strangers == []
