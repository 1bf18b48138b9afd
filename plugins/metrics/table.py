"""What is measured: every metric with its type, its help, and where its samples come from."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from hub.api import HubStatistics, HubStatus, PluginStats, ServiceStats, SubscriberStats

type Labels = tuple[tuple[str, str], ...]
type Sample = tuple[Labels, float]

_MIB = 1_048_576
_STATUSES = ("running", "starting", "stopped", "failed", "quarantined", "disabled")


class Figures(NamedTuple):
    """One look at the hub."""

    status: HubStatus
    statistics: HubStatistics


class Metric(NamedTuple):
    """One metric; names and units as Prometheus wants them: base units, `_total` for what only grows."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Figures], Iterable[Sample]]


def _one(name: str, kind: Literal["counter", "gauge"], text: str, value: Callable[[HubStatistics], float]) -> Metric:
    return Metric(f"hub_{name}", kind, text, (), lambda figures: [((), value(figures.statistics))])


def _subscribers(
    name: str, kind: Literal["counter", "gauge"], text: str, value: Callable[[SubscriberStats], float]
) -> Metric:
    def samples(figures: Figures) -> Iterator[Sample]:
        for one in figures.statistics.subscribers:
            yield (("plugin", one.owner), ("type", one.type), ("subject", one.subject)), value(one)

    return Metric(f"hub_subscriber_{name}", kind, text, ("plugin", "type", "subject"), samples)


def _services(
    name: str, kind: Literal["counter", "gauge"], text: str, value: Callable[[ServiceStats], float]
) -> Metric:
    def samples(figures: Figures) -> Iterator[Sample]:
        for one in figures.statistics.services:
            yield (("service", one.name),), value(one)

    return Metric(f"hub_service_{name}", kind, text, ("service",), samples)


def _plugins(name: str, kind: Literal["counter", "gauge"], text: str, value: Callable[[PluginStats], float]) -> Metric:
    def samples(figures: Figures) -> Iterator[Sample]:
        for one in figures.statistics.plugins:
            yield (("plugin", one.id),), value(one)

    return Metric(f"hub_plugin_{name}", kind, text, ("plugin",), samples)


def _written(figures: Figures) -> Iterator[Sample]:
    for source, count in sorted(figures.statistics.journal.written.items()):
        yield (("plugin", source),), count


def _info(figures: Figures) -> Iterator[Sample]:
    yield (("name", figures.status.name), ("version", figures.status.version)), 1


def _events(figures: Figures) -> Iterator[Sample]:
    for type_, count in sorted(figures.statistics.events.items()):
        yield (("type", type_),), count


def _journal_bytes(figures: Figures) -> Iterator[Sample]:
    for kind, size in figures.statistics.journal.bytes.items():
        yield (("class", kind),), size


def _conditions(figures: Figures) -> Iterator[Sample]:
    for one in figures.statistics.plugins:
        for status in _STATUSES:
            yield (("plugin", one.id), ("status", status)), one.status == status


METRICS = (
    Metric("hub_info", "gauge", "The hub's name and version; always 1.", ("name", "version"), _info),
    _one("uptime_seconds", "gauge", "Time since the hub's start.", lambda one: one.uptime_s),
    _one("resident_memory_bytes", "gauge", "Memory that the hub's process holds.", lambda one: one.rss_mib * _MIB),
    _one("cpu_seconds_total", "counter", "CPU time that the hub's process has used.", lambda one: one.cpu_s),
    Metric("hub_events_total", "counter", "Events published, by type.", ("type",), _events),
    _one("state_entries", "gauge", "Entries of the state.", lambda one: one.state_entries),
    _one("loop_lag_seconds", "gauge", "How late the event loop's timers are now.", lambda one: one.loop.lag_s),
    _one("loop_lag_max_seconds", "gauge", "How late they were at most.", lambda one: one.loop.lag_max_s),
    _one("loop_blocked_total", "counter", "How often something held up the whole hub.", lambda one: one.loop.blocked),
    _one("loop_blocked_seconds_total", "counter", "For how long altogether.", lambda one: one.loop.blocked_s),
    _one("storage_rows_total", "counter", "Rows written to the storage.", lambda one: one.storage.rows),
    _one("storage_written_bytes_total", "counter", "Bytes of values written to it.", lambda one: one.storage.bytes),
    _one("storage_commits_total", "counter", "Commits made.", lambda one: one.storage.commits),
    _one("storage_commit_seconds_total", "counter", "Time spent in commits.", lambda one: one.storage.commit_s),
    _one("storage_waiting_bytes", "gauge", "Bytes not committed yet.", lambda one: one.storage.waiting_bytes),
    _one("storage_failing", "gauge", "1 while the storage cannot write.", lambda one: bool(one.storage.failure)),
    _one("journal_records_total", "counter", "Events given a number in the journal.", lambda one: one.journal.last),
    _one("journal_missing_total", "counter", "Of them those that are gone.", lambda one: one.journal.missing),
    _one("journal_waiting", "gauge", "Events not committed yet.", lambda one: one.journal.waiting),
    _one("journal_commits_total", "counter", "Commits of the journal.", lambda one: one.journal.commits),
    Metric("hub_journal_bytes", "gauge", "Bytes of the journal's batches, by class.", ("class",), _journal_bytes),
    Metric("hub_journal_written_bytes_total", "counter", "Bytes added to it, by plugin.", ("plugin",), _written),
    _one("journal_failing", "gauge", "1 while the journal cannot write.", lambda one: bool(one.journal.failure)),
    _one("disk_written_bytes_total", "counter", "Bytes the hub had the disk write.", lambda one: one.disk_bytes),
    Metric("hub_plugin_status", "gauge", "1 for the status a plugin has.", ("plugin", "status"), _conditions),
    _plugins("busy_seconds_total", "counter", "Time of the loop in a plugin's code.", lambda one: one.busy_s),
    _plugins("published_total", "counter", "Events a plugin published, state changes too.", lambda one: one.published),
    _plugins("heard_total", "counter", "Events its handlers were given.", lambda one: one.heard),
    _plugins("waiting", "gauge", "Events that wait for its handlers.", lambda one: one.waiting),
    _plugins("dropped_total", "counter", "Events its queues had no room for.", lambda one: one.dropped),
    _plugins("errors_total", "counter", "Faults of its handlers, tasks, start and stop.", lambda one: one.errors),
    _plugins("restarts_total", "counter", "How often it was started again.", lambda one: one.restarts),
    _plugins("subscriptions", "gauge", "Its subscriptions.", lambda one: one.subscriptions),
    _plugins("services", "gauge", "Its services.", lambda one: one.services),
    _plugins("tasks", "gauge", "Its running tasks.", lambda one: one.tasks),
    _plugins("written_bytes_total", "counter", "Bytes it wrote to the storage.", lambda one: one.written_bytes),
    _plugins("blocked_total", "counter", "How often it held up the whole hub.", lambda one: one.blocked),
    _services("calls_total", "counter", "Calls of a service.", lambda one: one.calls),
    _services("errors_total", "counter", "Calls that failed.", lambda one: one.errors),
    _services("refused_total", "counter", "Calls its limits refused.", lambda one: one.refused),
    _services("running", "gauge", "Calls it serves now.", lambda one: one.running),
    _services("busy_seconds_total", "counter", "Time of the loop in its code.", lambda one: one.busy_s),
    _subscribers("events_total", "counter", "Events a subscription's handler was given.", lambda one: one.events),
    _subscribers("errors_total", "counter", "Faults of its handler.", lambda one: one.errors),
    _subscribers("late_total", "counter", "How often its handler took too long.", lambda one: one.late),
    _subscribers("dropped_total", "counter", "Events its queue had no room for.", lambda one: one.dropped),
    _subscribers("waiting", "gauge", "Events that wait for it.", lambda one: one.waiting),
    _subscribers("busy_seconds_total", "counter", "Time of the loop in its handler.", lambda one: one.busy_s),
)
"""All of them, in the order they are told."""
