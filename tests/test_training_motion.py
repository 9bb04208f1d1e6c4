"""Stills set in motion: what moves, how far, and that the still is among the frames."""

from __future__ import annotations

import numpy as np
import pytest

from pssr_live.training.films.motion import set_in_motion


def smooth(side: int = 80) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return np.sin(y / 5) + np.cos(x / 7)


@pytest.mark.parametrize(("frames", "margin_px"), [(1, 0), (6, 8), (7, 3)])
def test_the_still_is_the_frame_in_the_middle(frames: int, margin_px: int) -> None:
    image = smooth()
    film = set_in_motion(np.random.default_rng(1), image, frames, 2.0, margin_px)
    inner = image[margin_px : 80 - margin_px, margin_px : 80 - margin_px]
    assert film.shape == (frames, *inner.shape)
    np.testing.assert_allclose(film[frames // 2], inner, atol=1e-6)


def test_nothing_moves_at_pace_0() -> None:
    film = set_in_motion(np.random.default_rng(1), smooth(), 5, 0.0, 4)
    assert film.shape == (5, 72, 72)
    assert (film == film[0]).all()


def test_a_faster_pace_moves_further() -> None:
    change = [
        np.abs(
            np.diff(set_in_motion(np.random.default_rng(3), smooth(), 3, pace), axis=0)
        ).mean()
        for pace in (0.2, 1.0, 3.0)
    ]
    assert change[0] < change[1] < change[2]


def test_a_seed_repeats_a_film_and_another_does_not() -> None:
    one, same, other = (
        set_in_motion(np.random.default_rng(seed), smooth(), 3, 1.0)
        for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert not np.allclose(one, other)
