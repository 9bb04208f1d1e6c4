"""The comparison of networks is fair, repeats itself, and runs to its end."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """What a run of two small networks prints and writes, and its folder."""
    folder = tmp_path_factory.mktemp("compared")
    return run(folder, "--only", "fast,one-frame"), folder


def run(folder, *options):
    small = ["--budget-s", "0.5", "--scenes", "2", "--clips", "4"]
    command = [sys.executable, "-W", "error", "-m", "benchmarks.network"]
    return subprocess.run(
        [*command, "--out", folder, *small, *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("name", "full_width", "published_parameters", "published_gflop"),
    [
        ("unet", True, 48.95e6, 254.5),
        ("unet", False, 3.07e6, 20.0),
        ("resunet", True, 59.98e6, 64.6),
        ("resunet", False, 3.77e6, 4.4),
    ],
)
def test_the_originals_cost_what_is_known_of_them(
    name, full_width, published_parameters, published_gflop
):
    from benchmarks.network.contenders import contenders, cost

    (found,) = [c for c in contenders("cpu", full_width, 1) if c.name == name]
    parameters, gflop = cost(found)
    assert parameters == pytest.approx(published_parameters, rel=0.002)
    assert gflop == pytest.approx(published_gflop, rel=0.003)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_network_restores_what_it_is_given(device):
    from benchmarks.network.contenders import contenders
    from benchmarks.network.latency import for_use
    from benchmarks.network.training import Trained

    listed = contenders(device, False, 2)
    assert len({c.name for c in listed}) == len(listed)
    for contender in listed:
        frames = torch.rand(2, contender.n_frames, 16, 32)
        with torch.no_grad():
            net = contender.build().eval()
            pictures = net(frames)
            ready = for_use(contender, Trained(net), torch.device("cpu"))(frames)
            torch.testing.assert_close(net(frames), pictures)  # still what it was
        assert pictures.shape == (2, 64, 128)
        torch.testing.assert_close(ready, pictures, rtol=1e-3, atol=1e-3)


def test_the_degradations_do_not_follow_the_defaults_of_the_package():
    from benchmarks.network import films

    tree = ast.parse(Path(films.__file__).read_text("utf-8"))
    (ours,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TRAINED_ON"
    ]
    named = {keyword.arg for keyword in ours.keywords}
    of_a_share = {
        "bidirectional_px",
        "filtered_px",
        "flicker",
        "grey_levels",
        "line_noise",
        "shared_noise_px",
    }
    for field in fields(films.TRAINED_ON):
        if field.name.endswith("_share"):
            value = getattr(films.TRAINED_ON, field.name)
            assert field.name in named or value == 0
        else:
            assert (field.name in named) != (field.name in of_a_share)


def test_all_windows_of_a_film_end_in_the_same_frame():
    from benchmarks.network.contenders import contenders
    from benchmarks.network.films import Film

    scans = np.arange(9, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2))
    film = Film("cell", "slow", 10, scans, np.zeros((9, 8, 8), np.float32))
    for contender in contenders("cpu", False, 1):
        for target in film.targets:
            window = film.window(target, contender.n_frames, contender.lookahead)
            assert len(window) == contender.n_frames
            assert window[contender.architecture.target, 0, 0] == target


def test_the_test_set_is_fixed_and_its_scans_are_of_its_truths():
    from benchmarks.network.films import digest, simulated

    films = simulated(1)
    assert digest(films) == digest(simulated(1)) != digest(films[1:])
    assert len({film.scans.tobytes() for film in films}) == len(films) == 9
    for film in films:
        mean = film.truths.reshape(9, 64, 4, 64, 4).mean((2, 4))
        unlike, alike = film.scans - mean[::-1], film.scans - mean
        assert film.truths.min() >= 0
        assert alike.std() < 0.3
        assert film.speed != "fast" or alike.std() < unlike.std()


@pytest.mark.parametrize(("one", "other"), [("unet", "best"), ("causal", "fast")])
def test_networks_of_one_batch_size_meet_the_same_windows(one, other):
    from benchmarks.network.contenders import contenders
    from benchmarks.network.training import draw_batch

    pool = torch.rand(3, 8, 160, 160)
    by_name = {c.name: c for c in contenders("cpu", False, 1)}
    first, second = (
        draw_batch(by_name[name], pool, torch.Generator().manual_seed(4))
        for name in (one, other)
    )
    assert torch.equal(first.frames, second.frames)
    assert torch.equal(first.goal, second.goal) == (one != "causal")
    assert first.valid.all()


def test_a_limit_in_samples_is_met_exactly_and_the_rate_ends_at_nothing():
    from benchmarks.network.contenders import Contender
    from benchmarks.network.training import Limit, schedule, train

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(5, 16, 3, padding=1)

        def forward(self, frames):
            return nn.functional.pixel_shuffle(self.layer(frames), 4)[:, 0]

    seen = []
    made = train(
        Contender("tiny", "tiny", Tiny, batch=2, crop=8),
        torch.rand(2, 6, 64, 64),
        Limit(samples=10),
        seed=0,
        judge=lambda net: 1.0,
        tick=seen.append,
    )
    assert made.samples == 10
    assert [at[0] for at in made.curve] == [1]
    assert seen == [0, 0.2, 0.4, 0.6, 0.8]
    assert schedule(1) == pytest.approx(0)
    assert max(map(schedule, np.linspace(0, 1, 101))) <= 1.01


def test_a_wrong_gain_and_offset_cost_nothing_after_the_fit():
    from benchmarks.network.films import simulated
    from benchmarks.network.scores import means, score

    films = simulated(1)[:1]
    rng = np.random.default_rng(0)

    def noisy(film, target):
        truth = film.truths[target]
        return truth + np.float32(0.1) * rng.standard_normal(truth.shape, np.float32)

    def wrong(film, target):
        return np.float32(0.5) * noisy(film, target) + np.float32(0.2)

    right, off = means(score(films, noisy)), means(score(films, wrong))
    assert right["psnr_db"] == pytest.approx(20, abs=0.1)
    assert off["psnr_db"] < right["psnr_db"] - 1
    assert off["fitted_psnr_db"] == pytest.approx(right["fitted_psnr_db"], abs=0.1)
    assert right["fitted_psnr_db"] >= right["psnr_db"]


def test_a_run_writes_what_it_measured_and_says_what_it_did_not(compared):
    done, folder = compared
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "network.json").read_text("utf-8"))
    assert set(report["networks"]) == {"fast", "one-frame"}
    for net in report["networks"].values():
        assert net["device_s"] >= 0.5
        assert net["samples"] > 0
        assert net["latency"]["min_ms"] <= net["latency"]["median_ms"]
    met = {bar["what"]: bar["met"] for bar in report["bars"]}
    assert met["fast over the PSSR U-Net, dB"] is None
    assert met["fast over one frame, dB"] in (True, False)
    assert report["machine"]["cpu"]
    page = (folder / "network.md").read_text("utf-8")
    assert "not run" in page
    assert report["test_set"]["sha256"] in page
    assert "not run" in done.stdout


def test_a_stopped_run_goes_on_and_trains_nothing_twice(compared):
    _, folder = compared
    before = (folder / "fast.safetensors").stat().st_mtime_ns
    again = run(folder, "--only", "resunet")
    assert again.returncode == 0, again.stderr
    assert (folder / "fast.safetensors").stat().st_mtime_ns == before
    report = json.loads((folder / "network.json").read_text("utf-8"))
    assert set(report["networks"]) == {"fast", "one-frame", "resunet"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "vast"), "no network 'vast'"),
        (("--budget-s", "7"), "budget_s 0.5"),
        (("--data", "nowhere"), "no TIFF movie"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(compared, options, says):
    _, folder = compared
    refused = run(folder, *options)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
