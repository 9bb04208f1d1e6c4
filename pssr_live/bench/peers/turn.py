"""One network of others, in its turn.

The others are favoured where there is a choice: weight norms are folded away, the
frames lie ready as values where they are computed on, of two memory layouts the faster
one counts, and a GPU computes in half precision. Weights are random: they cost the
same.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from pssr_live.bench.peers.cost import cost
from pssr_live.bench.peers.pssr_mf import PssrMf
from pssr_live.bench.peers.resunet import ResUNet
from pssr_live.bench.spread import spread_ms
from pssr_live.engines.cores import usable_cores

N_FRAMES = 5
DIVISOR = 16  # both networks halve the picture until so many pixels are one
LARGEST = 256  # low-density pixels: attention over more would fill the memory
LAYOUTS = (torch.contiguous_format, torch.channels_last)
NETWORKS: dict[str, type[PssrMf] | type[ResUNet]] = {
    "PSSR-MF": PssrMf,
    "PSSR2 ResUNet": ResUNet,
}


def peer_turns(side: int) -> list[PeerTurn]:
    """Return a turn of each network on the CPU, and on a GPU if torch finds one."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    return [PeerTurn(name, device, side) for name in NETWORKS for device in devices]


def unfit(side: int) -> str | None:
    """Return why frames of this size cannot be given to them, or None."""
    if side % DIVISOR:
        return f"They take sizes that divide by {DIVISOR}, and {side} does not."
    if side > LARGEST:
        return (
            f"They are measured up to {LARGEST} pixels: PSSR-MF's attention over "
            f"{side} would take {4 * (side / 2) ** 4 / 1e9:.0f} GB."
        )
    return None


class PeerTurn:
    """Times one network on one device.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    device : str
        "cpu" or "cuda".
    side : int
        Low-density pixels.
    """

    def __init__(self, network: str, device: str, side: int) -> None:
        self.name = network if device == "cpu" else f"{network}, {device}"
        self.rounds = 0
        self.device = device
        self._kind = torch.float32 if device == "cpu" else torch.float16
        self._build, self._side = NETWORKS[network], side
        self._taken_ms: list[float] = []
        self._layout = LAYOUTS[0]
        torch.manual_seed(0)
        net = self._build()
        ready: nn.Module = net.folded() if isinstance(net, PssrMf) else net.eval()
        self._net = ready.to(device, self._kind)
        self._frames = torch.rand(
            1, N_FRAMES, side, side, device=device, dtype=self._kind
        )

    def warm_up(self) -> None:
        """Settle which memory layout is the faster one."""
        torch.set_num_threads(usable_cores())
        taken = {}
        for layout in LAYOUTS:
            self._lay_out(layout)
            self._run()
            taken[layout] = self._run()
        self._lay_out(min(taken, key=lambda layout: taken[layout]))

    def turn(self) -> None:
        """Compute one picture."""
        self.rounds += 1
        self._taken_ms.append(self._run())

    def result(self) -> dict[str, Any]:
        """Return everything measured, as JSON."""
        spread = spread_ms(self._taken_ms)
        counted = cost(self._build, N_FRAMES, self._side)
        return {
            "device": self.device,
            "precision": str(self._kind).removeprefix("torch."),
            "layout": str(self._layout).removeprefix("torch."),
            "rounds": self.rounds,
            "calls": len(self._taken_ms),
            **spread,
            "frames_per_s": 1e3 / spread["p50_ms"],
            "parameters": counted.parameters,
            "gflop": counted.gflop,
            "gflop_per_s": 1e3 * counted.gflop / spread["p50_ms"],
        }

    def _lay_out(self, layout: torch.memory_format) -> None:
        self._layout = layout
        self._net = self._net.to(memory_format=layout)  # type: ignore[call-overload]
        self._frames = self._frames.contiguous(memory_format=layout)

    def _run(self) -> float:
        self._wait()
        begun = time.perf_counter()
        with torch.inference_mode():
            self._net(self._frames)
        self._wait()
        return 1e3 * (time.perf_counter() - begun)

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
