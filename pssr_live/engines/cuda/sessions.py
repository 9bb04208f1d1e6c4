"""Sessions for the sizes of picture that come up; the longest unused one is closed."""

from __future__ import annotations

from collections import OrderedDict

from pssr_live.card import ModelCard
from pssr_live.engines.cuda.inference import Bind
from pssr_live.engines.cuda.layout import layout_of
from pssr_live.engines.cuda.protocol import Device
from pssr_live.engines.cuda.session import Session
from pssr_live.frame import Pixels
from pssr_live.window import Window

SIZES = 3  # the self-test's, the run's, and one more


class Sessions:
    """Restores windows of any size on one device.

    Parameters
    ----------
    device : Device
        Where; closed with the sessions.
    card : ModelCard
        Of the model.
    bind : callable
        Starts the network on given ends.
    largest : int
        Side of the largest piece that the network takes, surroundings included.
    most : int
        How many pieces it takes together.

    Attributes
    ----------
    opened : int
        How many sessions there have been.
    """

    def __init__(
        self, device: Device, card: ModelCard, bind: Bind, *, largest: int, most: int
    ) -> None:
        self._device, self._card, self._bind = device, card, bind
        self._largest, self._most = largest, most
        self.opened = 0
        self._open: OrderedDict[tuple[int, int], Session] = OrderedDict()

    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window, in its own counts.

        Raises
        ------
        EngineError
            If the device fails.
        FloatingPointError
            If the network gave something that is not finite.
        """
        height, width = window.target.pixels.shape
        session = self._open.get((height, width))
        if session is None:
            session = self._new(height, width)
        self._open.move_to_end((height, width))
        return session.restore(window)

    def close(self) -> None:
        """Free everything but pictures that somebody holds."""
        while self._open:
            self._open.popitem()[1].close()
        self._device.close()

    def _new(self, height: int, width: int) -> Session:
        while len(self._open) >= SIZES:
            self._open.popitem(last=False)[1].close()
        radius = self._card.receptive_radius
        layout = layout_of(
            height, width, radius=radius, largest=self._largest, most=self._most
        )
        session = Session(self._device, self._card, self._bind, layout, height, width)
        self._open[height, width] = session
        self.opened += 1
        return session
