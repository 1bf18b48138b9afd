"""Bindings and reporting over a real stick's protocol."""

from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import InvalidValueError, UnknownDeviceError, UnsupportedError
from device_plugins.virtual_radio import VirtualDevice
from device_plugins.zigbee.bindings import between, name_of, number_of
from device_plugins.zigbee.links import Link
from device_plugins.zigbee.mapping import Endpoint
from tests.device_plugins.zigbee.bench import Bench, bench, id_of
from tests.harness.waiting import eventually


async def table(ready: Bench, device: VirtualDevice) -> set[tuple[str, str]]:
    found = await ready.hub.call("zigbee.bindings", device=id_of(device))
    return {(one.cluster, one.target) for one in found}


async def test_a_table_of_bindings_is_read_page_by_page(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-color")
        assert await table(ready, lamp) == {(name, "coordinator") for name in ("on_off", "level", "color")}
        sensor = await ready.pair("climate")
        assert len(await table(ready, sensor)) == len(sensor.bindings) > 3


async def test_a_button_is_bound_to_a_lamp_and_to_a_group(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp, button = await ready.pair("lamp-white"), await ready.pair("button")
        made = await ready.hub.call("zigbee.bind", source=id_of(button), target=id_of(lamp))
        assert {(one.cluster, one.target) for one in made} >= {("on_off", id_of(lamp)), ("level", id_of(lamp))}
        assert await table(ready, button) >= {("on_off", id_of(lamp)), ("on_off", "coordinator")}
        ready.radio.act(button, "press", "on")
        await eventually(lambda: lamp.value("on_off") is True)
        await ready.becomes(lamp, "on_off", True)
        await ready.hub.call("zigbee.unbind", source=id_of(button), target=id_of(lamp))
        assert ("on_off", id_of(lamp)) not in await table(ready, button)
        await ready.hub.call("zigbee.group_create", name="Hall", members=[id_of(lamp)])
        await ready.hub.call("zigbee.bind", source=id_of(button), target="Hall", clusters=["on_off"])
        assert ("on_off", "zigbee-group-1") in await table(ready, button)
        assert ("level", "zigbee-group-1") not in await table(ready, button)
        ready.radio.act(button, "press", "off")
        await eventually(lambda: lamp.value("on_off") is False)


async def test_a_binding_to_the_coordinator_is_made_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        lamp.bindings.clear()
        await ready.hub.call("zigbee.bind", source=id_of(lamp), target="coordinator", clusters=["on_off"])
        assert await table(ready, lamp) == {("on_off", "coordinator")}


async def test_what_cannot_be_bound_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp, sensor = await ready.pair("lamp-white"), await ready.pair("climate")
        call = ready.hub.call
        with pytest.raises(UnsupportedError, match="no cluster in common"):
            await call("zigbee.bind", source=id_of(sensor), target=id_of(lamp))
        with pytest.raises(UnsupportedError, match="no endpoint 7"):
            await call("zigbee.bind", source=f"{id_of(sensor)}/7", target=id_of(lamp))
        with pytest.raises(InvalidValueError, match="there is no cluster 'steam'"):
            await call("zigbee.bind", source=id_of(sensor), target=id_of(lamp), clusters=["steam"])
        with pytest.raises(UnknownDeviceError):
            await call("zigbee.bindings", device="Sofa")


async def test_reporting_is_shown_changed_and_told_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        plug = await ready.pair("plug")

        async def power(**chosen: Any) -> list[Any]:  # noqa: ANN401 - JSON-like
            if chosen:
                (one,) = await ready.hub.call("zigbee.set_reporting", device=id_of(plug), key="power", **chosen)
            else:
                told = await ready.hub.call("zigbee.reporting", device=id_of(plug))
                (one,) = [found for found in told if found.key == "power"]
            return [one.minimum, one.maximum, one.change, one.own]

        usual = await power()
        assert usual == [5, 3600, 5, False]
        assert await power(minimum=60, maximum=600, change=100) == [60, 600, 100, True]
        ready.radio.leave(plug)
        await ready.becomes(plug, "availability", "offline")
        await ready.open_pairing()
        ready.radio.join(plug)
        await eventually(lambda: [step.step for step in ready.steps(plug)].count("configured") == 2, 10.0)
        assert await power() == [60, 600, 100, True]
        await ready.hub.call("zigbee.set_reporting", device=id_of(plug), key="power")
        assert await power() == usual


async def test_what_a_device_does_not_report_is_empty(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        for cluster in lamp.endpoints[1].clusters.values():
            for attribute in cluster.attributes.values():
                attribute.reporting = None
        told = await ready.hub.call("zigbee.reporting", device=id_of(lamp))
        assert {(one.key, one.minimum) for one in told} == {("on_off", None), ("level", None)}


async def test_reporting_of_a_manufacturers_own_attribute_is_asked_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"id": 0xFC02, "attributes": [[0x0010, 0x18, 0, 2]]}
    told = {"id": 1, "profile": 0x0104, "type": 0x0402, "inputs": [{"id": 0}, own], "outputs": []}
    described = {"manufacturer": "Samjin", "model": "multi", "endpoints": [told]}
    async with bench(tmp_path, quirks=False) as ready:
        sensor = await ready.admit(ready.radio.add_described(described))
        heard: list[bytes] = []
        hear = sensor.hear

        def note(aps: Any, data: bytes, **more: Any) -> None:  # noqa: ANN401
            heard.extend([data] if aps.cluster == own["id"] else [])
            hear(aps, data, **more)

        monkeypatch.setattr(sensor, "hear", note)
        reporting = await ready.hub.call("zigbee.reporting", device=id_of(sensor))
        assert [(one.key, one.maximum is None) for one in reporting if one.key == "vibration"] == [("vibration", False)]
        assert heard
        # Manufacturer specific, the code, the sequence number, and what is asked.
        assert {(data[0] & 0x04, data[1:3], data[4]) for data in heard} == {(0x04, b"\x41\x12", 0x08)}


async def test_reporting_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        with pytest.raises(UnsupportedError, match="does not report 'power'; it reports: on_off, level"):
            await ready.hub.call("zigbee.set_reporting", device=id_of(lamp), key="power", minimum=1)
        with pytest.raises(InvalidValueError, match="at least 10 s apart and every 5 s"):
            await ready.hub.call("zigbee.set_reporting", device=id_of(lamp), key="level", minimum=10, maximum=5)


REMOTE = Endpoint(1, 0x0104, 0x0104, (0x0000, 0x0001), (0x0006, 0x0008, 0x0019))
LAMP = Endpoint(11, 0x0104, 0x0100, (0x0000, 0x0006, 0x0008), ())
SENSOR = Endpoint(1, 0x0104, 0x0302, (0x0000, 0x0001, 0x0402), ())
VALVE = Endpoint(1, 0x0104, 0x0301, (0x0201,), (0x0402,))


def test_what_can_be_bound() -> None:
    lamp, valve = Link(0, 0, "aa", 11), Link(0, 0, "bb", 1)
    assert between([REMOTE], [(LAMP, lamp)]) == [Link(1, 0x0006, "aa", 11), Link(1, 0x0008, "aa", 11)]
    assert between([SENSOR], [(VALVE, valve)]) == [Link(1, 0x0402, "bb", 1)]
    assert between([SENSOR], [(LAMP, lamp)]) == []
    assert between([SENSOR], [(LAMP, lamp)], [0x0402]) == [Link(1, 0x0402, "aa", 11)]


def test_names_of_clusters() -> None:
    assert (name_of(0x0006), name_of(0xFC00)) == ("on_off", "0xfc00")
    assert (number_of("on_off"), number_of("0xFC00")) == (0x0006, 0xFC00)
    with pytest.raises(InvalidValueError):
        number_of("0x10000")
