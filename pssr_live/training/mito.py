"""Train the shipped `mito` models: `python -m pssr_live.training.mito --help`.

First the centred network, then the causal one from its weights: what a frame looks
like is the same for both, only what may be looked at differs. The result is two model
folders, judged on cells and on a movie that training never saw.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tifffile
import torch
import typer
from rich import print as say
from safetensors.torch import load_file, save_file

from pssr_live.card import ModelCard
from pssr_live.storage.preview import Panel, write_preview
from pssr_live.training.clips import HR_PIXEL_UM, PoolPlan, build_pool
from pssr_live.training.crappify import Ranges
from pssr_live.training.export import export
from pssr_live.training.judge import Example, examples, judge, run
from pssr_live.training.network import Architecture, FastNet
from pssr_live.training.trainer import TrainPlan, train

POOL = PoolPlan(simulated=360, real=280)
HELD_OUT = PoolPlan(simulated=24, real=0, seed=77)
NETWORKS = {"mito-mf5-x4": (2, 1.0), "mito-mf5-x4-live": (0, 0.7)}
HELD_OUT_MOVIE = "fluo_timelapse/microfilm_mitosis_C1_chromatin.tif"


def training_stills(data: Path) -> list[Path]:
    """Return the stills to learn texture from: fluorescence, some electron images.

    Time-lapse movies of living cells and the noisy/clean pairs stay out: they are
    what the models are judged on.
    """
    fluorescence = sorted((data / "fluo").glob("*.tif"))
    fluorescence += sorted((data / "fluo_timelapse").glob("mapmanager*.tif"))
    return 3 * fluorescence + sorted((data / "em").glob("*.tif"))[::6]


def load_pool(data: Path, cache: Path) -> torch.Tensor:
    """Return the pool of clips, from `cache` where it was built before."""
    if not cache.exists():
        np.save(cache, build_pool(POOL, training_stills(data)), allow_pickle=False)
    return torch.from_numpy(np.load(cache, allow_pickle=False))


def main(
    data: Annotated[Path, typer.Option(help="Folder with fluo/, em/ and so on.")],
    work: Annotated[Path, typer.Option(help="Folder for the pool and the weights.")],
    models: Annotated[Path, typer.Option(help="Folder for the model folders.")],
    budget_s: Annotated[float, typer.Option(help="CPU seconds for the first.")] = 2300,
    anew: Annotated[bool, typer.Option(help="Train even if weights exist.")] = False,
) -> None:
    """Train mito-mf5-x4 and, from it, mito-mf5-x4-live; write their folders.

    Example: `python -m pssr_live.training.mito --data DATA --work WORK --models models`
    """
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    start = None
    for name, (lookahead, share) in NETWORKS.items():
        net = FastNet(Architecture(lookahead=lookahead))
        weights = work / f"{name}.safetensors"
        if anew or not weights.exists():
            rate = 1e-3 if start is None else 6e-4
            plan = TrainPlan(budget_s=budget_s * share, learning_rate=rate)
            pool = load_pool(data, work / "pool.npy")
            net = train(net.architecture, pool, plan, _progress, start)
            save_file(net.state_dict(), weights)
        net.load_state_dict(load_file(weights))
        start = net.state_dict()
        write_folder(net.eval(), models / name, data, budget_s * share)


def write_folder(net: FastNet, folder: Path, data: Path, cpu_seconds: float) -> None:
    """Judge a network and write its model folder, with page and picture."""
    simulated = examples(torch.from_numpy(build_pool(HELD_OUT, [])), net, photons=20)
    living = examples(movie_clips(data / HELD_OUT_MOVIE), net, photons=20)
    metrics = {
        "simulated cells never seen, 20 photons": judge(net, simulated),
        "mitosis movie never seen, scanned at 20 photons": judge(net, living),
    }
    card = export(net, folder, _about(net, cpu_seconds, metrics))
    shown = max(simulated, key=lambda example: float(example.truth.std()))
    _draw(net, shown, folder / "preview.png")
    (folder / "README.md").write_text(page(card), encoding="utf-8")
    say(metrics)


def movie_clips(path: Path, frames: int = 5, step: int = 4) -> torch.Tensor:
    """Cut a movie (T, Y, X) into windows (N, frames, Y, X), brightness about 0..1."""
    movie = tifffile.imread(path).astype(np.float32)
    low, high = np.percentile(movie[0], [1, 99.8])
    height, width = (extent // 4 * 4 for extent in movie.shape[1:])
    levelled = (movie[:, :height, :width] - low) / (high - low)
    windows = [levelled[k : k + frames] for k in range(0, len(movie) - frames, step)]
    return torch.from_numpy(np.stack(windows).clip(0, 4))


def _about(net: FastNet, cpu_seconds: float, metrics: dict[str, Any]) -> dict[str, Any]:
    lookahead = net.architecture.lookahead
    when = "nothing later" if not lookahead else f"{lookahead} later frames"
    return {
        "version": "1.0.0",
        "summary": f"living cells in fluorescence, 4x per axis, 5 frames, {when}",
        "licence": "BSD-3-Clause",
        "tolerance": 1e-3,
        "limits": (
            "Made for fluorescence; not judged on electron microscopy.",
            "Learned motion up to 3 high-density pixels a frame, no more.",
            "Learned 6 photons a pixel (at the bright level) and more, no less.",
            "Detail finer than the microscope's PSF cannot be restored, only invented.",
        ),
        "sample": {
            "kind": "mitochondria, filaments, vesicles, nuclei",
            "modality": "confocal and two-photon fluorescence",
            "pixel_size_um": (0.1, 0.4),
        },
        "training": {
            "data": (
                "simulated cells (pssr_live.samples.mito)",
                "NEUBIAS training images, CC-BY 4.0",
                "FLClab STED actin and tubulin, MIT",
                "MapManager two-photon dendrites, MIT",
                "U. Wisconsin LOCI collagen, BSD-2-Clause",
                "NASA pretrained-microscopy-models SEM, MIT",
                "axondeepseg spinal cord SEM, MIT",
            ),
            "crappifier": asdict(Ranges()),
            "cpu_seconds": cpu_seconds,
            "seed": 0,
        },
        "metrics": metrics,
    }


def page(card: ModelCard) -> str:
    """Return a model's README, in Markdown."""
    rows = [
        f"| {test} | {m['psnr_db']:.2f} | {m['bicubic_psnr_db']:.2f} | "
        f"{m['mean5_psnr_db']:.2f} | {m['first_frame_psnr_db']:.2f} | "
        f"{m['ssim']:.3f} | {m['bicubic_ssim']:.3f} |"
        for test, m in card.metrics.items()
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
        f"* {card.parameters:,} parameters, receptive radius "
        f"{card.receptive_radius} raw pixels",
        "",
        "| PSNR in dB (data range: brightness 1) | restored | bicubic | mean of 5 "
        "| first frame of a stream | SSIM | SSIM bicubic |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
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


def _draw(net: FastNet, example: Example, path: Path) -> None:
    a = net.architecture
    raw = example.scan[a.target]
    restored = run(net, example.scan, np.ones(a.n_frames))
    write_preview(
        path,
        [
            Panel(f"raw scan {len(raw)} px", raw, a.scale * HR_PIXEL_UM),
            Panel(f"restored {len(restored)} px", restored, HR_PIXEL_UM, computed=True),
            Panel("truth", example.truth, HR_PIXEL_UM),
        ],
        panel_size=400,
    )


def _progress(used: float, steps: int, loss: float) -> None:
    say(f"{100 * used:5.1f} %  step {steps:6d}  loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
