"""A calibration scans like the instrument that it is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli import Cli

from pssr_live.calibration.as_recipe import dwell_share, recipe_of
from pssr_live.calibration.values import Calibration, Measured, Source
from pssr_live.crappifier import Crappifier
from pssr_live.errors import SettingsError

REPEATS = Source(kind="repeats", files=("a.tif",), frames=8, shape_px=(64, 64))
PAIR = Source(kind="pair", files=("a.tif",), frames=1, shape_px=(64, 64), scale=4)


def sure(value: float) -> Measured:
    return Measured(value=value, uncertainty=0.0)


def written(folder: Path, calibration: Calibration) -> Path:
    path = folder / "calibration.toml"
    calibration.write(path)
    return path


def instrument(**left_out: None) -> Calibration:
    values = {
        "gain_adu_per_photon": sure(20.0),
        "offset_adu": sure(100.0),
        "read_noise_adu": sure(10.0),
        "bright_adu": sure(1100.0),
    }
    return Calibration(source=REPEATS, **(values | left_out))  # type: ignore[arg-type]


def test_the_noise_is_that_of_the_instrument(tmp_path: Path) -> None:
    recipe = recipe_of(written(tmp_path, instrument()), 4)
    flat = np.full((512, 512), 2000, np.uint16)
    scan = Crappifier(recipe, white=4000, scale=4).scan(flat)
    photons = (1100 - 100) / 20  # at the bright level, so 25 at half of it
    relative = np.hypot(np.sqrt(photons / 2) / photons, 10 / 1000)
    assert scan.std() / 4000 == pytest.approx(relative, rel=0.03)
    assert scan.mean() == pytest.approx(2000, rel=0.01)


def test_jitter_is_counted_in_coarse_pixels(tmp_path: Path) -> None:
    shaky = instrument().model_copy(update={"line_jitter_px": sure(0.2)})
    (jitter, *_) = recipe_of(written(tmp_path, shaky), 4).steps
    assert jitter.kind == "line_jitter" and jitter.sd_px == pytest.approx(0.8)


def test_a_pair_gives_blur_and_dwell(tmp_path: Path) -> None:
    across = np.hypot(1.0, 4 * 0.5 / np.sqrt(12))  # half of a coarse pixel
    pair = Calibration(source=PAIR, blur_y_px=sure(1.0), blur_x_px=sure(across))
    (scan,) = recipe_of(written(tmp_path, pair), 4).steps
    assert scan.kind == "scan" and scan.psf_sigma_px == 1.0
    assert scan.dwell_share == pytest.approx(0.5)


def test_a_beam_that_stands_still_has_no_dwell() -> None:
    assert dwell_share(sure(1.2), sure(1.0), 4).value == 0


@pytest.mark.parametrize(
    ("calibration", "scale", "said"),
    [
        (instrument(offset_adu=None), 4, "how many photons .* with --dark"),
        (Calibration(source=PAIR), 4, "does not tell the blur"),
        (Calibration(source=PAIR), 2, "scale 4 and not 2: pass --scale 4"),
    ],
)
def test_what_is_not_known_is_not_made_up(
    tmp_path: Path, calibration: Calibration, scale: int, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        recipe_of(written(tmp_path, calibration), scale)


def test_the_command_takes_a_calibration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(monkeypatch, capsys)
    path = written(tmp_path, instrument())
    good, scan = tmp_path / "good.tif", tmp_path / "scan.ome.tiff"
    tifffile.imwrite(
        good, np.full((5, 64, 64), 900, np.uint16), photometric="minisblack"
    )
    assert cli("crappify", good, "-o", scan, "--calibration", path).code == 0
    assert tifffile.imread(scan).shape == (5, 16, 16)
    other = ("crappify", good, "-o", tmp_path / "b.ome.tiff", "--calibration", path)
    cli(*other, "--preset", "sem").assert_refused("--calibration", "a whole chain")
