"""Mending what a crash or a power cut left of a session.

After a crash all frames that were recorded are there; what is missing is the end: the
OME-XML of the files, the restored frames that were still under way, and an account. A
power cut may take recorded frames as well: their places are marked, and it is said how
many they are. Files are completed where they are and never copied, and nothing is
changed before it is known that the session can be mended. Doing it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from pssr_live.agreement import agreement, doubts, in_diary
from pssr_live.card import Model, ModelCard, load_model
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.errors import SettingsError, StorageError
from pssr_live.frame import Frame
from pssr_live.restorer import AXES, Restorer
from pssr_live.storage.files import is_held
from pssr_live.storage.layout import continued
from pssr_live.storage.mending import holds_frames, reopen
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.picture import scan_and_picture
from pssr_live.storage.preview import write_preview
from pssr_live.storage.recorder import keep_restored
from pssr_live.storage.session import RESCANS, FrameLog, SessionFolder, read_log
from pssr_live.window import RollingWindows, Window

Progress = Callable[[int, int], None]
Lines = list[dict[str, Any]]
REASON = "The program or the computer stopped in the midst of it; mended afterwards."


def recover(
    path: Path,
    model: str | None = None,
    engine: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Complete the files of a session that was killed.

    Parameters
    ----------
    path : Path
        Folder of the session.
    model : str, optional
        What restores the frames that are not restored yet; the model of the session
        if left out.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    progress : callable, optional
        Called with (frames looked at, frames in all).

    Returns
    -------
    dict
        The account of it, which is then also in `report.json`.

    Raises
    ------
    StorageError
        If it is no session, has ended by itself, is still being recorded, has lost
        its raw file, or the disk fails.
    SettingsError
        If no model is known, or one that does not fit the restored frames.
    """
    folder = SessionFolder(path)
    _check(folder)
    if not holds_frames(folder.raw):
        _check_that_none_came(folder)
        return _account(folder, None, 0, [])
    log = _usable(read_log(folder.frames))
    chosen = _model(folder, log, model)
    with closing(Restorer(chosen, engine, _axis(log, chosen.card))) as restorer:
        _complete_raw(folder, log, restorer)
        with open_movie(folder.raw) as movie:
            added = _complete_restored(folder, movie, restorer, progress)
        for other in (folder.reference, *sorted(path.glob(RESCANS.format("*")))):
            if holds_frames(other) and (file := reopen(other)) is not None:
                file.close()
        return _account(folder, restorer, added, log)


def _check(folder: SessionFolder) -> None:
    status = folder.read_status()["status"]
    if status != "running":
        raise StorageError(
            f"The session {folder.path} came to its end ({status}): there is nothing "
            "to mend. `pssr-live restore` restores it anew."
        )
    if is_held(folder.frames):
        raise StorageError(
            f"{folder.path} is being recorded at this moment: wait for its end."
        )


def _check_that_none_came(folder: SessionFolder) -> None:
    """Refuse a session whose raw file is gone, lest it be closed as one without any."""
    log = _usable(read_log(folder.frames)) if folder.frames.exists() else []
    came = len(_recorded(log))
    if came or holds_frames(folder.restored):
        what = "holds no whole frame" if folder.raw.exists() else "is missing"
        told = f"{folder.frames.name} lists {came} recorded" if came else "there were"
        raise StorageError(
            f"{folder.raw} {what}, although {told} frames: put it back, from a copy if "
            "need be, and run `pssr-live recover` again."
        )


def _usable(log: Lines) -> Lines:
    """Return the lines that hold all that is needed of their kind here."""

    def whole(line: dict[str, Any]) -> bool:
        if line["status"] == "raw":
            index = line.get("index")
            return isinstance(index, dict) and all(
                type(at) is int and at >= 0 for at in index.values()
            )
        return line["status"] != "restored" or (
            isinstance(line.get("model"), str) and isinstance(line.get("sources"), list)
        )

    return [line for line in log if whole(line)]


def _recorded(log: Lines) -> dict[int, dict[str, int]]:
    """Return the index of each frame that was recorded, by ordinal."""
    return {line["ordinal"]: line["index"] for line in log if line["status"] == "raw"}


def _model(folder: SessionFolder, log: Lines, name: str | None) -> Model:
    """Return the model that was asked for, or that of the session, if it fits."""
    told = [line["model"] for line in log if line["status"] == "restored"]
    name = name or (told[-1] if told else None)
    if name is None:
        raise SettingsError(
            f"No frame of {folder.path} was restored before it stopped, so that its "
            "model is not known: give one with --model."
        )
    model = load_model(name)
    if holds_frames(folder.restored):
        with open_movie(folder.raw) as raw, open_movie(folder.restored) as restored:
            grown = tuple(side * model.card.scale for side in raw.shape)
            if restored.shape != grown:
                raise SettingsError(
                    f"{folder.restored} has frames of {restored.shape} pixels and "
                    f"{name} makes {grown} of {raw.shape}: give the session's model."
                )
    return model


def _axis(log: Lines, card: ModelCard) -> str:
    """Return what the windows followed: the axis that explains most of their frames."""
    told = {
        line["ordinal"]: tuple(line["sources"])
        for line in log
        if line["status"] == "restored"
    }
    nothing = np.zeros((1, 1), np.uint16)
    frames = [
        Frame(nothing, line["ordinal"], line["index"], after_gap="after_gap" in line)
        for line in log
        if line["status"] == "raw"
    ]

    def explained(axis: str) -> int:
        windows = RollingWindows(card.n_frames, card.lookahead, axis)
        made = [window for frame in frames for window in windows.push(frame)]
        made += windows.flush()
        return sum(told.get(w.target.ordinal) == w.sources for w in made)

    return max(AXES, key=explained)  # the first of equals, which is time


def _complete_raw(folder: SessionFolder, log: Lines, restorer: Restorer) -> None:
    file = reopen(folder.raw)
    if file is not None:
        seen = _recorded(log)
        pages = max(len(file), *(n + 1 for n in (*seen, *_restored(folder))))
        file.expect({**seen, **continued(seen, pages)})
        details = {"model": restorer.card.name, "axis": restorer.axis}
        file.close(details, pad_to=pages)


def _restored(folder: SessionFolder) -> frozenset[int]:
    """Return the ordinals of the frames whose restored picture is there."""
    if not holds_frames(folder.restored):
        return frozenset()
    with open_movie(folder.restored) as made:
        return frozenset(range(len(made))) - made.missing


def _complete_restored(
    folder: SessionFolder,
    movie: Movie,
    restorer: Restorer,
    progress: Progress | None,
) -> int:
    """Restore what is not restored yet; return how many frames that were."""
    file: PageFile | None
    if holds_frames(folder.restored):
        file = reopen(folder.restored)
    else:
        folder.restored.unlink(missing_ok=True)
        file = _new_restored(folder, movie, restorer)
    if file is None:
        return 0
    added = 0
    try:
        with FrameLog(folder.frames, resume=True) as diary:
            for window in _windows(movie, restorer, progress):
                if file.lacks(window.target.ordinal):
                    keep_restored(restorer.restore_window(window), file, diary)
                    added += 1
        file.expect({n: movie.layout.index_of(n) for n in range(len(movie))})
        told = {"model": restorer.model_report(), "engine": restorer.engine_report()}
        file.close(told, pad_to=len(movie))
    finally:
        file.leave()  # as a kill would: the next attempt goes on from there
    return added


def _windows(
    movie: Movie, restorer: Restorer, progress: Progress | None
) -> Iterator[Window]:
    windows = restorer.windows()
    for done, frame in enumerate(movie.frames()):
        yield from windows.push(frame)
        if progress is not None:
            progress(done + 1, len(movie) - len(movie.missing))
    yield from windows.flush()


def _new_restored(folder: SessionFolder, movie: Movie, restorer: Restorer) -> PageFile:
    scale, size = restorer.card.scale, movie.pixel_size_um
    return PageFile.create(
        folder.restored,
        movie.layout,
        (movie.shape[0] * scale, movie.shape[1] * scale),
        movie.dtype,
        None if size is None else size / scale,
        "restored",
    )


def _account(
    folder: SessionFolder, restorer: Restorer | None, added: int, log: Lines
) -> dict[str, Any]:
    """Write status and report: what is there, not what the run once meant to do."""
    counts = dict.fromkeys(("acquired", "recorded", "restored", "lost"), 0)
    about: dict[str, Any] = {"warnings": []}
    if restorer is not None:
        counts, about["warnings"] = _counts(folder, log)
        about["warnings"] += _write_preview(folder)
        # Of the frames that were restored live; which calibration it was is not kept.
        if agrees := agreement(in_diary(log), {}):
            about["quality"] = {"consistency": agrees}
            about["warnings"] += doubts(agrees, {}, counts["restored"])
        about["model"] = restorer.model_report()
        about["engine"] = restorer.engine_report()
        if added and not restorer.ladder.engine.restores:
            about["warnings"].append(
                f"Frames that are only interpolated: {added}. Restore them with "
                "`pssr-live restore` where an engine runs."
            )
    folder.write_status("aborted", REASON, **counts)
    report: dict[str, Any] = {
        **{f"frames_{name}": count for name, count in counts.items()},
        "frames_restored_now": added,
        "status": "aborted",
        "reason": REASON,
        **about,
    }
    folder.write_report(report)
    return report


def _write_preview(folder: SessionFolder) -> list[str]:
    """Show the last frame raw and restored, as at a session's end; return warnings."""
    with open_movie(folder.raw) as raw, open_movie(folder.restored) as made:
        there = set(range(min(len(raw), len(made)))) - raw.missing - made.missing
        if not there:
            return []
        last = max(there)
        scan, picture = raw.frame(last), made.frame(last)
    made_by = {
        line["ordinal"]: line.get("engine")
        for line in read_log(folder.frames)
        if line["status"] == "restored"
    }
    panels = scan_and_picture(
        scan,
        picture.pixels,
        picture.pixel_size_um,
        restored=made_by.get(last) != BicubicEngine.name,
    )
    try:
        write_preview(folder.preview, panels)
    except StorageError as error:  # a picture is not worth a session
        return [str(error)]
    return []


def _counts(folder: SessionFolder, log: Lines) -> tuple[dict[str, int], list[str]]:
    """Count the frames in the files; warn of those that a power cut took."""
    restored = _restored(folder)
    with open_movie(folder.raw) as raw:
        lost, recorded = raw.missing, len(raw) - len(raw.missing)
    spoilt = lost & (_recorded(log).keys() | restored)
    counts = {
        "acquired": recorded + len(spoilt),
        "recorded": recorded,
        "restored": len(restored),
        "lost": len(lost),
    }
    if not spoilt:
        return counts, []
    return counts, [
        f"Frames that were recorded and are no longer whole in {folder.raw.name}: "
        f"{len(spoilt)}. They are lost and their places are marked; the restored "
        f"pictures of {len(spoilt & restored)} of them are still in "
        f"{folder.restored.name}."
    ]
