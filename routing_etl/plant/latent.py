"""What the demo plant's items truly are: numbers and indices, before any text, unit or dirt.

The master data of a plant (part types, materials, seal types) are drawn from the seed, then its items. `items.py` writes
them into the item master.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from routing_etl.plant import values as v

#: Arrays of indices, flags and numbers alike.
Array = npt.NDArray[Any]

#: Share of items of the named part types, as at the first plant (docs/erp-contract.md 8.1); the rest is spread over many rare ones.
_HEAD = 0.68
_OPTIONS = len(v.OPTION_LETTERS)
#: Drawn beside those of `values`: rare materials, rare seal types.
_RARE_MATERIALS, _RARE_SEALS = 240, 150
#: An item's own specification token or option replaces its design's with these probabilities, and so its material group.
_OWN_TOKEN, _OWN_OPTION, _OWN_MATERIAL = 0.15, 0.12, 0.40
#: Designs per item.
_DESIGNS = 0.30


@dataclass(frozen=True)
class PartTypes:
    """Part types; those after the first `established` are brand new.

    Parameters
    ----------
    code : list of str
        Codes.
    name : list of str
        Names.
    family : array
        Family that makes them.
    share : array
        Share of items, 0 for brand-new types.
    established : int
        Number of types that are not brand new.
    size : array
        Factor of their sizes.
    material : array of shape (types, material groups)
        Weight of each material group.
    """

    code: list[str]
    name: list[str]
    family: Array
    share: Array
    established: int
    size: Array
    material: Array


@dataclass(frozen=True)
class Materials:
    """Material codes with their texts, words in item names, groups and weights."""

    code: list[str]
    text: list[str]
    noun: list[str]
    group: Array
    share: Array


@dataclass(frozen=True)
class Seals:
    """Seal types with their series and groups."""

    code: list[str]
    series: list[str]
    group: Array


@dataclass(frozen=True)
class Mixes:
    """Probabilities of attributes, one row per family.

    Parameters
    ----------
    seal : array of shape (families, seal types)
        Seal types.
    token : list of array
        Values of the specification's tokens, an array per position.
    raw : array
        Kinds of raw material.
    option : array
        Options, each on its own.
    standard : array
        Standard design.
    prefix : array
        Prefix of the drawing number.
    """

    seal: Array
    token: list[Array]
    raw: Array
    option: Array
    standard: Array
    prefix: Array


@dataclass(frozen=True)
class Catalogue:
    """Master data of one plant, the same for every number of items.

    Parameters
    ----------
    families : tuple of int
        Kind of part of every family, an index in `values.ARCHETYPES`.
    parts : PartTypes
        Part types.
    materials : Materials
        Material codes.
    seals : Seals
        Seal types.
    mixes : Mixes
        What each family's items are like.
    """

    families: tuple[int, ...]
    parts: PartTypes
    materials: Materials
    seals: Seals
    mixes: Mixes

    def archetype(self, family: int) -> v.Archetype:
        """The kind of part that a family makes."""
        return v.ARCHETYPES[self.families[family]]

    @property
    def kinds(self) -> list[v.Archetype]:
        """The kind of part of every family."""
        return [self.archetype(f) for f in range(len(self.families))]


@dataclass
class Latent:
    """True attributes of items, an array entry or row per item.

    Parameters
    ----------
    family : array
        Family.
    ptype : array
        Part type.
    design : array
        Design: a product series with a drawing.
    mat : array
        Material code.
    mg : array
        Material group.
    od : array
        Outer diameter in mm; 0 for kinds without dimensions.
    idm : array
        Inner diameter in mm.
    ln : array
        Length in mm.
    size : array
        What times and machines depend on, in mm.
    seal : array
        Seal type, -1 without one.
    sgroup : array
        Its group, -1 without one.
    ssize : array
        Seal size in inch, 0 without one.
    double : array
        Double seal.
    oseal : array
        Outer seal type, -1 without one.
    std : array
        Standard design.
    raw : array
        Kind of raw material.
    tok : array of shape (items, 4)
        Tokens of the specification.
    opt : array of shape (items, options)
        Options.
    prefix : array
        Prefix of the drawing number.
    notes : array
        Bit k: the note that calls rule k of the whole plant stands on the item.
    """

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
    notes: Array

    def take(self, rows: Array) -> Latent:
        """Select some of the items."""
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
    """Draw the master data of one plant: families, part types, materials and seal types."""
    order = np.concatenate([[0, 1], 2 + rng.permutation(len(v.ARCHETYPES) - 2)])
    kept = tuple(sorted(int(i) for i in order[: min(families, len(order))]))
    kept = kept + tuple(int(i) for i in rng.choice(np.array(kept), max(0, families - len(order))))
    code, name, owner, share = _draw_part_types(rng, kept, part_types, new_part_types)
    materials = _draw_materials(rng)
    seals, weight = _draw_seals(rng)
    mixes = _draw_mixes(rng, kept, weight)
    parts = PartTypes(
        code,
        name,
        np.array(owner),
        share,
        len(code) - new_part_types,
        size=rng.lognormal(0.0, 0.18, len(code)),
        material=rng.gamma(1.2, 1.0, (len(code), len(v.MATERIAL_GROUPS))) + 0.05,
    )
    return Catalogue(kept, parts, materials, seals, mixes)


def _draw_part_types(
    rng: np.random.Generator, kept: tuple[int, ...], part_types: int, new_part_types: int
) -> tuple[list[str], list[str], list[int], Array]:
    """Codes, names, families and shares: the named types, then a long tail of rare ones, then brand-new ones."""
    codes: list[str] = []
    names: list[str] = []
    owner: list[int] = []
    counts: list[float] = []
    for code, name, archetype, count in v.PART_TYPES:
        if archetype in kept and len(codes) < part_types:
            same = [f for f, a in enumerate(kept) if a == archetype]
            codes.append(code)
            names.append(name)
            owner.append(int(rng.choice(same)))
            counts.append(float(count))
    head = np.array(counts) / sum(counts) * _HEAD
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
        names[len(head) + 1] = names[len(head)]  # two types of one name, as in a real ERP
    tail_share = _zipf(tail, 0.95) * (1 - _HEAD) if tail else np.zeros(0)
    share = np.concatenate([head, rng.permutation(tail_share), np.zeros(new_part_types)])
    return codes, names, owner, share / share.sum()


def _draw_materials(rng: np.random.Generator) -> Materials:
    """The named materials, and rare variants of them."""
    mats = list(v.MATERIALS)
    letters = np.array(list("ABCDEFGHKLMNPRSTUVWXYZ"))
    for k in range(_RARE_MATERIALS):
        base = v.MATERIALS[int(rng.integers(len(v.MATERIALS)))]
        code = f"{base[0][0]}{rng.integers(0, 10)}{k:03d}{rng.choice(letters)}"
        text = base[1] if rng.random() < 0.4 else f"{base[1]} {rng.choice(letters)}{rng.integers(1, 9)}"
        mats.append((code, text, base[2], base[3], 0.05 * base[4] * rng.random()))
    return Materials(
        code=[m[0] for m in mats],
        text=[m[1] for m in mats],
        noun=[m[2] for m in mats],
        group=np.array([m[3] for m in mats]),
        share=np.array([m[4] for m in mats]),
    )


def _draw_seals(rng: np.random.Generator) -> tuple[Seals, Array]:
    """The named seal types and rare ones, with the weight of each."""
    seals = list(v.SEAL_TYPES)
    for k in range(_RARE_SEALS):
        group = int(rng.integers(v.SEAL_GROUPS))
        seals.append((f"{1002000 + 7 * k + int(rng.integers(7))}", f"S{k + 400}", group, 8.0 / (k + 6)))
    seals = list({s[0]: s for s in reversed(seals)}.values())[::-1]
    drawn = Seals([s[0] for s in seals], [s[1] for s in seals], np.array([s[2] for s in seals]))
    return drawn, np.array([s[3] for s in seals])


def _draw_mixes(rng: np.random.Generator, kept: tuple[int, ...], seal_weight: Array) -> Mixes:
    n_fam = len(kept)
    seal = np.stack([seal_weight * rng.gamma(0.7, 1.0, len(seal_weight)) for _ in range(n_fam)])
    n_values = [max(len(style[k]) for style in v.TOKENS.values()) for k in range(4)]
    token = [np.zeros((n_fam, n)) for n in n_values]
    for f, a in enumerate(kept):
        for k, words in enumerate(v.TOKENS[v.ARCHETYPES[a].style]):
            token[k][f, : len(words)] = rng.dirichlet(np.full(len(words), 2.0))
    raw = np.stack([rng.dirichlet(np.full(len(v.RAW_KINDS), 0.5)) for _ in range(n_fam)])
    metal = np.array([v.ARCHETYPES[a].pipeline[0] == "saw" for a in kept])
    raw[:, 0] = np.where(metal, 0.5, 30.0)
    return Mixes(
        seal=seal / seal.sum(1, keepdims=True),
        token=token,
        raw=raw / raw.sum(1, keepdims=True),
        option=rng.beta(1.2, 2.4, (n_fam, _OPTIONS)) * 0.8,
        standard=rng.uniform(0.02, 0.16, n_fam),
        prefix=np.stack([rng.dirichlet(np.full(len(v.DRAW_PREFIXES), 0.8)) for _ in range(n_fam)]),
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
    """Sizes in the steps of drawings: 0.5 mm below 50, 1 mm below 200, else 5 mm."""
    step = np.where(mm < 50, 0.5, np.where(mm < 200, 1.0, 5.0))
    return np.maximum(np.round(mm / step) * step, step)


@dataclass(frozen=True)
class _Designs:
    """Designs, each of one part type and family; `of` is the design of every item."""

    of: Array
    ptype: Array
    family: Array

    def __len__(self) -> int:
        return len(self.ptype)


def draw_latent(rng: np.random.Generator, cat: Catalogue, n: int, new_share: float = 0.0) -> Latent:
    """Draw items: each belongs to a design (a product series with a drawing) and varies it in size and material.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    cat : Catalogue
        Master data.
    n : int
        Number of items.
    new_share : float, optional
        Share of items of brand-new part types.
    """
    parts, mixes, kinds = cat.parts, cat.mixes, cat.kinds
    share = parts.share.copy()
    fresh = len(share) - parts.established
    if fresh:
        share *= 1 - new_share
        share[parts.established :] = new_share / fresh
    ptype = rng.choice(len(share), n, p=share / share.sum())
    family = parts.family[ptype]
    designs = _draw_designs(rng, parts, ptype, np.maximum(np.ceil(_DESIGNS * share * n).astype(int), 1))

    tok = np.empty((n, len(mixes.token)), np.int8)
    for k, table in enumerate(mixes.token):
        own = _pick(rng, table, family)
        tok[:, k] = np.where(rng.random(n) < _OWN_TOKEN, own, _pick(rng, table, designs.family)[designs.of])
    design_opt = rng.random((len(designs), _OPTIONS)) < mixes.option[designs.family]
    own_opt = rng.random((n, _OPTIONS)) < mixes.option[family]
    opt = np.where(rng.random((n, _OPTIONS)) < _OWN_OPTION, own_opt, design_opt[designs.of])

    group_share = np.array([k.materials for k in kinds])[parts.family] * parts.material
    design_group = _pick(rng, group_share, designs.ptype)
    own_material = rng.random(n) < _OWN_MATERIAL
    mg = np.where(own_material, _pick(rng, group_share, ptype), design_group[designs.of]).astype(np.int8)
    by_group = np.zeros((len(v.MATERIAL_GROUPS), len(cat.materials.code)))
    by_group[cat.materials.group, np.arange(len(cat.materials.code))] = cat.materials.share
    mat = _pick(rng, by_group, mg.astype(int))

    od, idm, ln = _draw_sizes(rng, cat, family, designs)
    seal, ssize = _draw_item_seals(rng, cat, designs, od)
    double = (rng.random(len(designs)) < 0.42)[designs.of] & (seal >= 0)
    oseal = np.where(double, _pick(rng, mixes.seal, designs.family)[designs.of], -1).astype(np.int16)
    size = np.where(od > 0, od, np.where(seal >= 0, ssize * 25.4 * 1.6, 90.0 + 40.0 * tok[:, 1]))
    standard = rng.random(len(designs)) < mixes.standard[designs.family] * 2.2
    return Latent(
        family=family.astype(np.int16),
        ptype=ptype.astype(np.int16),
        design=designs.of.astype(np.int32),
        mat=mat,
        mg=mg,
        od=od,
        idm=idm,
        ln=ln,
        size=size,
        seal=seal,
        sgroup=np.where(seal >= 0, cat.seals.group[np.maximum(seal, 0)], -1).astype(np.int8),
        ssize=ssize,
        double=double,
        oseal=oseal,
        std=standard[designs.of] & (rng.random(n) < 0.45),
        raw=_pick(rng, mixes.raw, designs.family)[designs.of].astype(np.int8),
        tok=tok,
        opt=opt,
        prefix=_pick(rng, mixes.prefix, designs.family)[designs.of].astype(np.int8),
        notes=np.zeros(n, np.int64),
    )


def _draw_designs(rng: np.random.Generator, parts: PartTypes, ptype: Array, count: Array) -> _Designs:
    """`count` designs of each part type, a few of which have most of its items."""
    offset = np.concatenate([[0], np.cumsum(count)])
    of = offset[ptype] + np.floor(count[ptype] * rng.random(len(ptype)) ** 1.9).astype(int)
    design_type = np.repeat(np.arange(len(count)), count)
    return _Designs(of, design_type, parts.family[design_type])


def _draw_sizes(
    rng: np.random.Generator, cat: Catalogue, family: Array, designs: _Designs
) -> tuple[Array, Array, Array]:
    """Outer diameter, inner diameter and length in mm; 0 for kinds without dimensions."""
    kinds, n, n_design = cat.kinds, len(family), len(designs)
    median = np.array([k.od_mm or 0.0 for k in kinds])
    sigma = np.array([k.od_sigma for k in kinds])
    base = rng.lognormal(0.0, 1.0, n_design) ** (sigma[designs.family] * 0.75) * cat.parts.size[designs.ptype]
    od = _snap(median[family] * base[designs.of] * rng.lognormal(0.0, 1.0, n) ** (sigma[family] * 0.65))
    wall = np.array([k.wall for k in kinds])[family] * rng.lognormal(0, 0.35, n_design)[designs.of]
    idm = np.maximum(np.round(od * (1 - np.clip(wall, 0.02, 0.9)), 1), 1.0)
    length = np.array([k.length for k in kinds])[family] * rng.lognormal(0, 0.3, n_design)[designs.of]
    ln = np.maximum(np.round(od * length * rng.lognormal(0, 0.25, n), 1), 0.5)
    has = median[family] > 0
    return np.where(has, od, 0.0), np.where(has, idm, 0.0), np.where(has, ln, 0.0)


def _draw_item_seals(
    rng: np.random.Generator, cat: Catalogue, designs: _Designs, od: Array
) -> tuple[Array, Array]:
    """Seal type, -1 without one, and seal size in inch, in eighths: it follows the diameter where there is one."""
    n, n_design = len(od), len(designs)
    sealed = rng.random(n_design) < np.array([k.seal for k in cat.kinds])[designs.family]
    design_seal = np.where(sealed, _pick(rng, cat.mixes.seal, designs.family), -1)
    seal = design_seal[designs.of].astype(np.int16)
    inch = np.where(
        od > 0,
        od * 0.62 / 25.4 * rng.lognormal(0, 0.08, n),
        2.1 * rng.lognormal(0, 0.35, n_design)[designs.of] * rng.lognormal(0, 0.25, n),
    )
    return seal, np.where(seal >= 0, np.maximum(np.round(inch * 8) / 8, 0.25), 0.0)
