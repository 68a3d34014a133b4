"""The words of sheets and worklists in a person's language: message catalogues, numbers, times.

The catalogues are `locale/<language>.po`; English is the text in the code. A catalogue is read as it is, so nothing has to be
compiled, and a test holds each against the texts that code and templates use.
"""

from __future__ import annotations

import gettext
import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from routing_etl.frames import MAX_SOURCE
from routing_etl.sheets.compare import Span

if TYPE_CHECKING:
    from babel import Locale

#: Languages, by their code in HTML; the first is that of the code.
LANGUAGES = ("en", "ko")
_CATALOGUES = Path(__file__).with_name("locale")
_UNKNOWN = "–"


class Words:
    """Texts, numbers and times of one language."""

    def __init__(self, language: str, translations: gettext.NullTranslations, locale: Locale) -> None:
        self.language, self.translations, self._locale = language, translations, locale

    def text(self, message: str, **values: object) -> str:
        """A text in this language, with values put in."""
        found = self.translations.gettext(message)
        return found % values if values else found

    def count(self, singular: str, plural: str, n: int) -> str:
        """A text with a number of things in it, written as %(n)s."""
        return self.translations.ngettext(singular, plural, n) % {"n": self.number(n)}

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number with so many significant digits, and all digits before the decimal mark; a dash for None."""
        from babel.numbers import format_decimal

        if value is None:
            return _UNKNOWN
        if abs(value) > MAX_SOURCE:
            return f"{value:.3g}"
        whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
        places = max(digits - whole, 0)
        if digits and 0 < abs(value) < 0.1:
            places = digits + 1
        pattern = "#,##0" if places == 0 else "#,##0." + "#" * places
        return str(format_decimal(value, format=pattern, locale=self._locale))

    def value(self, value: str | float | None) -> str:
        """An attribute's value: a text as it is, a number as an engineer writes it."""
        return value if isinstance(value, str) else self.number(value, 6)

    def percent(self, share: float) -> str:
        """A share of 0 to 1 as a percentage without decimals."""
        from babel.numbers import format_percent

        return str(format_percent(share, format="#,##0%", locale=self._locale))

    def span(self, time: Span) -> str:
        """A time as a range of minutes, or as the one value that is known; a dash where none is."""
        if time.low is not None and time.high is not None:
            low, high = self.number(time.low), self.number(time.high)
            return low if low == high else f"{low}–{high}"
        return self.number(time.value)


@lru_cache
def words(language: str) -> Words:
    """The words of a language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    """
    from babel import Locale

    return Words(language, _translations(language), Locale.parse(language))


def _translations(language: str) -> gettext.NullTranslations:
    if language == LANGUAGES[0]:
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (_CATALOGUES / f"{language}.po").open("rb") as stream:
        catalogue = read_po(stream, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
