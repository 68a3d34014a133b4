"""Where the Dagster definitions are: beside the package in a checkout, inside it when it is installed from a wheel."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType


def dagster_part(name: str) -> ModuleType:
    """A module of the Dagster definitions, imported.

    Parameters
    ----------
    name : str
        Its name inside them, such as `report`.
    """
    package = "routing_etl.dagster_defs" if _inside() else "dagster_defs"
    return import_module(f"{package}.{name}")


def _inside() -> bool:
    return (Path(__file__).parent / "dagster_defs").is_dir()
