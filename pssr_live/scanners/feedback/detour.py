"""Detours: what an event asked for by a callback changes is put back after it.

A plan counts on what was set before it began, for instance the density. The MDA
engine only sets what an event names, so a re-scan at another density would stay.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent

from pssr_live.scanners.event_check import (
    check_numbers,
    check_preset,
    check_properties,
    check_stages,
)

_FIELDS = ("roi", "exposure", "channel", "x_pos", "y_pos", "z_pos")


class Detour:
    """Turns events into ones that also undo the detour before them.

    Parameters
    ----------
    core : CMMCorePlus
        Asked for what is set now, between two events.
    """

    def __init__(self, core: CMMCorePlus) -> None:
        self._core = core
        self._properties: dict[tuple[str, str], Any] = {}  # as the plan had them
        self._others: dict[str, Any] = {}  # fields of an event, likewise

    def planned(self, event: MDAEvent) -> MDAEvent:
        """Return `event` as the plan meant it, whatever was done before."""
        returned = self._return(event, set(self._others))
        self._properties.clear()
        self._others.clear()
        return returned

    def asked(self, event: MDAEvent) -> MDAEvent:
        """Return an event of a callback; what it changes is remembered.

        Raises
        ------
        Exception
            If the microscope lacks what it names, or does not take a value.
        """
        events = getattr(event, "events", ()) or (event,)
        for one in events:  # of all this the MDA engine would only log what fails
            if one.channel is not None:
                check_preset(self._core, one.channel.group, one.channel.config)
        check_numbers(events, "It")
        check_stages(self._core, events, "It")
        check_properties(self._core, events, "It")
        fields = {name for name in _FIELDS if self._changes(event, name)}
        returned = self._return(event, self._others.keys() - fields)
        named = {(p[0], p[1]) for p in event.properties or ()}
        kept = {key: v for key, v in self._properties.items() if key in named}
        for device, name in named - kept.keys():
            kept[device, name] = self._core.getProperty(device, name)
        others = {name: v for name, v in self._others.items() if name in fields}
        for name in fields - others.keys():
            others[name] = self._now(event, name)
        self._properties, self._others = kept, others
        return returned

    def end(self) -> None:
        """Put back the properties and the region that the last event changed."""
        for (device, name), value in self._properties.items():
            self._core.setProperty(device, name, value)
        if self._properties and (roi := self._others.get("roi")):
            self._core.setROI(*roi)
        self._properties.clear()
        self._others.clear()

    def _return(self, event: MDAEvent, fields: AbstractSet[str]) -> MDAEvent:
        """Add to `event` what is still changed and what it does not say itself."""
        said = {(p[0], p[1]): p[2] for p in event.properties or ()}
        back = {k: v for k, v in self._properties.items() if k not in said}
        update: dict[str, Any] = {
            name: value
            for name, value in self._others.items()
            if name in fields and getattr(event, name) is None
        }
        if back:
            every = {**back, **said}
            update["properties"] = [(*key, value) for key, value in every.items()]
        if not update:
            return event
        returned: MDAEvent = event.replace(**update)
        return returned

    def _changes(self, event: MDAEvent, name: str) -> bool:
        # Another density can carry the region away with it.
        given = getattr(event, name) is not None
        return given or (name == "roi" and bool(event.properties))

    def _now(self, event: MDAEvent, name: str) -> Any:
        core = self._core
        if name == "roi":
            return tuple(core.getROI())
        if name == "exposure":
            return core.getExposure()
        if name == "channel":
            assert event.channel is not None  # noqa: S101 - it is what changes
            group = event.channel.group
            config = core.getCurrentConfig(group)
            return {"group": group, "config": config} if config else None
        ask = {
            "x_pos": core.getXPosition,
            "y_pos": core.getYPosition,
            "z_pos": core.getZPosition,
        }
        return ask[name]()
