"""What exact matches, and machines, of a simulated plant are lost to, by the truth of its generator.

An item loses what its most probable routing is more probable than the one that was proposed first. All of it goes to the first
cause of `CAUSES` that holds: an item can have several, so a cause that stands early takes from those after it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from routing_etl.evaluation.markdown import number, table
from routing_etl.evaluation.truth import Truth
from routing_etl.frames import Predictions

#: Causes in the order in which they are asked, with what each means.
CAUSES = {
    "truly new type": "made by job codes that nobody has used",
    "new type of a family": "no item of the type is routed",
    "no proposal": "of an item of a known type",
    "rule called by a note": "an operation that a note brings or replaces is missing or too many",
    "operation of one type": "the type's own one is missing, or that of another type is too many",
    "option or planner's choice": "what was proposed is written too, but less often",
    "size in a text only": "the column is empty, a text says the size, and operations hang on it",
    "size not known": "the column is empty, and operations hang on the size",
    "size near a threshold": "8 % more or less would change the operations",
    "order alone": "the right operations in another order",
    "other attributes": "everything else",
}

#: What DEMO_TRUTH_ITEM must say for a cause to be asked; the plant of `hydraulics` does not say all of it.
NEEDED = {
    "truly new type": {"KIND"},
    "new type of a family": {"KIND"},
    "rule called by a note": {"NOTE_JOBS"},
    "operation of one type": {"TYPE_JOB"},
    "size in a text only": {"SIZE", "SIZE_DECIDES"},
    "size not known": {"SIZE", "SIZE_DECIDES"},
    "size near a threshold": {"NEAR_THRESHOLD"},
}
#: What DEMO_TRUTH_SUMMARY must say for a cause of wrong machines to be asked.
NEEDED_OF_MACHINES = {"chosen by load": {"machines_by_load"}, "replaced by a date": {"replaced_machines"}}
#: What the plant of `hydraulics` says in other words: column there, column here, words there and here.
OTHER_WORDS = (
    ("PART_TYPE_BAND", "KIND", {"frequent": "known", "rare": "known", "new_known": "new", "new_truly": "strange"}),
    ("SIZE_STATE", "SIZE", {"column": "filled", "text": "text", "other": "missing", "nowhere": "missing"}),
)  # fmt: skip


def in_our_words(facts: pl.DataFrame) -> pl.DataFrame:
    """DEMO_TRUTH_ITEM with `KIND` and `SIZE` also where the plant says them in other words; a new word is an error."""
    return facts.with_columns(
        pl.col(theirs).replace_strict(words).alias(ours)
        for theirs, ours, words in OTHER_WORDS
        if theirs in facts.columns and ours not in facts.columns
    )


def causes_not_asked(facts: pl.DataFrame, summary: dict[str, str]) -> list[str]:
    """Causes that this plant's truth does not tell apart; what they lose is counted under those after them."""
    told = set(in_our_words(facts).columns) | set(summary)
    return [cause for cause, names in (NEEDED | NEEDED_OF_MACHINES).items() if not names <= told]


def losses_by_cause(
    answers: Predictions, truth: Truth, facts: pl.DataFrame, items: pl.Series
) -> pl.DataFrame:
    """What is lost in exact match: `cause`, `items` that it touches and `lost`, the sum over them.

    Parameters
    ----------
    answers : Predictions
        What was proposed.
    truth : Truth
        The plant's truth.
    facts : polars.DataFrame
        DEMO_TRUTH_ITEM with `item_key`; of `causes_not_asked` nothing is found.
    items : polars.Series
        Keys of the items that were asked.
    """
    facts, unasked = in_our_words(facts), causes_not_asked(facts, truth.summary)
    routings = truth.routings.group_by("item_key", "jobs").agg(p=pl.col("probability").sum())
    best = routings.sort("item_key", "p", "jobs", descending=[False, True, False]).unique(
        "item_key", keep="first", maintain_order=True
    )
    rows = (
        items.alias("item_key").to_frame()
        .join(best, on="item_key", maintain_order="left")
        .join(_proposed(answers), on="item_key", how="left")
        .join(routings.rename({"p": "reached"}), left_on=["item_key", "proposed"], right_on=["item_key", "jobs"], how="left")
        .join(facts, on="item_key", how="left")
    )  # fmt: skip
    notes = set(truth.summary.get("note_jobs", "").split(", ")) - {""}
    own = set(facts["TYPE_JOB"].unique()) - {""} if "TYPE_JOB" in facts.columns else set()
    proposed = pl.col("proposed").fill_null([])
    rows = rows.with_columns(
        lost=pl.col("p") - pl.col("reached").fill_null(0.0),
        wrong=pl.col("jobs").list.set_symmetric_difference(proposed),
        extra=proposed.list.set_difference(pl.col("jobs")),
    )
    noted = pl.col("NOTE_JOBS").str.split(">")
    emptied = (pl.col("SIZE_DECIDES") == 1) & pl.col("SIZE").is_in(["text", "missing"])
    rules = {
        "truly new type": pl.col("KIND") == "strange",
        "new type of a family": pl.col("KIND") == "new",
        "no proposal": pl.col("proposed").is_null(),
        "rule called by a note": (pl.col("wrong").list.set_intersection(noted).list.len() > 0)
        | (pl.col("extra").list.set_intersection(list(notes)).list.len() > 0),
        "operation of one type": pl.col("wrong").list.contains(pl.col("TYPE_JOB"))
        | (pl.col("extra").list.set_intersection(list(own)).list.len() > 0),
        "option or planner's choice": pl.col("reached").fill_null(0.0) > 0,
        "size in a text only": emptied & (pl.col("SIZE") == "text"),
        "size not known": emptied,
        "size near a threshold": pl.col("NEAR_THRESHOLD") == 1,
        "order alone": pl.col("wrong").list.len() == 0,
        "other attributes": pl.lit(True),
    }
    cause = pl.coalesce(
        pl.when(holds).then(pl.lit(name)) for name, holds in rules.items() if name not in unasked
    )
    lost = rows.with_columns(cause=cause).filter(pl.col("lost") > 1e-9)
    return lost.group_by("cause").agg(items=pl.len(), lost=pl.col("lost").sum())


def machines_by_cause(answers: Predictions, truth: Truth, facts: pl.DataFrame) -> pl.DataFrame:
    """Wrong machines of first candidates whose operations are a planner's: `cause`, `operations`; `right` is one of them.

    Parameters
    ----------
    answers : Predictions
        What was proposed.
    truth : Truth
        The plant's truth; where the load decides, the machine that is planned more often is the right one.
    facts : polars.DataFrame
        DEMO_TRUTH_ITEM with `item_key`.
    """
    facts = in_our_words(facts)
    by_load = set(truth.summary.get("machines_by_load", "").replace(" / ", ", ").split(", ")) - {""}
    replaced = set(truth.summary.get("replaced_machines", "").split(", ")) - {""}
    planned = truth.routings.unique(["item_key", "jobs"]).select("item_key", "jobs", "resources", "insides")
    both = _proposed(answers).join(planned, left_on=["item_key", "proposed"], right_on=["item_key", "jobs"])
    both = both.explode("machines", "resources", "insides").filter(pl.col("insides") == "in")
    both = both.join(facts, on="item_key", how="left")
    named = pl.col("machines")
    emptied = pl.col("SIZE").is_in(["text", "missing"])
    cause = (
        pl.when(named == pl.col("resources")).then(pl.lit("right"))
        .when(named.is_null()).then(pl.lit("no machine named"))
        .when(pl.col("resources").is_in(list(by_load)) & named.is_in(list(by_load))).then(pl.lit("chosen by load"))
        .when(pl.col("resources").is_in(list(replaced)) | named.is_in(list(replaced))).then(pl.lit("replaced by a date"))
        .when(emptied).then(pl.lit("size class, size not filled"))
        .otherwise(pl.lit("size class or family"))
    )  # fmt: skip
    return both.with_columns(cause=cause).group_by("cause").agg(operations=pl.len())


def _proposed(answers: Predictions) -> pl.DataFrame:
    """Jobs and machines of the first candidate of every item, as lists."""
    first = answers.operations.filter(pl.col("candidate_rank") == 1).sort("item_key", "proc_seq")
    return first.group_by("item_key", maintain_order=True).agg(
        proposed=pl.col("job_cd").fill_null(""), machines=pl.col("res_cd")
    )


def losses_table(
    found: pl.DataFrame, machines: pl.DataFrame, n_items: int, unasked: Sequence[str] = ()
) -> str:
    """Both tables as Markdown.

    Parameters
    ----------
    found : polars.DataFrame
        Of `losses_by_cause`.
    machines : polars.DataFrame
        Of `machines_by_cause`.
    n_items : int
        Items that were asked.
    unasked : sequence of str
        Of `causes_not_asked`; named below the table.
    """
    total = float(found["lost"].sum()) or 1.0
    by = {r["cause"]: r for r in found.to_dicts()}
    body = [
        [
            name,
            meaning,
            str(by[name]["items"]),
            number(by[name]["lost"] / n_items),
            number(by[name]["lost"] / total),
        ]
        for name, meaning in CAUSES.items()
        if name in by
    ]
    lines = table(["exact match is lost to", "", "items", "lost, of all items", "share of the loss"], body)
    if unasked:
        lines += ["", f"Not asked, because this plant's truth does not say it: {'; '.join(unasked)}."]
    wrong = machines.filter(pl.col("cause") != "right").sort("operations", descending=True)
    all_of_them, missed = int(machines["operations"].sum()), int(wrong["operations"].sum())
    lines += [
        "",
        f"Machines: {missed:,} of {all_of_them:,} in-house operations of rightly named routings are on another one.",
        "",
    ]
    body = [
        [r["cause"], str(r["operations"]), number(r["operations"] / max(missed, 1))] for r in wrong.to_dicts()
    ]
    return "\n".join([*lines, *table(["machines are lost to", "operations", "share of the loss"], body)])
