"""`pssr-live bench` measures all that works, in turns, and says why not the rest."""

from __future__ import annotations

import json
import re
import shlex
import sys

import numpy as np
import pytest
from cli import Cli
from PIL import Image

from pssr_live.bench.bars import report_bars
from pssr_live.bench.beside import live_or_why_not
from pssr_live.bench.candidates import gather
from pssr_live.bench.measure import _compare_with_copies
from pssr_live.bench.picture import draw_picture
from pssr_live.bench.rounds import run_rounds
from pssr_live.bench.rows import _copying, busy
from pssr_live.bench.settings import BenchSettings
from pssr_live.card import load_model
from pssr_live.engines import installed, ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.errors import EngineError, SettingsError

LIVE = "mito-mf5-x4-live"
BRIEF = ("--seconds", "0.1", "--engine", "onnxruntime")


@pytest.fixture
def cli(monkeypatch, capsys):
    return Cli(monkeypatch, capsys)


class OtherEngine(BicubicEngine):
    """Another engine; what it says of itself is up to each test."""

    name = "other"
    rank = 1
    restores = False

    @classmethod
    def is_incompatible(cls, model):
        return "There is no such device."


@pytest.fixture
def three_engines(monkeypatch):
    kinds = [OtherEngine, OnnxEngine, BicubicEngine]
    monkeypatch.setattr("pssr_live.bench.candidates.engine_classes", lambda: kinds)
    monkeypatch.setattr(ladder, "engine_classes", lambda: kinds)


def silent(what, share):
    assert 0 <= share <= 1


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Two sizes with all peers, without a live run: told as JSON, and its folder."""
    folder = tmp_path_factory.mktemp("bench") / "out"
    with pytest.MonkeyPatch.context() as patch:
        words = ["bench", *BRIEF, "--size", "16", "--size", "24", "--no-live"]
        told = _run(patch, *words, "--out", folder, "--json")
    return json.loads(told), folder


def _run(patch, *words):
    import io

    from pssr_live.__main__ import main

    out = io.StringIO()
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "argv", ["pssr-live", *map(str, words)])
    with pytest.raises(SystemExit, match="0"):
        main()
    return out.getvalue()


def test_every_figure_that_was_asked_for_is_there(measured):
    report, _ = measured
    assert report["model"]["name"] == LIVE
    assert report["machine"]["cpu"]
    assert set(report["engines"]) == {"onnxruntime", "bicubic"}
    assert report["chosen"] == "onnxruntime"
    engine = report["engines"]["onnxruntime"]
    assert 0 < engine["self_test_error"] < 1e-3
    assert engine["build_s"] == 0
    assert engine["start_s"] > 0
    assert engine["memory_mb"] is None or engine["memory_mb"] > 10
    assert report["engines"]["bicubic"]["self_test_error"] is None
    for size in engine["sizes"].values():
        order = [size[f"{n}_ms"] for n in ("min", "p50", "p95", "p99", "max")]
        assert order == sorted(order)
        assert order[0] > 0
        assert size["gflop_per_s"] == pytest.approx(
            1e3 * size["gflop"] / size["p50_ms"], rel=1e-2
        )
        peak = report["cpu_peak"]["gflop_per_s"]
        assert size["peak_share"] == pytest.approx(size["gflop_per_s"] / peak, rel=1e-2)
        assert 0 < size["cores_used"]
        assert 0 < size["paced"]["frames_per_s"] < 31
    assert "live" not in report


def test_all_have_the_same_number_of_rounds(measured):
    report, _ = measured
    engines = report["engines"].values()
    for side in ("16", "24"):
        assert len({engine["sizes"][side]["rounds"] for engine in engines}) == 1
    first = next(iter(engines))["sizes"]["16"]["rounds"]
    beside = [*report["peers"].values(), report["recorded_run"]]
    assert {each["rounds"] for each in beside} == {first}
    assert len(report["peers"]) >= 2


def test_nobody_has_two_turns_running():
    class Turn:
        def __init__(self, name):
            self.name, self.rounds = name, 0

        def warm_up(self):
            order.append(f"warm {self.name}")

        def turn(self):
            self.rounds += 1
            order.append(self.name)

    order = []
    turns = [Turn("a"), Turn("b")]
    rounds = run_rounds(turns, 0.6, "both", silent)
    assert order == ["warm a", "warm b", *["a", "b"] * rounds]
    assert [turn.rounds for turn in turns] == [rounds, rounds]
    assert rounds >= 2


def test_the_folder_holds_what_was_printed_and_a_picture(measured):
    report, folder = measured
    assert sorted(p.name for p in folder.iterdir()) == [
        "bench.json",
        "bench.md",
        "bench.png",
    ]
    assert json.loads((folder / "bench.json").read_text("utf-8")) == report
    page = (folder / "bench.md").read_text("utf-8")
    for words in ("onnxruntime (in use)", "PSSR-MF", "PSSR2 ResUNet", "![](bench.png)"):
        assert words in page
    with Image.open(folder / "bench.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert picture.width > picture.height > 200
    # Engine in use, networks of others, words: nothing of it is missing.
    shown = {tuple(colour) for colour in pixels}
    assert {(255, 176, 59), (150, 120, 230), (232, 234, 238)} <= shown


def test_figures_are_not_replaced_unasked(measured, cli):
    _, folder = measured
    cli("bench", *BRIEF, "--out", folder).assert_refused("--overwrite")


def test_a_live_run_ends_it_and_engines_that_do_not_work_are_listed(cli, three_engines):
    told = cli("bench", "--seconds", "0.1", "--size", "16", "--no-peers")
    assert told.code == 0, told
    words = " ".join(told.out.split())
    assert "There is no such device." in words
    assert "in use" in words
    assert "24 frames" not in words
    assert re.search(r"Live, .* 0 lost", words)
    assert "PSSR2 ResUNet" not in words


def test_refusals_are_told_with_reasons(three_engines):
    field = gather(load_model(LIVE), (), True, 16, silent)
    field.close()
    assert field.refused == {"other": "There is no such device."}
    assert [c.engine.name for c in field.candidates] == ["onnxruntime", "bicubic"]
    assert field.chosen.engine.name == "onnxruntime"


def test_an_engine_that_cannot_start_afresh_is_refused(three_engines, monkeypatch):
    monkeypatch.setattr(OtherEngine, "is_incompatible", classmethod(lambda *_: None))
    # It exists in this process alone, so that the fresh one knows nothing of it.
    field = gather(load_model(LIVE), (), True, 16, silent)
    field.close()
    assert "no engine 'other'" in field.refused["other"]


@pytest.mark.parametrize(
    ("named", "says"),
    [(("fastest",), "There is no engine 'fastest'"), (("other",), "no such device")],
)
def test_engines_that_cannot_be_measured_are_an_error(three_engines, named, says):
    with pytest.raises(EngineError, match=says):
        gather(load_model(LIVE), named, True, 16, silent)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sizes": (8,)}, "8 pixels"),
        ({"sizes": (64, 64)}, "64, 64"),
        ({"sizes": ()}, "none"),
        ({"seconds": 0.0}, "0 seconds"),
        ({"seconds": float("inf")}, "inf seconds"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(SettingsError, match=says):
        BenchSettings(LIVE, **settings)


def test_the_time_is_shared_out_and_all_of_it():
    settings = BenchSettings(LIVE, sizes=(128, 256, 512), seconds=60)
    shares = [settings.seconds_for(side) for side in settings.sizes]
    assert shares == pytest.approx([40, 10, 10])
    assert BenchSettings(LIVE, sizes=(64,), seconds=3).seconds_for(64) == 3


def test_the_example_of_the_help_works(cli, monkeypatch, tmp_path):
    (example,) = re.findall(r"`(pssr-live bench [^`]+)`", _help())
    words = shlex.split(example)[1:]
    words[words.index("--seconds") + 1] = "0.1"
    monkeypatch.chdir(tmp_path)
    told = cli(*words, *BRIEF[2:], "--size", "16", "--no-live", "--no-peers")
    assert told.code == 0, told
    assert (tmp_path / "speed" / "bench.png").is_file()


def _help():
    from pssr_live.commands.bench import bench

    return " ".join(bench.__doc__.split())


def at_128(**changes):
    """Return as much of a report as its bars need."""
    size = {
        "p50_ms": 10.0,
        "frames_per_s": 99.0,
        "network_peak_share": 0.85,
        "paced": {"cores_used": 0.6},
    }
    return {
        "chosen": "e",
        "settings": {"sizes": [128]},
        "machine": {"cores": 2},
        "engines": {"e": {"device": "cpu", "sizes": {"128": size}}},
        "peers": {"PSSR-MF": {"device": "cpu", "p50_ms": 1500.0}},
        "recorded_run": {"overhead": 0.1},
        "live": {"restored_per_s": 38.0},
    } | changes


def test_bars_compare_what_was_measured():
    bars = report_bars(at_128())
    assert [bar["met"] for bar in bars] == [True] * 6
    assert [bar["value"] for bar in bars] == [99, 0.85, 150, 1.4, 38, 0.1]


@pytest.mark.parametrize(
    ("changes", "not_run", "missed"),
    [
        ({"settings": {"sizes": [64]}}, [2, 5], []),
        ({"peers": {}}, [2], []),
        ({"peers": {"PSSR-MF, cuda": {"device": "cuda", "p50_ms": 9.0}}}, [2], []),
        ({"recorded_run": {"overhead": 0.3}}, [], [5]),
        ({"machine": {"cores": 1}}, [], [3]),
    ],
)
def test_a_bar_without_a_figure_is_neither_met_nor_missed(changes, not_run, missed):
    met = [bar["met"] for bar in report_bars(at_128(**changes))]
    assert [n for n, value in enumerate(met) if value is None] == not_run
    assert [n for n, value in enumerate(met) if value is False] == missed


def on_a_gpu(**changes):
    """Return what a report with a GPU needs for its bars and sentences."""
    sizes = {
        "128": {"p50_ms": 0.2, "p99_ms": 0.3, "frames_per_s": 4000.0},
        "512": {"p50_ms": 1.0, "p99_ms": 2.5, "frames_per_s": 900.0},
    }
    return at_128(
        engines={"e": {"device": "A GPU", "sizes": sizes}},
        peers={"PSSR-MF, cuda": {"device": "cuda", "p50_ms": 9.0}},
        model={"scale": 4},
        gpu={"upload_gb_per_s": 20.0, "download_gb_per_s": 25.0},
        **changes,
    )


def test_a_gpu_has_bars_of_its_own():
    bars = {bar["what"]: (bar["value"], bar["met"]) for bar in report_bars(on_a_gpu())}
    assert bars.pop("PSSR-MF, times ours") == (45, True)
    assert bars.pop("e, 128 x 128, ms (median)") == (0.2, True)
    assert bars.pop("e, 128 x 128, p99 over median") == (1.5, True)
    assert bars.pop("e, 512 x 512, ms (median)") == (1, True)
    assert bars.pop("e, 512 x 512, p99 over median") == (2.5, False)
    assert not [what for what in bars if "peak" in what]


def test_the_way_to_a_gpu_and_back_is_told():
    report = on_a_gpu()
    sizes = report["engines"]["e"]["sizes"]
    _compare_with_copies(report, sizes)
    # 512 x 512 x 2 bytes at 20 GB/s, and sixteen times as many back at 25 GB/s.
    assert sizes["512"]["copy_ms"] == pytest.approx(0.0262 + 0.3355, rel=1e-3)
    (told,) = _copying(report)
    assert "11% of 128 x 128, 36% of 512 x 512" in told


def test_a_busy_machine_is_said_in_words_and_in_the_picture(measured, tmp_path):
    report, _ = measured
    quiet, disturbed = report | {"quiet": True}, report | {"quiet": False}
    assert busy(quiet) is None
    assert "Measure again" in (busy(disturbed) or "")
    for name, each in (("quiet", quiet), ("disturbed", disturbed)):
        draw_picture(tmp_path / f"{name}.png", each)
    heads = []
    for name in ("quiet", "disturbed"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            heads.append(np.asarray(picture)[84:110])
    assert len(np.unique(heads[0])) < len(np.unique(heads[1]))


def test_a_model_that_looks_ahead_is_measured_too(cli):
    told = cli(
        *("bench", *BRIEF, "-m", "mito-mf5-x4", "--size", "16"),
        *("--no-peers", "--no-live", "--json"),
    )
    assert told.code == 0
    assert told.json["model"]["name"] == "mito-mf5-x4"


def test_a_live_run_without_scipy_names_the_extra(monkeypatch):
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    left_out = {}
    assert not live_or_why_not(load_model(LIVE), "onnxruntime", 1.0, left_out, silent)
    assert left_out == {
        "live run": "The package scipy is not installed: run "
        '`pip install "pssr-live[demo]"`.'
    }
