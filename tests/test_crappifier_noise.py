"""What the crappifier's noise measures, beside theory and the figures of PSSR."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fields import smooth_field

from pssr_live.crappifier import PRESETS, Recipe, crappify, preset, white_level
from pssr_live.crappifier.detector import (
    Bleaching,
    Digitise,
    KeepPeak,
    LineNoise,
    LocalNoise,
    Photons,
    ReadNoise,
    SaltPepper,
    SlowDetector,
)
from pssr_live.crappifier.sampling import Scan


def flat(level: int, side: int = 512, peak: bool = True, dtype: str = "uint8") -> Any:
    """Return a field of one grey value; a corner tells how bright images get."""
    image = np.full((side, side), level, dtype)
    if peak:
        image[-16:, -16:] = 255
    return image


def measured(image: Any, recipe: Recipe, **more: Any) -> tuple[float, float]:
    """Return mean and SD of what is left, far from the edges and the corner."""
    low = crappify(image, recipe, **more)[8:-16, 8:-16].astype(float)
    return float(low.mean()), float(low.std())


# -- against theory ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "mean", "sd"),
    [
        ((Photons(photons=20),), 100, 255 * np.sqrt(100 / 255 / 20)),
        ((Photons(photons=99, gain=1.5),), 150, 1.5 * 255 * np.sqrt(100 / 255 / 99)),
        ((Photons(photons=255, noise=0.5),), 100, 5.0),
        ((Photons(photons=1e9),), 100, 0.29),
        ((ReadNoise(sd=0.02, offset=0.1),), 125.5, 5.1),
        ((LineNoise(sd=0.02, period_lines=7),), 100, 5.1),
        # A Gaussian leaves 1 / (2 sigma sqrt(pi)) of a variance.
        (
            (Photons(photons=255), SlowDetector(sigma_px=2)),
            100,
            10 * (2 * 2 * np.pi**0.5) ** -0.5,
        ),
        ((SaltPepper(salt=0.1),), 115.5, 155 * 0.3),
        ((SaltPepper(pepper=0.1),), 90.0, 30.0),
        (
            (LocalNoise(variance=0.01, sigma_px=3),),
            100,
            255 * np.sqrt(0.01 * 100 / 255),
        ),
        ((Digitise(bits=8, saturation=0.3),), 76.5, 0.0),
        ((Digitise(bits=1, saturation=0.5),), 127.5, 0.0),
    ],
    ids=lambda v: str(v[0]) if isinstance(v, tuple) else None,
)
def test_noise_has_the_statistics_it_says(steps: Any, mean: float, sd: float) -> None:
    recipe = Recipe(steps=(Scan(), *steps))
    got = measured(flat(100, peak=False), recipe, scale=2)
    assert got[0] == pytest.approx(mean, abs=0.6)
    assert got[1] == pytest.approx(sd, rel=0.04, abs=0.35)


def test_bits_that_are_too_few_leave_few_levels() -> None:
    image = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    low = crappify(image, Recipe(steps=(Scan(), Digitise(bits=3))), scale=1)
    assert len(np.unique(low)) == 8
    assert (low.min(), low.max()) == (0, 255)


def test_bleaching_and_keeping_the_peak() -> None:
    movie = np.full((21, 16, 16), 200, np.uint8)
    recipe = Recipe(steps=(Scan(), Bleaching(half_life_frames=10)))
    assert crappify(movie, recipe)[[0, 10, 20], 1, 1].tolist() == [200, 100, 50]
    kept = Recipe(steps=(Scan(), Bleaching(half_life_frames=10), KeepPeak()))
    assert crappify(movie, kept)[20].max() == 200
    black = np.zeros((16, 16), np.uint8)
    assert not crappify(black, kept).any()


def test_noise_of_sixteen_bits_is_that_of_eight() -> None:
    image = flat(80)
    chain = PRESETS["confocal"]
    eight = measured(image, Recipe(steps=chain))
    wide = measured(image.astype(np.uint16) * 16, Recipe(steps=chain, white=255 * 16))
    np.testing.assert_allclose(np.array(wide) / 16, eight, rtol=0.02)


@pytest.mark.parametrize(
    ("dtype", "brightest", "white"),
    [
        ("uint8", 7, 255),
        ("uint16", 0, 255),
        ("uint16", 256, 511),
        ("uint16", 3000, 4095),
        ("uint16", 65535, 65535),
        ("int16", 32767, 32767),
        ("int16", -5, 255),
    ],
)
def test_white_is_the_depth_that_holds_the_movie(
    dtype: str, brightest: int, white: float
) -> None:
    assert white_level(preset("sem"), dtype, brightest) == white
    assert white_level(Recipe(steps=(Scan(),), white=9), dtype, brightest) == 9


# -- against the figures measured on PSSR and PSSR2 ----------------------------------


@pytest.mark.parametrize(
    ("name", "corner_aligned", "sd"),
    [
        ("new_crap_AG_SP", False, 14.3),
        ("fluo_SP_AG_D", True, 52.0),
        ("fluo_SP_AG_D", False, 52.0 * 3 / 4),  # always halfway between two pixels
        ("pssr2_poisson", False, 8.9),
        ("pssr2_gaussian", False, 13.0),
    ],
)
def test_presets_are_as_noisy_as_their_models(
    name: str, corner_aligned: bool, sd: float
) -> None:
    recipe = preset(name, corner_aligned=corner_aligned)
    assert measured(flat(80), recipe)[1] == pytest.approx(sd, rel=0.03)


def test_em_noise_of_the_published_sample_beats_in_stripes() -> None:
    # The sample itself is not at hand; 29.3 asks for a mean of 0.6 of the range.
    image = np.full((600, 900), 153, np.uint8)
    low = crappify(image, preset("em_AG_D", corner_aligned=True)).astype(float)
    assert low.std() == pytest.approx(29.3, rel=0.02)
    rows = np.convolve(low.std(axis=1), np.ones(5) / 5, "valid")
    assert (rows.min(), rows.max()) == pytest.approx((25, 35), abs=2)
    registered = crappify(image, preset("em_AG_D")).astype(float)
    rows = np.convolve(registered.std(axis=1), np.ones(5) / 5, "valid")
    assert np.ptp(rows) < 3


def test_clipping_lifts_the_dark() -> None:
    assert measured(flat(10), preset("new_crap_AG_SP"))[0] == pytest.approx(21, abs=1)


def test_salt_and_pepper_spoil_half_a_percent() -> None:
    low = crappify(flat(80, side=2048, peak=False), preset("pssr2_saltpepper"))
    assert (low == 255).mean() == pytest.approx(0.0025, rel=0.15)
    assert (low == 0).mean() == pytest.approx(0.0025, rel=0.15)


# -- seeds ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_reproducible(name: str) -> None:
    field = smooth_field(64, 3, np.random.default_rng(1))
    movie = np.uint16(np.clip(2000 + 500 * field, 0, 4095))[None].repeat(2, axis=0)
    one, two = crappify(movie, preset(name)), crappify(movie, preset(name))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (2, 16, 16) and one.dtype == np.uint16
    assert (one[0] != one[1]).any(), "frames share their noise"
    assert (one != crappify(movie, preset(name), seed=1)).any()
    np.testing.assert_array_equal(crappify(movie[0], preset(name)), one[0])


def test_a_longer_chain_begins_with_the_same_noise() -> None:
    image = flat(100)
    short = crappify(image, Recipe(steps=(Scan(), Photons(photons=9))))
    steps = (Scan(), Photons(photons=9), SaltPepper(salt=0.2))
    longer = crappify(image, Recipe(steps=steps))
    kept = longer != 255
    np.testing.assert_array_equal(longer[kept], short[kept])
