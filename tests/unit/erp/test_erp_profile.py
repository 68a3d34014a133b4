"""Source profiles: the shipped ones, overrides, and errors that name file, key, value and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from routing_etl.erp.profile import SHIPPED, load_profile, shipped_profiles
from routing_etl.erp.profile_model import ORDER_COLUMNS, RAW_COLUMNS, RUN_BASES, Document
from routing_etl.errors import ProfileError
from routing_etl.frames import TimeBasis


def site(tmp_path: Path, body: str, name: str = "site.toml") -> Path:
    path = tmp_path / name
    path.write_text(f'name = "site"\nextends = "bi_views"\n{body}', encoding="utf-8")
    return path


def failure(path: Path | str) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    return caught.value


def test_shipped_profiles_load_with_attributes_and_time_basis() -> None:
    assert shipped_profiles() == [
        "adventureworks",
        "bi_views",
        "business_central",
        "erpnext",
        "odoo",
        "sap_pp",
    ]
    profile = load_profile("bi_views")
    kinds = {a.name: a.kind for a in profile.attributes}
    assert kinds["part_type"] == "category"
    assert kinds["draw_no"] == "code"
    assert kinds["item_spec"] == "text"
    assert kinds["outdiameter"] == "number"
    assert kinds["rotate_clockwise"] == "category"
    assert {a.unit for a in profile.attributes if a.kind == "number"} == {"mm"}
    assert {"draw_use", "item_nm_eng", "group3"}.isdisjoint(kinds)
    assert profile.time_basis == TimeBasis(60.0, "order", "order", "ordered", None)


def test_personal_and_commercial_columns_are_never_mapped() -> None:
    profile = load_profile("bi_views")
    mapped = {c for s in profile.sections.values() for m in s.columns.values() for c in m.column}
    assert mapped.isdisjoint(
        {"NC_PROGRAM_WRITER", "NC_WRITER_NM", "NC_REVIEWER", "NC_REVIEWER_NM", "VENDOR_NM", "WORKER_ID"}
    )


def test_site_profile_overrides_a_few_keys_and_keeps_the_rest(tmp_path: Path) -> None:
    path = site(
        tmp_path,
        '[items]\ntable = "V_ITEM"\n[items.columns]\nitem_cd = "ITEM_CODE"\n[items.attributes]\ndraw_no = false\n'
        'part_type = { column = "PART_TP" }\n[results]\nmax_age_years = 5\nrun_basis = "piece"\n',
    )
    profile = load_profile(path)
    assert profile.items.table == "V_ITEM"
    assert profile.items.columns["item_cd"].column == ("ITEM_CODE",)
    assert "draw_no" not in profile.items.attributes
    part_type = profile.items.attributes["part_type"]
    assert part_type.column == ("PART_TP",)
    assert part_type.placeholder_words == ("KYY",)
    assert profile.operations.table == "BI_ROUTING_VIEW"
    assert profile.time_basis.run_basis == "piece"
    assert profile.fingerprint != load_profile("bi_views").fingerprint


def test_a_section_is_removed_by_false(tmp_path: Path) -> None:
    profile = load_profile(site(tmp_path, "purchase_orders = false\nresults = false\n"))
    assert set(profile.sections) == {"items", "operations"}
    assert profile.time_basis == TimeBasis()


def test_site_may_extend_a_site(tmp_path: Path) -> None:
    site(tmp_path, '[items]\ntable = "BASE"\n', "base.toml")
    top = tmp_path / "top.toml"
    top.write_text('name = "top"\nextends = "base.toml"\n[routing]\nmfg_lt_unit = "hour"\n', encoding="utf-8")
    profile = load_profile(top)
    assert (profile.name, profile.items.table, profile.routing.mfg_lt_unit) == ("top", "BASE", "hour")


def test_fingerprint_depends_on_content_only(tmp_path: Path) -> None:
    one, two = site(tmp_path, "# a comment\n", "one.toml"), site(tmp_path, "", "two.toml")
    assert load_profile(one).fingerprint == load_profile(two).fingerprint


@pytest.mark.parametrize("name", ["bi_view", "nothing_like_it", "missing.toml"])
def test_unknown_profile_lists_or_names(name: str) -> None:
    error = failure(name)
    assert name in str(error)
    assert "bi_views" in error.remedy or "ROUTING_ETL_PROFILE" in error.remedy


@pytest.mark.parametrize(
    ("body", "key", "value", "says"),
    [
        ('[items]\ntabel = "x"\n', "items.tabel", "x", "Did you mean table?"),
        ('[results]\nrun_basis = "hour"\n', "results.run_basis", "hour", "'order', 'lot' or 'piece'"),
        ("[results]\ntime_factor_min = -1\n", "results.time_factor_min", -1, "greater than 0"),
        ('[items.columns]\nitem_code = "X"\n', "items.columns.item_code", "X", "did you mean item_cd?"),
        ('[items.attributes.foo]\nkind = "text"\n', "items.attributes.foo", "{...}", "give one of column"),
        ('[items.attributes.foo]\ncolumn = "F"\nkind = "txt"\n', "items.attributes.foo.kind", "txt", "'text'"),
        ('[items.attributes.marks]\ncolumn = "F"\nkind = "text"\n', "items.attributes.marks", "F", "reserved"),
        ('[units.map]\n"ZOLL" = "zoll"\n', "units.map.ZOLL", "zoll", "quantities"),
        ('[items]\nmark_columns = ["nope"]\n', "items.mark_columns", "nope", "no such attribute"),
        ("[operations.columns]\nproc_seq = false\n", "operations.columns", None, "must map proc_seq"),
        ("[operations.columns]\njob_nm = { length = 5 }\n", None, None, None),
        ('[operations.columns.batch_oper]\nconst = "B"\ncolumn = "X"\n', "operations.columns.batch_oper", "{...}", "either"),
        ('[units]\nunknwon = []\n', "units.unknwon", [], "unknown"),
    ],
)  # fmt: skip
def test_wrong_keys_are_named_with_value_and_remedy(
    tmp_path: Path, body: str, key: str | None, value: object, says: str | None
) -> None:
    path = site(tmp_path, body)
    if key is None:
        assert load_profile(path).operations.columns["job_nm"].length == 5
        return
    error = failure(path)
    assert (error.file, error.key, error.value) == ("site.toml", key, value)
    assert says is not None and says in str(error)
    assert error.remedy


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    error = failure(site(tmp_path, "[items\n"))
    assert "line 3" in str(error)


def test_circle_of_profiles_is_an_error(tmp_path: Path) -> None:
    for a, b in (("a", "b"), ("b", "a")):
        (tmp_path / f"{a}.toml").write_text(f'name = "{a}"\nextends = "{b}.toml"\n', encoding="utf-8")
    error = failure(tmp_path / "a.toml")
    assert error.key == "extends"
    assert "a.toml -> b.toml -> a.toml" in str(error)


def test_extends_must_be_a_name(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('name = "x"\nextends = 5\n', encoding="utf-8")
    assert failure(path).key == "extends"


def test_named_rule_columns_become_mapped_columns(tmp_path: Path) -> None:
    profile = load_profile(site(tmp_path, '[routing]\nmajor_flag_source = "MAJOR_FLG"\n'))
    assert profile.column_maps("operations")["major_flg"].column == ("MAJOR_FLG",)
    hold = profile.column_maps("results")["hold_time"]
    assert hold.optional
    assert hold.first_of == ("HOLD_TIME", "HOLD_DURATION", "HOLDING_TIME")


def keys_of(model: type[BaseModel], into: set[str]) -> set[str]:
    """Every key of a section and of the sections below it, as TOML spells them."""
    for name, field in model.model_fields.items():
        into.add(field.alias or name)
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                keys_of(kind, into)
    return into


def test_the_default_profile_is_the_reference_for_every_key() -> None:
    """Whoever writes a profile finds each key in `bi_views.toml`, in use or in a comment."""
    keys = keys_of(Document, set())
    assert {"schema", "unit_group", "full_every_days", "on_not_above"} <= keys
    text = (SHIPPED / "bi_views.toml").read_text(encoding="utf-8")
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b( =|\])", text)] == []


def test_every_key_and_column_is_explained() -> None:
    """Whoever writes a profile finds each key, canonical column and word for a rate in the guide."""
    docs = SHIPPED.parents[2] / "docs"
    guides = [
        docs / "profiles.md",
        *docs.glob("work-results.md"),
    ]  # the second explains the keys of [results]
    text = "".join(guide.read_text(encoding="utf-8") for guide in guides)
    names = keys_of(Document, set()) - {"description", "name"} | set(RUN_BASES)
    names |= {c for columns in RAW_COLUMNS.values() for c in columns} - {"major_flg", *ORDER_COLUMNS}
    assert [n for n in sorted(names) if not re.search(rf"\b{n}\b", text)] == []


@pytest.mark.parametrize(
    "body",
    [
        "x = " + "[" * 10_000,
        "x = " + "{a=" * 10_000,
        "[" + ".".join("x" * 10_000) + "]",
        ".".join("x" * 10_000) + " = 1",
    ],
)
def test_a_profile_nested_ten_thousand_deep_is_one_sentence(tmp_path: Path, body: str) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f'name = "deep"\nextends = "bi_views"\n{body}\n', encoding="utf-8")
    error = failure(path)
    assert error.file == "deep.toml" and len(str(error)) < 500


@pytest.mark.parametrize("base", ["../base.toml", "below/../../base.toml", "{absolute}", "link.toml"])
def test_a_profile_extends_no_file_outside_its_folder(tmp_path: Path, base: str) -> None:
    outside, folder = tmp_path / "base.toml", tmp_path / "site"
    (folder / "below").mkdir(parents=True)
    outside.write_text('name = "base"\nextends = "bi_views"\n', encoding="utf-8")
    (folder / "link.toml").symlink_to(outside)
    named = base.format(absolute=outside)
    (folder / "p.toml").write_text(f'name = "p"\nextends = "{named}"\n', encoding="utf-8")
    error = failure(folder / "p.toml")
    assert (error.key, error.value) == ("extends", named) and "leaves the folder" in str(error)


def test_a_profile_extends_a_file_of_its_folder_only_if_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('name = "p"\nextends = "base.toml"\n', encoding="utf-8")
    assert "no such file" in str(failure(tmp_path / "p.toml"))
