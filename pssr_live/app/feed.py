"""The newest picture of each channel: many threads give, one takes, none waits.

What is not taken in time is replaced by what is newer. Knows no Qt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pssr_live.frame import Frame, Restored
from pssr_live.storage.sites import ImageKey, image_key

STALE_S = 1.0  # without a restored picture, after which raw frames are shown alone
FRAMES_LATE = 3  # the same, in frames of a slow scanner


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A raw frame, and what was made from it, where it was.

    `computed_by` names the engine where the frame is no scan itself, but was read from
    a file of restored ones; `position` is what its position is called, if anything.
    """

    frame: Frame
    restored: Restored | None = None
    computed_by: str = ""
    position: str = ""


Scene = dict[str, Pair]


def channel_of(frame: Frame) -> str:
    """Return what the channel of a frame is called on the screen.

    >>> import numpy as np
    >>> pixels = np.zeros((2, 2), np.uint8)
    >>> channel_of(Frame(pixels, 0)), channel_of(Frame(pixels, 0, {"c": 1}))
    ('scan', 'channel 2')
    """
    detector = f" {frame.index['cam'] + 1}" if "cam" in frame.index else ""
    if frame.channel_name:
        return f"{frame.channel_name}{detector}"
    if "c" in frame.index:
        return f"channel {frame.index['c'] + 1}{detector}"
    return f"detector{detector}" if detector else "scan"


class Feed:
    """Holds the newest pair of each channel until it is taken.

    Parameters
    ----------
    clock : callable
        Seconds, for how long nothing was restored.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._scene: Scene = {}
        self._restored_s: dict[str, float] = {}
        self._raw_s: dict[str, float] = {}
        self._pace_s: dict[str, float] = {}  # from one restored picture to the next
        self._positions: Mapping[ImageKey, str] = {}
        self._is_new = self._closed = False

    def put_restored(self, restored: Restored) -> None:
        """Take a picture with the frame that it was made from."""
        channel = channel_of(restored.frame)
        with self._changed:
            now = self._clock()
            self._pace_s[channel] = now - self._restored_s.get(channel, now)
            self._restored_s[channel] = now
            name = self._positions.get(image_key(restored.frame.index), "")
            self._put(channel, Pair(restored.frame, restored, position=name))

    def put_frame(self, frame: Frame) -> None:
        """Take a raw frame; shown alone only where restoration has fallen silent."""
        channel = channel_of(frame)
        with self._changed:
            now = self._clock()
            interval_s = now - self._raw_s.get(channel, now)
            self._raw_s[channel] = now
            silent_s = now - self._restored_s.get(channel, -1e9)
            slowest_s = max(interval_s, self._pace_s.get(channel, 0.0))
            if silent_s > max(STALE_S, FRAMES_LATE * slowest_s):
                self._put(channel, Pair(frame))

    def put_pairs(self, scene: Scene) -> None:
        """Replace everything at once: a moment of a movie, which may have no frame."""
        with self._changed:
            self._scene, self._restored_s = dict(scene), {}
            self._is_new = True
            self._changed.notify_all()

    def clear(self, positions: Mapping[ImageKey, str] | None = None) -> None:
        """Forget everything; what is on the screen stays until something comes.

        `positions` are the names of those that will come.
        """
        with self._changed:
            self._positions = positions or {}
            self._scene, self._restored_s, self._raw_s = {}, {}, {}
            self._pace_s = {}
            self._is_new = False

    def touch(self) -> None:
        """Have the same pictures taken again, because they shall look otherwise."""
        with self._changed:
            self._is_new = self._is_new or bool(self._scene)
            self._changed.notify_all()

    def take(self) -> Scene | None:
        """Wait for something new and return all channels; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_new or self._closed)
            self._is_new = False
            return None if self._closed else dict(self._scene)

    def close(self) -> None:
        """Let whoever waits go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _put(self, channel: str, pair: Pair) -> None:
        shapes = {other.frame.pixels.shape for other in self._scene.values()}
        if shapes - {pair.frame.pixels.shape}:
            self._scene = {}  # of another density: they cannot lie on each other
        self._scene[channel] = pair
        self._is_new = True
        self._changed.notify_all()
