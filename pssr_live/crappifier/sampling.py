"""From high density to low: what a scan measures, and what resizing programs make.

Low-density pixel i has its centre at (i + 0.5) * scale - 0.5 HR pixels, so both grids
cover the same field. `Scan` is a microscope; `Resize` is there to compare with
crappifiers that shrink pictures instead.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import ndimage
from scipy.sparse import csr_array

from pssr_live.crappifier.step import FloatArray, Shot, StepValues


class Scan(StepValues):
    """Sample the image where the beam is, as a point scanner does.

    The image is taken as band-limited, as an optical image is, and read between its
    pixels with cubic splines. A beam beyond the edge sees the edge's pixels.

    Attributes
    ----------
    mode : str
        "point": the beam stops at pixel centres. "line": it moves along the fast axis
        while it measures. "box": the mean over an area, which no point scanner takes
        but a camera with binning does.
    psf_sigma_px : float
        Standard deviation, in HR pixels, of the Gaussian by which this scan is
        blurred more than the image that came in.
    dwell_share : float
        Share of the low-density pixel that line and box average over, along an axis.
    """

    kind: Literal["scan"] = "scan"
    mode: Literal["point", "line", "box"] = "point"
    psf_sigma_px: float = Field(default=0.0, ge=0, le=50)
    dwell_share: float = Field(default=1.0, ge=0, le=1)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Measure all low-density pixels."""
        seen = shot.brightness
        if self.psf_sigma_px:
            seen = ndimage.gaussian_filter(seen, self.psf_sigma_px, mode="nearest")
        splines = ndimage.spline_filter(seen, order=3, mode="mirror")
        path = self.dwell_share * (centres(shot.scale, 1) - (shot.scale - 1) / 2)
        along_x = path if self.mode in ("line", "box") else np.zeros(1)
        along_y = path if self.mode == "box" else np.zeros(1)
        parts = [_read(splines, shot, y, x) for y in along_y for x in along_x]
        return shot.shows(np.mean(parts, axis=0))


class Resize(StepValues):
    """Shrink the image as a program does; displaced lines are not followed.

    Attributes
    ----------
    filter : str
        "none": bilinear interpolation at the centres, with nothing against aliasing.
        "gaussian": the same after a Gaussian of (scale - 1) / 2 pixels, as
        scikit-image does. "triangle": weights falling to zero at `scale` pixels, as
        Pillow does.
    corner_aligned : bool
        Put the outermost pixel *centres* onto each other instead of the edges, which
        misplaces pixels by up to (scale - 1) / 2 HR pixels and lets noise beat in
        stripes; only without a filter.
    """

    kind: Literal["resize"] = "resize"
    filter: Literal["none", "gaussian", "triangle"] = "none"
    corner_aligned: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.corner_aligned and self.filter != "none":
            raise ValueError(f"corner_aligned needs filter 'none', not {self.filter!r}")
        return self

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Shrink the image."""
        large = shot.brightness
        if self.filter == "triangle":
            rows, columns = (_triangle(side, shot.scale) for side in large.shape)
            return shot.shows((columns @ (rows @ large).T).T)
        if self.filter == "gaussian":
            sigma = (shot.scale - 1) / 2
            large = ndimage.gaussian_filter(large, sigma, mode="mirror")
        at = [self._places(side, shot.scale) for side in large.shape]
        grid = np.meshgrid(*at, indexing="ij")
        small = ndimage.map_coordinates(large, grid, order=1, mode="nearest")
        return shot.shows(small)

    def _places(self, side: int, scale: int) -> FloatArray:
        if self.corner_aligned:
            return np.linspace(0, side - 1, side // scale)
        return centres(side, scale)


def centres(side: int, scale: int) -> FloatArray:
    """Return the centres, in HR pixels, of the low-density pixels along one axis.

    >>> centres(8, 4)
    array([1.5, 5.5])
    """
    return (np.arange(side // scale) + 0.5) * scale - 0.5


def moved(image: FloatArray, y_px: float, x_px: float) -> FloatArray:
    """Return an image (Y, X) whose content is further down and to the right."""
    there: FloatArray = ndimage.shift(image, (y_px, x_px), order=3, mode="nearest")
    return there


def _read(splines: FloatArray, shot: Shot, y_px: float, x_px: float) -> FloatArray:
    """Read the image where the beam is, (y_px, x_px) away from each pixel's centre."""
    height, width = splines.shape
    y = centres(height, shot.scale) + shot.beam_y_px + y_px
    x = centres(width, shot.scale) + shot.beam_x_px[:, None] + x_px
    y = np.clip(y, 0, height - 1)[:, None]
    x = np.clip(x, 0, width - 1)
    at = np.stack([np.broadcast_to(y, x.shape), x])
    read: FloatArray = ndimage.map_coordinates(
        splines, at, order=3, mode="mirror", prefilter=False
    )
    return read


def _triangle(side: int, scale: int) -> csr_array:
    """Return the weights, (side / scale, side), that shrink one axis.

    At the edges those of the pixels that exist are raised to the sum 1.
    """
    away = np.abs(np.arange(side) - centres(side, scale)[:, None])
    weights = np.maximum(1 - away / scale, 0)
    return csr_array(weights / weights.sum(1, keepdims=True))
