"""`routing-etl profile suggest`: a commented profile for an ERP that nobody has described yet, and what the doctor says to it."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import Engine

from routing_etl.database.engine import make_engine, translated
from routing_etl.doctor.server import Finding
from routing_etl.doctor.source import examine_source
from routing_etl.erp.catalogue import bind
from routing_etl.erp.profile import load_profile
from routing_etl.errors import ConfigurationError, RoutingEtlError
from routing_etl.onboarding.beside_codes import with_names
from routing_etl.onboarding.choose import Choices, choose
from routing_etl.onboarding.known import recognise, starting_profile, tables_of
from routing_etl.onboarding.meaning import with_meaning
from routing_etl.onboarding.plant_settings import plant_settings
from routing_etl.onboarding.survey import Survey, Table
from routing_etl.onboarding.write import text_of
from routing_etl.settings import Settings

#: What a profile proposed without a file is called.
_NAME = "suggested"


@dataclass(frozen=True)
class Suggestion:
    """A proposed profile.

    Parameters
    ----------
    text : str
        TOML with comments.
    questions : int
        Places marked `DECIDE:`.
    missing : tuple of str
        Required parts that were not found; the text does not load as a profile then.
    findings : tuple of Finding
        What the doctor says to it.
    """

    text: str
    questions: int
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]


def suggest(
    url: str, settings: Settings, *, tables: Sequence[str] = (), out: Path | None = None
) -> Suggestion:
    """Propose a profile from a database's catalogue and a bounded sample; nothing is written to the database.

    Behind it stand, as comments, the settings that the ERP's views need beside it: company, plant, words, time zone.

    Parameters
    ----------
    url : str
        Database URL of the ERP. Nothing of it comes into the profile.
    settings : Settings
        Timeouts and drivers.
    tables : sequence of str, optional
        Tables to choose from; all by default.
    out : pathlib.Path, optional
        File to write the profile to.

    Returns
    -------
    Suggestion
        The profile's text, and what the doctor says to it.

    Raises
    ------
    ConfigurationError
        The URL or a table is wrong, or the file exists already.
    SourceError
        The database cannot be read.
    """
    if out is not None and out.exists():
        raise ConfigurationError(
            f"{out} exists.", remedy="Name another file; a profile that people have edited is not replaced."
        )
    name = re.sub(r"\W+", "_", out.stem) if out is not None else _NAME
    engine = make_engine(url, "erp", settings)
    try:
        survey = Survey(engine, tables)
        text, missing = _proposed(survey, name)
        tomllib.loads(text)  # whatever the names in the database are
        findings = (*_unlinked(survey), *(() if missing else _examined(engine, text)))
    finally:
        engine.dispose()
    text += _said(findings)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    return Suggestion(text, text.count("DECIDE:"), missing, findings)


def _proposed(survey: Survey, name: str) -> tuple[str, tuple[str, ...]]:
    """The starting profile of an ERP that is known, else one chosen by names, types and values; and what is missing."""
    known = recognise(survey)
    if known is not None:
        beside = plant_settings(survey, tables_of(survey, known))
        return starting_profile(survey, known, name=name).rstrip("\n") + "\n" + "\n".join(beside) + "\n", ()
    choices = choose(survey)
    parts = {role: with_meaning(survey, part) for role, part in choices.parts.items()}
    choices = with_names(survey, replace(choices, parts=parts))
    machines = (
        (part, part.columns["res_cd"].source) for part in choices.parts.values() if "res_cd" in part.columns
    )
    read = frozenset(f"{part.table.title}.{source}" for part, source in machines)
    beside = plant_settings(survey, _chosen(choices), read)
    return text_of(survey, choices, name=name) + "\n".join(beside) + "\n", choices.missing


def _chosen(choices: Choices) -> list[Table]:
    """The tables of the proposal, routings first."""
    parts = [choices.parts[role] for role in ("operations", "items", "results") if role in choices.parts]
    return list(
        dict.fromkeys(table for part in parts for table in (part.table, *(j.table for j in part.joins)))
    )


def _unlinked(survey: Survey) -> tuple[Finding, ...]:
    """That joins could not be taken from foreign keys, where the server does not tell them."""
    if not survey.links_refused:
        return ()
    return (
        Finding(
            "catalogue",
            "warning",
            f"the server does not tell its foreign keys ({survey.links_refused}), so joins come from names and values only",
            "Look at every join.",
        ),
    )


def _examined(engine: Engine, text: str) -> tuple[Finding, ...]:
    """What the doctor says to the profile; a profile that does not load is a finding too."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{_NAME}.toml"
        file.write_text(text, encoding="utf-8")
        try:
            profile = load_profile(file)
        except RoutingEtlError as exc:
            return (Finding("profile", "error", exc.message, exc.remedy),)
    with translated("erp", engine.url):
        return tuple(examine_source(engine, bind(engine, profile), profile))


def _said(findings: Sequence[Finding]) -> str:
    sentences = [(f.level, f.message.rstrip(".") + ". " + f.remedy) for f in findings]
    lines = [f"# {level}: {' '.join(text.split())}" for level, text in sentences]
    return "\n# --- what the doctor says to this profile ---\n" + "\n".join(lines) + "\n" if lines else ""
