"""Which attributes name a design: a drawing number, say, that a few items share."""

import polars as pl

#: Distinct values per filled one from which a text names a design, and most items of one.
_LEAST_DISTINCT, MOST_SIBLINGS = 0.2, 20


def names_designs(values: pl.Series) -> bool:
    """Whether a text names a design: most values are of one item or a few.

    Parameters
    ----------
    values : polars.Series
        Normalised texts, null where missing.
    """
    filled = values.len() - values.null_count()
    return filled > 0 and values.drop_nulls().n_unique() >= _LEAST_DISTINCT * filled
