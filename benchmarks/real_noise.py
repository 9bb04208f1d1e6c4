"""Real noise: how much better a restoration is than the mean of the same frames.

    python benchmarks/real_noise.py PAIRS [--model NAME] [--json FILE]

PAIRS is a folder of `NAME_raw.tif`, a few independent scans (T, Y, X) of a field that
keeps still, beside `NAME_gt.tif`, the average of many. Twice for each field:

* coarse: each fourth pixel of each fourth line of the scans is restored, beside the
  mean of the same pixels, interpolated;
* full: the scans as they are, restored and averaged back onto their own pixels,
  beside their mean.

Figures are PSSR's normalised PSNR in dB. The network is given whole numbers, as a
camera gives them, and the window that holds the most frames is the one that counts.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import ndimage

from pssr_live.evaluation.baselines import classical, interpolated
from pssr_live.evaluation.normalised import normalised_psnr
from pssr_live.offline import array_frames
from pssr_live.restorer import Restorer

FIRST = 1  # the coarse pixels are 1, 5, 9, ...: half a pixel off the centres of four
STEPS = 16  # grey values that one of an 8-bit scan becomes: nothing is rounded away


def main() -> None:
    """Measure each field; print a table, and the JSON object as the last line."""
    given = _arguments()
    restorer = Restorer(given.model)
    fields = sorted(given.pairs.glob("*_raw.tif"))
    rows = {
        path.name.removesuffix("_raw.tif"): measure(path, restorer)
        for path in track(fields, "Restoring", console=Console(stderr=True))
    }
    restorer.close()
    table = Table(
        "normalised PSNR in dB", *next(iter(rows.values())), title=given.model
    )
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.2f}" for value in row.values()))
    Console(stderr=True).print(table)
    report = {"model": given.model, "fields": rows}
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report))


def measure(path: Path, restorer: Restorer) -> dict[str, float]:
    """Return the figures of one field."""
    scale = restorer.card.scale
    scans = tifffile.imread(path).astype(np.uint16) * STEPS
    truth = tifffile.imread(path.with_name(path.name.replace("_raw", "_gt")))
    coarse = scans[:, FIRST::scale, FIRST::scale]
    off = (scale - 1) / 2 - FIRST
    there = ndimage.shift(truth.astype(float), (off, off), order=3, mode="nearest")
    restored = best(restorer, scans)
    height, width = truth.shape
    binned = restored.reshape(height, scale, width, scale).mean((1, 3))
    return {
        "coarse, mean": normalised_psnr(interpolated(coarse.mean(0), scale), there),
        "coarse, classical": normalised_psnr(classical(coarse, scale), there),
        "coarse, restored": normalised_psnr(best(restorer, coarse), there),
        "full, mean": normalised_psnr(scans.mean(0), truth),
        "full, restored": normalised_psnr(binned, truth),
    }


def best(restorer: Restorer, scans: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the restoration (scale * Y, scale * X) that saw the most frames."""
    found = restorer.restore(array_frames(scans))
    return max(found, key=lambda restored: len(restored.sources)).pixels


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--model", default="mito-mf5-x4")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
