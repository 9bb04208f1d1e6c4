"""One pane: a picture in micrometres that can be zoomed and dragged."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QGraphicsView

from pssr_live.app import theme
from pssr_live.app.overlay import Overlay, draw
from pssr_live.app.render import Words

GRIP = 8  # pixels around the divider in which the mouse takes hold of it


class Shows(StrEnum):
    """What a pane shows."""

    RAW = "raw"
    RESTORED = "restored"
    BOTH = "both"  # raw left of the divider, restored right of it


class PictureItem(pg.GraphicsObject):  # type: ignore[misc]
    """Raw and restored picture of one field, in micrometres from its corner."""

    def __init__(self) -> None:
        super().__init__()
        self.shows = Shows.RAW
        self.divider_um = 0.0
        self._field = QRectF(0, 0, 1, 1)
        self._images: dict[Shows, tuple[QImage, Words] | None] = {}

    def put(
        self, raw: Words, restored: Words | None, field_um: tuple[float, float]
    ) -> None:
        """Show other pictures."""
        wanted = QRectF(0, 0, *field_um)
        if wanted != self._field:
            self.prepareGeometryChange()
            self._field = wanted
        self._images = {Shows.RAW: _image(raw), Shows.RESTORED: _image(restored)}
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._images = {}
        self.update()

    def has(self, what: Shows) -> bool:
        """Return whether there is that picture."""
        return self._images.get(what) is not None

    def boundingRect(self) -> QRectF:
        """Return the field."""
        return self._field

    def paint(self, painter: QPainter, *ignored: Any) -> None:
        """Paint what is to be shown; pixels stay pixels, nothing is smoothed."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        width = self._field.width()
        if self.shows is Shows.BOTH:
            cut = min(max(self.divider_um / width, 0.0), 1.0)
            self._part(painter, Shows.RAW, 0.0, cut)
            self._part(painter, Shows.RESTORED, cut, 1.0)
        else:
            self._part(painter, self.shows, 0.0, 1.0)

    def _part(self, painter: QPainter, what: Shows, left: float, right: float) -> None:
        held = self._images.get(what)
        if held is None or right <= left:
            return
        image, _ = held
        width, height = self._field.width(), self._field.height()
        painter.save()
        # Clipped, and not cut: so each pixel lies where it would lie in a pane alone.
        clip = QRectF(left * width, 0, (right - left) * width, height)
        painter.setClipRect(clip, Qt.ClipOperation.IntersectClip)
        painter.drawImage(self._field, image)
        painter.restore()


class Pane(pg.GraphicsView):  # type: ignore[misc]
    """A pane with its overlay.

    Signals
    -------
    hovered : (x_um, y_um) or None
        Where the mouse is in the field.
    divided : float
        Where the divider was dragged to, 0..1 of the pane's width.
    """

    hovered = Signal(object)
    divided = Signal(float)

    def __init__(self, shows: Shows) -> None:
        super().__init__(background=theme.BACK)
        self.setViewportUpdateMode(
            QGraphicsView.ViewportUpdateMode.FullViewportUpdate  # for the overlay
        )
        self.item = PictureItem()
        self.item.shows = shows
        self.box = pg.ViewBox(
            lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0
        )
        self.setCentralItem(self.box)
        self.box.addItem(self.item)
        self.overlay = Overlay()
        self.in_um = True
        self.divider = 0.5
        self.cross_um: tuple[float, float] | None = None
        self.painted = 0
        self._is_new = self._dragging = False
        self._written: tuple[object, QPixmap] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMouseTracking(True)
        self.box.sigRangeChanged.connect(self._follow_divider)

    def put(
        self,
        raw: Words,
        restored: Words | None,
        field_um: tuple[float, float],
        in_um: bool,
    ) -> None:
        """Show a picture."""
        self.in_um = in_um
        self._is_new = True
        self.item.put(raw, restored, field_um)
        self.viewport().update()

    def say(self, overlay: Overlay) -> None:
        """Write something else over the picture."""
        if overlay != self.overlay:
            self.overlay = overlay
            self.viewport().update()

    def divide(self, share: float) -> None:
        """Put the divider at a part of the pane's width."""
        self.divider = share
        self._follow_divider()
        self.viewport().update()

    def fit(self) -> None:
        """Show the whole field."""
        self.box.setRange(self.item.boundingRect(), padding=0.02)

    def zoom(self, factor: float) -> None:
        """Come nearer (below 1) or go away, to and from the middle."""
        self.box.scaleBy((factor, factor))

    def seen(self) -> tuple[float, QPointF] | None:
        """Return micrometres in a pixel, and the middle; None for the whole field."""
        view = self.box.viewRect()
        if view.contains(self.item.boundingRect()):
            return None
        return view.width() / max(self.width(), 1), view.center()

    def see(self, seen: tuple[float, QPointF] | None) -> None:
        """Show what another pane's `seen` tells, as large as there."""
        if seen is None:
            self.fit()
            return
        pixel_um, middle = seen
        view = QRectF(0, 0, pixel_um * self.width(), pixel_um * self.height())
        view.moveCenter(middle)
        self.box.setRange(view, padding=0)

    # -- Qt

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        """Draw the overlay in pixels of the screen."""
        if self._is_new:
            self._is_new = False
            self.painted += 1
        painter.save()
        painter.resetTransform()
        size = float(self.width()), float(self.height())
        if self.item.shows is Shows.BOTH and self.item.has(Shows.RAW):
            self._draw_divider(painter)
        if self.cross_um is not None:
            self._draw_cross(painter)
        painter.drawPixmap(0, 0, self._words(size))
        painter.restore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the divider, or drag the picture."""
        if self._on_divider(event):
            self._dragging = True
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, and tell where the mouse is."""
        if self._dragging:
            share = min(max(event.position().x() / max(self.width(), 1), 0.0), 1.0)
            self.divided.emit(share)
            return
        on_divider = self._on_divider(event)
        shape = (
            Qt.CursorShape.SplitHCursor if on_divider else Qt.CursorShape.CrossCursor
        )
        self.viewport().setCursor(shape)
        place = self.box.mapSceneToView(self.mapToScene(event.position().toPoint()))
        self.hovered.emit((place.x(), place.y()))
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._dragging:
            self._dragging = False
        else:
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the whole field."""
        self.fit()

    def leaveEvent(self, event: Any) -> None:
        """The mouse is nowhere in the field any more."""
        self.hovered.emit(None)
        super().leaveEvent(event)

    # -- within

    def _words(self, size: tuple[float, float]) -> QPixmap:
        """Return the overlay; drawn anew only where it is another one."""
        shown = self.item.has(Shows.RAW)
        view_um = self.box.viewRect().width() if shown else None
        ratio = self.devicePixelRatioF()
        wanted = size, self.overlay, view_um, self.in_um, ratio
        if self._written is None or self._written[0] != wanted:
            pixmap = QPixmap(round(size[0] * ratio), round(size[1] * ratio))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            draw(painter, size, self.overlay, view_um, self.in_um)
            painter.end()
            self._written = wanted, pixmap
        return self._written[1]

    def _on_divider(self, event: QMouseEvent) -> bool:
        if self.item.shows is not Shows.BOTH:
            return False
        return bool(abs(event.position().x() - self.divider * self.width()) <= GRIP)

    def _follow_divider(self, *ignored: Any) -> None:
        view = self.box.viewRect()
        self.item.divider_um = view.left() + self.divider * view.width()
        self.item.update()

    def _draw_divider(self, painter: QPainter) -> None:
        x, middle = self.divider * self.width(), self.height() / 2
        painter.setPen(QPen(QColor(theme.TEXT), 1))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setBrush(QColor(theme.TEXT))
        painter.drawRoundedRect(QRectF(x - 3, middle - 18, 6, 36), 3, 3)

    def _draw_cross(self, painter: QPainter) -> None:
        assert self.cross_um is not None  # noqa: S101 - asked before
        place = self.mapFromScene(self.box.mapViewToScene(QPointF(*self.cross_um)))
        x, y = place.x(), place.y()
        painter.setPen(QPen(QColor(theme.AMBER), 1))
        for dx, dy in ((9, 0), (-9, 0), (0, 9), (0, -9)):
            near = QPointF(x + dx / 3, y + dy / 3)
            painter.drawLine(near, QPointF(x + dx, y + dy))


def _image(words: Words | None) -> tuple[QImage, Words] | None:
    if words is None:
        return None
    height, width = words.shape
    # Qt does not copy: the words are kept as long as the image.
    kind = QImage.Format.Format_RGB32
    return QImage(words.data, width, height, words.strides[0], kind), words
