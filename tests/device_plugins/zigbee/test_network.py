"""The network's life: formed once, resumed ever after, and devices that come, go, fall silent and come back."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from device_plugins.zigbee.radio import ZigpyRadio
from tests.device_plugins.zigbee.bench import bench, id_of, without_plugin
from tests.harness.waiting import eventually


async def test_a_network_is_formed_once_and_resumed(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        first = await ready.hub.call("zigbee.status")
        formed = ready.radio.network
        assert first.status == "up"
        assert first.network is not None
        assert first.network.channel in {11, 15, 20, 25}
        lamp = await ready.pair("lamp-white")
        await ready.stop()

        await ready.start(ready.radio.address)
        again = await ready.hub.call("zigbee.status")
        assert again.network == first.network
        assert ready.radio.network == formed
        assert [id_of(lamp)] == [*ready.plugin.devices]
        await ready.becomes(lamp, "availability", "online")
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_two_networks_have_nothing_in_common(tmp_path: Path) -> None:
    networks = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        async with bench(tmp_path / name) as ready:
            networks.append(ready.radio.network)
    one, other = networks
    assert one is not None
    assert other is not None
    for secret in ("key", "extended_pan", "pan_id", "network_key", "extended_pan_id", "nwk_key"):
        if secret in one:
            assert one[secret] != other[secret]


async def test_the_channel_may_be_chosen(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=24) as ready:
        status = await ready.hub.call("zigbee.status")
        assert status.network is not None
        assert status.network.channel == 24


async def test_keys_are_private(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        files = [*tmp_path.rglob("zigbee.db*")]
        assert files
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
        network = ready.radio.network
        assert network is not None
        keys = [value for name, value in network.items() if "key" in name and isinstance(value, str) and value]
        told = str(await ready.hub.call("zigbee.status")) + str(ready.hub.recorded)
        assert keys
        assert not [key for key in keys if key in told]


async def test_pairing_tells_its_steps(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        steps = [step.step for step in ready.steps(lamp)]
        assert steps[0] == "joined"
        assert steps[-1] == "configured"
        assert set(steps[1:-1]) == {"interviewing"}
        progress = [step.progress for step in ready.steps(lamp)]
        assert progress == sorted(progress)
        assert ready.steps(lamp)[-1].model == "V-Lamp White"


async def test_joining_is_open_only_while_pairing(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        seen = [ready.radio.permits]
        await ready.open_pairing()
        seen.append(ready.radio.permits)
        await ready.hub.call("zigbee.pair_cancel")
        assert [*seen, ready.radio.permits] == [False, True, False]


async def test_a_long_pairing_is_permitted_again_and_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        permits: list[object] = []
        ready.radio.watch(lambda event, facts: permits.append(facts["seconds"]) if event == "permit" else None)
        await ready.hub.call("zigbee.pair", session="long", duration=600.0)
        await ready.hub.clock.advance(240.0)
        await eventually(lambda: permits.count(254) >= 2)
        async with asyncio.timeout(5.0):
            while 120 not in permits:
                await ready.hub.clock.advance(10.0)
                await asyncio.sleep(0.01)
        await ready.hub.call("zigbee.pair_cancel")
        assert not ready.radio.permits


async def test_a_device_that_joins_without_a_session_is_announced_all_the_same(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        assert ready.plugin.radio is not None
        await ready.plugin.radio.permit(60)
        lamp = ready.radio.add("lamp-white")
        ready.radio.join(lamp)
        await ready.becomes(lamp, "on_off", False)
        assert id_of(lamp) in ready.announced
        assert ready.steps(lamp) == []


async def test_a_device_that_falls_silent_during_the_interview_fails_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zigpy.device.DEFAULT_REQUEST_RETRIES", 0)
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")
        await ready.open_pairing()
        ready.radio.join(lamp)
        lamp.reachable = False
        step = await ready.step(lamp, "failed")
        assert "interview" in step.reason
        lamp.reachable = True
        ready.radio.rejoin(lamp)
        await ready.step(lamp, "configured")


async def test_a_rejoin_makes_no_second_device(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        short = lamp.short
        ready.radio.rejoin(lamp)
        assert lamp.short != short
        await eventually(lambda: [step.step for step in ready.steps(lamp)].count("configured") == 2)
        assert [*ready.plugin.devices] == [id_of(lamp)]
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_a_device_that_leaves_is_offline_until_it_returns(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        ready.radio.leave(lamp)
        await ready.becomes(lamp, "availability", "offline")
        assert ready.value(lamp, "availability_reason") == "it left the network"
        await ready.stop()

        await ready.start(ready.radio.address)
        assert ready.value(lamp, "availability_reason") == "it left the network"
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.becomes(lamp, "availability", "online")
        await ready.step(lamp, "configured")
        ready.radio.act(lamp, "on_off", True)
        await ready.becomes(lamp, "on_off", True)


async def test_the_stick_is_not_asked_about_every_command(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        asked: list[str] = []
        assert isinstance(ready.plugin.radio, ZigpyRadio)
        protocol = ready.plugin.radio._app._ezsp._protocol
        command = protocol.command

        async def noted(name: str, *args: object, **fields: object) -> object:
            asked.append(name)
            return await command(name, *args, **fields)

        protocol.command = noted
        for value in (True, False, True):
            await ready.command(lamp, "on_off", "set", value=value)
        assert asked == ["sendUnicast"] * 3


def test_the_radio_libraries_come_on_first_use() -> None:
    heavy = "sorted({'zigpy', 'bellows', 'serialx'} & set(sys.modules))"
    code = f"import sys; import device_plugins.zigbee.plugin; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
