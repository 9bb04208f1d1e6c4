"""Real movies, scanned coarsely as a real microscope scans, restored, and judged.

    pssr-live calibrate --repeats REPEATS.tif -o calibration
    python benchmarks/real_sequences.py MOVIES calibration/calibration.toml

MOVIES is a folder of TIFF movies (T, Y, X) that the model never learned from. The
crappifier is the measured instrument, at the light it was measured at: the bright level
of a movie gets as many photons as that of the calibrated field. The restoration is
judged beside bicubic interpolation of the frame and beside the mean of the window,
smoothed and interpolated.

The truth is the recording, which is noisy itself: no method can reach it. How much
even the sample itself, without that noise, would be ahead of the classical method is
estimated, and printed as `at most`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.ndimage import gaussian_filter

from pssr_live.calibration.as_recipe import recipe_of
from pssr_live.crappifier import Crappifier, Recipe
from pssr_live.evaluation.case import BICUBIC, CLASSICAL, RESTORED, Case
from pssr_live.evaluation.comparison import compare
from pssr_live.offline import array_frames
from pssr_live.restorer import Restorer

SIDE, FRAMES = 256, 14  # of the middle of each movie
LEAST_FRAMES = 8
FIGURES = ("psnr_db", "ssim", "frc_cycles_per_px")
TOP = 60_000  # grey value of the brightest pixel: nothing is rounded away
BRIGHT = 99.8  # percentile that calibration calls the bright level
NOISE = "noise of the truth"
LAGS = 4  # frames apart

Movie = npt.NDArray[np.uint16]


def main() -> None:
    """Judge each movie; print a table, and the JSON object as the last line."""
    given = _arguments()
    restorer = Restorer(given.model)
    how = recipe_of(given.calibration, restorer.card.scale)
    movies = dict(_movies(given.movies, restorer.card.scale))
    rows = {
        name: measure(name, movie, how, restorer)
        for name, movie in track(
            movies.items(), "Restoring", console=Console(stderr=True)
        )
    }
    restorer.close()
    report = {"model": given.model, "movies": rows, "mean": _mean(rows)}
    Console(stderr=True).print(table_of(report))
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report))


def measure(
    name: str, movie: Movie, how: Recipe, restorer: Restorer
) -> dict[str, dict[str, float]]:
    """Return the mean of each figure over the frames, by method."""
    card = restorer.card
    white = float(np.percentile(gaussian_filter(movie[0] * 1.0, 1.0), BRIGHT))
    crappifier = Crappifier(how, white, card.scale, seed=5)
    scans = np.stack([crappifier.scan(image, t, t) for t, image in enumerate(movie)])
    truths = [crappifier.truth(image, t) for t, image in enumerate(movie)]
    cases = [
        Case(
            scene=name,
            frame=t,
            restored=picture.pixels,
            truth=truths[t],
            window=scans[
                t - card.n_frames + 1 + card.lookahead : t + 1 + card.lookahead
            ],
            target=card.n_frames - 1 - card.lookahead,
        )
        for t, picture in enumerate(restorer.restore(array_frames(scans)))
        if card.n_frames - 1 - card.lookahead <= t < len(scans) - card.lookahead
    ]
    low, high = np.percentile(truths, (0.1, 99.9))
    scores = compare(cases, float(high - low)).scores
    noise_db = 10 * np.log10((high - low) ** 2 / own_noise(np.stack(truths)))
    return {NOISE: {"psnr_db": float(noise_db)}} | {
        method: {
            figure: float(
                np.nanmean([getattr(s, figure) for s in scores if s.method == method])
            )
            for figure in FIGURES
        }
        for method in (RESTORED, BICUBIC, CLASSICAL)
    }


def own_noise(movie: npt.NDArray[Any]) -> float:
    """Return the variance of what a frame (T, Y, X) shares with no other frame.

    A sample changes smoothly, so its covariance with itself some frames later is
    followed back, as a parabola through three of them, to no frames later: what the
    variance has beyond that is noise. Wrong for a sample that jumps.
    """
    films = movie.astype(np.float64)
    films -= films.mean(axis=(1, 2), keepdims=True)
    variance, once, twice, thrice = (
        float((films[: len(films) - lag] * films[lag:]).mean()) for lag in range(LAGS)
    )
    return max(variance - (3 * once - 3 * twice + thrice), 1e-12 * variance)


def _movies(folder: Path, scale: int) -> Iterator[tuple[str, Movie]]:
    for path in sorted(folder.glob("*.tif")):
        movie = tifffile.imread(path)
        if movie.ndim != 3 or len(movie) < LEAST_FRAMES:
            continue
        count = min(FRAMES, len(movie))
        height, width = (min(SIDE, n // scale * scale) for n in movie.shape[1:])
        first, top, left = (
            (n - part) // 2
            for n, part in zip(movie.shape, (count, height, width), strict=True)
        )
        middle = movie[first : first + count, top : top + height, left : left + width]
        brightness = middle.astype(np.float64) / middle.max()
        yield path.stem, np.rint(TOP * brightness).astype(np.uint16)


def _mean(rows: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    gains = {
        other: float(
            np.mean(
                [r[RESTORED]["psnr_db"] - r[other]["psnr_db"] for r in rows.values()]
            )
        )
        for other in (BICUBIC, CLASSICAL)
    }
    return {f"over {other}, dB": gain for other, gain in gains.items()}


def table_of(report: dict[str, Any]) -> Table:
    """Return what fits 80 columns; behind a stroke stands the classical method."""
    table = Table(title=str(report["model"]), box=None, pad_edge=False)
    table.add_column("movie", overflow="fold")
    for column in ("over\nbicubic", "over\nmean", "at\nmost", "SSIM/\nmean's"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("FRC/\nmean's", justify="right", no_wrap=True)
    for name, row in report["movies"].items():
        ours, others = row[RESTORED], (row[BICUBIC], row[CLASSICAL])
        gains = [f"{ours['psnr_db'] - other['psnr_db']:+.2f}" for other in others]
        ssim, frc = (
            f"{ours[figure]:{form}}/{row[CLASSICAL][figure]:{form}}"
            for figure, form in (("ssim", ".2f"), ("frc_cycles_per_px", ".3f"))
        )
        most = f"{row[NOISE]['psnr_db'] - row[CLASSICAL]['psnr_db']:+.2f}"
        table.add_row(name, *gains, most, ssim, frc)
    mean = report["mean"]
    table.add_row("mean", *(f"{value:+.2f}" for value in mean.values()))
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("movies", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("--model", default="mito-mf5-x4")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
