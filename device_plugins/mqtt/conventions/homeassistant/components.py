"""Which function reads which component."""

from collections.abc import Callable

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant import climates, covers, machines, sensors, switches
from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.lights_basic import light
from device_plugins.mqtt.conventions.homeassistant.lights_json import light_json
from device_plugins.mqtt.conventions.homeassistant.lights_template import light_template
from device_plugins.mqtt.conventions.homeassistant.parts import Part

COMPONENTS: dict[str, Callable[[Config], list[Part]]] = {
    "alarm_control_panel": machines.alarm_control_panel,
    "binary_sensor": sensors.binary_sensor,
    "button": switches.button,
    "climate": climates.climate,
    "cover": covers.cover,
    "device_automation": sensors.device_automation,
    "device_tracker": sensors.device_tracker,
    "event": sensors.event,
    "fan": climates.fan,
    "humidifier": climates.humidifier,
    "lawn_mower": machines.lawn_mower,
    "lock": covers.lock,
    "number": switches.number,
    "scene": switches.scene,
    "select": switches.select,
    "sensor": sensors.sensor,
    "siren": switches.siren,
    "switch": switches.switch,
    "tag": sensors.tag,
    "text": switches.text,
    "update": switches.update,
    "vacuum": machines.vacuum,
    "valve": switches.valve,
    "water_heater": climates.water_heater,
}
UNMAPPED = frozenset({"camera", "date", "datetime", "image", "infrared", "notify", "time"})
"""Components that the vocabulary of devices has no words for."""

_LIGHTS = {"": light, "basic": light, "default": light, "json": light_json, "template": light_template}


def parts_of(config: Config) -> list[Part]:
    """The parts of a component; none of one that does not map.

    Raises MalformedError for one that is not known, or that is wrong.
    """
    if config.component in UNMAPPED:
        return []
    if config.component == "light":
        schema = config.text("schema")
        if schema not in _LIGHTS:
            raise MalformedError(f"it has the unknown schema {schema:.40}")
        return _LIGHTS[schema](config)
    read = COMPONENTS.get(config.component)
    if read is None:
        raise MalformedError(f"Home Assistant's discovery has no component {config.component:.40}")
    return read(config)
