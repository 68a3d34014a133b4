"""Source profiles: what an ERP calls its tables, columns, units and words, as data.

A profile is a TOML file that maps an ERP to the canonical frames of `frames`. Shipped profiles are in `profiles/`; a
site writes its own file that `extends` one of them and names only what differs. Tables merge deeply, lists and plain
values replace, and `false` in place of a mapping removes it.

This module finds, merges and checks the files; the keys are in `profile_model`.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from routing_etl.erp.profile_model import (
    FRAME_OF,
    ORDER_COLUMNS,
    RAW_COLUMNS,
    AttributeMap,
    ColumnMap,
    Document,
    Family,
    Health,
    ItemSource,
    Join,
    KeyProblem,
    OperationSource,
    Pivot,
    ResourceSource,
    ResultSource,
    Routing,
    Source,
    Units,
)
from routing_etl.errors import ProfileError
from routing_etl.frames import AttributeSpec, TimeBasis

#: Folder of the profiles that come with the product.
SHIPPED = Path(__file__).parent / "profiles"


@dataclass(frozen=True)
class Profile:
    """A loaded, checked profile.

    Parameters
    ----------
    file : str
        Name of the file.
    document : Document
        Its content, merged with what it extends.
    fingerprint : str
        sha256 of the merged content; raw frames of two fingerprints cannot be merged.
    unsettled : str, optional
        A sentence about questions of `profile suggest` that are still open in the file.
    """

    file: str
    document: Document
    fingerprint: str
    unsettled: str = ""

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.document.name

    @property
    def items(self) -> ItemSource:
        """The item master's section."""
        return self.document.items

    @property
    def operations(self) -> OperationSource:
        """The routing rows' section."""
        return self.document.operations

    @property
    def routing(self) -> Routing:
        """Rules for routing rows."""
        return self.document.routing

    @property
    def results(self) -> ResultSource | None:
        """The work results' section, None when the ERP has none."""
        return self.document.results

    @property
    def resources(self) -> ResourceSource | None:
        """The machine master's section, None when the profile has none."""
        return self.document.resources

    @property
    def titles(self) -> dict[str, str]:
        """Item attributes in the plant's words, as far as the profile has any."""
        return self.document.sheets.titles

    @property
    def health(self) -> Health:
        """By what the health of the data is told, and what counts as old."""
        return self.document.health

    @property
    def units(self) -> Units:
        """Unit spellings and factors."""
        return self.document.units

    @property
    def strict_types(self) -> bool:
        """Whether a retyped or narrowed column is an error."""
        return self.document.source.strict_types

    @cached_property
    def sections(self) -> dict[Family, Source]:
        """The sections that this profile has, in reading order."""
        return self.document.sections()

    @cached_property
    def absent_frames(self) -> tuple[str, ...]:
        """The source frames that no section of this profile names."""
        return tuple(frame for family, frame in FRAME_OF.items() if family not in self.sections)

    @cached_property
    def attributes(self) -> tuple[AttributeSpec, ...]:
        """The item attributes, in the profile's order."""
        return tuple(
            AttributeSpec(name, a.kind, a.unit, "/".join(a.names), self._has_zeros(a))
            for name, a in self.items.attributes.items()
        )

    def _has_zeros(self, attribute: AttributeMap) -> bool:
        """Whether 0 is a value of this number."""
        missing = attribute.zero_is_missing
        return attribute.kind == "number" and not (self.items.zero_is_missing if missing is None else missing)

    @cached_property
    def time_basis(self) -> TimeBasis:
        """How the work results report time; the default basis when the profile has no results."""
        r = self.results
        if r is None:
            return TimeBasis()
        return TimeBasis(r.time_factor_min, r.run_basis, r.setup_basis, r.qty, r.lot_size, r.half_life_days)

    def column_maps(self, family: Family) -> dict[str, ColumnMap]:
        """Canonical columns with their sources, including those that other keys name: main flag and hold time."""
        section = self.sections[family]
        maps = dict(section.columns)
        if family == "operations" and self.routing.major_flag_source != "none":
            maps["major_flg"] = ColumnMap.model_validate(self.routing.major_flag_source)
        if family == "results" and self.results is not None and self.results.hold_columns:
            maps.setdefault(
                "hold_time",
                ColumnMap.model_validate({"first_of": self.results.hold_columns, "optional": True}),
            )
        if family == "operations":
            for name, column in zip(ORDER_COLUMNS, self.operations.order_by, strict=False):
                maps[name] = ColumnMap.model_validate({"column": column})
        if self.operations.renumbers and family in ("operations", "results") and "proc_seq" in maps:
            maps.setdefault("oper_no", maps["proc_seq"].model_copy(update={"natural": False}))
            del maps["proc_seq"]  # the place in this order is the operation number
        if family == "operations" and "proc_seq" in maps and maps["proc_seq"].natural:
            maps.setdefault("oper_no", maps["proc_seq"].model_copy(update={"natural": False}))
        return {name: maps[name] for name in RAW_COLUMNS[family] if name in maps}

    @property
    def has_own_numbers(self) -> bool:
        """Whether work results name operations by the ERP's own number `oper_no`, which is not their `proc_seq`."""
        return "results" in self.sections and "oper_no" in self.column_maps("results")

    @property
    def renumbers(self) -> bool:
        """Whether `proc_seq` is the place of an operation, and not what the ERP calls it."""
        mapped = self.operations.columns.get("proc_seq")
        return self.operations.renumbers or (mapped is not None and mapped.natural)

    def schema_for(self, section: Source | Join | Pivot, dialect: str) -> str | None:
        """The schema of a table on a dialect: the table's own, else the profile's; None means the default schema.

        A plain string holds for every dialect that has schemas, a table `{ mssql = "dbo" }` only for those it names.
        """
        own = (
            section.database_schema
            if section.database_schema is not None
            else self.document.source.database_schema
        )
        if isinstance(own, dict):
            return own.get(dialect)
        return own


def shipped_profiles() -> list[str]:
    """Names of the profiles that come with the product."""
    return sorted(p.stem for p in SHIPPED.glob("*.toml"))


#: Marks in a proposed profile what only a person can know.
QUESTION = "DECIDE:"


def load_profile(name_or_path: str | Path) -> Profile:
    """Load a shipped profile by name, or any profile by the path of its TOML file.

    Raises
    ------
    ProfileError
        Unknown name, unreadable file, unknown or wrong key; names the file, the key, its value and a remedy.
    """
    path = _find(str(name_or_path))
    try:
        return _loaded(path)
    except RecursionError:  # its own text and trace would be as long as the file is deep
        raise ProfileError(
            path.name, "file", str(path), "it is nested too deeply", remedy="Correct the file."
        ) from None


def _loaded(path: Path) -> Profile:
    content = _read_merged(path, ())
    file = path.name
    try:
        document = Document.model_validate(content)
    except ValidationError as exc:
        raise _profile_error(file, exc) from exc
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return Profile(file, document, hashlib.sha256(canonical.encode()).hexdigest(), _unsettled(path))


def _unsettled(path: Path) -> str:
    """A sentence about marks of `profile suggest` that are still in the file; empty where there is none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = [(k, line) for k, line in enumerate(lines, 1) if QUESTION in line.partition("#")[2]]
    if not marked:
        return ""
    number, first = marked[0]
    key = first.partition("=")[0].strip()
    at = f"line {number}" + (f" ({key})" if key and not key.startswith("#") else "")
    return (
        f"Profile {path.name} has {len(marked)} line(s) marked {QUESTION} that nobody has settled, the first in {at}. What stands there "
        "is a guess, and is used as it is."
    )


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise ProfileError(
            name, "profile", name, "there is no such file", remedy="Check the path in ROUTING_ETL_PROFILE."
        )
    shipped = SHIPPED / f"{name}.toml"
    if name in shipped_profiles():
        return shipped
    near = difflib.get_close_matches(name, shipped_profiles(), 1)
    raise ProfileError(
        name,
        "profile",
        name,
        "there is no such profile" + (f"; did you mean {near[0]}?" if near else ""),
        remedy=f"Use one of {', '.join(shipped_profiles())}, or the path of a TOML file ending in .toml.",
    )


def _read_merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        chain = " -> ".join(p.name for p in (*seen, path))
        raise ProfileError(
            path.name, "extends", chain, "profiles extend each other", remedy="Break the circle."
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:  # not only its own error: a number of thousands of digits
        raise ProfileError(
            path.name, "file", str(path), f"it is not valid TOML ({exc})", remedy="Correct the line named."
        ) from exc
    except OSError as exc:
        raise ProfileError(path.name, "file", str(path), str(exc), remedy="Make the file readable.") from exc
    base = content.pop("extends", None)
    if base is None:
        return _without_removed(content)
    if not isinstance(base, str):
        raise ProfileError(
            path.name, "extends", base, "must be a name or a path", remedy='Write extends = "bi_views".'
        )
    parent = _read_merged(_base_of(path, base), (*seen, path.resolve()))
    return _without_removed(_merge(parent, content))


def _base_of(path: Path, base: str) -> Path:
    """The file that a profile extends: one of its own folder or below, or a shipped one."""
    if not base.endswith(".toml"):
        return _find(base)
    file, folder = path.parent / base, path.parent.resolve()
    if not file.resolve().is_relative_to(folder):
        raise ProfileError(
            path.name,
            "extends",
            base,
            f"leaves the folder {folder}",
            remedy="Extend a shipped profile by its name, or copy the file beside this one.",
        )
    if not file.is_file():
        raise ProfileError(path.name, "extends", base, "there is no such file", remedy="Correct the path.")
    return file


#: Keys that say where a column's value comes from: one of them replaces another.
_ORIGINS = {"column", "const", "first_of", "coalesce", "concat", "sum"}


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, dict):
            old = {"column": old}
        if isinstance(old, dict) and isinstance(value, dict):
            if _ORIGINS & set(value):
                old = {k: v for k, v in old.items() if k not in _ORIGINS}
            value = _merge(old, value)
        merged[key] = value
    return merged


#: Mappings that a site may switch off by writing `false`.
_REMOVABLE = (
    "results", "purchase_orders", "resources", "outlier", "latest", "incremental", "columns", "attributes",
)  # fmt: skip


def _without_removed(content: dict[str, Any], inside: bool = False) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in content.items():
        if value is False and (inside or key in _REMOVABLE):
            continue
        kept[key] = (
            _without_removed(value, key in ("columns", "attributes")) if isinstance(value, dict) else value
        )
    return kept


def _profile_error(file: str, exc: ValidationError) -> ProfileError:
    """The first problem as our error: which key, which value, what to write instead."""
    first = exc.errors()[0]
    key = ".".join(str(p) for p in first["loc"]) or "profile"
    value = first.get("input")
    if isinstance(value, dict) and first["type"] in ("value_error", "missing"):
        value = "{...}"
    message = first["msg"].removeprefix("Value error, ")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, KeyProblem):
        key, value = cause.key or key, cause.value
    remedy = "Correct this key; docs/profiles.md shows every key with an example."
    if isinstance(cause, KeyProblem) and cause.remedy:
        remedy = cause.remedy
    if first["type"] == "extra_forbidden":
        message = "unknown key"
        known = _keys_at(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
        remedy = f"Did you mean {near[0]}? " if near else ""
        remedy += f"Keys here: {', '.join(known)}." if known else "Remove it."
    elif first["type"] == "missing":
        message, value = "the key is missing", None
        remedy = "Add it, or extend a shipped profile that has it."
    return ProfileError(file, key, value, message, remedy=remedy)


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the model allows at a place of the document."""
    model: Any = Document
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
            model = _model_in(field.annotation) if field else None
        if model is None:
            return []
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [f.alias or n for n, f in model.model_fields.items()]
    return []


def _model_in(annotation: Any) -> Any:
    """The section model inside `X`, `X | None`, `dict[str, X]` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
