"""Callbacks that answer pictures with events: what is run, and when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fed_runs import answering, indices, run_fed
from sessions import (
    LIVE,
    assert_live_equals_offline,
    small_scanner,
    timelapse,
)
from useq import MDAEvent

from pssr_live.frame import Restored
from pssr_live.scanners.feedback.feed import AXIS
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.session import read_log


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


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
        plan=timelapse(2, interval_s=4.0),
        in_step=False,
    )
    assert time.monotonic() - begun >= 4.0
    raw = [
        line
        for line in read_log(tmp_path / "s" / "frames.jsonl")
        if line["status"] == "raw"
    ]
    assert [AXIS in line["index"] for line in raw] == [False, True, False]
    assert raw[1]["time_s"] < raw[2]["time_s"] - 0.3


def test_an_event_asked_for_later_does_not_hold_up_the_plan(
    core: ScanCore, tmp_path: Path
) -> None:
    later = MDAEvent(min_start_time=4)
    begun_s = time.monotonic()
    run_fed(core, tmp_path / "s", answering(1, later), plan=timelapse(4))
    assert indices(tmp_path / "s") == [
        *({"t": t} for t in range(4)),
        {"t": 0, AXIS: 0},  # the last picture was shown long before
    ]
    assert time.monotonic() - begun_s >= 4


def test_an_answer_with_times_leaves_the_clock_of_the_plan_alone(
    core: ScanCore, tmp_path: Path
) -> None:
    times = []
    core.mda.events.eventStarted.connect(lambda event: times.append(event))
    run_fed(
        core, tmp_path / "s", answering(2, timelapse(2, 0.1)), plan=timelapse(4, 0.3)
    )
    asked = [event for event in times if AXIS in event.index]
    assert len(asked) == 2
    assert not any(event.reset_event_timer for event in asked)
    first_s, second_s = (event.min_start_time for event in asked)
    assert first_s >= 0.6  # of the run, when the third frame came
    assert second_s - first_s == pytest.approx(0.1)


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
