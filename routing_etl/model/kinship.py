"""Whether an item of a new part type has kin among the routed types: what its attributes say of its routing, one by one.

Every attribute is a *witness*: the part types that share its value (or a prefix, a word's place, for the type's own name its beginning or
end) have routings, and these are more or less alike. How alike is the witness's *strength*, and their mean is its *statement*. An item of a
known kind has strong witnesses that agree. A truly new type gives itself away in one of two ways: a witness that is strong for the others
has nothing to say of it (nobody shares its name, its group), or witnesses contradict each other (the group is that of the cabinets, the
name that of the railings). What is usual is measured on part types that are left out whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from routing_etl.model.attributes.levels import Level, normalise, normalised
from routing_etl.model.attributes.tokens import JOINED, UNKNOWN
from routing_etl.model.base.arrays import Bools, Codes, Floats, Ints
from routing_etl.model.base.columns import FEW
from routing_etl.model.ranking.novelty import TYPE_ATTRIBUTE, TYPE_LEVEL

#: Columns of the routings' description that are looked at, strongest first.
_DIMENSIONS = 24
#: Characters of a type's name that are looked at, from its beginning and from its end.
_BEGINNINGS, _ENDS = range(1, 9), range(2, 11)
#: Pairs of types, wholly unlike each other, that are added to those that share a value: few types are weak evidence.
_UNLIKE_PAIRS = 3.0
#: Witnesses heard are at least so strong on average, as a share of the strongest's; those whose silence counts, so strong.
_HEARD, _LEADING = 0.15, 0.5
#: The strongest witness tells kin from strangers when it is so strong on average.
_TELLS = 0.2
#: Weight added to that of the pairs of witnesses: hardly any evidence is no contradiction.
_NO_PAIR = 0.05
#: Share of the items of types left out that may count as strange by mistake.
_STRANGE = 0.04
#: Decimals of strengths and agreement: what differs by less is the same.
_DECIMALS = 4
#: Attributes named in the reason of a strange item.
_NAMED = 2


@dataclass(frozen=True)
class _Statements:
    """What a witness says of each item: `mean` (items x d, centred) and `strength` (0: nothing, to 1)."""

    mean: Floats
    strength: Floats

    def stronger(self, other: _Statements) -> _Statements:
        """Of each item the stronger of two statements."""
        better = other.strength > self.strength
        return _Statements(
            np.where(better[:, None], other.mean, self.mean), np.where(better, other.strength, self.strength)
        )

    @property
    def directions(self) -> Floats:
        """The means, of length 1; 0 where nothing is said."""
        length = np.sqrt(np.einsum("id,id->i", self.mean, self.mean))[:, None]
        return np.asarray(self.mean / np.where(length > 0, length, 1.0), dtype=np.float32)


def _stated(total: Floats, count: Floats, squares: Floats) -> _Statements:
    """The statement of types that share a value.

    The strength is the mean product of two types' descriptions over their mean square, with `_UNLIKE_PAIRS` more pairs of product 0.

    Parameters
    ----------
    total : Floats
        Rows x d, sum of the types' descriptions.
    count : Floats
        Their number.
    squares : Floats
        Sum of their squared lengths.
    """
    pairs = count * (count - 1.0) / 2.0
    products = np.maximum((np.einsum("rd,rd->r", total, total) - squares) / 2.0, 0.0)
    each = np.where(squares > 0, squares / np.maximum(count, 1.0), 1.0)
    strength = np.where(count > 1.5, products / each / (pairs + _UNLIKE_PAIRS), 0.0)
    return _Statements(
        np.asarray(total / np.maximum(count, 1.0)[:, None], np.float32), np.asarray(strength, np.float32)
    )


@dataclass(frozen=True)
class _Level:
    """One way to read an attribute: the place of each code in `said`, whose last says nothing.

    The last code is that of what is not known; fewer than two types share the others that say nothing.
    """

    place: Ints
    said: _Statements

    def of(self, codes: Codes) -> _Statements:
        """What the level says of items; nothing of a code that it does not know."""
        place = (
            np.where(codes >= 0, self.place[np.maximum(codes, 0)], -1) if len(self.place) else codes * 0 - 1
        )
        known = place >= 0
        mean = np.zeros((len(codes), self.said.mean.shape[1]), np.float32)
        strength = np.zeros(len(codes), np.float32)
        mean[known], strength[known] = self.said.mean[place[known]], self.said.strength[place[known]]
        return _Statements(mean, strength)


def _learned(codes: Codes, target: Floats, types: Ints) -> tuple[_Level, _Statements]:
    """A level, and what it would say of each item without the item's own type."""
    n_types, width = int(types.max()) + 1, int(codes.max(initial=-1)) + 1
    known = codes >= 0
    shared, of_item = np.unique(codes[known] * np.int64(n_types) + types[known], return_inverse=True)
    mean = np.zeros((len(shared), target.shape[1]))
    np.add.at(mean, of_item, target[known])
    mean /= np.bincount(of_item, minlength=len(shared))[:, None]
    squares = np.einsum("rd,rd->r", mean, mean)
    value = shared // n_types
    total = np.zeros((width + 1, target.shape[1]))
    np.add.at(total, value, mean)
    count = np.bincount(value, minlength=width + 1).astype(np.float64)
    square = np.bincount(value, squares, minlength=width + 1).astype(np.float64)
    kept = np.append(np.flatnonzero(count > 1.5), width)
    place = np.full(width + 1, len(kept) - 1, np.int64)
    place[kept] = np.arange(len(kept))
    others = _stated(total[value] - mean, count[value] - 1.0, square[value] - squares)
    left_out = _Statements(
        np.zeros((len(codes), target.shape[1]), np.float32), np.zeros(len(codes), np.float32)
    )
    left_out.mean[known], left_out.strength[known] = others.mean[of_item], others.strength[of_item]
    return _Level(place, _stated(total[kept], count[kept], square[kept])), left_out


@dataclass(frozen=True)
class _Names:
    """The beginnings and ends of the types' names. `vocabularies`: level -> those of two items and more, sorted."""

    vocabularies: dict[str, pl.Series]

    @staticmethod
    def _levels() -> list[Level]:
        return [
            *(Level(TYPE_ATTRIBUTE, "prefix", width) for width in _BEGINNINGS),
            *(Level(TYPE_ATTRIBUTE, "suffix", width) for width in _ENDS),
        ]

    @classmethod
    def of(cls, items: pl.DataFrame) -> _Names:
        found = {}
        for level, tokens in cls._read(items):
            counts = tokens.drop_nulls().value_counts(name="n").filter(pl.col("n") > 1)
            found[level.name] = counts[tokens.name].sort()
        return cls(found)

    @classmethod
    def _read(cls, items: pl.DataFrame) -> Iterator[tuple[Level, pl.Series]]:
        names = items.select(normalise(TYPE_ATTRIBUTE))
        levels = cls._levels()
        read = names.select(level.expression(pl.col(TYPE_ATTRIBUTE)).alias(level.name) for level in levels)
        return ((level, read[level.name]) for level in levels)

    def codes(self, items: pl.DataFrame) -> dict[str, Codes]:
        """Code of each item's name at every level, -1 for one that is not known."""
        if items.height <= FEW:
            return self._few([normalised(name) for name in items[TYPE_ATTRIBUTE].cast(pl.String).to_list()])
        return {
            level.name: tokens.cast(pl.Enum(self.vocabularies[level.name]), strict=False)
            .to_physical()
            .cast(pl.Int64)
            .fill_null(UNKNOWN)
            .to_numpy()
            for level, tokens in self._read(items)
        }

    def _few(self, names: list[str | None]) -> dict[str, Codes]:
        """The same for a few items, name by name: a frame's every call costs a millisecond's part."""
        return {
            level.name: np.array(
                [self._lookups[level.name].get(level.read(n), UNKNOWN) for n in names], np.int64
            )
            for level in self._levels()
        }

    @cached_property
    def _lookups(self) -> dict[str, dict[str, int]]:
        return {
            name: {t: i for i, t in enumerate(known.to_list())} for name, known in self.vocabularies.items()
        }

    def __getstate__(self) -> dict[str, Any]:
        """Without the lookups, which the vocabularies give."""
        return {"vocabularies": self.vocabularies}


@dataclass(frozen=True)
class Kinship:
    """Which items of new part types have kin among the routed ones.

    Attributes
    ----------
    names : _Names
        The parts of the types' names.
    levels : dict of str to dict of str to _Level
        Witness (attribute) -> its levels.
    leading : tuple of str
        The witnesses that say much of nearly every item of a type left out.
    usual : dict of str to Floats
        Leading witness -> its strengths on types left out, ascending; '' -> how far the witnesses agree there.
    rarest : float
        An item is strange when one of these is as low as for a smaller share of the types left out than this.
    tells : bool
        Whether any attribute says much of the types left out.
    """

    names: _Names
    levels: dict[str, dict[str, _Level]]
    leading: tuple[str, ...]
    usual: dict[str, Floats]
    rarest: float
    tells: bool

    @classmethod
    def learn(
        cls, items: pl.DataFrame, codes: Mapping[str, Codes], described: Floats, types: Ints
    ) -> Kinship:
        """Measure what is usual, every type left out in turn.

        Parameters
        ----------
        items : polars.DataFrame
            n ITEMS rows, with their part type.
        codes : mapping of str to array
            Level -> coded value of every item.
        described : Floats
            n x d, description of every item's routing, the columns that tell most first.
        types : Ints
            Number of every item's type.
        """
        target = _directions_of(described)
        names = _Names.of(items)
        levels: dict[str, dict[str, _Level]] = {}
        said: dict[str, _Statements] = {}
        read = {name: code for name, code in codes.items() if name != TYPE_LEVEL} | names.codes(items)
        for name, code in read.items():
            witness = name.split("|")[0]
            level, left_out = _learned(code, target, types)
            levels.setdefault(witness, {})[name] = level
            said[witness] = said[witness].stronger(left_out) if witness in said else left_out
        mean = {witness: float(s.strength.mean()) for witness, s in said.items()}
        most = max(mean.values(), default=0.0)
        heard = {w: s for w, s in said.items() if mean[w] >= _HEARD * most > 0}
        leading = tuple(sorted((w for w in heard if mean[w] >= _LEADING * most), key=lambda w: -mean[w]))
        told = _told(heard, leading)
        usual = {name: np.sort(values) for name, values in told.items()}
        rarest = float(np.quantile(_rareness(told, usual), _STRANGE, method="higher")) if told else 0.0
        speaking = {
            w: {name: le for name, le in levels[w].items() if len(le.said.strength) > 1} for w in heard
        }
        return cls(names, speaking, leading, usual, rarest, most >= _TELLS)

    def strange(self, items: pl.DataFrame, codes: Mapping[str, Codes]) -> tuple[Bools, pl.Series]:
        """Whether each item has no kin, and why not, as text for the reason of its silence; NULL for the others.

        Parameters
        ----------
        items : polars.DataFrame
            ITEMS rows of new part types.
        codes : mapping of str to array
            Level -> coded value of every item, -1 for one that no routed item has.
        """
        if not self.levels:
            return np.zeros(items.height, dtype=bool), pl.repeat(
                None, items.height, dtype=pl.String, eager=True
            )
        read = dict(codes) | self.names.codes(items)
        said = {}
        for witness, levels in self.levels.items():
            found = [level.of(read[name]) for name, level in levels.items()]
            best = found[0]
            for other in found[1:]:
                best = best.stronger(other)
            said[witness] = best
        told = _told(said, self.leading)
        strange = _rareness(told, self.usual) < self.rarest
        reasons: list[str | None] = [None] * len(strange)
        for row in np.flatnonzero(strange):
            one = {w: _Statements(s.mean[[row]], s.strength[[row]]) for w, s in said.items()}
            reasons[row] = self._reason({name: float(values[row]) for name, values in told.items()}, one)
        return strange, pl.Series(reasons, dtype=pl.String)

    def _reason(self, told: Mapping[str, float], said: Mapping[str, _Statements]) -> str:
        rare = {name: _share_up_to(self.usual[name], np.array([value]))[0] for name, value in told.items()}
        silent = sorted((rare[w], w) for w in self.leading if rare[w] < self.rarest)[:_NAMED]
        if silent:
            return f"nothing alike is shared in {' and '.join(_shown(w) for _, w in silent)}"
        one, other = _furthest(said)
        return f"{_shown(one)} and {_shown(other)} speak for different routings"


def _directions_of(described: Floats) -> Floats:
    """The descriptions' leading columns, of length 1 and centred."""
    leading = described[:, :_DIMENSIONS].astype(np.float64)
    length = np.linalg.norm(leading, axis=1, keepdims=True)
    leading = leading / np.where(length > 0, length, 1.0)
    return np.asarray(leading - leading.mean(axis=0), np.float64)


def _told(said: Mapping[str, _Statements], leading: tuple[str, ...]) -> dict[str, Floats]:
    """How strong each leading witness is of each item, and, as '', how far all agree: 1 minus their mean contradiction.

    Two witnesses contradict each other by 1 minus the cosine of their statements, weighted by the product of their strengths s. With
    statements u of length 1, the sum over all pairs is ((sum of s)^2 - |sum of s u|^2) / 2.
    """
    told: dict[str, Floats] = {w: said[w].strength for w in leading}
    if said:
        strength = np.stack([s.strength for s in said.values()]).astype(np.float64)
        weighted = np.sum(
            [s.strength[:, None] * s.directions for s in said.values()], axis=0, dtype=np.float64
        )
        all_pairs = strength.sum(axis=0) ** 2
        against = (all_pairs - np.einsum("id,id->i", weighted, weighted)) / 2.0
        told[""] = 1.0 - against / ((all_pairs - (strength**2).sum(axis=0)) / 2.0 + _NO_PAIR)
    return {name: np.round(values, _DECIMALS) for name, values in told.items()}


def _furthest(said: Mapping[str, _Statements]) -> tuple[str, str]:
    """The two witnesses of one item that contradict each other most, by their strength."""

    def contradiction(pair: tuple[str, str]) -> float:
        one, other = said[pair[0]], said[pair[1]]
        return float((one.strength * other.strength)[0] * (1.0 - one.directions[0] @ other.directions[0]))

    return max(combinations(said, 2), key=contradiction)


def _rareness(told: Mapping[str, Floats], usual: Mapping[str, Floats]) -> Floats:
    """Of each item the smallest share of the types left out that have as low a value, over all values."""
    return np.asarray(np.min([_share_up_to(usual[name], values) for name, values in told.items()], axis=0))


def _share_up_to(usual: Floats, values: Floats) -> Floats:
    return np.asarray(np.searchsorted(usual, values, side="right") / max(len(usual), 1))


def _shown(witness: str) -> str:
    return "the texts" if witness == JOINED else witness
