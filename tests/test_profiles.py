"""Scanner profiles: reading them, and proving them on real cores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli import Cli
from sessions import LIVE, timelapse

from pssr_live.errors import ScannerError
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.profile_check import Finding, check_profile
from pssr_live.scanners.profiles import (
    Beam,
    Profile,
    cost_of,
    load_profile,
    profile_files,
)
from pssr_live.scanners.profiles.on_core import read_beam, set_density
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.session_plan import plan_session
from pssr_live.scanners.simulated import simulated_config

EXAMPLES = Path(__file__).parents[1] / "examples"
PROFILE = """
name = "mine"
camera = "Scanner"
[density]
property = "Resolution"
high = 512
low = 128
values = [128, 512]
[dwell]
property = "Dwell_us"
unit = "us"
[timing]
exposure_is_frame_time = true
line_overhead_us = 100
"""


@pytest.fixture(scope="module")
def scanner() -> Iterator[ScanCore]:
    core = open_core(simulated_config())
    core.setProperty("Scanner", "Resolution", 256)
    core.setProperty("Scanner", "Dwell_us", 0.5)
    yield core
    close_core(core)


@pytest.fixture(scope="module")
def demo_camera() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    core.setProperty("Camera", "Binning", 2)
    core.setProperty("Camera", "FastImage", 1)
    yield core
    close_core(core)


def profile_of(tmp_path: Path, *changes: tuple[str, str]) -> Profile:
    text = PROFILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_profile(path)


# -- reading -------------------------------------------------------------------------


def test_the_shipped_profiles_are_found_and_sound() -> None:
    assert {"simulated", "democamera", "openscan"} <= set(profile_files())
    for name, path in profile_files().items():
        assert load_profile(name).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "", "wrong at name: it is missing"),
        ("high = 512", 'high = "lots"', "wrong at density.high: Input .*got 'lots'"),
        ("high = 512", "hihg = 512", "wrong at density.high: it is missing"),
        ("low = 128", "low = 128\nzoom = 3", "at density.zoom: there is no such entry"),
        ("low = 128", "low = 100", "at density: `low` is not among its own values"),
        ("[128, 512]", "[512, 128]\nlimits = [1, 9]", "either `values` or `limits`"),
        ("values = [128, 512]", "", "at density: give either `values` or `limits`"),
        ("values = [128, 512]", "values = [128, 500]\nhigh = 500", "Cannot overwrite"),
        ("low = 128", 'low = 128\ncounts = "binning"', "with more pixels at `high`"),
        ('unit = "us"', 'unit = "s"', "at dwell.unit: Input should be 'us' or 'Hz'"),
        ("line_overhead_us = 100", "line_overhead_us = -1", "at timing.line_overh"),
        (
            "line_overhead_us = 100",
            "line_overhead_us = inf",
            "should be a finite number",
        ),
        (
            'unit = "us"',
            'unit = "us"\nlimits_us = [20, 0.8]',
            "20 to 0.8 are no limits",
        ),
        ('unit = "us"', 'unit = "us"\nlimits_us = [1, nan]', "1 to nan are no limits"),
        ("values = [128, 512]", "limits = [512, 32]", "`limits` fall: give the small"),
        ("[density]", "[density", "cannot be read: .*see docs/profiles.md"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ScannerError, match=message) as caught:
        profile_of(tmp_path, (old, new))
    assert "\n" not in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_profile_without_any_frame_time(tmp_path: Path) -> None:
    text = PROFILE.split("[dwell]")[0]
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ScannerError, match="as a whole: the frame time is not known"):
        load_profile(tmp_path / "mine.toml")


@pytest.mark.parametrize("name", ["nope", "nope.toml", "."])
def test_a_profile_that_is_not_there(name: str) -> None:
    with pytest.raises(ScannerError, match=r"no profile .*give one of .*simul"):
        load_profile(name)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ScannerError, match="cannot be read"):
        load_profile(tmp_path / "mine.toml")


def test_the_profile_in_the_guide_is_sound(tmp_path: Path) -> None:
    guide = (EXAMPLES.parent / "docs" / "profiles.md").read_text("utf-8")
    (tmp_path / "guide.toml").write_text(guide.split("```toml")[1].split("```")[0])
    assert load_profile(tmp_path / "guide.toml").density_for(4) == 256


# -- what follows from one -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scale", "density"),
    [
        ("simulated", 4, 128),
        ("simulated", 2, 256),
        ("openscan", 4, 256),
        ("democamera", 4, 4),
        ("democamera", 8, 8),
    ],
)
def test_the_density_for_a_model(name: str, scale: int, density: int) -> None:
    profile = load_profile(name)
    assert profile.density_for(scale) == density
    assert profile.density.scale_of(density) == scale


@pytest.mark.parametrize(("name", "scale"), [("openscan", 8), ("simulated", 3)])
def test_a_density_that_the_scanner_lacks(name: str, scale: int) -> None:
    message = f"enlarges {scale} times .* has no density .*it knows .*choose a model"
    with pytest.raises(ScannerError, match=message):
        load_profile(name).density_for(scale)


def test_the_cost_of_a_frame_has_the_line_overhead_in_it() -> None:
    """2048 lines of 2048 + 178 samples at 1.25 MHz, as the adapter scans them."""
    openscan = load_profile("openscan")
    full, low = (cost_of(openscan, (n, n), Beam(0.8, 1, 0)) for n in (2048, 512))
    assert full.time_ms == pytest.approx(3647.1, abs=0.1)
    assert full.time_ms / low.time_ms == pytest.approx(12.9, abs=0.05)
    assert full.dose_us / low.dose_us == 16


def test_a_camera_pays_its_exposure_at_any_density() -> None:
    camera = load_profile("democamera")
    costs = [cost_of(camera, (n, n), Beam(None, 1, 25.0)) for n in (512, 128)]
    assert [cost.time_ms for cost in costs] == [25, 25]
    assert costs[0].dose_us == costs[1].dose_us


# -- on a core -----------------------------------------------------------------------


def without_times(findings: list[Finding]) -> list[Finding]:
    """Leave out what a busy computer makes longer."""
    return [f for f in findings if not f.what.endswith("frame time")]


def faults(findings: list[Finding]) -> dict[str, str]:
    return {f.what: f.said for f in without_times(findings) if not f.good}


def test_the_simulated_scanner_is_as_its_profile_says(scanner: ScanCore) -> None:
    findings = check_profile(scanner, load_profile("simulated"))
    assert faults(findings) == {}
    said = {f.what: f.said for f in findings}
    assert said["high density"] == "512 x 512 pixels"
    assert said["pixel size"] == "0.05 um high, 0.2 um low"
    assert "ms by the profile" in said["low frame time"]
    assert said["dose"] == "16.0 times less, by the profile"
    assert scanner.getProperty("Scanner", "Resolution") == 256


def test_the_demo_camera_is_as_its_profile_says(demo_camera: ScanCore) -> None:
    findings = check_profile(demo_camera, load_profile("democamera"))
    assert faults(findings) == {}
    assert demo_camera.getProperty("Camera", "Binning") == "2"


def test_a_camera_written_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    from python_scanner import PROFILE as path
    from python_scanner import VendorSem, sem_core

    sem = VendorSem()
    core = sem_core(sem)
    assert faults(check_profile(core, load_profile(path))) == {}
    assert (sem.pixels, sem.dwell_s) == (512, 0.2e-6)
    core.setProperty("SEM", "Pixels", "256")  # as a .cfg file has it
    assert core.getPixelSizeUm() == 0.01
    core.snapImage()
    assert core.getImage().shape == (256, 256)
    assert core.getImage().dtype == np.uint8
    close_core(core)


@pytest.mark.parametrize(
    ("old", "new", "what", "said"),
    [
        ('"Scanner"', '"OSc-LSM"', "camera", "microscope's is 'Scanner': give another"),
        ('"Dwell_us"', '"Dwel"', "dwell", "Scanner-Dwel, which does not exist; there"),
        ('"Dwell_us"', '"PixelSize_um"', "dwell", "which can only be read"),
        ('"Dwell_us"', '"Sample"', "dwell now", "Scanner-Sample .* gives no number"),
        (
            'unit = "us"',
            'unit = "us"\nlimits_us = [2, 9]',
            "dwell now",
            "is at 0.5 us a pixel .* knows 2 to 9 us: set it within them",
        ),
        ("100", "900", "low exposure", "ms told, .* ms by the profile"),
        ("128", "16", "low density", "cannot set Scanner-Resolution to 16: .*choose"),
        (
            "[timing]",
            '[averages]\ndevice="Odd"\nproperty="Any"\n[timing]',
            "averages",
            "names the device 'Odd'; the microscope has Scanner, Core",
        ),
        (
            'camera = "Scanner"',
            'camera = "Scanner"\ndetectors=["a", "b"]',
            "detectors",
            "2 in",
        ),
    ],
)
def test_what_a_profile_gets_wrong_is_found(
    scanner: ScanCore, tmp_path: Path, old: str, new: str, what: str, said: str
) -> None:
    wrong = faults(check_profile(scanner, profile_of(tmp_path, (old, new))))
    assert re.search(said, wrong[what])
    assert scanner.getProperty("Scanner", "Resolution") == 256


def test_a_property_that_crops_is_no_density(
    demo_camera: ScanCore, tmp_path: Path
) -> None:
    profile = profile_of(
        tmp_path,
        ('"Scanner"', '"Camera"'),
        ('"Resolution"', '"OnCameraCCDXSize"'),
        ('[dwell]\nproperty = "Dwell_us"\nunit = "us"\n', ""),
    )
    wrong = faults(check_profile(demo_camera, profile))
    assert "is a ROI set?" in wrong["low density"]
    assert "1 times and not 4 times, correct the config" in wrong["pixel size"]
    assert demo_camera.getProperty("Camera", "OnCameraCCDXSize") == "512"


def test_a_value_that_the_device_changes_in_silence(
    scanner: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "setProperty", lambda *words: None)
    with pytest.raises(ScannerError, match="was set to 128 and reads 256: correct the"):
        set_density(scanner, load_profile("simulated"), 128)


def test_a_dwell_of_nothing(scanner: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "getProperty", lambda *words: "0")
    with pytest.raises(ScannerError, match="Scanner-Dwell_us reads 0: set it above 0"):
        read_beam(scanner, load_profile("simulated"))


@pytest.mark.parametrize("passes", [0, 2.5])
def test_a_property_that_counts_no_passes(
    scanner: ScanCore, tmp_path: Path, passes: float
) -> None:
    averages = '[averages]\nproperty = "Rest_ms"\n[timing]'
    profile = profile_of(tmp_path, ("[timing]", averages))
    scanner.setProperty("Scanner", "Rest_ms", passes)
    try:
        said = {f.what: f.said for f in check_profile(scanner, profile)}
    finally:
        scanner.setProperty("Scanner", "Rest_ms", 0)
    assert said["high density"].startswith(
        f"Scanner-Rest_ms reads {passes:g}, which is no number of passes over a frame: "
    )


def test_a_property_that_leaves_the_scan_as_it_is(
    scanner: ScanCore, tmp_path: Path
) -> None:
    """Dose and time would be told 16 times less, with nothing saved."""
    profile = profile_of(tmp_path, ("Resolution", "Offset_ADU"))
    with pytest.raises(
        ScannerError, match="Offset_ADU is set to 128 and the scan has 256"
    ):
        plan_session(scanner, timelapse(2), Restorer(LIVE), tmp_path, profile)
    [said] = [f for f in check_profile(scanner, profile) if f.what == "same field"]
    assert said.said == "256 x 256 high and 256 x 256 low, not 4 times fewer each way"


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_check_that_is_broken_off_puts_everything_back(
    scanner: ScanCore, kind: type[BaseException]
) -> None:
    def interrupt(what: str) -> None:
        if "low" in what:
            assert scanner.getProperty("Scanner", "Resolution") == 512
            raise kind

    with pytest.raises(kind):
        check_profile(scanner, load_profile("simulated"), interrupt)
    assert scanner.getProperty("Scanner", "Resolution") == 256
    assert not scanner.isSequenceRunning()


def test_a_camera_that_does_not_scan(
    scanner: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*words: object) -> None:
        raise RuntimeError("no beam")

    monkeypatch.setattr(scanner, "startSequenceAcquisition", fail)
    wrong = faults(check_profile(scanner, load_profile("simulated")))
    sentence = "The camera 'Scanner' does not scan: no beam."
    assert wrong == {"high density": sentence, "low density": sentence}


# -- the command ---------------------------------------------------------------------


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def test_profiles_are_listed(cli: Cli) -> None:
    assert "openscan" in cli("profile", "list").out
    assert cli("profile", "list", "--json").json["openscan"]["camera"] == "OSc-LSM"


def test_the_command_checks(cli: Cli, tmp_path: Path) -> None:
    told = cli("profile", "check", "democamera", "-c", "MMConfig_demo.cfg", "--json")
    names = [f["what"] for f in told.json["findings"]]
    assert names[0] == "camera" and names[-1] == "put back"
    told = cli("profile", "check", "openscan")
    assert told.code == 1 and "OSc-LSM" in told.out
    cli("profile", "check", "nope").assert_refused("There is no profile 'nope'")
    cli("profile", "check", "simulated", "-c", "no.cfg").assert_refused("no.cfg")
