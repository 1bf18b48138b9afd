"""What the hub publishes is judged by Home Assistant's own schemas, where they are installed."""

import msgspec
import pytest

from device_plugins.mqtt.description import Message
from scripts.tools import interop_ha_discovery as interop
from scripts.tools.interop_ha_discovery import Verdict, judge, messages, table

needs_home_assistant = pytest.mark.skipif(
    not interop.is_installed(), reason="Home Assistant's schemas are not installed (scripts/interop-ha-discovery)"
)
PLATFORMS = {
    *("binary_sensor", "button", "climate", "cover", "device", "event", "fan", "light", "lock", "number", "select"),
    *("sensor", "siren", "switch", "text"),
}


@needs_home_assistant
@pytest.mark.timeout(400)
@pytest.mark.allow_blocking
def test_home_assistant_has_nothing_to_complain_of() -> None:
    verdicts = judge(messages())
    assert [one for one in verdicts if one.complaints] == []
    assert {one.platform for one in verdicts} == PLATFORMS


# What is changed of which entity, and what is then said.
BREACHES = [
    ("temperature", {"unit_of_measurement": "W"}, "unit W does not go with device class temperature"),
    ("temperature", {"state_class": "total_increasing"}, "state class total_increasing does not go"),
    ("temperature", {"device_class": "warmth"}, "SensorDeviceClass"),
    ("temperature", {"colour": "blue"}, "colour is unknown"),
    ("temperature", {"state_topic": "a/#/b"}, "wildcard"),
    ("temperature", {"value_template": "{{ value | nonsense }}"}, "nonsense"),
    ("temperature", {"value_template": "{{ 1 / (value | length - 4) }}"}, "division by zero"),
    ("humidity", {"unique_id": "domovoi_zigbee-climate_temperature_sensor"}, "two entities have one unique_id"),
    ("humidity", {"platform": "hygrometer"}, "hygrometer"),
]


@needs_home_assistant
@pytest.mark.timeout(400)
@pytest.mark.allow_blocking
def test_the_judge_sees_what_is_wrong() -> None:
    good = messages()["zigbee-climate"]
    told = {}
    for number, (entity, change, _) in enumerate(BREACHES):
        payload = msgspec.json.decode(good.payload)
        payload["components"][entity] |= change
        told[str(number)] = Message(good.topic, msgspec.json.encode(payload), retain=True)
    said = [(one.device, complaint) for one in judge(told) for complaint in one.complaints]
    missed = [
        (change, said)
        for number, (_, change, expected) in enumerate(BREACHES)
        if not any(device == str(number) and expected in complaint for device, complaint in said)
    ]
    assert missed == []


def test_complaints_are_shown_with_their_device() -> None:
    verdicts = [
        Verdict("lamp", "", "device", ()),
        Verdict("lamp", "on_off", "light", ("no",)),
        Verdict("plug", "", "device", ("never",)),
    ]
    assert table(verdicts).splitlines() == [
        "device      2",
        "light       1",
        "lamp, on_off: no",
        "plug, as a whole: never",
    ]
