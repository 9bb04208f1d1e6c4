"""The trust map: places where a picture differs from its scan, on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_windows import Windows, has_restored, is_idle, press, screenshot
from test_app_movies import drop

from pssr_live.app.export import export_view
from pssr_live.app.feed import Pair
from pssr_live.app.picture import Display, Look, Picture, picture_of
from pssr_live.app.render import LESS, MORE, OPAQUE, as_rgb, tint
from pssr_live.app.trust import Colour, Evidence, light
from pssr_live.calibration.values import read_scan_noise
from pssr_live.frame import Consistency, Frame, Restored
from pssr_live.scanners.simulated import calibration_file

BLACK, SIDE = np.uint32(0xFF000000), 8


def found(*marks: tuple[int, int, int], worst: float = 8.0) -> Consistency:
    field = np.zeros((SIDE, SIDE), np.int8)
    for y, x, sign in marks:
        field[y, x] = sign
    return Consistency(0.9, worst if marks else 3.0, float((field != 0).mean()), field)


def pair(consistency: Consistency | None, *, channel: int | None = None) -> Pair:
    index = {"t": 0} if channel is None else {"t": 0, "c": channel}
    frame = Frame(np.zeros((SIDE, SIDE), np.uint16), 0, index)
    pixels = np.zeros((4 * SIDE, 4 * SIDE), np.uint16)
    made = Restored(pixels, frame, (0,), None, "m", "onnxruntime", 1.0, consistency)
    return Pair(frame, made)


def restored_of(shown: Picture | None) -> Any:
    assert shown is not None and shown.restored is not None
    return shown.restored


def coloured(shown: Picture | None) -> float:
    """Return the share of a grey picture that is not grey."""
    rgb = as_rgb(restored_of(shown)).astype(int)
    return float((rgb[..., 0] != rgb[..., 2]).mean())


# -- painting ------------------------------------------------------------------------


@pytest.mark.parametrize("side", [4, 8, 13, 32])
def test_marks_of_any_size_are_tinted_where_they_are(side: int) -> None:
    words = np.full((side, side), BLACK, np.uint32)
    tint(words, found((0, 0, 1), (7, 7, -1)).marks)
    more, less = (
        OPAQUE | (c & np.uint32(0xFEFEFE)) >> np.uint32(1) for c in (MORE, LESS)
    )
    if side >= SIDE:
        assert words[0, 0] == more and words[-1, -1] == less
        middle = words[side // 4 : -side // 4, side // 4 : -side // 4]
        assert (middle == BLACK).all()
    assert (words >> np.uint32(24) == 255).all()


def test_a_small_mark_is_seen_on_a_small_screen() -> None:
    for y in range(SIDE):
        words = np.full((3, 3), BLACK, np.uint32)
        tint(words, found((y, SIDE - 1 - y, -1)).marks)
        assert np.argwhere(words != BLACK).tolist() == [[y * 3 // 8, (7 - y) * 3 // 8]]


def test_a_picture_is_tinted_and_its_scan_is_not() -> None:
    scene = {"scan": pair(found((2, 3, 1)))}
    shown = picture_of(scene, Display())
    tinted = np.argwhere(restored_of(shown) != BLACK)
    assert tinted.min(0).tolist() == [8, 12] and tinted.max(0).tolist() == [11, 15]
    assert (shown.raw == BLACK).all()
    plain = picture_of(scene, Display(doubts=False))
    assert (restored_of(plain) == BLACK).all()
    assert shown.consistency is scene["scan"].restored.consistency  # type: ignore[union-attr]


def test_of_several_channels_those_that_are_seen_are_tinted() -> None:
    scene = {"a": pair(found((0, 0, 1)), channel=0), "b": pair(found(), channel=1)}
    assert (restored_of(picture_of(scene, Display())) != BLACK).any()
    hidden = Display({"a": Look("green", visible=False)})
    assert (restored_of(picture_of(scene, hidden)) == BLACK).all()
    worst = picture_of(scene, Display()).consistency
    assert worst is not None and not worst.agrees


def test_one_channel_does_not_speak_for_another() -> None:
    scene = {"a": pair(found(), channel=0), "b": pair(None, channel=1)}
    assert picture_of(scene, Display()).consistency is None
    scene["a"] = pair(found((0, 0, 1)), channel=0)
    worst = picture_of(scene, Display()).consistency
    assert worst is not None and not worst.agrees


def test_an_exported_view_has_no_marks(tmp_path: Path) -> None:
    shown = picture_of({"scan": pair(found((2, 3, 1)))}, Display())
    clean = picture_of({"scan": pair(None)}, Display())
    for name, picture in (("marked", shown), ("clean", clean)):
        export_view(tmp_path / f"{name}.png", picture, Display())
    marked, plain = ((tmp_path / f"{n}.png").read_bytes() for n in ("marked", "clean"))
    assert marked == plain


# -- the light -----------------------------------------------------------------------

FEW, MANY = found((0, 0, 1)), found(*((n, 0, -1) for n in range(8)))
FEW = Consistency(0.9, 6.0, 0.001, FEW.marks)
QUIET, LOUD = (Consistency(of, 1.0, 0.0, found().marks) for of in (0.2, 2.0))


@pytest.mark.parametrize(
    ("known", "colour", "words"),
    [
        (Evidence(True, consistency=found()), Colour.AMBER, "fits the scan"),
        (Evidence(True, consistency=FEW), Colour.AMBER, "differs in places"),
        (Evidence(True, consistency=QUIET), Colour.AMBER, "noise unlike calibrated"),
        (Evidence(True, consistency=LOUD), Colour.AMBER, "noise unlike calibrated"),
        (Evidence(True, consistency=MANY), Colour.RED, "differs from the scan, 12.5 %"),
        # A reference proves one moment, and this is another one.
        (
            Evidence(True, reference_gain_db=4.0, consistency=FEW),
            Colour.AMBER,
            "places",
        ),
        (
            Evidence(True, reference_gain_db=4.0, consistency=MANY),
            Colour.RED,
            "differs",
        ),
        (
            Evidence(True, reference_gain_db=4.0, consistency=found()),
            Colour.GREEN,
            "checked",
        ),
        (
            Evidence(True, reference_gain_db=-4.0, consistency=FEW),
            Colour.RED,
            "reference disagrees",
        ),
        (
            Evidence(True, engine_restores=False, consistency=found()),
            Colour.RED,
            "not restored",
        ),
        (
            Evidence(True, pixel_size_known=False, consistency=found()),
            Colour.AMBER,
            "pixel size unknown",
        ),
    ],
)
def test_the_light_knows_the_scan(known: Evidence, colour: Colour, words: str) -> None:
    told = light(known)
    assert told.colour is colour and words in told.words


def test_where_noise_is_unlike_the_calibration_marks_are_not_the_models_fault() -> None:
    loud = Consistency(4.0, 20.0, 0.3, MANY.marks)
    assert (
        "the detector is set otherwise" in light(Evidence(True, consistency=loud)).why
    )
    assert light(Evidence(True, consistency=MANY)).why.endswith("learned from.")


# -- a real window -------------------------------------------------------------------

HURRIED = (
    ("Scanner", "RealTime", "Off"),
    ("Scanner", "Rest_ms", "60000"),
    ("Scanner", "Dwell_us", "5"),
)


def test_what_moves_too_fast_is_marked_live(windows: Windows) -> None:
    window = windows.live(model="mito-mf5-x4", settings=HURRIED, density=64)
    windows.until(lambda: window.strip.light.light.words.startswith("differs"))
    window.conductor.toggle_live()  # what is on the screen stays
    windows.until(lambda: not window.conductor.now.live and is_idle(window))
    picture = window.panes.picture
    assert picture is not None and picture.consistency is not None
    assert not picture.consistency.agrees
    press(window, "M")  # what is coloured now is no saturated pixel
    windows.until(lambda: 0 < coloured(window.panes.picture) < 0.9)
    press(window, "W")
    assert not window.displays.doubts.isChecked()
    windows.until(lambda: coloured(window.panes.picture) == 0)
    press(window, "W")
    windows.until(lambda: coloured(window.panes.picture) > 0)
    screenshot(window, "doubts")


def test_a_scanner_with_a_calibration_fits(windows: Windows) -> None:
    window = windows.live(profile="simulated")
    windows.until(lambda: window.strip.light.light.words == "fits the scan")
    assert "smaller than a raw pixel" in window.strip.light.light.why


@pytest.mark.parametrize("own", [True, False])
def test_a_movie_is_held_against_its_scans_if_it_is_of_this_microscope(
    windows: Windows, tmp_path: Path, own: bool
) -> None:
    from movies import scanned_movie

    noise = read_scan_noise(calibration_file("mito"))
    window = windows.open(noise=noise, movies_too=own)
    drop(window, scanned_movie(tmp_path / "cell.ome.tiff"))
    windows.until(lambda: window.movies.facts is not None)
    press(window, "G")
    windows.until(lambda: window.conductor.now.restored and has_restored(window))
    picture = window.panes.picture
    assert picture is not None and (picture.consistency is not None) == own
