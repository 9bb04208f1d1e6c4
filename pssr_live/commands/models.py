"""`pssr-live models`: which models are here, and what a card says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pssr_live.card import ModelCard, load_model, model_folders
from pssr_live.commands.console import JsonOption, console_for, notes, print_json
from pssr_live.errors import PssrLiveError


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
    cards, faults = _all_cards()
    if json:
        told = {name: card.model_dump(mode="json") for name, card in cards.items()}
        print_json(told | {name: {"error": fault} for name, fault in faults.items()})
    else:
        console.print(_list(cards))
        notes(console, faults.values())
    if faults:
        raise typer.Exit(1)


def _all_cards() -> tuple[dict[str, ModelCard], dict[str, str]]:
    """Return the cards of sound models, and what is wrong with the others."""
    cards, faults = {}, {}
    for name, folder in model_folders().items():
        try:
            cards[name] = load_model(folder).card
        except PssrLiveError as error:
            faults[name] = str(error)
    return cards, faults


def _list(cards: Mapping[str, ModelCard]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, card in cards.items():
        low, high = card.sample.pixel_size_um
        many = card.n_frames > 1
        window = f"{card.n_frames} frames" if many else "1 frame"
        facts = f"{window}, raw pixels of {low:g} to {high:g} um, {_gain(card)}"
        table.add_row(escape(name), f"{escape(card.summary)}\n[dim]{facts}[/dim]")
    return table


def _gain(card: ModelCard) -> str:
    """Return what a model brings, by its card's first test."""
    for scores in card.metrics.values():
        gain = scores["psnr_db"] - scores["bicubic_psnr_db"]
        return f"{gain:+.1f} dB over bicubic"
    return "not judged"


def _page(card: ModelCard) -> Table:
    table = Table(title=escape(f"{card.name} {card.version}"), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    low, high = card.sample.pixel_size_um
    table.add_row("what", escape(card.summary))
    table.add_row("made for", escape(f"{card.sample.kind}, {card.sample.modality}"))
    table.add_row("raw pixel size", f"{low:g} to {high:g} um")
    table.add_row("window", f"{card.n_frames} frames, {card.lookahead} of them later")
    table.add_row("learned from", escape("\n".join(card.training.data)))
    table.add_row("where it fails", escape("\n".join(card.limits)))
    for test, scores in card.metrics.items():
        said = ", ".join(f"{name} {value:g}" for name, value in scores.items())
        table.add_row(escape(test), escape(said))
    table.add_row("network sha256", escape(card.sha256["model.onnx"]))
    table.add_row("licence", escape(card.licence))
    return table
