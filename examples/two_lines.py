"""Live restoration in an MDA script: the two lines between the rulers.

Runs as it is on the simulated scanner: `python examples/two_lines.py session_01`.
With a real microscope, load its configuration instead.
"""

import sys

from useq import MDASequence

import pssr_live as pl
from pssr_live.scanners.core import open_core
from pssr_live.scanners.simulated import simulated_config

core = open_core(simulated_config())
sequence = MDASequence(
    time_plan={"interval": 0, "loops": 30},
    setup={"properties": [("Scanner", "Resolution", 128)]},
)

# -----------------------------------------------------------------------------
with pl.LiveRestoration(model="mito-mf5-x4-live", save=sys.argv[1]) as live:
    core.mda.run(sequence, output=live)
# -----------------------------------------------------------------------------

print(live.report["status"], live.report["frames_restored"], "frames restored")
