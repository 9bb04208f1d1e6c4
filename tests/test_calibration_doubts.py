"""Stacks that are not as a detector gives them: a right value, a note, or a refusal."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from test_calibration_repeats import off_by

from pssr_live.calibration.repeats import fit_repeats
from pssr_live.calibration.stack import without_odd
from pssr_live.errors import SettingsError
from pssr_live.samples.sample import make_sample
from pssr_live.scanners.simulated import ScanRecord, ScanSettings
from pssr_live.scanners.simulated.beam import brightness, detected

SETTINGS = ScanSettings(resolution=256, seed=3)
Frames = np.ndarray


@pytest.fixture(scope="module")
def seen() -> Frames:
    sample = make_sample("mito", SETTINGS.seed, SETTINGS.optics.field_um)
    return brightness(sample, ScanRecord(0, SETTINGS, 0, 0))


def scan(seen: Frames, number: int, settings: ScanSettings = SETTINGS) -> Frames:
    return detected(seen.astype(np.float32), ScanRecord(number, settings, 0, 0))


def stack(
    seen: Frames,
    change: Callable[[Frames, int], Frames] = lambda seen, n: seen,
    many: int = 8,
) -> Frames:
    return np.stack([scan(change(seen, n), n) for n in range(many)])


def displaced(seen: Frames, n: int) -> Frames:
    way = np.random.default_rng(n).normal(0, 0.3, 2)
    moved: Frames = shift(seen, way, order=3, mode="nearest")
    return moved


STILL_RIGHT: dict[str, Callable[[Frames], Frames]] = {
    "2 frames": lambda seen: stack(seen, many=2),
    "shocks of 0.3 pixels": lambda seen: stack(seen, displaced),
    "bleaching by 1 % a frame": lambda seen: stack(seen, lambda s, n: s * 0.99**n),
    "saturated in 1 % of the pixels": lambda seen: np.minimum(
        frames := stack(seen), int(np.percentile(frames, 99))
    ),
    "one dark frame": lambda seen: stack(seen, lambda s, n: s * (n != 5)),
    "one frame elsewhere": lambda seen: stack(
        seen, lambda s, n: np.roll(s, 7 * (n == 2), axis=1)
    ),
}


@pytest.mark.parametrize("name", STILL_RIGHT)
def test_what_differs_between_frames_is_not_taken_for_noise(
    name: str, seen: Frames
) -> None:
    fit = fit_repeats(STILL_RIGHT[name](seen)).calibration
    assert off_by(fit.gain_adu_per_photon, SETTINGS.gain_adu) < 0.05
    if fit.offset_adu is not None:
        assert off_by(fit.offset_adu, SETTINGS.offset_adu) < 0.05
        assert off_by(fit.read_noise_adu, SETTINGS.read_noise_adu) < 0.05


def test_a_black_border_is_no_running_average(seen: Frames) -> None:
    frames = stack(seen)
    frames[:, :40] = 0
    fit = fit_repeats(frames).calibration
    assert off_by(fit.gain_adu_per_photon, SETTINGS.gain_adu) < 0.1
    assert not any("running averages" in note for note in fit.notes)


def test_eight_bits_are_enough(seen: Frames) -> None:
    settings = replace(
        SETTINGS, gain_adu=3, offset_adu=9, read_noise_adu=0.9, photons_per_us=15
    )
    frames = np.stack([scan(seen, n, settings) for n in range(8)])
    fit = fit_repeats(frames.clip(0, 255).astype(np.uint8)).calibration
    assert off_by(fit.gain_adu_per_photon, 3) < 0.05


def test_noise_below_a_grey_level_is_said(seen: Frames) -> None:
    settings = replace(
        SETTINGS, gain_adu=0.2, offset_adu=10, read_noise_adu=0.03, photons_per_us=60
    )
    frames = np.stack([scan(seen, n, settings) for n in range(8)])
    notes = fit_repeats(frames.astype(np.uint8)).calibration.notes
    assert any("smaller than the steps" in note for note in notes)


def averaged(frames: Frames) -> Frames:
    """Average over time as some programs display: little of each new frame."""
    kept = [frames[0].astype(float)]
    for frame in frames[1:]:
        kept.append(0.15 * kept[-1] + 0.85 * frame)
    return np.rint(np.stack(kept)).astype(np.uint16)


NOTED: dict[str, Callable[[Frames], Frames]] = {
    "goes on in the next": averaged,
    "neighbouring pixels is alike": lambda frames: np.rint(
        gaussian_filter(frames.astype(float), (0, 0.5, 0.5))
    ).astype(np.uint16),
    "are 16 apart": lambda frames: frames >> 4 << 4,
    "levels of brightness are left out": lambda frames: np.minimum(
        frames, int(np.percentile(frames, 99))
    ),
    r"frame 4\.": lambda frames: np.insert(frames, 4, frames[0] + 300, axis=0),
}


@pytest.mark.parametrize("words", NOTED)
def test_what_was_done_to_frames_is_said(words: str, seen: Frames) -> None:
    clean, changed = stack(seen), NOTED[words](stack(seen))
    told = "\n".join(fit_repeats(changed).calibration.notes)
    assert re.search(words, told), told
    assert not re.search(words, "\n".join(fit_repeats(clean).calibration.notes))


REFUSED: dict[str, Callable[[Frames], Frames]] = {
    "Frames 0 and 1 of the stack are the same": lambda f: np.stack([f[0], f[0], f[1]]),
    "Frame 1 of the stack .* shows": lambda f: np.stack([f[0], f[1] // 4, f[2]]),
    "moves or fades": lambda f: np.stack([np.roll(f[n], 2 * n, 1) for n in range(4)]),
    "running average": lambda f: np.stack(
        [np.rint(f[n : n + 4].mean(0)) for n in range(5)]
    ).astype(np.uint16),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_can_give_no_value_is_refused(words: str, seen: Frames) -> None:
    with pytest.raises(SettingsError, match=words):
        fit_repeats(REFUSED[words](stack(seen)))


def test_nobody_is_odd_among_three(seen: Frames) -> None:
    frames = stack(seen, lambda s, n: s * (n != 1), many=3)
    assert len(without_odd(frames)[0]) == 3
    assert without_odd(stack(seen))[1] == ()


def dark_like(mean: float, sd: float, shape: tuple[int, ...] = (2, 80, 80)) -> Frames:
    values = np.random.default_rng(1).normal(mean, sd, shape)
    return np.rint(values).astype(np.uint16)


@pytest.mark.parametrize(
    ("dark", "words"),
    [
        (dark_like(100, 12).astype(np.uint8), "uint8 and the repeats uint16"),
        (dark_like(100, 12)[:, :20], "20 x 80"),
        (np.full((2, 80, 80), 100, np.uint16), "value 100 in all"),
        (dark_like(400, 12), "brighter than the darkest"),
    ],
)
def test_dark_frames_that_do_not_belong(dark: Frames, words: str, seen: Frames) -> None:
    with pytest.raises(SettingsError, match=words):
        fit_repeats(stack(seen, many=3), dark=dark)


def test_dark_frames_of_another_size_give_their_levels(seen: Frames) -> None:
    fit = fit_repeats(stack(seen, many=3), dark=dark_like(100, 12)).calibration
    assert off_by(fit.offset_adu, 100) < 0.005
    assert off_by(fit.read_noise_adu, 12) < 0.02
