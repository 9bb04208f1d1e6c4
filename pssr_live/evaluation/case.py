"""What is judged, and the figures that come of it.

A case is one restored frame with its truth and the raw frames that it could have
been made from; a score is one method's figures on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from pssr_live.evaluation.pair import Image

RESTORED, BICUBIC, CLASSICAL = "restored", "bicubic", "classical"
NOT_KNOWN = math.nan

Pictures = Mapping[str, Image]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One restored frame and what it is judged by.

    Attributes
    ----------
    scene : str
        What is independent of other scenes: a field of view, a sample.
    frame : int
        Number in the scene; flicker is measured between numbers that follow.
    restored, truth : ndarray, (scale * h, scale * w)
        In the same units.
    window : ndarray, (T, h, w), or None
        The raw frames that the classical mean may use, missing ones left out;
        without them there is only the restoration to judge.
    target : int
        Which of them was restored.
    """

    scene: str
    frame: int
    restored: Image = field(repr=False)
    truth: Image = field(repr=False)
    window: Image | None = field(default=None, repr=False)
    target: int = 0

    @property
    def scan(self) -> Image | None:
        """The raw frame (h, w) that was restored."""
        return None if self.window is None else self.window[self.target]


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one method on one frame; NaN where one cannot be had.

    PSNR in dB. `frc_cycles_per_px` is where agreement with the truth ends (0: there
    is none). RSP and RSE are against the raw frame. RSE and flicker are in the units
    of the pictures; `truth_flicker` is what a perfect picture would have.
    `shift_y_px` and `shift_x_px`: how far the truth was moved before scoring.
    """

    scene: str
    frame: int
    method: str
    psnr_db: float
    ssim: float
    normalised_psnr_db: float
    normalised_ssim: float
    frc_cycles_per_px: float
    rsp: float
    rse: float
    flicker: float
    truth_flicker: float
    shift_y_px: float
    shift_x_px: float


FIGURES = tuple(each.name for each in fields(Score))[3:]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One case with its figures and the pictures they were made from.

    `pictures` holds one (Y, X) for each method, and `truth` is as it was compared,
    moved onto the scan if that was asked for: `margin_px` of it (y, x) then count for
    nothing.
    """

    case: Case
    pictures: Pictures = field(repr=False)
    truth: Image = field(repr=False)
    scores: tuple[Score, ...]
    margin_px: tuple[int, int] = (0, 0)

    @property
    def gain_db(self) -> float:
        """PSNR of the restoration over the best baseline; plain PSNR without one."""
        ours, *others = (score.psnr_db for score in self.scores)
        return ours - max(others, default=0.0)


def why_unfit(truth: Image) -> str | None:
    """Return why a frame cannot be judged by this truth, or None if it can."""
    values = np.asarray(truth, np.float64)
    if not np.isfinite(values).all():
        return "the truth holds NaN or infinite values"
    low, high = np.percentile(values, (0.1, 99.9))
    return None if high > low else f"the truth is {low:g} nearly everywhere"
