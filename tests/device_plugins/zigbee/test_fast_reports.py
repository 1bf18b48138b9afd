"""A report that takes the quick way makes of the device what it would have made of it on zigpy's way."""

import asyncio
import itertools
import struct
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zigpy.types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zigpy.datastructures import Debouncer

from device_plugins.virtual_radio import VirtualDevice
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.fastezsp import Incoming
from device_plugins.zigbee.fastpath import FastPath
from device_plugins.zigbee.quirks.index import installed
from tests.device_plugins.zigbee.bench import Bench, bench, id_of
from tests.harness.waiting import eventually

zt: Any = zigpy.types
HOME_AUTOMATION = 0x0104
MODELS = ("lamp-color", "plug", "climate", "contact", "thermostat")
QUIRKY = "Oven"
NOT_COMPARED = ("link_quality", "last_seen")
SIZES = {
    0x08: 1, 0x09: 2, 0x10: 1, 0x18: 1, 0x19: 2, 0x1B: 4, 0x20: 1, 0x21: 2, 0x22: 3, 0x23: 4, 0x25: 6, 0x27: 8,
    0x28: 1, 0x29: 2, 0x2A: 3, 0x2B: 4, 0x30: 1, 0x31: 2, 0x39: 4, 0x3A: 8, 0xE2: 4, 0xF0: 8,
}  # fmt: skip

# A quirk that gives an attribute another meaning than it has on the air.
QUIRK = """
from zhaquirks.builder import QuirkBuilder
from zhaquirks.clusters import CustomCluster
from zigpy.zcl.clusters.measurement import TemperatureMeasurement


class Hotter(CustomCluster, TemperatureMeasurement):
    def _update_attribute(self, attrid, value):
        super()._update_attribute(attrid, value // 2 + 1 if attrid == 0 else value)


QuirkBuilder("Acme", "{model}").replaces(Hotter).add_to_registry()
"""


class Case(NamedTuple):
    device: int
    endpoint: int
    cluster: int
    frame: bytes


def fast_of(ready: Bench) -> FastPath:
    radio: Any = ready.plugin.radio
    found = radio._app.fast
    assert isinstance(found, FastPath)
    return found


def quirks(folder: Path, model: str) -> dict[str, Any]:
    """The plugin's settings for a quirk of this model's."""
    own = folder / "quirks"
    own.mkdir()
    (own / f"{model.lower()}.py").write_text(QUIRK.replace("{model}", model))
    return {"quirks_dir": str(own)}


def thermometer(model: str) -> dict[str, Any]:
    """The description of a device of Acme's."""
    temperature = {"id": 0x0402, "attributes": [[0, 0x29, 2000, 2]]}
    humidity = {"id": 0x0405, "attributes": [[0, 0x21, 5000, 2]]}
    inputs = [{"id": 0}, temperature, humidity]
    endpoint = {"id": 1, "profile": HOME_AUTOMATION, "type": 0x0302, "inputs": inputs, "outputs": []}
    return {"manufacturer": "Acme", "model": model, "endpoints": [endpoint]}


def attributes_of(ready: Bench, device: VirtualDevice) -> list[tuple[int, int, int]]:
    """Cluster, attribute and type of all that the device has; what becomes a value more often than the rest."""
    points = ready.plugin.roster.known[id_of(device).removeprefix("zigbee-")].mapping.points
    mapped = {(point.cluster, point.attribute) for point in points}
    return [
        (cluster.number, item.number, item.kind)
        for cluster in device.endpoints[1].clusters.values()
        for item in cluster.attributes.values()
        if item.kind in SIZES
        for _ in range(8 if (cluster.number, item.number) in mapped else 1)
    ]


@st.composite
def records(draw: st.DrawFn, attribute: int, kind: int) -> bytes:
    """One attribute as a report has it; now and then of another type, unknown, or cut short."""
    odd = draw(st.integers(0, 19))
    if odd == 0:
        attribute = draw(st.sampled_from([0x0000, 0x0007, 0xF00D]))
    elif odd == 1:
        kind = draw(st.sampled_from([0x42, *SIZES]))
    if kind == 0x42:
        text = draw(st.binary(max_size=4))
        value = bytes([len(text)]) + text
    else:
        size = SIZES[kind]
        value = draw(
            st.one_of(
                st.binary(min_size=size, max_size=size),
                st.integers(0, 300).map(lambda number: (number % 256**size).to_bytes(size, "little")),
                st.sampled_from([b"\xff" * size, b"\x00" * size, b"\x00" * (size - 1) + b"\x80", b"\x01" * (size - 1)]),
            )
        )
    return attribute.to_bytes(2, "little") + bytes([kind]) + value


@st.composite
def cases(draw: st.DrawFn, attributes: list[list[tuple[int, int, int]]]) -> Case:
    device = draw(st.integers(0, len(attributes) - 1))
    cluster, _, _ = draw(st.sampled_from(attributes[device]))
    own = [(attribute, kind) for number, attribute, kind in attributes[device] if number == cluster]
    told = draw(st.lists(st.sampled_from(own), min_size=1, max_size=3))
    body = b"".join(draw(records(*one)) for one in told) + draw(
        st.sampled_from([b""] * 18 + [b"\x00", b"\x00\x00\x20"])
    )
    control = draw(st.sampled_from([0x18] * 14 + [0x08, 0x1C, 0x0C, 0x10, 0x00, 0x19, 0x38]))
    manufacturer = draw(st.sampled_from([0x115F, 0x1049])).to_bytes(2, "little") if control & 0x04 else b""
    command = draw(st.sampled_from([0x0A] * 20 + [0x01, 0x0B]))
    head = bytes([control]) + manufacturer + bytes([draw(st.integers(0, 255)), command])
    return Case(device, draw(st.sampled_from([1] * 20 + [0, 2])), cluster, head + body)


class Both:
    """Devices on a hub, told the same thing by both ways."""

    def __init__(self, ready: Bench, devices: list[VirtualDevice]) -> None:
        self.ready = ready
        self.devices = devices
        self.taken = 0
        self.app: Any = getattr(ready.plugin.radio, "_app")  # noqa: B009

    def state(self) -> dict[str, Any]:
        entries = self.ready.hub.state.list("device/")
        return {path: entry.value for path, entry in entries.items() if not path.endswith(NOT_COMPARED)}

    def put_back(self, wanted: dict[str, Any]) -> None:
        for path in self.state().keys() - wanted.keys():
            self.ready.hub.state.delete(path)
        for path, value in wanted.items():
            self.ready.hub.state.set(path, value)

    async def compare(self, case: Case) -> None:
        before = self.state()
        await self.by_zigpy(case)
        by_zigpy = self.state()
        self.put_back(before)
        device = self.devices[case.device]
        incoming = Incoming(
            0, HOME_AUTOMATION, case.cluster, case.endpoint, 0, self.taken, device.short, 200, -50, case.frame
        )
        is_taken = fast_of(self.ready).take(incoming)
        await settled()
        self.taken += is_taken
        assert not (is_taken and device.model.name == QUIRKY)
        assert self.state() == (by_zigpy if is_taken else before)
        self.put_back(before)

    async def by_zigpy(self, case: Case) -> None:
        device = self.devices[case.device]
        its = self.app.get_device(nwk=device.short)
        its._packet_debouncer = Debouncer()
        address = zt.AddrModeAddress(addr_mode=zt.AddrMode.NWK, address=device.short)
        self.app.packet_received(
            zt.ZigbeePacket(
                src=address, src_ep=case.endpoint, dst=address.replace(address=0), dst_ep=1, tsn=1,
                profile_id=HOME_AUTOMATION, cluster_id=case.cluster, data=zt.SerializableBytes(case.frame),
            )
        )  # fmt: skip
        await settled()


async def settled() -> None:
    """Let the halves of pairs meet."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_every_report_says_the_same_both_ways(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def begin() -> Both:
            ready = await stack.enter_async_context(bench(tmp_path, **quirks(tmp_path, QUIRKY)))
            quirky = await ready.admit(ready.radio.add_described(thermometer(QUIRKY)))
            return Both(ready, [quirky, *[await ready.pair(model) for model in MODELS]])

        both = runner.run(begin())
        attributes = [attributes_of(both.ready, device) for device in both.devices]

        @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
        @given(case=cases(attributes))
        def check(case: Case) -> None:
            runner.run(both.compare(case))

        try:
            check()
        finally:
            runner.run(stack.aclose())
        assert both.taken > 10


async def report(ready: Bench, device: VirtualDevice, cluster: int, records: bytes, *, control: int = 0x18) -> None:
    aps = ApsFrame(HOME_AUTOMATION, cluster, 1, 1, 0, 0, 0)
    ready.radio.carry(device, aps, bytes([control, 7, 0x0A]) + records)


def record(attribute: int, kind: int, packed: bytes) -> bytes:
    return struct.pack("<HB", attribute, kind) + packed


async def test_reports_of_a_paired_device_take_the_quick_way(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        before = fast_of(ready).taken
        for value in (2150, -1999, 2150):
            # The same transaction number and the same value again is no repetition: something was told in between.
            await report(ready, climate, 0x0402, record(0, 0x29, struct.pack("<h", value)))
            await ready.becomes(climate, "temperature", value / 100)
        assert fast_of(ready).taken == before + 3
        await report(ready, climate, 0x0402, record(0, 0x29, struct.pack("<h", -0x8000)))
        await ready.becomes(climate, "temperature", None)


@pytest.mark.skipif(not installed(), reason="the extra is not installed")
async def test_a_device_with_a_quirk_goes_zigpys_way(tmp_path: Path) -> None:
    async with bench(tmp_path, **quirks(tmp_path, "Stove")) as ready:
        stove = await ready.admit(ready.radio.add_described(thermometer("Stove")))
        before = fast_of(ready).taken
        await report(ready, stove, 0x0402, record(0, 0x29, struct.pack("<h", 4000)))
        await ready.becomes(stove, "temperature", 20.01)
        # The quirk leaves this one alone.
        await report(ready, stove, 0x0405, record(0, 0x21, struct.pack("<h", 4000)))
        await ready.becomes(stove, "humidity", 40)
        assert fast_of(ready).taken == before


async def test_a_value_of_an_output_is_not_taken_from_an_input(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        update = {"id": 0x0019, "attributes": [[2, 0x23, 0x0100, 2]]}
        told = {"id": 1, "profile": HOME_AUTOMATION, "type": 0x0302, "inputs": [{"id": 0}, update], "outputs": [update]}
        device = await ready.admit(
            ready.radio.add_described({"manufacturer": "Acme", "model": "Both", "endpoints": [told]})
        )
        known = ready.plugin.roster.known[id_of(device).removeprefix("zigbee-")]
        assert [point.output for point in known.mapping.points if point.cluster == 0x0019] == [True]
        frame = bytes([0x18, 7, 0x0A]) + record(2, 0x23, b"\x00\x02\x00\x00")
        assert not fast_of(ready).take(Incoming(0, HOME_AUTOMATION, 0x0019, 1, 0, 7, device.short, 200, -50, frame))


async def test_both_halves_of_a_colour_come_in_one_report(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-color")
        before = fast_of(ready).taken
        await report(ready, lamp, 0x0300, record(3, 0x21, b"\x00\x40") + record(4, 0x21, b"\x00\x80"))
        await ready.becomes(lamp, "color_xy", [0.25, 0.5])
        assert fast_of(ready).taken == before + 1


async def test_a_report_with_something_unknown_in_it_goes_zigpys_way(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        before = fast_of(ready).taken
        text = record(0xF00D, 0x42, b"\x02hi")
        await report(ready, climate, 0x0402, text + record(0, 0x29, struct.pack("<h", 1234)))
        await ready.becomes(climate, "temperature", 12.34)
        assert fast_of(ready).taken == before


async def test_a_frame_that_the_network_brings_twice_is_heard_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        fast = fast_of(ready)

        def take(counter: int, value: int) -> None:
            frame = bytes([0x18, counter, 0x0A]) + record(0, 0x29, struct.pack("<h", value))
            assert fast.take(Incoming(0, HOME_AUTOMATION, 0x0402, 1, 0, counter, climate.short, 200, -50, frame))

        take(1, 2000)
        take(2, 2100)
        take(1, 2000)
        assert ready.value(climate, "temperature") == 21


async def test_the_device_is_answered_when_it_asks_for_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        heard = ready.radio.ncp.heard
        await asyncio.sleep(0.1)
        sent = heard["sendUnicast"]
        before = fast_of(ready).taken
        await report(ready, climate, 0x0402, record(0, 0x29, b"\x01\x00"), control=0x18)
        await ready.becomes(climate, "temperature", 0.01)
        await report(ready, climate, 0x0402, record(0, 0x29, b"\x02\x00"), control=0x08)
        await ready.becomes(climate, "temperature", 0.02)
        await eventually(lambda: heard["sendUnicast"] > sent, 5.0, "a default response")
        assert heard["sendUnicast"] == sent + 1
        assert fast_of(ready).taken == before + 2


async def test_reports_beside_the_answer_to_a_question_are_told_in_their_order(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        node = ready.plugin.roster.known[id_of(climate).removeprefix("zigbee-")].node
        assert node is not None
        now = 22.0
        for first, then in itertools.product(range(12), (0, 4, 8, 12, 16)):
            asking = asyncio.get_running_loop().create_task(node.read(1, 0x0402, (0,)))
            for turns in (first, then):
                for _ in range(turns):
                    await asyncio.sleep(0)
                now += 0.25
                ready.radio.act(climate.ieee, "temperature", now)
            await asking
            await ready.becomes(climate, "temperature", now)
        path = f"device/{id_of(climate)}/temperature"
        told = [event.data.value for event in ready.hub.events_of("state.changed") if event.subject == path]
        assert told == sorted(told)


async def test_a_device_that_reports_while_it_is_read_is_asked_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        node = ready.plugin.roster.known[id_of(climate).removeprefix("zigbee-")].node
        assert node is not None
        asking = asyncio.get_running_loop().create_task(node.read(1, 0x0402, (0,)))
        await report(ready, climate, 0x0402, record(0, 0x29, struct.pack("<h", 2500)))
        climate.attribute(1, 0x0402, 0).value = 2700  # and says nothing of it
        assert await asking == ({0: 2700}, set())
        assert ready.value(climate, "temperature") == 27


async def test_a_device_that_moved_is_known_by_its_new_address(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        climate = await ready.pair("climate")
        await report(ready, climate, 0x0402, record(0, 0x29, b"\x01\x00"))
        await ready.becomes(climate, "temperature", 0.01)
        ready.radio.rejoin(climate)
        known: Any = ready.plugin.roster.known[id_of(climate).removeprefix("zigbee-")]
        await eventually(lambda: known.node.device.nwk == climate.short, 5.0, "the new address")
        before = fast_of(ready).taken
        await report(ready, climate, 0x0402, record(0, 0x29, b"\x03\x00"))
        await ready.becomes(climate, "temperature", 0.03)
        assert fast_of(ready).taken == before + 1
