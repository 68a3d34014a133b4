"""What the demo plant's items truly are: numbers and indices, before any text, unit or dirt.

What belongs here: the catalogue of part types, materials and seal types drawn from the seed, and the draw of items.
What does not: how they are written into the item master (`items.py`) and how they are made (`grammar.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from routing_etl.plant import values as v

Array = npt.NDArray[Any]

#: Share of items drawn from the plant's twenty named part types (docs/erp-contract.md 8.1).
_HEAD = 0.68
_OPTIONS = len(v.OPTION_LETTERS)


@dataclass(frozen=True)
class Catalogue:
    """Master data of one plant, the same for every number of items.

    `part_*` have one entry per part type, those after `n_established` are brand new. `mat_*` per material code,
    `seal_*` per seal type. `family_*` have one row per family: probabilities of tokens, options, raw kinds, seals.
    """

    families: tuple[int, ...]
    part_code: list[str]
    part_name: list[str]
    part_family: Array
    part_share: Array
    n_established: int
    mat_code: list[str]
    mat_text: list[str]
    mat_noun: list[str]
    mat_group: Array
    mat_share: Array
    seal_code: list[str]
    seal_series: list[str]
    seal_group: Array
    family_seal: Array
    family_token: list[Array]
    family_option: Array
    family_raw: Array
    family_standard: Array
    family_prefix: Array
    part_size: Array
    part_material: Array

    def archetype(self, family: int) -> v.Archetype:
        """The kind of parts a family makes."""
        return v.ARCHETYPES[self.families[family]]


@dataclass
class Latent:
    """True attributes of n items; each array has n rows. Lengths in mm, `ssize` in inch, 0 where a kind has none."""

    family: Array
    ptype: Array
    design: Array
    mat: Array
    mg: Array
    od: Array
    idm: Array
    ln: Array
    size: Array
    seal: Array
    sgroup: Array
    ssize: Array
    double: Array
    oseal: Array
    std: Array
    raw: Array
    tok: Array
    opt: Array
    prefix: Array

    def take(self, rows: Array) -> Latent:
        """The same for some of the items."""
        return Latent(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def __len__(self) -> int:
        return len(self.family)


def _zipf(n: int, power: float) -> Array:
    share: Array = 1.0 / np.arange(1, n + 1) ** power
    total: Array = share / share.sum()
    return total


def draw_catalogue(
    rng: np.random.Generator, families: int, part_types: int, new_part_types: int
) -> Catalogue:
    """Part types, materials and seal types of one plant."""
    order = np.concatenate([[0, 1], 2 + rng.permutation(len(v.ARCHETYPES) - 2)])
    kept = tuple(sorted(int(i) for i in order[: min(families, len(order))]))
    kept = kept + tuple(int(i) for i in rng.choice(np.array(kept), max(0, families - len(order))))
    first_family = {archetype: kept.index(archetype) for archetype in dict.fromkeys(kept)}

    codes: list[str] = []
    names: list[str] = []
    owner: list[int] = []
    share: list[float] = []
    for code, name, archetype, count in v.PART_TYPES:
        if archetype in first_family and len(codes) < part_types:
            same = [f for f, a in enumerate(kept) if a == archetype]
            codes.append(code)
            names.append(name)
            owner.append(int(rng.choice(same)))
            share.append(float(count))
    head = np.array(share) / sum(share) * _HEAD
    makers = [f for f, a in enumerate(kept) if v.ARCHETYPES[a].name not in ("assembly", "kit")] or list(
        range(len(kept))
    )
    tail = max(part_types - len(codes), 0)
    used = set(codes)
    for k in range(tail + new_part_types):
        family = makers[k] if k < len(makers) else int(rng.choice(makers))
        noun = str(rng.choice(v.ARCHETYPES[kept[family]].nouns))
        number = int(rng.integers(2, 990))
        code = f"{number}#{int(rng.integers(1, 9))}" if rng.random() < 0.4 else str(number)
        while code in used:
            number += 1
            code = f"{number}#{k % 9 + 1}"
        used.add(code)
        codes.append(code)
        names.append(f"{noun}-{rng.choice(v.PART_WORDS)!s} {rng.choice(v.PART_WORDS)!s}")
        owner.append(family)
    if tail > 2:
        names[len(head) + 1] = names[len(head)]
    tail_share = _zipf(tail, 0.95) * (1 - _HEAD) if tail else np.zeros(0)
    part_share = np.concatenate([head, rng.permutation(tail_share), np.zeros(new_part_types)])
    part_share /= part_share.sum()
    n_parts = len(codes)

    mats = list(v.MATERIALS)
    letters = np.array(list("ABCDEFGHKLMNPRSTUVWXYZ"))
    for k in range(240):
        base = v.MATERIALS[int(rng.integers(len(v.MATERIALS)))]
        code = f"{base[0][0]}{rng.integers(0, 10)}{k:03d}{rng.choice(letters)}"
        text = base[1] if rng.random() < 0.4 else f"{base[1]} {rng.choice(letters)}{rng.integers(1, 9)}"
        mats.append((code, text, base[2], base[3], 0.05 * base[4] * rng.random()))

    seals = list(v.SEAL_TYPES)
    for k in range(150):
        group = int(rng.integers(v.SEAL_GROUPS))
        seals.append((f"{1002000 + 7 * k + int(rng.integers(7))}", f"S{k + 400}", group, 8.0 / (k + 6)))
    seals = list({s[0]: s for s in reversed(seals)}.values())[::-1]
    seal_weight = np.array([s[3] for s in seals])

    n_fam = len(kept)
    family_seal = np.stack([seal_weight * rng.gamma(0.7, 1.0, len(seals)) for _ in range(n_fam)])
    n_values = [max(len(style[k]) for style in v.TOKENS.values()) for k in range(4)]
    family_token = [np.zeros((n_fam, n)) for n in n_values]
    for f, a in enumerate(kept):
        for k, words in enumerate(v.TOKENS[v.ARCHETYPES[a].style]):
            family_token[k][f, : len(words)] = rng.dirichlet(np.full(len(words), 2.0))
    raw = np.stack([rng.dirichlet(np.full(len(v.RAW_KINDS), 0.5)) for _ in range(n_fam)])
    metal = np.array([v.ARCHETYPES[a].pipeline[0] == "saw" for a in kept])
    raw[:, 0] = np.where(metal, 0.5, 30.0)
    return Catalogue(
        families=kept,
        part_code=codes,
        part_name=names,
        part_family=np.array(owner),
        part_share=part_share,
        n_established=n_parts - new_part_types,
        mat_code=[m[0] for m in mats],
        mat_text=[m[1] for m in mats],
        mat_noun=[m[2] for m in mats],
        mat_group=np.array([m[3] for m in mats]),
        mat_share=np.array([m[4] for m in mats]),
        seal_code=[s[0] for s in seals],
        seal_series=[s[1] for s in seals],
        seal_group=np.array([s[2] for s in seals]),
        family_seal=family_seal / family_seal.sum(1, keepdims=True),
        family_token=family_token,
        family_option=rng.beta(1.2, 2.4, (n_fam, _OPTIONS)) * 0.8,
        family_raw=raw / raw.sum(1, keepdims=True),
        family_standard=rng.uniform(0.02, 0.16, n_fam),
        family_prefix=np.stack([rng.dirichlet(np.full(len(v.DRAW_PREFIXES), 0.8)) for _ in range(n_fam)]),
        part_size=rng.lognormal(0.0, 0.18, n_parts),
        part_material=rng.gamma(1.2, 1.0, (n_parts, len(v.MATERIAL_GROUPS))) + 0.05,
    )


def _pick(rng: np.random.Generator, table: Array, row: Array) -> Array:
    """One column index per entry of `row`, drawn with the probabilities of that row of `table`."""
    cumulative = np.cumsum(table, axis=1)
    cumulative /= cumulative[:, -1:]
    flat = (cumulative + np.arange(len(table))[:, None]).ravel()
    found = np.searchsorted(flat, row + rng.random(len(row)), side="right") - row * table.shape[1]
    picked: Array = np.clip(found, 0, table.shape[1] - 1).astype(np.int16)
    return picked


def _snap(mm: Array) -> Array:
    step = np.where(mm < 50, 0.5, np.where(mm < 200, 1.0, 5.0))
    return np.maximum(np.round(mm / step) * step, step)


def draw_latent(rng: np.random.Generator, cat: Catalogue, n: int, new_share: float = 0.0) -> Latent:
    """n items: each belongs to a design (a product series with a drawing) and varies it in size and material.

    `new_share`: share of items of brand-new part types.
    """
    share = cat.part_share.copy()
    fresh = len(share) - cat.n_established
    if fresh:
        share *= 1 - new_share
        share[cat.n_established :] = new_share / fresh
    ptype = rng.choice(len(share), n, p=share / share.sum())
    count = np.maximum(np.ceil(0.30 * share * n).astype(int), 1)
    offset = np.concatenate([[0], np.cumsum(count)])
    design = offset[ptype] + np.floor(count[ptype] * rng.random(n) ** 1.9).astype(int)
    n_design = int(offset[-1])
    d_ptype = np.repeat(np.arange(len(share)), count)
    d_family = cat.part_family[d_ptype]
    family = cat.part_family[ptype]

    kinds = [cat.archetype(f) for f in range(len(cat.families))]
    n_pos = len(cat.family_token)
    tok = np.empty((n, n_pos), np.int8)
    for k, table in enumerate(cat.family_token):
        own = _pick(rng, table, family)
        tok[:, k] = np.where(rng.random(n) < 0.15, own, _pick(rng, table, d_family)[design])
    d_opt = rng.random((n_design, _OPTIONS)) < cat.family_option[d_family]
    own_opt = rng.random((n, _OPTIONS)) < cat.family_option[family]
    opt = np.where(rng.random((n, _OPTIONS)) < 0.12, own_opt, d_opt[design])

    group_share = np.array([k.materials for k in kinds])[cat.part_family] * cat.part_material
    d_group = _pick(rng, group_share, d_ptype)
    mg = np.where(rng.random(n) < 0.40, _pick(rng, group_share, ptype), d_group[design]).astype(np.int8)
    by_group = np.zeros((len(v.MATERIAL_GROUPS), len(cat.mat_code)))
    by_group[cat.mat_group, np.arange(len(cat.mat_code))] = cat.mat_share
    mat = _pick(rng, by_group, mg.astype(int))

    median = np.array([k.od_mm or 0.0 for k in kinds])
    sigma = np.array([k.od_sigma for k in kinds])
    d_base = rng.lognormal(0.0, 1.0, n_design) ** (sigma[d_family] * 0.75) * cat.part_size[d_ptype]
    od = _snap(median[family] * d_base[design] * rng.lognormal(0.0, 1.0, n) ** (sigma[family] * 0.65))
    has = median[family] > 0
    wall = np.array([k.wall for k in kinds])[family] * rng.lognormal(0, 0.35, n_design)[design]
    idm = np.maximum(np.round(od * (1 - np.clip(wall, 0.02, 0.9)), 1), 1.0)
    length = np.array([k.length for k in kinds])[family] * rng.lognormal(0, 0.3, n_design)[design]
    ln = np.maximum(np.round(od * length * rng.lognormal(0, 0.25, n), 1), 0.5)
    od, idm, ln = (np.where(has, x, 0.0) for x in (od, idm, ln))

    sealed = rng.random(n_design) < np.array([k.seal for k in kinds])[d_family]
    d_seal = np.where(sealed, _pick(rng, cat.family_seal, d_family), -1)
    seal = d_seal[design].astype(np.int16)
    inch = np.where(
        has,
        od * 0.62 / 25.4 * rng.lognormal(0, 0.08, n),
        2.1 * rng.lognormal(0, 0.35, n_design)[design] * rng.lognormal(0, 0.25, n),
    )
    ssize = np.where(seal >= 0, np.maximum(np.round(inch * 8) / 8, 0.25), 0.0)
    double = (rng.random(n_design) < 0.42)[design] & (seal >= 0)
    oseal = np.where(double, _pick(rng, cat.family_seal, d_family)[design], -1).astype(np.int16)
    size = np.where(has, od, np.where(seal >= 0, ssize * 25.4 * 1.6, 90.0 + 40.0 * tok[:, 1]))
    return Latent(
        family=family.astype(np.int16),
        ptype=ptype.astype(np.int16),
        design=design.astype(np.int32),
        mat=mat,
        mg=mg,
        od=od,
        idm=idm,
        ln=ln,
        size=size,
        seal=seal,
        sgroup=np.where(seal >= 0, cat.seal_group[np.maximum(seal, 0)], -1).astype(np.int8),
        ssize=ssize,
        double=double,
        oseal=oseal,
        std=(rng.random(n_design) < cat.family_standard[d_family] * 2.2)[design] & (rng.random(n) < 0.45),
        raw=_pick(rng, cat.family_raw, d_family)[design].astype(np.int8),
        tok=tok,
        opt=opt,
        prefix=_pick(rng, cat.family_prefix, d_family)[design].astype(np.int8),
    )
