"""Some of what a network learns from has no fine detail, as out of focus."""

from __future__ import annotations

import pytest
import torch

from pssr_live.training.scans.soft import MOST_CONTRAST, soften


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grain(clips: int) -> torch.Tensor:
    return 0.5 + 0.1 * torch.randn((clips, 2, 64, 64), generator=generator(1))


def roughness(clips: torch.Tensor) -> torch.Tensor:
    """Difference of neighbours, in standard deviations: sqrt(2) for white noise."""
    steps = clips[..., 1:] - clips[..., :-1]
    spread: torch.Tensor = steps.std((1, 2, 3)) / clips.std((1, 2, 3))
    return spread


@pytest.mark.parametrize(("share", "soft"), [(0.0, 0), (0.3, 2), (0.5, 4), (1.0, 8)])
def test_a_share_of_the_clips_is_blurred_and_no_other(share: float, soft: int) -> None:
    clips = grain(8)
    made = soften(clips, share, generator())
    assert (roughness(made)[:soft] < 1.2).all()
    assert torch.equal(made[soft:], clips[soft:])
    assert made.shape == clips.shape


def test_each_clip_has_its_own_blur() -> None:
    found = roughness(soften(grain(16), 1.0, generator()))
    assert found.min() < 0.35 and found.max() > 0.7
    assert len({round(float(one), 4) for one in found}) == 16


def test_a_blurred_clip_keeps_place_black_and_contrast() -> None:
    at = torch.arange(64.0)
    spot = torch.exp(-((at[:, None] - 20) ** 2 + (at - 41) ** 2) / (2 * 4.0**2))
    clips = spot.expand(6, 2, 64, 64)
    made = soften(clips, 1.0, generator())
    assert torch.equal(made[:, 0].flatten(1).argmax(1), torch.full((6,), 20 * 64 + 41))
    assert torch.allclose(made.amin((1, 2, 3)), torch.zeros(6), atol=1e-6)
    assert torch.allclose(made.std((1, 2, 3)), clips.std((1, 2, 3)), rtol=0.05)


def test_grain_alone_is_not_blown_up() -> None:
    made, clips = soften(grain(8), 1.0, generator()), grain(8)
    gained = made.std((1, 2, 3)) / clips.std((1, 2, 3))
    assert gained.max() <= 1 and gained.min() < 1 / 2
    assert made.min() >= 0 and MOST_CONTRAST > 1
