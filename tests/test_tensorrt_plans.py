"""A plan that was kept is used only while all that it depends on still holds."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from graphs import shelf_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import flip_a_byte
from pssr_live.card import Model
from pssr_live.engines.tensorrt import obtain
from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.obtain import obtain_plan
from pssr_live.engines.tensorrt.plan_folder import VARIABLE, plan_folder
from pssr_live.engines.tensorrt.plan_key import Gpu, Key, plan_key, runtime_key
from pssr_live.engines.tensorrt.plan_spec import PlanSpec
from pssr_live.engines.tensorrt.plans import NONE_YET, Plans
from pssr_live.errors import EngineError

PLAN = bytes(range(256)) * 9
FLAVOUR = Flavour("tensorrt", ModuleType("tensorrt"), "11.4.0.106")
GPU = Gpu("NVIDIA RTX A4000", 86, "580.65")
HERE = PlanSpec.static("float16", (1, 128, 128))
NAMED = replace(HERE, targets=(86, 89))
posix = pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")


def key_of(
    spec: PlanSpec = HERE, gpu: Gpu = GPU, kind: Flavour = FLAVOUR, name: str = ""
) -> Key:
    return plan_key(shelf_model(name or "mito-mf5-x4"), kind, spec, gpu)


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    kept = Plans(tmp_path)
    kept.store(key_of(), PLAN, 1.5, NONE_YET)
    return kept


def test_a_plan_comes_back_with_its_facts(plans: Plans) -> None:
    plans.record_self_test(key_of(), 2e-4, 3.5)
    found = plans.load(key_of())
    assert found.content == PLAN
    assert found.reason == ""
    assert plans.facts(key_of()) == {
        "build_s": 1.5,
        "built_because": NONE_YET,
        "self_test": {"max_error": 2e-4, "elapsed_ms": 3.5},
    }


def other_network() -> Key:
    model = shelf_model("mito-mf5-x4")
    hashes = {**model.card.sha256, "model.onnx": "f" * 64}
    card = model.card.model_copy(update={"sha256": hashes})
    return plan_key(Model(model.folder, card), FLAVOUR, HERE, GPU)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (other_network(), r"network was \w{12}\.\.\. and is ffffffffffff\.\.\.$"),
        (
            key_of(kind=replace(FLAVOUR, version="11.5")),
            r"^builder was tensorrt 11\.4\.0\.106 and is tensorrt 11\.5$",
        ),
        (key_of(gpu=replace(GPU, driver="581")), "^driver was 580.65 and is 581$"),
        (key_of(gpu=replace(GPU, capability=89)), "^capability was 86 and is 89$"),
        (key_of(gpu=replace(GPU, name="Another")), NONE_YET),
        (key_of(replace(HERE, largest=(2, 128, 128))), NONE_YET),
        (key_of(replace(HERE, precision="float32")), NONE_YET),
        (key_of(NAMED), NONE_YET),
        (key_of(name="mito-mf5-x4-live"), NONE_YET),
    ],
)
def test_a_plan_made_from_something_else_is_not_used(
    plans: Plans, key: Key, said: str
) -> None:
    found = plans.load(key)
    assert found.content is None
    assert re.search(said, found.reason)


def test_a_plan_for_named_gpus_outlives_a_driver(plans: Plans) -> None:
    plans.store(key_of(NAMED), PLAN, 0.3, NONE_YET)
    elsewhere = Gpu("Another", 89, "600")
    assert plans.load(key_of(NAMED, elsewhere)).content == PLAN
    ours, theirs = (
        runtime_key(key_of(NAMED, gpu), FLAVOUR, gpu) for gpu in (GPU, elsewhere)
    )
    plans.store_runtime(ours, b"kernels")
    assert plans.load_runtime(ours).content == b"kernels"
    assert plans.load_runtime(theirs).content is None


@pytest.mark.parametrize(
    ("gpu", "kind", "said"),
    [
        (replace(GPU, driver="581"), FLAVOUR, "^driver was 580.65 and is 581$"),
        (GPU, replace(FLAVOUR, version="12"), "builder was tensorrt 11.4.0.106"),
    ],
)
def test_finished_kernels_go_with_the_driver_and_version(
    plans: Plans, gpu: Gpu, kind: Flavour, said: str
) -> None:
    plan = key_of(NAMED)
    plans.store_runtime(runtime_key(plan, FLAVOUR, GPU), b"kernels")
    found = plans.load_runtime(runtime_key(plan, kind, gpu))
    assert found.content is None
    assert re.search(said, found.reason)


def files(plans: Plans) -> tuple[Path, Path]:
    stem = key_of().stem
    return plans.folder / f"{stem}.plan", plans.folder / f"{stem}.json"


def rewrite(change: Callable[[dict[str, Any]], None]) -> Callable[[Plans], None]:
    def apply(plans: Plans) -> None:
        _, sidecar = files(plans)
        told = json.loads(sidecar.read_text("utf-8"))
        change(told)
        sidecar.write_text(json.dumps(told), "utf-8")

    return apply


def say(content: bytes) -> Callable[[Plans], None]:
    def apply(plans: Plans) -> None:
        files(plans)[1].write_bytes(content)

    return apply


def another_key(plans: Plans) -> None:
    """Somebody copied the pair of another GPU over ours."""
    other = key_of(gpu=replace(GPU, name="Another"))
    plans.store(other, PLAN, 1.0, NONE_YET)
    for ours, suffix in zip(files(plans), (".plan", ".json"), strict=True):
        (plans.folder / f"{other.stem}{suffix}").replace(ours)


def folder_instead(plans: Plans) -> None:
    files(plans)[0].unlink()
    files(plans)[0].mkdir()


FAULTS: dict[str, tuple[Callable[[Plans], Any], str]] = {
    "truncated": (lambda p: files(p)[0].write_bytes(PLAN[:-1]), "2303 bytes instead"),
    "emptied": (lambda p: files(p)[0].write_bytes(b""), "0 bytes instead of 2304"),
    "grown": (lambda p: files(p)[0].write_bytes(PLAN + b"!"), "2305 bytes instead"),
    "flipped byte": (lambda p: flip_a_byte(files(p)[0]), "altered or damaged"),
    "no plan": (lambda p: files(p)[0].unlink(), NONE_YET),
    "no sidecar": (lambda p: files(p)[1].unlink(), "no sidecar"),
    "a folder": (folder_instead, "cannot be read"),
    "another's pair": (another_key, "that of another file"),
    "other schema": (rewrite(lambda t: t.update(schema_version=99)), "another version"),
    "other hash": (rewrite(lambda t: t.update(sha256="0" * 64)), "altered or damaged"),
    "field missing": (rewrite(lambda t: t.pop("sha256")), "sidecar cannot be read"),
    "field of ours": (rewrite(lambda t: t.update(extra=1)), "sidecar cannot be read"),
    "wrong type": (rewrite(lambda t: t.update(size="9")), "sidecar cannot be read"),
    "empty sidecar": (say(b""), "sidecar cannot be read"),
    "no JSON": (say(b"{"), "sidecar cannot be read"),
    "a list": (say(b"[1]"), "sidecar cannot be read"),
    "no text": (say(b"\xff\xfe\x00"), "sidecar cannot be read"),
    "too deep": (say(b"[" * 100_000), "sidecar cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_pair_is_not_used_and_can_be_replaced(
    plans: Plans, fault: str
) -> None:
    spoil, said = FAULTS[fault]
    spoil(plans)
    found = plans.load(key_of())
    assert found.content is None
    assert said in found.reason
    plans.record_self_test(key_of(), 1e-4, 1.0)  # in vain, or of no effect
    assert plans.load(key_of()).content is None
    if fault == "a folder":
        files(plans)[0].rmdir()
    plans.store(key_of(), PLAN, 1.0, found.reason)
    assert plans.load(key_of()).content == PLAN
    assert plans.facts(key_of())["built_because"] == found.reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(damage=st.binary(max_size=200))
def test_no_sidecar_whatever_it_holds_lets_a_plan_through(
    plans: Plans, damage: bytes
) -> None:
    files(plans)[1].write_bytes(damage)
    assert plans.load(key_of()).content is None
    assert plans.facts(key_of()) == {}


def test_many_writers_of_one_plan_leave_a_whole_one(plans: Plans) -> None:
    """Builders at work at the same time: readers see a whole plan or none."""
    contents = [bytes([n]) * 5000 for n in range(6)]
    seen: list[bytes | None] = []

    def write(content: bytes) -> None:
        for _ in range(5):
            plans.store(key_of(), content, 1.0, "")
            seen.append(plans.load(key_of()).content)

    writers = [threading.Thread(target=write, args=(c,)) for c in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert set(seen) <= {None, *contents}
    plans.store(key_of(), PLAN, 1.0, "")
    assert plans.load(key_of()).content == PLAN
    assert {path.suffix for path in plans.folder.iterdir()} == {".plan", ".json"}


def test_a_full_disk_leaves_the_old_plan(
    plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EngineError, match=f"No space left.*{VARIABLE}"):
        plans.store(key_of(), b"new", 1.0, "")
    monkeypatch.undo()
    assert plans.load(key_of()).content == PLAN
    assert len(list(plans.folder.iterdir())) == 2


# The folder


@posix
def test_the_folder_is_made_for_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "a" / "plans"))
    assert plan_folder().stat().st_mode & 0o777 == 0o700
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert plan_folder() == tmp_path / "pssr-live" / "plans"


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    tmp_path.chmod(mode)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(EngineError, match=r"written by others.*chmod go-w"):
        Plans()


@posix
def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(EngineError, match=f"belongs to another user.*{VARIABLE}"):
        Plans()


def test_a_folder_that_cannot_be_made_or_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "plans"))
    with pytest.raises(EngineError, match=f"cannot be kept.*set {VARIABLE}"):
        Plans()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, rights: False)
    with pytest.raises(EngineError, match=f"cannot write: set {VARIABLE}"):
        Plans()


# Loading or building


def test_a_plan_is_built_once_and_again_for_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(name: str, network: Path, spec: PlanSpec, *others: Any) -> bytes:
        built.append((name, network, spec))
        return PLAN

    monkeypatch.setattr(obtain, "build_apart", build)
    model, plans = shelf_model("mito-mf5-x4"), Plans(tmp_path)
    shares: list[float] = []
    asked = (model, FLAVOUR, HERE, GPU, plans, shares.append, threading.Event())
    assert obtain_plan(*asked) == PLAN
    assert obtain_plan(*asked) == PLAN
    assert built == [("tensorrt", model.onnx, HERE)]
    flip_a_byte(files(plans)[0])
    assert obtain_plan(*asked) == PLAN
    assert len(built) == 2
    assert "altered" in plans.facts(key_of())["built_because"]
    assert shares == [1, 1, 1]
