"""Agreement of a restored picture with the scan that it was made from.

The picture is scanned again, by arithmetic: read where the beam stood. What the scan
shows beside that must be its noise, which a calibration of the microscope tells. Where
the mean difference over a few pixels is beyond what noise explains, something was
added to the picture or taken from it: an object, a ghost of what has moved on, light.

That is agreement with what was acquired, not truth. It is blind to whatever is smaller
than a pixel of the scan, and to what changes no pixel's mean: only a scan at full
density tells about that. The idea is that of SQUIRREL (Culley et al., Nature Methods
2018), with the noise known instead of a reference.

Pure numpy; knows neither models nor files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.frame import Consistency, Frame, Pixels
from pssr_live.shared_noise import alike

Real = npt.NDArray[np.float32]

# Means are taken over a triangle: near a Gaussian of 2 pixels, and cheap. Finer, and
# single photons stand out; coarser, and small objects drown.
_TAPS = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1], np.float32) / np.float32(25)
LIMIT_SD = 5.0  # which noise reaches in one of some thousand fields of 512 x 512
LEAST_SHARE = 0.05  # of the signal; less is no other picture, however little noise
NOISE_ALONE = 0.02  # share of frames that are marked, up to which nothing is said
TOO_SMOOTH = 1.5  # misfit
MOST_TOLD = 100
_HALF_A_LEVEL = 0.5  # which a picture is off where it is rounded to whole levels
_ROUNDING = 1 / 12  # variance of a grey level rounded to whole numbers
_FEW_PHOTONS = 0.5  # below which noise is not a Gaussian's, even in a mean
_CLIPPED = 0.005  # share of the pixels on the last grey level, beyond which it clips
_TINY = 1e-6  # squared grey levels, instead of none
_SURELY_SD = 2.0  # that noise may add to a difference
_NEAR_SD = 2.0  # of a grey level that clips, within which a mean says nothing


@dataclass(frozen=True, slots=True)
class ScanNoise:
    """What noise a scan has at each grey level; a calibration tells it.

    Attributes
    ----------
    gain_adu_per_photon : float
        How much the variance grows with the grey level.
    bright_adu, noise_at_bright_adu : float
        A grey level, and the noise of one pixel there, one standard deviation.
    line_jitter_px : float
        RMS displacement of lines, in pixels of the scan.
    noise_width_px : float
        Over how many pixels of a line noise is shared: SD of a Gaussian.
    source : str
        Where the values are from, for people.
    """

    gain_adu_per_photon: float
    bright_adu: float
    noise_at_bright_adu: float
    line_jitter_px: float = 0.0
    noise_width_px: float = 0.0
    source: str = ""

    @property
    def black_adu(self) -> float:
        """Where the noise would end: the grey level without light, or a little less."""
        return self.bright_adu - self.noise_at_bright_adu**2 / self.gain_adu_per_photon

    def variance(self, level: Real) -> Real:
        """Return the variance of one pixel at grey levels of any shape."""
        gain = self.gain_adu_per_photon
        line = np.float32(gain) * (level - np.float32(self.black_adu))
        least = np.float32(max(_ROUNDING, _FEW_PHOTONS * gain**2))
        found: Real = np.maximum(line, least)
        return found


Noises = Mapping[str, ScanNoise]  # by channel; "": those that are not named


def judged(frame: Frame, picture: Pixels, noises: Noises) -> Consistency | None:
    """Hold a picture against the frame it was made of; None without its noise.

    Parameters
    ----------
    frame : Frame
        Its channel decides which noise counts.
    picture : ndarray, (scale * Y, scale * X)
        What was made of it.
    noises : mapping of str to ScanNoise
        By channel name.
    """
    noise = noises.get(frame.channel_name, noises.get(""))
    return None if noise is None else consistency(frame.pixels, picture, noise)


def consistency(scan: Pixels, picture: Pixels, noise: ScanNoise) -> Consistency:
    """Hold a restored picture against its scan.

    Parameters
    ----------
    scan : ndarray, (Y, X)
        The raw frame.
    picture : ndarray, (scale * Y, scale * X)
        What was made of it, in the same grey levels.
    noise : ScanNoise
        What noise the scan has.

    Raises
    ------
    SettingsError
        If the picture is no whole number of times larger, alike on both axes.
    """
    seen = scanned_again(picture, scan.shape)
    variance = noise.variance(seen)
    slip = np.float32(noise.line_jitter_px) * _steepness(seen)
    apart = seen - scan
    signal = np.maximum(seen, scan) - np.float32(noise.black_adu)
    known = _is_told(scan, seen, variance)
    if known is not None:
        for part in (variance, slip, apart, signal):
            part *= known
    told = scan.size if known is None else max(int(known.sum()), 1)
    squares = apart**2 / (variance + slip**2 + np.float32(_TINY))
    # Lines are displaced as a whole, so that their error does not average out.
    mean, slipped, near = _soft(np.stack([apart, slip, signal]), _TAPS)
    spread = _shared(noise.noise_width_px) * _soft(variance, _TAPS**2) + slipped**2
    sd = np.sqrt(spread + np.float32(_TINY))
    sds = mean / sd
    least = np.maximum(np.float32(LEAST_SHARE) * near, np.float32(_HALF_A_LEVEL))
    surely = np.abs(mean) - np.float32(_SURELY_SD) * sd
    marked = (np.abs(sds) > LIMIT_SD) & (surely > least)
    return Consistency(
        misfit=float(squares.sum(dtype=np.float64)) / told,
        worst_sd=float(np.abs(sds).max()),
        doubtful_share=float(np.count_nonzero(marked) / marked.size),
        marks=(np.sign(sds) * marked).astype(np.int8),
    )


def agreement(
    found: Mapping[int, Mapping[str, float]], noises: Noises
) -> dict[str, Any]:
    """Return what the consistencies of a run come to, for its report.

    Parameters
    ----------
    found : mapping of int to mapping
        `Consistency.facts` by ordinal; nothing comes of none.
    noises : mapping of str to ScanNoise
        What they were found with.
    """
    if not found:
        return {}
    doubtful = [n for n in sorted(found) if found[n]["doubtful_share"] > 0]
    worst = max(found, key=lambda ordinal: found[ordinal]["worst_sd"])
    sources = {channel: noise.source for channel, noise in noises.items()}
    return {
        "calibration": sources.get("", "") if set(sources) == {""} else sources,
        "frames": len(found),
        "frames_doubtful": len(doubtful),
        "misfit_median": float(np.median([one["misfit"] for one in found.values()])),
        "worst": {"ordinal": worst, **found[worst]},
        "doubtful_ordinals": doubtful[:MOST_TOLD],
    }


def doubts(told: Mapping[str, Any], noises: Noises, restored: int) -> list[str]:
    """Return what a person should know of the `agreement` of some restored frames."""
    if not told and noises and restored:
        return [
            "No picture was held against its scan: the calibrations are of the "
            f"channels {', '.join(noises)}, and the frames of others."
        ]
    if not told:
        return []
    said = []
    many, all_of_them, worst = told["frames_doubtful"], told["frames"], told["worst"]
    if many > NOISE_ALONE * all_of_them:
        said.append(
            f"{many} of {all_of_them} restored frames show places that do not agree "
            f"with their scans, most of all frame {worst['ordinal']} (from 0; "
            f"{worst['worst_sd']:.1f} standard deviations of the noise): something "
            "moved too fast for the model, or is unlike what it learned from."
        )
    if told["misfit_median"] > TOO_SMOOTH:
        said.append(
            f"Scans and restored frames differ by {told['misfit_median']:.1f} times "
            "the variance of the calibrated noise: the detector is set otherwise than "
            "when it was calibrated, or the pictures are too smooth."
        )
    return said


def scanned_again(picture: Pixels, shape: tuple[int, ...]) -> Real:
    """Return a picture at the places of a scan of `shape` (Y, X), float32.

    A beam that stands in the middle of 4 x 4 pixels lies between four of them.

    >>> scanned_again(np.arange(16).reshape(4, 4), (1, 1))
    array([[7.5]], dtype=float32)
    """
    scale = picture.shape[0] // shape[0]
    if scale < 1 or picture.shape != (scale * shape[0], scale * shape[1]):
        raise SettingsError(
            f"A picture of {picture.shape} was held against a scan of {shape}: give "
            "one that is a whole number of times larger, alike on both axes."
        )
    first, last = (scale - 1) // 2, scale // 2
    places = sorted({first, last})
    total = np.zeros(shape, np.float32)
    for y in places:
        for x in places:
            total += picture[y::scale, x::scale]
    return total / np.float32(len(places) ** 2)


def _steepness(seen: Real) -> Real:
    """Return by how much neighbours in a line differ, (Y, X)."""
    steep = np.zeros_like(seen)
    steep[:, 1:-1] = np.abs(seen[:, 2:] - seen[:, :-2]) / 2
    return steep


def _is_told(scan: Pixels, seen: Real, variance: Real) -> Real | None:
    """Return 1 where the grey scale does not cut off a pixel's noise; None: everywhere.

    It is asked of the picture: to leave out the pixels of the scan that are clipped
    would leave the others, which lie to one side.
    """
    lowest, highest = scan.min(), scan.max()
    above, below = scan[scan < highest], scan[scan > lowest]
    known = None
    reach = np.float32(_NEAR_SD)
    if _clips(scan, highest, above.max(initial=lowest)):
        known = seen + reach * np.sqrt(variance) < highest
    if _clips(scan, lowest, below.min(initial=highest)):
        inside = seen - reach * np.sqrt(variance) > lowest
        known = inside if known is None else known & inside
    return None if known is None else known.astype(np.float32)


def _clips(scan: Pixels, end: Any, next_to_it: Any) -> bool:
    """Say whether values lie at a grey level that would be beyond it."""
    share = np.count_nonzero(scan == end)
    if share <= _CLIPPED * scan.size:
        return False
    return bool(share > np.count_nonzero(scan == next_to_it))


def _soft(values: Real, taps: Real) -> Real:
    """Return the sums (..., Y, X) over a neighbourhood, nothing beyond the edge."""
    reach = len(taps) // 2
    for axis in (-1, -2):
        side = values.shape[axis]
        total = np.zeros_like(values)
        for shift, tap in enumerate(taps, start=-reach):
            here = slice(max(0, -shift), max(0, min(side, side - shift)))
            there = slice(max(0, shift), max(0, min(side, side + shift)))
            if axis == -1:
                total[..., here] += tap * values[..., there]
            else:
                total[..., here, :] += tap * values[..., there, :]
        values = total
    return values


def _shared(width_px: float) -> np.float32:
    """Return how much noisier a mean is where neighbours of a line share noise."""
    if not width_px:
        return np.float32(1)
    extra = 0.0
    for lag in range(1, len(_TAPS)):
        extra += 2 * alike(width_px, lag) * float(_TAPS[lag:] @ _TAPS[:-lag])
    return np.float32(1 + extra / float(_TAPS @ _TAPS))
