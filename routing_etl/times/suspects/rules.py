"""Looks at all reports of a plant by each rule, and says which are set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from routing_etl.frames import WORK_CENTRE_GROUPS
from routing_etl.times.plausibility import RATIO_LIMITS
from routing_etl.times.pooled import MEASURES
from routing_etl.times.suspects.facts import HIT, Seen, look, standards, with_standards
from routing_etl.times.suspects.found import WORD, Finding, in_reports
from routing_etl.times.suspects.limits import (
    BINS,
    CHANCE,
    EXAMPLES,
    HIGH,
    JOB_LIMIT,
    KNOWN,
    LOW,
    MANY,
    MIN_OPERATIONS,
    MIN_REPORTS,
    MIN_SIDE,
    NEAR_DAYS,
    POSTED,
    POSTED_OPERATIONS,
    POSTED_REPORTS,
    PURE,
    SPLIT,
    SUBSETS,
    TOLD,
    TOLD_OPERATIONS,
    TOLD_REPORTS,
    WHOLE_PLANT,
)
from routing_etl.times.suspects.load import overfull
from routing_etl.times.suspects.lost_minutes import findings_of
from routing_etl.times.suspects.set_up_within import set_ups_within
from routing_etl.times.suspects.uneven import uneven_standards
from routing_etl.times.suspects.whole_plant import whole_plant


@dataclass
class Suspects:
    """What is suspected in all shards, and which rows of each are set aside.

    Parameters
    ----------
    known : polars.DataFrame
        The `standards`.
    machines : polars.DataFrame
        WORK_CENTRE_GROUPS frame.
    findings : list of Finding
        What is suspected, most important kinds first.
    ratios : dict of str to list of float
        By measure the median actual / standard of each operation, before anything is set aside.
    posted : dict of str to polars.DataFrame
        By measure `shard` and `key` of operations whose reports equal their standards.
    """

    known: pl.DataFrame
    machines: pl.DataFrame = field(default_factory=WORK_CENTRE_GROUPS.empty)
    findings: list[Finding] = field(default_factory=list)
    ratios: dict[str, list[float]] = field(default_factory=dict)
    posted: dict[str, pl.DataFrame] = field(
        default_factory=lambda: {
            m: pl.DataFrame(schema={"shard": pl.Int32(), "key": pl.UInt64()}) for m in MEASURES
        }
    )
    _subsets: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: {m: [] for m in MEASURES})
    _splits: dict[str, list[tuple[str, date, bool]]] = field(
        default_factory=lambda: {m: [] for m in MEASURES}
    )
    _keys: dict[str, pl.DataFrame] = field(default_factory=dict)
    _single: dict[str, pl.DataFrame] = field(default_factory=dict)
    _hit: dict[str, pl.DataFrame] = field(
        default_factory=lambda: {m: pl.DataFrame(schema=HIT) for m in MEASURES}
    )
    _parts: list[pl.Series] = field(default_factory=list)

    def aside(self, shard: int, frame: pl.DataFrame) -> Aside | None:
        """Which rows of a shard are set aside; None if none is.

        Parameters
        ----------
        shard : int
            Number of the shard.
        frame : polars.DataFrame
            Its rows, as they were looked at.
        """
        if not (any(f.set_aside for f in self.findings) or any(k.height for k in self._single.values())):
            return None
        rows, before, after = with_standards(frame, self.known, self.machines), {}, {}
        for m in MEASURES:
            keys = self._keys[m].filter(pl.col("shard") == shard)["key"]
            x = pl.col(f"{m}_x")
            hit = [
                pl.col("key").is_in(keys.implode()),
                *(pl.col(c).cast(pl.String) == value for c, value in self._subsets[m]),
                *(
                    (pl.col("res_cd").cast(pl.String) == machine)
                    & ((pl.col("report_dt") < day) if early else (pl.col("report_dt") >= day))
                    for machine, day, early in self._splits[m]
                ),
            ]
            if m == "run":
                hit.append(pl.col("row").is_in(self._parts[shard].implode()))
            known = x.is_not_null()
            before[m] = rows.select((pl.any_horizontal(hit) & known).fill_null(False)).to_series().alias(m)
            single = self._single[m].filter(pl.col("shard") == shard)
            many = pl.col("spoils")
            first, later = (
                pl.col("key").is_in(single.filter(c)["key"].implode()) & ~x.is_between(LOW, HIGH) & known
                for c in (many, ~many)
            )
            after[m] = rows.select(later.fill_null(False)).to_series().alias(m)
            early = rows.select(first.fill_null(False)).to_series() & ~before[m]
            self.count_single(shard, m, rows["key"].filter(early))
            before[m] = before[m] | early
        return Aside(before, after)

    def count_single(self, shard: int, measure: str, keys: pl.Series) -> None:
        """Note the operations of reports that were set aside one by one, a key for each report."""
        hit = keys.value_counts(name="reports").with_columns(pl.lit(shard, dtype=pl.Int32).alias("shard"))
        found = self._single[measure].join(hit, on=["shard", "key"])
        self._hit[measure] = pl.concat([self._hit[measure], found.select(self._hit[measure].columns)])

    def all_findings(self) -> tuple[Finding, ...]:
        """The findings, with those of single operations as they were counted."""
        single = [f for m in reversed(MEASURES) for f in _single_findings(m, self._hit[m])]
        return (*self.findings, *single)


@dataclass(frozen=True)
class Aside:
    """Rows of a shard that are set aside, by measure: before anything is judged, or after, where they still count."""

    before: dict[str, pl.Series]
    after: dict[str, pl.Series]


def find_suspects(
    shards: Iterable[pl.DataFrame], operations: pl.LazyFrame, machines: pl.DataFrame | None = None
) -> Suspects:
    """Look at the reports of all shards, one after the other.

    Parameters
    ----------
    shards : iterable of polars.DataFrame
        Rows in minutes with `key`, as `one_shard.load_shard` and `group_key` make them.
    operations : polars.LazyFrame
        OPERATIONS frame, for the standards.
    machines : polars.DataFrame, optional
        WORK_CENTRE_GROUPS frame; without it no group is judged.
    """
    found = Suspects(standards(operations), WORK_CENTRE_GROUPS.empty() if machines is None else machines)
    seen = [look(frame, found.known, found.machines) for frame in shards]
    _parts_of_orders(found, seen)
    lost, told = findings_of([s.lost for s in seen])
    found.findings += [*told, *overfull([s.load for s in seen])]
    found._parts = [
        pl.concat([parts, lost.filter(pl.col("shard") == k)["row"]]).unique()
        for k, parts in enumerate(found._parts)
    ]
    for m in reversed(MEASURES):  # run first: set-up times that equal the standard are judged by it
        ops = pl.concat(
            [
                s.operations[m].with_columns(pl.lit(k, dtype=pl.Int32).alias("shard"))
                for k, s in enumerate(seen)
            ]
        )
        joint = _summed(s.joint[m] for s in seen)
        found.ratios[m] = ops["x"].exp().to_list()
        found._keys[m] = ops.select("shard", "key").clear()
        ops = _posted(found, m, ops)
        if m == "run":
            joint, ops = _set_ups(found, seen, joint, ops)
        counts = (
            pl.concat([s.subsets[m] for s in seen])
            .group_by("subset", "value")
            .agg(pl.col("operations").sum())
        )
        joint, ops = _off_subsets(found, m, joint, ops, counts)
        ops = _splits(found, m, _days(found, m, seen), ops)
        if not _mostly_parts(found, ops):
            found.findings += [*whole_plant(m, ops), *(uneven_standards(m, ops) if m == "run" else [])]
        found._single[m] = _off_operations(found, m, ops)
    if not any(s.operations["setup"].height for s in seen) and found.known["setup_std"].count():
        found.findings = [_without_set_ups(f) for f in found.findings]
    return found


def _without_set_ups(finding: Finding) -> Finding:
    """A finding of run times that are too long, where nobody reports a set-up: what to look for before a factor is written."""
    if (finding.kind, finding.measure) != ("subset", "run") or (finding.ratio or 0.0) <= 1.0:
        return finding
    first = (
        "No report states a set-up, though standards do: if set-ups are among these reports, say first which rows they are (record_kind and "
        "kinds in [results]), for a factor would spoil the others. "
    )
    return replace(finding, sentence=first + finding.sentence)


def _set_ups(
    found: Suspects, seen: Sequence[Seen], joint: pl.DataFrame, ops: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Set run times aside that have the set-up in them; the joint counts and the operations without them."""
    within = set_ups_within([s.set_ups for s in seen])
    found.findings += within.findings
    for column, names in (("job_cd", within.jobs), ("res_cd", within.machines)):
        found._subsets["run"] += [(column, name) for name in names]
        joint, ops = (f.filter(~pl.col(column).is_in(names).fill_null(False)) for f in (joint, ops))
    return joint, ops


def _mostly_parts(found: Suspects, ops: pl.DataFrame) -> bool:
    """Whether parts of orders are what most reports are, which explains that they are short."""
    return 2 * sum(f.reports for f in found.findings if f.kind == "parts") > int(ops["n"].sum() or 0)


def _summed(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by(*SUBSETS, "bin").agg(pl.col("n").sum())


def _named(items: pl.Series) -> tuple[str, ...]:
    return tuple(items.cast(pl.String).unique().sort().head(EXAMPLES))


def _parts_of_orders(found: Suspects, seen: Sequence[Seen]) -> None:
    """Set parts of orders aside: those that the set-up confirms, and others where they are what a job usually has."""
    chains = pl.concat(
        [s.chains.with_columns(pl.lit(k, dtype=pl.Int32).alias("shard")) for k, s in enumerate(seen)]
    )
    ops = pl.concat(
        [
            s.operations["run"].with_columns(pl.lit(k, dtype=pl.Int32).alias("shard"))
            for k, s in enumerate(seen)
        ]
    )
    rows = chains.join(ops.select("shard", "key", "item_key", "n"), on=["shard", "key"])
    of_job = ops.group_by("job_cd").agg(all=pl.col("n").sum())
    usual = (
        rows.filter(pl.col("weak")).group_by("job_cd").agg(pl.len().alias("rows"), pl.struct("shard", "chain").n_unique().alias("chains"))
        .join(of_job, on="job_cd").filter(pl.col("rows") >= 0.3 * pl.col("all"), pl.col("chains") >= 5)
    )  # fmt: skip
    weak = pl.col("weak")
    several = (pl.col("chain").filter(weak).n_unique() >= 2) | (weak.sum() >= 3)
    own = (weak.sum() >= 0.8 * pl.col("n").first()) & several
    often = weak & (own.over("shard", "key") | pl.col("job_cd").is_in(usual["job_cd"].implode()))
    sure, mirror = (rows.filter(pl.col(n)).select("shard", "chain").n_unique() for n in ("sure", "mirror"))
    by_chance = 3 * mirror + float(ops["n"].sum()) / CHANCE
    rows = rows.filter((pl.col("sure") & (pl.col("many") | (sure > by_chance))) | often)
    found._parts = [rows.filter(pl.col("shard") == k)["row"] for k in range(len(seen))]
    if rows.is_empty():
        return
    touched = rows.select("shard", "key").unique()
    ratio = float(np.exp(ops.join(touched, on=["shard", "key"])["x"].median()))  # type: ignore[arg-type]
    found.findings.append(
        Finding(
            "parts", "run", "results without an order number", rows.height, touched.height, rows.height, ratio, _named(rows["item_key"]),
            f"{in_reports(rows.height)} of {touched.height:,} operation(s) look like parts of orders: the same operation and "
            f"quantity within {NEAR_DAYS} days, together as long as one order, singly {ratio:.2g} of the standard. Their "
            "standards are used instead. Map order_no (and order_quantity) in [results], or the quantity of each row as yield_qty.",
        )
    )  # fmt: skip


def _median(joint: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Per value of `by`: `n`, the median `x` and the quartiles `low` and `high`, from counts per bin."""
    counts = joint.group_by(*by, "bin").agg(pl.col("n").sum()).sort(*by, "bin")
    upto, all_ = pl.col("n").cum_sum().over(by), pl.col("n").sum().over(by)
    counts = counts.with_columns(share=upto / all_)

    def at(q: float) -> pl.Expr:
        return pl.col("bin").filter(pl.col("share") >= q - 1e-12).first() / BINS

    return counts.group_by(by).agg(pl.col("n").sum(), x=at(0.5), low=at(0.25), high=at(0.75)).sort(by)


def _posted(found: Suspects, m: str, ops: pl.DataFrame) -> pl.DataFrame:
    """Set operations aside whose reports all equal the standard, and return the others.

    A set-up time that equals the standard is set aside only where the run time does too: people book the set-up of the plan
    and measure the run.
    """
    rule = pl.lit(False)
    for by in (["all"], ["res_cd"], ["res_group"], ["job_cd"]):
        whole = ops.with_columns(all=pl.lit("all")).drop_nulls(by).group_by(by)
        shares = whole.agg(pl.col("n", "equal").sum(), operations=pl.len()).filter(
            pl.col("n") >= POSTED_REPORTS,
            pl.col("operations") >= POSTED_OPERATIONS,
            pl.col("equal") >= POSTED * pl.col("n"),
        )
        inside = pl.col(by[0]).is_in(shares[by[0]].implode()) if by != ["all"] else pl.lit(shares.height > 0)
        rule = rule | (inside & (pl.col("equal") == pl.col("n")))
    posted = ops.filter(rule.fill_null(False))
    if posted.is_empty():
        return ops
    found.posted[m] = posted.select("shard", "key")
    aside = posted if m == "run" else posted.join(found.posted["run"], on=["shard", "key"], how="semi")
    found._keys[m] = pl.concat([found._keys[m], aside.select("shard", "key")])
    rows, kept_out = int(posted["n"].sum()), int(aside["n"].sum())
    share = rows / int(ops["n"].sum())
    used = (
        "The standards are used, without a claim to have been measured. Where the ERP has measured times too, map those."
        if kept_out == rows
        else "They are used where the run time was measured."
    )
    found.findings.append(
        Finding(
            "backflushed", m, "operations", rows, posted.height, kept_out, 1.0, _named(posted["item_key"]),
            f"The reported {WORD[m]} of {posted.height:,} operation(s) ({in_reports(rows)}, {share:.0%}) equal their standards: "
            f"they are posted automatically and say nothing about reality. {used}",
        )
    )  # fmt: skip
    return ops.join(posted.select("shard", "key"), on=["shard", "key"], how="anti")


def _factor(x: float) -> str:
    """What a median ratio looks like in words."""
    size = np.exp(abs(x))
    known = next((f for f in KNOWN if abs(np.log(size / f)) <= 0.2), None)
    shown = f"{known:.0f}" if known else f"{size:.3g}"
    return f"{'about ' if not known else ''}{shown} times {'as long as' if x > 0 else 'shorter than'} the standard"


def _correction(m: str, x: float) -> str:
    """The factor of a correction: of this measure alone, for the other one may be right."""
    size = np.exp(abs(x))
    known = next((f for f in KNOWN if abs(np.log(size / f)) <= 0.2), size)
    return f"{m}_factor = {(1 / known if x > 0 else known):.6g}"


def _off_subsets(
    found: Suspects, m: str, joint: pl.DataFrame, ops: pl.DataFrame, counts: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Set subsets aside whose median is outside the limits; the joint counts and the operations without them."""
    for column, word in SUBSETS.items():
        per_value = counts.filter(pl.col("subset") == column).select(
            pl.col("value").alias(column), "operations"
        )
        stats = _median(joint.drop_nulls(column), [column]).join(per_value, on=column)
        judged = stats.filter(pl.col("n") >= MIN_REPORTS, pl.col("operations") >= MIN_OPERATIONS)
        most = WHOLE_PLANT * float(joint["n"].sum())  # the whole plant is judged by `plausibility`
        limit = JOB_LIMIT if column == "job_cd" else HIGH
        off = judged.filter(~pl.col("x").is_between(-limit, limit), pl.col("n") < most)
        rest = judged.join(off, on=column, how="anti")
        gone = []
        for row in off.sort(column).iter_rows(named=True):
            mine = ops.filter(pl.col(column) == row[column])
            if _dummy_standards(mine) and not _alone_of_its_jobs(ops, mine, column):
                found.findings.append(_rough_finding(m, f"{word} {row[column]}", row, mine))
                continue
            gone.append(str(row[column]))
            found._subsets[m].append((column, gone[-1]))
            found.findings.append(_subset_finding(m, f"{word} {gone[-1]}", row, column, mine))
        joint, ops = (f.filter(~pl.col(column).is_in(gone).fill_null(False)) for f in (joint, ops))
        if column != "job_cd":  # the standards of a job are often one rough figure
            _told(found, m, column, rest, joint)
    return joint, ops


def _subset_finding(m: str, subset: str, row: dict[str, Any], column: str, ops: pl.DataFrame) -> Finding:
    n, operations, x = int(row["n"]), int(row["operations"]), float(row["x"])
    key = {"res_cd": "machine", "job_cd": "job"}.get(column)
    remedy = (
        f"If the unit is wrong, write in the profile a [[results.correct]] with {_correction(m, x)} for each of its machines"
        if column == "res_group"
        else f'If the unit is wrong, write in the profile: [[results.correct]] {key} = "{row[column]}", {_correction(m, x)}'
        if key
        else "A set-up does not depend on the quantity: ask what it counts in the reports of this unit"
        if (m, column) == ("setup", "qty_unit")
        else f"Correct results.{'time_units' if column == 'time_unit' else 'qty_units'} in the profile"
    )
    return Finding(
        "subset", m, subset, n, operations, n, float(np.exp(x)), _named(ops["item_key"]),
        f"The reported {WORD[m]} of {subset} ({in_reports(n)} of {operations:,} operation(s)) are {_factor(x)}. The standards are "
        f"used instead. {remedy}.",
    )  # fmt: skip


def _dummy_standards(ops: pl.DataFrame) -> bool:
    """Whether the standards of a subset are one or two figures while its times differ: then nobody maintains them."""
    if ops.height < MIN_REPORTS:
        return False
    spread = float(ops["actual"].std() or 0.0)  # type: ignore[arg-type]
    return ops["standard"].round(6).n_unique() <= 2 and spread > 0.5


def _alone_of_its_jobs(ops: pl.DataFrame, mine: pl.DataFrame, column: str) -> bool:
    """Whether the same jobs elsewhere have other times beside their standards, which then are not what is odd here."""
    others = ops.join(mine.select("job_cd").unique(), on="job_cd", how="semi").filter(
        pl.col(column) != mine[column][0]
    )
    if others.height < MIN_OPERATIONS:
        return False
    apart = float(mine["x"].median()) - float(others["x"].median())  # type: ignore[arg-type]
    return abs(apart) > HIGH


def _rough_finding(m: str, subset: str, row: dict[str, Any], ops: pl.DataFrame) -> Finding:
    """Reports far from standards of one figure, with nothing to tell which of the two is odd."""
    n, operations, x = int(row["n"]), int(row["operations"]), float(row["x"])
    return Finding(
        "standard_doubtful", m, subset, n, operations, 0, float(np.exp(x)), _named(ops["item_key"]),
        f"The reported {WORD[m]} of {subset} ({in_reports(n)} of {operations:,} operation(s)) are {_factor(x)}, which is one or two "
        "figures for all of these operations: nobody maintains it, or the reports are in another unit. They are used.",
    )  # fmt: skip


def _told(found: Suspects, m: str, column: str, stats: pl.DataFrame, joint: pl.DataFrame) -> None:
    """Tell of subsets that differ from the rest of the plant, but may be true."""
    if stats.height < 2:
        return
    plant = _median(joint.with_columns(all=pl.lit(0)), ["all"])["x"].item()
    far = stats.filter(
        pl.col("n") >= TOLD_REPORTS,
        pl.col("operations") >= TOLD_OPERATIONS,
        (pl.col("x") - plant).abs() > np.log(TOLD),
        pl.col("high") - pl.col("low") < np.log(2),
    )
    for row in far.sort(column).iter_rows(named=True):
        n, operations, x = int(row["n"]), int(row["operations"]), float(row["x"])
        subset = f"{SUBSETS[column]} {row[column]}"
        found.findings.append(
            Finding(
                "subset", m, subset, n, operations, 0, float(np.exp(x)), (),
                f"The reported {WORD[m]} of {subset} ({in_reports(n)} of {operations:,} operation(s)) are {np.exp(x):.2g} of the "
                f"standard, those of the plant {np.exp(plant):.2g}. They are used. If they are parts of orders, count other "
                "pieces or are in another unit, say so in [results] of the profile.",
            )
        )  # fmt: skip


def _days(found: Suspects, m: str, seen: Sequence[Seen]) -> pl.DataFrame:
    """Reports per machine, day and bin, of machines that are not set aside as a whole."""
    days = pl.concat([s.days[m] for s in seen]).group_by("res_cd", "report_dt", "bin").agg(pl.col("n").sum())
    gone = [v for c, v in found._subsets[m] if c == "res_cd"]
    return days.filter(pl.col("res_cd").is_not_null(), ~pl.col("res_cd").is_in(gone))


def _splits(found: Suspects, m: str, days: pl.DataFrame, ops: pl.DataFrame) -> pl.DataFrame:
    """Find machines whose reports began to differ on a day; the operations without those that it explains."""
    x = (pl.col("bin") / BINS).clip(-5, 5)
    daily = (
        days.group_by("res_cd", "report_dt").agg(pl.col("n").sum(), total=(x * pl.col("n")).sum()).sort("res_cd", "report_dt")
    )  # fmt: skip
    mean = pl.col("total").sum().over("res_cd") / pl.col("n").sum().over("res_cd")
    daily = daily.with_columns(cusum=(pl.col("total") - mean * pl.col("n")).cum_sum().over("res_cd").abs())
    best = daily.group_by("res_cd").agg(
        last=pl.col("report_dt").sort_by("cusum").last(), n=pl.col("n").sum()
    ).filter(pl.col("n") >= 2 * MIN_SIDE)  # fmt: skip
    sides = days.join(best.select("res_cd", "last"), on="res_cd").with_columns(
        before=pl.col("report_dt") <= pl.col("last")
    )
    if sides.is_empty():
        return ops
    stats = _median(sides.select("res_cd", "before", "bin", "n"), ["res_cd", "before"])
    both = stats.filter("before").join(stats.filter(~pl.col("before")), on="res_cd", suffix="_after")
    both = both.filter(
        (pl.col("x") - pl.col("x_after")).abs() > np.log(SPLIT),
        pl.min_horizontal("n", "n_after") >= MIN_SIDE,
    )
    middle = both.select(
        "res_cd", middle=(pl.col("x") + pl.col("x_after")) / 2, rises=pl.col("x_after") > pl.col("x")
    )
    above = pl.col("bin") / BINS > pl.col("middle")
    pure = (
        sides.join(middle, on="res_cd")
        .group_by("res_cd", "before")
        .agg(right=((above ^ pl.col("rises") ^ ~pl.col("before")) * pl.col("n")).sum() / pl.col("n").sum())
        .group_by("res_cd").agg(pl.col("right").min())
    )  # fmt: skip
    sure = both.join(pure.filter(pl.col("right") >= PURE), on="res_cd").join(
        best.select("res_cd", "last"), on="res_cd"
    )
    for row in sure.sort("res_cd").iter_rows(named=True):
        _split_finding(found, m, row, daily, ops)
    explained = [machine for machine, _, _ in found._splits[m]]
    return ops.filter(~pl.col("res_cd").is_in(explained).fill_null(False))


def _split_finding(
    found: Suspects, m: str, row: dict[str, Any], daily: pl.DataFrame, ops: pl.DataFrame
) -> None:
    """A machine whose reports differ before and after a day; the side that does not fit the standards is set aside."""
    machine, last = str(row["res_cd"]), row["last"]
    later = daily.filter(pl.col("res_cd") == machine, pl.col("report_dt") > pl.lit(last))["report_dt"].min()
    assert isinstance(later, date)
    x = {True: float(row["x"]), False: float(row["x_after"])}
    n = {True: int(row["n"]), False: int(row["n_after"])}
    off = [side for side in (True, False) if not LOW <= x[side] <= HIGH]
    for side in off:
        found._splits[m].append((machine, later, side))
    side = off[0] if off else abs(x[True]) > abs(x[False])
    when = f"{'before' if side else 'since'} {later}"
    mine = ops.filter(pl.col("res_cd") == machine)
    used = "The standards are used instead" if off else "They are used"
    found.findings.append(
        Finding(
            "changed", m, f"machine {machine} {when}", n[side], mine.height, sum(n[s] for s in off), float(np.exp(x[side])),
            _named(mine["item_key"]),
            f"The reported {WORD[m]} of machine {machine} began to differ on {later}: {np.exp(x[True]):.3g} of the standard "
            f"before ({in_reports(n[True])}), {np.exp(x[False]):.3g} since ({in_reports(n[False])}). {used} for those {when}. If the "
            f'unit is wrong, write in the profile: [[results.correct]] machine = "{machine}", {"before" if side else "since"} = '
            f"{later}, {_correction(m, x[side])}.",
        )
    )  # fmt: skip


def _off_operations(found: Suspects, m: str, ops: pl.DataFrame) -> pl.DataFrame:
    """Operations with reports outside the limits because of the reports: `shard`, `key`, `item_key`, `kind` and `x`.

    Those with odd standards are told of.
    """
    many = pl.len().over("job_cd") >= POSTED_OPERATIONS
    usual = pl.col("x").median().over("job_cd")
    a, s = ((pl.col(c) - pl.col(c).median().over("job_cd")).abs() for c in ("actual", "standard"))
    judged = ops.with_columns(
        like_its_job=many & (pl.col("x") - usual).is_between(LOW, HIGH),
        by_standard=many & (s > a),
        mixed=(pl.col("outside") >= 0.3 * pl.col("n")) & (pl.col("near") > 0),
    ).with_columns(spoils=pl.col("mixed") & (pl.col("n") >= MANY) & (pl.col("outside") >= 0.4 * pl.col("n")))
    off = judged.filter(~pl.col("x").is_between(LOW, HIGH), ~pl.col("like_its_job"), ~pl.col("mixed"))
    doubtful, wrong = off.filter("by_standard"), off.filter(~pl.col("by_standard"))
    if doubtful.height:
        n, x = int(doubtful["n"].sum()), float(doubtful["x"].median())  # type: ignore[arg-type]
        found.findings.append(
            Finding(
                "standard_doubtful", m, "operations", n, doubtful.height, 0, float(np.exp(x)), _named(doubtful["item_key"]),
                f"The standard {WORD[m]} of {doubtful.height:,} operation(s) lie more than a factor of {RATIO_LIMITS[1]:.0f} from "
                f"what was reported ({in_reports(n)}), while the reports are like those of their job: look at these standards. The "
                "reports are used.",
            )
        )  # fmt: skip
    kinds = [(wrong, "operations"), (judged.filter("mixed"), "mixed")]
    return pl.concat(
        [f.select("shard", "key", "item_key", pl.lit(k).alias("kind"), "x", "spoils") for f, k in kinds]
    )


def _single_findings(m: str, hit: pl.DataFrame) -> Iterator[Finding]:
    """What is told of operations some or all of whose reports were set aside one by one."""
    limits = f"{RATIO_LIMITS[0]} to {RATIO_LIMITS[1]:.0f} of"
    wrong, mixed = (hit.filter(pl.col("kind") == k) for k in ("operations", "mixed"))
    if wrong.height:
        n, x = int(wrong["reports"].sum()), float(wrong["x"].median())  # type: ignore[arg-type]
        yield Finding(
            "operations", m, "operations", n, wrong.height, n, float(np.exp(x)), _named(wrong["item_key"]),
            f"The reported {WORD[m]} of {wrong.height:,} operation(s) ({in_reports(n)}) lie outside {limits} their standard, the "
            f"middle one {_factor(x)}. The standards are used instead. Look for a unit of time or quantity of their own (map "
            "time_unit or qty_unit in [results.columns]), or name the items in [[results.correct]].",
        )  # fmt: skip
    if mixed.height:
        n = int(mixed["reports"].sum())
        yield Finding(
            "mixed", m, "operations", n, mixed.height, n, None, _named(mixed["item_key"]),
            f"{in_reports(n)} of {mixed.height:,} operation(s) lie outside {limits} the standard in their {WORD[m]}, while others "
            "of the same operation agree with it; they are left out. If rows are of several kinds (set-up apart from run), map "
            "record_kind and kinds in [results]; if they are in several units, time_unit or qty_unit.",
        )  # fmt: skip
