"""Sheets and worklists as HTML: one file each, nothing fetched, no script; for a screen, a phone and paper.

Texts of the ERP are shown as text: control characters are made visible (`safe_text`) in all that a page is made of, before a
template sees it, and markup is escaped wherever a template shows a value.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from routing_etl import safe_text
from routing_etl.sheets.content import Candidate, OwnRouting, Sheet
from routing_etl.sheets.words import Words, words
from routing_etl.sheets.worklist import Entry, Worklist

if TYPE_CHECKING:
    import jinja2

T = TypeVar("T")
_TEMPLATES = Path(__file__).with_name("templates")


def sheet_page(sheet: Sheet, *, language: str, made: datetime, back: str = "") -> str:
    """An item's sheet.

    Parameters
    ----------
    sheet : Sheet
        What it says.
    language : str
        One of `words.LANGUAGES`.
    made : datetime
        When (UTC), for its foot.
    back : str
        Address of the worklist; '' where there is none.
    """
    said, sheet = words(language), _harmless(sheet)
    return (
        _environment(language)
        .get_template("sheet.html")
        .render(
            sheet=sheet,
            columns=_columns(sheet, said),
            rows=sheet.rows(),
            remote=[c for c in sheet.candidates if c.remote],
            made=f"{made:%Y-%m-%d %H:%M}",
            back=back,
        )
    )


def worklist_page(listed: Worklist, *, language: str, workbook: str = "") -> str:
    """The worklist, by family and planner: those with new items first, and among them the one with the surest item.

    Parameters
    ----------
    listed : Worklist
        What it says; entries as they are to be worked on.
    language : str
        One of `words.LANGUAGES`.
    workbook : str
        Address of the same list as an Excel file; '' where there is none.
    """
    listed = _harmless(listed)
    groups: dict[tuple[bool, str, str], list[Entry]] = {}
    for entry in listed.entries:
        groups.setdefault((not entry.new, entry.family, entry.planner), []).append(entry)
    return (
        _environment(language)
        .get_template("worklist.html")
        .render(
            listed=listed,
            groups=sorted(groups.items(), key=lambda group: group[0][0]),
            made=f"{listed.made:%Y-%m-%d %H:%M}",
            workbook=workbook,
        )
    )


def page_of(template: str, **values: Any) -> str:
    """A page in English of the house's look.

    Parameters
    ----------
    template : str
        Name of its template.
    **values
        What the template shows. Texts in frames are the caller's to make harmless.
    """
    return _environment("en").get_template(template).render(**{k: _harmless(v) for k, v in values.items()})


def _harmless(value: T) -> T:
    """The value with every text in it as one line without control characters."""
    made: Any = value
    if isinstance(value, str):
        made = safe_text.one_line(value)
    elif isinstance(value, tuple):
        made = tuple(map(_harmless, value))
    elif isinstance(value, dict):
        made = {_harmless(name): _harmless(one) for name, one in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(value, **{f.name: _harmless(getattr(value, f.name)) for f in fields(value)})
    return cast("T", made)


def apart_in_words(apart: Any, said: Words) -> str:
    """What sets a routing apart from the first candidate, in one sentence."""
    parts = []
    if apart.added:
        parts.append(said.text("with %(jobs)s", jobs=", ".join(apart.added)))
    if apart.missing:
        parts.append(said.text("without %(jobs)s", jobs=", ".join(apart.missing)))
    if apart.moved:
        parts.append(said.text("%(jobs)s at another place", jobs=", ".join(apart.moved)))
    for job, before, here in apart.machines:
        parts.append(
            said.text(
                "%(job)s on %(here)s instead of %(before)s",
                job=job,
                here=here or said.text("no machine"),
                before=before or said.text("no machine"),
            )
        )
    told = "; ".join(parts)
    if not apart.same_sequence:
        return told
    if not told:
        return said.text("The same operations on the same machines; only times or examples differ.")
    return said.text("The same operations in the same order: %(told)s", told=told)


def support_in_words(candidate: Candidate, said: Words) -> str:
    """Why this candidate: how many similar items have its routing."""
    if candidate.neighbour_count:
        have = said.count(
            "%(n)s similar item has exactly this routing",
            "%(n)s similar items have exactly this routing",
            candidate.neighbour_count,
        )
        return said.text(
            "%(have)s: %(share)s of the weight of all similar items.",
            have=have,
            share=said.percent(candidate.support),
        )
    return said.text(
        "No similar item has exactly this routing; it is put together from the operations of similar items."
    )


def confidence_in_words(candidate: Candidate, said: Words) -> str:
    """How sure it is."""
    share = said.percent(candidate.confidence)
    if candidate.tier == "high":
        return said.text("Very likely right: about %(share)s of such proposals are.", share=share)
    if candidate.tier == "medium":
        return said.text(
            "More likely right than wrong: about %(share)s of such proposals are right.", share=share
        )
    return said.text(
        "Unsure: only about %(share)s of such proposals are right. Check it before use.", share=share
    )


def _columns(sheet: Sheet, said: Words) -> list[dict[str, object]]:
    """Heads of the comparison's columns."""
    heads: list[dict[str, object]] = [
        {
            "title": said.text("Candidate %(rank)s", rank=candidate.rank),
            "under": said.text("%(share)s sure", share=said.percent(candidate.confidence)),
            "apart": "" if candidate.apart is None else apart_in_words(candidate.apart, said),
        }
        for candidate in sheet.choices
    ]
    own: OwnRouting | None = sheet.own
    if own is not None:
        heads.append(
            {
                "title": said.text("The ERP's routing %(rout_no)s", rout_no=own.rout_no),
                "under": said.text("valid") if own.valid else said.text("not valid"),
                "apart": "" if own.apart is None else apart_in_words(own.apart, said),
            }
        )
    return heads


@lru_cache
def _environment(language: str) -> jinja2.Environment:
    import jinja2

    said = words(language)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(said.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        said=said,
        count=said.count,
        apart_in_words=lambda apart: apart_in_words(apart, said),
        support_in_words=lambda candidate: support_in_words(candidate, said),
        confidence_in_words=lambda candidate: confidence_in_words(candidate, said),
        tier_words={
            "high": said.text("high"), "medium": said.text("medium"), "low": said.text("low"),
            "": said.text("no proposal"),
        },
        source_words=_source_words(said),
    )  # fmt: skip
    return environment


def _source_words(said: Words) -> dict[str, str]:
    """Where a time comes from, by `frames.TIME_SOURCES`."""
    return {
        "actual_own": said.text("its own work results"),
        "actual_similar": said.text("work results of similar items"),
        "standard_similar": said.text("standards of similar items"),
        "model": said.text("estimated from size and job"),
        "none": said.text("not known"),
        "standard": said.text("standard in the ERP"),
    }
