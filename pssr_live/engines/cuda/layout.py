"""How a picture is fed to a network on the device: in one piece, or in equal tiles.

What is captured in a CUDA graph must have fixed shapes. So tiles have one size, and
all batches of a picture have as many; the last one repeats a tile if it must.
"""

from __future__ import annotations

from dataclasses import dataclass

from pssr_live.tiling import Tile, equal_tiles


@dataclass(frozen=True, slots=True)
class Layout:
    """The pieces of a picture.

    Attributes
    ----------
    height, width : int
        Of one piece, in low-resolution pixels.
    batches : tuple of tuple of Tile
        Which pieces go together; all are equally many.
    """

    height: int
    width: int
    batches: tuple[tuple[Tile, ...], ...]

    @property
    def windows(self) -> int:
        """How many pieces go together."""
        return len(self.batches[0])

    @property
    def whole(self) -> bool:
        """Whether the picture is one piece."""
        return len(self.batches) * self.windows == 1


def layout_of(
    height: int, width: int, *, radius: int, largest: int, most: int
) -> Layout:
    """Cut a picture for a network.

    Parameters
    ----------
    height, width : int
        Of the picture, in low-resolution pixels.
    radius : int
        Receptive radius.
    largest : int
        Side of the largest piece that the network takes, surroundings included.
    most : int
        How many pieces it takes together.
    """
    fits = height <= largest and width <= largest
    side = max(height, width) if fits else largest - 2 * radius
    tiles = list(equal_tiles(height, width, side, radius))
    count = -(-len(tiles) // most)
    each = -(-len(tiles) // count)
    tiles += [tiles[-1]] * (count * each - len(tiles))
    batches = tuple(tuple(tiles[k : k + each]) for k in range(0, len(tiles), each))
    rows, columns = tiles[0].outer
    return Layout(rows.stop - rows.start, columns.stop - columns.start, batches)
