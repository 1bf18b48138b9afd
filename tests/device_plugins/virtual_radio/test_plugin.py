"""The virtual radio as the hub runs it: a process of its own that comes back and never outlives its owner."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from device_plugins.virtual_radio.plugin import VirtualRadioPlugin
from device_plugins.virtual_radio.process import VirtualRadioError
from hub.testing import HubInMemory, running
from tests.harness import Process, eventually


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()]


async def devices(hub: HubInMemory) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await hub.call("virtual_radio.devices")
    return found


async def test_devices_are_put_on_the_shelf_and_are_there_after_a_restart(tmp_path: Path) -> None:
    async with running(VirtualRadioPlugin, data_dir=tmp_path) as hub:
        models = {one["key"] for one in await hub.call("virtual_radio.models")}
        assert {"lamp-white", "motion", "plug"} <= models
        added = await hub.call("virtual_radio.add", model="plug", name="Kettle")
        assert "power" in {one["stimulus"] for one in await hub.call("virtual_radio.stimuli", device=added["ieee"])}
        assert (tmp_path / "plugins" / "virtual_radio" / "tty").is_symlink()
    assert children() == []
    async with running(VirtualRadioPlugin, data_dir=tmp_path) as hub:
        assert [(one["name"], one["ieee"]) for one in await devices(hub)] == [("Kettle", added["ieee"])]
        await hub.call("virtual_radio.remove", device=added["ieee"])
        assert await devices(hub) == []


async def test_what_cannot_be_done_is_one_sentence() -> None:
    async with running(VirtualRadioPlugin) as hub:
        with pytest.raises(VirtualRadioError, match="toaster"):
            await hub.call("virtual_radio.add", model="toaster")
        lamp = await hub.call("virtual_radio.add", model="lamp-white")
        with pytest.raises(VirtualRadioError, match="network"):
            await hub.call("virtual_radio.join", device=lamp["ieee"])
        with pytest.raises(VirtualRadioError, match="press"):
            await hub.call("virtual_radio.act", device=lamp["ieee"], stimulus="press")
        assert (await hub.call("virtual_radio.latency"))["count"] == 0
        assert hub.errors == []


async def test_a_radio_that_dies_is_started_again() -> None:
    async with running(VirtualRadioPlugin) as hub:
        await hub.call("virtual_radio.add", model="plug", name="Kettle")
        (before,) = children()
        os.kill(before, signal.SIGKILL)
        await eventually(lambda: children() != [before], what="the end of the first process")
        with pytest.raises(VirtualRadioError, match=r"not running|ended"):
            await devices(hub)
        found: list[dict[str, Any]] = []
        while not found:  # the pause begins once the first process has been buried
            await hub.clock.advance(1)
            await asyncio.sleep(0.01)
            with contextlib.suppress(VirtualRadioError):
                found = await devices(hub)
        assert [one["name"] for one in found] == ["Kettle"]


async def test_a_device_that_looks_for_a_network_gives_up_in_the_end() -> None:
    async with running(VirtualRadioPlugin) as hub:
        added = await hub.call("virtual_radio.add", model="plug", join=True)
        ctx = hub.context("virtual_radio")
        assert any("searches" in name for name in ctx.tasks.names)  # type: ignore[attr-defined]
        for _ in range(200):
            await devices(hub)
            await hub.clock.advance(1)
        await eventually(
            lambda: not any("searches" in name for name in ctx.tasks.names),  # type: ignore[attr-defined]
            what="the end of the search",
        )
        assert not (await devices(hub))[0]["joined"]
        assert added["ieee"]


def test_two_processes_never_share_a_state_file(spawn: Callable[..., Process], tmp_path: Path) -> None:
    options = ("-m", "device_plugins.virtual_radio", "--tcp", "0", "--no-control", "--state", str(tmp_path / "radio"))
    first = spawn(sys.executable, *options)
    first.wait_for("ready")
    second = spawn(sys.executable, *options)
    assert second.wait() == 1
    assert second.lines == [f"virtual radio: Another virtual radio uses the state file {tmp_path}/radio: end it first."]
    third = spawn(sys.executable, *options)
    first.send(signal.SIGTERM)
    third.wait_for("ready")
