"""The demo plant: a realistic ERP database made from a seed, as a test bed whose ceiling is known.

`write_plant` draws the plant (see the package's docstring) and writes it in bulk. It never overwrites a real ERP.

The truth tables beside the four source tables (`schema.py`) say, per item, which routings a planner would write today and
with what probability, and the minutes that the attributes determine. The ceiling is the mean probability of the most
probable job sequence. It is computed on the true attributes: dirt hides some of them from any model, so what can be reached
is a little lower.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from routing_etl.database.engine import make_engine, safe_url, translated
from routing_etl.errors import ConfigurationError, FrameError
from routing_etl.plant import schema
from routing_etl.plant.draw import draw_book
from routing_etl.plant.grammar import Book
from routing_etl.plant.history import choose_routed, day_of, make_orders, make_routings
from routing_etl.plant.items import item_codes, visible_items
from routing_etl.plant.knobs import Grammar
from routing_etl.plant.latent import Array, Catalogue, Latent, draw_latent
from routing_etl.plant.rows import (
    Plant,
    purchase_rows,
    result_rows,
    rout_numbers,
    routing_rows,
)
from routing_etl.plant.texts import write_texts
from routing_etl.plant.truth import item_truth_rows, truth_rows, truth_time_rows
from routing_etl.plant.wide import draw_notes
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings

__all__ = ["Grammar", "PlantReport", "typed_frame", "write_plant"]

#: Smaller plants have families without items; larger ones have not been tried.
MIN_ITEMS, MAX_ITEMS = 200, 325_000
#: Row of the summary table by which a demo plant is recognised.
_MARK = ("generator", "routing_etl.plant.demo")
_ROUTINGS_PER_CHUNK = 8_000
_ORDERS_PER_CHUNK = 25_000
_ITEMS_PER_CHUNK = 20_000


@dataclass(frozen=True)
class PlantReport:
    """What was written.

    Parameters
    ----------
    rows : dict of str to int
        Rows per table.
    seconds : float
        Time taken.
    ceiling : float
        Mean probability of the most probable job sequence, over items without a routing.
    """

    rows: dict[str, int]
    seconds: float
    ceiling: float


def write_plant(
    url: str,
    n_items: int,
    seed: int,
    settings: Settings,
    *,
    grammar: Grammar | None = None,
    progress: Progress = SILENT,
) -> PlantReport:
    """Write a demo plant into a database; the same arguments give the same rows.

    An earlier demo plant there is replaced. Memory stays below 3 GB at 325,000 items.

    Parameters
    ----------
    url : str
        Database URL.
    n_items : int
        Number of items.
    seed : int
        Seed of all draws.
    settings : Settings
        Timeouts and rows per load.
    grammar : Grammar, optional
        Knobs of the plant.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    PlantReport
        Rows per table and the ceiling.

    Raises
    ------
    ConfigurationError
        `n_items` or `seed` is out of bounds, the URL is none, or tables of the same names are not a demo plant's.
    RoutingEtlError
        The database cannot be written.
    """
    if not MIN_ITEMS <= n_items <= MAX_ITEMS:
        raise ConfigurationError(
            f"A demo plant of {n_items} items is not possible.",
            remedy=f"Give {MIN_ITEMS} to {MAX_ITEMS} items.",
        )
    if seed < 0:
        raise ConfigurationError(f"The seed {seed} is negative.", remedy="Give 0 or more.")
    begin = time.monotonic()
    knobs = grammar if grammar is not None else Grammar()
    engine = _engine(url, settings)
    try:
        with translated("erp", url):
            _clear(engine, url)
            with progress.task("Plant: grammar and items", 1) as task:
                book = draw_book(seed, knobs)
                task.advance()
            sink = _Sink(engine, settings.load_rows)
            summary = _write_all(sink, book, _Draws(seed, n_items), progress)
            with progress.task("Plant: indexes") as task:
                for table in (*schema.SOURCE_TABLES, *schema.TRUTH_TABLES):
                    for index in sorted(table.indexes, key=lambda i: str(i.name)):
                        index.create(engine)
                        task.advance()
            sink.close(summary)
    finally:
        engine.dispose()
    return PlantReport(
        {t.name: sink.rows.get(t.name, 0) for t in (*schema.SOURCE_TABLES, *schema.TRUTH_TABLES)},
        time.monotonic() - begin,
        float(summary["ceiling"]),
    )


@dataclass(frozen=True)
class _Draws:
    """Independent random generators of a plant, by part of its making and chunk."""

    seed: int
    n_items: int

    def rng(self, part: int, chunk: int = 0) -> np.random.Generator:
        """The generator of one part."""
        return np.random.default_rng([self.seed, self.n_items, part, chunk])


def _write_all(sink: _Sink, book: Book, draws: _Draws, progress: Progress) -> dict[str, str]:
    """Draw the plant and write its tables; returns the summary."""
    knobs, n_items = book.grammar, draws.n_items
    choices = draws.rng(2)
    items, source = _draw_items(draws, book.catalogue, knobs, choices)
    codes = item_codes(draws.rng(3), book.catalogue, items)
    master = visible_items(draws.rng(4), book.catalogue, items, codes, knobs)
    written = write_texts(
        draws.rng(12),
        np.random.default_rng([draws.seed, 15]),
        master,
        items,
        book.catalogue,
        book.wide,
        knobs,
    )
    master = written.master[source.astype(np.uint32)].with_columns(codes)
    twice = choices.choice(n_items, max(2, n_items // 8000) if knobs.dirt else 0, replace=False)
    _write_items(sink, master, twice, progress)

    plan = book.plan(items)
    routed = choose_routed(draws.rng(5), book.catalogue, items, knobs.routed_share)
    routings = make_routings(draws.rng(6), book, items, plan, routed)
    n_operations = len(routings.op_job)
    effect = np.ones(n_operations)
    if knobs.item_time_noise:
        effect = draws.rng(9).lognormal(0, knobs.item_time_noise, n_operations)
    orders = make_orders(draws.rng(8), book, routings, n_items)
    numbers = rout_numbers(book, routings)
    plant = Plant(book, items, master, plan, routed, routings, numbers, orders, effect, written.told[source])
    _write_history(sink, plant, draws, progress)
    chances = _write_truth(sink, plant, progress)
    return _summary(plant, chances, draws.seed, sink.rows.get(schema.RESULTS_VIEW, 0))


def _draw_items(
    draws: _Draws, catalogue: Catalogue, knobs: Grammar, choices: np.random.Generator
) -> tuple[Latent, Array]:
    """Items, some of which repeat another one; and the item whose attributes each one shows."""
    items = draw_latent(draws.rng(1), catalogue, draws.n_items, knobs.new_item_share)
    if knobs.plant_rules:
        notes = draw_notes(draws.rng(13), draws.n_items, knobs.plant_rules, knobs.plant_rule_share)
        items = replace(items, notes=notes)
    source = np.arange(draws.n_items)
    copied = choices.random(draws.n_items) < knobs.duplicate_items
    originals = np.flatnonzero(~copied)
    if len(originals):
        source[copied] = choices.choice(originals, int(copied.sum()))
    return items.take(source), source


def _write_items(sink: _Sink, master: pl.DataFrame, twice: Array, progress: Progress) -> None:
    """The item master, then the rows of some items again, half of them with another drawing revision."""
    with progress.task("Plant: items", len(master)) as task:
        for low, high in _spans(len(master), _ITEMS_PER_CHUNK):
            sink.write(schema.ITEM_TABLE, master[low:high])
            task.advance(high - low)
        half = pl.Series(np.arange(len(twice)) % 2 == 0)
        revision = pl.when(half).then(pl.lit("Z")).otherwise(pl.col("DRAW_REV"))
        sink.write(schema.ITEM_TABLE, master[twice.astype(np.uint32)].with_columns(DRAW_REV=revision))


def _write_history(sink: _Sink, plant: Plant, draws: _Draws, progress: Progress) -> None:
    """Routings, work results and purchase orders."""
    knobs = plant.book.grammar
    n_routings, n_orders = len(plant.routings.item), len(plant.orders.routing)
    with progress.task("Plant: routings", n_routings) as task:
        for chunk, (low, high) in enumerate(_spans(n_routings, _ROUTINGS_PER_CHUNK)):
            sink.write(schema.ROUTING_TABLE, routing_rows(draws.rng(7, chunk), plant, low, high))
            task.advance(high - low)
    with progress.task("Plant: work results", n_orders) as task:
        for chunk, (low, high) in enumerate(_spans(n_orders, _ORDERS_PER_CHUNK)):
            sink.write(schema.RESULTS_TABLE, result_rows(draws.rng(10, chunk), plant, low, high))
            task.advance(high - low)
    with progress.task("Plant: purchase orders", 1) as task:
        n_lines, as_of = draws.n_items // 2, day_of(knobs.as_of)
        sink.write(
            schema.PURCHASE_TABLE, purchase_rows(draws.rng(11), plant.codes, n_lines, as_of, knobs.dirt)
        )
        task.advance()


@dataclass(frozen=True)
class _Chances:
    """Per item: probability of the most probable job sequence, and that two planners write the same one."""

    best: Array
    agree: Array


def _write_truth(sink: _Sink, plant: Plant, progress: Progress) -> _Chances:
    n_items = len(plant.items)
    best, agree = np.zeros(n_items), np.zeros(n_items)
    op_item = plant.routings.op_item
    bounds = np.searchsorted(op_item, np.arange(0, n_items + _ITEMS_PER_CHUNK, _ITEMS_PER_CHUNK))
    with progress.task("Plant: truth", n_items) as task:
        for chunk, (low, high) in enumerate(_spans(n_items, _ITEMS_PER_CHUNK)):
            truth = truth_rows(plant, low, high)
            per_job = truth.rows.group_by("row", "JOB_SEQ").agg(pl.col("PROBABILITY").sum())
            top = per_job.group_by("row").agg(
                best=pl.col("PROBABILITY").max(), agree=(pl.col("PROBABILITY") ** 2).sum()
            )
            best[top["row"].to_numpy()] = top["best"].to_numpy()
            agree[top["row"].to_numpy()] = top["agree"].to_numpy()
            sink.write(schema.TRUTH_ROUTING_TABLE, truth.rows.drop("row"))
            written = slice(bounds[chunk], bounds[chunk + 1])
            item = np.concatenate([truth.item, op_item[written]])
            job = np.concatenate([truth.job, plant.routings.op_job[written]])
            sink.write(schema.TRUTH_TIME_TABLE, truth_time_rows(plant, item, job))
            sink.write(schema.TRUTH_ITEM_TABLE, item_truth_rows(plant, low, high))
            task.advance(high - low)
    return _Chances(best, agree)


def _summary(plant: Plant, chances: _Chances, seed: int, n_results: int) -> dict[str, str]:
    book, routed, knobs = plant.book, plant.routed, plant.book.grammar
    return {
        "ceiling": f"{chances.best[~routed].mean():.6f}",
        "ceiling_meaning": "mean over unrouted items of the most probable job sequence's probability, on true attributes",
        "ceiling_routed": f"{chances.best[routed].mean():.6f}",
        "two_planners_agree": f"{chances.agree[~routed].mean():.6f}",
        "n_items": str(len(plant.items)),
        "n_routed": str(int(routed.sum())),
        "n_routings": str(len(plant.routings.item)),
        "n_operations": str(len(plant.routings.op_job)),
        "n_work_results": str(n_results),
        "n_job_codes": str(len(book.codes.code) - 1),
        "seed": str(seed),
        "as_of": knobs.as_of.isoformat(),
        "code_change": book.drift.changed.isoformat(),
        "code_changes": ", ".join(
            f"{book.codes.code[old]} -> {book.codes.code[new]}"
            for new, old in enumerate(book.drift.old_code)
            if old != new
        ),
        "note_jobs": ", ".join(book.codes.code[rule.code] for rule in book.wide.rules),
        "machine_change": book.shop.changed.isoformat(),
        "replaced_machines": ", ".join(
            book.shop.resources.code[new] for new, old in enumerate(book.shop.old_machine) if old != new
        ),
        "machines_by_load": ", ".join(
            f"{book.shop.resources.code[first]} / {book.shop.resources.code[second]}"
            for first, second in zip(book.shop.machine[0, :, 0], book.shop.second, strict=True)
            if second
        ),
        **{f"grammar.{name}": value for name, value in knobs.knobs().items()},
    }


def _spans(total: int, size: int) -> Iterator[tuple[int, int]]:
    for low in range(0, total, size):
        yield low, min(low + size, total)


# --- database ---------------------------------------------------------------------------------------------------------
def _engine(url: str, settings: Settings) -> Engine:
    """A writing engine; on SQLite a plain journal, so that the finished file needs nothing beside it."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as exc:
        raise ConfigurationError(
            "The URL of the demo plant is not a database URL.", remedy="Use for example sqlite:///erp.db."
        ) from exc
    if parsed.get_backend_name() != "sqlite":
        return make_engine(url, "warehouse", settings)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return sa.create_engine(parsed, connect_args={"timeout": settings.lock_timeout}, poolclass=sa.StaticPool)


def table_names() -> frozenset[str]:
    """The tables of a demo plant, in lower case."""
    return frozenset(t.name.lower() for t in schema.METADATA.sorted_tables)


def _clear(engine: Engine, url: str) -> None:
    """Drop an earlier demo plant, create the tables, write the mark. Refuses tables that are not a demo plant's."""
    inspector = sa.inspect(engine)
    ours = table_names()
    present = sorted(
        n for n in [*inspector.get_table_names(), *inspector.get_view_names()] if n.lower() in ours
    )
    (mark, writer), marked = _MARK, False
    if schema.TRUTH_SUMMARY.lower() in {n.lower() for n in present}:
        table = schema.TRUTH_SUMMARY_TABLE
        with engine.connect() as connection:
            query = sa.select(table.c["VALUE"]).where(table.c["NAME"] == mark)
            marked = connection.execute(query).scalar() == writer
    if present and not marked:
        raise ConfigurationError(
            f"The database {safe_url(url)} already has {', '.join(present)}, which no demo plant wrote.",
            remedy="Give another URL; a demo plant never replaces tables of a real ERP.",
        )
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            for pragma in (
                "journal_mode = MEMORY",
                "synchronous = OFF",
                "cache_size = -131072",
                "temp_store = MEMORY",
            ):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
    with engine.begin() as connection:
        schema.METADATA.drop_all(connection)
    if present and engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
    with engine.begin() as connection:
        for sqla_table in schema.METADATA.sorted_tables:
            connection.execute(sa.schema.CreateTable(sqla_table))
        connection.execute(
            schema.TRUTH_SUMMARY_TABLE.insert(),
            [{"NAME": mark, "VALUE": writer}, {"NAME": "state", "VALUE": "unfinished"}],
        )


def typed_frame(table: sa.Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Turn text dates into dates for databases with strict types; what is not a date becomes NULL."""
    return frame.with_columns(
        pl.col(c.name).str.to_date("%Y-%m-%d", strict=False)
        if isinstance(c.type, sa.Date)
        else pl.col(c.name).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
        for c in table.columns
        if isinstance(c.type, sa.Date | sa.DateTime)
    )


class _Sink:
    """Writes frames into tables: plain tuples on SQLite, the dialect's executemany elsewhere."""

    def __init__(self, engine: Engine, load_rows: int) -> None:
        self.engine = engine
        self.load_rows = load_rows
        self.rows: dict[str, int] = {}
        self.loose = engine.dialect.name == "sqlite"

    def write(self, table: sa.Table, frame: pl.DataFrame) -> None:
        """Append the frame; its columns must be the table's."""
        names = [c.name for c in table.columns]
        if frame.columns != names:
            raise FrameError(
                f"Rows of {table.name} have columns {frame.columns}.", remedy=f"Needed: {names}."
            )
        self.rows[table.name] = self.rows.get(table.name, 0) + len(frame)
        if not len(frame):
            return
        if self.loose:
            quoted = ", ".join(f'"{n}"' for n in names)
            marks = ", ".join("?" * len(names))
            rows = list(zip(*(frame[n].to_list() for n in names), strict=True))
            with self.engine.begin() as connection:
                connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})', rows)
            return
        frame = typed_frame(table, frame)
        for low, high in _spans(len(frame), self.load_rows):
            with self.engine.begin() as connection:
                connection.execute(table.insert(), frame[low:high].to_dicts())

    def close(self, summary: dict[str, str]) -> None:
        """Write the summary and mark the plant finished."""
        table = schema.TRUTH_SUMMARY_TABLE
        rows = [{"NAME": name, "VALUE": value} for name, value in summary.items()]
        self.rows[table.name] = len(rows) + 2
        with self.engine.begin() as connection:
            connection.execute(table.insert(), rows)
            connection.execute(table.update().where(table.c["NAME"] == "state").values(VALUE="finished"))
        if self.loose:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA optimize")
