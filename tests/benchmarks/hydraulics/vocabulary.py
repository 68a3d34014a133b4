"""Materials, coatings, options, words of part types and notes: what an item's texts and attributes are made of."""

from __future__ import annotations

from typing import NamedTuple

#: An operation that is added, and the one that it replaces where that is there (None: it is added in any case).
Change = tuple[str, str | None]


class Material(NamedTuple):
    """A material: its group, the factor on machining times, and how people write it."""

    group: str
    machinability: float
    names: list[str]


class KindWord(NamedTuple):
    """A word in the name of a part type, in two languages, and what it does to the routing."""

    english: str
    korean: str
    changes: list[Change]


class Note(NamedTuple):
    """A demand of a customer that any family may have: how people write it, and what it does to the routing."""

    spellings: list[str]
    changes: list[Change]


# fmt: off
MATERIALS = {
    "S45C": Material("CS", 1.0, ["S45C", "C45", "AISI 1045"]),
    "S20C": Material("CS", 0.9, ["S20C", "AISI 1020"]),
    "STKM13C": Material("CS", 0.95, ["STKM13C", "E355 TUBE", "STKM 13C 강관"]),
    "S355": Material("CS", 0.95, ["SM490A", "S355JR"]),
    "SCM440": Material("AS", 1.2, ["SCM440", "42CrMo4", "AISI 4140"]),
    "SCM415": Material("AS", 1.1, ["SCM415", "SCM415H"]),
    "SNCM439": Material("AS", 1.35, ["SNCM439", "AISI 4340"]),
    "SCM420": Material("AS", 1.1, ["SCM420H", "SCM420"]),
    "SUJ2": Material("AS", 1.4, ["SUJ2", "100Cr6"]),
    "SKD11": Material("TS", 1.7, ["SKD11", "D2"]),
    "SUS304": Material("SS", 1.5, ["SUS304", "AISI 304", "스테인리스304"]),
    "SUS316L": Material("SS", 1.6, ["SUS316L", "1.4404"]),
    "SUS630": Material("SS", 1.7, ["SUS630", "17-4PH"]),
    "SUS420": Material("SS", 1.5, ["SUS420J2", "1.4034"]),
    "2205": Material("SS", 1.9, ["UNS S31803", "DUPLEX 2205", "듀플렉스"]),
    "IN718": Material("NI", 2.8, ["INCONEL 718", "인코넬718"]),
    "FC250": Material("CI", 0.85, ["FC250", "GJL-250", "회주철"]),
    "FCD450": Material("CI", 0.95, ["FCD450", "GJS-450", "구상흑연주철"]),
    "A6061": Material("AL", 0.5, ["AL6061-T6", "A6061"]),
    "A7075": Material("AL", 0.55, ["AL7075-T6", "A7075"]),
    "ADC12": Material("AL", 0.5, ["ADC12", "알루미늄다이캐스팅"]),
    "BC6": Material("BZ", 0.6, ["BC6", "CAC406", "청동"]),
    "C3604": Material("BZ", 0.45, ["C3604BD", "황동"]),
    "ALBC3": Material("BZ", 0.9, ["ALBC3", "알루미늄청동"]),
    "PTFE": Material("PL", 0.4, ["PTFE+BRONZE", "테프론"]),
    "POM": Material("PL", 0.35, ["POM", "아세탈"]),
    "NBR": Material("RB", 0.3, ["NBR 70", "NBR"]),
    "FKM": Material("RB", 0.3, ["FKM", "VITON", "바이톤"]),
    "HNBR": Material("RB", 0.3, ["HNBR"]),
    "SWP": Material("SW", 0.8, ["SWP-B", "피아노선"]),
    "SWOSC": Material("SW", 0.9, ["SWOSC-V", "SAE 9254"]),
    "MIX": Material("MX", 1.0, ["ASSY", "조립품"]),
    "TI64": Material("TI", 2.4, ["TI-6AL-4V", "티타늄"]),
    "CFRP": Material("PL", 0.7, ["CFRP", "탄소섬유"]),
}

#: Coating: the operation that makes it, and its spellings.
COATINGS = {
    "HC": ("chrome", ["HARD CR 25um", "HCR", "경질크롬", "H/CHROME"]),
    "ZN": ("zinc", ["ZN PLATE", "아연도금", "Fe/Zn8"]),
    "ZNI": ("zinc_ni", ["Zn-Ni", "ZNNI 10um", "아연니켈"]),
    "EN": ("eni", ["E-NI", "무전해Ni", "ENP 15"]),
    "AN": ("anod", ["ANODIZE", "아노다이징", "HARD ANOD"]),
    "PH": ("phos", ["PHOSPHATE", "인산염", "Mn-PHOS"]),
    "BO": ("black", ["BLACK OXIDE", "흑착색", "BLK"]),
    "PA": ("paint", ["RAL5010", "도장", "PAINT RAL7035"]),
    "NT": ("nitride", ["NITRIDED", "질화", "GAS NITRIDE"]),
}

#: Option: its spellings.
OPTIONS = {
    "PORT": ["PORT G1/2", "SIDE PORT", "측면포트"],
    "CUSH": ["CUSHION", "쿠션부", "W/CUSHION"],
    "NIP": ["GREASE NIPPLE", "그리스니플", "G.NIPPLE"],
    "KEY": ["KEYWAY", "키홈", "W/KEY"],
    "THR": ["M-THREAD BOTH", "양끝나사", "2-THREAD"],
    "DRN": ["DRAIN", "드레인", "DRAIN PORT"],
    "SENS": ["SENSOR GROOVE", "센서홈", "PROX"],
    "WIP": ["WIPER", "와이퍼", "SCRAPER"],
    "COOL": ["COOLING HOLE", "냉각홀"],
    "LOCK": ["LOCKING", "잠금장치"],
    "BUSH": ["W/BUSH", "부시취부", "BUSHED"],
    "TROQ": ["DIN5480", "스플라인", "SPLINE"],
}

KIND_WORDS = {
    "WELD": KindWord("Welded", "용접형", [("weld", None), ("stress", None)]),
    "HOLLOW": KindWord("Hollow", "중공", [("gundrill", None)]),
    "FLANGE": KindWord("Flanged", "플랜지형", [("mill3", None)]),
    "LONG": KindWord("Long", "장축", [("straight", None)]),
    "SPLINE": KindWord("Splined", "스플라인", [("shape", None)]),
    "TANDEM": KindWord("Tandem", "탠덤", [("inproc", None)]),
    "HP": KindWord("High Pressure", "고압", [("mt", None)]),
    "SERVO": KindWord("Servo", "서보", [("lap", None)]),
    "PILOT": KindWord("Pilot", "파일럿", [("gundrill", None), ("tdeburr", "deburr")]),
    "TAPER": KindWord("Taper", "테이퍼", [("cgrind", None)]),
    "SPLIT": KindWord("Split", "분할형", [("wedm", None)]),
    "ECC": KindWord("Eccentric", "편심", [("balance", None)]),
    "MINI": KindWord("Miniature", "소형", [("autolathe", "turn2")]),
    "HEAVY": KindWord("Heavy Duty", "대형", [("ut", None)]),
    "KNURLED": KindWord("Knurled", "널링", [("knurl", None)]),
    "ROUND": KindWord("Round Body", "원형", []),
    "SQUARE": KindWord("Square", "사각", [("mill3", "drill")]),
    "STD": KindWord("Standard", "표준", []),
    "DUAL": KindWord("Double", "복동", []),
    "LIGHT": KindWord("Light", "경량", []),
    "CLEAN": KindWord("Clean Room", "클린룸용", [("uswash", "wash")]),
    "BALANCED": KindWord("Balanced", "밸런스", [("balance", None)]),
    "FOOT": KindWord("Foot Mount", "풋형", [("drill", None)]),
    "SHORT": KindWord("Short", "단축", []),
}

NOTES = {
    "ex": Note(["ATEX", "Ex II 2G", "방폭", "폭발방지", "EX-PROOF"], [("tag", None)]),
    "cold": Note(["-40C", "LOW TEMP", "저온용", "극저온", "CRYO SERVICE"], [("cryo", None)]),
    "pmi": Note(["PMI", "P.M.I", "성분검증", "재질확인"], [("pmi", None)]),
    "oilfree": Note(["OIL FREE", "OIL-FREE", "탈지", "무유", "O2 SERVICE", "산소용"], [("uswash", "wash")]),
    "sour": Note(["NACE", "MR0175", "SOUR SERVICE", "내사우어"], [("hardness", None)]),
    "class": Note(["DNV", "KR CLASS", "선급", "ABS CERT", "LR입회"], [("witness", None)]),
    "food": Note(["FDA", "FOOD GRADE", "식품용", "위생"], [("passiv", None)]),
    "sea": Note(["SEAWORTHY", "해상포장", "방청포장", "VCI", "LONG STORAGE"], [("vci", "pack")]),
    "cert": Note(["3.1 CERT", "EN10204", "성적서첨부", "MILL SHEET"], [("doc", None)]),
    "nonmag": Note(["NON-MAG", "NONMAG", "비자성", "탈자"], [("demag", None)]),
    "mirror": Note(["MIRROR", "경면", "Ra0.1", "SUPER FINISH"], [("polish", None)]),
    "crack": Note(["CRACK CHECK", "크랙검사", "100% MT", "자분100%"], [("mt", None)]),
    "dye": Note(["100% PT", "침투검사", "DYE CHECK"], [("pt", None)]),
    "laserid": Note(["DATAMATRIX", "2D CODE", "QR각인", "DMC"], [("lasermark", "mark")]),
    "nuke": Note(["RCC-M", "원자력", "NUCLEAR", "ASME III"], [("cmm", None), ("doc", None)]),
}

#: Words that mean nothing for the routing.
NOISE_WORDS = ["NEW", "변경", "REF", "KD", "EXPORT", "내수", "SAMPLE", "LOT관리", "양산", "REV UP", "SPL",
    "대체품", "HYD", "210BAR", "350BAR", "ISO6020", "CE", "A-TYPE", "고객사양", "무도장"]
# fmt: on

#: All materials; an item's material is its place here.
MATERIAL_NAMES = list(MATERIALS)

RAW_FORM_NAMES = {
    "BAR": "환봉",
    "TUBE": "파이프",
    "CAST": "주물",
    "FORG": "단조품",
    "PLATE": "판재",
    "SET": "조립세트",
    "WIRE": "선재",
    "COMP": "컴파운드",
    "POWD": "분말",
    "FIBR": "섬유",
}
