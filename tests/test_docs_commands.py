"""Every command that the documentation spells out is one that the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pssr_live.commands import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/**/*.md")]
WRITTEN = re.compile(r"pssr-live ([a-z][^`\n#&|]*(?:\n[^`\n#&|]+(?=`))?)")


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for found in WRITTEN.finditer(page.read_text("utf-8")):
            words = shlex.split(found[1])
            if len(words) > 1 and words[0] in parser().commands:
                yield page.name, words


def parser() -> Any:
    return typer.main.get_command(app)


@pytest.mark.parametrize(("page", "words"), list(commands()))
def test_the_command_is_taken(page: str, words: list[str]) -> None:
    command = parser()
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words[0]]
        words = words[1:]
    if words or command.name != "check":  # `profile check` is named in sentences
        command.make_context(f"{page}: {command.name}", list(words))


def test_there_are_many() -> None:
    assert len(list(commands())) > 30
