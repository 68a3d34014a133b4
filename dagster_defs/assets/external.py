"""Both ends of the street that we do not make: the ERP's tables, and the views that its screens read."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import FRAME_OF
from routing_etl.warehouse.views import VIEW_NAMES

from . import keys

_MONITORING_VIEWS = {
    "model_quality_trend": keys.MODEL_METRICS,
    "batch_run_summary": keys.PUBLICATION,
    "standard_time_review": keys.STANDARD_TIMES,
    "bop_proc_detail_time": keys.STANDARD_TIMES,
    "data_health": keys.DATA_HEALTH,
}


def tables_by_frame(profile: Profile) -> dict[str, list[str]]:
    """The ERP tables that each raw frame is read from, joined ones included; none where the plant has no such data."""
    tables: dict[str, list[str]] = {frame: [] for frame in FRAME_OF.values()}
    for family, section in profile.sections.items():
        tables[FRAME_OF[family]] = [
            section.table, *(join.table for join in section.joins), *(pivot.table for pivot in section.pivot)
        ]  # fmt: skip
    return tables


def erp_tables(profile: Profile) -> Iterator[dg.AssetSpec]:
    """One external asset per ERP table."""
    by_table: dict[str, list[str]] = {}
    for frame, tables in tables_by_frame(profile).items():
        for table in tables:
            by_table.setdefault(table, []).append(frame)
    for table, used in by_table.items():
        yield dg.AssetSpec(
            keys.erp_table(table),
            group_name=keys.ERP,
            description=f"The ERP's {table}, read for: {', '.join(used)}. Named by the source profile {profile.name}.",
            kinds={"table"},
        )


def erp_views() -> Iterator[dg.AssetSpec]:
    """One external asset per view of ours that others read."""
    for view in VIEW_NAMES:
        source = _MONITORING_VIEWS.get(view)
        yield dg.AssetSpec(
            keys.erp_view(view),
            deps=[source or keys.PUBLICATION],
            group_name=keys.PUBLISH if source is None else keys.MONITORING,
            description=(
                f"View {view} over the published batch: shows the new one, whole, as soon as the pointer has moved."
                if source is None
                else f"View {view} for DBAs and dashboards."
            ),
            kinds={"view"},
        )
