"""A start that takes long: it holds up those that require it, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.api import Plugin
from hub.testing import settle
from tests.harness import eventually
from tests.hub.world import Scripted, World, forever, made_world, plugin


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with made_world(tmp_path) as made:
        yield made


async def test_a_start_that_hangs_keeps_nobody_from_changing_plugins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.plugin_manager._PATIENCE", 0.05)
    Scripted.script["start", "a"] = forever
    starting = world.tasks.start("starts", world.start(plugin("a"), plugin("b"), plugin("c", "a"), plugin("d")))
    await eventually(lambda: sorted(Scripted.played) == ["start a", "start b", "start d"])
    manager = world.manager
    assert manager is not None
    async with asyncio.timeout(10):
        assert (await manager.restart("b")).status == "running"
        assert (await manager.disable("d")).status == "disabled"
        assert world.info("a").status == "starting"
        assert (await manager.unload("a")).status == "stopped"
        await starting
    assert Scripted.played.count("start a") == 1
    assert "requires a, which is not enabled" in world.info("c").reason
    del Scripted.script["start", "a"]
    assert (await manager.load("a")).status == "running"
    assert world.info("c").status == "running"


async def test_who_requires_a_plugin_waits_for_a_start_that_another_change_began(world: World) -> None:
    gate = asyncio.Event()

    async def waits(_plugin: Plugin) -> None:
        await gate.wait()

    Scripted.script["start", "a"] = waits
    starting = world.tasks.start("starts", world.start(plugin("a"), plugin("b", "a"), disable=["b"]))
    await eventually(lambda: Scripted.played == ["start a"])
    manager = world.manager
    assert manager is not None
    more = world.tasks.start("reconfigures", manager.reconfigure(world.config_of, (), ("b",), ()))
    await settle()
    gate.set()
    async with asyncio.timeout(10):
        await starting
        await more
    assert Scripted.played == ["start a", "start b"]
