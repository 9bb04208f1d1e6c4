"""Questions for a file or a folder, in the system's own dialogs."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

PLANS = "useq plans (*.yaml *.yml *.json)"


def movie_to_open(parent: QWidget) -> Path | None:
    """Ask for a movie."""
    return _existing(parent, "Open a movie", "Movies (*.tif *.tiff)")


def configuration(parent: QWidget) -> Path | None:
    """Ask for a Micro-Manager configuration."""
    kinds = "Micro-Manager configurations (*.cfg)"
    return _existing(parent, "Connect a microscope", kinds)


def plan_to_load(parent: QWidget) -> Path | None:
    """Ask for a plan."""
    return _existing(parent, "Load a plan", PLANS)


def plan_to_save(parent: QWidget) -> Path | None:
    """Ask where a plan is to be saved."""
    return _new(parent, "Save the plan", Path("plan.yaml"), PLANS)


def restored_movie(parent: QWidget, source: Path) -> Path | None:
    """Ask where the restoration of `source` is to be saved."""
    stem = source.name.split(".")[0]
    suggested = source.with_name(f"{stem}_restored.ome.tiff")
    return _new(parent, "Save the restored movie", suggested, "OME-TIFF (*.tiff)")


def folder(parent: QWidget, now: Path) -> Path | None:
    """Ask for a folder."""
    name = QFileDialog.getExistingDirectory(parent, "Where recordings go", str(now))
    return Path(name) if name else None


def _existing(parent: QWidget, title: str, kinds: str) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, title, "", kinds)
    return Path(name) if name else None


def _new(parent: QWidget, title: str, suggested: Path, kinds: str) -> Path | None:
    name, _ = QFileDialog.getSaveFileName(parent, title, str(suggested), kinds)
    return Path(name) if name else None
