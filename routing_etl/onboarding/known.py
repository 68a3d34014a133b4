"""ERPs that a starting profile is shipped for: how they are recognised, and the profile with the database's own table names."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

from routing_etl.erp.profile import SHIPPED
from routing_etl.onboarding.survey import Survey, Table

#: Stands before the names of tables that begin with a company's name.
_COMPANY = "COMPANY$"


@dataclass(frozen=True)
class Known:
    """An ERP: its starting profile, its name, and the tables that show that it is this one."""

    profile: str
    title: str
    tables: tuple[str, ...]


_KNOWN = (
    Known("business_central", "Business Central", ("COMPANY$Item", "COMPANY$Routing Line", "COMPANY$Routing Header")),
    Known("sap_pp", "SAP PP", ("MARA", "PLPO", "PLAS", "MAPL")),
    Known("odoo", "Odoo", ("product_product", "product_template", "mrp_bom", "mrp_routing_workcenter")),
    Known("erpnext", "ERPNext", ("tabItem", "tabBOM", "tabBOM Operation")),
)  # fmt: skip


def recognise(survey: Survey) -> Known | None:
    """Find the ERP whose tables are all there.

    Parameters
    ----------
    survey : Survey
        The database.
    """
    names = {_general(t.name).lower() for t in survey.tables}
    return next((k for k in _KNOWN if {n.lower() for n in k.tables} <= names), None)


def tables_of(survey: Survey, known: Known) -> list[Table]:
    """The tables by which an ERP was recognised.

    Parameters
    ----------
    survey : Survey
        The database.
    known : Known
        The ERP.
    """
    names = {n.lower() for n in known.tables}
    return [t for t in survey.tables if _general(t.name).lower() in names]


def starting_profile(survey: Survey, known: Known, *, name: str) -> str:
    """Write the starting profile of an ERP with the tables of this database.

    Parameters
    ----------
    survey : Survey
        The database.
    known : Known
        The ERP.
    name : str
        The profile's name.

    Returns
    -------
    str
        TOML; the profile's own comments say why, and what a person must decide.
    """
    text = (SHIPPED / f"{known.profile}.toml").read_text(encoding="utf-8")
    text = text.replace(f'name = "{known.profile}"', f'name = "{name}"', 1)
    head = [
        f"# Proposed by `routing-etl profile suggest`: the tables {', '.join(known.tables)} are those of {known.title}.",
        f"# It is the shipped starting profile {known.profile}.toml with the tables of this database.",
    ]
    mine = tables_of(survey, known)
    if known.tables[0].startswith(_COMPANY):
        text, said = _of_company(survey, text, mine)
        head += said
    schema = Counter(t.schema for t in mine).most_common(1)[0][0]
    if schema is not None:
        text = _with_schema(text, schema)
    if known.profile == "erpnext":
        text, said = _of_time_logs(survey, text)
        head += said
    if known.profile == "odoo" and not any(
        c.name == "bom_id" for t in mine if t.name == "mrp_routing_workcenter" for c in t.columns
    ):
        head.append(
            "# mrp_routing_workcenter has no bom_id: version 13 or earlier, where routings have a table of their own."
        )
        text = text.replace('[["bom_id", "id"]]', '[["routing_id", "routing_id"]]')
    return "\n".join(head) + "\n#\n" + text


#: Work results of an ERPNext whose job cards have no sums: the time logs, of which the last has the pieces.
_TIME_LOGS = """[results]
table = "tabJob Card Time Log"                           # one row a shift; the pieces stand on the last
joins = [{ table = "tabJob Card", alias = "card", on = [["parent", "name"]], kind = "inner" }]
where = [{ column = "card.docstatus", op = "=", value = 1 }]
time_factor_min = 1.0                                    # minutes
run_basis = "order"
order_quantity = "order"                                 # the pieces are those of the job card

[results.columns]
item_cd = { column = "card.production_item", length = 100 }
order_no = { column = "card.work_order", length = 50 }
confirmation_no = { column = "name", length = 50 }
rout_no = { column = "card.bom_no", length = 50 }
proc_seq = "card.operation_row_number"
job_cd = { column = "card.operation", length = 50 }
res_cd = { column = "card.workstation", length = 50 }
report_dt = "to_time"
machine_time = "time_in_mins"
order_qty = "card.total_completed_qty"
"""


def _of_time_logs(survey: Survey, text: str) -> tuple[str, list[str]]:
    """The results from time logs, where job cards do not add them up."""
    tables = {t.name: t for t in survey.tables}
    card = tables.get("tabJob Card")
    summed = card is None or any(c.name == "total_time_in_mins" for c in card.columns)
    if summed or "tabJob Card Time Log" not in tables:
        return text, []
    said = "# tabJob Card has no total_time_in_mins: an early version, whose times are read from the time logs of the job cards."
    return text[: text.index("[results]")] + _TIME_LOGS, [said]


def _general(table: str) -> str:
    """A table's name with `COMPANY$` in place of the company, and without an application's id behind it."""
    parts = table.split("$")
    return f"{_COMPANY}{parts[1]}" if len(parts) > 1 and parts[0] and parts[1] else table


def _of_company(survey: Survey, text: str, mine: list[Table]) -> tuple[str, list[str]]:
    """The profile for the company with most rows in its item master; a question where there are several."""
    masters = {t.name.split("$")[0]: survey.rows(t) for t in mine if _general(t.name) == f"{_COMPANY}Item"}
    company = max(masters, key=lambda c: (masters[c], c))
    theirs = {_general(t.name): t.name for t in survey.tables if t.name.split("$")[0] == company}

    def of_company(found: re.Match[str]) -> str:
        table = theirs.get(found[0], f"{company}${found[0][len(_COMPANY) :]}")
        return json.dumps(table, ensure_ascii=False)[1:-1]

    text = re.sub(r"COMPANY\$[^\"\n$]+(?=\")", of_company, text)
    others = [f"{c!r} ({n:,} items)" for c, n in sorted(masters.items()) if c != company]
    if not others:
        return text, []
    shown = ", ".join(others).replace("\n", " ")
    return text, [
        f"# DECIDE: which company? This is {company!r} ({masters[company]:,} items); there are also {shown}."
    ]


def _with_schema(text: str, schema: str) -> str:
    line = f"schema = {json.dumps(schema, ensure_ascii=False)}"
    if "\n[source]\n" in text:
        return text.replace("\n[source]\n", f"\n[source]\n{line}\n", 1)
    return text.replace("\n[items]\n", f"\n[source]\n{line}\n\n[items]\n", 1)
