"""What the parts of the hub count: one snapshot of all figures, for metrics and people.

Counters grow from the hub's start; times are in s.
"""

import msgspec


class SubscriberStats(msgspec.Struct, frozen=True):
    """One subscription: what it heard, lost and has `waiting`; `busy_s` is time of the loop."""

    owner: str
    type: str
    subject: str
    events: int
    errors: int
    late: int
    dropped: int
    waiting: int
    busy_s: float


class ServiceStats(msgspec.Struct, frozen=True):
    """One service: calls, failures, calls its limits `refused`, calls `running` now; `busy_s` is time of the loop."""

    name: str
    owner: str
    calls: int
    errors: int
    refused: int
    running: int
    busy_s: float


class PluginStats(msgspec.Struct, frozen=True):
    """What one plugin costs.

    `busy_s` is time of the loop in its handlers, services and tasks; a task's includes the plain handlers that its
    events set off, as it is their cause.
    """

    id: str
    status: str
    busy_s: float
    published: int
    heard: int
    waiting: int
    dropped: int
    errors: int
    restarts: int
    subscriptions: int
    services: int
    tasks: int
    written_bytes: int
    blocked: int


class LoopStats(msgspec.Struct, frozen=True):
    """The event loop: how late its timers are (s; now, and at most since the start), and how often it was blocked."""

    lag_s: float = 0.0
    lag_max_s: float = 0.0
    blocked: int = 0
    blocked_s: float = 0.0


class StorageStats(msgspec.Struct, frozen=True):
    """The storage: rows, bytes and commits (with their time) so far, bytes that wait, what is wrong, what was mended.

    `written` are the bytes that were handed in, by namespace.
    """

    rows: int = 0
    bytes: int = 0
    commits: int = 0
    commit_s: float = 0.0
    waiting_bytes: int = 0
    failure: str = ""
    repaired: str = ""
    written: dict[str, int] = {}


class JournalStats(msgspec.Struct, frozen=True):
    """The journal: its newest number, records `missing`, events that wait, commits, bytes by class; and as above.

    `written` are the bytes that were added to it since the start, by the source of the events.
    """

    last: int = 0
    missing: int = 0
    waiting: int = 0
    commits: int = 0
    bytes: dict[str, int] = {}
    failure: str = ""
    repaired: str = ""
    written: dict[str, int] = {}


class HubStatistics(msgspec.Struct, frozen=True):
    """All the figures there are; `events` counts the published ones by type. Counters grow from the hub's start.

    `disk_bytes` is what the hub's process had the disk write, 0 where the system does not count it.
    """

    uptime_s: float
    rss_mib: float
    cpu_s: float
    events: dict[str, int]
    state_entries: int
    subscribers: list[SubscriberStats]
    services: list[ServiceStats]
    plugins: list[PluginStats]
    loop: LoopStats
    storage: StorageStats
    journal: JournalStats
    disk_bytes: int = 0
