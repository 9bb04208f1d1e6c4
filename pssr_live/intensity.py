"""From camera counts to network units and back, the same way for a whole run.

A live output may depend only on frames already seen, so the map cannot use a movie's
maximum: it is fitted to the first frame of a series and held. It is affine, so it can
be inverted: every count of a 16-bit image survives the way there and back.

Only where a held map is senseless, because the series began with the shutter closed,
the light was turned up many times, or something flashed, is another one fitted.
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
TOO_DIM = 0.1  # so is a frame that hardly has a pixel of this brightness
WELL_IN_RANGE, NOT_DIM = 3.0, 0.2  # for a map that is to be taken up again
BRIGHT_SHARE = 0.0005  # of the pixels; a frame that a map is fitted to has four times
KEPT = 4  # maps that are remembered


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
    """The map of one series: fitted to its first frame, then held while it makes sense.

    A frame that is many times too bright for it, or too dim, or all darker than what
    it calls black, gets a map of its own. As soon as an earlier map suits again, that
    one is taken up again: one flash spoils one frame.
    """

    def __init__(self) -> None:
        self._maps: list[IntensityMap] = []
        self._now: IntensityMap | None = None

    def see(self, pixels: Pixels) -> IntensityMap:
        """Return the map that holds once `pixels` (Y, X) has been acquired."""
        # A thin sample is enough to notice a change of several times, and cheap.
        thin = pixels[:: max(1, len(pixels) // 32), :: max(1, pixels.shape[1] // 32)]
        suiting = (known for known in self._maps if self._suits(known, pixels, thin))
        found = next(suiting, None)
        if found is None:
            found = fit(pixels)
            # The first is what a series comes back to, as a rule; the last, too.
            self._maps = [*self._maps[:1], *self._maps[1:][1 - KEPT :], found]
        self._now = found
        return found

    def _suits(self, known: IntensityMap, pixels: Pixels, thin: Pixels) -> bool:
        # Only what suits well is taken up again, so that maps do not take turns.
        now = known is self._now
        limit, dim = (OUT_OF_RANGE, TOO_DIM) if now else (WELL_IN_RANGE, NOT_DIM)
        top = known.offset + limit * known.scale
        if not _bright_level_is_within(thin, known.offset, top):
            return False
        least = known.offset + dim * known.scale
        # What is bright may be small: a thin sample is asked first, then all pixels.
        return any(_share_above(part, least) > BRIGHT_SHARE for part in (thin, pixels))


def _share_above(pixels: Pixels, count: float) -> float:
    return float(np.count_nonzero(pixels > count) / pixels.size)


def _bright_level_is_within(thin: Pixels, low: float, high: float) -> bool:
    """Whether percentile 98 of some pixels is between two counts."""
    # Nearly always fewer pixels are beyond them than a percentile can be made of;
    # counting those takes a tenth of the time.
    few = (1 - BRIGHT_PERCENT / 100) * thin.size - 1.5
    above, not_dark = (int(np.count_nonzero(thin > end)) for end in (high, low))
    if above < few and not_dark > few + 3:
        return True
    return low <= float(np.percentile(thin, BRIGHT_PERCENT)) <= high
