"""Rules over an item's true attributes: what a process plan asks before it adds an operation.

A rule is drawn against a sample of items so that it splits them. `grammar.py` says what a rule decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from routing_etl.plant.latent import Array, Latent

#: Attribute channels of families with dimensions and of families without, with the weight of each in the draw.
SIZED = {
    "od": 3.0, "ln": 2.0, "wall": 1.5, "mg": 3.0, "tok": 3.0, "opt": 3.0, "sgroup": 1.5, "ssize": 0.6, "std": 0.8,
    "raw": 1.0, "ptype": 1.5, "prefix": 0.7,
}  # fmt: skip
UNSIZED = {
    "tok": 4.0, "opt": 2.5, "sgroup": 3.0, "ssize": 2.0, "double": 2.0, "mg": 1.0, "std": 1.0, "ptype": 1.5,
    "prefix": 0.8,
}  # fmt: skip
#: Channels that are numbers: a predicate compares them with a threshold. All others are categories.
_NUMERIC = ("od", "ln", "wall", "ssize")

#: Share of the sample for which a rule should hold: at least, at most.
SPLIT = (0.15, 0.85)


def channel(items: Latent, name: str, arg: int) -> Array:
    """Take the values of one attribute channel.

    Parameters
    ----------
    items : Latent
        True attributes.
    name : str
        Channel: a field of `Latent`, or `wall`, the wall thickness.
    arg : int
        Token position for `tok`, option letter for `opt`, else unused.
    """
    if name == "wall":
        values: Array = (items.od - items.idm) / 2
    elif name in ("tok", "opt"):
        values = getattr(items, name)[:, arg]
    else:
        values = getattr(items, name)
    return values


@dataclass(frozen=True)
class Predicate:
    """`value > threshold` for a number, `value in members` for anything else."""

    name: str
    arg: int
    threshold: float
    members: tuple[int, ...]

    def holds(self, items: Latent) -> Array:
        """Evaluate for every item."""
        values = channel(items, self.name, self.arg)
        if self.name in _NUMERIC:
            above: Array = values > self.threshold
            return above
        return np.isin(values, self.members)


@dataclass(frozen=True)
class Rule:
    """One predicate (`one`), two joined by `and` or `or`, or three as `if`: the second where the first holds, else the third."""

    form: str
    parts: tuple[Predicate, ...]

    def holds(self, items: Latent) -> Array:
        """Evaluate for every item."""
        sides = [p.holds(items) for p in self.parts]
        if self.form == "and":
            return sides[0] & sides[1]
        if self.form == "or":
            return sides[0] | sides[1]
        if self.form == "if":
            return np.where(sides[0], sides[1], sides[2])
        return sides[0]


def draw_channels(rng: np.random.Generator, sized: bool, count: int) -> list[tuple[str, int]]:
    """Draw the attribute channels that one family's process plan depends on; families differ in them."""
    weights = SIZED if sized else UNSIZED
    names = [(n, a) for n in weights for a in range(4 if n == "tok" else 7 if n == "opt" else 1)]
    share = np.array([weights[n] / (4 if n == "tok" else 7 if n == "opt" else 1) for n, _ in names])
    chosen = rng.choice(len(names), min(count, len(names)), replace=False, p=share / share.sum())
    picked = [names[i] for i in chosen]
    if sized and ("od", 0) not in picked:
        picked[0] = ("od", 0)
    if ("mg", 0) not in picked and sized:
        picked[-1] = ("mg", 0)
    return picked


def draw_predicate(
    rng: np.random.Generator, sample: Latent, channels: Sequence[tuple[str, int]]
) -> Predicate:
    """Draw a predicate that holds for 20 % to 80 % of the sample, where the channel allows it."""
    name, arg = channels[int(rng.integers(len(channels)))]
    values = channel(sample, name, arg)
    if name in _NUMERIC:
        level = float(np.quantile(values, rng.uniform(0.25, 0.8)))
        return Predicate(name, arg, float(f"{level:.2g}"), ())
    found, counts = np.unique(values, return_counts=True)
    share = counts / counts.sum()
    order = rng.permutation(len(found))
    goal = rng.uniform(0.25, 0.65)
    members: list[int] = []
    total = 0.0
    for i in order:
        if total + share[i] <= 0.8:
            members.append(int(found[i]))
            total += float(share[i])
        if total >= goal:
            break
    return Predicate(name, arg, 0.0, tuple(sorted(members)))


def draw_rule(
    rng: np.random.Generator,
    sample: Latent,
    channels: Sequence[tuple[str, int]],
    compound: float,
) -> Rule:
    """Draw a rule that holds for 15 % to 85 % of the sample; otherwise the nearest of 25 draws.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    sample : Latent
        Items that the rule shall split.
    channels : sequence of (str, int)
        Attribute channels to choose from.
    compound : float
        Probability of a rule with two or three predicates.
    """
    low, high = SPLIT
    best: tuple[float, Rule] | None = None
    for _ in range(25):
        form = "one"
        if rng.random() < compound:
            form = str(rng.choice(["and", "or", "if"], p=[0.45, 0.3, 0.25]))
        n = {"one": 1, "and": 2, "or": 2, "if": 3}[form]
        rule = Rule(form, tuple(draw_predicate(rng, sample, channels) for _ in range(n)))
        share = float(rule.holds(sample).mean())
        miss = max(low - share, share - high, 0.0)
        if best is None or miss < best[0]:
            best = (miss, rule)
        if miss == 0:
            break
    assert best is not None
    return best[1]
