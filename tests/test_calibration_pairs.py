"""What a low-density scan makes of a high-density one, and the command."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli
from PIL import Image

from pssr_live.calibration.as_recipe import recipe_of
from pssr_live.calibration.pairs import fit_pair
from pssr_live.calibration.stack import read_frames
from pssr_live.calibration.values import Calibration, Measured
from pssr_live.errors import SettingsError
from pssr_live.samples.sample import make_sample
from pssr_live.scanners.simulated import ScanRecord, ScanSettings
from pssr_live.scanners.simulated.beam import brightness, detected

SHIFTS = [(0.0, 0.0), (5.3, -9.6), (-7.2, 3.7)]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def pair(
    settings: ScanSettings, scale: int, shift_px: tuple[float, float], ratio: float = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return a (low, high) pair of one moment, the low one's content displaced."""
    sample = make_sample(settings.sample, settings.seed, settings.optics.field_um)
    record = ScanRecord(0, settings, 0, 0)
    high = detected(brightness(sample, record), record)
    coarse = replace(
        settings,
        resolution=settings.resolution // scale,
        gain_adu=settings.gain_adu * ratio,
    )
    pixel = settings.pixel_size_um
    grid = replace(
        coarse.grid(), origin_um=(-shift_px[0] * pixel, -shift_px[1] * pixel)
    )
    times = settings.row_times_s(0, grid.height)
    low = detected(sample.scan(grid, times), ScanRecord(1, coarse, 0, 0))
    return low[None], high[None]


def near(measured: Measured | None, truth: float, reach: float) -> bool:
    assert measured is not None
    return abs(measured.value - truth) < reach


@pytest.mark.parametrize("shift_px", SHIFTS)
@pytest.mark.parametrize(
    ("sample", "photons"), [("mito", 20.0), ("mito", 100.0), ("em", 100.0)]
)
def test_shift_and_grey_levels_are_found(
    sample: str, photons: float, shift_px: tuple[float, float]
) -> None:
    settings = ScanSettings(
        sample=sample, photons_per_us=photons, resolution=256, gain_adu=8
    )
    fit = fit_pair(*pair(settings, 2, shift_px, 1.3)).calibration
    assert near(fit.shift_y_px, shift_px[0], 0.25)
    assert near(fit.shift_x_px, shift_px[1], 0.25)
    assert near(fit.gain_ratio, 1.3, 0.065)


def test_the_blur_between_two_scans_is_found() -> None:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(2)
    field = gaussian_filter(rng.normal(size=(256, 256)), 1.5)
    field = 100 + 30 * (field - field.mean()) / field.std()
    soft = gaussian_filter(field, (1.0, 2.0))[::2, ::2] + rng.normal(0, 2, (128, 128))
    high = np.rint((field + rng.normal(0, 5, field.shape)) * 20).clip(0)
    fit = fit_pair(
        np.rint(soft * 10 + 50).astype(np.uint16)[None], high.astype(np.uint16)[None]
    ).calibration
    assert near(fit.blur_y_px, 1.0, 0.15) and near(fit.blur_x_px, 2.0, 0.15)
    assert near(fit.shift_y_px, 0.5, 0.05)  # the centres of [::2] are not of 2 x 2
    assert near(fit.gain_ratio, 0.5, 0.02) and near(fit.offset_difference_adu, 50, 30)


def test_pairs_that_are_none() -> None:
    low, high = pair(ScanSettings(resolution=256), 2, (0, 0))
    other, _ = pair(ScanSettings(resolution=256, seed=9), 2, (0, 0))
    with pytest.raises(SettingsError, match="no whole ratio"):
        fit_pair(low[:, :100], high)
    with pytest.raises(SettingsError, match="correlation of"):
        fit_pair(other, high)


def blotches(side: int) -> np.ndarray:
    """Return a scan of large and small blotches, 16 bits, without noise."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(4)
    sizes = (3, 40)
    fields = [gaussian_filter(rng.normal(size=(side, side)), px) for px in sizes]
    field = sum(f / f.std() for f in fields)
    return np.rint(4000 + 700 * field).clip(0).astype(np.uint16)


@pytest.mark.parametrize(
    ("turn", "how"),
    [
        (lambda a: a[:, ::-1], "mirrored left to right"),
        (lambda a: np.rot90(a), "turned by 90 degrees to the right"),
        (lambda a: a[::-1, ::-1], "turned by 180 degrees"),
    ],
)
def test_scans_that_are_turned_or_mirrored_are_named(turn: Any, how: str) -> None:
    high = blotches(256)
    low = turn(high[::2, ::2]).copy()
    with pytest.raises(SettingsError, match=how):
        fit_pair(low[None], high[None])


def test_a_zoom_is_not_taken_for_blur(tmp_path: Path) -> None:
    from scipy.ndimage import affine_transform

    high = blotches(512)
    middle = (len(high) - 1) / 2
    zoomed = affine_transform(
        high.astype(np.float64), [0.96, 0.96], offset=middle * 0.04, mode="mirror"
    )
    low = np.rint(zoomed[::2, ::2]).astype(np.uint16)
    fit = fit_pair(low[None], high[None]).calibration
    assert fit.blur_y_px is None and fit.blur_x_px is None
    said = fit.not_identifiable["blur_y_px"]
    zoom = float(re.search(r"zoomed by ([+-][\d.]+) %", said).group(1))  # type: ignore[union-attr]
    assert abs(zoom - 4) < 1
    fit.write(tmp_path / "calibration.toml")
    with pytest.raises(SettingsError, match=r"tell the blur.* as if one was zoomed"):
        recipe_of(tmp_path / "calibration.toml", 2)
    plain = fit_pair(high[None, ::2, ::2], high[None]).calibration
    assert near(plain.blur_y_px, 0, 0.5)


def test_pixel_sizes_that_contradict_the_shapes_are_noted(
    cli: Cli, tmp_path: Path
) -> None:
    high = blotches(256)
    for name, pixels, um in (("low", high[::2, ::2], 0.4), ("high", high, 0.1)):
        about = {"axes": "YX", "PhysicalSizeX": um, "PhysicalSizeY": um}
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, ome=True, metadata=about)
    words = ("calibrate", "--low", tmp_path / "low.tif", "--high")
    done = cli(*words, tmp_path / "high.tif", "-o", tmp_path / "out")
    assert done.code == 0, done
    assert "a coarse pixel is 4 dense ones wide, by their shapes 2" in done.out


def test_the_command_writes_a_calibration_and_its_picture(
    cli: Cli, tmp_path: Path
) -> None:
    low, high = pair(ScanSettings(resolution=256), 2, (4, -6))
    for name, pixels in (("low", low), ("high", high)):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
    words = (
        "calibrate",
        "--low",
        tmp_path / "low.tif",
        "--high",
        tmp_path / "high.tif",
    )
    done = cli(*words, "-o", tmp_path / "out", "--json")
    assert done.code == 0, done
    read = Calibration.read(tmp_path / "out" / "calibration.toml")
    assert done.json == read.model_dump(mode="json")
    with Image.open(tmp_path / "out" / "calibration.png") as picture:
        assert picture.width > 1000
    assert len(list((tmp_path / "out").iterdir())) == 2
    cli(*words, "-o", tmp_path / "out").assert_refused("--overwrite")


def test_the_command_fits_repeats(cli: Cli, tmp_path: Path) -> None:
    settings = ScanSettings(resolution=256)
    sample = make_sample("mito", 0, settings.optics.field_um)
    seen = brightness(sample, ScanRecord(0, settings, 0, 0))
    frames = [detected(seen, ScanRecord(n, settings, 0, 0)) for n in range(4)]
    tifffile.imwrite(tmp_path / "s.tif", np.stack(frames), photometric="minisblack")
    done = cli(
        *("calibrate", "--repeats", tmp_path / "s.tif", "-o", tmp_path / "out"),
        *("--pixel-size-um", 0.1),
    )
    assert done.code == 0, done
    assert "gain_adu_per_photon" in done.out
    assert (tmp_path / "out" / "calibration.png").exists()


def test_the_command_refuses_and_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", np.eye(64, dtype=np.uint16))
    out = tmp_path / "out"
    one = tmp_path / "one.tif"
    cli("calibrate", "--repeats", one, "-o", out).assert_refused(
        "1 frame", "at least 2"
    )
    cli("calibrate", "--repeats", one, "--low", one, "-o", out).assert_refused("either")
    cli("calibrate", "--low", one, "-o", out).assert_refused("either")
    cli("calibrate", "--repeats", tmp_path / "no.tif", "-o", out).assert_refused(
        "no.tif"
    )
    cli(
        *("calibrate", "--repeats", one, "-o", out, "--pixel-size-um", "-1")
    ).assert_refused("micrometres")
    assert not out.exists()


def test_a_full_disk_leaves_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low, high = pair(ScanSettings(resolution=256), 2, (4, -6))
    for name, pixels in (("low", low), ("high", high)):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
    words = ("calibrate", "--low", tmp_path / "low.tif")
    words += ("--high", tmp_path / "high.tif", "-o")

    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.rglob("*"))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)  # the second of the two files
        refused = cli(*words, tmp_path / "new" / "out")
    refused.assert_refused("No space left")
    assert sorted(tmp_path.rglob("*")) == before


def test_frames_that_were_not_read_are_named(tmp_path: Path) -> None:
    stack = np.arange(20 * 64 * 64).reshape(20, 64, 64).astype(np.uint16)
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack")
    some = read_frames(tmp_path / "s.tif", most_px=10 * 64 * 64)
    assert len(some.frames) == 10
    assert "first 10 of 20" in some.notes("s.tif")[0]
    assert read_frames(tmp_path / "s.tif").notes("s.tif") == ()
