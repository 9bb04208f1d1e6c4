"""`pssr-live train`: a model for your microscope, from your own images."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from pssr_live.commands.console import (
    JsonOption,
    OverwriteOption,
    console_for,
    notes,
    packages_of,
    print_json,
    progress_bar,
)
from pssr_live.errors import PssrLiveError, SettingsError

if TYPE_CHECKING:
    from pssr_live.card import ModelCard
    from pssr_live.training.learning.loop import Moment, Tell

QUIET_S = 20.0  # between lines where there is no terminal for a bar


def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="TOML file; see docs/train.md.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder of the training; RECIPE_run beside the recipe if left out.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where it was stopped or killed.")
    ] = False,
    smoke: Annotated[
        bool,
        typer.Option("--smoke", help="Train 20 s on simulated cells, to see it work."),
    ] = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Train a model on images of your own; watch progress.png in its folder.

    Several GPUs: `torchrun --nproc-per-node 4 -m pssr_live train recipe.toml`

    Example: `pssr-live train --smoke`

    Example: `pssr-live train recipe.toml`
    """
    with packages_of("train"):
        from pssr_live.training.learning.device import is_first
        from pssr_live.training.model_folder.finish import behind

    console = console_for(json)
    console.quiet = not is_first()
    if smoke:
        if recipe or out or resume or overwrite:
            raise SettingsError("--smoke is a test by itself: give it alone.")
        _smoke(console, json)
        return
    if recipe is None:
        raise SettingsError(
            "There is no recipe to train: name a TOML file, or try `pssr-live train "
            "--smoke`."
        )
    if resume and overwrite:
        raise SettingsError(
            "--resume goes on and --overwrite begins anew: give one of the two."
        )
    folder = out or recipe.with_name(f"{recipe.stem}_run")
    card = _train(console, recipe, folder, resume, overwrite)
    if card is None:
        return
    if json:
        place = str(folder / card.name)
        print_json({"run": str(folder), "model": place, "metrics": card.metrics})
        return
    _tell_figures(console, card)
    if said := behind(card.metrics):
        notes(console, [*said, "Train longer, or on more images, before it is used."])
    console.print(f"Model: {folder / card.name}", markup=False)
    use = f"pssr-live restore raw.ome.tiff -o restored.ome.tiff -m {folder / card.name}"
    console.print(f"Use it: {use}", markup=False)


def _train(
    console: Console, recipe: Path, folder: Path, resume: bool, overwrite: bool
) -> ModelCard | None:
    from pssr_live.training.learning.device import is_first
    from pssr_live.training.learning.run_folder import RunFolder
    from pssr_live.training.model_folder.finish import from_run
    from pssr_live.training.run import View, learn_recipe

    def note(sentence: str) -> None:
        console.print(f"[yellow]Note:[/yellow] {escape(sentence)}")

    try:
        with _training_bar(console) as tell:
            view = View(partial(progress_bar, console), note, tell)
            learned = learn_recipe(
                recipe, folder, view, resume=resume, overwrite=overwrite
            )
        # One process writes the model; the others have helped to train it.
        run = RunFolder(folder)
        return from_run(run, folder / learned.name) if is_first() else None
    except PssrLiveError:
        raise
    except BaseException:  # Ctrl-C, and whatever a driver or library throws
        if RunFolder(folder).last.exists():
            console.print(
                f"Stopped; what was learned is in {folder}: go on with --resume.",
                markup=False,
            )
        raise


@contextmanager
def _training_bar(console: Console) -> Iterator[Tell]:
    """Show share, loss, score and time left; lines now and then without a terminal."""
    bar = Progress(
        TextColumn("Training"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bar.add_task("", total=1.0, figures="")
    said = -math.inf

    def tell(moment: Moment) -> None:
        nonlocal said
        figures = _figures(moment)
        if console.is_terminal:
            if not bar.live.is_started:
                bar.start()
                bar.reset(task)  # or a resume would look quick
            bar.update(task, completed=min(moment.used, 1.0), figures=figures)
        elif time.monotonic() - said > QUIET_S or moment.used >= 1:
            said = time.monotonic()
            share = min(100 * moment.used, 100.0)
            console.print(f"{share:5.1f} %  {figures}", markup=False)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


def _figures(moment: Moment) -> str:
    figures = f"step {moment.steps}  loss {moment.loss:.4f}"
    if math.isfinite(moment.psnr_db):
        figures += f"  validation {moment.psnr_db:.2f} dB, best {moment.best_db:.2f}"
    return figures


def _tell_figures(console: Console, card: ModelCard) -> None:
    for test, m in card.metrics.items():
        console.print(
            f"{test}: {m['psnr_db']:.2f} dB (bicubic {m['bicubic_psnr_db']:.2f}, "
            f"classical {m['classical_psnr_db']:.2f}), SSIM {m['ssim']:.3f} "
            f"({m['bicubic_ssim']:.3f}, {m['classical_ssim']:.3f})",
            markup=False,
        )


def _smoke(console: Console, json: bool) -> None:
    from pssr_live.training.smoke import LEAST_GAIN_DB, smoke

    result = smoke(partial(progress_bar, console))
    if json:
        print_json(asdict(result) | {"passed": result.passed})
    else:
        gain = result.psnr_db - result.classical_db
        console.print(
            f"Cells never seen: {result.psnr_db:.2f} dB (bicubic "
            f"{result.bicubic_db:.2f}, classical {result.classical_db:.2f}): "
            f"{gain:+.2f} dB over classical, {LEAST_GAIN_DB:g} wanted."
        )
    if not result.passed:
        raise typer.Exit(1)
