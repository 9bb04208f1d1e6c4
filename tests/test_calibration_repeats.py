"""Instruments are found again in the frames that they took."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fields import smooth_field
from scipy.ndimage import gaussian_filter

from pssr_live.calibration.repeats import fit_repeats
from pssr_live.calibration.spectrum import fit_spectrum
from pssr_live.calibration.stack import check_repeats
from pssr_live.calibration.values import Calibration, Measured, Source
from pssr_live.errors import SettingsError, StorageError
from pssr_live.samples.sample import make_sample
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import ScanRecord, ScanSettings, simulated_config
from pssr_live.scanners.simulated.beam import brightness, detected


def still_frames(settings: ScanSettings, many: int = 8) -> np.ndarray:
    """Return frames of a sample whose time stands still."""
    sample = make_sample(settings.sample, settings.seed, settings.optics.field_um)
    seen = brightness(sample, ScanRecord(0, settings, 0, 0))
    return np.stack(
        [detected(seen, ScanRecord(n, settings, 0, 0)) for n in range(many)]
    )


def off_by(measured: Measured | None, truth: float) -> float:
    assert measured is not None
    return abs(measured.value / truth - 1)


@pytest.fixture(scope="module")
def faint() -> np.ndarray:
    return still_frames(ScanSettings(resolution=256, seed=5))


@pytest.mark.parametrize(
    "settings",
    [
        ScanSettings(),
        ScanSettings(seed=1),
        ScanSettings(
            seed=2, gain_adu=100, offset_adu=150, read_noise_adu=15, photons_per_us=5
        ),
        ScanSettings(sample="em"),
        ScanSettings(sample="em", seed=1, gain_adu=60, offset_adu=200),
    ],
    ids=["mito", "mito-1", "mito-faint", "em", "em-1"],
)
def test_the_simulated_detector_is_found(settings: ScanSettings) -> None:
    fit = fit_repeats(still_frames(settings)).calibration
    assert off_by(fit.gain_adu_per_photon, settings.gain_adu) < 0.05
    assert off_by(fit.offset_adu, settings.offset_adu) < 0.05
    assert off_by(fit.read_noise_adu, settings.read_noise_adu) < 0.05
    # Half of the jitter's variance is linear between knots, which takes a third off.
    jitter_px = settings.line_jitter_ppm * 1e-6 * 512 * np.sqrt(5 / 6)
    if fit.line_jitter_px is not None:
        apart = abs(fit.line_jitter_px.value - jitter_px)
        assert apart < 3 * fit.line_jitter_px.uncertainty


def test_the_real_core_gives_the_same(core: ScanCore) -> None:
    core.setProperty("Scanner", "Sample", "em")  # it drifts a little, that is all
    core.setProperty("Scanner", "Photons_per_us", 8)
    frames = []
    for _ in range(8):
        core.snapImage()
        frames.append(core.getImage())
    fit = fit_repeats(np.stack(frames)).calibration
    assert off_by(fit.gain_adu_per_photon, 40) < 0.05
    assert off_by(fit.offset_adu, 100) < 0.05
    assert off_by(fit.read_noise_adu, 12) < 0.05


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(simulated_config())
    core.setProperty("Scanner", "RealTime", "Off")
    yield core
    close_core(core)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_psf_of_a_sample_of_bodies_is_found(seed: int) -> None:
    settings = ScanSettings(seed=seed, photons_per_us=100)
    fit = fit_spectrum(still_frames(settings).astype(float))
    assert fit.sigma_px is not None
    assert abs(fit.sigma_px / (0.09 / settings.pixel_size_um) - 1) < 0.1


def test_the_psf_of_beads_needs_no_assumption() -> None:
    rng = np.random.default_rng(3)
    field = smooth_field(256, 1.6, rng) * 3 + 12
    frames = rng.poisson(np.maximum(field, 0), (6, 256, 256)).astype(np.uint16) * 10
    fit = fit_spectrum(frames.astype(float), "points")
    assert fit.sigma_px == pytest.approx(1.6, rel=0.05)
    assert fit.error_px is not None and fit.error_px < 0.1


@pytest.mark.parametrize("sigma_px", [1.0, 1.3, 2.0])
def test_the_psf_of_gold_on_carbon_is_found(sigma_px: float) -> None:
    rng = np.random.default_rng(1)
    finer, side = 4, 256
    y, x = np.indices((side * finer, side * finer)) / finer
    gold = np.full(y.shape, 0.15)
    for radius in np.exp(rng.uniform(np.log(3), np.log(16), 120)):
        at = rng.uniform(0, side, 2)
        gold[np.hypot(y - at[0], x - at[1]) < radius] = rng.uniform(0.6, 1)
    seen = gaussian_filter(gold, sigma_px * finer)[2::finer, 2::finer]
    settings = ScanSettings(photons_per_us=40)
    frames = np.stack(
        [
            detected(seen.astype(np.float32), ScanRecord(n, settings, 0, 0))
            for n in range(6)
        ]
    )
    psf = fit_repeats(frames, detail="gold").calibration.psf_sigma_px
    assert off_by(psf, sigma_px) < 0.1
    # Of an unknown sample with such edges less can be said.
    unsure = fit_spectrum(frames.astype(float), "edges").error_px
    assert psf is not None and unsure is not None and psf.uncertainty < unsure


def test_what_cannot_be_told_is_left_out_and_said() -> None:
    settings = ScanSettings(sample="em", gain_adu=10, read_noise_adu=15, resolution=256)
    frames = still_frames(settings)
    fit = fit_repeats(frames).calibration
    assert fit.offset_adu is None and fit.read_noise_adu is None
    assert "--dark" in fit.not_identifiable["offset_adu"]
    assert "beads" in fit.not_identifiable["psf_sigma_px"]
    assert off_by(fit.gain_adu_per_photon, 10) < 0.05


def test_lines_that_stand_still_have_no_jitter() -> None:
    """Of 12 stacks of a few photons at most one may be thought to jitter."""
    told = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        bright = np.exp(1.2 * smooth_field(128, 2, rng))
        photons = rng.poisson(10 * bright, (8, 128, 128))
        frames = 350 + 4 * photons + rng.normal(0, 0.6, photons.shape)
        found = fit_repeats(np.rint(frames).clip(0, 65535).astype(np.uint16))
        told += found.calibration.line_jitter_px is not None
    assert told <= 1


def test_dark_frames_tell_it(faint: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    dark = np.rint(rng.normal(100, 12, (2, 256, 256))).astype(np.uint16)
    fit = fit_repeats(faint, dark=dark).calibration
    assert off_by(fit.offset_adu, 100) < 0.002
    assert off_by(fit.read_noise_adu, 12) < 0.01
    assert "offset_adu" not in fit.not_identifiable


def test_fading_is_not_taken_for_gain(faint: np.ndarray) -> None:
    settings = ScanSettings(resolution=256, seed=5)
    sample = make_sample("mito", 5, settings.optics.field_um)
    seen = brightness(sample, ScanRecord(0, settings, 0, 0))
    fading = np.stack(
        [
            detected(seen * np.float32(0.995**n), ScanRecord(n, settings, 0, 0))
            for n in range(8)
        ]
    )
    still, faded = (fit_repeats(f).calibration for f in (faint, fading))
    assert still.gain_adu_per_photon is not None
    assert off_by(faded.gain_adu_per_photon, still.gain_adu_per_photon.value) < 0.02


def test_pictures_without_an_instrument_in_them_are_refused(faint: np.ndarray) -> None:
    cases = {
        "1 frame": faint[:1],
        "value 7 in all": np.full((3, 64, 64), 7, np.uint16),
        "saturated": np.minimum(faint, 200),
        "needs 64 x 64": faint[:, :40, :40],
        "float32": faint.astype(np.float32),
    }
    for words, frames in cases.items():
        with pytest.raises(SettingsError, match=words):
            check_repeats(frames, "X")


def test_a_calibration_reads_back(tmp_path: Path) -> None:
    source = Source(
        kind="repeats", files=('a "b" \\c é.tif',), frames=2, shape_px=(9, 8)
    )
    written = Calibration(
        source=source,
        gain_adu_per_photon=Measured(value=1e-7, uncertainty=3e22),
        not_identifiable={"offset_adu": "dark\nness"},
        notes=("one", "two"),
    )
    written.write(tmp_path / "c.toml")
    assert Calibration.read(tmp_path / "c.toml") == written


@pytest.mark.parametrize(
    ("text", "words"),
    [("nonsense", "not valid TOML"), ("gain = 3", "no calibration"), (None, "read")],
)
def test_a_file_that_is_no_calibration(
    tmp_path: Path, text: str | None, words: str
) -> None:
    path = tmp_path / "c.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StorageError, match=words):
        Calibration.read(path)
