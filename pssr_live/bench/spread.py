"""How a list of times is summed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread_ms(values_ms: Sequence[float]) -> dict[str, float]:
    """Return the least, median, 95th and 99th percentile and greatest of a list."""
    p50, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    return {
        "min_ms": min(values_ms),
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
        "max_ms": max(values_ms),
    }
