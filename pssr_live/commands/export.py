"""`pssr-live export`: a model folder from a training, or from a model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pssr_live.commands.console import (
    JsonOption,
    OverwriteOption,
    console_for,
    packages_of,
    print_json,
)
from pssr_live.errors import SettingsError


def export(
    source: Annotated[
        Path, typer.Argument(help="Folder of a training, or of a model.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Model folder to write; names the model."),
    ],
    last: Annotated[
        bool,
        typer.Option("--last", help="A training's newest weights, not its best."),
    ] = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Write a model folder, compared with the trained network and with fresh hashes.

    Example: `pssr-live export recipe_run -o actin-x4`
    """
    with packages_of("train"):
        from pssr_live.training.learning.run_folder import RunFolder
        from pssr_live.training.model_folder.finish import (
            check_free,
            from_model,
            from_run,
        )

    console = console_for(json)
    check_free(out, overwrite)
    run = RunFolder(source)
    if run.facts.exists():
        card = from_run(run, out, last)
    elif last:
        raise SettingsError(
            f"{source} is no training and has no last weights: leave out --last."
        )
    else:
        card = from_model(source, out)
    if json:
        print_json(card.model_dump(mode="json"))
        return
    console.print(f"Model: {out}, which repeats its network to 1e-5", markup=False)
