"""Paired differences and their interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from pssr_live.errors import SettingsError
from pssr_live.evaluation.paired import paired_difference


def _scenes(means: list[float], frames: int = 50) -> dict[str, list[float]]:
    return {f"s{n}": [mean] * frames for n, mean in enumerate(means)}


def test_the_interval_is_that_of_scipy() -> None:
    gains = np.random.default_rng(1).normal(1, 2, 15)
    got = paired_difference(_scenes([*gains]), _scenes([0] * 15))
    wanted = bootstrap(
        (gains,), np.mean, n_resamples=20_000, method="percentile", rng=2
    ).confidence_interval
    assert got.mean == pytest.approx(gains.mean())
    assert (got.low, got.high) == pytest.approx((wanted.low, wanted.high), abs=0.06)
    assert got.scenes_ahead == np.count_nonzero(gains > 0)


def test_more_frames_are_no_more_evidence() -> None:
    gains = [0.5, 1.0, -0.25, 0.75]
    few, many = (
        paired_difference(_scenes(gains, n), _scenes([0] * 4, n)) for n in (2, 99)
    )
    assert few == many
    assert few == paired_difference(_scenes(gains), _scenes([0] * 4), seed=0)
    uneven = _scenes([*np.random.default_rng(0).normal(size=7)])
    first, again = (paired_difference(uneven, _scenes([0] * 7), s) for s in (0, 1))
    assert first.low != again.low


def test_a_scene_counts_once_however_long() -> None:
    ours = {"long": [1.0] * 98 + [math.nan, math.inf], "short": [3.0]}
    assert paired_difference(ours, {"long": [0.0] * 100, "short": [0.0]}).mean == 2


def test_one_scene_has_no_interval() -> None:
    alone = paired_difference({"a": [2.0, 3.0]}, {"a": [1.0, 1.0]})
    assert alone.mean == 1.5
    assert math.isnan(alone.low)
    assert alone.in_words() == "+1.50 (one scene: no interval)"


def test_bad_input_is_named() -> None:
    with pytest.raises(SettingsError, match="scenes b, c were judged for one method"):
        paired_difference({"a": [1.0], "b": [1.0]}, {"a": [1.0], "c": [1.0]})
    with pytest.raises(SettingsError, match="a has 2 frames for one method and 1"):
        paired_difference({"a": [1.0, 2.0]}, {"a": [1.0]})
    with pytest.raises(SettingsError, match="None of 1 scenes has a frame"):
        paired_difference({"a": [math.nan]}, {"a": [1.0]})
