"""Tiles cover everything once, and give what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pssr_live.intensity import FloatArray
from pssr_live.restorer import Restorer
from pssr_live.tiling import run_tiled, tiles


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 12))
def test_tiles_cover_every_pixel_once(
    height: int, width: int, side: int, radius: int
) -> None:
    covered = np.zeros((height, width), int)
    for tile in tiles(height, width, side, radius):
        covered[tile.inner] += 1
        assert covered[tile.inner].size
        assert max(covered[tile.inner].shape) <= side
        for inner, outer, length in zip(
            tile.inner, tile.outer, (height, width), strict=True
        ):
            assert outer.start == max(0, inner.start - radius)
            assert outer.stop == min(length, inner.stop + radius)
    assert (covered == 1).all()


@pytest.mark.parametrize("shape", [(1, 1), (33, 70), (64, 64), (127, 45)])
@pytest.mark.parametrize("side", [16, 31])
def test_tiled_equals_whole(
    centred: Restorer, shape: tuple[int, int], side: int
) -> None:
    card, engine = centred.card, centred.ladder.engine
    frames = np.random.default_rng(1).random((5, *shape), np.float32)
    valid = np.array([1, 1, 1, 0, 1], np.float32)
    frames[3] = 0

    def run(piece: FloatArray) -> FloatArray:
        return engine.run(piece, valid)

    tiled = run_tiled(
        run, frames, scale=card.scale, radius=card.receptive_radius, side=side
    )
    assert tiled.shape == (4 * shape[0], 4 * shape[1])
    np.testing.assert_allclose(tiled, run(frames), atol=1e-5)


def test_a_halo_one_pixel_short_shows(centred: Restorer) -> None:
    """The radius of the card is needed in full; otherwise the test above is blind."""
    card, engine = centred.card, centred.ladder.engine
    frames = np.random.default_rng(1).random((5, 60, 60), np.float32)
    valid = np.ones(5, np.float32)

    def run(piece: FloatArray) -> FloatArray:
        return engine.run(piece, valid)

    short = run_tiled(run, frames, scale=4, radius=card.receptive_radius - 6, side=20)
    assert np.abs(short - run(frames)).max() > 1e-5
