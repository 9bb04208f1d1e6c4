"""Where the stage is, and the way back that keeps the objective off the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.core import FocusDirection

REACHED_UM = 0.05  # nearer than this the stage is not moved


@dataclass(frozen=True, slots=True)
class StagePosition:
    """A position in micrometres; None for an axis that the microscope lacks."""

    xy_um: tuple[float, float] | None
    z_um: float | None

    @classmethod
    def read(cls, core: CMMCorePlus) -> Self:
        """Return where the stage is."""
        xy_um = None
        if core.getXYStageDevice():
            x_um, y_um = core.getXYPosition()
            xy_um = x_um, y_um
        return cls(xy_um, core.getZPosition() if core.getFocusDevice() else None)

    def put_back(self, core: CMMCorePlus) -> list[str]:
        """Drive to this position; return a sentence if the stage had to stay.

        The objective goes away from the sample first. Where the configuration does
        not tell which way that is, and both the stage and the focus have moved,
        nothing moves: a wrong guess costs an objective.
        """
        now = StagePosition.read(core)
        aside = (
            self.xy_um is not None
            and now.xy_um is not None
            and any(
                abs(a - b) > REACHED_UM
                for a, b in zip(self.xy_um, now.xy_um, strict=True)
            )
        )
        rise_um = 0.0
        if self.z_um is not None and now.z_um is not None:
            rise_um = self.z_um - now.z_um
        away = _away(core, rise_um)
        if aside and abs(rise_um) > REACHED_UM and away is None:
            return [
                "The stage stays where the run left it: it is not known which way its "
                "focus leads to the sample (set the focus direction), so drive it back "
                "by hand."
            ]
        if away:
            self._focus(core, rise_um)
        if aside and self.xy_um is not None:
            core.setXYPosition(*self.xy_um)
            core.waitForDevice(core.getXYStageDevice())
        if not away:
            self._focus(core, rise_um)
        return []

    def _focus(self, core: CMMCorePlus, rise_um: float) -> None:
        if self.z_um is not None and abs(rise_um) > REACHED_UM:
            core.setZPosition(self.z_um)
            core.waitForDevice(core.getFocusDevice())


def _away(core: CMMCorePlus, rise_um: float) -> bool | None:
    """Return whether changing z so leads away from the sample; None if unknown."""
    if not core.getFocusDevice():
        return None
    direction = core.getFocusDirection(core.getFocusDevice())
    if direction == FocusDirection.Unknown:
        return None
    return (rise_um < 0) == (direction == FocusDirection.TowardSample)
