"""Training from files: CSV or Parquet with the columns of the source profile, in place of the ERP's tables.

The files are put into a database of their own, which the steps read as if it were the ERP. Everything of it lies in a folder of the
home that no night looks at; the version goes into the same registry and the same warehouse.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import SecretStr

from routing_etl.errors import ConfigurationError, SourceError
from routing_etl.pipeline.context import Context
from routing_etl.progress import SILENT, Progress
from routing_etl.runs import new_run, prune_runs

if TYPE_CHECKING:
    from routing_etl.erp.profile import Profile
    from routing_etl.erp.profile_model import Source
    from routing_etl.settings import Settings

#: Folder of the files' own runs, under the home.
FOLDER = "from_files"
#: Sections of a profile that a training can do without.
_OPTIONAL = ("results", "purchase_orders", "resources")


@dataclass(frozen=True)
class FilesContext(Context):
    """A context whose ERP is a set of files: the profile has no section for what was not given."""

    given: frozenset[str] = field(default=frozenset())

    @functools.cached_property
    def profile(self) -> Profile:
        """The source profile without the sections that no file was given for."""
        from routing_etl.erp.profile import load_profile

        full = load_profile(self.settings.profile)
        gone = {name: None for name in _OPTIONAL if name not in self.given}
        return replace(full, document=full.document.model_copy(update=gone))


@contextmanager
def files_cleaned(
    settings: Settings, files: Mapping[str, Path], progress: Progress = SILENT
) -> Iterator[FilesContext]:
    """Read, clean and check the files, and make the time profiles: what a training needs.

    Parameters
    ----------
    settings : Settings
        Of the installation.
    files : mapping of str to pathlib.Path
        `items`, `operations` and, where there are any, `results`: CSV with a header, or Parquet.
    progress : Progress
        What shows the steps' progress.

    Yields
    ------
    FilesContext
        Ready for `steps.train`.

    Raises
    ------
    ConfigurationError
        A file is missing or no CSV or Parquet, or the profile joins tables, which files cannot.
    DataQualityError
        A critical check failed.
    """
    from routing_etl.pipeline import steps

    home = settings.home / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    database = home / "files.db"
    changed = {
        "home": home,
        "models": settings.models_dir,
        "warehouse_url": SecretStr(settings.warehouse),
        "warehouse_server": None,
        "erp_url": SecretStr(f"sqlite:///{database.as_posix()}"),
        "erp_server": None,
    }
    ctx = FilesContext(settings.model_copy(update=changed), new_run(home), progress, given=frozenset(files))
    _fill(database, ctx.profile, files)
    try:
        for step in (steps.extract, steps.clean, steps.check_source, steps.aggregate_times):
            step(ctx)
        yield ctx
    finally:
        database.unlink(missing_ok=True)
        prune_runs(home, 1)


def _fill(database: Path, profile: Profile, files: Mapping[str, Path]) -> None:
    """A table for each file, under the name that the profile has for it; every column is text, as codes are."""
    sections: Mapping[str, Source] = {str(k): v for k, v in profile.document.sections().items()}
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        for name, file in files.items():
            section = sections.get(name)
            if section is None:
                raise ConfigurationError(
                    f"Profile {profile.name!r} has no section [{name}] that says what the columns of {file} mean.",
                    remedy="Write it (docs/profiles.md), or leave the file out.",
                )
            if section.joins or section.pivot:
                raise ConfigurationError(
                    f"Section [{name}] of profile {profile.name!r} joins tables; a file is one table.",
                    remedy="Use a profile whose columns are those of the file.",
                )
            rows = _read(file)
            columns = ", ".join('"{}" TEXT'.format(c.replace('"', '""')) for c in rows.columns)
            table = section.table.replace('"', '""')
            connection.execute(f'CREATE TABLE "{table}" ({columns})')
            places = ", ".join("?" * rows.width)
            connection.executemany(f'INSERT INTO "{table}" VALUES ({places})', rows.iter_rows())


def _read(file: Path) -> pl.DataFrame:
    """A file with every value as text: a code such as 0012 is no number."""
    kind = file.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise ConfigurationError(
            f"{file} is neither CSV nor Parquet by its name.", remedy="Name it .csv or .parquet."
        )
    try:
        rows = pl.read_csv(file, infer_schema_length=0) if kind == ".csv" else pl.read_parquet(file)
    except FileNotFoundError as exc:
        raise ConfigurationError(f"There is no file {file}.", remedy="Check the path.") from exc
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as exc:
        raise SourceError(
            f"{file} cannot be read: {str(exc).splitlines()[0]}",
            remedy="Write it again as UTF-8 CSV or as Parquet.",
        ) from exc
    return rows.select(pl.all().cast(pl.String))
