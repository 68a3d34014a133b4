"""How long an evaluation that leaves items out one at a time will take, told before it begins."""

from __future__ import annotations

import json

from routing_etl.errors import RoutingEtlError
from routing_etl.pipeline.context import Context
from routing_etl.pipeline.learning import read_learning_data

#: Artifact of a version that says how long its fit took.
_TRAINING = "training_metrics"


def leave_one_out_ahead(ctx: Context, max_items: int) -> str:
    """A sentence: how many models are fitted, and how long that takes if each takes as long as the champion did.

    Parameters
    ----------
    ctx : Context
        Settings and a run folder with cleaned frames.
    max_items : int
        Most items that are judged.

    Raises
    ------
    RoutingEtlError
        The run's frames cannot be split.
    """
    from routing_etl.evaluation.options import EvaluationOptions
    from routing_etl.evaluation.splits import make_split

    data = read_learning_data(ctx.run).independent
    options = EvaluationOptions(split="loo", max_items=max_items, random_state=ctx.settings.random_state)
    fits = len(make_split(data.items, data.operations, options).folds)
    told = f"{fits:,} models are fitted, one without each item or group of equal items"
    seconds = _champion_took(ctx)
    if seconds is None:
        return f"{told}; no champion tells how long one takes."
    return f"{told}: about {_words(fits * seconds)}, as the champion took {_words(seconds)}."


def _champion_took(ctx: Context) -> float | None:
    """Seconds of the champion's fit; None where there is none or it does not say."""
    try:
        champion = ctx.registry.alias("champion")
        text = ctx.registry.read_text(champion, _TRAINING) if champion is not None else "{}"
        found = json.loads(text).get("duration_sec")
    except (RoutingEtlError, ValueError):
        return None
    return float(found) if found else None


def _words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.1f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
