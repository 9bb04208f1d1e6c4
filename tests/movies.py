"""Small movies for tests of the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from pssr_live.samples.sample import make_sample
from pssr_live.scanners.simulated import ScanRecord, ScanSettings
from pssr_live.scanners.simulated.beam import brightness, detected


def scanned_movie(path: Path, frames: int = 6, side: int = 64) -> Path:
    """Write a movie of a simulated cell, with its pixel size."""
    settings = ScanSettings(resolution=side, seed=3)
    sample = make_sample("mito", 3, settings.optics.field_um)
    records = [ScanRecord(n, settings, n * 0.03, 0.0) for n in range(frames)]
    stack = np.stack([detected(brightness(sample, r), r) for r in records])
    tifffile.imwrite(
        path,
        stack,
        ome=True,
        metadata={
            "axes": "TYX",
            "PhysicalSizeX": settings.pixel_size_um,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": settings.pixel_size_um,
            "PhysicalSizeYUnit": "µm",
        },
    )
    return path
