"""Recipes for training, and images to train on, small enough for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import tomli_w
from fields import smooth_field

from pssr_live.training.run import View, learn_recipe


def image(seed: int, side: int = 120, sigma_px: float = 2.0) -> np.ndarray[Any, Any]:
    """Return a blotchy image of 16 bits, different for each seed."""
    field = smooth_field(side, sigma_px, np.random.default_rng(seed))
    return (4000 + 1000 * field).clip(0, 60000).astype(np.uint16)


def laboratory(folder: Path, **changes: Any) -> Path:
    """Write images and a recipe that trains a few steps on them.

    `training__steps=3` changes `steps` in `[training]`; None takes a setting out.
    """
    (folder / "good").mkdir()
    for seed in range(3):
        tifffile.imwrite(folder / "good" / f"{seed}.tif", image(seed))
    tifffile.imwrite(folder / "other.tif", image(9))
    return write_recipe(folder / "recipe.toml", **changes)


def learned(recipe: Path, run: Path, resume: bool = False) -> list[str]:
    """Train without writing a model, and return the notes."""
    notes: list[str] = []

    @contextmanager
    def bar(what: str) -> Iterator[Any]:
        yield lambda done, total: None

    view = View(bar, notes.append, lambda moment: None)
    learn_recipe(recipe, run, view, resume=resume)
    return notes


def write_recipe(path: Path, **changes: Any) -> Path:
    """Write the recipe of `laboratory`, with changes."""
    recipe: dict[str, Any] = {
        "name": "tiny-x2",
        "summary": "blotches",
        "data": {
            "train": ["good"],
            "validate": ["other.tif"],
            "pixel_size_um": 0.05,
            "clips": 8,
        },
        "network": {"frames": 1, "scale": 2},
        "training": {"steps": 6, "batch": 2, "crop": 16},
    }
    for name, value in changes.items():
        table, _, key = name.rpartition("__")
        place = recipe.setdefault(table, {}) if table else recipe
        if value is None:
            del place[key]
        else:
            place[key] = value
    path.write_text(tomli_w.dumps(recipe))
    return path
