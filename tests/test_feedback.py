"""Callbacks that answer pictures with events: what is run, when, and where it goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sessions import (
    CENTRED,
    LIVE,
    SIDE,
    assert_live_equals_offline,
    pixels,
    small_scanner,
    timelapse,
)
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError, SettingsError, StorageError
from pssr_live.frame import Restored
from pssr_live.scanners.feedback.feed import AXIS
from pssr_live.scanners.feedback.rescans import Rescans
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder, read_log

DENSE = MDAEvent(
    properties=[("Scanner", "Resolution", 256)], metadata={"why": "a closer look"}
)


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


def answering(after: int, answer: Any) -> Callable[[Restored], Any]:
    """Return a callback that answers the picture of one planned frame."""

    def callback(restored: Restored) -> Any:
        planned = AXIS not in restored.frame.index
        return answer if planned and restored.frame.index["t"] == after else None

    return callback


def run_fed(
    core: ScanCore,
    folder: Path,
    *callbacks: Callable[[Restored], Any],
    plan: Any = None,
    model: str = LIVE,
    **how: Any,
) -> LiveRestoration:
    live = LiveRestoration(model, folder, core=core)
    for callback in callbacks:
        live.on_restored(callback)
    how = {"in_step": True} | how
    with live:
        fed = live.feed(timelapse(6) if plan is None else plan, **how)
        core.mda.run(fed, output=live)
    return live


def indices(folder: Path) -> list[dict[str, int]]:
    with open_movie(folder / "raw.ome.tiff") as movie:
        return [dict(movie.layout.index_of(n)) for n in range(len(movie))]


# -- what is run, and in which order -------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [MDAEvent(), [MDAEvent()], (MDAEvent(),), timelapse(1)],
    ids=["event", "list", "tuple", "sequence"],
)
def test_what_a_callback_answers_goes_next(
    core: ScanCore, tmp_path: Path, answer: Any
) -> None:
    live = run_fed(core, tmp_path / "s", answering(2, answer))
    assert live.report["status"] == "success"
    assert live.report["feedback"]["frames_sent_for"] == 1
    raw = [
        line["index"]
        for line in read_log(tmp_path / "s" / "frames.jsonl")
        if line["status"] == "raw"
    ]
    assert [AXIS in index for index in raw] == [0, 0, 0, 1, 0, 0, 0]
    assert [i["t"] for i in raw if AXIS not in i] == [0, 1, 2, 3, 4, 5]
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_an_answer_to_the_last_frame_is_waited_for(
    core: ScanCore, tmp_path: Path
) -> None:
    live = run_fed(core, tmp_path / "s", answering(5, [MDAEvent()] * 3), in_step=False)
    assert live.report["frames_acquired"] == 9
    assert live.report["feedback"]["frames_too_late"] == 0


def test_windows_never_mix_the_plan_with_what_was_asked_for(
    core: ScanCore, tmp_path: Path
) -> None:
    def ask(restored: Restored) -> Any:
        index = restored.frame.index
        if AXIS in index or index["t"] not in (1, 3):
            return None
        slow = MDAEvent(properties=[("Scanner", "Dwell_us", 2.0)])
        return [MDAEvent(), MDAEvent(), slow]

    run_fed(core, tmp_path / "s", ask)
    found = indices(tmp_path / "s")
    series = [tuple(sorted((a, n) for a, n in i.items() if a != "t")) for i in found]
    assert set(series) == {(), ((AXIS, 0),), ((AXIS, 1),)}
    for line in read_log(tmp_path / "s" / "frames.jsonl"):
        if line["status"] == "restored":
            assert len({series[k] for k in line["sources"]}) == 1
    sources = {
        line["ordinal"]: line["sources"]
        for line in read_log(tmp_path / "s" / "frames.jsonl")
        if line["status"] == "restored"
    }
    # Frames of the plan lie between the two answers: the second begins anew.
    fast = [n for n, key in enumerate(series) if key == ((AXIS, 0),)]
    assert [sources[n] for n in fast] == [
        *([fast[0]], fast[:2]),
        *([fast[2]], fast[2:]),
    ]
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_callback_that_always_asks_does_not_hold_up_the_plan(
    core: ScanCore, tmp_path: Path
) -> None:
    asked = iter(range(20))
    live = run_fed(
        core,
        tmp_path / "s",
        lambda restored: MDAEvent() if next(asked, None) is not None else None,
    )
    order = [AXIS in index for index in indices(tmp_path / "s")]
    assert (sum(order), len(order)) == (20, 26)
    assert order[:8] == [False, True] * 4
    assert live.report["status"] == "success"


def test_a_run_of_feedback_alone(core: ScanCore, tmp_path: Path) -> None:
    def again(restored: Restored) -> MDAEvent | None:
        return MDAEvent() if restored.frame.ordinal < 9 else None

    live = run_fed(core, tmp_path / "s", again, plan=[MDAEvent()])
    assert live.report["frames_acquired"] == 10
    sources = [
        line["sources"]
        for line in read_log(tmp_path / "s" / "frames.jsonl")
        if line["status"] == "restored"
    ]
    assert sources[-1] == [5, 6, 7, 8, 9]  # they follow each other


def test_an_urgent_event_overtakes_one_that_is_not_due(
    core: ScanCore, tmp_path: Path
) -> None:
    begun = time.monotonic()
    run_fed(
        core,
        tmp_path / "s",
        answering(0, MDAEvent()),
        plan=timelapse(2, interval_s=1.0),
        in_step=False,
    )
    assert time.monotonic() - begun >= 1.0
    raw = [
        line
        for line in read_log(tmp_path / "s" / "frames.jsonl")
        if line["status"] == "raw"
    ]
    assert [AXIS in line["index"] for line in raw] == [False, True, False]
    assert raw[1]["time_s"] < raw[2]["time_s"] - 0.3


def test_bursts_go_at_the_speed_of_the_camera(core: ScanCore, tmp_path: Path) -> None:
    kinds: list[str] = []
    core.mda.events.eventStarted.connect(lambda event: kinds.append(repr(type(event))))
    live = run_fed(
        core,
        tmp_path / "s",
        answering(3, [MDAEvent()] * 4),
        plan=timelapse(12),
        burst=4,
    )
    assert live.report["frames_acquired"] == 16
    assert len(kinds) == 4 and all("SequencedEvent" in kind for kind in kinds)
    assert_live_equals_offline(tmp_path / "s", LIVE)


# -- other densities, and the way back -----------------------------------------------


def test_a_dense_rescan_has_its_own_file_and_the_plan_goes_on(
    core: ScanCore, tmp_path: Path
) -> None:
    zoomed = MDAEvent(properties=[("Scanner", "Zoom", 4.0)])
    live = run_fed(core, tmp_path / "s", answering(2, [DENSE, zoomed, DENSE]))
    folder = SessionFolder(tmp_path / "s")
    assert live.report["status"] == "success"
    assert (
        live.report["feedback"] | {"rescans": 3, "rescans_recorded": 3}
        == (live.report["feedback"])
    )
    assert [page.shape for page in pixels(folder.raw) if page is not None] == (
        [(SIDE, SIDE)] * 6
    )
    assert [p.shape for p in pixels(folder.rescans(1)) if p is not None] == (
        [(256, 256)] * 2
    )
    with open_movie(folder.rescans(1)) as dense, open_movie(folder.rescans(2)) as near:
        assert dense.pixel_size_um == pytest.approx(25.6 / 256)
        assert near.pixel_size_um == pytest.approx(25.6 / SIDE / 4)
        assert len(near) == 1
    diary = read_log(folder.feedback)
    assert [line["status"] for line in diary] == ["asked", *["rescan"] * 3]
    assert diary[0]["why"][0] == {"why": "a closer look"}
    assert diary[1]["why"] == {"why": "a closer look"}
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_what_was_changed_last_is_put_back_at_the_end(
    core: ScanCore, tmp_path: Path
) -> None:
    run_fed(core, tmp_path / "s", answering(5, DENSE))
    assert core.getProperty("Scanner", "Resolution") == SIDE


def test_the_setup_of_the_plan_and_its_region_hold(
    core: ScanCore, tmp_path: Path
) -> None:
    core.setProperty("Scanner", "Resolution", 512)
    setup = MDAEvent(properties=[("Scanner", "Resolution", 128)], roi=(8, 16, 48, 32))
    run_fed(core, tmp_path / "s", answering(1, DENSE), plan=timelapse(4, setup=setup))
    raw = pixels(tmp_path / "s" / "raw.ome.tiff")
    assert [page.shape for page in raw if page is not None] == [(32, 48)] * 4


def test_a_new_session_takes_the_rescans_of_the_old_one_away(
    core: ScanCore, tmp_path: Path
) -> None:
    run_fed(core, tmp_path / "s", answering(1, DENSE))
    assert (tmp_path / "s" / "rescans.ome.tiff").exists()
    with LiveRestoration(LIVE, tmp_path / "s", core=core, overwrite=True) as live:
        core.mda.run(live.feed(timelapse(2)), output=live)
    assert not (tmp_path / "s" / "rescans.ome.tiff").exists()
    assert not (tmp_path / "s" / "feedback.jsonl").exists()


# -- faults --------------------------------------------------------------------------


def test_a_failing_callback_harms_nothing_and_is_told(
    core: ScanCore, tmp_path: Path
) -> None:
    def fail(restored: Restored) -> None:
        raise ValueError("a bug of the script")

    live = run_fed(core, tmp_path / "s", fail, answering(2, MDAEvent()))
    assert (live.report["status"], live.report["frames_acquired"]) == ("success", 7)
    assert live.report["warnings"] == ["A callback failed: a bug of the script."]


@pytest.mark.parametrize("answer", [3, "scan!", [None, 4], {"a": 1}, object()])
def test_other_answers_mean_nothing(
    core: ScanCore, tmp_path: Path, answer: Any
) -> None:
    live = run_fed(core, tmp_path / "s", answering(1, answer), plan=timelapse(3))
    assert (live.report["frames_acquired"], live.report["warnings"]) == (3, [])


def test_events_that_nothing_can_run_are_told(core: ScanCore, tmp_path: Path) -> None:
    live = LiveRestoration(
        LIVE, tmp_path / "s", core=core, on_restored=answering(1, MDAEvent())
    )
    with live:
        core.mda.run(timelapse(3), output=live)
    assert live.report["frames_acquired"] == 3
    assert "start the run with `core.mda.run(live.feed" in live.report["warnings"][0]


def test_a_failed_snap_leaves_its_place_empty_and_stops_nothing(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snap, count = core.snapImage, iter(range(99))

    def fail_once() -> None:
        if next(count) == 3:
            raise RuntimeError("the shutter is stuck")
        snap()

    monkeypatch.setattr(core, "snapImage", fail_once)
    live = run_fed(core, tmp_path / "s", answering(1, MDAEvent()))
    assert (live.report["status"], live.report["frames_lost"]) == ("partial", 1)
    found = pixels(tmp_path / "s" / "raw.ome.tiff")
    lost = next(n for n, page in enumerate(found) if page is None)
    assert indices(tmp_path / "s")[lost] == {"t": 2}
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_rescan_that_cannot_be_recorded_is_a_failure(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise StorageError("No space left; make room.")

    monkeypatch.setattr(Rescans, "_begin", full)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    live.on_restored(answering(5, DENSE))
    with pytest.raises(StorageError, match="No space left"), live:
        core.mda.run(live.feed(timelapse(6)), output=live)
    assert live.report["status"] == "failed"
    assert "1 frame could not be recorded" in live.report["reason"]
    assert live.report["frames_restored"] == 6


def test_cancelling_while_the_feed_waits(core: ScanCore, tmp_path: Path) -> None:
    held = threading.Event()

    def hold(restored: Restored) -> None:
        if restored.frame.ordinal == 2:
            held.set()
            time.sleep(0.5)

    live = LiveRestoration(LIVE, tmp_path / "s", core=core, on_restored=hold)
    with live:
        thread = core.run_mda(live.feed(timelapse(50), in_step=True), output=live)
        assert held.wait(10)
        begun = time.monotonic()
        core.mda.cancel()
        thread.join(10)
        waited = time.monotonic() - begun
    assert not thread.is_alive() and waited < 5
    assert (live.report["status"], live.report["frames_acquired"]) == ("aborted", 3)
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_stuck_callback_is_not_waited_for_without_end(
    core: ScanCore, tmp_path: Path
) -> None:
    free = threading.Event()
    live = LiveRestoration(
        LIVE, tmp_path / "s", core=core, on_restored=lambda r: free.wait(20) and None
    )
    with live:
        core.mda.run(live.feed(timelapse(3), wait_s=0.1), output=live)
        free.set()
    assert live.report["status"] == "success"


def test_answers_after_the_end_are_counted(core: ScanCore, tmp_path: Path) -> None:
    """A model that looks ahead shows its last two pictures when the run is over."""
    live = run_fed(
        core, tmp_path / "s", answering(5, MDAEvent()), model=CENTRED, in_step=False
    )
    assert live.report["feedback"]["frames_too_late"] == 1
    assert live.report["warnings"] == [
        "Callbacks asked for events after the last one: the run was already over."
    ]
    assert_live_equals_offline(tmp_path / "s", CENTRED)


@pytest.mark.parametrize("how", [{"burst": 0}, {"wait_s": -1.0}])
def test_a_feed_that_makes_no_sense(
    core: ScanCore, tmp_path: Path, how: dict[str, Any]
) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(SettingsError, match="A feed cannot have burst"), live:
        core.mda.run(live.feed(timelapse(2), **how), output=live)


def test_a_feed_belongs_into_a_block_and_only_once(
    core: ScanCore, tmp_path: Path
) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ScannerError, match="used outside a `with` block"):
        live.feed(timelapse(2))
    with pytest.raises(ScannerError, match="A second feed was asked for"), live:
        core.mda.run(live.feed(timelapse(2)), output=live)
        live.feed(timelapse(2))


def test_channels_and_positions_of_a_plan(tmp_path: Path) -> None:
    from pssr_live.scanners.core import close_core, open_core

    core = open_core(Path("MMConfig_demo.cfg"))
    for axis in "XY":
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", 48)
    plan = MDASequence(
        axis_order="tpc",
        time_plan={"interval": 0, "loops": 3},
        stage_positions=[{"x": 0, "y": 0}, {"x": 100, "y": 0}],
        channels=[{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 1}],
    )
    there = MDAEvent(channel={"config": "Cy5"}, x_pos=500.0, exposure=2)
    answered = iter([there])
    run_fed(core, tmp_path / "s", lambda restored: next(answered, None), plan=plan)
    assert core.getXPosition() == pytest.approx(100, abs=1)
    close_core(core)
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        found = [dict(raw.layout.index_of(n)) for n in range(len(raw))]
        assert raw.channel_names[:2] == ("DAPI", "FITC")
    assert len(found) == 13 and sum(AXIS in index for index in found) == 1
    assert_live_equals_offline(tmp_path / "s", LIVE)
