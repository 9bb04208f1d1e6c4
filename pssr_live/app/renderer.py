"""The thread that makes pictures, at most 30 a second, from the newest frames only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pssr_live.app.feed import Feed
from pssr_live.app.levels import Levels
from pssr_live.app.picture import Display, Picture, picture_of

log = logging.getLogger(__name__)

PERIOD_S = 1 / 30
LEAVE_S = 2.0  # in which a picture in the making is done


class Renderer:
    """Turns what a `Feed` holds into pictures, in a thread of its own.

    Parameters
    ----------
    feed : Feed
        Where frames come from; closed with the renderer.
    on_picture : callable
        Called from the thread when `take` has something new.
    """

    def __init__(self, feed: Feed, on_picture: Callable[[], None]) -> None:
        self._feed, self._on_picture = feed, on_picture
        self._display = Display()
        self._levels: dict[str, Levels] = {}
        self._lock = threading.Lock()
        self._ready: Picture | None = None
        self._is_new = False
        self._thread = threading.Thread(
            target=self._work, name="pssr-live picture", daemon=True
        )
        self._thread.start()

    @property
    def display(self) -> Display:
        """How pictures look."""
        return self._display

    def show(self, display: Display) -> None:
        """Change how pictures look, the one on the screen too."""
        self._display = display
        self._feed.touch()

    def forget_levels(self) -> None:
        """Let automatic contrast begin afresh."""
        self._levels = {}
        self._feed.touch()

    def take(self) -> tuple[bool, Picture | None]:
        """Return whether there is news, and the newest picture; None: show nothing."""
        with self._lock:
            is_new, ready = self._is_new, self._ready
            self._is_new, self._ready = False, None
            return is_new, ready

    def close(self) -> None:
        """End the thread."""
        self._feed.close()
        self._thread.join(LEAVE_S)

    def _work(self) -> None:
        next_s = 0.0
        while (scene := self._feed.take()) is not None:
            if not scene:
                self._put(None)
                continue
            try:
                picture = picture_of(scene, self._display, self._levels)
            except Exception:  # one bad frame must not blind the window
                log.exception("A picture could not be made")
                continue
            self._levels = dict(picture.levels)
            self._put(picture)
            now = time.perf_counter()
            next_s = max(next_s + PERIOD_S, now)
            time.sleep(next_s - now)

    def _put(self, picture: Picture | None) -> None:
        with self._lock:
            was_new = self._is_new
            self._is_new, self._ready = True, picture
        if not was_new:  # else the window has been told and has not come yet
            self._on_picture()
