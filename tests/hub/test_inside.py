"""A plugin inside the hub: wired, started, and taken back without a trace however it ends."""

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import override

import pytest

from hub.api import EventError, Plugin
from hub.errors import HubError, PluginError, StorageError
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost
from hub.testing import ManualClock, settle
from tests.hub.bell import Bell, Rung, Unmarked, everything, forever, manifest, nothing_is_left


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


async def test_what_ignores_its_end_is_named_and_cut_off(
    core: Core, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hub.hosts.inside._STOP_LIMIT", 0.01)
    monkeypatch.setattr("hub.tasks.TaskGroup.cancel.__defaults__", (0.01,))
    ended: list[str] = []

    async def stubborn(_plugin: Bell) -> None:
        try:
            while True:
                with suppress(asyncio.CancelledError):
                    await forever()
        finally:
            ended.append("cut off")
            raise ValueError("no bulb")

    async def starts_stubborn(plugin: Bell) -> None:
        plugin.ctx.tasks.start("stays", stubborn(plugin))

    steps(starts_stubborn, stubborn)
    host = InsideHost(core, manifest(), {})
    await host.start()

    assert await host.stop() == "tasks would not end: bell:stays, bell:stops"
    assert ended == ["cut off", "cut off"]
    await settle()
    assert nothing_is_left(core)
    gc.collect()
    assert caplog.messages == []


async def test_a_start_that_ignores_its_end_is_cut_off(
    core: Core, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.tasks.TaskGroup.cancel.__defaults__", (0.01,))

    async def stubborn(_plugin: Bell) -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await forever()

    steps(stubborn)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await InsideHost(core, manifest(), {}).start()
    await settle()

    assert nothing_is_left(core)


async def test_a_watchers_fault_is_the_plugins(core: Core, steps: Callable[..., None]) -> None:
    told: list[str] = []
    steps(None)
    host = InsideHost(core, manifest(), {}, lambda name, error: told.append(f"{name}: {error}"))
    await host.start()
    assert host.context is not None

    def fails(_key: str, _value: object) -> None:
        raise ValueError("no bulb")

    host.context.storage.watch("", fails)
    await host.context.storage.set("lamp", 1)
    await settle()
    assert told == ["bell:watcher of lamp: no bulb"]
    await host.stop()


class Hasty(Plugin):
    @override
    def start(self) -> None:  # type: ignore[override]
        """Forget to be async."""


async def test_a_start_that_is_not_async_is_refused_in_one_sentence(core: Core) -> None:
    host = InsideHost(core, manifest(), {}, cls=Hasty)
    with pytest.raises(PluginError, match="bell: its start is not async; write `async def start`"):
        await host.start()
    assert nothing_is_left(core)


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
