"""Checks by kind: which one a name says, and how a group of them is made."""

from __future__ import annotations

import pytest

from routing_etl.erp.profile import load_profile
from routing_etl.quality.checks import CheckInfo, list_checks, list_comparisons
from routing_etl.quality.groups import grouped, kind_of


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        ("columns", "columns"),
        ("key_unique", "columns"),
        ("item_cd_not_null", "required"),
        ("draw_no_filled", "filled"),
        ("part_type_blank_share", "filled"),
        ("job_nm_length", "lengths"),
        ("outdiameter_possible", "ranges"),
        ("proc_seq_range", "ranges"),
        ("inside_values", "values"),
        ("work_results_rejected_share_critical", "shares"),
        ("rows_as_usual", "changes"),
        ("join_multiplies_critical", "reading"),
        ("rank_1_exists", "content"),
    ],
)
def test_a_name_says_the_kind(check: str, kind: str) -> None:
    assert kind_of(check) == kind


def test_every_check_is_in_one_group_of_its_severity() -> None:
    profile = load_profile("bi_views")
    listed = (list_checks(profile.attributes), list_comparisons())
    infos = [info for by_frame in listed for of_frame in by_frame.values() for info in of_frame]
    groups = grouped(infos)
    assert sorted((i.frame, i.check) for g in groups for i in g.checks) == sorted(
        (i.frame, i.check) for i in infos
    )
    assert all({i.severity for i in g.checks} == {g.severity} for g in groups)
    assert len({(g.frame, g.name) for g in groups}) == len(groups) < len(infos) / 4
    assert all(len([g for g in groups if g.frame == frame]) <= 16 for frame in {g.frame for g in groups})


def test_critical_groups_come_first() -> None:
    infos = [
        CheckInfo("items", "od_possible", "warning", "A size is possible.", "1 to 9", "od"),
        CheckInfo("items", "key_unique", "critical", "No key repeats.", "1", None),
        CheckInfo("items", "id_possible", "warning", "A size is possible.", "1 to 9", "id"),
    ]
    first, second = grouped(infos)
    assert (first.name, second.name) == ("critical_columns", "warning_ranges")
    assert [i.check for i in second.checks] == ["od_possible", "id_possible"]
    assert second.meaning == "Numbers are possible"
