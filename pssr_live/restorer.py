"""Restoration of windows: the one piece of code that live and offline share.

`Restorer.restore_window` is a pure function of its window (as long as the engine
holds), which is why the picture on the screen, the restored file and a restoration a
year later are the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pssr_live.card import Model, load_model, model_folders
from pssr_live.engines import Engine, EngineLadder
from pssr_live.errors import EngineError, SettingsError
from pssr_live.frame import PIXEL_TYPES, Frame, Pixels, Restored
from pssr_live.trust import Noises, ScanNoise, judged
from pssr_live.window import RollingWindows, Window

# No engine is slower than this unless its driver or device hangs: a hundred times what
# one core of a laptop takes, and a minute for what a first call compiles.
STUCK_S = 60.0
AXES = ("t", "z")
STUCK_S_PER_PIXEL = 1e-4


class Restorer:
    """A model and the engine that runs it, for one thread at a time.

    Parameters
    ----------
    model : str, Path or Model
        A model's name, its folder, or an already loaded model.
    engine : str, optional
        Name of the engine to use; the best that works if left out.
    axis : str
        What windows follow: "t", time, or "z", the planes of a stack.
    noise : mapping of str to ScanNoise, optional
        What noise the scans have, as `read_scan_noise` tells it of calibrations; each
        picture is then held against its scan.

    Raises
    ------
    ModelError, EngineError
        If the model cannot be trusted or nothing can run it.
    SettingsError
        If there is no such axis, or `noise` is something else.
    """

    def __init__(
        self,
        model: str | Path | Model,
        engine: str | None = None,
        axis: str = "t",
        noise: Noises | None = None,
    ) -> None:
        if axis not in AXES:
            raise SettingsError(
                f"Windows cannot follow the axis {axis!r}: give t (time) or z (depth)."
            )
        self.axis = axis
        self.noise = _checked_noise(noise)
        self.model = model if isinstance(model, Model) else load_model(model)
        self.card = self.model.card
        self.ladder = EngineLadder(self.model, engine)
        self._call_began_s: float | None = None
        self._leaving: Engine | None = None
        self._call_limit_s = math.inf
        self._closed = False

    def require_open(self) -> None:
        """Refuse to begin with an engine that is gone.

        Raises
        ------
        EngineError
            If this was closed.
        """
        if self._closed:
            raise EngineError(
                f"This Restorer of {self.card.name} was closed, as it is when a run "
                "ends: make a new one for each run."
            )

    def windows(self) -> RollingWindows:
        """Return empty rolling windows for a new run.

        Raises
        ------
        EngineError
            If this was closed.
        """
        self.require_open()
        return RollingWindows(self.card.n_frames, self.card.lookahead, self.axis)

    def restore(
        self,
        frames: Iterable[Frame],
        wanted: Callable[[int], bool] = lambda ordinal: True,
    ) -> Iterator[Restored]:
        """Restore a stream; yields one picture a frame, in order within a series.

        Parameters
        ----------
        frames : iterable of Frame
            All of them, in order.
        wanted : callable, optional
            Which ordinals to restore; the others only give their part to windows.

        Raises
        ------
        SettingsError
            If what comes is no frame that can be restored.
        EngineError
            If this was closed, or even the last engine fails.
        """
        windows = self.windows()
        for window in windows.of(_checked(frames)):
            if wanted(window.target.ordinal):
                yield self.restore_window(window)

    def restore_window(self, window: Window) -> Restored:
        """Restore the target frame of a window.

        An engine that fails is replaced by the next one and the window done again.

        Raises
        ------
        EngineError
            If this was closed, or even the last engine fails.
        """
        self.require_open()
        begun = time.perf_counter()
        target = window.target
        pixels, engine = self._infer(window)
        agrees = judged(target, pixels, self.noise)
        size = target.pixel_size_um
        return Restored(
            pixels=pixels,
            frame=target,
            sources=window.sources,
            pixel_size_um=None if size is None else size / self.card.scale,
            model=self.card.name,
            engine=engine,
            elapsed_ms=1e3 * (time.perf_counter() - begun),
            consistency=agrees,
        )

    def engine_report(self) -> dict[str, Any]:
        """Return which engine runs, how it proved itself, and which were refused."""
        return self.ladder.report()

    def model_report(self) -> dict[str, Any]:
        """Return which model this is, and the hash of its network."""
        return {
            "name": self.card.name,
            "version": self.card.version,
            "scale": self.card.scale,
            "lookahead": self.card.lookahead,
            "axis": self.axis,
            "sha256": self.card.sha256["model.onnx"],
        }

    def identity(self) -> dict[str, Any]:
        """Return what a later restoration needs to repeat this one.

        The folder is told where the model's name alone would not find it again.
        """
        folder = self.model.folder.resolve()
        installed = model_folders().get(self.card.name)
        known = installed is not None and installed.resolve() == folder
        return {
            "model": self.card.name,
            "axis": self.axis,
            "model_sha256": self.card.sha256["model.onnx"],
            **({} if known else {"model_folder": str(folder)}),
        }

    def close(self) -> None:
        """Free the engine, unless a call of it never returned; once is enough."""
        if not self._closed:
            self._closed = True
            self.ladder.close(free=self._call_began_s is None)

    @property
    def is_stuck(self) -> bool:
        """Whether the engine has been at one window for longer than it ever needs."""
        began_s = self._call_began_s
        return began_s is not None and time.monotonic() - began_s > self._call_limit_s

    def give_up_engine(self) -> None:
        """Replace an engine that is stuck by the next one; called by another thread.

        Raises
        ------
        EngineError
            If there is no other.
        """
        waited_s = round(self._call_limit_s)
        # It may come back while the next one is looked for, and is to leave that alone.
        self._leaving = self.ladder.engine
        self._call_began_s = None
        try:
            self.ladder.step_down(f"It did not return within {waited_s} s.", free=False)
        finally:
            self._leaving = None

    def _infer(self, window: Window) -> tuple[Pixels, str]:
        """Return the restored counts, and the name of the engine that made them."""
        engine = self.ladder.in_use()
        self._call_limit_s = STUCK_S + STUCK_S_PER_PIXEL * window.target.pixels.size
        while True:
            self._call_began_s = time.monotonic()
            try:
                pixels = engine.restore(window)
            except Exception as error:  # whatever a driver or library throws
                if not self._uses(engine):
                    raise  # it was given up in the meantime
                engine = self.ladder.step_down(str(error) or type(error).__name__)
            else:
                return pixels, engine.name
            finally:
                if self._uses(engine):
                    self._call_began_s = None

    def _uses(self, engine: Engine) -> bool:
        return engine is not self._leaving and engine is self.ladder.engine


def open_restorer(
    model: str | Path | Restorer,
    engine: str | None = None,
    axis: str = "t",
    noise: Noises | None = None,
) -> Restorer:
    """Return a restorer of a model; one that is given comes back if it is open.

    Raises
    ------
    ModelError, EngineError
        If the model cannot be trusted, nothing can run it, or the restorer was closed.
    SettingsError
        If a restorer is given with a noise that is not its own.
    """
    if not isinstance(model, Restorer):
        return Restorer(model, engine, axis, noise)
    model.require_open()
    if noise and noise != model.noise:
        sources = ", ".join(one.source for one in noise.values())
        raise SettingsError(
            f"A Restorer was given, and beside it the calibration {sources}: give it "
            "to the Restorer, `Restorer(model, noise=read_scan_noise(path))`."
        )
    return model


def check_axis(axis: str, indices: Iterable[Mapping[str, int]] | None) -> None:
    """Refuse windows along an axis that a run or a movie does not have.

    Parameters
    ----------
    axis : str
        "t" is always there: a frame without it stands in arrival order.
    indices : iterable of mapping, or None
        The index of every frame; None where it is not known beforehand.

    Raises
    ------
    SettingsError
        If no frame has that axis.
    """
    if axis == "t" or indices is None:
        return
    if not any(axis in index for index in indices):
        raise SettingsError(
            f"Windows cannot follow the axis {axis!r}, which no frame has: leave it "
            "out, so that they follow time."
        )


def _checked_noise(noise: Noises | None) -> Noises:
    """Refuse what would otherwise fail at every picture of a run."""
    given = {} if noise is None else noise
    if isinstance(given, Mapping) and all(
        isinstance(one, ScanNoise) for one in given.values()
    ):
        return given
    raise SettingsError(
        f"The noise of scans was given as {type(given).__name__}: give "
        "`read_scan_noise(path)`, which tells it by channel."
    )


def _checked(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames; one that no engine can restore must not cost an engine."""
    for frame in frames:
        check_frame(frame)
        yield frame


def check_frame(frame: Frame) -> None:
    """Refuse a frame that cannot be restored without inventing a rule for it.

    Raises
    ------
    SettingsError
        If it is no frame, not two-dimensional, empty, or not 8 or 16 bit.
    """
    pixels = getattr(frame, "pixels", None)
    if not isinstance(pixels, np.ndarray):
        found = type(frame if pixels is None else pixels).__name__
        raise SettingsError(
            f"A frame was given as {found}: give `Frame` values, whose pixels are a "
            "numpy array; `pssr_live.restore` takes a whole array."
        )
    if pixels.ndim != 2 or not pixels.size:
        raise SettingsError(
            f"A frame has shape {pixels.shape}: give one grey plane (Y, X) a frame."
        )
    if pixels.dtype.name not in PIXEL_TYPES:
        raise SettingsError(
            f"A frame has pixels of type {pixels.dtype.name}: give "
            f"{', '.join(PIXEL_TYPES)}, as the detector recorded them."
        )
