"""How many threads the compiled libraries underneath may use.

Models are fitted side by side in threads; threads inside each would only wait for each other. On a machine that also
does other work, OpenMP's threads meet at every node of a tree, and a call of milliseconds takes a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> Any:
    # Looking through the process's libraries takes milliseconds, so it is done once.
    return ThreadpoolController()


@contextmanager
def one_thread(api: Literal["openmp", "blas"]) -> Iterator[None]:
    """Within the block the libraries of this kind that are loaded by now use one thread."""
    with _controller().limit(limits=1, user_api=api):
        yield
