"""How good predictions are: models fitted on one side of a split and judged on the other, with intervals and baselines.

What belongs here: judging. It may import `model`, never the reverse. What does not: fitting what is deployed, files, databases.

The way of the data, and the module for each step:

* `splits`: which items are judged and which are trained on, by `options`.
* `reference`: what predictions are judged by: written routings and actual times, or the `truth` of a simulated plant.
* `comparison` (with `alignment`): one method's predicted routings beside the reference, item by item.
* `routing_metrics`, `confidence_metrics`, `time_metrics`: the metrics, as sums per item (`sums`) that `bootstrap` values.
* `assembly`: METRICS rows of all methods and segments (`tiers` are one), with paired differences; `reasons` of what is missing.
* `fit_variance`: how far metrics move when the same data are learned again.
* `deployed`: the version that predicts now, on what was written since it had learned.
* `drift`: what the version in force meets now, beside its training window.
* `intervals`: the interval of a share.
* `evaluate`: the recipe. `methods`: what is fitted and asked; `work_results`: the times it learns and is judged by; `judged`: facts about
  the judged items. `baselines`, `baseline_legacy`: what the model must beat (`baseline_frames`: their output).
* `report` with `details` and `alerts`: the result. `metric_table`: look-ups in METRICS rows.
* `verdicts`: model against baselines. `paired`: two versions on the same items. `card`: the model card. All three show
  metrics by `glossary`, `sections` and `markdown`.
"""

__all__ = [
    "alerts",
    "alignment",
    "assembly",
    "bootstrap",
    "card",
    "deployed",
    "details",
    "drift",
    "evaluate",
    "glossary",
    "intervals",
    "markdown",
    "metric_table",
    "options",
    "paired",
    "reasons",
    "report",
    "splits",
    "tiers",
    "work_results",
]
