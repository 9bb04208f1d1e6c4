"""Flicker of movies whose noise and movement are known."""

from __future__ import annotations

import numpy as np
import pytest
from fields import Field, smooth_field

from pssr_live.errors import SettingsError
from pssr_live.evaluation.case import Case
from pssr_live.evaluation.comparison import compare
from pssr_live.evaluation.flicker import flicker, rms_change, static_region


def _half_moving(frames: int) -> Field:
    """Return a movie whose left half stands still and whose right half changes."""
    rng = np.random.default_rng(0)
    movie = np.tile(smooth_field(64, 2, rng), (frames, 1, 1))
    for frame in movie:
        frame[:, 32:] = smooth_field(64, 2, rng)[:, 32:]
    return movie


def test_white_noise_flickers_by_root_two_of_its_sd() -> None:
    rng = np.random.default_rng(1)
    truth = _half_moving(8)
    found = flicker(truth + rng.normal(0, 0.3, truth.shape), truth, 0.02)
    assert found.rms == pytest.approx(0.3 * np.sqrt(2), rel=0.03)
    assert found.truth_rms < 0.02
    assert 0.38 < found.static_share < 0.52


def test_movement_is_no_flicker() -> None:
    truth = _half_moving(4)
    still = flicker(truth, truth, 0.02)
    assert still.rms == still.truth_rms < 0.02
    everywhere = rms_change(truth[0], truth[1], np.ones((64, 64), bool))
    assert everywhere > 0.5


def test_noise_of_the_truth_is_not_taken_for_movement() -> None:
    rng = np.random.default_rng(2)
    still = np.tile(100 * smooth_field(64, 2, rng), (2, 1, 1))
    seen = still + rng.normal(0, 3, still.shape)
    assert static_region(*seen, tolerance=4).mean() > 0.97


def test_flickers_are_compared() -> None:
    rng = np.random.default_rng(3)
    truth = np.tile(smooth_field(64, 2, rng), (5, 1, 1))
    noise = rng.normal(0, 1, truth.shape)
    raw = flicker(truth + noise, truth, 0.02)
    assert flicker(truth + noise / 4, truth, 0.02).relative_to(raw) == pytest.approx(
        0.25
    )


def test_bad_input_is_named() -> None:
    truth = _half_moving(2)
    with pytest.raises(SettingsError, match="0 pixels of the movie stand still"):
        flicker(truth[:1], truth[:1], 0.02)
    with pytest.raises(SettingsError, match="tolerance of 0 calls nothing static"):
        static_region(*truth, tolerance=0)
    assert np.isnan(rms_change(*truth, np.zeros((64, 64), bool)))


@pytest.mark.parametrize("moved_px", [(0, 0), (3, 4), (8, 10)])
def test_flicker_is_sought_where_the_registered_truth_stands_still(
    moved_px: tuple[int, int],
) -> None:
    """A spot moves through the field; the truth was taken some pixels away."""

    def film(frame: int) -> Field:
        y, x = np.mgrid[:160, :160]
        spot = np.exp(-((y - 80) ** 2 + (x - 40 - 12 * frame) ** 2) / 18)
        field = smooth_field(160, 2, np.random.default_rng(0))
        return np.asarray(1000 + 100 * field + 3000 * spot)

    cases = [
        Case("s", t, film(t)[16:-16, 16:-16], _from(film(t), 16, *moved_px))
        for t in range(3)
    ]
    scores = compare(cases, 3000.0, register=True).scores
    assert all(score.flicker < 3 for score in scores[1:])


def _from(picture: Field, edge: int, y: int, x: int) -> Field:
    height, width = picture.shape
    return picture[edge - y : height - edge - y, edge - x : width - edge - x]
