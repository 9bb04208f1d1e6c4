"""The bars of the comparison, and which of them were not measured this time."""

from __future__ import annotations

from typing import Any

from pssr_live.bench.bars import Bar

Networks = dict[str, dict[str, Any]]


def bars(networks: Networks, baselines: Networks, device: str) -> list[dict[str, Any]]:
    """Return all bars as JSON; those without a measurement have the value None."""
    unet = _better_unet(networks)
    on_cpu = device == "cpu"
    asked = [
        _ahead(networks, "fast", unet, "the PSSR U-Net", 1.8 if on_cpu else 0.3),
        _ahead(networks, "best", unet, "the PSSR U-Net", 0.8, unless=on_cpu),
        _ahead(networks, "fast", networks.get("one-frame"), "one frame", 2.5),
        _ahead(networks, "causal", networks.get("fast"), "centred", -1.0),
        _ahead(networks, "fast", {"scores": baselines["bicubic"]}, "bicubic", 9.0),
        _ahead(networks, "fast", {"scores": baselines["mean of 5"]}, "mean of 5", 4.5),
        *_costs(networks.get("fast")),
    ]
    return [bar for bar in asked if bar is not None]


def _better_unet(networks: Networks) -> dict[str, Any] | None:
    trained = [networks[n] for n in ("unet", "unet-published") if n in networks]
    return max(trained, key=_psnr, default=None)


def _ahead(
    networks: Networks,
    name: str,
    other: dict[str, Any] | None,
    called: str,
    bar_db: float,
    unless: bool = False,
) -> dict[str, Any] | None:
    if unless:
        return None
    what = f"{name} over {called}, dB"
    ours = networks.get(name)
    if ours is None or other is None:
        return {"what": what, "value": None, "bar": f">= {bar_db:g}", "met": None}
    return Bar(what, _psnr(ours) - _psnr(other), bar_db, at_least=True).as_json()


def _costs(fast: dict[str, Any] | None) -> list[dict[str, Any]]:
    if fast is None:
        return []
    million, gflop = fast["parameters"] / 1e6, fast["gflop"]
    return [
        Bar("fast, million parameters", million, 0.15, at_least=False).as_json(),
        Bar("fast, GFLOP for 512 x 512", gflop, 4.2, at_least=False).as_json(),
    ]


def _psnr(network: dict[str, Any]) -> float:
    value: float = network["scores"]["psnr_db"]
    return value
