"""From the first step, or the last checkpoint, to the end of the budget.

Losses are noted 200 times, scores 20 times. Whatever ends the process, the folder
holds a checkpoint that is at most half a minute, or one note, old.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pssr_live.errors import SettingsError
from pssr_live.storage.preview import Panel
from pssr_live.training.judging.judge import run
from pssr_live.training.judging.validation import Validation, score
from pssr_live.training.learning.checkpoint import load, save
from pssr_live.training.learning.curve import Lines, draw_progress
from pssr_live.training.learning.device import name_of
from pssr_live.training.learning.run_folder import Row, RunFolder
from pssr_live.training.learning.trainer import Trainer

NOTES, SCORES = 200, 20
CHECKPOINT_S = 30.0


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a training is.

    `used` is the share of the budget; figures not known yet are NaN.
    """

    used: float
    steps: int
    loss: float
    psnr_db: float
    best_db: float


Tell = Callable[[Moment], None]


class Loop:
    """One training in its folder.

    Parameters
    ----------
    trainer : Trainer
        As new; a checkpoint in the folder is taken up.
    pool : Tensor, (clips, frames, Y, X)
        What is learned from.
    validation : Validation
        What is judged on.
    folder : RunFolder
        Where all of it is kept.
    name : str
        What the picture calls it.
    """

    def __init__(
        self,
        trainer: Trainer,
        pool: torch.Tensor,
        validation: Validation,
        folder: RunFolder,
        name: str,
    ) -> None:
        self._trainer, self._pool = trainer, trainer.fabric.to_device(pool)
        self._validation, self._folder, self._name = validation, folder, name
        self._first = trainer.fabric.global_rank == 0
        self._rows: list[Row] = []
        self._psnr_db = self._best_db = math.nan
        if folder.last.exists():
            tensors, facts = load(folder.last)
            trainer.restore(tensors, facts["steps"], facts["spent_s"])
            self._best_db = facts["best_db"]
        if self._first:
            self._rows = folder.cut_history(trainer.steps)
            if not folder.last.exists():
                self._save()

    def run(self, tell: Tell) -> None:
        """Train to the end of the budget.

        Raises
        ------
        SettingsError
            If the loss is not finite.
        StorageError
            If the disk refuses.
        """
        trainer = self._trainer
        total, count = torch.zeros((), device=trainer.fabric.device), 0
        saved = time.monotonic()
        while trainer.used < 1:
            before = trainer.used
            total += trainer.step(lambda: trainer.batch(self._pool, trainer.steps))
            count += 1
            if not _passed(before, trainer.used, NOTES):
                continue
            self._note(float(total) / count)
            total.zero_()
            count = 0
            scored = _passed(before, trainer.used, SCORES)
            if self._first and scored:
                self._score()
            if self._first and (scored or time.monotonic() - saved > CHECKPOINT_S):
                self._save()
                saved = time.monotonic()
            tell(self._moment())
        if self._first and not self._folder.best.exists():
            self._score()  # stopped before the first score, then asked for fewer steps
            self._save()

    def _note(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise SettingsError(
                f"The loss is {loss} after {self._trainer.steps} steps: lower "
                "training.learning_rate in the recipe, then go on with --resume."
            )
        self._add({"step": self._trainer.steps, "loss": loss})

    def _score(self) -> None:
        average = self._trainer.average.eval()
        self._psnr_db = score(average, self._validation)
        self._add({"step": self._trainer.steps, "psnr_db": self._psnr_db})
        if not self._psnr_db <= self._best_db:  # true for the first one, too
            self._best_db = self._psnr_db
            facts = {"steps": self._trainer.steps, "psnr_db": self._psnr_db}
            save(self._folder.best, average.state_dict(), facts)
        lines = Lines(self._validation.bicubic_db, self._validation.classical_db)
        draw_progress(
            self._folder.picture, self._name, self._rows, lines, self._panels()
        )

    def _add(self, row: Row) -> None:
        if self._first:
            self._rows.append(row)
            self._folder.add(row)

    def _save(self) -> None:
        tensors, facts = self._trainer.state()
        where = name_of(self._trainer.fabric.device)
        kept = {**facts, "best_db": self._best_db, "device": where}
        save(self._folder.last, tensors, kept)
        said = {
            **kept,
            "best_db": None if math.isnan(self._best_db) else self._best_db,
            "used": self._trainer.used,
            "bicubic_db": self._validation.bicubic_db,
            "classical_db": self._validation.classical_db,
        }
        self._folder.write_json("progress.json", said)

    def _panels(self) -> list[Panel]:
        net = self._trainer.average
        example = max(self._validation.shown, key=lambda e: float(e.truth.std()))
        device = next(net.parameters()).device
        restored = run(net.cpu(), example.scan, np.ones(len(example.scan)))
        net.to(device)
        return [
            Panel("scan", example.scan[net.architecture.target]),
            Panel("restored", restored, computed=True),
            Panel("truth", example.truth),
        ]

    def _moment(self) -> Moment:
        t = self._trainer
        loss = next((r["loss"] for r in self._rows[::-1] if "loss" in r), math.nan)
        return Moment(t.used, t.steps, loss, self._psnr_db, self._best_db)


def _passed(before: float, now: float, marks: int) -> bool:
    """Whether a share of the budget passed one of so many even marks.

    Nothing but steps enters where the budget is in steps: rounding must not either.
    """
    return int(before * marks + 1e-9) < int(now * marks + 1e-9)
