"""The benchmarks measure what they say, and run to their end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def pssr_mf(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import pssr_mf

    return pssr_mf


@pytest.mark.parametrize(
    ("side", "published_gflop"), [(128, 254.5), (256, 1221)], ids=["128", "256"]
)
def test_the_original_costs_what_is_known_of_it(pssr_mf, side, published_gflop):
    parameters, gflop = pssr_mf.profile(side)
    assert parameters == pytest.approx(48.95e6, rel=0.001)
    assert gflop == pytest.approx(published_gflop, rel=0.005)


def test_the_cost_of_attention_grows_faster_than_the_picture(pssr_mf):
    (_, small), (_, large) = pssr_mf.profile(32), pssr_mf.profile(64)
    tokens = {side: (side // 2) ** 2 for side in (32, 64)}  # at 1/8 of high density
    scores = {n: 2e-9 * t**2 * (448 // 8 + 448) for n, t in tokens.items()}
    # All else is proportional to pixels, but for the bottle behind the global average.
    bottle = 2e-9 * 2 * 512 * 1024 * 9
    rest = small - scores[32] - bottle
    assert large == pytest.approx(4 * rest + scores[64] + bottle, rel=1e-4)


def test_folding_the_norms_changes_no_pixel_and_sizes_are_right(pssr_mf):
    import torch

    torch.manual_seed(1)
    frames = torch.rand(1, 5, 16, 24)
    with torch.no_grad():
        net = pssr_mf.PssrMf().eval()
        before = net(frames)
        after = net.folded()(frames)
    assert before.shape == (1, 1, 64, 96)
    assert before.std() > 0
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)
    assert not any("parametrizations" in name for name in net.state_dict())


def test_each_pixel_of_the_original_depends_on_the_whole_picture(pssr_mf):
    import torch

    torch.manual_seed(2)
    frames = torch.rand(1, 5, 32, 32)
    changed = frames.clone()
    changed[..., -1, -1] += 10
    with torch.no_grad():
        net = pssr_mf.PssrMf().folded()
        assert (net(frames) != net(changed))[0, 0, :8, :8].any()


def test_speed_runs_to_its_end_and_prints_json(tmp_path):
    written = tmp_path / "speed.json"
    command = [sys.executable, "-W", "error", BENCHMARKS / "speed.py"]
    options = ["--seconds", "1", "--skip-original", "--json", written]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report == json.loads(written.read_text("utf-8"))
    assert report["machine"]["cpu"]
    assert report["engine_alone"]["min_ms"] <= report["engine_alone"]["median_ms"]
    assert report["live"]["frames"] == 24
    assert report["live"]["lost"] == 0
    assert {type(bar["met"]) for bar in report["bars"]} == {bool}
    assert len(report["bars"]) == 3
    assert report["quiet"] in (True, False)
    assert "original" not in report
