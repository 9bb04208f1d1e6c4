"""Score models on faults that scanners have and cards do not show.

    python benchmarks/odd_scans.py DATA --model mito-mf5-x4

DATA is the folder that the shipped models are judged on (`pssr_live.training.shelf`).
Each source of a card, and some pictures of no sample in particular, is scanned with one
fault at a time. Gains are dB over the better of bicubic and the classical method, both
of which know nothing of faults either. Unlike the table of a card, faults are some that
training draws from too.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from pssr_live.card import load_model
from pssr_live.crappifier import Recipe
from pssr_live.crappifier.beam import Bidirectional, LineJitter
from pssr_live.crappifier.detector import (
    Digitise,
    LineNoise,
    Photons,
    ReadNoise,
    SaltPepper,
    SlowDetector,
)
from pssr_live.crappifier.sampling import Scan
from pssr_live.samples.texture import draw_texture
from pssr_live.training.films.motion import set_in_motion
from pssr_live.training.judging.foreign import Scores, abroad
from pssr_live.training.judging.judge import run
from pssr_live.training.shelf.recipes import RECIPES
from pssr_live.weights import network_of

FRAMES, SIDE, PACE_PX = 12, 256, 0.7
BEAM = Scan(mode="line", psf_sigma_px=1.0)
LIGHT = Photons(photons=100)
FAULTS: dict[str, tuple[Any, ...]] = {
    "none": (BEAM, LIGHT),
    "hardly any light": (BEAM, Photons(photons=2)),
    "lines offset by 5 %": (BEAM, LIGHT, LineNoise(sd=0.05)),
    "hum of 5 lines, 5 %": (BEAM, LIGHT, LineNoise(sd=0.05, period_lines=5)),
    "a slow detector": (BEAM, Photons(photons=30), SlowDetector(sigma_px=0.8)),
    "a hardly slow one": (BEAM, Photons(photons=30), SlowDetector(sigma_px=0.5)),
    "8 grey levels": (BEAM, Digitise(bits=3)),
    "half saturated": (BEAM, LIGHT, Digitise(bits=12, saturation=0.4)),
    "5 % spoiled pixels": (BEAM, SaltPepper(salt=0.025, pepper=0.025)),
    "lines jitter by 3 px": (LineJitter(sd_px=3), BEAM, LIGHT),
    "two-way, 4 px off": (Bidirectional(shift_px=4), BEAM, LIGHT),
    "a wide beam": (Scan(mode="point", psf_sigma_px=3), Photons(photons=300)),
    "much read noise": (BEAM, ReadNoise(sd=0.1, offset=0.3)),
}
_WHITE = 4000.0  # grey value of brightness 1; samples reach about 0.8


def main() -> None:
    """Judge a model; print the gains as a table, and a JSON object as last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="mito-mf5-x4", help="name or folder")
    given = parser.parse_args()
    net = network_of(load_model(given.model))
    a = net.architecture
    found = abroad(
        partial(run, net, valid=np.ones(a.n_frames)),
        _sources(given.data, Path(given.model).name),
        n_frames=a.n_frames,
        lookahead=a.lookahead,
        scale=a.scale,
        degradations=[
            Recipe(name=name, steps=steps, white=_WHITE)
            for name, steps in FAULTS.items()
        ],
    )
    Console(stderr=True).print(table_of(found, f"{given.model}, gain in dB"))
    print(json.dumps({"model": given.model} | _summary(found)))


def _sources(data: Path, model: str) -> dict[str, npt.NDArray[np.uint16]]:
    films = {what: read(data) for what, read in RECIPES[model].foreign.items()}
    for number in range(3):
        rng = np.random.default_rng(40 + number)
        picture = 1700 + 600 * draw_texture(rng, SIDE)
        film = set_in_motion(rng, picture, FRAMES, PACE_PX)
        films[f"texture {number + 1}"] = np.clip(film, 0, 4000).astype(np.uint16)
    return films


def _summary(found: dict[str, dict[str, Scores]]) -> dict[str, Any]:
    gains = {
        how: [row[how].gain for row in found.values()]
        for how in next(iter(found.values()))
    }
    every = np.array(list(gains.values()))
    return {
        "mean_db": round(float(every.mean()), 3),
        "worst_db": round(float(every.min()), 2),
        "below": int((every < 0).sum()),
        "cells": every.size,
        "mean_db_by_fault": {k: round(float(np.mean(v)), 2) for k, v in gains.items()},
        "worst_db_by_fault": {k: round(min(v), 2) for k, v in gains.items()},
        "db_by_source": {
            what: {how: round(cell.gain, 2) for how, cell in row.items()}
            for what, row in found.items()
        },
    }


def table_of(found: dict[str, dict[str, Scores]], title: str) -> Table:
    """Return the mean over sources for each fault, and where the model gains least."""
    table = Table("fault", title=title)
    table.add_column("mean", justify="right")
    table.add_column("worst", justify="right")
    table.add_column("with")
    for how in next(iter(found.values())):
        gains = {what: row[how].gain for what, row in found.items()}
        worst = min(gains, key=gains.__getitem__)
        mean = float(np.mean([*gains.values()]))
        table.add_row(how, f"{mean:+.2f}", f"{gains[worst]:+.2f}", worst)
    return table


if __name__ == "__main__":
    main()
