"""What a coarse, quick, dim scan would have shown of a high-density image.

A chain of named steps with physical parameters, each a frozen value that a TOML file
can describe: `recipe.Recipe` holds one, `presets.preset` has some by name, and
`chain` runs it over images. Everything random follows from one seed.

The room knows neither files nor networks; training has its own crappifier in torch.
"""

from __future__ import annotations

from pssr_live.crappifier.chain import (
    Crappifier,
    crappify,
    cropped_shape,
    white_level,
)
from pssr_live.crappifier.presets import PRESETS, preset
from pssr_live.crappifier.recipe import Recipe, load_recipe

__all__ = [
    "PRESETS",
    "Crappifier",
    "Recipe",
    "crappify",
    "cropped_shape",
    "load_recipe",
    "preset",
    "white_level",
]
