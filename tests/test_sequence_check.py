"""What a sequence asks for is refused before its first frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sessions import timelapse
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.sequence_check import check_sequence


@pytest.fixture(scope="module")
def demo_core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    yield core
    close_core(core)


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
