"""A whole plant read with a profile whose routing number is another column: the night stops before it trains."""

from __future__ import annotations

from pathlib import Path

import pytest
from homes import home_settings

from routing_etl import runs
from routing_etl.errors import DataQualityError
from routing_etl.pipeline import context, demo, steps

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("plant")
    settings = home_settings(home)
    demo.write_demo_plant(settings, settings.erp, items=300, seed=3)
    return home


@pytest.mark.parametrize("column", ['"JOB_CD"', '"RES_CD"', '{ const = "MAIN" }'])
def test_a_routing_number_that_is_another_column_stops_the_night_and_names_it(
    plant: Path, column: str
) -> None:
    profile = plant / "site.toml"
    profile.write_text(
        f'name = "site"\nextends = "bi_views"\n[operations.columns]\nrout_no = {column}\n', encoding="utf-8"
    )
    ctx = context.Context(home_settings(plant, profile=str(profile)), runs.new_run(plant, None))
    steps.extract(ctx)
    steps.clean(ctx)
    with pytest.raises(
        DataQualityError, match=r"named_routing_unknown_share: 1;.*rout_no in \[operations.columns\]"
    ):
        steps.check_source(ctx)


def test_the_right_one_does_not(plant: Path) -> None:
    ctx = context.Context(home_settings(plant), runs.new_run(plant, None))
    steps.extract(ctx)
    steps.clean(ctx)
    steps.check_source(ctx)
