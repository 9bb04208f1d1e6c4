"""Every key of the window, in one table that is also its list on `?`. No Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes
    ----------
    keys : tuple of str
        As Qt spells them; the first one is listed.
    what : str
        What it does.
    name : str
        The window's name for that.
    group : str
        Under which heading it is listed.
    """

    keys: tuple[str, ...]
    what: str
    name: str
    group: str


KEYS = (
    Key(("L",), "Live on and off", "live", "Acquire"),
    Key(("R",), "Record on and off", "record", "Acquire"),
    Key(("S",), "Snap one frame", "snap", "Acquire"),
    Key(("X", "Esc"), "Stop what is going on", "stop", "Acquire"),
    Key(("T",), "Take a reference now", "reference", "Acquire"),
    Key(("P",), "Plan an MDA", "plan", "Acquire"),
    Key(("PgUp",), "Denser", "denser", "Acquire"),
    Key(("PgDown",), "Coarser", "coarser", "Acquire"),
    Key(("Shift+PgUp",), "Longer dwell", "slower", "Acquire"),
    Key(("Shift+PgDown",), "Shorter dwell", "faster", "Acquire"),
    Key(("F",), "Flicker: raw in the place of restored", "flicker", "Look"),
    Key(("V",), "Side by side, or split", "split", "Look"),
    Key(("[",), "Divider to the left", "divider_left", "Look"),
    Key(("]",), "Divider to the right", "divider_right", "Look"),
    Key(("+", "="), "Nearer", "zoom_in", "Look"),
    Key(("-",), "Farther", "zoom_out", "Look"),
    Key(("0",), "Whole field", "fit", "Look"),
    Key(("A",), "Automatic contrast on and off", "auto", "Look"),
    Key(("C",), "Reset contrast", "reset", "Look"),
    Key(("M",), "Mark saturated pixels", "marks", "Look"),
    Key(("W",), "Mark where picture and scan differ", "doubts", "Look"),
    Key(("1", "2", "3", "4", "5", "6"), "Channel on and off", "channel", "Look"),
    Key(("E",), "Export the view", "export", "Keep"),
    Key(("N",), "Write notes", "notes", "Keep"),
    Key(("Ctrl+D",), "Folder for recordings", "folder", "Keep"),
    Key(("O", "Ctrl+O"), "Open a movie", "open", "Movie"),
    Key(("G",), "Restore the movie", "restore", "Movie"),
    Key(("Ctrl+S",), "Save the restored movie", "save", "Movie"),
    Key(("Right",), "Next time point", "next", "Movie"),
    Key(("Left",), "Time point before", "previous", "Movie"),
    Key(("I",), "The model's card", "card", "Window"),
    Key(("Ctrl+M",), "Connect another microscope", "config", "Window"),
    Key(("D",), "Dismiss messages", "dismiss", "Window"),
    Key(("?", "F1"), "This list", "keys", "Window"),
    Key(("Ctrl+Q",), "Close", "close", "Window"),
)


def listed() -> dict[str, list[tuple[str, str]]]:
    """Return keys and what they do, by heading."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in KEYS:
        shown = "1 … 6" if key.name == "channel" else key.keys[0]
        found.setdefault(key.group, []).append((shown, key.what))
    return found
