"""Every kind of operation that a plant may have, in the order of its phases, with its times and who does it."""

from __future__ import annotations

from typing import NamedTuple

#: Who does an operation: never a subcontractor, always one, one above a size, or one now and then.
INSIDE, OUTSIDE, WHEN_LARGE, AT_TIMES = "inside", "outside", "when large", "at times"


class Operation(NamedTuple):
    """One kind of operation.

    Attributes
    ----------
    phase : int
        Where it belongs in a routing: blanks 1, turning 3, milling 8, grinding 13, coating 14, inspection 18, packing 25.
    english, korean : str
        Its names.
    stem : str
        Two letters from which codes of jobs and machines are made.
    setup_min, run_min : float
        Minutes per order and per piece, for a diameter of 70 mm, a length of 120 mm and plain carbon steel.
    size_power, length_power, machinability_power : float
        Powers of diameter, length and the material's factor to which the run time grows.
    outsourcing : str
        INSIDE, OUTSIDE, WHEN_LARGE or AT_TIMES.
    """

    phase: int
    english: str
    korean: str
    stem: str
    setup_min: float
    run_min: float
    size_power: float
    length_power: float
    machinability_power: float
    outsourcing: str


# fmt: off
OPERATIONS = {
    "kitpick": Operation(0, "Material issue", "자재불출", "MI", 5, 1.0, 0, 0, 0, INSIDE),
    "saw": Operation(1, "Sawing", "톱절단", "SW", 8, 3.0, 1.2, 0.1, 0.4, INSIDE),
    "tubecut": Operation(1, "Tube cutting", "파이프절단", "TC", 10, 2.5, 0.8, 0.1, 0.3, INSIDE),
    "laser": Operation(1, "Laser cutting", "레이저절단", "LC", 15, 1.5, 0.7, 0.1, 0.3, AT_TIMES),
    "forge": Operation(1, "Die forging", "단조", "FG", 90, 2.0, 0.6, 0.2, 0.2, OUTSIDE),
    "castclean": Operation(1, "Fettling", "주물사상", "CF", 10, 6.0, 0.8, 0.2, 0.1, INSIDE),
    "normal": Operation(2, "Normalizing", "노말라이징", "HN", 30, 1.2, 0.5, 0.2, 0, WHEN_LARGE),
    "center": Operation(2, "Facing and centering", "센터링", "CE", 15, 2.5, 0.4, 0, 0.4, INSIDE),
    "turn1": Operation(3, "Rough turning", "황삭선반", "T1", 35, 9.0, 0.9, 0.6, 0.9, AT_TIMES),
    "vtl": Operation(3, "Vertical turning", "수직선반", "TV", 60, 24.0, 0.9, 0.5, 0.9, INSIDE),
    "deepbore": Operation(4, "Deep hole boring", "심공보링", "DB", 50, 16.0, 0.6, 0.9, 0.9, INSIDE),
    "bore": Operation(4, "Boring", "보링", "BO", 40, 10.0, 0.6, 0.6, 0.9, INSIDE),
    "weld": Operation(4, "Welding", "용접", "WD", 25, 12.0, 1.0, 0.1, 0.2, INSIDE),
    "robweld": Operation(4, "Robot welding", "로봇용접", "WR", 45, 6.0, 1.0, 0.1, 0.2, INSIDE),
    "fricweld": Operation(4, "Friction welding", "마찰용접", "WF", 40, 3.0, 0.9, 0, 0.2, INSIDE),
    "stress": Operation(5, "Stress relieving", "응력제거", "HS", 25, 1.5, 0.5, 0.2, 0, WHEN_LARGE),
    "qt": Operation(5, "Quench and temper", "조질", "HQ", 30, 1.8, 0.7, 0.3, 0, WHEN_LARGE),
    "solution": Operation(5, "Solution and ageing", "고용화열처리", "HA", 40, 2.5, 0.6, 0.2, 0, OUTSIDE),
    "straight": Operation(6, "Straightening", "교정", "ST", 15, 5.0, 0.3, 0.8, 0.2, INSIDE),
    "turn2": Operation(7, "Finish turning", "정삭선반", "T2", 40, 8.0, 0.8, 0.5, 0.8, AT_TIMES),
    "turnmill": Operation(7, "Turn-mill complete", "복합가공", "TM", 65, 15.0, 0.7, 0.5, 0.8, INSIDE),
    "autolathe": Operation(7, "Automatic lathe", "자동선반", "TA", 70, 1.6, 0.6, 0.5, 0.7, AT_TIMES),
    "mill3": Operation(8, "Milling 3-axis", "MCT가공", "M3", 45, 12.0, 0.7, 0.3, 0.8, AT_TIMES),
    "mill5": Operation(8, "Milling 5-axis", "5축가공", "M5", 75, 22.0, 0.7, 0.3, 0.8, INSIDE),
    "hmc": Operation(8, "Horizontal machining", "수평MCT", "MH", 80, 18.0, 0.7, 0.3, 0.8, INSIDE),
    "drill": Operation(8, "Drilling", "드릴", "DR", 15, 4.0, 0.3, 0.2, 0.7, INSIDE),
    "gundrill": Operation(8, "Gun drilling", "건드릴", "GD", 35, 9.0, 0.2, 0.8, 0.8, INSIDE),
    "tap": Operation(8, "Tapping", "탭가공", "TP", 12, 3.0, 0.2, 0, 0.6, INSIDE),
    "keyway": Operation(8, "Keyway", "키홈", "KW", 25, 6.0, 0.3, 0.3, 0.7, INSIDE),
    "broach": Operation(8, "Broaching", "브로칭", "BR", 30, 2.0, 0.2, 0.3, 0.5, AT_TIMES),
    "hob": Operation(9, "Gear hobbing", "호빙", "GH", 50, 14.0, 1.0, 0.5, 0.8, AT_TIMES),
    "shape": Operation(9, "Gear shaping", "기어셰이핑", "GP", 55, 17.0, 1.0, 0.4, 0.8, INSIDE),
    "shave": Operation(9, "Gear shaving", "셰이빙", "GV", 30, 5.0, 0.8, 0.4, 0.4, INSIDE),
    "chamfer": Operation(9, "Tooth chamfering", "치면취", "GC", 15, 2.5, 0.7, 0, 0.4, INSIDE),
    "threadroll": Operation(9, "Thread rolling", "전조", "TR", 30, 1.2, 0.4, 0.2, 0.2, INSIDE),
    "threadcut": Operation(9, "Thread cutting", "나사가공", "TH", 25, 5.0, 0.5, 0.3, 0.7, INSIDE),
    "wedm": Operation(9, "Wire EDM", "와이어컷", "EW", 30, 28.0, 0.5, 0.4, 0.2, AT_TIMES),
    "knurl": Operation(9, "Knurling", "널링", "KN", 12, 1.5, 0.4, 0.1, 0.4, INSIDE),
    "deburr": Operation(10, "Manual deburring", "사상", "DH", 3, 3.5, 0.5, 0.1, 0.3, INSIDE),
    "tdeburr": Operation(10, "Thermal deburring", "열사상", "DT", 20, 0.8, 0.2, 0, 0, OUTSIDE),
    "carb": Operation(11, "Carburizing", "침탄", "HC", 40, 2.2, 0.6, 0.3, 0, OUTSIDE),
    "induct": Operation(11, "Induction hardening", "고주파열처리", "HI", 45, 3.0, 0.6, 0.5, 0, AT_TIMES),
    "nitride": Operation(11, "Gas nitriding", "질화", "HG", 35, 2.6, 0.5, 0.3, 0, OUTSIDE),
    "blast": Operation(12, "Shot blasting", "쇼트", "SB", 10, 1.5, 0.6, 0.2, 0, INSIDE),
    "cgrind": Operation(13, "Cylindrical grinding", "원통연삭", "GO", 35, 11.0, 0.5, 0.7, 0.5, INSIDE),
    "clgrind": Operation(13, "Centerless grinding", "센터리스연삭", "GL", 45, 2.2, 0.4, 0.7, 0.5, INSIDE),
    "igrind": Operation(13, "Internal grinding", "내경연삭", "GI", 40, 12.0, 0.5, 0.5, 0.5, INSIDE),
    "sgrind": Operation(13, "Surface grinding", "평면연삭", "GS", 20, 8.0, 0.9, 0.1, 0.5, INSIDE),
    "ggrind": Operation(13, "Gear grinding", "기어연삭", "GG", 70, 19.0, 1.0, 0.4, 0.5, AT_TIMES),
    "hone": Operation(13, "Honing", "호닝", "HO", 30, 10.0, 0.6, 0.9, 0.5, INSIDE),
    "skive": Operation(13, "Skiving and roller burnishing", "스카이빙", "SR", 55, 5.0, 0.5, 0.8, 0.5, INSIDE),
    "lap": Operation(13, "Lapping", "래핑", "LP", 15, 9.0, 0.7, 0, 0.3, INSIDE),
    "chrome": Operation(14, "Hard chrome plating", "경질크롬도금", "PC", 0, 6.0, 0.8, 0.8, 0, OUTSIDE),
    "zinc": Operation(14, "Zinc plating", "아연도금", "PZ", 0, 1.0, 0.6, 0.3, 0, OUTSIDE),
    "zinc_ni": Operation(14, "Zinc-nickel plating", "아연니켈도금", "PN", 0, 1.4, 0.6, 0.3, 0, OUTSIDE),
    "eni": Operation(14, "Electroless nickel", "무전해니켈", "PE", 0, 2.0, 0.7, 0.3, 0, OUTSIDE),
    "anod": Operation(14, "Anodizing", "아노다이징", "PA", 0, 1.3, 0.7, 0.2, 0, OUTSIDE),
    "phos": Operation(14, "Phosphating", "인산염피막", "PP", 5, 0.8, 0.5, 0.2, 0, INSIDE),
    "black": Operation(14, "Black oxide", "흑착색", "PB", 5, 0.7, 0.5, 0.2, 0, INSIDE),
    "paint": Operation(17, "Painting", "도장", "PT", 15, 5.0, 1.0, 0.3, 0, INSIDE),
    "polish": Operation(15, "Polishing", "연마", "PO", 8, 6.0, 0.7, 0.6, 0.2, INSIDE),
    "balance": Operation(15, "Balancing", "밸런싱", "BA", 20, 7.0, 0.6, 0.1, 0, INSIDE),
    "wash": Operation(16, "Washing", "세척", "WA", 3, 0.8, 0.4, 0.1, 0, INSIDE),
    "uswash": Operation(16, "Ultrasonic degreasing", "초음파세척", "WU", 8, 2.0, 0.4, 0.1, 0, INSIDE),
    "ut": Operation(17, "Ultrasonic test", "초음파탐상", "NU", 10, 5.0, 0.5, 0.5, 0, AT_TIMES),
    "mt": Operation(17, "Magnetic particle test", "자분탐상", "NM", 10, 4.0, 0.5, 0.4, 0, INSIDE),
    "pt": Operation(17, "Dye penetrant test", "침투탐상", "NP", 10, 4.5, 0.5, 0.4, 0, INSIDE),
    "hardness": Operation(17, "Hardness test", "경도검사", "QH", 5, 1.5, 0, 0, 0, INSIDE),
    "pmi": Operation(2, "PMI check", "성분분석", "QP", 5, 1.2, 0, 0, 0, INSIDE),
    "cmm": Operation(18, "CMM inspection", "3차원측정", "QC", 20, 6.0, 0.3, 0.1, 0, INSIDE),
    "insp": Operation(18, "Final inspection", "최종검사", "QF", 5, 2.5, 0.3, 0.1, 0, INSIDE),
    "inproc": Operation(9, "In-process check", "중간검사", "QM", 5, 1.5, 0.2, 0, 0, INSIDE),
    "match": Operation(19, "Matching and selecting", "선택조합", "AM", 10, 5.0, 0.1, 0, 0, INSIDE),
    "pressfit": Operation(19, "Press fitting", "압입", "AP", 15, 3.0, 0.3, 0, 0, INSIDE),
    "sealfit": Operation(19, "Seal fitting", "씰조립", "AS", 5, 4.0, 0.6, 0, 0, INSIDE),
    "asm": Operation(20, "Assembly", "조립", "AA", 15, 22.0, 0.6, 0.1, 0, INSIDE),
    "asm2": Operation(20, "Final assembly", "총조립", "AF", 20, 30.0, 0.6, 0.1, 0, INSIDE),
    "leak": Operation(21, "Leak test", "기밀시험", "TL", 10, 6.0, 0.3, 0.1, 0, INSIDE),
    "press": Operation(21, "Proof pressure test", "내압시험", "TQ", 15, 9.0, 0.5, 0.2, 0, INSIDE),
    "func": Operation(21, "Function test", "성능시험", "TF", 20, 12.0, 0.3, 0.1, 0, INSIDE),
    "witness": Operation(22, "Class witness inspection", "선급입회", "QW", 30, 10.0, 0, 0, 0, INSIDE),
    "mark": Operation(23, "Marking", "각인", "MK", 4, 0.8, 0, 0, 0, INSIDE),
    "lasermark": Operation(23, "Laser marking", "레이저마킹", "ML", 6, 0.5, 0, 0, 0, INSIDE),
    "tag": Operation(23, "Ex nameplate", "방폭명판", "MX", 5, 1.5, 0, 0, 0, INSIDE),
    "doc": Operation(24, "Certificate", "성적서발행", "QD", 10, 1.0, 0, 0, 0, INSIDE),
    "pack": Operation(25, "Packing", "포장", "PK", 3, 1.5, 0.5, 0.2, 0, INSIDE),
    "vci": Operation(25, "VCI packing", "방청포장", "PV", 4, 2.5, 0.5, 0.2, 0, INSIDE),
    "cryo": Operation(12, "Cryogenic treatment", "서브제로", "HZ", 40, 2.0, 0.4, 0.2, 0, OUTSIDE),
    "passiv": Operation(14, "Passivation", "부동태처리", "PS", 8, 1.2, 0.5, 0.2, 0, AT_TIMES),
    "demag": Operation(16, "Demagnetizing", "탈자", "DM", 3, 0.6, 0.2, 0.1, 0, INSIDE),
    "bake": Operation(15, "Hydrogen relief baking", "탈수소처리", "HB", 20, 1.0, 0.4, 0.1, 0, AT_TIMES),
    "mould": Operation(3, "Compression moulding", "성형", "RM", 40, 4.0, 0.7, 0.1, 0, INSIDE),
    "postcure": Operation(5, "Post curing", "후가황", "RC", 15, 0.5, 0.3, 0, 0, INSIDE),
    "trim": Operation(10, "Flash trimming", "트리밍", "RT", 3, 1.2, 0.5, 0, 0, INSIDE),
    "coil": Operation(3, "Coiling", "코일링", "SC", 45, 0.6, 0.4, 0.5, 0.3, INSIDE),
    "preset": Operation(15, "Presetting", "세팅", "SP", 15, 0.6, 0.1, 0.1, 0, INSIDE),
    "peen": Operation(12, "Shot peening", "쇼트피닝", "SN", 20, 1.5, 0.5, 0.1, 0, AT_TIMES),
    "bend": Operation(3, "Tube bending", "파이프벤딩", "BN", 25, 3.0, 0.5, 0.4, 0.2, INSIDE),
    # only in families that nobody has made yet
    "lpbf": Operation(3, "Powder bed printing", "금속적층", "X1", 120, 180.0, 0.9, 0.6, 0, INSIDE),
    "hip": Operation(5, "Hot isostatic pressing", "열간등압", "X2", 60, 20.0, 0.3, 0.1, 0, OUTSIDE),
    "supcut": Operation(6, "Support removal", "서포트제거", "X3", 10, 18.0, 0.6, 0.2, 0.3, INSIDE),
    "hvof": Operation(14, "HVOF spraying", "초고속용사", "X4", 45, 25.0, 0.8, 0.7, 0, OUTSIDE),
    "clad": Operation(4, "Laser cladding", "레이저클래딩", "X5", 50, 30.0, 0.8, 0.8, 0, INSIDE),
    "wind": Operation(3, "Filament winding", "필라멘트와인딩", "X6", 60, 40.0, 0.9, 0.8, 0, INSIDE),
    "oven": Operation(5, "Resin curing", "수지경화", "X7", 20, 3.0, 0.2, 0.2, 0, INSIDE),
    "pot": Operation(19, "Sensor potting", "센서몰딩", "X8", 15, 6.0, 0, 0, 0, INSIDE),
    "calib": Operation(21, "Sensor calibration", "센서교정", "X9", 20, 9.0, 0, 0, 0, INSIDE),
}
# fmt: on

#: Names of all operations; an operation's number is its place here.
NAMES = list(OPERATIONS)
NUMBER = {name: number for number, name in enumerate(NAMES)}
PHASE = {name: operation.phase for name, operation in OPERATIONS.items()}

#: Cylinders, valves, gears (drives), pumps, the rest, and the shop for what is new.
SHOPS = "CVDPRN"
SHOP_NAMES = {"C": "실린더", "V": "밸브", "D": "기어", "P": "펌프", "R": "기타", "N": "신규"}
#: The shop of an operation that all shops share.
ANY_SHOP = "*"
#: Operations for which every shop has a job code of its own.
SHOP_SPECIFIC = {name for name in NAMES if PHASE[name] in (3, 4, 7, 8, 9, 10, 13, 20)}
