"""What references cost a run, in dose and in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pssr_live.scanners.references.engine import Taken


@dataclass
class DoseAccount:
    """Beam time and hours of both kinds of scan; each number has one writer.

    Dose is pixels times dwell, in units of the coarse scan's dwell.
    """

    references: int = 0
    failed: int = 0
    frame_dose: float = 0.0
    reference_dose: float = 0.0
    reference_s: float = 0.0
    first_s: float | None = None
    last_s: float = 0.0
    references_last_s: float = 0.0

    def add_frame(self, pixels: int, time_s: float) -> None:
        """Count a coarse frame."""
        self.frame_dose += pixels
        self.first_s = time_s if self.first_s is None else self.first_s
        self.last_s = time_s

    def add_reference(self, taken: Taken, time_s: float) -> None:
        """Count a reference; one that failed took time, and no dose that is known."""
        self.reference_s += taken.elapsed_s
        self.references_last_s = time_s
        if taken.scan is None:
            self.failed += 1
            return
        self.references += 1
        self.reference_dose += taken.scan.pixels.size * taken.scan.dwell_ratio

    @property
    def tried(self) -> bool:
        """Whether there was any reference, good or failed."""
        return self.references + self.failed > 0

    def report(self) -> dict[str, Any]:
        """Return the shares of the whole run, 0..1, and the counts."""
        dose = self.frame_dose + self.reference_dose
        end_s = max(self.last_s, self.references_last_s)
        run_s = end_s - (self.first_s or 0.0)
        return {
            "references_taken": self.references,
            "references_failed": self.failed,
            "reference_dose_share": self.reference_dose / dose if dose else 0.0,
            "reference_time_share": self.reference_s / run_s if run_s else 0.0,
        }

    def warnings(self, failures: Mapping[str, int]) -> list[str]:
        """Return what the user should know; `failures` counts reasons."""
        said = [
            f"References that failed: {count}, because {reason}."
            for reason, count in failures.items()
        ]
        if not self.tried:
            said.append(
                "No reference was taken: no series of the run has so many frames, or "
                "its events came one by one and without references among them."
            )
        return said
