"""Raw and restored side by side, or in one pane with a divider; always one field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from pssr_live.app.overlay import Overlay
from pssr_live.app.pane import Pane, Shows
from pssr_live.app.picture import Picture

COMPUTED = "COMPUTED"
NOT_RESTORED = "NOT RESTORED"
NOT_YET = "not restored yet"
PROMISE = "The restored picture appears here"


class Panes(QWidget):
    """The two panes, linked in place and zoom.

    Signals
    -------
    room_changed : None
        A pane has another size on the screen.
    """

    room_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.raw, self.restored = Pane(Shows.RAW), Pane(Shows.RESTORED)
        self.restored.box.setXLink(self.raw.box)
        self.restored.box.setYLink(self.raw.box)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("split")
        self.slider.setRange(0, 1000)
        self.slider.setValue(500)
        self.slider.setToolTip("Where raw ends and restored begins ([ and ])")
        self.slider.hide()
        self._split = self._flickered = False
        self._restores = True
        self._empty = self._promise = ""
        self._picture: Picture | None = None
        self._field_um: tuple[float, float] | None = None
        self._place: tuple[float, float] | None = None  # of the mouse
        self._row = panes = QHBoxLayout()
        panes.setSpacing(2)
        panes.addWidget(self.raw, 1)
        panes.addWidget(self.restored, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(panes, 1)
        whole.addWidget(self.slider)
        self.slider.valueChanged.connect(self._slid)
        self.restored.divided.connect(
            lambda share: self.slider.setValue(round(1000 * share))
        )
        for pane in (self.raw, self.restored):
            pane.hovered.connect(self._hover)
        self._title()

    @property
    def picture(self) -> Picture | None:
        """What is shown."""
        return self._picture

    @property
    def painted(self) -> int:
        """How many different pictures were really painted."""
        return self.restored.painted

    @property
    def is_split(self) -> bool:
        """Whether both pictures share one pane."""
        return self._split

    @property
    def room(self) -> tuple[int, int]:
        """Pixels of a pane, (width, height)."""
        ratio = self.devicePixelRatioF()
        size: QSize = self.restored.size()
        return round(size.width() * ratio), round(size.height() * ratio)

    def put(self, picture: Picture) -> None:
        """Show a picture; another field is shown whole."""
        self._picture = picture
        for pane in (self.raw, self.restored):
            pane.put(picture.raw, picture.restored, picture.field_um, picture.in_um)
        if picture.field_um != self._field_um:
            self._field_um = picture.field_um
            self.fit()
        self._title()

    def clear(self) -> None:
        """Show nothing."""
        self._picture = None
        for pane in (self.raw, self.restored):
            pane.item.clear()
        self._title()

    def say(self, *, restores: bool, empty: str, promise: str) -> None:
        """Tell whether pictures are restored, and what each pane says without one."""
        self._restores, self._empty, self._promise = restores, empty, promise
        self._title()

    def split(self, on: bool) -> None:
        """Show both pictures in one pane, or side by side: what was seen, as large."""
        if on == self._split:
            return
        seen = self._shown.seen()
        self._split = on
        # A pane that is not there would go on to move the other one.
        self.restored.box.setXLink(None if on else self.raw.box)
        self.restored.box.setYLink(None if on else self.raw.box)
        self.raw.setVisible(not on)
        self.slider.setVisible(on)
        self._lay_out_now()
        self._shown.see(seen)
        self._arrange()

    def flicker(self) -> None:
        """Show the raw picture in the place of the restored one, or the other way."""
        self._flickered = not self._flickered
        self._arrange()

    def fit(self) -> None:
        """Show the whole field."""
        self._shown.fit()

    def zoom(self, factor: float) -> None:
        """Come nearer (below 1) or go away."""
        self._shown.zoom(factor)

    def move_divider(self, thousandths: int) -> None:
        """Move the divider."""
        self.slider.setValue(self.slider.value() + thousandths)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell that pictures may need another size."""
        super().resizeEvent(event)
        self.room_changed.emit()

    # -- within

    @property
    def _shown(self) -> Pane:
        """The pane that leads in place and zoom."""
        return self.restored if self._split else self.raw

    def _lay_out_now(self) -> None:
        """Give the panes their new sizes at once, and not when Qt comes to it."""
        for layout in (self.layout(), self._row):
            if layout is not None:
                layout.activate()

    def _arrange(self) -> None:
        shows = Shows.BOTH if self._split else Shows.RESTORED
        self.restored.item.shows = Shows.RAW if self._flickered else shows
        self.restored.divide(self.slider.value() / 1000)
        self.restored.item.update()
        self._title()
        self.room_changed.emit()

    def _slid(self, thousandths: int) -> None:
        self.restored.divide(thousandths / 1000)

    def _hover(self, place: tuple[float, float] | None) -> None:
        self._place = place
        other = self.restored if self.sender() is self.raw else self.raw
        for pane in (self.raw, self.restored):
            pane.cross_um = place if pane is other and self._values() else None
            pane.viewport().update()
        self._title()

    def _values(self) -> dict[str, tuple[int, int | None]]:
        """Return the counts under the mouse, by channel."""
        if self._picture is None or self._place is None:
            return {}
        return self._picture.at(*self._place) or {}

    def _title(self) -> None:
        raw = self._overlay_of_frames()
        self.raw.say(raw)
        self.restored.say(raw if self._flickered else self._overlay_of_restored())

    def _overlay_of_frames(self) -> Overlay:
        picture = self._picture
        named, plate = _frame_words(picture)
        empty = self._empty if picture is None else ""
        place = "" if picture is None else picture.place
        return Overlay(named + _size(picture, 0), plate, empty, self._value(0), place)

    def _overlay_of_restored(self) -> Overlay:
        picture = self._picture
        named, plate_of_frames = _frame_words(picture)
        empty = self._empty if picture is None else ""
        if picture is None or picture.restored is None:
            made, plate, missing = _made_words(self._restores)[0], "", NOT_YET
        else:
            # It knows what made it; the engine in use may be another by now.
            (made, plate), missing = _made_words(picture.restores), ""
        if self._split:
            plate = plate or plate_of_frames
            place = "" if picture is None else picture.place
            both = f"{named}  |  {made}"
            return Overlay(both, plate, empty, self._value(0, 1), place)
        said = self._promise if picture is None else missing
        return Overlay(made + _size(picture, 1), plate, said, self._value(1))

    def _value(self, *which: int) -> str:
        """Return the place of the mouse with raw (0) and restored (1) counts there."""
        values, picture = self._values(), self._picture
        if self._place is None or picture is None or not values:
            return ""
        return _words_of(self._place, values, which, "µm" if picture.in_um else "px")


def _made_words(restores: bool) -> tuple[str, str]:
    """Return the title and the plate of a computed picture."""
    return ("RESTORED", COMPUTED) if restores else ("INTERPOLATED", NOT_RESTORED)


def _frame_words(picture: Picture | None) -> tuple[str, str]:
    """Return the title and the plate of the frames, which a file may have computed."""
    if picture is None or not picture.is_computed:
        return "RAW SCAN", ""
    made, plate = _made_words(picture.frames_restore)
    return f"{made} FILE", plate


def _size(picture: Picture | None, which: int) -> str:
    if picture is None:
        return ""
    pair = next(iter(picture.here.values()))
    if which and pair.restored is None:
        return ""
    pixels = pair.restored.pixels if which and pair.restored else pair.frame.pixels
    return f"   {pixels.shape[1]} × {pixels.shape[0]}"


def _words_of(
    place: tuple[float, float],
    values: Mapping[str, tuple[int, int | None]],
    which: Sequence[int],
    unit: str,
) -> str:
    said = []
    for channel, pair in values.items():
        counts = " | ".join("–" if pair[n] is None else f"{pair[n]}" for n in which)
        said.append(counts if len(values) == 1 else f"{channel} {counts}")
    return f"{place[0]:.2f}, {place[1]:.2f} {unit}    {'   '.join(said)}"
