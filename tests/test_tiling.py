"""Tiles cover everything once, and give what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pssr_live.intensity import FloatArray
from pssr_live.restorer import Restorer
from pssr_live.tiling import equal_tiles, run_tiled, tiles


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


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 12))
def test_equal_tiles_have_one_size_and_see_what_tiles_see(
    height: int, width: int, side: int, radius: int
) -> None:
    """Whatever lies within the radius is inside, and a cut lies only at the border."""
    cut = list(tiles(height, width, side, radius))
    equal = list(equal_tiles(height, width, side, radius))
    assert [tile.inner for tile in equal] == [tile.inner for tile in cut]
    for smaller, tile in zip(cut, equal, strict=True):
        for least, outer, length in zip(
            smaller.outer, tile.outer, (height, width), strict=True
        ):
            assert 0 <= outer.start <= least.start
            assert least.stop <= outer.stop <= length
    for axis in (0, 1):
        sizes = {tile.outer[axis].stop - tile.outer[axis].start for tile in equal}
        assert len(sizes) == 1
        assert max(sizes) <= side + 2 * radius


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


@pytest.mark.parametrize("shape", [(33, 70), (127, 45)])
def test_a_batch_of_equal_tiles_equals_the_whole(
    centred: Restorer, shape: tuple[int, int]
) -> None:
    card, engine = centred.card, centred.ladder.engine
    frames = np.random.default_rng(1).random((5, *shape), np.float32)
    valid = np.ones(5, np.float32)
    whole = engine.run(frames, valid)
    cut = list(equal_tiles(*shape, side=31, radius=card.receptive_radius))
    batch = np.stack([frames[:, *tile.outer] for tile in cut])
    for tile, piece in zip(cut, batch, strict=True):
        restored = engine.run(piece, valid)[tile.inner_in_outer(card.scale)]
        np.testing.assert_allclose(
            restored, whole[tile.enlarged(card.scale)], atol=1e-5
        )


def test_a_halo_one_pixel_short_shows(centred: Restorer) -> None:
    """The radius of the card is needed in full; otherwise the test above is blind."""
    card, engine = centred.card, centred.ladder.engine
    frames = np.random.default_rng(1).random((5, 60, 60), np.float32)
    valid = np.ones(5, np.float32)

    def run(piece: FloatArray) -> FloatArray:
        return engine.run(piece, valid)

    short = run_tiled(run, frames, scale=4, radius=card.receptive_radius - 6, side=20)
    assert np.abs(short - run(frames)).max() > 1e-5
