"""The Grafana dashboard over our views, written as code.

    python tests/support/grafana_dashboard.py sql/monitoring/grafana-dashboard.json

Panels ask SQL Server with `$__timeFilter` of its data source. Names stand for the schema `routing`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import bargauge, dashboard, stat, table, timeseries
from grafana_foundation_sdk.builders.common import StackingConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode, TimeZoneBrowser
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue

SOURCE = DataSourceRef(type_val="mssql", uid="${source}")


class SqlQuery(Dataquery):
    """A query of Grafana's data source for SQL Server."""

    def __init__(self, sql: str, *, series: bool) -> None:
        self.sql, self.series = sql, series

    def build(self) -> SqlQuery:
        """Itself, as the panels ask of a builder."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        shape = "time_series" if self.series else "table"
        return {
            "refId": "A",
            "datasource": SOURCE,
            "format": shape,
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": self.sql,
        }


@dataclass(frozen=True)
class Panel:
    """A question on the dashboard: kind, title, what it says, its query, width and height in 24ths and rows."""

    kind: str
    title: str
    about: str
    sql: str
    width: int = 12
    height: int = 8
    unit: str = ""


PANELS = (
    Panel("stat", "Hours since the last success", "Red from a day and a half on.",
          "SELECT CAST(DATEDIFF(minute, f.last_success_at, SYSUTCDATETIME()) AS float) / 60 AS hours FROM routing.freshness AS f", 6, 5, "h"),
    Panel("stat", "The last run", "How it ended.", "SELECT f.last_status FROM routing.freshness AS f", 6, 5),
    Panel("stat", "Publication that the ERP reads", "Its number.", "SELECT f.publication_id FROM routing.freshness AS f", 6, 5),
    Panel("stat", "Exact match of the champion", "Share of held-out items whose first candidate is the engineer's routing.",
          "SELECT t.value FROM routing.model_quality_trend AS t WHERE t.status = 'active' AND t.method = N'model' AND t.segment = N'all' "
          "AND t.metric = N'exact_at_1' AND t.split NOT IN (N'since', N'realised', N'production')", 6, 5, "percentunit"),
    Panel("bars", "Acceptance by week", "Items with a proposal that were routed, by what became of it.",
          "SELECT CAST(w.week AS datetime2) AS time, SUM(w.taken_over) AS taken_over, SUM(w.themselves_as_first) AS as_first_candidate, "
          "SUM(w.themselves_as_another) AS as_another, SUM(w.otherwise) AS otherwise FROM routing.acceptance_by_week AS w "
          "WHERE $__timeFilter(w.week) GROUP BY w.week ORDER BY time"),
    Panel("lines", "Share taken over", "Of the items with a proposal that were routed in the week.",
          "SELECT CAST(w.week AS datetime2) AS time, CAST(SUM(w.taken_over) AS FLOAT) / NULLIF(SUM(w.items_routed), 0) AS taken_over "
          "FROM routing.acceptance_by_week AS w WHERE $__timeFilter(w.week) GROUP BY w.week ORDER BY time", unit="percentunit"),
    Panel("table", "Quality by version", "Versions are compared on the same held-out items only.",
          "SELECT t.model_version, t.status, t.computed_at, t.split, t.value, t.low, t.high, t.n, t.difference, t.not_compared "
          "FROM routing.model_quality_trend AS t WHERE t.method = N'model' AND t.segment = N'all' AND t.metric = N'exact_at_1' "
          "ORDER BY t.computed_at DESC"),
    Panel("table", "Decisions about versions", "Why a version is the champion, or is not.",
          "SELECT d.decided_at, d.decision, d.model_version, d.decided_by, d.decided_via, d.reason FROM routing.model_decisions AS d "
          "WHERE $__timeFilter(d.decided_at) ORDER BY d.id DESC"),
    Panel("lines", "Drift and share without a proposal", "Similarity scores against the version's first batch, in nats.",
          "SELECT p.computed_at AS time, p.metric, p.value FROM routing.published_by_night AS p "
          "WHERE $__timeFilter(p.computed_at) AND p.metric IN (N'similarity_drift', N'abstained_share') AND p.segment = N'all' AND p.value IS NOT NULL ORDER BY time"),
    Panel("bars", "Duration of the nights", "Seconds from start to end.",
          "SELECT n.started_at AS time, n.seconds FROM routing.batch_run_summary AS n WHERE $__timeFilter(n.started_at) "
          "AND n.seconds IS NOT NULL ORDER BY time", unit="s"),
    Panel("lines", "Rows of the nights", "Read, written and rejected.",
          "SELECT n.started_at AS time, n.rows_read, n.rows_written, n.rows_rejected FROM routing.batch_run_summary AS n "
          "WHERE $__timeFilter(n.started_at) ORDER BY time"),
    Panel("table", "Runs", "How each ended, and what failed.",
          "SELECT n.started_at, n.kind, n.status, n.seconds, n.critical_failed, n.warnings_failed, n.message "
          "FROM routing.batch_run_summary AS n WHERE $__timeFilter(n.started_at) ORDER BY n.started_at DESC"),
    Panel("table", "Worst families this month", "Part types that engineers routed themselves, worst first.",
          "SELECT m.part_type, m.items_routed, m.taken_over, m.written_themselves, m.themselves_as_first, m.exact_share "
          "FROM routing.families_by_month AS m WHERE $__timeFilter(m.month) AND m.exact_share IS NOT NULL "
          "ORDER BY m.month DESC, m.exact_share ASC"),
    Panel("gauge", "Why proposals were rejected", "Candidates by reason.",
          "SELECT x.reason_code, SUM(x.candidates) AS candidates FROM routing.rejection_reasons AS x WHERE $__timeFilter(x.week) "
          "GROUP BY x.reason_code ORDER BY candidates DESC"),
    Panel("table", "Rejected source rows by rule", "Of the runs in the range; new: met for the first time.",
          "SELECT j.started_at, j.source_table, j.rule_name, j.rejected, j.new FROM routing.rejects_by_rule AS j "
          "WHERE $__timeFilter(j.started_at) ORDER BY j.started_at DESC, j.rejected DESC"),
    Panel("table", "Times that moved", "Standard against the month before, largest ratio first.",
          "SELECT c.month, c.job_cd, c.res_cd, c.measure, c.samples, c.previous_min, c.standard_min, c.ratio "
          "FROM routing.time_profile_changes AS c WHERE c.ratio IS NOT NULL ORDER BY c.month DESC, ABS(LOG(c.ratio)) DESC"),
    Panel("table", "What was shown when", "Moves of the pointer.",
          "SELECT s.visible_from, s.visible_until, s.publication_id, s.model_version, s.event, s.done_by FROM routing.publication_shown AS s "
          "ORDER BY s.visible_from DESC"),
    Panel("table", "Who did what", "Commands, decisions, moves and marks.",
          "SELECT u.happened_at, u.done_by, u.action, u.subject, u.outcome, u.message FROM routing.who_did_what AS u "
          "WHERE $__timeFilter(u.happened_at) ORDER BY u.happened_at DESC"),
)  # fmt: skip


def _panel(panel: Panel) -> Any:
    builders: dict[str, Any] = {
        "stat": stat.Panel, "table": table.Panel, "lines": timeseries.Panel, "bars": timeseries.Panel, "gauge": bargauge.Panel,
    }  # fmt: skip
    made = builders[panel.kind]().title(panel.title).description(panel.about).datasource(SOURCE)
    made = made.with_target(SqlQuery(panel.sql, series=panel.kind in ("lines", "bars")))
    if panel.unit:
        made = made.unit(panel.unit)
    if panel.kind == "bars":
        made = (
            made.draw_style(GraphDrawStyle.BARS)
            .fill_opacity(80)
            .stacking(StackingConfig().mode(StackingMode.NORMAL))
        )
    if panel.kind == "stat" and panel.unit == "h":
        limits = (
            dashboard.ThresholdsConfig().mode("absolute").steps([_step(None, "green"), _step(36.0, "red")])
        )
        made = made.thresholds(limits)
    if panel.kind == "table" and panel.title == "Runs":
        made = made.override_by_name("seconds", [DynamicConfigValue(id_val="unit", value="s")])
    return made.span(panel.width).height(panel.height)


def _step(value: float | None, colour: str) -> Any:
    from grafana_foundation_sdk.models.dashboard import Threshold

    return Threshold(value=value, color=colour)


def render() -> str:
    """The dashboard as JSON for Grafana's import."""
    source = dashboard.DatasourceVariable("source").type("mssql").label("Database of routing_etl")
    board = (
        dashboard.Dashboard("Routing predictions")
        .uid("routing-etl")
        .description(
            "Quality, acceptance, drift and nights, over the views of schema routing (role routing_metrics_reader)."
        )
        .tags(["routing_etl"])
        .timezone(TimeZoneBrowser)
        .time("now-90d", "now")
        .refresh("15m")
        .readonly()
        .with_variable(source)
    )
    for panel in PANELS:
        board = board.with_panel(_panel(panel))
    made = json.loads(JSONEncoder().encode(board.build()))
    return json.dumps(_filled(made), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _filled(value: Any) -> Any:
    """Without what is not set: Grafana takes its defaults."""
    if isinstance(value, dict):
        return {k: _filled(v) for k, v in value.items() if v is not None or k == "value"}
    return [_filled(v) for v in value] if isinstance(value, list) else value


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
