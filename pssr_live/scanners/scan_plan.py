"""Time and dose of a scan beside those of a full-density scan of the same field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.cost import Beam, FrameCost, cost_of
from pssr_live.scanners.profiles.on_core import read_beam, read_number
from pssr_live.scanners.profiles.profile import Profile

TOO_QUICK = 0.8  # of the modelled time: less is not to be had


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """How a run scans, and what the model of its profile says about that.

    Attributes
    ----------
    profile : Profile
        Whose model.
    value : float
        What the density property is set to.
    beam : Beam
        Dwell, averages and exposure.
    low, full : FrameCost
        A frame of the run, and one of the same field at full density.
    pixel_size_um : float or None
        Of the run.
    """

    profile: Profile
    value: float
    beam: Beam
    low: FrameCost
    full: FrameCost
    pixel_size_um: float | None

    def frame_ms(self, exposure_ms: float | None) -> float:
        """Return the time of a frame of an event with that exposure."""
        if self.beam.dwell_us is not None or exposure_ms is None:
            return self.low.time_ms
        return exposure_ms

    def doubt(self, measured_ms: float | None) -> list[str]:
        """Return what to think of the profile, if frames were quicker than it allows.

        Slower ones say nothing: a stage and a shutter take their time too.
        """
        low_ms = self.low.time_ms
        if measured_ms is None or measured_ms >= TOO_QUICK * low_ms:
            return []
        return [
            f"A frame took {measured_ms:.1f} ms and must take {low_ms:.1f} ms by the "
            f"profile {self.profile.name!r}, so that the time saved is not right: "
            "prove the profile with `pssr-live profile check`."
        ]

    def report(self, measured_ms: float | None = None) -> dict[str, Any]:
        """Return the account for `report.json`.

        Parameters
        ----------
        measured_ms : float, optional
            The time of a frame as the run had it; before a run there is none.
        """
        device, name = self.profile.address(self.profile.density)
        low_ms = measured_ms or self.low.time_ms
        return {
            "profile": self.profile.name,
            "set": f"{device}-{name}={self.value:g}",
            "density": self.low.samples / self.full.samples,
            "time_ratio": self.full.time_ms / low_ms,
            "dose_ratio": self.full.dose_us / self.low.dose_us,
            "dwell_us": self.beam.dwell_us,
            "averages": self.beam.averages,
            "pixel_size_um": self.pixel_size_um,
            "frame_time_ms": low_ms,
            "frame_time_is": "measured" if measured_ms else "modelled",
            "full_frame_time_ms": self.full.time_ms,
            "full_frame_time_is": "modelled",
            "nominal_frame_time_ms": self.low.time_ms,
            "nominal_full_frame_time_ms": self.full.time_ms,
        }


def plan_scan(
    core: CMMCorePlus,
    profile: Profile,
    shape: tuple[int, int],
    pixel_size_um: float | None,
) -> ScanPlan:
    """Return what scanning `shape` (Y, X) at the density now set costs.

    Raises
    ------
    ScannerError
        If a property cannot be read, the dwell is outside the profile's limits, or the
        scan has more pixels than the density says.
    """
    value = read_number(core, profile, profile.density)
    if profile.density.counts == "pixels" and min(shape) > value:
        device, name = profile.address(profile.density)
        raise ScannerError(
            f"{device}-{name} is set to {value:g} and the scan has {shape[1]} x "
            f"{shape[0]} pixels, so that it is no density: correct the profile "
            f"{profile.name!r}, and prove it with `pssr-live profile check`."
        )
    beam = read_beam(core, profile)
    finer = profile.density.scale_of(value)
    whole = round(shape[0] * finer), round(shape[1] * finer)
    return ScanPlan(
        profile=profile,
        value=value,
        beam=beam,
        low=cost_of(profile, shape, beam),
        full=cost_of(profile, whole, beam),
        pixel_size_um=pixel_size_um,
    )
