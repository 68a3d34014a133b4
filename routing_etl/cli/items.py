"""Commands about items: their predictions, and taking over what is proposed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from routing_etl.cli.audit import audited
from routing_etl.cli.common import RunOption, read_settings
from routing_etl.cli.item_files import check_file, codes_of, write_tables
from routing_etl.cli.output import gives, output
from routing_etl.cli.root import app
from routing_etl.cli.streams import echo
from routing_etl.errors import ConfigurationError, ItemNotFoundError

if TYPE_CHECKING:
    from rich.console import Console

    from routing_etl.sheets.content import Sheet

_OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Write the rows with all their columns: FILE.xlsx, FILE.json or FILE.csv (one per table).",
    ),
]


@app.command()
@gives("predict", "sheets.content:Sheet", many=True, table=True)
def predict(
    item_cd: Annotated[list[str] | None, typer.Argument(help="Item codes as the ERP has them.")] = None,
    items: Annotated[
        Path | None,
        typer.Option("--items", help="List of items: a CSV file with a column ITEM_CD, or one code a line."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="What if: ATTRIBUTE=VALUE, repeatable.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Model version; default: the champion.")
    ] = None,
    lot: Annotated[
        float | None, typer.Option("--lot", help="Pieces of the order; default: the item's usual lot.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write the item's sheet: a file, or a folder for several items."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the sheet in the browser.")] = False,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the sheet: en or ko; default: the setting.")
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Predict items, with their evidence; a sheet per item as HTML. Publishes nothing."""
    from routing_etl.cli.display.prediction import prediction_details
    from routing_etl.pipeline.item_sheets import save_sheets, sheets_of_predictions
    from routing_etl.pipeline.one_item import WhatIf, predict_items

    settings = read_settings(sheet_language=language)
    what_if = WhatIf(_overrides(set_ or []), lot)
    codes = list(dict.fromkeys([*(item_cd or []), *(codes_of(items) if items is not None else [])]))
    if not codes:
        raise ConfigurationError("No item is named.", remedy="Name item codes, or a list: --items FILE")
    predicted = predict_items(settings, codes, what_if, version=version, run_id=run_id)
    found, unknown = predicted.found, predicted.unknown
    if unknown and (items is None or not found):
        raise unknown[0]
    sheets = sheets_of_predictions(found, settings)
    files = save_sheets(settings, sheets, html) if html or open_ else ()

    def text(screen: Console) -> None:
        if html is None:
            for prediction, sheet in zip(found, sheets, strict=True):
                prediction_details(screen, prediction, sheet=sheet)
        for file in files:
            echo(f"Wrote {file}")

    output().give(sheets, text, lambda: _operations(sheets))
    if open_:
        for file in files:
            typer.launch(file.absolute().as_uri())
    if unknown:
        more = f" (and {len(unknown) - 1} others of the list)" if len(unknown) > 1 else ""
        raise ItemNotFoundError(
            f"{len(found)} of {len(codes)} items were predicted. {unknown[0].message}{more}",
            remedy=unknown[0].remedy,
        )


def _operations(sheets: list[Sheet]) -> list[dict[str, object]]:
    """A row per operation of every candidate."""
    return [
        {
            "item_cd": sheet.item_cd, "candidate_id": c.candidate_id, "rank": c.rank, "confidence": c.confidence,
            "number": o.number, "job_cd": o.job_cd, "job_nm": o.job_nm, "outside": o.outside, "res_cd": o.res_cd,
            "res_nm": o.res_nm, "supplier": o.supplier, "setup_min": o.setup.value, "setup_p10": o.setup.low,
            "setup_p90": o.setup.high, "run_min": o.run.value, "run_p10": o.run.low, "run_p90": o.run.high,
            "time_source": o.time_source, "results": o.results,
        }
        for sheet in sheets for c in sheet.candidates for o in c.operations
    ]  # fmt: skip


def _overrides(pairs: list[str]) -> dict[str, str]:
    overrides = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise ConfigurationError(
                f"--set {pair!r} is not NAME=VALUE.", remedy="Write for example --set OUTDIAMETER=120"
            )
        overrides[name.strip()] = value.strip()
    return overrides


@app.command()
@gives("adopt", "warehouse.feedback:Adoption")
@audited("adopt", "item_cd", "candidate_id")
def adopt(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    candidate_id: Annotated[str, typer.Argument(help="Candidate id, e.g. 3H18091DB_C01.")],
    user: Annotated[str, typer.Option("--user", help="Who takes it over; kept on record.")],
    edited: Annotated[
        str | None, typer.Option("--edited", help="It is taken over with changes: what will be changed.")
    ] = None,
    out: _OutOption = None,
) -> None:
    """Take over a published candidate: mark it in routing_feedback and give it in the ERP's BOP columns."""
    from routing_etl.cli.display.feedback import adoption
    from routing_etl.pipeline import upkeep

    check_file(out)
    taken = upkeep.adopt(read_settings(), item_cd, candidate_id, user, edited=edited)
    files = write_tables(out, taken.rows) if out is not None else []

    def text(screen: Console) -> None:
        adoption(screen, taken)
        _tell(files)

    output().give(taken, text)


CandidateOption = Annotated[
    str | None, typer.Option("--candidate", help="Only this candidate id; default: all of the item.")
]


@app.command()
@gives("reject", "warehouse.marks:Marked")
@audited("reject", "item_cd", "candidate", "reason")
def reject(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            help="wrong_operations, missing_operation, wrong_order, wrong_machine, wrong_times, wrong_similar_item, item_not_made or "
            "other.",
        ),
    ],
    user: Annotated[str, typer.Option("--user", help="Who rejects it; kept on record.")],
    remark: Annotated[str | None, typer.Option("--remark", help="Why, in words.")] = None,
    candidate: CandidateOption = None,
) -> None:
    """Reject what is proposed for an item: a mark in routing_feedback, with a reason."""
    from routing_etl.cli.display.feedback import marked_candidates
    from routing_etl.pipeline import upkeep

    marked = upkeep.reject(read_settings(), item_cd, reason, user, candidate_id=candidate, remark=remark)
    output().give(marked, lambda screen: marked_candidates(screen, marked))


@app.command()
@gives("undo", "warehouse.marks:Marked")
@audited("undo", "item_cd", "candidate")
def undo(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    user: Annotated[str, typer.Option("--user", help="Who takes the mark back; kept on record.")],
    candidate: CandidateOption = None,
) -> None:
    """Take back the marks of an item's candidates: accepted, edited or rejected."""
    from routing_etl.cli.display.feedback import marked_candidates
    from routing_etl.pipeline import upkeep

    marked = upkeep.undo(read_settings(), item_cd, user, candidate_id=candidate)
    output().give(marked, lambda screen: marked_candidates(screen, marked))


@app.command("adopt-time")
@gives("adopt-time", "warehouse.feedback_time:TimeAdoption")
@audited("adopt-time", "item_cd", "rout_no", "proc_seq")
def adopt_time(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    rout_no: Annotated[str, typer.Argument(help="Routing number as the ERP has it.")],
    proc_seq: Annotated[int, typer.Argument(help="Operation number.")],
    user: Annotated[str, typer.Option("--user", help="Who takes it over; kept on record.")],
    out: _OutOption = None,
) -> None:
    """Take over proposed standard times: mark them in routing_feedback_time and give them in the ERP's BOP columns."""
    from routing_etl.cli.display.feedback import time_adoption
    from routing_etl.pipeline import upkeep
    from routing_etl.warehouse.feedback_time import Operation

    check_file(out)
    adopted = upkeep.adopt_time(read_settings(), Operation(item_cd, rout_no, proc_seq), user)
    files = write_tables(out, {"bop_proc_detail_time": [adopted.row]}) if out is not None else []

    def text(screen: Console) -> None:
        time_adoption(screen, adopted)
        _tell(files)

    output().give(adopted, text)


def _tell(files: Iterable[Path]) -> None:
    for file in files:
        echo(f"Wrote {file}")
