"""Real plans from the real builder, for GPUs that are not here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import SHELF, graph_of, shelf_model, small_network
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from pssr_live.engines.tensorrt import apart
from pssr_live.engines.tensorrt.apart import MODULE, build_apart
from pssr_live.engines.tensorrt.build import build_plan
from pssr_live.engines.tensorrt.build_process import ORPHANED
from pssr_live.engines.tensorrt.flavour import Flavour, flavour
from pssr_live.engines.tensorrt.plan_spec import PlanSpec, Precision
from pssr_live.engines.tensorrt.progress import Phases
from pssr_live.errors import EngineError

pytest.importorskip("tensorrt_rtx", reason="no TensorRT-RTX for this platform")

SM = {75: 1, 80: 2, 86: 4, 89: 8, 120: 16}  # as a plan's header names them
TARGETS = tuple(SM)
CAPABILITIES_AT = 32
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")


@pytest.fixture(scope="module")
def rtx() -> Flavour:
    return flavour("tensorrt_rtx")


def small(precision: Precision = "float16", **others: Any) -> PlanSpec:
    return PlanSpec.static(precision, (1, 32, 32), **{"targets": (86,), **others})


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("sizes", ["static", "dynamic"])
@pytest.mark.parametrize("name", SHELF)
def test_every_model_builds_for_all_gpus_at_once(
    rtx: Flavour, name: str, sizes: str, precision: Precision
) -> None:
    radius = shelf_model(name).card.receptive_radius
    spec = (
        PlanSpec.static(precision, (1, 128, 128), targets=TARGETS)
        if sizes == "static"
        else PlanSpec.dynamic(precision, radius, targets=TARGETS)
    )
    plan = build_plan(rtx, graph_of(name, precision), spec)
    assert plan[CAPABILITIES_AT] == sum(SM.values())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_plan_is_for_the_gpu_that_was_named(
    rtx: Flavour, precision: Precision, target: int
) -> None:
    spec = small(precision, targets=(target,))
    shares: list[float] = []
    plan = build_plan(rtx, graph_of("em-sf-x4", precision), spec, shares.append)
    assert plan[CAPABILITIES_AT] == SM[target]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 10


def refused_network(*nodes: Any, weights: Any = ()) -> bytes:
    data: bytes = small_network(*nodes, weights=weights).SerializeToString()
    return data


def own_domain() -> bytes:
    model = small_network(
        helper.make_node(
            "Sharpen", ["frames"], ["restored"], domain="lab", name="sharp"
        )
    )
    model.opset_import.append(helper.make_opsetid("lab", 1))
    data: bytes = model.SerializeToString()
    return data


def raw_counts() -> bytes:
    model = small_network(
        helper.make_node("Cast", ["frames"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["real", "t"], ["restored"], keepdims=0),
        weights=[numpy_helper.from_array(np.array([1]), "t")],
    )
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT16
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (b"no graph", "cannot read the network"),
        (own_domain(), r"refuses the operator Sharpen \(sharp\)"),
        (raw_counts(), "no 16-bit counts: give them as pairs of bytes"),
    ],
)
def test_what_the_parser_refuses_is_said_in_one_sentence(
    rtx: Flavour, graph: bytes, said: str
) -> None:
    with pytest.raises(EngineError, match=said) as caught:
        build_plan(rtx, graph, small())
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (small(targets=(90,)), r"compute capability 9\.0: it knows 7\.5, 8\.0"),
        (PlanSpec.static("float16", (1, 1 << 20, 1 << 20), targets=(86,)), "volume"),
    ],
)
def test_what_the_builder_refuses_is_said_in_one_sentence(
    rtx: Flavour, spec: PlanSpec, said: str
) -> None:
    with pytest.raises(EngineError, match=said) as caught:
        build_plan(rtx, graph_of("em-sf-x4", "float16"), spec)
    assert len(str(caught.value).splitlines()) == 1


def test_a_profile_that_is_refused_is_noticed(rtx: Flavour) -> None:
    """`PlanSpec` lets none through; this one was changed afterwards."""
    spec = small()
    object.__setattr__(spec, "usual", (1, 64, 64))
    with pytest.raises(EngineError, match=r"refuses windows of \(1, 32, 32\)"):
        build_plan(rtx, graph_of("em-sf-x4", "float16"), spec)


def test_a_cancelled_build_ends(rtx: Flavour) -> None:
    cancelled = threading.Event()
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        cancelled.set()

    graph = graph_of("em-sf-x4", "float16")
    with pytest.raises(EngineError, match="cancelled"):
        build_plan(rtx, graph, small(), stop, cancelled)
    assert len(shares) < 5  # of some two hundred


@pytest.mark.parametrize("name", ["tensorrt", "openvino"])
def test_a_package_that_is_not_here_says_how_to_get_it(
    name: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    said = {"tensorrt": r'pip install "pssr-live\[tensorrt\]"', "openvino": "give "}
    with pytest.raises(EngineError, match=said[name]):
        flavour(name)


def test_float32_is_float32(rtx: Flavour) -> None:
    """TensorRT rounds convolutions to ten bits of mantissa unless told otherwise."""
    trt = rtx.module
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    config = builder.create_builder_config()
    assert config.get_flag(trt.BuilderFlag.TF32)
    rtx.configure(config, small())
    assert not config.get_flag(trt.BuilderFlag.TF32)


def test_plain_tensorrt_names_no_other_gpus() -> None:
    class Old:  # what TensorRT does not have
        class BuilderFlag:
            TF32 = 0

    class Config:
        def clear_flag(self, flag: int) -> None: ...

    plain = Flavour("tensorrt", Old, "10.8")  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="GPU of this computer only"):
        plain.configure(Config(), small())


# In a process of its own


def built_apart(spec: PlanSpec, cancelled: threading.Event, **others: Any) -> bytes:
    network = shelf_model("em-sf-x4").onnx
    kept = {"network": network, "progress": lambda share: None, **others}
    return build_apart("tensorrt_rtx", spec=spec, cancelled=cancelled, **kept)


def test_a_process_apart_builds_a_plan_and_says_how_far_it_is() -> None:
    shares: list[float] = []
    plan = built_apart(small(), threading.Event(), progress=shares.append)
    assert plan[CAPABILITIES_AT] == SM[86]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_refusal_comes_out_of_the_process_as_it_is(tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"^The network is no valid ONNX file"):
        built_apart(small(), threading.Event(), network=broken)


@posix
@pytest.mark.parametrize(
    ("end", "said"), [("killed", "signal SIGKILL"), ("silent", "status 0")]
)
def test_a_builder_that_crashes_takes_nothing_down(
    end: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "MODULE", "crashing_builder")
    monkeypatch.setenv("PSSR_TEST_END", end)
    with pytest.raises(EngineError, match=f"{said}.*first line / out of memory"):
        built_apart(small(), threading.Event())


def test_a_builder_that_does_not_start_is_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apart, "MODULE", "no_such_builder")
    with pytest.raises(EngineError, match=r"status 1 \(.*No module named"):
        built_apart(small(), threading.Event())


@posix
def test_a_builder_that_hangs_is_ended_by_cancelling(tmp_path: Path) -> None:
    hangs = tmp_path / "model.onnx"
    os.mkfifo(hangs)  # nobody ever writes to it
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    with pytest.raises(EngineError, match="cancelled"):
        built_apart(small(), cancelled, network=hangs)


@posix
def test_a_builder_dies_with_its_parent(tmp_path: Path) -> None:
    hangs = tmp_path / "model.onnx"
    os.mkfifo(hangs)
    request = {
        "flavour": "tensorrt_rtx",
        "network": str(hangs),
        "spec": small().to_json(),
        "plan": str(tmp_path / "plan"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.stdin.close()
        try:
            assert process.wait(200) == ORPHANED
        finally:
            process.kill()


# What is asked for, and how far it is


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"precision": "bfloat16"}, "in 'bfloat16': ask for float32 or float16"),
        ({"smallest": (0, 8, 8)}, "each 1 or more"),
        ({"smallest": (8, 8)}, r"give \(N, H, W\)"),
        ({"smallest": (1, 64, 8)}, "must not become smaller"),
        ({"usual": (1, 8, 64)}, "must not become smaller"),
        ({"targets": (86, 86)}, "name each once"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(
    change: dict[str, Any], said: str
) -> None:
    whole = {
        "precision": "float16",
        "smallest": (1, 8, 8),
        "usual": (1, 32, 32),
        "largest": (2, 32, 32),
    }
    with pytest.raises(EngineError, match=said):
        PlanSpec(**{**whole, **change})


@given(
    radius=st.integers(0, 40),
    targets=st.sets(st.sampled_from(TARGETS)),
    windows=st.integers(1, 8),
    side=st.integers(8, 512),
)
def test_a_dynamic_spec_takes_every_tile_and_travels_as_text(
    radius: int, targets: set[int], windows: int, side: int
) -> None:
    spec = PlanSpec.dynamic("float16", radius, targets=tuple(targets))
    assert spec.takes((windows, side + 2 * radius, side))
    assert not spec.takes((windows, 513 + 2 * radius, side))
    assert PlanSpec.from_json(spec.to_json()) == spec


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 9)), max_size=30))
def test_progress_never_goes_back_nor_past_the_end(told: list[tuple[str, int]]) -> None:
    shares: list[float] = []
    phases = Phases(shares.append)
    phases.start("a", None, 4)
    for phase, step in told:
        if step < 0:
            phases.start(phase, "a", 3)
        else:
            phases.step(phase, step)
        if step == 9:
            phases.finish(phase)
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_time_passes_in_nested_phases() -> None:
    shares: list[float] = []
    phases = Phases(shares.append)
    phases.start("all", None, 2)
    phases.start("half", "all", 4)
    phases.step("half", 1)
    phases.finish("half")
    phases.step("all", 0)
    phases.step("unheard of", 3)
    assert shares == [0.25, 0.5]
