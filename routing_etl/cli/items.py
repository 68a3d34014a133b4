"""Commands about one item: its prediction, and taking over what is proposed."""

from __future__ import annotations

from typing import Annotated

import typer

from routing_etl.cli.common import RunOption, console, read_settings
from routing_etl.cli.root import app
from routing_etl.errors import ConfigurationError


@app.command()
def predict(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="What if: ATTRIBUTE=VALUE, repeatable.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Model version; default: the champion.")
    ] = None,
    lot: Annotated[
        float | None, typer.Option("--lot", help="Pieces of the order; default: the item's usual lot.")
    ] = None,
    run_id: RunOption = None,
) -> None:
    """Predict one item, with its evidence. Publishes nothing."""
    from routing_etl.cli import display
    from routing_etl.pipeline.one_item import WhatIf, predict_item

    settings = read_settings()
    what_if = WhatIf(_overrides(set_ or []), lot)
    prediction = predict_item(settings, item_cd, what_if, version=version, run_id=run_id)
    display.prediction(console(), prediction)


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
def adopt(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    candidate_id: Annotated[str, typer.Argument(help="Candidate id, e.g. 3H18091DB_C01.")],
    user: Annotated[str, typer.Option("--user", help="Who takes it over; kept on record.")],
) -> None:
    """Take over a published candidate: mark it in routing_feedback and show it in the ERP's BOP shape."""
    from routing_etl.cli import display
    from routing_etl.pipeline import upkeep

    display.adoption(console(), upkeep.adopt(read_settings(), item_cd, candidate_id, user))


@app.command("adopt-time")
def adopt_time(
    item_cd: Annotated[str, typer.Argument(help="Item code as the ERP has it.")],
    rout_no: Annotated[str, typer.Argument(help="Routing number as the ERP has it.")],
    proc_seq: Annotated[int, typer.Argument(help="Operation number.")],
    user: Annotated[str, typer.Option("--user", help="Who takes it over; kept on record.")],
) -> None:
    """Take over proposed standard times: mark them in routing_feedback_time and show them in the ERP's BOP shape."""
    from routing_etl.cli import display_upkeep
    from routing_etl.pipeline import upkeep
    from routing_etl.warehouse.feedback_time import Operation

    adopted = upkeep.adopt_time(read_settings(), Operation(item_cd, rout_no, proc_seq), user)
    display_upkeep.time_adoption(console(), adopted)
