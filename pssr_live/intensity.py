"""From camera counts to network units and back, the same way for a whole run.

A live output may depend only on frames already seen, so the map cannot use a movie's
maximum: it is fitted to the first frame of a series and held. It is affine, so it can
be inverted: every count of a 16-bit image survives the way there and back.

Only when a held map has become senseless, because the series began with the shutter
closed or the light was turned up many times, is it fitted again, from that frame on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.frame import Pixels

FloatArray = npt.NDArray[np.float32]

LOW_PERCENT, HIGH_PERCENT = 1.0, 99.8
LEAST_SPREAD = 8.0  # counts; below this a frame has no contrast to fit to
BRIGHT_PERCENT = 98.0  # what is compared with:
OUT_OF_RANGE = 6.0  # mapped brightness that no network was trained for


@dataclass(frozen=True, slots=True)
class IntensityMap:
    """`value = (count - offset) / scale`.

    Attributes
    ----------
    offset, scale : float
        In camera counts; `scale` is positive.
    """

    offset: float
    scale: float

    def forward(self, pixels: Pixels) -> FloatArray:
        """Map counts of any shape to float32 values, about 0..1."""
        values = pixels.astype(np.float32)
        values -= np.float32(self.offset)
        values *= np.float32(1 / self.scale)
        return values

    def inverse(self, values: FloatArray, dtype: np.dtype[Any]) -> Pixels:
        """Map float32 values to counts of `dtype`, rounded, and clipped to its range.

        `values` is used as working space and overwritten.
        """
        limits = np.iinfo(dtype)
        values *= np.float32(self.scale)
        values += np.float32(self.offset)
        np.rint(values, out=values)
        np.clip(values, limits.min, limits.max, out=values)
        return values.astype(dtype)


def fit(pixels: Pixels) -> IntensityMap:
    """Fit a map to one frame (Y, X): its dark level to 0, its bright level to 1."""
    low, high = np.percentile(pixels, [LOW_PERCENT, HIGH_PERCENT])
    spread = max(float(high - low), LEAST_SPREAD)
    return IntensityMap(float(np.rint(low)), spread)


class HeldIntensity:
    """The map of one series: fitted to its first frame, then held."""

    def __init__(self) -> None:
        self._map: IntensityMap | None = None

    def see(self, pixels: Pixels) -> IntensityMap:
        """Return the map that holds once `pixels` (Y, X) has been acquired."""
        if self._map is None or self._senseless(self._map, pixels):
            self._map = fit(pixels)
        return self._map

    @staticmethod
    def _senseless(held: IntensityMap, pixels: Pixels) -> bool:
        # A thin sample is enough to notice a change of several times, and cheap.
        thin = pixels[:: max(1, len(pixels) // 32), :: max(1, pixels.shape[1] // 32)]
        limit = held.offset + OUT_OF_RANGE * held.scale
        # Nearly always fewer pixels are beyond it than a percentile can be made of;
        # counting them takes a tenth of the time.
        beyond = int(np.count_nonzero(thin > limit))
        if beyond < (1 - BRIGHT_PERCENT / 100) * thin.size - 1.5:
            return False
        return float(np.percentile(thin, BRIGHT_PERCENT)) > limit
