"""Where profiles are found, and how one is read."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.profile import Profile

log = logging.getLogger(__name__)


def shipped_profiles() -> Path:
    """Return the folder of profiles that come with pssr_live."""
    return Path(__file__).parent


def profile_files() -> dict[str, Path]:
    """Return all profiles, by name, from every `pssr_live.scanners` entry point."""
    found: dict[str, Path] = {}
    for entry in entry_points(group="pssr_live.scanners"):
        try:
            shelf = cast("Callable[[], Path]", entry.load())()
            files = sorted(shelf.glob("*.toml"))
        except Exception as error:  # somebody else's package, broken in any way
            log.warning("The profiles of %s cannot be listed: %s", entry.value, error)
            continue
        found |= {file.stem: file for file in files}
    return found


def load_profile(name: str | Path) -> Profile:
    """Find, read and check a profile.

    Parameters
    ----------
    name : str or Path
        A profile's name, or the path of a .toml file.

    Raises
    ------
    ScannerError
        If there is no such profile, or it is wrong somewhere.
    """
    known = profile_files()
    path = known.get(str(name), Path(name))
    try:
        return Profile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ScannerError(
            f"There is no profile {str(name)!r}: give one of "
            f"{', '.join(known) or '(none installed)'}, or a .toml file."
        ) from error
    except ValidationError as error:
        raise ScannerError(f"The profile {path} is wrong {_where(error)}.") from error
    except (tomllib.TOMLDecodeError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(" .")
        raise ScannerError(
            f"The profile {path} cannot be read: {reason}; see docs/profiles.md for "
            "how to write one."
        ) from error


def _where(error: ValidationError) -> str:
    """Return the place of the first mistake, and what it is."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"at {place}: it is missing"
    if first["type"] == "extra_forbidden":
        return f"at {place}: there is no such entry"
    if first["type"] == "value_error":  # a rule about several entries
        return f"{f'at {place}' if place else 'as a whole'}: {said}"
    return f"at {place or 'its top'}: {said}, got {str(first['input'])[:60]!r}"
