"""The events of a fed run: those planned, and those that callbacks ask for.

What a callback asks for goes next, also before what is left of earlier answers: it
knows more. After each answer the plan has a turn if it is due, so that a callback
that asks without end cannot keep the plan from going on.
Planned events are handed out only when they are due: until then anything asked for
may still go before them. When the plan is exhausted, the feed waits for the pictures
that are under way, because their callbacks may ask for more.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.core._sequencing import iter_sequenced_events
from pymmcore_plus.mda import RunState
from useq import MDAEvent

from pssr_live.scanners.feedback.detour import Detour
from pssr_live.scanners.ordinals import Ordinals
from pssr_live.scanners.profiles.on_core import sentence
from pssr_live.scanners.signals import connect_directly

log = logging.getLogger(__name__)

LOOK_S = 0.05  # how often a wait looks for a cancellation, which wakes nobody
ARRIVAL_S = 5.0  # in which a frame that was taken has arrived, if anybody brings it
LEAD_S = 0.05  # before its time a planned event is handed to the runner's own clock
AXIS = "feedback"  # names the series of what callbacks asked for


class Feed(Iterator[MDAEvent]):
    """Hands out events to the MDA runner; `ask` may be called from any thread.

    Parameters
    ----------
    plan : iterable of MDAEvent
        What is acquired anyway.
    core : CMMCorePlus
        What acquires it.
    ordinals : Ordinals
        Told of each planned frame when its event goes out.
    settled : callable
        Whether every picture of the frames that arrived was shown.
    warn : callable
        Told, in a sentence, of an answer that the microscope cannot carry out.
    wait_s : float
        Longest wait for pictures before going on without them.
    in_step : bool
        Whether each event waits for the pictures before it.
    burst : int
        How many events may be merged into one hardware sequence.
    """

    def __init__(
        self,
        plan: Iterable[MDAEvent],
        core: CMMCorePlus,
        ordinals: Ordinals,
        settled: Callable[[], bool],
        warn: Callable[[str], object],
        *,
        wait_s: float,
        in_step: bool,
        burst: int,
    ) -> None:
        self.asked_frames = self.fed_frames = self.too_late = 0
        self._plan, self._core, self._ordinals = iter(plan), core, ordinals
        self._settled, self._warn, self._wait_s = settled, warn, wait_s
        self._in_step, self._burst = in_step, burst
        self._detour = Detour(core)
        self._changed = threading.Condition()
        self._batches: deque[Sequence[MDAEvent]] = deque()
        self._asked: deque[MDAEvent | None] = deque()  # None: an answer is done
        self._later: list[MDAEvent] = []  # what was asked for a time to come
        self._planned: deque[MDAEvent] = deque()
        self._plans_turn = self._plan_done = self._closed = False
        self._taken = self._arrived = 0  # frames that the runner gave; that came
        self._settings: dict[str, int] = {}  # series of what was asked for
        self._times: dict[int, int] = {}
        self._apart = False  # the next frame asked for does not follow the last
        # From the runner's own thread: when it comes for the next event, every frame
        # of those before is counted, and one that was lost is waited for by nobody.
        connect_directly(core, core.mda.events.frameReady, self.taken)

    # -- any thread

    def ask(self, events: Sequence[MDAEvent]) -> bool:
        """Take what a callback asks for; False if the run is over."""
        with self._changed:
            if self._closed:
                self.too_late += len(events)
                return False
            self.asked_frames += len(events)
            self._batches.append(tuple(events))
            self._changed.notify()
        return True

    def arrived(self) -> None:
        """Note that a frame came."""
        with self._changed:
            self._arrived += 1
            self._changed.notify()

    def wake(self) -> None:
        """Look again whether there is anything to wait for."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    # -- the runner's thread

    def taken(self, *frame: object) -> None:
        """Note that the runner gave a frame, which another thread brings here."""
        with self._changed:
            self._taken += 1

    def __next__(self) -> MDAEvent:
        """Return the next event, waiting for it if need be."""
        self._refill()  # not under the lock: a generator may take its time
        entered_s = time.monotonic()
        with self._changed:
            while not self._closed:
                if self._is_cancelled():
                    self._closed = True
                    # The runner sees a cancellation only when it is given an event,
                    # which it then leaves; an end would be taken for completion.
                    return MDAEvent()
                waits = self._under_way(time.monotonic() - entered_s)
                if not (waits and self._in_step):
                    if self._next_asked():
                        if (asked := self._hand_out_asked()) is not None:
                            return asked
                        continue
                    if self._planned and self._is_due(self._planned[0]):
                        return self._hand_out_planned()
                    left = self._planned or self._later
                    if self._plan_done and not left and not waits:
                        break
                self._changed.wait(LOOK_S)
            self._closed = True
        raise StopIteration

    def _refill(self) -> None:
        if self._planned or self._plan_done:
            return
        some = list(itertools.islice(self._plan, self._burst))
        self._plan_done = not some
        self._planned.extend(self._merged(some))

    def _merged(self, events: list[MDAEvent]) -> Iterable[MDAEvent]:
        if self._burst == 1:
            return events
        return list(iter_sequenced_events(self._core, events))

    def _is_cancelled(self) -> bool:
        return self._core.mda.status.phase == RunState.FINISHING

    def _under_way(self, waited_s: float) -> bool:
        """Tell whether a callback may still answer a frame that was taken."""
        if self._arrived < self._taken:
            if waited_s < ARRIVAL_S:
                return True
            self._taken = self._arrived  # waited for once, and no more
        return waited_s < self._wait_s and not self._settled()

    def _next_asked(self) -> bool:
        """Tell whether the turn is with what was asked for, and make it ready."""
        while self._batches:  # what was asked for last goes first
            now_s = self._core.mda.event_seconds_elapsed()
            self._put_first(list(on_clock(self._batches.popleft(), now_s)))
        if self._later:
            waiting, self._later = self._later, []
            self._put_first(waiting)
        if self._plans_turn and self._planned and self._is_due(self._planned[0]):
            return False
        return bool(self._asked)

    def _put_first(self, answer: Sequence[MDAEvent]) -> None:
        """Put what is due of an answer before all else; the plan goes on until then."""
        due: list[MDAEvent] = []
        for event in answer:
            (due if self._is_due(event) else self._later).append(event)
        if due:
            self._asked.extendleft(reversed([*self._batched(due), None]))

    def _is_due(self, event: MDAEvent) -> bool:
        if not event.min_start_time or event.reset_event_timer:
            return True
        mda = self._core.mda
        # A paused run has to have its next event: it counts the pause with it.
        return mda.is_paused() or (
            mda.event_seconds_elapsed() >= event.min_start_time - LEAD_S
        )

    def _hand_out_planned(self) -> MDAEvent:
        event = self._detour.planned(self._planned.popleft())
        self._plans_turn = False
        self._apart = True
        for one in _images(event):
            self._ordinals.expect(one.index)
        return event

    def _batched(self, events: Sequence[MDAEvent]) -> Iterator[MDAEvent]:
        placed = [self._placed(event) for event in events]
        for begin in range(0, len(placed), self._burst):
            yield from self._merged(placed[begin : begin + self._burst])

    def _hand_out_asked(self) -> MDAEvent | None:
        """Return the next event asked for; None of one that cannot be carried out."""
        asked = self._asked.popleft()
        assert asked is not None  # noqa: S101 - marks are taken with what they end
        while self._asked and self._asked[0] is None:
            self._asked.popleft()
            self._plans_turn = True
        try:
            event = self._detour.asked(asked)
        except Exception as error:  # a callback's mistake must not end the run
            self._warn(f"What a callback asked for was left out: {sentence(error)}.")
            return None
        self.fed_frames += len(_images(event))
        return event

    def _placed(self, event: MDAEvent) -> MDAEvent:
        """Give an event a series of its own: one for each way of scanning."""
        way = event.model_dump_json(
            exclude={"index", "metadata", "min_start_time", "reset_event_timer"}
        )
        others = {axis: at for axis, at in event.index.items() if axis != "t"}
        series = self._settings.setdefault(f"{way} {others}", len(self._settings))
        if self._apart:  # frames of the plan came between: no neighbours in time
            self._times = {key: t + 1 for key, t in self._times.items()}
            self._apart = False
        t = self._times.get(series, 0)
        self._times[series] = t + 1
        index = {"t": t, **event.index, AXIS: series}
        placed: MDAEvent = event.replace(index=index)
        return placed

    def end(self) -> None:
        """After the run: put back what a callback changed last."""
        self._core.mda.events.frameReady.disconnect(self.taken)
        try:
            self._detour.end()
        except Exception as error:  # the run is over and its frames are safe
            log.warning("What a callback changed could not be put back: %s", error)


def on_clock(answer: Iterable[MDAEvent], now_s: float) -> Iterator[MDAEvent]:
    """Yield the events of an answer with their times on the clock of the run.

    A sequence with times sets the clock back where it begins, which is the plan's too:
    the plan would wait for what has long been.
    """
    begun_s = 0.0
    for event in answer:
        if event.reset_event_timer:
            begun_s = now_s
        since_s = event.min_start_time
        start_s = None if since_s is None else begun_s + since_s
        yield event.replace(min_start_time=start_s, reset_event_timer=False)


def _images(event: MDAEvent) -> Sequence[MDAEvent]:
    """Return the events of the frames that `event` gives."""
    if getattr(event.action, "type", "") != "acquire_image":
        return ()
    within: Sequence[MDAEvent] = getattr(event, "events", ()) or (event,)
    return within
