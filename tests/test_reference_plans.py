"""References: where they come in a plan, what they cost, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sessions import LIVE, small_scanner, timelapse
from useq import MDAEvent, MDASequence

from pssr_live.errors import SettingsError
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.references.plan import (
    ReferencePlan,
    default_spacing,
    is_reference,
    with_references,
)
from pssr_live.scanners.references.tile import tile_rectangle
from pssr_live.scanners.scan_core import ScanCore


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


def places(sequence: MDASequence, every: int) -> list[tuple[dict[str, int], int]]:
    """Return the index of each reference, and the number of frames before it."""
    found, frames = [], 0
    for event in with_references(sequence, every):
        if is_reference(event):
            found.append((dict(event.index), frames))
        frames += not is_reference(event)
    return found


def test_a_reference_follows_the_frame_that_it_checks() -> None:
    assert places(timelapse(9), 4) == [({"t": 3}, 4), ({"t": 7}, 8)]
    assert places(timelapse(3), 4) == []
    many = timelapse(4, channels=["a", "b"], stage_positions=[{}, {}])
    found = places(many, 2)
    assert len(found) == 8  # two of each series
    assert all(index["t"] in (1, 3) for index, _ in found)
    events = list(with_references(many, 2))
    for before, event in pairwise(events):
        if is_reference(event):
            assert (before.index, before.channel) == (event.index, event.channel)
            assert (before.x_pos, before.z_pos) == (event.x_pos, event.z_pos)


def test_a_sequence_in_json_keeps_its_references() -> None:
    event = next(filter(is_reference, with_references(timelapse(4), 4, (1, 2, 8, 8))))
    again = MDAEvent.model_validate_json(event.model_dump_json(exclude={"sequence"}))
    assert is_reference(again)
    assert again.action == event.action


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("tile", [1.0, 1 / 4, 1 / 16, (3, 5, 20, 30)])
@pytest.mark.parametrize("shape", [(128, 128), (300, 257), (1024, 512)])
def test_the_default_costs_two_percent_of_the_dose(
    scale: int, tile: Any, shape: tuple[int, int]
) -> None:
    every = ReferencePlan(tile=tile).spacing(scale, shape)
    _, _, width, height = tile_rectangle(tile, shape, scale)
    share = scale**2 * width * height / (every * shape[0] * shape[1])
    assert share <= 0.02
    fewer = scale**2 * width * height / (max(1, every - 1) * shape[0] * shape[1])
    assert every == 1 or fewer > 0.02 - 1e-9  # and no more seldom than that


def test_the_documented_spacings() -> None:
    assert default_spacing(4, tile_share=1) == 800
    assert default_spacing(4, tile_share=1 / 16) == 50
    assert ReferencePlan().spacing(4, (128, 128)) == 50


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference_every": 0}, "A reference every 0 frames makes no sense"),
        ({"reference_every": 2.5}, r"A reference every 2\.5 frames makes no sense"),
        ({"reference_every": "often"}, "A reference every 'often' frames makes no"),
        ({"reference_tile": [0, 0, 9, 9]}, "is no part of the field: give a number"),
        ({"reference_tile": 0.0}, r"A reference of 0\.0 is no part of the field"),
        ({"reference_tile": 1.1}, "is no part of the field"),
        ({"reference_tile": (0, 0, 0, 5)}, "is no part of the field"),
        ({"reference_tile": (0, 5)}, "is no part of the field"),
    ],
)
def test_nonsense_is_refused(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    settings = {"reference_every": 4} | settings
    with pytest.raises(SettingsError, match=message):
        LiveRestoration(LIVE, tmp_path / "s", **settings)
