"""What was found, in sentences and checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from routing_etl.frames import TIME_BY_ITEM_OPERATION, CheckOutcome
from routing_etl.times.pooled import MEASURES
from routing_etl.times.suspects.limits import EXAMPLES

Kind = Literal[
    "parts", "subset", "changed", "operations", "mixed", "standard_doubtful", "backflushed", "set_up_within"
]


@dataclass(frozen=True)
class Finding:
    """Reports of one kind that are suspected.

    Parameters
    ----------
    kind : str
        What is wrong with them; a key of `KINDS`.
    measure : {"setup", "run"}
        Which of their times.
    subset : str
        Whose reports: `machine MILL-1`, `all`.
    reports : int
        How many.
    operations : int
        Of how many operations of items.
    set_aside : int
        How many of them are kept out of the profiles. 0: they are told of only.
    ratio : float or None
        Median actual / standard.
    items : tuple of str
        A few of their items.
    sentence : str
        What it means and which key of the profile would mend it.
    """

    kind: Kind
    measure: str
    subset: str
    reports: int
    operations: int
    set_aside: int
    ratio: float | None
    items: tuple[str, ...]
    sentence: str


#: What is looked for, in the words of a check.
KINDS: dict[Kind, str] = {
    "parts": "results are whole orders: no reports that look like parts of one",
    "subset": "the reports of each machine, work centre group, job and unit fit the standards",
    "changed": "the reports of each machine fit the standards in the same way at all times",
    "operations": "the reports of each operation fit its standard",
    "mixed": "the reports of one operation agree with each other",
    "standard_doubtful": "standards fit what their job usually takes",
    "backflushed": "reports are measured, not posted from the standard",
    "set_up_within": "reported run times have no set-up in them",
}


def in_reports(n: int) -> str:
    """A number of reports in words."""
    return f"{n:,} report" if n == 1 else f"{n:,} reports"


WORD = {"setup": "set-up times", "run": "run times"}


def sentences(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings in words, with items."""
    for f in findings:
        of = f" Items: {', '.join(f.items)}{' ...' if len(f.items) == EXAMPLES else ''}." if f.items else ""
        yield f.sentence + of


#: Kinds of single reports, of which a few are entry errors as every plant has them: their check fails from this share on.
_SINGLE_SHARE = {"parts": 0.0002, "operations": 0.002, "mixed": 0.002, "standard_doubtful": 0.02}


#: Kinds that only run times can be of.
_OF_RUN = ("parts", "set_up_within")


def check_names() -> dict[str, str]:
    """Name of each check of the reported times, with what it means."""
    return {
        f"{m}_{kind}": f"{WORD[m].capitalize()}: {meaning}."
        for kind, meaning in KINDS.items()
        for m in MEASURES
        if m == "run" or kind not in _OF_RUN
    }


def check_outcomes(findings: Sequence[Finding], samples: Mapping[str, int]) -> list[CheckOutcome]:
    """Say what was looked for as checks: one per kind of finding and measure, of the frame of the time profiles.

    Parameters
    ----------
    findings : sequence of Finding
        What is suspected.
    samples : mapping of str to int
        Reports above 0 by measure.
    """
    outcomes = []
    for kind, meaning in KINDS.items():
        for m in MEASURES:
            if f"{m}_{kind}" not in check_names():
                continue
            mine = [f for f in findings if (f.kind, f.measure) == (kind, m)]
            told = mine if kind != "backflushed" else [f for f in mine if f.set_aside]
            reports = sum(f.reports for f in told)
            allowed = int(_SINGLE_SHARE.get(kind, 0.0) * samples[m])
            outcomes.append(
                CheckOutcome(
                    frame=TIME_BY_ITEM_OPERATION.name,
                    check=f"{m}_{kind}",
                    expectation="reports_fit_standards",
                    column=f"{m}_p50",
                    severity="warning",
                    success=reports <= allowed,
                    observed=f"{in_reports(reports)} ({sum(f.set_aside for f in told):,} set aside)",
                    expected=f"{meaning}; at most {in_reports(allowed)}",
                    rows_checked=samples[m],
                    rows_unexpected=reports,
                    sample=tuple(sentences(told))[:EXAMPLES],
                )
            )
    return outcomes
