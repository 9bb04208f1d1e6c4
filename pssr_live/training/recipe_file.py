"""The recipe of a model as a person writes it down, checked as a whole.

name = "actin-x4"
summary = "actin in our confocal, 4x per axis"

[data]
train = ["good/"]
validate = ["another_day.tif"]
pixel_size_um = 0.05

[training]
minutes = 30

Everything else has a default; `docs/train.md` lists it. Paths are relative to the
recipe's own folder.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pssr_live.crappifier.recipe import read_toml
from pssr_live.errors import SettingsError
from pssr_live.network import Architecture

Texts = Annotated[tuple[str, ...], Field(strict=False)]
LossName = Literal["charbonnier", "l1", "mse", "mix", "psnr", "ahead"]
CROPS = {1: 64, 2: 48, 4: 32, 8: 24}  # low-density pixels, by scale
RATES = {"fast": 1e-3, "best": 5e-4}
FINE_TUNING_RATE = 6e-4


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )


class Data(_Table):
    """What is learned from, and what it shows.

    `train` and `validate` name files, folders (each file in one is a source) or
    patterns such as "day*/*.tif"; no source may be in both.
    """

    train: Texts = ()
    judged_on: Texts = Field(alias="validate", default=())  # pydantic has a `validate`
    kind: str = "not stated"
    modality: str = "not stated"
    pixel_size_um: float | None = Field(default=None, gt=0)
    channel: int | str | None = None
    time: Literal["movie", "stills"] = "movie"
    smooth_px: float = Field(default=0.6, ge=0, le=5)
    clips: int = Field(default=400, ge=8)
    simulated: Literal["mito", "em"] = "mito"
    simulated_share: float = Field(default=0.0, ge=0, le=1)
    soft_share: float = Field(default=0.2, ge=0, le=1)


class Network(_Table):
    """Which network: how many frames it sees and how much it enlarges."""

    kind: Literal["fast", "best"] = "fast"
    frames: int = Field(default=5, ge=1, le=15)
    lookahead: int | None = Field(default=None, ge=0)
    scale: Literal[1, 2, 4, 8] = 4

    @model_validator(mode="after")
    def _window_holds_lookahead(self) -> Self:
        if self.lookahead is not None and self.lookahead >= self.frames:
            raise ValueError(
                f"lookahead {self.lookahead} is not less than frames, {self.frames}"
            )
        return self

    @property
    def architecture(self) -> Architecture:
        """The numbers that define the network."""
        ahead = self.frames // 2 if self.lookahead is None else self.lookahead
        size = {"width": 64, "blocks": 16} if self.kind == "best" else {}
        return Architecture(
            n_frames=self.frames, lookahead=ahead, scale=self.scale, **size
        )


class Training(_Table):
    """How long and how; what is left out follows from the network."""

    minutes: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    batch: int = Field(default=8, ge=1)
    crop: int | None = Field(default=None, ge=8)
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    loss: LossName = "charbonnier"
    begins_from: str | None = None
    device: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.minutes is not None and self.steps is not None:
            raise ValueError("minutes and steps are both given, and only one can hold")
        return self


class TrainRecipe(_Table):
    """A whole recipe; `[crappifier]` is checked where the ranges are known."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    summary: str = Field(min_length=1)
    licence: str = "not stated"
    seed: int = Field(default=0, ge=0)
    data: Data
    network: Network = Network()
    crappifier: dict[str, Any] = {}
    training: Training = Training()

    @model_validator(mode="after")
    def _has_something_to_learn_from(self) -> Self:
        if not self.data.train and self.data.simulated_share < 1:
            raise ValueError("data.train names no images to learn from")
        if not self.data.judged_on and self.data.train:
            raise ValueError("data.validate names no images to judge on")
        return self

    @property
    def crop(self) -> int:
        """Side of what a training step sees, in low-density pixels."""
        return self.training.crop or CROPS[self.network.scale]

    @property
    def learning_rate(self) -> float:
        """The highest rate of the schedule."""
        if self.training.learning_rate is not None:
            return self.training.learning_rate
        if self.training.begins_from is not None:
            return FINE_TUNING_RATE
        return RATES[self.network.kind]


def load_recipe(path: Path) -> TrainRecipe:
    """Read a recipe from a TOML file.

    Raises
    ------
    SettingsError
        If it cannot be read or says something wrong, naming the place.
    """
    try:
        return TrainRecipe.model_validate(read_toml(path))
    except ValidationError as error:
        raise SettingsError(
            f"The recipe {path} is wrong at {_first(error)}; correct it there."
        ) from error


def did_you_mean(word: str, known: list[str]) -> str:
    """Return what to say about a name that is none of those known."""
    near = difflib.get_close_matches(word, known, 1, 0.5)
    if near:
        return f"no such setting, the nearest is {near[0]!r}"
    return f"no such setting, those known are {', '.join(known)}"


def _first(error: ValidationError) -> str:
    # A misspelt setting is also a missing one: the name that was written says more.
    mistakes = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    first = mistakes[0]
    place, value = first["loc"], first["input"]
    where = ".".join(map(str, place)) or "its top"
    if first["type"] == "extra_forbidden":
        return f"{where}: {did_you_mean(str(place[-1]), _known(place[:-1]))}"
    if first["type"] == "missing":
        return f"{where}: it is missing"
    said = first["msg"].removeprefix("Value error, ")
    simple = isinstance(value, (str, int, float))
    return f"{where}: {said}" + (f", got {value!r}" if simple else "")


def _known(place: tuple[int | str, ...]) -> list[str]:
    tables: dict[str, type[_Table]] = {
        "data": Data,
        "network": Network,
        "training": Training,
    }
    fields = (tables[str(place[0])] if place else TrainRecipe).model_fields
    return [field.alias or name for name, field in fields.items()]
