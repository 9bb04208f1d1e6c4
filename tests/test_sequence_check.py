"""What a sequence asks for is refused before its first frame."""

from __future__ import annotations

import pytest
from sessions import small_scanner, timelapse
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.arrivals import doubts
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.sequence_check import check_sequence


@pytest.mark.parametrize(
    ("kind", "said"), [("32bitRGB", "colour images"), ("32bit", "pixels of 32 bit")]
)
def test_images_that_cannot_be_restored_are_refused_before_the_first(
    demo_core: ScanCore, kind: str, said: str
) -> None:
    setup = MDAEvent(properties=[("Camera", "PixelType", kind)])
    with pytest.raises(ScannerError, match=f"'Camera' gives {said}: set its pixel"):
        check_sequence(demo_core, timelapse(2).replace(setup=setup))
    demo_core.setProperty("Camera", "PixelType", "16bit")
    check_sequence(demo_core, timelapse(2))


def test_a_place_that_is_none_is_refused(demo_core: ScanCore) -> None:
    sequence = MDASequence(z_plan={"absolute": [1.0, float("nan")]})
    with pytest.raises(ScannerError, match=r"asks for z_pos = nan at \{'z': 1\}: give"):
        check_sequence(demo_core, sequence)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (("Camra", "Gain", 1), "names the device 'Camra'; the microscope has .*Camera"),
        (("Camera", "Gian", 1), "names the property Camera-Gian, .* there are .*Gain"),
        (("Camera", "CameraName", "a"), "sets Camera-CameraName, which can only be"),
        (("Camera", "Gain", 99), "sets Camera-Gain to '99', .* not take: give -5 to 8"),
        (("Camera", "BitDepth", 9), "BitDepth to '9', which .*: give 10, 11, 12"),
    ],
)
def test_properties_of_a_position_are_refused_and_not_left_out(
    demo_core: ScanCore, setting: tuple[str, str, object], said: str
) -> None:
    good = {"x": 0, "properties": [("Camera", "BitDepth", 16), ("Camera", "Gain", 2)]}
    check_sequence(demo_core, MDASequence(stage_positions=[good]))
    sequence = MDASequence(stage_positions=[good, {"x": 1, "properties": [setting]}])
    with pytest.raises(ScannerError, match=f"A position of the sequence .*{said}"):
        check_sequence(demo_core, sequence)


@pytest.mark.parametrize(
    "own", [{}, {"autofocus_plan": {"autofocus_motor_offset": 1, "axes": ["p"]}}]
)
def test_frames_taken_more_than_once_are_told(own: dict[str, object]) -> None:
    """As useq works it out, every plane of the general plan has a stack of its own."""
    within = {"z_plan": {"range": 2, "step": 1}, **own}
    sequence = MDASequence(
        z_plan={"range": 4, "step": 1},
        stage_positions=[{"z": 0}, {"z": 5, "sequence": within}],
    )
    said = doubts(sequence)
    assert len(said) == len(own)
    assert all("takes frame p1 z0 5 times" in one for one in said)


def test_the_channel_of_a_setup_is_refused_and_not_left_out(
    demo_core: ScanCore,
) -> None:
    setup = MDAEvent(channel={"config": "DAPPI"})
    with pytest.raises(ScannerError, match=r"no preset 'DAPPI' .* use .*DAPI"):
        check_sequence(demo_core, timelapse(2).replace(setup=setup))


def test_so_is_a_place_in_the_setup_of_a_scanner_without_a_stage() -> None:
    with (
        small_scanner() as core,
        pytest.raises(ScannerError, match="needs an XY stage and the microscope has"),
    ):
        check_sequence(core, timelapse(2).replace(setup=MDAEvent(x_pos=1, y_pos=2)))
