"""The report as rows of words, for the terminal and for the page alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Report = dict[str, Any]
Rows = list[list[str]]

TIMES = ["p50 ms", "p95", "p99", "max", "frames/s"]
WORK = [
    "GFLOP per s", "of peak", "alone", "cores", "p50 at 30/s", "cores then",
]  # fmt: skip
ENGINE_HEAD = ["engine", "in", "self-test error", "built in s", "starts in s", "MB"]
NOTHING = "-"


def speed_rows(report: Report, side: int) -> Rows:
    """Return name, `TIMES` and `WORK` of each engine and of what it stands beside."""
    sizes = {
        name: engine["sizes"][str(side)] for name, engine in report["engines"].items()
    }
    rows = [_speed(_called(report, name), size) for name, size in sizes.items()]
    if side != report["settings"]["sizes"][0]:
        return rows
    return rows + [_speed(name, peer) for name, peer in report["peers"].items()]


def engine_rows(report: Report) -> Rows:
    """Return what each engine is and what it costs to start."""
    return [
        [
            _called(report, name),
            f"{engine['precision']}, {engine['device']}",
            _number(engine["self_test_error"], ".1e"),
            _number(engine["build_s"], ".1f"),
            _number(engine["start_s"], ".2f"),
            _number(engine["memory_mb"], ".0f"),
        ]
        for name, engine in report["engines"].items()
    ]


def absent_rows(report: Report) -> Rows:
    """Return what did not take part, and why."""
    return [[*each] for each in (report["refused"] | report["left_out"]).items()]


def sentences(report: Report) -> Iterator[str]:
    """Yield what needs no table: the peaks, the recorded and the live run."""
    cpu, recorded = report["cpu_peak"], report["recorded_run"]
    loop = "no loop of multiply-adds in machine code"
    if cpu["instructions"] is not None:
        loop = (
            f"multiply-adds in machine code ({cpu['instructions']}) "
            f"{cpu['fma_gflop_per_s']:.0f} GFLOP/s"
        )
    yield (
        f"Peak of the processor: {loop}, sgemm {cpu['sgemm_gflop_per_s']:.0f} "
        f"GFLOP/s in float32, which shorter numbers may exceed; memory copied at "
        f"{cpu['copy_gb_per_s']:.0f} GB/s."
    )
    if report["gpu"] is not None:
        rates = ", ".join(
            f"{kind} {rate:.0f}" for kind, rate in report["gpu"]["tflop_per_s"].items()
        )
        yield (
            f"Peak of the GPU ({report['gpu']['name']}): {rates} TFLOP/s, upload "
            f"{report['gpu']['upload_gb_per_s']:.1f}, download "
            f"{report['gpu']['download_gb_per_s']:.1f} GB/s, within it "
            f"{report['gpu']['copy_gb_per_s']:.0f} GB/s."
        )
    yield from _copying(report)
    yield (
        f"Whole recorded run with {report['chosen']}, from frame to both files: "
        f"{recorded['frames_per_s']:.1f} frames/s, "
        f"{100 * recorded['overhead']:+.0f} % of the network's time around it."
    )
    live = report.get("live")
    if live is not None:
        yield (
            f"Live, the simulated scanner on the same cores: "
            f"{live['scanned_per_s']:.1f} frames/s scanned, "
            f"{live['restored_per_s']:.1f} restored, "
            f"{100 * live['deferred_share']:.1f} % deferred to the end, {live['lost']} "
            f"lost; {live['latency_ms']['p50']:.0f} ms from frame to picture on disk "
            f"(p99 {live['latency_ms']['p99']:.0f})."
        )


def _copying(report: Report) -> Iterator[str]:
    """Yield what of a frame's time is the way to a GPU and back, at its best rate."""
    for name, engine in report["engines"].items():
        parts = [
            f"{size['copy_share']:.0%} of {side} x {side}"
            for side, size in engine["sizes"].items()
            if size.get("copy_share") is not None
        ]
        if parts:
            yield (
                f"With {name}, uploading a frame and downloading its picture at that "
                f"rate would be {', '.join(parts)}."
            )


def busy(report: Report) -> str | None:
    """Return the remark that figures need which were taken on a busy machine."""
    if report["quiet"]:
        return None
    return (
        "Something else was running: not all cores were free, so these figures are not "
        f"ours (bursts got {report['cpu_peak']['cores_got']:.2f} of "
        f"{report['machine']['cores']} cores). Measure again."
    )


def about(report: Report) -> str:
    """Return on which machine, and with what, it was measured."""
    known = {key: value for key, value in report["machine"].items() if value}
    return ", ".join(f"{key} {value}" for key, value in known.items())


def _called(report: Report, name: str) -> str:
    engine = report["engines"][name]
    if not engine["restores"]:
        return f"{name} (not restored)"
    if engine["opt_in"]:
        return f"{name} (opt-in)"
    return f"{name} (in use)" if name == report["chosen"] else name


def _speed(name: str, timed: Report) -> list[str]:
    paced = timed.get("paced", {})
    return [
        name,
        *(_ms(timed[f"{which}_ms"]) for which in ("p50", "p95", "p99", "max")),
        _number(timed["frames_per_s"], ".1f"),
        _number(timed["gflop_per_s"], ".0f"),
        _number(timed.get("peak_share"), ".0%"),
        _number(timed.get("network_peak_share"), ".0%"),
        _number(timed.get("cores_used"), ".2f"),
        _ms(paced.get("p50_ms")),
        _number(paced.get("cores_used"), ".2f"),
    ]


def _ms(value: float | None) -> str:
    return _number(value, ".2f" if value is None or value >= 1 else ".3f")


def _number(value: float | None, how: str) -> str:
    return NOTHING if value is None else format(value, how)
