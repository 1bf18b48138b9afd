"""Devices of somebody else's network: what they hear of raw frames, and what is remembered of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from device_plugins.virtual_radio import RadioError, VirtualDevice, VirtualRadio
from device_plugins.virtual_radio.core import Values
from device_plugins.virtual_radio.wire import Status
from device_plugins.zigbee import interpan
from device_plugins.zigbee.interpan import InterPan
from hub.testing import settle

CHANNEL = 20


class Air:
    """A radio that is tuned, and all that it passed on."""

    def __init__(self) -> None:
        self.radio = VirtualRadio(latency=0.0)
        self.lamp = self.radio.add("lamp-white", "Lamp")
        self.radio.stray(self.lamp, CHANNEL)
        self.heard: list[bytes] = []
        self.radio.ncp.callback = self._take  # type: ignore[method-assign]
        assert self.tune(CHANNEL) == {}

    def tune(self, channel: int) -> Values:
        return self.radio.ncp.raw.table["setLogicalAndRadioChannel"]({"": channel})

    async def send(self, zcl: bytes, target: str = "") -> list[bytes]:
        """Send a command; return what was answered."""
        frame = interpan.encode(InterPan("01" * 8, 1, target, zcl))
        self.heard.clear()
        assert self.radio.ncp.raw.table["sendRawMessage"]({"message": frame}) == {}
        await settle()
        return [*self.heard]

    def _take(self, name: str, values: Values, written: object = None) -> None:
        del written
        if name == "macFilterMatchMessageHandler":
            self.heard.append(bytes(values["message"]))  # type: ignore[call-overload]


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    made = Air()
    yield made
    await made.radio.close()


def hex_of(lamp: VirtualDevice) -> str:
    return lamp.ieee.replace(":", "")


async def test_only_the_transaction_of_the_last_scan_counts(air: Air) -> None:
    own = hex_of(air.lamp)
    await air.send(interpan.identify_request(5, 9), own)
    assert air.lamp.value("identify_time") == 0
    assert len(await air.send(interpan.scan_request(5))) == 1
    for transaction, target in ((6, own), (5, "02" * 8), (5, "")):
        await air.send(interpan.identify_request(transaction, 9), target)
        await air.send(interpan.reset_request(transaction), target)
    assert air.lamp.value("identify_time") == 0
    with pytest.raises(RadioError, match="not up"):
        air.radio.join(air.lamp)
    await air.send(interpan.identify_request(5, 9), own)
    assert air.lamp.value("identify_time") == 9
    await air.send(interpan.identify_request(5, 0xFFFF), own)
    assert air.lamp.value("identify_time") == 3
    await air.send(interpan.reset_request(5), own)
    assert air.lamp.network is None


async def test_who_is_far_elsewhere_deaf_or_no_lamp_does_not_answer(air: Air) -> None:
    request = interpan.scan_request(5)
    air.radio.stray("Lamp", CHANNEL, -61)
    assert await air.send(request) == []
    air.radio.stray("Lamp", CHANNEL + 1)
    assert await air.send(request) == []
    assert air.tune(CHANNEL + 1) == {}
    assert len(await air.send(request)) == 1
    air.lamp.reachable = False
    assert await air.send(request) == []
    air.radio.add("contact").network = f"elsewhere-{CHANNEL + 1}"
    assert await air.send(request) == []


async def test_what_the_stick_cannot_do_is_refused(air: Air) -> None:
    for channel in (0, 10, 27, 255):
        assert air.tune(channel) == {"status": Status.INVALID}
    table = air.radio.ncp.raw.table
    assert table["getLogicalChannel"]({}) == {"radioChannel": CHANNEL}
    assert table["sendRawMessageExtended"]({"message": bytes(126)}) == {"status": Status.MESSAGE_TOO_LONG}
    assert table["sendRawMessageExtended"]({"message": b"noise"}) == {}
    air.radio.ncp.host_reset()
    assert table["getLogicalChannel"]({}) == {"radioChannel": 0}
    for channel, rssi in ((10, -30), (27, -30), (20, 1), (20, -129)):
        with pytest.raises(RadioError, match="is"):
            air.radio.stray("Lamp", channel, rssi)


async def test_what_touchlink_could_not_free_again_stays_where_it_is(air: Air) -> None:
    for model in ("plug", "contact"):
        device = air.radio.add(model)
        with pytest.raises(RadioError, match=r"does not do touchlink, .*: choose a lamp-white or lamp-color"):
            air.radio.stray(device, CHANNEL)
        assert device.network is None


@pytest.mark.allow_blocking  # the radio writes its state file
async def test_a_stray_is_one_after_a_restart_too(tmp_path: Path) -> None:
    first = VirtualRadio(state=tmp_path / "radio.json", latency=0.0)
    lamp = first.add("lamp-color", "Lamp")
    first.stray(lamp, CHANNEL, -40)
    await first.close()
    second = VirtualRadio(state=tmp_path / "radio.json", latency=0.0)
    assert second.device("Lamp").network == lamp.network
    assert second.device("Lamp").memory == {"rssi": -40}
    await second.close()
