"""What turns an engine for camera counts into one that can be tested with values."""

from __future__ import annotations

import numpy as np

from pssr_live.engines.base import BaseEngine
from pssr_live.frame import Frame
from pssr_live.intensity import FloatArray, IntensityMap
from pssr_live.window import Window

COUNTS = np.iinfo(np.uint16).max
MARGIN = 0.5  # of the values' spread, on both sides, for what a network overshoots


class CountsEngine(BaseEngine):
    """An engine that takes whole windows in camera counts (`restore`)."""

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore values (T, h, w) by way of 16-bit counts.

        The counts are so fine that the way there and back costs no more than a
        twenty-thousandth of the values' spread, and nothing on it is left out: what
        the self-test proves is what a frame goes through.
        """
        target = self.card.n_frames - 1 - self.card.lookahead
        window = window_of(frames, valid, target)
        return window.intensity.forward(self.restore(window))


def window_of(frames: FloatArray, valid: FloatArray, target: int) -> Window:
    """Return a window whose 16-bit counts stand for values (T, h, w).

    Parameters
    ----------
    frames : ndarray, (T, h, w)
        In network units.
    valid : ndarray, (T,)
        0 for each frame that is missing; the target never is.
    target : int
        Place of the frame to restore.
    """
    low, high = float(frames.min()), float(frames.max())
    spread = max(high - low, 1.0)
    scale = COUNTS / ((1 + 2 * MARGIN) * spread)
    held = IntensityMap((MARGIN * spread - low) * scale, scale)
    counts = held.inverse(frames.copy(), np.dtype(np.uint16))
    taken = tuple(
        Frame(pixels, ordinal=t, index={"t": t}) if there else None
        for t, (pixels, there) in enumerate(zip(counts, valid, strict=True))
    )
    restored = taken[target]
    if restored is None:
        raise ValueError(f"frame {target} is to be restored and is missing")
    return Window(taken, restored, held)
