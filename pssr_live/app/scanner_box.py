"""The scanner: its profile, and what density and dwell will cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton

from pssr_live.app import theme
from pssr_live.app.boxes import Box, words
from pssr_live.app.forecast import forecast, in_words
from pssr_live.app.scanner_state import ScannerState
from pssr_live.app.steps import Steps, one_two_five
from pssr_live.scanners.profiles import Profile

NONE = "no profile"
PHOTONS = (0.5, 200.0)
DWELL_US = (0.1, 100.0)


class ScannerBox(Box):
    """Shows and changes how the scanner is set.

    Signals
    -------
    profile_chosen : str
        By name; empty for whichever suits, if any does.
    density_chosen, dwell_chosen, photons_chosen : float
        A value of the profile's property; microseconds; photons in a microsecond.
    pixel_size_moved : float
        What the pixel size would be, while a slider is dragged.
    """

    profile_chosen = Signal(str)
    density_chosen = Signal(float)
    dwell_chosen = Signal(float)
    photons_chosen = Signal(float)
    pixel_size_moved = Signal(float)

    def __init__(self) -> None:
        super().__init__("Microscope")
        self._state: ScannerState | None = None
        self.config = QPushButton("Configuration…")
        self.config.setToolTip("Connect another microscope by its .cfg file (Ctrl+M)")
        self.profile = QComboBox()
        self.profile.setToolTip("How the density of this scanner is set")
        self.camera = words("not connected", dim=True)
        self.density = Steps("Density", _density_words, "Pixels scanned on each axis")
        self.dwell = Steps("Dwell", lambda us: f"{us:g} µs", "Time on each pixel")
        self.photons = Steps(
            "Light",
            lambda n: f"{n:g} ph/µs",
            "Photons in each microsecond (simulated)",
        )
        self.cost = words()
        self.saving = words()
        theme.tint(self.saving, theme.GREEN)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.profile, 1)
        row.addWidget(self.config)
        self.column.addLayout(row)
        for widget in (
            *(self.camera, self.density, self.dwell, self.photons),
            *(self.cost, self.saving),
        ):
            self.column.addWidget(widget)
        self.profile.activated.connect(self._choose_profile)
        self.density.chosen.connect(self.density_chosen)
        self.dwell.chosen.connect(self.dwell_chosen)
        self.photons.chosen.connect(self.photons_chosen)
        self.density.moved.connect(lambda value: self._forecast())
        self.dwell.moved.connect(lambda value: self._forecast())
        self._show_sliders()

    def offer_profiles(self, names: Iterable[str]) -> None:
        """Offer the profiles that are installed."""
        self.profile.clear()
        self.profile.addItems([*names])

    def show_scanner(self, state: ScannerState | None) -> None:
        """Show how a scanner is set; None if there is none."""
        self._state = state
        if state is None:
            self.camera.setText("not connected")
        else:
            height, width = state.shape
            self.camera.setText(f"{state.camera}, {width} × {height} pixels")
            self._choose(state.profile)
            self._offer_values(state)
        self._show_sliders()
        self._forecast()

    # -- within

    def _choose_profile(self, at: int) -> None:
        name = self.profile.itemText(at)
        self.profile_chosen.emit("" if name == NONE else name)

    def _choose(self, profile: Profile | None) -> None:
        name = NONE if profile is None else profile.name
        if self.profile.findText(name) < 0:
            self.profile.addItem(name)
        self.profile.setCurrentText(name)

    def _offer_values(self, state: ScannerState) -> None:
        profile = state.profile
        if profile is not None and state.density is not None:
            self.density.offer(_densities(profile), state.density)
        if profile is not None and profile.dwell is not None and state.field:
            low, high = profile.dwell.limits_us or DWELL_US
            self.dwell.offer(one_two_five(low, high), state.field.beam.dwell_us or low)
        if state.photons is not None:
            self.photons.offer(one_two_five(*PHOTONS), state.photons)

    def _show_sliders(self) -> None:
        state = self._state
        profile = None if state is None else state.profile
        self.density.setVisible(profile is not None)
        self.dwell.setVisible(profile is not None and profile.dwell is not None)
        self.photons.setVisible(state is not None and state.photons is not None)

    def _forecast(self) -> None:
        state = self._state
        if state is None or state.profile is None or state.field is None:
            self.cost.setText("")
            self.saving.setText("")
            return
        beam = state.field.beam
        if state.profile.dwell is not None:
            beam = replace(beam, dwell_us=self.dwell.value())
        field = replace(state.field, beam=beam)
        seen = forecast(state.profile, field, self.density.value())
        cost, saving = in_words(seen)
        self.cost.setText(cost)
        self.saving.setText(saving)
        if seen.pixel_size_um is not None:
            self.pixel_size_moved.emit(seen.pixel_size_um)


def _densities(profile: Profile) -> list[float]:
    density = profile.density
    if density.values:
        return [float(value) for value in density.values]
    halved, low = [float(density.high)], min(density.limits or (density.low,))
    step = 0.5 if density.counts == "pixels" else 2.0
    for _ in range(5):
        value = halved[-1] * step
        if value >= low and value.is_integer() and density.allows(int(value)):
            halved.append(value)
    return sorted({*halved, float(density.low)})


def _density_words(value: float) -> str:
    return f"{value:g} pixels"
