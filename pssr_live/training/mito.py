"""Train the shipped `mito` models: `python -m pssr_live.training.mito --help`.

First the centred network, then the causal one from its weights: what a frame looks
like is the same for both, only what may be looked at differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich import print as say
from safetensors.torch import save_file

from pssr_live.training.clips import PoolPlan, build_pool
from pssr_live.training.network import Architecture, FastNet
from pssr_live.training.trainer import TrainPlan, psnr_beside_bicubic, train

POOL = PoolPlan(simulated=360, real=280)
HELD_OUT = PoolPlan(simulated=24, real=0, seed=77)


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
    data: Annotated[Path, typer.Option(help="Folder with fluo/ and em/ images.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights.")],
    budget_s: Annotated[float, typer.Option(help="CPU seconds for the first.")] = 2400,
) -> None:
    """Train mito-mf5-x4 and, from it, mito-mf5-x4-live."""
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    pool = load_pool(data, out / "pool.npy")
    judged = torch.from_numpy(build_pool(HELD_OUT, []))
    start = None
    for name, lookahead, share in (
        ("mito-mf5-x4", 2, 1.0),
        ("mito-mf5-x4-live", 0, 0.7),
    ):
        plan = TrainPlan(
            budget_s=budget_s * share, learning_rate=1e-3 if start is None else 6e-4
        )
        net = train(Architecture(lookahead=lookahead), pool, plan, _progress, start)
        restored, bicubic = psnr_beside_bicubic(net, judged, photons=20)
        say(f"{name}: {restored:.2f} dB, bicubic {bicubic:.2f} dB")
        save(net, out / f"{name}.safetensors")
        start = net.state_dict()


def save(net: FastNet, path: Path) -> None:
    """Write the weights as safetensors."""
    save_file(net.state_dict(), path)


def _progress(used: float, steps: int, loss: float) -> None:
    say(f"{100 * used:5.1f} %  step {steps:6d}  loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
