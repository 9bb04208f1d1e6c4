"""The crappifier scans where it says, the network is what its card says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from pssr_live.card import load_model
from pssr_live.engines import EngineLadder
from pssr_live.errors import SettingsError
from pssr_live.network import Architecture, FastNet, bilinear_phases
from pssr_live.training.films.clips import PoolPlan, build_pool, real_clip
from pssr_live.training.judging.judge import examples, judge
from pssr_live.training.learning.beginning import for_window
from pssr_live.training.learning.device import make_fabric
from pssr_live.training.learning.trainer import TrainPlan, train
from pssr_live.training.model_folder.export import export
from pssr_live.training.scans.batches import cut, draw_valid
from pssr_live.training.scans.crappify import crappify, recorded
from pssr_live.training.scans.ranges import Ranges, draw, one_scanner

CLEAN = one_scanner(
    dwell_fraction=(1, 1),
    jitter_px=(0, 0),
    noise_free_share=1,
    gain=(1, 1),
    offset=(0, 0),
)
ABOUT = {
    "version": "0",
    "summary": "a test",
    "licence": "BSD-3-Clause",
    "tolerance": 1e-4,
    "limits": ("everything",),
    "sample": {"kind": "none", "modality": "none", "pixel_size_um": (0.1, 0.3)},
    "training": {
        "data": ("none",),
        "crappifier": {},
        "steps": 0,
        "seconds": 0,
        "device": "none",
        "seed": 0,
    },
    "metrics": {},
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_net(**changes: int) -> FastNet:
    torch.manual_seed(3)
    return FastNet(Architecture(**{"width": 8, "blocks": 2, **changes})).eval()


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_the_scan_lies_on_exact_pixel_centres(scale: int) -> None:
    side = 16 * scale
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    ramps = torch.stack([y, x]).float()[:, None] / side
    low = crappify(ramps, scale, draw(CLEAN, 2, generator()), generator())
    centres = (torch.arange(16) + 0.5) / 16 - 0.5 / side
    inner = slice(4, -4)  # the replicated border bends a ramp
    for number, axis in ((0, 2), (1, 1)):
        profile = low[number, 0].mean(axis - 1)
        assert torch.allclose(profile[inner], centres[inner], atol=1e-4)


def test_a_box_is_the_mean_of_its_pixels() -> None:
    boxes = replace(CLEAN, area_share=1)
    clips = torch.rand(2, 3, 32, 48)
    low = crappify(clips, 4, draw(boxes, 2, generator()), generator())
    mean = functional.avg_pool2d(clips, 4)
    assert torch.allclose(low, mean, atol=1e-5)


def test_lines_scanned_backwards_are_displaced() -> None:
    there = replace(CLEAN, bidirectional_share=1, bidirectional_px=(1, 1))
    ramp = torch.arange(64.0).expand(1, 1, 64, 64) / 64
    low = crappify(ramp, 4, draw(there, 1, generator()), generator())[0, 0]
    shift = (low[1::2] - low[::2])[:, 3:-3]
    assert torch.allclose(shift, torch.full_like(shift, 1 / 64), atol=1e-5)


def test_frames_flicker_as_wholes() -> None:
    unsteady = replace(CLEAN, flicker_share=1, flicker=(0.05, 0.05))
    flat = torch.full((1, 400, 8, 8), 0.5)
    low = crappify(flat, 4, draw(unsteady, 1, generator()), generator())[0]
    assert float(low.std((1, 2)).max()) < 1e-6
    assert float(low.mean((1, 2)).std()) == pytest.approx(0.025, rel=0.15)


def test_a_clipped_recording_stays_within_black_and_white() -> None:
    clipped = replace(CLEAN, clipped_share=1, noise_free_share=0, photons=(5, 5))
    how = draw(clipped, 8, generator())
    low = crappify(torch.full((8, 2, 32, 32), 0.8), 4, how, generator())
    assert float(low.min()) >= 0
    assert (low.amax((1, 2, 3)) <= how.white[:, 0, 0, 0]).all()
    assert (low == how.white).any()


def test_a_range_of_jitter_holds_at_both_ends() -> None:
    how = draw(replace(CLEAN, jitter_px=(0.4, 0.6)), 500, generator())
    assert 0.4 <= float(how.jitter_px.min()) < 0.41
    assert 0.57 < float(how.jitter_px.max()) <= 0.6


def test_the_noise_is_that_of_the_photons() -> None:
    flat = torch.full((1, 1, 256, 256), 0.5)
    ranges = one_scanner(
        photons=(40, 40),
        read_noise=(0, 0),
        gain=(0.7, 0.7),
        offset=(0.1, 0.1),
        jitter_px=(0, 0),
    )
    how = draw(ranges, 1, generator())
    low = crappify(flat, 4, how, generator())
    assert float(low.mean()) == pytest.approx(float(recorded(flat, how).mean()), 0.01)
    assert float(low.std()) == pytest.approx(0.7 * (0.5 / 40) ** 0.5, rel=0.03)


@pytest.mark.parametrize("kind", ["shared_noise", "filtered"])
def test_neighbours_may_share_noise_that_is_no_less_for_that(kind: str) -> None:
    flat = torch.full((4, 2, 256, 256), 0.6)
    shared = {f"{kind}_share": 1, f"{kind}_px": (0.8, 0.8)}
    ranges = one_scanner(photons=(30, 30), read_noise=(0, 0), gain=(1, 1), **shared)
    how = draw(ranges, 4, generator(3))
    low = crappify(flat, 4, how, generator())
    noise = low - low.mean((2, 3), keepdim=True)
    assert float(noise.std()) == pytest.approx((0.6 / 30) ** 0.5, rel=0.05)
    across = (noise[..., 1:] * noise[..., :-1]).mean() / noise.var()
    assert float(across) > 0.5
    down = (noise[:, :, 1:] * noise[:, :, :-1]).mean() / noise.var()
    if kind == "filtered":
        assert float(down) == pytest.approx(float(across), abs=0.05)
    else:
        assert abs(float(down)) < 0.05  # the next line is another time


def test_a_dim_recording_has_few_grey_levels() -> None:
    coarse = replace(CLEAN, grey_levels_share=1, grey_levels=(10, 10))
    low = crappify(
        torch.rand(2, 3, 32, 32), 4, draw(coarse, 2, generator()), generator()
    )
    assert torch.allclose(low * 10, (low * 10).round(), atol=1e-4)
    assert len(low.unique()) > 3


def test_a_seed_repeats_a_scan() -> None:
    clips = torch.rand(2, 3, 32, 32)
    first, second = (
        crappify(clips, 4, draw(Ranges(), 2, generator(5)), generator(6))
        for _ in range(2)
    )
    assert torch.equal(first, second)
    assert first.shape == (2, 3, 8, 8)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_skip_is_bilinear_interpolation(scale: int) -> None:
    image = torch.rand(1, 1, 7, 9)
    padded = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    phases = functional.conv2d(padded, bilinear_phases(scale))
    ours = functional.pixel_shuffle(phases, scale)
    theirs = functional.interpolate(image, scale_factor=scale, mode="bilinear")
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_bfloat16_leaves_the_picture_itself_in_peace() -> None:
    net = small_net()
    frames = torch.rand(2, 5, 32, 32, generator=generator())
    valid = torch.ones(2, 5)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rounded = net(frames, valid)
    exact = net(frames, valid).detach()
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    # Eight bits of the picture would be 0.1 % off; eight bits of what is added, less.
    assert (rounded - exact).std() < 3e-4


@pytest.mark.parametrize(
    ("asked", "has", "precision"),
    [
        ("auto", {"avx512_bf16": True, "amx_bf16": False}, "bf16-mixed"),
        ("auto", {"avx512_bf16": False, "amx_bf16": True}, "bf16-mixed"),
        ("auto", {"avx2": True}, "32-true"),
        ("float32", {"avx512_bf16": True}, "32-true"),
        ("bfloat16", {"avx2": True}, "bf16-mixed"),
    ],
)
def test_bfloat16_is_used_where_it_is_fast(
    monkeypatch: pytest.MonkeyPatch, asked: str, has: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert make_fabric("cpu", asked).strategy.precision.precision == precision


def test_the_receptive_radius_is_exact() -> None:
    net = small_net()
    radius = net.architecture.receptive_radius
    frames = torch.rand(1, 5, 41, 41, requires_grad=True)
    net(frames, torch.ones(1, 5))[0, 82, 82].backward()
    assert frames.grad is not None
    touched = torch.nonzero(frames.grad[0].abs().sum(0))
    assert int((touched - 20).abs().max()) <= radius
    assert radius == 2 + 2 * net.architecture.blocks


@pytest.mark.parametrize("lookahead", [0, 2])
def test_a_single_frame_network_is_a_start_for_a_window(lookahead: int) -> None:
    alone = small_net(n_frames=1, lookahead=0)
    several = small_net(lookahead=lookahead)
    start = for_window(alone.state_dict(), several.architecture)
    several.load_state_dict(start)
    frame = torch.rand(1, 1, 12, 9)
    same = several(frame.expand(1, 5, 12, 9), torch.ones(1, 5))
    assert torch.allclose(same, alone(frame, torch.ones(1, 1)), atol=1e-6)
    assert for_window(start, several.architecture) is start


def test_missing_frames_cannot_leak_into_the_output() -> None:
    net = small_net()
    frames, valid = torch.rand(1, 5, 12, 12), torch.tensor([[0.0, 1, 1, 0, 1]])
    changed = frames.clone()
    changed[:, [0, 3]] = 9
    assert torch.equal(net(frames, valid), net(changed, valid))
    assert not torch.equal(net(frames, valid), net(frames, torch.ones(1, 5)))


@pytest.mark.parametrize("lookahead", [0, 1, 2, 4])
def test_short_windows_always_hold_their_target(lookahead: int) -> None:
    a = Architecture(lookahead=lookahead)
    valid = draw_valid(500, a, 1.0, generator())
    assert valid[:, a.target].all()
    assert 0.2 < float(valid.mean()) < 0.95
    assert draw_valid(50, a, 0.0, generator()).all()


def test_cuts_are_windows_of_clips() -> None:
    pool = torch.arange(3).reshape(3, 1, 1, 1).expand(3, 6, 20, 20).half()
    windows = cut(pool, 9, 5, 16, generator())
    assert windows.shape == (9, 5, 16, 16)
    assert windows.dtype == torch.float32


@pytest.mark.parametrize(("scale", "lookahead"), [(4, 2), (2, 0), (1, 1)])
def test_an_exported_model_is_a_model(
    tmp_path: Path, scale: int, lookahead: int
) -> None:
    net = small_net(scale=scale, lookahead=lookahead)
    card = export(net, tmp_path / "tiny", ABOUT)
    model = load_model(tmp_path / "tiny")
    assert model.card == card
    assert card.parameters == sum(p.numel() for p in net.parameters())
    ladder = EngineLadder(model, only="onnxruntime")
    frames = np.random.default_rng(0).random((5, 13, 9), np.float32)
    valid = np.ones(5, np.float32)
    with torch.no_grad():
        given = torch.from_numpy(frames)[None], torch.from_numpy(valid)[None]
        expected = net(*given)[0].numpy()
    np.testing.assert_allclose(ladder.engine.run(frames, valid), expected, atol=1e-5)


def test_a_few_seconds_of_training_help() -> None:
    pool = torch.from_numpy(build_pool(PoolPlan(simulated=12, real=0, size=128), []))
    architecture = Architecture(width=16, blocks=2)
    reports: list[float] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a budget counts the CPU seconds of all threads
    try:
        net = train(
            architecture,
            pool,
            TrainPlan(budget_s=5, crop=24),
            lambda used, steps, loss: reports.append(used),
        ).average
    finally:
        torch.set_num_threads(threads)
    shown = examples(pool, net, photons=20)
    before, after = judge(FastNet(architecture), shown), judge(net, shown)
    assert after["psnr_db"] > before["psnr_db"] + 0.5
    assert after["psnr_db"] > after["bicubic_psnr_db"] + 1
    assert all(0 < used < 1.2 for used in reports)


def test_still_images_move_by_what_was_drawn() -> None:
    rng = np.random.default_rng(4)
    still = rng.random((300, 260)).astype(np.float32)
    plan = PoolPlan(size=96, frames=4)
    clip = real_clip(rng, still, plan)
    assert clip.shape == (4, 96, 96)
    assert np.isfinite(clip).all()
    small = real_clip(rng, still[:40, :30], plan)
    assert small.shape == (4, 96, 96)


def test_real_clips_need_real_images() -> None:
    with pytest.raises(SettingsError, match="No real images"):
        build_pool(PoolPlan(simulated=1, real=1), [])
