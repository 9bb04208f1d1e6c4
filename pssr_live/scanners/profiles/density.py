"""Settings of a scanner as a profile names them, the density first of all."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A part of a profile: an entry that means nothing is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(Strict):
    """A property of a device; of the camera where no device is named."""

    property: str = Field(min_length=1)
    device: str = ""


class Density(Setting):
    """The property that sets how many pixels a scan has.

    Attributes
    ----------
    counts : str
        What its value counts: "pixels" on each axis of the whole field, or "binning",
        the pixels of the full density that become one on each axis.
    high, low : int
        Its values at full density, and at the density to scan at.
    values, limits : tuple of int
        What it can be set to: either some values, or all whole numbers from one to
        another.
    """

    counts: Literal["pixels", "binning"] = "pixels"
    high: int = Field(gt=0)
    low: int = Field(gt=0)
    values: tuple[int, ...] = ()
    limits: tuple[int, int] | None = None

    @property
    def scale(self) -> int:
        """Pixels of the full density for one of the low density, on each axis."""
        return max(self.high, self.low) // min(self.high, self.low)

    def allows(self, value: int) -> bool:
        """Return whether the property can be set to `value`."""
        if self.limits is not None:
            return self.limits[0] <= value <= self.limits[1]
        return value in self.values

    def coarser(self, scale: int) -> int | None:
        """Return the value `scale` times coarser on each axis; None if there is none.

        >>> Density(property="R", high=512, low=128, values=(128, 512)).coarser(4)
        128
        """
        if self.counts == "binning":
            value = self.high * scale
        elif self.high % scale:
            return None
        else:
            value = self.high // scale
        return value if self.allows(value) else None

    def scale_of(self, value: float) -> float:
        """Return how many times fewer pixels an axis has at `value` than at `high`."""
        ratio = self.high / value
        return ratio if self.counts == "pixels" else 1 / ratio

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if bool(self.values) == (self.limits is not None):
            raise ValueError("give either `values` or `limits`, not both and not none")
        if self.limits is not None and self.limits[0] > self.limits[1]:
            raise ValueError("`limits` fall: give the smallest value first")
        for name in ("high", "low"):
            if not self.allows(getattr(self, name)):
                raise ValueError(f"`{name}` is not among its own values or limits")
        more, fewer = (
            (self.high, self.low) if self.counts == "pixels" else (self.low, self.high)
        )
        if more <= fewer or more % fewer:
            raise ValueError(
                f"`high` {self.high} and `low` {self.low} do not differ by a whole "
                "factor with more pixels at `high`"
            )
        return self
