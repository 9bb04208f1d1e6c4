"""Stills set in motion: drift, elastic flow, and parts that go their own way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

FloatArray = npt.NDArray[np.floating[Any]]
PARTS_SHARE = 0.35  # films in which parts of the picture move on their own
PART_PX = 10.0


def set_in_motion(
    rng: np.random.Generator,
    image: FloatArray,
    frames: int,
    pace_px: float,
    margin_px: int = 0,
) -> FloatArray:
    """Return a film of a moving image.

    Parameters
    ----------
    rng : numpy Generator
        Decides where all parts go.
    image : ndarray, (Y, X)
        The still; what lies beyond its edges is mirrored.
    frames : int
        How many; the image itself is the frame in the middle.
    pace_px : float
        How far things move from frame to frame, about, in pixels; 0 for a still.
    margin_px : int
        How much of the image only serves to come into view.

    Returns
    -------
    ndarray, (frames, Y - 2 * margin_px, X - 2 * margin_px)
    """
    inner = slice(margin_px, -margin_px or None)
    if not pace_px:
        return np.repeat(image[None, inner, inner], frames, axis=0)
    height, width = (extent - 2 * margin_px for extent in image.shape)
    where = np.mgrid[:height, :width] + float(margin_px)
    flow = _flow(rng, (height, width))
    if rng.random() < PARTS_SHARE:
        parts = ndimage.gaussian_filter(rng.normal(size=(height, width)), PART_PX) > 0
        flow = np.where(parts, flow, _flow(rng, (height, width)))
    splines = ndimage.spline_filter(image, order=3, mode="mirror")
    when = pace_px * (np.arange(frames) - frames // 2)
    film = [
        ndimage.map_coordinates(
            splines, where + far * flow, order=3, mode="mirror", prefilter=False
        )
        for far in when
    ]
    return np.stack(film)


def _flow(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw a direction for each pixel, (2, Y, X): a drift, and what bends on the way.

    The drift is about one pixel long.
    """
    drift = rng.normal(0, 0.7, (2, 1, 1))
    reach = float(rng.uniform(12, 40))
    bends = ndimage.gaussian_filter(rng.normal(size=(2, *shape)), (0, reach, reach))
    strength = rng.uniform(0, 0.7) / (bends.std() + 1e-9)
    flow: FloatArray = drift + strength * bends
    return flow
