"""Which images a recipe names, and what is in them that can be learned from.

A file is a source. Its images are sorted into *takes*: consecutive frames of a movie,
or one image by itself, which is set in motion later. Images that teach nothing
(constant, saturated, not finite) are skipped and counted.
"""

from __future__ import annotations

import glob
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from pssr_live.errors import SettingsError, StorageError
from pssr_live.frame import series_of
from pssr_live.storage.folder import is_image
from pssr_live.training.films.images import Images, Plane, open_images
from pssr_live.training.films.twins import Look, look

TAKES = 32  # of one channel, position and plane at most, spread evenly
SOURCE_TAKES = 96  # of one file at most
LOOKS = 3  # small pictures of a file, to find others like it
SATURATED_SHARE = 0.05  # of pixels at the brightest value
_OTHERS = (".png", ".jpg", ".jpeg", ".bmp", ".czi", ".nd2", ".lif", ".dm3", ".dm4")

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a source must offer.

    `window` and `clip` are frames: a movie shorter than the window is taken as
    stills, and takes are up to `clip` long. `side` is the smallest image, in pixels.
    """

    window: int
    clip: int
    side: int
    channel: int | str | None = None
    time: str = "movie"


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its takes (ordinals of frames), and hashes of their pixels."""

    path: Path
    takes: tuple[tuple[int, ...], ...]
    hashes: frozenset[str] = field(repr=False)
    dtype: str
    pixel_size_um: float | None


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found: sources, and what was skipped and why, by number."""

    sources: tuple[Source, ...]
    skipped: tuple[tuple[str, int], ...]
    seen: int
    short_movies: int
    unreadable: str = ""  # what is wrong with the first file that cannot be read
    looks: Mapping[Path, tuple[Look, ...]] = field(default_factory=dict, repr=False)

    def notes(self, role: str) -> list[str]:
        """Return what a person should know, one sentence each."""
        said = []
        if self.skipped:
            total = sum(count for _, count in self.skipped)
            why = ", ".join(f"{count} {reason}" for reason, count in self.skipped)
            said.append(f"{total} {role} images or files were skipped: {why}.")
        if self.unreadable:
            said.append(f"The first that is unreadable: {self.unreadable}")
        if self.short_movies:
            said.append(
                f"{self.short_movies} {role} movies have fewer frames than the "
                "window: their frames are used as stills, set in motion."
            )
        types = sorted({source.dtype for source in self.sources})
        if len(types) > 1:
            said.append(
                f"The {role} images are {' and '.join(types)}: each is levelled on "
                "its own."
            )
        return said


def find(entries: Iterable[str], folder: Path, role: str) -> list[tuple[Path, bool]]:
    """Return the files that entries name, and whether each was named by itself.

    Raises
    ------
    SettingsError
        If an entry names nothing.
    """
    found: dict[Path, tuple[Path, bool]] = {}
    for entry in entries:
        path = folder / entry
        named = path.is_file()
        if named:
            files = [path]
        elif path.is_dir():
            files = [p for p in path.iterdir() if is_image(p)]
        else:
            # The pattern is the recipe's; its folder may have brackets in its name.
            matching = glob.glob(entry, root_dir=folder, recursive=True)  # noqa: PTH207
            files = [folder / name for name in matching if (folder / name).is_file()]
        if not files:
            what = "holds no TIFF file" if path.is_dir() else "names no file"
            raise SettingsError(
                f"The {role} entry {entry!r} {what} (looked for {path}): give a file, "
                "a folder of TIFF files or a pattern."
            )
        for file in sorted(files):
            found.setdefault(file.resolve(), (file, named))
    return list(found.values())


def survey(
    files: Sequence[tuple[Path, bool]],
    wanted: Wanted,
    role: str,
    progress: Progress = lambda done, total: None,
) -> Survey:
    """Look into all files.

    Raises
    ------
    SettingsError, StorageError
        If a file that was named by itself cannot be read, or nothing is left.
    """
    skipped: Counter[str] = Counter()
    sources, short, unreadable = [], 0, ""
    looks: dict[Path, tuple[Look, ...]] = {}
    for number, (path, named) in enumerate(files):
        try:
            with open_images(path) as images:
                runs = _runs(images, wanted)
                short += wanted.window > 1 and any(
                    1 < len(run) < wanted.window for run in runs
                )
                source, few = _look(images, runs, wanted, skipped)
        except StorageError as error:
            if named:
                raise
            skipped["unreadable"] += 1
            unreadable = unreadable or str(error)
        else:
            if source.takes:
                sources.append(source)
                looks[path] = few
        progress(number + 1, len(files))
    if not sources:
        why = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise SettingsError(
            f"Nothing is left of the {len(files)} {role} files ({why}; an image must "
            f"have {wanted.side} x {wanted.side} pixels or more): give other images or "
            "a smaller crop."
            + (f" The first that is unreadable: {unreadable}" if unreadable else "")
        )
    return Survey(
        tuple(sources), tuple(skipped.items()), len(files), short, unreadable, looks
    )


def passed_over(entries: Iterable[str], folder: Path, role: str) -> list[str]:
    """Return a sentence on each folder with images that are not looked at."""
    said = []
    for entry in entries:
        path = folder / entry
        if not path.is_dir():
            continue
        kinds = Counter(
            file.suffix.lower()
            for file in path.iterdir()
            if file.suffix.lower() in _OTHERS
        )
        kinds["folder"] = sum(
            any(map(is_image, inner.iterdir()))
            for inner in path.iterdir()
            if inner.is_dir()
        )
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        if found:
            said.append(
                f"The {role} entry {entry!r} also holds images that are not looked at "
                f"({found}): save them as TIFF, and name folders by themselves."
            )
    return said


def refuse_shared(train: Survey, validate: Survey) -> None:
    """Refuse a source that is learned from and judged on, under any name.

    Raises
    ------
    SettingsError
        Naming the two files.
    """
    for judged in validate.sources:
        for learned in train.sources:
            same_file = judged.path.resolve() == learned.path.resolve()
            if same_file or judged.hashes & learned.hashes:
                twin = "" if same_file else f" (the same pixels as {learned.path})"
                raise SettingsError(
                    f"The validation source {judged.path}{twin} is also a training "
                    "source: judge on images that are not learned from."
                )


def fault(plane: Plane) -> str | None:
    """Return why an image (Y, X) teaches nothing, or None."""
    if not np.isfinite(plane).all():
        return "not finite (NaN or infinite pixels)"
    low, high = np.percentile(plane, [1, 99.8])
    if high <= low:
        return "constant"
    if np.mean(plane == plane.max()) > SATURATED_SHARE:
        return "saturated"
    return None


def _runs(images: Images, wanted: Wanted) -> list[list[int]]:
    """Return runs of consecutive frames, each of one channel, position and plane."""
    channel = _channel(images, wanted.channel)
    runs: dict[tuple[object, int], list[int]] = {}
    breaks: Counter[object] = Counter()
    for ordinal, index in enumerate(images.indices):
        if channel is not None and index.get("c", 0) != channel:
            continue
        series = series_of(index)
        if ordinal in images.missing or ordinal in images.gaps:
            breaks[series] += 1
        if ordinal not in images.missing:
            runs.setdefault((series, breaks[series]), []).append(ordinal)
    if wanted.time == "stills":
        return [[ordinal] for run in runs.values() for ordinal in run]
    return list(runs.values())


def _channel(images: Images, channel: int | str | None) -> int | None:
    if channel is None:
        return None
    count = 1 + max((index.get("c", 0) for index in images.indices), default=0)
    names = images.channel_names
    if isinstance(channel, str) and channel in names:
        return names.index(channel)
    if isinstance(channel, int) and 0 <= channel < count:
        return channel
    known = ", ".join(names) or ", ".join(map(str, range(count)))
    raise SettingsError(
        f"{images.path} has no channel {channel!r}: its channels are {known}; correct "
        "data.channel in the recipe."
    )


def _look(
    images: Images, runs: list[list[int]], wanted: Wanted, skipped: Counter[str]
) -> tuple[Source, tuple[Look, ...]]:
    takes: list[tuple[int, ...]] = []
    if min(images.shape) < wanted.side:
        skipped[f"smaller than {wanted.side} x {wanted.side} pixels"] += 1
        runs = []
    found = _spread(_takes(runs, wanted), SOURCE_TAKES)
    good: dict[int, str] = {}
    looks = []
    ordinals = sorted({ordinal for take in found for ordinal in take})
    few = _spread(ordinals, LOOKS)
    for ordinal in ordinals:
        plane = images.read(ordinal)
        if (why := fault(plane)) is None:
            good[ordinal] = _hash(plane)
            looks += [look(plane)] if ordinal in few else []
        else:
            skipped[why] += 1
    for take in found:
        sound = tuple(ordinal for ordinal in take if ordinal in good)
        # What is left of a take with holes is no movie; one frame of it is a still.
        takes += [take] if sound == take else [sound[:1]] if sound else []
    hashes = set(good.values())
    source = Source(
        images.path, tuple(takes), frozenset(hashes), images.dtype, images.pixel_size_um
    )
    return source, tuple(looks)


def _takes(runs: list[list[int]], wanted: Wanted) -> list[tuple[int, ...]]:
    takes = []
    for run in runs:
        moving = wanted.window > 1 and len(run) >= wanted.window
        length = min(wanted.clip, len(run)) if moving else 1
        starts = _spread(list(range(len(run) - length + 1)), TAKES)
        takes += [tuple(run[start : start + length]) for start in starts]
    return takes


def _spread(items: list[T], most: int) -> list[T]:
    if len(items) <= most:
        return items
    return [items[round(k)] for k in np.linspace(0, len(items) - 1, most)]


def _hash(plane: Plane) -> str:
    # As float32, so that the same image saved with another bit depth is the same.
    values = np.ascontiguousarray(plane, np.float32)
    return hashlib.sha256(str(plane.shape).encode() + values.tobytes()).hexdigest()
