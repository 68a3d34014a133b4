"""The threads that models learn with are really used: work that waits for each other ends only when it runs at once."""

from __future__ import annotations

import threading

import pytest
from joblib import Parallel, delayed
from threadpoolctl import threadpool_info, threadpool_limits

from routing_etl.model.base.threads import threads
from routing_etl.model.machines.line_model import LineModel


def meeting(n: int) -> bool:
    """Whether `n` tasks, given to joblib as the models give theirs, meet."""
    barrier = threading.Barrier(n)

    def wait(_: int) -> bool:
        try:
            barrier.wait(timeout=5)
        except threading.BrokenBarrierError:
            return False
        return True

    return all(Parallel(n_jobs=LineModel().n_jobs, prefer="threads")(delayed(wait)(i) for i in range(n)))


@pytest.mark.parametrize("n", [2, 3])
def test_as_many_run_at_once_as_threads_are_asked_for(n: int) -> None:
    with threads(n):
        assert meeting(n)


def test_one_thread_is_one() -> None:
    with threadpool_limits(2), threads(1):
        assert not meeting(2)
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}
