"""The example of event-driven microscopy, on cells that it was not made with."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pssr_live.samples.division import PARTS_S, DivisionSample
from pssr_live.samples.optics import ScanGrid

EXAMPLE = Path(__file__).parents[1] / "examples" / "event_driven.py"
SEEDS = (101, 102, 103, 104)  # the example was made with 1, 2 and 3


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("event_driven", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def test_divisions_are_caught_at_a_fifth_of_the_dose(
    example: ModuleType, tmp_path: Path
) -> None:
    found = [example.run(tmp_path / str(seed), seed, 60) for seed in SEEDS]
    total = {name: sum(one[name] for one in found) for name in found[0]}
    assert total["divisions"] >= 10
    assert total["caught"] >= 0.9 * total["divisions"]
    assert total["dose"] <= total["dose_of_constant_full_density"] / 5


def test_a_field_without_events_is_only_scanned_slowly(
    example: ModuleType, tmp_path: Path
) -> None:
    found = example.run(tmp_path / "s", SEEDS[0], 3)  # before anything can happen
    assert (found["divisions"], found["caught"], found["frames"]) == (0, 0, 3)
    assert found["dose"] == 3 * 128 * 128


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_the_sample_divides_when_and_where_it_says(seed: int) -> None:
    sample = DivisionSample(seed)
    times = [division.time_s for division in sample.divisions]
    assert times == sorted(times) and len(times) == 9
    grid = ScanGrid(256, 256, sample.field_um / 256)
    for division in sample.divisions:
        row, column = (
            int(at / grid.pixel_size_um) for at in (division.y_um, division.x_um)
        )
        before, after = (
            sample.scan(grid, np.full(256, division.time_s + since_s))
            for since_s in (-1.0, PARTS_S)
        )
        near = np.s_[max(0, row - 4) : row + 5, max(0, column - 4) : column + 5]
        assert before[near].max() > 2 * np.percentile(before, 98)
        assert np.median(after[near]) < 0.5 * before[near].max()
