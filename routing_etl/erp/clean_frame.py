"""Cleaning one frame: its raw rows go in, its file, its rejects and its account come out.

Belongs here: what is the same for every frame, above all that rows in = rows kept + rows rejected + rows filtered. Does
not: the rules of a frame (`clean_items`, `clean_operations`, `clean_results`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from routing_etl.erp.clean_codes import Equality
from routing_etl.erp.clean_items import count_problems
from routing_etl.erp.clean_report import FrameClean
from routing_etl.erp.files import RawFrame, parquet_writer
from routing_etl.erp.profile import Profile
from routing_etl.erp.raw_frames import absent_columns, raw_columns
from routing_etl.erp.rejects import Account, rejecting
from routing_etl.erp.text import Counter
from routing_etl.errors import FrameError
from routing_etl.frames import Frame

#: Raw columns that together name a row for people, by frame.
ROW_KEYS = {
    "items": ("item_cd",),
    "operations": ("item_cd", "rout_no", "proc_seq"),
    "work_results": ("item_cd", "rout_no", "proc_seq", "oper_no", "job_cd"),
    "purchase_orders": ("po_no", "item_cd"),
}

#: Values that a warning names for each rule.
WORDS = 5
#: Cleans a piece of a frame: raw rows, their problems, the account.
CleanPiece = Callable[[pl.DataFrame, pl.DataFrame, Account], pl.DataFrame]


@dataclass(frozen=True)
class Cleaning:
    """What the cleaning of every frame shares: where raw frames, clean frames and rejects lie, the profile, which codes are equal."""

    raw: Path
    out: Path
    rejects: Path
    profile: Profile
    equal: Equality
    advance: Callable[[float], None]
    before: pl.DataFrame


@contextmanager
def account_of(job: Cleaning, name: str) -> Iterator[tuple[pl.DataFrame, Account]]:
    """A raw frame's problems, and the account that its cleaning fills."""
    problems = pl.read_parquet(RawFrame(job.raw, name).problems)
    columns = raw_columns(job.raw, name)
    key = [n for n in ROW_KEYS[name] if n in columns]
    with rejecting(job.rejects, name, key, columns, problems) as sink:
        account = Account(sink, Counter(absent_columns(name, columns)), Counter())
        count_problems(problems, account.repairs)
        yield problems, account


def closed(name: str, account: Account, rows_in: int, rows_kept: int, started: float) -> FrameClean:
    """The frame's account; every row must have been kept, rejected or filtered.

    Raises
    ------
    FrameError
        A row is in none of them, or in two.
    """
    rejects, filtered = account.rejects, account.filtered.totals()
    out = rows_kept + rejects.rows + sum(filtered.values())
    if out != rows_in:
        raise FrameError(
            f"Cleaning {name}: {rows_in} rows in, but {rows_kept} kept + {rejects.rows} rejected + "
            f"{sum(filtered.values())} filtered = {out}.",
            remedy="This is a defect of the cleaning rules; keep the run folder and report it.",
        )
    return FrameClean(
        rows_in=rows_in,
        rows_kept=rows_kept,
        rows_rejected=rejects.rows,
        rows_filtered=sum(filtered.values()),
        rejects=dict(sorted(rejects.counts.items())),
        filtered=filtered,
        repairs={r: dict(sorted(c.items())) for r, c in sorted(account.repairs.by_rule.items())},
        seconds=round(time.perf_counter() - started, 3),
        examples=dict(sorted(rejects.examples.items())),
        words={r: account.repairs.most_often(r, WORDS) for r in sorted(account.repairs.words)},
        different={r: len(w) for r, w in sorted(account.repairs.words.items())},
    )


def clean_in_pieces(
    job: Cleaning, contract: Frame, pieces: Iterable[pl.DataFrame], clean_piece: CleanPiece
) -> FrameClean:
    """Clean a frame piece by piece into its file."""
    started = time.perf_counter()
    rows_in = rows_kept = 0
    with (
        account_of(job, contract.name) as (problems, account),
        parquet_writer(job.out / f"{contract.name}.parquet", contract.schema) as writer,
    ):
        for piece in pieces:
            mine = problems.join(piece.select("row_nr"), on="row_nr", how="semi")
            kept = clean_piece(piece, mine, account)
            writer.write(kept)
            rows_in += piece.height
            rows_kept += kept.height
            job.advance(piece.height)
    return closed(contract.name, account, rows_in, rows_kept, started)
