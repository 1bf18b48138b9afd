"""Each model of the catalogue, paired for real: what it can do, what it tells, and what it does when told."""

from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import capability
from tests.device_plugins.zigbee.bench import Bench, bench, id_of
from tests.harness.waiting import eventually

COMMON = {"firmware", "identify", "link_quality", "signal_strength", "update"}
# Settings and readings of every kind, which test_mapping.py looks at.
LONG_TAIL = {"number", "enum", "switch", "text"}
CELL = {"battery", "battery_voltage"}
ZONE = {"tamper", "battery_low"}
MODELS: dict[str, set[str]] = {
    "lamp-white": {"on_off", "level"},
    "lamp-color": {
        "on_off", "level", "color_hue", "color_saturation", "color_xy", "color_temperature", "color_mode",
    },
    "plug": {"on_off", "power", "energy", "voltage", "current"},
    "motion": {"occupancy", "illuminance", "temperature"} | CELL,
    "motion-ias": {"occupancy"} | ZONE | CELL,
    "contact": {"contact"} | ZONE | CELL,
    "climate": {"temperature", "humidity", "pressure"} | CELL,
    "button": {"button"} | CELL,
    "leak": {"water_leak"} | ZONE | CELL,
    "smoke": {"smoke"} | ZONE | CELL,
    "blind": {"cover_position"},
    "lock": {"lock"} | CELL,
    "thermostat": {
        "temperature", "heating_setpoint", "thermostat_mode", "thermostat_activity", "heating_demand",
    } | CELL,
    "siren": {"siren", "alarm"} | ZONE,
}  # fmt: skip


async def test_every_model_has_its_capabilities_and_tells_its_first_values(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        for model, expected in MODELS.items():
            device = await ready.pair(model)
            announced = ready.announced[id_of(device)]
            features = [feature for feature in announced.features if feature.capability not in LONG_TAIL]
            assert {feature.key for feature in features} == expected | COMMON, model
            assert (announced.manufacturer, announced.model) == ("Domovoi", device.model.name)
            assert announced.firmware == "1.0.0"
            silent = {"identify", "button", "siren", "update"}
            told = {f.key for f in features if ready.value(device, f.key) is not None}
            assert told == {f.key for f in features} - silent, model
            assert ready.value(device, "availability") == "online"


REPORTS: list[tuple[str, str, object, str, object]] = [
    ("lamp-white", "on_off", True, "on_off", True),
    ("lamp-white", "level", 127, "level", 50),
    ("plug", "energy", 1.5, "energy", 1500.0),
    ("plug", "voltage", 229.5, "voltage", 229.5),
    ("plug", "on_off", True, "on_off", True),
    ("plug", "power", 1234.5, "power", 1234.5),
    ("motion", "motion", True, "occupancy", True),
    ("motion", "illuminance", 320, "illuminance", 320.0),
    ("motion", "temperature", -7.25, "temperature", -7.25),
    ("motion", "battery", 41.5, "battery", 41.5),
    ("motion-ias", "motion", True, "occupancy", True),
    ("motion-ias", "tamper", True, "tamper", True),
    ("contact", "contact", "open", "contact", False),
    ("contact", "battery", 5, "battery_low", True),
    ("climate", "humidity", 61.5, "humidity", 61.5),
    ("climate", "pressure", 98_700, "pressure", 98_700),
    ("leak", "leak", True, "water_leak", True),
    ("smoke", "smoke", True, "smoke", True),
    ("blind", "position", 30, "cover_position", 70),
    ("lock", "lock", "unlocked", "lock", "unlocked"),
    ("thermostat", "temperature", 17.5, "temperature", 17.5),
    ("thermostat", "temperature", 17.5, "thermostat_activity", "heating"),
    ("thermostat", "setpoint", 22.5, "heating_setpoint", 22.5),
]


async def test_what_happens_to_a_device_becomes_state(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        devices = {}
        for model, stimulus, value, key, expected in REPORTS:
            if model not in devices:
                devices[model] = await ready.pair(model)
            device = devices[model]
            ready.radio.act(device, stimulus, value)
            await ready.becomes(device, key, expected)


async def test_lamps_are_switched_dimmed_and_coloured(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-color")
        await ready.command(lamp, "on_off", "on")
        assert lamp.value("on_off") is True
        await ready.becomes(lamp, "on_off", True)
        await ready.command(lamp, "on_off", "toggle")
        await ready.becomes(lamp, "on_off", False)
        await ready.command(lamp, "level", "set", value=30, transition=0)
        await ready.becomes(lamp, "level", 30)
        assert ready.value(lamp, "on_off") is True
        await ready.command(lamp, "level", "step", by=-20, transition=0)
        await ready.becomes(lamp, "level", 10)
        await ready.command(lamp, "color_xy", "set", value=[0.2, 0.3])
        await ready.becomes(lamp, "color_xy", [0.2, 0.3])
        await ready.hub.clock.advance(1.5)
        await ready.becomes(lamp, "color_mode", "xy")
        await ready.command(lamp, "color_temperature", "set", value=2700)
        await ready.becomes(lamp, "color_temperature", 2703)
        await ready.hub.clock.advance(1.5)
        await ready.becomes(lamp, "color_mode", "temperature")
        await ready.command(lamp, "color_hue", "set", value=180)
        await ready.becomes(lamp, "color_hue", 180)
        await ready.command(lamp, "color_saturation", "set", value=60)
        await ready.becomes(lamp, "color_saturation", 60)


async def test_a_lamp_may_take_its_time(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await ready.command(lamp, "on_off", "on")
        await ready.command(lamp, "level", "set", value=10, transition=0.3)
        await ready.becomes(lamp, "level", 10)


COMMANDS: list[tuple[str, str, str, dict[str, Any], object]] = [
    ("blind", "cover_position", "set", {"value": 25}, 25),
    ("blind", "cover_position", "open", {}, 100),
    ("blind", "cover_position", "close", {}, 0),
    ("lock", "lock", "unlock", {}, "unlocked"),
    ("lock", "lock", "lock", {}, "locked"),
    ("thermostat", "heating_setpoint", "set", {"value": 23.5}, 23.5),
    ("thermostat", "thermostat_mode", "set", {"value": "off"}, "off"),
    ("plug", "on_off", "set", {"value": True}, True),
    ("siren", "siren", "sound", {"duration": 30.0, "mode": "fire"}, True),
    ("siren", "siren", "off", {}, False),
    ("siren", "siren", "set", {"value": True}, True),
]


async def test_the_others_do_as_they_are_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        devices = {}
        for model, key, command, arguments, expected in COMMANDS:
            if model not in devices:
                devices[model] = await ready.pair(model)
            await ready.command(devices[model], key, command, **arguments)
            await ready.hub.clock.advance(1.0)
            await ready.becomes(devices[model], key, expected)


async def test_a_siren_falls_silent_when_its_time_is_over(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        siren = await ready.pair("siren")
        await ready.command(siren, "siren", "sound", duration=20.0, mode="burglar")
        await ready.hub.clock.advance(19.0)
        assert ready.value(siren, "siren") is True
        await ready.hub.clock.advance(2.0)
        assert ready.value(siren, "siren") is False


async def test_identify_is_confirmed(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await ready.command(lamp, "identify", "identify", duration=5)
        assert lamp.value("identify_time") == 5


PRESSES = {
    "single": "toggle",
    "on": "on",
    "off": "off",
    "up": "step_up",
    "down": "step_down",
    "hold": "move_up",
    "hold_down": "move_down",
    "release": "stop",
}


async def test_a_remotes_buttons_are_events(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        remote = await ready.pair("button")
        for press in PRESSES:
            ready.radio.act(remote, "press", press)
        await eventually(lambda: len(ready.hub.events_of("device.button")) == len(PRESSES))
        events = ready.hub.events_of("device.button")
        assert [event.data.action for event in events] == [*PRESSES.values()]
        assert {event.subject for event in events} == {f"device/{id_of(remote)}/button"}


async def test_a_zone_is_enrolled(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        door = await ready.pair("contact")
        await eventually(lambda: door.value("zone_state") == 1)
        status = await ready.hub.call("zigbee.status")
        assert status.network is not None
        assert door.value("cie_address") == int(status.network.coordinator, 16)


async def test_units_and_ranges_fit_the_vocabulary(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp, valve = await ready.pair("lamp-color"), await ready.pair("thermostat")
        white = ready.announced[id_of(lamp)].feature("color_temperature")
        assert white is not None
        assert (white.minimum, white.maximum) == (2000, 6536)
        setpoint = ready.announced[id_of(valve)].feature("heating_setpoint")
        assert setpoint is not None
        assert (setpoint.minimum, setpoint.maximum) == (5, 30)
        mode = ready.announced[id_of(valve)].feature("thermostat_mode")
        assert mode is not None
        assert mode.values == ("off", "heat")
        for device in ready.announced.values():
            for feature in device.features:
                word = capability(feature.capability)
                assert set(feature.commands) <= {command.name for command in word.commands}


@pytest.mark.parametrize("version", [8, 13, 18])
async def test_other_versions_of_the_stick(tmp_path: Path, version: int) -> None:
    async with bench(tmp_path, version) as ready:
        lamp = await ready.pair("lamp-white")
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def check_link_quality(ready: Bench) -> None:
    sensor = await ready.pair("contact")  # it tells every change at once
    path = f"device/{id_of(sensor)}/link_quality"

    def changes() -> int:
        return sum(event.subject == path for event in ready.hub.events_of("state.changed"))

    before = changes()
    for number in range(20):
        ready.radio.act(sensor, "contact", "closed" if number % 2 else "open")
        await ready.becomes(sensor, "contact", bool(number % 2))
    assert changes() == before


async def test_link_quality_is_told_coarsely(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await check_link_quality(ready)
