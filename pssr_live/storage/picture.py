"""The preview of a session: the same field as scanned and as restored."""

from __future__ import annotations

from typing import Any

import numpy as np

from pssr_live.frame import Frame, Pixels
from pssr_live.storage.preview import Panel


def scan_and_picture(
    scan: Frame, picture: Pixels, pixel_size_um: float | None, *, restored: bool
) -> list[Panel]:
    """Return the panels of a raw frame and of what was made from it.

    Parameters
    ----------
    scan : Frame
        As the scanner gave it.
    picture : ndarray, (Y, X)
        As the model, or mere interpolation, made it.
    pixel_size_um : float or None
        Pixel size of the picture.
    restored : bool
        Whether a model made the picture.
    """
    what = "restored" if restored else "interpolated"
    return [
        Panel(titled("raw scan", scan.pixels), scan.pixels, scan.pixel_size_um),
        Panel(titled(what, picture), picture, pixel_size_um, computed=restored),
    ]


def titled(what: str, pixels: np.ndarray[Any, Any]) -> str:
    """Return a panel's title with its size.

    >>> titled("raw scan", np.zeros((128, 100)))
    'raw scan 100 x 128'
    """
    return f"{what} {pixels.shape[1]} x {pixels.shape[0]}"
