"""What an earlier scoring says of items that have not changed since.

A proposal is a function of the model, the profile's map of outsourced jobs and the item's own row: when these and the program are the
same, so is the proposal (`tests/integration/test_unchanged_items.py`). Most nights only a few items are new, so a night takes the rows of the
others from the predictions of an earlier run, and only asks the model for the rest.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

import polars as pl

import routing_etl
from routing_etl import frames
from routing_etl.errors import RoutingEtlError
from routing_etl.log import get_logger
from routing_etl.pipeline import street
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.results import Counted, Scored
from routing_etl.pipeline.spelled import TodaysCodes
from routing_etl.runs import RunFolder, list_runs

log = get_logger(__name__)

#: The frames of a scoring that have rows of single items.
BY_ITEM = (frames.CANDIDATES, frames.CANDIDATE_OPERATIONS, frames.CANDIDATE_EVIDENCE, frames.ABSTAINED)
#: Libraries by whose version a proposal could differ.
_LIBRARIES = ("numpy", "polars", "scikit-learn", "scipy")


def scoring_basis(model_version: str, manifest_sha256: str, missing: tuple[str, ...], profile: str) -> str:
    """sha256 of everything that a proposal depends on beside the item: equal ones mean equal proposals.

    Parameters
    ----------
    model_version : str
        Name of the version.
    manifest_sha256 : str
        Of its files.
    missing : tuple of str
        Attributes that it learned from and that no item has now.
    profile : str
        Fingerprint of the source profile, whose map may replace outsourced jobs.
    """
    said = {
        "version": model_version,
        "manifest": manifest_sha256,
        "missing": sorted(missing),
        "profile": profile,
        "program": program(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: installed(name) for name in _LIBRARIES},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def program() -> str:
    """sha256 of the program's own code: a mended fault in it is no unchanged answer."""
    root, found = Path(routing_etl.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


@dataclass(frozen=True)
class Kept:
    """Items whose proposals an earlier run holds.

    Attributes
    ----------
    run : RunFolder
        The earlier run.
    keys : polars.Series
        Keys of the items, sorted.
    codes : TodaysCodes
        Today's codes: what the earlier run holds may be spelled in another way.
    """

    run: RunFolder
    keys: pl.Series
    codes: TodaysCodes

    def rows(self, frame: frames.Frame) -> pl.LazyFrame:
        """Their rows of one predicted frame, in today's spelling.

        Parameters
        ----------
        frame : Frame
            One of `BY_ITEM`, or SIZES_FROM_TEXTS.
        """
        mine = scan_predictions(self.run, frame).filter(pl.col("item_key").is_in(self.keys.implode()))
        return self.codes.later(mine, frame)

    def write(self, predictions: Path, name: str) -> Counted:
        """Copy their rows into the folders of a scoring.

        Parameters
        ----------
        predictions : Path
            One folder of part files for each frame.
        name : str
            File name of the parts.

        Returns
        -------
        Counted
            The rows by frame, first candidates in tier HIGH, and the sum of their confidences.
        """
        rows = {}
        for frame in BY_ITEM:
            target = predictions / frame.name / name
            self.rows(frame).sink_parquet(target)
            rows[frame.name] = _height(target)
        first = pl.scan_parquet(predictions / frames.CANDIDATES.name / name).filter(
            pl.col("candidate_rank") == 1
        )
        high, confident = (
            first.select((pl.col("similarity_tier") == "HIGH").sum(), pl.col("confidence").sum())
            .collect()
            .row(0)
        )
        operations = pl.scan_parquet(predictions / frames.CANDIDATE_OPERATIONS.name / name)
        replaced = operations.select(pl.col("replaced_job").is_not_null().sum()).collect().item()
        return Counted(0, rows, int(high), float(confident), replaced=int(replaced), reused=self.keys.len())


def unchanged_items(ctx: Context, todo: pl.DataFrame, basis: str, codes: TodaysCodes) -> Kept | None:
    """The items of which an earlier run has proposals that hold: scored on the same basis, and equal in every column.

    Parameters
    ----------
    ctx : Context
        The run at work.
    todo : polars.DataFrame
        ITEMS rows to be scored.
    basis : str
        As `scoring_basis` gives it.
    codes : TodaysCodes
        Of the run at work.

    Returns
    -------
    Kept or None
        None where no earlier run was scored on this basis, its files are not whole, or every item differs.
    """
    for run in list_runs(ctx.settings.home):
        if run.run_id == ctx.run.run_id:
            continue
        scored = _scored(run)
        if scored is None or scored.basis != basis:
            continue
        keys = _equal_items(run, scored, todo)
        if keys is None or keys.is_empty():
            return None
        return Kept(run, keys, codes)
    return None


def _scored(run: RunFolder) -> Scored | None:
    """What a run's scoring found; None where there is none that this program can read."""
    try:
        report = run.read(street.SCORE.report)
    except RoutingEtlError as exc:  # of an older version, or damaged: its items are scored again
        log.info("earlier_scoring_not_read", run=run.run_id, reason=exc.message)
        return None
    return report.result if report is not None else None


def _equal_items(run: RunFolder, scored: Scored, todo: pl.DataFrame) -> pl.Series | None:
    """Keys of the items that an earlier run has scored and whose rows are the same; None where its files are not whole."""
    file = run.clean / f"{frames.ITEMS.name}.parquet"
    try:
        for frame in BY_ITEM:
            found = scan_predictions(run, frame).select(pl.len()).collect().item()
            if found != scored.rows[frame.name]:
                log.warning(
                    "earlier_scoring_not_whole",
                    run=run.run_id, frame=frame.name, rows=found, reported=scored.rows[frame.name],
                )  # fmt: skip
                return None
        before = pl.scan_parquet(file)
        if dict(before.collect_schema()) != dict(todo.schema):
            log.info("every_item_scored", reason="the items' columns have changed", run=run.run_id)
            return None
        asked = pl.concat(
            [scan_predictions(run, f).select("item_key") for f in (frames.CANDIDATES, frames.ABSTAINED)]
        )
        same = before.join(asked.unique(), on="item_key", how="semi").select(todo.columns)
        return (
            todo.lazy()
            .join(same, on=todo.columns, how="semi", nulls_equal=True)
            .select("item_key")
            .collect()
            .to_series()
            .sort()
        )
    except (OSError, pl.exceptions.PolarsError) as exc:
        log.warning("earlier_scoring_not_whole", run=run.run_id, reason=str(exc))
        return None


def scan_predictions(run: RunFolder, frame: frames.Frame) -> pl.LazyFrame:
    """The part files of one predicted frame; an empty frame when there is none."""
    parts = sorted((run.predictions / frame.name).glob("*.parquet"))
    return pl.scan_parquet(parts) if parts else frame.empty().lazy()


def _height(file: Path) -> int:
    return int(pl.scan_parquet(file).select(pl.len()).collect().item())
