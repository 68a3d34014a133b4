"""What ERPs call things: phrases for each canonical column and for the tables, in the languages seen (further ones: `languages`).

A name is compared by its words: `PartNum`, `PART_NUM` and `part num` are one name, accents and umlauts are spelled out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from routing_etl.onboarding.languages import FURTHER_FIELDS, FURTHER_TABLES

Role = Literal["items", "operations", "results"]

#: Phrases for each canonical column, by section of the profile.
_FIELDS: dict[Role, dict[str, str]] = {
    "items": {
        "item_cd": "item no|item number|item code|item cd|item id|item|part no|part number|part num|part id|part code|part|"
        "product no|product number|product code|product id|prod code|material no|material number|material code|matnr|stock code|sku|"
        "inventory id|itno|itnbr|itemnmbr|artikel nr|artikelnummer|artikelnr|artikel|art nr|artnr|teilenummer|teile nr|"
        "teilenr|teil nr|sachnummer|materialnummer|codigo articulo|cod articulo|codigo producto|codigo pieza|articulo|"
        "num articulo|code article|ref article|reference article|num article|no article|article|reference|품목코드|품번|"
        "자재코드|자재번호|제품코드|제품번호|품목번호|품목|no|number|code|name|id|prod cd|prod no|mat no|matno|article id|code piece|ref piece|品目コード|品目番号|品番|製品コード|部品番号|品目|物料编码|物料代码|产品编码|零件号",
        "part_type": "part type|item type|item group|item category|item class|product type|product group|product category|"
        "product class|product subcategory id|product line|material group|material type|matkl|part class|class id|prod code|"
        "inventory posting group|category|subcategory|categ id|group|type|artikelgruppe|warengruppe|teileart|materialart|"
        "materialgruppe|gruppe|familia|grupo|tipo|categoria|famille|groupe|categorie|품목유형|품목군|품목그룹|제품군|유형|분류|품종|prod class|class|mtart|article group|family|品目区分|品目分類|品種|品目グループ|製品群|物料类别|产品类别|物料组",
        "item_nm": "item name|item nm|item desc|item description|part name|part nm|part description|product name|description|"
        "desc|name|maktx|bezeichnung|benennung|beschreibung|artikelbezeichnung|descripcion|nombre|designation|libelle|"
        "품명|품목명|제품명|자재명|prod name|prod nm|descr|label|title|품목명칭|品目名|品目名称|品名|製品名|物料名称|产品名称",
    },
    "operations": {
        "item_cd": "item no|item number|item code|item cd|item id|item|part no|part number|part num|part id|part code|part|"
        "product no|product number|product code|product id|prod code|material no|material number|matnr|stock code|itno|artikel nr|"
        "artikelnummer|artikelnr|artikel|art nr|artnr|teilenummer|teile nr|teilenr|sachnummer|materialnummer|"
        "codigo articulo|cod articulo|codigo producto|articulo|num articulo|code article|ref article|num article|no article|"
        "article|품목코드|품번|자재코드|제품코드|품목번호|품목|contract part no|main item|production item|prod cd|prod no|mat no|matno|article id|code piece|ref piece|品目コード|品目番号|品番|製品コード|部品番号|品目|物料编码|物料代码|产品编码|零件号",
        "rout_no": "rout no|rout|routing no|routing number|routing id|routing cd|routing code|routing|route no|route number|"
        "route id|route|rev route|bom no|bom id|plan nr|plannr|plnnr|plnal|arbeitsplan nr|arbeitsplannr|arbeitsplannummer|"
        "arbeitsplan|stammarbeitsplan|ruta|num ruta|codigo ruta|hoja ruta|gamme|num gamme|code gamme|no gamme|process plan|"
        "alternative no|routing alternative|alternate|work order id|라우팅번호|라우팅|라우팅코드|공정경로|공정순서번호|手順番号|工順番号|ルーティング|工艺路线|路线编号|alt id|alt no|rev|revision|version|rev no|version no|"
        "revision num|revision no|revision number|revision id|rev num|part rev|part revision",
        "proc_seq": "proc seq|operation no|operation number|op no|op num|op nr|oper no|oper num|opr seq|oper seq|op seq|"
        "operation seq|operation sequence|sequence no|sequence number|sequence id|sequence|seq no|seq|step no|step|oper|"
        "vornr|ag nr|agnr|ag|arbeitsgang nr|arbeitsgangnr|arbeitsgangnummer|vorgang nr|vorgangsnummer|vorgang|folge|"
        "position|pos|secuencia|num operacion|no operacion|fase|num fase|no fase|orden|num operation|rang|phase|num phase|"
        "공정순서|공정순번|순번|작업순서|순서|idx|priority|line no|line|proc no|phase no|工程順|工程順序|工程番号|工順|作業順|工序号|工序顺序",
        "job_cd": "job cd|job code|job|operation code|operation cd|op code|opr code|oper code|operation id|operation|"
        "activity code|activity|work code|task code|task|standard task code|std text key|ktsch|process code|process cd|"
        "process|taetigkeit|arbeitsgang|arbeitsgangcode|arbeitsgangart|leistungsart|codigo operacion|cod operacion|operacion|"
        "tarea|actividad|code operation|type operation|tache|공정코드|공정|작업코드|작업|category|proc code|proc cd|工程コード|作業コード|工序代码|工序编码",
        "job_nm": "job name|job nm|operation name|operation nm|operation description|operation desc|op desc|oper desc|"
        "task description|description|ltxa1|kurztext|bezeichnung|arbeitsgangbezeichnung|beschreibung|name|descripcion|"
        "nombre operacion|designation|libelle|libelle operation|공정명|작업명|공정이름|proc name|工程名|作業名|工程名称|工序名称",
        "res_cd": "res cd|resource cd|resource code|resource id|resource no|resource|machine cd|machine code|machine id|"
        "machine no|machine|work center no|work center id|work center code|work center|work centre|workcenter id|workcenter|"
        "wc|wc code|wc no|workstation|work station|station|resource group id|equipment|arbeitsplatz nr|arbeitsplatznr|"
        "arbeitsplatz|maschine|maschinen nr|maschinennr|maschinennummer|arbid|arbpl|codigo maquina|maquina|recurso|"
        "centro trabajo|centro de trabajo|poste|poste charge|centre charge|centre de charge|code machine|moyen|mach|설비코드|설비|"
        "작업장코드|작업장|기계|호기|location id|no|equip|equip code|equipment code|設備コード|機械コード|機械|設備|作業区|ワークセンタ|设备编码|设备|机器|工作中心",
        "res_nm": "resource name|res nm|machine name|machine nm|work center name|설비명|작업장명|maschinenbezeichnung|"
        "nombre maquina|nom machine|設備名|機械名|设备名称",
        "setup_time": "setup time|set up time|setup|setup hours|setup hrs|setup min|setup mins|setup minutes|est set hours|"
        "std setup|prep time|preparation time|ruestzeit|tr|ruesten|tiempo preparacion|tiempo de preparacion|preparacion|"
        "temps reglage|temps de reglage|temps preparation|reglage|준비시간|셋업시간|준비시간 분|vgw01|setup sec|prep|prep hr|prep min|tps prepa|段取時間|段取り時間|準備時間|段取|准备时间|换模时间",
        "run_time": "run time|run|runtime|run hours|run hrs|run min|run mins|run minutes|cycle time|prod standard|unit time|"
        "piece time|time per piece|processing time|process time|machine time|std time|standard time|operation time|"
        "time in mins|time cycle manual|duration per|mach run factor|stueckzeit|te|bearbeitungszeit|fertigungszeit|"
        "maschinenzeit|tiempo ejecucion|tiempo proceso|tiempo unitario|tiempo maquina|tiempo ciclo|temps unitaire|"
        "temps execution|temps cycle|temps de cycle|temps machine|temps gamme|가공시간|작업시간|표준시간|사이클타임|실행시간|"
        "가동시간|actual resource hrs|planned hours|vgw02|cycle hrs|cycle hours|cycle time sec|work hr|work hours|work min|tps unit|加工時間|作業時間|標準時間|サイクルタイム|加工时间|标准工时|单件工时",
        "run_time_qty": "run time qty|run qty|base qty|base quantity|lot size|per qty|time qty|basismenge|basis menge|bmsch|"
        "cantidad base|lote|quantite base|기준수량|lot qty|batch qty|batch size|losgroesse|pcs per cycle|pieces per cycle|ロット数|基準数量|ロットサイズ|基准数量|批量",
        "setup_unit": "setup unit|setup time unit|setup time unit of meas code|setup uom|vge01",
        "run_unit": "run unit|run time unit of meas code|run uom|vge02",
        "time_unit": "time unit|time uom|run time unit|unit of time|std format|"
        "zeiteinheit|unidad tiempo|unite temps|시간단위|時間単位|时间单位",
        "queue_time": "queue time|liegezeit|tiempo cola|temps attente|대기시간",
        "wait_time": "wait time|wartezeit|tiempo espera",
        "move_time": "move time|transport time|transportzeit|tiempo transporte|temps transfert|이동시간",
        "valid_from": "valid from|valid from dt|effective from|effective date|eff from|start date|starting date|gueltig ab|"
        "gueltig von|datuv|fecha desde|vigente desde|valido desde|date debut|적용시작일|유효시작일|phase in date",
        "valid_to": "valid to|valid to dt|effective to|eff to|end date|ending date|gueltig bis|datub|fecha hasta|"
        "vigente hasta|valido hasta|date fin|적용종료일|유효종료일|phase out date|obsolete date",
        "insrt_dt": "insrt dt|insert date|created|created at|created on|create date|creation date|creation|anlagedatum|"
        "angelegt am|erfasst am|fecha alta|date creation|등록일|등록일자|작성일",
    },
    "results": {
        "item_cd": "item no|item number|item code|item cd|item id|item|part no|part number|part num|part id|part|product no|"
        "product number|product code|product id|prod code|material no|matnr|artikel nr|artikelnummer|artikelnr|artikel|artnr|"
        "teilenummer|teile nr|teilenr|codigo articulo|cod articulo|articulo|code article|ref article|article|품목코드|품번|"
        "자재코드|제품코드|품목|production item|prod cd|prod no|mat no|matno|article id|code piece|ref piece|品目コード|品目番号|品番|製品コード|部品番号|品目|物料编码|物料代码|产品编码|零件号",
        "rout_no": "rout no|rout|routing no|routing id|routing|route no|route|bom no|plan nr|plannr|arbeitsplan nr|arbeitsplannr|ruta|gamme|"
        "라우팅번호|라우팅",
        "order_no": "order no|order number|order id|work order|work order no|workorder|wo|wo no|job order|job order no|production order|"
        "prod order no|shop order|manufacturing order|mo no|aufnr|auftrag|auftragsnr|auftrags nr|auftragsnummer|fertigungsauftrag|"
        "orden|orden trabajo|num orden|of|no of|num of|ordre fabrication|작업지시번호|작업지시|지시번호|製造番号|製造指図|指図番号|工单号|生产订单",
        "proc_seq": "proc seq|operation no|operation number|op no|op num|op nr|oper no|oper num|opr seq|oper seq|op seq|"
        "operation sequence|operation row number|sequence no|sequence|seq no|seq|step no|vornr|ag nr|agnr|arbeitsgang nr|"
        "arbeitsgangnr|vorgang|fase|num operacion|no operacion|num operation|phase|공정순서|공정순번|순번|작업순서|proc no|phase no|no phase|工程順|工程順序|工程番号|工序号",
        "job_cd": "job cd|job code|job|operation code|op code|opr code|operation id|operation|activity code|task code|ktsch|"
        "process code|arbeitsgang|taetigkeit|codigo operacion|operacion|code operation|공정코드|공정|작업코드|proc code|work code|工程コード|作業コード|工序代码",
        "res_cd": "res cd|resource cd|resource id|resource no|resource|machine cd|machine id|machine no|machine|mach|"
        "work center no|work center|workcenter id|workstation|wc|resource group id|arbeitsplatz|maschine|maschinen nr|"
        "maschinennr|arbid|maquina|codigo maquina|recurso|poste|centre charge|code machine|설비코드|설비|작업장코드|작업장|호기|equip|equipment|station|work station|poste|設備コード|機械コード|機械|设备编码|设备|工作中心",
        "report_dt": "report dt|report date|posting date|trans date|transaction date|labor date|payroll date|clock in date|end date|"
        "end time|finish date|date finished|finished at|completed at|completion date|actual end date|to time|budat|"
        "buchungsdatum|rueckmeldedatum|meldedatum|datum|ende|fecha registro|fecha fin|fecha|date fin|date pointage|date|"
        "실적일자|작업일자|보고일|보고일자|생산일자|work date|ticket date|entry date|ended at|datum|実績日|作業日|完了日|報告日|報工日期|报工日期|完工日期",
        "machine_time": "machine time|machine min|mach time|mach min|mach worked hours|machine hours|machine hrs|run time|run hours|burden hrs|"
        "burden hours|labor hrs|labor hours|actual hours|actual time|actual resource hrs|time in mins|duration|worked hours|hours|"
        "minutes|ist zeit|istzeit|bearbeitungszeit|maschinenzeit|laufzeit|ism02|tiempo real|tiempo maquina|horas|minutos|"
        "temps passe|tps passe|temps machine|heures|실적시간|작업시간|가동시간|가공시간|실가동시간|machine minutes|mach hr|mach hrs|cycle hrs|istzeit std|ist zeit std|laufzeit std|実績時間|作業時間|加工時間|稼働時間|机器工时|实际工时|加工时间",
        "setup_time": "setup time|setup hours|setup hrs|setup minutes|actual setup|ruestzeit|ist ruestzeit|ism01|"
        "tiempo preparacion|temps reglage|준비시간|셋업시간|ruest std|ist ruest|段取実績|段取時間|准备时间",
        "order_qty": "order qty|order quantity|output quantity|completed qty|qty completed|qty complete|qty produced|"
        "produced qty|good qty|labor qty|quantity|qty|gutmenge|menge|lmnga|cantidad buena|cantidad producida|cantidad|"
        "quantite bonne|quantite produite|quantite|생산수량|양품수량|수량|실적수량|pieces good|good pieces|pieces|qte bonne|良品数|数量|実績数|生産数|合格数量|完工数量",
        "bad_qty": "bad qty|scrap qty|scrap quantity|scrapped qty|reject qty|rejected qty|ausschuss|ausschussmenge|xmnga|"
        "cantidad rechazada|merma|rebut|quantite rebutee|불량수량|qte rebut|bad pieces|不良数|不合格数量|报废数量",
    },
}

#: Phrases for the tables.
_TABLES: dict[Role, str] = {
    "items": "item|item info|item system|system item|inventory|piece|prod|mat|品目|品目マスタ|製品|部品|物料|产品|part|product|product product|material|article|artikel|artikelstamm|teil|teile|teilestamm|"
    "materialstamm|articulo|producto|pieza|품목|품목정보|품목마스터|자재|자재마스터|제품|mara|mitmas|invent table|inventory part",
    "operations": "工程|工程マスタ|工順|工艺路线|工序|operation plan|plan op|part routing|process|routing|routing operation|routing line|operation|oper|bom operation|route|route operation|rout|part opr|"
    "prod route opr|job route|routing step|step|work order routing|arbeitsplan|arbeitsgang|arbeitsplanposition|"
    "arbeitsplan position|ruta|hoja ruta|ruta operacion|operacion|gamme|gamme operation|ligne gamme|operation gamme|공정|라우팅|"
    "공정마스터|라우팅공정|제조공정|plpo|mpdope|routing workcenter|routing operation alt",
    "results": "製造実績|作業実績|実績|报工|报工记录|shift report|work log|worklog|time ticket|ticket|event|mes event|result|work result|work order result|order result|confirmation|labor|labor detail|labor dtl|labor tran|time log|"
    "job card time log|production report|capacity ledger entry|job tran|rueckmeldung|betriebsdaten|bde|bde meldung|"
    "workorder|work order operation|operation report|shop floor report|parte trabajo|registro produccion|parte produccion|"
    "pointage|suivi production|suivi|실적|작업실적|생산실적|공정실적|afru|work order routing|production order confirmation",
}  # fmt: skip


def _both(known: str, further: str | None) -> str:
    return f"{known}|{further}" if further else known


#: The phrases of all languages, those above first.
FIELDS: dict[Role, dict[str, str]] = {
    role: {name: _both(p, FURTHER_FIELDS[role].get(name)) for name, p in fields.items()}
    for role, fields in _FIELDS.items()
}
TABLES: dict[Role, str] = {role: _both(p, FURTHER_TABLES[role]) for role, p in _TABLES.items()}

#: Words of table names that say nothing.
_NOISE = frozenset(
    [
        "t",
        "tbl",
        "tab",
        "table",
        "v",
        "vw",
        "view",
        "mst",
        "master",
        "info",
        "erp",
        "bi",
        "dbo",
        "stg",
        "public",
        "ims",
        "std",
        "data",
        "mrp",
        "stamm",
        "maestro",
        "maestra",
        "base",
    ]
)
#: Spellings of time units that cannot be misread, with their minutes.
TIME_UNITS = {
    "MIN": 1.0, "MIN.": 1.0, "MINUTE": 1.0, "MINUTES": 1.0, "MINS": 1.0, "MINUTEN": 1.0, "MINUTOS": 1.0, "MINUTO": 1.0, "분": 1.0,
    "H": 60.0, "HR": 60.0, "HRS": 60.0, "HOUR": 60.0, "HOURS": 60.0, "STD": 60.0, "STUNDE": 60.0, "STUNDEN": 60.0, "HORA": 60.0,
    "HORAS": 60.0, "HEURE": 60.0, "HEURES": 60.0, "시간": 60.0,
    "SEC": 1 / 60, "SECOND": 1 / 60, "SECONDS": 1 / 60, "SEK": 1 / 60, "SEKUNDEN": 1 / 60, "SEGUNDOS": 1 / 60, "초": 1 / 60,
    "分": 1.0, "時間": 60.0, "秒": 1 / 60, "分钟": 1.0, "小时": 60.0,
}  # fmt: skip
#: Words in a column's own name that say its unit, with the minutes.
NAMED_UNITS = {
    "min": 1.0, "mins": 1.0, "minutes": 1.0, "minuten": 1.0, "minutos": 1.0, "분": 1.0, "hour": 60.0, "hours": 60.0, "hrs": 60.0,
    "hr": 60.0, "std": 60.0, "stunden": 60.0, "h": 60.0, "horas": 60.0, "heures": 60.0, "시간": 60.0, "sec": 1 / 60, "secs": 1 / 60,
    "seconds": 1 / 60, "sek": 1 / 60,
}  # fmt: skip
#: Words of columns that say whether a row counts: a person must say which of their values do.
STATUS = frozenset(
    [
        "status",
        "state",
        "active",
        "activo",
        "actif",
        "aktiv",
        "disabled",
        "docstatus",
        "deleted",
        "loekz",
        "lvorm",
        "blocked",
        "gesperrt",
        "estado",
        "statut",
        "obsolete",
        "loeschkennzeichen",
        "is_deleted",
        "inactive",
        "상태",
        "사용여부",
        "use_yn",
        "useyn",
        "storno",
        "reversed",
        "stokz",
        "stzhl",
        "approved",
        "certified",
    ]
)

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@lru_cache(maxsize=20_000)
def words_of(name: str) -> tuple[str, ...]:
    """Split a name into its words, in lower case, without accents; umlauts are spelled out."""
    text = unicodedata.normalize("NFC", name)
    text = re.sub(r"(?<=[a-zà-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])", " ", text).lower().translate(_UMLAUTS)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text)
    return tuple(re.findall(r"[a-z0-9]+|[^\W\d_a-z]+", text))


@lru_cache(maxsize=200)
def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(words_of(p) for p in text.split("|"))


@lru_cache(maxsize=100_000)
def score(name: str, phrases: str, *, table: bool = False) -> float:
    """Score how well a name fits some phrases: 0 not at all, 3 exactly; earlier phrases fit a little better.

    Parameters
    ----------
    name : str
        Name of a column or table.
    phrases : str
        Phrases, separated by `|`.
    table : bool, optional
        Whether it is a table's name: words that say nothing are left out then, and a plural is its singular.
    """
    if not table:
        return _score(words_of(name), phrases)
    as_written = [w for w in words_of(_without_company(name)) if w not in _NOISE]
    return max(_score(words, phrases) for words in (as_written, [_singular(w) for w in as_written]))


def _score(words: Sequence[str], phrases: str) -> float:
    """How well the words of a name fit some phrases."""
    if not words:
        return 0.0
    joined, best = "".join(words), 0.0
    known = _phrases(phrases)
    for place, phrase in enumerate(known):
        early = 0.4 * (1 - place / len(known))
        extra = len(words) - len(phrase)
        if joined == "".join(phrase):
            return 2.6 + early
        if extra > 0 and set(phrase) <= set(words) and (len(phrase) > 1 or len(phrase[0]) > 2):
            best = max(best, 1.6 + early + 0.2 * len(phrase) - 0.35 * extra)
        elif not joined.isascii() and not "".join(phrase).isascii() and "".join(phrase) in joined:
            best = max(best, 1.6 + early)
    return max(best, 0.0)


def _without_company(table: str) -> str:
    """A table's name without the company before it and the application behind it: `Company$Item$<GUID>`."""
    parts = table.split("$")
    return parts[1] if len(parts) > 1 and parts[1] else table


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
