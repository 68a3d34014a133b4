"""The model card: what a version is for, what it was made of, how good it is and where it is not to be trusted.

Written from the contents of a version's own JSON files and nothing else, so that it shows no figure that they lack; what
was not measured is a dash with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from routing_etl import safe_text
from routing_etl.evaluation.confidence_metrics import CALIBRATION, COVERAGE
from routing_etl.evaluation.glossary import GLOSSARY, arrow
from routing_etl.evaluation.markdown import MARKS, number, table
from routing_etl.evaluation.metric_table import ALL, MODEL, MetricRow, MetricTable
from routing_etl.evaluation.report import EvaluationTables
from routing_etl.evaluation.sections import TITLES, sections_of
from routing_etl.evaluation.tiers import TIERS
from routing_etl.evaluation.verdicts import BASELINE_NOTES, READING, Verdict, conclusion, verdicts

#: Content of a JSON file, or a part of it.
Json = Mapping[str, Any]

#: Metrics shown by segment.
BY_SEGMENT = (
    "exact_at_1",
    "exact_at_4",
    "operation_f1",
    "resource_top1",
    "run_wape",
    "setup_wape",
    "confidence_mean",
    "ece",
)
#: Readable names of the segments' kinds; items without the fact are in none.
SEGMENTS = {
    "part_type_band:frequent": "part type frequent in training",
    "part_type_band:rare": "part type rare in training",
    "part_type_band:unseen": "part type not in training",
    "part_type_band:none": "no part type",
}
_PREFIXES = {
    "confidence:": "confidence ",
    "item_acct:": "family ",
    "part_type:": "part type ",
    "attributes:": "attributes: ",
    "neighbours:": "neighbours that voted ",
}

PURPOSE = (
    "Proposes routings (operations in order, machines, set-up and run times) for items that have none, with confidence and "
    "evidence, for a process engineer who decides. It learns from the plant's own routings and work results. It is not "
    "meant for items of another plant, for changing routings that exist, or for publishing a routing unseen."
)


def model_card(metrics: Json, metadata: Json, importance: Mapping[str, float] | None = None) -> str:
    """Write the card as Markdown.

    Parameters
    ----------
    metrics : mapping
        Content of `metrics.json`. Without `model_version` it is the card of an evaluation that saved nothing.
    metadata : mapping
        Content of `training_metadata.json`.
    importance : mapping of str to float, optional
        Content of `feature_importance.json`: attribute to its share of what was learned. None when no model was kept.

    Returns
    -------
    str
        Markdown.
    """
    tables = EvaluationTables.from_json(metrics)
    found = tables.table
    version = metrics.get("model_version")
    lines = [
        f"# Model card: {version}" if version else "# Evaluation card: no version was saved",
        "",
        PURPOSE,
        "",
        *_made(metrics, metadata),
        *_data(metrics.get("data") or {}),
        *_left_out(metrics.get("data") or {}),
        *_attributes(metrics, importance),
        *_learning(metadata),
        *_how_measured(metrics, found),
        *_overall(found),
        *_segments(found),
        *_confidence(tables),
        *_not_measured(metrics, found),
        *_limits(metrics, metadata, found),
        *_libraries(metadata),
    ]
    return "\n".join(lines).rstrip() + "\n"


def promotions(version: str, changes: Iterable[Json]) -> str:
    """Write who made the version champion or challenger, when and why: the section that no file of a version can hold.

    Parameters
    ----------
    version : str
        Name of the version.
    changes : iterable of mapping
        Lines of the registry's log: at, event, alias, from_version, to_version, who, why.

    Returns
    -------
    str
        Markdown.
    """
    known = [
        c for c in changes if version in (c["from_version"], c["to_version"]) and c["event"] != "abandoned"
    ]
    body = []
    for c in known:
        if c["event"] == "removed":
            what = "removed"
        else:
            what = c["alias"] if c["to_version"] == version else f"no longer {c['alias']}"
        body.append([str(c["at"])[:19], *map(safe_text.markdown, (what, c["who"], c["why"]))])
    told = table(["When (UTC)", "became", "who", "why"], body) or ["It was never champion or challenger."]
    return "\n".join(["## Promotion", "", *told]).rstrip() + "\n"


# --- what it was made of ---------------------------------------------------------------------------------------------


def _facts(header: tuple[str, str], facts: Mapping[str, Any]) -> list[str]:
    return table(header, [[safe_text.markdown(name), _plain(value)] for name, value in facts.items()])


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(safe_text.markdown, value)) or "–"
    return safe_text.markdown(value)


def _made(metrics: Json, metadata: Json) -> list[str]:
    return _facts(
        ("Version", "value"),
        {
            "made at (UTC)": str(metrics.get("generated_at") or metadata.get("training_date") or "")[:19],
            "asked for by": metadata.get("requested_by"),
            "run": metadata.get("run_id"),
            "source": metadata.get("source"),
            "source profile": metadata.get("profile"),
            "profile fingerprint": metadata.get("profile_fingerprint"),
            "routed items learned from": metrics.get("training_samples"),
            "seconds to fit": metrics.get("training_duration_sec"),
        },
    )


def _data(data: Json) -> list[str]:
    if not data:
        return ["## Data", "", "Not recorded.", ""]
    items, results = data["items"], data["result_dates"]
    written = data["routing_dates"]
    return [
        "## Data",
        "",
        *_facts(
            ("What", "count or date"),
            {
                "items": items["all"],
                "items with a routing": items["routed"],
                "items to predict": items["to_predict"],
                "items with times from work results": items["with_work_results"],
                "valid routings, alternates included": data["routings"],
                "operations of these": data["operations"],
                "operations of the routings that count": data["operations_learned"],
                "work results": data["work_results"],
                "oldest routing": written["oldest"],
                "newest routing": written["newest"],
                "routed items without a date": written["items_without_date"],
                "oldest work result": results["oldest"],
                "newest work result": results["newest"],
                "validity asked on": data["as_of"],
                "cut-off date": data["cutoff"],
            },
        ),
    ]


def _left_out(data: Json) -> list[str]:
    """Rows that cleaning rejected or filtered, items excluded, times kept out: each with its reason."""
    if not data:
        return []
    body = [
        [frame, "rejected" if kind == "rejected_by_rule" else "filtered", safe_text.markdown(rule), f"{n:,}"]
        for frame, account in (data["rows"] or {}).items()
        for kind in ("rejected_by_rule", "filtered_by_rule")
        for rule, n in sorted(account[kind].items())
    ]
    body += [
        ["items", "not learned from", safe_text.markdown(why), f"{n:,}"]
        for why, n in data["excluded_routed_items"].items()
    ]
    body += [
        [f"{measure} times", "kept out", safe_text.markdown(reason), f"{n:,}"]
        for measure, counts in (data["times"] or {}).items()
        for reason, n in counts.items()
        if reason != "samples" and n
    ]
    unknown = [
        f"The report of the step {step} is not in the run: what it left out is not known."
        for step, key in (("clean", "rows"), ("aggregate_times", "times"))
        if data[key] is None
    ]
    told = table(["Left out", "how", "reason", "rows"], body) or ["Nothing was left out.", ""]
    return ["### Left out, by reason", "", *told, *unknown, *([""] if unknown else [])]


def _attributes(metrics: Json, importance: Mapping[str, float] | None) -> list[str]:
    missing: Mapping[str, float] = (metrics.get("dataset_stats") or {}).get("missing_rates") or {}
    used = dict(importance or {})
    names = sorted(dict.fromkeys([*used, *missing]), key=lambda n: (-used.get(n, -1.0), n))
    body = [[safe_text.markdown(n), number(used.get(n)), number(missing.get(n))] for n in names]
    return [
        "## Attributes",
        "",
        "Importance: share of what the attributes together tell about routings. A dash: not used"
        + (", or no model was kept." if importance is None else "."),
        "",
        *table(["Attribute", "importance", "share of items without it"], body),
    ]


def _learning(metadata: Json) -> list[str]:
    notes = [f"* {safe_text.markdown(note)}" for note in metadata.get("notes") or []]
    return [
        "## Learning",
        "",
        *_facts(("Hyperparameter", "value"), metadata.get("hyperparameters") or {}),
        *notes,
        *([""] if notes else []),
    ]


# --- how good it is --------------------------------------------------------------------------------------------------


def _how_measured(metrics: Json, rows: MetricTable) -> list[str]:
    found = metrics.get("evaluation") or {}
    split = str(metrics.get("split") or found.get("split") or "")
    lines = ["## How it was measured", "", f"{TITLES.get(split, split or 'Not measured')}.", ""]
    lines += _facts(
        ("Evaluation", "value"),
        {
            "split": found.get("strategy"),
            "items judged, none of them seen in training": found.get("items_evaluated"),
            "items trained on beside them": found.get("items_trained"),
            "folds": found.get("folds"),
            "standard deviation between fits": [
                f"{metric} {number(sd)}" for metric, sd in (found.get("fit_sd") or {}).items()
            ],
        },
    )
    lines += [f"* {safe_text.markdown(note)}" for note in found.get("notes") or []]
    lines += [
        "* The figures are those of models fitted without the judged items; the saved model has learned from all routed "
        "items.",
        "* Intervals are 95 % bootstrap intervals over groups of near-identical items, those of the model widened by the variance "
        "between fits where it was measured; there is none "
        "where fewer than five groups have anything to measure. Marks behind a baseline: **+** the "
        "model is significantly better, **-** significantly worse (the paired 95 % interval of the difference excludes 0), "
        "= neither; resources and times are compared on the operations that both have. Arrows: which way is better.",
        f"* {READING}",
        *[f"* {BASELINE_NOTES[b]}" for b in rows.baselines() if b in BASELINE_NOTES],
        *[
            f"* {a['severity'].upper()} {a['code']}: {safe_text.markdown(a['message'])}"
            for a in metrics.get("alerts") or []
        ],
    ]
    return [*lines, ""]


def _interval(row: MetricRow) -> str:
    return "–" if row.low is None or row.high is None else f"{number(row.low)} to {number(row.high)}"


def _marks(found: MetricTable, segment: str) -> dict[tuple[str, str], Verdict]:
    """Verdicts of a segment by baseline and metric."""
    return {(v.baseline, v.metric): v for v in verdicts(found, segment=segment)}


def _line(
    label: str, mine: MetricRow, found: MetricTable, marks: Mapping[tuple[str, str], Verdict]
) -> list[str]:
    """Label, model, interval, n, then every other method's value with the mark of the verdict."""
    cells = [label, number(mine.value), _interval(mine), f"{mine.n:,}"]
    for other in found.others():
        row = found.get(mine.metric, method=other, segment=mine.segment)
        verdict = marks.get((other, mine.metric))
        sign = "" if verdict is None or verdict.answer == "not comparable" else MARKS[verdict.answer]
        cells.append(number(row.value if row else None) + sign)
    return cells


def _overall(found: MetricTable) -> list[str]:
    marks = _marks(found, ALL)
    lines = ["## Metrics over all judged items", ""]
    for section, names in sections_of(found.metrics_of(MODEL)):
        rows = filter(None, (found.get(metric) for metric in names))
        body = [_line(row.metric + arrow(row.metric), row, found, marks) for row in rows]
        lines += table([section, MODEL, "interval", "n", *found.others()], body)
    return [*lines, conclusion(list(marks.values())) if marks else "No baseline was measured.", ""]


def _segments(found: MetricTable) -> list[str]:
    marks = {segment: _marks(found, segment) for segment in found.segments() if segment != ALL}
    lines = ["## Metrics by segment", ""]
    for metric in BY_SEGMENT:
        rows = filter(None, (found.get(metric, segment=segment) for segment in marks))
        body = [
            _line(safe_text.markdown(segment_name(row.segment)), row, found, marks[row.segment])
            for row in rows
        ]
        lines += table([metric + arrow(metric), MODEL, "interval", "n", *found.others()], body)
    return lines if len(lines) > 2 else [*lines, "Not measured.", ""]


def segment_name(segment: str) -> str:
    """What a segment's code means."""
    for prefix, words in _PREFIXES.items():
        if segment.startswith(prefix):
            return words + segment.removeprefix(prefix)
    return SEGMENTS.get(segment, segment)


def _confidence(tables: EvaluationTables) -> list[str]:
    bins = [
        [f"{number(low)} to {number(high)}", f"{n:,}", number(confidence), number(observed)]
        for low, high, n, confidence, observed in tables.calibration.select(list(CALIBRATION)).iter_rows()
    ]
    curve = [
        [f"{share:.0%}", number(threshold), number(accuracy)]
        for share, threshold, accuracy in tables.coverage.select(list(COVERAGE)).iter_rows()
    ]
    return [
        "## Confidence of the first candidate",
        "",
        *(table(["Confidence", "items", "mean confidence", "share exact"], bins) or ["Not measured.", ""]),
        *table(["Surest share of items accepted", "least confidence", "share exact"], curve),
    ]


def _not_measured(metrics: Json, found: MetricTable) -> list[str]:
    missing: dict[tuple[str, str], list[str]] = {}
    for r in found:
        if r.segment == ALL and r.value is None and not r.is_difference:
            missing.setdefault((r.method, str(r.reason)), []).append(r.metric)
    body = [[method, safe_text.markdown(why), ", ".join(names)] for (method, why), names in missing.items()]
    body += [
        ["version", safe_text.markdown(why), safe_text.markdown(name)]
        for name, why in sorted((metrics.get("reasons") or {}).items())
    ]
    told = table(["Method", "reason", "not measured"], body) or ["Everything was measured.", ""]
    return ["## Not measured, and why", "", *told]


# --- where not to trust it -------------------------------------------------------------------------------------------


def _limits(metrics: Json, metadata: Json, found: MetricTable) -> list[str]:
    data, asked = metrics.get("data") or {}, metadata.get("hyperparameters") or {}
    lines = [
        _on_new_part_types(found.get("exact_at_1", segment="part_type_band:unseen")),
        *([_on_age(data, asked)] if data else []),
        _on_tiers(asked),
        "* Times: P10 to P90 of an operation should hold a share of "
        f"{GLOSSARY['run_report_coverage'].target:g} of its single reports. Times were judged only on operations that the "
        "first candidate and the actual routing share and that have work results.",
        "* Items that engineers have routed may be others than those still without a routing; the figures are about the "
        "former.",
    ]
    return ["## Limits", "", *lines, ""]


def _on_new_part_types(unseen: MetricRow | None) -> str:
    if unseen is None:
        told = "no judged item was of a type that no training item has, so this is not measured. "
    else:
        told = (
            f"{unseen.n:,} judged item(s) were of types that no training item has; the first candidate was exact for a share "
            f"of {number(unseen.value)} of them. "
        )
    return (
        f"* New part types: {told}Their routings and their confidence are learned from part types left out of the training, so "
        "they hold for types that resemble the known ones as these resemble each other; what a type has of its own is not known. "
        "An item whose telling attributes have values that no routed item has gets no proposal, with the reason."
    )


def _on_age(data: Json, asked: Json) -> str:
    told = (
        f"* Age: it knows nothing of routings after {_plain(data['routing_dates']['newest'])} or of work results after "
        f"{_plain(data['result_dates']['newest'])}."
    )
    if "half_life_days" in asked:
        told += f" An old routing's vote halves in {asked['half_life_days']:g} days."
    return told


def _on_tiers(asked: Json) -> str:
    least = (
        f" of {asked['similarity_threshold']:g} or more"
        if "similarity_threshold" in asked
        else " above the threshold"
    )
    tiers = ", ".join(f"{name} from {lowest:g} on" for name, lowest in TIERS[:-1])
    return (
        f"* Tier HIGH means a similarity score of the reference item{least}; LOW means less. It tells how much the item "
        "resembles one with such a routing. How likely the candidate is right is the confidence: "
        f"{tiers}, else {TIERS[-1][0]}; the metrics by segment tell how often each is right."
    )


def _libraries(metadata: Json) -> list[str]:
    return [
        "## Made with",
        "",
        *(_facts(("Library", "version"), metadata.get("runtime_versions") or {}) or ["Not recorded.", ""]),
    ]
