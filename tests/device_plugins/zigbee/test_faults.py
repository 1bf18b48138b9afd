"""The radio goes wrong in every way it can; the hub goes on living, says why, and recovers by itself."""

import asyncio
import os
from pathlib import Path

import pytest

from device_plugins.sdk import PairingError, UnreachableError
from device_plugins.virtual_radio import VirtualRadio
from hub.testing import running, settle
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually


async def check_recovery(ready: Bench) -> None:
    """After a loss: the lamp is offline with the reason; when the radio is back all works as before."""
    (device,) = ready.radio.devices
    assert ready.value(device, "availability") == "offline"
    assert ready.value(device, "availability_reason").startswith("radio lost: ")
    with pytest.raises(UnreachableError, match="radio is down"):
        await ready.command(device, "on_off", "on")
    await ready.comes_up()
    await ready.becomes(device, "availability", "online")
    await ready.command(device, "on_off", "on")
    await ready.becomes(device, "on_off", True)


async def test_a_crash_of_the_stick(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.pair("lamp-white")
        ready.radio.crash()
        await ready.goes_down("")
        await check_recovery(ready)


async def test_a_reset_of_the_stick(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.pair("lamp-white")
        ready.radio.reset()
        await ready.goes_down("")
        await check_recovery(ready)


async def test_the_stick_is_pulled_out_and_put_back(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(stick))
        await ready.pair("lamp-white")
        ready.radio.unplug()
        await ready.goes_down("")
        await ready.hub.clock.advance(2.0)
        await ready.goes_down("no such file; plug the stick in or set [plugin.zigbee] path")
        ready.radio.replug()
        await check_recovery(ready)


async def test_a_stick_on_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellows.ezsp.NETWORK_COORDINATOR_STARTUP_RESET_WAIT", 0.05)
    async with without_plugin(tmp_path) as ready:
        await ready.radio.open_tcp()
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready"
        await ready.pair("lamp-white")
        ready.radio.unplug()
        await ready.goes_down("")
        await ready.hub.clock.advance(2.0)
        await ready.goes_down("nothing listens there")
        ready.radio.replug()
        await check_recovery(ready)


async def test_a_hung_stick_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("T_RX_ACK_INIT", "T_RX_ACK_MIN", "T_RX_ACK_MAX"):
        monkeypatch.setattr(f"bellows.ash.{name}", 0.1)
    async with bench(tmp_path, watchdog=0.1) as ready:
        await ready.pair("lamp-white")
        ready.radio.hang()
        await ready.goes_down("")
        ready.radio.hang(on=False)
        await check_recovery(ready)


async def test_a_stick_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellows.uart.RESET_TIMEOUT", 0.05)
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        ready.radio.hang()
        await ready.start(path)
        await ready.goes_down(f"the stick at {path} does not answer")
        ready.radio.hang(on=False)
        await ready.comes_up()


async def test_no_path(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start("")
        assert ready.protocol["reason"] == "no radio is set; set [plugin.zigbee] path to the stick's serial port"
        with pytest.raises(PairingError, match="no radio is set"):
            await ready.open_pairing()


async def test_a_path_that_is_not_there_is_tried_again_without_leaks(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        await ready.start(str(stick))
        reason = f"cannot open {stick}: no such file; plug the stick in or set [plugin.zigbee] path"
        assert ready.protocol == {"plugin": "zigbee", "status": "down", "reason": reason}
        with pytest.raises(PairingError, match="no such file"):
            await ready.open_pairing()
        status = await ready.hub.call("zigbee.status")
        assert (status.status, status.reason, status.network) == ("down", reason, None)

        async def attempt() -> tuple[int, int]:
            ready.plugin.link.tried.clear()
            await ready.hub.clock.advance(60.0)
            await eventually(ready.plugin.link.tried.is_set)
            await settle()
            return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())  # noqa: PTH208

        await attempt()
        before = await attempt()
        assert [await attempt() for _ in range(5)] == [before] * 5
        ready.radio.open_pty(stick)
        await ready.comes_up()


async def test_two_programs_on_one_stick(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        folder = tmp_path / "other"
        folder.mkdir()
        async with running(data_dir=folder) as hub:
            other = Bench(hub, ready.radio)
            await other.start(ready.radio.address)
            assert "another program uses it" in other.protocol["reason"]
        lamp = await ready.pair("lamp-white")
        await ready.command(lamp, "on_off", "on")


async def test_another_network_on_the_stick_is_refused(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        await ready.stop()
        (tmp_path / "other").mkdir()
        other = VirtualRadio(latency=0.0, seed=7)
        try:
            path = other.open_pty()
            async with without_plugin(tmp_path / "other") as elsewhere:
                await elsewhere.start(path)
                await elsewhere.stop()
            await ready.start(path)
            assert "holds another network than the one remembered" in ready.protocol["reason"]
        finally:
            await other.close()


async def test_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start("")
        folder = ready.hub.context("zigbee").data_dir
        await ready.stop()
        (folder / "zigbee.db").write_bytes(b"this is no database, whatever it says of itself" * 100)
        await ready.start(ready.radio.open_pty())
        await ready.goes_down("move it away to begin with a new network")


async def test_a_bad_cable_loses_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        ready.radio.faults.change(corrupt=0.05, drop_acks=0.05)
        for value in (True, False) * 10:
            await ready.command(lamp, "on_off", "set", value=value)
            await ready.becomes(lamp, "on_off", value)


async def test_stopping_while_it_connects(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        ready.radio.hang()
        await ready.start(path, start_wait=0.0)
        await ready.stop()


async def test_a_pairing_session_ends_with_the_radio(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.open_pairing()
        ready.radio.crash()
        await ready.goes_down("")
        await ready.comes_up()
        await ready.hub.call("zigbee.pair", session="another", duration=10.0)
        lamp = ready.radio.add("lamp-white")
        ready.radio.join(lamp)
        step = await ready.step(lamp, "configured")
        assert (step.session, step.device) == ("another", id_of(lamp))
