"""Values for strict JSON, which knows neither NaN nor infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def strict(value: Any) -> Any:
    """Return a value with None for every number in it that is not finite.

    >>> strict({"psnr_db": [float("inf"), 30.5]})
    {'psnr_db': [None, 30.5]}
    """
    if isinstance(value, Mapping):
        return {key: strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
