"""`pssr-live doctor`: what is here, what works, and why the rest does not."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
        return
    for title in ("machine", "packages", "micro_manager"):
        table = Table(title=title.replace("_", "-"), show_header=False)
        for name, said in found[title].items():
            table.add_row(name, str(said or "not installed"))
        console.print(table)
    table = Table(
        "model", "engine", "self-test error", "not used, because", title="models"
    )
    for name, said in found["models"].items():
        refused = "\n".join(f"{e}: {why}" for e, why in said["refused"].items())
        table.add_row(
            name, said["engine"], str(said["self_test_error"]), refused or "-"
        )
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
            "self_test_error": None,
            "refused": {"all": str(error)},
        }
    report = {
        "engine": ladder.engine.name,
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
