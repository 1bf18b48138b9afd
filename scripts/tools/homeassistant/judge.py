"""Judge discovery messages by Home Assistant's own schemas; runs in its environment (`scripts/interop-ha-discovery`).

Reads JSON lines `{"device", "topic", "payload"}`; writes JSON lines `{"device", "entity", "platform", "complaints"}`.
"""

import asyncio
import importlib
import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, override

import voluptuous as vol
from homeassistant.components.mqtt.discovery import TOPIC_MATCHER, _merge_common_device_options
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.components.number.const import DEVICE_CLASS_UNITS as NUMBER_UNITS
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.helpers.template import Template

_PREFIX = "homeassistant/"
_VALUES = ("None", "true", "false", "on", "off", "0", "42.5", "0.3,0.4", "heat", "")


class Warnings(logging.Handler):
    """What Home Assistant would write into its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def judge(message: dict[str, str], warnings: Warnings) -> Iterator[dict[str, Any]]:
    """Complaints about one message: about the whole, then about each entity."""
    payload = json.loads(message["payload"])
    yield {"entity": "", "platform": "device", "complaints": list(_whole(message["topic"], payload))}
    for name, component in payload["components"].items():
        warnings.said.clear()
        complaints = list(_entity(dict(component), payload))
        yield {"entity": name, "platform": component["platform"], "complaints": complaints + warnings.said}


def _whole(topic: str, payload: dict[str, Any]) -> Iterator[str]:
    match = TOPIC_MATCHER.fullmatch(topic.removeprefix(_PREFIX))
    if match is None or match["component"] != "device" or not topic.startswith(_PREFIX):
        yield f"{topic} is no topic of device discovery"
    try:
        checked = DEVICE_DISCOVERY_SCHEMA(json.loads(json.dumps(payload)))
    except vol.Invalid as error:
        yield str(error)
    else:
        yield from (f"{key} is unknown" for key in payload.keys() - checked.keys())
    identities = [one["unique_id"] for one in payload["components"].values()]
    if len({*identities}) < len(identities):
        yield "two entities have one unique_id"


def _entity(config: dict[str, Any], payload: dict[str, Any]) -> Iterator[str]:
    platform = config.pop("platform")
    own = {*config}
    config |= {"device": payload["device"], "origin": payload["origin"]}
    _merge_common_device_options(config, payload)
    try:
        checked = importlib.import_module(f"homeassistant.components.mqtt.{platform}").DISCOVERY_SCHEMA(config)
    except (ImportError, vol.Invalid) as error:
        yield str(error)
        return
    # The schemas drop what they do not know.
    yield from (f"{key} is unknown" for key in own - checked.keys())
    yield from _render(checked)
    if platform == "sensor":
        yield from _sensor(checked)
    elif platform == "number":
        yield from _unit(checked, NUMBER_UNITS)


def _render(config: dict[str, Any]) -> Iterator[str]:
    """Render each template with values of all kinds; of what fails quietly there is a warning."""
    templates = [one for one in config.values() if isinstance(one, Template)]
    templates += [one["value_template"] for one in config["availability"] if "value_template" in one]
    for template in templates:
        for value in _VALUES:
            try:
                template.async_render_with_possible_json_value(value)
            except Exception as error:  # noqa: BLE001 - a template can raise anything
                yield f"{template.template} fails with {value!r}: {error}"


def _sensor(config: dict[str, Any]) -> Iterator[str]:
    yield from _unit(config, DEVICE_CLASS_UNITS)
    kind, state_class = config.get("device_class"), config.get("state_class")
    if kind in DEVICE_CLASS_STATE_CLASSES and state_class and state_class not in DEVICE_CLASS_STATE_CLASSES[kind]:
        yield f"state class {state_class} does not go with device class {kind}"


def _unit(config: dict[str, Any], units: dict[Any, set[Any]]) -> Iterator[str]:
    kind, unit = config.get("device_class"), config.get("unit_of_measurement")
    if kind in units and unit not in units[kind]:
        yield f"unit {unit} does not go with device class {kind}"


async def main() -> None:
    """Judge what stands on standard input."""
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    with tempfile.TemporaryDirectory() as folder:
        # It is not started; templates want to know of one.
        hass = HomeAssistant(folder)
        frame.async_setup(hass)
        for line in sys.stdin:
            message = json.loads(line)
            for verdict in judge(message, warnings):
                print(json.dumps({"device": message["device"], **verdict}))
        await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main())
