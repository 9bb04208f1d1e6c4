"""The network in PyTorch, from counts to counts, on whatever device its memory is.

In half precision, all layers but the skip path compute in float16: they add a small
correction to an interpolated picture, and only the picture needs all its digits.
"""

from __future__ import annotations

import copy

import torch
from torch.nn import functional

from pssr_live.engines.cuda.inference import Bind, Ends
from pssr_live.engines.cuda.torch_memory import tensor_at
from pssr_live.network import FastNet

COUNT_BITS = 0xFFFF


class CountsNet:
    """A network between counts.

    Parameters
    ----------
    net : FastNet
        In float32; it is copied.
    device : str
        Where it shall compute.
    half : bool
        Whether in half precision.
    """

    def __init__(self, net: FastNet, device: str, half: bool) -> None:
        self._net = copy.deepcopy(net).to(device).eval()
        self._number = torch.float16 if half else torch.float32
        for layers in (self._net.head, self._net.blocks, self._net.tail):
            layers.to(dtype=self._number, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._net.pattern.to(self._number)

    def __call__(
        self, counts: torch.Tensor, valid: torch.Tensor, counts_map: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Restore windows.

        Parameters
        ----------
        counts : Tensor of int16, (N, T, h, w)
            The bits of unsigned counts.
        valid : Tensor of float32, (N, T)
            1 for each frame that is there.
        counts_map : Tensor of float32, (3,)
            Offset, scale and limit, in counts.

        Returns
        -------
        Tensor of int16, (N, scale * h, scale * w)
            The bits of unsigned counts.
        Tensor of float32, (N,)
            Sum of each output in network units.
        """
        offset, scale, limit = counts_map.unbind()
        # PyTorch computes with signed integers only.
        unsigned = counts.to(torch.int32) & COUNT_BITS
        values = (unsigned.to(torch.float32) - offset) / scale
        restored = self._values(values * valid[:, :, None, None], valid)
        total = restored.sum(dim=(1, 2))
        back = torch.round(restored * scale + offset).clamp_(min=0)
        back = torch.minimum(back, limit)
        return back.to(torch.int32).to(torch.int16), total

    def _values(self, known: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """`FastNet.forward`, in two precisions."""
        net, number = self._net, self._number
        target = net.architecture.target
        wide = known.to(dtype=number, memory_format=torch.channels_last)
        pattern = net.pattern((1 - valid).to(number))[:, :, None, None]
        features = net.blocks(torch.relu(net.head(wide) + pattern))
        reference = known[:, target : target + 1]
        reference = functional.pad(reference, (1, 1, 1, 1), mode="replicate")
        phases = net.tail(features).to(torch.float32) + net.skip(reference)
        restored: torch.Tensor = net.shuffle(phases)[:, 0]
        return restored


class TorchInference:
    """A network bound to its ends.

    Parameters
    ----------
    net : CountsNet
        What computes.
    ends : Ends
        In memory of a `TorchDevice`.
    scale : int
        Enlargement.
    """

    def __init__(self, net: CountsNet, ends: Ends, scale: int) -> None:
        windows, taken, height, width = ends.shape
        enlarged = (scale * height, scale * width)
        self._net = net
        self._given = (
            tensor_at(ends.counts, torch.int16, *ends.shape),
            tensor_at(ends.valid, torch.float32, windows, taken),
            tensor_at(ends.map, torch.float32, 3),
        )
        self._restored = tensor_at(ends.restored, torch.int16, windows, *enlarged)
        self._total = tensor_at(ends.total, torch.float32, windows)

    def enqueue(self) -> None:
        """Queue one run."""
        # TF32 has the ten bits of float16: the skip path would lose counts.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            restored, total = self._net(*self._given)
        self._restored.copy_(restored)
        self._total.copy_(total)

    def is_recordable(self) -> bool:
        """Tell whether a run can be recorded."""
        return True

    def close(self) -> None:
        """Let go of its ends."""
        del self._given, self._restored, self._total


def torch_binding(net: FastNet, device: str, half: bool) -> Bind:
    """Return what binds a network to ends in memory of a `TorchDevice`."""
    ready = CountsNet(net, device, half)
    if device == "cuda":
        torch.cuda.synchronize()  # the session's stream does not wait for this one
    scale = net.architecture.scale
    return lambda ends: TorchInference(ready, ends, scale)
