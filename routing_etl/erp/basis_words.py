"""Words by which ERPs say what a run time is for: a piece, a hundred, an hour's pieces, the whole order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

_TIMES = {
    "seconds": "S SEC SEK",
    "minutes": "M MIN MINUTE MINUTEN MINUTES",
    "hours": "H HR HRS STD HOUR HOURS STUNDE STUNDEN",
}
_PIECE = "UNITE UNITÉ UNITAIRE UNIDAD UNITA UNITÀ SZTUKA KUS STUK PEÇA PECA ST STK STCK STUECK STÜCK PC PCS PCE PIECE PIECES PART UNIT UN EA PZ PZA PZS PIEZA PEZZO PEZZI SZT KS P"
_ORDER = (
    "LOS LOT FIX FIXED FEST AUFTRAG AUFTR ORDER BATCH CHARGE SERIE SERIA OF LOTE LOTTO ORDINE ORDEN ORDRE SERIES ZLECENIE DAVKA GESAMT TOTAL PER_LOT "
    "PERLOT PERORDER PERBATCH PRO_LOS JE_LOS PROLOS JELOS PRO_AUFTRAG PARLOT"
)
_HUNDREDS = {"10": "10", "100": "100", "1000": "1000", "%": "100", "‰": "1000", "%%": "1000"}

#: Numbers of pieces in words.
_NUMBERS = {
    "100": "CENT HUNDERT HUNDRED CIEN CIENTO CENTO STO HONDERD AUCENT PARCENT LECENT",
    "1000": "MILLE MIL TAUSEND TSD THOUSAND TYSIAC TISIC DUIZEND AUMILLE PARMILLE LEMILLE",
}


def _words() -> dict[str, str]:
    """Every word without blanks and in upper case, to a word of `RUN_BASES`."""
    pieces, orders = _PIECE.split(), _ORDER.split()
    found: dict[str, str] = {}
    for time, spelled in _TIMES.items():
        units = spelled.split()
        for unit, piece in product(units, (*pieces, "1")):
            found[f"{unit}/{piece}"] = f"{time}_per_piece"
            if time != "seconds":
                found[f"{piece}/{unit}"] = f"pieces_per_{time.removesuffix('s')}"
        for unit in units:
            found |= {f"{unit}1": f"{time}_per_piece", f"1{unit}": f"{time}_per_piece"}
            if time != "seconds":
                found |= {f"{unit}/{o}": f"{time}_per_order" for o in orders}
                for mark, number in _HUNDREDS.items():
                    basis = f"{time}_per_{number}"
                    found |= {f"{unit}{mark}": basis, f"{unit}/{mark}": basis}
                    found |= {f"{unit}/{mark}{piece}": basis for piece in pieces}
    found |= dict.fromkeys(
        ("STH", "STKH", "ST/STD", "PCH", "PPH", "PZH", "PZ/ORA", "PZA/H", "UPH"), "pieces_per_hour"
    )
    found |= dict.fromkeys(orders, "order") | dict.fromkeys(("1", *pieces[:-1]), "piece")
    found |= {word: f"per_{number}" for number, words in _NUMBERS.items() for word in words.split()}
    for mark, number in _HUNDREDS.items():
        found |= {
            f"{lead}{mark}": f"per_{number}"
            for lead in ("", "PER", "PER_", "JE", "JE_", "PRO", "PRO_", "PAR", "CADA", "ZA", "NA", "/")
        }
        found |= {f"{mark}{piece}": f"per_{number}" for piece in pieces}
    return found


#: Word, without blanks and in upper case, to what the run time is by it.
BASIS_WORDS = _words()
#: The words of them that are looked for in a database, where a statement cannot hold all.
COMMON_WORDS = tuple(
    w
    for w, basis in BASIS_WORDS.items()
    if re.fullmatch(
        r"(M|MIN|H|HR|STD)/?(1|10+|%)|(M|MIN|H|HR|STD)/(ST|STK|PC|PCS|PZ|SZT|KS|EA)"
        r"|(ST|STK|PC|PCS|PZ|SZT|KS|EA)/(M|MIN|H|HR|STD)|10+|%|(10+|%)(ST|STK|PC|PCS)|STH|STKH|PCH|PPH|PZH|UPH"
        r"|LOS|LOT|FIX|FIXED|AUFTRAG|ORDER|BATCH|CHARGE|SERIE|LOTE|LOTTO|ST|STK|PC|PCS|PZ|SZT|KS|EA"
        r"|UNITE|UNITAIRE|UNIDAD|PIECE|CENT|HUNDERT|HUNDRED|CIENTO|CENTO|MILLE|MIL|TAUSEND|TSD",
        w,
    )
)
#: Words that change nothing where a run time is read in minutes for one piece.
PLAIN_WORDS = tuple(w for w in COMMON_WORDS if BASIS_WORDS[w] in ("piece", "minutes_per_piece"))


def basis_of(word: str) -> str | None:
    """What a run time is by a word of the ERP; None where the word may mean anything.

    Parameters
    ----------
    word : str
        The word, in any case and with any blanks.
    """
    return BASIS_WORDS.get(re.sub(r"[\s.]", "", word).upper())


#: Letters by which a column says what a time is for; each alone may mean anything.
_LETTERS = {"U": "piece", "P": "piece", "C": "per_100", "M": "per_1000"}


def bases_of_letters(words: Iterable[str]) -> dict[str, str]:
    """What run times are by the words of a column that has letters only, one for a piece and one for a hundred or a thousand.

    Parameters
    ----------
    words : iterable of str
        All words of the column.

    Returns
    -------
    dict of str to str
        Empty where the words are others.
    """
    found = {w: _LETTERS.get(w.strip().upper(), "") for w in words}
    bases = set(found.values())
    return found if "piece" in bases and len(bases) == len(found) > 1 and "" not in bases else {}
