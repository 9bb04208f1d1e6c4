"""A movie that exists already: its moments, its restoration, and saving that. No Qt.

`show` and `open` belong into one thread, `restore` into another one; `cancel`,
`show_again` and `show_no_more` may come from any.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pssr_live.app.feed import Feed, Pair, Scene, channel_of
from pssr_live.card import Model
from pssr_live.errors import StorageError
from pssr_live.frame import Frame, Restored
from pssr_live.offline import restore_file
from pssr_live.pipeline import Progress
from pssr_live.restorer import Restorer
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.session import FRAMES, RESTORED, read_log
from pssr_live.storage.sites import ImageKey, image_key
from pssr_live.storage.target import check_target
from pssr_live.trust import Noises, judged

Moment = tuple[int, int, int]

AXES = ("t", "z", "p")
SHARED = ("t", "z", "c", "cam")  # by the frames of one position
RESULT = "restored.ome.tiff"
ENDINGS = (".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class MovieFacts:
    """What a movie is.

    Attributes
    ----------
    path : Path
        Where it is.
    shape : tuple of int
        Lines and pixels of a frame.
    pixel_size_um : float or None
        None where the file does not tell it.
    lengths : mapping of str to int
        Time points, planes and positions, by axis; see `moments_of`.
    positions : mapping of int to str
        What positions are called, where they have names.
    frames : int
        Frames in all.
    """

    path: Path
    shape: tuple[int, int]
    pixel_size_um: float | None
    lengths: Mapping[str, int]
    positions: Mapping[int, str]
    frames: int


class Cancelled(Exception):
    """The restoration was cancelled; nothing is left of it."""


class MovieDesk:
    """One movie on the desk.

    Parameters
    ----------
    feed : Feed
        Takes the pictures.
    noise : mapping of str to ScanNoise, optional
        What noise the movies have, to hold what is restored against them.

    Attributes
    ----------
    made_by : dict
        The reports of the engine and the model that made the result last.
    """

    def __init__(self, feed: Feed, noise: Noises | None = None) -> None:
        self._feed, self._noise = feed, noise or {}
        self._movie: Movie | None = None
        self._moments: list[Moment] = []
        self._makers: Mapping[int, str] = {}
        self._result: Movie | None = None
        self.made_by: dict[str, Any] = {}
        self._scratch: Path | None = None
        self._cancel = threading.Event()
        self._showing = threading.Lock()
        self._may_show = True

    def open(self, path: Path) -> MovieFacts:
        """Open a movie and show its first moment.

        Raises
        ------
        StorageError
            If it is none, or cannot be read; the one before stays.
        """
        movie = open_movie(path)
        try:
            moments = moments_of(movie)
            makers = _makers(movie)
            scene = _scene(movie, moments, {}, makers, None)
        except BaseException:
            movie.close()
            raise
        self.close()
        self._movie, self._moments, self._makers = movie, moments, makers
        self._put(scene)
        lengths = {
            axis: 1 + max(at[place] for at in moments)
            for place, axis in enumerate(AXES)
        }
        return MovieFacts(
            path=path,
            shape=movie.shape,
            pixel_size_um=movie.pixel_size_um,
            lengths=lengths,
            positions=_positions(movie, moments),
            frames=len(movie.layout),
        )

    @property
    def has_result(self) -> bool:
        """Whether the movie on the desk was restored, and that can be saved."""
        return self._result is not None

    def show(self, at: Mapping[str, int]) -> None:
        """Show all channels of one moment without missing frames, or else nothing.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        if self._movie is not None:
            scene = _scene(self._movie, self._moments, at, self._makers, self._restored)
            self._put(scene)

    def restore(
        self, model: Model, engine: str | None, progress: Progress
    ) -> list[str]:
        """Restore the whole movie beside it; return what the user should know.

        Raises
        ------
        Cancelled
            If `cancel` was called.
        PssrLiveError
            If it cannot be restored.
        """
        movie = self._movie
        if movie is None:
            return []
        if computed_by(movie):
            raise StorageError(
                f"{movie.path.name} is restored already: open the raw movie instead."
            )

        def go_on(done: int, total: int) -> None:
            if self._cancel.is_set():
                raise Cancelled
            progress(done, total)

        scratch = Path(tempfile.mkdtemp(prefix="pssr-live-"))
        try:
            restorer = Restorer(model, engine, noise=self._noise)
            try:
                made = restore_file(
                    movie.path, scratch / RESULT, restorer, progress=go_on
                )
            finally:
                restorer.close()
            result = open_movie(scratch / RESULT)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        self._drop_result()
        self._result, self._scratch = result, scratch
        self.made_by = made
        said: list[str] = made["warnings"]
        return said

    def begin(self) -> None:
        """Forget that an earlier restoration was cancelled; call it before `restore`.

        Not done there: one that is asked for and cancelled at once has not begun yet.
        """
        self._cancel.clear()

    def cancel(self) -> None:
        """Give up the restoration that is going on."""
        self._cancel.set()

    def save(self, target: Path) -> None:
        """Save the restored movie.

        Raises
        ------
        StorageError
            If the target would harm the movie, or the disk refuses.
        """
        if self._movie is None or self._scratch is None:
            return
        if target.suffix.lower() not in ENDINGS:
            raise StorageError(
                f"{target.name} would hold an OME-TIFF under a name that says "
                "otherwise: end it with .ome.tiff."
            )
        check_target(self._movie.path, target, overwrite=True)
        part = target.with_name(f"{target.name}.part")
        with disk_errors("The restored movie", target):
            try:
                shutil.copyfile(self._scratch / RESULT, part)
                part.replace(target)
            finally:
                with suppress(OSError):
                    part.unlink()

    def show_again(self) -> None:
        """Let pictures of movies be shown."""
        self._may_show = True

    def show_no_more(self) -> None:
        """Show no picture of the movie any more, nor one that is being read."""
        with self._showing:
            self._may_show = False
            self._feed.clear()

    def close(self) -> None:
        """Put the movie away, and what was restored and not saved."""
        self._drop_result()
        movie, self._movie = self._movie, None
        if movie is not None:
            movie.close()

    def _put(self, scene: Scene) -> None:
        with self._showing:
            if self._may_show:
                self._feed.put_pairs(scene)

    def _restored(self, frame: Frame) -> Restored | None:
        result = self._result
        if result is None or frame.ordinal in result.missing:
            return None
        found = result.frame(frame.ordinal)
        return Restored(
            pixels=found.pixels,
            frame=frame,
            sources=(),
            pixel_size_um=found.pixel_size_um,
            model=self.made_by["model"]["name"],
            engine=self.made_by["engine"]["name"],
            elapsed_ms=0.0,
            consistency=judged(frame, found.pixels, self._noise),
        )

    def _drop_result(self) -> None:
        result, self._result = self._result, None
        if result is not None:
            result.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None


def computed_by(movie: Movie) -> str:
    """Return the engine that made the frames of a restored movie; empty for a scan."""
    if movie.provenance.get("kind") != "restored":
        return ""
    # A session that was killed had no time to say which.
    engine = movie.provenance.get("details", {}).get("engine", {})
    return str(engine.get("name", "unknown"))


def _makers(movie: Movie) -> dict[int, str]:
    """Return the engine that made each frame of a session, by its diary.

    The file tells only which one it ended with: before a crash another one may have
    interpolated.
    """
    diary = movie.path.with_name(FRAMES)
    if movie.path.name != RESTORED or not diary.is_file():
        return {}
    return {
        line["ordinal"]: str(line["engine"])
        for line in read_log(diary)
        if line["status"] == "restored" and "engine" in line
    }


def moments_of(movie: Movie) -> list[Moment]:
    """Return the time, plane and position of each frame.

    Whatever else an index names, such as tiles of a grid, makes another position of
    it: each frame can be reached. Channels and detectors share a moment.
    """
    indices = [movie.layout.index_of(n) for n in range(len(movie))]
    rest = [_position(index) for index in indices]
    ranks = {place: n for n, place in enumerate(sorted(set(rest)))}
    moments = [
        (index.get("t", 0), index.get("z", 0), ranks[place])
        for index, place in zip(indices, rest, strict=True)
    ]
    shown = {
        (at, index.get("c", 0), index.get("cam", 0))
        for at, index in zip(moments, indices, strict=True)
    }
    if len(shown) < len(indices):  # of frames at one place only one could be seen
        return [(n, 0, 0) for n in range(len(indices))]
    return moments


def _names(movie: Movie) -> dict[ImageKey, str]:
    """Return what positions are called, where they have names."""
    return {site.at: site.name for site in movie.layout.sites if site.name}


def _positions(movie: Movie, moments: Sequence[Moment]) -> dict[int, str]:
    """Return the names of positions by their place on the slider."""
    names = _names(movie)
    if not names or len({at for *_, at in moments}) == 1:
        return {}
    keys = (image_key(movie.layout.index_of(n)) for n in range(len(moments)))
    pairs = zip(moments, keys, strict=True)
    return {at: names[key] for (*_, at), key in pairs if key in names}


def _position(index: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return what tells one position from another: `p` first, then other axes."""
    # A frame without a position is at the first one.
    places = dict(index) | {"p": index.get("p", 0)}
    left = [(axis, at) for axis, at in places.items() if axis not in SHARED]
    return tuple(sorted(left, key=lambda pair: (pair[0] != "p", pair)))


def _scene(
    movie: Movie,
    moments: Sequence[Moment],
    at: Mapping[str, int],
    makers: Mapping[int, str],
    restored: Callable[[Frame], Restored | None] | None,
) -> Scene:
    """Return all channels of one moment, with what was made of them."""
    scene: Scene = {}
    names, computed = _names(movie), computed_by(movie)
    wanted = tuple(at.get(axis, 0) for axis in AXES)
    for ordinal, moment in enumerate(moments):
        if moment == wanted and ordinal not in movie.missing:
            frame = movie.frame(ordinal)
            made = None if restored is None else restored(frame)
            name = names.get(image_key(frame.index), "")
            by = computed and makers.get(ordinal, computed)
            scene[channel_of(frame)] = Pair(frame, made, by, name)
    return scene
