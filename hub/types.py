"""The values that pass between the parts of the hub: immutable, shared safely, cheap to make."""

from collections.abc import Callable
from typing import Any

import msgspec

type Undo = Callable[[], None]
"""What registering returns: call it to take the registration back. Calling it twice does no harm."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """A fact that happened, with the CloudEvents 1.0 attributes.

    `seq` orders the events of one run of the hub; `time` is wall time in ns since 1970 and orders nothing.
    """

    type: str
    subject: str
    source: str
    seq: int
    time: int
    data: Any

    @property
    def id(self) -> str:
        """The event's identity within its source (CloudEvents 1.0, 3.1.1)."""
        return f"{self.time}-{self.seq}"


class StateEntry(msgspec.Struct, frozen=True, gc=False):
    """One true thing: its value, how often it changed, and when (wall time, ns since 1970).

    `restored` says that the value comes from before the last start and that its owner has not confirmed it yet.
    """

    value: Any
    version: int
    time: int
    restored: bool = False


class StateChanged(msgspec.Struct, frozen=True, gc=False):
    """The data of `state.changed`; the event's subject is the path. A deleted path has the value `None`."""

    value: Any
    old: Any
    version: int


class ServiceInfo(msgspec.Struct, frozen=True):
    """A service as published: enough to generate a form, a command or a page for it.

    `arguments` and `result` are JSON Schemas (2020-12), self-contained.
    """

    name: str
    owner: str
    doc: str
    arguments: dict[str, Any]
    result: dict[str, Any]


class HubStatus(msgspec.Struct, frozen=True):
    """How the hub fares. Times in s, memory in MiB; `plugins` counts them by status."""

    name: str
    version: str
    status: str
    uptime_s: float
    pid: int
    rss_mib: float
    events: int
    plugins: dict[str, int]
    data_dir: str


class PluginInfo(msgspec.Struct, frozen=True):
    """A plugin as the manager sees it; `status` is running, starting, stopped, failed, quarantined or disabled."""

    id: str
    version: str
    status: str
    description: str = ""
    reason: str = ""
    restarts: int = 0
    errors: int = 0


class Call(msgspec.Struct, frozen=True, gc=False):
    """Who calls, until when (monotonic seconds), and under which trace; a service may take it as an argument."""

    caller: str
    deadline: float
    trace: int
