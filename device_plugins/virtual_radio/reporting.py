"""When a device reports an attribute (ZCL 2.5.7 and 2.5.11): least and greatest interval, and the least change."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from device_plugins.virtual_radio import zcltypes
from device_plugins.virtual_radio.cluster import Attribute, Cluster, Endpoint, Reporting

type Key = tuple[int, int, int]


@dataclass(slots=True)
class _Told:
    """What was last reported, and when (monotonic seconds)."""

    value: Any
    at: float


class Speaker(Protocol):
    """The device that reports."""

    @property
    def hasty(self) -> bool:
        """Whether no change is held back for the least interval."""

    def later(self, key: str, seconds: float, call: Callable[[], object]) -> None:
        """Do something in a while, instead of what was planned under the same key."""

    def cancel(self, key: str) -> None:
        """Do after all not what was planned under this key."""

    def report(self, here: Endpoint, cluster: int, attributes: list[Attribute]) -> int:
        """Send a report to whoever is bound, and return how many frames went out."""


class Reporter:
    """Decide for one device; it holds at most one timer for each configured attribute."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._told: dict[Key, _Told] = {}

    def forget(self) -> None:
        """Forget what was reported."""
        self._told.clear()

    def configured(self, here: Endpoint, cluster: Cluster, attribute: Attribute) -> None:
        """Begin anew with an attribute whose configuration has changed; its present value counts as known."""
        self._told[_key(here, cluster, attribute)] = _Told(attribute.value, -math.inf)
        self.plan(here, cluster, attribute)

    def changed(self, here: Endpoint, cluster: Cluster, attributes: list[Attribute]) -> int:
        """Report those of the changed attributes that are due, hold the others back; return the frames sent."""
        due = [one for one in attributes if one.reporting is not None and self._is_due(here, cluster, one)]
        return self._send(here, cluster, due) if due else 0

    def plan(self, here: Endpoint, cluster: Cluster, attribute: Attribute) -> None:
        """Set the timer of the next periodic report, if there is one."""
        name, reporting = _name(here, cluster, attribute), attribute.reporting
        if reporting is None or not reporting.most:
            self._speaker.cancel(name)
        else:
            self._speaker.later(name, reporting.most, lambda: self._periodic(here, cluster, attribute))

    def _is_due(self, here: Endpoint, cluster: Cluster, attribute: Attribute) -> bool:
        told, reporting = self._told.get(_key(here, cluster, attribute)), attribute.reporting
        if told is None or reporting is None:
            return True
        if not differs(attribute, told.value, reporting):
            return False
        wait = told.at + reporting.least - time.monotonic()
        if wait <= 0 or self._speaker.hasty:
            return True
        name = _name(here, cluster, attribute)
        self._speaker.later(name, wait, lambda: self._held_back(here, cluster, attribute))
        return False

    def _held_back(self, here: Endpoint, cluster: Cluster, attribute: Attribute) -> None:
        """Report what changed during the least interval, unless it changed back."""
        if not self.changed(here, cluster, [attribute]):
            self.plan(here, cluster, attribute)

    def _periodic(self, here: Endpoint, cluster: Cluster, attribute: Attribute) -> None:
        self._send(here, cluster, [attribute])

    def _send(self, here: Endpoint, cluster: Cluster, attributes: list[Attribute]) -> int:
        sent = self._speaker.report(here, cluster.number, attributes)
        for attribute in attributes:
            if sent:
                self._told[_key(here, cluster, attribute)] = _Told(attribute.value, time.monotonic())
            self.plan(here, cluster, attribute)
        return sent


def differs(attribute: Attribute, before: object, reporting: Reporting) -> bool:
    """Whether a value is far enough from what was reported: by the least change if it is analog, at all if not."""
    now = attribute.value
    if not zcltypes.is_analog(attribute.kind) or not reporting.change:
        return bool(now != before)
    if not isinstance(before, int | float) or not isinstance(now, int | float):
        return bool(now != before)
    distance = abs(now - before)
    return bool(distance >= reporting.change) if math.isfinite(distance) else bool(now != before)


def _key(here: Endpoint, cluster: Cluster, attribute: Attribute) -> Key:
    return here.number, cluster.number, attribute.number


def _name(here: Endpoint, cluster: Cluster, attribute: Attribute) -> str:
    return f"report {here.number}/{cluster.number:04x}/{attribute.number:04x}"
