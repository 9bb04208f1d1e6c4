"""What surrounds an engine that takes values: the intensity map and exact tiles."""

from __future__ import annotations

import numpy as np

from pssr_live.engines.base import BaseEngine
from pssr_live.frame import Pixels
from pssr_live.tiling import run_tiled
from pssr_live.window import Window

LARGEST_TILE = 256  # low-density pixels; bounds memory, and is the fastest measured
BICUBIC_RADIUS = 2  # an engine that interpolates needs these, whatever the network


class FloatEngine(BaseEngine):
    """An engine that takes one piece of a window in network units (`run`)."""

    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window of any size, in its own counts."""
        valid = window.valid()
        restored = run_tiled(
            lambda piece: self.run(piece, valid),
            window.values(),
            scale=self.card.scale,
            radius=max(self.card.receptive_radius, BICUBIC_RADIUS),
            side=LARGEST_TILE,
        )
        if not np.isfinite(restored.sum()):
            raise FloatingPointError("its output is not finite")
        return window.intensity.inverse(restored, window.target.pixels.dtype)
