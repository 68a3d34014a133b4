"""Two kinds of failure: a transient one is retried with back-off, any other fails at once and says what to do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from routing_etl import safe_text
from routing_etl.errors import DataQualityError, RoutingEtlError

from .contexts import StepContext

#: Tries after the first one; the waits are 2, 4 and 8 seconds (docs/erp-contract.md 2), give or take a fifth.
MAX_RETRIES = 3
_FIRST_WAIT = 2.0

UNPUBLISHED = "Nothing of this run was published: ERP users keep reading the last publication."
NOT_MOVED = "nothing was published, the last publication stays: {why}"


@contextmanager
def as_dagster_failure(context: StepContext) -> Iterator[None]:
    """Raise our errors as Dagster's; errors that are not ours pass and fail the step with their trace.

    Parameters
    ----------
    context : StepContext
        Of the asset, check or op.

    Raises
    ------
    dagster.RetryRequested
        A transient error with tries left.
    dagster.Failure
        A permanent error, or a transient one after the last try. Dagster does not retry it.
    """
    try:
        yield
    except RoutingEtlError as exc:
        if exc.transient and context.retry_number < MAX_RETRIES:
            wait = _FIRST_WAIT * 2**context.retry_number * random.uniform(0.8, 1.2)
            context.log.warning(f"{safe_text.terminal(exc)} Trying again in {wait:.0f} s.")
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait) from exc
        context.log.error(safe_text.terminal(exc))
        raise dg.Failure(
            description=safe_text.terminal(exc),
            metadata={
                "what": safe_text.terminal(exc.message),
                "remedy": safe_text.terminal(exc.remedy) if exc.remedy else "See the log for the full trace.",
                "kind": type(exc).__name__,
                **({"publication": UNPUBLISHED} if isinstance(exc, DataQualityError) else {}),
            },
            allow_retries=False,
        ) from exc
