"""The memory of one session: everything that has a fixed address while it lives.

    host, pinned              device
    staging (T, Y, X)  ---->  frames (T, Y, X)  <---->  one store (T, Y, X) a series
                              pieces (N, T, h, w)       unless the picture is one piece
    settings           ---->  settings: valid (N, T), map (3,)
                              piece results             unless the picture is one piece
    pool of pictures   <----  results: picture (s*Y, s*X), totals (all pieces)

Frames and pictures are of 16-bit counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pssr_live.engines.cuda.counts import LITTLE, Counts
from pssr_live.engines.cuda.inference import Ends
from pssr_live.engines.cuda.layout import Layout
from pssr_live.engines.cuda.pool import PicturePool
from pssr_live.engines.cuda.protocol import At, Device, Memory, aligned
from pssr_live.intensity import FloatArray

COUNT = LITTLE.itemsize
REAL = np.dtype(np.float32).itemsize
MAP = 3  # offset, scale, limit


class Buffers:
    """Memory for windows (T, Y, X) and the pictures made from them.

    Parameters
    ----------
    device : Device
        Where.
    shape : (int, int, int)
        T, Y, X.
    scale : int
        Enlargement.
    layout : Layout
        How the picture is cut.
    pictures : int
        How many can be handed out at a time.
    """

    def __init__(
        self,
        device: Device,
        shape: tuple[int, int, int],
        scale: int,
        layout: Layout,
        pictures: int,
    ) -> None:
        self._device = device
        self._owned: list[Memory] = []
        taken, height, width = shape
        self.frame_bytes = COUNT * height * width
        self.window_bytes = taken * self.frame_bytes
        self.picture_bytes = self.frame_bytes * scale**2
        try:
            self._allocate(shape, scale, layout, pictures)
        except BaseException:
            self.close()
            raise

    def _allocate(
        self,
        shape: tuple[int, int, int],
        scale: int,
        layout: Layout,
        pictures: int,
    ) -> None:
        taken, height, width = shape
        windows = layout.windows
        piece = COUNT * layout.height * layout.width
        valid = aligned(REAL * windows * taken)
        device = self._device
        self._staging = device.allocate_pinned(self.window_bytes)
        self._settings_host = device.allocate_pinned(valid + REAL * MAP)
        self._owned += [self._staging, self._settings_host]
        self.staging: Counts = self._staging.array.view(LITTLE).reshape(shape)
        settings = self._settings_host.array
        self._valid = _reals(settings, 0, windows * taken).reshape(windows, taken)
        self._map = _reals(settings, valid, MAP)
        self.frames = self.new_store()
        self.settings = self._new(valid + REAL * MAP)
        self.total_offset = aligned(self.picture_bytes)
        self._totals = windows * len(layout.batches)
        self.results_bytes = self.total_offset + REAL * self._totals
        self.results = self._new(self.results_bytes)
        pieces, outputs, totals = self.frames, self.results, self.total_offset
        if not layout.whole:
            pieces = self._new(windows * taken * piece)
            totals = aligned(windows * piece * scale**2)
            outputs = self._new(totals + REAL * windows)
        self.ends = Ends(
            counts=pieces,
            valid=self.settings,
            map=At(self.settings.memory, valid),
            restored=outputs,
            total=At(outputs.memory, totals),
            shape=(windows, taken, layout.height, layout.width),
        )
        self.pool = PicturePool(
            device.allocate_pinned,
            self.results_bytes,
            (height * scale, width * scale),
            pictures,
        )

    def new_store(self) -> At:
        """Reserve room for the window of one more series."""
        return self._new(self.window_bytes)

    def set(self, valid: FloatArray, counts_map: FloatArray) -> None:
        """Write what goes with the next window: valid (T,) and map (3,)."""
        self._valid[:] = valid
        self._map[:] = counts_map

    @property
    def staged(self) -> At:
        """Where frames wait to be uploaded."""
        return At(self._staging)

    @property
    def settings_staged(self) -> At:
        """Where the settings wait to be uploaded."""
        return At(self._settings_host)

    @property
    def settings_bytes(self) -> int:
        """How long the settings are."""
        return self._settings_host.nbytes

    def totals(self, place: int) -> FloatArray:
        """Return the sums of all pieces of the picture in a place of the pool."""
        landed = self.pool.places[place].array
        return _reals(landed, self.total_offset, self._totals)

    def close(self) -> None:
        """Free everything but pictures that somebody holds."""
        if hasattr(self, "pool"):
            self.pool.close()
        while self._owned:
            self._owned.pop().free()

    def _new(self, nbytes: int) -> At:
        self._owned.append(self._device.allocate(nbytes))
        return At(self._owned[-1])


def _reals(
    block: npt.NDArray[np.uint8], offset: int, count: int
) -> npt.NDArray[np.float32]:
    return block[offset : offset + REAL * count].view(np.float32)
