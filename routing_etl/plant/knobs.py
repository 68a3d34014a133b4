"""The knobs of a demo plant's grammar: how many rules it has, of which kinds, and how noisy its people are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date

from routing_etl.errors import ConfigurationError
from routing_etl.plant.wide import NOTES

#: Most passes of one stage.
MAX_PASSES = 3
#: Knobs that are shares from 0 to 1.
_SHARES = (
    "conditional_share", "compound_rules", "planner_noise", "attribute_noise", "outsourced_share",
    "duplicate_items", "pool_share", "other_resource", "orphan_results", "new_item_share", "wrong_standards", "dirt",
    "plant_rule_share", "extra_operations", "options", "size_in_text", "size_not_filled",
)  # fmt: skip


@dataclass(frozen=True)
class Grammar:
    """Knobs of a plant: how many rules there are and how noisy; the rules themselves are drawn from the seed.

    Shares are from 0 to 1. The defaults are those of the first plant where they could be measured there.

    Parameters
    ----------
    families : int
        Kinds of parts.
    part_types : int
        Established part types.
    new_part_types : int
        Part types of which no item has a routing.
    new_item_share : float
        Share of items of such part types.
    attributes_per_family : int
        Attributes that a family's process plan depends on.
    conditional_share : float
        Share of steps that depend on a rule.
    compound_rules : float
        Share of rules with two or three predicates.
    most_passes : int
        Most passes of a stage.
    planner_noise : float
        Mean probability that a planner departs from an item's most probable routing.
    attribute_noise : float
        Share of items whose written attribute is blank or wrong, per attribute.
    outsourced_share : float
        Share of items that are sent outside as a whole.
    drifted_codes : int
        Job codes that replaced older ones.
    drift_days : int
        Days between that change and `as_of`.
    machine_change_days : int
        Days between the replacement of machines and `as_of`.
    routed_share : float
        Share of items with a routing.
    rows_per_routed_item : float
        Routing rows per routed item.
    results_per_item : float
        Work results per item.
    duplicate_items : float
        Share of items that repeat another item's attributes under a code of their own.
    pool_share : float
        Share of operations planned on a waiting pool, on lines that have one.
    other_resource : float
        Share of results made on another machine than planned.
    orphan_results : float
        Share of results whose item, operation or job is unknown.
    time_noise : float
        Sigma of ln(time) of one order.
    item_time_noise : float
        Sigma of ln(time) of an item as a whole, which its attributes do not explain.
    lot_effect : float
        Run times fall with the lot to this power.
    wrong_standards : float
        Share of operations whose standard run time is wrong: 1.6 or 0.6 times what the planner would have written.
    dirt : float
        1: the measured rates of a real ERP (docs/erp-contract.md 5); 0: none of the optional dirt.
    plant_rules : int
        Rules that hold in every family and are called by a note in any text column, in several spellings and two languages.
    plant_rule_share : float
        Share of items on which each of these notes stands.
    extra_operations : float
        Share of part types with an operation of their own, of a job code that no other type has.
    options : float
        Share of families with an operation that is taken with a probability, whatever the item is like.
    size_in_text : float
        Share of items with dimensions whose outer diameter and thickness stand in a text, in mm or in inches.
    size_not_filled : float
        Share of items with dimensions whose size columns are empty, beside those that dirt empties.
    strange_part_types : int
        Of the new part types, how many are like no other and made by job codes that nobody has used.
    load_lines : int
        Machine lines whose machine is chosen by load: two machines, 0.65 to 0.35, whatever is made.
    dated_lines : int
        Machine lines of which one machine was replaced `machine_change_days` ago.
    as_of : datetime.date
        Day on which the plant stands.
    """

    families: int = 18
    part_types: int = 424
    new_part_types: int = 12
    new_item_share: float = 0.012
    attributes_per_family: int = 8
    conditional_share: float = 0.45
    compound_rules: float = 0.4
    most_passes: int = 3
    planner_noise: float = 0.17
    attribute_noise: float = 0.02
    outsourced_share: float = 0.025
    drifted_codes: int = 3
    drift_days: int = 430
    machine_change_days: int = 260
    routed_share: float = 0.549
    rows_per_routed_item: float = 9.9
    results_per_item: float = 24.6
    duplicate_items: float = 0.23
    pool_share: float = 0.12
    other_resource: float = 0.2
    orphan_results: float = 0.03
    time_noise: float = 0.25
    item_time_noise: float = 0.12
    lot_effect: float = 0.05
    wrong_standards: float = 0.0
    dirt: float = 1.0
    plant_rules: int = 0
    plant_rule_share: float = 0.05
    extra_operations: float = 0.0
    options: float = 0.0
    size_in_text: float = 0.0
    size_not_filled: float = 0.0
    strange_part_types: int = 0
    load_lines: int = 0
    dated_lines: int = 1
    as_of: date = field(default=date(2025, 10, 21))

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigurationError(f"Grammar.{name} = {value!r} is no share.", remedy="Give 0 to 1.")
        bounds = {
            "routed_share": (0.05, 0.95),
            "families": (2, 60),
            "part_types": (2, 2000),
            "new_part_types": (0, 200),
            "attributes_per_family": (1, 18),
            "most_passes": (1, MAX_PASSES),
            "drifted_codes": (0, 20),
            "rows_per_routed_item": (1, 60),
            "results_per_item": (0, 200),
            "time_noise": (0, 2),
            "item_time_noise": (0, 2),
            "plant_rules": (0, len(NOTES)),
            "strange_part_types": (0, self.new_part_types),
            "load_lines": (0, 6),
            "dated_lines": (0, 6),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"Grammar.{name} = {value!r} is outside {low} to {high}.",
                    remedy=f"Give a value from {low} to {high}.",
                )

    def knobs(self) -> dict[str, str]:
        """Write every knob as text, for the summary table."""
        return {name: str(value) for name, value in asdict(self).items()}
