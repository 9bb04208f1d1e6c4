"""How far one picture is displaced from another, to hundredths of a pixel.

Two scans of one field never lie exactly on each other: the stage drifts, the beam
is steered differently at another density. Scored without registration, such pairs
punish sharpness.

The cross-correlation is evaluated on a fine grid around its peak by a matrix
Fourier transform (Guizar-Sicairos, Thurman and Fienup, Optics Letters 2008). Its
phase alone, the usual phase correlation, is worse here: it gives the many
frequencies that hold nothing but noise as much say as the few that hold the
picture. On Gaussian-smoothed random fields (128 x 128, sigma 2 pixels, noise 20 %
of the contrast) the largest of 24 errors was 0.02 pixels for the full correlation
and 0.48 for the phase.

Each pass moves one picture back by what was found and measures the rest, because
the window against edge effects pulls every single measurement towards zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import shift as spline_shift

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Image, Real, as_pair, has_contrast

_STEP_PX = 0.1  # of the fine grid; a parabola does the rest
_REACH_PX = 1.0  # of the fine grid, around the last estimate
_PASSES = 3
_LEAST_SIDE = 16

Complex = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Displacement:
    """Where a picture's content lies, relative to a reference's.

    Attributes
    ----------
    y_px, x_px : float
        Down and to the right, in pixels.
    correlation : float
        Pearson coefficient of both once the displacement is undone: how far to
        trust it. Two unrelated pictures have a displacement too.
    """

    y_px: float
    x_px: float
    correlation: float

    @property
    def margin_px(self) -> tuple[int, int]:
        """Rows and columns at each edge that have no counterpart once undone."""
        return int(np.ceil(abs(self.y_px))), int(np.ceil(abs(self.x_px)))


def displacement(
    image: Image, reference: Image, largest_px: float | None = None
) -> Displacement:
    """Measure how far `image` is displaced from `reference`.

    Parameters
    ----------
    image, reference : ndarray, (Y, X)
        Of one field; intensities may differ by a factor and an offset.
    largest_px : float, optional
        No displacement beyond this is considered, on either axis; a quarter of the
        shorter side if left out, which is also the most it can be.

    Raises
    ------
    SettingsError
        If the shapes differ, a side is under 16 pixels, a picture has no contrast
        or holds values that are not finite.
    """
    moved, fixed = as_pair(image, reference)
    _check(moved, fixed)
    limit = min(moved.shape) / 4
    limit = limit if largest_px is None else min(limit, max(largest_px, 0))
    coarse = _coarse(_cross_spectrum(moved, fixed), limit)
    moved, fixed = _overlap(moved, coarse), _overlap(fixed, -coarse)
    rest = np.zeros(2)
    for _ in range(_PASSES):
        rest = rest + _fine(_cross_spectrum(_undone(moved, rest), fixed))
        rest = np.clip(coarse + rest, -limit, limit) - coarse
    y, x = coarse + rest
    back = _undone(moved, rest)[1:-1, 1:-1]  # the edge pixels are extrapolated
    alike = float(np.corrcoef(back.ravel(), fixed[1:-1, 1:-1].ravel())[0, 1])
    return Displacement(float(y), float(x), alike)


def undo(image: Image, by: Displacement) -> Real:
    """Return the picture (Y, X) moved back, interpolated by cubic splines.

    The `margin_px` of the displacement must not be used: it repeats the edge.
    """
    return _undone(np.asarray(image, np.float64), np.array([by.y_px, by.x_px]))


def inside(image: Image, margin_px: tuple[int, int]) -> Image:
    """Return the picture without rows and columns at its edges."""
    y, x = margin_px
    return image[y : image.shape[0] - y, x : image.shape[1] - x]


def _check(moved: Real, fixed: Real) -> None:
    if min(moved.shape) < _LEAST_SIDE:
        raise SettingsError(
            f"Registration needs 16 x 16 pixels and got {moved.shape}: give larger "
            "pictures."
        )
    if not (has_contrast(moved) and has_contrast(fixed)):
        raise SettingsError(
            f"A picture of {moved.shape} has the same value in all pixels and cannot "
            "be registered: leave this frame out."
        )


def _cross_spectrum(moved: Real, fixed: Real) -> Complex:
    window = np.outer(*(_taper(side) for side in moved.shape))
    spectra = [
        np.fft.fft2((image - np.average(image, weights=window)) * window)
        for image in (moved, fixed)
    ]
    cross: Complex = spectra[0] * spectra[1].conj()
    return cross


def _taper(side: int) -> Real:
    """Return a window (side,) that is flat in the middle half and falls to 0."""
    away = np.abs((np.arange(side) + 0.5) / side - 0.5)
    fall: Real = np.where(away < 0.25, 1, 0.5 + 0.5 * np.cos(4 * np.pi * (away - 0.25)))
    return fall


def _coarse(cross: Complex, limit: float) -> npt.NDArray[np.intp]:
    """Return the whole-pixel displacement (y, x) of the highest peak in reach."""
    correlation = np.fft.ifft2(cross).real
    steps = [np.rint(np.fft.fftfreq(n) * n) for n in correlation.shape]
    far = (np.abs(steps[0])[:, None] > limit) | (np.abs(steps[1]) > limit)
    correlation[far] = -np.inf
    peak = np.unravel_index(correlation.argmax(), correlation.shape)
    return np.array([step[at] for step, at in zip(steps, peak, strict=True)], np.intp)


def _overlap(image: Real, by: npt.NDArray[Any]) -> Real:
    """Return the part of `image` that a picture displaced by `-by` shows as well."""
    cut = [
        slice(max(by[n], 0), side + min(by[n], 0)) for n, side in enumerate(image.shape)
    ]
    return image[cut[0], cut[1]]


def _undone(image: Real, by: Real) -> Real:
    if not by.any():
        return image
    back: Real = spline_shift(image, -by, order=3, mode="nearest")
    return back


def _fine(cross: Complex) -> Real:
    """Return the displacement (y, x) of the highest peak near zero."""
    at = np.arange(-_REACH_PX, _REACH_PX + _STEP_PX / 2, _STEP_PX)
    rows, columns = (
        np.exp(2j * np.pi * np.outer(at, np.fft.fftfreq(n))) for n in cross.shape
    )
    correlation = (rows @ cross @ columns.T).real
    y, x = np.unravel_index(correlation.argmax(), correlation.shape)
    return np.array([_top(correlation[:, x], int(y)), _top(correlation[y], int(x))])


def _top(values: Real, at: int) -> float:
    """Return where a parabola through a sample and its neighbours is highest."""
    at = min(max(at, 1), len(values) - 2)
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2 * middle + right
    part = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float((at + np.clip(part, -1, 1)) * _STEP_PX - _REACH_PX)
