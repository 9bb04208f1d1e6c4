"""Exact tiles: a large picture in pieces, equal to the picture in one.

The networks are convolutional with a known receptive radius, so a piece cut out with
that much around it gives the same pixels as the whole. Pieces at the border of the
picture end there, as the whole does. No overlap is blended and no seam smoothed:
there is none.

Coordinates are low-resolution pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pssr_live.intensity import FloatArray


@dataclass(frozen=True, slots=True)
class Tile:
    """One piece: what it yields (`inner`) and what it must see for that (`outer`)."""

    inner: tuple[slice, slice]
    outer: tuple[slice, slice]

    def inner_in_outer(self, scale: int) -> tuple[slice, slice]:
        """Return where `inner` lies within the enlarged `outer`."""
        row, column = (
            slice((i.start - o.start) * scale, (i.stop - o.start) * scale)
            for i, o in zip(self.inner, self.outer, strict=True)
        )
        return row, column

    def enlarged(self, scale: int) -> tuple[slice, slice]:
        """Return where `inner` lies in the enlarged picture."""
        row, column = (slice(i.start * scale, i.stop * scale) for i in self.inner)
        return row, column


def tiles(height: int, width: int, side: int, radius: int) -> Iterator[Tile]:
    """Cut a picture of any size into tiles.

    Parameters
    ----------
    height, width : int
        Size of the picture.
    side : int
        Side of the largest tile, without its surroundings.
    radius : int
        Receptive radius: how far the surroundings reach.
    """
    for rows in _pieces(height, side):
        for columns in _pieces(width, side):
            yield Tile(
                (rows, columns),
                (_widened(rows, radius, height), _widened(columns, radius, width)),
            )


def equal_tiles(height: int, width: int, side: int, radius: int) -> Iterator[Tile]:
    """Cut a picture into tiles whose `outer` all have one size, as batches need.

    Exact as `tiles` are: a piece at the border is moved inward instead of cut, so that
    it sees more than it must on its inner side.

    Parameters
    ----------
    height, width, side, radius : int
        As for `tiles`; no `outer` is larger than `side + 2 * radius`.
    """
    for rows, tall in _equally_widened(height, side, radius):
        for columns, wide in _equally_widened(width, side, radius):
            yield Tile((rows, columns), (tall, wide))


def run_tiled(
    run: Callable[[FloatArray], FloatArray],
    frames: FloatArray,
    *,
    scale: int,
    radius: int,
    side: int,
) -> FloatArray:
    """Apply `run` to a window piece by piece.

    Parameters
    ----------
    run : callable
        (T, h, w) -> (scale * h, scale * w), for any h and w.
    frames : ndarray, (T, Y, X)
        The window.
    scale, radius, side : int
        Enlargement, receptive radius and largest tile.

    Returns
    -------
    ndarray, (scale * Y, scale * X)
    """
    height, width = frames.shape[1:]
    if height <= side and width <= side:
        return run(frames)
    whole = np.empty((height * scale, width * scale), np.float32)
    for tile in tiles(height, width, side, radius):
        piece = run(np.ascontiguousarray(frames[:, *tile.outer]))
        whole[tile.enlarged(scale)] = piece[tile.inner_in_outer(scale)]
    return whole


def _pieces(length: int, side: int) -> list[slice]:
    # Equal pieces rather than full ones and a sliver: slivers cost their halo.
    count = -(-length // side)
    edges = [length * k // count for k in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _widened(piece: slice, radius: int, length: int) -> slice:
    return slice(max(0, piece.start - radius), min(length, piece.stop + radius))


def _equally_widened(
    length: int, side: int, radius: int
) -> Iterator[tuple[slice, slice]]:
    pieces = _pieces(length, side)
    outer = min(length, max(p.stop - p.start for p in pieces) + 2 * radius)
    for piece in pieces:
        start = min(max(0, piece.start - radius), length - outer)
        yield piece, slice(start, start + outer)
