"""What a window remembers until it is opened again. Pure; knows no Qt.

A file that is missing, damaged or from another version costs the settings, not the
start.
"""

from __future__ import annotations

import logging
from pathlib import Path

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pssr_live.app.render import COLOURS

log = logging.getLogger(__name__)


class Remembered(BaseModel):
    """The settings of a window.

    Attributes
    ----------
    config, profile, model, folder : str
        What was chosen last; empty for what the command gives.
    split : bool
        Whether both pictures share one pane.
    marks : bool
        Whether saturated pixels are marked.
    doubts : bool
        Whether places are marked where a picture differs from its scan.
    reference_every : int
        Frames of a recording between two references; 0 for none.
    colours : dict of str to str
        By channel.
    geometry : str
        Place and size of the window, in Qt's own words.
    """

    model_config = ConfigDict(frozen=True)

    config: str = ""
    profile: str = ""
    model: str = ""
    folder: str = ""
    split: bool = False
    marks: bool = True
    doubts: bool = True
    reference_every: int = Field(default=0, ge=0, le=100_000)
    colours: dict[str, str] = {}
    geometry: str = Field(default="", pattern=r"\A[A-Za-z0-9+/=]*\z")

    @field_validator("colours")
    @classmethod
    def _known(cls, colours: dict[str, str]) -> dict[str, str]:
        # A picture in an unknown colour could not be painted, and none would be shown.
        return {name: colour for name, colour in colours.items() if colour in COLOURS}


def settings_file(window: str = "live") -> Path:
    """Return where the settings of a kind of window are kept."""
    return user_config_path("pssr-live", appauthor=False) / f"{window}.json"


def recall(path: Path) -> Remembered:
    """Return what was remembered, or nothing."""
    try:
        return Remembered.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return Remembered()
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        log.warning("The settings in %s are not used: %s%s", path, where, first["msg"])
    except (OSError, UnicodeDecodeError) as error:
        log.warning("The settings in %s are not used: %s", path, error)
    return Remembered()


def is_there(file: str) -> bool:
    """Return whether a file that was remembered is there still."""
    try:
        return bool(file) and Path(file).is_file()
    except OSError:  # no name that a disk could have
        return False


def remember(path: Path, what: Remembered) -> None:
    """Write the settings down; a disk that refuses costs only them."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        scratch.write_text(what.model_dump_json(indent=2), "utf-8")
        scratch.replace(path)
    except OSError as error:
        log.warning("The settings could not be kept in %s: %s", path, error)
