"""Rows of the item master: codes, names and texts as people write them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hydraulics.family_rules import Family
from hydraulics.items import MM_PER_INCH, Items
from hydraulics.operations import SHOPS
from hydraulics.part_types import PartType
from hydraulics.plant import Plant
from hydraulics.vocabulary import (
    COATINGS,
    MATERIAL_NAMES,
    MATERIALS,
    NOISE_WORDS,
    NOTES,
    OPTIONS,
    RAW_FORM_NAMES,
)

COLUMNS = [
    "ITEM_CD", "PART_TYPE", "PartNm", "ITEM_SUFFIX", "ITEM_ACCT", "ITEM_TYPE", "ITEM_UNIT", "STANDARD_YN",
    "ITEM_GRP1", "ITEM_GRP1NM", "ITEM_NM", "ITEM_SPEC", "ADDITIONAL_SPEC", "ITEM_MATERIAL", "MATERIAL_DESC",
    "GROUP1", "GROUP2", "GROUP3", "DRAW_NO", "DRAW_REV", "DRAW_SHEET_NO", "DRAW_USE", "OUTDIAMETER",
    "INDIAMETER", "OUTTHICKNESS", "OUTDIAMETER_UNIT", "IN_SEALTYPE_CD", "IN_SEALSIZE", "IN_SEALSIZE_UOM",
    "MID_SEALTYPE_CD", "MID_SEALSIZE", "MID_SEALSIZE_UOM", "OUT_SEALTYPE_CD", "OUT_SEALSIZE",
    "OUT_SEALSIZE_UOM", "SealTypeGrup", "ROTATE_CLOCKWISE", "ROTATE_CTRCLOCKWISE", "RAW_MATL_KIND",
    "RAW_MATL_KINDNM", "ITEM_NM_ENG",
]  # fmt: skip
MM_UNITS = ["MM"] * 10 + ["mm", "mm", "Mm", "MM ", "㎜", "", "", ""]
INCH_UNITS = ["INCH", "INCH", "IN", "inch", "I", "INC"]
FINE_TOLERANCES = ["H6", "g5", "IT5", "±0.005", "정밀급"]
USUAL_TOLERANCES = ["H9", "h9", "IT9", "±0.1", "보통급"]
SEPARATORS = [", ", " ", " / ", " ; "]
ITEM_TYPES = ["P", "P", "P", "M", "", None]
ROTATIONS: list[list[str | None]] = [["1", None], [None, "1"], ["0", "0"], [None, None]]
#: Types, sizes and units of the middle and the outer seal: parts have an inner one only.
NO_OTHER_SEALS: tuple[None, ...] = (None,) * 6
#: A code for "see the text" instead of a material's.
MATERIAL_IN_TEXT = "Z00DWG"
#: A part type that says nothing.
DUMMY_TYPE = "KYY"
IDEOGRAPHIC_SPACE = "\u3000"
#: Where a family's people write a size: in the name, the additional text, the text, the text.
IN_NAME, IN_ADDITION = 0, 1


class Draws(NamedTuple):
    """Numbers between 0 and 1 that decide how one row is written, by what each decides."""

    name_of_type: float
    size_twice: float
    tolerance_place: float
    coating_place: float
    lower_case: float
    noise: float
    remark: float
    odd_blanks: float
    odd_material: float
    odd_bore: float
    odd_size: float
    empty_text: float
    dummy_type: float
    unit: float
    standard: float
    line_name: float
    filled_text: float
    group_suffix: float
    drawing: float
    seal_group: float
    size_form: float
    size_place: float
    spare_1: float
    spare_2: float


class Picks(NamedTuple):
    """Large whole numbers that choose from lists, by what each chooses."""

    size_form: int
    size_place: int
    tolerance: int
    coating: int
    options: int
    note: int
    note_place: int
    noise: int
    separator: int
    material: int
    unit: int
    item_type: int


class Manners(NamedTuple):
    """How the people of each family write: an entry per family, but for the last two, per item and per drawing."""

    code_form: np.ndarray
    coating_place: np.ndarray
    size_form: np.ndarray
    size_place: np.ndarray
    serial: np.ndarray
    drawing_number: np.ndarray


class ItemMaster:
    """Writes the rows of one plant."""

    def __init__(self, plant: Plant, items: Items, rng: np.random.Generator) -> None:
        count, families = items.count, len(plant.keys)
        self.plant, self.items, self._rng = plant, items, rng
        self.dirt = plant.knobs.dirt
        self._picks = rng.integers(0, 1 << 30, (count, len(Picks._fields)))
        self._draws = rng.random((count, len(Draws._fields)))
        code_form = rng.integers(0, 4, families)
        steps = 1000 + np.cumsum(rng.integers(1, 4, count))
        serial = steps[np.argsort(np.argsort(items.age))]
        drawing_number = rng.permutation(int(items.siblings.max()) + 1) + 10000
        coating_place = rng.integers(0, 3, families)
        size_form = rng.integers(0, 1 << 20, families)
        size_place = rng.choice([0, 1, 2, 3], families, p=[0.2, 0.2, 0.3, 0.3])
        self._manners = Manners(code_form, coating_place, size_form, size_place, serial, drawing_number)
        self._raw_codes = {raw: f"R{i}" for i, raw in enumerate(RAW_FORM_NAMES)}
        self._codes_in_use: set[str] = set()

    def rows(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Codes of all items, and their rows in the order of `COLUMNS`; of a dirty plant one code begins with a blank."""
        rows = [self._row(i) for i in range(self.items.count)]
        codes = [row[0] for row in rows]
        if self.dirt and self.items.count > 100:
            i = int(self._rng.integers(self.items.count))
            codes[i] = " " + codes[i]
            rows[i] = (codes[i], *rows[i][1:])
        return codes, rows

    def _row(self, i: int) -> tuple[Any, ...]:
        """One item's row."""
        items, draws, picks = self.items, Draws(*self._draws[i]), Picks(*self._picks[i])
        number = items.family[i]
        family = self.plant.families[self.plant.keys[number]]
        part_type = self.plant.catalogue.types[items.part_type[i]]
        raw_form = family.raw_forms[items.raw_form[i]]
        raw_code = self._raw_codes[raw_form]
        code = self._code(i, family)
        suffix, name, spec, addition, group_suffix = self._texts(i, family, part_type, draws, picks)
        material_code, material_name, spec = self._material(i, spec, draws, picks)
        blank = "" if draws.empty_text < 0.5 else None
        form = 3 if family.is_set else 1
        return (
            code,
            DUMMY_TYPE if draws.dummy_type < 0.004 * self.dirt else part_type.code,
            part_type.name,
            suffix or blank,
            "10" if family.is_set else "20",
            ITEM_TYPES[picks.item_type % 6],
            ["EA", "ea", "PC", "SET"][0 if draws.unit < 0.8 else form],
            "Y" if draws.standard < 0.07 else ("N" if draws.standard < 0.85 else blank),
            self._planner_group(i, family),
            None if draws.line_name < 0.3 else f"{family.shop} LINE",
            name,
            spec or ("-" if draws.filled_text < 0.3 else blank),
            addition or ("0" if draws.filled_text < 0.1 else blank),
            material_code,
            material_name,
            f"{family.shop}-{family.key[:3]}" + (" -" if draws.group_suffix < 0.02 else ""),
            f"{family.shop}{number:02d}-{raw_code}{group_suffix}",
            None,
            self._drawing(i, family, draws),
            str(picks.note_place // 16 % 3),
            "1",
            None,
            *self._sizes(i, family, draws, picks),
            None,
            *self._seal_size(i),
            *NO_OTHER_SEALS,
            f"S{part_type.option_factor * 100:.0f}" if draws.seal_group < 0.16 else None,
            *ROTATIONS[picks.note // 64 % 4],
            raw_code,
            RAW_FORM_NAMES[raw_form],
            None,
        )

    def _code(self, i: int, family: Family) -> str:
        """An item code that no other item has, whatever its case; some families' codes hold the size."""
        items, serial = self.items, self._manners.serial[i]
        if items.size_in_code[i]:
            size = f"{round(items.diameter[i]):03d}-{round(items.length[i]):04d}"
            code = f"{family.key[:2]}{size}-{serial % 10000:04d}"
        else:
            group = MATERIALS[MATERIAL_NAMES[items.material[i]]].group
            code = [
                f"{serial + 2_000_000}{group}",
                f"{10 + items.family[i]}-{serial:07d}",
                f"{family.shop}{serial:07d}",
                f"00{serial + 5_000_000}",
            ][self._manners.code_form[items.family[i]]]
        full, again = code, 0
        while full.upper() in self._codes_in_use:
            again += 1
            full = f"{code}/{again}"
        self._codes_in_use.add(full.upper())
        return full

    def _texts(
        self, i: int, family: Family, part_type: PartType, draws: Draws, picks: Picks
    ) -> tuple[str, str, str, str, str]:
        """Suffix, name, text and additional text, and what the second group ends with."""
        items = self.items
        spec: list[str] = []
        addition: list[str] = []
        family_name = family.korean if part_type.is_korean else family.english.upper()
        name = part_type.name if draws.name_of_type < 0.55 else family_name
        if items.size_state[i] == "text" or (items.size_state[i] == "column" and draws.size_twice < 0.25):
            name = self._write_size(i, family, name, spec, addition, draws, picks)
        group_suffix = ""
        if draws.tolerance_place < 0.7:
            tolerances = FINE_TOLERANCES if items.is_fine[i] else USUAL_TOLERANCES
            spec.append(tolerances[picks.tolerance % 5])
        else:
            group_suffix = "-1" if items.is_fine[i] else "-3"
        suffix = self._write_coating(i, family, spec, addition, draws, picks)
        for bit, option in enumerate(family.options):
            if items.options[i] >> bit & 1:
                spellings = OPTIONS[option]
                spelling = spellings[(picks.options // 7 + bit) % len(spellings)]
                (addition if (picks.options >> bit) % 4 else spec).append(spelling)
        if items.note[i] >= 0:
            name = self._write_note(i, name, spec, addition, draws, picks)
        if draws.noise < 0.22:
            (spec if draws.noise < 0.1 else addition).append(NOISE_WORDS[picks.noise % len(NOISE_WORDS)])
        separator = SEPARATORS[picks.separator % 4]
        spec_text, addition_text = separator.join(spec), separator.join(addition)
        if draws.remark < 0.003 * self.dirt:
            spec_text += " (DEL)"
        elif draws.remark < 0.008 * self.dirt:
            addition_text += " (CHK)"
        if draws.odd_blanks < 0.02 * self.dirt:
            name, spec_text = name.replace(" ", "  "), spec_text.replace(" ", IDEOGRAPHIC_SPACE)
        return suffix, name, spec_text, addition_text, group_suffix

    def _write_size(
        self,
        i: int,
        family: Family,
        name: str,
        spec: list[str],
        addition: list[str],
        draws: Draws,
        picks: Picks,
    ) -> str:
        """Put the size into a text, mostly where and how the family's people do; returns the name."""
        number = self.items.family[i]
        form = int(self._manners.size_form[number]) if draws.size_form < 0.7 else picks.size_form
        place = int(self._manners.size_place[number]) if draws.size_place < 0.7 else picks.size_place % 4
        told = size_text(self.items, i, form, family.is_hollow)
        if place == IN_NAME:
            return f"{name} {told}"
        (addition if place == IN_ADDITION else spec).append(told)
        return name

    def _write_coating(
        self, i: int, family: Family, spec: list[str], addition: list[str], draws: Draws, picks: Picks
    ) -> str:
        """Put the coating into a text, or return it as suffix of the item, as the family's people do."""
        coating = family.coatings[self.items.coating[i]]
        if not coating:
            return ""
        place = self._manners.coating_place[self.items.family[i]]
        if place == 0:
            return coating
        words = COATINGS[coating][1]
        to = spec if place == 1 or draws.coating_place < 0.5 else addition
        to.append(words[picks.coating % len(words)])
        return ""

    def _write_note(
        self, i: int, name: str, spec: list[str], addition: list[str], draws: Draws, picks: Picks
    ) -> str:
        """Put a customer's note into a text, its first spellings most often; returns the name."""
        spellings = NOTES[self.plant.notes[self.items.note[i]]].spellings
        word = spellings[min(picks.note % len(spellings), picks.note // 97 % len(spellings))]
        word = word.lower() if draws.lower_case < 0.1 else word
        place = picks.note_place % 10
        if place < 3:
            return f"{name} {word}" if place else f"{name} ({word})"
        (spec if place < 6 else addition).append(word)
        return name

    def _material(self, i: int, spec: str, draws: Draws, picks: Picks) -> tuple[str, str, str]:
        """Code and name of the material, and the text, which may hold it instead."""
        material = MATERIAL_NAMES[self.items.material[i]]
        names = MATERIALS[material].names
        code, name = self.plant.material_codes[material], names[picks.material % len(names)]
        if draws.odd_material < 0.03:
            return MATERIAL_IN_TEXT, name, f"{spec} {name}".strip()
        return code, "SEE DRAWING" if draws.odd_material < 0.04 else name, spec

    def _sizes(
        self, i: int, family: Family, draws: Draws, picks: Picks
    ) -> tuple[float | None, float | None, float | None, str | None]:
        """Outer and inner diameter, length and unit, as the columns show them."""
        items = self.items
        if items.size_state[i] == "column":
            per_unit = MM_PER_INCH if items.is_inch[i] else 1.0
            outer = round(items.diameter[i] / per_unit, 4)
            inner = round(items.bore[i] / per_unit, 4) if family.is_hollow else 0
            if family.is_hollow and draws.odd_bore < 0.004 * self.dirt:
                inner = round(outer * 1.3, 2)
            units = INCH_UNITS if items.is_inch[i] else MM_UNITS
            return outer, inner, round(items.length[i] / per_unit, 4), units[picks.unit % len(units)]
        if draws.odd_size < 0.5:
            return 0, 0, 0, None
        if draws.odd_size < 0.505 and self.dirt:
            return 9999, None, None, None
        return None, None, None, None

    def _seal_size(self, i: int) -> tuple[float | None, str | None]:
        """Size of the inner seal and its unit: the item's diameter."""
        if not self.items.seal_size_shown[i]:
            return None, None
        diameter = self.items.diameter[i]
        if self.items.is_inch[i]:
            return round(diameter / MM_PER_INCH, 4), "INCH"
        return round(diameter, 2), "MM"

    def _planner_group(self, i: int, family: Family) -> str:
        """The planner where one is recorded."""
        if self.items.planner_shown[i]:
            return self.plant.planners.codes[self.items.planner[i]]
        return "NA" if self.plant.planners.are_recorded else f"G{SHOPS.index(family.shop) + 1}"

    def _drawing(self, i: int, family: Family, draws: Draws) -> str:
        """Number of the drawing; siblings show the same one where they share it."""
        if draws.drawing < 0.04:
            return "-"
        shared = self.items.drawing_shared[i]
        drawing = self._manners.drawing_number[self.items.siblings[i]]
        number = drawing if shared else 60000 + self._manners.serial[i]
        return f"{family.shop}{'DW' if self.plant.code_scheme else 'B'}-{number:06d}"


def size_text(items: Items, i: int, form: int, is_hollow: bool) -> str:
    """Diameter and length as people write them, in one of many forms; of some hollow parts the bore too."""
    diameter, length, bore = items.diameter[i], items.length[i], items.bore[i]
    if items.is_inch[i]:
        d, l_ = _inches(diameter), _inches(length)
        return [
            f'{d}" x {l_}"',
            f"{d}IN X {l_}IN",
            f'Ø{d}"x{l_}"L',
            f"{d} x {l_} INCH",
            f"{diameter / MM_PER_INCH:.3f}in x {length / MM_PER_INCH:.3f}in",
        ][form % 5]
    d, l_, b = _decimal(diameter), _decimal(length), _decimal(bore)
    if is_hollow and form % 2:
        return [
            f"Ø{d}xØ{b}x{l_}L",
            f"{d}/{b} x {l_}",
            f"D{d}*d{b}*L{l_}",
            f"외경{d} 내경{b} 길이{l_}",
        ][form // 2 % 4]
    return [
        f"Ø{d}x{l_}L",
        f"{d} X {l_}",
        f"D{d}*{l_}",
        f"φ{d}×{l_}",
        f"OD{d} L={l_}",
        f"외경{d} 길이{l_}",
        f"{d}mm x {l_}mm",
    ][form // 3 % 7]


def _inches(mm: float) -> str:
    """Inches in sixteenths as people write them: 2-1/2, 3/8, 4."""
    whole, rest = divmod(round(mm / MM_PER_INCH * 16), 16)
    if not rest:
        return str(whole)
    parts = 16
    while rest % 2 == 0:
        rest, parts = rest // 2, parts // 2
    return f"{whole}-{rest}/{parts}" if whole else f"{rest}/{parts}"


def _decimal(mm: float) -> str:
    """Up to four digits behind the point."""
    return f"{mm:.4f}".rstrip("0").rstrip(".")
