"""What every asset of ours carries besides its own facts: group, owners, kinds and the version of its code, by step.

The code version is a hash of the source that computes the asset: the rooms and modules of `routing_etl` in the table
below, and `frames`, which says what the columns mean. The UI marks an asset as "Unsynced" when that source has
changed since the asset was made, or when what it was made from has been made anew by other code. With the same code a
night marks nothing: Dagster's data version of an asset with a code version is made of that and of the versions of what
it is made from. So after an update and a night, `routing_model` alone stays marked, if its code or that of its data has
changed, until somebody trains. A changed comment counts as a change: the night makes everything anew anyway, and a
retraining is for people to decide.

Files count with their names and with line feeds as the only line ending, so that the version is the same on every
platform and Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

import routing_etl
from routing_etl.errors import ConfigurationError
from routing_etl.pipeline import street
from routing_etl.pipeline.street import Step

from . import keys

PACKAGE = Path(routing_etl.__file__).parent
_OWNERS = ["team:data"]
#: Source and what ships with it; compiled files, READMEs and what editors leave do not count.
_SOURCE = (".py", ".toml")
_DIGITS = 10


class Common(TypedDict):
    """Arguments that `dg.AssetSpec` and `dg.asset` share."""

    group_name: str
    owners: list[str]
    kinds: set[str]
    code_version: str


@dataclass(frozen=True)
class Made:
    """How the assets of a step are made.

    Attributes
    ----------
    group : str
        Group of the asset graph.
    kinds : tuple of str
        Tags that the UI shows as icons.
    source : tuple of str
        Folders and files of `routing_etl` that compute them.
    """

    group: str
    kinds: tuple[str, ...]
    source: tuple[str, ...]


_STEPS, _SHARDED, _LEARNING = "pipeline/steps.py", "pipeline/sharded.py", "pipeline/learning.py"
_REVIEW = "pipeline/review.py"
_SCORING = tuple(f"pipeline/{name}.py" for name in ("scoring", "unchanged", "in_house", "incomplete"))
_CHECKS = Made(keys.QUALITY, ("greatexpectations",), ("quality", _STEPS))
_WAREHOUSE = Made(keys.PUBLISH, ("sql",), ("warehouse", _STEPS))
_TRAINING = ("model", "evaluation", _LEARNING, "pipeline/training.py")
#: One row per step.
MADE: dict[Step[Any], Made] = {
    street.EXTRACT: Made(keys.ERP, ("parquet",), ("erp", _STEPS)),
    street.CLEAN: Made(keys.ERP, ("parquet", "polars"), ("erp", _STEPS)),
    street.CHECK_SOURCE: _CHECKS,
    street.AGGREGATE_TIMES: Made(keys.TIMES, ("parquet", "polars"), ("times", _STEPS)),
    street.REVIEW_STANDARDS: Made(
        keys.TIMES, ("parquet", "polars", "sql"), ("times", "warehouse", _REVIEW, _STEPS)
    ),
    street.CHECK_HEALTH: Made(keys.QUALITY, ("polars", "sql"), ("quality", "warehouse", _REVIEW, _STEPS)),
    street.TRAIN: Made(keys.MODEL, ("scikitlearn",), (*_TRAINING, "pipeline/gate.py")),
    street.EVALUATE: Made(keys.MODEL, ("scikitlearn",), _TRAINING),
    street.SCORE: Made(keys.MODEL, ("parquet", "scikitlearn"), ("model", _LEARNING, *_SCORING)),
    street.CHECK_CANDIDATES: _CHECKS,
    street.LOAD: _WAREHOUSE,
    street.PUBLISH: _WAREHOUSE,
    street.MEASURE: Made(keys.MONITORING, ("sql",), ("warehouse", _STEPS)),
    street.WRITE_SHEETS: Made(keys.PUBLISH, ("html",), ("sheets", "pipeline/sheets.py")),
}


def made_by(step: Step[Any], *, group: str = "", in_shards: bool = False) -> Common:
    """Group, owners, kinds and code version of an asset.

    Parameters
    ----------
    step : Step
        The step that makes it.
    group : str
        Another group than the step's.
    in_shards : bool
        It is made of shards of items, or is one.

    Returns
    -------
    Common
        Keyword arguments of `dg.AssetSpec` or `dg.asset`.
    """
    made = MADE[step]
    source = (*made.source, _SHARDED) if in_shards else made.source
    return Common(
        group_name=group or made.group,
        owners=list(_OWNERS),
        kinds=set(made.kinds),
        code_version=code_version(("frames", *source)),
    )


@lru_cache
def code_version(source: tuple[str, ...], package: Path = PACKAGE) -> str:
    """Short hash of source files.

    Parameters
    ----------
    source : tuple of str
        Folders and files, relative to the package.
    package : Path
        The package's folder.

    Returns
    -------
    str
        Hexadecimal digits.

    Raises
    ------
    ConfigurationError
        The package came without a part of its source.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_files(source, package)):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_DIGITS]


def _files(source: Iterable[str], package: Path) -> set[tuple[str, Path]]:
    """Files with their names relative to the package, in POSIX form, by which they sort alike on every platform."""
    found: set[tuple[str, Path]] = set()
    for part in source:
        path = package / part
        files = [f for f in path.rglob("*") if f.suffix in _SOURCE] if path.is_dir() else [path]
        if not files or not all(f.is_file() for f in files):
            raise ConfigurationError(
                f"{path} has no source files, so the version of its code is not known.",
                remedy="Install the package with its source files; compiled files alone do not do.",
            )
        found |= {(f.relative_to(package).as_posix(), f) for f in files}
    return found
