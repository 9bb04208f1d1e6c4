"""Whether two scans of a field differ by more than a displacement.

A scan that is mirrored, turned or zoomed against the other is still alike enough to
be registered where the sample has large bright and dark parts; all that does not fit
would then be taken for blur.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Real
from pssr_live.evaluation.registration import displacement

LARGEST_PX = 0.5  # low pixels that a quarter may lie apart from where it should
_ALIKE = 0.5  # correlation from which the place of a quarter is believed
_TURNED_ALIKE = 0.7  # from which a scan is believed to be turned
_CLEARER = 0.05  # by how much more alike a scan is that was turned back
_LEAST_SIDE_PX = 24


class Distortion(NamedTuple):
    """How parts of a low scan lie against a high one, in low pixels.

    `apart_px` is the largest distance of a quarter from where the others put it.
    """

    apart_px: float
    zoom_percent: float
    turn_deg: float

    def in_words(self) -> str:
        """Return why no blur is given."""
        return (
            f"parts of the two scans lie up to {self.apart_px:.1f} coarse pixels "
            f"apart, as if one was zoomed by {self.zoom_percent:+.1f} % and turned by "
            f"{self.turn_deg:+.1f} degrees, and that would be taken for blur; "
            "scan exactly the same field twice, shortly after each other"
        )


def check_upright(
    low: Real, seen: Real, correlation: float, names: tuple[str, str]
) -> None:
    """Refuse scans that are mirrored or turned against each other.

    Parameters
    ----------
    low, seen : ndarray, (Y, X)
        The low scan, and what is expected of it.
    correlation : float
        How alike they are as they are.
    names : tuple of str
        What to call both.

    Raises
    ------
    SettingsError
        If they are more alike when one is turned.
    """
    turned = {
        "mirrored left to right": low[:, ::-1],
        "mirrored top to bottom": low[::-1],
        "turned by 180 degrees": low[::-1, ::-1],
        "turned by 90 degrees to the left": np.rot90(low),
        "turned by 90 degrees to the right": np.rot90(low, 3),
        "mirrored along a diagonal": low.T,
        "mirrored along the other diagonal": low[::-1, ::-1].T,
    }
    for how, picture in turned.items():
        if picture.shape != seen.shape:
            continue
        alike = displacement(picture, seen).correlation
        if alike >= _TURNED_ALIKE and alike > correlation + _CLEARER:
            raise SettingsError(
                f"{names[0]} and {names[1]} have a correlation of {correlation:.2f}, "
                f"and of {alike:.2f} if one is {how}: do that to one of them, or save "
                "both as they were scanned."
            )


def distortion(low: Real, seen: Real) -> Distortion | None:
    """Return how the quarters of two pictures lie; None if too few of them tell."""
    halves = [np.array_split(np.arange(side), 2) for side in low.shape]
    if min(len(half) for axis in halves for half in axis) < _LEAST_SIDE_PX:
        return None
    places, found = [], []
    for rows in halves[0]:
        for columns in halves[1]:
            quarter = np.ix_(rows, columns)
            if not (np.ptp(low[quarter]) and np.ptp(seen[quarter])):
                continue
            moved = displacement(low[quarter], seen[quarter])
            if moved.correlation >= _ALIKE:
                places.append((1.0, rows.mean(), columns.mean()))
                found.append((moved.y_px, moved.x_px))
    if len(found) < 3:
        return None
    away = np.array(found)
    apart = np.hypot(*(away - away.mean(0)).T).max()
    (_, by_y, by_x), *_ = np.linalg.lstsq(np.array(places), away, rcond=None)
    zoom = 50 * (by_y[0] + by_x[1])
    turn = np.degrees((by_y[1] - by_x[0]) / 2)
    return Distortion(float(apart), float(zoom), float(turn))
