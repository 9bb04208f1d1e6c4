"""The models that are shipped: what they learn from never judges them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from fields import smooth_field

from pssr_live.card import load_model, shipped_models
from pssr_live.network import Architecture
from pssr_live.training.films.clips import PoolPlan
from pssr_live.training.shelf import __main__ as shelf
from pssr_live.training.shelf.held_out import ELECTRON_STILLS
from pssr_live.training.shelf.recipes import (
    ELECTRON_TESTS,
    RECIPES,
    electron_stills,
    fluorescence_stills,
)
from pssr_live.weights import read_weights


def test_each_recipe_has_its_model() -> None:
    folders = {card.parent.name for card in shipped_models().glob("*/card.toml")}
    assert folders == set(RECIPES)


def laboratory(folder: Path, *names: str) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        field = smooth_field(96, 3, rng)
        tifffile.imwrite(path, np.uint16(2000 + 300 * field))
    return folder


def test_nothing_that_judges_is_learned_from(tmp_path: Path) -> None:
    judges = [*ELECTRON_STILLS.values(), "pairs/fmd_a_gt.tif", "fluo_timelapse/a.tif"]
    judges += [f"em/{name}_1.tif" for name in ELECTRON_TESTS.values()]
    judges += ["fluo/mapmanager_a.tif"]
    learned = ["em/other.tif", "fluo/cells.tif"]
    data = laboratory(tmp_path, *judges, *learned)
    assert electron_stills(data) == [data / "em/other.tif"]
    assert set(fluorescence_stills(data)) == {data / name for name in learned}


def test_a_recipe_is_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = laboratory(tmp_path / "data", "em/a.tif", "em/b.tif")
    tiny = replace(
        RECIPES["em-mf5-x4"],
        architecture=Architecture(width=8, blocks=1),
        pool=PoolPlan(simulated=0, real=4, frames=6, size=64, seed=3),
        batch=2,
        crop=12,
    )
    monkeypatch.setitem(RECIPES, "tiny", tiny)
    first = shelf.trained("tiny", data, tmp_path, 0.5, "cpu")
    assert first.how["steps"] > 0
    assert first.how["device"] == "CPU"
    assert first.how["seconds"] >= 0.5
    again = shelf.trained("tiny", data, tmp_path, 0.5, "cpu")
    assert again.how == first.how
    for name, weight in first.net.state_dict().items():
        assert torch.equal(weight, again.net.state_dict()[name])


def test_a_model_is_trained_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = laboratory(tmp_path / "data", "em/a.tif", "em/b.tif")
    pool = PoolPlan(simulated=0, real=4, frames=6, size=64, seed=3)
    recipe = replace(RECIPES["em-mf5-x4"], pool=pool, further=(2, 12))
    monkeypatch.setitem(RECIPES, "em-mf5-x4", recipe)
    begun = load_model("em-mf5-x4")
    further = shelf.trained(
        "em-mf5-x4", data, tmp_path, 0.1, "cpu", begun.folder.parent
    )
    for name, weight in read_weights(begun).items():
        moved = (further.net.state_dict()[name] - weight).abs().max()
        assert 0 < moved < 0.05 or name == "pattern.weight"
    said = further.how["begun_from"]
    assert begun.card.version in said and begun.card.training.device in said
