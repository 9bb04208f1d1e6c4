"""A model's page and picture: what a person reads before trusting a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pssr_live.card import ModelCard
from pssr_live.network import FastNet
from pssr_live.storage.preview import Panel, write_preview
from pssr_live.training.judging.foreign import Scores
from pssr_live.training.judging.judge import Example, run

COLUMNS = {  # title -> key in the card, decimals
    "restored": ("psnr_db", 2),
    "bicubic": ("bicubic_psnr_db", 2),
    "classical": ("classical_psnr_db", 2),
    "first frame of a stream": ("first_frame_psnr_db", 2),
    "SSIM": ("ssim", 3),
    "SSIM bicubic": ("bicubic_ssim", 3),
    "detail": ("frc_px", 1),
    "detail bicubic": ("bicubic_frc_px", 1),
}


def page(card: ModelCard) -> str:
    """Return a model's README, in Markdown."""
    rows = [
        f"| {test} | {' | '.join(_cell(found, *how) for how in COLUMNS.values())} |"
        for test, found in card.metrics.items()
    ]
    low, high = card.sample.pixel_size_um
    lines = [
        f"# {card.name} {card.version}",
        "",
        f"{card.summary[0].upper()}{card.summary[1:]}.",
        "",
        "![raw scan, restored, truth](preview.png)",
        "",
        f"* made for: {card.sample.kind}; {card.sample.modality}",
        f"* raw pixel size: {low:g} to {high:g} um",
        f"* window: {card.n_frames} frames, {card.lookahead} of them later"
        if card.n_frames > 1
        else "* looks at one frame",
        f"* {card.parameters:,} parameters, receptive radius "
        f"{card.receptive_radius} raw pixels",
        "",
        f"| | {' | '.join(COLUMNS)} |",
        f"| --- |{' --- |' * len(COLUMNS)}",
        *rows,
        "",
        "PSNR in dB, of the data range that is brightness 1. Detail: the period, in "
        "high-density pixels, down to which a picture agrees with the truth (Fourier "
        "ring correlation), finer is better. "
        "Classical: the mean of the window, a Gaussian of half a raw pixel, bicubic. "
        "The scans were made from the truth by computation, at the photons named.",
        "",
        *_abroad(card),
        "Where it fails:",
        "",
        *(f"* {limit}" for limit in card.limits),
        "",
        "Learned from:",
        "",
        *(f"* {source}" for source in card.training.data),
        "",
    ]
    return "\n".join(lines)


def _cell(found: dict[str, float], key: str, decimals: int) -> str:
    return f"{found[key]:.{decimals}f}" if key in found else "not measured"


def _abroad(card: ModelCard) -> list[str]:
    """Return the table of gains on what was never learned from."""
    if not card.foreign:
        return []
    rows = {
        source: {how: Scores(*three).gain for how, three in found.items()}
        for source, found in card.foreign.items()
    }
    gains = np.array([[*row.values()] for row in rows.values()])
    ways = next(iter(rows.values()))
    return [
        "Abroad: sources *and* degradations that it never learned from. The table says "
        "by how many dB it is better (or, below 0, worse) than the better of bicubic "
        "interpolation and the classical method, in normalised PSNR. Mean "
        f"{gains.mean():+.2f} dB, worst {gains.min():+.2f} dB, below 0 in "
        f"{(gains < 0).sum()} of {gains.size}.",
        "",
        f"| | {' | '.join(row_name for row_name in rows)} |",
        f"| --- |{' --- |' * len(rows)}",
        *(
            f"| {how} | {' | '.join(f'{row[how]:+.2f}' for row in rows.values())} |"
            for how in ways
        ),
        "",
    ]


def draw(net: FastNet, example: Example, path: Path) -> None:
    """Write the picture of one example: raw scan, restored, truth."""
    a = net.architecture
    raw = example.scan[a.target]
    restored = run(net, example.scan, np.ones(a.n_frames))
    write_preview(
        path,
        [
            Panel(f"raw scan {raw.shape[1]} x {raw.shape[0]}", raw),
            Panel(f"restored {restored.shape[1]} x {restored.shape[0]}", restored,
                  computed=True),
            Panel("truth", example.truth),
        ],
        panel_size=400,
    )  # fmt: skip
