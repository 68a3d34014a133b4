"""From item attributes to routings with times, confidence and evidence.

The sub-rooms follow the data: `attributes` -> `catalogue` (of routings) -> `candidates` -> `ranking` -> `machines` ->
`times` -> `answer`, all on `base`; `predictor` is the recipe, `rehearsal` repeats it on parts of few items, and
`new_types` its first stages with part types left out. Belongs here: prediction. Does not: evaluation, files, databases, Dagster.
"""

__all__ = ["base", "inputs", "machines", "plain", "predictor"]
