"""MDA sequences, read from a file.

useq-schema ignores words that it does not know, which would cost a person an evening:
here they are errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from useq import MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.grids import in_wide_field

_PLANS = ("z_plan", "grid_plan", "channels", "time_plan", "autofocus_plan")
MOST_FRAMES = 10_000_000  # days at the rate of a video
LOOK_INTO = 1000  # values of a plan; one that cannot be counted fails early
_EXAMPLE = "write at least `time_plan: {interval: 0, loops: 60}`"


def read_sequence(path: Path) -> MDASequence:
    """Read a useq MDA sequence from YAML or JSON.

    Raises
    ------
    ScannerError
        If the file cannot be read, has a word that useq does not know, cannot be
        worked out, or gives no frames.
    """
    try:
        said = yaml.safe_load(path.read_text("utf-8"))  # JSON is YAML too
    except OSError as error:
        raise ScannerError(
            f"The sequence {path} cannot be read: {error.strerror}; give a .yaml file."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split()).rstrip(" .^:")
        raise ScannerError(
            f"The sequence {path} is not YAML: {where}; correct it there."
        ) from error
    if not isinstance(said, dict):
        kind = "nothing" if said is None else f"a {type(said).__name__}"
        raise ScannerError(f"The sequence {path} holds {kind}: {_EXAMPLE}.")
    said = _with_plans_of_positions(said)
    sequence = _validated(said, path)
    for where, known in _unknown_words(said, sequence):
        raise ScannerError(
            f"The sequence {path} has the entry {where!r}, which means nothing: use "
            f"{', '.join(known)}."
        )
    if (frames := _at_most(sequence)) > MOST_FRAMES:
        raise ScannerError(
            f"The sequence {path} asks for {frames} frames, more than memory can hold "
            f"the plan of: give {MOST_FRAMES} or fewer."
        )
    if not _gives_a_frame(sequence, said, path):
        raise ScannerError(f"The sequence {path} gives no frame: {_EXAMPLE}.")
    _check_shutter(sequence, path)
    return sequence


def _with_plans_of_positions(said: dict[Any, Any]) -> dict[Any, Any]:
    """Put the plans that a position has into its `sequence`, where useq heeds them.

    Its documentation writes them at the position itself, and useq then ignores them.
    """
    positions = said.get("stage_positions")
    if not isinstance(positions, list):
        return said
    return said | {"stage_positions": [_with_own_plans(one) for one in positions]}


def _with_own_plans(position: Any) -> Any:
    if not isinstance(position, dict):
        return position
    own = {word: position[word] for word in _PLANS if word in position}
    within = position.get("sequence") or {}
    if not own or not isinstance(within, dict):
        return position
    rest = {word: value for word, value in position.items() if word not in own}
    return rest | {"sequence": own | within}


def _validated(said: dict[Any, Any], path: Path) -> MDASequence:
    try:
        return MDASequence(**{str(word): value for word, value in said.items()})
    except ValidationError as error:
        raise ScannerError(
            f"The sequence {path} is wrong at {_complaint(error)}; see useq-schema for "
            "what may stand there."
        ) from error


def _at_most(sequence: MDASequence) -> int:
    """Return how many frames the plans multiply to; plans without end count for 1.

    useq would list every one of them before the first.
    """
    sequence = in_wide_field(sequence)
    frames = max(1, len(sequence.channels)) * max(1, len(sequence.stage_positions))
    for name, count in (
        ("time_plan", "num_timepoints"),
        ("z_plan", "num_positions"),
        ("grid_plan", "num_positions"),
    ):
        with suppress(Exception):  # told by those who try to list it
            frames *= max(1, int(getattr(getattr(sequence, name), count)()))
    within = (p.sequence for p in sequence.stage_positions if p.sequence is not None)
    return max(frames, *map(_at_most, within), 0)


def _gives_a_frame(sequence: MDASequence, said: dict[Any, Any], path: Path) -> bool:
    """Return whether there is an image among the events, which are worked out here."""
    try:
        events = in_wide_field(sequence)
        return any(event.action.type == "acquire_image" for event in events)
    except Exception as error:  # useq takes plans that it cannot count out
        name = _plan_at_fault(sequence)
        what = f"{name} {str(said.get(name))[:80]}" if name else "plan at a position"
        raise ScannerError(
            f"The sequence {path} has a {what} that has no end or no step: give finite "
            "numbers, and intervals and steps above 0."
        ) from error


def _check_shutter(sequence: MDASequence, path: Path) -> None:
    """Refuse what useq fails at in the middle of a run; two time points tell."""
    if not sequence.keep_shutter_open_across:
        return
    twice = None if sequence.time_plan is None else {"interval": 0, "loops": 2}
    try:
        list(in_wide_field(sequence.replace(time_plan=twice)))
    except KeyError as error:
        raise ScannerError(
            f"The sequence {path} has keep_shutter_open_across, and only some of its "
            f"positions have the axis {error.args[0]!s}, which do not go together: "
            "take keep_shutter_open_across out, or give all positions that axis."
        ) from error


def _plan_at_fault(sequence: MDASequence) -> str | None:
    """Return the name of the first plan that cannot be counted out, if it is ours."""
    for name in ("time_plan", "z_plan", "grid_plan"):
        try:
            list(itertools.islice(getattr(sequence, name) or (), LOOK_INTO))
        except Exception:
            return name
    return None


def _complaint(error: ValidationError) -> str:
    """Return the one complaint, of all kinds of plan tried, that helps a person."""
    errors = error.errors()
    telling = [e for e in errors if e["type"] not in ("missing", "model_type")]
    if telling:
        first = telling[0]
        return f"{_where(first)}: {first['msg']}, got {str(first['input'])[:80]!r}"
    first = errors[0]
    if first["type"] == "model_type":
        return f"{_where(first)}: give a mapping, got {str(first['input'])[:80]!r}"
    lacking = dict.fromkeys(_where(e) for e in errors if e["type"] == "missing")
    return f"{', or '.join(lacking)}: it is missing"


def _where(error: Any) -> str:
    # Capitals are the classes that pydantic tried, which no user has heard of.
    return ".".join(str(part) for part in error["loc"] if not str(part)[:1].isupper())


def _unknown_words(
    said: Any, model: Any, where: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Yield each word that validation ignored, with those that it knows."""
    if isinstance(said, dict) and isinstance(model, BaseModel):
        known = type(model).model_fields
        names = {field.alias or name: name for name, field in known.items()}
        for word, value in said.items():
            name = word if word in known else names.get(word)
            if name is None:
                yield f"{where}{word}", sorted(set(known) - {"uid"})
            else:
                inner = getattr(model, name)
                yield from _unknown_words(value, inner, f"{where}{word}.")
    elif isinstance(said, list) and isinstance(model, tuple | list):
        if len(said) == len(model):
            for n, (one, inner) in enumerate(zip(said, model, strict=True)):
                yield from _unknown_words(one, inner, f"{where}{n}.")
