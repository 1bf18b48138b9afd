"""The plugin manager: order, isolation of faults, retries with growing pauses, restarts, and a clean end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec
import pytest

from hub.api import Call, ConfigError, Event, EventError, HubError, Plugin, PluginError, event, on, service
from hub.bus import EventBus
from hub.hosts.core import Core
from hub.manifest import Manifest
from hub.plugin_manager import PluginManager, choose
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from hub.types import PluginInfo
from tests.harness import eventually

type Step = Callable[[Plugin], Coroutine[Any, Any, None]]


@event("scripted.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Settings(msgspec.Struct):
    tone: str = "gong"


class Scripted(Plugin):
    """Does what the test wrote for its id, and leaves something of every kind behind."""

    Config = Settings
    emits = (Rung,)
    script: ClassVar[dict[tuple[str, str], Step]] = {}
    played: ClassVar[list[str]] = []

    @override
    async def start(self) -> None:
        await self._play("start")

    @override
    async def stop(self) -> None:
        await self._play("stop")

    async def _play(self, name: str) -> None:
        self.played.append(f"{name} {self.ctx.plugin}")
        if (step := self.script.get((name, self.ctx.plugin))) is not None:
            await step(self)

    @on("door.opened")
    def fails(self, opened: Event) -> None:
        raise ValueError(f"no bulb for {opened.subject}")

    @service
    async def ring(self, call: Call) -> str:
        """Ring."""
        return call.caller


class World:
    """A manager and what surrounds it; `plugins` is the order in which they are written."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.faults: list[str] = []
        self.bus = EventBus(self._handler_failed)
        self.bus.declare("door.opened", None, "test")
        self.core = Core(self.bus, ServiceRegistry(), StateEngine(self.bus), MemoryEngine(), self.clock, folder)
        self.config: dict[str, Exception] = {}
        self.manager: PluginManager | None = None
        self.statuses: list[tuple[str, str]] = []
        self.tasks = TaskGroup("test")
        self.bus.subscribe("plugin.status", self._note, tasks=self.tasks)

    async def start(self, *plugins: Manifest) -> PluginManager:
        await self.core.storage.open()
        self.manager = PluginManager(self.core, plugins, self._config_of)
        await self.manager.start()
        return self.manager

    def info(self, plugin: str) -> PluginInfo:
        assert self.manager is not None
        return next(one for one in self.manager.infos() if one.id == plugin)

    async def turn(self, seconds: float, plugin: str, status: str) -> None:
        """Turn the clock, and wait until the plugin has the status: its class is imported in a thread."""
        await self.clock.advance(seconds)
        await eventually(lambda: self.info(plugin).status == status)
        await settle()

    def _handler_failed(self, owner: str, event: Event, error: Exception) -> None:
        assert self.manager is not None
        self.manager.handler_failed(owner, event, error)

    def _note(self, event: Event) -> None:
        self.statuses.append((event.data.id, event.data.status))

    def _config_of(self, manifest: Manifest, struct: type | None) -> Any:  # noqa: ANN401
        if manifest.id in self.config:
            raise self.config[manifest.id]
        return struct() if struct else {}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    Scripted.script.clear()
    Scripted.played.clear()
    made = World(tmp_path)
    yield made
    if made.manager is not None:
        await made.manager.stop()
    assert made.bus.counts() == {"test": 1}
    assert made.core.services.list() == []
    with pytest.raises(EventError, match="not declared"):
        made.bus.publish("scripted.rung", "x", Rung(1))
    await made.tasks.cancel()


def plugin(id_: str, *requires: str, **more: Any) -> Manifest:  # noqa: ANN401
    given = {"entry": f"{__name__}:Scripted", "version": "1.0", "requires": dict.fromkeys(requires, "*"), **more}
    return Manifest(id=id_, api="1", folder=Path(), **given)


def fails_with(error: BaseException) -> Step:
    async def fails(plugin: Plugin) -> None:
        plugin.ctx.tasks.start("glows", forever(plugin))
        plugin.ctx.events.subscribe("door.*", lambda _event: None)
        await asyncio.sleep(0)
        raise error

    return fails


async def forever(_plugin: Plugin) -> None:
    await asyncio.Event().wait()


async def test_plugins_start_behind_their_needs_and_stop_before_them(world: World) -> None:
    manager = await world.start(plugin("c", "b"), plugin("a", after=["c"]), plugin("b", description="Bells."))

    assert Scripted.played == ["start b", "start c", "start a"]
    assert [(one.id, one.status, one.reason) for one in manager.infos()] == [
        (name, "running", "") for name in ("a", "b", "c")
    ]
    assert world.info("b").description == "Bells."
    await manager.stop()
    assert Scripted.played[3:] == ["stop a", "stop c", "stop b"]
    assert {one.status for one in manager.infos()} == {"stopped"}
    assert world.statuses[:2] == [("b", "starting"), ("b", "running")]
    assert world.statuses[-3:] == [("a", "stopped"), ("c", "stopped"), ("b", "stopped")]


async def test_independent_plugins_start_side_by_side(world: World) -> None:
    met = asyncio.Barrier(3)

    async def meets(_plugin: Plugin) -> None:
        await met.wait()

    for name in "abc":
        Scripted.script["start", name] = meets
    async with asyncio.timeout(10):
        await world.start(plugin("a"), plugin("b"), plugin("c"))

    assert {world.info(name).status for name in "abc"} == {"running"}


async def test_what_cannot_start_says_why_and_the_rest_runs(world: World) -> None:
    manager = await world.start(
        plugin("free"),
        plugin("lonely", "gone"),
        plugin("picky", requires={"free": ">=2"}),
        plugin("x", "y"),
        plugin("y", "x"),
        plugin("lost", entry="hub.nowhere:Lost"),
    )

    assert {one.id: one.status for one in manager.infos()} == {
        "free": "running",
        "lonely": "failed",
        "lost": "failed",
        "picky": "failed",
        "x": "failed",
        "y": "failed",
    }
    assert "requires gone, which is not enabled" in world.info("lonely").reason
    assert "requires free >=2, but version 1.0 is installed" in world.info("picky").reason
    assert "goes in a circle" in world.info("x").reason
    assert "cannot be imported" in world.info("lost").reason
    assert (await manager.restart("lonely")).status == "failed"
    await world.clock.advance(1000)
    assert Scripted.played == ["start free"]


async def test_a_failing_start_is_retried_with_growing_pauses_and_then_quarantined(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b"))
    assert world.info("b").status == "running"
    assert (world.info("a").status, world.info("a").reason) == ("failed", "ValueError: no bulb")

    for attempt, pause in enumerate((1, 2, 5, 15, 60), 2):
        await world.clock.advance(pause - 0.5)
        assert Scripted.played.count("start a") == attempt - 1
        await world.clock.advance(0.5)
        await eventually(lambda attempt=attempt: world.info("a").errors == attempt)  # type: ignore[misc]
        await settle()
    assert (world.info("a").status, world.info("a").reason) == ("quarantined", "ValueError: no bulb")
    assert (world.info("a").errors, world.info("a").restarts) == (6, 5)
    await world.clock.advance(10_000)
    assert Scripted.played.count("start a") == 6
    assert world.bus.counts() == {"test": 1, "b": 1}

    del Scripted.script["start", "a"]
    assert (await manager.restart("a")).status == "running"


async def test_a_start_that_succeeds_later_forgets_its_failures(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(HubError("the radio is not there"))
    await world.start(plugin("a"))
    assert world.info("a").reason == "the radio is not there"
    del Scripted.script["start", "a"]
    await world.turn(1, "a", "running")

    assert world.info("a").reason == ""
    assert world.info("a").restarts == 1
    assert world.statuses[-2:] == [("a", "starting"), ("a", "running")]


async def test_what_awaits_something_cancelled_while_starting_fails_alone(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(asyncio.CancelledError())
    await world.start(plugin("a"), plugin("b"))

    assert world.info("b").status == "running"
    assert (world.info("a").status, world.info("a").reason) == ("failed", "a: something it waited for was cancelled")


@pytest.mark.parametrize(
    "error", [ConfigError("tone must be a text", where="hub.toml:3"), PluginError("no such model", plugin="a")]
)
async def test_what_only_a_person_can_mend_is_not_retried(world: World, error: Exception) -> None:
    world.config["a"] = error
    manager = await world.start(plugin("a"), plugin("b"))
    await world.clock.advance(1000)

    assert (world.info("a").status, world.info("a").reason) == ("failed", str(error))
    assert Scripted.played == ["start b"]
    world.config.clear()
    assert (await manager.restart("a")).status == "running"


async def test_a_start_that_hangs_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.plugin_manager._START_LIMIT", 0.01)
    Scripted.script["start", "a"] = forever
    await world.start(plugin("a"))

    assert world.info("a").status == "failed"
    assert world.info("a").reason == "a did not start within 0.01 s"


async def test_a_start_whose_own_deadline_passes_says_so(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(TimeoutError("the stick does not answer"))
    await world.start(plugin("a"))

    assert world.info("a").reason == "TimeoutError: the stick does not answer"


async def test_who_needs_a_failed_one_waits_with_it_and_comes_up_with_it(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    await world.start(plugin("a"), plugin("b", "a"), plugin("c"))
    assert (world.info("b").status, world.info("b").reason) == ("failed", "b requires a, which is not running")
    assert "start b" not in Scripted.played

    del Scripted.script["start", "a"]
    await world.turn(1, "b", "running")
    assert world.info("a").status == "running"


async def test_a_restart_takes_those_that_require_it_along(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", "a"), plugin("c", "b"), plugin("d"))
    Scripted.played.clear()
    info = await manager.restart("a")

    assert Scripted.played == ["stop c", "stop b", "stop a", "start a", "start b", "start c"]
    assert (info.status, info.restarts) == ("running", 1)
    assert [world.info(name).restarts for name in "abcd"] == [1, 1, 1, 0]


async def test_an_unknown_plugin_is_suggested(world: World) -> None:
    manager = await world.start(plugin("zigbee"))

    with pytest.raises(PluginError, match=r"no plugin 'zigbe', did you mean 'zigbee'; `hub plugins list` shows all"):
        await manager.restart("zigbe")


async def test_a_restart_overtakes_a_retry(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    del Scripted.script["start", "a"]
    await manager.restart("a")
    await world.clock.advance(1000)

    assert Scripted.played.count("start a") == 2
    assert world.info("a").status == "running"


async def test_a_retry_that_waits_behind_a_restart_does_not_add_another(world: World) -> None:
    gate = asyncio.Event()

    async def waits(plugin: Plugin) -> None:
        await gate.wait()
        await fails_with(ValueError("still no bulb"))(plugin)

    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    Scripted.script["start", "a"] = waits
    restart = world.tasks.start("restarts", manager.restart("a"))
    await eventually(lambda: Scripted.played.count("start a") == 2)
    gate.set()
    await restart

    assert world.info("a").status == "failed"
    del Scripted.script["start", "a"]
    await world.turn(1, "a", "running")
    await world.clock.advance(1000)
    assert Scripted.played.count("start a") == 3


async def test_a_plugin_may_ask_for_its_own_restart(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", "a"))
    seen: list[str] = []

    async def restarts_itself(plugin: Plugin) -> None:
        try:
            await manager.restart(plugin.ctx.plugin)
        finally:
            seen.append("its task was ended")

    async def asks(plugin: Plugin) -> None:
        del Scripted.script["start", "a"]
        plugin.ctx.tasks.start("restarts itself", restarts_itself(plugin))

    Scripted.script["start", "a"] = asks
    await manager.restart("a")
    await eventually(lambda: world.info("b").restarts == 2 and world.info("b").status == "running")

    assert seen == ["its task was ended"]
    assert world.info("a").status == "running"
    assert world.info("a").restarts == 2


@pytest.mark.parametrize("step", [fails_with(ValueError("no bulb")), fails_with(asyncio.CancelledError()), forever],
                         ids=["raises", "cancelled", "hangs"])  # fmt: skip
async def test_a_stop_that_goes_wrong_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    monkeypatch.setattr("hub.hosts.inside._STOP_LIMIT", 0.01)
    Scripted.script["stop", "b"] = step
    manager = await world.start(plugin("a"), plugin("b", "a"))

    assert (await manager.restart("a")).status == "running"
    assert world.info("b").status == "running"
    assert world.info("b").errors == 1
    assert any(message.startswith("Plugin b: ") for message in caplog.messages)
    await manager.stop()
    assert Scripted.played[-2:] == ["stop b", "stop a"]


async def test_faults_of_handlers_and_tasks_are_counted_against_their_plugin(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def starts_broken(plugin: Plugin) -> None:
        plugin.ctx.tasks.start("glows", fails_with(ValueError("no switch"))(plugin))

    Scripted.script["start", "a"] = starts_broken
    await world.start(plugin("a"), plugin("b"))
    world.bus.publish("door.opened", "front")
    await settle()

    assert (world.info("a").errors, world.info("b").errors) == (2, 1)
    assert {world.info(name).status for name in "ab"} == {"running"}
    assert "a: handler of door.opened front failed: ValueError: no bulb for front" in caplog.messages
    assert "a: task a:glows failed: ValueError: no switch" in caplog.messages


async def test_a_fault_of_nobody_known_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.start()
    world.bus.subscribe("door.opened", lambda _event: [1].remove(2), tasks=TaskGroup("stranger"))()
    undo = world.bus.subscribe("door.opened", lambda _event: [1].remove(2), tasks=TaskGroup("stranger"))
    world.bus.publish("door.opened", "front")
    undo()

    assert caplog.messages[0].startswith("stranger: handler of door.opened front failed: ValueError")


async def test_services_of_plugins_know_their_callers(world: World) -> None:
    await world.start(plugin("a"), plugin("b"))

    assert await world.core.services.call("a.ring", {}, caller="b") == "b"
    assert [one.owner for one in world.core.services.list()] == ["a", "b"]


async def test_the_hub_can_stop_while_a_start_hangs(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b"))
    Scripted.script["start", "a"] = forever
    await world.clock.advance(1)
    await eventually(lambda: Scripted.played.count("start a") == 2)

    async with asyncio.timeout(10):
        await manager.stop()
    assert {one.status for one in manager.infos()} == {"stopped"}


async def test_a_pending_retry_does_not_outlive_the_hub(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    await manager.stop()
    await world.clock.advance(1000)

    assert Scripted.played.count("start a") == 1


def test_choosing_takes_needs_along() -> None:
    found = {
        one.id: one
        for one in (plugin("a", "b", enabled=False), plugin("b", "c", enabled=False), plugin("c", enabled=False),
                    plugin("d"), plugin("e"), plugin("zigbee", enabled=False))
    }  # fmt: skip

    assert [one.id for one in choose(found, ["a"], ["e"])] == ["a", "b", "c", "d"]
    assert [one.id for one in choose(found, ["a"], ["c"])] == ["a", "b", "d", "e"]
    assert choose({}, [], []) == []
