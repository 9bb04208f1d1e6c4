"""Does a window ever do worse than its one frame? Abroad, where nothing was learned.

    python benchmarks/one_frame_twin.py DATA --model mito-mf5-x4 --twin fluo-sf-x4

DATA is the folder that the shipped models are judged on (`pssr_live.training.shelf`).
Each source is scanned in each of the ways of `training.judging.foreign`; model and twin
restore the same frames, the twin from the target frame alone.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pssr_live.card import load_model
from pssr_live.network import FastNet
from pssr_live.training.judging.foreign import Image, Restore, Scores, abroad
from pssr_live.training.judging.judge import run
from pssr_live.training.shelf.recipes import RECIPES
from pssr_live.weights import network_of

Cells = dict[str, dict[str, Scores]]


def main() -> None:
    """Judge both; print the gains as a table, and the JSON object as the last line."""
    given = _arguments()
    model, twin = (network_of(load_model(name)) for name in (given.model, given.twin))
    movies = {
        source: read(given.data)
        for source, read in RECIPES[Path(given.model).name].foreign.items()
    }
    a = model.architecture
    window = {"n_frames": a.n_frames, "lookahead": a.lookahead, "scale": a.scale}
    whole, alone = (
        abroad(restore, movies, **window)
        for restore in (_whole(model), partial(_alone, twin, a.target))
    )
    gains = {
        source: {
            how: round(found.restored - alone[source][how].restored, 2)
            for how, found in row.items()
        }
        for source, row in whole.items()
    }
    Console(stderr=True).print(_table(gains, f"{given.model} over {given.twin}, dB"))
    values = np.array([[*row.values()] for row in gains.values()])
    print(
        json.dumps(
            {
                "model": given.model,
                "twin": given.twin,
                "mean_db": round(float(values.mean()), 3),
                "worst_db": float(values.min()),
                "below": int((values < 0).sum()),
                "cells": values.size,
                "gains_db": gains,
            }
        )
    )


def _whole(net: FastNet) -> Restore:
    return partial(run, net, valid=np.ones(net.architecture.n_frames))


def _alone(twin: FastNet, target: int, window: Image) -> Image:
    return run(twin, window[target : target + 1], np.ones(1))


def _table(gains: dict[str, dict[str, float]], title: str) -> Table:
    table = Table("", *gains, title=title)
    for how in next(iter(gains.values())):
        table.add_row(how, *(f"{row[how]:+.2f}" for row in gains.values()))
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="mito-mf5-x4")
    parser.add_argument("--twin", default="fluo-sf-x4")
    return parser.parse_args()


if __name__ == "__main__":
    main()
