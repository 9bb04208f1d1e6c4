"""`pssr-live models`: which models are here, and what a card says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pssr_live.card import ModelCard, load_model, model_folders
from pssr_live.commands.console import JsonOption, console_for, notes, print_json
from pssr_live.errors import PssrLiveError

_METHODS = {  # by how the names of their figures begin
    "": "restored",
    "first_frame_": "first frame of a stream",
    "one_frame_": "each frame alone",
    "bicubic_": "bicubic",
    "classical_": "classical mean",
}
_FIGURES = {
    "psnr_db": "{:.2f} dB",
    "ssim": "SSIM {:.3f}",
    "frc_px": "detail {:.1f} px",
}


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
        facts = f"{_window(card)}, raw pixels of {low:g} to {high:g} um, {_gain(card)}"
        table.add_row(escape(name), f"{escape(card.summary)}\n[dim]{facts}[/dim]")
    return table


def _window(card: ModelCard) -> str:
    return "1 frame" if card.n_frames == 1 else f"{card.n_frames} frames"


def _figures(scores: Mapping[str, float]) -> Iterator[str]:
    """Yield a line for each method, and one for each figure of another name."""
    others = dict(scores)
    for prefix, method in _METHODS.items():
        said = [
            form.format(others.pop(prefix + name))
            for name, form in _FIGURES.items()
            if prefix + name in others
        ]
        if said:
            yield f"{method}: {', '.join(said)}"
    yield from (f"{name}: {value:g}" for name, value in others.items())


def _gain(card: ModelCard) -> str:
    """Return what a model brings, by its card's first test."""
    for scores in card.metrics.values():
        gain = scores["psnr_db"] - scores["bicubic_psnr_db"]
        return f"{gain:+.1f} dB over bicubic"
    return "not judged"


def _page(card: ModelCard) -> Table:
    table = Table(title=escape(f"{card.name} {card.version}"), show_header=False)
    table.add_column(max_width=22)
    table.add_column(overflow="fold")
    low, high = card.sample.pixel_size_um
    table.add_row("what", escape(card.summary))
    table.add_row("made for", escape(f"{card.sample.kind}, {card.sample.modality}"))
    table.add_row("raw pixel size", f"{low:g} to {high:g} um")
    later = f", {card.lookahead} of them later" if card.n_frames > 1 else ""
    table.add_row("window", _window(card) + later)
    table.add_row("learned from", escape("\n".join(card.training.data)))
    table.add_row("where it fails", escape("\n".join(card.limits)))
    for test, scores in card.metrics.items():
        table.add_row(escape(test), escape("\n".join(_figures(scores))))
    table.add_row("network sha256", escape(card.sha256["model.onnx"]))
    table.add_row("licence", escape(card.licence))
    return table
