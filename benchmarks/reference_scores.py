"""What references say of the gain over bicubic, beside what the truth says.

On the simulated scanner, three cells or sections, 20 coarse frames of 128 x 128 with a
reference every 5, of a sixteenth of the field and of all of it:

    python benchmarks/reference_scores.py
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from useq import MDASequence, TIntervalLoops

from pssr_live.evaluation.baselines import interpolated
from pssr_live.evaluation.metrics import psnr
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.simulated import scanner_of, simulated_config
from pssr_live.storage.movie import open_movie

SPECIMENS = {"Mitochondria": "mito-mf5-x4-live", "Section": "em-mf5-x4"}
SEEDS = (1, 3, 5)
TILES = (1 / 16, 1.0)
COARSE, FULL = 128, 512


def gains_db(specimen: str, seed: int, tile: float) -> tuple[float, float, float]:
    """Return the gain over bicubic by PSNR, by noise-free PSNR, and by the truth."""
    core = open_core(simulated_config())
    core.setConfig("Specimen", specimen)
    for name, value in {"RealTime": "Off", "Resolution": COARSE, "Seed": seed}.items():
        core.setProperty("Scanner", name, value)
    sequence = MDASequence(time_plan=TIntervalLoops(interval=timedelta(0), loops=20))
    with tempfile.TemporaryDirectory() as folder:
        session = Path(folder) / "session"
        with LiveRestoration(
            SPECIMENS[specimen],
            session,
            core=core,
            reference_every=5,
            reference_tile=tile,
        ) as live:
            core.mda.run(sequence, output=live)
        told = live.report["quality"]["references"]
        truth = _truth_gain_db(scanner_of(core), session, told["list"], tile)
    close_core(core)
    mean = told["mean"]
    plain = mean["psnr_db"] - mean["bicubic_psnr_db"]
    clean = mean["noise_free_psnr_db"] - mean["bicubic_noise_free_psnr_db"]
    return plain, clean, truth


def _truth_gain_db(
    scanner: Any, session: Path, scores: list[dict[str, Any]], tile: float
) -> float:
    """Return the mean gain in the same frames and the same tile."""
    records = [scanner.record(n) for n in range(scanner.frames_scanned)]
    coarse = [r for r in records if r.settings.resolution == COARSE]
    side = round(FULL * tile**0.5)
    cut = slice((FULL - side) // 2, (FULL + side) // 2)
    gains = []
    with (
        open_movie(session / "raw.ome.tiff") as raw,
        open_movie(session / "restored.ome.tiff") as restored,
    ):
        for n in (score["ordinal"] for score in scores):
            truth = scanner.truth(coarse[n], FULL)[cut, cut]
            ours = restored.frame(n).pixels[cut, cut]
            plain = interpolated(raw.frame(n).pixels, FULL // COARSE)[cut, cut]
            peak = float(np.ptp(truth))
            gains.append(psnr(ours, truth, peak) - psnr(plain, truth, peak))
    return float(np.mean(gains))


def main() -> None:
    """Print a table in Markdown."""
    print("| sample | seed | tile | PSNR | noise-free PSNR | truth |")
    print("| --- | --- | --- | --- | --- | --- |")
    for specimen in SPECIMENS:
        for tile in TILES:
            for seed in SEEDS:
                plain, clean, truth = gains_db(specimen, seed, tile)
                print(
                    f"| {specimen} | {seed} | {tile:.3g} | {plain:+.2f} dB | "
                    f"{clean:+.2f} dB | {truth:+.2f} dB |"
                )


if __name__ == "__main__":
    main()
