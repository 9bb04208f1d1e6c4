"""Where profiles are found, and how one is read."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from pssr_live.calibration.values import CalibrationFiles, read_scan_noise
from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.profile import Profile
from pssr_live.trust import Noises

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
        found = Profile.model_validate(tomllib.loads(path.read_text("utf-8")))
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
    return found if found.calibration is None else _calibrated(found, path)


def noise_from(given: CalibrationFiles, profile: Profile | None) -> Noises:
    """Return the noise of a calibration that is given, or else of a profile's.

    Raises
    ------
    PssrLiveError
        If it cannot be read, or does not tell the noise.
    """
    own = None if profile is None else profile.calibration
    return read_scan_noise(given or own)


def _calibrated(profile: Profile, path: Path) -> Profile:
    """Return a profile whose calibrations are found from any folder."""
    named, folder = profile.calibration, path.absolute().parent
    files = named if isinstance(named, dict) else {"": Path(named or "")}
    found = {channel: folder / file for channel, file in files.items()}
    for file in found.values():
        if not file.is_file():
            raise ScannerError(
                f"The profile {path} names the calibration {file}, which is not "
                "there: put it there, or take the line out."
            )
    calibration = found if isinstance(named, dict) else found[""]
    return profile.model_copy(update={"calibration": calibration})


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
