"""What people can set in the Launchpad. Descriptions, bounds and defaults make it explain itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from routing_etl.pipeline.training import TrainingRequest

from . import not_public


class Split(StrEnum):
    """How held-out items are chosen."""

    RECENT = "recent"
    FAMILY = "family"
    TIME = "time"
    LEAVE_ONE_OUT = "loo"


class ExtractConfig(dg.Config):
    """One extract."""

    full_read: bool = Field(
        default=False,
        description="Read every row of the ERP, even where the profile lets changes be read alone.",
    )


class TrainConfig(dg.Config):
    """One training."""

    version_name: str = Field(
        default="",
        max_length=128,
        description="Name of the new version: letters, digits, '.', '_' and '-'. Blank: the UTC time.",
    )
    dry_run: bool = Field(
        default=False, description="Train and evaluate, but save nothing: no files, no rows."
    )
    promote: bool = Field(
        default=True,
        description="Make the version champion unless something speaks against it (docs/decisions/0017-judged-as-deployed.md).",
    )
    only_when_due: bool | None = Field(
        default=None,
        description="Train only when there is no champion or it is older than ROUTING_ETL_RETRAIN_DAYS. "
        "None: so in a night, always elsewhere.",
    )
    split: Split = Field(
        default=Split.RECENT,
        description="Held-out items: RECENT a part of the newest routings, TIME all of them, FAMILY groups of near-identical items, LEAVE_ONE_OUT.",
    )
    test_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="Evaluation window in days for the splits RECENT and TIME. 0: ROUTING_ETL_TEST_DAYS.",
    )
    max_items: int = Field(
        default=5000, ge=10, le=325_000, description="Most held-out items that are evaluated."
    )
    requested_by: str = Field(
        default="", max_length=64, description="Who asks for it; kept with the version."
    )

    def changes(self) -> dict[str, Any]:
        """Settings that this training overrides."""
        return {"test_days": self.test_days} if self.test_days else {}

    def arguments(self) -> dict[str, Any]:
        """Arguments of `pipeline.train`."""
        return {
            "name": self.version_name or None,
            "dry_run": self.dry_run,
            "promote": self.promote,
            "split": self.split.value,
            "max_items": self.max_items,
            "requested_by": self.requested_by,
        }

    def request(self, reason: str) -> TrainingRequest:
        """What is asked of the training, and why."""
        return TrainingRequest(**self.arguments(), reason=reason)


class EvaluateConfig(dg.Config):
    """One evaluation of the method against the baselines."""

    split: Split = Field(
        default=Split.RECENT, description="Held-out items: RECENT, FAMILY, TIME or LEAVE_ONE_OUT."
    )
    test_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="Evaluation window in days for the splits RECENT and TIME. 0: ROUTING_ETL_TEST_DAYS.",
    )
    max_items: int = Field(
        default=5000, ge=10, le=325_000, description="Most held-out items that are evaluated."
    )

    def changes(self) -> dict[str, Any]:
        """Settings that this evaluation overrides."""
        return {"test_days": self.test_days} if self.test_days else {}


class ScoreConfig(dg.Config):
    """One scoring."""

    model_version: str = Field(
        default="", max_length=128, description="Version to score with. Blank: the champion."
    )
    full: bool = Field(
        default=False,
        description="Ask the model for every item, even those that have not changed since an earlier run.",
    )


class RollbackConfig(dg.Config):
    """One step back of what the ERP reads."""

    to_publication: int = Field(
        default=0, ge=0, description="Publication to go back to. 0: what readers saw before the current."
    )
    requested_by: str = Field(
        default="", max_length=64, description="Who asks for it; kept in audit_log. Blank: the service user."
    )


class PromoteConfig(dg.Config):
    """One promotion by hand."""

    version: str = Field(min_length=1, max_length=128, description="Model version that becomes champion.")
    why: str = Field(min_length=3, max_length=400, description="Reason; kept on record.")
    requested_by: str = Field(
        min_length=1,
        max_length=64,
        description="Who decides; kept on record. Dagster knows no login of yours.",
    )
    force: bool = Field(
        default=False, description="Promote a version that was refused against the present champion, too."
    )


class PurgeConfig(dg.Config):
    """One clean-up."""

    keep_publications: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Publications kept, current included. 0: ROUTING_ETL_KEEP_PUBLICATIONS and what readers saw in ROUTING_ETL_KEEP_PUBLICATIONS_DAYS.",
    )
    keep_models: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Model versions kept besides the champion. 0: ROUTING_ETL_KEEP_MODELS.",
    )
    keep_runs: int = Field(
        default=0, ge=0, le=1000, description="Run folders kept. 0: ROUTING_ETL_KEEP_RUNS."
    )


def check_at_launch(step: dg.AssetsDefinition | dg.OpDefinition, model: type[dg.Config]) -> None:
    """Refuse a launch with a value out of bounds, naming step, field, value and bound; no run is made.

    Parameters
    ----------
    step : dagster.AssetsDefinition or dagster.OpDefinition
        What is configured.
    model : type of dagster.Config
        Its configuration, with the bounds.
    """
    op = step.op if isinstance(step, dg.AssetsDefinition) else step

    def problem(values: Mapping[str, Any]) -> str | None:
        try:
            model(**values)
        except ValidationError as exc:
            wrong = [f"{'.'.join(map(str, e['loc']))} = {e['input']!r}: {e['msg']}" for e in exc.errors()]
            return f"{op.name}: {'; '.join(wrong)}. Correct it in the Launchpad; nothing has run."
        return None

    not_public.check_config_at_launch(op, problem)
