"""Many small arrays stored as few: a model that is loaded for one item waits for each array that is read alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """Arrays of any shapes, end to end.

    Attributes
    ----------
    flat : dict of str to array
        The values by the name of their type.
    shapes : tuple
        Of each array the name of its type and its shape; None stands for no array.
    """

    flat: dict[str, NDArray[Any]]
    shapes: tuple[tuple[str, tuple[int, ...]] | None, ...]

    @classmethod
    def of(cls, arrays: Sequence[NDArray[Any] | None]) -> Ragged:
        """Put arrays end to end.

        Parameters
        ----------
        arrays : sequence of array or None
            Of numbers.
        """
        shapes = tuple(None if a is None else (a.dtype.str, a.shape) for a in arrays)
        parts: dict[str, list[NDArray[Any]]] = {}
        for array in arrays:
            if array is not None:
                parts.setdefault(array.dtype.str, []).append(array.ravel())
        return cls({kind: np.concatenate(found) for kind, found in parts.items()}, shapes)

    def arrays(self) -> list[NDArray[Any] | None]:
        """The arrays again, as parts of the whole."""
        at = dict.fromkeys(self.flat, 0)
        out: list[NDArray[Any] | None] = []
        for told in self.shapes:
            if told is None:
                out.append(None)
                continue
            kind, shape = told
            size = int(np.prod(shape, dtype=np.int64))
            out.append(self.flat[kind][at[kind] : at[kind] + size].reshape(shape))
            at[kind] += size
        return out
