"""The whole measurement, from the engines that start to the account of it all."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pssr_live.bench.bars import BAR_SIDE, report_bars
from pssr_live.bench.beside import live_or_why_not, peers_or_why_not
from pssr_live.bench.candidates import Candidate, Field, gather
from pssr_live.bench.engine_turn import EngineTurn
from pssr_live.bench.machine import describe
from pssr_live.bench.peak.cpu import CpuPeak, CpuTurn
from pssr_live.bench.peak.gpu import gpu_peak
from pssr_live.bench.recorded import RecordedTurn
from pssr_live.bench.rounds import Listener, Turn, run_rounds
from pssr_live.bench.settings import BenchSettings
from pssr_live.card import Model, load_model
from pssr_live.restorer import Restorer

if TYPE_CHECKING:
    from pssr_live.bench.peers.turn import PeerTurn

COUNT_BYTES = 2  # of a pixel of 16 bits
QUIET_SHARE = 0.9  # of all cores, got by the bursts that the peak is taken from
QUIET_SHARE_OF_ENGINE = 0.8  # the same for an engine, whose threads wait for each other

Report = dict[str, Any]


def measure(settings: BenchSettings, listen: Listener) -> Report:
    """Measure everything that was asked for; return the report, ready for JSON.

    Raises
    ------
    EngineError, ModelError
        If no engine asked for works, or the model cannot be trusted.
    """
    model = load_model(settings.model)
    machine = describe()
    first = settings.sizes[0]
    field = gather(model, settings.engines, settings.peers, first, listen)
    try:
        report = _report(settings, model, field, machine, listen)
    finally:
        field.close()
    chosen = report["chosen"]
    if settings.live:
        report |= live_or_why_not(
            model, chosen, settings.seconds, report["left_out"], listen
        )
    report["load_at_end"] = describe()["load"]
    report["bars"] = report_bars(report)
    rounded: Report = _rounded(report)
    return rounded


def _report(
    settings: BenchSettings,
    model: Model,
    field: Field,
    machine: Report,
    listen: Listener,
) -> Report:
    peak = CpuTurn()
    engines = {c.engine.name: c.as_json() | {"sizes": {}} for c in field.candidates}
    on_gpu = any(c.engine.device != "cpu" for c in field.candidates)
    gpu = gpu_peak() if on_gpu else None
    left_out: dict[str, str] = {}
    report: Report = {
        "machine": machine,
        "model": {"name": model.card.name, "version": model.card.version}
        | {"scale": model.card.scale, "n_frames": model.card.n_frames},
        "settings": settings.as_json(),
        "chosen": field.chosen.engine.name,
        "engines": engines,
        "refused": field.refused,
        "left_out": left_out,
        "gpu": gpu,
    }
    for side in settings.sizes:
        first = side == settings.sizes[0]
        with closing(Restorer(model, report["chosen"])) as restorer:
            recorded = RecordedTurn(restorer, side) if first else None
            peers = peers_or_why_not(side, left_out) if first and settings.peers else []
            turns = [EngineTurn(c.engine, model.card, side) for c in field.candidates]
            order: list[Turn] = [peak, *turns, *peers]
            if recorded is not None:  # next to the engine that it is compared with
                order.insert(1 + field.candidates.index(field.chosen) + 1, recorded)
            run_rounds(
                order,
                settings.seconds_for(side),
                f"{side} x {side} pixels",
                listen,
            )
        _account(report, side, turns, recorded, peers)
    _compare_with_peaks(report, peak.result(), field.candidates)
    return report


def _account(
    report: Report,
    side: int,
    turns: list[EngineTurn],
    recorded: RecordedTurn | None,
    peers: list[PeerTurn],
) -> None:
    """Put what the rounds of one size gave into the report."""
    for turn in turns:
        report["engines"][turn.name]["sizes"][str(side)] = turn.result()
    if recorded is None:
        return
    report["peers"] = {peer.name: peer.result() for peer in peers}
    (chosen,) = (turn for turn in turns if turn.name == report["chosen"])
    report["recorded_run"] = recorded.result(chosen.network_round_ms)


def _compare_with_peaks(
    report: Report, cpu: CpuPeak, candidates: list[Candidate]
) -> None:
    """Add the peaks, and each engine's share of the one that is above it."""
    report["cpu_peak"] = asdict(cpu) | {"gflop_per_s": cpu.gflop_per_s}
    report["quiet"] = _was_quiet(report, cpu)
    gpu_tflop_per_s = (report["gpu"] or {}).get("tflop_per_s", {})
    for candidate in candidates:
        engine = candidate.engine
        above = cpu.gflop_per_s
        if engine.device != "cpu":
            above = 1e3 * gpu_tflop_per_s.get(engine.precision, np.nan)
        for size in report["engines"][engine.name]["sizes"].values():
            for rate in ("gflop_per_s", "network_gflop_per_s"):
                reached = size[rate]
                known = reached is not None and np.isfinite(above)
                share = rate.replace("gflop_per_s", "peak_share")
                size[share] = reached / above if known else None
        if engine.device != "cpu" and report["gpu"] is not None:
            _compare_with_copies(report, report["engines"][engine.name]["sizes"])
    for peer in report["peers"].values():
        if peer["device"] == "cpu":
            peer["peak_share"] = peer["gflop_per_s"] / cpu.gflop_per_s


def _compare_with_copies(report: Report, sizes: Report) -> None:
    """Add what the way to the GPU and back takes at its measured rates."""
    gpu, scale = report["gpu"], report["model"]["scale"]
    for side, size in sizes.items():
        frame_bytes = COUNT_BYTES * int(side) ** 2
        s_per_gb = 1 / gpu["upload_gb_per_s"] + scale**2 / gpu["download_gb_per_s"]
        size["copy_ms"] = 1e-6 * frame_bytes * s_per_gb
        size["copy_share"] = size["copy_ms"] / size["p50_ms"]


def _was_quiet(report: Report, cpu: CpuPeak) -> bool:
    """Tell whether what wants all cores was given them.

    The bursts do, and so does an engine on the processor while frames are large enough
    to keep its threads from sleeping.
    """
    cores, side = report["machine"]["cores"], report["settings"]["sizes"][0]
    engine = report["engines"][report["chosen"]]
    wants_all = engine["restores"] and engine["device"] == "cpu" and side >= BAR_SIDE
    used = engine["sizes"][str(side)]["cores_used"]
    enough = not wants_all or used >= QUIET_SHARE_OF_ENGINE * cores
    return bool(enough and cpu.cores_got >= QUIET_SHARE * cores)


def _rounded(value: Any) -> Any:
    """Return a report with floats of four figures, which is more than are certain."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.4g}")
    return value
