"""Recipes in TOML, and what the crappifier refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pssr_live.crappifier import PRESETS, Recipe, crappify, load_recipe, preset
from pssr_live.crappifier.detector import Photons, ReadNoise
from pssr_live.crappifier.recipe import KINDS
from pssr_live.crappifier.sampling import Scan
from pssr_live.errors import SettingsError

SCAN = '[[steps]]\nkind = "scan"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps = ", "cannot be read"),
        ("", "wrong at steps: it is missing"),
        ("steps = 3", "wrong at steps: .*got 3"),
        ("steps = [3]", "wrong at step 1: "),
        ("steps = []", "0 sampling steps .*exactly one"),
        (SCAN * 2, "2 sampling steps"),
        ("wite = 3\n" + SCAN, "wite: no such setting; .*name, steps, black, white"),
        ("white = 3\nblack = 4\n" + SCAN, "white is 3 .*above black, 4"),
        ("white = inf\n" + SCAN, "wrong at white: .*finite"),
        (SCAN + 'mode = "dot"', r"step 1 \(scan\), mode: .*'point'.*got 'dot'"),
        (SCAN + "[[steps]]\nsd = 1", "step 2: the kind None is none of scan_offset"),
        (SCAN + '[[steps]]\nkind = "photon"', "step 2: the kind 'photon' .*photons"),
        (
            SCAN + '[[steps]]\nkind = "photons"\nphoton = 3',
            r"step 2 \(photons\), photon: no such setting; .*photons, gain, noise",
        ),
        (
            SCAN + '[[steps]]\nkind = "photons"\nphotons = -3',
            r"step 2 \(photons\), photons: .*greater than 0, got -3",
        ),
        (
            SCAN + '[[steps]]\nkind = "line_jitter"\nsd_px = 1',
            "'line_jitter' displaces the beam and must stand before a 'scan'",
        ),
        (
            '[[steps]]\nkind = "motion"\n[[steps]]\nkind = "resize"',
            "'motion' displaces the beam",
        ),
        (
            '[[steps]]\nkind = "resize"\nfilter = "triangle"\ncorner_aligned = true',
            "corner_aligned needs filter 'none', not 'triangle'",
        ),
    ],
)
def test_mistakes_in_a_recipe_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "chain.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load_recipe(path)
    assert "chain.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_recipe_is_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "chain.toml"
    path.write_text(SCAN)
    assert load_recipe(path).name == "chain"
    path.write_text('name = "ours"\n' + SCAN)
    assert load_recipe(path).name == "ours"


@pytest.mark.parametrize(
    ("images", "settings", "words"),
    [
        (np.zeros((3, 40), np.uint8), {}, r"3 x 40 pixels are smaller .* scale 4"),
        (np.zeros((8, 8)), {}, "float64.*uint8, uint16, int16"),
        (np.zeros((0, 8), np.uint8), {}, r"\(0, 8\)"),
        (np.zeros((1, 1, 8, 8), np.uint8), {}, r"\(1, 1, 8, 8\)"),
        (np.zeros((8, 8), np.uint8), {"scale": 5}, "scale of 5.*1, 2, 3, 4, 8"),
        (np.zeros((8, 8), np.uint8), {"seed": -1}, "seed -1"),
    ],
)
def test_what_cannot_be_crappified(images: Any, settings: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        crappify(images, preset("sem"), **settings)


def test_values_are_frozen_and_extremes_do_no_harm() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        preset("sem").steps[0].sd_px = 3  # type: ignore[union-attr,misc]
    wild = Recipe(
        steps=(Scan(), Photons(photons=1e9, gain=1000), ReadNoise(sd=100, offset=-100)),
        white=1e-3,
    )
    image = np.random.default_rng(0).integers(-32768, 32767, (17, 23)).astype(np.int16)
    assert crappify(image, wild).shape == (4, 5)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("scale", [1, 8])
def test_one_pixel_is_enough(name: str, scale: int) -> None:
    image = np.full((scale, scale), 100, np.uint8)
    assert crappify(image, preset(name), scale=scale).shape == (1, 1)


def test_the_page_for_chains_names_every_step_and_its_example_works(
    tmp_path: Path,
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "crappify.md").read_text("utf-8")
    rows = [
        line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")
    ]
    told = {
        kind.strip(" `"): set(re.findall(r"`(\w+)`", names)) for kind, names in rows
    }
    assert told == {
        kind: set(step.model_fields) - {"kind"} for kind, step in KINDS.items()
    }
    assert all(f"`{name}`" in page for name in PRESETS)
    chain = tmp_path / "chain.toml"
    chain.write_text(page.split("```toml\n")[1].split("```")[0], "utf-8")
    low = crappify(np.full((64, 64), 2000, np.uint16), load_recipe(chain), scale=4)
    assert low.shape == (16, 16)
