"""Headings and order in which the texts for people (report, verdicts, model card) show the metrics."""

from __future__ import annotations

from collections.abc import Iterable

#: What was judged, by split.
TITLES = {
    "recent": "Held-out routings: a part of the newest",
    "since": "Routings written since the version that predicts now had learned",
    "time": "Held-out routings: the newest",
    "family": "Held-out routings: whole families of items",
    "loo": "Held-out routings: one item left out at a time",
    "type": "Held-out routings: part types left out",
    "unrouted": "Items without a routing, judged by the plant's truth",
}
#: The metrics that the Markdown shows: heading and names, in order.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Routings",
        (
            "expected_exact_at_1_share", "expected_exact_at_4_share", "expected_exact_at_1", "expected_exact_at_4",
            "exact_at_1", "exact_at_4", "operation_f1", "operation_precision", "operation_recall", "edit_similarity",
            "order_agreement", "process_match",
        ),
    ),
    (
        "Resources, in-house and outsourced",
        (
            "resource_top1", "resource_top3", "outsourced_f1", "outsourced_precision", "outsourced_recall",
            "inhouse_f1", "inside_accuracy",
        ),
    ),
    ("Labels per operation (the replaced system's set)", ("accuracy", "precision_weighted", "recall_weighted", "f1_weighted")),
    (
        "Confidence and abstention",
        (
            "ece", "brier", "brier_skill", "expected_exact_at_1_surest_half", "exact_at_1_surest_half", "auroc_exact",
            "auroc_known_type", "answered_share", "abstained_share", "abstention_justified",
            "expected_exact_at_1_answered", "exact_at_1_answered", "candidates_per_item", "high_tier_share",
        ),
    ),
    *(
        (
            title,
            tuple(
                f"{m}_{name}"
                for name in (
                    "wape_vs_oracle", "wape", "mdape", "mae", "trim_mae", "rmse", "bias", "cv", "pinball_10",
                    "pinball_50", "pinball_90", "report_coverage", "coverage", "width", "filled",
                )
            ),
        )
        for m, title in (("run", "Run time (minutes per piece)"), ("setup", "Set-up time (minutes per order)"))
    ),
    ("Proposed standard times, judged by later orders", ("standards_held",)),
)  # fmt: skip
#: Heading of the metrics that no section names.
FURTHER = "Further metrics"


def sections_of(metrics: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The sections with the metrics that are there, in order; those that no section names come last, by name."""
    present = set(metrics)
    named = [(title, [n for n in names if n in present]) for title, names in SECTIONS]
    rest = sorted(present - {n for _, names in SECTIONS for n in names})
    return [(title, names) for title, names in [*named, (FURTHER, rest)] if names]
