"""Engines that trade exactness for speed: how much, and never without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models import copy_model
from pssr_live.card import Model, load_model
from pssr_live.crappifier import Crappifier, Recipe
from pssr_live.crappifier.detector import Photons, ReadNoise
from pssr_live.crappifier.recipe import AnyStep
from pssr_live.crappifier.sampling import Scan
from pssr_live.engines import EngineLadder, FloatEngine, installed, openvino
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.engines.onnx_int8 import OnnxInt8Engine
from pssr_live.engines.openvino import OpenVinoEngine
from pssr_live.errors import EngineError
from pssr_live.evaluation.metrics import psnr
from pssr_live.frame import Frame, Pixels
from pssr_live.intensity import IntensityMap, fit
from pssr_live.samples.mito import MitoSample
from pssr_live.samples.optics import ScanGrid
from pssr_live.window import Window

OPT_IN: list[type[FloatEngine]] = [OpenVinoEngine, OnnxInt8Engine]
MODEL = "mito-mf5-x4-live"
HELD = IntensityMap(200, 900)


def start(kind: type[FloatEngine], model: Model) -> FloatEngine:
    reason = kind.is_incompatible(model)
    if reason is not None:
        pytest.skip(reason)
    return kind(model)


@pytest.fixture(scope="module")
def bf16() -> Iterator[FloatEngine]:
    engine = start(OpenVinoEngine, load_model(MODEL))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def exact() -> Iterator[OnnxEngine]:
    engine = OnnxEngine(load_model(MODEL))
    yield engine
    engine.close()


def window(pixels: Pixels, held: IntensityMap = HELD) -> Window:
    frames = tuple(Frame(p, ordinal=t, index={"t": t}) for t, p in enumerate(pixels))
    return Window(frames, frames[-1], held)


def cell(shape: tuple[int, int]) -> Pixels:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[: shape[0], : shape[1]]
    tubes = np.sin(y / 5 + 2 * np.sin(x / 9)) ** 8
    return np.stack([rng.poisson(200 + 900 * tubes) for _ in range(5)]).astype("u2")


def hot(shape: tuple[int, int]) -> Pixels:
    pixels = np.full((5, *shape), 200, np.uint16)
    pixels[:, 7, 9] = 65535
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(cell((40, 48)), id="cell"),
        pytest.param(cell((17, 33)), id="odd"),
        pytest.param(cell((1, 1)), id="one pixel"),
        pytest.param(cell((30, 270)), id="larger than a tile"),
        pytest.param(np.zeros((5, 20, 24), np.uint16), id="dark"),
        pytest.param(np.full((5, 20, 24), 65535, np.uint16), id="saturated"),
        pytest.param(hot((20, 24)), id="hot pixel"),
    ],
)
def test_bf16_is_close_whatever_a_detector_gives(
    pixels: Pixels, bf16: FloatEngine, exact: OnnxEngine
) -> None:
    given = window(pixels)
    ours, expected = bf16.restore(given), exact.restore(given)
    assert ours.dtype == np.uint16
    # The error grows with the brightness: it is a share of what is computed.
    brightest = max(1.0, float(np.abs(given.values()).max()))
    allowed = 2 * bf16.card.opt_in_tolerance * brightest * HELD.scale + 1
    np.testing.assert_allclose(ours.astype(int), expected.astype(int), atol=allowed)


def test_bf16_takes_windows_that_lack_frames(
    bf16: FloatEngine, exact: OnnxEngine
) -> None:
    values = window(cell((24, 20))).values()
    there = np.array([0, 0, 1, 0, 1], np.float32)
    values *= there[:, np.newaxis, np.newaxis]
    ours, expected = (e.run(values, there) for e in (bf16, exact))
    allowed = bf16.card.opt_in_tolerance
    np.testing.assert_allclose(ours, expected, atol=2 * allowed)
    kept = ours.copy()
    bf16.run(values + 1, there)
    np.testing.assert_array_equal(ours, kept, "the next window overwrote this one")


SCANS: dict[str, tuple[AnyStep, ...]] = {
    "noise-free": (Scan(mode="point"),),
    "5 photons": (Scan(mode="line"), Photons(photons=5), ReadNoise(sd=0.02)),
    "100 photons": (Scan(mode="line"), Photons(photons=100), ReadNoise(sd=0.02)),
}


@pytest.mark.parametrize("scan", SCANS)
def test_bf16_costs_next_to_no_psnr(
    scan: str, bf16: FloatEngine, exact: OnnxEngine
) -> None:
    lost = [lost_db(scan, seed, bf16, exact) for seed in (11, 12, 13, 14)]
    assert np.mean(lost) <= 0.02
    assert max(lost) <= 0.07  # as docs/engines.md says of the worst picture


def lost_db(scan: str, seed: int, bf16: FloatEngine, exact: OnnxEngine) -> float:
    grid = ScanGrid(height=256, width=256, pixel_size_um=0.05)
    sample = MitoSample(seed=seed, field_um=12.8)
    movie = [sample.scan(grid, np.full(256, 0.2 * t)) for t in range(5)]
    grey = np.stack([(200 + 3000 * image).clip(0, 65535) for image in movie])
    recipe = Recipe(name="scan", steps=SCANS[scan])
    crappifier = Crappifier(recipe, 4095.0, 4, seed=5)
    scans = [crappifier.scan(g, t, t) for t, g in enumerate(grey.astype(np.uint16))]
    held = fit(scans[0])
    values = window(np.stack(scans), held).values()
    truth = held.forward(grey[-1])
    there = np.ones(5, np.float32)
    worse, best = (psnr(e.run(values, there), truth, 1) for e in (bf16, exact))
    assert best > 15
    return best - worse


def test_int8_is_refused_with_its_figure_unless_the_card_allows_it(
    tmp_path: Path,
) -> None:
    reason = OnnxInt8Engine.is_incompatible(load_model(MODEL))
    if reason is not None:
        pytest.skip(reason)
    with pytest.raises(EngineError, match=r"int8.*differs by 0\.01.*0\.005 is allowed"):
        EngineLadder(load_model(MODEL), only="onnxruntime-int8")
    opted = ("opt_in_tolerance = 0.005", "opt_in_tolerance = 0.05")
    folder = copy_model(tmp_path, opted, name=MODEL)
    found = EngineLadder(load_model(folder), only="onnxruntime-int8")
    assert found.engine.name == "onnxruntime-int8"
    assert found.report()["precision"] == "int8"
    found.close()


def test_opt_in_engines_are_held_to_their_own_tolerance(
    tmp_path: Path, bf16: FloatEngine
) -> None:
    found = EngineLadder(load_model(MODEL), only="openvino-bf16")
    assert found.engine.name == "openvino-bf16"
    assert found.self_test_error is not None
    assert found.self_test_error > found.engine.card.tolerance
    found.close()
    stricter = ("opt_in_tolerance = 0.005", "opt_in_tolerance = 0.002")
    model = load_model(copy_model(tmp_path, stricter, name=MODEL))
    with pytest.raises(EngineError, match=r"differs by 0\.00\d+.*0\.002 is allowed"):
        EngineLadder(model, only="openvino-bf16")


def test_nobody_gets_an_opt_in_engine_who_did_not_ask() -> None:
    found = EngineLadder(load_model(MODEL))
    tried = {found.engine.name} | {refusal.engine for refusal in found.refusals}
    while found.engine.restores:
        tried.add(found.step_down("broken").name)
    assert tried.isdisjoint(kind.name for kind in OPT_IN)
    found.close()


@pytest.mark.parametrize("kind", OPT_IN)
def test_a_missing_package_is_named(
    kind: type[FloatEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    reason = kind.is_incompatible(load_model(MODEL))
    assert reason is not None
    assert 'pip install "pssr-live[' in reason


def test_a_processor_without_bfloat16_is_refused(
    monkeypatch: pytest.MonkeyPatch, bf16: FloatEngine
) -> None:
    monkeypatch.setattr(openvino, "_capabilities", lambda: ["FP32", "INT8"])
    reason = OpenVinoEngine.is_incompatible(load_model(MODEL))
    assert reason is not None
    assert "no bfloat16" in reason
    with pytest.raises(EngineError, match=r"cannot be used: .*no bfloat16"):
        EngineLadder(load_model(MODEL), only="openvino-bf16")
