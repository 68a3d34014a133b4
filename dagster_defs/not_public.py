"""What `dagster_defs` needs and Dagster does not offer publicly: one function each, with what to wait for.

No other module imports from `dagster._core` and the like, or replaces anything of Dagster's.
`tests/unit/dagster_defs/test_dagster_not_public.py` uses each function as the rooms do and fails when a new version of
Dagster breaks it. The imports stand in the functions, so that a change in Dagster stops only what needs it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import dagster as dg

#: Tags that Dagster puts on runs and reads from them. Their text is fixed, because it stands in stored runs, but only
#: `dagster/max_retries` is documented. To wait for: the names of `dagster._core.storage.tags` in `dagster` itself.
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
BACKFILL_TAG = "dagster/backfill"
ROOT_BACKFILL_TAG = "dagster/root_backfill_id"
MAX_RETRIES_TAG = "dagster/max_retries"


def check_config_at_launch(op: dg.OpDefinition, problem: Callable[[Mapping[str, Any]], str | None]) -> None:
    """Refuse a launch whose configuration of this op has a problem; no run is made.

    Dagster's configuration types know the names and types of fields, but not the bounds of pydantic: `dg.Config` meets
    those when its step begins. Before it makes a run, Dagster plans it, and lets each configuration type post-process
    its value (`ConfigType.post_process`, described there for validation of one's own). This replaces that method on the
    type of this op. Dagster keeps one type for all ops whose fields are the same, so such ops must not stand in one set
    of definitions.

    To wait for: pydantic's bounds checked in the Launchpad or at launch, wished for in
    https://github.com/dagster-io/dagster/pull/12536.

    Parameters
    ----------
    op : dagster.OpDefinition
        The op; the one of an asset is its attribute `op`.
    problem : callable
        Says what is wrong with a configuration, with defaults filled in; None when nothing is.
    """

    def post_process(value: Mapping[str, Any]) -> Mapping[str, Any]:
        said = problem(value)
        if said is not None:
            raise dg.DagsterInvalidConfigError(said, [], value)
        return value

    config_type: Any = op.config_schema.config_type
    config_type.post_process = post_process


def report_progress(
    context: dg.OpExecutionContext, text: str, metadata: Mapping[str, str | int | float]
) -> None:
    """Write an event with metadata into the run's log, under the step that runs.

    An engine event. What is public would be worse: an asset observation fills the asset's own history, and a line of
    `context.log` carries no metadata. To wait for: a public type of event, or `context.log` with metadata.

    Parameters
    ----------
    context : dagster.OpExecutionContext
        Of the running step; other contexts have it as `op_execution_context`.
    text : str
        What the log shows.
    metadata : mapping
        Name and value.
    """
    from dagster._core.events import EngineEventData

    context.instance.report_engine_event(
        text, context.run, EngineEventData(metadata=dict(metadata)), step_key=str(context.op_handle)
    )


def add_backfill(
    instance: dg.DagsterInstance,
    assets: Mapping[dg.AssetKey, dg.PartitionsDefinition[str] | None],
    *,
    title: str,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str:
    """Ask the daemon to materialize all partitions of these assets, in the order of the asset graph.

    To wait for: `DagsterInstance.launch_backfill`, proposed in https://github.com/dagster-io/dagster/pull/26731. The
    public GraphQL client starts jobs only, and needs a web server.

    Parameters
    ----------
    instance : dagster.DagsterInstance
        Whose daemon it is.
    assets : mapping
        Asset and its partitions; None for an asset that has none.
    title : str
        What the page of backfills shows.
    run_config : mapping
        Configuration of every run.
    tags : mapping
        Tags of every run.

    Returns
    -------
    str
        The backfill's id. The daemon takes it up at its next turn.
    """
    from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
    from dagster._core.execution.backfill import PartitionBackfill

    partitions = {key: p.subset_with_all_partitions() for key, p in assets.items() if p is not None}
    whole = {key for key, p in assets.items() if p is None}
    backfill_id = uuid.uuid4().hex[:8]
    instance.add_backfill(
        PartitionBackfill.from_asset_graph_subset(
            backfill_id=backfill_id,
            backfill_timestamp=time.time(),
            tags=dict(tags),
            dynamic_partitions_store=instance,
            asset_graph_subset=AssetGraphSubset(partitions, whole),
            title=title,
            description=None,
            run_config=dict(run_config),
        )
    )
    return backfill_id


@contextmanager
def kept_connections() -> Iterator[None]:
    """While the block lasts, this process keeps its connections to the SQLite files of the event log.

    Dagster makes an engine and a connection for each of the four to five transactions of an event, and SQLAlchemy compiles each
    statement anew for a new engine. With hundreds of checks this costs more processor time than the checks. Here an engine stays
    for each file, with one connection, under the same lock as before. Other storages are left alone.

    To wait for: a SQLite event log that keeps its engine, as that of PostgreSQL does; nothing like it is proposed that we know of.
    """
    import sqlalchemy as sa
    from dagster._core.storage.event_log import SqliteEventLogStorage

    kept: dict[str, sa.Engine] = {}
    storage: Any = SqliteEventLogStorage
    with ExitStack() as closing:

        @contextmanager
        def connect(self: Any, shard: str) -> Iterator[sa.Connection]:
            with self._db_lock:
                address = self.conn_string_for_shard(shard)
                if address not in kept:
                    kept[address] = _kept_engine(address)
                    closing.callback(kept[address].dispose)
                if shard not in self._initialized_dbs:
                    self._initdb(kept[address])
                    self._initialized_dbs.add(shard)
                with kept[address].begin() as connection:
                    yield connection

        former = storage._connect
        storage._connect = connect
        try:
            yield
        finally:
            storage._connect = former


def _kept_engine(address: str) -> Any:
    """An engine with one connection, which does not wait for the disk after each transaction (`unhurried_sqlite`)."""
    import sqlalchemy as sa
    from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

    limits = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    return sa.create_engine(address, poolclass=sa.pool.StaticPool, connect_args=limits)
