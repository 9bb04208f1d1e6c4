"""Where the crappifier's pixels are, and what displaces them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fields import moved, smooth_field, spectrum_cut
from PIL import Image
from skimage.transform import rescale

from pssr_live.crappifier import Crappifier, Recipe, crappify
from pssr_live.crappifier.beam import Bidirectional, LineJitter, Motion, ScanOffset
from pssr_live.crappifier.chain import SCALES
from pssr_live.crappifier.sampling import Resize, Scan
from pssr_live.crappifier.step import FloatArray, Shot

RNG = np.random.default_rng(0)
SCANS = [
    Scan(mode=mode, psf_sigma_px=s) for mode in ("point", "line", "box") for s in (0, 1)
]
RESIZES = [Resize(filter=name) for name in ("none", "gaussian", "triangle")]


def run(image: FloatArray, scale: int, *steps: Any, t: int = 0) -> FloatArray:
    shot = Shot.of(image, scale, t)
    for step in steps:
        shot = step.apply(shot, np.random.default_rng(3))
    return shot.brightness


def ramp(side: int) -> FloatArray:
    """Return an image whose brightness is its place: 1000 y + x, in pixels."""
    y, x = np.mgrid[:side, :side].astype(float)
    return 1000 * y + x


def inner(image: FloatArray, edge: int = 4) -> FloatArray:
    return image[edge:-edge, edge:-edge]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("step", SCANS + RESIZES, ids=str)
def test_pixel_centres_are_exact(step: Scan | Resize, scale: int) -> None:
    low = run(ramp(scale * 32), scale, step)
    at = (np.arange(32) + 0.5) * scale - 0.5
    wanted = 1000 * at[:, None] + at
    edge = 8  # the splines see the mirrored ramp beyond the edge
    np.testing.assert_allclose(inner(low, edge), inner(wanted, edge), atol=0.05)
    middle = np.abs(low - wanted)[14:18, 14:18].max()
    assert middle < 1e-6 * 1000 * scale * 32


def test_point_sampling_reads_the_image_between_its_pixels() -> None:
    fine = spectrum_cut(smooth_field(128, 1.5, RNG), 0.25)
    low = run(fine, 4, Scan())
    exact = moved(fine, -1.5, -1.5)[::4, ::4]
    assert np.abs(inner(low - exact)).max() < 0.02 * fine.std()


def test_line_and_box_are_means_over_the_pixel() -> None:
    image = RNG.random((32, 32))
    blocks = image.reshape(8, 4, 8, 4)
    np.testing.assert_allclose(
        run(image, 4, Scan(mode="box")), blocks.mean((1, 3)), atol=1e-9
    )
    upright = np.repeat(image[:, :1], 32, axis=1)  # nothing changes along the lines
    np.testing.assert_allclose(
        run(upright, 4, Scan(mode="line")), run(upright, 4, Scan()), atol=1e-9
    )


def test_scale_1_without_a_psf_changes_nothing() -> None:
    image = RNG.random((9, 14))
    for step in [s for s in SCANS if s.psf_sigma_px == 0] + RESIZES:
        np.testing.assert_allclose(run(image, 1, step), image, atol=1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_resize_does_what_other_programs_do(scale: int) -> None:
    image = RNG.random((24 * scale, 16 * scale)).astype(np.float32)
    pillow = Image.fromarray(image).resize((16, 24), Image.Resampling.BILINEAR)
    ours = run(image, scale, Resize(filter="triangle"))
    np.testing.assert_allclose(ours, np.asarray(pillow), atol=1e-5)
    theirs = rescale(image, 1 / scale, order=1, anti_aliasing=scale > 1)
    ours = run(image, scale, Resize(filter="gaussian"))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_corner_alignment_misplaces_as_measured() -> None:
    low = run(ramp(512), 4, Resize(corner_aligned=True))
    off = low[0] - (np.arange(128) * 4 + 1.5)
    assert (off[0], off[-1]) == pytest.approx((-1.5, 1.5))
    assert np.abs(low[64, 64] - 1001 * 257.5) < 1001  # right in the middle


CENTRED = 1.5 + 4 * np.arange(32)


@pytest.mark.parametrize(
    ("step", "y_px", "x_px"),
    [
        (ScanOffset(y_px=0.25, x_px=-1.7), 0.25, -1.7),
        (Bidirectional(shift_px=0.6), 0.0, np.arange(32)[:, None] % 2 * 0.6),
        (Motion(x_px=2.0, y_px=-1.0, scanning_share=0), 3.0, -6.0),
        (
            Motion(x_px=2.0),
            0.0,
            -2.0 * (3 + (np.arange(32)[:, None] + 0.5) / 32 - 0.5),
        ),
    ],
    ids=["offset", "bidirectional", "motion between", "motion within"],
)
def test_lines_are_displaced_by_what_was_asked(step: Any, y_px: Any, x_px: Any) -> None:
    low = run(ramp(128), 4, step, Scan(), t=3)
    wanted = 1000 * (CENTRED[:, None] + y_px) + CENTRED + x_px
    np.testing.assert_allclose(inner(low, 8), inner(wanted, 8), atol=0.05)


def test_displacements_add_up_and_jitter_has_its_spread() -> None:
    image = np.tile(np.arange(64.0), (4096, 1))
    low = run(image, 4, ScanOffset(x_px=1), LineJitter(sd_px=0.8), Scan())
    jitter = low[:, 8] - (1.5 + 32 + 1)
    assert jitter.std() == pytest.approx(0.8, rel=0.08)
    assert abs(jitter.mean()) < 0.1
    assert abs(np.corrcoef(jitter[1:], jitter[:-1])[0, 1]) < 0.1
    np.testing.assert_allclose(low[:, 9] - low[:, 8], 4, atol=1e-3)  # a line is rigid


def test_the_beam_never_reads_beyond_the_edge() -> None:
    low = run(ramp(32), 4, ScanOffset(y_px=500, x_px=-500), Scan())
    np.testing.assert_allclose(low, 31_000, atol=1)


def test_the_truth_moves_with_the_sample() -> None:
    field = spectrum_cut(smooth_field(96, 3, RNG), 0.2)
    image = np.uint8(128 + 25 * field)
    chain = Recipe(steps=(Motion(y_px=1.3, x_px=-0.7, scanning_share=0), Scan()))
    how = Crappifier(chain, white=255)
    np.testing.assert_array_equal(how.truth(image, t=0), image)
    truth = how.truth(image, t=4).astype(float)
    seen = how.scan(image, t=4)
    again = crappify(np.uint8(truth), Recipe(steps=(Scan(),)))
    assert np.abs(inner(seen.astype(float) - again)).max() <= 3
