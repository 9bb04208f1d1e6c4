"""What an MDA is going to give, and what it hands over with an image, as a `Frame`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from useq import MDAEvent, MDASequence

from pssr_live.frame import Frame, Pixels
from pssr_live.scanners.channels import named_channels
from pssr_live.scanners.grids import once
from pssr_live.scanners.planned_sites import index_of, note_site
from pssr_live.scanners.rounds import Rounds
from pssr_live.scanners.ways import Ways
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.sites import SitesTold


class Run(Protocol):
    """What gives frames their places and times."""

    def ordinal_of(self, index: dict[str, int]) -> int:
        """Return the place of a frame that arrived."""

    def clock_s(self) -> float:
        """Return the seconds since the run began."""


class Arrivals:
    """Turns the images of one run into frames, in the order in which they arrive.

    Parameters
    ----------
    ways : Ways, optional
        Completes the index of events that may lack one.
    """

    def __init__(self, ways: Ways | None = None) -> None:
        self._image_number, self._ways = -1, ways

    def frame(
        self,
        run: Run,
        image: Pixels,
        event: MDAEvent,
        meta: Mapping[str, Any],
    ) -> Frame:
        """Return the next frame of `run`."""
        index = index_of(event)
        ordinal = run.ordinal_of(index)
        if self._ways is not None:
            index = self._ways.completed(index, event)
        return Frame(
            pixels=image,
            ordinal=ordinal,
            index=index or {"t": ordinal},
            time_s=run.clock_s(),
            pixel_size_um=size_um(meta),
            channel_name=event.channel.config if event.channel else "",
            after_gap=self._after_gap(meta),
        )

    def _after_gap(self, meta: Mapping[str, Any]) -> bool:
        """Tell from the camera's own count whether it lost frames before this one."""
        number = meta.get("camera_metadata", {}).get("ImageNumber")
        last = self._image_number
        self._image_number = -1 if number is None else int(number)
        # A count that begins again is a new burst, not a loss.
        return number is not None and last >= 0 and int(number) > last + 1


def size_um(meta: Mapping[str, Any]) -> float | None:
    """Return the pixel size that metadata tell; None where it is 0 or not told."""
    size = meta.get("pixel_size_um")
    return float(size) if size else None


def by_detector(layout: RunLayout, detectors: int) -> RunLayout:
    """Return the layout of a run in which every event gives a frame a detector.

    The MDA engine tells them apart by `cam` in the index; each detector is a series,
    and an image of its own in the files.
    """
    if detectors < 2 or layout.indices is None:
        return layout
    indices = tuple({**i, "cam": n} for i in layout.indices for n in range(detectors))
    sites = tuple(s.within("cam", n) for s in layout.sites for n in range(detectors))
    return replace(layout, indices=indices, sites=sites)


def run_layout(sequence: MDASequence) -> RunLayout:
    """Return the frames that a sequence will give; unknown for a generator."""
    if not sequence.axis_order:  # how the runner marks a stream of unknown length
        return RunLayout()
    indices, told = [], SitesTold()
    rounds = Rounds.of(sequence)
    for event in sequence if rounds is None else rounds.events:
        if event.action.type == "acquire_image":
            indices.append(index_of(event))
            note_site(told, indices[-1], event)
    if not indices or len({tuple(sorted(i.items())) for i in indices}) < len(indices):
        return RunLayout()
    if rounds is not None:
        turns = range(len(rounds.starts_s))
        indices = [{**index, "t": t} for t in turns for index in indices]
    # A long run has many events, which are not kept; time does not change the channels.
    images = (e for e in once(sequence) if e.action.type == "acquire_image")
    names, steps = named_channels(images), steps_of(sequence)
    return RunLayout(tuple(indices), names, *steps, told.sites())


def doubts(sequence: MDASequence) -> list[str]:
    """Return what a person should know of frames that a sequence takes more than once.

    useq does so where a position has an autofocus plan beside a plan of its own: then
    the general plan's turns are not left out.
    """
    if not sequence.axis_order:
        return []
    images = (e for e in once(sequence) if e.action.type == "acquire_image")
    times = Counter(tuple(sorted(e.index.items())) for e in images)
    if not (repeated := [key for key, count in times.items() if count > 1]):
        return []
    where = " ".join(f"{axis!s}{at}" for axis, at in repeated[0])
    return [
        f"The sequence takes frame {where} {times[repeated[0]]} times, and the files "
        "hold all its frames as one series in time: give each position one plan for "
        "each axis, and an autofocus plan at the top only."
    ]


def steps_of(sequence: MDASequence) -> tuple[float | None, float | None]:
    """Return `interval_s` and `z_step_um` of a run's layout.

    Positions may have plans of their own, and a file has one step for all: where they
    differ, none is better than a wrong one.
    """
    interval = _agreed(sequence, "time_plan", "interval")
    interval_s = None if interval is None else interval.total_seconds() or None
    return interval_s, _agreed(sequence, "z_plan", "step") or None


def _agreed(sequence: MDASequence, plan: str, step: str) -> Any:
    """Return what the plans of all positions have as their step; None if none or two.

    A position without such a plan has no steps that could differ.
    """
    general = getattr(sequence, plan)
    own = [getattr(p.sequence, plan, None) for p in sequence.stage_positions]
    plans = [one or general for one in own] or [general]
    steps = {getattr(one, step, None) for one in plans if one is not None}
    return steps.pop() if len(steps) == 1 else None
