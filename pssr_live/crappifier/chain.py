"""A recipe applied to images of whole numbers: `crappify`, `Crappifier`.

Sizes that are no multiple of the scale are cropped at the bottom and on the right.
Every step of every frame has random numbers of its own, drawn from (seed, frame,
step): frames may be made in any order, and a longer chain begins like a shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.crappifier.recipe import Recipe
from pssr_live.crappifier.sampling import moved
from pssr_live.crappifier.step import FloatArray, Shot
from pssr_live.errors import SettingsError

Image = npt.NDArray[np.integer[Any]]
SCALES = (1, 2, 3, 4, 8)
_DTYPES = ("uint8", "uint16", "int16")


@dataclass(frozen=True, slots=True)
class Crappifier:
    """A recipe, ready for the images of one movie.

    Attributes
    ----------
    recipe : Recipe
        The chain.
    white : float
        Grey value of brightness 1; see `white_level`.
    scale : int
        HR pixels from one low-density pixel to the next; one of `SCALES`.
    seed : int
        Where all random numbers come from; not negative.
    """

    recipe: Recipe
    white: float
    scale: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise SettingsError(
                f"A scale of {self.scale} is not offered: choose one of "
                f"{', '.join(map(str, SCALES))}."
            )
        if self.seed < 0:
            raise SettingsError(f"The seed {self.seed} is below 0: give 0 or more.")
        if self.white <= self.recipe.black:
            raise SettingsError(
                f"Black, {self.recipe.black:g}, is not below white, {self.white:g}: "
                "set both in the recipe."
            )

    def scan(self, image: Image, ordinal: int = 0, t: int = 0) -> Image:
        """Return what a coarse scan would have recorded.

        Parameters
        ----------
        image : ndarray, (Y, X)
            8 or 16 bits, high density, as free of noise as can be had.
        ordinal : int
            Place of the image in its movie: gives it noise of its own.
        t : int
            Its time point, for what changes in time.

        Returns
        -------
        ndarray, (Y // scale, X // scale)
            Of the image's type, in its grey values.

        Raises
        ------
        SettingsError
            If the image is smaller than the scale.
        """
        height, width = cropped_shape(image.shape, self.scale)
        black, span = self.recipe.black, self.white - self.recipe.black
        whole = image[:height, :width].astype(np.float64)
        shot = Shot.of((whole - black) / span, self.scale, t)
        for n, step in enumerate(self.recipe.steps):
            source = np.random.SeedSequence(self.seed, spawn_key=(ordinal, n))
            shot = step.apply(shot, np.random.default_rng(source))
        return _as_type(shot.brightness * span + black, image)

    def truth(self, image: Image, t: int = 0) -> Image:
        """Return what should be restored from the scan of an image.

        It is the image itself, cropped, and moved where the recipe moves the sample.
        Offset, gain and bleaching are not applied to it.
        """
        height, width = cropped_shape(image.shape, self.scale)
        whole = image[:height, :width]
        ways = [motion.between_frames(t) for motion in self.recipe.motion]
        y_px, x_px = sum(y for y, _ in ways), sum(x for _, x in ways)
        if not (y_px or x_px):
            return whole
        return _as_type(moved(whole.astype(np.float64), y_px, x_px), image)


def crappify(images: Image, recipe: Recipe, *, scale: int = 4, seed: int = 0) -> Image:
    """Return what coarse scans of an image or a movie in memory would have recorded.

    Parameters
    ----------
    images : ndarray, (Y, X) or (T, Y, X)
        uint8, uint16 or int16.
    recipe : Recipe
        The chain; see `preset` and `load_recipe`.
    scale : int
        1, 2, 3, 4 or 8.
    seed : int
        Same seed, same noise.

    Returns
    -------
    ndarray, (Y // scale, X // scale) or (T, Y // scale, X // scale)
        Of the same type. Rows and columns that fill no pixel are cropped.

    Raises
    ------
    SettingsError
        If the images, the scale or the seed cannot be used.
    """
    if (
        images.ndim not in (2, 3)
        or images.size == 0
        or images.dtype.name not in _DTYPES
    ):
        raise SettingsError(
            f"Images of shape {images.shape} and type {images.dtype} cannot be "
            f"crappified: give (Y, X) or (T, Y, X) pixels of type {', '.join(_DTYPES)}."
        )
    white = white_level(recipe, images.dtype.name, int(images.max()))
    how = Crappifier(recipe, white, scale, seed)
    movie = images if images.ndim == 3 else images[np.newaxis]
    scans = np.stack([how.scan(image, t, t) for t, image in enumerate(movie)])
    return scans if images.ndim == 3 else scans[0]


def white_level(recipe: Recipe, dtype: str, brightest: int) -> float:
    """Return the grey value of brightness 1.

    The recipe's, or that of 8 bits, or the top of the smallest bit depth (8 to 16)
    that holds the brightest pixel of the movie: 4095 for one that reaches 3000.
    """
    if recipe.white is not None:
        return recipe.white
    bits = 8 if dtype == "uint8" else max(8, brightest.bit_length())
    return float(2**bits - 1)


def cropped_shape(shape: tuple[int, ...], scale: int) -> tuple[int, int]:
    """Return the (Y, X) of an image that is used at a scale: whole multiples of it.

    Raises
    ------
    SettingsError
        If nothing would be left.
    """
    height, width = shape
    if min(height, width) < scale:
        raise SettingsError(
            f"Images of {height} x {width} pixels are smaller than one pixel at the "
            f"scale {scale}: give larger ones, or a smaller scale."
        )
    return height // scale * scale, width // scale * scale


def _as_type(grey: FloatArray, like: Image) -> Image:
    limits = np.iinfo(like.dtype)
    rounded: Image = np.rint(np.clip(grey, limits.min, limits.max)).astype(like.dtype)
    return rounded
