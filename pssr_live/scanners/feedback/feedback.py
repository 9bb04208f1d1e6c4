"""Callbacks that see each restored picture and may answer with events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError, SettingsError, StorageError
from pssr_live.frame import Frame, Pixels, Restored
from pssr_live.scanners.arrivals import size_um
from pssr_live.scanners.feedback.fed_sequence import (
    FedSequence,
    fed_layout,
    fed_sequence,
)
from pssr_live.scanners.feedback.feed import AXIS, Feed
from pssr_live.scanners.feedback.rescans import Rescans
from pssr_live.scanners.ordinals import Ordinals
from pssr_live.scanners.planned_sites import sites_of
from pssr_live.scanners.profiles.on_core import sentence
from pssr_live.scanners.recording import RunRecording
from pssr_live.scanners.ways import Ways
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.session import SessionFolder

log = logging.getLogger(__name__)

Callback = Callable[[Restored], object]
_UNHEARD = (
    "A callback returned events and nothing could run them: start the run with "
    "`core.mda.run(live.feed(sequence), output=live)`."
)
_TOO_LATE = "Callbacks asked for events after the last one: the run was already over."


class Feedback:
    """The callbacks of one run, and what they asked for.

    Parameters
    ----------
    callbacks : list of callable
        Called with each `Restored`; may return None, an MDAEvent, several, or an
        MDASequence.
    folder : SessionFolder
        Where scans go that do not fit the run.
    warnings : list of str
        Takes what the user should know.
    """

    def __init__(
        self, callbacks: list[Callback], folder: SessionFolder, warnings: list[str]
    ) -> None:
        self.feed: Feed | None = None
        self.ordinals: Ordinals | None = None
        self._callbacks, self._warnings = callbacks, warnings
        self._plan: Iterable[MDAEvent] = ()
        self._layout = RunLayout()
        self._rescans = Rescans(folder)
        self._kind: tuple[Any, ...] | None = None  # what the run's own file holds

    def make_feed(
        self,
        plan: Iterable[MDAEvent],
        events: Iterable[MDAEvent],
        core: CMMCorePlus,
        settled: Callable[[], bool],
        *,
        in_step: bool,
        burst: int,
        wait_s: float,
    ) -> FedSequence:
        """Return the sequence to run, `events` of `plan`; see `LiveRestoration`."""
        if burst < 1 or wait_s < 0:
            raise SettingsError(
                f"A feed cannot have burst = {burst} and wait_s = {wait_s:g}: give 1 "
                "or more events and 0 or more seconds."
            )
        if self.feed is not None:
            raise ScannerError(
                "A second feed was asked for in one `with` block: open one "
                "LiveRestoration for each run."
            )
        self.ordinals = Ordinals()
        self._plan, self._layout = plan, fed_layout(plan)
        ways = Ways(self._layout.channel_names)
        indexed = (ways.with_index(event) for event in events)
        self.feed = Feed(
            indexed,
            core,
            self.ordinals,
            settled,
            self._warn,
            in_step=in_step,
            burst=burst,
            wait_s=wait_s,
        )
        return fed_sequence(plan, self.feed)

    def layout(self, known: RunLayout) -> RunLayout:
        """Return the layout of the run, where `known` is the one of its sequence."""
        if self.feed is None:
            return known
        # Only now that the run has begun does a grid know its field.
        return replace(self._layout, sites=sites_of(self._plan))

    def ways(self, known: RunLayout) -> Ways | None:
        """Return what completes the indices of frames that arrive."""
        return Ways.unless_known(known) if self.feed is None else None

    def told(self, restored: Restored) -> None:
        """Call the callbacks and take their answers; from the restore thread."""
        for callback in tuple(self._callbacks):
            try:
                self._heed(restored, as_events(callback(restored)))
            # A script's mistake must not end the run. Ctrl-C does not come into this
            # thread, and who calls `exit` in it would only end the restoration.
            except BaseException as error:
                said = sentence(error) if isinstance(error, Exception) else ""
                # Where it failed is told once; it may fail at each frame of a long run.
                if self._warn(f"A callback failed: {said or type(error).__name__}."):
                    log.exception("A callback failed for %s", restored.frame)
        if self.feed is not None:
            self.feed.wake()

    def take(
        self,
        run: RunRecording,
        image: Pixels,
        event: MDAEvent,
        meta: Mapping[str, Any],
    ) -> bool:
        """Take a frame that does not belong into the run's own file.

        Returns
        -------
        bool
            False if it does belong there.
        """
        if self.feed is None:
            return False
        kind = (image.shape, image.dtype.name, size_um(meta))
        self._kind = self._kind or kind
        if AXIS not in event.index or kind == self._kind:
            return False
        frame = Frame(
            image, 0, dict(event.index), run.clock_s(), pixel_size_um=size_um(meta)
        )
        self._rescans.expected += 1
        run.pipeline.set_aside(lambda: self._rescans.write(frame, event))
        return True

    def sections(self) -> dict[str, Callable[[], Any]]:
        """Return the report's section about feedback, if there was any."""
        return {} if self.feed is None else {"feedback": self._section}

    def close(self) -> None:
        """Hand out nothing more."""
        if self.feed is not None:
            self.feed.close()

    def end(self) -> None:
        """After the run: put back what was changed last."""
        if self.feed is not None:
            self.feed.close()
            self.feed.end()

    def _heed(self, restored: Restored, events: tuple[MDAEvent, ...]) -> None:
        if not events:
            return
        if self.feed is None:
            self._warn(_UNHEARD)
        elif self.feed.ask(events):
            self._rescans.note(restored.frame.ordinal, events)
        else:
            self._warn(_TOO_LATE)

    def _section(self) -> dict[str, int]:
        assert self.feed is not None  # noqa: S101 - else there is no section
        try:
            self._rescans.close({})
        except StorageError as error:
            self._warn(str(error))
        return {
            "frames_asked_for": self.feed.asked_frames,
            "frames_sent_for": self.feed.fed_frames,
            "frames_too_late": self.feed.too_late,
            "rescans": self._rescans.expected,
            "rescans_recorded": self._rescans.written,
        }

    def _warn(self, said: str) -> bool:
        """Take what the user should know; False if it is known, or one too many."""
        new = said not in self._warnings and len(self._warnings) < MOST_WARNINGS
        if new:
            self._warnings.append(said)
        return new


MOST_WARNINGS = 50  # a fault in each frame must not fill a report


def as_events(answer: object) -> tuple[MDAEvent, ...]:
    """Return the events in what a callback returned; none of anything else.

    >>> len(as_events([MDAEvent(), MDAEvent()])), as_events("done")
    (2, ())
    """
    if isinstance(answer, MDAEvent):
        return (answer,)
    if isinstance(answer, list | tuple | MDASequence):
        # Callbacks may return what they like where it means nothing to us.
        return tuple(event for event in answer if isinstance(event, MDAEvent))
    return ()
