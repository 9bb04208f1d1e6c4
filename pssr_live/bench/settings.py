"""What is asked of a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pssr_live.errors import SettingsError

SMALLEST, LARGEST = 16, 2048  # low-density pixels
USUAL_SIZES = (128, 512)
FIRST_SHARE = 2 / 3  # of the time, for the size that everything takes part in


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What to measure, and for how long.

    Attributes
    ----------
    model : str or Path
        A model's name, or its folder.
    engines : tuple of str
        Engines to measure; all that work if empty.
    sizes : tuple of int
        Sides of the frames in low-density pixels. Everything takes part in the first,
        and engines only in the others.
    seconds : float
        For all rounds together; starting, warming up and the live run come on top.
    peers, live : bool
        Whether other networks and interpolation take part, and whether a live run
        ends the measurement.

    Raises
    ------
    SettingsError
        If a value makes no sense.
    """

    model: str | Path
    engines: tuple[str, ...] = ()
    sizes: tuple[int, ...] = USUAL_SIZES
    seconds: float = 60.0
    peers: bool = True
    live: bool = True

    def __post_init__(self) -> None:
        for side in self.sizes:
            if not SMALLEST <= side <= LARGEST:
                raise SettingsError(
                    f"A size of {side} pixels cannot be measured: give {SMALLEST} to "
                    f"{LARGEST}."
                )
        if not self.sizes or len(set(self.sizes)) < len(self.sizes):
            raise SettingsError(
                f"The sizes {', '.join(map(str, self.sizes)) or '(none)'} cannot be "
                "measured side by side: give each once."
            )
        if not 0 < self.seconds < float("inf"):
            raise SettingsError(
                f"{self.seconds:g} seconds are no time to measure in: give more than 0."
            )

    def seconds_for(self, side: int) -> float:
        """Return how long the rounds of one size may take."""
        if len(self.sizes) == 1:
            return self.seconds
        if side == self.sizes[0]:
            return FIRST_SHARE * self.seconds
        return (1 - FIRST_SHARE) * self.seconds / (len(self.sizes) - 1)

    def as_json(self) -> dict[str, Any]:
        """Return what was asked."""
        return {
            "engines": list(self.engines) or "all",
            "sizes": list(self.sizes),
            "seconds": self.seconds,
            "peers": self.peers,
            "live": self.live,
        }
