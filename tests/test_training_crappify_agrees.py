"""The crappifier that trains, in torch, does what the one of the command does.

`training.scans.crappify` against `pssr_live.crappifier`, with the same physical
parameters. They read an image between its pixels in different ways (four neighbours
or a Gaussian cut into pixels here, cubic splines there); each tolerance says what it
allows for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fields import smooth_field
from scipy.ndimage import center_of_mass

from pssr_live.crappifier.beam import LineJitter
from pssr_live.crappifier.detector import LineNoise, Photons, ReadNoise, SaltPepper
from pssr_live.crappifier.sampling import Scan
from pssr_live.crappifier.step import Shot, Step
from pssr_live.training.scans.crappify import crappify
from pssr_live.training.scans.ranges import Draw, Ranges, draw

QUIET = Ranges(
    blur_px=(0, 0),
    sharp_share=0,
    dwell_fraction=(0, 0),
    point_share=0,
    area_share=0,
    bidirectional_share=0,
    shared_noise_share=0,
    line_noise_share=0,
    grey_levels_share=0,
    flicker_share=0,
    clipped_share=0,
    jitter_px=(0, 0),
    noise_free_share=1,
    read_noise=(0, 0),
    gain=(1, 1),
    offset=(0, 0),
    spoiled_share=0,
)
SCALES = [2, 4, 8]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exactly(**values: float) -> Draw:
    """Return a draw that is quiet but for some values, which hold as they are."""
    how = draw(QUIET, 1, generator())
    return replace(
        how, **{name: torch.full((1, 1, 1, 1), v) for name, v in values.items()}
    )


def in_torch(image: np.ndarray, scale: int, how: Draw, seed: int = 0) -> np.ndarray:
    clip = torch.from_numpy(image.astype(np.float32))[None, None]
    return crappify(clip, scale, how, generator(seed))[0, 0].double().numpy()


def in_numpy(image: np.ndarray, scale: int, *steps: Step) -> np.ndarray:
    shot, rng = Shot.of(image.astype(float), scale, 0), np.random.default_rng(1)
    for step in steps:
        shot = step.apply(shot, rng)
    return np.asarray(shot.brightness)


def inner(image: np.ndarray) -> np.ndarray:
    """Return it without its edge, beyond which both guess."""
    return image[4:-4, 4:-4]


def texture(side: int, sigma_px: float = 2.0) -> np.ndarray:
    field = smooth_field(side, sigma_px, np.random.default_rng(5))
    return np.asarray((field - field.min()) / np.ptp(field))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dwell", [0.0, 0.5, 1.0])
def test_both_look_at_the_same_places(scale: int, dwell: float) -> None:
    side = 16 * scale
    for ramp in np.indices((side, side)) / side:
        mode = Scan(mode="line", dwell_share=dwell)
        apart = in_torch(ramp, scale, exactly(dwell_fraction=dwell)) - in_numpy(
            ramp, scale, mode
        )
        # A linear picture: nothing but rounding of float32 may remain.
        assert np.abs(inner(apart)).max() * side < 1e-3


@pytest.mark.parametrize("scale", SCALES)
def test_both_put_a_point_at_the_same_place(scale: int) -> None:
    side = 16 * scale
    for at in (0.47, 0.55):
        y, x = np.indices((side, side)) - at * side
        point = np.exp(-0.5 * (y**2 + x**2) / (0.7 * scale) ** 2)
        how = exactly(dwell_fraction=1.0)
        found = center_of_mass(in_torch(point, scale, how))
        there = center_of_mass(in_numpy(point, scale, Scan(mode="line")))
        # Of a low-density pixel; aliasing of so small a point differs with its blur.
        assert np.abs(np.subtract(found, there)).max() < 0.02


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dwell", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("blur_px", [0.5, 0.8, 1.2])
def test_both_blur_alike(scale: int, dwell: float, blur_px: float) -> None:
    """Noise-free scans of a texture that is as band-limited as an optical one.

    Both average a dwell over the same places. At half pixels, a Gaussian of 0.5 pixels
    that is cut into pixels is not quite the one it should be: 1.5 % of the contrast.
    """
    image = texture(32 * scale)
    how = exactly(blur_px=blur_px, dwell_fraction=dwell)
    steps = Scan(mode="line", psf_sigma_px=blur_px, dwell_share=dwell)
    one, other = (
        inner(in_torch(image, scale, how)),
        inner(in_numpy(image, scale, steps)),
    )
    assert np.sqrt(np.mean((one - other) ** 2)) < 0.015 * other.std()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dwell", [0.0, 1.0])
def test_both_read_a_sharp_image_alike(scale: int, dwell: float) -> None:
    """Without blur, through four neighbours here and splines there: 1 %."""
    image = texture(32 * scale)
    one = inner(in_torch(image, scale, exactly(dwell_fraction=dwell)))
    sharp = inner(in_numpy(image, scale, Scan(mode="line", dwell_share=dwell)))
    assert np.sqrt(np.mean((one - sharp) ** 2)) < 0.01 * sharp.std()


@pytest.mark.parametrize("photons", [6.0, 50.0, 400.0, 5000.0])
@pytest.mark.parametrize("read_noise", [0.0, 0.04])
def test_noise_grows_with_brightness_alike(photons: float, read_noise: float) -> None:
    levels = np.array([0.0, 0.05, 0.3, 1.0])
    image = np.repeat(np.repeat(levels, 128)[:, None], 512, axis=1)
    one = in_torch(image, 1, exactly(photons=photons, read_noise=read_noise))
    other = in_numpy(image, 1, Photons(photons=photons), ReadNoise(sd=read_noise))
    for noisy in (one, other):
        for level, rows in zip(levels, noisy.reshape(4, 128, 512), strict=True):
            part = rows[8:-8]  # the kernel mixes the levels where they meet
            expected = np.sqrt(level / photons + read_noise**2)
            # 57344 pixels: 4 standard deviations of an SD are 1.2 % of it, of the few
            # photons of the dark ones more.
            assert part.std() == pytest.approx(expected, rel=0.03, abs=1e-5)
            assert part.mean() == pytest.approx(level, abs=0.02 * expected + 1e-5)


@pytest.mark.parametrize("jitter_px", [0.2, 0.8])
def test_lines_jitter_alike(jitter_px: float) -> None:
    scale, side = 2, 1024
    ramp = np.tile(np.arange(side) / side, (side, 1))
    one = in_torch(ramp, scale, exactly(jitter_px=jitter_px))
    other = in_numpy(ramp, scale, LineJitter(sd_px=jitter_px), Scan())
    still = in_numpy(ramp, scale, Scan())
    for jittered in (one, other):
        lines = inner(jittered - still)
        # A line moves as one, and its neighbours by themselves.
        assert np.abs(lines - lines.mean(1, keepdims=True)).max() * side < 2e-2
        place = lines.mean(1) * side
        # 504 lines: 4 standard deviations of an SD are 13 % of it.
        assert place.std() == pytest.approx(jitter_px, rel=0.13)
        assert abs(np.corrcoef(place[1:], place[:-1])[0, 1]) < 0.2


@pytest.mark.parametrize("hum", [0.0, 0.7])
def test_lines_are_offset_alike(hum: float) -> None:
    """A hum in radians a line here, in lines a period there; 0: lines by chance."""
    grey, period = np.full((1024, 64), 0.5), 2 * np.pi / hum if hum else None
    one = in_torch(grey, 1, exactly(line_noise=0.1, hum=hum))
    other = in_numpy(grey, 1, Scan(), LineNoise(sd=0.1, period_lines=period))
    for noisy in (one, other):
        lines = noisy[:, 0] - 0.5
        assert np.ptp(noisy, axis=1).max() < 1e-6
        # 1024 lines: 4 standard deviations of an SD are 9 % of it.
        assert lines.std() == pytest.approx(0.1, rel=0.09)
        # x[n + 1] = 2 cos(hum) x[n] - x[n - 1] is true of a hum and of nothing else.
        foretold = 2 * np.cos(hum) * lines[1:-1] - lines[:-2]
        assert np.allclose(foretold, lines[2:], atol=1e-5) == bool(hum)


@pytest.mark.parametrize("share", [0.002, 0.01])
def test_as_many_pixels_are_spoiled(share: float) -> None:
    grey = np.full((1024, 1024), 0.5)
    one = in_torch(grey, 1, exactly(spoiled=share))
    other = in_numpy(grey, 1, SaltPepper(salt=share / 2, pepper=share / 2))
    for spoiled in (one, other):
        for value in (0.0, 1.0):
            # Of a million pixels: 4 standard deviations of 1000 are 13 %.
            found = float(np.mean(spoiled == value))
            assert found == pytest.approx(share / 2, rel=0.13)
