"""What a scan costs: time, samples and dose, from its geometry alone.

A point scanner pays for each pixel (the dwell) and for each line (turning round), so
a quarter of the pixels per axis means 1/16 of the samples and of the dose, but not
quite 1/16 of the time. Knows no device.

Units: microseconds for dwell and line overhead, milliseconds for frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from pssr_live.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ScanSaving:
    """What a scan saves against a full-density scan of the same field.

    Attributes
    ----------
    time_ratio : float
        How many times less time a frame takes, overhead included.
    dose_ratio : float
        How many times less dose the sample takes.
    density : float
        Samples taken as a part of the full scan's: 0.0625 for 1/4 per axis.
    """

    time_ratio: float
    dose_ratio: float
    density: float


@dataclass(frozen=True, slots=True)
class ScanTiming:
    """One frame of a raster scan.

    Attributes
    ----------
    lines, pixels : int
        Lines in a frame and pixels in a line.
    dwell_us : float
        Time that the beam spends on a pixel.
    line_overhead_us : float
        Time lost on each line while the beam turns and flies back.
    averages : int
        How often the frame is scanned for one picture.

    Raises
    ------
    SettingsError
        If a value is not positive (the line overhead may be 0).
    """

    lines: int
    pixels: int
    dwell_us: float
    line_overhead_us: float = 0.0
    averages: int = 1

    def __post_init__(self) -> None:
        for name in ("lines", "pixels", "dwell_us", "averages"):
            if not getattr(self, name) > 0:
                raise SettingsError(
                    f"A scan cannot have {name} = {getattr(self, name)!r}; "
                    "give a number above 0."
                )
        if not self.line_overhead_us >= 0:
            raise SettingsError(
                f"A scan cannot have line_overhead_us = {self.line_overhead_us!r}; "
                "give 0 or more."
            )

    @property
    def line_time_us(self) -> float:
        """Time from the start of a line to the start of the next."""
        return self.pixels * self.dwell_us + self.line_overhead_us

    @property
    def pass_time_ms(self) -> float:
        """Time to scan all lines once."""
        return self.lines * self.line_time_us / 1000

    @property
    def frame_time_ms(self) -> float:
        """Time from the start of a picture to the start of the next."""
        return self.averages * self.pass_time_ms

    @property
    def samples(self) -> int:
        """Pixel dwells in one picture, averages included."""
        return self.averages * self.lines * self.pixels

    @property
    def dose_us(self) -> float:
        """Time that the beam is on the sample: the dose at constant beam power."""
        return self.samples * self.dwell_us

    def compared_to(self, full: ScanTiming) -> ScanSaving:
        """Return what this scan saves against `full`, a scan of the same field.

        >>> low, full = ScanTiming(128, 128, 1, 100), ScanTiming(512, 512, 1, 100)
        >>> saving = low.compared_to(full)
        >>> round(saving.time_ratio, 1), saving.dose_ratio, saving.density
        (10.7, 16.0, 0.0625)
        """
        return ScanSaving(
            time_ratio=full.frame_time_ms / self.frame_time_ms,
            dose_ratio=full.dose_us / self.dose_us,
            density=self.samples / full.samples,
        )
