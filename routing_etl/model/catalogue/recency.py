"""Which jobs and resources have gone out of use, and how much an old routing still counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from routing_etl.model.base.arrays import Bools, Floats, Ints
from routing_etl.model.catalogue.namesakes import LEAST_ORDERS, STRAY, log_orders, namesakes

#: Uses expected since the last one from which a code counts as out of use (Poisson: none seen has a chance of 1 in 400).
_EXPECTED = 6.0
#: Last uses of a code that tell how often it is used of late.
_LATE_USES = 20
#: Least score of a takeover.
_SURE = 0.3
#: A code that was there before must have grown by what the old code had, within these bounds and twice the standard error (`_SURE`
#: leaves 0.6 to 1.67 in any case).
_GROWN = (0.8, 1.25)
#: A code beside the old one in at least this share of its uses tells which items could have had it.
_BESIDE = 0.1
#: Its uses per item must have grown by this share of the old code's.
_MORE = 0.5
#: Least share of a new code's uses that stand where the old code stood.
_AT_HOME = 0.5
_DAY = 86_400_000_000.0


def age_in_days(dates: pl.Series) -> Floats:
    """Days before the newest date; NaN without a date."""
    micro = dates.cast(pl.Datetime("us")).to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if not np.isfinite(micro).any():
        return np.full(len(micro), np.nan, dtype=np.float32)
    age: Floats = ((np.nanmax(micro) - micro) / _DAY).astype(np.float32)
    return age


def retired(item: Ints, code: Ints, n_codes: int, age: Floats, family: Ints) -> Bools:
    """Codes (jobs or steps) that items of the same families would have used since, and none did.

    For a code last used at age a, the routings of its families younger than a would have had it `share x number`
    times, had its use gone on; six expected and none seen has a chance of 1 in 400 (Poisson), so it is retired. Of many
    uses a few may have a stray date: they are passed over, each for 2.5 more that are expected (the same chance).

    Parameters
    ----------
    item : Ints
        Item (label) of every use.
    code : Ints
        Code of every use.
    n_codes : int
        Number of codes.
    age : Floats
        Per label, days, NaN unknown.
    family : Ints
        Per label, 0 or more.
    """
    out = np.zeros(n_codes, dtype=bool)
    dated = np.isfinite(age)
    if not dated.any():
        return out
    ok = np.flatnonzero(np.isfinite(age[item]))
    ok = ok[np.lexsort((age[item[ok]], code[ok]))]
    uses_of = np.bincount(code[ok], minlength=n_codes)
    stray = np.floor(uses_of * STRAY + 0.5).astype(np.int64)
    first = np.cumsum(uses_of) - uses_of
    limit = float(np.nanquantile(age[dated], 0.01))
    order = np.lexsort((item, code))
    item_s = item[order]
    bounds = np.searchsorted(code[order], np.arange(n_codes + 1))
    families = _Families(family, age)
    for c in np.flatnonzero(uses_of):
        ages = age[item[ok[first[c] : first[c] + uses_of[c]]]]
        if ages[stray[c]] <= limit:
            continue
        users = np.unique(item_s[bounds[c] : bounds[c + 1]])
        passed = families.passed_over(ages, int(stray[c]))
        out[c] = families.ended(users, float(ages[passed]), passed)
    return out


class _Families:
    """How often a code would have been used since its last use, by what the items of its families had before."""

    def __init__(self, family: Ints, age: Floats) -> None:
        """Per label: its family and its age in days."""
        self.family, self.age = family, age
        self.n = int(family.max()) + 1
        self.dated = np.isfinite(age)

    def passed_over(self, ages: Floats, most: int) -> int:
        """How many of a code's newest uses may have a stray date.

        Stray dates fall on all days alike: more after the turn than their share of the days can be (twice the spread) are uses.
        """
        late = float((self.age[self.dated] < ages[most]).mean())
        expected = most * late
        return most if most <= expected + 2.0 * np.sqrt(expected) + 1.0 else 0

    def ended(self, users: Ints, last: float, stray: int) -> bool:
        """Whether a code that these items have was last used at that age, uses with a stray date aside."""
        touched = np.bincount(self.family[users], minlength=self.n)[self.family] > 0
        after = touched & self.dated & (self.age < last)
        before = touched & ~(self.age < last)
        # A family that began since tells nothing about the use before, however often it strays from the rule.
        share = self._count(users[before[users]]) / np.maximum(self._count(before), 1)
        missed = float((share * self._count(after)).sum())
        enough = _EXPECTED + 2.5 * stray
        if missed < enough:
            return False
        late = np.sort(self.age[users[before[users] & self.dated[users]]])[:_LATE_USES]
        meanwhile = before & self.dated & (self.age <= late[-1])
        return missed * _at_most(len(late), float((share * self._count(meanwhile)).sum())) >= enough

    def _count(self, labels: Ints | Bools) -> Ints:
        """Labels per family."""
        return np.bincount(self.family[labels], minlength=self.n)


def _at_most(seen: int, expected: float) -> float:
    """Share of what was expected that was seen, two standard errors up, 1 at most."""
    return min((seen + 2.0 * float(np.sqrt(seen))) / max(expected, 1e-9), 1.0)


def successors(
    own: pl.DataFrame,
    age: dict[str, float],
    gone: Collection[str] = (),
    code: str = "job_cd",
    name: str | None = None,
) -> dict[str, str]:
    """Which codes took over from codes that went out of use: old code -> the code of today, chains followed.

    A successor begins where the old code ends, stands in the same places in the same part types, and has there the
    share that the old code had. A job's place is the pair of its neighbours (previous and following job), a resource's
    the job. That dates part the two so by chance must be less likely than 1 in 1,000 (of all orders in time of their
    uses, one has every old use before every new one). A few stray dates are allowed on either side. A code that existed
    before can take over only from a code in `gone`, when its share grew there by about as much as the old code had.

    Parameters
    ----------
    own : polars.DataFrame
        Operations in order, with item_key, job_cd, part_type and `code`.
    age : dict of str to float
        Days per item_key, only items with a date.
    gone : collection of str, optional
        Codes that `retired` found.
    code : str, optional
        The column: job_cd or res_cd.
    name : str, optional
        The column with the codes' names: a code given anew keeps its name, also where all its neighbours change with it
        (`namesakes`).
    """
    found = _closed(namesakes(own, age, code, name) if name is not None else {})
    # A replaced neighbour hides a place, so look again once the first are known. Each round leaves fewer codes.
    while more := _takeovers(
        own.with_columns(pl.col(code).replace(found)) if found else own, age, gone, code
    ):
        found = _closed(found | more)
    return found


def _closed(found: dict[str, str]) -> dict[str, str]:
    """Chains followed to the code of today."""
    out = {}
    for old, new in found.items():
        while new in found:
            new = found[new]
        out[old] = new
    return out


def _takeovers(
    own: pl.DataFrame, age: dict[str, float], gone: Collection[str], column: str
) -> dict[str, str]:
    """One round of `successors`: every code takes over from at most one and is taken over by at most one."""
    before, after = (pl.col("job_cd").shift(i).over("item_key") for i in (1, -1))
    if column != "job_cd":
        before, after = pl.col("job_cd"), pl.lit(None, pl.String)
    frame = (
        own.select(
            "item_key",
            "job_cd",
            pl.col("part_type").fill_null(""),
            before=before,
            after=after,
            code=pl.col(column),
            age=pl.col("item_key").replace_strict(age, default=None, return_dtype=pl.Float64),
        )
        .with_columns(place=pl.struct("before", "after").rank("dense").cast(pl.Int64))
        .drop_nulls(["age", "code"])
        .sort("place")
    )
    pairs = _possible_takeovers(frame, gone)
    if not pairs:
        return {}
    names = {name: number for number, name in enumerate(frame["code"].unique().sort())}
    code = frame["code"].replace_strict(names, return_dtype=pl.Int64).to_numpy()
    kind = frame["part_type"].rank("dense").to_numpy()
    days, at = frame["age"].to_numpy(), frame["place"].to_numpy()
    scored: list[tuple[str, str, float]] = []
    grown: dict[str, list[tuple[float, str]]] = {}
    turns: dict[str, float] = {}
    held = _Places(code, days, at)
    for old, new, turn, existed, places in pairs:
        if existed:
            turns[old] = turn
            grown.setdefault(old, []).append((held.growth(names[old], names[new], turn), new))
            continue
        low, high = np.searchsorted(at, places), np.searchsorted(at, places, side="right")
        here = np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)])
        is_old, is_new = code[here] == names[old], code[here] == names[new]
        then, now = days[here] >= turn, days[here] < turn
        if not (is_old & then).any() or not (is_new & now).any():
            continue  # they meet at a stray date only
        # Each code's share of its own time, and how much of both their time is no gap between them.
        oldest, newest = days[here][is_old].max(), days[here][is_new].min()
        last, first = days[here][is_old & then].min(), days[here][is_new & now].max()
        then, now = then & (days[here] <= oldest), now & (days[here] >= newest)
        covered = 1.0 - (last - first) / max(oldest - newest, 1e-9)
        early, late = max(int(then.sum()), 1), max(int(now.sum()), 1)
        had, has = (is_old & then).sum() / early, (is_new & now).sum() / late
        fit = float(max(min(had, has), 0.0) / max(had, has, 1e-9))
        kinds = np.isin(kind[code == names[new]], kind[code == names[old]]).mean()
        scored.append((old, new, float(fit * kinds * covered)))
    # A code that was there before must be the one that grew, and none beside it half as well.
    for old, rivals in grown.items():
        (ratio, new), (second, _) = sorted([*rivals, (0.0, ""), (0.0, "")], reverse=True)[:2]
        if (
            ratio > 0
            and second < ratio / 2
            and held.agrees(names[old], names[new], ratio)
            and _growth_per_item(frame, old, new, turns[old]) >= _MORE
        ):
            scored.append((old, new, min(ratio, 1 / ratio) / 2))
    return _assign(scored)


class _Places:
    """What stood in the places of a code that went out of use, before the turn and since.

    All places of the old code are looked at, also for a rival that stands in few of them: there alone it may have grown by as
    much as the old code had, which is little beside all that the old code left. Uses of today's code with an older date (a routing
    that was written anew under its old date) are what it had before.
    """

    def __init__(self, code: Ints, days: Floats, at: Ints) -> None:
        """Per use: its code, the item's age and the place."""
        self.code, self.days, self.at = code, days, at
        self.seen: dict[int, _Turn] = {}

    def growth(self, old: int, new: int, turn: float) -> float:
        """By what a code's share of these places grew since the turn, as a multiple of the share that the old code had."""
        if old not in self.seen:
            here = np.isin(self.at, np.unique(self.at[self.code == old]))
            then = self.days[here] >= turn
            size = int(self.code.max()) + 1
            before, since = (np.bincount(self.code[here][part], minlength=size) for part in (then, ~then))
            self.seen[old] = _Turn(before, since, int(then.sum()), int((~then).sum()))
        seen = self.seen[old]
        if seen.late < _EXPECTED or seen.before[old] + seen.since[old] < _EXPECTED:
            return 0.0
        grown = seen.since[new] / seen.late - seen.before[new] / seen.early
        return float(grown / (seen.before[old] / seen.early))

    def agrees(self, old: int, new: int, ratio: float) -> bool:
        """Whether a growth is what the old code had, as far as these numbers can tell."""
        seen = self.seen[old]
        had = seen.before[old] / seen.early
        shares = (
            (had, seen.early),
            (seen.before[new] / seen.early, seen.early),
            (seen.since[new] / seen.late, seen.late),
        )
        error = float(np.sqrt(sum(max(p * (1 - p), 0.5 / n) / n for p, n in shares))) / had
        return bool(ratio + 2 * error >= _GROWN[0] and ratio - 2 * error <= _GROWN[1])


@dataclass(frozen=True)
class _Turn:
    """Uses in the old code's places before the turn and since: of each code, and of all."""

    before: Ints
    since: Ints
    early: int
    late: int


def _growth_per_item(frame: pl.DataFrame, old: str, new: str, turn: float) -> float:
    """By what the new code's uses per item grew since the turn, as a multiple of what the old code had.

    Over the items that have a job beside which the old code mostly stood, each part type by its items since: where an operation is
    no longer done, what else stands in its place has a greater share of it without being done more often.
    """
    uses = frame.filter(pl.col("code") == old)
    jobs = pl.concat([uses["before"], uses["after"]]).drop_nulls().alias("job").value_counts()
    beside = jobs.filter(pl.col("count") >= _BESIDE * uses.height)["job"]
    could = frame if beside.is_empty() else frame.filter(pl.col("job_cd").is_in(beside.implode()))
    keys = could["item_key"].unique().implode()
    then = pl.col("age") >= turn
    counts = (
        frame.filter(pl.col("item_key").is_in(keys))
        .group_by("part_type")
        .agg(
            early=pl.col("item_key").filter(then).n_unique(),
            late=pl.col("item_key").filter(~then).n_unique(),
            had=((pl.col("code") == old) & then).sum(),
            before=((pl.col("code") == new) & then).sum(),
            since=((pl.col("code") == new) & ~then).sum(),
        )
        .filter(pl.col("early") > 0, pl.col("late") > 0, pl.col("had") > 0)
    )
    grown = pl.col("since") - pl.col("late") * pl.col("before") / pl.col("early")
    made, had = counts.select(
        grown.sum().alias("made"), (pl.col("late") * pl.col("had") / pl.col("early")).sum()
    ).row(0)
    return float(made / had) if had else 0.0


def _possible_takeovers(
    frame: pl.DataFrame, gone: Collection[str]
) -> list[tuple[str, str, float, bool, list[int]]]:
    """Old code, new code, day of the turn (age), whether the new one existed before, and the old code's places."""
    stray = (pl.len() * STRAY + 0.5).floor().cast(pl.Int64)
    codes = frame.group_by("code").agg(
        uses=pl.len(),
        last=pl.col("age").sort().get(stray),
        first=pl.col("age").sort(descending=True).get(stray),
    )
    per_place = frame.group_by("code", "place").len()
    limit = frame["age"].quantile(0.01) if frame.height else None
    pairs = (
        per_place.join(codes.filter(pl.col("last") > limit), on="code")
        .join(per_place.rename({"code": "new", "len": "there"}), on="place")
        .filter(pl.col("code") != pl.col("new"))
        .group_by("code", "new", "uses", "last")
        .agg(pl.col("there").sum(), pl.col("place").sort())
        .join(codes.select(new="code", new_uses="uses", new_first="first"), on="new")
        .with_columns(existed=pl.col("new_first") >= pl.col("last"))
        .filter(
            pl.when("existed")
            .then(pl.col("code").is_in(list(gone)) & ~pl.col("new").is_in(list(gone)))
            .otherwise(pl.col("there") >= _AT_HOME * pl.col("new_uses"))
        )
        .sort("code", "new")
    )
    out = []
    for old, new, uses, last, new_uses, first, existed, places in pairs.select(
        "code", "new", "uses", "last", "new_uses", "new_first", "existed", "place"
    ).iter_rows():
        if existed or log_orders(uses, new_uses) >= LEAST_ORDERS:
            out.append((old, new, last if existed else (last + first) / 2, existed, places))
    return out


def _assign(scored: list[tuple[str, str, float]]) -> dict[str, str]:
    """The pairs of old and new codes with the best scores in all, each code in at most one."""
    if not scored:
        return {}
    from scipy.optimize import linear_sum_assignment

    olds, news = sorted({s[0] for s in scored}), sorted({s[1] for s in scored})
    table = np.zeros((len(olds), len(news)))
    for old, new, score in scored:
        table[olds.index(old), news.index(new)] = score
    rows, cols = linear_sum_assignment(-table)
    return {olds[r]: news[c] for r, c in zip(rows, cols, strict=True) if table[r, c] > _SURE}


def age_weight(age: Floats, half_life_days: float) -> Floats:
    """1 for the newest routing, halved every `half_life_days`; unknown ages count as the median."""
    known = np.isfinite(age)
    middle = float(np.median(age[known])) if known.any() else 0.0
    return np.exp2(-np.where(known, age, middle) / half_life_days).astype(np.float32)
