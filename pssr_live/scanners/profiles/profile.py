"""What a scanner profile says, checked when it is read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.density import Density, Setting, Strict


class Dwell(Setting):
    """The property that sets the time on a pixel, or the rate of pixels.

    Attributes
    ----------
    unit : str
        "us" for a time in microseconds, "Hz" for pixels in a second.
    limits_us : tuple of float, optional
        The shortest and the longest dwell time that the scanner can do.
    """

    unit: Literal["us", "Hz"]
    limits_us: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _limits_rise(self) -> Self:
        low, high = self.limits_us or (1, 1)
        if not 0 < low <= high < math.inf:
            raise ValueError(
                f"`limits_us` {low:g} to {high:g} are no limits: give the shortest "
                "dwell first, above 0"
            )
        return self

    def in_us(self, value: float) -> float:
        """Return the dwell time for a value of the property.

        >>> Dwell(property="Rate", unit="Hz").in_us(500_000)
        2.0
        """
        return value if self.unit == "us" else 1e6 / value


class Timing(Strict):
    """What a frame costs beyond the dwell on its pixels.

    Attributes
    ----------
    exposure_is_frame_time : bool
        Whether the core's exposure is the time of a frame; false for scanners that
        ignore the exposure.
    line_overhead_us : float
        Time lost on each line while the beam turns and flies back.
    line_overhead_samples : float
        The same, in dwell times of a pixel; both are added.
    """

    exposure_is_frame_time: bool = False
    line_overhead_us: float = Field(default=0, ge=0, allow_inf_nan=False)
    line_overhead_samples: float = Field(default=0, ge=0, allow_inf_nan=False)


class Profile(Strict):
    """How to tell one kind of scanner what to scan, and what that costs.

    Attributes
    ----------
    name : str
        As a person calls it.
    summary : str
        One line about the scanner.
    camera : str
        Label of the camera device in the Micro-Manager configuration.
    density : Density
        The switch between the full and the low density.
    dwell, zoom, averages : Dwell or Setting, optional
        Other properties that time and dose follow from, where the scanner has them.
    timing : Timing
        The rest of the frame time.
    detectors : tuple of str
        Names of the detectors, which are the channels of a frame.
    calibration : Path, mapping of str to Path, or None
        The `calibration.toml` of its coarse scans, or one for each channel by name;
        beside the profile, if named without a folder.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    summary: str = ""
    camera: str = Field(min_length=1)
    density: Density
    dwell: Dwell | None = None
    zoom: Setting | None = None
    averages: Setting | None = None
    timing: Timing = Timing()
    detectors: tuple[str, ...] = Field(default=("detector",), min_length=1)
    calibration: Path | dict[str, Path] | None = None

    @model_validator(mode="after")
    def _has_a_frame_time(self) -> Self:
        if self.dwell is None and not self.timing.exposure_is_frame_time:
            raise ValueError(
                "the frame time is not known: give [dwell], or say under [timing] "
                "that exposure_is_frame_time"
            )
        return self

    @property
    def settings(self) -> dict[str, Setting]:
        """The properties that the profile names, by what they set."""
        named = {
            "density": self.density,
            "dwell": self.dwell,
            "zoom": self.zoom,
            "averages": self.averages,
        }
        return {what: one for what, one in named.items() if one is not None}

    def address(self, setting: Setting) -> tuple[str, str]:
        """Return device and property of one of the profile's settings."""
        return setting.device or self.camera, setting.property

    def density_for(self, scale: int) -> int:
        """Return the density to scan at for a model that enlarges `scale` times.

        Raises
        ------
        ScannerError
            If the scanner has no such density.
        """
        value = self.density.coarser(scale)
        if value is None:
            density = self.density
            allowed = (
                ", ".join(map(str, density.values))
                if density.limits is None
                else f"{density.limits[0]} to {density.limits[1]}"
            )
            raise ScannerError(
                f"The model enlarges {scale} times and the profile {self.name!r} has "
                f"no density {scale} times coarser than {density.property} "
                f"{density.high} (it knows {allowed}): choose a model of another scale."
            )
        return value
