"""From images to the colours on the screen: one 32-bit word a pixel, 0xffRRGGBB.

Pure numpy. A 16-bit image goes through a table of 65,536 words, which costs one look-up
a pixel whatever its contrast and colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.app.levels import Levels
from pssr_live.frame import Pixels

Words = npt.NDArray[np.uint32]
Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "grey": (255, 255, 255),
    "green": (64, 255, 96),
    "magenta": (255, 64, 255),
    "cyan": (48, 224, 255),
    "yellow": (255, 224, 48),
    "red": (255, 72, 64),
    "blue": (88, 128, 255),
}
SATURATED = np.uint32(0xFFFF3B30)
OPAQUE = np.uint32(0xFF000000)
MORE = np.uint32(0xFFFF9020)  # the picture shows more than was scanned
LESS = np.uint32(0xFF30A8FF)
_UPPER_BITS = np.uint32(0x00FEFEFE)  # of each colour, all but the last


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One channel of a picture.

    Attributes
    ----------
    pixels : ndarray, (Y, X)
        Camera counts.
    levels : Levels
        Its contrast.
    colour : tuple of int
        Red, green and blue of its brightest pixels, 0..255.
    top : int
        Count at which its detector is saturated.
    """

    pixels: Pixels = field(repr=False)
    levels: Levels
    colour: Colour
    top: int


def paint(layers: Sequence[Layer], *, marks: bool = False) -> Words:
    """Return the picture of one or several channels of one shape (Y, X).

    Parameters
    ----------
    layers : sequence of Layer
        At least one; several are added, as light is.
    marks : bool
        Whether saturated pixels are shown in red.
    """
    if len(layers) == 1:
        only = layers[0]
        words = _through(
            _words(only.pixels.dtype, only.levels, only.colour), only.pixels
        )
    else:
        words = _merged(layers)
    if marks:
        for layer in layers:
            words[layer.pixels >= layer.top] = SATURATED
    return words


def tint(words: Words, marks: npt.NDArray[np.int8]) -> None:
    """Tint a painted picture, in place, where it differs from its scan.

    Parameters
    ----------
    words : ndarray, (Y, X)
        The picture.
    marks : ndarray
        Of the same field in any size: 1 where it shows more, -1 where less.
    """
    if not marks.any():
        return
    here = _fitted(marks, words.shape)
    for sign, colour in ((1, MORE), (-1, LESS)):
        at = here == sign
        half = (words[at] & _UPPER_BITS) >> np.uint32(1)
        words[at] = OPAQUE | half + ((colour & _UPPER_BITS) >> np.uint32(1))


def _fitted(
    marks: npt.NDArray[np.int8], shape: tuple[int, ...]
) -> npt.NDArray[np.int8]:
    """Return marks in another size; none falls between the pixels of a smaller one."""
    if shape[0] < marks.shape[0]:
        here = np.zeros(shape, np.int8)
        places = np.nonzero(marks)
        y, x = (
            at * few // many
            for at, few, many in zip(places, shape, marks.shape, strict=True)
        )
        here[y, x] = marks[places]
        return here
    rows, columns = (
        np.arange(side) * few // side
        for side, few in zip(shape, marks.shape, strict=True)
    )
    enlarged: npt.NDArray[np.int8] = marks[rows[:, None], columns]
    return enlarged


def reduced(pixels: Pixels, factor: int) -> Pixels:
    """Return an image with `factor` x `factor` pixels averaged into one.

    What does not fill a block at the right and lower edge is left out.

    >>> reduced(np.array([[1, 3, 9], [5, 7, 9]], np.uint16), 2)
    array([[4]], dtype=uint16)
    """
    if factor <= 1 or min(pixels.shape) < factor:
        return pixels
    height, width = (side // factor * factor for side in pixels.shape)
    total = np.zeros((height // factor, width // factor), np.int32)
    for y in range(factor):
        for x in range(factor):
            total += pixels[y:height:factor, x:width:factor]
    return (total // factor**2).astype(pixels.dtype)


def as_rgb(words: Words) -> npt.NDArray[np.uint8]:
    """Return a painted picture as (Y, X, 3) bytes, for a file."""
    planes = [(words >> np.uint32(shift)) & np.uint32(255) for shift in (16, 8, 0)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def _merged(layers: Sequence[Layer]) -> Words:
    shape = layers[0].pixels.shape
    planes = [np.zeros(shape, np.uint16) for _ in range(3)]
    for layer in layers:
        brightness = _brightness(layer.pixels.dtype, layer.levels)
        for plane, part in zip(planes, layer.colour, strict=True):
            if part:
                table = (brightness * part + 0.5).astype(np.uint16)
                plane += _through(table, layer.pixels)
    red, green, blue = (np.minimum(plane, 255).astype(np.uint32) for plane in planes)
    words: Words = OPAQUE | red << np.uint32(16) | green << np.uint32(8) | blue
    return words


@lru_cache(maxsize=16)  # raw and restored are shown through one table
def _words(dtype: np.dtype[Any], levels: Levels, colour: Colour) -> Words:
    brightness = _brightness(dtype, levels)
    red, green, blue = ((brightness * part + 0.5).astype(np.uint32) for part in colour)
    words: Words = OPAQUE | red << np.uint32(16) | green << np.uint32(8) | blue
    return words


def _brightness(dtype: np.dtype[Any], levels: Levels) -> npt.NDArray[np.float32]:
    """Return 0..1 for each count that the type can hold, in the order of `_through`."""
    limits = np.iinfo(dtype)
    counts = np.arange(limits.min, limits.max + 1, dtype=np.float32)
    span = max(levels.high - levels.low, 1e-6)
    found = np.clip((counts - levels.low) / span, 0, 1)
    # Negative counts of a signed type lie behind the positive ones.
    ordered: npt.NDArray[np.float32] = np.roll(found, limits.min).astype(np.float32)
    return ordered


def _through(table: npt.NDArray[Any], pixels: Pixels) -> npt.NDArray[Any]:
    unsigned = pixels.view(f"u{pixels.dtype.itemsize}")
    # Of an image that lies otherwise in memory too: Qt wants rows.
    return np.ascontiguousarray(table[unsigned])
