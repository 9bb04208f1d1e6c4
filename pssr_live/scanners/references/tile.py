"""Which part of the field a reference shows."""

from __future__ import annotations

import math

from pssr_live.errors import ScannerError, SettingsError

SENTINEL = 1 / 16  # part of the field: enough to judge by, cheap enough to repeat
LEAST_SIDE_PX = 32  # of a tile at full density: under it, registration has no hold

Rectangle = tuple[int, int, int, int]  # x, y, width, height
Tile = float | Rectangle  # a part of the field, from its middle; or a rectangle of it


def check_tile(tile: Tile) -> None:
    """Refuse what is no part of any field.

    Raises
    ------
    SettingsError
        Saying what to give.
    """
    try:
        if isinstance(tile, tuple):
            good = len(tile) == 4 and min(tile[:2]) >= 0 and min(tile[2:]) > 0
        else:
            good = 0 < tile <= 1
    except TypeError:  # no numbers
        good = False
    if not good:
        raise SettingsError(
            f"A reference of {tile!r} is no part of the field: give a number "
            "above 0 and up to 1, or (x, y, width, height) in pixels of the scan."
        )


def tile_rectangle(tile: Tile, raw_shape: tuple[int, int], scale: int) -> Rectangle:
    """Return a tile in pixels of the coarse scan (Y, X), as (x, y, width, height).

    Raises
    ------
    ScannerError
        If it reaches beyond the field.
    """
    lines, pixels = raw_shape
    if isinstance(tile, tuple):
        x, y, width, height = tile
        if x + width > pixels or y + height > lines:
            raise ScannerError(
                f"The reference tile {tile} reaches beyond the scan of {pixels} x "
                f"{lines} pixels: give one inside."
            )
        return tile
    least = math.ceil(LEAST_SIDE_PX / scale)
    width, height = (
        min(side, max(least, int(side * math.sqrt(tile)))) for side in (pixels, lines)
    )
    return (pixels - width) // 2, (lines - height) // 2, width, height
