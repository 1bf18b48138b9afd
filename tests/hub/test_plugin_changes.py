"""Plugins that come, go and change while the hub runs: loaded, unloaded, reloaded, enabled, disabled, reconfigured."""

import asyncio
import gc
import logging
import os
import sys
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.api import HubError, Plugin, PluginError
from hub.errors import ManifestError, StorageError
from hub.hosts.loading import forget_modules
from hub.manifest import Manifest, load
from tests.harness import eventually
from tests.hub.world import Scripted, World, fails_with, forever, made_world, plugin

BELL = """
import asyncio
import msgspec
from hub.api import Plugin, event, on, service
from {name} import tones

@event("{name}.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int

    def twice(self):
        return It

class It(Plugin):
    emits = (Rung,)

    async def start(self):
        ctx = self.ctx
        ctx.tasks.start("glows", asyncio.Event().wait())
        ctx.events.subscribe("door.*", self.hear)
        ctx.state.watch("lamp/#", lambda _event: self)
        ctx.storage.watch("", lambda _key, _value: self)
        ctx.clock.call_later(3600, lambda: self)
        ctx.events.publish("{name}.rung", "x", Rung(1))
        {start}

    async def stop(self):
        {stop}

    async def hear(self, event):
        await asyncio.sleep(0)

    @service
    async def tone(self) -> str:
        '''The tone.'''
        return tones.TONE
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with made_world(tmp_path) as made:
        yield made


class Shelf:
    """Plugins on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    async def write(
        self, name: str, *, tone: str = "gong", start: str = "pass", stop: str = "pass", manifest: str = ""
    ) -> Manifest:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        self.describe(name, f"{name}.plugin:It", manifest)
        (home / "plugin.py").write_text(BELL.format(name=name, start=start, stop=stop))
        (home / "tones.py").write_text(f"TONE = {tone!r}\n")
        return await asyncio.to_thread(load, home)

    def describe(self, name: str, entry: str, manifest: str = "") -> None:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        about = f'id = "{name}"\nversion = "1.0"\napi = "1"\nentry = "{entry}"\n'
        (home / "plugin.toml").write_text(about + manifest)

    async def scripted(self, name: str) -> Manifest:
        """Put a scripted plugin on the shelf."""
        self.describe(name, "tests.hub.world:Scripted")
        return await asyncio.to_thread(load, self.folder / name)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield Shelf(tmp_path / "plugins")
    forget_modules(tmp_path / "plugins")


async def tone(world: World, name: str = "bell") -> Any:  # noqa: ANN401 - whatever it says
    return await world.core.services.call(f"{name}.tone", {}, caller="test")


async def test_loading_finds_what_is_new_with_what_it_requires(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("off", enabled=False))
    world.found |= {one.id: one for one in (plugin("b", "c"), plugin("c", "a"), plugin("d"))}
    info = await manager.load("b")

    assert (info.id, info.status) == ("b", "running")
    assert [(one.id, one.status) for one in manager.infos()] == [
        ("a", "running"),
        ("b", "running"),
        ("c", "running"),
        ("off", "disabled"),
    ]
    assert Scripted.played == ["start a", "start c", "start b"]
    assert (await manager.load("a")).restarts == 0
    assert (await manager.load("off")).reason == "`hub plugins enable off` enables it"
    await manager.stop()
    assert Scripted.played[3:] == ["stop b", "stop c", "stop a"]


async def test_loading_tries_what_has_failed_again_with_its_newest_manifest(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b", "a"))
    del Scripted.script["start", "a"]
    world.found["a"] = plugin("a", version="2.0")
    info = await manager.load("a")

    assert (info.status, info.version) == ("running", "2.0")
    assert world.info("b").status == "running"


async def test_what_requires_itself_can_be_looked_for(world: World) -> None:
    manager = await world.start(plugin("a"))
    world.found |= {one.id: one for one in (plugin("b", "b"), plugin("c", "d"), plugin("d", "c", "gone"))}
    assert "b requires b goes in a circle" in (await manager.load("b")).reason
    assert (await manager.load("c")).status == "failed"
    assert world.info("d").reason.startswith("d requires gone, which is not there")


async def test_what_cannot_be_loaded_says_why(world: World) -> None:
    manager = await world.start(plugin("bell"))
    world.mistakes = [
        ManifestError("is not TOML here", where="/plugins/other/plugin.toml:1"),
        ManifestError("is not TOML here", where="/plugins/broken/plugin.toml:1"),
    ]
    with pytest.raises(PluginError, match=r"/plugins/broken/plugin\.toml:1: is not TOML here"):
        await manager.load("broken")
    for change in (manager.load, manager.unload, manager.reload, manager.restart, manager.enable, manager.disable):
        with pytest.raises(PluginError, match="no plugin 'bel', did you mean 'bell'; `hub plugins list --all` shows"):
            await change("bel")
    assert world.info("bell").status == "running"


async def test_unloading_takes_those_along_that_require_it_until_it_is_loaded(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", "a"), plugin("c", after=["b"]))
    info = await manager.unload("a")

    assert (info.status, info.reason) == ("stopped", "it was unloaded; `hub plugins load a` loads it")
    assert (world.info("b").status, world.info("b").reason) == (
        "failed",
        "b requires a, which is not enabled; `hub plugins enable a` enables it",
    )
    assert Scripted.played[3:] == ["stop b", "stop a"]
    assert (await manager.restart("a")).status == "stopped"
    assert (await manager.reload("a")).status == "stopped"
    assert (await manager.unload("a")).status == "stopped"
    assert (await manager.restart("b")).status == "failed"

    assert (await manager.load("a")).status == "running"
    assert [world.info(name).status for name in "abc"] == ["running"] * 3
    assert Scripted.played[5:] == ["start a", "start b"]
    await manager.unload("a")
    assert (await manager.enable("a")).status == "running"


async def test_unloading_ends_a_retry(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    await manager.unload("a")
    await world.clock.advance(1000)

    assert Scripted.played.count("start a") == 1
    assert world.info("a").status == "stopped"


async def test_a_choice_is_remembered_and_comes_before_the_manifest(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", "a"), plugin("off", enabled=False))
    assert world.info("off").status == "disabled"
    assert (await manager.enable("off")).status == "running"
    info = await manager.disable("a")

    assert (info.status, info.reason) == ("disabled", "`hub plugins enable a` enables it")
    assert world.info("b").reason == "b requires a, which is not enabled; `hub plugins enable a` enables it"
    await manager.stop()

    manager = await world.start(plugin("a"), plugin("b", "a"), plugin("off", enabled=False))
    assert [world.info(name).status for name in ("a", "b", "off")] == ["disabled", "failed", "running"]
    assert (await manager.enable("a")).status == "running"
    assert world.info("b").status == "running"
    assert (await manager.disable("off")).status == "disabled"
    await manager.stop()

    manager = await world.start(plugin("a"), plugin("b"), plugin("off", enabled=False), enable=["off"], disable=["a"])
    assert [world.info(name).status for name in ("a", "b", "off")] == ["disabled", "running", "running"]
    assert world.info("a").reason == "[plugins] disable in the configuration names it"


async def test_the_configuration_is_not_contradicted(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", enabled=False), enable=["b"], disable=["a"])
    with pytest.raises(PluginError, match=r"the configuration disables a; take it out of \[plugins\] disable"):
        await manager.enable("a")
    with pytest.raises(
        PluginError, match=r"the configuration enables b; .* enable there, and its section \[plugin\.b\]"
    ):
        await manager.disable("b")

    assert [world.info(name).status for name in "ab"] == ["disabled", "running"]
    assert await world.core.storage.namespace("_plugins").list() == []


async def test_a_choice_that_cannot_be_remembered_is_not_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_arguments: Any, **_options: Any) -> None:  # noqa: ANN401
        raise StorageError("the disk is full")

    manager = await world.start(plugin("a"))
    monkeypatch.setattr(world.core.storage.namespace("_plugins"), "set", full)
    with pytest.raises(StorageError, match="the disk is full"):
        await manager.disable("a")

    assert world.info("a").status == "running"


async def test_enabling_tries_what_has_failed_again(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b"))
    del Scripted.script["start", "a"]

    assert (await manager.enable("a")).status == "running"
    assert (await manager.enable("b")).restarts == 0


async def test_another_configuration_changes_only_what_it_speaks_of(world: World) -> None:
    given: list[str] = []

    def config_of(manifest: Manifest, struct: type | None) -> Any:  # noqa: ANN401
        given.append(manifest.id)
        return world.config_of(manifest, struct)

    manager = await world.start(*(plugin(name) for name in "abd"), plugin("c", "b"), plugin("e", enabled=False))
    Scripted.played.clear()
    await manager.reconfigure(config_of, ["b", "e", "gone"], enable=["e"], disable=["a"])

    assert Scripted.played[:3] == ["stop c", "stop b", "stop a"]
    assert sorted(Scripted.played[3:]) == ["start b", "start c", "start e"]
    assert sorted(given) == ["b", "c", "e"]
    assert [world.info(name).status for name in "abcde"] == ["disabled", "running", "running", "running", "running"]
    await manager.reconfigure(config_of, [], enable=[], disable=[])
    assert [world.info(name).status for name in "abcde"] == ["running", "running", "running", "running", "disabled"]


@pytest.mark.parametrize("edit", ["same second", "later"])
async def test_reloading_reads_all_of_a_folder_anew(world: World, shelf: Shelf, edit: str) -> None:
    manager = await world.start(await shelf.write("bell"), plugin("a", "bell"), plugin("b"))
    assert await tone(world) == "gong"
    tones = shelf.folder / "bell" / "tones.py"
    time = tones.stat().st_mtime
    for number in range(3):
        await shelf.write("bell", tone=f"gon{number}", manifest=f'description = "{number}"\n')  # of the same size
        os.utime(tones, (time, time) if edit == "same second" else (time + number + 1,) * 2)
        info = await manager.reload("bell")
        assert (info.status, info.description) == ("running", str(number))
        assert await tone(world) == f"gon{number}"

    assert sorted(Scripted.played[:2]) == ["start a", "start b"]
    assert Scripted.played[2:] == ["stop a", "start a"] * 3


async def test_a_reload_of_broken_code_says_why_and_the_next_one_mends_it(world: World, shelf: Shelf) -> None:
    manager = await world.start(await shelf.write("bell"), plugin("a", "bell"))
    time = (shelf.folder / "bell" / "tones.py").stat().st_mtime
    (shelf.folder / "bell" / "tones.py").write_text("1 / 0 # ..\n")
    os.utime(shelf.folder / "bell" / "tones.py", (time, time))
    info = await manager.reload("bell")
    assert info.status == "failed"
    assert "cannot be imported: ZeroDivisionError" in info.reason
    assert world.info("a").reason == "a requires bell, which is not running"

    (shelf.folder / "bell" / "tones.py").write_text("TONE = 'a'\n")
    os.utime(shelf.folder / "bell" / "tones.py", (time, time))
    assert (await manager.reload("bell")).status == "running"
    assert await tone(world) == "a"
    assert world.info("a").status == "running"

    shelf.describe("bell", "bell.plugin:It", "[\n")
    info = await manager.reload("bell")
    assert info.status == "failed"
    assert "is not TOML here" in info.reason
    await shelf.write("bell")
    (shelf.folder / "bell" / "plugin.toml").write_text(
        (shelf.folder / "bell" / "plugin.toml").read_text().replace('"bell"', '"gong"')
    )
    assert (await manager.reload("bell")).reason == "bell is called gong now; load that"
    await shelf.write("bell", manifest='requires = { nobody = "*" }\n')
    assert (await manager.reload("bell")).reason.startswith("bell requires nobody, which is not there")
    await shelf.write("bell")
    assert (await manager.reload("bell")).status == "running"


STOPS = {
    "quiet": ("pass", "pass"),
    "crashes in start": ("raise ValueError('no bulb')", "pass"),
    "crashes in stop": ("pass", "raise ValueError('no bulb')"),
    "hangs in stop": ("pass", "await asyncio.Event().wait()"),
}


@pytest.mark.parametrize("how", STOPS)
async def test_nothing_is_left_of_what_is_unloaded(
    world: World, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("hub.hosts.inside._STOP_LIMIT", 0.01)
    monkeypatch.setattr(logging.getLogger("hub"), "propagate", False)  # the test tools keep tracebacks
    start, stop = STOPS[how]
    manager = await world.start(await shelf.write("bell", start=start, stop=stop), plugin("a"))
    module = weakref.ref(sys.modules["bell.plugin"])
    kind = weakref.ref(sys.modules["bell.plugin"].It)
    gc.collect()
    plugins = weakref.WeakSet(one for one in gc.get_objects() if type(one) is kind())
    assert len(plugins) == (how != "crashes in start")
    world.bus.publish("door.opened", "front")
    await manager.unload("bell")

    await eventually(lambda: module() is None and kind() is None and not plugins)
    assert world.bus.counts() == {"test": 1, "a": 1}
    assert [one.owner for one in world.core.services.list()] == ["a"]
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("bell:")]
    assert not [name for name in sys.modules if name.partition(".")[0] == "bell"]
    assert {*manager.folders().values()} == {"a", "bell"}


async def test_folders_tell_whose_code_it_is(world: World, shelf: Shelf) -> None:
    manager = await world.start(await shelf.write("bell"))

    assert manager.folders() == {str(shelf.folder / "bell"): "bell"}


@pytest.mark.parametrize("change", ["restart", "reload", "unload", "disable", "reconfigure"])
async def test_a_plugin_may_ask_for_its_own_end(world: World, shelf: Shelf, change: str) -> None:
    manager = await world.start(await shelf.scripted("a"), plugin("b", "a"))

    async def asks(plugin: Plugin) -> None:
        del Scripted.script["start", "a"]
        if change == "reconfigure":
            work = manager.reconfigure(world.config_of, ["a"], [], [])
        else:
            work = getattr(manager, change)("a")
        plugin.ctx.tasks.start("asks", work)

    Scripted.script["start", "a"] = asks
    await manager.restart("a")
    wanted = {"unload": "stopped", "disable": "disabled"}.get(change, "running")
    await eventually(lambda: world.info("a").restarts + (wanted != "running") == 2 and world.info("a").status == wanted)
    await eventually(lambda: world.info("b").status == ("running" if wanted == "running" else "failed"))


async def test_changes_are_made_one_after_the_other(world: World, shelf: Shelf) -> None:
    manager = await world.start(await shelf.scripted("a"), plugin("b", "a"))
    changes = [manager.restart("a"), manager.unload("a"), manager.load("a"), manager.disable("b"), manager.reload("a")]
    await asyncio.gather(*changes)

    assert Scripted.played[2:] == [
        *("stop b", "stop a", "start a", "start b"),
        *("stop b", "stop a", "start a", "start b"),
        *("stop b", "stop a", "start a"),
    ]


async def test_nothing_is_changed_once_the_hub_stops(world: World) -> None:
    manager = await world.start(plugin("a"))
    asked: list[str] = []

    async def asks(_plugin: Plugin) -> None:
        try:
            await manager.restart("a")
        except HubError as error:
            asked.append(str(error))

    Scripted.script["stop", "a"] = asks
    await manager.stop()

    assert asked == ["the hub is stopping; it starts and stops no plugin any more"]
    assert world.info("a").status == "stopped"


async def test_a_change_under_way_does_not_hold_up_the_end(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b"))
    Scripted.script["start", "a"] = forever
    world.tasks.start("restarts", manager.restart("a"))
    world.tasks.start("unloads", manager.unload("b"))
    await eventually(lambda: Scripted.played.count("start a") == 2)
    async with asyncio.timeout(10):
        await manager.stop()

    assert [world.info(name).status for name in "ab"] == ["stopped", "stopped"]
    assert Scripted.played.count("start b") == 1
