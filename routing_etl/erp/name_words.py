"""What names of columns say in the languages seen, by their words: one vocabulary for rows of a frame, heads of routings and machine masters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

#: Words of names that say whether a row counts, as people and known ERPs call it.
_COUNTS = frozenset([
    "status", "stat", "whst", "wost", "state", "active", "inactive", "aktiv", "inaktiv", "activo", "actif", "enabled", "disabled",
    "deleted", "delete", "loekz", "lvorm", "loevm", "loeschkennzeichen", "loeschkz", "cancelled", "canceled",
    "cancel", "void", "voided", "obsolete", "blocked", "gesperrt", "storno", "storniert", "stokz", "reversed",
    "reversal", "approved", "approval", "released", "draft", "docstatus", "certified", "phantom", "discontinued",
    "superseded", "estado", "statut", "statu", "useyn", "delyn", "delflag", "isdeleted", "isactive", "disable", "del", "archiv", "archived", "archiviert",
    "zustand", "freigabe", "freigegeben", "geloescht", "sperre", "sperrkz", "gueltigkz", "ungueltig", "entfallen", "veraltet", "historisch",
    "etat", "actif", "inactif", "supprime", "annule", "bloque", "perime", "valide", "inactivo", "baja", "anulado", "borrado", "bloqueado",
    "vigente", "aprobado", "eliminado", "stato", "attivo", "inattivo", "annullato", "cancellato", "bloccato", "obsoleto", "eliminato",
    "sospeso", "dismesso", "valido", "aktywny", "nieaktywny", "usuniety", "skasowany", "anulowany", "zablokowany", "zatwierdzony", "stan",
    "stav", "aktivni", "neaktivni", "zruseno", "zruseny", "smazano", "smazany", "blokovano", "platny", "neplatny", "schvaleno",
    "actief", "inactief", "verwijderd", "vervallen", "geblokkeerd", "goedgekeurd", "situacao", "ativo", "inativo", "excluido", "cancelado",
])  # fmt: skip
#: The same in scripts that do not part words, and in words that are written together.
_COUNTS_IN = re.compile(
    "status$|(^|[_ .])srst$|사용|상태|삭제|폐기|취소|승인|削除|状態|有効|承認|取消|无效|状态|停用|作废|l[oö]e?kz|gesperrt",
    re.IGNORECASE,
)
#: Names of the day from which a row is no longer in force.
LAST_DAY = re.compile(
    r"(valid|eff(ect|ective)?|g(ue|ü)ltig).?(to|until|thru|bis)|^tdat$|obs(olete)?.?date|disable.?date|expir|datub|phase.?out",
    re.IGNORECASE,
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "đ": "d", "ø": "o"})


def says_whether_rows_count(name: str) -> bool:
    """Whether a column says by its name whether its rows count: a state, a mark of deletion, a flag of reversal."""
    return says(name, _COUNTS, _COUNTS_IN)


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, umlauts spelled out and without accents."""
    text = re.sub(r"(?<=[a-zà-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])", " ", name).lower().translate(_UMLAUTS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[a-z]+", plain)


#: Fewest columns, and the share of them, by which two letters are a mark of the table; the letters of the rest of a name.
_COLUMNS, _MARKED, _REST = 5, 0.8, 3


def without_mark(names: Sequence[str]) -> dict[str, str]:
    """Names of a table's columns without the two letters that some ERPs put before all of them, by the name.

    Infor M3 calls the item `MMITNO` in one table and `POPRNO` in another, JD Edwards `IMLITM` and `IRKITL`: nothing but what follows
    the mark says anything. Names of other tables are as they are.
    """
    plain = [n for n in names if re.fullmatch(r"[A-Z]{3}[A-Z0-9]+|[a-z]{3}[a-z0-9]+", n)]
    marks = Counter(n[:2].upper() for n in plain if len(n) - 2 >= _REST)
    mark, often = max(marks.items(), key=lambda m: m[1], default=("", 0))
    after = {n[2].upper() for n in plain if n[:2].upper() == mark}
    if often < _COLUMNS or often < _MARKED * len(names) or len(after) < 2:
        return {n: n for n in names}
    return {n: n[2:] if n in plain and n[:2].upper() == mark else n for n in names}


def says(name: str, words: frozenset[str], inside: re.Pattern[str]) -> bool:
    """Whether a name has one of the words: `IsDefault`, `DEL_FLAG` and `del flag` are alike."""
    parts = words_of(name)
    pairs = {a + b for a, b in pairwise(parts)}
    return bool(words & ({*parts} | pairs)) or inside.search(name) is not None
