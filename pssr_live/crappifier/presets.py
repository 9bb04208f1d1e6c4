"""Chains by name: two of our own, and those that PSSR and PSSR2 train with.

The latter are there to compare with. They reproduce the statistics of what the papers'
programs make, not their random numbers. PSSR: Fang et al., Nature Methods 18, 406
(2021); PSSR2: Stites et al. (2024).
"""

from __future__ import annotations

from difflib import get_close_matches

from pssr_live.crappifier.beam import Bidirectional, LineJitter
from pssr_live.crappifier.detector import (
    Digitise,
    KeepPeak,
    LocalNoise,
    Photons,
    ReadNoise,
    SaltPepper,
)
from pssr_live.crappifier.recipe import AnyStep, Recipe
from pssr_live.crappifier.sampling import Resize, Scan
from pssr_live.errors import SettingsError

_EIGHT_BIT = 255  # PSSR2's noise is counted in grey values of 8 bits
_SPOILED = SaltPepper(salt=0.005, pepper=0.005)
_STRONG = LocalNoise(variance=0.5, sigma_px=5)

PRESETS: dict[str, tuple[AnyStep, ...]] = {
    # A moving beam, a few photons, a cheap clock: a resonant or galvo confocal.
    "confocal": (
        LineJitter(sd_px=0.3),
        Bidirectional(shift_px=0.4),
        Scan(mode="line", psf_sigma_px=0.5),
        Photons(photons=50),
        ReadNoise(sd=0.01, offset=0.01),
        Digitise(bits=12),
    ),
    # The beam waits on each pixel; electrons are many and the amplifier noisy.
    "sem": (
        LineJitter(sd_px=0.15),
        Scan(mode="point", psf_sigma_px=0.5),
        Photons(photons=80),
        ReadNoise(sd=0.03),
        Digitise(bits=8),
    ),
    "em_AG_D": (LocalNoise(variance=0.05, sigma_px=3), Resize()),
    "fluo_SP_AG_D": (_SPOILED, _STRONG, KeepPeak(), Resize()),
    "new_crap_AG_SP": (_STRONG, _SPOILED, KeepPeak(), Resize(filter="gaussian")),
    "pssr2_poisson": (Resize(filter="triangle"), Photons(photons=_EIGHT_BIT)),
    "pssr2_gaussian": (Resize(filter="triangle"), ReadNoise(sd=13 / _EIGHT_BIT)),
    "pssr2_saltpepper": (
        Resize(filter="triangle"),
        SaltPepper(salt=0.0025, pepper=0.0025),
    ),
}


def preset(name: str, *, corner_aligned: bool = False) -> Recipe:
    """Return a chain by its name.

    Parameters
    ----------
    name : str
        One of `PRESETS`.
    corner_aligned : bool
        Shrink as PSSR does, with pixels up to (scale - 1) / 2 HR pixels from where
        they belong; only `em_AG_D` and `fluo_SP_AG_D` did. Without it each pixel is
        the mean of its two nearest along either axis where the scale is even, which
        leaves 3/4 of the noise.

    Raises
    ------
    SettingsError
        If there is none of this name, or it was never corner-aligned.
    """
    if name not in PRESETS:
        near = get_close_matches(name, PRESETS, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"choose {', '.join(PRESETS)}"
        raise SettingsError(f"There is no preset {name!r}: {hint}.")
    steps = PRESETS[name]
    if not corner_aligned:
        return Recipe(name=name, steps=steps)
    if Resize() not in steps:
        able = [other for other, chain in PRESETS.items() if Resize() in chain]
        raise SettingsError(
            f"The preset {name!r} puts pixels where they belong and cannot be "
            f"corner-aligned: choose {' or '.join(able)}, or leave it."
        )
    moved = Resize(corner_aligned=True)
    return Recipe(
        name=name, steps=tuple(moved if step == Resize() else step for step in steps)
    )
