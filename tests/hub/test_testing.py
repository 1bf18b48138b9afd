"""The hub in memory that plugin authors test with, and the clock they turn."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, override

import msgspec
import pytest

from hub.api import (
    Event,
    EventError,
    HubError,
    Limits,
    NotPermittedError,
    Plugin,
    ServiceBusyError,
    ServiceFailedError,
    ServiceTimeoutError,
    ServiceUnavailableError,
    event,
    on,
    service,
)
from hub.errors import ConfigError, ServiceError
from hub.testing import ManualClock, running, settle


@event("bell.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Volume(msgspec.Struct):
    day: int = 5
    night: int = 1


class Settings(msgspec.Struct):
    tone: str = "gong"
    melody: Path = Path("melody.txt")
    volume: Volume = msgspec.field(default_factory=Volume)


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


class Clapper(Plugin):
    @service(limits=Limits(rate=1))
    async def swing(self) -> None:
        """Swing, once a second at most."""

    @service(limits=Limits(failures=1, pause=30))
    async def crack(self) -> None:
        """Break."""
        raise ValueError("no rope")


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
[permissions]
call = ["chime.*"]
offer = ["door_bell.*"]
"""
MODULE = """
from hub.api import Plugin, service

class DoorBell(Plugin):
    @service
    async def ring(self, chime: str) -> None:
        await self.ctx.services.call(chime)

    @service
    async def read(self, path: str) -> str:
        return open(path).read()

class Helper(DoorBell):
    pass
"""


@pytest.fixture
def door_bell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A plugin of a user's own, with its manifest."""
    folder = tmp_path / "door_bell"
    folder.mkdir()
    (folder / "plugin.toml").write_text(MANIFEST)
    (folder / "door_bell_plugin.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("door_bell_plugin")
    del sys.modules["door_bell_plugin"]


async def test_a_manifest_beside_the_module_counts_for_the_class_it_names(door_bell: ModuleType) -> None:
    async with running(door_bell.DoorBell, door_bell.Helper, config={"door_bell": {"times": 2}}) as hub:
        assert hub.context("door_bell").config == {"tone": "ding", "times": 2}
        assert hub.context("helper").config == {}


async def test_a_plugin_is_held_to_the_permissions_in_its_manifest(door_bell: ModuleType) -> None:
    async with running(door_bell.DoorBell) as hub:
        for name in ("chime.play", "lock.open"):
            hub.stand_in(name)
        await hub.call("door_bell.ring", chime="chime.play")
        refusal = r'door_bell may not call lock\.open; add "lock\.open" to call in \[permissions\] of .*/plugin\.toml'
        with pytest.raises(NotPermittedError, match=refusal):
            await hub.call("door_bell.ring", chime="lock.open")
        with pytest.raises(NotPermittedError, match="door_bell may not read /etc/passwd"):
            await hub.call("door_bell.read", path="/etc/passwd")
        assert [one.name for one in hub.calls if one.caller == "door_bell"] == ["chime.play"]


async def test_a_class_without_a_manifest_may_do_everything(door_bell: ModuleType) -> None:
    async with running(door_bell.Helper) as hub:
        hub.stand_in("lock.open")
        await hub.call("helper.ring", chime="lock.open")
        assert hub.calls_of("lock.open") == [{}]


async def test_a_plugin_that_comes_with_the_hub_may_do_everything() -> None:
    module = importlib.import_module("plugins.debug.plugin")  # its manifest lists no permissions
    async with running(module.Debug) as hub:
        hub.context("debug").events.subscribe("**", print)


@pytest.mark.parametrize(
    ("config", "refusal"),
    [
        ({"tune": "ding"}, r"\[plugin\.bell\] tune: is not a known key, did you mean 'tone'"),
        ({"volume": {"dya": 3}}, r"\[plugin\.bell\.volume\] dya: is not a known key, did you mean 'day'"),
        ({"tone": 3}, r"\[plugin\.bell\] tone: expected str, got int"),
    ],
)
async def test_a_mistake_in_the_configuration_is_refused_as_the_hub_does(config: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ConfigError, match=refusal):
        async with running(Bell, config={"bell": config}):
            pytest.fail("it must not get here")
    async with running() as hub:
        with pytest.raises(ConfigError, match=refusal):
            await hub.run(Bell, config)
        with pytest.raises(LookupError):
            hub.context("bell")


async def test_the_configuration_is_read_as_the_hub_does(tmp_path: Path) -> None:
    (tmp_path / "tone.txt").write_text("ding\n")
    config = {"tone": {"from_file": "tone.txt"}, "melody": "tunes/one.txt", "volume": {"day": 3}}
    async with running(Bell, config={"bell": config}, data_dir=tmp_path) as hub:
        assert hub.context("bell").config == Settings("ding", tmp_path / "tunes" / "one.txt", Volume(3, 1))


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


async def test_an_async_function_can_stand_in_for_a_service() -> None:
    async def tones(*, loud: bool = False) -> list[str]:
        await asyncio.sleep(0)
        if loud:
            raise HubError("it is night")
        return ["gong"]

    async with running(Bell) as hub:
        hub.stand_in("chime.tones", tones)
        assert await hub.call("bell.tones") == ["gong"]
        with pytest.raises(HubError, match="it is night"):
            await hub.call("chime.tones", loud=True)
        hub.stand_in("chime.tones", lambda: asyncio.sleep(60))
        with pytest.raises(ServiceTimeoutError, match=r"chime\.tones gave no answer within 0\.01 s"):
            await hub.call("chime.tones", timeout=0.01)

        assert hub.calls_of("chime.tones") == [{}, {"loud": True}, {}]


async def test_a_stream_can_be_stood_in_for_and_is_recorded() -> None:
    ended: list[str] = []

    async def strokes(first: int) -> AsyncIterator[int]:
        try:
            while True:
                yield first
                first += 1
        finally:
            ended.append("strokes")

    async with running(Bell) as hub:
        hub.stand_in("tower.strokes", strokes)
        stream = hub.context("bell").services.stream("tower.strokes", first=2)
        assert [await anext(stream), await anext(stream)] == [2, 3]
        await stream.aclose()

        assert ended == ["strokes"]
        assert hub.calls == [("tower.strokes", {"first": 2}, "bell")]
        with pytest.raises(ServiceError, match=r"tower\.strokes gives items: ask for them with stream"):
            await hub.call("tower.strokes", first=2)
        hub.stand_in("tower.strokes", 3)
        with pytest.raises(ServiceError, match=r"tower\.strokes gives one answer: ask for it with call"):
            await anext(hub.services.stream("tower.strokes"))


async def test_streams_of_plugins_that_run_are_recorded() -> None:
    async def strokes(count: int) -> AsyncIterator[int]:
        for one in range(count):
            yield one

    async with running() as hub:
        hub.offer("tower.strokes", strokes)
        assert [one async for one in hub.services.stream("tower.strokes", count=2)] == [0, 1]
        assert hub.calls_of("tower.strokes") == [{"count": 2}]


async def test_the_limits_of_services_go_by_the_clock_that_is_turned() -> None:
    async with running(Clapper) as hub:
        await hub.call("clapper.swing")
        with pytest.raises(ServiceBusyError, match=r"try again in 1 s"):
            await hub.call("clapper.swing")
        await hub.clock.advance(1)
        await hub.call("clapper.swing")

        for pause in (30, 0):
            with pytest.raises(ServiceFailedError, match="no rope"):
                await hub.call("clapper.crack")
            with pytest.raises(ServiceUnavailableError, match=r"try again in 30 s"):
                await hub.call("clapper.crack")
            await hub.clock.advance(pause)


def test_a_wall_clock_may_jump_alone() -> None:
    clock = ManualClock(now=0)
    clock.jump(-3600)

    assert clock.now() == -3_600_000_000_000
    assert clock.monotonic() == 1000.0
