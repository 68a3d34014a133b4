"""How the demo plant's items are written into `BI_ITEM_INFO_VIEW`: texts, codes, units, and the dirt of an item master."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.plant import values as v
from routing_etl.plant.dirt import blank, category, chance, labels, put, sprinkle
from routing_etl.plant.knobs import Grammar
from routing_etl.plant.latent import Array, Catalogue, Latent

#: One item has a code with a leading blank, as the first plant has.
LEADING_SPACE_CODE = " 4H69065ZZ"
#: Kinds of parts whose attributes are often blank.
_SPARSE = ("o-ring", "small part", "bar", "gasket")


def item_codes(rng: np.random.Generator, cat: Catalogue, items: Latent) -> pl.Series:
    """Draw unique item codes in the forms of a real plant (docs/erp-contract.md 8.2).

    Body + material letters for parts, `568...` for O-rings, `H...-GS` for assemblies, and some of digits only.
    """
    n = len(items)
    number = rng.permutation(900_000)[:n] + 100_000
    kinds = cat.kinds
    letter = labels([k.letter for k in kinds], items.family)
    ends = labels([c[-2:] for c in cat.materials.code], items.mat)
    draw = rng.random(n)
    frame = pl.DataFrame(
        {
            "u": number,
            "head": (number // 100_000).astype(str),
            "tail": number % 100_000,
            "letter": letter,
            "ends": ends,
            "ring": (rng.zipf(1.4, n) % 350).astype(np.int64),
            "kind": labels([k.name for k in kinds], items.family),
            "draw": draw,
        }
    )
    body = pl.col("head") + pl.col("letter") + pl.col("tail").cast(pl.String).str.zfill(5)
    part = pl.when(pl.col("draw") < 0.55).then(body).otherwise(pl.col("u").cast(pl.String)) + pl.col("ends")
    code = (
        pl.when(pl.col("kind") == "assembly")
        .then(
            pl.lit("H")
            + pl.col("u").cast(pl.String)
            + pl.when(pl.col("draw") < 0.6).then(pl.lit("-GS")).when(pl.col("draw") < 0.8).then(pl.lit("G")).otherwise(pl.lit("S"))
        )
        .when((pl.col("kind") == "o-ring") & (pl.col("draw") < 0.9))
        .then(pl.lit("568") + pl.col("ring").cast(pl.String).str.zfill(3) + pl.col("ends"))
        .when(pl.col("draw") < 0.015)
        .then(pl.lit("00") + pl.col("u").cast(pl.String).str.zfill(8))
        .when(pl.col("draw") < 0.025)
        .then(pl.lit("00-0") + pl.col("u").cast(pl.String))
        .when(pl.col("draw") > 0.985)
        .then(body + pl.lit("WD49"))
        .when(pl.col("draw") > 0.97)
        .then(body + pl.lit("ZZ"))
        .otherwise(part)
    )  # fmt: skip
    codes = frame.select(code=code).with_columns(rank=pl.int_range(pl.len()).over("code"))
    result = codes.select(
        pl.when(pl.col("rank") > 0)
        .then(pl.col("code") + "W" + pl.col("rank").cast(pl.String))
        .otherwise("code")
    ).to_series()
    if n:
        result[int(rng.integers(n))] = LEADING_SPACE_CODE
    return result.alias("ITEM_CD")


def _tokens(cat: Catalogue, items: Latent, material: pl.Series) -> pl.Series:
    """The specification's tokens in the style of the part."""
    styles = list(v.TOKENS)
    style = np.array([styles.index(k.style) for k in cat.kinds])[items.family]
    words = []
    for k in range(items.tok.shape[1]):
        flat = [w for s in styles for w in v.TOKENS[s][k]]
        offset = np.cumsum([0, *(len(v.TOKENS[s][k]) for s in styles[:-1])])
        words.append(labels(flat, offset[style] + items.tok[:, k]))
    frame = pl.DataFrame({"s": style, "m": material, **{f"t{k}": w for k, w in enumerate(words)}})
    return frame.select(
        pl.when(pl.col("s") == 0)
        .then(pl.concat_str("t0", "t1", "t2", "t3", separator=" "))
        .when(pl.col("s") == 1)
        .then(pl.concat_str("t0", "t1", "m", "t2", "t3", separator="-"))
        .otherwise(pl.format("{} {}-{} {}", "t0", "t1", "t2", "t3"))
    ).to_series()


def _options(items: Latent) -> pl.Series:
    names = [
        "".join(letter for k, letter in enumerate(v.OPTION_LETTERS) if bits >> k & 1)
        for bits in range(1 << len(v.OPTION_LETTERS))
    ]
    return labels(names, items.opt @ (1 << np.arange(items.opt.shape[1])))


@dataclass(frozen=True)
class _Master:
    """What the columns of the item master are written from."""

    rng: np.random.Generator
    cat: Catalogue
    items: Latent
    noise: float
    dirt: float

    @property
    def kinds(self) -> list[v.Archetype]:
        """The kind of part of every family."""
        return self.cat.kinds

    def of_kind(self, words: list[str | None]) -> pl.Series:
        """One word per family, for every item."""
        return labels(words, self.items.family)

    def is_kind(self, *names: str) -> Array:
        """Whether each item is of one of these kinds."""
        wanted: Array = np.array([k.name in names for k in self.kinds])[self.items.family]
        return wanted

    def chance(self, share: float) -> Array:
        """A boolean per item, true with probability `share`."""
        return chance(self.rng, len(self.items), share)

    def random(self) -> Array:
        """A uniform number per item."""
        return self.rng.random(len(self.items))

    def category(self, shares: dict[str, float], null: float = 0.0, tail: int = 0) -> pl.Series:
        """A word per item, drawn by share."""
        return category(self.rng, len(self.items), shares, null, tail)


def visible_items(
    rng: np.random.Generator, cat: Catalogue, items: Latent, codes: pl.Series, grammar: Grammar
) -> pl.DataFrame:
    """Write the item master, 41 columns, one row per item of `items`; keys are not yet repeated."""
    m = _Master(rng, cat, items, grammar.attribute_noise, grammar.dirt)
    sparse, boms = m.is_kind(*_SPARSE), m.is_kind("assembly", "kit")
    noun = put(
        m.of_kind([k.nouns[0] for k in m.kinds]), m.chance(0.3), m.of_kind([k.nouns[-1] for k in m.kinds])
    )
    mat_noun = put(labels(cat.materials.noun, items.mat), boms, "")
    series = labels(cat.seals.series, items.seal)
    spec, additional = _specification(m, mat_noun, series, boms, sparse)
    unknown = m.chance(0.008 * m.dirt) & ~boms
    material, text, mat_noun = _materials(m, mat_noun, boms)
    name = (mat_noun + " " + noun).str.strip_chars()
    seal_name = "DU:FB " + series + " " + (pl.Series(np.round(items.ssize, 3)).cast(pl.String) + '"')
    name = put(name, m.is_kind("assembly") & (items.seal >= 0) & m.chance(0.6), seal_name)
    columns: dict[str, pl.Series] = {
        "ITEM_CD": codes,
        "PART_TYPE": put(labels(cat.parts.code, items.ptype), unknown, v.UNCLASSIFIED[0]),
        "PartNm": put(labels(cat.parts.name, items.ptype), unknown, v.UNCLASSIFIED[1]),
        "ITEM_SUFFIX": _suffix(m),
        "ITEM_SPEC": spec,
        "ITEM_NM": put(name, m.chance(0.0001 * m.dirt), None),
        "ADDITIONAL_SPEC": additional,
        "ITEM_MATERIAL": material,
        "MATERIAL_DESC": put(
            sprinkle(rng, text, dict.fromkeys(v.NULL_WORDS, 0.0004 * m.dirt)), m.chance(0.0036 * m.dirt), None),
    }  # fmt: skip
    columns |= _accounts(m)
    columns |= _groups(m, series)
    columns |= _drawing(rng, items, sparse | boms, m.dirt)
    columns |= _sizes(m, sparse)
    columns |= _seals(m)
    raw = put(labels([r[0] for r in v.RAW_KINDS], items.raw), m.chance(m.noise), "")
    raw_name = labels([r[1] for r in v.RAW_KINDS], np.where(m.chance(0.25), items.raw, 0))
    columns["RAW_MATL_KIND"] = put(raw, (items.raw == 0) & m.chance(0.11 * m.dirt), None)
    columns["RAW_MATL_KINDNM"] = raw_name
    return pl.DataFrame({name: s.alias(name) for name, s in columns.items()})


def _specification(
    m: _Master, mat_noun: pl.Series, series: pl.Series, boms: Array, sparse: Array
) -> tuple[pl.Series, pl.Series]:
    """ITEM_SPEC and ADDITIONAL_SPEC: tokens and options stand in either, now and then in neither."""
    rng, items, n = m.rng, m.items, len(m.items)
    tokens = _tokens(m.cat, items, mat_noun)
    elsewhere = m.random() < np.where(boms, 0.5, np.where(sparse, 0.55, 0.08))
    gone = m.chance(m.noise)
    spec = put(tokens, elsewhere | gone, "")
    spec = put(spec, (elsewhere | gone) & m.chance(0.12 * m.dirt), "0")
    options = put(_options(items), m.chance(m.noise), "")
    in_spec = (m.random() < 0.3) & ~elsewhere & ~gone & (options != "").to_numpy()
    spec = put(spec, in_spec, spec + " /" + options)
    for mark, share in (("(CHK) ", 0.0036), ("(DEL) ", 0.0025)):
        spec = put(spec, m.chance(share * m.dirt), pl.Series([mark] * n) + spec)
    inch_text = pl.Series(np.round(items.ssize * 1000).astype(np.int64)).cast(pl.String)
    seal_text = put((series + "-" + inch_text).fill_null(""), (items.seal < 0) | m.chance(0.25), "")
    extra = pl.DataFrame(
        {
            "std": put(pl.Series([""] * n), items.std & m.chance(0.8), "(표준설계)"),
            "seal": seal_text,
            "tok": put(tokens, ~elsewhere | gone, ""),
            "opt": put("/" + options, in_spec | (options == "").to_numpy(), ""),
        }
    )
    additional = extra.select(pl.concat_str("std", "seal", "tok", "opt", separator=" ")).to_series()
    additional = additional.str.replace_all(r" {2,}", " ").str.strip_chars()
    additional = put(additional, (additional == "").to_numpy() & m.chance(0.08 * m.dirt), "0")
    return sprinkle(rng, spec, dict.fromkeys(v.NULL_WORDS, 0.0006 * m.dirt)), additional


def _materials(m: _Master, mat_noun: pl.Series, boms: Array) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Material code, its text, and the word in item names; some codes hide the real material."""
    material = put(labels(m.cat.materials.code, m.items.mat), boms, v.BOM_MATERIAL[0])
    text = put(labels(m.cat.materials.text, m.items.mat), boms, v.BOM_MATERIAL[1])
    for (code, words), share in zip(v.HIDDEN_MATERIALS, (0.016, 0.0075), strict=True):
        masked = m.chance(share * m.dirt) & ~boms
        material, text = put(material, masked, code), put(text, masked, words)
        mat_noun = put(mat_noun, masked & m.chance(0.5), "MULTIPLE MATERIALS")
    return material, text, mat_noun


def _accounts(m: _Master) -> dict[str, pl.Series]:
    """Account, type, unit, group and the flag of the standard design."""
    rng, kinds = m.rng, m.kinds
    columns = {
        "ITEM_ACCT": sprinkle(rng, m.of_kind([k.acct for k in kinds]), {"반제품:M1": 0.08, "반제품:M3": 0.004, "금형/지그": 0.0002}),
        "ITEM_TYPE": blank(
            rng, put(m.of_kind([k.item_type for k in kinds]), m.chance(0.25), m.category({"M1": 1}, tail=34)),
            0.104 * m.dirt, 0.0367 * m.dirt),
        "ITEM_UNIT": sprinkle(rng, m.of_kind([k.unit for k in kinds]), {
            "KG": 0.008, "MM": 0.006, "SH": 0.0003, "NA": 0.0002, "INCH": 0.0001, "81": 0.0001, "mm": 0.0001, "G": 0.0001, "KZ": 0.0001}),
    }  # fmt: skip
    group = put(m.of_kind([k.group[0] for k in kinds]), m.chance(0.05), "NA")
    group_name = put(m.of_kind([k.group[1] for k in kinds]), (group == "NA").to_numpy(), "NA")
    lost = m.chance(0.023 * m.dirt)
    columns["ITEM_GRP1"] = put(group, lost, "")
    columns["ITEM_GRP1NM"] = put(group_name, lost, None)
    standard = labels(["N", "Y"], (m.items.std & ~m.chance(m.noise)).astype(int))
    standard = sprinkle(
        rng, standard, {"I": 0.0016 * m.dirt, "S": 0.0006 * m.dirt, "C": 0.0005 * m.dirt, "": 0.0003 * m.dirt}
    )
    columns["STANDARD_YN"] = put(standard, m.chance(0.0007 * m.dirt), None)
    return columns


def _suffix(m: _Master) -> pl.Series:
    plain = m.category({"": 94.3, "R": 4.0, "N": 1.1, "HCV": 0.3, "K": 0.2, "P": 0.1, "C": 0.03, "AS": 0.03, "T": 0.02})  # fmt: skip
    return put(plain, m.is_kind("kit") & m.chance(0.85), "KIT")


def _groups(m: _Master, series: pl.Series) -> dict[str, pl.Series]:
    rng, kinds, items, dirt = m.rng, m.kinds, m.items, m.dirt
    assembly = np.array([k.group1.startswith(("AA", "AB")) for k in kinds])[items.family]
    first = m.of_kind([k.group1 for k in kinds])
    first = put(first, assembly, first + series.fill_null("X"))
    tail = first + "-" + pl.Series(items.design % 97).cast(pl.String)
    first = put(first, (items.design % 5 < 2) & ~assembly, tail)
    vessel = (first.str.starts_with("VE0")).to_numpy()
    first = put(first, vessel & m.chance(0.6), "VE0-XS-미분류")
    second = m.of_kind([k.group2 for k in kinds])
    second = put(second, m.chance(0.2), m.category({"P-X": 5, "A31-X": 3, "A50-": 2, "A21-X ": 1, "A42-A1": 1}, tail=40))  # fmt: skip
    third = m.category({"syc": 1913, "csy": 754, "csy0708": 355})
    none = m.chance(0.0391 * dirt)
    second = sprinkle(rng, second, dict.fromkeys(v.NULL_WORDS, 0.0004 * dirt))
    return {
        "GROUP1": put(blank(rng, first, 0.068 * dirt, 0.0), none, None),
        "GROUP2": put(blank(rng, second, 0.047 * dirt, 0.0), none, None),
        "GROUP3": put(third, ~m.chance(0.0094), None),
    }


def _drawing(rng: np.random.Generator, items: Latent, few: Array, dirt: float) -> dict[str, pl.Series]:
    n = len(items)
    number = 10_000 + (items.design.astype(np.int64) * 7919) % 280_000
    drawing = labels(v.DRAW_PREFIXES, items.prefix) + pl.Series(number).cast(pl.String)
    drawing = put(drawing, chance(rng, n, 0.0009 * dirt), "---X----ZZZR")
    drawing = blank(rng, drawing, np.where(few, 0.44, 0.06) * dirt, 0.024 * dirt)
    revisions = {"-": 83.6, "": 77.0, "0": 61.8, "1": 22.0, "A": 20.3, "2": 10.0, "B": 9.0, "3": 5.3, "C": 5.2, "4": 3.1, "D": 2.9, "5": 1.9, "E": 1.5, "P1": 1.4}  # fmt: skip
    sheets = {"1": 175.7, "0": 113.3, "": 12.5, "2": 6.6, "3": 1.6, "4": 0.9, "5": 0.5, "7": 0.3, "12": 0.2}
    return {
        "DRAW_NO": drawing,
        "DRAW_REV": category(rng, n, revisions, null=0.0227),
        "DRAW_SHEET_NO": category(rng, n, sheets, null=0.0226),
        "DRAW_USE": pl.Series([None] * n, dtype=pl.String),
        "ITEM_NM_ENG": pl.Series([None] * n, dtype=pl.String),
    }


def _sizes(m: _Master, sparse: Array) -> dict[str, pl.Series]:
    """Diameters and thickness in the unit of the row; a few are swapped, or stand for "unknown"."""
    rng, items, noise, dirt = m.rng, m.items, m.noise, m.dirt
    n = len(items)
    has = items.od > 0
    missing = rng.random(n) < np.where(sparse, 0.24, 0.06) * dirt
    unit = category(rng, n, {"MM": 91.5, "mm": 4.7, "INCH": 2.6, "": 0.9, "inch": 0.12, "D": 0.1, "NA": 0.06, "MM/IN": 0.02, "I": 0.03, "mmmm": 0.02, "INC": 0.02, "52": 0.01})  # fmt: skip
    if dirt == 0:
        unit = pl.Series(["MM"] * n)
    inches = unit.is_in(["INCH", "inch", "I", "INC"]).to_numpy()
    scale = np.where(inches, 25.4, 1.0)
    columns: dict[str, pl.Series] = {}
    shown = []
    for name, mm in (("OUTDIAMETER", items.od), ("INDIAMETER", items.idm), ("OUTTHICKNESS", items.ln)):
        value = np.where(has & ~missing & ~chance(rng, n, noise), np.round(mm / scale, 4), 0.0)
        shown.append(value)
        columns[name] = pl.Series(value)
    swapped = chance(rng, n, 0.001 * dirt) & (shown[0] > 0) & (shown[1] > 0)
    columns["OUTDIAMETER"] = pl.Series(np.where(swapped, shown[1], shown[0]))
    columns["INDIAMETER"] = pl.Series(np.where(swapped, shown[0], shown[1]))
    for name, size in (("OUTDIAMETER", 9999.0), ("INDIAMETER", 8700.0), ("OUTTHICKNESS", 6600.0)):
        columns[name] = put(columns[name], chance(rng, n, 0.0004 * dirt), size)
    columns["OUTDIAMETER_UNIT"] = put(unit, (~has | missing) & ~chance(rng, n, 0.02 * dirt), "")
    turn = rng.integers(1, 3, n)
    columns["ROTATE_CLOCKWISE"] = pl.Series(turn.astype(np.int64))
    columns["ROTATE_CTRCLOCKWISE"] = put(pl.Series((3 - turn).astype(np.int64)), chance(rng, n, 0.7655), None)
    return columns


def _seals(m: _Master) -> dict[str, pl.Series]:
    """Inner, middle and outer seal: type, size, unit; a few inch sizes are written in thousandths."""
    rng, items, noise, dirt = m.rng, m.items, m.noise, m.dirt
    seal_code = m.cat.seals.code
    n = len(items)
    gone = chance(rng, n, noise)
    sealed = (items.seal >= 0) & ~gone
    code = put(labels(seal_code, items.seal).fill_null(""), ~sealed, "")
    unit = category(rng, n, {"INCH": 135.8, "MM": 60.1, "KZ": 2.2, "GROUP": 0.4, "mm": 0.12, "inch": 0.03, "22": 0.01, "52": 0.01})  # fmt: skip
    if dirt == 0:
        unit = pl.Series(["INCH"] * n)
    mm = unit.is_in(["MM", "mm"]).to_numpy()
    shown = sealed & ~chance(rng, n, 0.04)
    size = np.where(shown, np.round(items.ssize * np.where(mm, 25.4, 1.0), 4), 0.0)
    size = np.where((size > 0) & ~mm & chance(rng, n, 0.0008 * dirt), size * 1000, size)
    none = chance(rng, n, 0.0047 * dirt)
    size_column = put(put(pl.Series(size), none | chance(rng, n, 0.0047 * dirt), None), chance(rng, n, 0.00005 * dirt), 4750.0)  # fmt: skip
    group = labels(seal_code, np.where(sealed & chance(rng, n, 0.26), items.seal, -1))

    double = items.double & ~gone
    out_unit = category(rng, n, {"INCH": 39.4, "MM": 3.8, "mm": 0.07, "inch": 0.02, "52": 0.004, "22": 0.004, "NA": 0.003})  # fmt: skip
    out_mm = out_unit.is_in(["MM", "mm"]).to_numpy()
    out_size = np.where(double, np.round(items.ssize * np.where(out_mm, 25.4, 1.0), 4), 0.0)
    out_none = chance(rng, n, 0.0642 * dirt) & ~double
    mid = chance(rng, n, 0.0004)
    mid_none = chance(rng, n, 0.1107 * dirt) & ~mid
    mid_unit = category(rng, n, {"MM": 81, "INCH": 70, "NA": 10, "in": 8, "inch": 1})
    return {
        "SealTypeGrup": group,
        "IN_SEALTYPE_CD": put(code, none, None),
        "IN_SEALSIZE": size_column,
        "IN_SEALSIZE_UOM": put(put(unit, ~sealed | chance(rng, n, 0.003 * dirt), ""), none, None),
        "MID_SEALTYPE_CD": put(put(pl.Series(["1002092"] * n), ~mid, ""), mid_none, None),
        "MID_SEALSIZE": put(
            pl.Series(np.where(mid, items.ssize, 0.0)), mid_none | chance(rng, n, 0.05 * dirt), None
        ),
        "MID_SEALSIZE_UOM": put(put(mid_unit, ~mid, ""), mid_none, None),
        "OUT_SEALTYPE_CD": put(put(labels(seal_code, items.oseal), ~double, ""), out_none, None),
        "OUT_SEALSIZE": put(pl.Series(out_size), out_none | (chance(rng, n, 0.06 * dirt) & ~double), None),
        "OUT_SEALSIZE_UOM": put(put(out_unit, ~double, ""), out_none, None),
    }
