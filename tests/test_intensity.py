"""The map to network units loses nothing and holds for a whole run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pssr_live.intensity import (
    KEPT,
    HeldIntensity,
    IntensityMap,
    _bright_level_is_within,
    fit,
)


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


DARK = 100  # counts that a camera shows without light


def lit(light: float, seed: int = 0) -> np.ndarray:
    """Return a bright cell on a dim background, as `light` counts show it."""
    y, x = np.indices((64, 64)) - 32
    sample = 0.1 + (np.hypot(y, x) < 12)
    return (DARK + np.random.default_rng(seed).poisson(light * sample)).astype("uint16")


def test_the_map_is_held_while_a_sample_bleaches_or_flickers() -> None:
    held = HeldIntensity()
    kept = held.see(lit(400))
    for light in (360, 80, 600, 1200, 2000, 60, 400):
        assert held.see(lit(light)) is kept


def test_a_shutter_that_opens_late_does_not_spoil_the_run() -> None:
    held = HeldIntensity()
    dark = held.see(lit(0))
    opened = held.see(lit(4000))
    assert opened != dark
    assert opened.forward(lit(4000)).max() < 3
    for light in (3000, 4000, 1000):
        assert held.see(lit(light)) is opened


FLASHES = {
    "saturated": np.full((64, 64), 65535, np.uint16),
    "a leak of light": lit(400) + np.uint16(5000),
    "a small leak": lit(400) + np.uint16(1500),
    "the lamp": lit(400 * 50),
    "the sample": lit(400) + 40 * (lit(400) - lit(40)),
    "blanked": np.zeros((64, 64), np.uint16),
}


@pytest.mark.parametrize("what", FLASHES)
def test_a_flash_spoils_one_frame(what: str) -> None:
    held = HeldIntensity()
    kept = held.see(lit(400))
    for _ in range(2 * KEPT):
        held.see(FLASHES[what])
        for seed in range(3):
            assert held.see(lit(400, seed)) is kept


@pytest.mark.parametrize("what", FLASHES)
def test_a_flash_at_the_beginning_spoils_one_frame_too(what: str) -> None:
    held = HeldIntensity()
    held.see(FLASHES[what])
    values = held.see(lit(400)).forward(lit(400))
    assert -0.2 < np.percentile(values, 1) < 0.2
    assert 0.5 < np.percentile(values, 99) < 2


def test_maps_do_not_take_turns() -> None:
    """Light that wavers around the limit: the new map is held once it is there."""
    held = HeldIntensity()
    first = held.see(lit(400))
    brighter = [held.see(lit(2600 + 300 * (n % 2), n)) for n in range(10)]
    assert brighter[-1] is not first
    assert len({id(one) for one in brighter}) <= 2
    assert all(one is brighter[-1] for one in brighter[2:])


def test_a_series_of_ever_other_flashes_does_not_grow() -> None:
    held = HeldIntensity()
    kept = held.see(lit(400))
    for level in range(5000, 60000, 500):
        held.see(np.full((64, 64), level, np.uint16))
    assert len(held._maps) <= KEPT + 1
    assert held.see(lit(400)) is kept


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.floats(0, 0.06),
    st.sampled_from([0, 90]),
    st.integers(0, 2**32 - 1),
)
def test_counting_pixels_decides_as_the_percentile_does(
    height: int, width: int, share: float, darkest: int, seed: int
) -> None:
    """It is quicker; at both ends, and for frames of a few pixels."""
    rng = np.random.default_rng(seed)
    frame = rng.integers(darkest, darkest + 40, (height, width)).astype(np.uint16)
    bright = rng.random(frame.shape) < share
    frame[bright] = rng.integers(100, 1000, int(bright.sum()))
    expected = 50 <= float(np.percentile(frame, 98)) <= 400
    assert _bright_level_is_within(frame, 50, 400) == expected
