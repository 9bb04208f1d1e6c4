"""The networks that ours is measured against cost and do what was published."""

from __future__ import annotations

import sys

import pytest
import torch

from pssr_live.bench.beside import peers_or_why_not
from pssr_live.bench.peers.cost import cost
from pssr_live.bench.peers.pssr_mf import PssrMf
from pssr_live.bench.peers.resunet import ResUNet
from pssr_live.bench.peers.turn import PeerTurn, peer_turns, unfit


@pytest.mark.parametrize(
    ("network", "side", "published_parameters", "published_gflop"),
    [
        (PssrMf, 128, 48.95e6, 254.5),
        (PssrMf, 256, 48.95e6, 1221),
        (ResUNet, 128, 59.98e6, 64.6),
    ],
)
def test_they_cost_what_is_known_of_them(
    network, side, published_parameters, published_gflop
):
    counted = cost(network, 5, side)
    assert counted.parameters == pytest.approx(published_parameters, rel=0.001)
    assert counted.gflop == pytest.approx(published_gflop, rel=0.005)


def test_the_cost_of_attention_grows_faster_than_the_picture():
    small, large = (cost(PssrMf, 5, side).gflop for side in (32, 64))
    tokens = {side: (side // 2) ** 2 for side in (32, 64)}  # at 1/8 of high density
    scores = {n: 2e-9 * t**2 * (448 // 8 + 448) for n, t in tokens.items()}
    # All else is proportional to pixels, but for the bottle behind the global average.
    bottle = 2e-9 * 2 * 512 * 1024 * 9
    rest = small - scores[32] - bottle
    assert large == pytest.approx(4 * rest + scores[64] + bottle, rel=1e-4)


def test_folding_the_norms_changes_no_pixel_and_sizes_are_right():
    torch.manual_seed(1)
    frames = torch.rand(1, 5, 16, 24)
    with torch.no_grad():
        net = PssrMf().eval()
        before = net(frames)
        after = net.folded()(frames)
    assert before.shape == (1, 1, 64, 96)
    assert before.std() > 0
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)
    assert not any("parametrizations" in name for name in net.state_dict())


def test_each_pixel_of_the_original_depends_on_the_whole_picture():
    torch.manual_seed(2)
    frames = torch.rand(1, 5, 32, 32)
    changed = frames.clone()
    changed[..., -1, -1] += 10
    with torch.no_grad():
        net = PssrMf().folded()
        assert (net(frames) != net(changed))[0, 0, :8, :8].any()


def test_a_turn_of_each_takes_the_faster_layout_and_counts_its_rounds():
    turns = peer_turns(16)
    assert [turn.name for turn in turns if turn.device == "cpu"] == [
        "PSSR-MF",
        "PSSR2 ResUNet",
    ]
    turn = PeerTurn("PSSR2 ResUNet", "cpu", 16)
    turn.warm_up()
    for _ in range(3):
        turn.turn()
    said = turn.result()
    assert (said["rounds"], said["calls"]) == (3, 3)
    assert 0 < said["min_ms"] <= said["p50_ms"] <= said["p99_ms"] <= said["max_ms"]
    assert said["gflop_per_s"] == pytest.approx(1e3 * said["gflop"] / said["p50_ms"])


@pytest.mark.parametrize(("side", "says"), [(128, None), (40, "16"), (512, "17 GB")])
def test_sizes_that_they_cannot_be_given_are_said(side, says):
    reason = unfit(side)
    assert (reason is None) == (says is None)
    assert says is None or says in reason


def test_without_torch_the_others_are_left_out_with_a_reason(monkeypatch):
    monkeypatch.delitem(sys.modules, "pssr_live.bench.peers.turn")
    monkeypatch.setitem(sys.modules, "torch", None)
    left_out = {}
    assert peers_or_why_not(128, left_out) == []
    (reason,) = left_out.values()
    assert "torch" in reason
    assert "pip install" in reason


def test_sizes_that_nobody_can_give_them_leave_them_out():
    left_out = {}
    assert peers_or_why_not(40, left_out) == []
    assert left_out == {"networks of others": unfit(40)}
