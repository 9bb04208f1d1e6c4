"""What even a perfect restoration would miss: the noise of a recorded truth."""

from __future__ import annotations

import numpy as np
import pytest
from fields import moved, smooth_field

from benchmarks.real_sequences import own_noise


@pytest.mark.parametrize("pace_px", [0.0, 0.2, 0.6])
@pytest.mark.parametrize("sd", [0.1, 0.5, 2.0])
def test_the_noise_of_a_movie_is_found(pace_px: float, sd: float) -> None:
    rng = np.random.default_rng(2)
    field = smooth_field(128, 3, rng)
    field /= field.std()
    film = np.stack([moved(field, 0.0, pace_px * t) for t in range(14)])
    noisy = 10 + film + rng.normal(0, sd, film.shape)
    assert own_noise(noisy) == pytest.approx(sd**2, rel=0.1, abs=0.01)


def test_a_movie_without_noise_has_none() -> None:
    film = np.repeat(smooth_field(64, 3, np.random.default_rng(1))[None], 9, axis=0)
    assert own_noise(film) < 1e-9 * film.var()
