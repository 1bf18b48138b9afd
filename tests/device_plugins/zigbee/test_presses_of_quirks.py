"""Presses that only a quirk understands become `device.button` events: real quirks on a virtual radio."""

import itertools
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from device_plugins.virtual_radio import VirtualDevice
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.quirks.index import installed
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually

ON_REAL_QUIRKS = [
    pytest.mark.skipif(not installed(), reason="the extra is not installed"),
    pytest.mark.timeout(120),
    # Some quirks do not name their manufacturer's code yet.
    pytest.mark.filterwarnings("ignore:Attribute '.*' has `is_manufacturer_specific`:DeprecationWarning"),
]
pytestmark = ON_REAL_QUIRKS

HOME_AUTOMATION = 0x0104
BASIC, POWER, IDENTIFY, SCENES, ON_OFF, LEVEL, TIME, ANALOG, MULTISTATE, OTA = 0, 1, 3, 5, 6, 8, 0x0A, 0x0C, 0x12, 0x19
COLOR, AQARA_OWN = 0x0300, 0xFCC0
HUE, BOOL, U8, U16, IKEA_CODE, PHILIPS_CODE = 0xFC00, 0x10, 0x20, 0x21, 0x117C, 0x100B

type Pressed = tuple[str, str]


@pytest.fixture
async def ready(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as ready:
        yield ready


def place(number: int, kind: int, inputs: tuple[int, ...], outputs: tuple[int, ...] = ()) -> dict[str, Any]:
    served = [{"id": one, "attributes": []} for one in inputs]
    sent = [{"id": one, "attributes": []} for one in outputs]
    return {"id": number, "profile": HOME_AUTOMATION, "type": kind, "inputs": served, "outputs": sent}


def described(manufacturer: str, model: str, *places: dict[str, Any]) -> dict[str, Any]:
    return {"manufacturer": manufacturer, "model": model, "endpoints": [*places]}


TUYA = described(
    "_TZ3000_vp6clf9d", "TS0044",
    place(1, 0, (BASIC, POWER, ON_OFF, TIME), (OTA,)),
    *(place(number, 0, (POWER, ON_OFF)) for number in (2, 3, 4)),
)  # fmt: skip
AQARA = described(
    "LUMI", "lumi.remote.b286acn01",
    place(1, 0x5F01, (BASIC, IDENTIFY, OTA, 0xFFFF, MULTISTATE), (BASIC, 4, IDENTIFY, SCENES, OTA, 0xFFFF, MULTISTATE)),
    place(2, 0x5F02, (IDENTIFY, MULTISTATE), (4, IDENTIFY, SCENES, MULTISTATE)),
    place(3, 0x5F03, (IDENTIFY, ANALOG), (4, IDENTIFY, SCENES, ANALOG)),
)  # fmt: skip
MINI = described("LUMI", "lumi.sensor_switch.aq2", place(1, 0x5F01, (BASIC, ON_OFF, 0xFFFF), (BASIC, 4, 0xFFFF)))
MIJA = described(
    "LUMI", "lumi.sensor_switch",
    place(1, 0x0104, (BASIC, IDENTIFY, OTA, 0xFFFF), (BASIC, IDENTIFY, 4, SCENES, ON_OFF, LEVEL, OTA)),
)  # fmt: skip
# Its other endpoints, and two clusters of the first, it does not tell of.
OPPLE = described(
    "LUMI", "lumi.remote.b286opcn01", place(1, 0x0105, (BASIC, IDENTIFY, POWER), (IDENTIFY, ON_OFF, LEVEL, COLOR))
)  # fmt: skip
OPPLE["endpoints"][0]["inputs"] += [
    {"id": MULTISTATE, "hidden": True, "attributes": [[0x0055, U16, 0, 2]]},
    {"id": AQARA_OWN, "hidden": True, "attributes": [[0x0009, U8, 0, 1]]},
]
WIRELESS = described("LUMI", "lumi.sensor_switch.aq3", place(1, 0x5F01, (BASIC, MULTISTATE, ON_OFF, POWER), (BASIC,)))
STYRBAR = described(
    "IKEA of Sweden", "Remote Control N2", place(1, 0x0820, (BASIC, POWER, IDENTIFY), (IDENTIFY, SCENES, ON_OFF, LEVEL))
)

BILRESA = described(
    "IKEA of Sweden", "09B9", place(1, 0x0820, (BASIC, POWER, IDENTIFY), (IDENTIFY, SCENES, ON_OFF, LEVEL))
)

PHILIPS = described(
    "Signify Netherlands B.V.", "RWL022",
    place(1, 0x0830, (BASIC, POWER, IDENTIFY, HUE, 0x1000), (OTA, BASIC, IDENTIFY, 4, ON_OFF, LEVEL, SCENES, 0x1000)),
)  # fmt: skip


class Remote:
    """A remote, what it sends, and what is told of it."""

    def __init__(self, ready: Bench, device: VirtualDevice) -> None:
        self.ready, self.device = ready, device
        self._numbers: Iterator[int] = itertools.count(1)

    def send(self, endpoint: int, cluster: int, head: bytes, rest: bytes) -> None:
        frame = head + bytes([next(self._numbers) % 256]) + rest
        self.ready.radio.carry(self.device, ApsFrame(HOME_AUTOMATION, cluster, endpoint, 1, 0, 0, 0), frame)

    def command(self, endpoint: int, cluster: int, command: int, payload: bytes = b"", code: int = 0) -> None:
        to_client = 8 if cluster == HUE else 0
        head = struct.pack("<BH", 0x15 | to_client, code) if code else b"\x11"
        self.send(endpoint, cluster, head, bytes([command]) + payload)

    def report(self, endpoint: int, cluster: int, attribute: int, value: int, kind: int = U16) -> None:
        told = struct.pack("<H" if kind == U16 else "<B", value)
        self.send(endpoint, cluster, b"\x18", struct.pack("<BHB", 0x0A, attribute, kind) + told)

    def pressed(self) -> list[Pressed]:
        subject = f"device/{id_of(self.device)}/"
        events = self.ready.hub.events_of("device.button")
        return [(one.data.action, one.data.button) for one in events if (one.subject or "").startswith(subject)]

    async def told(self, *expected: Pressed) -> None:
        with suppress(AssertionError):  # it would not say what
            await eventually(lambda: len(self.pressed()) >= len(expected), 10.0)
        assert self.pressed() == [*expected]


async def paired(ready: Bench, description: dict[str, Any]) -> Remote:
    await ready.open_pairing()
    device = ready.radio.add_described(description, description["model"])
    ready.radio.join(device)
    await eventually(lambda: any(one.step == "configured" for one in ready.steps(device)), 60.0, "it is configured")
    assert any(feature.capability == "button" for feature in ready.announced[id_of(device)].features)
    return Remote(ready, device)


async def test_a_command_of_tuyas_own_is_a_press(ready: Bench) -> None:
    remote = await paired(ready, TUYA)
    remote.command(1, ON_OFF, 0xFD, b"\x00")
    remote.command(3, ON_OFF, 0xFD, b"\x01")
    remote.command(4, ON_OFF, 0xFD, b"\x02")
    await remote.told(("single", "1"), ("double", "3"), ("hold", "4"))
    assert not any(feature.capability == "on_off" for feature in ready.announced[id_of(remote.device)].features)


async def test_what_aqara_reports_of_a_multistate_input_is_a_press(ready: Bench) -> None:
    remote = await paired(ready, AQARA)
    remote.report(1, MULTISTATE, 0x0055, 1)
    remote.report(2, MULTISTATE, 0x0055, 2)
    remote.report(3, MULTISTATE, 0x0055, 0)
    remote.report(3, MULTISTATE, 0x0055, 77)
    remote.report(1, MULTISTATE, 0x0055, 1)
    await remote.told(("single", "1"), ("double", "2"), ("hold", "both_buttons"), ("single", "1"))


async def test_what_aqaras_mini_switch_reports_of_on_and_off_is_a_press(ready: Bench) -> None:
    remote = await paired(ready, MINI)
    for value in (0, 1, 0, 1):
        remote.report(1, ON_OFF, 0x0000, value, BOOL)
    remote.report(1, ON_OFF, 0x8000, 2, U8)
    await remote.told(("single", "1"), ("single", "1"), ("double", "1"))


async def test_what_mijas_button_reports_of_on_and_off_is_a_press(ready: Bench) -> None:
    remote = await paired(ready, MIJA)
    for value in (0, 1, 0, 1):
        remote.report(1, ON_OFF, 0x0000, value, BOOL)
    remote.report(1, ON_OFF, 0x8000, 3, U8)
    await remote.told(("single", "1"), ("single", "1"), ("triple", "1"))


async def test_mijas_button_is_held_and_let_go(ready: Bench) -> None:
    remote = await paired(ready, MIJA)
    remote.report(1, ON_OFF, 0x0000, 0, BOOL)
    await remote.told(("hold", "1"))
    remote.report(1, ON_OFF, 0x0000, 1, BOOL)
    await remote.told(("hold", "1"), ("release", "1"))
    for value in (0, 1):
        remote.report(1, ON_OFF, 0x0000, value, BOOL)
    await remote.told(("hold", "1"), ("release", "1"), ("single", "1"))


async def test_an_opple_remote_is_put_into_the_mode_in_which_it_tells_all_presses(ready: Bench) -> None:
    remote = await paired(ready, OPPLE)
    assert remote.device.endpoints[1].clusters[AQARA_OWN].attributes[0x0009].value == 1
    told = {1: "single", 2: "double", 3: "triple", 0: "hold", 255: "release"}
    for button in (1, 2):
        for value in told:
            remote.report(button, MULTISTATE, 0x0055, value)
    await remote.told(*((action, str(button)) for button in (1, 2) for action in told.values()))


async def test_an_opple_remote_in_its_other_mode_tells_presses_by_commands(ready: Bench) -> None:
    remote = await paired(ready, OPPLE)
    remote.command(1, ON_OFF, 0x00)
    remote.command(1, LEVEL, 0x02, b"\x01\x55\x07\x00")
    remote.command(1, COLOR, 0x4C, b"\x03\x45\x00\x0f\x00\x00\x00\x00\x00")
    await remote.told(("off", "1"), ("step_down", "1"), ("color_temperature_step_down", "1"))


async def test_aqaras_wireless_button_is_held_and_let_go(ready: Bench) -> None:
    remote = await paired(ready, WIRELESS)
    for value in (1, 2, 16, 17, 18):
        remote.report(1, MULTISTATE, 0x0055, value)
    await remote.told(("single", "1"), ("double", "1"), ("hold", "1"), ("release", "1"), ("shaken", "1"))


async def test_a_press_in_the_moment_of_the_start_is_told(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        await ready.start(path, start_wait=60.0)
        remote = await paired(ready, AQARA)
        signature = ready.plugin.roster.known[id_of(remote.device).removeprefix("zigbee-")].record.signature
        await ready.stop()
        await ready.start(path, start_wait=60.0)
        known = ready.plugin.roster.known[id_of(remote.device).removeprefix("zigbee-")]
        assert known.record.signature == signature
        assert signature.presses
        remote.report(2, MULTISTATE, 0x0055, 1)
        await remote.told(("single", "2"))


async def test_commands_of_the_zcl_and_of_ikeas_own_are_told_once(ready: Bench) -> None:
    remote = await paired(ready, STYRBAR)
    remote.command(1, ON_OFF, 0x01)
    remote.command(1, LEVEL, 0x05, b"\x00\x53")
    remote.command(1, LEVEL, 0x07)
    remote.command(1, SCENES, 0x07, b"\x01\x01\x0d\x00", IKEA_CODE)
    await remote.told(("on", "1"), ("move_up", "1"), ("stop", "1"), ("single", "left"))


async def test_what_the_quirk_has_a_better_word_for_is_told_in_its_word_alone(ready: Bench) -> None:
    remote = await paired(ready, BILRESA)
    for _ in range(2):
        remote.command(1, LEVEL, 0x01, b"\x00\x53")
        remote.command(1, LEVEL, 0x03)
    remote.command(1, LEVEL, 0x03)
    once = ("move_up", "1"), ("release", "dim_up")
    await remote.told(*once, *once, ("stop", "1"))


async def test_what_philips_sends_twice_is_told_once(ready: Bench) -> None:
    remote = await paired(ready, PHILIPS)
    remote.command(1, ON_OFF, 0x01)
    remote.command(1, HUE, 0x00, b"\x01\x00\x00\x30\x00\x21\x00\x00", PHILIPS_CODE)
    remote.command(1, HUE, 0x00, b"\x01\x00\x00\x30\x02\x21\x01\x00", PHILIPS_CODE)
    await remote.told(("single", "turn_on"))
    remote.command(1, HUE, 0x00, b"\x04\x00\x00\x30\x01\x21\x08\x00", PHILIPS_CODE)
    remote.command(1, HUE, 0x00, b"\x04\x00\x00\x30\x03\x21\x10\x00", PHILIPS_CODE)
    await remote.told(("single", "turn_on"), ("hold", "turn_off"), ("release", "turn_off"))
