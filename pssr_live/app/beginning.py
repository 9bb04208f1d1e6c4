"""What a window begins with. Pure; knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pssr_live.trust import Noises


@dataclass(frozen=True, slots=True)
class Start:
    """What a window begins with.

    Attributes
    ----------
    config : Path
        The microscope.
    profile : str or None
        A scanner profile; None: whichever suits.
    model : str
        A model's name, or its folder.
    engine : str or None
        The inference engine; None: the best that works.
    folder : Path
        Where recordings go.
    settings : tuple of (group, preset) or (device, property, value)
        Set once the microscope is connected.
    live : bool
        Whether to start live mode at once.
    density : int or None
        The value of the profile's density; None: as the model wants it.
    noise : mapping of str to ScanNoise
        What noise scans have, by channel; without any, what the profile's calibration
        says.
    movies_too : bool
        Whether movies have that noise: not where the microscope is a simulated one.
    """

    config: Path
    model: str
    folder: Path
    profile: str | None = None
    engine: str | None = None
    settings: tuple[tuple[str, ...], ...] = ()
    live: bool = False
    density: int | None = None
    noise: Noises = field(default_factory=dict)
    movies_too: bool = True
