"""A plugin that does not come with the hub does through its Context what its manifest lists, and nothing else."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from hub.api import NotPermittedError, Plugin
from hub.bus import EventBus
from hub.errors import ManifestError
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost
from hub.hosts.loading import forget_modules, load_class
from hub.manifest import Manifest, load
from hub.patterns import PatternError
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock, settle
from tests.harness.process import ROOT
from tests.hub.house import refuses

CODE = """
import msgspec
from hub.api import Event, Plugin, event, on, service

@event("doorbell.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int

class Quiet(Plugin):
    pass

class Emits(Plugin):
    emits = (Rung,)

class Hears(Plugin):
    heard: list[str] = []

    @on("device.*", subject="device/#")
    def note(self, event: Event) -> None:
        self.heard.append(event.subject)

class Offers(Plugin):
    @service
    async def blink(self, times: int = 1) -> int:
        return times
"""

type Make = Callable[..., Manifest]


@pytest.fixture
async def core(tmp_path: Path) -> Core:
    bus = EventBus()
    for name in ("device.button", "device.joined", "door.opened"):
        bus.declare(name, None, "test")
    storage = MemoryEngine()
    await storage.open()
    return Core(bus, ServiceRegistry(), StateEngine(bus), storage, ManualClock(), tmp_path / "data")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Write a user's plugin folder; `permissions` is the text of that table."""
    folder = tmp_path / "own" / "doorbell"
    folder.mkdir(parents=True)
    (folder / "plugin.py").write_text(CODE)
    monkeypatch.syspath_prepend(folder.parent)

    def write(permissions: str = "", cls: str = "Quiet") -> Manifest:
        (folder / "plugin.toml").write_text(
            f'id = "doorbell"\nversion = "1.0"\napi = "1"\nentry = "doorbell.plugin:{cls}"\n'
            f"[permissions]\n{permissions}\n"
        )
        return load(folder, "user")

    yield write
    forget_modules(folder)
    sys.modules.pop("doorbell", None)


@pytest.fixture
async def start(core: Core, make: Make) -> AsyncIterator[Callable[..., Any]]:
    """Run a user's plugin with these permissions; gives the plugin."""
    hosts: list[InsideHost] = []

    async def run(permissions: str = "", cls: str = "Quiet") -> Plugin:
        manifest = await asyncio.to_thread(make, permissions, cls)
        found = await asyncio.to_thread(load_class, manifest)
        host = InsideHost(core, manifest, {}, cls=found)
        hosts.append(host)
        await host.start()
        assert host.plugin is not None
        return host.plugin

    yield run
    for host in hosts:
        await host.stop()


async def nothing(*_arguments: object) -> None:
    pass


# Events


async def test_an_event_may_be_published_only_with_its_permission(core: Core, start: Callable[..., Any]) -> None:
    ctx = (await start('publish = ["device.*", "doorbell.**"]')).ctx
    seen: list[tuple[str, str]] = []
    plugin = InsideHost(core, Manifest(id="ear", version="1", api="1", entry="x:Y", folder=Path()), {}, cls=Plugin)
    await plugin.start()
    assert plugin.context is not None
    plugin.context.events.subscribe("**", lambda event: seen.append((event.type, event.source)))

    for _ in range(2):  # what is decided is remembered
        ctx.events.publish("device.button", "x", {"action": "single"})
        with refuses('doorbell may not publish door.opened; add "door.opened" to publish in [permissions] of '):
            ctx.events.publish("door.opened", "x")
    await plugin.stop()

    assert seen == [("device.button", "doorbell")] * 2


async def test_the_refusal_names_the_manifest(tmp_path: Path, start: Callable[..., Any]) -> None:
    ctx = (await start()).ctx
    with pytest.raises(NotPermittedError) as caught:
        await ctx.services.call("chime.play")

    assert str(caught.value) == (
        'doorbell may not call chime.play; add "chime.play" to call in [permissions] of'
        f" {tmp_path}/own/doorbell/plugin.toml"
    )
    assert caught.value.code == "not_permitted"


async def test_what_a_plugin_emits_needs_the_permission_to_publish(core: Core, start: Callable[..., Any]) -> None:
    with refuses('doorbell may not publish doorbell.rung; add "doorbell.rung" to publish'):
        await start("", "Emits")

    ctx = (await start('publish = ["doorbell.rung"]', "Emits")).ctx
    ctx.events.publish("doorbell.rung", "x", {"times": 2})
    assert core.bus.published == 1


async def test_what_a_plugin_hears_needs_the_permission_to_hear(core: Core, start: Callable[..., Any]) -> None:
    with refuses('doorbell may not hear device.*; add "device.*" to hear'):
        await start('hear = ["device.button"]', "Hears")
    assert core.bus.counts() == {}

    plugin = await start('hear = ["device.**"]', "Hears")
    core.bus.publish("device.button", "device/door")
    core.bus.publish("door.opened", "device/door")
    assert plugin.heard == ["device/door"]


async def test_a_subscription_keeps_its_options_and_its_undo(core: Core, start: Callable[..., Any]) -> None:
    ctx = (await start('hear = ["device.button"]')).ctx
    seen: list[str] = []
    undo = ctx.events.subscribe(
        "device.button",
        lambda event: seen.append(event.subject),
        subject="device/+",
        predicate=lambda event: event.data == 1,
    )
    core.bus.publish("device.button", "device/a", 1)
    core.bus.publish("device.button", "device/b", 2)
    core.bus.publish("device.button", "room/c", 1)
    undo()
    core.bus.publish("device.button", "device/d", 1)

    assert seen == ["device/a"]


@pytest.mark.parametrize(
    ("permissions", "type_", "subject", "refusal"),
    [
        ('read = ["device/#"]', "state.changed", "device/+/on_off", None),
        ('read = ["device/#"]', "state.changed", "#", 'doorbell may not read #; add "#" to read'),
        ('hear = ["**"]', "state.changed", "device/lamp", 'may not read device/lamp; add "device/lamp" to read'),
        ('hear = ["**"]', "**", "device/#", 'may not read device/#; add "device/#" to read'),
        ('hear = ["**"]', "state.*", "#", "may not read #"),
        ('hear = ["**"]\nread = ["#"]', "**", "#", None),
        ('hear = ["**"]\nread = ["device/#"]', "**", "device/lamp", None),
        ('read = ["#"]', "**", "#", 'may not hear **; add "**" to hear'),
        ('read = ["#"]', "state.*", "#", 'may not hear state.*; add "state.*" to hear'),
        ('hear = ["device.*"]', "device.*", "#", None),
        ('hear = ["state.*"]', "state.lost", "#", None),
    ],
)
async def test_who_hears_changes_of_state_must_be_allowed_to_read_them(
    start: Callable[..., Any], permissions: str, type_: str, subject: str, refusal: str | None
) -> None:
    ctx = (await start(permissions)).ctx
    if refusal is None:
        ctx.events.subscribe(type_, lambda _event: None, subject=subject)()
    else:
        with refuses(refusal):
            ctx.events.subscribe(type_, lambda _event: None, subject=subject)


@pytest.mark.parametrize(("type_", "subject"), [("a..b", "#"), ("device.button", "a/#/b")])
async def test_a_malformed_pattern_is_called_malformed(start: Callable[..., Any], type_: str, subject: str) -> None:
    ctx = (await start('hear = ["**"]\nread = ["#"]')).ctx
    with pytest.raises(PatternError):
        ctx.events.subscribe(type_, lambda _event: None, subject=subject)
    with pytest.raises(PatternError):
        ctx.state.watch("#/a", lambda _event: None)


# Services


async def test_services_are_called_and_offered_by_permission(core: Core, start: Callable[..., Any]) -> None:
    async def play(tone: str = "bell") -> str:
        return tone

    core.services.register("chime.play", play, "chime")
    core.services.register("chime.tune.set", play, "chime")
    ctx = (await start('call = ["chime.*"]\noffer = ["doorbell.ring"]')).ctx

    for _ in range(2):
        assert await ctx.services.call("chime.play", tone="gong", timeout=5) == "gong"
        with refuses('may not call chime.tune.set; add "chime.tune.set" to call'):
            await ctx.services.call("chime.tune.set")
    ctx.services.register("doorbell.ring", play)
    with refuses('doorbell may not offer doorbell.quit; add "doorbell.quit" to offer'):
        ctx.services.register("doorbell.quit", play)
    assert [one.name for one in ctx.services.list()] == ["chime.play", "chime.tune.set", "doorbell.ring"]


async def test_a_marked_service_needs_the_permission_to_offer(core: Core, start: Callable[..., Any]) -> None:
    with refuses('doorbell may not offer doorbell.blink; add "doorbell.blink" to offer'):
        await start("", "Offers")
    assert core.services.list() == []

    await start('offer = ["doorbell.*"]', "Offers")
    assert await core.services.call("doorbell.blink", {"times": 3}, caller="test") == 3


# State


async def test_state_is_read_by_permission(core: Core, start: Callable[..., Any]) -> None:
    for path in ("device/lamp/on_off", "device/lamp", "secret/code"):
        core.state.set(path, True)
    ctx = (await start('read = ["device/+/on_off", "device/lamp"]')).ctx

    for _ in range(2):
        assert ctx.state.get("device/lamp/on_off") is True
        assert ctx.state.get("device/gone/on_off", "none") == "none"
        assert ctx.state.entry("device/lamp").value is True
        for look in (ctx.state.get, ctx.state.entry):
            with refuses('doorbell may not read secret/code; add "secret/code" to read'):
                look("secret/code")
    assert [*ctx.state.list()] == ["device/lamp", "device/lamp/on_off"]
    assert [*ctx.state.list("device/lamp/")] == ["device/lamp/on_off"]
    assert dict(ctx.state.list("secret")) == {}

    seen: list[str] = []
    ctx.state.watch("device/+/on_off", lambda event: seen.append(event.subject))
    with refuses('may not read device/#; add "device/#" to read'):
        ctx.state.watch("device/#", lambda event: seen.append(event.subject))
    core.state.set("device/lamp/on_off", False)
    assert seen == ["device/lamp/on_off"]


async def test_state_is_written_by_permission(core: Core, start: Callable[..., Any]) -> None:
    core.state.set("device/lamp", 1)
    ctx = (await start('write = ["doorbell/#"]')).ctx

    for _ in range(2):
        ctx.state.set("doorbell/tone", "gong")
        with refuses('doorbell may not write device/lamp; add "device/lamp" to write'):
            ctx.state.set("device/lamp", 2)
    assert ctx.state.compare_and_set("doorbell/tone", "bell", 1)
    with refuses("may not write device/lamp"):
        ctx.state.compare_and_set("device/lamp", 2, 1)
    assert core.state.get("doorbell/tone") == "bell"
    assert ctx.state.delete("doorbell/tone")
    with refuses("may not write device/lamp"):
        ctx.state.delete("device/lamp")
    assert core.state.get("device/lamp") == 1
    with refuses("may not read doorbell/tone"):
        ctx.state.get("doorbell/tone")


async def test_its_own_storage_clock_and_tasks_need_no_permission(start: Callable[..., Any]) -> None:
    ctx = (await start()).ctx
    done: list[str] = []

    async def work() -> str:
        await ctx.storage.set("tone", "gong")
        ctx.clock.call_later(0, lambda: done.append("timer"))
        return cast("str", await ctx.storage.get("tone"))

    assert await ctx.tasks.start("works", work()) == "gong"
    assert ctx.data_dir.is_dir()


async def test_a_plugin_that_comes_with_the_hub_pays_nothing(core: Core) -> None:
    about = Manifest(id="chime", version="1", api="1", entry="x:Y", folder=Path())
    host = InsideHost(core, about, {}, cls=Plugin)
    await host.start()
    assert host.context is not None

    host.context.state.set("any/thing", 1)
    names = {type(part).__name__ for part in (host.context.events, host.context.services, host.context.state)}
    assert not [name for name in names if name.startswith("Guarded")]
    await host.stop()


# Rules


@pytest.mark.parametrize(
    ("permissions", "where"),
    [
        ('hear = ["a..b"]', "permissions.hear"),
        ('read = ["a/#/b"]', "permissions.read"),
        ('call = ["*a"]', "permissions.call"),
    ],
)
async def test_a_permission_that_is_no_pattern_is_a_mistake_of_the_manifest(
    start: Callable[..., Any], permissions: str, where: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        await start(permissions)

    assert where in caught.value.where


async def test_the_refusals_of_the_page_are_what_the_hub_says(start: Callable[..., Any]) -> None:
    page = (ROOT / "docs" / "permissions.md").read_text()
    ctx = (await start()).ctx
    asked: dict[str, Callable[[], Any]] = {
        "publish": lambda: ctx.events.publish("doorbell.rung", "doorbell"),
        "hear": lambda: ctx.events.subscribe("device.button", nothing),
        "call": lambda: ctx.services.call("chime.play"),
        "offer": lambda: ctx.services.register("doorbell.blink", nothing),
        "read": lambda: ctx.state.watch("device/+/on_off", nothing),
        "write": lambda: ctx.state.set("doorbell/rings", 1),
    }
    for ask in asked.values():
        with pytest.raises(NotPermittedError) as caught:
            ask()
        assert re.sub(r"of /.*/doorbell/", "of my-plugins/doorbell/", str(caught.value)) in page
    await settle()
