"""What quirks of the builder's make of values, both ways: real quirks on a virtual radio."""

import struct
from pathlib import Path

from device_plugins.virtual_radio import VirtualDevice, tuya
from device_plugins.virtual_radio.wire import ApsFrame
from tests.device_plugins.zigbee.bench import Bench, bench
from tests.device_plugins.zigbee.test_presses_of_quirks import ON_REAL_QUIRKS, described, place
from tests.harness.waiting import eventually

pytestmark = ON_REAL_QUIRKS

BASIC, POWER, GROUPS, SCENES, ON_OFF, TIME, OTA, TEMPERATURE = 0, 1, 4, 5, 6, 0x0A, 0x19, 0x0402
DOOR_LOCK, ZONE, MCU, SONOFF = 0x0101, 0x0500, 0xEF00, 0xFC11
HOME_AUTOMATION, WRITABLE, REPORTED, OWN = 0x0104, 1, 2, 4
ENUM8, U16, BITMAP16, BITMAP32, BYTES = 0x30, 0x21, 0x19, 0x1B, 0x41
OWN_QUIRK = """
from zhaquirks.builder import QuirkBuilder

(
    QuirkBuilder("Acme", "Values")
    .sensor("measured_value", 0x0402, translation_key="halved", fallback_name="Halved", divisor=100,
            multiplier=7, unit="°C", attribute_converter=lambda value: value / 2 if value > 0 else None)
    .sensor("measured_value", 0x0402, translation_key="broken", fallback_name="Broken", unit="°C",
            attribute_converter=lambda value: {}[value])
    .sensor("measured_value", 0x0402, translation_key="plain", fallback_name="Plain", divisor=4, unit="min")
    .number("on_time", 6, translation_key="lag", fallback_name="Lag", multiplier=0.1, unit="min", min_value=0,
            max_value=100)
    .add_to_registry()
)
"""


def report(ready: Bench, device: VirtualDevice, place: tuple[int, int, int], kind: int, value: bytes) -> None:
    endpoint, cluster, attribute = place
    frame = b"\x18\x01\x0a" + struct.pack("<HB", attribute, kind) + value
    ready.radio.carry(device, ApsFrame(HOME_AUTOMATION, cluster, endpoint, 1, 0, 0, 0), frame)


async def test_sonoffs_valve_tells_leak_and_shortage_by_one_attribute(tmp_path: Path) -> None:
    valve = described("SONOFF", "SWV", place(1, 0x0002, (BASIC, POWER, ON_OFF, SONOFF), (TIME, OTA)))
    valve["endpoints"][0]["inputs"][3]["attributes"] = [
        [0x500C, ENUM8, 1, REPORTED], [0x5011, U16, 30, WRITABLE],
    ]  # fmt: skip
    async with bench(tmp_path) as ready:
        device = await ready.admit(ready.radio.add_described(valve, "Valve"))
        own = device.endpoints[1].clusters[SONOFF].attributes
        await ready.becomes(device, "water_leak", value=False)
        await ready.becomes(device, "water_supply", value=True)
        await ready.becomes(device, "water_shortage_auto_close", value=True)
        assert own[0x500C].reporting is not None
        assert (own[0x500C].reporting.least, own[0x500C].reporting.most) == (30, 900)
        report(ready, device, (1, SONOFF, 0x500C), ENUM8, b"\x02")
        await ready.becomes(device, "water_leak", value=True)
        await ready.becomes(device, "water_supply", value=False)
        await ready.command(device, "water_shortage_auto_close", "set", value=False)
        assert own[0x5011].value == 0
        await ready.command(device, "water_shortage_auto_close", "set", value=True)
        assert own[0x5011].value == 30


async def test_a_tilted_window_is_open_and_tilted(tmp_path: Path) -> None:
    window = described("Shelly", "BLU DoorWindow ZB", place(1, 0x0402, (BASIC, POWER, ZONE)))
    async with bench(tmp_path) as ready:
        device = await ready.admit(ready.radio.add_described(window, "Window"))
        for status, contact, tilt in ((0, True, False), (1, False, True), (3, False, False)):
            report(ready, device, (1, ZONE, 0x0002), BITMAP16, struct.pack("<H", status))
            await ready.becomes(device, "contact", contact)
            await ready.becomes(device, "tilt", tilt)


async def test_a_lock_tells_who_did_what_in_the_words_of_its_quirk(tmp_path: Path) -> None:
    lock = described("Onesti Products AS", "NimlyPRO24", place(11, 0x000A, (BASIC, DOOR_LOCK)))
    lock["endpoints"][0]["inputs"][1]["attributes"] = [
        [0x0100, BITMAP32, 0x03020007, REPORTED],
        [0x0101, BYTES, {"hex": "1234"}, 0],
    ]
    async with bench(tmp_path) as ready:
        device = await ready.admit(ready.radio.add_described(lock, "Lock"))
        report(ready, device, (11, DOOR_LOCK, 0x0101), BYTES, b"\x02\x12\x34")
        report(ready, device, (11, DOOR_LOCK, 0x0100), BITMAP32, struct.pack("<I", 0x03020007))
        await ready.becomes(device, "last_action_source", "fingerprint")
        await ready.becomes(device, "last_action", "unlock")
        secret = [path for path in ready.hub.state.list("device/") if "pin_code" in path]
        assert secret == []


async def test_factors_units_and_converters_are_applied(tmp_path: Path) -> None:
    (own := tmp_path / "own").mkdir()
    (own / "values.py").write_text(OWN_QUIRK)
    thing = described("Acme", "Values", place(1, 0x0302, (BASIC, TEMPERATURE, ON_OFF)))
    thing["endpoints"][0]["inputs"][1]["attributes"] = [[0, 0x29, 10, REPORTED]]
    thing["endpoints"][0]["inputs"][2]["attributes"] = [[0, 0x10, False, REPORTED], [0x4001, U16, 20, WRITABLE]]
    async with bench(tmp_path, quirks_dir=str(own)) as ready:
        device = await ready.admit(ready.radio.add_described(thing, "Values"))
        await ready.becomes(device, "halved", 5.0)
        await ready.becomes(device, "plain", 150.0)
        await ready.becomes(device, "lag", 120.0)
        assert ready.value(device, "broken") is None
        await ready.command(device, "lag", "set", value=90.0)
        assert device.endpoints[1].clusters[ON_OFF].attributes[0x4001].value == 15
        report(ready, device, (1, TEMPERATURE, 0), 0x29, struct.pack("<h", -1))
        await ready.becomes(device, "halved", None)


async def test_a_number_of_tuyas_is_in_seconds_both_ways(tmp_path: Path) -> None:
    timer = described("_TZE200_htnnfasr", "TS0601", place(1, 0x0051, (BASIC, GROUPS, SCENES, MCU), (TIME, OTA)))
    async with bench(tmp_path) as ready:
        device = ready.radio.add_described(timer, "Timer")
        device.memory[tuya.DATAPOINTS] = {"5": [tuya.VALUE, "00000000"], "108": [tuya.BOOL, "00"]}
        await ready.admit(device)
        tuya.put(device, device.endpoints[1], 5, tuya.VALUE, 3)
        await ready.becomes(device, "timer_duration", 180.0)
        await ready.command(device, "timer_duration", "set", value=300.0)
        await eventually(lambda: tuya.value(device, 5) == 5)
        tuya.put(device, device.endpoints[1], 108, tuya.BOOL, 0)
        await ready.becomes(device, "frost_lock", value=True)
        await ready.command(device, "frost_lock", "set", value=False)
        await eventually(lambda: tuya.value(device, 108) == 1)
