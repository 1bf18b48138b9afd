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


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What protects a service from its callers, and them from it; 0 is no limit.

    `rate` calls a second on average and `burst` at once (at least 1); more are refused. At most `concurrency` run at
    a time, others wait in line until their deadline. After `failures` unexpected failures or time-outs in a row nobody
    is let through for `pause` seconds, then one call tries whether it works again.
    """

    rate: float = 0.0
    burst: int = 0
    concurrency: int = 0
    failures: int = 0
    pause: float = 30.0


class ServiceInfo(msgspec.Struct, frozen=True):
    """A service as published: enough to generate a form, a command or a page for it.

    `arguments` and `result` are JSON Schemas (2020-12), self-contained. When it `streams`, `result` is that of an item.
    """

    name: str
    owner: str
    doc: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    streams: bool = False
    limits: Limits | None = None


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
    """A plugin as the manager sees it; `status` is running, starting, stopped, failed, quarantined or disabled.

    `reason` says why it does not run; `trouble` is the newest of its `errors`. `origin` is bundled, user or installed.
    """

    id: str
    version: str
    status: str
    description: str = ""
    reason: str = ""
    restarts: int = 0
    errors: int = 0
    trouble: str = ""
    origin: str = "bundled"


class LoopBlocked(msgspec.Struct, frozen=True):
    """The data of `hub.loop_blocked`: who held up the whole hub, for how long (s), and where (`file:line in function`).

    `plugin` is empty when it was no plugin's code.
    """

    plugin: str
    where: str
    seconds: float


class StorageWrite(msgspec.Struct, frozen=True, gc=False):
    """One write or transaction that the storage took: when (wall time, ns since 1970), whose, and which keys.

    `gone` are the keys that were deleted or expired.
    """

    time: int
    namespace: str
    keys: list[str]
    gone: list[str] = []


class StorageTrouble(msgspec.Struct, frozen=True):
    """What is wrong with a file of the hub, or what was done about it."""

    file: str
    reason: str


class Call(msgspec.Struct, frozen=True, gc=False):
    """Who calls, until when (monotonic seconds), and under which trace; a service may take it as an argument.

    A call made while another is served has that one's trace.
    """

    caller: str
    deadline: float
    trace: int
