"""The report as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

DEVICES = {"cpu": "CPU", "cuda": "GPU"}
NOT_RUN = "not run"
PARTS = (("slow", "middle", "fast"), ("10", "20", "40"))

Report = dict[str, Any]


def page(report: Report) -> str:
    """Return everything that was measured, what was not, and where."""
    parts = [
        "# Networks side by side",
        _about(report),
        "## Scores",
        _scores(report),
        "Slow, middle and fast: 0.3, 1 and 3 truth pixels a frame. Fitted: after gain "
        "and offset were fitted by least squares. Milliseconds: 512 x 512 in plain "
        "torch, all networks in turns, least and median.",
        "## Minus the PSSR U-Net",
        _differences(report),
        "Frame by frame; 95 % bootstrap intervals over scenes.",
        "## While they learn",
        _curves(report),
        "PSNR in dB on every fourth judged frame, after a share of the time; in the "
        "last columns on all frames, after as many samples as the U-Net saw, the "
        "schedule of the learning rate shortened to fit. A network that saw fewer "
        "than the U-Net in its whole time has no figure there.",
        "## Bars",
        _bars(report),
    ]
    if report["real"] is not None:
        parts += ["## Real movies, never trained on", _real(report)]
    return "\n\n".join(parts) + "\n"


def _about(report: Report) -> str:
    settings, test = report["settings"], report["test_set"]
    machine = ", ".join(f"{key} {value}" for key, value in report["machine"].items())
    return (
        f"Made on {report['made']} by `python -m benchmarks.network --budget-s "
        f"{settings['budget_s']:g} --device {settings['device']} --out DIR`.\n\n"
        f"Machine: {machine}.\n\n"
        f"Every network was trained for {settings['budget_s']:g} seconds of the "
        f"{DEVICES[settings['device']]}, counted in its steps alone, on windows of the "
        f"same {settings['clips']} simulated clips, and scored on {test['frames']} "
        f"frames of {test['scenes']} cells that none has seen (SHA-256 of the test "
        f"set: `{test['sha256']}`)."
    )


def _scores(report: Report) -> str:
    head = [
        "network",
        "M parameters",
        "GFLOP",
        "ms",
        "samples / a step",
        "PSNR",
        "SSIM",
    ]
    head += ["foreground", "fitted", "slow / middle / fast", "10 / 20 / 40 photons"]
    rows = [
        [name, "", "", "", "", *_figures(scores)]
        for name, scores in report["baselines"].items()
    ]
    for name, title in report["asked"].items():
        net = report["networks"].get(name)
        rows.append([title, *([NOT_RUN] * 10)] if net is None else _network(net))
    return _table(head, rows)


def _network(net: Report) -> list[str]:
    latency = net["latency"]
    return [
        net["title"],
        f"{net['parameters'] / 1e6:.3f}",
        f"{net['gflop']:.2f}",
        f"{latency['min_ms']:.1f} / {latency['median_ms']:.1f}",
        f"{net['samples']} / {net['batch']}",
        *_figures(net["scores"]),
    ]


def _figures(scores: Report) -> list[str]:
    speeds, photons = PARTS
    return [
        f"{scores['psnr_db']:.2f}",
        f"{scores['ssim']:.3f}",
        f"{scores['foreground_psnr_db']:.2f}",
        f"{scores['fitted_psnr_db']:.2f}",
        " / ".join(f"{scores['by_speed'][part]:.1f}" for part in speeds),
        " / ".join(f"{scores['by_photons'][part]:.1f}" for part in photons),
    ]


def _differences(report: Report) -> str:
    measured = {n: net["scores"] for n, net in report["networks"].items()}
    rows = []
    for name, scores in {**report["baselines"], **measured}.items():
        if "minus_unet" not in scores:
            continue
        differs = scores["minus_unet"]
        ahead = differs["psnr_db"]
        rows.append(
            [
                report["asked"].get(name, name),
                _interval(ahead, ".2f"),
                _interval(differs["ssim"], ".3f"),
                _interval(differs["fitted_psnr_db"], ".2f"),
                f"{ahead['scenes_ahead']} of {ahead['scenes']}",
            ]
        )
    head = ["method", "PSNR, dB", "SSIM", "fitted PSNR, dB", "scenes ahead"]
    return _table(head, rows) if rows else f"The U-Net was {NOT_RUN}."


def _interval(difference: Report, digits: str) -> str:
    mean, low, high = (difference[key] for key in ("mean", "low", "high"))
    if low is None:
        return f"{mean:+{digits}}"
    return f"{mean:+{digits}} [{low:+{digits}}, {high:+{digits}}]"


def _curves(report: Report) -> str:
    shares = [f"{100 * share:g} %" for share in report["marks"]]
    rows = []
    for name, net in report["networks"].items():
        equal = report["equal_samples"].get(name)
        by_share = _by_mark(net["curve"], report["marks"])
        last = [NOT_RUN] * 2
        if equal is not None:
            last = [f"{equal['psnr_db']:.2f}", str(equal["samples"])]
        rows.append([net["title"], *by_share, *last])
    return _table(["network", *shares, "equal samples", "samples"], rows)


def _by_mark(curve: Sequence[Sequence[float]], marks: Iterable[float]) -> list[str]:
    """Return the PSNR at each mark; a slow network can leap over one."""
    found = {max((m for m in marks if m <= at[0]), default=0): at[-1] for at in curve}
    return [f"{found[m]:.2f}" if m in found else "" for m in marks]


def _bars(report: Report) -> str:
    met = {True: "yes", False: "**no**", None: NOT_RUN}
    rows = [
        [
            bar["what"],
            "" if bar["value"] is None else f"{bar['value']:.2f}",
            bar["bar"],
            met[bar["met"]],
        ]
        for bar in report["bars"]
    ]
    return _table(["what", "measured", "bar", "met"], rows)


def _real(report: Report) -> str:
    movies = list(next(iter(report["real"].values()))["by_scene"])
    rows = []
    for name, scores in report["real"].items():
        values = [scores["by_scene"][movie] for movie in movies]
        mean = sum(values) / len(values)
        title = report["asked"].get(name, name)
        rows.append([title, *(f"{v:.2f}" for v in values), f"{mean:.2f}"])
    return _table(["PSNR, dB", *movies, "mean"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
