"""One size of picture on the device: memory, graphs, and the way of a frame.

All that is queued for a frame (upload, inference, download) is one CUDA graph, for
each combination of series, kind of upload and place of the result; each is recorded
when it first comes up. The very first frame goes without, and so does the first one
in each thread: a library may do once, on its first run there, what must not be
recorded.
"""

from __future__ import annotations

import logging
import threading

import numpy as np

from pssr_live.card import ModelCard
from pssr_live.engines.cuda.buffers import COUNT, REAL, Buffers
from pssr_live.engines.cuda.counts import decode, encode, lift_of, map_of
from pssr_live.engines.cuda.inference import Bind
from pssr_live.engines.cuda.layout import Layout
from pssr_live.engines.cuda.protocol import At, Device, Graph
from pssr_live.engines.cuda.rolling import Kind, Move, RollingSlots
from pssr_live.errors import EngineError
from pssr_live.frame import Pixels
from pssr_live.tiling import Tile
from pssr_live.window import Window

SERIES = 8  # channels, positions or planes whose last window is kept on the device
PICTURES = 4  # in the hands of recorder and viewer at a time

log = logging.getLogger(__name__)


class Session:
    """Restores windows of one size.

    Parameters
    ----------
    device : Device
        Where.
    card : ModelCard
        Of the model.
    bind : callable
        Starts the network on given ends.
    layout : Layout
        How a picture is cut.
    height, width : int
        Of a frame, in pixels.
    """

    def __init__(
        self,
        device: Device,
        card: ModelCard,
        bind: Bind,
        layout: Layout,
        height: int,
        width: int,
    ) -> None:
        self._device, self._layout, self._scale = device, layout, card.scale
        self._width = width
        self._slots = RollingSlots(SERIES)
        self._graphs: dict[tuple[int, Kind, int], Graph] = {}
        self._stores: list[At] = []
        self._warm = False  # until the first run, which tells whether to record
        self._records = False
        # cuDNN and cuBLAS keep what they work with for each thread.
        self._here = threading.local()
        shape = (card.n_frames, height, width)
        self._buffers = Buffers(device, shape, card.scale, layout, PICTURES)
        try:
            self._inference = bind(self._buffers.ends)
        except BaseException:
            self._buffers.close()
            raise

    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window, in its own counts.

        Raises
        ------
        EngineError
            If the device fails.
        FloatingPointError
            If the network gave something that is not finite.
        """
        move = self._slots.take(window)
        try:
            self._stage(window, move)
            place = self._buffers.pool.next_place()
            self._queue(move, place)
            self._device.synchronize()
        except BaseException:
            self._slots.forget()
            raise
        if not np.isfinite(self._buffers.totals(place)).all():
            raise FloatingPointError("its output is not finite")
        dtype, pool = window.target.pixels.dtype, self._buffers.pool
        narrower = dtype.itemsize < COUNT  # copied anyhow: the place stays free
        return decode(pool.picture(place) if narrower else pool.hand_out(place), dtype)

    def close(self) -> None:
        """Free everything but pictures that somebody holds."""
        for graph in self._graphs.values():
            graph.free()
        self._graphs.clear()
        self._inference.close()
        self._buffers.close()

    def _stage(self, window: Window, move: Move) -> None:
        dtype = window.target.pixels.dtype
        for place, frame in move.uploads:
            encode(frame.pixels, lift_of(dtype), self._buffers.staging[place])
        self._buffers.set(window.valid(), map_of(window.intensity, dtype))
        while len(self._stores) <= move.slot:
            self._stores.append(self._buffers.new_store())

    def _queue(self, move: Move, place: int) -> None:
        key = (move.slot, move.kind, place)
        ran_here = hasattr(self._here, "ran")
        if self._records and ran_here and key not in self._graphs:
            self._record(key)
        if key in self._graphs:
            self._graphs[key].launch()
            return
        self._device.run(lambda: self._frame(*key))
        self._here.ran = True
        if not self._warm:
            self._warm, self._records = True, self._inference.is_recordable()

    def _record(self, key: tuple[int, Kind, int]) -> None:
        try:
            self._graphs[key] = self._device.capture(lambda: self._frame(*key))
        except EngineError as error:
            log.warning("Frames are queued step by step, which is slower: %s", error)
            self._records = False

    def _frame(self, slot: int, kind: Kind, place: int) -> None:
        """Queue all that one frame needs."""
        buffers, copy = self._buffers, self._device.copy
        store, frames = self._stores[slot], buffers.frames
        copy(buffers.settings, buffers.settings_staged, buffers.settings_bytes)
        if kind is Kind.SHIFT:
            newest = buffers.window_bytes - buffers.frame_bytes
            copy(frames, At(store.memory, buffers.frame_bytes), newest)
            staged = At(buffers.staged.memory, newest)
            copy(At(frames.memory, newest), staged, buffers.frame_bytes)
        else:
            copy(frames, buffers.staged, buffers.window_bytes)
        if buffers.ends.shape[1] > 1:  # one frame alone is never needed again
            copy(store, frames, buffers.window_bytes)
        for number, batch in enumerate(self._layout.batches):
            self._batch(number, batch)
        landing = At(buffers.pool.places[place])
        copy(landing, buffers.results, buffers.results_bytes)

    def _batch(self, number: int, batch: tuple[Tile, ...]) -> None:
        if self._layout.whole:
            self._inference.enqueue()
            return
        for at, tile in enumerate(batch):
            self._cut_out(at, tile)
        self._inference.enqueue()
        for at, tile in enumerate(batch):
            self._put_back(at, tile)
        ends, count = self._buffers.ends, len(batch)
        offset = self._buffers.total_offset + REAL * count * number
        self._device.copy(
            At(self._buffers.results.memory, offset), ends.total, REAL * count
        )

    def _cut_out(self, at: int, tile: Tile) -> None:
        """Queue the copy of one piece out of all frames of the window."""
        _, taken, height, width = self._buffers.ends.shape
        pieces, frames = self._buffers.ends.counts.memory, self._buffers.frames.memory
        rows, columns = tile.outer
        corner = COUNT * (rows.start * self._width + columns.start)
        row, piece = COUNT * width, COUNT * height * width
        for t in range(taken):
            to = At(pieces, piece * (at * taken + t), row)
            offset = t * self._buffers.frame_bytes + corner
            source = At(frames, offset, COUNT * self._width)
            self._device.copy(to, source, row, height)

    def _put_back(self, at: int, tile: Tile) -> None:
        """Queue the copy of one restored piece to its place in the picture."""
        scale, ends = self._scale, self._buffers.ends
        height, width = (scale * length for length in ends.shape[2:])
        inner, place = tile.inner_in_outer(scale), tile.enlarged(scale)
        skipped = at * height * width + inner[0].start * width + inner[1].start
        source = At(ends.restored.memory, COUNT * skipped, COUNT * width)
        wide = scale * self._width
        corner = COUNT * (place[0].start * wide + place[1].start)
        to = At(self._buffers.results.memory, corner, COUNT * wide)
        columns = COUNT * (inner[1].stop - inner[1].start)
        self._device.copy(to, source, columns, inner[0].stop - inner[0].start)
