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

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.frame import Consistency, Frame, Pixels
from pssr_live.shared_noise import alike

Real = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]
_Block = tuple[slice, slice]
_Ends = dict[int, np.float32]  # by where they push a scan: 1 the lowest, -1 the highest

# Means are taken over a triangle: near a Gaussian of 2 pixels, and cheap. Finer, and
# single photons stand out; coarser, and small objects drown.
_TAPS = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1], np.float32) / np.float32(25)
LIMIT_SD = 5.0  # which noise reaches in one of some thousand fields of 512 x 512
LEAST_SHARE = 0.05  # of the signal; less is no other picture, however little noise
_HALF_A_LEVEL = 0.5  # which a picture is off where it is rounded to whole levels
_ROUNDING = 1 / 12  # variance of a grey level rounded to whole numbers
_FEW_PHOTONS = 0.5  # below which noise is not a Gaussian's, even in a mean
_CLIPPED = 1e-4  # share of the pixels on the last grey level, beyond which it clips
_SURELY_SD = 2.0  # that noise may add to a difference
_POSSIBLE = {
    "gain_adu_per_photon": (1e-6, 65536),
    "bright_adu": (-32768, 65536),
    "noise_at_bright_adu": (1e-3, 65536),
    "line_jitter_px": (0, 1000),
    "noise_width_px": (0, 1000),
}
_SIDE = 128  # pixels of a block, and beyond it those that its means are made of
_REACH = len(_TAPS) // 2 + 1


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
    pixel_size_um : float or None
        Of the scans that it was found with, where that is known.
    source : str
        Where the values are from, for people.

    Raises
    ------
    SettingsError
        If no detector of 8 or 16 bit can have such values.
    """

    gain_adu_per_photon: float
    bright_adu: float
    noise_at_bright_adu: float
    line_jitter_px: float = 0.0
    noise_width_px: float = 0.0
    pixel_size_um: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name, (least, most) in _POSSIBLE.items():
            value = getattr(self, name)
            if not least <= value <= most:  # nor is what is no number
                raise SettingsError(
                    f"The calibration {self.source or '(unnamed)'} has {name} = "
                    f"{value:g}, and {least:g} to {most:g} is possible: run "
                    "`pssr-live calibrate --repeats` again."
                )

    @property
    def black_adu(self) -> float:
        """Where the noise would end: the grey level without light, or a little less."""
        return self.bright_adu - self.noise_at_bright_adu**2 / self.gain_adu_per_photon

    def at(self, pixel_size_um: float | None) -> ScanNoise:
        """Return the noise of scans whose lines are displaced as far in the sample."""
        if not (self.pixel_size_um and pixel_size_um and self.line_jitter_px):
            return self
        jitter_px = self.line_jitter_px * self.pixel_size_um / pixel_size_um
        return replace(self, line_jitter_px=jitter_px, pixel_size_um=pixel_size_um)

    def variance(self, level: Real) -> Real:
        """Return the variance of one pixel at grey levels of any shape."""
        least = max(_ROUNDING, _FEW_PHOTONS * self.gain_adu_per_photon**2)
        found: Real = np.maximum(self.line(level), np.float32(least))
        return found

    def line(self, level: Real) -> Real:
        """Return the same by the photons alone, which may be few or fewer than none."""
        gain = np.float32(self.gain_adu_per_photon)
        return gain * (level - np.float32(self.black_adu))


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
    if noise is None:
        return None
    return consistency(frame.pixels, picture, noise.at(frame.pixel_size_um))


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
    seen, ends = scanned_again(picture, scan.shape), _ends(scan)
    marks = np.empty(scan.shape, np.int8)
    worst, sums = 0.0, np.zeros(4)
    for here, around, inside in _blocks(scan.shape):
        beside = scan[around].astype(np.float32)
        sds, doubtful, squares = _held(beside, seen[around], noise, ends, inside)
        marks[here] = np.sign(sds) * doubtful
        worst = max(worst, float(np.abs(sds).max()))
        sums += squares
    found, expected = sums[:2] if sums[1] else sums[2:]
    return Consistency(
        misfit=float(found / expected),
        worst_sd=worst,
        doubtful_share=float(np.count_nonzero(marks) / marks.size),
        marks=marks,
    )


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


def _blocks(shape: tuple[int, int]) -> Iterator[tuple[_Block, _Block, _Block]]:
    """Yield blocks of a field, each with its neighbourhood, and where it lies in that.

    What fits the cache of a processor is done several times as fast.
    """
    ways = [
        [
            (
                slice(at, at + _SIDE),
                slice(max(at - _REACH, 0), at + _SIDE + _REACH),
                slice(min(at, _REACH), min(at, _REACH) + min(_SIDE, side - at)),
            )
            for at in range(0, side, _SIDE)
        ]
        for side in shape
    ]
    for down, across in itertools.product(*ways):
        here, around, inside = zip(down, across, strict=True)
        yield here, around, inside


def _held(
    scan: Real, seen: Real, noise: ScanNoise, ends: _Ends, inside: _Block
) -> tuple[Real, npt.NDArray[np.bool_], Sums]:
    """Hold the inside of a block against its scan.

    Returns
    -------
    tuple
        By how many standard deviations the picture shows more; whether that is too
        much; and the sums that a misfit is made of.
    """
    variance = noise.variance(seen)
    slip = np.float32(noise.line_jitter_px) * _steepness(seen)
    apart = seen - scan
    signal = np.maximum(seen, scan) - np.float32(noise.black_adu)
    pushes = _pushes(seen, np.sqrt(variance), ends)
    # Lines are displaced as a whole, so that their error does not average out.
    layers = np.stack([apart, slip, signal, *pushes.values()])
    mean, slipped, near, *pushed = (one[inside] for one in _soft(layers, _TAPS))
    for sign, push in zip(pushes, pushed, strict=True):
        mean = mean + sign * np.clip(-sign * mean, 0, push)
    spread = _shared(noise.noise_width_px) * _soft(variance, _TAPS**2)[inside]
    sd = np.sqrt(spread + slipped**2)
    sds = mean / sd
    least = np.maximum(np.float32(LEAST_SHARE) * near, np.float32(_HALF_A_LEVEL))
    surely = np.abs(mean) - np.float32(_SURELY_SD) * sd
    doubtful = (np.abs(sds) > LIMIT_SD) & (surely > least)
    squares = _squares(apart, slip**2, variance, noise.line(seen))
    near_end = [push[inside] > 0 for push in pushes.values()]
    return sds, doubtful, _sums([one[inside] for one in squares], near_end)


def _squares(apart: Real, slip: Real, variance: Real, line: Real) -> tuple[Real, Real]:
    """Return the squared differences over their variance, and what to expect of them.

    That is 1, or less where the variance is taken for that of half a photon.
    """
    whole = variance + slip
    return apart**2 / whole, (line.clip(_ROUNDING, variance) + slip) / whole


def _sums(squares: Sequence[Real], near_end: Sequence[npt.NDArray[np.bool_]]) -> Sums:
    """Return the sums of squares, found and expected: of the known, and of all."""
    whole = [one.sum(dtype=np.float64) for one in squares]
    known = whole
    if near_end:
        elsewhere = ~np.logical_or.reduce(near_end)
        known = [one[elsewhere].sum(dtype=np.float64) for one in squares]
    return np.array([*known, *whole])


def _pushes(seen: Real, sd: Real, ends: _Ends) -> dict[int, Real]:
    """Return by how much an end of the grey scale may push the mean of a scan, by way.

    At the end itself that is 0.4 standard deviations of a pixel, and beyond it all
    that the picture is beyond; 2 inside it hardly anything. A little more is allowed.
    The pixels of a scan that are cut off must not be left out: that would leave the
    others, which lie to one side.
    """
    two = np.float32(2) * sd
    return {
        sign: np.maximum(two - np.float32(sign) * (seen - end), 0) ** 2 / (4 * two)
        for sign, end in ends.items()
    }


def _steepness(seen: Real) -> Real:
    """Return by how much neighbours in a line differ, (Y, X)."""
    steep = np.zeros_like(seen)
    steep[:, 1:-1] = np.abs(seen[:, 2:] - seen[:, :-2]) / 2
    return steep


def _ends(scan: Pixels) -> _Ends:
    """Return the ends of the grey scale that cut noise off, by where they push it."""
    lowest, highest = scan.min(), scan.max()
    found = {}
    if _clips(scan, lowest, lambda: scan[scan > lowest].min(initial=highest)):
        found[1] = np.float32(lowest)
    if _clips(scan, highest, lambda: scan[scan < highest].max(initial=lowest)):
        found[-1] = np.float32(highest)
    return found


def _clips(scan: Pixels, end: Any, next_to_it: Callable[[], Any]) -> bool:
    """Say whether values lie at a grey level that would be beyond it."""
    share = np.count_nonzero(scan == end)
    if share <= _CLIPPED * scan.size:
        return False
    return bool(share > np.count_nonzero(scan == next_to_it()))


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


@lru_cache
def _shared(width_px: float) -> np.float32:
    """Return how much noisier a mean is where neighbours of a line share noise."""
    if not width_px:
        return np.float32(1)
    extra = 0.0
    for lag in range(1, len(_TAPS)):
        extra += 2 * alike(width_px, lag) * float(_TAPS[lag:] @ _TAPS[:-lag])
    return np.float32(1 + extra / float(_TAPS @ _TAPS))
