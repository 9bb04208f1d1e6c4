"""The values that travel through pssr_live: `Frame` in, `Restored` out.

A frame knows its place in two ways. `ordinal` is its place in the run's list of
expected frames, in the order of acquisition; it is the page number in the raw file
and in the restored file, whether or not frames before it were lost. `index` is what
the MDA event calls it (`{"t": 3, "c": 1}`). Frames that differ only in `t` form a
series: a window never mixes series.

This module knows neither files nor microscopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.integer[Any]]
Series = tuple[tuple[str, int], ...]

PIXEL_TYPES = ("uint8", "uint16", "int16")


def series_of(index: Mapping[str, int], along: str = "t") -> Series:
    """Return the series of an MDA index: everything but time, or another axis.

    >>> series_of({"t": 4, "c": 1, "p": 0})
    (('c', 1), ('p', 0))
    >>> series_of({"t": 4, "z": 2}, along="z")
    (('t', 4),)
    """
    return tuple(sorted((axis, at) for axis, at in index.items() if axis != along))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One raw image as the scanner gave it.

    Attributes
    ----------
    pixels : ndarray, (Y, X)
        One of `PIXEL_TYPES`; a view that cannot be written to, as the recorder and
        the windows of later frames share it.
    ordinal : int
        Place in the run, counted in expected frames from 0.
    index : mapping of str to int
        The MDA event's index; `{"t": n}` where there is no MDA.
    time_s : float
        When it arrived, in seconds since the run began.
    pixel_size_um : float or None
        Distance of neighbouring pixels in the sample; None where unknown.
    channel_name : str
        The channel's name; empty where unknown.
    after_gap : bool
        True if the camera lost frames just before this one, so that the frame
        before it in its series is not its neighbour in time.
    """

    pixels: Pixels = field(repr=False)
    ordinal: int
    index: Mapping[str, int] = field(default_factory=dict)
    time_s: float = 0.0
    pixel_size_um: float | None = None
    channel_name: str = ""
    after_gap: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.pixels, np.ndarray):  # what is none is refused later
            pixels = self.pixels.view()
            pixels.flags.writeable = False
            object.__setattr__(self, "pixels", pixels)

    @property
    def series(self) -> Series:
        """Everything in `index` but time: what a window must not mix."""
        return series_of(self.index)


@dataclass(frozen=True, slots=True, eq=False)
class Consistency:
    """How a restored picture agrees with its scan.

    Attributes
    ----------
    misfit : float
        Mean squared difference over the variance of the noise: 1 for the truth, a
        little less for a restored picture, more if it is too smooth or too dark.
    worst_sd : float
        The largest local difference, in standard deviations.
    doubtful_share : float
        Share of the field that is marked.
    marks : ndarray, (Y, X) of int8
        By pixel of the scan: 1 where the picture shows more than was scanned, -1
        where it shows less, 0 where they agree or nothing can be said.
    """

    misfit: float
    worst_sd: float
    doubtful_share: float
    marks: npt.NDArray[np.int8] = field(repr=False)

    @property
    def agrees(self) -> bool:
        """Whether no place is marked."""
        return self.doubtful_share == 0

    def facts(self) -> dict[str, float]:
        """Return its numbers, rounded, for a diary."""
        return {
            "misfit": round(self.misfit, 3),
            "worst_sd": round(self.worst_sd, 2),
            "doubtful_share": round(self.doubtful_share, 6),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """One restored picture and what it was made from.

    Attributes
    ----------
    pixels : ndarray, (scale * Y, scale * X)
        Same dtype and same intensity units as the raw frame.
    frame : Frame
        The raw frame that this picture restores; its pixels are read-only, because
        windows to come are made of them too.
    sources : tuple of int
        Ordinals of all raw frames that it was made from, in time order.
    pixel_size_um : float or None
        The raw pixel size divided by the model's scale.
    model, engine : str
        Names of what made it. An engine named "bicubic" only interpolates.
    elapsed_ms : float
        Time spent on it, from window to picture.
    consistency : Consistency or None
        How it agrees with the raw frame; None without a calibration.
    """

    pixels: Pixels = field(repr=False)
    frame: Frame
    sources: tuple[int, ...]
    pixel_size_um: float | None
    model: str
    engine: str
    elapsed_ms: float
    consistency: Consistency | None = None
