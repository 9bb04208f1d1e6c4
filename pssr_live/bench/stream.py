"""A stream of frames that never ends, as a scanner gives them: each of them new."""

from __future__ import annotations

import numpy as np

from pssr_live.card import ModelCard
from pssr_live.frame import Frame
from pssr_live.window import RollingWindow, Window

DISTINCT = 32  # pictures, before the first comes again in a new frame


def make_frames(count: int, side: int) -> list[Frame]:
    """Return 16-bit frames; a network takes the same time whatever they show."""
    rng = np.random.default_rng(0)
    pixels = rng.poisson(900, (count, side, side)).astype(np.uint16)
    return [Frame(p, ordinal=t, index={"t": t}) for t, p in enumerate(pixels)]


class Stream:
    """Frames of side x side pixels, and the rolling window that they go through.

    The window is full from the beginning: starting a series is another matter.
    """

    def __init__(self, card: ModelCard, side: int) -> None:
        self._pictures = [frame.pixels for frame in make_frames(DISTINCT, side)]
        self._rolling = RollingWindow(card.n_frames, card.lookahead)
        self._at = 0
        for _ in range(card.n_frames - 1):
            self._rolling.push(self.next_frame())

    def next_frame(self) -> Frame:
        """Return the next frame."""
        at, self._at = self._at, self._at + 1
        return Frame(self._pictures[at % DISTINCT], ordinal=at, index={"t": at})

    def window(self, frame: Frame) -> Window:
        """Take a frame; return the window that it completes."""
        (window,) = self._rolling.push(frame)
        return window
