"""Checks by kind, as people look for them: a plant has hundreds of checks, and a screen shows twenty lines.

The name of a check ends with what it looks at (`qty_range`, `item_cd_not_null`); that says of which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from routing_etl.frames import Severity
from routing_etl.quality.checks import CheckInfo

#: Kind -> what its checks ask, and how their names end.
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "columns": (
        "Columns and rows are there, and no key repeats",
        ("columns", "row_count", "row_count_for_training", "unique"),
    ),
    "required": ("What every row must have is filled in", ("not_null",)),
    "filled": ("What tells items apart is filled in", ("filled", "present", "blank_share")),
    "lengths": ("Texts are as long as the database holds", ("length",)),
    "ranges": ("Numbers are possible", ("range", "possible")),
    "values": ("Codes are among the known ones, and written as they must be", ("values", "format", "normalised")),
    "shares": ("Few rows are unusable, unknown or rejected", ("share", "share_critical")),
    "changes": ("Nothing was lost since the last runs", ("as_before", "as_usual", "keep_their_routing")),
    "reading": (
        "The profile reads what it should: joins, filters, companies, spellings",
        (
            "join_multiplies", "join_multiplies_critical", "join_drops", "join_finds_nothing", "filter_removes",
            "filter_drops_blank", "filter_drops_items", "latest_drops_items", "several_candidates", "values_cut",
            "code_repeats", "code_differs_in_case", "code_in_companies", "code_in_companies_critical",
            "ended_before_1950", "ended_before_1950_critical",
        ),
    ),
}  # fmt: skip
#: Kind of a check whose name ends with none of these.
_OTHER = "content"
_OTHER_MEANING = "What rows say of each other holds"


def kind_of(check: str) -> str:
    """The kind of a check.

    Parameters
    ----------
    check : str
        Its name.
    """
    for kind, (_, ends) in _KINDS.items():
        if any(check == end or check.endswith(f"_{end}") for end in ends):
            return kind
    return _OTHER


@dataclass(frozen=True)
class CheckGroup:
    """The checks of one frame that are of one kind and of one severity.

    Attributes
    ----------
    frame : str
        Frame that they belong to.
    kind : str
        What they look at.
    severity : {'critical', 'warning'}
        A failed critical check stops the night.
    checks : tuple of CheckInfo
        In the order in which they run.
    """

    frame: str
    kind: str
    severity: Severity
    checks: tuple[CheckInfo, ...]

    @property
    def name(self) -> str:
        """Severity first, so that a list by name begins with what stops a night."""
        return f"{self.severity}_{self.kind}"

    @property
    def meaning(self) -> str:
        """What the checks of this kind ask, as a sentence without its stop."""
        return _KINDS[self.kind][0] if self.kind in _KINDS else _OTHER_MEANING


def grouped(checks: Iterable[CheckInfo]) -> list[CheckGroup]:
    """Checks by frame, severity and kind; critical ones first, else in the order given.

    Parameters
    ----------
    checks : iterable of CheckInfo
        The checks.
    """
    found: dict[tuple[str, Severity, str], list[CheckInfo]] = {}
    for info in checks:
        found.setdefault((info.frame, info.severity, kind_of(info.check)), []).append(info)
    groups = [CheckGroup(f, kind, severity, tuple(infos)) for (f, severity, kind), infos in found.items()]
    return sorted(groups, key=lambda group: (group.frame, group.severity != "critical"))
