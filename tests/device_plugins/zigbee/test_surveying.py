"""The network as a whole: its map, its links, its channel, and who may join, over the real path."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import DeviceError, InvalidValueError, UnknownDeviceError, UnreachableError
from device_plugins.virtual_radio import RadioError
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin

CODE = "83FED3407A939723A5C639B26916D505C3B5"
IEEE = "f4ce36d88ab8b6fd"


def is_open(ready: Bench) -> bool:
    return ready.radio.permits


async def mapped(ready: Bench, status: str = "done") -> Any:  # noqa: ANN401 - what the service gives
    await ready.hub.call("zigbee.map_refresh")
    await ready.in_time(lambda: ready.plugin.survey.progress.status == status, f"the walk is {status}")
    return await ready.hub.call("zigbee.map")


async def test_the_map_holds_what_the_routers_told(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp, sensor = await ready.pair("lamp-white"), await ready.pair("climate")
        empty = await ready.hub.call("zigbee.map")
        assert (empty.progress.status, list(empty.links)) == ("never", [])

        found = await mapped(ready)
        kinds = {node.device or node.kind: node.kind for node in found.nodes}
        assert kinds == {"coordinator": "coordinator", id_of(lamp): "router", id_of(sensor): "end_device"}
        coordinator = next(node for node in found.nodes if node.kind == "coordinator")
        assert {link.target for link in found.links if link.source == coordinator.ieee} >= {lamp.ieee.replace(":", "")}
        assert all(0 <= link.lqi <= 255 for link in found.links)
        assert coordinator.age is not None
        told = [event.data for event in ready.hub.events_of("zigbee.map")]
        assert [one.status for one in (told[0], told[-1])] == ["running", "done"]
        assert told[-1].asked == told[-1].of == 2
        assert ready.hub.state.get("zigbee/map")["status"] == "done"

        await ready.hub.clock.advance(100.0)
        await ready.stop()
        await ready.start(ready.radio.address)
        again = await ready.hub.call("zigbee.map")
        assert len(again.links) == len(found.links)
        assert {link.age for link in again.links if link.source == coordinator.ieee} >= {coordinator.age + 100.0}


async def test_a_router_that_does_not_answer_keeps_its_former_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zigpy.device.DEFAULT_REQUEST_RETRIES", 0)
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        before = await mapped(ready)
        lamp.reachable = False
        after = await mapped(ready)
        assert len(after.links) == len(before.links)
        node = next(node for node in after.nodes if node.device == id_of(lamp))
        assert "does not answer" in node.problem
        assert node.age > 0


async def test_a_walk_can_be_ended_and_does_not_hold_up_commands(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await ready.hub.call("zigbee.map_refresh")
        assert (await ready.hub.call("zigbee.map_refresh")).status == "running"
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)
        await ready.hub.call("zigbee.map_cancel")
        assert ready.plugin.survey.progress.status == "cancelled"
        assert (await mapped(ready)).progress.status == "done"


async def test_a_device_that_is_removed_is_forgotten_by_the_map(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await mapped(ready)
        await ready.hub.call("zigbee.remove", device=id_of(lamp))
        found = await ready.hub.call("zigbee.map")
        assert not [link for link in found.links if link.source == lamp.ieee.replace(":", "")]


async def test_link_quality_is_told_of_each_device(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await mapped(ready)
        found = {one.device: one for one in await ready.hub.call("zigbee.link_quality")}
        assert 0 < found[id_of(lamp)].lqi <= 255
        assert found[id_of(lamp)].rssi < 0
        assert found[id_of(lamp)].parent
        assert found[id_of(lamp)].age is not None
        assert found[id_of(lamp)].kind == "router"


async def test_channels_are_listened_to_and_averaged(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(ready.hub.call("zigbee.energy", scans=2))
            await ready.in_time(asked.done, "the scans are over")
        found = asked.result()
        assert [one.channel for one in found] == [*range(11, 27)]
        assert all(0 <= one.least <= one.energy <= one.most <= 100 for one in found)
        own = (await ready.hub.call("zigbee.status")).network.channel
        assert [one.channel for one in found if one.own] == [own]


async def test_the_network_moves_to_another_channel_and_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for delay in ("CHANNEL_CHANGE_BROADCAST_DELAY_S", "CHANNEL_CHANGE_SETTINGS_RELOAD_DELAY_S"):
        monkeypatch.setattr(f"zigpy.application.{delay}", 0.01)
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), channel=15)
        lamp, _ = await ready.pair("lamp-white"), await ready.pair("climate")
        moved = await ready.hub.call("zigbee.change_channel", channel=25)
        assert (moved.before, moved.channel, moved.sleepers) == (15, 25, 1)
        assert ready.radio.network is not None
        assert ready.radio.network["channel"] == 25
        await ready.stop()
        await ready.start(ready.radio.address, channel=15)
        assert (await ready.hub.call("zigbee.status")).network.channel == 25
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_joining_is_opened_through_one_router(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp, sensor = await ready.pair("lamp-white"), await ready.pair("climate")
        await ready.hub.call("zigbee.pair_cancel")
        asked: list[object] = []
        ready.radio.watch(lambda event, facts: asked.append(facts["seconds"]) if event == "permit" else None)
        await ready.hub.call("zigbee.permit", seconds=30, via=id_of(lamp))
        assert not is_open(ready)
        assert asked == []
        lamp.reachable = False
        with pytest.raises(UnreachableError, match="does not answer"):
            await ready.hub.call("zigbee.permit", seconds=30, via=id_of(lamp))
        with pytest.raises(UnknownDeviceError):
            await ready.hub.call("zigbee.permit", seconds=30, via="zigbee-0000000000000000")
        await ready.hub.call("zigbee.permit", seconds=30)
        assert is_open(ready)
        await ready.hub.call("zigbee.permit", seconds=0)
        assert not is_open(ready)
        assert id_of(sensor) in ready.plugin.devices


async def test_pairing_takes_a_router_and_install_codes(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await ready.hub.call("zigbee.pair_cancel")
        await ready.hub.call("zigbee.pair", session="one", duration=60.0, inputs={"via": id_of(lamp)})
        assert not is_open(ready)
        await ready.hub.call("zigbee.pair_cancel")

        await ready.hub.call("zigbee.pair", session="two", duration=60.0, inputs={"install_code": ""})
        step = next(e.data for e in ready.hub.events_of("devices.pairing") if e.data.step == "needs_input")
        assert {*step.inputs} == {"install_code"}
        assert not is_open(ready)
        with pytest.raises(InvalidValueError, match="check digits"):
            await ready.hub.call("zigbee.pair_input", values={"install_code": "00" + CODE[2:], "ieee": IEEE})
        await ready.hub.call("zigbee.pair_input", values={"install_code": CODE, "ieee": IEEE})
        assert is_open(ready)
        assert ready.radio.ncp.heard["importTransientKey"] >= 1
        await ready.hub.call("zigbee.pair_cancel")
        assert not is_open(ready)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"pin": "1234"}, "not 'pin'"),
        ({"install_code": "nonsense"}, "scan it again"),
        ({"via": "zigbee-0000000000000000"}, "zigbee-0000000000000000"),
    ],
)
async def test_pairing_refuses_what_it_cannot_use(tmp_path: Path, inputs: dict[str, str], reason: str) -> None:
    async with bench(tmp_path) as ready:
        with pytest.raises(DeviceError, match=reason):
            await ready.hub.call("zigbee.pair", session="one", duration=60.0, inputs=inputs)
        assert ready.plugin.session == ""
        assert not is_open(ready)
        await ready.pair("lamp-white")


async def test_the_key_of_an_install_code_reaches_the_stick(tmp_path: Path) -> None:
    for version, command in ((8, "addTransientLinkKey"), (13, "importTransientKey")):
        (tmp_path / str(version)).mkdir()
        async with bench(tmp_path / str(version), version) as ready:
            before = ready.radio.ncp.heard[command]
            assert await ready.hub.call("zigbee.admit", code=f"Z:{IEEE}$I:{CODE}%M:1") == IEEE
            assert is_open(ready)
            assert ready.radio.ncp.heard[command] == before + 1


async def test_nothing_is_asked_of_a_radio_that_is_down(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(str(tmp_path / "nothing"))
        for name, arguments in (
            ("map_refresh", {}),
            ("energy", {}),
            ("link_quality", {}),
            ("change_channel", {"channel": 20}),
            ("permit", {}),
            ("admit", {"code": f"Z:{IEEE}$I:{CODE}"}),
        ):
            with pytest.raises(UnreachableError, match="no such file"):
                await ready.hub.call(f"zigbee.{name}", **arguments)
        assert list((await ready.hub.call("zigbee.map")).nodes) == []


async def test_the_map_is_that_of_the_mesh(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        devices = [await ready.pair(model) for model in ("lamp-white", "plug", "lamp-color", "climate", "contact")]
        found = await mapped(ready)
        radio: Any = ready.radio
        routers = [radio.coordinator, *(device.ieee for device in devices[:3])]
        for ieee in routers:
            told = {link.target: link.lqi for link in found.links if link.source == ieee.replace(":", "")}
            heard = {one.ieee.replace(":", ""): one.lqi for one in radio.neighbours(ieee)}
            assert told == heard
        parents = {one.device: one.parent for one in await ready.hub.call("zigbee.link_quality")}
        assert all(parents[id_of(device)] for device in devices[3:])


async def test_a_walk_ends_with_the_radio_and_can_be_begun_again(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        link = tmp_path / "stick"
        ready.radio.open_pty(link)
        await ready.start(str(link))
        await ready.pair("lamp-white")
        await ready.hub.call("zigbee.map_refresh")
        ready.radio.unplug()
        await ready.goes_down("port closed")
        assert ready.plugin.survey.progress.status in {"cancelled", "failed"}
        ready.radio.replug()
        await ready.comes_up()
        assert (await mapped(ready)).progress.asked == 2


async def test_a_device_with_an_install_code_joins_with_it_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        plug: Any = ready.radio.add("plug-secure")
        await ready.open_pairing()
        with pytest.raises(RadioError, match="install code"):
            ready.radio.join(plug)
        code = f"Z:{plug.ieee.replace(':', '')}$I:{plug.install_code.hex()}%M:1234"
        await ready.hub.call("zigbee.pair_input", values={"install_code": code})
        ready.radio.join(plug)
        await ready.step(plug, "configured")
        await ready.command(plug, "on_off", "on")
        await ready.becomes(plug, "on_off", True)


async def test_a_device_joins_through_the_router_that_was_chosen(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        door, other = await ready.pair("lamp-white"), await ready.pair("plug")
        await ready.hub.call("zigbee.pair_cancel")
        await ready.hub.call("zigbee.pair", session="one", duration=60.0, inputs={"via": id_of(door)})
        radio: Any = ready.radio
        sensor = radio.add("climate")
        with pytest.raises(RadioError, match="closed"):
            radio.join(sensor, through=other)
        radio.join(sensor, through=door)
        await ready.step(sensor, "configured")
        found = await mapped(ready)
        children = {link.source: link.target for link in found.links if link.relation == "child"}
        assert children.get(door.ieee.replace(":", "")) == sensor.ieee.replace(":", "")


async def test_a_network_that_moved_unremembered_is_resumed(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), channel=15)
        lamp = await ready.pair("lamp-white")
        await ready.stop()
        network = ready.radio.ncp.core.nvm.network
        assert network is not None
        network.channel, network.update_id = 20, network.update_id + 1
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready", ready.protocol
        assert (await ready.hub.call("zigbee.status")).network.channel == 20
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)
