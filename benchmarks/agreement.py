"""How far the agreement of a picture with its scan can be believed.

    python benchmarks/agreement.py [--pairs PAIRS] [--json FILE]

Three tables. Truth: pictures of the simulated scanner, whose truth is known: how many
frames and how much of the field are marked, and how far off the picture is there and
elsewhere. Planted: the share of frames in which a fault is found that was put into good
pictures. Real: the same marks on repeated scans of real microscopes, `NAME_raw.tif` in
the folder PAIRS, each calibrated from its own frames, where nothing was put in; every
fourth pixel of every fourth line is restored.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.ndimage import gaussian_filter

from pssr_live.calibration.repeats import fit_repeats
from pssr_live.calibration.values import read_scan_noise
from pssr_live.errors import PssrLiveError
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.simulated import calibration_file, scanner_of, simulated_config
from pssr_live.storage.movie import array_frames
from pssr_live.trust import consistency, scanned_again

Image = np.ndarray[Any, Any]
Row = dict[str, float | str]

FRAMES, SEEDS, SIDE = 12, (1, 3, 5), 128
MODELS = ("mito-mf5-x4", "mito-mf5-x4-live", "mito-mf5-x4-best", "fluo-sf-x4")
SPEEDS = {"as it is": 0, "40 times as fast": 1_000, "120 times": 3_500}  # rest, ms
DWELLS_US = (0.2, 1.0, 5.0)  # 4, 20 and 100 photons in a bright pixel
NOISE = read_scan_noise(calibration_file("mito"))[""]


def scans(seed: int, dwell_us: float, rest_ms: float) -> tuple[Image, Image]:
    """Return scans (T, Y, X) and their truths of the simulated scanner."""
    core = open_core(simulated_config())
    wanted: dict[str, float | str] = {
        "RealTime": "Off",
        "Resolution": SIDE,
        "Seed": seed,
        "Dwell_us": dwell_us,
        "Rest_ms": rest_ms,
    }
    for name, value in wanted.items():
        core.setProperty("Scanner", name, value)
    taken, true = [], []
    for number in range(FRAMES):
        core.snapImage()
        taken.append(core.getImage())
        true.append(scanner_of(core).truth(number))
    close_core(core)
    return np.array(taken), np.array(true)


def against_truth(model: str, dwell_us: float, rest_ms: float) -> Row:
    """Return what is marked, and how far off pictures are where it is."""
    restorer = Restorer(model, noise={"": NOISE})
    marked: list[Image] = []
    off: list[Image] = []
    for seed in SEEDS:
        raw, truth = scans(seed, dwell_us, rest_ms)
        for made in restorer.restore(array_frames(raw)):
            assert made.consistency is not None  # noqa: S101 - it has the noise
            marked.append(made.consistency.marks != 0)
            shape = made.frame.pixels.shape
            true = scanned_again(truth[made.frame.ordinal], shape)
            off.append(gaussian_filter(scanned_again(made.pixels, shape) - true, 2))
    restorer.close()
    here, error = np.array(marked), np.abs(np.array(off))
    return {
        "frames marked": float(here.any((1, 2)).mean()),
        "field marked": float(here.mean()),
        "off there, ADU": float(error[here].mean()) if here.any() else float("nan"),
        "off elsewhere, ADU": float(error[~here].mean()),
    }


def blob(sigma_px: float) -> Callable[[Image], Image]:
    """Return what adds an object of 0.3 of the brightest place."""

    def add(picture: Image) -> Image:
        y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] - 200
        bright = np.percentile(picture, 99.8) - NOISE.black_adu
        object_ = 0.3 * bright * np.exp(-(y**2 + x**2) / (2 * sigma_px**2))
        changed: Image = picture + object_
        return changed

    return add


def without(side_px: int) -> Callable[[Image], Image]:
    """Return what leaves out the brightest place."""

    def remove(picture: Image) -> Image:
        soft = gaussian_filter(picture, 6)
        y, x = np.unravel_index(soft.argmax(), soft.shape)
        half, changed = side_px // 2, picture.copy()
        changed[max(y - half, 0) : y + half, max(x - half, 0) : x + half] = (
            np.percentile(picture, 20)
        )
        return changed

    return remove


FAULTS: dict[str, Callable[[Image], Image]] = {
    "none": lambda picture: picture,
    "object added, sigma 2 px": blob(2),
    "object added, sigma 4 px": blob(4),
    "object added, sigma 8 px": blob(8),
    "brightest place left out, 8 px": without(8),
    "brightest place left out, 16 px": without(16),
    "a tenth dimmer": lambda p: NOISE.black_adu + 0.9 * (p - NOISE.black_adu),
    "displaced by 4 px": lambda p: np.roll(p, 4, axis=1),
}


def planted(model: str, dwell_us: float) -> Iterator[tuple[str, float]]:
    """Yield the share of frames in which each fault is found."""
    restorer = Restorer(model)
    made = [
        one
        for seed in SEEDS
        for one in restorer.restore(array_frames(scans(seed, dwell_us, 0)[0]))
    ]
    restorer.close()
    for fault, change in FAULTS.items():
        found = 0
        for one in made:
            wrong = np.rint(change(one.pixels.astype(float))).clip(0, 65535)
            told = consistency(one.frame.pixels, wrong.astype(np.uint16), NOISE)
            found += not told.agrees
        yield fault, found / len(made)


def on_real_scans(path: Path, model: str) -> Row:
    """Return what is marked on real scans, calibrated from themselves."""
    frames = tifffile.imread(path)
    try:
        calibration = fit_repeats(frames, name=path.name).calibration
    except PssrLiveError as error:
        return {"not calibrated": str(error)}
    restorer = Restorer(model, noise={"": calibration.scan_noise(path.name)})
    coarse = np.ascontiguousarray(frames[:, 1::4, 1::4])
    found = [made.consistency for made in restorer.restore(array_frames(coarse))]
    restorer.close()
    known = [one for one in found if one is not None]
    return {
        "frames marked": float(np.mean([not one.agrees for one in known])),
        "field marked": float(np.mean([one.doubtful_share for one in known])),
        "misfit": float(np.mean([one.misfit for one in known])),
        "worst, SD": max(one.worst_sd for one in known),
    }


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    out = Console(stderr=True)
    cases = [(m, d, s) for m in MODELS for d in DWELLS_US for s in SPEEDS]
    truth = {
        f"{model}, {20 * dwell:g} photons, {speed}": against_truth(
            model, dwell, SPEEDS[speed]
        )
        for model, dwell, speed in track(cases, "Truth", console=out)
    }
    faults = {
        f"{20 * dwell:g} photons": dict(planted(MODELS[1], dwell))
        for dwell in track(DWELLS_US, "Planted", console=out)
    }
    files = sorted(given.pairs.glob("*_raw.tif")) if given.pairs else []
    real = {
        f"{path.stem.removesuffix('_raw')}, {model}": on_real_scans(path, model)
        for path in track(files, "Real", console=out)
        for model in MODELS
    }
    report: dict[str, dict[str, Any]] = {
        "truth": truth,
        "planted": faults,
        "real": real,
    }
    for title, rows in report.items():
        if rows:
            out.print(_table(title, rows))
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report))


def _table(title: str, rows: dict[str, dict[str, Any]]) -> Table:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *columns, title=title)
    for name, row in rows.items():
        values = [row.get(column, "") for column in columns]
        table.add_row(name, *(v if isinstance(v, str) else f"{v:.3g}" for v in values))
    return table


if __name__ == "__main__":
    main()
