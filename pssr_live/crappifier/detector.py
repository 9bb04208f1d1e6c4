"""What the detector makes of the light that reaches it, after sampling or before.

Units: brightness, 0 at the black and 1 at the white level of the detector.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from scipy import ndimage

from pssr_live.crappifier.step import Shot, StepValues

_MOST_PHOTONS = 1e15  # more in a pixel than numpy's generator can count


class Bleaching(StepValues):
    """The dye fades from frame to frame.

    Attributes
    ----------
    half_life_frames : float
        Time points after which half of the brightness is left.
    """

    kind: Literal["bleaching"] = "bleaching"
    half_life_frames: float = Field(gt=0)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Dim the image by what was lost until its time point."""
        return shot.shows(shot.brightness * 0.5 ** (shot.t / self.half_life_frames))


class Photons(StepValues):
    """Light comes in photons, and the detector amplifies what it caught.

    Attributes
    ----------
    photons : float
        Mean number of photons (or electrons) caught in a pixel of brightness 1.
    gain : float
        What the recorded brightness of that pixel is then.
    noise : float
        How much of the deviation from the mean is kept: 1 is physics, other values
        are there to reproduce other crappifiers.
    """

    kind: Literal["photons"] = "photons"
    photons: float = Field(gt=0, le=1e9)
    gain: float = Field(default=1.0, gt=0, le=1000)
    noise: float = Field(default=1.0, ge=0, le=1000)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Count photons; a brightness below 0 gives none."""
        mean = np.clip(shot.brightness * self.photons, 0, _MOST_PHOTONS)
        count = mean + self.noise * (rng.poisson(mean) - mean)
        return shot.shows(count / self.photons * self.gain)


class ReadNoise(StepValues):
    """The electronics add noise and an offset.

    Attributes
    ----------
    sd : float
        Standard deviation of the noise, in units of brightness.
    offset : float
        What is recorded in the dark, in units of brightness.
    """

    kind: Literal["read_noise"] = "read_noise"
    sd: float = Field(ge=0, le=100)
    offset: float = Field(default=0.0, ge=-100, le=100)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Add both."""
        noise = rng.normal(self.offset, self.sd, shot.brightness.shape)
        return shot.shows(shot.brightness + noise)


class SlowDetector(StepValues):
    """The detector is slower than the beam: a pixel is recorded in its neighbours too.

    After `photons` it smears their noise along with the picture, and neighbours share
    it: such noise looks like structure.

    Attributes
    ----------
    sigma_px : float
        Standard deviation of the Gaussian along the fast axis, in pixels of the image
        as it is at this step.
    """

    kind: Literal["slow_detector"] = "slow_detector"
    sigma_px: float = Field(ge=0, le=100)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Smear each line along itself."""
        smeared = ndimage.gaussian_filter1d(
            shot.brightness, self.sigma_px, axis=1, mode="nearest"
        )
        return shot.shows(smeared)


class LineNoise(StepValues):
    """The amplifier drifts, or hums: each line has an offset of its own.

    Attributes
    ----------
    sd : float
        Standard deviation of the offsets, in units of brightness.
    period_lines : float or None
        Lines from one crest of a hum to the next; None for lines that know nothing of
        each other. A hum begins each frame at another phase.
    """

    kind: Literal["line_noise"] = "line_noise"
    sd: float = Field(ge=0, le=100)
    period_lines: float | None = Field(default=None, ge=2, le=1e6)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Add its offset to each line."""
        lines = len(shot.brightness)
        if self.period_lines is None:
            offsets = rng.normal(0, self.sd, lines)
        else:
            turns = np.arange(lines) / self.period_lines + rng.random()
            offsets = self.sd * np.sqrt(2) * np.sin(2 * np.pi * turns)
        return shot.shows(shot.brightness + offsets[:, None])


class LocalNoise(StepValues):
    """Gaussian noise that is stronger where the surroundings are bright.

    What PSSR trains with: independent of how many photons there are, and clipped,
    so that dark areas become brighter.

    Attributes
    ----------
    variance : float
        Variance of the noise where the surroundings have brightness 1.
    sigma_px : float
        Standard deviation of the Gaussian that says what surroundings are, in pixels
        of the image as it is at this step.
    """

    kind: Literal["local_noise"] = "local_noise"
    variance: float = Field(ge=0, le=100)
    sigma_px: float = Field(gt=0, le=200)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Add the noise and clip to 0 ... 1."""
        around = ndimage.gaussian_filter(shot.brightness, self.sigma_px, mode="nearest")
        sd = np.sqrt(np.maximum(around, 0) * self.variance)
        noisy = shot.brightness + sd * rng.normal(size=sd.shape)
        return shot.shows(np.clip(noisy, 0, 1))


class SaltPepper(StepValues):
    """Some pixels are white and some black, whatever the image shows there.

    Attributes
    ----------
    salt, pepper : float
        Share of the pixels that become 1, and of those that then become 0.
    """

    kind: Literal["salt_pepper"] = "salt_pepper"
    salt: float = Field(default=0.0, ge=0, le=1)
    pepper: float = Field(default=0.0, ge=0, le=1)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Spoil pixels at random places."""
        salted = np.where(rng.random(shot.brightness.shape) < self.salt, 1.0, 0.0)
        spoiled = np.maximum(shot.brightness, salted)
        pepper = rng.random(shot.brightness.shape) < self.pepper
        return shot.shows(np.where(pepper, 0.0, spoiled))


class KeepPeak(StepValues):
    """Scale the image so that its brightest pixel is as bright as it came in."""

    kind: Literal["keep_peak"] = "keep_peak"

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Divide by the peak and multiply with the one before; black stays black."""
        peak = float(shot.brightness.max())
        return shot if peak <= 0 else shot.shows(shot.brightness * (shot.peak / peak))


class Digitise(StepValues):
    """The converter has few levels, and more light than its range saturates it.

    Attributes
    ----------
    bits : int
        It has 2 ** bits levels.
    saturation : float
        Brightness of the highest of them; the lowest is 0.
    """

    kind: Literal["digitise"] = "digitise"
    bits: int = Field(default=8, ge=1, le=16)
    saturation: float = Field(default=1.0, gt=0, le=1000)

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Clip to the range and round to its levels."""
        top = 2**self.bits - 1
        level = np.rint(np.clip(shot.brightness / self.saturation, 0, 1) * top)
        return shot.shows(level * (self.saturation / top))
