"""Two pictures of one field, checked before a figure is made of them.

Every metric here takes pictures (Y, X) of any numeric type and computes in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError

Image = npt.NDArray[Any]
Real = npt.NDArray[np.float64]


def as_picture(image: Image, what: str) -> Real:
    """Return a picture (Y, X) as float64.

    Raises
    ------
    SettingsError
        If it is empty, not two-dimensional, or holds values that are not finite.
    """
    picture = np.asarray(image)
    if picture.ndim != 2 or picture.size == 0:
        raise SettingsError(
            f"{what} has the shape {picture.shape}: give one picture, (Y, X)."
        )
    values = picture.astype(np.float64)
    bad = values.size - int(np.isfinite(values).sum())
    if bad:
        raise SettingsError(
            f"{what} has {bad} pixels that are NaN or infinite: mend or leave out "
            "that frame."
        )
    return values


def as_pair(image: Image, truth: Image) -> tuple[Real, Real]:
    """Return two pictures of one shape as float64.

    Raises
    ------
    SettingsError
        If one is no picture, or their shapes differ.
    """
    pair = as_picture(image, "The picture"), as_picture(truth, "The truth")
    if pair[0].shape != pair[1].shape:
        raise SettingsError(
            f"A picture of {pair[0].shape} cannot be compared with a truth of "
            f"{pair[1].shape}: bring both to the same size."
        )
    return pair


def has_contrast(picture: Real) -> bool:
    """Say whether the pixels differ by more than rounding."""
    return bool(np.ptp(picture) > 1e-9 * np.abs(picture).max())
