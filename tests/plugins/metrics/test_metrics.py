"""The text for Prometheus, read by its own client library."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from hub.api import HubStatistics, HubStatus
from hub.stats import JournalStats, LoopStats, PluginStats, ServiceStats, StorageStats, SubscriberStats
from hub.testing import running
from plugins.metrics.exposition import LIMIT, exposition
from plugins.metrics.plugin import Metrics
from plugins.metrics.table import METRICS, Figures

STATUS = HubStatus("Home", "0.3.0", "running", 61.5, 7, 40.5, 9, {}, "home")
FIGURES = HubStatistics(
    uptime_s=61.5,
    rss_mib=40.5,
    cpu_s=0.25,
    events={"state.changed": 12, "device.button": 3},
    state_entries=5,
    subscribers=[SubscriberStats("lamps", "state.**", "device/#", 10, 1, 2, 3, 4, 0.5)],
    services=[ServiceStats("lamps.blink", "lamps", 6, 1, 2, 1, 0.125)],
    plugins=[PluginStats("lamps", "running", 0.75, 20, 10, 4, 3, 2, 1, 1, 1, 2, 4096, 1)],
    loop=LoopStats(0.001, 0.5, 2, 3.5),
    storage=StorageStats(100, 5000, 10, 0.125, 64, "disk full"),
    journal=JournalStats(
        900, 12, 3, 40, {"alarm": 10, "normal": 200, "bulk": 3000}, "disk full", written={"lamps": 700}
    ),
    disk_bytes=8192,
)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All series of a text by name and labels."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def tell(**changes: Any) -> str:  # noqa: ANN401
    return exposition(METRICS, Figures(STATUS, msgspec.structs.replace(FIGURES, **changes)))


def of(text: str, name: str, labels: Mapping[str, str]) -> float:
    return samples(text)[name, tuple(sorted(labels.items()))]


def test_every_figure_is_told_with_its_labels_and_base_units() -> None:
    lamps = (("plugin", "lamps"),)
    heard = (*lamps, ("subject", "device/#"), ("type", "state.**"))
    statuses = ("running", "starting", "stopped", "failed", "quarantined", "disabled")
    blink = (("service", "lamps.blink"),)
    wanted: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
        ("hub_info", (("name", "Home"), ("version", "0.3.0"))): 1,
        ("hub_uptime_seconds", ()): 61.5,
        ("hub_resident_memory_bytes", ()): 40.5 * 2**20,
        ("hub_cpu_seconds_total", ()): 0.25,
        ("hub_events_total", (("type", "device.button"),)): 3,
        ("hub_events_total", (("type", "state.changed"),)): 12,
        ("hub_state_entries", ()): 5,
        ("hub_loop_lag_seconds", ()): 0.001,
        ("hub_loop_lag_max_seconds", ()): 0.5,
        ("hub_loop_blocked_total", ()): 2,
        ("hub_loop_blocked_seconds_total", ()): 3.5,
        ("hub_storage_rows_total", ()): 100,
        ("hub_storage_written_bytes_total", ()): 5000,
        ("hub_storage_commits_total", ()): 10,
        ("hub_storage_commit_seconds_total", ()): 0.125,
        ("hub_storage_waiting_bytes", ()): 64,
        ("hub_journal_written_bytes_total", lamps): 700,
        ("hub_disk_written_bytes_total", ()): 8192,
        ("hub_storage_failing", ()): 1,
        ("hub_journal_records_total", ()): 900,
        ("hub_journal_missing_total", ()): 12,
        ("hub_journal_waiting", ()): 3,
        ("hub_journal_commits_total", ()): 40,
        ("hub_journal_failing", ()): 1,
        **{("hub_journal_bytes", (("class", kind),)): size for kind, size in FIGURES.journal.bytes.items()},
        ("hub_plugin_busy_seconds_total", lamps): 0.75,
        ("hub_plugin_published_total", lamps): 20,
        ("hub_plugin_heard_total", lamps): 10,
        ("hub_plugin_waiting", lamps): 4,
        ("hub_plugin_dropped_total", lamps): 3,
        ("hub_plugin_errors_total", lamps): 2,
        ("hub_plugin_restarts_total", lamps): 1,
        ("hub_plugin_subscriptions", lamps): 1,
        ("hub_plugin_services", lamps): 1,
        ("hub_plugin_tasks", lamps): 2,
        ("hub_plugin_written_bytes_total", lamps): 4096,
        ("hub_plugin_blocked_total", lamps): 1,
        ("hub_service_calls_total", blink): 6,
        ("hub_service_errors_total", blink): 1,
        ("hub_service_refused_total", blink): 2,
        ("hub_service_running", blink): 1,
        ("hub_service_busy_seconds_total", blink): 0.125,
        ("hub_subscriber_events_total", heard): 10,
        ("hub_subscriber_errors_total", heard): 1,
        ("hub_subscriber_late_total", heard): 2,
        ("hub_subscriber_dropped_total", heard): 3,
        ("hub_subscriber_waiting", heard): 4,
        ("hub_subscriber_busy_seconds_total", heard): 0.5,
    }
    wanted |= {("hub_plugin_status", (*lamps, ("status", one))): float(one == "running") for one in statuses}
    assert samples(tell()) == wanted


def test_names_and_types_follow_prometheus_own_rules() -> None:
    kinds = {one.name: one.type for one in text_string_to_metric_families(tell())}
    for metric in METRICS:
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert kinds[metric.name.removesuffix("_total")] == metric.kind
        assert metric.help.endswith("."), metric.name
    assert len({one.name for one in METRICS}) == len(METRICS)


def test_two_subscriptions_to_the_same_are_one_series() -> None:
    one = FIGURES.subscribers[0]
    text = tell(subscribers=[one, one])
    labels = {"plugin": "lamps", "type": "state.**", "subject": "device/#"}
    assert of(text, "hub_subscriber_events_total", labels) == 20


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1), st.integers(0, 2**40)
    )
)
def test_whatever_a_type_is_called_it_comes_back_the_same(events: dict[str, int]) -> None:
    found = samples(tell(events=events))
    assert {labels[0][1]: value for (name, labels), value in found.items() if name == "hub_events_total"} == events


@given(st.floats(0, 1e15))
def test_a_value_comes_back_the_same(value: float) -> None:
    assert math.isclose(of(tell(cpu_s=value), "hub_cpu_seconds_total", {}), value, rel_tol=1e-14)


def test_too_many_series_are_added_up_in_one() -> None:
    text = tell(events={f"x.t{number:05}": 1 for number in range(LIMIT + 500)})
    found = {labels[0][1]: value for (name, labels), value in samples(text).items() if name == "hub_events_total"}
    assert len(found) == LIMIT + 1
    assert found["other"] == 500


async def test_the_service_gives_the_text_of_the_hub_it_runs_in() -> None:
    async with running(Metrics) as hub:
        hub.stand_in("hub.status", STATUS)
        hub.stand_in("hub.statistics", FIGURES)
        assert await hub.call("metrics.text") == tell()
