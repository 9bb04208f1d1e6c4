"""Small frames for tests; each carries its ordinal in pixel [0, 0]."""

from __future__ import annotations

import numpy as np

from pssr_live.frame import Frame


def make_frame(
    ordinal: int,
    index: dict[str, int] | None = None,
    shape: tuple[int, int] = (24, 20),
    after_gap: bool = False,
    dtype: str = "uint16",
) -> Frame:
    """Return a noisy frame with a spot that moves."""
    rng = np.random.default_rng(ordinal)
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = (y - shape[0] / 2) ** 2 + (x - (ordinal % shape[1])) ** 2
    pixels = rng.poisson(20 + 90 * np.exp(-away / 6)).astype(dtype)
    pixels[0, 0] = ordinal
    return Frame(pixels, ordinal, index or {"t": ordinal}, after_gap=after_gap)


def make_movie(count: int, shape: tuple[int, int] = (24, 20)) -> list[Frame]:
    """Return frames of one series."""
    return [make_frame(n, shape=shape) for n in range(count)]
