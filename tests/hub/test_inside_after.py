"""A plugin's Context after its end, and the guard before its beginning."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from hub.api import event
from hub.errors import PluginError, UnknownServiceError
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost
from hub.manifest import Manifest
from hub.testing import ManualClock, settle
from tests.hub.bell import Bell, forever, manifest, nothing_is_left


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


async def test_what_comes_after_the_end_is_undone_at_once(
    core: Core, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.tasks.TaskGroup.cancel.__defaults__", (0.01,))

    async def stubborn(plugin: Bell) -> None:
        try:
            while True:
                with suppress(asyncio.CancelledError):
                    await forever()
        finally:
            plugin.ctx.events.subscribe("door.*", lambda _event: None)
            plugin.ctx.services.register("bell.late", forever)
            plugin.ctx.clock.call_later(1, lambda: plugin.heard.append("late"))
            plugin.ctx.storage.watch("", lambda _key, _value: plugin.heard.append("late"))

    async def starts_stubborn(plugin: Bell) -> None:
        plugin.ctx.tasks.start("stays", stubborn(plugin))

    steps(starts_stubborn)
    host = InsideHost(core, manifest(), {})
    await host.start()
    assert await host.stop() == "tasks would not end: bell:stays"
    await settle()
    assert nothing_is_left(core)
    await core.storage.namespace("bell").set("a", 1)
    assert isinstance(core.clock, ManualClock)
    await core.clock.advance(60)
    assert Bell.heard == []


async def outlived(core: Core, steps: Callable[..., None]) -> list[Bell]:
    """A plugin that somebody still holds after its end."""
    kept: list[Bell] = []

    async def keeps(plugin: Bell) -> None:
        kept.append(plugin)

    steps(keeps)
    host = InsideHost(core, manifest(), {})
    await host.start()
    await host.stop()
    return kept


async def test_a_context_that_outlives_its_plugin_registers_nothing(core: Core, steps: Callable[..., None]) -> None:
    kept = await outlived(core, steps)
    ctx = kept[0].ctx
    ctx.events.subscribe("door.*", lambda _event: None)
    ctx.services.register("bell.late", forever)
    ctx.storage.watch("", lambda _key, _value: kept.clear())
    ctx.clock.call_later(1, kept.clear)
    await core.storage.namespace("bell").set("a", 1)
    assert isinstance(core.clock, ManualClock)
    await core.clock.advance(60)

    assert nothing_is_left(core)
    assert kept


async def test_a_context_that_outlives_its_plugin_starts_nothing(core: Core, steps: Callable[..., None]) -> None:
    kept = await outlived(core, steps)

    async def hears(_event: object) -> None:
        kept.clear()

    with pytest.raises(PluginError, match=r"^bell was stopped; it cannot start glows any more$"):
        kept[0].ctx.tasks.start("glows", forever())
    with pytest.raises(PluginError, match="bell was stopped; it cannot start hears door"):
        kept[0].ctx.events.subscribe("door.*", hears)
    assert nothing_is_left(core)


@pytest.mark.parametrize("what", ["a watcher", "what a timer calls"])
async def test_what_nobody_would_wait_for_is_refused(core: Core, steps: Callable[..., None], what: str) -> None:
    async def fails(plugin: Bell) -> None:
        async def called(*_arguments: object) -> None:
            plugin.heard.append("never")

        if what == "a watcher":
            plugin.ctx.storage.watch("", called)
        else:
            plugin.ctx.clock.call_later(1, called)

    steps(fails)
    with pytest.raises(PluginError, match=f"^bell: {what} must be a plain function; it may start a task$"):
        await InsideHost(core, manifest(), {}).start()
    assert nothing_is_left(core)


class Changeable(msgspec.Struct):
    times: int


async def test_an_event_that_hearers_could_change_is_refused(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    event("bell.changed")(Changeable)
    monkeypatch.setattr(Bell, "emits", (Changeable,))
    with pytest.raises(PluginError, match=r"could change it for others; make Changeable frozen: `class Changeable\("):
        await InsideHost(core, manifest(), {}).start()
    assert nothing_is_left(core)


class _Guarded:
    """Stands for what checks: lets everything through, and notes it."""

    def __init__(self, inner: object, used: list[str]) -> None:
        self._inner = inner
        self._used = used

    def __getattr__(self, name: str) -> object:
        self._used.append(name)
        return getattr(self._inner, name)


@pytest.mark.parametrize("origin", ["bundled", "user", "installed"])
async def test_what_does_not_come_with_the_hub_is_guarded_from_its_first_registration_on(
    core: Core, steps: Callable[..., None], monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    used: list[str] = []

    def guard(ctx: Any, about: Manifest) -> None:  # noqa: ANN401
        assert about.id == ctx.plugin
        ctx.events, ctx.services = _Guarded(ctx.events, used), _Guarded(ctx.services, used)

    monkeypatch.setattr("hub.hosts.inside.guard", guard)
    steps(None)
    host = InsideHost(core, msgspec.structs.replace(manifest(), origin=origin), {})
    await host.start()
    await host.stop()

    assert used == ([] if origin == "bundled" else ["declare", "subscribe", "subscribe", "register", "subscribe"])


async def test_a_refusing_guard_leaves_nothing(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    def guard(_ctx: Any, _about: Manifest) -> None:  # noqa: ANN401
        raise PluginError("no", plugin="bell")

    monkeypatch.setattr("hub.hosts.inside.guard", guard)
    host = InsideHost(core, msgspec.structs.replace(manifest(), origin="user"), {})
    with pytest.raises(PluginError, match="no"):
        await host.start()

    assert host.context is None
