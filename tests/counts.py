"""Engines that take camera counts, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.frame import Frame
from pssr_live.window import RollingWindows, Window


def windows_of(frames: list[Frame], model: Model) -> list[Window]:
    """Return every window of a stream, the last ones too."""
    rolling = RollingWindows(model.card.n_frames, model.card.lookahead)
    done = [window for frame in frames for window in rolling.push(frame)]
    return [*done, *rolling.flush()]


def extreme_frames(what: str, shape: tuple[int, int], count: int = 5) -> list[Frame]:
    """Return frames that are dark, bright, all but one pixel equal, or random."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 2**16, (count, *shape)).astype(np.uint16)
    if what in ("dark", "bright"):
        pixels[:] = 0 if what == "dark" else 65535
    elif what == "hot pixel":
        pixels[:] = 100 + pixels // 2000
        pixels[:, 4, 4] = 65535
    return [Frame(p, t, {"t": t}, after_gap=t == 4) for t, p in enumerate(pixels)]


def assert_same_counts(engine: Any, model: Model, windows: list[Window]) -> None:
    """Compare with onnxruntime, picture by picture.

    A count is allowed, and in half precision the card's tolerance of the brightest
    value there is.
    """
    reference = OnnxEngine(model)
    for window in windows:
        expected, restored = reference.restore(window), engine.restore(window)
        assert restored.dtype == expected.dtype
        allowed = 1.0
        if engine.precision == "float16":
            brightest = max(1.0, float(np.abs(window.values()).max()))
            allowed += model.card.tolerance * brightest * window.intensity.scale
        error = np.abs(restored.astype(int) - expected.astype(int)).max()
        assert error <= allowed
    reference.close()
