"""How good predictions are: splits, truth, comparison, metrics with intervals, baselines, the model card.

Belongs here: judging. May import `model`, never the reverse. Does not: fitting what is deployed, files, databases.
"""

__all__ = [
    "bootstrap",
    "card",
    "evaluate",
    "glossary",
    "metric_table",
    "options",
    "paired",
    "report",
    "tiers",
]
