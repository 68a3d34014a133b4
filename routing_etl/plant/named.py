"""Grammars with a name: the plain one of the demo, the wide one, and any number drawn by a seed."""

from __future__ import annotations

import numpy as np

from routing_etl.errors import ConfigurationError
from routing_etl.plant.knobs import Grammar

#: Names that stand for one grammar each.
NAMES = ("plain", "wide")
#: What a name begins with that stands for a drawn one: `drawn:SEED`.
_DRAWN = "drawn:"


def named_grammar(name: str) -> Grammar:
    """Give the grammar of a name.

    `plain` has rules of families only. `wide` has all that holds across families too: rules called by a note, sizes in
    texts, part types like no other, machines chosen by load, options, operations of one type. `drawn:SEED` is a wide one
    whose every knob is drawn from the seed, so that there are grammars that nobody has looked at.

    Parameters
    ----------
    name : str
        `plain`, `wide`, or `drawn:` and a number from 0 on.

    Raises
    ------
    ConfigurationError
        There is no grammar of this name.
    """
    if name == "plain":
        return Grammar()
    if name == "wide":
        return Grammar(
            plant_rules=5, plant_rule_share=0.05, extra_operations=0.15, options=0.4, size_in_text=0.4,
            size_not_filled=0.2, new_part_types=20, new_item_share=0.03, strange_part_types=6, load_lines=3, dated_lines=3,
        )  # fmt: skip
    seed = name.removeprefix(_DRAWN)
    if name.startswith(_DRAWN) and seed.isascii() and seed.isdecimal():
        return _drawn(int(seed))
    raise ConfigurationError(
        f"There is no grammar {name!r}.", remedy=f"Use {', '.join(NAMES)}, or {_DRAWN}SEED such as {_DRAWN}7."
    )


def _drawn(seed: int) -> Grammar:
    """Every knob of a wide plant from its range; the order of the draws is part of the name's meaning."""
    rng = np.random.default_rng([seed, 77])
    new = int(rng.integers(8, 40))
    return Grammar(
        families=int(rng.integers(10, 26)),
        part_types=int(rng.integers(120, 520)),
        attributes_per_family=int(rng.integers(5, 10)),
        conditional_share=float(rng.uniform(0.35, 0.55)),
        compound_rules=float(rng.uniform(0.2, 0.55)),
        planner_noise=float(rng.uniform(0.08, 0.2)),
        attribute_noise=float(rng.uniform(0.01, 0.04)),
        drifted_codes=int(rng.integers(0, 7)),
        new_part_types=new,
        new_item_share=float(rng.uniform(0.01, 0.05)),
        strange_part_types=int(rng.integers(1, new // 2 + 1)),
        plant_rules=int(rng.integers(2, 9)),
        plant_rule_share=float(rng.uniform(0.03, 0.08)),
        extra_operations=float(rng.uniform(0.05, 0.25)),
        options=float(rng.uniform(0.1, 0.6)),
        size_in_text=float(rng.uniform(0.25, 0.6)),
        size_not_filled=float(rng.uniform(0.1, 0.35)),
        load_lines=int(rng.integers(1, 5)),
        dated_lines=int(rng.integers(1, 5)),
    )
