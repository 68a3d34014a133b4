"""Drift: what the version in force meets now, beside what it learned from. The reference is its training window, and stays.

Three questions, each with a value, a band and, above normal, a sentence that names the cause:

* attributes: the population stability index (PSI) of each attribute's values, and the share of values that were not there;
* codes: jobs and machines that routings written since have, and those that they have no more;
* what the version itself says: confidence and similarity of its first candidates beside those in its first publication.

How times have changed is `times.shifts`. A band above normal needs a value beyond its limit and beyond chance: under no change
PSI x nm / (n + m) is chi-squared with bins - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from routing_etl.evaluation.metric_table import ALL, MODEL, MetricRow
from routing_etl.frames import AttributeSpec, key_of

if TYPE_CHECKING:
    from routing_etl.times.shifts import Shift

BANDS = ("normal", "watch", "drift", "severe")
#: From which value on it is watch, drift, severe. PSI: the usual limits of credit scoring (Siddiqi 2006), and twice the upper one.
PSI_LIMITS = (0.1, 0.25, 0.5)
#: The same for a share of items, and for the factor between times now and before, either way.
SHARE_LIMITS, TIME_LIMITS = (0.02, 0.05, 0.15), (1.1, 1.25, 1.5)
#: Chance of a false alarm, over all attributes or codes of a night.
LEVEL = 0.001
#: Chance of a silence within the window below which the version has been told of it by its own data.
TOLD = 0.05
#: Items on either side that a comparison needs, and items that a new code needs to be told.
LEAST_ITEMS, LEAST_WITH_CODE = 50, 5
#: Bins of a number, values of a code that are told apart, and values that are known by name at most.
BINS, TOP, KNOWN = 10, 20, 2000
#: Share of distinct values from which on a column names items.
_NAMES = 0.3
#: Why nothing can be said of codes.
_NONE_BEFORE, _NONE_SINCE = (
    "no routing is in the training window",
    "no routing was written since the training",
)
#: Days within which the beginning of a change must be known to be named by one day.
A_WEEK = timedelta(days=7)
#: Causes in one sentence.
_CAUSES = 3


@dataclass(frozen=True)
class Drift:
    """One comparison with the training window.

    Attributes
    ----------
    metric : str
        Name in the glossary.
    segment : str
        'all', or kind and name as in 'attribute:material'.
    value : float or None
        None with a reason where it could not be compared.
    n : int
        Items or orders that it was measured on.
    band : int
        Place in `BANDS`.
    words : str
        What has changed; why there is no value; empty when all is normal.
    learnable : bool
        Whether a training would learn it.
    """

    metric: str
    segment: str
    value: float | None
    n: int
    band: int = 0
    words: str = ""
    learnable: bool = False

    @property
    def row(self) -> MetricRow:
        """Its row of the metric tables; the reason of a value above normal says what has changed."""
        reason = f"{BANDS[self.band]}: {self.words}" if self.band else self.words or None
        return MetricRow(
            MODEL, "production", self.segment, self.metric, self.value, None, None, self.n, _short(reason)
        )


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= 400 else f"{text[:397]}..."


def _band(value: float, limits: Sequence[float]) -> int:
    return int(np.searchsorted(limits, value, side="right"))


def summary(found: Iterable[Drift]) -> list[Drift]:
    """The worst band of all comparisons, and of those that a training would learn, each with its causes in one sentence.

    Parameters
    ----------
    found : iterable of Drift
        All comparisons of a night.
    """
    told = sorted((d for d in found if d.value is not None), key=lambda d: -d.band)
    rows = []
    for segment, some in ((ALL, told), ("learnable", [d for d in told if d.learnable])):
        causes = list(dict.fromkeys(d.words for d in some if d.band))
        more = f" (and {len(causes) - _CAUSES} more)" if len(causes) > _CAUSES else ""
        worst = max((d.band for d in some), default=0)
        if not told:
            rows.append(
                Drift("drift_band", segment, None, 0, 0, "nothing could be compared with the training window")
            )
        else:
            rows.append(
                Drift(
                    "drift_band", segment, float(worst), len(some), worst, "; ".join(causes[:_CAUSES]) + more
                )
            )
    return rows


# --- attributes --------------------------------------------------------------------------------------------------------


def attribute_reference(items: pl.DataFrame, attributes: Sequence[AttributeSpec]) -> dict[str, Any]:
    """The values of the attributes as counts, as JSON: what a version keeps of its training window.

    Texts are told apart as the model tells them apart: case, width and blanks do not count.

    Parameters
    ----------
    items : polars.DataFrame
        ITEMS frame of the window.
    attributes : sequence of AttributeSpec
        The attributes; texts that name items are left out.
    """
    out: dict[str, Any] = {}
    for a in attributes:
        values = items[a.name].drop_nulls()
        if a.kind == "number":
            bins = {"edges": _edges(values)}
        elif values.n_unique() > min(_NAMES * values.len(), KNOWN):
            continue
        else:
            counts = _keys(values).value_counts(sort=True)
            ranked = counts.sort("count", a.name, descending=[True, False])[a.name].to_list()
            bins = {"values": ranked[:TOP], "others": sorted(ranked[TOP:])}
        out[a.name] = bins | {"counts": _counts(items[a.name], bins).tolist()}
    return out


def _edges(values: pl.Series) -> list[float]:
    """Ends between tenths of the values; tenths that are one value are one bin."""
    if values.is_empty():
        return []
    tenths = np.quantile(values.to_numpy(), np.linspace(0, 1, BINS + 1)[1:-1])
    return [float(edge) for edge in np.unique(tenths)]


def _counts(values: pl.Series, bins: Mapping[str, Any]) -> np.ndarray:
    """Items by bin; the last bin has those without a value."""
    if "edges" in bins:
        place = np.searchsorted(np.array(bins["edges"]), values.drop_nulls().to_numpy(), side="right")
        known = np.bincount(place, minlength=len(bins["edges"]) + 1)
    else:
        names = {v: i for i, v in enumerate(bins["values"])}
        place = (
            _keys(values.drop_nulls())
            .replace_strict(names, default=len(names), return_dtype=pl.Int64)
            .to_numpy()
        )
        known = np.bincount(place, minlength=len(names) + 1)
    return np.append(known, values.null_count())


def _keys(values: pl.Series) -> pl.Series:
    """Texts as the model sees them."""
    return values.to_frame().select(key_of(pl.col(values.name))).to_series()


def _folded(bins: Mapping[str, Any]) -> Mapping[str, Any]:
    """The bins with texts as the model sees them; a version of release 0.8 or before has kept each spelling for itself."""
    if "edges" in bins:
        return bins
    values, others = (_keys(pl.Series("v", bins[k], dtype=pl.String)).to_list() for k in ("values", "others"))
    merged = dict.fromkeys(values, 0)
    for value, count in zip(values, bins["counts"], strict=False):
        merged[value] += count
    return {
        "values": list(merged),
        "others": sorted(set(others) - merged.keys()),
        "counts": [*merged.values(), *bins["counts"][len(values) :]],
    }


def attribute_drift(reference: Mapping[str, Any], items: pl.DataFrame, kind: str) -> list[Drift]:
    """Each attribute now beside the training window: its PSI, and the share of items with a value that was not there.

    Parameters
    ----------
    reference : mapping
        What `attribute_reference` made.
    items : polars.DataFrame
        ITEMS frame of the items now.
    kind : str
        Prefix of the segments: 'attribute' for all items of the window as they are now, 'new' for those that came since.
    """
    whose = "" if kind == "attribute" else " of new items"
    if items.height < LEAST_ITEMS:
        few = f"only {items.height} items{whose}: fewer than {LEAST_ITEMS}"
        return [Drift("attribute_psi", f"{kind}:all", None, items.height, 0, few)]
    found = []
    for name, kept in reference.items():
        if name not in items.columns:
            continue
        bins = _folded(kept)
        then, now = np.array(bins["counts"]), _counts(items[name], bins)
        psi, chance = population_stability(then, now, LEVEL / max(len(reference), 1))
        band = _band(psi, PSI_LIMITS) if psi > chance else 0
        words = f"attribute {name}{whose} has other values: {_most_moved(bins, then, now)}" if band else ""
        found.append(
            Drift("attribute_psi", f"{kind}:{name}"[:100], psi, items.height, band, words, band == 3)
        )
        if "values" in bins:
            found += _unseen(name, bins, items, kind, whose)
    return found


def population_stability(then: np.ndarray, now: np.ndarray, level: float) -> tuple[float, float]:
    """The population stability index of two counts, and the value that it exceeds by chance with this probability.

    Parameters
    ----------
    then : numpy.ndarray
        Counts by bin in the training window.
    now : numpy.ndarray
        Counts by bin now.
    level : float
        Chance of exceeding under no change.

    Returns
    -------
    tuple of float
        Sum of (q - p) ln(q / p), with half an item added to every bin that either side has; and the limit.
    """
    from scipy.stats import chi2

    used = (then + now) > 0
    a, b = then[used] + 0.5, now[used] + 0.5
    p, q = a / a.sum(), b / b.sum()
    limit = chi2.isf(level, max(used.sum() - 1, 1)) * (1 / a.sum() + 1 / b.sum())
    return float(np.sum((q - p) * np.log(q / p))), float(limit)


def _most_moved(bins: Mapping[str, Any], then: np.ndarray, now: np.ndarray) -> str:
    """The bin whose share has changed most, in words."""
    p, q = then / max(then.sum(), 1), now / max(now.sum(), 1)
    place = int(np.argmax(np.abs(q - p)))
    if place == len(then) - 1:
        name = "without a value"
    elif "edges" in bins:
        edges = bins["edges"]
        low, high = (f"{edges[i]:g}" if 0 <= i < len(edges) else "" for i in (place - 1, place))
        name = f"from {low} to {high}" if low and high else (f"from {low} on" if low else f"below {high}")
    else:
        name = f"'{bins['values'][place]}'" if place < len(bins["values"]) else "rare or new values"
    return f"{name} {p[place]:.0%} before, {q[place]:.0%} now"


def _unseen(name: str, bins: Mapping[str, Any], items: pl.DataFrame, kind: str, whose: str) -> list[Drift]:
    known = pl.Series([*bins["values"], *bins["others"]], dtype=pl.String).implode()
    values = _keys(items[name])
    new = values.filter(~values.is_in(known)).drop_nulls()
    share = new.len() / items.height
    band = _band(share, SHARE_LIMITS) if new.len() >= LEAST_WITH_CODE else 0
    words = ""
    if band:
        first = new.value_counts(sort=True).sort("count", name, descending=[True, False]).row(0)
        words = f"attribute {name}{whose} has values that were not there, as '{first[0]}' ({first[1]} items)"
    return [Drift("unseen_value_share", f"{kind}:{name}"[:100], share, items.height, band, words, True)]


# --- jobs and machines -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """The routings of the training window and those since, an operation a row: item_key, job_cd, res_cd, rout_date.

    Attributes
    ----------
    before : polars.DataFrame
        Of the training window.
    since : polars.DataFrame
        Written after it, without copies of proposals.
    known : dict of str to polars.Series
        By column the codes of all routings that were learned from.
    """

    before: pl.DataFrame
    since: pl.DataFrame
    known: Mapping[str, pl.Series]


def code_drift(written: Written) -> list[Drift]:
    """Jobs and machines that came, and those that are gone.

    Parameters
    ----------
    written : Written
        The routings.
    """
    return [
        d
        for kind, column in (("job", "job_cd"), ("machine", "res_cd"))
        for d in _codes(written, kind, column)
    ]


def _codes(written: Written, kind: str, column: str) -> list[Drift]:
    then, now = (_with_code(f, column) for f in (written.before, written.since))
    m, n = (f["item_key"].n_unique() for f in (written.before, written.since))
    names = ("new_code_share", "gone_code_share")
    if not m or not n:
        why = _NONE_SINCE if m else _NONE_BEFORE
        return [Drift(name, f"{kind}:all", None, n, 0, why) for name in names]
    known = written.known[column].implode()
    new = now.filter(~pl.col("code").is_in(known), pl.col("items") >= LEAST_WITH_CODE)
    came = _came(written.since, column, new, kind, n)
    surely = np.log(LEVEL / max(then.height, 1))
    gone = (
        _silent(written.before.rename({column: "code"}), then)
        .join(now, on="code", how="anti")
        .filter(pl.col("miss") * n < surely, pl.col("miss") * pl.col("silent") >= np.log(TOLD))
        .sort("share", "code", descending=[True, False])
    )
    share = float(gone["share"][0]) if gone.height else 0.0
    named = ", ".join(
        f"{code} (in {part:.0%} before)" for code, part in gone.select("code", "share").head(3).iter_rows()
    )
    words = f"{kind} {named} is in none of {n} routings written since" if gone.height else ""
    return [came, Drift(names[1], f"{kind}:all", share, n, _band(share, SHARE_LIMITS), words, True)]


def _with_code(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Items by code."""
    return rows.drop_nulls(column).group_by(code=column).agg(items=pl.col("item_key").n_unique())


def _silent(before: pl.DataFrame, codes: pl.DataFrame) -> pl.DataFrame:
    """Per code of the window its share until its last use, the routings since then, and ln of the chance that one routing misses it.

    None of n routings has a code that p of those before had: by chance with (1 - p)^n, p at the lower end of what so many tell. A code
    that was silent for long within the window is no news: the version has learned that.
    """
    days = before.group_by("item_key").agg(pl.col("rout_date").max())["rout_date"].sort()
    last = before.drop_nulls("code").group_by("code").agg(last=pl.col("rout_date").max())
    until = pl.Series("until", days.search_sorted(last["last"], side="right"), dtype=pl.Int64)
    low = (pl.col("items") - 2 * pl.col("items").sqrt()) / pl.col("until")
    return (
        codes.join(last.with_columns(until), on="code")
        .with_columns(
            share=pl.col("items") / pl.col("until"),
            silent=days.len() - pl.col("until"),
            miss=(1 - low.clip(0.0, 1 - 1e-9)).log(),
        )
        .select("code", "share", "silent", "miss")
    )


def _came(since: pl.DataFrame, column: str, new: pl.DataFrame, kind: str, n: int) -> Drift:
    """The codes that no routing had before."""
    rows = since.filter(pl.col(column).is_in(new["code"].implode()))
    items = rows["item_key"].n_unique()
    words = ""
    if new.height:
        largest = new.sort("items", "code", descending=[True, False]).head(3)
        named = ", ".join(
            f"{code} ({count} items)" for code, count in largest.select("code", "items").iter_rows()
        )
        first = rows["rout_date"].sort()[0]
        words = (
            f"{kind} {named} is new since {first:%Y-%m-%d}, in {items / n:.0%} of {n} routings written since"
        )
    band = _band(items / n, SHARE_LIMITS) if new.height else 0
    return Drift("new_code_share", f"{kind}:all", items / n, n, band, words, True)


# --- times, and what the version itself says ---------------------------------------------------------------------------


def time_drift(shifts: Sequence[Shift], learned_until: date) -> list[Drift]:
    """Changed times as comparisons: a training would learn those that changed after the last report that was learned from.

    One that began before it is told as known: the reports before it, which it is compared with, count at the level since in what the version
    has learned (`times.levels`). Another training would change nothing about it.

    Parameters
    ----------
    shifts : sequence of Shift
        What `times.shifts` found.
    learned_until : datetime.date
        Day of that report.
    """
    words = {"run": "take", "setup": "take to set up"}
    found = [
        Drift(
            f"{s.measure}_time_ratio",
            f"{s.kind}:{s.code}"[:100],
            s.ratio,
            s.orders,
            _band(max(s.ratio, 1 / s.ratio), TIME_LIMITS),
            f"operations {'of job' if s.kind == 'job' else 'on machine'} {s.code} {words[s.measure]} {s.ratio:.2f} times their profile "
            f"{_since(s)}, {s.orders} orders{_known(s, learned_until)}",
            s.since is not None and s.since > learned_until,
        )
        for s in shifts
    ]
    changed = {measure: sum(s.measure == measure for s in shifts) for measure in ("run", "setup")}
    return [*(Drift(f"{m}_times_changed", ALL, float(c), c) for m, c in changed.items()), *found]


def _since(shift: Shift) -> str:
    """Since when, as far as the reports tell: a day, with those between which it lies where they leave more than a week open."""
    if shift.since is None:
        return "(since which day cannot be told)"
    first, last = shift.between
    if last - first <= A_WEEK:
        return f"since {shift.since:%Y-%m-%d}"
    return f"since about {shift.since:%Y-%m-%d} ({first:%Y-%m-%d} to {last:%Y-%m-%d})"


def _known(shift: Shift, learned_until: date) -> str:
    """What is said of a change that began before the training."""
    if shift.since is None or shift.since > learned_until:
        return ""
    return " (known to the training)"


def score_drift(metric: str, then: np.ndarray, now: np.ndarray, what: str) -> list[Drift]:
    """Scores of the first candidates beside those that the same version gave first: PSI, and the share below its lowest tenth.

    Parameters
    ----------
    metric : str
        'confidence' or 'similarity'.
    then : numpy.ndarray
        Counts by score in the version's first publication, in bins of equal width from 0 to 1.
    now : numpy.ndarray
        The same now.
    what : str
        Why `then` may be empty.
    """
    n = int(now.sum())
    names = (f"{metric}_psi", f"{metric}_far_share")
    if then.sum() < LEAST_ITEMS or now.sum() < LEAST_ITEMS:
        why = what if not then.sum() else f"fewer than {LEAST_ITEMS} first candidates"
        return [Drift(name, ALL, None, n, 0, why) for name in names]
    width = max(len(then) // BINS, 1)
    wide = [np.add.reduceat(counts, np.arange(0, len(counts), width)) for counts in (then, now)]
    psi, chance = population_stability(wide[0], wide[1], LEVEL)
    band = _band(psi, PSI_LIMITS) if psi > chance else 0
    middle = np.arange(len(then)) / len(then)
    means = [float((counts * middle).sum() / counts.sum()) for counts in (then, now)]
    lower = "lower" if means[1] < means[0] else "higher"
    words = f"{metric} of first candidates is {lower} than in the version's first publication" if band else ""
    lowest = int(np.searchsorted(np.cumsum(then) * 10, then.sum(), side="right"))
    far = float(now[:lowest].sum() / now.sum()) if lowest else 0.0
    return [Drift(names[0], ALL, psi, n, band, words, band == 3), Drift(names[1], ALL, far, n)]
