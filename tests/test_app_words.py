"""What the window says: numbers, lights, words and files, without Qt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pssr_live.app.cards import known_models, match, page
from pssr_live.app.engine_words import (
    engine_line,
    fall_of,
    only_interpolates,
    why_lines,
)
from pssr_live.app.forecast import field_at_full, forecast, in_words
from pssr_live.app.keys import KEYS, listed
from pssr_live.app.message import Kind, in_window, outcome_of, sentence_of
from pssr_live.app.names import new_session, new_view
from pssr_live.app.rates import Rate
from pssr_live.app.remembered import Remembered, is_there, recall, remember
from pssr_live.app.render import COLOURS
from pssr_live.app.situation import Action, Situation, allowed
from pssr_live.app.status import Speeds, Tone, late, minutes, minutes_left, readings
from pssr_live.app.throttle import Throttled
from pssr_live.app.trust import Colour, Evidence, light
from pssr_live.card import load_model
from pssr_live.errors import StorageError
from pssr_live.pipeline import Counters
from pssr_live.scanners.account import outcome
from pssr_live.scanners.profiles import Beam, load_profile
from pssr_live.scanners.tally import Tally

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
WHITE = COLOURS["grey"]


@pytest.mark.parametrize("interpolated", [0, 3])
def test_a_window_names_its_own_keys_and_no_command(interpolated: int) -> None:
    counters = Counters(acquired=9, recorded=9, restored=9 if interpolated else 7)
    _, reason = outcome(counters, interpolated=interpolated)
    assert "`pssr-live restore`" in reason  # as the command line and the file say it
    said = in_window(reason)
    assert "open the raw movie (O) and restore it (G)" in said
    assert "pssr-live" not in said


# -- numbers and lights --------------------------------------------------------------


def test_rates_forget_a_counter_that_began_again() -> None:
    rate = Rate()
    assert [rate.update(t, 30 * t) for t in (0, 1, 2)] == [0, 30, 30]
    assert rate.update(3, 5) == 0
    assert rate.update(4, 25) == 20


def test_the_strip_tells_what_is_wrong() -> None:
    tally = Tally(100, 90, 4, 2, 3, (10.0, 20.0, 400.0))
    told = {r.name: r for r in readings(tally, Speeds(30, 20, 29), 2, 5.0)}
    assert told["restored"].tone is Tone.WARN
    assert told["lost"].tone is Tone.BAD and told["lost"].value == "2"
    assert told["deferred"].tone is Tone.WARN
    assert told["disk"].tone is Tone.BAD and told["disk"].value == "5 min"
    assert told["latency p95"].value == "362 ms"
    calm = {r.name: r for r in readings(Tally(), Speeds(), None, None)}
    assert {r.value for r in calm.values()} == {"–", "0"}
    assert not {Tone.WARN, Tone.BAD} & {r.tone for r in calm.values()}


def test_minutes_left_on_the_disk() -> None:
    assert minutes_left(6_000_000, 1000, 10) == 10
    assert minutes_left(1, 1000, 0) is None
    said = [minutes(m) for m in (None, 0.4, 7.2, 95, 400, 9e9)]
    assert said == ["–", "24 s", "7 min", "95 min", "6.7 h", "> 69 days"]
    assert [late(ms) for ms in ((), (10.0, 20.0), (4000.0,))] == ["–", "20 ms", "4.0 s"]


GOOD = Evidence(restored=True)
LIGHTS = [
    (Evidence(), Colour.OFF, "no picture yet"),
    (GOOD, Colour.AMBER, "not checked"),
    (Evidence(True, reference_gain_db=4.0), Colour.GREEN, "checked, +4.0 dB"),
    (Evidence(True, reference_gain_db=-1.0), Colour.RED, "disagrees"),
    (Evidence(True, reference_failed="moved"), Colour.AMBER, "failed"),
    (Evidence(True, pixel_size_known=False), Colour.AMBER, "unknown"),
    (Evidence(True, mismatch="too big."), Colour.RED, "outside"),
    (Evidence(True, engine_restores=False), Colour.RED, "not restored"),
    # The worst reason decides, whatever a reference said before.
    (Evidence(True, False, "", True, 9.0), Colour.RED, "not restored"),
    (Evidence(True, True, "too big.", True, 9.0), Colour.RED, "outside"),
]


@pytest.mark.parametrize(("known", "colour", "words"), LIGHTS)
def test_the_trust_light(known: Evidence, colour: Colour, words: str) -> None:
    found = light(known)
    assert found.colour is colour and words in found.words
    assert found.why.endswith((".", ").", "failed", "moved"))


# -- what may be done ----------------------------------------------------------------

IDLE = {Action.CONNECT, Action.MODEL, Action.OPEN}
READY = IDLE | {Action.SCANNER, Action.LIVE, Action.PLAN, Action.RECORD, Action.SNAP}
SITUATIONS = [
    (Situation(), IDLE),
    (Situation(connected=True), IDLE | {Action.SCANNER}),
    (Situation(connected=True, model=True), READY),
    (
        Situation(True, True, live=True),
        (READY - {Action.SNAP}) | {Action.STOP, Action.REFERENCE},
    ),
    (
        Situation(True, True, live=True, recording=True),
        {Action.STOP, Action.RECORD, Action.REFERENCE},
    ),
    (Situation(True, True, running=True), {Action.STOP}),
    (Situation(True, True, finishing=True, busy="finishing the recording"), set()),
    (Situation(True, True, busy="connecting"), set()),
    (
        Situation(True, True, live=True, recording=True, busy="taking a reference"),
        {Action.STOP, Action.RECORD},
    ),
    (
        Situation(True, True, live=True, busy="taking a reference"),
        {Action.STOP, Action.RECORD},
    ),
    (Situation(True, True, busy="setting the scanner"), {Action.RECORD}),
    (Situation(True, True, busy="starting"), {Action.RECORD}),
    (Situation(True, busy="starting"), set()),
    (Situation(True, True, live=True, busy="starting to record"), {Action.STOP}),
    (Situation(True, True, restoring=True, busy="setting the scanner"), {Action.STOP}),
    (Situation(model=True, movie=True), IDLE | {Action.RESTORE}),
    (Situation(model=True, movie=True, restoring=True), {Action.STOP}),
    (
        Situation(model=True, movie=True, restored=True, picture=True),
        IDLE | {Action.RESTORE, Action.SAVE, Action.EXPORT},
    ),
]


@pytest.mark.parametrize(("now", "can"), SITUATIONS)
def test_what_can_be_done(now: Situation, can: set[Action]) -> None:
    assert allowed(now) == can


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (Situation(), "not connected"),
        (Situation(connected=True), "ready"),
        (Situation(live=True, recording=True), "recording"),
        (Situation(running=True), "running the plan"),
        (Situation(movie=True, restoring=True), "restoring the movie"),
        (Situation(busy="connecting", live=True), "connecting"),
    ],
)
def test_what_is_going_on(now: Situation, word: str) -> None:
    assert now.word == word


@pytest.mark.parametrize("what", ["recording", "running", "finishing"])
def test_what_closing_has_to_wait_for(what: str) -> None:
    assert Situation(**{what: True}).acquiring
    assert not Situation(live=True, busy="starting").acquiring


# -- words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "frame_line", "saving"),
    [
        (128, "29 ms a frame, 34.3 /s", "10.7× faster, 16.0× less dose"),
        (256, "91 ms a frame, 11.0 /s", "3.4× faster, 4.0× less dose"),
        (512, "313 ms a frame, 3.2 /s", "full density: no time and no dose saved"),
    ],
)
def test_forecasts(value: int, frame_line: str, saving: str) -> None:
    profile = load_profile("simulated")
    field = field_at_full(profile, 128, (128, 128), 0.2, Beam(1.0, 1, 0.0))
    assert field.shape == (512, 512) and field.pixel_size_um == pytest.approx(0.05)
    seen = forecast(profile, field, value)
    assert in_words(seen) == (frame_line, saving)
    assert seen.pixel_size_um == pytest.approx(25.6 / value)


def test_a_cameras_forecast_saves_nothing() -> None:
    profile = load_profile("democamera")
    field = field_at_full(profile, 1, (512, 512), 1.0, Beam(None, 1, 10.0))
    seen = forecast(profile, field, 4)
    assert (seen.shape, seen.time_ratio, seen.frame_ms) == ((128, 128), 1, 10)
    assert in_words(seen)[1] == "no time and no dose saved"
    assert in_words(forecast(profile, field, 1))[1].startswith("full density: no time")


REPORT: dict[str, Any] = {
    "name": "onnxruntime",
    "device": "cpu",
    "precision": "float32",
    "restores": True,
    "self_test_error": 3e-7,
    "refused": {"tensorrt": "It is not installed."},
    "absent": ["tensorrt"],
}
FALLEN = REPORT | {
    "name": "bicubic",
    "restores": False,
    "self_test_error": None,
    "refused": {"onnxruntime": "the device was lost.", "tensorrt": "Not installed."},
}


def test_engines_in_words() -> None:
    assert engine_line(None) == "no engine yet"
    assert engine_line(REPORT) == "onnxruntime on cpu, float32"
    assert engine_line(FALLEN).endswith(": NOT RESTORED")
    assert "to within 3e-07" in why_lines(REPORT)
    assert "tensorrt: It is not installed." in why_lines(REPORT)
    assert "nothing was proved" in why_lines(FALLEN)
    assert fall_of(None, REPORT) is None and fall_of(REPORT, REPORT) is None
    assert fall_of(REPORT, FALLEN) == (
        "The engine onnxruntime failed (the device was lost): pictures are only "
        "interpolated now, NOT restored."
    )
    better = REPORT | {"name": "tensorrt", "refused": {}}
    assert fall_of(REPORT, better) is None  # that was no fall
    assert only_interpolates(REPORT) is None
    assert "onnxruntime failed" in str(only_interpolates(FALLEN))
    assert "was asked for" in str(only_interpolates(FALLEN | {"refused": {}}))


def test_outcomes_in_words() -> None:
    report = {
        "frames_recorded": 12,
        "frames_deferred": 0,
        "status": "success",
        "reason": "",
    }
    kind, text = outcome_of(report, Path("s"))
    assert (kind, text) == (Kind.INFO, "12 frames saved in s.")
    failed = report | {"status": "failed", "reason": "The disk is full.", "x": 1}
    assert outcome_of(failed, None) == (
        Kind.ERROR,
        "The disk is full. 12 frames saved.",
    )
    late_ones = report | {"frames_deferred": 3, "frames_recorded": 1}
    assert "1 frame saved, 3 of them restored after" in outcome_of(late_ones, None)[1]
    assert sentence_of(StorageError("Full;\nfree some.")) == "Full; free some."
    assert sentence_of(ValueError()).endswith("ValueError: no word.")


def test_cards_and_their_match() -> None:
    model = load_model("mito-mf5-x4-live")
    found = [match(model.card, size).good for size in (0.2, 0.05, None)]
    assert found == [True, False, None]
    captions = dict(page(model))
    assert "never waits" in captions["Looks at"]
    assert "Made for fluorescence" in captions["Where it fails"]
    assert "mito-mf5-x4" in known_models()


def test_every_key_is_listed_once() -> None:
    keys = [key for one in KEYS for key in one.keys]
    assert len(keys) == len(set(keys))
    assert sum(map(len, listed().values())) == len(KEYS)


# -- files ---------------------------------------------------------------------------


def test_names_never_meet(tmp_path: Path) -> None:
    now = datetime(2024, 2, 1, 9, 30)
    assert new_session(tmp_path, now).name == "2024-02-01_09-30-00"
    new_session(tmp_path, now).mkdir()
    assert new_session(tmp_path, now).name == "2024-02-01_09-30-00_2"
    new_view(tmp_path, now).write_text("")
    assert new_view(tmp_path, now).name == "view_2024-02-01_09-30-00_2.png"
    long = tmp_path / ("x" * 300)  # it is the disk that says so, once it is used
    assert new_session(long, now).parent == long


def test_settings_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "window.json"
    assert recall(path) == Remembered()
    what = Remembered(model="m", split=True, colours={"DAPI": "blue"})
    remember(path, what)
    assert recall(path) == what
    path.write_text('{"reference_every": -4}')
    assert recall(path) == Remembered()
    path.write_text('{"colours": {"a": "puce", "b": "blue"}, "model": "m"}')
    assert recall(path) == Remembered(model="m", colours={"b": "blue"})
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "window.json", what)  # costs only the settings


def test_progress_is_thinned_but_its_end_is_told() -> None:
    told: list[tuple[int, int]] = []
    show = Throttled(lambda done, total: told.append((done, total))).call
    for done in range(1, 1001):
        show(done, 1000)
    assert told[0] == (1, 1000) and told[-1] == (1000, 1000) and len(told) < 20


def test_damaged_settings_are_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "window.json"
    for text in ("[1]", "{", '{"split": "perhaps", "marks": 9}'):
        path.write_text(text)
        assert recall(path) == Remembered()
        assert caplog.messages[-1].startswith(f"The settings in {path} are not used: ")
        assert "\n" not in caplog.messages[-1]
    assert "split: Input should be a valid boolean" in caplog.messages[-1]


def test_what_no_disk_could_name_is_not_there(tmp_path: Path) -> None:
    there = tmp_path / "a.cfg"
    there.touch()
    assert is_there(str(there))
    assert not any(map(is_there, ("", "x" * 5000, "a\0b", str(tmp_path))))
