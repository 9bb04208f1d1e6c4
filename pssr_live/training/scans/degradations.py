"""A recipe's `[crappifier]`: which ranges of degradation a network learns from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pssr_live.calibration.values import Calibration
from pssr_live.errors import SettingsError
from pssr_live.training.recipe_file import did_you_mean
from pssr_live.training.scans.ranges import Ranges

CALIBRATION = "calibration"  # the one key that is no range
# Between what a range may be: beyond, it is nonsense, or not a number of that kind.
BOUNDS = {
    "blur_px": (0, 20),
    "dwell_fraction": (0, 1),
    "jitter_px": (0, 50),
    "bidirectional_px": (-50, 50),
    "photons": (0.01, 1e5),
    "read_noise": (0, 10),
    "shared_noise_px": (0, 3),
    "filtered_px": (0, 3),
    "line_noise": (0, 10),
    "grey_levels": (2, 65536),
    "flicker": (0, 1),
    "gain": (1e-3, 1e3),
    "offset": (-100, 100),
    "spoiled_pixels": (0, 1),
}


def ranges_of(table: Mapping[str, Any], scale: int, folder: Path) -> Ranges:
    """Return the ranges of a `[crappifier]` table.

    A calibration narrows the defaults first; what the table names itself holds.

    Parameters
    ----------
    table : mapping
        Fields of `Ranges` by name, as (low, high), one number for both, or a share;
        and `calibration`, the path of a `calibration.toml`.
    scale : int
        HR pixels from one low-density pixel to the next.
    folder : Path
        What a relative path is relative to.

    Raises
    ------
    SettingsError, StorageError
        If a name is unknown, a value makes no sense, or the calibration is none.
    """
    ranges = Ranges()
    named = table.get(CALIBRATION)
    if named is not None:
        if not isinstance(named, str):
            raise SettingsError(
                f"The recipe's crappifier.{CALIBRATION} is {named!r}: give the path of "
                "a calibration.toml."
            )
        ranges = _calibrated(ranges, folder / named, scale)
    known = asdict(ranges)
    values = {}
    for name, value in table.items():
        if name == CALIBRATION:
            continue
        if name not in known:
            said = did_you_mean(name, [*known, CALIBRATION])
            raise SettingsError(f"The recipe is wrong at crappifier.{name}: {said}.")
        values[name] = _value(name, value, isinstance(known[name], tuple))
    return replace(ranges, **values)


def _calibrated(ranges: Ranges, path: Path, scale: int) -> Ranges:
    from pssr_live.training.scans.calibrated import calibrated

    calibration = Calibration.read(path)
    source = calibration.source
    if source.kind == "pair" and source.scale != scale:
        raise SettingsError(
            f"The recipe's crappifier.{CALIBRATION}, {path}, is from a pair of scale "
            f"{source.scale} and network.scale is {scale}: calibrate with a pair of "
            "that scale."
        )
    return calibrated(ranges, calibration, scale)


def _value(name: str, value: Any, is_range: bool) -> Any:
    numbers = value if isinstance(value, list) else [value]
    sound = bool(numbers) and all(
        isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n)
        for n in numbers
    )
    low, high = BOUNDS.get(name, (0, 1))
    if sound and not (low <= min(numbers) and max(numbers) <= high):
        raise SettingsError(
            f"The recipe is wrong at crappifier.{name}: got {value!r}, give what is "
            f"between {low:g} and {high:g}."
        )
    if is_range and sound and len(numbers) in (1, 2) and numbers[0] <= numbers[-1]:
        return (float(numbers[0]), float(numbers[-1]))
    if not is_range and sound and len(numbers) == 1:
        return float(numbers[0])
    wanted = "[lowest, highest]" if is_range else "a share from 0 to 1"
    raise SettingsError(
        f"The recipe is wrong at crappifier.{name}: got {value!r}, give {wanted}."
    )
