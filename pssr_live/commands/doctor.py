"""`pssr-live doctor`: what is here, what works, and why the rest does not."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from pssr_live.card import load_model, model_folders
from pssr_live.commands.console import (
    LIVE_MODEL,
    JsonOption,
    ModelOption,
    console_for,
    print_json,
)
from pssr_live.engines import EngineLadder
from pssr_live.engines.cores import usable_cores
from pssr_live.engines.survey import Rung, survey
from pssr_live.errors import PssrLiveError
from pssr_live.storage.disk import free_bytes, in_words

PACKAGES = (
    "pssr-live", "numpy", "onnxruntime", "pymmcore-plus", "pymmcore", "useq-schema",
    "tifffile", "ome-types", "mm-test-adapters", "scipy", "torch", "tensorrt",
    "tensorrt-rtx", "cuda-bindings", "openvino", "onnx",
)  # fmt: skip


def doctor(
    model: ModelOption = LIVE_MODEL,
    build: Annotated[
        bool,
        typer.Option("--build", help="Build now what engines need on this computer."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Tell what works on this computer, and why the rest does not.

    Tries every inference engine on one model, best first, and every model on the best
    engine. The exit code is 0 if every model can be used.

    Example: `pssr-live doctor --build`
    """
    console = console_for(json)
    found: dict[str, Any] = {
        "machine": _machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "micro_manager": _micro_manager(),
        "engines": [asdict(rung) for rung in _survey(console, model, build)],
        "models": {name: _engines(path) for name, path in model_folders().items()},
    }
    if json:
        print_json(found)
    else:
        _show(console, found, model)
    if not any(said["restores"] for said in found["models"].values()):
        console.print("No model can be used here.")
    works = any(one["state"] == "works" and one["restores"] for one in found["engines"])
    if not works or not all(said["restores"] for said in found["models"].values()):
        raise typer.Exit(1)


def _survey(console: Console, name: str, build: bool) -> list[Rung]:
    try:
        model = load_model(name)
    except PssrLiveError as error:  # the tables of the rest are needed all the more
        console.print(f"[yellow]Note:[/yellow] {escape(str(error))}")
        return []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Trying every engine", total=1.0)

        def show(share: float) -> None:
            bar.update(task, description="Building", completed=share)

        return survey(model, show if build else None)


def _show(console: Console, found: dict[str, Any], model: str) -> None:
    for title in ("machine", "packages", "micro_manager"):
        table = Table(title=title.replace("_", "-"), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, said in found[title].items():
            table.add_row(name, escape(str(said or "not installed")))
        console.print(table)
    console.print(_engine_table(found["engines"], model))
    for said in found["engines"]:
        if said["state"] == "refused":  # sentences, too long for a column
            console.print(f"{said['name']} is refused: {escape(said['reason'])}")
    if any(said["state"] == "to be built" for said in found["engines"]):
        console.print("`pssr-live doctor --build` builds now what is to be built.")
    console.print(_model_table(found["models"]))


def _engine_table(rungs: list[dict[str, Any]], model: str) -> Table:
    table = Table(title=f"engines, best first, tried with {escape(model)}")
    table.add_column("engine", no_wrap=True)
    for title in ("state", "where", "self-test error", "128 x 128"):
        table.add_column(title)
    for said in rungs:
        table.add_row(
            said["name"],
            _state(said),
            escape(f"{said['device']} {said['precision']}"),
            _or_dash(said["self_test_error"], "{:.1e}"),
            _or_dash(said["window_ms"], "{:.1f} ms"),
        )
    return table


def _state(said: dict[str, Any]) -> str:
    if said["state"] != "works":
        return str(said["state"])
    if not said["restores"]:
        return "only interpolates"
    return "works, if asked for" if said["opt_in"] else "works"


def _model_table(models: dict[str, Any]) -> Table:
    table = Table(title="models")
    table.add_column("model", no_wrap=True)
    for title in ("engine", "self-test error", "wrong with it"):
        table.add_column(title, overflow="fold")
    for name, said in models.items():
        error = _or_dash(said["self_test_error"], "{:.1e}")
        table.add_row(escape(name), said["engine"], error, escape(said["fault"]) or "-")
    return table


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


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
        ladder = EngineLadder(load_model(folder), build=False)
    except PssrLiveError as error:
        return {
            "engine": "none",
            "restores": False,
            "self_test_error": None,
            "refused": {},
            "fault": str(error),
        }
    report = ladder.report()
    ladder.close()
    return {
        "engine": report["name"],
        "restores": report["restores"],
        "self_test_error": report["self_test_error"],
        "refused": report["refused"],
        "fault": "" if report["restores"] else "No engine restores it.",
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
