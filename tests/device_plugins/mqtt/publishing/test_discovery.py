"""What Home Assistant is told, and what it means. Its schemas judge it in tests/interop/test_ha_discovery.py."""

from typing import Any

import jinja2
import msgspec
import pytest

from device_plugins.mqtt.publishing.homeassistant.discovery import discovery
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.records import Record, record_of
from device_plugins.mqtt.publishing.settings import Publish
from device_plugins.sdk import VOCABULARY, Feature
from scripts.tools.published_devices import devices

LAYOUT = Layout(Publish(homeassistant=True))
RECORDS = {one.id: one for one in devices()}


def told(record: Record, *known: str) -> dict[str, Any]:
    message = discovery(record, LAYOUT, known)
    assert message.retain
    assert message.qos == 1
    found: dict[str, Any] = msgspec.json.decode(message.payload)
    return found


def entities(device: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = told(RECORDS[device])["components"]
    return found


def of(*features: Feature) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = told(Record("d", "D", "test", features=features))["components"]
    return found


def rendered(template: str, value: str, **more: object) -> str:
    return jinja2.Environment(autoescape=False).from_string(template).render(value=value, **more)  # noqa: S701 - no HTML


def test_a_colour_lamp_is_one_light_with_the_devices_name() -> None:
    light = entities("zigbee-lamp-color")["on_off"]
    topic = "domovoi/zigbee-lamp-color"
    assert light["platform"] == "light"
    assert light["name"] is None
    assert light["command_topic"] == f"{topic}/on_off/set"
    assert light["brightness_command_topic"] == f"{topic}/level/set"
    assert light["brightness_scale"] == 100
    assert light["xy_state_topic"] == f"{topic}/color_xy"
    assert light["color_temp_kelvin"] is True
    assert not {"level", "color_xy", "color_temperature"} & entities("zigbee-lamp-color").keys()


def test_every_feature_of_a_device_is_in_some_entity() -> None:
    for record in RECORDS.values():
        text = discovery(record, LAYOUT, ()).payload.decode()
        for feature in record.features:
            kind = VOCABULARY[feature.capability]
            if kind.access == "write" and not feature.commands:
                continue
            if feature.capability in {"press", "identify"} and feature.capability not in feature.commands:
                continue
            assert f'/{feature.key}"' in text or f"/{feature.key}/" in text, (record.id, feature.key)


def test_what_cannot_be_set_is_a_sensor() -> None:
    assert of(Feature("on_off", "on_off"))["on_off"]["platform"] == "binary_sensor"
    assert of(Feature("heating_setpoint", "heating_setpoint"))["heating_setpoint"]["platform"] == "sensor"
    assert of(Feature("lock", "lock"))["lock_sensor"]["platform"] == "sensor"
    everything = told(record_of(RECORDS["test:everything"], control=False))["components"]
    assert {one["platform"] for one in everything.values()} == {"binary_sensor", "sensor", "event"}
    assert not any("command_topic" in one for one in everything.values())


def test_a_shut_door_is_off_for_home_assistant() -> None:
    contact = entities("zigbee-contact")["contact"]
    assert (contact["payload_on"], contact["payload_off"], contact["device_class"]) == ("false", "true", "opening")


def test_a_cover_has_the_commands_that_the_device_has() -> None:
    cover = of(Feature("cover_position", "cover_position", commands=("open", "close")))["cover_position"]
    assert (cover["payload_open"], cover["payload_stop"]) == ("open", None)
    assert "set_position_topic" not in cover


def test_a_thermostat_without_modes_keeps_one() -> None:
    climate = of(Feature("heating_setpoint", "heating_setpoint", commands=("set",)))["heating_setpoint"]
    assert climate["modes"] == ["heat"]
    assert "mode_command_topic" not in climate
    assert rendered(climate["mode_state_template"], "21") == "heat"


def test_modes_that_home_assistant_does_not_know_become_the_nearest() -> None:
    climate = entities("test:everything")["heating_setpoint"]
    assert "emergency_heat" not in climate["modes"]
    assert rendered(climate["mode_state_template"], "emergency_heat") == "heat"
    assert rendered(climate["mode_state_template"], "cool") == "cool"


def test_a_siren_is_told_how_long_and_in_which_way() -> None:
    siren = of(Feature("siren", "siren", commands=("sound", "off")))["siren"]
    plain = msgspec.json.decode(rendered(siren["command_template"], "true"))
    assert plain == {"command": "sound", "arguments": {"duration": 30, "mode": "burglar"}}
    chosen = msgspec.json.decode(rendered(siren["command_template"], "true", duration=5, tone="fire"))
    assert chosen["arguments"] == {"duration": 5, "mode": "fire"}
    assert siren["command_off_template"] == "off"


def test_a_fan_is_switched_by_its_modes() -> None:
    fan = of(Feature("fan_mode", "fan_mode", values=("off", "low", "auto"), commands=("set",)))["fan_mode"]
    assert fan["preset_modes"] == ["low", "auto"]
    assert rendered(fan["command_template"], "true") == "auto"
    assert rendered(fan["command_template"], "false") == "off"
    assert [rendered(fan["state_value_template"], one) for one in ("off", "low", "None")] == ["false", "true", "None"]


@pytest.mark.parametrize(
    ("hub", "device", "is_there"),
    [
        ("ready", "online", True),
        ("online", "unknown", True),
        ("init", "online", True),
        ("lost", "online", False),
        ("disconnected", "online", False),
        ("offline", "online", False),
        ("ready", "offline", False),
    ],
)
def test_a_device_is_available_unless_it_or_the_hub_is_known_to_be_away(
    hub: str, device: str, *, is_there: bool
) -> None:
    message = told(RECORDS["zigbee-plug"])
    assert message["availability_mode"] == "all"
    templates = [one["value_template"] for one in message["availability"]]
    said = [rendered(template, value) for template, value in zip(templates, (hub, device), strict=True)]
    assert (said == ["online", "online"]) is is_there
    assert {*said} <= {"online", "offline"}


def test_a_device_is_behind_its_parent_when_that_is_published() -> None:
    child = Record("child", "Child", "test", parent="bridge")
    assert told(child, "bridge")["device"]["via_device"] == "domovoi_bridge"
    assert "via_device" not in told(child)["device"]


def test_its_origin_is_the_prefix_so_that_the_hub_knows_its_own() -> None:
    assert told(RECORDS["zigbee-plug"])["origin"]["name"] == LAYOUT.settings.prefix
    assert LAYOUT.is_own(discovery(RECORDS["zigbee-plug"], LAYOUT, ()).topic)


def test_ids_that_are_no_topic_level_for_home_assistant_keep_apart() -> None:
    assert LAYOUT.config("a.b") != LAYOUT.config("a:b")
    assert LAYOUT.config("zigbee-1") == "homeassistant/device/domovoi/zigbee-1/config"
