"""Part types: words of a family's vocabulary, each with what it changes in the routing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hydraulics.family_rules import ADDABLE, Family
from hydraulics.vocabulary import KIND_WORDS, Change

#: What the words of an assembly's type change; other words change nothing in it.
CHANGES_OF_SETS: dict[str, list[Change]] = {
    "HP": [("press", None)],
    "SERVO": [("func", None)],
    "CLEAN": KIND_WORDS["CLEAN"].changes,
    "TANDEM": [("asm2", None)],
    "HEAVY": [("lasermark", "mark")],
}
#: The same for parts that are not cut.
CHANGES_OF_UNCUT: dict[str, list[Change]] = {
    "HP": [("cmm", None)],
    "CLEAN": [("uswash", None)],
    "HEAVY": [("inproc", None)],
}
STANDARD = "STD"


class Effect(NamedTuple):
    """A change of routing by a part type: `how` is kind (by a word), own (by this type alone) or drop."""

    how: str
    operation: str
    instead_of: str | None


@dataclass(frozen=True)
class PartType:
    """A part type.

    Attributes
    ----------
    family : str
        Key of its family.
    words : tuple of str
        Keys of `KIND_WORDS`.
    effect : int
        Number of its changes in `Catalogue.effects`; types that change the same share one.
    name, code : str
        As the ERP shows them.
    own : str
        The operation that only this type has, with a minus sign one that only this type leaves out; or empty.
    is_korean : bool
        Its name is Korean.
    option_factor : float
        How much more often than usual its items have options.
    """

    family: str
    words: tuple[str, ...]
    effect: int
    name: str
    code: str
    own: str
    is_korean: bool
    option_factor: float


class Catalogue:
    """All part types of a plant.

    Attributes
    ----------
    types : list of PartType
        An item's part type is its place here.
    usual : dict
        By family: numbers of the types that have routings (of a new family: all), and how frequent each is.
    unused : dict
        By family: numbers of the types that nobody has written a routing for.
    effects : list of tuple of Effect
        What types change.
    """

    def __init__(self, families: dict[str, Family], code_scheme: int, rng: np.random.Generator) -> None:
        self.types: list[PartType] = []
        self.usual: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.unused: dict[str, np.ndarray] = {}
        self.effects: list[tuple[Effect, ...]] = [()]
        for number, family in enumerate(families.values()):
            prefix = {0: family.key[:2], 1: f"{family.shop}{number:02d}", 2: f"{number + 11}"}[code_scheme]
            self._draw_types(family, prefix, rng)

    def _draw_types(self, family: Family, prefix: str, rng: np.random.Generator) -> None:
        """The types of one family, the unused ones last."""
        others = [w for w in KIND_WORDS if w != STANDARD]
        words = [STANDARD, *rng.choice(others, int(rng.integers(7, 11)), replace=False).tolist()]
        changes = _changes_of_words(family, words, rng)
        used = int(rng.integers(1, 4)) if family.is_new else int(rng.integers(6, 21))
        unused = int(rng.integers(2, 5)) * (not family.is_new)
        seen: set[tuple[str, ...]] = set()
        made = []
        for i in range(used + unused):
            is_unused = family.is_new or i >= used
            pool = words if (not is_unused or rng.random() < 0.7) else list(KIND_WORDS)
            chosen = _draw_words(pool, seen, rng) if i else (STANDARD,)
            seen.add(chosen)
            effects = [Effect("kind", *change) for word in chosen for change in changes[word]]
            own = ""
            if not is_unused and i > 2 and rng.random() < 0.25 and not family.is_not_cut:
                own = _draw_own(family, effects, rng)
            made.append(len(self.types))
            self.types.append(self._finish(family, prefix, chosen, tuple(effects), own, rng))
        if family.is_new:
            self.usual[family.key] = np.array(made), np.full(len(made), 1 / len(made))
        else:
            frequency = (np.arange(used) + 1.0) ** -float(rng.uniform(1.1, 1.6))
            self.usual[family.key] = np.array(made[:used]), frequency / frequency.sum()
            self.unused[family.key] = np.array(made[used:])

    def _finish(
        self,
        family: Family,
        prefix: str,
        words: tuple[str, ...],
        effects: tuple[Effect, ...],
        own: str,
        rng: np.random.Generator,
    ) -> PartType:
        """Give a type its name and code."""
        if effects not in self.effects:
            self.effects.append(effects)
        korean = bool(rng.random() < 0.5)
        shown = [word for word in words if not (word == STANDARD and rng.random() < 0.5)]
        labels = [KIND_WORDS[word].korean if korean else KIND_WORDS[word].english for word in shown]
        name = family.korean if korean else family.english
        if labels:
            name = f"{name}({','.join(labels)})" if korean else f"{name}, {' '.join(labels)}"
        codes = {part_type.code for part_type in self.types}
        while (code := f"{prefix}{int(rng.integers(100, 999))}") in codes:
            pass
        return PartType(
            family=family.key,
            words=words,
            effect=self.effects.index(effects),
            name=name,
            code=code,
            own=own,
            is_korean=korean,
            option_factor=float(rng.uniform(0.5, 1.4)),
        )


def _changes_of_words(family: Family, words: list[str], rng: np.random.Generator) -> dict[str, list[Change]]:
    """What every word changes in this family; some of its own words mean another operation here than elsewhere."""
    found = {}
    for word, meaning in KIND_WORDS.items():
        changes = list(meaning.changes)
        if family.is_set:
            changes = CHANGES_OF_SETS.get(word, [])
        elif family.is_not_cut:
            changes = CHANGES_OF_UNCUT.get(word, [])
        elif changes and word in words and rng.random() < 0.12:
            changes = [(str(rng.choice(ADDABLE)), None)]
        found[word] = changes
    return found


def _draw_words(pool: list[str], seen: set[tuple[str, ...]], rng: np.random.Generator) -> tuple[str, ...]:
    """One to three words that no type of the family has yet; after eight attempts a repetition is accepted."""
    for _ in range(8):
        count = int(rng.choice([1, 2, 3], p=[0.4, 0.45, 0.15]))
        words = tuple(sorted(rng.choice(pool, min(count, len(pool)), replace=False).tolist()))
        if words not in seen:
            break
    return words


def _draw_own(family: Family, effects: list[Effect], rng: np.random.Generator) -> str:
    """Add to `effects` what only this type has or leaves out; returns its name for the truth."""
    if rng.random() < 0.6:
        operation = str(rng.choice(ADDABLE[:12]))
        effects.append(Effect("own", operation, None))
        return operation
    always = [step.operation for step in family.steps[1:-1] if not step.conditions]
    if not always:
        return ""
    operation = always[int(rng.integers(len(always)))]
    effects.append(Effect("drop", operation, None))
    return f"-{operation}"
