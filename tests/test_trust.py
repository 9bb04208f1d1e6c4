"""Agreement with the scan: noise alone is believed, what noise cannot do is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pssr_live.agreement import agreement, doubts, unlike_calibrated
from pssr_live.errors import SettingsError
from pssr_live.frame import Frame
from pssr_live.trust import (
    LIMIT_SD,
    ScanNoise,
    consistency,
    judged,
    scanned_again,
)

SCALE, SIDE = 4, 128
Image = np.ndarray[Any, Any]


def sample(seed: int) -> Image:
    """Return a field (512, 512) of blobs and threads, 0..1, without sharp detail."""
    rng = np.random.default_rng(seed)
    rough = rng.standard_normal((SCALE * SIDE, SCALE * SIDE))
    smooth = ndimage.gaussian_filter(rough, 8, mode="wrap")
    found: Image = (smooth / np.abs(smooth).max()) ** 2
    return found


def detector(gain: float, offset: float, read: float, **more: Any) -> ScanNoise:
    bright = offset + 50 * gain
    return ScanNoise(gain, bright, float(np.sqrt(50 * gain**2 + read**2)), **more)


def scanned(
    truth: Image, photons: float, gain: float, offset: float, read: float, seed: int
) -> tuple[Image, Image]:
    """Return a noisy scan, and the true picture, both in grey levels."""
    rng = np.random.default_rng(seed)
    seen = rng.poisson(photons * scanned_again(truth, (SIDE, SIDE)))
    scan = offset + gain * seen + read * rng.standard_normal(seen.shape)
    picture = offset + gain * photons * truth
    return np.rint(scan).astype(np.int16), np.rint(picture).astype(np.int16)


CAMERAS = {
    "confocal": (20, 40.0, 100.0, 12.0),
    "dim": (4, 40.0, 100.0, 12.0),
    "bright": (200, 20.0, 100.0, 12.0),
    "read noise": (20, 2.0, 500.0, 15.0),
    "photon counter": (10, 1.0, 0.0, 0.0),
}


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_truth_agrees_with_its_scan(camera: str) -> None:
    photons, gain, offset, read = CAMERAS[camera]
    noise = detector(gain, offset, read)
    found = []
    for seed in range(20):
        scan, picture = scanned(sample(seed), photons, gain, offset, read, seed + 99)
        found.append(consistency(scan, picture, noise))
    assert all(one.agrees for one in found)
    assert max(one.worst_sd for one in found) < LIMIT_SD
    # Where hardly a photon comes, the noise is taken for that of half a photon.
    assert 0.4 < np.mean([one.misfit for one in found]) < 1.1


def added(picture: Image) -> Image:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    blob = np.exp(-((y - 200) ** 2 + (x - 300) ** 2) / (2 * 8**2))
    changed: Image = picture + 0.3 * picture.max() * blob
    return changed


def erased(picture: Image) -> Image:
    middle = ndimage.gaussian_filter(picture.astype(float), 10)
    y, x = np.unravel_index(middle.argmax(), middle.shape)
    changed = picture.copy()
    changed[max(y - 15, 0) : y + 15, max(x - 15, 0) : x + 15] = picture.min()
    return changed


FAULTS: dict[str, tuple[Callable[[Image], Image], set[int]]] = {
    "an object that is not there": (added, {1}),
    "an object that is missing": (erased, {-1}),
    "half as bright": (lambda p: 100 + (p - 100) // 2, {-1}),
    "a tenth too bright": (lambda p: 100 + (p - 100) * 1.1, {1}),
    "displaced": (lambda p: np.roll(p, 12, axis=1), {-1, 1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_noise_cannot_do_is_marked(fault: str) -> None:
    change, signs = FAULTS[fault]
    photons, gain, offset, read = 100, 40.0, 100.0, 12.0
    scan, picture = scanned(sample(1), photons, gain, offset, read, 1)
    wrong = np.rint(change(picture)).astype(np.int16)
    found = consistency(scan, wrong, detector(gain, offset, read))
    assert not found.agrees and found.worst_sd > LIMIT_SD
    assert set(np.unique(found.marks)) - {0} == signs
    assert found.doubtful_share == np.mean(found.marks != 0)


def test_marks_lie_where_the_fault_is() -> None:
    scan, picture = scanned(sample(2), 100, 40.0, 100.0, 12.0, 2)
    found = consistency(
        scan, np.rint(added(picture)).astype(np.int16), detector(40.0, 100.0, 12.0)
    )
    y, x = np.nonzero(found.marks)
    assert np.hypot(y.mean() - 200 / SCALE, x.mean() - 300 / SCALE) < 2
    assert np.hypot(y - 50, x - 75).max() < 10


def test_a_picture_that_is_too_smooth_does_not_fit() -> None:
    scan, picture = scanned(sample(3), 200, 20.0, 100.0, 12.0, 3)
    noise = detector(20.0, 100.0, 12.0)
    smooth = ndimage.gaussian_filter(picture, 12)
    assert consistency(scan, smooth, noise).misfit > 1.5
    assert consistency(scan, picture, noise).misfit < 1.1


def test_a_scan_that_is_averaged_shows_beside_its_calibration() -> None:
    """Then noise is less, and what is beyond it is not found."""
    single = detector(20.0, 100.0, 12.0)
    scans, picture = zip(
        *(scanned(sample(3), 50, 20.0, 100.0, 12.0, n) for n in range(4)), strict=True
    )
    averaged = np.rint(np.mean(scans, axis=0)).astype(np.int16)
    misfit = consistency(averaged, picture[0], single).misfit
    assert misfit == pytest.approx(0.25, rel=0.1)
    assert "frames are averaged" in unlike_calibrated(misfit)


def test_detail_smaller_than_a_raw_pixel_is_not_seen() -> None:
    """The limit that the words of window and manual promise to tell."""
    scan, picture = scanned(sample(4), 100, 40.0, 100.0, 12.0, 4)
    dotted = picture.copy()
    dotted[200, 200] += 3000  # a corner pixel, where no beam stood
    noise = detector(40.0, 100.0, 12.0)
    assert consistency(scan, dotted, noise).facts() == (
        consistency(scan, picture, noise).facts()
    )


def test_a_small_difference_is_none_however_little_noise_there_is() -> None:
    truth = sample(5)
    scan, picture = scanned(truth, 20_000, 1.0, 100.0, 1.0, 5)
    noise = detector(1.0, 100.0, 1.0)
    near = np.rint(100 + (picture - 100) * 1.03).astype(np.int16)
    assert consistency(scan, near, noise).worst_sd > LIMIT_SD
    assert consistency(scan, near, noise).agrees
    far = np.rint(100 + (picture - 100) * 1.1).astype(np.int16)
    assert not consistency(scan, far, noise).agrees


@pytest.mark.parametrize("end", ["bright", "dark"])
def test_clipped_pixels_say_nothing(end: str) -> None:
    gain = 10.0
    offset = -20.0 if end == "dark" else 20.0
    scan, picture = scanned(sample(6), 30, gain, offset, 5.0, 6)
    clipped = scan.clip(0, None) if end == "dark" else scan.clip(None, 150)
    noise = detector(gain, offset, 5.0)
    assert consistency(clipped, picture, noise).agrees
    # But a picture that is dark where the scan is saturated is found.
    if end == "bright":
        black = np.full_like(picture, int(offset))
        assert (consistency(clipped, black, noise).marks == -1).any()


def test_one_saturated_object_is_no_fault() -> None:
    y, x = np.mgrid[: SCALE * SIDE, : SCALE * SIDE] - 200
    truth = 0.2 * sample(1) + np.exp(-(y**2 + x**2) / (2 * 10**2))
    scan, picture = scanned(truth, 100, 40.0, 100.0, 12.0, 1)
    saturated = scan.clip(None, 2500)
    assert np.mean(saturated == 2500) < 3e-3
    assert consistency(saturated, picture, detector(40.0, 100.0, 12.0)).agrees


CUT_OFF = {
    "photons that are counted, without an offset": (10, 1.0, 0.0, 0.0),
    "black at the last grey level": (30, 10.0, 0.0, 5.0),
    "black below it": (30, 10.0, -20.0, 5.0),
}


@pytest.mark.parametrize("camera", CUT_OFF)
def test_what_is_missing_is_found_where_black_is_cut_off(camera: str) -> None:
    photons, gain, offset, read = CUT_OFF[camera]
    noise = detector(gain, offset, read)
    for seed in range(4):
        scan, picture = (
            one.clip(0, None)
            for one in scanned(sample(seed), photons, gain, offset, read, seed)
        )
        assert consistency(scan, picture, noise).agrees
        for change, sign in ((erased, -1), (added, 1)):
            wrong = np.rint(change(picture)).astype(np.int16)
            assert sign in consistency(scan, wrong, noise).marks


def test_a_dark_scan_of_few_photons_is_held_too() -> None:
    """Nothing in it is far from the last grey level."""
    scan, picture = scanned(sample(8), 3, 1.0, 0.0, 0.0, 8)
    noise = detector(1.0, 0.0, 0.0)
    told = consistency(scan, picture, noise)
    assert told.agrees and 0.5 < told.misfit < 1.5 and told.worst_sd > 0
    assert not consistency(scan, np.zeros_like(picture), noise).agrees


@pytest.mark.parametrize("shape", [(128, 128), (127, 300), (257, 5), (1, 260)])
def test_a_large_field_is_held_as_a_whole(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(9)
    scan = rng.poisson(4, shape).astype(np.uint16) * 20
    picture = np.full((shape[0] * 2, shape[1] * 2), 80, np.uint16)
    picture[:, shape[1] :] = 110
    noise = detector(20.0, -20.0, 1.0, line_jitter_px=0.2)
    in_blocks = consistency(scan, picture, noise)
    monkeypatch.setattr("pssr_live.trust._SIDE", 1000)
    at_once = consistency(scan, picture, noise)
    np.testing.assert_array_equal(in_blocks.marks, at_once.marks)
    assert in_blocks.facts() == at_once.facts()


def test_noise_that_neighbours_share_is_allowed_for() -> None:
    truth, width = sample(7), 1.0
    photons, gain, offset = 50, 40.0, 100.0
    rng = np.random.default_rng(7)
    mean = photons * scanned_again(truth, (SIDE, SIDE))
    white = rng.standard_normal(mean.shape) * np.sqrt(mean + 0.5)
    line = np.exp(-(np.arange(-6, 7) ** 2) / (2 * width**2))
    line /= np.sqrt((line**2).sum())  # the variance of a pixel stays
    shared = ndimage.convolve1d(white, line, axis=1)
    scan = np.rint(offset + gain * (mean + shared)).astype(np.int16)
    picture = np.rint(offset + gain * photons * truth).astype(np.int16)
    told = consistency(scan, picture, detector(gain, offset, 0, noise_width_px=width))
    blind = consistency(scan, picture, detector(gain, offset, 0))
    assert told.agrees and not blind.agrees
    assert told.worst_sd < 0.7 * blind.worst_sd


def test_displaced_lines_are_allowed_for() -> None:
    truth = np.tile(np.where(np.arange(512) % 128 < 64, 0.1, 1.0), (512, 1))
    truth = ndimage.gaussian_filter1d(truth, 6, axis=1)
    rng = np.random.default_rng(8)
    lines = scanned_again(truth, (SIDE, SIDE))
    moved = np.stack([ndimage.shift(a, 0.5, mode="nearest") for a in lines])
    scan = np.rint(100 + 40 * rng.poisson(200 * moved.clip(0))).astype(np.int16)
    picture = np.rint(100 + 40 * 200 * truth).astype(np.int16)
    noise = detector(40.0, 100.0, 0.0)
    told = detector(40.0, 100.0, 0.0, line_jitter_px=0.5)
    assert not consistency(scan, picture, noise).agrees
    assert consistency(scan, picture, told).agrees


@pytest.mark.parametrize(
    ("calibrated_um", "scanned_um", "jitter_px"),
    [(0.05, 0.2, 0.1), (0.2, 0.2, 0.4), (None, 0.2, 0.4), (0.05, None, 0.4)],
)
def test_lines_are_displaced_as_far_in_the_sample(
    calibrated_um: float | None, scanned_um: float | None, jitter_px: float
) -> None:
    scan, picture = scanned(sample(9), 100, 40.0, 100.0, 12.0, 9)
    told = detector(40.0, 100.0, 12.0, line_jitter_px=0.4, pixel_size_um=calibrated_um)
    wanted = detector(40.0, 100.0, 12.0, line_jitter_px=jitter_px)
    frame = Frame(scan, 0, pixel_size_um=scanned_um)
    found = judged(frame, picture, {"": told})
    assert found is not None
    assert found.facts() == consistency(scan, picture, wanted).facts()
    other = detector(40.0, 100.0, 12.0)
    assert found.misfit < consistency(scan, picture, other).misfit


@given(
    st.integers(1, 24),
    st.integers(1, 24),
    st.sampled_from([1, 2, 3, 4, 8]),
    st.sampled_from(["uint8", "uint16", "int16"]),
    st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_any_shape_scale_and_type(
    height: int, width: int, scale: int, dtype: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scan = rng.integers(20, 120, (height, width)).astype(dtype)
    picture = scan.repeat(scale, 0).repeat(scale, 1)
    np.testing.assert_array_equal(scanned_again(picture, scan.shape), scan)
    found = consistency(scan, picture, detector(2.0, 10.0, 1.0))
    assert (found.misfit, found.worst_sd, found.doubtful_share) == (0, 0, 0)
    assert found.marks.shape == scan.shape and found.marks.dtype == np.int8


@pytest.mark.parametrize("shape", [(7, 8), (8, 7), (2, 2), (8, 16)])
def test_pictures_of_other_fields_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(SettingsError, match="whole number of times larger"):
        consistency(
            np.zeros((4, 4), np.uint16),
            np.zeros(shape, np.uint16),
            detector(1.0, 0.0, 1.0),
        )


def facts(misfit: float, worst: float, share: float) -> dict[str, float]:
    return {"misfit": misfit, "worst_sd": worst, "doubtful_share": share}


def test_the_agreement_of_a_run() -> None:
    good, bad = facts(0.9, 3.0, 0.0), facts(1.1, 8.0, 0.03)
    noises = {"": detector(1.0, 0.0, 1.0, source="c.toml")}
    told = agreement({5: good, 2: bad, 9: good, 4: bad}, noises)
    assert told == {
        "calibration": asdict(noises[""]),
        "frames": 4,
        "frames_doubtful": 2,
        "misfit_median": 1.0,
        "worst": {"ordinal": 2, **bad},
        "doubtful_ordinals": [2, 4],
    }


def test_the_worst_frame_is_one_that_is_marked() -> None:
    """Noise so low that a difference of no account is many times as much."""
    bright, bad = facts(0.9, 30.0, 0.0), facts(1.0, 8.0, 0.03)
    told = agreement({0: bright, 1: bad}, {"": detector(1.0, 0.0, 1.0)})
    assert told["worst"]["ordinal"] == 1
    assert told["misfit_median"] == 0.95


@pytest.mark.parametrize(
    ("held", "said"),
    [(0, "None of 6 restored frames were held"), (2, "Only 2 of 6"), (6, "")],
)
def test_frames_that_nothing_was_known_of_are_told(held: int, said: str) -> None:
    noises = {"GFP": detector(1.0, 0.0, 1.0)}
    told = agreement(dict.fromkeys(range(held), facts(0.9, 3.0, 0.0)), noises)
    found = " ".join(doubts(told, noises, 6))
    assert said in found and ("of the channels GFP" in found) == bool(said)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([facts(0.9, 3, 0)] * 100, []),
        ([facts(0.9, 3, 0)] * 99 + [facts(0.9, 5.2, 1e-4)], []),
        ([facts(0.9, 3, 0)] * 9 + [facts(0.9, 8, 1e-2)], ["1 of 10 restored frames"]),
        ([facts(0.2, 1, 0)] * 5, ["only 0.2 times the variance"]),
        ([facts(0.55, 2, 0)] * 5, []),
        ([facts(2.0, 4, 0)] * 5, ["2.0 times the variance"]),
        ([facts(3.0, 9, 0.5)], ["1 of 1 restored frames", "3.0 times the variance"]),
    ],
)
def test_what_is_said_of_a_run(frames: list[dict[str, float]], said: list[str]) -> None:
    noises = {"": detector(1.0, 0.0, 1.0)}
    found = doubts(agreement(dict(enumerate(frames)), noises), noises, len(frames))
    assert len(found) == len(said)
    assert all(part in whole for part, whole in zip(said, found, strict=True))
    assert doubts(agreement({}, noises), {}, 5) == doubts({}, noises, 0) == []
