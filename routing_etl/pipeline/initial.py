"""The first files of an installation: settings, a profile to fill in, Dagster's workspace. Nothing is overwritten."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from routing_etl.erp.profile import load_profile
from routing_etl.errors import ConfigurationError
from routing_etl.settings import load_settings
from routing_etl.settings_files import ENV_FILE

#: What differs from plant to plant and stands in the views that the ERP reads: setting, and what it is.
PLANT = {
    "company_code": "company code in the views that the ERP reads",
    "plant_code": "plant code there",
    "timezone": "IANA time zone of the ERP's dates, e.g. Europe/Berlin",
    "word_inhouse": "word for operations done in the plant",
    "word_outsourced": "word for operations done by a supplier",
    "word_minutes": "word for minutes",
    "word_no_unit": "word where a time has no unit",
}


@dataclass(frozen=True)
class Wanted:
    """What an installation is to begin with.

    Attributes
    ----------
    home : pathlib.Path
        Folder of the installation.
    erp_url, warehouse_url : str
        Addresses of the databases; '' is the embedded SQLite.
    profile : str
        Shipped profile that the plant's own extends.
    name : str
        Name of the plant's own profile.
    plant : dict of str to str
        What the plant calls itself and its words, by setting (`PLANT`); what is left out stays a comment.
    """

    home: Path
    erp_url: str = ""
    warehouse_url: str = ""
    profile: str = "bi_views"
    name: str = "plant"
    plant: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """Files that were written, and those that were there and stay as they were."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def initialise(wanted: Wanted) -> Made:
    """Write `.env`, the plant's own profile and `workspace.yaml` into the home.

    Parameters
    ----------
    wanted : Wanted
        Folder, databases and profile.

    Raises
    ------
    ConfigurationError
        The profile to extend does not exist, the name is not one, a value of the plant is not allowed, or the folder cannot be
        written.
    """
    load_profile(wanted.profile)
    load_settings(_env_file=None, **wanted.plant)
    if not wanted.name.replace("_", "").replace("-", "").isalnum():
        raise ConfigurationError(
            f"--name {wanted.name!r} is not a name.", remedy="Use letters, digits, - and _."
        )
    home = wanted.home.absolute()
    own = home / f"{wanted.name}.toml"
    files = {
        own: _profile(wanted),
        home / ENV_FILE: _settings(wanted, own),
        home / "workspace.yaml": _WORKSPACE,
    }
    written, kept = [], []
    try:
        home.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            if _new(path, text):
                written.append(path)
            else:
                kept.append(path)
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename or home} cannot be written ({exc.strerror}).",
            remedy="Name another folder with --home.",
        ) from exc
    return Made(tuple(written), tuple(kept))


def _new(path: Path, text: str) -> bool:
    """Write a file that only its owner may read and nobody else write; False if it is there already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    return True


def _line(name: str, value: str, comment: str) -> str:
    """A setting; commented out where it has no value. Single quotes keep $ and # as they are."""
    if not value:
        return f"# {name}=          # {comment}\n"
    if "'" in value or "\n" in value:
        raise ConfigurationError(
            f"{name} holds a quote or a line break.",
            remedy="Encode it in the URL (%27), or write the file yourself.",
        )
    return f"{name}='{value}'\n"


def _settings(wanted: Wanted, profile: Path) -> str:
    return (
        "# Settings of this installation. routing-etl settings shows all of them; docs/settings.md explains each.\n"
        + _line("ROUTING_ETL_ERP_URL", wanted.erp_url, "SQLAlchemy URL of the ERP, a login that only reads")
        + _line(
            "ROUTING_ETL_WAREHOUSE_URL", wanted.warehouse_url, "our tables, a login that writes our schema"
        )
        + _line("ROUTING_ETL_PROFILE", str(profile), "source profile")
        + "".join(
            _line(f"ROUTING_ETL_{n.upper()}", wanted.plant.get(n, ""), what) for n, what in PLANT.items()
        )
        + _line("ROUTING_ETL_FAILURE_EMAIL_TO", "", "who is told of a night that failed")
    )


def _profile(wanted: Wanted) -> str:
    return f"""# What this plant's ERP calls its tables and columns. Only what differs from the profile that it extends stands here:
# bi_views.toml has every key, docs/profiles.md explains them. For a proposal: routing-etl profile suggest
name = "{wanted.name}"
extends = "{wanted.profile}"

# [items]
# table = "dbo.V_ITEM_MASTER"
#
# [sheets.titles]                        # words for item sheets
# outdiameter = "Outer diameter"
"""


_WORKSPACE = """# dagster dev -w workspace.yaml, or: routing-etl ui
load_from:
  - python_module:
      module_name: routing_etl.code_location
      attribute: defs
      location_name: routing_etl
"""
