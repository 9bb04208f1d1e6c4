"""Scanner profiles: which property of which device sets density, dwell and zoom.

A profile is a TOML file; see `docs/profiles.md` for how to write one.

>>> load_profile("simulated").density.low
128
"""

from pssr_live.scanners.profiles.cost import Beam, FrameCost, cost_of
from pssr_live.scanners.profiles.profile import Profile
from pssr_live.scanners.profiles.shelf import load_profile, noise_from, profile_files

__all__ = [
    "Beam",
    "FrameCost",
    "Profile",
    "cost_of",
    "load_profile",
    "noise_from",
    "profile_files",
]
