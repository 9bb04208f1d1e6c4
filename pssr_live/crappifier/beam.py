"""Where the beam is when it should be elsewhere: steps that come before sampling.

None of them resamples anything. They add up how far each line is displaced, and the
sampling step then reads the image once, at the true places. Lengths in HR pixels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pssr_live.crappifier.step import Shot, StepValues

FARTHEST = 1e4  # HR pixels; the largest field is not much wider


class ScanOffset(StepValues):
    """The whole scan displaced, as between two scans of one field.

    Attributes
    ----------
    y_px, x_px : float
        HR pixels by which the beam is too far down and to the right.
    """

    kind: Literal["scan_offset"] = "scan_offset"
    y_px: float = Field(default=0.0, ge=-FARTHEST, le=FARTHEST)
    x_px: float = Field(default=0.0, ge=-FARTHEST, le=FARTHEST)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Move all lines alike."""
        return shot.displaced(self.y_px, self.x_px)


class LineJitter(StepValues):
    """Each line begins a little early or late.

    Attributes
    ----------
    sd_px : float
        Standard deviation of a line's place along the fast axis, in HR pixels; lines
        and frames are independent of each other.
    """

    kind: Literal["line_jitter"] = "line_jitter"
    sd_px: float = Field(ge=0, le=FARTHEST)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Move each line along the fast axis."""
        return shot.displaced(0.0, rng.normal(0, self.sd_px, shot.lines))


class Bidirectional(StepValues):
    """Lines scanned backwards do not meet those scanned forwards.

    Attributes
    ----------
    shift_px : float
        HR pixels by which the 2nd, 4th, ... line is displaced along the fast axis.
    """

    kind: Literal["bidirectional"] = "bidirectional"
    shift_px: float = Field(ge=-FARTHEST, le=FARTHEST)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Move every second line."""
        return shot.displaced(0.0, np.arange(shot.lines) % 2 * self.shift_px)


class Motion(StepValues):
    """The sample drifts steadily, between frames and while one is scanned.

    The middle of frame 0 is where nothing is displaced.

    Attributes
    ----------
    y_px, x_px : float
        HR pixels that the sample moves down and to the right from frame to frame.
    scanning_share : float
        Share of the time from frame to frame that the beam needs for its lines; 0
        freezes the sample within a frame.
    """

    kind: Literal["motion"] = "motion"
    y_px: float = Field(default=0.0, ge=-FARTHEST, le=FARTHEST)
    x_px: float = Field(default=0.0, ge=-FARTHEST, le=FARTHEST)
    scanning_share: float = Field(default=1.0, ge=0, le=1)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Move each line by what the sample moved until then, the other way."""
        within = (np.arange(shot.lines) + 0.5) / shot.lines - 0.5
        frames = shot.t + self.scanning_share * within
        return shot.displaced(-self.y_px * frames, -self.x_px * frames)

    def between_frames(self, t: int) -> tuple[float, float]:
        """Return (y, x), in HR pixels, by which the sample has moved at frame t."""
        return self.y_px * t, self.x_px * t
