"""Commands about published batches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from routing_etl.cli.audit import audited
from routing_etl.cli.common import UserOption, WhyOption, read_settings
from routing_etl.cli.output import gives, output
from routing_etl.cli.root import publications_app
from routing_etl.cli.streams import echo


@publications_app.command("list")
@gives("publications list", "warehouse.publications:Publication", many=True, table=True)
def publications_list() -> None:
    """Publications, newest first."""
    from routing_etl.cli.display.publications import publications_table
    from routing_etl.cli.shown import as_rows
    from routing_etl.pipeline import upkeep

    found = upkeep.publications(read_settings())
    names = (
        "id", "state", "current", "withdrawn", "model_version", "run_id", "created_at", "loaded_at", "published_at",
        "published_by", "message",
    )  # fmt: skip
    output().give(found, lambda screen: publications_table(screen, found), lambda: as_rows(found, *names))


@publications_app.command("diff")
@gives("publications diff", "cli.shown:ChangesShown", table=True)
def publications_diff(
    after: Annotated[int | None, typer.Argument(help="Publication id; default: what the ERP reads.")] = None,
    before: Annotated[
        int | None, typer.Option("--with", help="Publication to compare with; default: the one before.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="How many of the changed items are shown.")] = 20,
) -> None:
    """What a publication changed: items that are new, gone, or have another first candidate."""
    from routing_etl.cli.display.publications import changes_table
    from routing_etl.cli.shown import changes_of
    from routing_etl.pipeline import upkeep

    found = upkeep.changes(read_settings(), after, before)
    output().give(
        changes_of(found),
        lambda screen: changes_table(screen, found, top),
        found.changed.to_dicts,
    )


@publications_app.command("export")
@gives("publications export", "pipeline.exports:Exported", table=True)
def publications_export(
    out: Annotated[Path, typer.Option("--out", help="Folder; made when it is missing.")] = Path("export"),
    kinds: Annotated[
        list[str] | None,
        typer.Option("--format", help="csv, parquet, jsonl or xlsx; may be given several times."),
    ] = None,
) -> None:
    """Write what the ERP reads into files, in its 52 columns, with a checksum of each."""
    from routing_etl.cli.shown import as_rows
    from routing_etl.pipeline.exports import SUMS, export

    found = export(read_settings(), out, kinds or ["csv"])

    def show(_: object) -> None:
        for file in found.files:
            echo(f"{file.path}: {file.rows:,} operations, {file.bytes:,} bytes, sha256 {file.sha256}")
        echo(f"Publication {found.publication_id}. Checksums: {out / SUMS} (sha256sum -c {SUMS})")

    output().give(found, show, lambda: as_rows(found.files, "path", "rows", "bytes", "sha256"))


@publications_app.command("rollback")
@gives("publications rollback", "cli.shown:PointerShown")
@audited("publications rollback", "to")
def publications_rollback(
    to: Annotated[
        int | None, typer.Option("--to", help="Publication id; default: what readers saw before.")
    ] = None,
    why: WhyOption = "",
    user: UserOption = "",
) -> None:
    """Make an earlier publication the current one. Who and why are kept in `audit_log`."""
    from routing_etl.cli.shown import PointerShown
    from routing_etl.pipeline import upkeep

    now = upkeep.rollback(read_settings(), to)
    output().give(PointerShown(now), lambda _: echo(f"Publication {now} is the current one."))
