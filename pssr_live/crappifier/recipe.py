"""A chain as a person writes it down, checked as a whole.

name = "our confocal"
white = 4095          # grey value of brightness 1; left out, found in the movie

[[steps]]
kind = "line_jitter"
sd_px = 0.3

[[steps]]
kind = "scan"
mode = "line"

[[steps]]
kind = "photons"
photons = 40
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import Field, ValidationError, model_validator

from pssr_live.crappifier.beam import Bidirectional, LineJitter, Motion, ScanOffset
from pssr_live.crappifier.detector import (
    Bleaching,
    Digitise,
    KeepPeak,
    LineNoise,
    LocalNoise,
    Photons,
    ReadNoise,
    SaltPepper,
    SlowDetector,
)
from pssr_live.crappifier.sampling import Resize, Scan
from pssr_live.crappifier.step import StepValues
from pssr_live.errors import SettingsError

_Beam = ScanOffset | LineJitter | Bidirectional | Motion
_Sampling = Scan | Resize
_Detector = (
    Bleaching
    | Photons
    | SlowDetector
    | ReadNoise
    | LineNoise
    | LocalNoise
    | SaltPepper
    | KeepPeak
    | Digitise
)
AnyStep = Annotated[_Beam | _Sampling | _Detector, Field(discriminator="kind")]
KINDS: dict[str, type[StepValues]] = {
    step.model_fields["kind"].default: step
    for step in get_args(_Beam) + get_args(_Sampling) + get_args(_Detector)
}


class Recipe(StepValues):
    """A chain of steps, in the order in which they happen.

    Attributes
    ----------
    name : str
        What to call it.
    steps : tuple of steps
        Exactly one of them samples (`scan` or `resize`); what displaces the beam
        comes before, and needs a scan.
    black, white : float
        Grey values of brightness 0 and 1. Where `white` is left out, it is 255 for
        8-bit images, and else the top of the smallest bit depth that holds the movie.
    """

    name: str = "recipe"
    steps: tuple[AnyStep, ...]
    black: float = 0.0
    white: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        at = [n for n, step in enumerate(self.steps) if isinstance(step, _Sampling)]
        if len(at) != 1:
            raise ValueError(
                f"the chain has {len(at)} sampling steps and needs exactly one, "
                "'scan' or 'resize'"
            )
        beam = [n for n, step in enumerate(self.steps) if isinstance(step, _Beam)]
        if beam and (max(beam) > at[0] or isinstance(self.steps[at[0]], Resize)):
            raise ValueError(
                f"{self.steps[max(beam)].kind!r} displaces the beam and must stand "
                "before a 'scan'"
            )
        if self.white is not None and self.white <= self.black:
            raise ValueError(
                f"white is {self.white:g} and must be above black, {self.black:g}"
            )
        return self

    @property
    def motion(self) -> tuple[Motion, ...]:
        """The steps that move the sample, and with it the truth."""
        return tuple(step for step in self.steps if isinstance(step, Motion))


def load_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises
    ------
    SettingsError
        If it cannot be read or says something wrong, naming the place.
    """
    written = read_toml(path)
    try:
        return Recipe.model_validate({"name": path.stem} | written)
    except ValidationError as error:
        raise SettingsError(
            f"The recipe {path} is wrong at {_first(error)}; correct it there."
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read the file of a recipe, of whatever kind.

    Raises
    ------
    SettingsError
        If it cannot be read or is no TOML.
    """
    try:
        # Some editors begin a file with a byte order mark.
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise SettingsError(
            f"The recipe {path} cannot be read: {reason}; give a TOML file."
        ) from error


def _first(error: ValidationError) -> str:
    """Say in words where the first mistake is, what it is, and what would be right."""
    # A misspelt setting is also a missing one: the name that was written says more.
    mistakes = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    first = mistakes[0]
    place, value = first["loc"], first["input"]
    where = _in_words(place)
    if first["type"] == "extra_forbidden":
        known = KINDS[str(place[2])] if len(place) > 2 else Recipe
        names = [name for name in known.model_fields if name != "kind"]
        return f"{where}: no such setting; those known are {', '.join(names)}"
    if first["type"].startswith("union_tag"):
        kind = value.get("kind") if isinstance(value, Mapping) else value
        return f"{where}: the kind {kind!r} is none of {', '.join(KINDS)}"
    if first["type"] == "missing":
        return f"{where}: it is missing"
    said = first["msg"].removeprefix("Value error, ")
    simple = isinstance(value, (str, int, float))
    return f"{where}: {said}" + (f", got {value!r}" if simple else "")


def _in_words(place: tuple[int | str, ...]) -> str:
    """Return a place such as ("steps", 1, "scan", "mode") as "step 2 (scan), mode"."""
    if not place:
        return "its top"
    if len(place) < 2 or place[0] != "steps":
        return ".".join(map(str, place))
    kind = f" ({place[2]})" if len(place) > 2 else ""
    setting = f", {place[3]}" if len(place) > 3 else ""
    return f"step {int(place[1]) + 1}{kind}{setting}"
