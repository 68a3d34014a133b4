"""The families of parts that a plant may make, each with its usual routing written in a small language.

A step of a routing is one of

* `saw`: always;
* `stress~.8`: with that probability;
* `drill?opt=PORT`: where the condition holds;
* `mill3/hmc?od>.6`: the second operation where the condition holds, the first one elsewhere.

Conditions are joined by `&`: `od>` and `od<` compare the diameter, `ln>` the length, with a quantile of the family's sizes;
`mat=` asks the group of the material, `tol=` F (fine) or N, `coat=`, `opt=` and `raw=` the coating, an option, the raw form.
"""

from __future__ import annotations

from typing import NamedTuple


class FamilyDesign(NamedTuple):
    """A family before a plant has made it its own.

    Attributes
    ----------
    english, korean : str
        Its names.
    shop : str
        One of `operations.SHOPS`.
    median_mm, spread, slenderness : float
        Median diameter, standard deviation of its logarithm, and length divided by diameter.
    raw_forms, materials, coatings, options : str
        Names with a weight or a probability behind a colon, separated by blanks.
    steps : str
        The routing.
    """

    english: str
    korean: str
    shop: str
    median_mm: float
    spread: float
    slenderness: float
    raw_forms: str
    materials: str
    coatings: str
    options: str
    steps: str


# fmt: off
#: Of these a plant has 24 to 32.
FAMILIES = {
    "TUBE": FamilyDesign("Cylinder Tube", "실린더튜브", "C", 90, 0.5, 5, "TUBE",
        "STKM13C:6 S355:2 SUS304:1", "PA:.2 PH:.1", "PORT SENS",
        "tubecut turn1 deepbore/bore?od<.25 hone/skive?od<.6 turn2 weld?opt=PORT drill?opt=SENS stress?od>.7 "
        "deburr wash cmm?tol=F insp phos?coat=PH paint?coat=PA"),
    "ROD": FamilyDesign("Piston Rod", "피스톤로드", "C", 50, 0.5, 9, "BAR",
        "S45C:5 SCM440:3 SUS630:1 SUS420:1", "HC:.7 ZNI:.06 NT:.1", "THR KEY",
        "saw center turn1 qt?mat=AS induct?od>.45 straight?ln>.6 turn2 threadcut/threadroll?od<.3 "
        "keyway?opt=KEY cgrind/clgrind?od<.35 chrome?coat=HC zinc_ni?coat=ZNI nitride?coat=NT "
        "bake?coat=HC~.35 polish?coat=HC mark~.9 insp pack"),
    "PISTON": FamilyDesign("Piston", "피스톤", "C", 80, 0.5, 0.6, "BAR CAST",
        "S45C:3 FCD450:3 A6061:2 BC6:1", "AN:.1 PH:.2", "CUSH SENS",
        "saw?raw=BAR castclean?raw=CAST turn1 turn2/turnmill?od<.4 drill~.75 igrind?tol=F anod?coat=AN "
        "phos?coat=PH deburr wash insp"),
    "GLAND": FamilyDesign("Gland", "글랜드", "C", 85, 0.5, 0.7, "BAR CAST",
        "S45C:2 FCD450:4 ALBC3:1", "ZN:.2 PH:.2", "WIP DRN",
        "saw?raw=BAR castclean?raw=CAST turn1?od>.3 turn2 mill3?od>.5 drill gundrill?opt=DRN threadcut~.8 "
        "zinc?coat=ZN phos?coat=PH deburr wash insp mark"),
    "CAP": FamilyDesign("End Cap", "엔드캡", "C", 100, 0.5, 0.5, "PLATE CAST",
        "S355:3 FCD450:3 S45C:2", "PA:.3 ZN:.1", "PORT CUSH",
        "laser?raw=PLATE castclean?raw=CAST mill3/hmc?od>.6 turn2 igrind?opt=CUSH drill tap deburr "
        "zinc?coat=ZN paint?coat=PA wash insp"),
    "CLEVIS": FamilyDesign("Clevis", "클레비스", "C", 70, 0.45, 1.2, "PLATE FORG",
        "S355:3 SCM440:2 S45C:3", "PA:.3 ZN:.2", "BUSH NIP",
        "laser?raw=PLATE forge?raw=FORG normal?raw=FORG mill3/hmc?od>.65 bore?tol=F drill tap?opt=NIP deburr "
        "mt?raw=FORG zinc?coat=ZN paint?coat=PA pressfit?opt=BUSH insp"),
    "PIN": FamilyDesign("Pin", "핀", "C", 35, 0.5, 3, "BAR",
        "S45C:3 SCM440:3 SCM415:2", "ZN:.2 HC:.1 PH:.1", "NIP KEY",
        "saw turn2/autolathe?od<.4 gundrill?opt=NIP tap?opt=NIP qt?mat=AS induct?od>.5 cgrind/clgrind?od<.6 "
        "zinc?coat=ZN chrome?coat=HC phos?coat=PH insp pack"),
    "BUSHING": FamilyDesign("Bushing", "부싱", "C", 45, 0.5, 1, "BAR CAST",
        "BC6:4 SUJ2:2 POM:2 ALBC3:1 SCM415:1", "PH:.1", "COOL",
        "saw?raw=BAR castclean?raw=CAST turn2/autolathe?od<.45 broach?opt=COOL carb?mat=AS igrind?mat=AS "
        "cgrind?tol=F deburr~.6 wash insp"),
    "CYLASM": FamilyDesign("Cylinder Assembly", "유압실린더", "C", 90, 0.5, 7, "SET",
        "MIX:1", "PA:.7", "CUSH SENS LOCK",
        "kitpick uswash?tol=F sealfit asm asm2?opt=LOCK leak~.5 press func?opt=SENS paint?coat=PA mark insp "
        "pack/vci?ln>.8"),
    "VBODY": FamilyDesign("Valve Body", "밸브바디", "V", 75, 0.45, 1.4, "CAST BAR",
        "FC250:5 FCD450:3 A6061:2 SUS316L:1", "PH:.4 AN:.15 PA:.1", "DRN SENS",
        "castclean?raw=CAST saw?raw=BAR stress?raw=CAST mill3/hmc?od>.4 gundrill drill?opt=DRN "
        "tdeburr/deburr?mat=AL hone lap?tol=F phos?coat=PH anod?coat=AN uswash/wash?od>.8 leak cmm?tol=F insp"),
    "SPOOL": FamilyDesign("Spool", "스풀", "V", 22, 0.4, 5, "BAR",
        "SCM415:5 SCM440:2 SUS420:2", "NT:.1", "TROQ CUSH",
        "saw turn2/autolathe?od<.45 drill~.7 mill3?opt=TROQ deburr carb?mat=AS qt?mat=SS straight?ln>.65 "
        "cgrind/clgrind?od<.3 lap?tol=F demag~.8 wash cmm?tol=F insp match~.6"),
    "SLEEVE": FamilyDesign("Sleeve", "슬리브", "V", 30, 0.4, 2.5, "BAR TUBE",
        "SCM415:4 SUJ2:3 SUS420:1", "", "COOL DRN",
        "saw?raw=BAR tubecut?raw=TUBE turn1?od>.5 turn2 drill wedm?tol=F carb?mat=AS igrind/hone?ln>.5 cgrind "
        "deburr wash insp"),
    "POPPET": FamilyDesign("Poppet", "포펫", "V", 18, 0.4, 1.8, "BAR",
        "SUJ2:3 SCM415:3 SUS420:3 POM:1", "", "COOL",
        "autolathe/turn2?od>.7 drill?opt=COOL qt~.9 cgrind lap?tol=F wash insp"),
    "SEAT": FamilyDesign("Valve Seat", "밸브시트", "V", 25, 0.45, 0.7, "BAR",
        "SUS420:3 SUJ2:3 ALBC3:1 SUS316L:2", "", "COOL",
        "saw turn2/autolathe?od<.5 qt?mat=AS sgrind igrind?od>.3 lap insp"),
    "MANIF": FamilyDesign("Manifold Block", "매니폴드블록", "V", 150, 0.4, 1.3, "PLATE BAR",
        "A6061:4 FCD450:2 S45C:3 SUS316L:1", "AN:.3 ZNI:.25 PH:.15", "PORT DRN SENS",
        "saw mill3/mill5?od>.6 hmc?ln>.75 gundrill drill?opt=PORT tap tdeburr/deburr?od>.5 anod?coat=AN "
        "zinc_ni?coat=ZNI phos?coat=PH uswash press?tol=F mark insp pack"),
    "PLUG": FamilyDesign("Plug", "플러그", "V", 20, 0.5, 1, "BAR",
        "S45C:3 SUS316L:2 C3604:2", "ZN:.4 ZNI:.2", "LOCK",
        "autolathe/turn2?od>.75 broach?opt=LOCK threadroll?od<.5 zinc?coat=ZN zinc_ni?coat=ZNI insp~.85 pack"),
    "ADAPT": FamilyDesign("Hose Adapter", "어댑터", "V", 24, 0.45, 1.8, "BAR FORG",
        "S45C:4 SUS316L:2 C3604:2", "ZN:.3 ZNI:.4", "THR",
        "saw?raw=BAR forge?raw=FORG autolathe/turn2?od>.6 threadcut?opt=THR deburr~.7 zinc?coat=ZN "
        "zinc_ni?coat=ZNI leak?tol=F insp pack"),
    "SOLTUBE": FamilyDesign("Armature Tube", "아마추어튜브", "V", 22, 0.3, 2.4, "BAR",
        "SUS304:3 SUS630:1 S20C:2", "ZNI:.3", "SENS",
        "autolathe turn2?od>.6 fricweld/weld?od>.8 pt?mat=SS zinc_ni?coat=ZNI wash leak insp"),
    "VALASM": FamilyDesign("Valve Assembly", "밸브조립체", "V", 60, 0.4, 2, "SET",
        "MIX:1", "PA:.2", "SENS LOCK DRN",
        "kitpick uswash match~.55 asm pressfit?opt=LOCK press?od>.5 leak func~.9 mark/lasermark?opt=SENS insp "
        "pack"),
    "SPRING": FamilyDesign("Spring", "스프링", "V", 25, 0.45, 2, "WIRE",
        "SWP:4 SWOSC:3 SUS304:1", "ZN:.2 PH:.3", "",
        "coil stress sgrind?od>.3 peen?tol=F preset~.7 zinc?coat=ZN phos?coat=PH insp pack"),
    "SPUR": FamilyDesign("Spur Gear", "스퍼기어", "D", 110, 0.5, 0.4, "FORG BAR",
        "SCM415:3 SCM420:3 S45C:3 SNCM439:1", "BO:.1", "KEY TROQ",
        "forge?raw=FORG saw?raw=BAR normal?raw=FORG turn1?od>.4 turn2 hob/shape?od<.2 keyway/broach?opt=TROQ "
        "chamfer~.7 shave?tol=N&od<.5 carb?mat=AS induct?mat=CS blast igrind?tol=F ggrind?tol=F black?coat=BO "
        "insp"),
    "HELIC": FamilyDesign("Helical Gear", "헬리컬기어", "D", 140, 0.5, 0.5, "FORG BAR",
        "SCM420:5 SNCM439:2 SCM440:2", "PH:.1", "KEY BUSH",
        "forge?raw=FORG saw?raw=BAR normal turn1/vtl?od>.7 turn2 hob chamfer broach?opt=KEY "
        "carb/nitride?od>.8 blast igrind ggrind?tol=F mt~.6 phos?coat=PH pressfit?opt=BUSH cmm?tol=F insp"),
    "PINION": FamilyDesign("Pinion Shaft", "피니언샤프트", "D", 60, 0.45, 4, "BAR FORG",
        "SCM420:4 SNCM439:3 SCM440:2", "", "KEY THR TROQ",
        "saw?raw=BAR forge?raw=FORG center turn1 qt?mat=AS&od>.5 turn2 keyway?opt=KEY hob shape?opt=TROQ "
        "threadcut?opt=THR carb straight?ln>.5 cgrind ggrind?tol=F mt insp"),
    "SHAFT": FamilyDesign("Drive Shaft", "구동축", "D", 55, 0.5, 6, "BAR FORG",
        "S45C:4 SCM440:4 SUS630:1 SUS316L:1", "BO:.1 HC:.1", "KEY THR TROQ",
        "saw?raw=BAR forge?raw=FORG center turn1/turnmill?od<.3 qt?mat=AS turn2 keyway?opt=KEY hob?opt=TROQ "
        "induct?od>.6 straight?ln>.55 cgrind balance?od>.7 chrome?coat=HC black?coat=BO insp pack"),
    "RING": FamilyDesign("Internal Ring Gear", "내접링기어", "D", 220, 0.4, 0.3, "FORG",
        "SCM440:5 S45C:2", "PH:.2", "DRN",
        "forge normal~.6 vtl/turn1?od<.35 turn2 shape drill tap?opt=DRN nitride?mat=AS induct?mat=CS "
        "sgrind?tol=F phos?coat=PH cmm?od>.5 insp"),
    "HUB": FamilyDesign("Coupling Hub", "커플링허브", "D", 95, 0.5, 0.8, "BAR CAST",
        "S45C:5 FCD450:3 A7075:1", "BO:.3 ZN:.1 AN:.05", "KEY LOCK",
        "saw?raw=BAR castclean?raw=CAST turn1?od>.5 turn2 keyway/broach?od<.6 drill tap?opt=LOCK mill3?od>.4 "
        "black?coat=BO zinc?coat=ZN anod?coat=AN balance?tol=F deburr insp"),
    "HOUSING": FamilyDesign("Pump Housing", "펌프하우징", "P", 160, 0.4, 0.9, "CAST",
        "FC250:4 FCD450:3 ADC12:2", "PA:.4", "DRN SENS PORT",
        "castclean stress~.8 mill3/hmc?od>.35 bore?tol=F gundrill?opt=DRN drill tap?opt=PORT deburr "
        "uswash/wash?od>.6 press leak?mat=AL paint?coat=PA cmm insp"),
    "PLATE": FamilyDesign("Port Plate", "포트플레이트", "P", 90, 0.35, 0.2, "PLATE BAR",
        "SCM440:3 ALBC3:2 SUJ2:2 FCD450:1", "NT:.3", "DRN COOL",
        "laser?raw=PLATE saw?raw=BAR turn2 mill3/mill5?tol=F deburr qt?mat=AS nitride?coat=NT sgrind lap "
        "polish?od>.6 wash cmm?tol=F insp"),
    "ROTOR": FamilyDesign("Rotor", "로터", "P", 70, 0.35, 0.6, "BAR",
        "SCM415:4 SCM420:3 SUJ2:1", "", "TROQ KEY",
        "saw turn2 broach?opt=TROQ keyway?opt=KEY wedm/mill3?od>.5 deburr carb igrind sgrind cgrind?tol=F "
        "demag wash insp match~.5"),
    "BARREL": FamilyDesign("Cylinder Block", "실린더블록", "P", 95, 0.35, 1, "BAR CAST",
        "SCM440:3 FCD450:3 ALBC3:1", "NT:.4", "TROQ",
        "saw?raw=BAR castclean?raw=CAST turn1 turn2 gundrill mill3/mill5?od>.5 shape/broach?opt=TROQ "
        "nitride?coat=NT hone lap tdeburr~.5 uswash cmm insp"),
    "SHOE": FamilyDesign("Slipper Shoe", "슬리퍼슈", "P", 24, 0.3, 1, "BAR",
        "ALBC3:4 C3604:2 SCM415:1", "", "COOL",
        "autolathe drill?opt=COOL carb?mat=AS deburr lap?tol=F wash insp match"),
    "FLANGE": FamilyDesign("Flange", "플랜지", "P", 130, 0.5, 0.25, "PLATE FORG",
        "S355:3 S45C:3 SUS304:2 SUS316L:1", "ZN:.2 PA:.2 PH:.1", "SENS NIP",
        "laser?raw=PLATE forge?raw=FORG vtl?od>.75 turn2?od<.75 drill tap?opt=NIP mill3?tol=F deburr "
        "zinc?coat=ZN paint?coat=PA phos?coat=PH insp"),
    "PUMPASM": FamilyDesign("Pump Assembly", "펌프조립체", "P", 150, 0.35, 1.5, "SET",
        "MIX:1", "PA:.6", "SENS DRN",
        "kitpick uswash match pressfit~.8 asm asm2?od>.5 leak func press?tol=F paint?coat=PA mark insp "
        "pack/vci?od>.7"),
    "SEALR": FamilyDesign("Seal Ring", "씰링", "R", 60, 0.6, 0.1, "COMP",
        "NBR:4 FKM:2 HNBR:1 PTFE:2", "", "",
        "mould?mat=RB turn2?mat=PL postcure?mat=RB trim?mat=RB wash?tol=F insp pack"),
    "PIPE": FamilyDesign("Oil Pipe", "오일배관", "R", 20, 0.4, 30, "TUBE",
        "STKM13C:4 SUS304:2 SUS316L:1", "ZN:.2 ZNI:.2 PA:.2", "PORT NIP",
        "tubecut bend~.85 weld/robweld?od>.6 deburr pt?mat=SS passiv?mat=SS zinc?coat=ZN zinc_ni?coat=ZNI "
        "paint?coat=PA leak uswash pack"),
    "KIT": FamilyDesign("Repair Kit", "수리키트", "R", 80, 0.5, 1, "SET",
        "MIX:1", "", "WIP CUSH",
        "kitpick insp~.7 lasermark?opt=WIP pack"),
    "BRKT": FamilyDesign("Bracket", "브라켓", "R", 140, 0.5, 0.2, "PLATE",
        "S355:6 SUS304:2 A6061:1", "PA:.5 ZN:.2", "NIP LOCK",
        "laser bend~.6 weld?od>.4 stress?od>.8 drill~.7 mill3?tol=F tap?opt=NIP blast?coat=PA paint?coat=PA "
        "zinc?coat=ZN insp"),
}

#: Of these, which no routing was ever written for, a plant has two or three.
NEW_FAMILIES = {
    "AMMAN": FamilyDesign("Printed Manifold", "적층매니폴드", "N", 110, 0.35, 1, "POWD",
        "A6061:2 TI64:1 IN718:1", "AN:.3", "SENS PORT",
        "lpbf hip?mat=NI supcut mill5 tap?opt=PORT uswash press anod?coat=AN cmm insp"),
    "HVROD": FamilyDesign("Sprayed Rod", "용사로드", "N", 70, 0.4, 9, "BAR",
        "SCM440:2 SUS630:2", "", "KEY",
        "saw turn1 clad?od>.5 turn2 hvof cgrind polish insp pack"),
    "CFTUBE": FamilyDesign("Composite Tube", "복합재튜브", "N", 90, 0.4, 6, "FIBR",
        "CFRP:1", "", "SENS",
        "wind oven turn2 hone?od>.5 pot?opt=SENS insp pack"),
    "SMART": FamilyDesign("Position Sensor Unit", "위치센서유닛", "N", 40, 0.3, 4, "SET",
        "MIX:1", "", "LOCK DRN",
        "kitpick pot asm?opt=LOCK calib lasermark insp pack"),
}
# fmt: on
