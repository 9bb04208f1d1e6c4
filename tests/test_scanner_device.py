"""The simulated scanner as a device: properties, files, snaps, regions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pssr_live.errors import ScannerError
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import scanner_of, simulated_config


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(simulated_config())
    core.setProperty("Scanner", "RealTime", "Off")
    yield core
    close_core(core)


def snap(core: ScanCore) -> np.ndarray:
    core.snapImage()
    return core.getImage()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("Resolution", "128", 128),
        ("Dwell_us", "2.5", 2.5),
        ("Zoom", "4", 4.0),
        ("LineOverhead_us", "0", 0.0),
        ("FrameAverages", "4", 4),
        ("Sample", "em", "em"),
        ("Seed", "17", 17),
        ("Photons_per_us", "100", 100.0),
        ("Gain_ADU", "12.5", 12.5),
        ("Offset_ADU", "0", 0.0),
        ("ReadNoise_ADU", "3", 3.0),
        ("LineJitter_ppm", "0", 0.0),
        ("Bleaching_um2_per_ms", "0.1", 0.1),
        ("RealTime", "On", "On"),
    ],
)
def test_properties_take_text_and_tell_it(
    core: ScanCore, name: str, text: str, value: object
) -> None:
    told: list[tuple[str, ...]] = []
    core.events.propertyChanged.connect(lambda *what: told.append(what))
    core.setProperty("Scanner", name, text)
    assert core.getProperty("Scanner", name) == value
    assert ("Scanner", name, str(value)) in told


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Resolution", "500", "Resolution cannot be '500'; choose one of: 32, 64"),
        ("Resolution", "many", "cannot be 'many'; choose one of"),
        ("Dwell_us", "0", "Dwell_us cannot be '0'; give a number from 0.1 to 100"),
        ("FrameAverages", 2.5, "cannot be 2.5; give a whole number from 1 to 16"),
        ("Sample", "yeast", "Sample cannot be 'yeast'; choose one of: mito, em"),
        ("PixelSize_um", "1", "cannot be '1'; it follows from other properties"),
        ("Resolutoin", "128", "has no property 'Resolutoin'; choose one of: Binning"),
    ],
)
def test_bad_values_are_refused_in_one_sentence(
    core: ScanCore, name: str, value: object, message: str
) -> None:
    with pytest.raises(ScannerError, match=message):
        core.setProperty("Scanner", name, value)  # type: ignore[arg-type]


def test_pixel_size_and_frame_time_follow(core: ScanCore) -> None:
    told: list[tuple[str, ...]] = []
    exposures: list[float] = []
    core.events.propertyChanged.connect(lambda *what: told.append(what))
    core.events.exposureChanged.connect(lambda _, ms: exposures.append(ms))
    assert core.getPixelSizeUm() == pytest.approx(0.05)
    core.setProperty("Scanner", "Resolution", "128")
    core.setProperty("Scanner", "Zoom", "2")
    assert core.getPixelSizeUm() == core.getProperty("Scanner", "PixelSize_um") == 0.1
    assert core.getPixelSizeAffine() == (0.1, 0, 0, 0, 0.1, 0)
    assert core.getExposure() == core.getProperty("Scanner", "FrameTime_ms") == 29.184
    assert ("Scanner", "FrameTime_ms", "29.184") in told
    assert exposures[0] == 29.184
    assert core.getPropertyFromCache("Scanner", "FrameTime_ms") == 29.184


def test_an_exposure_is_accepted_and_tells_the_frame_time(core: ScanCore) -> None:
    exposures: list[float] = []
    core.events.exposureChanged.connect(lambda _, ms: exposures.append(ms))
    core.setExposure(10)
    assert core.getExposure() == pytest.approx(313.344)
    assert exposures == [core.getExposure()]


@pytest.mark.parametrize("sample", ["mito", "em"])
@pytest.mark.parametrize("resolution", [32, 128, 1024])
def test_a_snap_has_the_scans_shape(
    core: ScanCore, sample: str, resolution: int
) -> None:
    core.setProperty("Scanner", "Sample", sample)
    core.setProperty("Scanner", "Resolution", resolution)
    image = snap(core)
    assert image.shape == (resolution, resolution)
    assert image.dtype == np.uint16
    assert image.std() > 20


def test_a_region_is_a_part_of_the_field(core: ScanCore) -> None:
    for name in ("ReadNoise_ADU", "LineJitter_ppm", "Bleaching_um2_per_ms"):
        core.setProperty("Scanner", name, 0)
    core.setProperty("Scanner", "Resolution", 128)
    core.setROI(20, 40, 64, 32)
    assert core.getROI() == [20, 40, 64, 32]
    assert core.getExposure() == pytest.approx(32 * 0.164)
    assert snap(core).shape == (32, 64)
    scanner = scanner_of(core)
    part = scanner.truth(0)
    core.clearROI()
    core.setProperty("Scanner", "Seed", 0)  # the sample's time is 0 again
    snap(core)
    assert part.shape == (128, 256)
    whole = scanner.truth(0)[160:288, 80:336]
    assert np.abs(part - whole).max() < 0.1 * np.ptp(whole)
    assert np.corrcoef(part.ravel(), whole.ravel())[0, 1] > 0.999


def test_a_region_is_cut_to_the_field(core: ScanCore) -> None:
    core.setProperty("Scanner", "Resolution", 128)
    core.setROI(0, 0, 512, 512)
    assert core.getROI() == [0, 0, 128, 128]
    core.setROI(100, -4, 100, 10)
    assert core.getROI() == [100, 0, 28, 6]
    with pytest.raises(ScannerError, match=r"x=200 .* holds nothing of the 128 x 128"):
        core.setROI(200, 0, 10, 10)
    core.setProperty("Scanner", "Resolution", 64)
    assert core.getROI() == [0, 0, 64, 64]


def test_a_saved_configuration_loads_again(core: ScanCore, tmp_path: Path) -> None:
    core.defineConfig("Mine", "dim", "Scanner", "Photons_per_us", "5")
    core.saveSystemConfiguration(tmp_path / "saved.cfg")
    again = open_core(tmp_path / "saved.cfg")
    again.setConfig("Density", "Quarter")
    again.setConfig("Mine", "dim")
    assert again.getCurrentConfig("Density") == "Quarter"
    assert again.getProperty("Scanner", "Photons_per_us") == 5
    assert again.getImageWidth() == 128
    close_core(again)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Device,Cam,NoSuchAdapter,DCam\n", "at line 1: 'Device,Cam,NoSuchAdapter"),
        ("#py pyDevice,Cam,no.such.module,X\n", "no.such.module"),
        ("#py pyDevice,Cam,pssr_live.scanners.simulated,Nobody\n", "Nobody"),
        ("Property,Nobody,Speed,1\n", "at line 1: 'Property,Nobody,Speed,1'"),
        (
            "#py pyDevice,S,pssr_live.scanners.simulated,SimulatedScanner\n"
            "#py Property,S,Resolution,100\n",
            "Resolution cannot be '100'",
        ),
        ("\x00\xff", "cannot be read"),
    ],
)
def test_a_bad_configuration_is_one_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    config = tmp_path / "bad.cfg"
    config.write_bytes(text.encode("latin-1"))
    with pytest.raises(ScannerError, match=message) as caught:
        open_core(config)
    assert "\n" not in str(caught.value)


def test_a_missing_configuration_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScannerError, match=r"no configuration .*none\.cfg; give"):
        open_core(tmp_path / "none.cfg")
    with pytest.raises(ScannerError, match="is a folder; give the path"):
        open_core(tmp_path)


def test_the_demo_camera_works_as_well() -> None:
    core = open_core(Path("MMConfig_demo.cfg"))
    assert snap(core).shape == (512, 512)
    with pytest.raises(ScannerError, match="'Camera' is not a simulated scanner"):
        scanner_of(core)
    close_core(core)
    close_core(core)
    assert core.getLoadedDevices() == ("Core",)


def test_a_shutter_of_the_microscope_opens_for_the_scan(core: ScanCore) -> None:
    core.loadDevice("Shutter", "DemoCamera", "DShutter")
    core.initializeDevice("Shutter")
    core.setShutterDevice("Shutter")
    core.setAutoShutter(True)
    seen: list[bool] = []

    def look() -> bool:  # asked by the scanner while it scans
        seen.append(core.getShutterOpen("Shutter"))
        return False

    scanner_of(core).abort_when(look)
    snap(core)
    assert seen
    assert all(seen)
    assert not core.getShutterOpen("Shutter")
