"""`pssr-live doctor`: what is here, what works, and why the rest does not."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pssr_live.card import load_model, model_folders
from pssr_live.commands.console import JsonOption, console_for, print_json
from pssr_live.engines import EngineLadder
from pssr_live.engines.onnx import usable_cores
from pssr_live.errors import PssrLiveError
from pssr_live.storage.disk import free_bytes, in_words

PACKAGES = (
    "pssr-live", "numpy", "onnxruntime", "pymmcore-plus", "pymmcore", "useq-schema",
    "tifffile", "ome-types", "mm-test-adapters", "scipy", "torch",
)  # fmt: skip


def doctor(json: JsonOption = False) -> None:
    """Tell what works on this computer, and why the rest does not.

    The exit code is 0 if every model can be used.

    Example: `pssr-live doctor`
    """
    console = console_for(json)
    found = {
        "machine": _machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "micro_manager": _micro_manager(),
        "models": {name: _engines(path) for name, path in model_folders().items()},
    }
    if json:
        print_json(found)
    else:
        _show(console, found)
    if not any(said["restores"] for said in found["models"].values()):
        console.print("No model can be used here.")
    if not all(said["restores"] for said in found["models"].values()):
        raise typer.Exit(1)


def _show(console: Console, found: dict[str, Any]) -> None:
    for title in ("machine", "packages", "micro_manager"):
        table = Table(title=title.replace("_", "-"), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, said in found[title].items():
            table.add_row(name, escape(str(said or "not installed")))
        console.print(table)
    table = Table(title="models")
    table.add_column("model", no_wrap=True)
    for title in ("engine", "self-test error", "not used, because"):
        table.add_column(title, overflow="fold")
    for name, said in found["models"].items():
        refused = "\n".join(f"{e}: {why}" for e, why in said["refused"].items())
        error = said["self_test_error"]
        shown = "-" if error is None else f"{error:.1e}"
        table.add_row(name, said["engine"], shown, escape(refused) or "-")
    console.print(table)


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "usable_cores": usable_cores(),
        "disk_free_here": in_words(free_bytes(Path.cwd())),
    }


def _micro_manager() -> dict[str, Any]:
    from pymmcore_plus import find_micromanager

    return {"device_adapters": find_micromanager()}


def _engines(folder: Path) -> dict[str, Any]:
    try:
        ladder = EngineLadder(load_model(folder))
    except PssrLiveError as error:
        return {
            "engine": "none",
            "restores": False,
            "self_test_error": None,
            "refused": {"all": str(error)},
        }
    report = {
        "engine": ladder.engine.name,
        "restores": ladder.engine.restores,
        "self_test_error": ladder.self_test_error,
        "refused": {r.engine: r.reason for r in ladder.refusals},
    }
    ladder.engine.close()
    return report


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
