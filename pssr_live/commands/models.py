"""`pssr-live models`: which models are here, and what a card says."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from pssr_live.card import ModelCard, load_model, model_folders
from pssr_live.commands.console import JsonOption, console_for, print_json


def models(
    name: Annotated[
        str | None, typer.Argument(help="Show this model's card; all if left out.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the models, or show one.

    Example: `pssr-live models mito-mf5-x4`
    """
    console = console_for(json)
    if name is not None:
        card = load_model(name).card
        if json:
            print_json(card.model_dump(mode="json"))
        else:
            console.print(_page(card))
        return
    cards = [load_model(folder).card for folder in model_folders().values()]
    if json:
        print_json({card.name: card.model_dump(mode="json") for card in cards})
        return
    table = Table("model", "scale", "frames", "lookahead", "pixel size um", "for")
    for card in cards:
        low, high = card.sample.pixel_size_um
        table.add_row(
            card.name,
            f"x{card.scale}",
            str(card.n_frames),
            str(card.lookahead),
            f"{low:g} - {high:g}",
            card.summary,
        )
    console.print(table)


def _page(card: ModelCard) -> Table:
    table = Table(title=f"{card.name} {card.version}", show_header=False)
    low, high = card.sample.pixel_size_um
    table.add_row("what", card.summary)
    table.add_row("made for", f"{card.sample.kind}, {card.sample.modality}")
    table.add_row("raw pixel size", f"{low:g} to {high:g} um")
    table.add_row("window", f"{card.n_frames} frames, {card.lookahead} of them later")
    table.add_row("learned from", "\n".join(card.training.data))
    table.add_row("where it fails", "\n".join(card.limits))
    for test, scores in card.metrics.items():
        said = ", ".join(f"{name} {value:g}" for name, value in scores.items())
        table.add_row(test, said)
    table.add_row("network sha256", card.sha256["model.onnx"])
    table.add_row("licence", card.licence)
    return table
