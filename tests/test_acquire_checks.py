"""Sequences from files: how they are read, and what is refused before a run."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sessions import timelapse
from useq import MDASequence, TIntervalLoops

from pssr_live.errors import ScannerError
from pssr_live.scanners.arrivals import run_layout
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.feedback.fed_sequence import fed_layout
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.sequence import read_sequence
from pssr_live.scanners.sequence_check import check_sequence

_EXAMPLE = r"write at least `time_plan: \{interval: 0, loops: 60\}`"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"cannot be read: No such file or directory; give a \.yaml file"),
        ("", rf"holds nothing: {_EXAMPLE}"),
        ("- a\n- b", rf"holds a list: {_EXAMPLE}"),
        ("hello", rf"holds a str: {_EXAMPLE}"),
        ("a: [", "is not YAML: while parsing .*; correct it there"),
        ("\x00", "is not YAML: unacceptable character"),
        ("chanels: [a]", "has the entry 'chanels', which means nothing: use auto"),
        ("1: 2", "has the entry '1', which means nothing"),
        (
            "channels: [{config: A, exposre: 3}]",
            "has the entry 'channels.0.exposre', which means nothing: use .*exposure",
        ),
        (
            "time_plan: {interval: 0, loops: 2, lops: 2}",
            "has the entry 'time_plan.lops', which means nothing: use interval, loops",
        ),
        (
            "{time_plan: {interval: 0, loops: 2}, setup: {propertis: []}}",
            "has the entry 'setup.propertis', which means nothing: use .*properties",
        ),
        (
            "stage_positions: [{x: 1, sequence: {z_plan: {range: 2, step: 1, s: 1}}}]",
            "has the entry 'stage_positions.0.sequence.z_plan.s', which means",
        ),
        (
            "time_plan: {interval: soon, loops: 3}",
            "wrong at time_plan.interval: Input should be a valid timedelta.*'soon'",
        ),
        ("time_plan: {interval: 0, loops: x}", "wrong at time_plan.loops: .* got 'x'"),
        (
            "time_plan: {interval: 0, loops: 0}",
            "wrong at time_plan.loops: Input should be greater than 0, got '0'",
        ),
        (
            "time_plan: {interval: 0}",
            r"wrong at time_plan\.\w+, or time_plan\.duration.*: it is missing",
        ),
        ("time_plan: 3", "wrong at time_plan: give a mapping, got '3'"),
        ("z_plan: {range: 2}", r"z_plan\.step.*: it is missing"),
        ("channels: FITC", "wrong at channels: Value error, channels must be a seq"),
        (
            "time_plan: {interval: 0, duration: 10}",
            r"has a time_plan \{'interval': 0, 'duration': 10\} that has no end or no",
        ),
        ("z_plan: {range: .nan, step: 1}", "has a z_plan .*nan.* no step: give finite"),
        (
            "stage_positions: [{x: 1, sequence: {z_plan: {range: .inf, step: 1}}}]",
            "has a plan at a position that has no end or no step: give finite",
        ),
        ("time_plan: {interval: 0, loops: 1000000000}", "for 1000000000 frames, more"),
        ("time_plan: {interval: 1.0e-6, duration: 3600}", r"for \d+ frames, more than"),
        (
            "{grid_plan: {rows: 9000, columns: 9000}, channels: [A, B]}",
            "asks for 162000000 frames, more than memory .* give 10000000 or fewer",
        ),
        (
            "stage_positions: [{x: 0, sequence: {z_plan: {range: 1.0e+9, step: 1}}}]",
            "asks for 1000000001 frames",
        ),
        (
            "{keep_shutter_open_across: [t, p, z], time_plan: {interval: 0, loops: 9},"
            " stage_positions: [{x: 0}, {x: 1, z_plan: {range: 2, step: 1}}]}",
            "only some of its positions have the axis z, .*: take keep_shutter",
        ),
        ("axis_order: tq", "wrong at axis_order: .*Got extra"),
        ("metadata: {a: 1}", rf"gives no frame: {_EXAMPLE}"),
    ],
)
def test_what_is_wrong_with_a_sequence_is_said(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "a.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScannerError, match=message) as caught:
        read_sequence(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ScannerError, match="is not YAML"):
        read_sequence(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "time_plan: {interval: 0.5, loops: 3}",
        '{"time_plan": {"interval": 0, "loops": 3}}',
        "time_plan: [{interval: 0, loops: 2}, {interval: 1, loops: 2}]",
        "time_plan: {phases: [{interval: 0, loops: 2}]}",
        "channels: [DAPI, {config: FITC, exposure: 5, group: Channel}]",
        "stage_positions: [{x: 1, y: 2, name: a}, {z: 3}]",
        "grid_plan: {rows: 2, columns: 2, overlap: [1, 1]}",
        "z_plan: {top: 2, bottom: 0, step: 1}",
        "{time_plan: {interval: {seconds: 1}, loops: 2}, metadata: {any: {thing: 1}}}",
        "{channels: [A], setup: {properties: [[D, P, 1]]}, axis_order: tpgcz}",
    ],
)
def test_whatever_useq_knows_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert len(list(read_sequence(tmp_path / "a.yaml"))) > 0


def test_a_position_may_have_plans_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "z_plan: {range: 2, step: 1}\n"
        "stage_positions:\n"
        "- {x: 1, y: 1, z: 0}\n"
        "- {x: 2, y: 2, z: 10, z_plan: {above: 4, below: 0, step: 2}}\n"
    )
    sequence = read_sequence(path)
    planes = [[e.z_pos for e in sequence if e.index["p"] == p] for p in (0, 1)]
    assert planes == [[-1, 0, 1], [10, 12, 14]]


def test_the_layout_tells_interval_and_step() -> None:
    sequence = MDASequence(
        time_plan=TIntervalLoops(interval=timedelta(seconds=2), loops=2),
        channels=["DAPI", "FITC"],
        z_plan={"range": 2, "step": 0.5},
    )
    layout = run_layout(sequence)
    assert (len(layout), layout.interval_s, layout.z_step_um) == (20, 2.0, 0.5)
    assert layout.channel_names == ("DAPI", "FITC")


@pytest.mark.parametrize(
    ("general", "own", "step_um"),
    [
        ({"range": 2, "step": 1}, None, 1),
        (None, {"range": 2, "step": 0.5}, 0.5),  # the other has one plane
        ({"range": 2, "step": 1}, {"range": 4, "step": 1}, 1),
        ({"range": 2, "step": 1}, {"range": 2, "step": 0.5}, None),
        ({"range": 2, "step": 1}, {"relative": [-2, 0, 1]}, None),
    ],
)
def test_a_step_in_which_positions_differ_is_not_told(
    general: Any, own: Any, step_um: float | None
) -> None:
    places = [{"x": 0, "z": 0}, {"x": 1, "z": 0, "sequence": {"z_plan": own}}]
    sequence = MDASequence(stage_positions=places, z_plan=general)
    assert run_layout(sequence).z_step_um == step_um
    assert fed_layout(sequence).z_step_um == step_um


def test_the_layout_of_a_long_run_takes_little_memory() -> None:
    sequence = timelapse(3_000)
    tracemalloc.start()
    layout = run_layout(sequence)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(layout) == 3_000
    assert peak_bytes / len(layout) < 1200  # with the events it was 2400


@pytest.mark.parametrize(("own_s", "interval_s"), [(2, 2), (5, None)])
def test_nor_is_an_interval(own_s: float, interval_s: float | None) -> None:
    own = {"time_plan": {"interval": own_s, "loops": 2}}
    plan = {"time_plan": {"interval": 2, "loops": 3}}
    sequence = MDASequence(stage_positions=[{"sequence": own}, {"sequence": plan}])
    assert run_layout(sequence).interval_s == interval_s


# -- checking ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"channels": ["Unobtainium"]}, "no preset 'Unobtainium' in .*: use .*DAPI"),
        (
            {"channels": [{"group": "Colour", "config": "DAPI"}]},
            "no preset 'DAPI' in the group 'Colour': use no channels",
        ),
        (
            {"stage_positions": [{"x": 0, "sequence": {"channels": ["Odd"]}}]},
            "no preset 'Odd' in the group 'Channel'",
        ),
        ({"setup": {"properties": [["Foo", "Gain", 1]]}}, "the device 'Foo'; the mic"),
        ({"setup": {"properties": [["Camera", "Gian", 1]]}}, "Camera-Gian, which does"),
        (
            {"setup": {"properties": [["Camera", "Binning", 77]]}},
            "cannot set Camera-Binning to 77: ",
        ),
        (
            {"setup": {"properties": [["Camera", "CameraID", "x"]]}},
            "sets Camera-CameraID, which can only be read; take",
        ),
    ],
)
def test_what_the_microscope_lacks_is_said(
    demo_core: ScanCore, words: dict[str, Any], message: str
) -> None:
    sequence = MDASequence(time_plan={"interval": 0, "loops": 2}, **words)
    with pytest.raises(ScannerError, match=message) as caught:
        check_sequence(demo_core, sequence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"stage_positions": [{"x": 1, "y": 2}]}, "needs an XY stage and the"),
        ({"z_plan": {"range": 2, "step": 1}, "stage_positions": [{"z": 1}]}, "focus"),
        (
            {"autofocus_plan": {"autofocus_motor_offset": 1, "axes": ["t"]}},
            "needs an autofocus and the microscope has none",
        ),
        (
            {"setup": {"properties": [["Scanner", "Resolution", 77]]}},
            "cannot set Scanner-Resolution to 77: .*choose one of: 32",
        ),
    ],
)
def test_what_the_scanner_lacks_is_said(
    scanner_core: ScanCore, words: dict[str, Any], message: str
) -> None:
    sequence = MDASequence(time_plan={"interval": 0, "loops": 2}, **words)
    with pytest.raises(ScannerError, match=message):
        check_sequence(scanner_core, sequence)


def test_a_core_without_camera() -> None:
    core = open_core(None)
    with pytest.raises(ScannerError, match="has no camera: add `Property,Core,Cam"):
        check_sequence(core, MDASequence(time_plan={"interval": 0, "loops": 2}))
    close_core(core)
