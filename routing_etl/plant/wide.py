"""What holds across a plant's families: rules called by a note, operations of one part type, and types like no other.

A `Wide` is drawn after the families (`draw_wide`), from a generator of its own: a plant without it is the same to the last
row. `Book.variant` lets it amend the job codes that a family's process gives; `texts.py` writes what calls it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routing_etl.plant import values as v
from routing_etl.plant.codes import Codes
from routing_etl.plant.latent import Array, Catalogue, Latent

#: What a note can be called, in spellings of two languages.
NOTES: tuple[tuple[str, ...], ...] = (
    ("OXYGEN CLEAN", "OXY-CLEANED", "O2 CLEAN", "산소 세정"),
    ("NACE MR0175", "NACE-MR-0175", "MR0175", "내부식 사양"),
    ("API 682", "API-682", "API682 4TH", "API 규격품"),
    ("TEFLON COATED", "PTFE-COAT", "TFLN CTD", "테프론 코팅"),
    ("SPARE PART", "SPARE-PARTS", "SPARES", "예비품"),
    ("CRYO SERVICE", "CRYOGENIC", "LOW-TEMP", "저온용"),
    ("PED 2014/68", "PED-CERT", "CE-PED", "압력용기 인증"),
    ("FOOD GRADE", "FDA-GRADE", "FDA 3A", "식품용"),
)
#: Stages that a note can replace; each is done once in a routing.
_REPLACED = ("wash", "insp", "deburr", "pack", "polish", "surface", "coat", "insp_in", "mark")
#: Stages from which an operation that a note, or a part type, adds takes its line and its times.
_ADDED = ("wash", "coat", "insp_mid", "leak", "mark", "polish")
#: Stages of part types that are like no other, in process order.
_STRANGE_STAGES = ("cut", "press", "sinter", "grind", "polish", "subasm", "insp_mid", "mark")
#: Most operations of such a type.
_MOST_STRANGE = 6


@dataclass(frozen=True)
class PlantRule:
    """A rule of the whole plant, called by a note.

    Parameters
    ----------
    note : int
        Its words, an index in `NOTES`.
    replaces : tuple of int
        Job codes in whose place its own comes; empty: its own is added.
    code : int
        Its job code.
    first : bool
        Where it is added: before all others, or last but one.
    """

    note: int
    replaces: tuple[int, ...]
    code: int
    first: bool


@dataclass(frozen=True)
class Wide:
    """What holds across families.

    Parameters
    ----------
    rules : tuple of PlantRule
        Rules called by a note: rule k by bit k of `Latent.notes`.
    own_code : array of shape (part types,)
        Job code of the type's own operation, 0 for none.
    own_column : array of shape (part types,)
        Column of its family's matrix after which it stands.
    strange : array of shape (part types, operations)
        Job codes of types that are like no other, 0 for all others.
    """

    rules: tuple[PlantRule, ...]
    own_code: Array
    own_column: Array
    strange: Array

    @property
    def amends(self) -> bool:
        """Whether it changes anything."""
        return bool(self.rules or self.own_code.any() or self.strange.any())

    def amend(self, items: Latent, whole: Array, jobs: Array, outside: Array) -> tuple[Array, Array]:
        """Job codes and outside flags with what holds across families, in wider matrices.

        Parameters
        ----------
        items : Latent
            True attributes.
        whole : array
            Items that are sent outside as a whole: no rule changes them.
        jobs : array
            Job codes that their families ask, a row per item.
        outside : array
            Which of them are done outside.
        """
        if not self.amends:
            return jobs, outside
        n, width = jobs.shape
        jobs = jobs.copy()
        place = np.tile(np.arange(width, dtype=np.float32), (n, 1))
        last = np.where(jobs > 0, place, -1).max(1)
        added = np.zeros((n, len(self.rules) + 1 + _MOST_STRANGE), jobs.dtype)
        at = np.zeros(added.shape, np.float32)
        added[:, 0] = np.where(whole, 0, self.own_code[items.ptype])
        at[:, 0] = self.own_column[items.ptype] + 0.3
        for k, rule in enumerate(self.rules):
            called = (items.notes >> k & 1).astype(bool) & ~whole
            if rule.replaces:
                jobs[called] = np.where(np.isin(jobs[called], rule.replaces), rule.code, jobs[called])
            else:
                added[:, k + 1] = np.where(called, rule.code, 0)
                at[:, k + 1] = -1 + 0.1 * k if rule.first else last - 0.5 + 0.01 * k
        strange = np.flatnonzero(self.strange[items.ptype].any(1))
        jobs[strange], added[strange] = 0, 0
        added[strange, -_MOST_STRANGE:] = self.strange[items.ptype[strange]]
        order = np.argsort(np.hstack([place, at]), axis=1, kind="stable")
        jobs = np.take_along_axis(np.hstack([jobs, added]), order, axis=1)
        flags = np.hstack([outside, np.zeros(added.shape, bool)])
        flags[strange] = False
        return jobs, np.take_along_axis(flags, order, axis=1)


@dataclass(frozen=True)
class Process:
    """A family as `draw_wide` sees it: the stage of every slot, and the last column of each."""

    stages: tuple[str, ...]
    columns: tuple[int, ...]


def _fresh(rng: np.random.Generator, codes: Codes, stage: str) -> int:
    """Add a job code that no family has, and give its index."""
    info = v.STAGES[stage]
    while True:
        code = f"{info.letter}{int(rng.integers(1, 100)):02d}-{int(rng.integers(4, 10))}"
        if code not in codes.code:
            return codes.add(code, f"{info.name} 특", stage)


def draw_wide(
    rng: np.random.Generator,
    catalogue: Catalogue,
    processes: list[Process],
    codes: Codes,
    *,
    rules: int,
    extra_operations: float,
    strange_types: int,
) -> Wide:
    """Draw what holds across families; `codes` gets the new job codes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    catalogue : Catalogue
        Master data.
    processes : list of Process
        The families.
    codes : Codes
        Job codes so far.
    rules : int
        Rules called by a note.
    extra_operations : float
        Share of part types with an operation of their own.
    strange_types : int
        Of the new part types, how many are like no other.
    """
    parts = catalogue.parts
    n = len(parts.code)
    stage = np.array(codes.stage)
    common = [s for s in _REPLACED if 3 * sum(s in p.stages for p in processes) >= len(processes)]
    common = [str(s) for s in rng.permutation(common)]
    drawn = []
    for k, note in enumerate(rng.permutation(len(NOTES))[:rules]):
        replaced = common.pop() if common and k % 2 == 0 else ""
        code = _fresh(rng, codes, replaced or str(rng.choice(_ADDED)))
        given = tuple(int(c) for c in np.flatnonzero(stage == replaced)) if replaced else ()
        drawn.append(PlantRule(int(note), given, code, bool(rng.random() < 0.3)))
    own_code, own_column = np.zeros(n, np.int16), np.zeros(n, np.int16)
    for p in np.flatnonzero(rng.random(n - strange_types) < extra_operations).tolist():
        columns = processes[parts.family[p]].columns
        own_code[p] = _fresh(rng, codes, str(rng.choice(_ADDED)))
        own_column[p] = columns[int(rng.integers(len(columns)))]
    strange = np.zeros((n, _MOST_STRANGE), np.int16)
    for p in range(n - strange_types, n):  # the newest types
        length = int(rng.integers(3, _MOST_STRANGE + 1))
        kept = np.sort(rng.choice(len(_STRANGE_STAGES), length, replace=False))
        strange[p, :length] = [_fresh(rng, codes, _STRANGE_STAGES[s]) for s in kept]
    return Wide(tuple(drawn), own_code, own_column, strange)


def draw_notes(rng: np.random.Generator, n: int, rules: int, share: float) -> Array:
    """Bit k of an item's number says that the note of rule k stands on it; each does on a share of the items.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    n : int
        Items.
    rules : int
        Rules that are called by a note.
    share : float
        Share of the items on which each note stands.
    """
    held: Array = rng.random((n, rules)) < share
    bits: Array = held @ (1 << np.arange(rules, dtype=np.int64))
    return bits
