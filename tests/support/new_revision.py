"""Write the files of a new revision that brings views to what `routing_etl/warehouse/views.py` says today.

    python tests/support/new_revision.py 0005_what routing_flat routing_candidates

Each view is made, or made again with the rights granted on it (`REPLACE VIEW`), with today's text; the downgrade brings the
last frozen text back.
Statements for tables (`ALTER TABLE ... ADD ...`) are then written into the three `.sql` files by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from routing_etl.errors import ConfigurationError
from routing_etl.warehouse.migrate import DIALECTS, script_location
from routing_etl.warehouse.revision_statements import sections
from routing_etl.warehouse.view_again import REPLACE
from routing_etl.warehouse.views import VIEW_NAMES, CreateView, view_selects

_MARK = "schema_of_ours"


def _place(dialect: str) -> str:
    return "" if dialect == "sqlite" else "{schema}."


def today(view: str, dialect: str) -> str:
    """The text that creates a view as the code of today has it, with the placeholder of the schema."""
    schema = None if dialect == "sqlite" else _MARK
    statement = CreateView(view, schema, view_selects(schema, dialect)[view])
    text = str(statement.compile(dialect=sa.make_url(f"{dialect}://").get_dialect()()))
    return "\n".join(line.rstrip() for line in text.replace(f"{_MARK}.", "{schema}.").splitlines())


def frozen(versions: Path, dialect: str) -> dict[str, str]:
    """The texts of the views that the revisions leave."""
    found: dict[str, str] = {}
    for path in sorted(versions.glob(f"*.{dialect}.sql")):
        for statement in sections(path)["upgrade"]:
            verb, kind, name, *_ = statement.split()
            if kind == "VIEW" and verb in ("CREATE", "REPLACE"):
                found[name.removeprefix("{schema}.")] = statement.replace(REPLACE, "CREATE VIEW ", 1)
            elif kind == "VIEW" and verb == "DROP":
                found.pop(name.removeprefix("{schema}."), None)
    return found


def sql(versions: Path, views: Sequence[str], dialect: str) -> str:
    """The `.sql` file of one dialect."""
    old = frozen(versions, dialect)

    def again(create: str) -> str:
        return create.replace("CREATE VIEW ", REPLACE, 1)

    upgrade = [again(today(v, dialect)) if v in old else today(v, dialect) for v in views]
    downgrade = [again(old[v]) if v in old else f"DROP VIEW {_place(dialect)}{v}" for v in reversed(views)]
    parts = ["-- upgrade", *(f"{s};" for s in upgrade), "-- downgrade", *(f"{s};" for s in downgrade)]
    return "\n\n".join(parts) + "\n"


def write(versions: Path, name: str, views: Sequence[str]) -> None:
    """Write `NAME.py` and its three `.sql` files.

    Raises
    ------
    ConfigurationError
        A view is not in `views.py`, or the name does not begin with the number after the last revision's.
    """
    unknown = [v for v in views if v not in VIEW_NAMES]
    if unknown:
        raise ConfigurationError(
            f"views.py has no view {', '.join(unknown)}.", remedy=f"Use one of {', '.join(VIEW_NAMES)}."
        )
    last = max(p.name[:4] for p in versions.glob("[0-9]*.py"))
    number, _, what = name.partition("_")
    if number != f"{int(last) + 1:04}" or not what:
        raise ConfigurationError(
            f"Revision name {name!r} does not follow {last!r}.", remedy=f"Use {int(last) + 1:04}_what."
        )
    # The texts first: they are of the revisions before this one.
    texts = {f"{name}.{dialect}.sql": sql(versions, views, dialect) for dialect in DIALECTS}
    module = (versions.parent / "script.py.mako").read_text(encoding="utf-8")
    for mark, value in (
        ("${message}", what.replace("_", " ").capitalize() + "."),
        ("${repr(up_revision)}", f'"{number}"'),
        ("${repr(down_revision)}", f'"{last}"'),
    ):
        module = module.replace(mark, value)
    for file, text in {f"{name}.py": module, **texts}.items():
        (versions / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(script_location() / "versions", sys.argv[1], sys.argv[2:])
