"""A plugin inside the hub: wired, started, and taken back without a trace however it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar, override

import msgspec
import pytest

from hub.api import Event, EventError, Plugin, event, on, service
from hub.bus import EventBus
from hub.errors import HubError, PluginError, StorageError, UnknownServiceError
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost, Registrations, load_class
from hub.manifest import Manifest
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock, settle
from tests.harness import eventually

type Step = Callable[["Bell"], Awaitable[None]]


@event("bell.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Unmarked(msgspec.Struct, frozen=True):
    times: int


class Bell(Plugin):
    """Does in `start` and `stop` what a test put there."""

    emits = (Rung,)
    on_start: ClassVar[Step | None] = None
    on_stop: ClassVar[Step | None] = None
    heard: ClassVar[list[str]] = []

    @override
    async def start(self) -> None:
        if (step := type(self).on_start) is not None:
            await step(self)

    @override
    async def stop(self) -> None:
        if (step := type(self).on_stop) is not None:
            await step(self)

    @on("door.*", subject="front/#", priority=2)
    @on("gate.opened")
    def plain(self, opened: Event) -> None:
        self.heard.append(f"plain {opened.subject}")

    @on("door.opened")
    async def slow(self, opened: Event) -> None:
        self.heard.append(f"slow {opened.subject}")

    @service
    async def ring(self, times: int = 1) -> int:
        """Ring."""
        self.ctx.events.publish("bell.rung", "bell", {"times": times})
        return times


class NotAPlugin:
    pass


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[Step | None, Step | None], None]:
    monkeypatch.setattr(Bell, "heard", [])

    def put(on_start: Step | None, on_stop: Step | None = None) -> None:
        monkeypatch.setattr(Bell, "on_start", staticmethod(on_start) if on_start else None)
        monkeypatch.setattr(Bell, "on_stop", staticmethod(on_stop) if on_stop else None)

    return put


@pytest.fixture
async def core(tmp_path: Path) -> Core:
    bus = EventBus()
    for name in ("door.opened", "gate.opened"):
        bus.declare(name, None, "test")
    storage = MemoryEngine()
    await storage.open()
    return Core(bus, ServiceRegistry(), StateEngine(bus), storage, ManualClock(), tmp_path)


def manifest(entry: str = f"{__name__}:Bell") -> Manifest:
    return Manifest(id="bell", version="1.0", api="1", entry=entry, folder=Path())


def nothing_is_left(core: Core) -> bool:
    with pytest.raises(EventError, match="not declared"):
        core.bus.publish("bell.rung", "x", Rung(1))
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    return not core.bus.counts() and not core.services.list() and not [name for name in tasks if name[:5] == "bell:"]


async def forever() -> None:
    await asyncio.Event().wait()


async def everything(plugin: Bell) -> None:
    plugin.ctx.tasks.start("glows", forever())
    plugin.ctx.events.subscribe("door.opened", lambda _event: None)
    plugin.ctx.state.watch("lamp/#", lambda _event: None)
    plugin.ctx.services.register("bell.extra", forever)
    plugin.ctx.clock.call_later(5, lambda: plugin.heard.append("timer"))


async def test_a_plugin_is_wired_by_its_marks(core: Core, steps: Callable[..., None]) -> None:
    steps(None)
    host = InsideHost(core, manifest(), {"tone": "gong"})
    await host.start()
    assert host.context is not None
    ctx = host.context
    core.bus.publish("door.opened", "front/door")
    core.bus.publish("door.opened", "back")
    core.bus.publish("gate.opened", "back")
    await settle()

    assert sorted(Bell.heard) == ["plain back", "plain front/door", "slow back", "slow front/door"]
    assert await ctx.services.call("bell.ring", times=3) == 3
    assert [one.name for one in ctx.services.list()] == ["bell.ring"]
    assert (ctx.plugin, ctx.config, ctx.log.name) == ("bell", {"tone": "gong"}, "hub.bell")
    assert ctx.data_dir.is_dir()
    assert await host.stop() == ""
    assert nothing_is_left(core)


async def test_the_context_acts_in_the_plugins_name(core: Core, steps: Callable[..., None]) -> None:
    steps(None)
    host = InsideHost(core, manifest(), {})
    await host.start()
    assert host.context is not None
    ctx = host.context
    seen: list[tuple[str, str]] = []
    undo = ctx.state.watch("lamp/#", lambda event: seen.append((event.subject, event.source)))

    ctx.state.set("lamp/on", True)
    assert ctx.state.compare_and_set("lamp/on", False, 1)
    assert ctx.state.get("lamp/on") is False
    assert [*ctx.state.list("lamp")] == ["lamp/on"]
    assert ctx.state.delete("lamp/on")
    undo()
    undo()
    ctx.state.set("lamp/on", True)
    assert ctx.state.entry("lamp/on") is not None
    await ctx.storage.set("a", 1)

    assert seen == [("lamp/on", "bell")] * 3
    assert await core.storage.namespace("bell").get("a") == 1
    assert ctx.events.publish("bell.rung", "x", Rung(1)).source == "bell"
    await host.stop()


async def test_stop_takes_everything_back(core: Core, steps: Callable[..., None]) -> None:
    steps(everything)
    host = InsideHost(core, manifest(), {})
    await host.start()
    assert len(core.services.list()) == 2

    assert await host.stop() == ""
    assert nothing_is_left(core)
    assert isinstance(core.clock, ManualClock)
    await core.clock.advance(60)
    assert Bell.heard == []
    assert await host.stop() == ""


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_failed_start_leaves_nothing(core: Core, steps: Callable[..., None], turns: int) -> None:
    async def breaks(plugin: Bell) -> None:
        await everything(plugin)
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ValueError("no bulb")

    steps(breaks, breaks)
    host = InsideHost(core, manifest(), {})
    with pytest.raises(ValueError, match="no bulb"):
        await host.start()

    assert host.context is None
    assert nothing_is_left(core)


async def test_a_start_cut_off_leaves_nothing(core: Core, steps: Callable[..., None]) -> None:
    async def hangs(plugin: Bell) -> None:
        await everything(plugin)
        await forever()

    steps(hangs)
    host = InsideHost(core, manifest(), {})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await host.start()

    assert nothing_is_left(core)


async def test_a_start_that_awaits_something_cancelled_is_a_failure_and_no_cancellation(
    core: Core, steps: Callable[..., None]
) -> None:
    async def awaits_the_dead(_plugin: Bell) -> None:
        dead = asyncio.get_running_loop().create_future()
        dead.cancel()
        await dead

    steps(awaits_the_dead)
    with pytest.raises(HubError, match="bell: something it waited for was cancelled"):
        await InsideHost(core, manifest(), {}).start()

    assert nothing_is_left(core)


async def test_a_stop_that_raises_is_told_and_everything_is_taken_back(
    core: Core, steps: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(_plugin: Bell) -> None:
        raise TimeoutError("no clapper")

    steps(everything, breaks)
    host = InsideHost(core, manifest(), {})
    await host.start()

    assert await host.stop() == "its stop failed: TimeoutError: no clapper"
    assert nothing_is_left(core)
    assert "Plugin bell failed while stopping" in caplog.messages


async def test_a_stop_that_awaits_its_own_cancelled_task_takes_everything_back(
    core: Core, steps: Callable[..., None]
) -> None:
    async def naive(plugin: Bell) -> None:
        task = plugin.ctx.tasks.start("more", forever())
        task.cancel()
        await task

    steps(everything, naive)
    host = InsideHost(core, manifest(), {})
    await host.start()
    await host.stop()

    assert nothing_is_left(core)


async def test_a_stop_that_hangs_is_ended_and_told(
    core: Core, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.hosts.inside._STOP_LIMIT", 0.01)

    async def hangs(_plugin: Bell) -> None:
        await forever()

    steps(everything, hangs)
    host = InsideHost(core, manifest(), {})
    await host.start()

    assert await host.stop() == "it did not stop within 0.01 s"
    assert nothing_is_left(core)


async def test_a_stop_that_is_cut_off_takes_everything_back(core: Core, steps: Callable[..., None]) -> None:
    async def hangs(_plugin: Bell) -> None:
        await forever()

    steps(everything, hangs)
    host = InsideHost(core, manifest(), {})
    await host.start()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await host.stop()

    assert nothing_is_left(core)


async def test_what_ignores_its_end_is_named_and_holds_nobody_up(
    core: Core, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.hosts.inside._STOP_LIMIT", 0.01)
    monkeypatch.setattr("hub.tasks.TaskGroup.cancel.__defaults__", (0.01,))
    release = asyncio.Event()

    async def stubborn(_plugin: Bell) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def starts_stubborn(plugin: Bell) -> None:
        plugin.ctx.tasks.start("stays", stubborn(plugin))

    steps(starts_stubborn, stubborn)
    host = InsideHost(core, manifest(), {})
    await host.start()

    assert await host.stop() == "tasks would not end: bell:stays, bell:stops"
    assert not core.services.list()
    release.set()
    await eventually(lambda: nothing_is_left(core))


async def test_an_unmarked_event_struct_is_refused(core: Core) -> None:
    class Careless(Plugin):
        emits = (Unmarked,)

    with pytest.raises(EventError, match="Unmarked is not marked as an event"):
        await InsideHost(core, manifest(), {}, cls=Careless).start()
    assert nothing_is_left(core)


async def test_an_event_type_in_dispute_names_both(core: Core, steps: Callable[..., None]) -> None:
    steps(None)
    undo = core.bus.declare("bell.rung", None, "gong")

    with pytest.raises(EventError, match=r"bell and gong both declare 'bell\.rung'"):
        await InsideHost(core, manifest(), {}).start()
    undo()
    assert nothing_is_left(core)


async def test_a_data_folder_that_cannot_be_made_refuses_the_start(core: Core) -> None:
    (core.data_dir / "plugins").write_text("in the way")

    with pytest.raises(StorageError, match=r"plugins.*make it writable"):
        await InsideHost(core, manifest(), {}).start()
    assert nothing_is_left(core)


async def test_a_timer_fires_once_and_its_fault_is_the_plugins(core: Core, steps: Callable[..., None]) -> None:
    failures: list[tuple[str, str]] = []
    fired: list[str] = []

    async def sets_timers(plugin: Bell) -> None:
        clock = plugin.ctx.clock
        clock.call_later(1, lambda: fired.append("first"))
        clock.call_later(1, lambda: [1].remove(2))
        clock.call_later(2, lambda: fired.append("second"))
        clock.call_later(2, lambda: fired.append("never"))()
        assert clock.monotonic() == 1000.0
        assert clock.now() > 0
        plugin.ctx.tasks.start("sleeps", clock.sleep(1))

    steps(sets_timers)
    host = InsideHost(core, manifest(), {}, lambda name, error: failures.append((name, str(error))))
    await host.start()
    assert isinstance(core.clock, ManualClock)
    await core.clock.advance(3)

    assert fired == ["first", "second"]
    assert failures == [("bell:timer", "list.remove(x): x not in list")]
    await host.stop()


async def test_after_the_end_the_context_is_of_no_use_to_its_hearers(core: Core, steps: Callable[..., None]) -> None:
    steps(None)
    host = InsideHost(core, manifest(), {})
    await host.start()
    await host.stop()
    core.bus.publish("door.opened", "front/door")
    await settle()

    assert Bell.heard == []
    with pytest.raises(UnknownServiceError):
        await core.services.call("bell.ring", {}, caller="test")


def test_registrations_are_undone_newest_first_and_once() -> None:
    order: list[int] = []
    kept = Registrations()
    undos = [kept.keep(lambda number=number: order.append(number)) for number in range(4)]  # type: ignore[misc]
    undos[2]()
    undos[2]()
    kept.undo_all()
    undos[0]()
    kept.undo_all()

    assert order == [2, 3, 1, 0]


def test_a_class_is_loaded_by_its_entry() -> None:
    assert load_class(manifest()) is Bell


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("hub.nowhere:Bell", "bell: its module hub.nowhere cannot be imported: ModuleNotFoundError"),
        (f"{__name__}:Nothing", "is not a class derived from Plugin"),
        (f"{__name__}:NotAPlugin", "is not a class derived from Plugin"),
        ("broken_module:Bell", "cannot be imported: ZeroDivisionError: division by zero"),
        ("quitting_module:Bell", "cannot be imported: SystemExit: 3"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, said: str
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0")
    (tmp_path / "quitting_module.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PluginError) as caught:
        load_class(manifest(entry))

    assert said in str(caught.value)
    assert caught.value.plugin == "bell"


def test_a_module_may_refuse_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "refusing_module.py").write_text("from hub.api import StorageError\nraise StorageError('no stick')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(StorageError, match="no stick"):
        load_class(manifest("refusing_module:Bell"))
