"""The demo plant's vocabulary: the words of a mechanical-seal plant's item master and routings.

Constants only: part types, materials, seal types, words of the specification, process stages, machine lines, and which
stages a kind of part can pass through. Frequencies are those of the first plant (docs/erp-contract.md 8).
"""

from __future__ import annotations

from dataclasses import dataclass

#: Material groups, by index: a process plan depends on the group, not on the material.
MATERIAL_GROUPS = (
    "stainless",
    "duplex",
    "nickel",
    "carbon",
    "sic",
    "wc",
    "plastic",
    "elastomer",
    "steel",
    "mixed",
    "titanium",
)
_G = {name: i for i, name in enumerate(MATERIAL_GROUPS)}

#: (code, text, name used in item names, group, weight inside its group)
MATERIALS: tuple[tuple[str, str, str, int, float], ...] = (
    ("M000DB", "316", "316", _G["stainless"], 53.6),
    ("M000ND", "304", "304", _G["stainless"], 17.5),
    ("M000NC", "316L", "316L", _G["stainless"], 12.0),
    ("Y000NC", "316L", "316L", _G["stainless"], 2.3),
    ("Y000DB", "316", "316", _G["stainless"], 2.2),
    ("M000BX", "410", "410", _G["stainless"], 2.2),
    ("M000MR", "17-4 PH H1150", "17-4 PH", _G["stainless"], 2.0),
    ("M000KD", "DUPLEX 2205", "DUPLEX 2205", _G["duplex"], 6.0),
    ("M000KS", "SUPER DUPLEX 2507", "SUPER DUPLEX", _G["duplex"], 4.0),
    ("M000NL", "ALLOY C-276", "ALLOY C-276", _G["nickel"], 4.7),
    ("M000DY", "ALLOY 20", "ALLOY 20", _G["nickel"], 2.8),
    ("M000HB", "ALLOY B-2", "ALLOY B-2", _G["nickel"], 0.8),
    ("M000IN", "INCONEL 718", "INCONEL 718", _G["nickel"], 1.2),
    ("R00KR3", "CARBON NO.5", "CARBON", _G["carbon"], 6.7),
    ("R00KR9", "CARBON NO.9", "CARBON", _G["carbon"], 1.6),
    ("R000RY", "CARBON RY", "CARBON", _G["carbon"], 1.4),
    ("R000GE", "CARBON GE", "CARBON", _G["carbon"], 0.9),
    ("N000SL", "SILICON CARBIDE(SL)", "SILICON CARBIDE", _G["sic"], 9.5),
    ("N000YO", "SILICON CARBIDE(YO)", "SILICON CARBIDE", _G["sic"], 4.5),
    ("N000SS", "SILICON CARBIDE(SS)", "SILICON CARBIDE", _G["sic"], 1.1),
    ("N000LV", "TUNGSTEN CARBIDE(LV)", "TUNGSTEN CARBIDE", _G["wc"], 3.4),
    ("N000LT", "TUNGSTEN CARBIDE(LT)", "TUNGSTEN CARBIDE", _G["wc"], 0.8),
    ("O000GT", "PTFE", "PTFE", _G["plastic"], 4.5),
    ("O000GF", "PTFE, GLASS FILLED", "GLASS FILLED PTFE", _G["plastic"], 1.6),
    ("O000PK", "PEEK", "PEEK", _G["plastic"], 0.7),
    ("O000GU", "FKM", "FLUOROELASTOMER", _G["elastomer"], 2.6),
    ("O000KZ", "FFKM", "PERFLUOROELASTOMER", _G["elastomer"], 4.9),
    ("O000EP", "EPDM", "EPDM", _G["elastomer"], 1.2),
    ("O000NB", "NBR", "NITRILE", _G["elastomer"], 0.8),
    ("M00089", "SS400", "SS400", _G["steel"], 4.5),
    ("M00045", "SM45C", "SM45C", _G["steel"], 1.4),
    ("M000A5", "A105", "A105", _G["steel"], 1.3),
    ("Y00188", "MULTIPLE MATERIALS", "MULTIPLE MATERIALS", _G["mixed"], 19.2),
    ("M000TI", "TITANIUM GR2", "TITANIUM", _G["titanium"], 1.2),
)
#: Codes that stand in place of a material: bills of material, and parts whose drawing or bill names it.
BOM_MATERIAL = ("Y00000", "M/SEAL BOM")
HIDDEN_MATERIALS = (("Z00DWG", "SEE DRAWING"), ("Z00BOM", "SEE BOM"))

#: (code, series name for drawings and specifications, seal group, weight)
SEAL_TYPES: tuple[tuple[str, str, int, float], ...] = (
    ("1002012", "QBQ", 0, 23.7),
    ("1057", "QB", 0, 9.8),
    ("1044", "PTO", 1, 7.5),
    ("X31", "X200", 2, 6.0),
    ("101", "T101", 3, 4.0),
    ("462", "B462", 4, 3.7),
    ("261", "T261", 3, 3.5),
    ("401", "T401", 3, 3.4),
    ("1043", "PTO2", 1, 3.3),
    ("351", "S351", 5, 3.2),
    ("1004570", "QBX", 0, 3.2),
    ("1042", "PTR", 1, 3.2),
    ("201", "T201", 3, 2.9),
    ("501", "T501", 6, 2.9),
    ("347", "S347", 5, 2.6),
    ("1003613", "BX36", 4, 2.5),
    ("1055", "QBS", 0, 2.5),
    ("X30", "X100", 2, 2.2),
    ("254", "T254", 3, 2.1),
    ("662", "B662", 4, 1.3),
    ("461", "B461", 4, 0.7),
    ("701", "G701", 7, 1.0),
    ("761", "G761", 7, 0.9),
    ("K54", "K54", 6, 0.8),
    ("102", "T102", 3, 0.7),
    ("1002005", "QBW", 0, 1.5),
    ("1062", "PTW", 1, 1.0),
    ("269", "T269", 6, 0.8),
    ("BEA", "BEA", 4, 0.6),
    ("312", "S312", 5, 0.5),
)
SEAL_GROUPS = 8

#: Specification tokens: four positions; the word at each value. `items.py` writes them in the style of the part.
TOKENS: dict[str, tuple[tuple[str, ...], ...]] = {
    "seal": (
        ("5", "E", "4", "2", "7", "9"),
        ("U", "A", "4", "K", "5"),
        ("4", "K", "-", "R", "T"),
        ("X", "V", "VV", "W"),
    ),
    "vessel": (
        ("VD1", "VD2", "VP1", "VP3", "VS2", "VB1"),
        ("2gal", "3gal", "5gal", "8gal", "LD"),
        ("(01-Coil)", "(02-Body)", "(03-Cover)", "(04-Base)", "(05-Pipe)"),
        ("FnlAsy", "SubAsy", "Weld", "Kit"),
    ),
    "small": (
        ("Spring", "STD (규격)", "SSCP", "HEX", "GT", "LV"),
        ("1/4", "5/16", "3/8", "M8", "M10"),
        ("18", "24", "1.5P", "20", "16"),
        ("A", "B", "C", "D"),
    ),
}
OPTION_LETTERS = "HKJLZPR"

#: Raw-material kinds: code, name. Index 0 is "none", the usual one.
RAW_KINDS: tuple[tuple[str, str | None], ...] = (
    ("", None),
    ("B.", "ROUND BAR"),
    ("P3", "박판PLATE"),
    ("CP", "주조　원소재"),
    ("BH", "HOLLOW BAR"),
    ("CR", "주물　원소재"),
    ("P1", "CUTTING PLATE"),
    ("T3", "원심주조원소재"),
)
DRAW_PREFIXES = ("1K-", "2K-", "1D-", "2CPK-", "2CPD-")


@dataclass(frozen=True)
class Stage:
    """A kind of work.

    Parameters
    ----------
    letter : str
        First letter of its job codes.
    name : str
        Korean name.
    line : str
        Machine line that does it.
    setup : float
        Typical set-up time, minutes per order.
    run : float
        Typical run time of a part of 100 mm, minutes per piece.
    exponent : float
        The run time grows with size to this power.
    outsourceable : bool, optional
        Whether some items have it done outside.
    """

    letter: str
    name: str
    line: str
    setup: float
    run: float
    exponent: float
    outsourceable: bool = False


STAGES: dict[str, Stage] = {
    "saw": Stage("B", "소재절단", "SAW", 8, 4, 0.9),
    "turn_rough": Stage("A", "CNC황삭", "CNC", 35, 18, 0.8),
    "turn_fin": Stage("A", "CNC정삭", "CNC", 40, 22, 0.7),
    "lathe": Stage("B", "선반", "LAT", 25, 15, 0.6),
    "mtm": Stage("C", "MTM", "MTM", 50, 28, 0.5),
    "mct": Stage("D", "MCT", "MCT", 45, 25, 0.5),
    "mill_front": Stage("D", "정면 밀링", "MCT", 30, 14, 0.4),
    "mill_side": Stage("D", "측면 밀링", "MCT", 30, 16, 0.4),
    "drill": Stage("D", "드릴 탭", "MCT", 20, 9, 0.3),
    "key": Stage("D", "키 가공", "MCT", 15, 7, 0.2),
    "heat": Stage("E", "열처리", "HT", 30, 40, 0.5, True),
    "coat": Stage("E", "코팅", "COT", 20, 18, 0.6, True),
    "surface": Stage("E", "표면처리", "COT", 15, 12, 0.5, True),
    "powder": Stage("E", "분체", "COT", 25, 20, 0.6, True),
    "lap": Stage("G", "래핑", "LAP", 18, 24, 0.7),
    "polish": Stage("G", "연마", "GRD", 12, 14, 0.6),
    "grind": Stage("G", "연삭", "GRD", 22, 20, 0.6),
    "weld": Stage("H", "용접", "WLD", 25, 35, 0.6),
    "paint": Stage("H", "도색", "PNT", 15, 18, 0.7, True),
    "wash": Stage("H", "세척", "WSH", 5, 4, 0.3),
    "deburr": Stage("H", "사상", "WSH", 4, 6, 0.4),
    "pipe": Stage("H", "배관", "WLD", 20, 45, 0.4),
    "press": Stage("K", "성형", "PRS", 30, 6, 0.5),
    "sinter": Stage("K", "소결", "PRS", 60, 30, 0.3),
    "cut": Stage("K", "재단", "PRS", 10, 3, 0.4),
    "pin": Stage("F", "핀 조립", "ASY", 5, 6, 0.1),
    "subasm": Stage("F", "가조립", "ASY", 8, 14, 0.3),
    "asm": Stage("F", "ASY", "ASY", 10, 34, 0.4),
    "leak": Stage("F", "누설 시험(LEAK)", "TST", 6, 14, 0.2),
    "hydro": Stage("F", "수압 시험", "TST", 12, 20, 0.3),
    "mark": Stage("F", "각인", "PKG", 3, 2, 0.0),
    "pick": Stage("F", "자재 불출", "PKG", 4, 5, 0.1),
    "pack": Stage("F", "완제품포장", "PKG", 2, 4, 0.2),
    "insp_mid": Stage("Q", "중간 검사", "INS", 3, 7, 0.3),
    "insp": Stage("Q", "조립 검사", "INS", 4, 12, 0.3),
    "insp_in": Stage("Q", "수입 검사", "INS", 2, 6, 0.2),
    "out": Stage("W", "외주가공", "OUT", 0, 0.5, 0.2, True),
}


@dataclass(frozen=True)
class Line:
    """A machine line: prefix of its resource codes, pattern of their names, machines, and whether it has a waiting pool.

    In the pattern, `{k}` is a machine's number, `{c}` its letter, `{n}` its size in inch. Work that is planned on the
    waiting pool gets a machine only when it starts.
    """

    prefix: str
    pattern: str
    machines: int
    pool: bool


LINES: dict[str, Line] = {
    "SAW": Line("SAW", "톱기계 {k}", 2, False),
    "CNC": Line("CNC", 'L{c}번 ({n}" CNC)', 9, True),
    "LAT": Line("LAT", '범용선반 {k} ({n}")', 4, False),
    "MTM": Line("MTM", 'MTM {k} ({n}" TURN MILL)', 3, True),
    "MCT": Line("MCT", "MCT {k}호", 5, True),
    "HT": Line("HT", "열처리로 {k}", 2, False),
    "COT": Line("COT", "코팅 {k}라인", 2, False),
    "LAP": Line("LAP", "래핑기 {k}", 3, True),
    "GRD": Line("GRD", "연삭기 {k}", 3, False),
    "WLD": Line("WLD", "용접 {k}", 3, False),
    "PNT": Line("PNT", "도장 부스 {k}", 1, False),
    "WSH": Line("WSH", "세척 {k}", 2, False),
    "PRS": Line("PRS", "프레스 {k}", 2, False),
    "ASY": Line("ASY-WC", "*카트리지 조립 {k}", 3, False),
    "TST": Line("TST", "시험대 {k}", 2, False),
    "PKG": Line("PKG", "*포장 {k}", 2, False),
    "INS": Line("INS-WC", "조립 검사 {k}", 2, False),
    "OUT": Line("OUT", "외주", 1, False),
}


@dataclass(frozen=True)
class Archetype:
    """A kind of part: how its items look, and which stages its process can pass through.

    Parameters
    ----------
    name : str
        Name.
    nouns : tuple of str
        Words for it in item names.
    materials : tuple of float
        Weight of each material group.
    od_mm : float or None
        Median outer diameter in mm; None: parts of this kind have no dimensions.
    od_sigma : float
        Sigma of ln(outer diameter).
    wall : float
        Median of 1 - inner / outer diameter.
    length : float
        Median of length / outer diameter.
    style : str
        Style of the specification: a key of `TOKENS`.
    seal : float
        Share of designs with a seal.
    acct : str
        ITEM_ACCT.
    item_type : str
        ITEM_TYPE.
    group : (str, str or None)
        ITEM_GRP1 and its name.
    unit : str
        ITEM_UNIT.
    group1 : str
        GROUP1.
    group2 : str
        GROUP2.
    letter : str
        Letter in its item codes.
    routed : float
        Share of items that have a routing.
    pipeline : tuple of str
        Stages in process order; `!`: nearly always there, `*`: may need several passes.
    """

    name: str
    nouns: tuple[str, ...]
    materials: tuple[float, ...]
    od_mm: float | None
    od_sigma: float
    wall: float
    length: float
    style: str
    seal: float
    acct: str
    item_type: str
    group: tuple[str, str | None]
    unit: str
    group1: str
    group2: str
    letter: str
    routed: float
    pipeline: tuple[str, ...]


def _mix(**weights: float) -> tuple[float, ...]:
    return tuple(weights.get(name, 0.0) for name in MATERIAL_GROUPS)


_METAL = _mix(stainless=70, duplex=6, nickel=12, steel=6, titanium=2)
_FACE = _mix(carbon=35, sic=45, wc=15, stainless=5)
_TURNED = ("saw", "turn_rough!*", "insp_mid", "heat", "turn_fin!*")

ARCHETYPES: tuple[Archetype, ...] = (
    Archetype(
        "assembly", ("M/SEAL BOM",), _mix(mixed=100), None, 0.4, 0, 0, "seal", 1.0,
        "제품", "SA", ("SEC", "SEAL ETC"), "SET", "AA1-", "A50-", "H", 0.75,
        ("pick", "subasm", "pin", "asm!*", "leak!", "hydro", "insp!", "mark", "pack!"),
    ),
    Archetype(
        "kit", ("REP KIT/SPARE PARTS",), _mix(mixed=100), None, 0.4, 0, 0, "seal", 0.95,
        "제품", "M1", ("SEC", "SEAL ETC"), "SET", "AB4-", "A43-", "K", 0.25,
        ("pick!", "wash", "subasm", "insp_in", "leak", "insp", "mark", "pack!*"),
    ),
    Archetype(
        "reservoir", ("RESERVOIR",), _mix(mixed=65, stainless=35), None, 0.4, 0, 0, "vessel", 0.05,
        "제품", "C4", ("VRP", "VESSEL & PIPE"), "SET", "V00-MX", "FCXX-M-E", "V", 0.65,
        ("saw", "weld!*", "polish", "surface", "hydro!", "pipe", "paint", "asm", "leak", "insp!", "pack"),
    ),
    Archetype(
        "gland", ("GLAND",), _METAL, 180, 0.38, 0.30, 0.25, "seal", 0.75,
        "반제품:M1", "M1", ("SHD", "HARDWARE"), "EA", "P11-MS-Gld -", "A31-X", "H", 0.72,
        (*_TURNED, "mtm*", "mill_front", "mill_side", "drill!", "key", "deburr", "powder", "lap", "pin", "wash",
         "coat", "insp!", "pack"),
    ),
    Archetype(
        "stationary face", ("STATIONARY FACE",), _FACE, 85, 0.35, 0.22, 0.22, "seal", 0.85,
        "반제품:M1", "M1", ("SFC", "SEAL FACE"), "EA", "P14-A-Stat", "A11-2-M400", "N", 0.62,
        ("press", "sinter", "turn_rough*", "grind!*", "mill_side", "lap!*", "polish", "coat", "wash", "insp!", "pack"),
    ),
    Archetype(
        "o-ring", ("O-RING",), _mix(elastomer=95, plastic=5), 70, 0.5, 0.06, 0.05, "small", 0.15,
        "부품류", "P4", ("SAS", "AUX SEAL"), "EA", "FC18-XXX-S", "P-X", "O", 0.30,
        ("press", "cut", "deburr", "insp_in!", "pack!"),
    ),
    Archetype(
        "rotating face", ("ROTATING FACE",), _FACE, 78, 0.35, 0.24, 0.25, "seal", 0.85,
        "반제품:M1", "M1", ("SFC", "SEAL FACE"), "EA", "P15-A-Rot", "A12-3-WC", "R", 0.62,
        ("press", "sinter", "lathe", "turn_rough*", "grind!", "key", "lap!*", "polish", "pin", "wash", "insp!", "pack"),
    ),
    Archetype(
        "sleeve", ("SLEEVE",), _METAL, 75, 0.40, 0.12, 0.9, "seal", 0.75,
        "반제품:M1", "M1", ("SHD", "HARDWARE"), "EA", "P01-MS-Slv -", "A22-X", "S", 0.70,
        (*_TURNED, "mtm!*", "key", "drill", "weld", "grind", "deburr", "coat", "wash", "insp!", "pack"),
    ),
    Archetype(
        "drive collar", ("DRIVE COLLAR",), _METAL, 95, 0.35, 0.25, 0.3, "seal", 0.65,
        "반제품:M1", "M1", ("SDR", "DRIVE RING"), "EA", "PM1-MS-DrvC-Drive Collar", "A32-X", "D", 0.68,
        (*_TURNED, "mct!", "drill", "key", "heat", "deburr!", "surface", "insp!", "pack"),
    ),
    Archetype(
        "seal cooler", ("SEAL COOLER", "PLAN 53B - LIQUID WITH COOLER"), _mix(mixed=60, stainless=40),
        None, 0.4, 0, 0, "vessel", 0.05,
        "제품", "C4", ("VAS", "SYSTEM ASSY"), "SET", "VE0-XS-", "FCXX-M1", "C", 0.60,
        ("saw", "turn_rough", "weld!*", "pipe!", "hydro", "surface", "paint", "asm", "insp!", "mark", "pack"),
    ),
    Archetype(
        "spring holder", ("SPRING HOLDER",), _METAL, 80, 0.35, 0.2, 0.35, "seal", 0.75,
        "반제품:M1", "M1", ("SUP", "SUPPORTING"), "EA", "PM1-MS-M1  -", "A21-X ", "P", 0.66,
        (*_TURNED, "drill!*", "mill_side", "pin", "deburr", "wash", "surface", "insp!"),
    ),
    Archetype(
        "gasket", ("GASKET", "GASKET-SHEET"), _mix(plastic=80, elastomer=10, stainless=10), 110, 0.45, 0.15, 0.02,
        "small", 0.1, "부품류", "P4", ("SGK", "GASKET"), "EA", "FC18-XXX-S", "P-R-A", "G", 0.40,
        ("cut!", "press", "deburr", "lathe", "insp_in", "insp", "pack!"),
    ),
    Archetype(
        "bushing", ("BUSHING", "GLAND BUSHING"), _mix(carbon=55, stainless=25, plastic=20), 70, 0.38, 0.15, 0.35,
        "small", 0.4, "반제품:M1", "M1", ("SBW", "BELLOWS"), "EA", "P01-Slv", "A42-X", "B", 0.62,
        ("saw", "lathe!*", "turn_fin", "press", "grind", "coat", "lap", "deburr", "insp!", "pack"),
    ),
    Archetype(
        "bellows", ("BELLOWS ASSEMBLY",), _mix(stainless=40, nickel=55, titanium=5), 90, 0.32, 0.1, 0.5, "seal", 0.8,
        "반제품:M2", "SB", ("SBW", "BELLOWS"), "EA", "AB2-", "A42-A1", "W", 0.66,
        ("press!", "weld!*", "heat", "turn_fin", "lap", "leak!", "surface", "subasm", "insp!", "pack"),
    ),
    Archetype(
        "bar", ("ROUND BAR", "HOLLOW BAR"), _METAL, 90, 0.5, 0.5, 6.0, "small", 0.0,
        "원소재:씰", "BR", ("B", None), "MM", "AS", "P-X", "M", 0.20,
        ("insp_in!", "saw!", "heat", "mark", "pack"),
    ),
    Archetype(
        "body", ("BODY", "FLANGE", "COVER"), _METAL, 220, 0.42, 0.35, 0.5, "vessel", 0.1,
        "반제품:M1", "M4", ("VFT", "FITTING"), "EA", "P11-Gld", "A31-B3", "Q", 0.66,
        (*_TURNED, "mct!*", "drill", "weld", "hydro", "surface", "paint", "insp!", "pack"),
    ),
    Archetype(
        "ring", ("THROTTLE RING", "RETAINER", "LOCK RING"), _METAL, 100, 0.4, 0.15, 0.2, "small", 0.3,
        "반제품:M1", "M1", ("D", "ddd"), "EA", "PC3-W-Col", "A31-", "T", 0.60,
        (*_TURNED, "drill", "key", "polish", "deburr!", "wash", "coat", "insp!"),
    ),
    Archetype(
        "small part", ("SCREW", "PIN", "SPRING", "FITTING"), _mix(stainless=80, nickel=15, steel=5), 12, 0.5, 0.5, 2.5,
        "small", 0.1, "저장품", "P", ("SFT", "FASTENER"), "PCS", "FCOO-M-D", "P-X", "J", 0.30,
        ("saw", "lathe!", "drill", "heat", "surface", "insp_in!", "pack"),
    ),
)  # fmt: skip
_A = {a.name: i for i, a in enumerate(ARCHETYPES)}

#: (code, name, archetype, items of 321,305): the most frequent part types.
PART_TYPES: tuple[tuple[str, str, int, int], ...] = (
    ("KBM", "M/SEAL BOM", _A["assembly"], 51769),
    ("233", "REP KIT/SPARE PARTS", _A["kit"], 40074),
    ("182", "RESERVOIR", _A["reservoir"], 16050),
    ("11#1", "GLAND-GENERAL", _A["gland"], 15137),
    ("14", "STATIONARY FACE", _A["stationary face"], 14526),
    ("O-RING#1", "O-RING-GENERAL", _A["o-ring"], 13094),
    ("15", "ROTATING FACE", _A["rotating face"], 12112),
    ("1#1", "SLEEVE-GENERAL", _A["sleeve"], 11935),
    ("11", "GLAND", _A["gland"], 4995),
    ("58", "DRIVE COLLAR", _A["drive collar"], 4943),
    ("77", "SEAL COOLER", _A["seal cooler"], 4453),
    ("17", "SPRING HOLDER", _A["spring holder"], 4425),
    ("11#2", "GLAND-INNER FACE TO BACK", _A["gland"], 4275),
    ("1", "SLEEVE", _A["sleeve"], 4044),
    ("GSKT#1", "GASKET-SHEET", _A["gasket"], 3210),
    ("24", "BUSHING", _A["bushing"], 3171),
    ("79#1", "BELLOWS ASSEMBLY-WELDED METAL", _A["bellows"], 2915),
    ("KRBR", "ROUND BAR", _A["bar"], 2755),
    ("131", "BODY", _A["body"], 2462),
)
#: Words that an export wrote in place of NULL.
NULL_WORDS = ("nan", "None", "NULL")
UNCLASSIFIED = ("KYY", "미분류(품목설명 참조)")
PART_WORDS = (
    "GENERAL", "SPLIT", "TANDEM", "INNER", "OUTER", "CARTRIDGE", "FLUSH", "QUENCH", "API", "SPECIAL", "LONG", "SHORT",
    "THREADED", "STEPPED", "TAPER", "PUMPING", "DOUBLE", "BALANCED", "AUX", "SUPPORT", "GUIDE", "CLAMP", "ADAPTER",
)  # fmt: skip
