"""The server and the stick go wrong in every way they can; the hub lives on, says why, and recovers by itself."""

import asyncio
import os
import re
import signal
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

from device_plugins.sdk import CommandTimeoutError, UnreachableError
from device_plugins.sdk.reconnect import LinkState
from tests.device_plugins.zwave.bench import SWITCH, Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually

pytestmark = pytest.mark.zwave_js


async def check_recovery(ready: Bench) -> None:
    """After a loss: the switch is offline with the reason; when the network is back all works as before."""
    assert ready.value(SWITCH, "availability") == "offline"
    assert ready.value(SWITCH, "availability_reason").startswith("network lost: ")
    with pytest.raises(UnreachableError, match="network is down"):
        await ready.command(SWITCH, "on_off", "on")
    await ready.comes_up()
    await ready.becomes(SWITCH, "availability", "online")
    await ready.command(SWITCH, "on_off", "on")
    await ready.becomes(SWITCH, "on_off", True)


async def test_the_server_is_killed(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        killed = ready.plugin.sidecar.pid
        os.kill(killed, signal.SIGKILL)
        await ready.goes_down("")
        await check_recovery(ready)
        assert ready.plugin.sidecar.pid not in {0, killed}


async def test_a_command_under_way_when_the_server_is_killed_fails_and_cancels_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        os.kill(ready.plugin.sidecar.pid, signal.SIGSTOP)
        command = asyncio.ensure_future(ready.command(SWITCH, "on_off", "on"))  # noqa: TID251 - a test's own
        await asyncio.sleep(0)
        os.kill(ready.plugin.sidecar.pid, signal.SIGKILL)
        with pytest.raises(UnreachableError, match="cannot be reached"):
            await command
        await check_recovery(ready)


async def test_the_server_hangs(tmp_path: Path) -> None:
    async with bench(tmp_path, watchdog=5.0, answer_within=1.0) as ready:
        await ready.interviewed(SWITCH)
        hung = ready.plugin.sidecar.pid
        os.kill(hung, signal.SIGSTOP)
        await ready.in_time(lambda: ready.protocol["status"] == "down", "the hung server is noticed")
        assert "has not answered for 1 s" in ready.protocol["reason"]
        await check_recovery(ready)
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)


async def test_a_stick_whose_driver_acknowledges_nothing_goes_on(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready, asyncio.timeout(30.0):
        reader, writer = await asyncio.open_connection("127.0.0.1", ready.mock.port)
        assign_route, callback = 0x51, 7
        frame = [5, 0, assign_route, SWITCH, callback]
        writer.write(bytes([1, *frame, reduce(xor, frame, 0xFF)]))
        await reader.readuntil(bytes([0, assign_route, callback]))
        writer.close()
        await writer.wait_closed()


async def test_the_stick_is_pulled_out_and_put_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        await ready.mock.unplug()
        await ready.goes_down("")
        reason = "nothing answers at tcp://"
        await ready.in_time(lambda: reason in ready.protocol["reason"], reason)
        assert reason in ready.value(SWITCH, "availability_reason")
        await ready.mock.plug()
        await check_recovery(ready)


async def test_a_node_that_does_not_answer_is_dead_until_it_does(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        await ready.becomes(SWITCH, "availability", "online")
        await ready.mock.ask("dead", node=SWITCH, dead=True)
        with pytest.raises((UnreachableError, CommandTimeoutError)):
            await ready.command(SWITCH, "on_off", "on")
        await ready.becomes(SWITCH, "availability", "offline")
        assert ready.value(SWITCH, "availability_reason") == "it does not answer"

        await ready.mock.ask("dead", node=SWITCH, dead=False)
        await ready.mock.report(SWITCH, "BinarySwitchCCReport", currentValue=True)
        await ready.becomes(SWITCH, "availability", "online")
        await ready.becomes(SWITCH, "on_off", True)


async def test_a_hub_that_starts_without_its_stick_knows_its_devices_and_finds_it_later(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start()
        await ready.interviewed(SWITCH)
        await ready.stop()
        await ready.mock.unplug()
        ready.announced.clear()
        await ready.start()
        assert id_of(SWITCH) in ready.announced
        assert ready.protocol["status"] == "down"
        assert ready.value(SWITCH, "availability") == "offline"
        await ready.mock.plug()
        await ready.comes_up()
        await ready.becomes(SWITCH, "availability", "online")


async def test_no_key_is_told_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        folder = tmp_path / "plugins" / "zwave"
        keys = folder / "keys.json"
        assert keys.stat().st_mode & 0o777 == 0o600
        command_line = Path(f"/proc/{ready.plugin.sidecar.pid}/cmdline").read_bytes()
        os.kill(ready.plugin.sidecar.pid, signal.SIGKILL)
        await ready.goes_down("")
        told = caplog.text.encode() + repr(ready.hub.recorded).encode() + command_line
        told += b"".join(file.read_bytes() for file in folder.rglob("*.log"))
        secrets = re.findall(rb"[0-9a-f]{32}", keys.read_bytes())
        assert len(secrets) == 6
        assert not [one for one in secrets if one in told.lower()]
        await eventually(lambda: ready.plugin.sidecar.pid == 0)


async def test_a_stick_that_was_away_for_long_is_found_at_the_next_look(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.interviewed(SWITCH)
        await ready.mock.unplug()
        sidecar = ready.plugin.sidecar
        await ready.in_time(lambda: sidecar.is_absent and sidecar.next_pid, "the next server waits for the stick")
        waiting = sidecar.next_pid
        for _ in range(100):
            await ready.hub.clock.advance(3.0)
            await eventually(lambda: ready.plugin.link.state is LinkState.DOWN)
        await ready.mock.plug()
        await ready.hub.clock.advance(3.0)
        await eventually(lambda: ready.protocol["status"] == "ready", 60.0, "one look was enough")
        assert sidecar.pid == waiting
