"""The cores that an engine may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return the cores that this process may use, which may be fewer than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
