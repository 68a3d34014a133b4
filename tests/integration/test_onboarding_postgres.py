"""A proposed profile and the counts on a second real server: schemas, identity keys, booleans, typed dates."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa

from routing_etl.erp.extract import extract
from routing_etl.erp.profile import load_profile
from routing_etl.onboarding.suggest import suggest
from routing_etl.settings import load_settings

pytestmark = pytest.mark.integration

SCHEMA = """
CREATE SCHEMA plant;
CREATE TABLE plant.article (article_id serial PRIMARY KEY, article_no varchar(20), description varchar(80), product_group varchar(10),
    weight_kg numeric(9, 2), active boolean);
CREATE TABLE plant.article_text (article_id integer, lang char(2), text varchar(80));
CREATE TABLE plant.routing_step (article_id integer REFERENCES plant.article, step_no integer, operation_code varchar(10),
    machine varchar(10), setup_min numeric(9, 2), run_min numeric(9, 3), valid_to date);
INSERT INTO plant.article (article_no, description, product_group, weight_kg, active)
    SELECT 'A-' || n, 'shaft ' || n, 'G' || mod(n, 3), n, n <> 4 FROM generate_series(1, 20) n;
INSERT INTO plant.article_text SELECT n, l, 'text' FROM generate_series(1, 20) n, unnest(ARRAY['en', 'de']) l;
INSERT INTO plant.routing_step SELECT n, s, 'TURN', 'M' || s, 15, 2.5, CASE WHEN n < 3 THEN date '1901-01-01' END
    FROM generate_series(1, 20) n, generate_series(10, 30, 10) s;
"""


@pytest.fixture(scope="module")
def url(postgres_url: str) -> str:
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE onboarding")
    engine.dispose()
    own = sa.make_url(postgres_url).set(database="onboarding")
    made = sa.create_engine(own)
    with made.begin() as connection:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.exec_driver_sql(statement)
    made.dispose()
    return own.render_as_string(hide_password=False)


def test_a_proposal_from_another_schema_is_read_and_its_rows_are_counted(url: str, tmp_path: Path) -> None:
    settings, out = load_settings(home=tmp_path), tmp_path / "plant.toml"
    found = suggest(url, settings, out=out)
    proposed = tomllib.loads(found.text)
    assert (proposed["items"]["table"], proposed["items"]["schema"]) == ("article", "plant")
    assert proposed["items"]["columns"]["item_cd"]["column"] == "article_id"
    assert proposed["operations"]["columns"]["run_time"] == "run_min"
    assert proposed["routing"]["blank_time_unit"] == 1
    assert "# DECIDE: which rows count? plant.article.active" in found.text
    assert any("6 of 60 routing rows ended before 1950" in f.message for f in found.findings)
    joined = found.text.replace(
        "[items.columns]",
        'joins = [{ table = "article_text", schema = "plant", alias = "t", on = [["article_id", "article_id"]] }]\n'
        'where = [{ column = "active", op = "=", value = 1 }]\n[items.columns]',
    )
    out.write_text(joined, encoding="utf-8")
    report = extract(url, load_profile(out), tmp_path / "raw", settings)
    counted = {(c.frame, c.rule): (c.rows, c.of_rows) for c in report.counts if c.rows}
    assert counted["items", "join_multiplies"] == (20, 20)
    assert counted["items", "filter_removes"] == (2, 40)
    assert counted["items", "code_repeats"] == (19, 19)


REPORTS = """
CREATE TABLE plant.work_report (article_id integer, step_no integer, operation_code varchar(10), machine varchar(10), report_date date,
    machine_min numeric(9, 2), good_qty numeric(9, 2)) PARTITION BY RANGE (report_date);
CREATE TABLE plant.work_report_2025 PARTITION OF plant.work_report FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO plant.work_report SELECT n, 10, 'TURN', 'M10', date '2025-03-01' + n, 60, 20 FROM generate_series(1, 20) n;
CREATE TABLE plant.work_report_2024 (LIKE plant.work_report);
"""


def test_a_partition_is_read_with_its_table_and_a_table_of_another_year_beside_it(
    url: str, tmp_path: Path
) -> None:
    """The rows of a partition are those of the table: read besides they would count twice."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in filter(str.strip, REPORTS.split(";")):
            connection.exec_driver_sql(statement)
    engine.dispose()
    settings, out = load_settings(home=tmp_path), tmp_path / "plant.toml"
    found = suggest(url, settings, out=out)
    results = tomllib.loads(found.text)["results"]
    assert (results["table"], results["also"]) == ("work_report", ["work_report_2024"])
    assert not [f.message for f in found.findings if f.level == "error" or "work_report" in f.message]
    named = found.text.replace('also = ["work_report_2024"]', 'also = ["plant.work_report_2024"]')
    alone = re.sub(r"also = .*", "", found.text)
    for text, told in ((named, False), (alone, True)):
        path = tmp_path / f"{told}.toml"
        path.write_text(text, encoding="utf-8")
        report = extract(url, load_profile(path), tmp_path / str(told), settings)
        assert report.frames["work_results"].rows == 20
        assert any("plant.work_report_2024 has every column" in w for w in report.warnings) == told
        assert not any("2025" in w for w in report.warnings)
