"""Views: exact columns, values known by hand, and seeks for look-ups by item."""

from __future__ import annotations

import polars as pl
import pytest
import sqlalchemy as sa
from view_lint import text_of, views_by_item
from warehouse_predictions import (
    CANDIDATE,
    OPERATION,
    RESOURCE,
    known_rows,
    warehouse,
    write_many,
    write_rows,
)

from routing_etl.frames import METRICS
from routing_etl.warehouse.model_records import ModelRecords, TrainedVersion
from routing_etl.warehouse.views import view_selects


def words(text: str) -> list[str]:
    """Names separated by blanks."""
    return text.split()


FLAT = words(
    "ITEM_CD CANDIDATE_ID ROUTING_SIGNATURE PRIORITY SIMILARITY_TIER PROC_SEQ INSIDE_FLAG dbo_BI_ROUTING_VIEW_JOB_CD "
    "JOB_NM RES_CD RES_DIS TIME_UNIT MFG_LT QUEUE_TIME SETUP_TIME MACH_WORKED_HOURS ACT_SETUP_TIME ACT_RUN_TIME "
    "WAIT_TIME MOVE_TIME RUN_TIME_QTY RUN_TIME_UNIT BATCH_OPER BP_CD dbo_BI_ROUTING_VIEW_CUST_NM CUR_CD "
    "SUBCONTRACT_PRC TAX_TYPE MILESTONE_FLG INSP_FLG ROUT_ORDER VALID_FROM_DT VALID_TO_DT dbo_BI_ROUTING_VIEW_REMARK "
    "ROUT_DOC DOC_INSIDE DOC_NO NC_PROGRAM NC_PROGRAM_WRITER NC_WRITER_NM NC_WRITE_DATE NC_REVIEWER NC_REVIEWER_NM "
    "NC_REVIEW_DT RAW_MATL_SIZE JAW_SIZE VALIDITY PROGRAM_REMARK OP_DRAW_NO MTMG_NUMB REFERENCE_ITEM_CD "
    "SIMILARITY_SCORE"
)
RES = words(
    "ID COCD PLANTCD ITEM_CD ROUT_NO REV_NO JOB_CD RES_CD RUN_TIME SETUP_TIME WAIT_TIME MOVE_TIME QUEUE_TIME "
    "AFTER_TIME MAN_HOUR MACHINE_HOUR RES_PRIORITY MAIN_YN IN_ID IN_DT UP_ID UP_DT TASK_ID REV_COND TASK_COND "
    "FOLD_MTHD FOLD_TIME PREV_RES_QTY CURR_RES_QTY NEXT_RES_QTY NEXT_RES_ABSL_YN RUN_TIME_UNIT SETUP_TIME_UNIT "
    "WAIT_TIME_UNIT MOVE_TIME_UNIT QUEUE_TIME_UNIT AFTER_TIME_UNIT BEFORE_TIME BEFORE_TIME_UNIT"
)
CANDIDATES = words(
    "item_cd candidate_id routing_signature similarity_score priority similarity_tier reference_item_cd "
    "generator_version generated_at candidate_rank rout_no routing_source process_count work_order_count confidence "
    "publication_id item_hash"
)
PREDICTIONS = words(
    "publication_id model_version item_cd candidate_rank candidate_id confidence similarity_score reference_item_cd "
    "rout_no proc_seq job_cd job_nm res_cd inside_flag setup_time run_time run_p10 run_p50 run_p90 optimal_time "
    "standard_time safe_time time_source sample_count"
)


@pytest.fixture
def published(tmp_path):
    """Publishes rows and returns a function that queries."""

    def publish(rows=None):
        publisher, _ = warehouse(tmp_path / "w.db")
        folder = write_rows(tmp_path / "p", rows or known_rows())
        report = publisher.load(folder, run_id="r", model_version="m1")
        publisher.publish(report.publication_id)
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")

        def query(sql, **parameters):
            with engine.connect() as connection:
                return [dict(r) for r in connection.execute(sa.text(sql), parameters).mappings()]

        return query

    return publish


@pytest.mark.parametrize("dialect", ["sqlite", "mssql", "postgresql"])
def test_columns_and_their_order(dialect):
    names = {n: list(s.selected_columns.keys()) for n, s in view_selects("routing", dialect).items()}
    assert len(FLAT) == 52 and names["routing_flat"][:52] == FLAT
    assert len(RES) == 39 and names["routing_candidate_resources"][:39] == RES
    assert names["routing_candidates"][: len(CANDIDATES)] == CANDIDATES
    assert names["routing_predictions"] == PREDICTIONS
    assert names["routing_candidate_operations"][:2] == ["item_cd", "candidate_id"]
    assert names["routing_candidate_operations"][2:47] == FLAT[5:50]
    assert {
        "OPTIMAL_TIME",
        "STANDARD_TIME",
        "SAFE_TIME",
        "RUN_P10",
        "RUN_P90",
        "CONFIDENCE",
        "SAMPLE_COUNT",
    } < set(names["routing_candidate_operations"])
    assert names["routing_abstained"][:2] == ["item_cd", "reason"]


def test_nothing_is_visible_before_the_first_publication(tmp_path):
    publisher, _ = warehouse(tmp_path / "w.db")
    publisher.load(write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m1")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
    with engine.connect() as connection:
        for name in ("routing_candidates", "routing_flat", "routing_predictions", "routing_abstained"):
            assert connection.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar() == 0


def test_flat_layout_values(published):
    first, second = published()("SELECT * FROM routing_flat ORDER BY PROC_SEQ")
    assert first["ITEM_CD"] == "3H18091DB"
    assert first["INSIDE_FLAG"] == "사내" and second["INSIDE_FLAG"] == "외주"
    assert first["TIME_UNIT"] == "분(Min.)" and first["RUN_TIME_UNIT"] == "NA" and first["RUN_TIME_QTY"] == 1
    assert first["SETUP_TIME"] == 12.35
    assert first["MACH_WORKED_HOURS"] == first["RUN_TIME"] == 3.22
    assert (first["OPTIMAL_TIME"], first["STANDARD_TIME"], first["SAFE_TIME"]) == (2.5, 3.3, 4.4)
    assert first["VALID_TO_DT"] == "2999-12-31" and first["SIMILARITY_SCORE"] == 0.9123
    assert first["ROUT_NO"] == "P396871044" and first["MODEL_VERSION"] == "m1"
    assert first["HAS_WORK_DATA"] == "Y" and first["WORK_ORDER_DATA_SOURCE"] == "similar"
    assert second["dbo_BI_ROUTING_VIEW_CUST_NM"] == "외주처" and second["SUBCONTRACT_PRC"] == 1500.5


def test_unknown_times_are_zero_for_the_erp_and_null_for_analysts(published):
    query = published()
    erp = query("SELECT * FROM routing_candidate_operations WHERE PROC_SEQ = 20")[0]
    for name in (
        "SETUP_TIME",
        "MACH_WORKED_HOURS",
        "ACT_RUN_TIME",
        "WAIT_TIME",
        "MFG_LT",
        "SAFE_TIME",
        "RUN_P90",
    ):
        assert erp[name] == 0, name
    assert erp["TIME_SOURCE"] == "none" and erp["HAS_WORK_DATA"] == "N" and erp["PREDICTED_RUN_TIME"] is None
    plain = query("SELECT * FROM routing_predictions ORDER BY proc_seq")
    assert plain[0]["setup_time"] == 12.3457 and plain[0]["run_time"] == 3.2199
    for name in (
        "setup_time",
        "run_time",
        "run_p10",
        "run_p50",
        "run_p90",
        "optimal_time",
        "standard_time",
        "safe_time",
    ):
        assert plain[1][name] is None, name


def test_the_contract_s_further_columns(published):
    """Grade of mean (0.7 + 0.95) / 2; spread of set-up (15 - 5) / 2.5631; which operation stands in for an outsourced one."""
    rows = known_rows()
    rows["candidate_operations"][0] |= {"setup_p10": 5.0, "setup_p90": 15.0, "replaced_job": "F40-1"}
    rows["candidates"][0]["replaced_operations"] = 1
    query = published(rows)
    head = query("SELECT * FROM routing_candidates")[0]
    assert (head["has_routing"], head["outsourcing_replaced"]) == ("N", "Y")
    assert head["model_quality"] is head["quality_grade"] is head["quality_label"] is None, (
        "no figure of the version is on record"
    )
    for view in ("routing_candidate_operations", "routing_flat"):
        first, second = query(f"SELECT * FROM {view} ORDER BY PROC_SEQ")
        assert (first["SETUP_STD"], second["SETUP_STD"]) == (3.9, None)
        assert (first["OUTSOURCING_REPLACED"], first["REPLACED_JOB_CD"]) == ("Y", "F40-1")
        assert (second["OUTSOURCING_REPLACED"], second["REPLACED_JOB_CD"]) == ("N", None)


@pytest.mark.parametrize(
    ("quality", "grade", "word"),
    [
        (0.95, "A", "우수"),
        (0.9, "A", "우수"),
        (0.75, "B", "양호"),
        (0.5, "C", "보통"),
        (0.1, "D", "개선필요"),
    ],
)
def test_the_grade_is_of_confidence_and_model_together(tmp_path, quality, grade, word):
    publisher, settings = warehouse(tmp_path / "w.db")
    records = ModelRecords(sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}"), settings)
    records.store_model_version(TrainedVersion("m1", "a" * 64))
    metric = {
        "method": "model",
        "segment": "all",
        "metric": "exact_at_1",
        "low": None,
        "high": None,
        "n": 50,
        "reason": None,
    }
    rows = [metric | {"split": "recent", "value": quality}, metric | {"split": "realised", "value": 0.01}]
    records.store_metrics("m1", METRICS.conform(pl.DataFrame(rows)), run_id="r")
    publisher.publish(
        publisher.load(
            write_rows(tmp_path / "p", known_rows()), run_id="r", model_version="m1"
        ).publication_id
    )
    with sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}").connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT model_quality, quality_grade, quality_label FROM routing_candidates"
        ).one()
    assert tuple(found) == (quality, grade, word), "the confidence is 0.7"


def test_alternatives_in_res_shape(published):
    rows = published()("SELECT * FROM routing_candidate_resources ORDER BY ID")
    assert [(r["ID"], r["JOB_CD"], r["RES_CD"]) for r in rows] == [
        (1_00010_00002, "A01-2", "CNC-02"),
        (1_00010_00003, "A01-2", "CNC-대기"),
    ]
    row = rows[0]
    assert (row["COCD"], row["PLANTCD"], row["ROUT_NO"], row["REV_NO"]) == ("1000", "P100", "P396871044", 0)
    assert (row["MAIN_YN"], row["TASK_ID"], row["FOLD_MTHD"], row["NEXT_RES_ABSL_YN"]) == ("N", 1, "ES", "N")
    assert row["IN_ID"] == "routing_etl" and "+" not in row["IN_DT"]
    assert row["RUN_TIME"] is None and row["RES_PRIORITY"] is None and row["RUN_TIME_UNIT"] is None


def test_a_job_used_twice_shares_one_list_without_either_main_machine(published):
    rows = known_rows()
    rows["candidate_operations"] = [
        OPERATION | {"proc_seq": 10, "res_cd": "CNC-01"},
        OPERATION | {"proc_seq": 20, "res_cd": "CNC-02"},
    ]
    rows["resource_alternatives"].append(RESOURCE | {"res_cd": "CNC-03", "alternative_rank": 4})
    found = published(rows)("SELECT JOB_CD, RES_CD FROM routing_candidate_resources ORDER BY ID")
    assert [tuple(r.values()) for r in found] == [("A01-2", "CNC-대기"), ("A01-2", "CNC-03")]


def test_a_code_with_a_leading_blank_is_kept_and_found(published):
    rows = known_rows()
    blank = {"item_cd": " 4H69065ZZ", "item_key": "4H69065ZZ"}
    rows["candidates"].append(CANDIDATE | blank | {"candidate_id": " 4H69065ZZ_C01"})
    rows["candidate_operations"].append(OPERATION | blank)
    rows["abstained"] = []
    query = published(rows)
    assert query("SELECT item_cd FROM routing_candidates WHERE item_cd = :i", i=" 4H69065ZZ")
    assert not query("SELECT item_cd FROM routing_candidates WHERE item_cd = :i", i="4H69065ZZ")


def test_evidence_and_abstained(published):
    query = published()
    proof = query("SELECT * FROM routing_candidate_evidence")[0]
    assert (proof["neighbour_item_cd"], proof["similarity"], proof["weight"]) == ("3H18090DB", 0.9123, 0.5)
    assert query("SELECT item_cd, reason, best_similarity FROM routing_abstained") == [
        {"item_cd": " 4H69065ZZ", "reason": "No item is similar enough.", "best_similarity": 0.1235}
    ]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Returns a function that explains a statement with parameters, on 50 published items."""
    folder = tmp_path_factory.mktemp("plan")
    publisher, _ = warehouse(folder / "w.db")
    publisher.publish(
        publisher.load(write_many(folder / "p", 50), run_id="r", model_version="m").publication_id
    )
    engine = sa.create_engine(f"sqlite:///{folder / 'w.db'}")
    with engine.connect() as connection:
        yield lambda sql, *values: [
            row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    engine.dispose()


def unsought(steps):
    """Steps of a plan that read more than one item, and tables of items that are not sought by item."""
    by_item = {"c", "o", "e", "a", "earlier", "main"}
    return [
        step
        for step in steps
        if step.startswith("SCAN") or (step.split()[1] in by_item and "item_cd=?" not in step)
        if step != "SCAN CONSTANT ROW"
    ]


@pytest.mark.parametrize("view", views_by_item())
def test_a_look_up_by_item_seeks(plan, view):
    steps = plan(f"SELECT * FROM {view} WHERE item_cd = ?", "1H10001DB")
    assert any("item_cd=?" in s for s in steps) and unsought(steps) == []
    steps = plan(f"SELECT * FROM {view} AS v WHERE v.item_cd = ? ORDER BY 1", "1H10001DB")
    assert any("item_cd=?" in s for s in steps) and unsought(steps) == []


@pytest.mark.parametrize("view", ["bop_proc_master", "bop_proc_detail", "bop_proc_res"])
def test_adopting_a_candidate_seeks(plan, view):
    steps = plan(
        f"SELECT * FROM {view} WHERE ITEM_CD = ? AND ROUT_NO = ? ORDER BY ID", "1H10001DB", "P396871044"
    )
    assert any("item_cd=?" in s for s in steps) and unsought(steps) == []


def test_a_plan_that_reads_everything_is_seen(plan):
    assert unsought(plan("SELECT * FROM routing_flat WHERE upper(item_cd) = ?", "1H10001DB"))


@pytest.mark.parametrize("view", ["bop_proc_master", "bop_proc_detail", "routing_candidate_resources"])
def test_ids_are_unique_within_an_item_and_in_the_order_of_its_rows(tmp_path, view):
    publisher, _ = warehouse(tmp_path / "w.db")
    publisher.publish(
        publisher.load(write_many(tmp_path / "p", 50), run_id="r", model_version="m").publication_id
    )
    with sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}").connect() as connection:
        ids = connection.exec_driver_sql(
            f"SELECT ITEM_CD, ID, ROUT_NO FROM {view} ORDER BY ITEM_CD, ID"
        ).all()
    assert len(ids) == len({(item, number) for item, number, _ in ids}) > 0
    by_rank = [(item, rout_no) for item, _, rout_no in ids]
    assert by_rank == sorted(by_rank, key=lambda r: r[0]), "the rows of an item stand together"
    runs = [pair for n, pair in enumerate(by_rank) if n == 0 or by_rank[n - 1] != pair]
    assert len(runs) == len(set(runs)), "the rows of a candidate stand together"


def test_ids_are_worked_out_in_eight_bytes():
    """A rank of 3 and five digits twice overflow the four bytes of an INT, the type of SMALLINT * literal."""
    assert (
        "(CAST(c.candidate_rank AS BIGINT) * 100000 + o.proc_seq) * 100000 + r.alternative_rank AS [ID]"
        in text_of("bop_proc_res", "mssql")
    )


def test_run_times_can_be_taken_to_another_lot(published):
    first, second = published()("SELECT * FROM routing_lot_times ORDER BY PROC_SEQ")
    assert (first["ITEM_CD"], first["PROC_SEQ"], first["LOT_SIZE"], first["LOT_EXPONENT"]) == (
        "3H18091DB",
        10,
        12.5,
        -0.2,
    )
    assert (first["SETUP_TIME"], first["RUN_TIME"]) == (12.3457, 3.2199)
    assert second["LOT_SIZE"] is None and second["LOT_EXPONENT"] is None and second["RUN_TIME"] is None
