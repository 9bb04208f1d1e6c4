"""A model folder: what a model is, what it was made for, and whether it is intact.

    models/<name>/
      card.toml            read by people and by this module
      model.onnx           the network, for engines
      weights.safetensors  the network, for training further
      self_test.npz        one stored window and what it must give
      README.md, preview.png

Nothing here is a pickle, and a file whose hash differs from its card is refused.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pssr_live.errors import ModelError

CARD = "card.toml"
NEEDED = ("model.onnx", "self_test.npz")  # no engine runs without them

log = logging.getLogger(__name__)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sample(_Strict):
    """What a model was made for."""

    kind: str
    modality: str
    pixel_size_um: tuple[float, float] = Field(
        description="Smallest and largest low-density pixel size it may be used at."
    )

    @model_validator(mode="after")
    def _smallest_first(self) -> Self:
        low, high = self.pixel_size_um
        if not 0 < low <= high:
            raise ValueError(f"pixel_size_um is {low:g} to {high:g}: smallest first")
        return self

    def mismatch(self, pixel_size_um: float | None) -> str | None:
        """Return what is wrong with a pixel size, or None."""
        low, high = self.pixel_size_um
        if pixel_size_um is None or low <= pixel_size_um <= high:
            return None
        return (
            f"The pixel size of {pixel_size_um:g} um is outside the {low:g} to "
            f"{high:g} um that this model was trained for: do not trust fine detail."
        )


class Training(_Strict):
    """What a model learned from, and how long: seconds of a device in so many steps."""

    data: tuple[str, ...]
    crappifier: dict[str, tuple[float, float] | float]
    steps: int
    seconds: float
    device: str
    seed: int
    soft_share: float = 0.0  # windows blurred as if out of focus
    begun_from: str = ""  # what was trained before, and how


class ModelCard(_Strict):
    """The contents of `card.toml`.

    `receptive_radius` is in low-density pixels; `tolerance` is the largest
    difference, in network units, that an engine may show from the stored output.
    Engines that trade exactness for speed, and must be asked for by name, are held
    to `opt_in_tolerance` instead: there they cost less than 0.02 dB on average.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    summary: str
    licence: str
    scale: int = Field(ge=1, le=16)
    n_frames: int = Field(ge=1, le=64)
    lookahead: int = Field(ge=0)
    receptive_radius: int = Field(ge=0)
    tolerance: float = Field(gt=0, le=0.05)
    opt_in_tolerance: float = Field(default=0.005, gt=0, le=0.05)
    gflop_per_lr_pixel: float
    parameters: int
    limits: tuple[str, ...]
    sample: Sample
    training: Training
    metrics: dict[str, dict[str, float]]
    foreign: dict[str, dict[str, tuple[float, float, float]]] = Field(
        default={},
        description="Source and degradation, neither learned from -> normalised PSNR "
        "in dB of the model, of bicubic interpolation and of the classical method.",
    )
    sha256: dict[str, str]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.lookahead >= self.n_frames:
            raise ValueError(
                f"lookahead {self.lookahead} is not less than n_frames {self.n_frames}"
            )
        absent = [name for name in NEEDED if name not in self.sha256]
        if absent:
            raise ValueError(f"sha256 does not list {' and '.join(absent)}")
        return self


@dataclass(frozen=True, slots=True)
class Model:
    """A model folder whose files match its card."""

    folder: Path
    card: ModelCard

    @property
    def onnx(self) -> Path:
        """The network for engines."""
        return self.folder / "model.onnx"

    @property
    def self_test(self) -> Path:
        """A stored window with the output that every engine must reproduce."""
        return self.folder / "self_test.npz"


def shipped_models() -> Path:
    """Return the folder of models that come with pssr_live."""
    package = Path(__file__).parent
    inside = package / "models"  # in a wheel
    return inside if inside.is_dir() else package.parent / "models"  # in a checkout


def model_folders() -> dict[str, Path]:
    """Return all models found, by name, from every `pssr_live.models` entry point."""
    found: dict[str, Path] = {}
    for entry in entry_points(group="pssr_live.models"):
        try:
            shelf = cast("Callable[[], Path]", entry.load())()
            cards = sorted(shelf.glob(f"*/{CARD}"))
        except Exception as error:  # somebody else's package, broken in any way
            log.warning("The models of %s cannot be listed: %s", entry.value, error)
            continue
        for folder in (card.parent for card in cards):
            other = found.get(folder.name)
            if other is not None and not other.samefile(folder):
                log.warning(
                    "Two models are called %s: the one in %s is taken; give the path "
                    "of %s for the other.",
                    folder.name,
                    folder,
                    other,
                )
            found[folder.name] = folder
    return found


def load_model(name: str | Path) -> Model:
    """Find, read and verify a model.

    Parameters
    ----------
    name : str or Path
        A model's name, or the path of a model folder. Where a string is both, the
        model of that name is taken, and the log says so; `./name` is the folder.

    Raises
    ------
    ModelError
        If there is no such model, its card cannot be read, or a file is missing or
        differs from its card.
    """
    known = model_folders()
    if not isinstance(name, str | os.PathLike):
        raise ModelError(
            f"A {type(name).__name__} names no model: give one of "
            f"{', '.join(known) or '(none installed)'}, or a folder with a {CARD}."
        )
    folder = _folder_of(name, known)
    if not _is_file(folder / CARD):
        raise ModelError(
            f"There is no model {str(name)!r}: give one of "
            f"{', '.join(known) or '(none installed)'}, or a folder with a {CARD}."
        )
    card = _read_card(folder / CARD)
    for file, expected in card.sha256.items():
        _verify(folder, file, expected)
    return Model(folder, card)


def _folder_of(name: str | Path, known: Mapping[str, Path]) -> Path:
    """Return the folder that a name or a path means."""
    here, found = Path(name), known.get(str(name))
    if found is None or not _is_file(here / CARD):
        return found or here
    if isinstance(name, Path):
        return here
    if not here.samefile(found):
        log.warning(
            "There is a model %s and a folder of that name here: the model in %s is "
            "taken, give ./%s for the folder.",
            name,
            found,
            name,
        )
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _read_card(path: Path) -> ModelCard:
    try:
        return ModelCard.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        value = f", got {str(first['input'])[:60]!r}" if where else ""
        raise ModelError(
            f"The card {path} is wrong at {where or 'its top'}: {first['msg']}{value}; "
            "correct it or take the model folder anew."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ModelError(
            f"The card {path} cannot be read ({error}): take the model folder anew."
        ) from error


def _verify(folder: Path, file: str, expected: str) -> None:
    path = folder / file
    if Path(file).name != file:
        raise ModelError(
            f"The card in {folder} names {file!r} outside its folder: take a model "
            "folder from a source that you trust."
        )
    if not _is_file(path):
        raise ModelError(f"The model file {path} is missing: take the folder anew.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise ModelError(
            f"The model file {path} has sha256 {found[:12]}... but its card says "
            f"{expected[:12]}...: it was altered or damaged, take the folder anew."
        )
