"""Scripts as the documentation of useq and pymmcore-plus has them, plus two lines."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import useq
from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import MDAEngine
from sessions import assert_live_equals_offline, wait_until
from useq import MDAEvent, MDASequence

import pssr_live as pl
from pssr_live.storage.session import read_log

LIVE = "mito-mf5-x4-live"


@pytest.fixture
def mmc(instance: CMMCorePlus) -> CMMCorePlus:
    """Return the core that all these scripts call so."""
    return instance


def whole_experiment(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """As in the getting started page: positions, channels, times and planes."""
    sequence = useq.MDASequence(
        stage_positions=[(100, 100, 30), (200, 150, 35)],
        channels=["DAPI", {"config": "FITC", "exposure": 3}],
        time_plan={"interval": 0.01, "loops": 2},
        z_plan={"range": 4, "step": 2},
        axis_order="tpcz",
    )
    mmc.run_mda(sequence, output=live).join()
    return 24


def simple_events(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """A list of events, as in "any iterable of MDAEvent will do"."""
    events = [MDAEvent(exposure=2), MDAEvent(x_pos=10.0), MDAEvent(z_pos=3.0)]
    mmc.run_mda(events, output=live).join()
    return 3


def queue_of_events(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """The event-driven example: a queue that is filled while it is run."""
    events: queue.Queue[MDAEvent | object] = queue.Queue()
    stop = object()
    thread = mmc.run_mda(iter(events.get, stop), output=live)
    for t in range(5):
        events.put(MDAEvent(index={"t": t}, exposure=2))
        time.sleep(0.01)
    events.put(stop)
    thread.join()
    return 5


def smart_queue(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """The same, with an analyser that decides on each frame what comes next."""
    events: queue.Queue[MDAEvent | None] = queue.Queue()

    @mmc.mda.events.frameReady.connect
    def analyse(image: Any, event: MDAEvent) -> None:
        t = event.index["t"]
        events.put(MDAEvent(index={"t": t + 1}) if t < 4 else None)

    events.put(MDAEvent(index={"t": 0}))
    mmc.run_mda(iter(events.get, None), output=live).join()
    mmc.mda.events.frameReady.disconnect(analyse)
    return 5


def generator(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """A generator function, run in the script's own thread."""

    def events() -> Iterator[MDAEvent]:
        for t in range(4):
            yield MDAEvent(index={"t": t}, min_start_time=0.01 * t)

    mmc.mda.run(events(), output=live)
    return 4


def own_engine(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """A subclass of the engine with an own action."""
    done: list[str] = []

    class MyEngine(MDAEngine):
        def exec_event(self, event: MDAEvent) -> Any:
            if isinstance(event.action, useq.CustomAction):
                done.append(event.action.name)
                return ()
            return super().exec_event(event)

    before = mmc.mda.set_engine(MyEngine(mmc))
    action = useq.CustomAction(name="bleach", data={"power": 3})
    events = [MDAEvent(), MDAEvent(action=action), MDAEvent()]
    mmc.mda.run(events, output=live)
    assert before is not None
    mmc.mda.set_engine(before)
    assert done == ["bleach"]
    return 2


def grid_with_autofocus(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """A grid, an autofocus plan that the microscope has, and a kept-open shutter."""
    sequence = MDASequence(
        grid_plan={"rows": 2, "columns": 2},
        channels=["DAPI"],
        keep_shutter_open_across=("g",),
        autofocus_plan={"autofocus_motor_offset": 1, "axes": ("g",)},
    )
    mmc.mda.run(sequence, output=live)
    return 4


def with_slots(mmc: CMMCorePlus, live: pl.LiveRestoration) -> int:
    """Signals connected as ever, and a second output."""
    seen: list[int] = []
    mmc.mda.events.sequenceStarted.connect(lambda sequence, meta: seen.append(0))
    mmc.mda.events.frameReady.connect(lambda image, event, meta: seen.append(1))
    mmc.mda.events.sequenceFinished.connect(lambda sequence: seen.append(2))
    mmc.mda.run(MDASequence(time_plan={"interval": 0, "loops": 3}), output=[live])
    assert sorted(seen) == [0, 1, 1, 1, 2]
    return 3


SCRIPTS = (
    whole_experiment,
    simple_events,
    queue_of_events,
    smart_queue,
    generator,
    own_engine,
    grid_with_autofocus,
    with_slots,
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_script_with_two_more_lines(
    mmc: CMMCorePlus,
    tmp_path: Path,
    script: Callable[[CMMCorePlus, pl.LiveRestoration], int],
) -> None:
    with pl.LiveRestoration(model=LIVE, save=tmp_path / "s", core=mmc) as live:
        expected = script(mmc, live)
    report = live.report
    assert (report["status"], report["frames_acquired"]) == ("success", expected)
    assert report["frames_restored"] == expected
    assert_live_equals_offline(tmp_path / "s", LIVE)


@pytest.mark.parametrize("waits", [False, True], ids=["acquiring", "waiting"])
def test_cancelling(mmc: CMMCorePlus, tmp_path: Path, waits: bool) -> None:
    interval_s = 3600 if waits else 0.001
    plan = MDASequence(time_plan={"interval": interval_s, "loops": 1000})
    with pl.LiveRestoration(model=LIVE, save=tmp_path / "s", core=mmc) as live:
        thread = mmc.run_mda(plan, output=live)
        wait_until(lambda: live.latest is not None)
        mmc.mda.cancel()
        thread.join(30)
        assert not thread.is_alive()
    assert live.report["status"] == "aborted"
    assert live.report["frames_acquired"] == live.report["frames_restored"] > 0
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_queue_is_cancelled_with_its_sentinel(
    mmc: CMMCorePlus, tmp_path: Path
) -> None:
    events: queue.Queue[MDAEvent | None] = queue.Queue()
    with pl.LiveRestoration(model=LIVE, save=tmp_path / "s", core=mmc) as live:
        thread = mmc.run_mda(iter(events.get, None), output=live)
        events.put(MDAEvent())
        wait_until(lambda: live.latest is not None)
        mmc.mda.cancel()
        events.put(None)
        thread.join(20)
    assert live.report["frames_acquired"] == 1
    assert_live_equals_offline(tmp_path / "s", LIVE)


@pytest.mark.parametrize("fed", [False, True], ids=["sequence", "fed"])
def test_pausing(mmc: CMMCorePlus, tmp_path: Path, fed: bool) -> None:
    plan = MDASequence(time_plan={"interval": 0.1, "loops": 12})

    def pause(image: Any, event: MDAEvent) -> None:
        if event.index["t"] == 3:
            mmc.mda.set_paused(True)

    mmc.mda.events.frameReady.connect(pause)
    with pl.LiveRestoration(LIVE, tmp_path / "s", core=mmc) as live:
        mmc.run_mda(live.feed(plan) if fed else plan, output=live)
        wait_until(mmc.mda.is_paused)
        time.sleep(0.3)
        held = [line["status"] for line in read_log(tmp_path / "s" / "frames.jsonl")]
        mmc.mda.set_paused(False)
    assert held.count("raw") <= 4
    assert (live.report["status"], live.report["frames_acquired"]) == ("success", 12)
    assert_live_equals_offline(tmp_path / "s", LIVE)
