"""The map to network units loses nothing and holds for a whole run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pssr_live.intensity import OUT_OF_RANGE, HeldIntensity, IntensityMap, fit


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@given(
    offset=st.integers(-(2**15), 2**16),
    scale=st.floats(8, 2**16, allow_nan=False),
)
def test_every_count_survives_the_way_there_and_back(
    dtype: str, offset: int, scale: float
) -> None:
    limits = np.iinfo(dtype)
    counts = np.arange(limits.min, limits.max + 1).astype(dtype)
    held = IntensityMap(float(offset), scale)
    np.testing.assert_array_equal(
        held.inverse(held.forward(counts), counts.dtype), counts
    )


def test_values_beyond_the_range_saturate() -> None:
    held = IntensityMap(0, 1000)
    counts = held.inverse(np.array([-1, 0, 70], np.float32), np.dtype("uint16"))
    assert counts.tolist() == [0, 0, 65535]


def test_fit_brings_a_frame_to_about_0_to_1() -> None:
    frame = np.linspace(500, 4500, 10_000).astype(np.uint16).reshape(100, 100)
    values = fit(frame).forward(frame)
    assert -0.05 < values.min() <= 0.0
    assert 1.0 <= values.max() < 1.05


@pytest.mark.parametrize("level", [0, 7, 65535])
def test_a_frame_without_contrast_has_a_map(level: int) -> None:
    frame = np.full((16, 16), level, np.uint16)
    held = fit(frame)
    assert held.scale > 0
    np.testing.assert_array_equal(held.inverse(held.forward(frame), frame.dtype), frame)


def test_the_map_is_held_while_a_sample_bleaches_or_flickers() -> None:
    rng = np.random.default_rng(0)
    held = HeldIntensity()
    first = rng.poisson(500, (64, 64)).astype(np.uint16)
    kept = held.see(first)
    for factor in (0.9, 0.2, 1.5, 0.0):
        assert held.see((first * factor).astype(np.uint16)) is kept


def test_a_shutter_that_opens_late_does_not_spoil_the_run() -> None:
    rng = np.random.default_rng(0)
    held = HeldIntensity()
    dark = held.see(rng.poisson(10, (64, 64)).astype(np.uint16))
    bright = rng.poisson(4000, (64, 64)).astype(np.uint16)
    lit = held.see(bright)
    assert lit != dark
    assert lit.forward(bright).max() < 3
    assert held.see(bright) is lit


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.floats(0, 0.06),
    st.integers(0, 2**32 - 1),
)
def test_a_map_is_given_up_just_when_the_percentile_says_so(
    height: int, width: int, share: float, seed: int
) -> None:
    """Counting the bright pixels, which is quicker, never decides otherwise."""
    rng = np.random.default_rng(seed)
    held = IntensityMap(100, 50)
    frame = rng.integers(90, 160, (height, width)).astype(np.uint16)
    bright = rng.random(frame.shape) < share
    frame[bright] = rng.integers(300, 1000, int(bright.sum()))
    thin = frame[:: max(1, height // 32), :: max(1, width // 32)]
    limit = held.offset + OUT_OF_RANGE * held.scale
    expected = float(np.percentile(thin, 98)) > limit
    assert HeldIntensity._senseless(held, frame) == expected
