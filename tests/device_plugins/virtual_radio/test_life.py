"""A network's life with an unmodified host, for EZSP versions before and after each change of the protocol."""

import asyncio
from pathlib import Path

import pytest
import zigpy.exceptions
import zigpy.types as zt

from device_plugins.virtual_radio import MODELS, RadioError, VirtualRadio
from device_plugins.virtual_radio.lighting import ON_OFF
from tests.device_plugins.virtual_radio.host import VERSIONS, connect, home, hosted
from tests.harness import eventually


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_network_lives_from_forming_to_leaving(version: int) -> None:
    async with home(version) as (radio, host):
        lamp = await host.pair(radio, "lamp-white")
        known = host.device(lamp)
        assert (known.manufacturer, known.model) == ("Domovoi", "V-Lamp White")
        cluster = host.cluster(lamp, "on_off")

        assert (await cluster.bind())[0] == 0
        await cluster.configure_reporting(0, 0, 300, 1)
        assert (await cluster.command(1)).status == 0
        assert lamp.value("on_off") is True
        assert (await cluster.read_attributes([0]))[0] == {0: True}

        radio.act(lamp, "on_off", False)
        await eventually(lambda: cluster.get(0) == 0)

        before = lamp.short
        radio.rejoin(lamp)
        await eventually(lambda: known.nwk == lamp.short != before)
        assert (await cluster.command(2)).status == 0

        lamp.reachable = False
        with pytest.raises(zigpy.exceptions.DeliveryError):
            await cluster.command(0)
        lamp.reachable = True

        await host.app.remove(known.ieee)
        await eventually(lambda: not radio.is_joined(lamp))
        assert not radio.ncp.unknown


async def test_the_network_is_resumed_with_its_keys_and_a_rising_counter() -> None:
    radio = VirtualRadio(latency=0.0)
    path = radio.open_pty()
    first = await connect(path)
    info, counter = first.state.network_info, radio.ncp.core.nvm.frame_counter
    await first.shutdown()
    async with hosted(path) as host:
        again = host.app.state.network_info
        assert (again.pan_id, again.extended_pan_id, again.channel) == (info.pan_id, info.extended_pan_id, info.channel)
        assert again.network_key.key == info.network_key.key
        assert again.network_key.tx_counter >= counter
        radio.watch(lambda _event, _facts: None)
    await radio.close()


@pytest.mark.allow_blocking  # the radio writes its state file
async def test_tcp_carries_the_same(tmp_path: Path) -> None:
    state = tmp_path / "radio.json"
    # Over TCP bellows waits two seconds at each reset, and forming resets four times: form elsewhere.
    radio = VirtualRadio(state=state, latency=0.0)
    app = await connect(radio.open_pty())
    await app.shutdown()
    await radio.close()

    radio = VirtualRadio(state=state, latency=0.0)
    port = await radio.open_tcp()
    assert radio.address == f"socket://127.0.0.1:{port}"
    async with hosted(radio.address) as host:
        plug = await host.pair(radio, "plug")
        assert (await host.cluster(plug, "on_off").command(1)).status == 0
        assert plug.value("on_off") is True
        radio.unplug()
        await asyncio.wait_for(host.heard.lost.wait(), 5)
        radio.replug()
        assert radio.address == f"socket://127.0.0.1:{port}"
    await radio.close()


async def test_every_model_is_interviewed() -> None:
    async with home() as (radio, host):
        for key, model in MODELS.items():
            if model.install_code:
                continue
            device = await host.pair(radio, key)
            known = host.device(device)
            endpoint = device.endpoints[1]
            assert known.model == model.name
            assert set(known.endpoints[1].in_clusters) == set(endpoint.clusters)
            assert set(known.endpoints[1].out_clusters) == set(endpoint.clients)
            assert known.node_desc is not None
            assert known.node_desc.is_receiver_on_when_idle is not model.battery


async def test_a_device_leaves_by_itself() -> None:
    async with home() as (radio, host):
        lamp = await host.pair(radio, "lamp-white")
        radio.leave(lamp)
        await eventually(lambda: host.heard.left == [lamp.ieee])
        with pytest.raises(RadioError, match="not on the network"):
            radio.rejoin(lamp)


async def test_joining_needs_an_open_network() -> None:
    radio = VirtualRadio(latency=0.0)
    lamp = radio.add("lamp-white", "Hall lamp")
    with pytest.raises(RadioError, match="network is not up"):
        radio.join(lamp)
    async with hosted(radio.open_pty()) as host:
        with pytest.raises(RadioError, match="Joining is closed"):
            radio.join("Hall lamp")
        await host.app.permit(60)
        await eventually(lambda: radio.permits)
        radio.join("Hall lamp")
        with pytest.raises(RadioError, match="has joined already"):
            radio.join(lamp.ieee)
        await host.app.permit(0)
        await eventually(lambda: not radio.permits)
        await eventually(lambda: lamp.ieee in host.heard.initialized)
    await radio.close()


async def test_energy_scan_and_a_change_of_channel() -> None:
    async with home() as (radio, host):
        energy = await host.app.energy_scan(zt.Channels.ALL_CHANNELS, 1, 1)
        assert set(energy) == set(range(11, 27))
        await host.app._move_network_to_channel(26, new_nwk_update_id=3)
        await eventually(lambda: radio.network is not None and radio.network["channel"] == 26)
        await host.app.load_network_info()
        assert (host.app.state.network_info.channel, host.app.state.network_info.nwk_update_id) == (26, 3)


async def test_groups_are_heard_by_their_members_only() -> None:
    async with home() as (radio, host):
        member, other = await host.pair(radio, "lamp-white"), await host.pair(radio, "lamp-white")
        group = host.app.groups.add_group(7, "all")
        assert (await host.device(member).endpoints[1].add_to_group(group.group_id, "all")) == 0
        await group.endpoint.on_off.on()
        await eventually(lambda: member.value("on_off") is True)
        assert other.value("on_off") is False


async def test_a_remote_sends_commands_once_it_is_bound() -> None:
    async with home() as (radio, host):
        remote = await host.pair(radio, "button")
        pressed: list[int] = []

        class Listener:
            def cluster_command(self, tsn: int, command: int, args: object) -> None:
                del tsn, args
                pressed.append(command)

        out = host.device(remote).endpoints[1].out_clusters[ON_OFF]
        out.add_listener(Listener())
        radio.act(remote, "press", "on")
        assert (await out.bind())[0] == 0
        for press in ("on", "off", "single"):
            radio.act(remote, "press", press)
        await eventually(lambda: pressed == [1, 0, 2])


async def test_a_zone_enrols_and_tells_of_its_door() -> None:
    async with home() as (radio, host):
        door = await host.pair(radio, "contact")
        zone = host.cluster(door, "ias_zone")
        told: list[tuple[int, int]] = []

        class Listener:
            def cluster_command(self, tsn: int, command: int, args: tuple[int, ...]) -> None:
                del tsn
                told.append((command, int(args[0])))

        zone.add_listener(Listener())
        radio.act(door, "contact", "open")
        radio.act(door, "contact", "closed")
        await zone.write_attributes({"cie_addr": host.app.state.node_info.ieee})
        await eventually(lambda: told == [(1, 0x0015)])
        await zone.enroll_response(0, 5)
        await eventually(lambda: door.value("zone_state") == 1)
        assert door.value("zone_id") == 5
        radio.act(door, "contact", "open")
        radio.act(door, "tamper", True)
        radio.act(door, "contact", "closed")
        await eventually(lambda: told[1:] == [(0, 0x0001), (0, 0x0005), (0, 0x0004)])


async def test_a_sleepy_device_that_takes_its_time_is_waited_for() -> None:
    async with home() as (radio, host):
        lock = await host.pair(radio, "lock")
        lock.latency_s = 0.2
        assert (await host.cluster(lock, "door_lock").unlock_door()).status == 0
        assert lock.value("lock_state") == 2


async def test_periodic_reports_come_without_a_change() -> None:
    async with home() as (radio, host):
        sensor = await host.pair(radio, "climate")
        humidity = host.cluster(sensor, "humidity")
        await humidity.bind()
        await humidity.configure_reporting(0, 0, 1, 100)
        before = host.device(sensor).last_seen or 0
        await eventually(lambda: (host.device(sensor).last_seen or 0) > before + 0.5, within=4)
        radio.act(sensor, "humidity", 61.5)
        await eventually(lambda: humidity.get(0) == 6150)


async def test_the_meter_times_from_report_to_command() -> None:
    async with home() as (radio, host):
        sensor, lamp = await host.pair(radio, "motion"), await host.pair(radio, "lamp-white")
        occupancy = host.cluster(sensor, "occupancy")
        await occupancy.bind()
        await occupancy.configure_reporting(0, 0, 300, 0)
        for moving in (True, False, True):
            radio.act(sensor, "motion", moving, expect=lamp)
            await eventually(lambda moving=moving: occupancy.get(0) == moving)  # type: ignore[misc]
            await host.cluster(lamp, "on_off").command(int(moving))
        summary = radio.meter.summary(samples=True)
        assert summary["count"] == 3
        radio.meter.clear()
        assert radio.meter.summary() == {"count": 0, "p50_ms": None, "p99_ms": None}


async def test_watchers_hear_what_happens_until_they_stop() -> None:
    async with home() as (radio, host):
        heard: list[str] = []
        undo = radio.watch(lambda event, _facts: heard.append(event))
        lamp = await host.pair(radio, "lamp-white")
        await host.cluster(lamp, "on_off").command(1)
        radio.leave(lamp)
        assert [event for event in heard if event != "permit"] == ["joined", "command", "left"]
        undo()
        undo()
        radio.add("plug")
        await asyncio.sleep(0)
        assert heard[-1] == "left"
