"""Tables of benchmarks fit a terminal of 80 columns and cut no name short."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import odd_scans, real_sequences
from pssr_live.evaluation.case import BICUBIC, CLASSICAL, RESTORED
from pssr_live.training.shelf.recipes import RECIPES

SOURCES = [*RECIPES["mito-mf5-x4"].foreign, "texture 1"]


def printed(table: Table) -> str:
    console = Console(width=80)
    with console.capture() as said:
        console.print(table)
    assert "…" not in said.get()
    return said.get()


def test_faults_have_a_line_each() -> None:
    found: Any = {
        what: {how: SimpleNamespace(gain=n - 1.25) for how in odd_scans.FAULTS}
        for n, what in enumerate(SOURCES)
    }
    said = printed(odd_scans.table_of(found, "a model, gain in dB"))
    lines = [line for line in said.splitlines() if "-1.25" in line]
    assert len(lines) == len(odd_scans.FAULTS)
    for how, line in zip(odd_scans.FAULTS, lines, strict=True):
        assert how in line and "+2.75" in line and SOURCES[0] in line


def test_movies_have_a_line_each() -> None:
    methods = (RESTORED, BICUBIC, CLASSICAL, real_sequences.NOISE)
    figures = {"psnr_db": 30.0, "ssim": 0.891, "frc_cycles_per_px": 0.123}
    name = "microfilm_mitosis_C2_microtubules"
    movies = {name: dict.fromkeys(methods, figures)}
    report = {"model": "m", "movies": movies, "mean": {"a": 1.0, "b": -1.0}}
    said = printed(real_sequences.table_of(report))
    (line,) = [line for line in said.splitlines() if name in line]
    assert line.split()[1:] == ["+0.00"] * 3 + ["0.89/0.89", "0.123/0.123"]
