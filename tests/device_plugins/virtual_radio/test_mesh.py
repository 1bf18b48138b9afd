"""The air: loss and retries, sleepers, bindings between devices, doors, routes and long messages."""

import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import zigpy.exceptions
import zigpy.types as zt

from device_plugins.virtual_radio import (
    RadioError,
    VirtualDevice,
    VirtualRadio,
    addresses,
    install_codes,
    mesh,
    zcl,
    zdo,
)
from device_plugins.virtual_radio.wire import ApsFrame
from tests.device_plugins.virtual_radio.host import home
from tests.device_plugins.virtual_radio.test_ncp import Stick
from tests.harness import eventually

ON_OFF, GROUP = 0x0006, 7
DELIVERED, FAILED = 0, 0x0C02


class House:
    """A radio of EZSP 14 with a network, spoken to command by command; what it tells by itself is kept."""

    def __init__(self) -> None:
        self.stick = Stick(14)
        self.radio: VirtualRadio = self.stick.radio
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.stick.form()
        self.stick.send("permitJoining", duration=255)
        self.radio.ncp.callback = self._hear  # type: ignore[method-assign, assignment]

    def _hear(self, name: str, values: dict[str, Any], written: object = None) -> None:
        del written
        self.told.append((name, values))

    def join(self, model: str, **settings: Any) -> VirtualDevice:  # noqa: ANN401
        device = self.radio.add(model)
        self.radio.join(device, **settings)
        device.sleep.doze()
        return device

    def command(self, device: VirtualDevice, command: int, *, options: int = 0x0140) -> None:
        frame = zcl.Frame(1, command, specific=True)
        aps = ApsFrame(0x0104, ON_OFF, 1, 1, options, 0, 0)
        self.stick.send(
            "sendUnicast", message_type=0, nwk=device.short, aps_frame=aps, message_tag=1, message=frame.encode()
        )

    async def quiet(self) -> None:
        """Let those that joined announce themselves, and forget what was told."""
        count = len(self.radio.joined())
        await eventually(lambda: [name for name, _ in self.told].count("incomingMessageHandler") >= count)
        self.told.clear()

    async def outcome(self) -> int:
        """How the next message sent went."""

        def sent() -> list[dict[str, Any]]:
            return [values for name, values in self.told if name == "messageSentHandler"]

        await eventually(sent)
        (values,) = sent()
        self.told.clear()
        return int(values["status"].value[2])


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.radio.close()


async def test_what_is_lost_is_sent_again_and_then_reported_as_failed(house: House) -> None:
    lamp = house.join("lamp-white")
    await house.quiet()
    house.radio.faults.change(loss=1)
    house.command(lamp, 1)
    assert await house.outcome() == FAILED
    assert house.radio.faults.missed == mesh.TRIES
    assert lamp.value("on_off") is False
    house.radio.faults.change(loss=0.4)
    outcomes = []
    for _ in range(30):
        house.command(lamp, 1)
        outcomes.append(await house.outcome())
    assert outcomes.count(DELIVERED) > 20


async def test_without_an_acknowledgement_nobody_knows_of_a_loss(house: House) -> None:
    lamp = house.join("lamp-white")
    house.radio.faults.change(loss=1)
    house.command(lamp, 1, options=0x0100)
    assert await house.outcome() == DELIVERED
    assert lamp.value("on_off") is False
    lamp.reachable = False
    house.command(lamp, 1, options=0x0100)
    assert await house.outcome() == FAILED


async def test_a_device_sends_again_what_the_coordinator_missed_in_its_order(house: House) -> None:
    sensor = house.join("climate")
    sensor.bind(zdo.Binding(1, 0x0402, house.radio.coordinator, 1))
    record = b"\x00" + struct.pack("<HBHHh", 0, 0x29, 0, 300, 1)
    sensor.hear(ApsFrame(0x0104, 0x0402, 1, 1, 0, 0, 0), zcl.Frame(1, zcl.General.CONFIGURE_REPORTING, record).encode())
    await eventually(lambda: not sensor.outbox)
    house.told.clear()
    house.radio.faults.change(loss=0.3)
    for centi in range(2001, 2031):
        sensor.set(1, 0x0402, 0, centi)
    await eventually(lambda: not sensor.outbox)
    frames = [zcl.decode(values["message"]) for name, values in house.told if name == "incomingMessageHandler"]
    heard = [int.from_bytes(frame.payload[3:5], "little") for frame in frames if frame.command == zcl.General.REPORT]
    assert len(heard) > 20
    assert heard == sorted(heard)


async def test_a_sleeper_hears_when_it_polls_and_not_what_waits_too_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = house.join("lock")
    monkeypatch.setattr(mesh, "INDIRECT_S", 0.05)
    house.radio.doze(lock, 0.03)
    house.command(lock, 1)
    assert await house.outcome() == DELIVERED
    house.radio.doze(lock, 600)
    house.command(lock, 1)
    assert await house.outcome() == FAILED
    lock.sleep.rouse(60)
    house.command(lock, 1)
    assert await house.outcome() == DELIVERED
    with pytest.raises(RadioError, match="polls every"):
        house.radio.doze(lock, -1)


async def test_sleepers_miss_group_commands(house: House) -> None:
    lamp, lock = house.join("lamp-white"), house.join("lock")
    for device in (lamp, lock):
        device.groups.add((1, GROUP))
    house.radio.doze(lock, 600)
    heard: list[object] = []
    house.radio.watch(lambda event, facts: heard.append(facts["ieee"]) if event == "command" else None)
    frame = zcl.Frame(1, 1, specific=True, no_default_response=True)
    aps = ApsFrame(0x0104, ON_OFF, 1, 255, 0, GROUP, 0)
    house.stick.send("sendMulticast", aps_frame=aps, hops=0, broadcast_addr=0xFFFD, alias=0, sequence=0,
                     message_tag=2, message=frame.encode())  # fmt: skip
    await eventually(lambda: lamp.value("on_off") is True)
    assert heard == [lamp.ieee]


async def test_a_button_bound_to_a_lamp_switches_it_without_the_hub(house: House) -> None:
    button, lamp, other = house.join("button"), house.join("lamp-white"), house.join("plug")
    button.bind(zdo.Binding(1, ON_OFF, lamp.ieee, 1))
    await house.quiet()
    house.radio.act(button, "press", "on")
    await eventually(lambda: lamp.value("on_off") is True)
    assert other.value("on_off") is False
    assert not [name for name, _ in house.told if name == "incomingMessageHandler"]
    button.unbind(zdo.Binding(1, ON_OFF, lamp.ieee, 1))
    button.bind(zdo.Binding(1, ON_OFF, "", 0, GROUP))
    for member in (lamp, other):
        member.groups.add((1, GROUP))
    house.stick.radio.ncp.core.multicast[0] = {"multicastId": GROUP, "endpoint": 1}
    house.radio.act(button, "press", "single")
    await eventually(lambda: (lamp.value("on_off"), other.value("on_off")) == (False, True))
    kinds = [values["message_type"] for name, values in house.told if name == "incomingMessageHandler"]
    assert kinds == [2]


async def test_a_device_joins_through_the_router_that_is_open(house: House) -> None:
    router = house.join("plug")
    house.stick.send("permitJoining", duration=0)
    with pytest.raises(RadioError, match="Joining is closed"):
        house.join("motion")
    request = zdo.Request.PERMIT_JOINING
    router.hear(ApsFrame(0, request, 0, 0, 0, 0, 0), b"\x01\x3c\x00")
    house.told.clear()
    motion = house.join("motion", through=router)
    (values,) = [values for name, values in house.told if name == "trustCenterJoinHandler"]
    assert values["parentOfNewNodeId"] == router.short
    (parent,) = motion.neighbours()
    assert (parent.ieee, parent.relation) == (router.ieee, zdo.Relation.PARENT)
    assert motion.ieee in [one.ieee for one in router.neighbours() if one.relation is zdo.Relation.CHILD]
    assert router.routes()[0].destination == 0


async def test_a_concentrator_learns_routes_and_a_broken_one_is_told(house: House) -> None:
    devices = [house.join("lamp-white") for _ in range(12)]
    distant = next(one for one in devices if house.radio.mesh.relays(one))
    house.stick.send("setConcentrator", on=1, concentratorType=0xFFF9)
    house.told.clear()
    for _ in range(2):
        distant.hear(ApsFrame(0x0104, ON_OFF, 1, 1, 0, 0, 0), zcl.Frame(1, zcl.General.READ, b"\x00\x00").encode())
    names = [name for name, _ in house.told]
    assert names == ["incomingRouteRecordHandler", "incomingMessageHandler", "incomingMessageHandler"]
    relays = house.told[0][1]["relayList"]
    assert relays == house.radio.mesh.relays(distant)
    house.told.clear()
    house.stick.send("setSourceRoute", destination=distant.short, relayList=relays)
    house.command(distant, 1)
    assert await house.outcome() == DELIVERED
    house.stick.send("setSourceRoute", destination=distant.short, relayList=[0x7777])
    house.command(distant, 1)
    await eventually(lambda: [name for name, _ in house.told if name == "incomingRouteErrorHandler"])
    assert await house.outcome() == FAILED


async def test_long_messages_go_in_fragments(house: House) -> None:
    lamp = house.join("lamp-white")
    text = "x" * 150
    written = b"\x10\x00\x42" + bytes([len(text)]) + text.encode()
    whole = zcl.Frame(1, zcl.General.WRITE, written).encode()
    args = {"message_type": 0, "nwk": lamp.short, "message_tag": 1}
    aps = ApsFrame(0x0104, 0x0000, 1, 1, 0x0140, 0, 0)
    assert house.stick.send("sendUnicast", aps_frame=aps, message=whole, **args)["status"] == 0x0038
    parts = [whole[start : start + 64] for start in range(0, len(whole), 64)]
    first = aps._replace(options=0x8140, group=len(parts) << 8)
    number = house.stick.send("sendUnicast", aps_frame=first, message=parts[0], **args)["sequence"]
    for index, part in enumerate(parts[1:], 1):
        own = first._replace(group=index, sequence=number)
        assert house.stick.send("sendUnicast", aps_frame=own, message=part, **args)["sequence"] == number
    await eventually(lambda: lamp.value("location_desc") == text)

    house.told.clear()
    lamp.hear(ApsFrame(0x0104, 0x0000, 1, 1, 0, 0, 0), zcl.Frame(1, zcl.General.READ, b"\x10\x00").encode())
    data = b""
    for index in range(3):
        await eventually(lambda: house.told)
        (_, values), *_ = house.told
        house.told.clear()
        assert values["aps_frame"].group == 3 << 8 | index
        data += values["message"]
        ack = values["aps_frame"]._replace(group=0xFF00 | index)
        house.stick.send("sendReply", nwk=lamp.short, aps_frame=ack, message=b"")
    assert data.endswith(text.encode())
    assert house.told == []


async def test_an_unmodified_host_meets_conflicts_codes_and_the_map() -> None:
    async with home() as (radio, host):
        lamp = await host.pair(radio, "lamp-white")
        secure = radio.add("plug-secure")
        await host.app.permit(60)
        await eventually(lambda: radio.permits)
        with pytest.raises(RadioError, match="only with its install code"):
            radio.join(secure)
        ieee = zt.EUI64.convert(secure.ieee)
        await host.app.permit_with_link_key(ieee, zt.KeyData(install_codes.link_key(secure.install_code)), 60)
        radio.join(secure)
        await eventually(lambda: secure.ieee in host.heard.initialized)

        told = await host.device(lamp).zdo.Mgmt_Lqi_req(0)
        assert int(told[0]) == 0
        assert str(host.app.state.node_info.ieee) in {str(one.ieee) for one in told[1].NeighborTableList}
        before = lamp.short
        radio.conflict(lamp)
        await eventually(lambda: lamp.ieee in host.heard.left or host.device(lamp).nwk != before)
        assert lamp.short != before


async def test_an_unmodified_host_is_told_that_nothing_was_delivered() -> None:
    async with home() as (radio, host):
        lamp = await host.pair(radio, "lamp-white")
        radio.faults.change(loss=1)
        with pytest.raises(zigpy.exceptions.DeliveryError):
            await host.cluster(lamp, "on_off").command(1)
        radio.faults.clear()
        assert (await host.cluster(lamp, "on_off").command(1)).status == 0
        assert addresses.as_bytes(lamp.ieee) == radio.mesh.eui64_of(lamp.short)
