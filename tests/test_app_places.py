"""Which position, plane and time a picture is of: said, and never two in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_windows import Windows, is_idle
from frames import make_frame
from pymmcore_plus import find_micromanager
from test_app_movies import drop
from useq import MDASequence

from pssr_live.app.feed import Feed, Pair
from pssr_live.app.levels import Levels
from pssr_live.app.picture import Display, Look, Picture, picture_of
from pssr_live.app.places import place_words
from pssr_live.frame import Frame, Restored
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import open_movie
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import SessionFolder
from pssr_live.storage.sites import Site

FULL = Levels(0, 100)
LOOKS = {"GFP": Look("green", fixed=FULL), "RFP": Look("magenta", fixed=FULL)}


def frame(ordinal: int, **index: int) -> Frame:
    return Frame(np.full((4, 4), 100, np.uint16), ordinal, index)


def picture(gfp: Frame, rfp: Frame, looks: dict[str, Look] = LOOKS) -> Picture:
    return picture_of({"GFP": Pair(gfp), "RFP": Pair(rfp)}, Display(looks))


@pytest.mark.parametrize(
    ("gfp", "rfp", "seen"),
    [
        (frame(6, t=1, p=0, c=0), frame(3, t=0, p=1, c=1), ["GFP"]),
        (frame(6, t=1, p=0, c=0), frame(7, t=1, p=0, c=1), ["GFP", "RFP"]),
        (frame(4, t=0, z=4, c=0), frame(7, t=0, z=2, c=1), ["RFP"]),
        (frame(2, t=1, c=0), frame(1, t=0, c=1), ["GFP", "RFP"]),
        (frame(2, t=1, p=0, g=0), frame(3, t=1, p=0, g=1), ["RFP"]),
    ],
)
def test_light_of_two_places_is_never_added(
    gfp: Frame, rfp: Frame, seen: list[str]
) -> None:
    made = picture(gfp, rfp)
    assert list(made.here) == seen
    assert made.at(1, 1) == dict.fromkeys(seen, (100, None))
    green, magenta = int(made.raw[0, 0]) >> 8 & 255, int(made.raw[0, 0]) >> 16 & 255
    assert (green > 200, magenta > 200) == ("GFP" in seen, "RFP" in seen)
    # The rows of both channels stay, so that contrast can be set.
    assert list(made.levels) == list(made.histograms) == ["GFP", "RFP"]


def test_a_hidden_channel_does_not_blank_the_other_one() -> None:
    looks = {**LOOKS, "RFP": Look("magenta", visible=False, fixed=FULL)}
    made = picture(frame(4, z=4, c=0), frame(7, z=2, c=1), looks)
    assert list(made.here) == ["GFP"] and int(made.raw[0, 0]) >> 8 & 255 == 255


@pytest.mark.parametrize(
    ("index", "position", "words"),
    [
        ({"t": 7}, "", ""),
        ({"t": 7, "c": 1, "cam": 0}, "", ""),
        ({"t": 0, "p": 2}, "", "position 3, time 1"),
        ({"t": 0, "z": 1, "p": 2}, "A1", "A1, plane 2, time 1"),
        ({"g": 3, "p": 0}, "A1", "A1, tile 4"),
        ({"t": 4, "z": 1}, "", "plane 2, time 5"),
    ],
)
def test_a_place_in_words(index: dict[str, int], position: str, words: str) -> None:
    assert place_words(frame(0, **index), position) == words


def test_the_feed_knows_the_names_of_the_plan_that_runs() -> None:
    feed, names = Feed(), {(("p", 1),): "B2"}

    def put(raw: Frame) -> str:
        feed.put_restored(Restored(raw.pixels, raw, (0,), None, "m", "e", 1.0))
        scene = feed.take()
        assert scene is not None
        return scene["channel 1"].position

    feed.clear(names)
    assert [put(frame(n, t=n, p=n, c=0)) for n in range(2)] == ["", "B2"]
    feed.clear()
    assert put(frame(1, p=1, c=0)) == ""


PLACES: list[dict[str, Any]] = [{"x": 0, "y": 0, "name": "A1"}, {"x": 9, "y": 5}]


def test_a_plan_says_where_it_is(windows: Windows) -> None:
    config = Path(find_micromanager()) / "MMConfig_demo.cfg"  # type: ignore[arg-type]
    size = tuple(("Camera", f"OnCameraCCD{axis}Size", "128") for axis in "XY")
    window = windows.open(config=config, settings=size)
    plan = MDASequence(
        time_plan={"interval": 0, "loops": 2},  # type: ignore[arg-type]
        channels=["Cy5", "DAPI"],  # type: ignore[arg-type]
        z_plan={"range": 1, "step": 1},  # type: ignore[arg-type]
        stage_positions=PLACES,  # type: ignore[arg-type]
    )
    said: set[str] = set()
    window._picture_ready.connect(lambda: said.add(window.panes.raw.overlay.place))
    window.conductor.run_plan(plan)
    windows.until(lambda: not window.conductor.now.running and is_idle(window))
    assert window.panes.raw.overlay.place == "position 2, plane 2, time 2"
    named = [words for words in said if words.startswith("A1, plane ")]
    assert named and any(words.startswith("position 2, plane ") for words in said)


def test_a_movie_names_its_positions(windows: Windows, tmp_path: Path) -> None:
    turns = [{"t": t, "p": p} for t in range(2) for p in range(2)]
    sites = (Site((("p", 0),), "wt"), Site((("p", 1),), "a name of many, many letters"))
    layout = RunLayout(tuple(turns), sites=sites)
    folder = SessionFolder.create(tmp_path / "session")
    recorder = SessionRecorder(folder, layout, 4)
    for n, index in enumerate(turns):
        recorder.write_raw(make_frame(n, index))
    recorder.close({}, len(turns))
    with open_movie(folder.raw) as movie:
        assert movie.layout.sites == sites
    window = windows.open()
    drop(window, folder.raw)
    windows.until(lambda: window.panes.raw.overlay.place == "wt, time 1")
    _, slider, place = window.timeline._sliders["p"]
    assert place.text() == "wt   1 / 2"
    slider.setValue(1)
    long = "a name of many, many letters"
    windows.until(lambda: window.panes.raw.overlay.place == f"{long}, time 1")
    assert place.text() == "a name of many, many le…   2 / 2"
    assert place.toolTip() == long
    assert window.timeline._sliders["t"][2].text() == "1 / 2"
