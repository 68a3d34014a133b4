"""The findings of data health as one HTML file that can be mailed: plots inside, nothing fetched, no script.

Texts of the ERP are shown as text: control characters are made visible (`safe_text`), and markup is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from routing_etl import plots, safe_text
from routing_etl.quality.health import Finding, as_frame

if TYPE_CHECKING:
    import jinja2

_WORDS = {"work_centre": "work centre"}
#: Segments in a table of the page, and checks and dimensions with a plot: those with at least so many segments.
_ROWS, _PLOTTED = 8, 3


@dataclass(frozen=True)
class PageFacts:
    """What stands at the top of the page; `unnamed` are the dimensions that the profile names no attribute for."""

    run_id: str
    profile: str
    as_of: date | None
    made: datetime
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Dimension:
    words: str
    segments: tuple[Finding, ...]
    picture: str | None


@dataclass(frozen=True)
class _Check:
    whole: Finding
    dimensions: tuple[_Dimension, ...]


def health_page(findings: Iterable[Finding], facts: PageFacts) -> str:
    """Write the page.

    Parameters
    ----------
    findings : iterable of Finding
        As `health.examine` returns them.
    facts : PageFacts
        Run, profile and dates.
    """
    found = tuple(findings)
    overview = plots.health_overview(as_frame(found))
    return _template().render(
        run_id=facts.run_id,
        profile=facts.profile,
        as_of=facts.as_of,
        unnamed=facts.unnamed,
        made=f"{facts.made:%Y-%m-%d %H:%M}",
        overview=_encoded(overview),
        checks=[_check(f, found) for f in found if f.dimension == "all"],
    )


def _check(whole: Finding, findings: tuple[Finding, ...]) -> _Check:
    mine = [f for f in findings if f.check == whole.check and f.dimension != "all"]
    dimensions = []
    for dimension in dict.fromkeys(f.dimension for f in mine):
        segments = tuple(f for f in mine if f.dimension == dimension)
        words = _WORDS.get(dimension, dimension)
        picture = None
        if len(segments) >= _PLOTTED:
            picture = plots.health_segments(as_frame(segments), f"{whole.title}: share by {words}")
        dimensions.append(_Dimension(words, segments[:_ROWS], _encoded(picture)))
    return _Check(whole, tuple(dimensions))


def _encoded(png: bytes | None) -> str | None:
    return None if png is None else base64.b64encode(png).decode("ascii")


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["line"] = safe_text.one_line
    text = Path(__file__).with_name("health_page.html").read_text(encoding="utf-8")
    return environment.from_string(text)
