"""The hub in memory that plugin authors test with, and the clock they turn."""

import asyncio
import importlib
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec
import pytest

from hub.api import Event, EventError, Plugin, ServiceFailedError, event, on, service
from hub.testing import ManualClock, running, settle


@event("bell.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Settings(msgspec.Struct):
    tone: str = "gong"


class Bell(Plugin):
    Config = Settings
    emits = (Rung,)
    order: ClassVar[list[str]] = []

    @override
    async def start(self) -> None:
        self.order.append("bell starts")

    @override
    async def stop(self) -> None:
        self.order.append("bell stops")

    @on("door.opened")
    async def ring(self, _event: Event) -> None:
        self.ctx.events.publish("bell.rung", "bell", {"times": 1})

    @on("door.broken")
    def fails(self, _event: Event) -> None:
        raise ValueError("no clapper")

    @service
    async def tone(self) -> str:
        """The tone."""
        config: Settings = self.ctx.config
        return config.tone

    @service
    async def tones(self) -> Any:  # noqa: ANN401
        """The tones there are."""
        return await self.ctx.services.call("chime.tones")


class Gong(Plugin):
    @override
    async def start(self) -> None:
        Bell.order.append("gong starts")

    @override
    async def stop(self) -> None:
        Bell.order.append("gong stops")


class Broken(Plugin):
    @override
    async def start(self) -> None:
        raise ValueError("no bulb")


async def test_plugins_start_in_order_with_their_configuration_and_stop_in_reverse() -> None:
    Bell.order.clear()
    async with running(Bell, Gong, config={"bell": {"tone": "ding"}}) as hub:
        assert await hub.call("bell.tone") == "ding"
        assert hub.context("bell").data_dir.is_dir()
        assert isinstance(hub.plugin("gong"), Gong)
        folder = hub.core.data_dir

    assert Bell.order == ["bell starts", "gong starts", "gong stops", "bell stops"]
    assert not folder.exists()


async def test_events_can_be_published_and_are_recorded() -> None:
    async with running(Bell) as hub:
        hub.publish("door.opened", "front")
        await settle()

        assert [event.type for event in hub.recorded] == ["door.opened", "bell.rung"]
        assert [event.data for event in hub.events_of("bell.rung")] == [Rung(1)]
        assert hub.publish("bell.rung", "x", {"times": 2}).data == Rung(2)
        with pytest.raises(EventError, match=r"test published 'bell\.rung' with data that does not fit"):
            hub.publish("bell.rung", "x", {"times": "two"})


async def test_a_type_published_before_its_owner_came_is_still_its_owners() -> None:
    async with running() as hub:
        hub.publish("bell.rung", "x", {"times": 1})
        await hub.run(Bell)

        assert hub.publish("bell.rung", "x", {"times": 2}).data == Rung(2)


async def test_faults_are_collected() -> None:
    async with running(Bell) as hub:
        hub.publish("door.broken", "front")

        async def breaks() -> None:
            raise ValueError("no bulb")

        hub.context("bell").tasks.start("glows", breaks())
        assert hub.errors == ["bell: door.broken: ValueError('no clapper')", "bell:glows: no bulb"]


async def test_a_service_of_an_absent_plugin_can_be_stood_in_for() -> None:
    async def tones() -> list[str]:
        return ["gong"]

    async with running(Bell) as hub:
        undo = hub.offer("chime.tones", tones)
        assert await hub.call("bell.tones") == ["gong"]
        undo()
        assert [one.name for one in hub.services.list()] == ["bell.tone", "bell.tones"]


async def test_a_plugin_can_be_stopped_and_started_again(tmp_path: Path) -> None:
    async with running(Bell, data_dir=tmp_path) as hub:
        await hub.context("bell").storage.set("a", 1)
        assert await hub.stop("bell") == ""
        with pytest.raises(LookupError):
            hub.context("bell")
        with pytest.raises(LookupError):
            hub.plugin("bell")
        ctx = await hub.run(Bell, {"tone": "ding"})
        assert await ctx.storage.get("a") == 1
        assert await hub.call("bell.tone") == "ding"
    assert (tmp_path / "plugins" / "bell").is_dir()


async def test_a_failed_start_is_raised_and_leaves_nothing() -> None:
    async with running() as hub:
        with pytest.raises(ValueError, match="no bulb"):
            await hub.run(Broken)
        for look in (hub.context, hub.plugin):
            with pytest.raises(LookupError, match="broken is not running"):
                look("broken")
    with pytest.raises(ValueError, match="no bulb"):
        async with running(Bell, Broken):
            pytest.fail("it must not get here")


MANIFEST = """
id = "door_bell"
version = "1.2.0"
api = "1"
entry = "door_bell_plugin:DoorBell"
[config]
tone = "ding"
"""
MODULE = """
from hub.api import Plugin

class DoorBell(Plugin):
    pass

class Helper(Plugin):
    pass
"""


async def test_a_manifest_beside_the_module_counts_for_the_class_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin.toml").write_text(MANIFEST)
    (tmp_path / "door_bell_plugin.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("door_bell_plugin")

    async with running(module.DoorBell, module.Helper, config={"door_bell": {"times": 2}}) as hub:
        assert hub.context("door_bell").config == {"tone": "ding", "times": 2}
        assert hub.context("helper").config == {}


async def test_the_clock_stands_until_it_is_turned() -> None:
    clock = ManualClock()
    fired: list[str] = []
    began = clock.now()
    clock.call_later(2, lambda: fired.append("two"))
    clock.call_later(1, lambda: fired.append("one"))
    clock.call_later(1, lambda: clock.call_later(0.5, lambda: fired.append("nested")))
    undo = clock.call_later(1, lambda: fired.append("never"))
    undo()
    await clock.advance(0.5)
    assert fired == []
    await clock.advance(1)
    assert fired == ["one", "nested"]
    await clock.advance(10)
    undo()

    assert fired == ["one", "nested", "two"]
    assert clock.monotonic() == 1011.5
    assert clock.now() == began + 11_500_000_000


async def test_sleepers_wake_in_order_and_may_be_cancelled() -> None:
    woken: list[int] = []
    async with running() as hub:

        async def sleeps(seconds: int) -> None:
            await hub.clock.sleep(seconds)
            woken.append(seconds)

        tasks = [hub.core.clock.sleep(0)]
        bell = await hub.run(Bell)
        for seconds in (3, 1, 2):
            bell.tasks.start(f"sleeps {seconds}", sleeps(seconds))
        cancelled = bell.tasks.start("cancelled", sleeps(2))
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await hub.clock.advance(2.5)
        assert woken == [1, 2]
        await hub.clock.advance(1)
        assert woken == [1, 2, 3]
        tasks[0].close()


async def test_calls_are_recorded_and_absent_services_stood_in_for() -> None:
    async with running(Bell) as hub:
        hub.stand_in("chime.tones", ["gong"])
        assert await hub.call("bell.tones") == ["gong"]
        hub.stand_in("chime.tones", lambda: ["bell"])
        assert await hub.call("bell.tones") == ["bell"]
        hub.stand_in("chime.tones", ValueError("no clapper"))
        with pytest.raises(ServiceFailedError, match="no clapper"):
            await hub.call("bell.tones")

        assert hub.calls[:2] == [("bell.tones", {}, "test"), ("chime.tones", {}, "bell")]
        assert hub.calls_of("chime.tones") == [{}, {}, {}]


def test_a_wall_clock_may_jump_alone() -> None:
    clock = ManualClock(now=0)
    clock.jump(-3600)

    assert clock.now() == -3_600_000_000_000
    assert clock.monotonic() == 1000.0
