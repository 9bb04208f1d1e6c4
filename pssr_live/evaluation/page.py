"""A page of headings, sentences, tables and pictures, as Markdown or as HTML.

Knows nothing of what it says; see `pssr_live.evaluation.findings`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

Table = list[list[str]]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto;
  padding: 0 1rem; color: #e8eaee; background: #101216; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #343a46; }
th:first-child, td:first-child { text-align: left; }
p { max-width: 50rem; }
figure { margin: 1.5rem 0; } img { max-width: 100%; } figcaption { color: #a9b0bd; }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, sentences, a table (its head first), and pictures with captions."""

    heading: str
    text: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    pictures: Sequence[tuple[Path, str]] = ()


def markdown(title: str, parts: Iterable[Section]) -> str:
    """Return the page in Markdown; pictures are linked by name."""
    lines = [f"# {title}", ""]
    for part in parts:
        lines += [f"## {part.heading}", ""]
        lines += [line for text in part.text for line in (text, "")]
        if part.table:
            head, *rows = map(_markdown_row, part.table)
            lines += [head, "|---" * len(part.table[0]) + "|", *rows, ""]
        for path, said in part.pictures:
            lines += [f"![]({path.name})", "", said, ""]
    return "\n".join(lines)


def html(title: str, parts: Iterable[Section]) -> str:
    """Return the page in HTML that needs no other file: pictures are inside."""
    body = [f"<h1>{escape(title)}</h1>"]
    for part in parts:
        body.append(f"<h2>{escape(part.heading)}</h2>")
        body += [f"<p>{escape(text)}</p>" for text in part.text]
        if part.table:
            head, *rows = part.table
            cells = [_html_row(head, "th"), *(_html_row(row, "td") for row in rows)]
            body += ["<table>", *cells, "</table>"]
        body += [_html_picture(path, said) for path, said in part.pictures]
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            *body,
            "</body></html>\n",
        )
    )


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _html_row(cells: Sequence[str], tag: str) -> str:
    inside = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inside}</tr>"


def _html_picture(path: Path, said: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    picture = f'<img alt="" src="data:image/png;base64,{data}">'
    return f"<figure>{picture}<figcaption>{escape(said)}</figcaption></figure>"
