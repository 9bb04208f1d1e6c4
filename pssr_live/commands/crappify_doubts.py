"""What is odd about the levels of a movie that is to be scanned by computation."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from pssr_live.crappifier import Crappifier
from pssr_live.frame import Frame

BRIGHT_PERCENTILE = 99.8
DIM = 0.1  # of brightness 1, which the bright pixels of a movie should reach
DARK_SHARE = 0.01  # of pixels below black


class Levels:
    """Looks at each frame of a movie, and has something to say in the end."""

    def __init__(self, how: Crappifier) -> None:
        self._how = how
        self._below: list[float] = []
        self._bright: dict[int, list[float]] = defaultdict(list)

    def look(self, frame: Frame) -> None:
        """Take note of one frame."""
        bright = float(np.percentile(frame.pixels, BRIGHT_PERCENTILE))
        self._bright[frame.index.get("c", 0)].append(bright)
        self._below.append(float(np.mean(frame.pixels < self._how.recipe.black)))

    def notes(self) -> list[str]:
        """Return what a person should know, one sentence each."""
        return [*self._dark(), *self._dim()]

    def _dark(self) -> list[str]:
        black, below = self._how.recipe.black, float(np.mean(self._below))
        if below <= DARK_SHARE:
            return []
        return [
            f"{below:.0%} of the pixels are below black, {black:g}, and were scanned "
            "as if there was no light: give the level without light as `black` in a "
            "--recipe, or shift the movie's levels to 0 and above."
        ]

    def _dim(self) -> list[str]:
        how, said = self._how, []
        if how.recipe.white is not None:
            return []
        for channel, levels in self._bright.items():
            bright = float(np.median(levels))
            share = (bright - how.recipe.black) / (how.white - how.recipe.black)
            if 0 < share < DIM:
                which = f" of channel {channel}" if len(self._bright) > 1 else ""
                said.append(
                    f"Bright pixels{which} are at {bright:.0f}, and brightness 1 was "
                    f"taken to be {how.white:.0f}, the top of the bits that hold all "
                    f"pixels: there they have {share:.1%} of the light that the chain "
                    "says. Give `white` in a --recipe."
                )
        return said
