"""Python processes without a network: what they try to reach elsewhere is noted."""

from __future__ import annotations

import os
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]


def closed(log: Path) -> dict[str, str]:
    """Variables that close the network of a Python process and of those that it starts; calls out are noted in `log`.

    What libraries take from the environment to keep still is taken away.
    """
    log.touch()
    path = os.pathsep.join((str(SUPPORT / "no_network"), str(ROOT)))
    return {"PYTHONPATH": path, "NETWORK_LOG": str(log)}


#: Switches of libraries by which a developer's machine may be quieter than a plant's server.
QUIET = (
    "GX_ANALYTICS_ENABLED",
    "DAGSTER_DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
    "BUILDKITE",
    "TF_BUILD",
    "NO_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
)
