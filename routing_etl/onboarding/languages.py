"""What ERPs call things in German, French, Spanish, Italian, Polish, Czech, Dutch and Portuguese, and how they shorten it.

A name is a stem and an ending, MASCHNR or COD_OPER: both are listed once, and every pair counts. Names that are made in no such
way are listed whole.
"""

from __future__ import annotations

#: Endings and beginnings of names that are a number, and of those that are a code.
_NUMBER = "nr|nummer|no|num|numero|number|cislo|cis|numer|lfd"
_CODE = "code|cod|codigo|codice|kod|kode|kz|kenn|schl|schluessel|id|ident|symbol|key"
_STEMS: dict[str, str] = {
    "item": "art|artikel|article|articulo|articolo|artykul|artykulu|artikl|artigo|teil|teile|mat|material|materiau|materiale|materialu|"
    "sach|produkt|produit|producto|prodotto|produktu|produto|product|piece|pieza|pezzo|peca|wyrob|wyrobu|detal|detalu|towar|towaru|"
    "indeks|indeksu|polozka|polozky|vyrobek|vyrobku|dil|dilu|zbozi|onderdeel|stuk|erz|erzeugnis|ref",
    "routing": "ap|apl|aplan|arbplan|arbeitsplan|stammplan|gamme|gam|ruta|ciclo|roteiro|marszruta|marszruty|technologia|technologii|"
    "postup|postupu|tpv|werkplan|bewerkingsplan|routing",
    "operation": "ag|agang|afo|avo|arbeitsfolge|arbeitsvorgang|arbeitsgang|vorg|vorgang|op|ope|oper|operation|operacion|operazione|"
    "operacji|operacja|operace|operacao|fase|phase|bewerking|handeling|lavorazione",
    "machine": "masch|maschine|mach|machine|maquina|maq|macchina|macch|maszyna|maszyny|stroj|stroje|arbplatz|aplatz|arbeitsplatz|"
    "poste|pdc|ilot|puesto|centro|cdl|stanowisko|stanowiska|gniazdo|gniazda|zasob|zasobu|pracoviste|prac|werkplek|risorsa|reparto|"
    "betriebsmittel|kst|kostenstelle",
    "order": "auf|auftr|auftrag|fauf|fa|ordre|orden|ordine|odp|commessa|zlecenie|zlecenia|zakazka|zakazky|prikaz|vp|order|productieorder|"
    "ordem",
}


def _named(stem: str, endings: str, *, alone: bool) -> str:
    """Every stem with every ending, behind it and before it, and alone."""
    pairs = [(s, e) for s in _STEMS[stem].split("|") for e in endings.split("|")]
    found = [f"{s} {e}" for s, e in pairs] + [f"{e} {s}" for s, e in pairs]
    return "|".join([*(_STEMS[stem].split("|") if alone else ()), *found])


_ITEM = _named("item", f"{_CODE}|{_NUMBER}", alone=True)
_ROUTING = _named("routing", f"{_NUMBER}|{_CODE}", alone=True)
_SEQUENCE = (
    _named("operation", _NUMBER, alone=False)
    + "|afo|avo|agang|arbeitsfolge|arbeitsvorgang|vorg|pos|posnr|pos nr|position nr|lfd nr|lfdnr|schritt|rang|ordre|rang op|num ligne|"
    "secuencia|paso|orden|sec op|sequenza|riga|num riga|lp|kolejnosc|pozycja|poz|krok|poradi|por|volgnummer|volgnr|volgorde|regel|stap|"
    "sequencia|passo"
)
_JOB = (
    _named("operation", f"{_CODE}|art|typ|type|tipo|rodzaj|druh|soort|nature|natura", alone=False)
    + "|taet|taetigkeit|leistungsart|lart|standardarbeitsgang|lavorazione|cod lav|codice lavorazione|operacja|czynnosc|operace|cinnost|"
    "bewerking|bewerkingscode|bewerkingssoort|handeling|tarea|tache"
)
_JOB_NAME = (
    _named(
        "operation",
        "text|txt|bez|bezeichnung|libelle|lib|desc|descr|descrizione|denominacion|nazwa|opis|nazev|popis|omschrijving",
        alone=False,
    )
    + "|bez|kurztext|kurzbez|libelle|denominacion|descrizione|nazwa|opis|nazev|popis|omschrijving|benaming|descricao"
)
_MACHINE = _named("machine", f"{_NUMBER}|{_CODE}|gr|gruppe|grp", alone=True) + (
    "|poste de charge|centro de trabajo|centro di lavoro|centro lavoro|centro de custo|machinegroep|anlage|anlagennr"
)
_SETUP = (
    "rz|trz|ruest|ruestz|ruestmin|ruest min|ruest zeit|vorbereitung|vorbereitungszeit|tps reglage|tps prep|prepa|montage|tps montage|"
    "t prep|tiempo prep|tiempo ajuste|ajuste|montaje|attrezzaggio|tempo attrezzaggio|t attr|tempo setup|setup|preparazione|"
    "tempo preparazione|piazzamento|tpz|pz|czas pz|czas przygotowawczy|czas przyg|przezbrojenie|czas przezbrojenia|tbc|pripravny cas|"
    "pripr cas|cas pripravy|cas pripravny|serizeni|cas serizeni|insteltijd|omsteltijd|instel|omstel|tempo preparacao"
)
_RUN = (
    "stkzeit|stk zeit|zeit stk|zeit je stk|tstk|tez|hauptzeit|laufzeit|fertzeit|vorgabezeit|stueckz|tps unit|tps op|temps op|tps exec|"
    "temps unit|t ejec|t unit|tiempo op|tiempo unit|tempo ciclo|tempo lavorazione|tempo macchina|tempo unitario|tempo operazione|tempo uomo|"
    "t ciclo|tempo pezzo|tj|czas jedn|czas jednostkowy|czas operacji|czas maszynowy|czas|tac|jednotkovy cas|jedn cas|cas jednotkovy|"
    "kusovy cas|cas kus|strojni cas|cas operace|bewerkingstijd|cyclustijd|stuktijd|draaitijd|tijd per stuk|tempo execucao|tempo"
)
_FROM = (
    "gueltig ab|gueltig von|guelt von|guelt ab|gue ab|date debut validite|valable du|valido dal|data inizio validita|data inizio|wazne od|"
    "data od|wazny od|platnost od|platne od|geldig vanaf|geldig van|valido de"
)
_TO = (
    "gueltig bis|guelt bis|date fin validite|valable au|valido al|data fine validita|data fine|wazne do|data do|wazny do|platnost do|"
    "platne do|geldig tot|valido ate"
)

#: What Infor M3 calls them, behind the two letters of the table.
_M3: dict[str, dict[str, str]] = {
    "items": {"item_cd": "itno", "part_type": "itgr|itty|itcl", "item_nm": "itds|fuds"},
    "operations": {
        "item_cd": "prno", "rout_no": "strt", "proc_seq": "opno", "job_nm": "opds", "res_cd": "plgr", "setup_time": "seti",
        "run_time": "piti", "valid_from": "fdat", "valid_to": "tdat", "insrt_dt": "rgdt",
    },
    "results": {
        "item_cd": "prno", "order_no": "mfno", "proc_seq": "opno", "res_cd": "plgr", "machine_time": "umat|upit",
        "setup_time": "umas|uset", "report_dt": "rpdt|trdt", "order_qty": "maqt", "bad_qty": "scqt",
    },
}  # fmt: skip

#: Phrases of these languages for each canonical column, by section of the profile.
_LANGUAGES: dict[str, dict[str, str]] = {
    "items": {
        "item_cd": _ITEM + "|codice|indeks|symbol",
        "part_type": "artikelart|warengr|teile art|art gruppe|artikelgr|famille article|famiglia|gruppo|tipo|categoria merceologica|grupa|"
        "rodzaj|typ|asortyment|skupina|druh|artikelgroep|groep|soort|grp|familia articulo|fam|sfam|fam art|sous famille|ss famille|cod fam|wgr|artgr|gr art",
        "item_nm": "bez|bez1|lib|lib1|libelle1|des|des1|designation1|desc1|descr1|name1|nom|nom1|nombre1|nazwa1|nazev1|opis1|popis1|"
        "lib art|des art|bez art|bezeichnung1|benennung1|kurztext|descrizione|descr|denominacion|nazwa|opis|nazev|popis|omschrijving|benaming|"
        "descricao",
    },
    "operations": {
        "item_cd": _ITEM, "rout_no": _ROUTING, "proc_seq": _SEQUENCE, "job_cd": _JOB, "job_nm": _JOB_NAME, "res_cd": _MACHINE,
        "setup_time": _SETUP, "run_time": _RUN, "valid_from": _FROM, "valid_to": _TO,
        "time_unit": "zeit einh|zeiteinh|unita tempo|um tempo|jednostka czasu|jedn czasu|jednotka casu|tijdseenheid|unidad de tiempo",
    },
    "results": {
        "item_cd": _ITEM, "rout_no": _ROUTING, "proc_seq": _SEQUENCE, "job_cd": _JOB, "res_cd": _MACHINE,
        "order_no": _named("order", f"{_NUMBER}|{_CODE}", alone=True),
        "setup_time": f"{_SETUP}|ist ruestzeit|ist tr",
        "machine_time": "lauf min|laufmin|lauf zeit|ist te|tempo effettivo|tempo reale|tempo macchina|ore|minuti|czas rzeczywisty|czas pracy|"
        "czas|skutecny cas|odpracovany cas|cas|werkelijke tijd|bewerkingstijd|tijd|uren|temps reel|tps reel|tiempo empleado|tempo real",
        "report_dt": "melde dat|meldedat|buch dat|data|data raportu|data meldunku|data versamento|data avanzamento|dzien|datum hlaseni|den|"
        "boekdatum|fecha parte|date realisation",
        "order_qty": "gut|gut menge|gutstk|stk gut|stueck|quantita|qta|qta buona|pezzi|pezzi buoni|ilosc|ilosc dobra|szt|sztuki|mnozstvi|"
        "dobre kusy|kusy|ks|aantal|aantal goed|goed|quantidade|qtd|cant|qte|qte bonne",
        "bad_qty": "aussch|schlecht|scarti|qta scarto|scarto|braki|ilosc brakow|zmetky|zmetku|afkeur|uitval|aantal afkeur|refugo|rechazo|rebuts",
    },
}  # fmt: skip

#: Further phrases for each canonical column, by section of the profile.
FURTHER_FIELDS: dict[str, dict[str, str]] = {
    role: {
        name: "|".join(p for p in (fields.get(name), _M3[role].get(name)) if p)
        for name in {**fields, **_M3[role]}
    }
    for role, fields in _LANGUAGES.items()
}

#: Further phrases for the tables.
FURTHER_TABLES: dict[str, str] = {
    "items": "art|artikelstamm|art stamm|teilestammdaten|articoli|articolo|anagrafica articoli|anagrafica|artykuly|artykul|indeksy|indeks|towary|"
    "kartoteka|wyroby|polozky|polozka|artikly|dily|vyrobky|kmen artiklu|artikelen|artikelbestand|articles|articulos|artigos|stamm",
    "operations": "arbeitsplan pos|aplpos|ap pos|apl pos|arbplan pos|arbeitsfolge|arbeitsfolgen|avo|afo|arbeitsvorgang|arbeitsvorgaenge|vorgaenge|"
    "cicli|ciclo|cicli lavoro|ciclo lavoro|fasi|fasi ciclo|fase|ciclo fasi|marszruta|marszruty|operacje|operacja|technologia|technologie|"
    "postup|postupy|operace|tp operace|technologicky postup|bewerkingen|bewerking|bewerkingsplan|gammes|gammes operatoires|operations gamme|"
    "rutas|hojas ruta|operaciones|roteiro|roteiro operacao",
    "results": "rueckmeldungen|rueckmeld|zeitmeldung|bde meldungen|meldungen|avanzamenti|avanzamento|versamenti|dichiarazioni|consuntivi|"
    "consuntivo|raporty|raport|raport produkcji|meldunki|meldunek|rejestracja|odvadeni|hlaseni|vykazy|vykaz prace|gereedmelding|"
    "mwoptr|gereedmeldingen|urenregistratie|terugmelding|pointages|partes trabajo|partes|apontamentos|apontamento",
}
