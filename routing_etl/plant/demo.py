"""The demo plant: a realistic ERP database made from a seed, as a test bed whose ceiling is known.

What belongs here: `write_plant`, its safety (a real ERP is never overwritten) and bulk writing. What does not: the plant
itself (`plant_latent`, `plant_rules`, `plant_grammar`, `plant_history`), its texts and dirt (`plant_items`, `plant_rows`).

The truth tables beside the four source tables (`plant_schema`) say, per item, which routings a planner would write today
and with what probability, and the minutes that the attributes determine. The ceiling is the mean probability of the
most probable job sequence. It is computed on the true attributes: the dirt hides some of them from any model, so what
can be reached is a little lower.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from routing_etl.database.engine import make_engine, safe_url, translated
from routing_etl.errors import ConfigurationError, FrameError
from routing_etl.plant import schema
from routing_etl.plant.draw import draw_book
from routing_etl.plant.grammar import Book, Grammar
from routing_etl.plant.history import choose_routed, day_of, make_orders, make_routings
from routing_etl.plant.items import item_codes, visible_items
from routing_etl.plant.latent import Array, draw_latent
from routing_etl.plant.rows import (
    purchase_rows,
    result_rows,
    rout_numbers,
    routing_rows,
    truth_rows,
    truth_time_rows,
)
from routing_etl.progress import SILENT, Progress
from routing_etl.settings import Settings

__all__ = ["Grammar", "PlantReport", "typed_frame", "write_plant"]

MIN_ITEMS, MAX_ITEMS = 200, 325_000
_MARK = ("generator", "routing_etl.plant.demo")
_ROUTINGS_PER_CHUNK = 8_000
_ORDERS_PER_CHUNK = 25_000
_ITEMS_PER_CHUNK = 20_000


@dataclass(frozen=True)
class PlantReport:
    """What was written: rows per table, seconds, and the ceiling (see the module's docstring)."""

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
    """Write a plant of `n_items` items into the database at `url`; the same arguments give the same rows.

    An earlier demo plant there is replaced. Memory stays below 3 GB at 325,000 items.

    Raises
    ------
    ConfigurationError: `n_items` or `seed` out of bounds, no database URL, or tables of the same names that are not a
        demo plant's.
    RoutingEtlError: the database cannot be written.
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
            summary = _write_all(sink, book, n_items, seed, progress)
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


def _write_all(sink: _Sink, book: Book, n_items: int, seed: int, progress: Progress) -> dict[str, str]:
    """Draw the plant and write its tables; returns the summary."""
    knobs = book.grammar

    def rng(part: int, chunk: int = 0) -> np.random.Generator:
        return np.random.default_rng([seed, n_items, part, chunk])

    cat = book.catalogue
    items = draw_latent(rng(1), cat, n_items, knobs.new_item_share)
    draw = rng(2)
    source = np.arange(n_items)
    copied = draw.random(n_items) < knobs.duplicate_items
    originals = np.flatnonzero(~copied)
    if len(originals):
        source[copied] = draw.choice(originals, int(copied.sum()))
    items = items.take(source)
    codes = item_codes(rng(3), cat, items)
    master = visible_items(rng(4), cat, items, codes, knobs.attribute_noise, knobs.dirt)
    master = master[source.astype(np.uint32)].with_columns(codes)
    twice = draw.choice(n_items, max(2, n_items // 8000) if knobs.dirt else 0, replace=False)
    with progress.task("Plant: items", n_items) as task:
        for low in range(0, n_items, _ITEMS_PER_CHUNK):
            sink.write(schema.ITEM_TABLE, master[low : low + _ITEMS_PER_CHUNK])
            task.advance(min(_ITEMS_PER_CHUNK, n_items - low))
        again = master[twice.astype(np.uint32)]
        half = np.arange(len(twice)) % 2 == 0
        sink.write(
            schema.ITEM_TABLE,
            again.with_columns(
                DRAW_REV=pl.when(pl.Series(half)).then(pl.lit("Z")).otherwise(pl.col("DRAW_REV"))
            ),
        )

    plan = book.plan(items)
    routed = choose_routed(rng(5), cat, items, knobs.routed_share)
    routings = make_routings(rng(6), book, items, plan, routed)
    numbers = rout_numbers(book, routings)
    n_routings = len(routings.item)
    with progress.task("Plant: routings", n_routings) as task:
        for chunk, (low, high) in enumerate(_spans(n_routings, _ROUTINGS_PER_CHUNK)):
            sink.write(
                schema.ROUTING_TABLE,
                routing_rows(rng(7, chunk), book, items, master, routings, numbers, low, high),
            )
            task.advance(high - low)
    orders = make_orders(rng(8), book, routings, n_items)
    effect = rng(9).lognormal(0, knobs.item_time_noise, len(routings.op_job)) if knobs.item_time_noise else np.ones(len(routings.op_job))  # fmt: skip
    with progress.task("Plant: work results", len(orders.routing)) as task:
        for chunk, (low, high) in enumerate(_spans(len(orders.routing), _ORDERS_PER_CHUNK)):
            sink.write(
                schema.RESULTS_TABLE,
                result_rows(rng(10, chunk), book, items, codes, routings, numbers, orders, effect, low, high),
            )
            task.advance(high - low)
    with progress.task("Plant: purchase orders", 1) as task:
        sink.write(
            schema.PURCHASE_TABLE,
            purchase_rows(rng(11), codes, n_items // 2, day_of(knobs.as_of), knobs.dirt),
        )
        task.advance()

    best = np.zeros(n_items)
    agree = np.zeros(n_items)
    machines = book.machines(items)
    op_item = routings.op_item
    bounds = np.searchsorted(op_item, np.arange(0, n_items + _ITEMS_PER_CHUNK, _ITEMS_PER_CHUNK))
    with progress.task("Plant: truth", n_items) as task:
        for chunk, (low, high) in enumerate(_spans(n_items, _ITEMS_PER_CHUNK)):
            truth, item, job = truth_rows(book, items, plan, machines, codes, low, high)
            per_job = truth.group_by("row", "JOB_SEQ").agg(pl.col("PROBABILITY").sum())
            top = per_job.group_by("row").agg(
                best=pl.col("PROBABILITY").max(), agree=(pl.col("PROBABILITY") ** 2).sum()
            )
            best[top["row"].to_numpy()] = top["best"].to_numpy()
            agree[top["row"].to_numpy()] = top["agree"].to_numpy()
            sink.write(schema.TRUTH_ROUTING_TABLE, truth.drop("row"))
            written = slice(bounds[chunk], bounds[chunk + 1])
            item = np.concatenate([item, op_item[written]])
            job = np.concatenate([job, routings.op_job[written]])
            sink.write(schema.TRUTH_TIME_TABLE, truth_time_rows(book, items, codes, item, job))
            task.advance(high - low)
    return _summary(book, n_items, seed, routed, best, agree, n_routings, len(routings.op_job), sink)


def _summary(
    book: Book,
    n_items: int,
    seed: int,
    routed: Array,
    best: Array,
    agree: Array,
    n_routings: int,
    n_operations: int,
    sink: _Sink,
) -> dict[str, str]:
    knobs = book.grammar
    open_items = ~routed
    return {
        "ceiling": f"{best[open_items].mean():.6f}",
        "ceiling_meaning": "mean over unrouted items of the most probable job sequence's probability, on true attributes",
        "ceiling_routed": f"{best[routed].mean():.6f}",
        "two_planners_agree": f"{agree[open_items].mean():.6f}",
        "n_items": str(n_items),
        "n_routed": str(int(routed.sum())),
        "n_routings": str(n_routings),
        "n_operations": str(n_operations),
        "n_work_results": str(sink.rows.get(schema.RESULTS_VIEW, 0)),
        "n_job_codes": str(len(book.codes.code) - 1),
        "seed": str(seed),
        "as_of": knobs.as_of.isoformat(),
        "code_change": book.code_change.isoformat(),
        "code_changes": ", ".join(
            f"{book.codes.code[old]} -> {book.codes.code[new]}"
            for new, old in enumerate(book.old_code)
            if old != new
        ),
        "machine_change": book.machine_change.isoformat(),
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


def _clear(engine: Engine, url: str) -> None:
    """Drop an earlier demo plant, create the tables, write the mark. Refuses tables that are not a demo plant's."""
    inspector = sa.inspect(engine)
    ours = {t.name.lower() for t in schema.METADATA.sorted_tables}
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
    """Text dates as dates, for databases with strict types: what no DATE or DATETIME2 column can hold becomes NULL."""
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
