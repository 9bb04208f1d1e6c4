"""Small frames for tests; each carries its ordinal in pixel [0, 0]."""

from __future__ import annotations

import numpy as np

from pssr_live.frame import Frame

COUNTS_A_GREY = 8


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


def real_scan(n_frames: int) -> tuple[list[Frame], np.ndarray]:
    """Return noisy coarse scans of a real picture, and the picture they are of."""
    from skimage.data import cell

    dense = cell()[:640, :544].astype(np.float64)
    coarse = dense.reshape(160, 4, 136, 4).mean(axis=(1, 3))
    rng = np.random.default_rng(0)
    frames = [
        Frame(rng.poisson(COUNTS_A_GREY * coarse).astype(np.uint16), t, {"t": t})
        for t in range(n_frames)
    ]
    return frames, COUNTS_A_GREY * dense
