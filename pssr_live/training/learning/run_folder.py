"""The folder of a training: all that a resume, an export and a person need.

run.json             the recipe, and what the card will say
pool_<key>.npy       the clips that are learned from, made once
validation.npy       the clips that are judged on
last.safetensors     network, running average, optimiser, how far it is
best.safetensors     the running average that scored best
history.jsonl        losses and scores, one line each
progress.json, .png  the same, to read and to look at
<name>/              the model folder, at the end
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pssr_live.errors import StorageError
from pssr_live.storage.disk import disk_errors

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

Row = dict[str, float]
# A resume cannot change these:
FROZEN = ("data", "network", "crappifier", "seed", "training.begins_from")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of one training, and its small files."""

    path: Path

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The best weights."""
        return self.path / "best.safetensors"

    @property
    def facts(self) -> Path:
        """The recipe, and what the card will say."""
        return self.path / "run.json"

    @property
    def history(self) -> Path:
        """Losses and scores."""
        return self.path / "history.jsonl"

    @property
    def validation(self) -> Path:
        """The clips that are judged on."""
        return self.path / "validation.npy"

    @property
    def picture(self) -> Path:
        """What to look at."""
        return self.path / "progress.png"

    def pool(self, key: str) -> Path:
        """Return where the clips of that key are."""
        return self.path / f"pool_{key}.npy"

    def make(self) -> None:
        """Make the folder where there is none."""
        with disk_errors("The training", self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and keep other trainings out of it.

        Raises
        ------
        StorageError
            If another training has it, or it cannot be made.
        """
        self.make()
        if fcntl is None:
            yield
            return
        place = os.open(self.path, os.O_RDONLY)
        try:
            with suppress(OSError):  # a network disk may not know how
                try:
                    fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise StorageError(
                        f"Another training writes to {self.path}: wait for its end, or "
                        "choose another --out."
                    ) from error
            yield
        finally:
            os.close(place)

    def clear(self, but: Path) -> None:
        """Forget a training that was there; clips that fit are kept."""
        clips = [path for path in self.path.glob("pool_*") if path != but]
        with disk_errors("The training", self.path):
            for old in (self.last, self.best, self.history, self.validation, *clips):
                old.unlink(missing_ok=True)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a small file, whole or not at all.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        path = self.path / name
        part = path.with_name(name + ".part")
        with disk_errors("The training's file", path):
            part.write_text(json.dumps(content, indent=2), encoding="utf-8")
            part.replace(path)

    def read_facts(self) -> dict[str, Any]:
        """Read `run.json`.

        Raises
        ------
        StorageError
            If it cannot be read.
        """
        try:
            facts: dict[str, Any] = json.loads(self.facts.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(
                f"{self.path} is not the folder of a training ({self.facts.name} "
                "cannot be read): name the folder that `pssr-live train` wrote."
            ) from error
        return facts

    def add(self, row: Row) -> None:
        """Append a line to the history."""
        with (
            disk_errors("The training's history", self.history),
            self.history.open("a", encoding="utf-8") as file,
        ):
            file.write(json.dumps(row) + "\n")

    def rows(self, until_step: float) -> list[Row]:
        """Return the history up to a step; what a kill cut short is left out."""
        if not self.history.exists():
            return []
        rows = []
        for line in self.history.read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if row["step"] <= until_step:
                rows.append(row)
        return rows

    def cut_history(self, until_step: float) -> list[Row]:
        """Forget what came after a step; returns the rest."""
        rows = self.rows(until_step)
        text = "".join(json.dumps(row) + "\n" for row in rows)
        with disk_errors("The training's history", self.history):
            self.history.write_text(text, encoding="utf-8")
        return rows


def check_begin(
    folder: RunFolder, recipe: dict[str, Any], resume: bool, overwrite: bool
) -> None:
    """Refuse to begin, or to go on, where that would harm or make no sense.

    Parameters
    ----------
    folder : RunFolder
        Need not exist.
    recipe : dict
        The recipe; one that goes on must agree with the one that was begun.
    resume, overwrite : bool
        Whether to go on, or to forget, what is there already.

    Raises
    ------
    StorageError
        If something is there and neither is asked for, if there is nothing to go on
        with, or if the disk refuses.
    """
    path = folder.path
    if resume:
        _check_resumable(folder, recipe)
        return
    there = _begun(folder)
    if there and not folder.facts.exists():
        raise StorageError(
            f"{path} holds other things and no training: choose another --out."
        )
    if there and not overwrite:
        raise StorageError(
            f"{path} holds a training already: go on with --resume, or pass "
            "--overwrite to begin anew."
        )


def _begun(folder: RunFolder) -> bool:
    """Whether there is more than clips, which a training makes before it begins."""
    path = folder.path
    with disk_errors("The training", path):
        found = path.iterdir() if path.exists() else ()
        return any(not one.name.startswith("pool_") for one in found)


def check_same_images(folder: RunFolder, images: Mapping[str, str]) -> None:
    """Refuse to go on with other images than those that a training was begun with.

    Scores would be of two sets of images, and an image that was learned from could
    have become one that is judged on.

    Parameters
    ----------
    folder : RunFolder
        Of a training that was begun.
    images : mapping
        What stands for the images of each entry of `[data]`.

    Raises
    ------
    StorageError
        Naming the entry.
    """
    for entry, before in folder.read_facts().get("images", {}).items():
        if images[entry] != before:
            raise StorageError(
                f"data.{entry} names other images now than when the training in "
                f"{folder.path} was begun: put them back as they were, or begin anew "
                "with --overwrite."
            )


def _check_resumable(folder: RunFolder, recipe: dict[str, Any]) -> None:
    if not _begun(folder):
        raise StorageError(
            f"There is no training in {folder.path} to go on with: leave out --resume."
        )
    before = folder.read_facts()["recipe"]
    now = json.loads(json.dumps(recipe))
    for name in FROZEN:
        if _at(before, name) != _at(now, name):
            raise StorageError(
                f"The recipe's {name!r} is not what the training in {folder.path} was "
                "begun with: undo the change, or begin anew with --overwrite."
            )


def _at(recipe: Mapping[str, Any], place: str) -> Any:
    """Return what a recipe has at a place such as "training.steps"."""
    found: Any = recipe
    for name in place.split("."):
        found = (found or {}).get(name)
    return found
