"""Text that may stand in XML, whatever a person has typed."""

from __future__ import annotations

import re

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_safe(text: str) -> str:
    """Return a text without the characters that XML cannot hold at all."""
    return _NOT_XML.sub("", text)
