"""Signs that frames are not as a detector gave them, or that the sample moved.

The noise of a detector is independent from frame to frame and from pixel to pixel,
and depends on nothing but the brightness. Where that does not hold, the fit still
gives figures; these are the sentences that go with them.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from pssr_live.calibration.lines import Lines
from pssr_live.calibration.noise import Noise, level_step
from pssr_live.calibration.stack import Pixels
from pssr_live.calibration.transfer import Transfer
from pssr_live.evaluation.pair import Real
from pssr_live.shared_noise import Shared

_IN_TIME = 0.05  # correlations beyond what independent noise has
_IN_SPACE = 0.1
_STEEPEST = 0.05  # share of pixels, and how much noisier than flat ground they may be
_UNSTEADY = 1.5
_COARSE_ADU2 = 0.25  # variance below which rounding is no longer like noise


def doubts(
    frames: Pixels, lines: Lines, noise: Noise, fit: Transfer
) -> tuple[str, ...]:
    """Return what is wrong with `frames` (T, Y, X), one sentence each.

    `lines` has the differences of consecutive frames, without drift, fading and line
    jitter.
    """
    differences = lines.differences
    found = [
        _averaged(differences),
        _filtered(lines.shared),
        _slow(lines.shared, fit),
        _unsteady(frames, differences, fit),
        _coarse(frames, fit),
        noise.clipped(),
    ]
    return tuple(note for note in found if note)


def _averaged(differences: Real) -> str:
    if len(differences) < 2:
        return ""
    # Neighbouring differences share a frame: -1/2 if frames are independent.
    shared = float(
        (differences[1:] * differences[:-1]).mean() / (differences**2).mean()
    )
    if shared < _IN_TIME - 0.5:
        return ""
    return (
        f"The noise of a frame goes on in the next (correlation {shared + 0.5:.2f}): "
        "the frames are running averages, and gain and noise come out too small; "
        "record without averaging."
    )


def _filtered(shared: Shared) -> str:
    across, down = float(shared.across[0]), float(shared.down[0])
    if down < _IN_SPACE:  # along lines alone, it is the detector
        return ""
    return (
        f"The noise of neighbouring pixels is alike (correlation {down:.2f} down, "
        f"{across:.2f} across): the frames were filtered or resampled; gain and noise "
        "come out too small."
    )


def _slow(shared: Shared, fit: Transfer) -> str:
    if not shared.shows:
        return ""
    return (
        "The noise of neighbours in a line is alike (correlation "
        f"{shared.along_lines:.2f}): the detector is slower than the dwell. Gain and "
        "noise are those of a pixel, as a denoiser meets them; one photon gives "
        f"{fit.gain * shared.quicker:.3g} ADU, spread over its neighbours."
    )


def _unsteady(frames: Pixels, differences: Real, fit: Transfer) -> str:
    mean = gaussian_filter(frames.mean(axis=0, dtype=np.float64), 1.0)
    slope = np.hypot(*np.gradient(mean))
    steep = slope >= np.quantile(slope, 1 - _STEEPEST)
    expected = fit.gain * (mean - fit.offset) + fit.read_noise**2
    expected = np.maximum(expected, float(fit.variance_adu2.min()))
    excess = float(((differences**2).mean(axis=0) / 2 / expected)[steep].mean())
    if excess < _UNSTEADY:
        return ""
    return (
        f"Edges differ {excess:.1f} times as much between frames as their noise "
        "allows: the sample or the stage moved; gain and noise are from flat places "
        "and hold, the PSF comes out too large."
    )


def _coarse(frames: Pixels, fit: Transfer) -> str:
    step = level_step(frames)
    if step > 1 and step < 0.5 * fit.gain:
        return (
            f"All grey levels are {step} apart: the frames were stretched from fewer "
            f"bits; {step / np.sqrt(12):.2g} ADU of the noise are rounding."
        )
    if float(fit.variance_adu2.min()) < _COARSE_ADU2:
        return (
            "In the dark the noise is smaller than the steps between grey levels: gain "
            "and noise may be 20 % off; record with more bits or a higher gain."
        )
    return ""
