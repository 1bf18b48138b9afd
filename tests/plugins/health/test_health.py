"""The summary, the checks that plugins offer, and what systemd hears of it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.api import HubError, HubStatistics, LoopBlocked, PluginInfo
from hub.stats import JournalStats, LoopStats, StorageStats
from hub.testing import HubInMemory, running
from plugins.health.plugin import Check, Health, Summary
from tests.harness import eventually

FIGURES = HubStatistics(
    uptime_s=1.0,
    rss_mib=30.0,
    cpu_s=0.5,
    events={},
    state_entries=0,
    subscribers=[],
    services=[],
    plugins=[],
    loop=LoopStats(),
    storage=StorageStats(),
    journal=JournalStats(),
)


class House:
    """A hub with other plugins that only seem to be there."""

    def __init__(self, hub: HubInMemory) -> None:
        self.hub = hub

    def plugins(self, **statuses: str) -> None:
        self.hub.stand_in("hub.plugins", [_info(name, status) for name, status in statuses.items()])

    def storage(self, failure: str, journal: str = "") -> None:
        figures = msgspec.structs.replace(
            FIGURES, storage=StorageStats(failure=failure), journal=JournalStats(failure=journal)
        )
        self.hub.stand_in("hub.statistics", figures)

    def offers(self, plugin: str, answer: Any) -> None:  # noqa: ANN401
        async def health() -> Any:  # noqa: ANN401
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.hub.offer(f"{plugin}.health", health)

    async def check(self) -> Summary:
        found: Summary = await self.hub.call("health.check")
        return found


@asynccontextmanager
async def house(**settings: float) -> AsyncIterator[House]:
    async with running() as hub:
        one = House(hub)
        one.plugins(lamps="running")
        one.storage("")
        await hub.run(Health, settings)
        await hub.clock.advance(1)
        yield one


def _info(name: str, status: str) -> PluginInfo:
    return PluginInfo(name, "1.0", status, reason="the stick is missing" if status == "failed" else "")


async def test_all_is_well_when_all_run() -> None:
    async with house() as home:
        assert await home.check() == Summary("ok", {"hub": Check(), "lamps": Check()})


async def test_a_plugin_that_failed_is_named_with_its_reason_and_one_that_is_off_is_not() -> None:
    async with house() as home:
        home.plugins(lamps="failed", chime="starting", radio="disabled", demo="stopped")
        assert await home.check() == Summary(
            "failing",
            {
                "hub": Check(),
                "lamps": Check("failing", "failed: the stick is missing"),
                "chime": Check("degraded", "it is starting"),
            },
        )


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({"status": "ok"}, "ok", ""),
        ({"status": "degraded", "reason": "no line"}, "degraded", "no line"),
        ({"status": "degraded", "reason": "no \udcff"}, "degraded", "no \\udcff"),
        (HubError("it is broken"), "failing", "its check failed: it is broken"),
        (ValueError("oh"), "failing", "its check failed: lamps.health failed: ValueError: oh; the log has the details"),
    ],
)
async def test_a_plugin_says_itself_how_it_fares(answer: object, status: str, reason: str) -> None:
    async with house() as home:
        home.offers("lamps", answer)
        assert (await home.check()).checks["lamps"] == Check(status, reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [{"status": "fine"}, {"statu": "ok"}, "ok", None, 7, "\udcff"])
async def test_an_answer_that_makes_no_sense_is_a_failure_that_says_what_to_answer(answer: object) -> None:
    async with house() as home:
        home.offers("lamps", answer)
        found = (await home.check()).checks["lamps"]
        assert found.status == "failing"
        assert found.reason.startswith("its check must answer with status (ok, degraded, failing) and reason: ")


async def test_a_check_that_hangs_fails_and_keeps_nobody_else_waiting() -> None:
    async with house(limit=0.1) as home:
        home.plugins(lamps="running", chime="running")

        async def health() -> None:
            await asyncio.Future()

        home.hub.offer("lamps.health", health)
        home.offers("chime", {"status": "ok"})
        found = await home.check()
        assert found.checks["lamps"] == Check("failing", "its check gave no answer within 0.1 s")
        assert found.checks["chime"] == Check()


async def test_once_a_week_all_that_is_stored_is_looked_through() -> None:
    async with house(storage_days=2, every=3600) as home:
        looks: list[int] = []

        async def look() -> list[str]:
            looks.append(1)
            return []

        home.hub.offer("hub.check_storage", look)
        await home.hub.clock.advance(47 * 3600)
        assert looks == []
        await home.hub.stop("health")  # only hours that the hub runs count, and they are remembered
        await home.hub.run(Health, {"storage_days": 2, "every": 3600})
        await home.hub.clock.advance(3600)
        await eventually(lambda: looks == [1])
        await home.hub.clock.advance(47 * 3600)
        assert looks == [1]


async def test_damage_that_was_mended_is_told() -> None:
    async with house() as home:
        figures = msgspec.structs.replace(FIGURES, journal=JournalStats(repaired="it was set aside"))
        home.hub.stand_in("hub.statistics", figures)
        assert (await home.check()).checks["hub"] == Check("degraded", "it was set aside")


async def test_a_storage_that_fails_is_the_hubs_own_trouble() -> None:
    async with house() as home:
        home.storage("disk full")
        assert (await home.check()).checks["hub"] == Check("failing", "storage: disk full")
        home.storage("disk full", "read-only")
        assert (await home.check()).checks["hub"] == Check("failing", "storage: disk full; journal: read-only")


@pytest.mark.parametrize(("plugin", "who"), [("lamps", "plugin lamps"), ("", "something")])
async def test_who_held_up_the_hub_is_remembered_for_a_minute(plugin: str, who: str) -> None:
    async with house() as home:
        home.hub.publish("hub.loop_blocked", "hub", LoopBlocked(plugin, "lamps/plugin.py:7 in ring", 2.04))
        wanted = Check("degraded", f"{who} held up the whole hub for 2.0 s at lamps/plugin.py:7 in ring")
        assert (await home.check()).checks["hub"] == wanted
        await home.hub.clock.advance(59)
        assert (await home.check()).checks["hub"] == wanted
        await home.hub.clock.advance(1)
        assert (await home.check()).checks["hub"] == Check()


async def test_a_plugin_of_which_something_failed_is_degraded_for_a_minute() -> None:
    async with house() as home:
        lamps = _info("lamps", "running")
        trouble = "task lamps:polls failed: ValueError: no lamp"
        home.hub.stand_in("hub.plugins", [msgspec.structs.replace(lamps, errors=1, trouble=trouble)])
        assert (await home.check()).checks["lamps"] == Check("degraded", trouble)
        await home.hub.clock.advance(59)
        assert (await home.check()).status == "degraded"
        await home.hub.clock.advance(1)
        assert (await home.check()).status == "ok"
        home.hub.stand_in("hub.plugins", [msgspec.structs.replace(lamps, errors=2, trouble=trouble)])
        assert (await home.check()).status == "degraded"


async def test_a_change_is_told_once_as_event_and_state() -> None:
    async with house() as home:
        home.hub.recorded.clear()
        home.plugins(lamps="failed")
        await home.check()
        await home.check()
        (told,) = home.hub.events_of("health.changed")
        assert told.subject == "health"
        assert told.data.status == "failing"
        assert home.hub.state.get("health/summary") == msgspec.to_builtins(told.data)


async def test_it_looks_again_by_itself_every_so_often() -> None:
    async with house(every=10) as home:
        home.plugins(lamps="failed")
        await home.hub.clock.advance(9)  # and one s before
        assert home.hub.state.get("health/summary")["status"] == "ok"
        await home.hub.clock.advance(1)
        assert home.hub.state.get("health/summary")["status"] == "failing"


@pytest.mark.parametrize(
    ("type_", "subject", "data"),
    [
        ("plugin.status", "plugin/lamps", _info("lamps", "failed")),
        ("hub.loop_blocked", "hub", LoopBlocked("", "x.py:1 in f", 1.0)),
    ],
)
async def test_what_happens_is_looked_at_soon_and_once(type_: str, subject: str, data: object) -> None:
    async with house(every=3600) as home:
        home.plugins(lamps="failed")
        before = len(home.hub.calls_of("hub.plugins"))
        for _ in range(20):
            home.hub.publish(type_, subject, data)
        await home.hub.clock.advance(1)
        assert home.hub.state.get("health/summary")["status"] == "failing"
        assert len(home.hub.calls_of("hub.plugins")) == before + 1


async def test_a_protocol_that_goes_down_is_looked_at_soon() -> None:
    async with house(every=3600) as home:
        home.offers("lamps", {"status": "degraded", "reason": "unplugged"})
        home.hub.state.set("protocol/zigbee", {"status": "down", "reason": "unplugged"})
        await home.hub.clock.advance(1)
        assert home.hub.state.get("health/summary")["checks"]["lamps"]["reason"] == "unplugged"


async def test_what_is_not_well_goes_to_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with house() as home:
        home.plugins(lamps="failed")
        await home.check()
        home.storage("disk full")
        await home.check()
        home.plugins(lamps="running")
        home.storage("")
        await home.check()
    told = [one.getMessage() for one in caplog.records if one.name.endswith("health")]
    assert told == [
        "lamps is failing: failed: the stick is missing",
        "hub is failing: storage: disk full",
        "All is well again",
    ]


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket, named in the environment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        name = str(tmp_path / "notify") if request.param == "path" else f"@domovoi-{os.getpid()}-{id(server)}"
        server.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        server.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        yield server


def heard(server: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(server.recv(4096).decode())
        except BlockingIOError:
            return found


async def test_systemd_hears_that_the_hub_is_ready_how_it_fares_and_that_it_stops(systemd: socket.socket) -> None:
    async with house() as home:
        assert not any("READY" in one for one in heard(systemd))
        home.hub.publish("hub.started", "hub", {})
        assert heard(systemd) == ["READY=1\nSTATUS=ok"]
        home.plugins(lamps="failed")
        await home.check()
        assert heard(systemd) == ["STATUS=failing; lamps: failed: the stick is missing"]
        home.hub.publish("hub.stopping", "hub", {})
        assert heard(systemd) == ["STOPPING=1\nSTATUS=stopping"]


async def test_systemds_watchdog_is_fed_twice_in_its_time(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    async with house() as home:
        assert heard(systemd).count("WATCHDOG=1") == 1
        await home.hub.clock.advance(10)
        assert heard(systemd).count("WATCHDOG=1") == 1
        await home.hub.clock.advance(60)
        assert heard(systemd).count("WATCHDOG=1") == 6


@pytest.mark.parametrize("named", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": ""}])
async def test_a_watchdog_that_is_another_processs_or_nonsense_is_not_fed(
    named: dict[str, str], systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"WATCHDOG_USEC": "20000000"} | named).items():
        monkeypatch.setenv(name, value)
    async with house() as home:
        await home.hub.clock.advance(60)
        assert "WATCHDOG=1" not in heard(systemd)


async def test_a_systemd_that_is_gone_is_told_of_once_and_hurts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    async with house() as home:
        home.hub.publish("hub.started", "hub", {})
        home.plugins(lamps="failed")
        assert (await home.check()).status == "failing"
        assert home.hub.errors == []
    told = [one.getMessage() for one in caplog.records if "systemd" in one.getMessage()]
    assert told == ["systemd cannot be told how the hub fares: No such file or directory"]
