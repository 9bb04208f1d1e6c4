"""What the images of a file are called: by the names of positions, each name once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pssr_live.storage.xml_text import xml_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pssr_live.storage.sites import ImageKey

ONLY = "image"  # the name of an image that is alone and was given none


def image_names(
    keys: Sequence[ImageKey], given: Mapping[ImageKey, str]
) -> tuple[str, ...]:
    """Return a name for each image.

    Parameters
    ----------
    keys : sequence
        What tells the images apart, as by `sites.image_key`.
    given : mapping
        The names of their positions, where a person gave one.

    Returns
    -------
    tuple of str
        The position's name, or else its number ("p0"), and behind it what else tells
        the images apart: "cell 3 g2". Positions of one name have their number too.

    >>> image_names([(("p", 0), ("g", 2)), (("p", 1),)], {(("p", 0), ("g", 2)): "a"})
    ('a g2', 'p1')
    """
    names = {key: _one_line(name) for key, name in given.items()}
    numbers: dict[str, set[int | None]] = defaultdict(set)
    for key in keys:
        numbers[names.get(key, "")].add(dict(key).get("p"))
    texts = []
    for key in keys:
        name = names.get(key, "")
        alone = bool(name) and len(numbers[name]) == 1
        axes = [f"{axis}{at}" for axis, at in key if not (alone and axis == "p")]
        texts.append(" ".join([name, *axes] if name else axes) or ONLY)
    return tuple(_distinct(texts))


def _one_line(name: str) -> str:
    return " ".join(xml_safe(name).split())


def _distinct(texts: Iterable[str]) -> Iterable[str]:
    """Number what is still the same, such as a position that is called "p1"."""
    taken: set[str] = set()
    for text in texts:
        distinct, count = text, 1
        while distinct in taken:
            count += 1
            distinct = f"{text} ({count})"
        taken.add(distinct)
        yield distinct
