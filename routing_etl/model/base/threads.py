"""How many threads learning and predicting may use, and the compiled libraries underneath.

Models are fitted side by side in threads; threads inside each would only wait for each other. On a machine that also
does other work, OpenMP's threads meet at every node of a tree, and a call of milliseconds takes a second.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Literal

from joblib import parallel_config
from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> Any:
    # Looking through the process's libraries takes milliseconds, so it is done once, after those that bring threads.
    importlib.import_module("scipy.linalg")
    importlib.import_module("sklearn.ensemble")
    return ThreadpoolController()


@contextmanager
def one_thread(api: Literal["openmp", "blas"]) -> Iterator[None]:
    """Within the block the libraries of this kind use one thread."""
    with _controller().limit(limits=1, user_api=api):
        yield


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Within the block models learn and predict with `n` threads; with one, neither does linear algebra use more.

    Threads of BLAS wait for each other in a loop, which takes the core from a second process beside this one. The backend
    is named: where joblib chooses threads itself, because they are preferred, it uses one whatever the number here.
    """
    with parallel_config(backend="threading", n_jobs=n):
        if n > 1:
            yield
        else:
            with one_thread("blas"):
                yield
