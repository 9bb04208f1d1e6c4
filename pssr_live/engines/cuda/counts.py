"""Frames of any pixel type as the unsigned 16-bit counts that travel to a device.

8-bit frames are widened. Signed counts are moved up by half the range, and the
intensity map with them. Nothing is rounded on the way.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.frame import Pixels
from pssr_live.intensity import FloatArray, IntensityMap

Counts = npt.NDArray[np.uint16]
LITTLE = np.dtype("<u2")
HIGHEST = int(np.iinfo(np.uint16).max)


@functools.cache
def lift_of(dtype: np.dtype[Any]) -> int:
    """Return what is added to pixels of `dtype` on their way to the device."""
    return -int(np.iinfo(dtype).min)


def encode(pixels: Pixels, lift: int, out: Counts) -> None:
    """Write pixels (Y, X) as counts into `out` (Y, X)."""
    if lift == 0 and pixels.dtype.kind == "u":
        np.copyto(out, pixels)
    else:
        np.clip(pixels.astype(np.int32) + lift, 0, HIGHEST, out=out, casting="unsafe")


def decode(counts: Counts, dtype: np.dtype[Any]) -> Pixels:
    """Return counts (Y, X) as pixels of `dtype`, without a copy if that is possible."""
    lift = lift_of(dtype)
    if lift:
        np.bitwise_xor(counts, np.uint16(lift), out=counts)  # subtracts it, modulo 2^16
        counts = counts.view(dtype.newbyteorder("<"))
    return counts.astype(dtype, copy=False)


def map_of(intensity: IntensityMap, dtype: np.dtype[Any]) -> FloatArray:
    """Return (offset, scale, limit) of the counts of pixels of `dtype`.

    A value is `(count - offset) / scale`; results are clipped to 0 .. limit.
    """
    lift, limit = lift_of(dtype), _limit_of(dtype)
    return np.array([intensity.offset + lift, intensity.scale, limit], np.float32)


@functools.cache
def _limit_of(dtype: np.dtype[Any]) -> int:
    return int(np.iinfo(dtype).max) + lift_of(dtype)
