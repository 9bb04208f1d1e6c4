"""Live restoration for any MDA script, in two lines.

    with LiveRestoration(model="mito-mf5-x4", save="session_01") as live:
        core.mda.run(sequence, output=live)

The runner calls `frameReady` from a relay thread that dies with the first exception
and takes all later frames with it. So the handler only enqueues, and nothing in it
can raise: trouble ends the run through the core and is raised when the `with` block
ends, after every acquired frame is on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.frame import Frame, Pixels, Restored
from pssr_live.pipeline import Progress
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import protect
from pssr_live.scanners.recording import RunRecording
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.session import SessionFolder

log = logging.getLogger(__name__)


class LiveRestoration:
    """Records and restores what an MDA acquires: an `output=` of `core.mda.run`.

    Parameters
    ----------
    model : str or Path
        A model's name, or its folder.
    save : str or Path
        Folder for the session; must be new or empty.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    overwrite : bool
        Replace the session that `save` holds.
    on_restored : callable, optional
        Called with each `Restored`, from the restore thread.
    progress : callable, optional
        Called with (done, total) while deferred frames are restored at the end.

    Raises
    ------
    ModelError, EngineError, StorageError
        On entering the `with` block, before anything is acquired.

    Attributes
    ----------
    report : dict
        After the `with` block: what `report.json` holds. Empty if nothing was run.
    warnings : list of str
        What the user should know, such as a pixel size the model was not made for.
    """

    def __init__(
        self,
        model: str | Path,
        save: str | Path,
        *,
        engine: str | None = None,
        overwrite: bool = False,
        on_restored: Callable[[Restored], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.report: dict[str, Any] = {}
        self.warnings: list[str] = []
        self._model, self._engine = model, engine
        self._save, self._overwrite = Path(save), overwrite
        self._on_restored, self._progress = on_restored, progress
        self._restorer: Restorer | None = None
        self._run: RunRecording | None = None
        self._cancelled = False
        self._trouble: Exception | None = None
        self._image_number = -1

    def __enter__(self) -> Self:
        self._restorer = Restorer(self._model, self._engine)
        self._folder = SessionFolder.create(self._save, overwrite=self._overwrite)
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        run, self._run = self._run, None
        if run is None:
            self._folder.write_status("failed", "No run was started.")
        else:
            cancelled = self._cancelled or error is not None
            self.report = run.finish(cancelled=cancelled, progress=self._progress)
        if self._restorer is not None:
            self._restorer.close()
        if error is None and self._trouble is not None:
            raise self._trouble

    @property
    def latest(self) -> Restored | None:
        """The newest restored picture, for a viewer that polls."""
        return None if self._run is None else self._run.pipeline.latest

    # -- called by the MDA runner; none of these may raise -----------------------

    def sequenceStarted(self, sequence: MDASequence, meta: Mapping[str, Any]) -> None:
        """Prepare for the frames of `sequence`."""
        try:
            self._start(sequence, meta)
        except Exception as error:
            self._stop(error)

    def frameReady(
        self, image: Pixels, event: MDAEvent, meta: Mapping[str, Any]
    ) -> None:
        """Take a frame: enqueue it and return."""
        try:
            if self._run is not None:
                self._run.submit(self._frame(self._run, image, event, meta))
        except Exception as error:
            self._stop(error)

    def sequenceCanceled(self, sequence: MDASequence) -> None:
        """Remember that the run was ended early."""
        self._cancelled = True

    # -- within ------------------------------------------------------------------

    def _start(self, sequence: MDASequence, meta: Mapping[str, Any]) -> None:
        if self._restorer is None:
            raise ScannerError(
                "LiveRestoration was used outside a `with` block: write "
                "`with LiveRestoration(...) as live: core.mda.run(seq, output=live)`."
            )
        if self._run is not None:
            raise ScannerError(
                f"A second run was started into {self._save}: open one "
                "LiveRestoration for each run."
            )
        protect(CMMCorePlus.instance())
        self._run = RunRecording(
            self._folder,
            self._restorer,
            run_layout(sequence),
            on_trouble=self._stop,
            on_restored=self._on_restored,
        )
        for info in meta.get("image_infos", ())[:1]:
            self._check(info)

    def _check(self, info: Mapping[str, Any]) -> None:
        assert self._run is not None and self._restorer is not None  # noqa: S101
        mismatch = self._restorer.card.sample.mismatch(_size(info))
        if mismatch:
            self.warnings.append(mismatch)
            log.warning("%s", mismatch)
        shape = (int(info["height"]), int(info["width"]))
        pixel_bytes = np.dtype(info["dtype"]).itemsize
        self._run.recorder.check_room(shape, pixel_bytes)

    def _frame(
        self,
        run: RunRecording,
        image: Pixels,
        event: MDAEvent,
        meta: Mapping[str, Any],
    ) -> Frame:
        index = {str(axis): int(at) for axis, at in event.index.items()}
        ordinal = run.ordinal_of(index)
        return Frame(
            pixels=image,
            ordinal=ordinal,
            index=index or {"t": ordinal},
            time_s=run.clock_s(),
            pixel_size_um=_size(meta),
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

    def _stop(self, error: Exception) -> None:
        """End the acquisition, and keep the first error for the end of the block."""
        log.error("%s", error)
        if self._trouble is None:
            wrapped = ScannerError(f"The live restoration failed: {error}")
            self._trouble = error if isinstance(error, PssrLiveError) else wrapped
            CMMCorePlus.instance().mda.cancel()


def run_layout(sequence: MDASequence) -> RunLayout:
    """Return the frames that a sequence will give; unknown for a generator."""
    if not sequence.axis_order:  # how the runner marks a stream of unknown length
        return RunLayout()
    events = [e for e in sequence if e.action.type == "acquire_image"]
    indices = tuple({str(a): int(n) for a, n in e.index.items()} for e in events)
    if not indices or len({tuple(sorted(i.items())) for i in indices}) < len(indices):
        return RunLayout()
    return RunLayout(indices, channel_names=tuple(c.config for c in sequence.channels))


def _size(meta: Mapping[str, Any]) -> float | None:
    size = meta.get("pixel_size_um")
    return float(size) if size else None
