"""Windows that follow the planes of a stack instead of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli import Cli
from frames import make_frame
from hypothesis import given
from hypothesis import strategies as st
from sessions import CENTRED, LIVE, pixels, small_scanner, timelapse
from useq import MDASequence

from pssr_live.errors import SettingsError
from pssr_live.frame import Frame
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.pages import PageFile
from pssr_live.window import RollingWindows, Window


def indices(times: int, planes: int, channels: int, order: str) -> list[dict[str, int]]:
    """Return the indices of a run, the last axis of `order` fastest."""
    sizes = {"t": times, "z": planes, "c": channels}
    shape = tuple(sizes[axis] for axis in order)
    return [dict(zip(order, map(int, at), strict=True)) for at in np.ndindex(shape)]


def roll(frames: list[Frame], lookahead: int, axis: str = "z") -> list[Window]:
    windows = RollingWindows(3, lookahead, axis)
    done = [window for frame in frames for window in windows.push(frame)]
    return done + list(windows.flush())


@given(
    times=st.integers(1, 3),
    planes=st.integers(2, 5),
    channels=st.integers(1, 2),
    order=st.sampled_from(["tcz", "tzc", "ctz", "ztc", "zct"]),
    lookahead=st.integers(0, 2),
)
def test_neighbours_are_planes_of_one_stack(
    times: int, planes: int, channels: int, order: str, lookahead: int
) -> None:
    run = indices(times, planes, channels, order)
    frames = [make_frame(n, index, (4, 4)) for n, index in enumerate(run)]
    windows = roll(frames, lookahead)
    assert sorted(w.target.ordinal for w in windows) == list(range(len(frames)))
    for window in windows:
        target = window.target.index
        first = target["z"] - (2 - lookahead)
        for place, frame in enumerate(window.frames):
            plane = first + place
            assert (frame is not None) == (0 <= plane < planes)
            if frame is not None:
                assert frame.index == target | {"z": plane}


def test_a_finished_stack_is_let_go() -> None:
    windows = RollingWindows(5, 2, "z")
    for n, index in enumerate(indices(50, 4, 2, "tcz")):
        windows.push(make_frame(n, index, (4, 4)))
    assert len(windows._series) == 2  # one open stack a channel


def test_the_last_planes_come_when_the_next_stack_begins() -> None:
    windows = RollingWindows(3, 1, "z")
    run = indices(2, 3, 1, "tcz")
    done = [len(windows.push(make_frame(n, i, (4, 4)))) for n, i in enumerate(run)]
    assert done == [0, 1, 1, 1, 1, 1]


def test_a_missing_plane_splits_its_stack_only() -> None:
    run = indices(2, 4, 1, "tcz")
    frames = [make_frame(n, i, (4, 4)) for n, i in enumerate(run) if n != 1]
    sources = {w.target.ordinal: w.sources for w in roll(frames, 0)}
    assert sources == {
        0: (0,), 2: (2,), 3: (2, 3), 4: (4,), 5: (4, 5), 6: (4, 5, 6), 7: (5, 6, 7)
    }  # fmt: skip


STACKS = MDASequence(
    axis_order="tcz",
    time_plan={"interval": 0, "loops": 3},
    z_plan={"range": 3, "step": 1},
)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.mark.parametrize("model", [LIVE, CENTRED])
@pytest.mark.parametrize("lost", [None, 5])
def test_live_equals_offline_along_z(
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    lost: int | None,
) -> None:
    with small_scanner() as core:
        snap, calls = core.snapImage, iter(range(99))

        def snap_or_fail() -> None:
            if next(calls) == lost:
                raise RuntimeError("the shutter is stuck")
            snap()

        monkeypatch.setattr(core, "snapImage", snap_or_fail)
        core.mda.engine.use_hardware_sequencing = False  # type: ignore[union-attr]
        with LiveRestoration(model, tmp_path / "s", core=core, axis="z") as live:
            # The simulated scanner has no focus drive: its planes are all alike.
            events = [event.replace(z_pos=None) for event in STACKS]
            core.mda.run(iter(events), output=live)
    assert live.report["model"]["axis"] == "z"
    again = tmp_path / "again.ome.tiff"
    done = cli("restore", tmp_path / "s" / "raw.ome.tiff", "-o", again, "--json")
    assert done.code == 0
    assert done.json["movies"][0]["model"]["axis"] == "z"  # as recorded
    one, other = pixels(tmp_path / "s" / "restored.ome.tiff"), pixels(again)
    assert len(one) == len(other) == 12 - (lost is not None)
    for a, b in zip(one, other, strict=True):
        assert a is not None
        assert b is not None
        np.testing.assert_array_equal(a, b)


def test_what_has_no_such_axis_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the axis 'q': give t"):
        Restorer(LIVE, axis="q")
    layout = RunLayout(tuple({"t": t} for t in range(3)))
    movie = tmp_path / "movie.ome.tiff"
    with PageFile.create(movie, layout, (8, 8), "uint16", 0.2, "raw") as pages:
        for t in range(3):
            pages.write(t, np.zeros((8, 8), np.uint16), index={"t": t})
        pages.close({})
    with pytest.raises(SettingsError, match="'z', which no frame has"):
        restore_file(movie, tmp_path / "out.tiff", Restorer(LIVE, axis="z"))
    with (
        small_scanner() as core,
        pytest.raises(SettingsError, match="'z', which no frame has"),
        LiveRestoration(LIVE, tmp_path / "s", core=core, axis="z") as live,
    ):
        core.mda.run(timelapse(2), output=live)
