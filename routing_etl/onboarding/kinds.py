"""What kind of value an item's column holds: a number, a category, a code or free text; and what is not sure about it."""

from __future__ import annotations

import re

from routing_etl.onboarding.survey import Column, Values
from routing_etl.onboarding.words import words_of

#: Most values of a category.
FEW = 60
#: Words of names of what is counted or measured, in the languages seen.
_MEASURED = frozenset([
    "anz", "anzahl", "count", "qty", "quantity", "number", "nb", "nbre", "nombre", "cant", "cantidad", "pocet", "ilosc", "liczba", "aantal",
    "quantita", "qta", "menge", "groesse", "losgroesse", "laenge", "breite", "hoehe", "dicke", "staerke", "durchmesser", "dm", "gewicht",
    "length", "width", "height", "thickness", "depth", "diameter", "dia", "weight", "size", "longueur", "largeur", "hauteur", "epaisseur",
    "diametre", "poids", "longitud", "largo", "ancho", "alto", "espesor", "diametro", "peso", "lunghezza", "larghezza", "altezza", "spessore",
    "dlugosc", "szerokosc", "wysokosc", "grubosc", "srednica", "waga", "delka", "sirka", "vyska", "tloustka", "prumer", "hmotnost", "lengte",
    "breedte", "hoogte", "dikte", "holes", "bends", "teeth", "poles", "cores", "od", "id_mm", "len", "wt", "thk", "mass", "area",
])  # fmt: skip
#: Words of names of free text.
_PROSE = frozenset([
    "text", "txt", "remark", "remarks", "note", "notes", "comment", "comments", "bemerkung", "bemerkungen", "hinweis", "memo", "bez",
    "bez1", "bez2", "bezeichnung", "benennung", "beschreibung", "description", "desc", "descr", "designation", "libelle", "remarque",
    "descripcion", "observaciones", "nota", "notas", "descrizione", "opis", "uwagi", "nazwa", "popis", "nazev", "poznamka", "omschrijving",
    "opmerking", "toelichting", "kurztext", "langtext", "zusatz", "zusatztext", "title", "name",
])  # fmt: skip
#: Fewest rows, and most different values, of texts such as 3.1 and 2.2 that name something rather than measure it.
_NAMED_ROWS, _NAMED_VALUES = 20, 5


def kind_of(column: Column, values: Values) -> tuple[str, str]:
    """The kind of an item's column by its name, its type and its values, and a question where that is not sure ('' else).

    Parameters
    ----------
    column : Column
        The column.
    values : Values
        Its sample.
    """
    words = _words(column.name)
    if column.kind == "boolean":
        return "category", ""
    if column.kind in ("integer", "number"):
        return _of_numbers(column, values, words)
    if values.decimal and values.holds_numbers:
        if values.filled >= _NAMED_ROWS and values.distinct <= _NAMED_VALUES and not words & _MEASURED:
            return (
                "category",
                f"DECIDE: a text that looks like a number ({values.shown(3)}): a name such as a grade or a certificate, or a size?",
            )
        return "number", ""
    if _is_prose(values, words):
        return "text", ""
    if values.distinct <= FEW and 2 * values.distinct <= max(values.filled, 4):
        return "category", ""
    return "code", ""


def _of_numbers(column: Column, values: Values, words: frozenset[str]) -> tuple[str, str]:
    if words_of(column.spoken)[-1:] == ("id",):
        return "category", ""
    whole = all(float(n).is_integer() for n in values.numbers)
    if words & _MEASURED or not whole or (column.kind == "number" and values.distinct > FEW):
        return "number", ""
    if values.distinct > FEW:
        return "number", ""
    if column.kind == "number":
        return "number", ""
    return "category", "DECIDE: whole numbers that name something (category), or a count or a size (number)?"


def _words(name: str) -> frozenset[str]:
    """The words of a name, with numbers at their ends and without."""
    words = words_of(name)
    return frozenset([*words, *(re.sub(r"\d+$", "", w) for w in words)])


def _is_prose(values: Values, words: frozenset[str]) -> bool:
    """Whether texts are sentences and names: most of several words, or many different ones under a name that says so."""
    several = sum(n for v, n in values.counts.items() if len(str(v).split()) > 1)
    if 2 * several > values.filled:
        return True
    return bool(words & _PROSE) and (10 * several > values.filled or values.distinct > FEW)
