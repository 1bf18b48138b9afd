"""New firmware for devices: offered, served block by block, gone on with after a restart, and ended when told so."""

from pathlib import Path
from typing import Any

import pytest
from zigpy.ota import image as ota_image

from device_plugins.sdk import InvalidValueError, UnsupportedError
from device_plugins.virtual_radio import VirtualDevice, ota
from device_plugins.zigbee.network import RadioError
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually

SIZE = 4000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device asks again soon for a block that did not come."""
    monkeypatch.setattr(ota, "RETRY_S", 0.05)


def put(folder: Path, version: int, *, image_type: int = ota.IMAGE_TYPE, name: str = "") -> Path:
    """Write an image for the virtual devices."""
    body = bytes(number % 251 for number in range(SIZE))
    element = ota_image.SubElement(tag_id=ota_image.ElementTagId.UPGRADE_IMAGE, data=body)
    header = ota_image.OTAImageHeader(
        upgrade_file_id=ota_image.OTAImageHeader.MAGIC_VALUE,
        header_version=0x0100,
        header_length=56,
        field_control=0,
        manufacturer_id=ota.MANUFACTURER,
        image_type=image_type,
        file_version=version,
        stack_version=2,
        header_string=ota_image.HeaderString("a test's image".ljust(32, "\0")),
        image_size=56 + len(element.serialize()),
    )
    path = folder / (name or f"{version}.ota")
    path.write_bytes(ota_image.OTAImage(header=header, subelements=[element]).serialize())
    return path


def current(device: VirtualDevice) -> int:
    return client(device)["current_file_version"]


def client(device: VirtualDevice) -> dict[str, int]:
    its: Any = device
    cluster = its.endpoints[1].clients[ota.OTA]
    return {one: cluster.named(one).value for one in ("current_file_version", "file_offset")}


def status(ready: Bench) -> str:
    return ready.plugin.updater.progress.status


async def test_only_newer_images_for_the_device_are_offered(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path, ota_dir=str(folder)) as ready:
        lamp = await ready.pair("lamp-white")
        runs = current(lamp)
        put(folder, runs)
        put(folder, runs + 1)
        put(folder, runs + 9, image_type=77)
        (folder / "no image.txt").write_text("something else")
        offer = await ready.hub.call("zigbee.ota_check", device=id_of(lamp))
        assert offer.current == runs
        assert [one.version for one in offer.images] == [runs + 1]
        put(folder, runs + 2)
        offer = await ready.hub.call("zigbee.ota_check", device=id_of(lamp))
        assert [one.version for one in offer.images] == [runs + 2, runs + 1]
        assert status(ready) == "idle"
        assert current(lamp) == runs


async def test_a_device_gets_its_image(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path, ota_dir=str(folder)) as ready:
        lamp = await ready.pair("lamp-white")
        wanted = current(lamp) + 1
        put(folder, wanted)
        begun = await ready.hub.call("zigbee.ota_update", device=id_of(lamp))
        assert (begun.status, begun.version) == ("waiting", wanted)
        with pytest.raises(InvalidValueError, match="is being updated"):
            await ready.hub.call("zigbee.ota_update", device=id_of(lamp))
        await ready.command(lamp, "on_off", "on")  # nothing waits for it
        await eventually(lambda: status(ready) == "done", 20.0, "the update")
        await eventually(lambda: current(lamp) == wanted, 10.0, "the device runs it")
        told = [event.data for event in ready.hub.events_of("zigbee.ota")]
        offsets = [one.offset for one in told if one.status == "running"]
        assert offsets == sorted(offsets)
        assert offsets[-1] == told[-1].size
        assert ready.hub.state.get("zigbee/ota")["status"] == "done"
        with pytest.raises(InvalidValueError, match="no newer image"):
            await ready.hub.call("zigbee.ota_update", device=id_of(lamp))


async def test_an_update_goes_on_from_its_offset_after_a_restart(tmp_path: Path, folder: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), ota_dir=str(folder))
        lamp = await ready.pair("lamp-white")
        wanted = current(lamp) + 1
        put(folder, wanted)
        ready.radio.latency = 0.01
        await ready.hub.call("zigbee.ota_update", device=id_of(lamp))
        await eventually(lambda: 400 < ready.plugin.updater.progress.offset < SIZE - 400, 20.0, "a part")
        await ready.stop()
        reached = client(lamp)["file_offset"]
        assert 0 < reached < SIZE

        before = len(ready.hub.events_of("zigbee.ota"))
        await ready.start(ready.radio.address, ota_dir=str(folder))
        await eventually(lambda: status(ready) == "done", 20.0, "the rest of the update")
        await eventually(lambda: current(lamp) == wanted, 10.0, "the device runs it")
        told = [event.data for event in ready.hub.events_of("zigbee.ota")][before:]
        assert min(one.offset for one in told if one.status == "running") >= reached


async def test_an_update_survives_the_loss_of_the_radio(tmp_path: Path, folder: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        link = tmp_path / "stick"
        ready.radio.open_pty(link)
        await ready.start(str(link), ota_dir=str(folder))
        lamp = await ready.pair("lamp-white")
        put(folder, wanted := current(lamp) + 1)
        ready.radio.latency = 0.01
        await ready.hub.call("zigbee.ota_update", device=id_of(lamp))
        await eventually(lambda: ready.plugin.updater.progress.offset > 400, 20.0, "a part")
        ready.radio.unplug()
        await ready.goes_down("port closed")
        assert status(ready) == "waiting"
        ready.radio.replug()
        await ready.comes_up()
        await ready.in_time(lambda: status(ready) == "done", "the rest of the update", 20.0)
        await eventually(lambda: current(lamp) == wanted, 10.0, "the device runs it")


async def test_an_update_can_be_ended(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path, ota_dir=str(folder)) as ready:
        lamp = await ready.pair("lamp-white")
        runs = current(lamp)
        put(folder, runs + 1)
        ready.radio.latency = 0.01
        await ready.hub.call("zigbee.ota_update", device=id_of(lamp))
        await eventually(lambda: ready.plugin.updater.progress.offset > 400, 20.0, "a part")
        await ready.hub.call("zigbee.ota_cancel")
        assert status(ready) == "cancelled"
        await eventually(lambda: client(lamp)["file_offset"] == 0xFFFFFFFF, 10.0, "the device gave up")
        assert current(lamp) == runs
        with pytest.raises(InvalidValueError, match="no device"):
            await ready.hub.call("zigbee.ota_cancel")


async def test_a_device_that_asks_by_itself_gets_nothing_unasked(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path, ota_dir=str(folder)) as ready:
        lamp = await ready.pair("lamp-white")
        runs = current(lamp)
        put(folder, runs + 1)
        ota.check(lamp, lamp.endpoints[1])
        radio: Any = ready.plugin.radio
        device = next(
            one for one in radio._app.devices.values() if id_of(lamp).endswith(bytes(reversed(one.ieee)).hex())
        )
        await eventually(lambda: device.find_cluster(ota.OTA, 1).last_query_cmd is not None, 10.0, "the question")
        assert client(lamp)["file_offset"] == 0xFFFFFFFF
        assert current(lamp) == runs
        assert status(ready) == "idle"


async def test_an_image_that_is_gone_is_told(tmp_path: Path, folder: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), ota_dir=str(folder))
        lamp = await ready.pair("lamp-white")
        path = put(folder, current(lamp) + 1)
        ready.radio.latency = 0.01
        await ready.hub.call("zigbee.ota_update", device=id_of(lamp))
        await eventually(lambda: ready.plugin.updater.progress.offset > 400, 20.0, "a part")
        await ready.stop()
        path.unlink()
        await ready.start(ready.radio.address, ota_dir=str(folder))
        await eventually(lambda: status(ready) == "failed", 10.0, "the failure")
        assert "not in ota_dir any more" in ready.plugin.updater.progress.reason
        assert not ready.plugin.updater.busy


async def test_without_a_folder_there_is_nothing_to_offer(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        with pytest.raises(RadioError, match="ota_dir"):
            await ready.hub.call("zigbee.ota_check", device=id_of(lamp))


async def test_a_device_without_the_cluster_is_refused(tmp_path: Path, folder: Path) -> None:
    async with bench(tmp_path, ota_dir=str(folder)) as ready:
        lamp: Any = ready.radio.add("lamp-white")
        del lamp.endpoints[1].clients[ota.OTA]
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.step(lamp, "configured")
        with pytest.raises(UnsupportedError, match="over the air"):
            await ready.hub.call("zigbee.ota_check", device=id_of(lamp))
