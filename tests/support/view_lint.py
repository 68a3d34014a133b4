"""What may stand between a look-up by item and a seek, found in the text of a view.

SQL Server moves a parameter of a query into a view only as far as nothing is in its way: not below a window, not into a
derived column. A screen that opens one item would then read the whole publication.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlglot
from sqlglot import exp

from routing_etl.warehouse.views import CreateView, view_selects

READ = {"mssql": "tsql", "sqlite": "sqlite", "postgresql": "postgres"}

#: Views of few rows that nobody reads by item, and why they may have what the others may not.
WINDOWED = {
    "model_quality_trend": "a row per version and metric; the version before it is what it is for",
    "freshness": "one row; the newest run is what it is for",
    "time_profile_changes": "a row per month, job and machine; the month before it is what it is for",
}

#: Views that have the column and are asked by publication, and why they may join what is not there.
BY_PUBLICATION = {
    "publication_item_changes": "what an item had before, which may be nothing; the index on from_publication finds the items",
}

#: Views that have the column and never a row.
EMPTY = ("bop_proc_child",)

#: What hides the key, by what a reviewer calls it.
_HIDING: dict[str, type[exp.Expression]] = {
    "a window function": exp.Window,
    "DISTINCT": exp.Distinct,
    "GROUP BY": exp.Group,
    "HAVING": exp.Having,
    "UNION or another set operation": exp.SetOperation,
    "TOP or LIMIT": exp.Limit,
    "FETCH": exp.Fetch,
    "a common table expression": exp.CTE,
}


def text_of(view: str, dialect: str) -> str:
    """CREATE VIEW of a view as head has it."""
    schema = None if dialect == "sqlite" else "plan"
    create = CreateView(view, schema, view_selects(schema, dialect)[view])
    return str(create.compile(dialect=sa.make_url(f"{dialect}://").get_dialect()()))


def views_by_item() -> list[str]:
    """The views with rows that a screen reads by item."""
    return [
        name
        for name, select in view_selects(None, "sqlite").items()
        if name not in (*EMPTY, *BY_PUBLICATION)
        and "item_cd" in (c.name.lower() for c in select.selected_columns)
    ]


def faults(text: str, dialect: str, *, by_item: bool) -> list[str]:
    """What is wrong with a view, one line each.

    Parameters
    ----------
    text : str
        `CREATE VIEW name AS SELECT ...`.
    dialect : str
        `mssql`, `sqlite` or `postgresql`.
    by_item : bool
        Whether it is read by item: then the column `item_cd` has to be the bare column of a table that every row has.
    """
    tree = sqlglot.parse_one(text, read=READ[dialect], error_level=sqlglot.ErrorLevel.RAISE)
    body = tree.expression
    hiding = _HIDING if by_item else {"a window function": exp.Window}
    found = [words for words, kind in hiding.items() if body.find(kind)]
    for comparison in body.find_all(exp.Predicate):
        if isinstance(comparison, exp.Exists):
            continue
        place = comparison.find_ancestor(exp.Join, exp.Where, exp.Select)
        if isinstance(place, exp.Join | exp.Where):
            found += [
                f"{side.sql()} is compared" for side in comparison.iter_expressions() if not _bare(side)
            ]
    if not by_item:
        return found
    if not isinstance(body, exp.Select):
        return found
    found += [f"a derived table: {s.alias}" for s in body.find_all(exp.Subquery) if _source(s)]
    found += [f"an outer join: {j.this.sql()}" for j in body.args.get("joins") or () if j.side]
    key = next((c for c in body.expressions if c.alias_or_name.lower() == "item_cd"), None)
    shown = key.this if isinstance(key, exp.Alias) else key
    if not (isinstance(shown, exp.Column) and shown.name == "item_cd"):
        found.append(f"item_cd is {shown.sql() if shown else 'not there'}, no column of a table")
    return found


def _bare(side: exp.Expression) -> bool:
    return isinstance(side, exp.Column | exp.Literal | exp.Boolean | exp.National | exp.Null)


def _source(subquery: exp.Subquery) -> bool:
    return isinstance(subquery.parent, exp.From | exp.Join)
