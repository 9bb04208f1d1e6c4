"""What the core asks of a scanner written in Python, and how it watches one scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy.typing as npt
from pymmcore_plus.experimental.unicore.core._unicore import BufferOverflowStop
from pymmcore_plus.mda import RunState

if TYPE_CHECKING:
    import weakref

    from pymmcore_plus import CMMCorePlus
    from pymmcore_plus.experimental.unicore import CameraDevice

GetBuffer = Callable[[Sequence[int], npt.DTypeLike], npt.NDArray[Any]]
Frames = Iterator[Mapping[str, Any]]


@runtime_checkable
class Scanning(Protocol):
    """What a Python scanner offers beyond `CameraDevice`."""

    def pixel_size_um(self) -> float:
        """Distance of neighbouring pixels in the sample."""

    def derived_properties(self) -> Mapping[str, float]:
        """Read-only properties that follow from others, by name."""

    def abort(self) -> None:
        """Give up the scan in progress; returns at once, from any thread."""

    def abort_when(self, cancelled: Callable[[], bool]) -> None:
        """Ask `cancelled` several times a second while scanning."""


def as_scanning(device: object) -> Scanning | None:
    """Return `device` if it scans, else None."""
    return device if isinstance(device, Scanning) else None


def derived_properties(device: object) -> Mapping[str, float]:
    """Return what follows from the settings of `device`; nothing if no scanner."""
    scanner = as_scanning(device)
    return {} if scanner is None else scanner.derived_properties()


def cancelled_in(core: weakref.ref[CMMCorePlus]) -> Callable[[], bool]:
    """Return what tells whether an MDA run of `core` is being cancelled.

    The core is held weakly: a device that held it would keep it alive after
    `del core`.
    """

    def cancelled() -> bool:
        living = core()
        if living is None:
            return False
        status = living.mda.status
        # The request outlives a run that was cancelled in its last event.
        return status.cancel_requested and status.phase == RunState.ACQUIRING

    return cancelled


class WatchedCamera:
    """A camera whose sequence reports its error to us and not to a dying thread."""

    def __init__(
        self, camera: CameraDevice, report: Callable[[Exception], None]
    ) -> None:
        self._camera = camera
        self._report = report

    def __getattr__(self, name: str) -> Any:
        return getattr(self._camera, name)

    def start_sequence(self, n: int | None, get_buffer: GetBuffer) -> Frames:
        """Start the camera's own sequence."""
        return self._guarded(self._camera.start_sequence(n, get_buffer))

    def _guarded(self, frames: Frames) -> Frames:
        try:
            yield from frames
        except BufferOverflowStop:
            raise  # the core's own way to end a sequence whose buffer is full
        except Exception as error:
            self._report(error)
