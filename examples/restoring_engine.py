"""Restored frames for any viewer or file format: they are what the MDA engine gives.

Runs as it is on the simulated scanner: `python examples/restoring_engine.py session`.
"""

import sys
from pathlib import Path

import numpy as np
from useq import MDASequence

import pssr_live as pl
from pssr_live.scanners.core import open_core
from pssr_live.scanners.simulated import simulated_config

core = open_core(simulated_config())
sequence = MDASequence(
    time_plan={"interval": 0, "loops": 30},
    setup={"properties": [("Scanner", "Resolution", 128)]},
)


def show(image: np.ndarray) -> None:
    """Stand for a viewer that has never heard of restoration."""
    print(f"a frame of {image.shape[1]} x {image.shape[0]}")


core.mda.events.frameReady.connect(show)
folder = Path(sys.argv[1])

# -----------------------------------------------------------------------------
with pl.RestoringEngine(core, "mito-mf5-x4-live", save=folder) as engine:
    core.mda.run(sequence, output=folder.with_suffix(".ome.tiff"))
# -----------------------------------------------------------------------------

print(engine.report["status"], engine.report["frames_restored"], "frames restored")
