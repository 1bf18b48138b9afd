"""Whatever is missing or does not fit is told in one sentence, and the hub lives on."""

import asyncio
import fcntl
import os
import pty
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from device_plugins.zwave.keys import load_or_make
from device_plugins.zwave.network import ZWaveError
from device_plugins.zwave.plugin import ZWave
from device_plugins.zwave.sidecar import explain
from hub.testing import HubInMemory, running
from tests.device_plugins.zwave.bench import SWITCH, id_of, without_plugin


def program(folder: Path, says: str) -> str:
    """A program that stands for Node.js."""
    made = folder / "node-of-the-test"
    made.write_text(f"#!/bin/sh\n{says}\n")
    made.chmod(0o755)
    return str(made)


@asynccontextmanager
async def started(folder: Path, **config: object) -> AsyncIterator[HubInMemory]:
    async with running(data_dir=folder) as hub:
        await hub.run(ZWave, {"start_wait": 30.0, "packages": str(folder), **config})
        yield hub
        assert hub.errors == []


async def why(folder: Path, **config: object) -> str:
    """Why the network is down; the plugin runs all the same."""
    async with started(folder, **config) as hub:
        said: dict[str, str] = hub.state.get("protocol/zwave")
        assert said["status"] == "down"
        assert (await hub.call("zwave.health")) == {"status": "degraded", "reason": said["reason"]}
        return said["reason"]


async def test_no_stick_is_set(tmp_path: Path) -> None:
    assert "set [plugin.zwave] path" in await why(tmp_path)


async def test_node_is_missing(tmp_path: Path) -> None:
    said = await why(tmp_path, path="/dev/null", node=str(tmp_path / "nothing"))
    assert said.startswith("Node.js was not found")
    assert "install Node.js 20 or newer" in said


async def test_node_is_too_old(tmp_path: Path) -> None:
    said = await why(tmp_path, path="/dev/null", node=program(tmp_path, "echo v18.20.4"))
    assert said == "Node.js 18.20.4 is too old: Z-Wave needs 20 or newer; install a newer one"


async def test_node_is_something_else(tmp_path: Path) -> None:
    assert "is not Node.js" in await why(tmp_path, path="/dev/null", node=program(tmp_path, "echo hello"))


async def test_the_packages_are_missing(tmp_path: Path) -> None:
    said = await why(tmp_path, path="/dev/null", node=program(tmp_path, "echo v20.0.0"))
    assert f"{tmp_path} has no zwave-js; run scripts/setup-zwave" in said


@pytest.mark.zwave_js
async def test_the_stick_is_missing(tmp_path: Path) -> None:
    stick = str(tmp_path / "stick")
    said = await why(tmp_path, path=stick, packages="")
    assert said == f"there is no stick at {stick}; plug it in or set [plugin.zwave] path"


@pytest.mark.zwave_js
async def test_the_stick_is_used_by_another_program(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        stick = os.ttyname(theirs)
        said = await why(tmp_path, path=stick, packages="", start_wait=60.0)
    finally:
        os.close(ours)
        os.close(theirs)
    assert said == f"the stick at {stick} is used by another program; stop that program"


@pytest.mark.zwave_js
async def test_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        async with without_plugin(tmp_path) as ready:
            await ready.start(port=port)
            assert ready.protocol["status"] == "down"
            assert ready.protocol["reason"].startswith(f"port {port} is taken by another program")
            assert ready.plugin.sidecar.pid == 0


@pytest.mark.parametrize("content", ['{"S0_Legacy": "0123', '{"S0_Legacy": "0123"}', "{}"])
async def test_keys_that_cannot_be_read_are_told_and_never_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(ZWaveError, match=r"keys in .* it is damaged; restore it from a backup") as caught:
        await asyncio.to_thread(load_or_make, tmp_path)
    assert "0123" not in str(caught.value)
    assert file.read_text() == content


async def test_keys_are_made_once_and_for_nobody_elses_eyes(tmp_path: Path) -> None:
    first = await asyncio.to_thread(load_or_make, tmp_path)
    assert await asyncio.to_thread(load_or_make, tmp_path) == first
    assert len({*first.mesh().values(), first.long_range.S2_Authenticated, first.long_range.S2_AccessControl}) == 6
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert first.S0_Legacy not in repr(first)


async def test_no_server_answers_at_the_address(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{probe.getsockname()[1]}"
        assert (await why(tmp_path, url=url)).startswith(f"no Z-Wave server answers at {url}")


async def test_a_server_that_speaks_another_schema(tmp_path: Path) -> None:
    async def greet(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        versions = {"driverVersion": "9.0.0", "serverVersion": "1.20.0", "homeId": 1}
        await socket.send_json({"type": "version", "minSchemaVersion": 0, "maxSchemaVersion": 20, **versions})
        await socket.receive()
        return socket

    app = web.Application()
    app.router.add_get("/", greet)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        said = await why(tmp_path, url=f"ws://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
    assert said.startswith("the Z-Wave server 1.20.0 at ws://")
    assert "it speaks schema 20, and 49 is needed" in said


@pytest.mark.zwave_js
async def test_a_server_that_runs_already_is_used(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start()
        await ready.interviewed(SWITCH)
        url = ready.plugin.sidecar.url
        assert "no Z-Wave server answers" in await why(tmp_path / "stranger", url=url.rpartition("/")[0])
        other = tmp_path / "other"
        async with running(data_dir=other) as hub:
            hub.stand_in("devices.announce")
            await hub.run(ZWave, {"url": url, "node": "/nonexistent", "start_wait": 30.0})
            assert hub.state.get("protocol/zwave")["status"] == "ready"
            assert hub.state.get(f"device/{id_of(SWITCH)}/availability") == "online"
            await ready.stop()
            await ready.hub.clock.advance(1.0)
            assert hub.errors == []


@pytest.mark.parametrize(
    ("kind", "said", "means"),
    [
        (
            "driver",
            "Failed to open the serial port: Error Resource temporarily unavailable Cannot lock port",
            "is used",
        ),
        ("driver", "Failed to open the serial port: Error: Permission denied, cannot open /dev/x", "group dialout"),
        ("driver", "Failed to open the serial port: Error: No such file or directory", "there is no stick"),
        ("driver", "Failed to open the serial port: connect ECONNREFUSED", "nothing answers at /dev/x"),
        ("driver", "The serial port\n closed unexpectedly", "the stick at /dev/x failed: The serial port closed"),
        ("port", "listen EADDRINUSE", "port 1234 is taken"),
        ("end", "it ended by signal 9", "the Z-Wave server failed: it ended by signal 9"),
    ],
)
def test_what_the_server_says_is_told_in_one_sentence(kind: str, said: str, means: str) -> None:
    told = explain(kind, said, "/dev/x", 1234)
    assert means in told
    assert "\n" not in told
