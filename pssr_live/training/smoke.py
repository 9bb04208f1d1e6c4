"""Does training work here? Twenty CPU-seconds on simulated cells say it.

The task is a narrow one on purpose, one scanner at one light level, as in the
reference measurement: a network that has to cope with any microscope needs minutes
to learn it. The judge is the classical method, on cells that were never learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pssr_live.network import Architecture
from pssr_live.training.films.pool import OwnPool, make_pool
from pssr_live.training.judging.validation import prepared, score
from pssr_live.training.learning.device import one_thread
from pssr_live.training.learning.trainer import TrainPlan, train
from pssr_live.training.preparation import Bar
from pssr_live.training.scans.ranges import one_scanner

BUDGET_S = 20.0
LEAST_GAIN_DB = 1.5
SCANNER = one_scanner(
    photons=(20, 20),
    gain=(0.7, 0.7),
    offset=(0.05, 0.05),
    read_noise=(0.02, 0.02),
    dwell_fraction=(1, 1),
    jitter_px=(0.2, 0.2),
)
LEARNED = OwnPool((), clips=72, frames=8, side=160, seed=0)
JUDGED = OwnPool((), clips=12, frames=5, side=160, seed=1)


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """PSNR in dB (data range: brightness 1) on cells never seen."""

    psnr_db: float
    bicubic_db: float
    classical_db: float

    @property
    def passed(self) -> bool:
        """Whether the network beats the classical method by 1.5 dB."""
        return self.psnr_db >= self.classical_db + LEAST_GAIN_DB


def smoke(bar: Bar, budget_s: float = BUDGET_S) -> SmokeResult:
    """Train for some CPU-seconds, on one thread, and judge.

    Parameters
    ----------
    bar : callable
        Gives a progress bar for a title.
    budget_s : float
        CPU seconds of training; making the clips comes on top.
    """
    architecture = Architecture()
    # Few steps fit: small batches and a high rate make more of them.
    plan = TrainPlan(
        budget_s=budget_s,
        batch=2,
        learning_rate=3e-3,
        short_share=0,
        soft_share=0,
        ranges=SCANNER,
    )
    with one_thread():
        with bar("Simulating cells") as show:
            pool = torch.from_numpy(make_pool(LEARNED, show))
        judged = torch.from_numpy(make_pool(JUDGED, lambda done, total: None))
        with bar("Training") as show:
            trainer = train(
                architecture,
                pool,
                plan,
                lambda used, *_: show(min(99, round(100 * used)), 100),
            )
            show(100, 100)
        validation = prepared(judged, architecture, SCANNER)
        return SmokeResult(
            round(score(trainer.average, validation), 3),
            round(validation.bicubic_db, 3),
            round(validation.classical_db, 3),
        )
