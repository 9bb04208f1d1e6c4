"""The `pssr-live` command inside the test's own process, which makes it quick."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymmcore_plus  # noqa: F401 - sets up its logger when first imported
import pytest

from pssr_live.__main__ import main

_LOGGERS = ("pssr_live", "tifffile", "pymmcore-plus")


@dataclass(frozen=True)
class Outcome:
    """What a command left on the terminal, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must hold JSON and nothing else."""
        return json.loads(self.out)

    def assert_refused(self, *words: str) -> None:
        """One sentence on standard error, exit code 2, nothing else anywhere."""
        assert self.code == 2, self
        assert self.out == ""
        assert self.err.startswith("Error: ")
        assert self.err.count("\n") == 1 and self.err.endswith(".\n")
        for word in words:
            assert word in self.err


class Cli:
    """Runs commands, and leaves the loggers as they were."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: object) -> Outcome:
        """Run `pssr-live <words>`."""
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["pssr-live", *map(str, words)])
        with _logging_kept(), pytest.raises(SystemExit, match=r"^\w+$") as ended:
            main()
        told = self._capsys.readouterr()
        return Outcome(int(ended.value.code or 0), told.out, told.err)


@contextmanager
def _logging_kept() -> Iterator[None]:
    before = [
        (logger, list(logger.handlers), [h.level for h in logger.handlers], on)
        for logger in map(logging.getLogger, _LOGGERS)
        for on in [logger.propagate]
    ]
    try:
        yield
    finally:
        logging.raiseExceptions = True
        for logger, handlers, levels, on in before:
            logger.handlers, logger.propagate = handlers, on
            for handler, level in zip(handlers, levels, strict=True):
                handler.setLevel(level)
