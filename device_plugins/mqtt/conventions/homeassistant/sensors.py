"""What only tells: sensor, binary_sensor, device_tracker, event, tag and device_automation."""

from typing import Any

import msgspec
from msgspec import structs

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.configs import Config, word
from device_plugins.mqtt.conventions.homeassistant.jinja.values import text_of
from device_plugins.mqtt.conventions.homeassistant.parts import Part, Source, choices, numbers, part, source, texts
from device_plugins.mqtt.conventions.homeassistant.templates import ValueTemplate
from device_plugins.mqtt.description import NOTHING, Take
from device_plugins.mqtt.units import converter, known_unit
from device_plugins.sdk import ButtonPressed, Feature

_UNIT_LENGTH = 16
_BY_CLASS = {
    "apparent_power": "apparent_power",
    "atmospheric_pressure": "pressure",
    "battery": "battery",
    "carbon_dioxide": "co2",
    "carbon_monoxide": "co_concentration",
    "conductivity": "conductivity",
    "current": "current",
    "energy": "energy",
    "energy_storage": "energy",
    "frequency": "frequency",
    "gas": "volume",
    "humidity": "humidity",
    "illuminance": "illuminance",
    "moisture": "soil_moisture",
    "ph": "ph",
    "pm1": "pm1",
    "pm10": "pm10",
    "pm25": "pm25",
    "power": "power",
    "power_factor": "power_factor",
    "pressure": "pressure",
    "reactive_power": "reactive_power",
    "signal_strength": "signal_strength",
    "temperature": "temperature",
    "volatile_organic_compounds": "voc_density",
    "volatile_organic_compounds_parts": "voc",
    "voltage": "voltage",
    "volume": "volume",
    "volume_flow_rate": "flow",
    "water": "volume",
    "wind_speed": "wind_speed",
}
# Units that measure one thing only, for sensors that give no class.
_BY_UNIT = {
    "°C": "temperature",
    "°F": "temperature",
    "lx": "illuminance",
    "W": "power",
    "kW": "power",
    "kWh": "energy",
    "Wh": "energy",
    "V": "voltage",
    "A": "current",
    "hPa": "pressure",
    "mbar": "pressure",
    "dBm": "signal_strength",
    "lqi": "link_quality",
    "µS/cm": "conductivity",
    "VA": "apparent_power",
    "var": "reactive_power",
}
_BY_OBJECT = {"linkquality": "link_quality", "link_quality": "link_quality", "lqi": "link_quality"}
_DIAGNOSTIC = {"temperature": "device_temperature"}
# What it is when it is on, and whether the vocabulary means the opposite.
_FLAGS = {
    "battery": ("battery_low", False),
    "carbon_monoxide": ("co", False),
    "door": ("contact", True),
    "garage_door": ("contact", True),
    "gas": ("gas", False),
    "moisture": ("water_leak", False),
    "motion": ("occupancy", False),
    "moving": ("vibration", False),
    "occupancy": ("occupancy", False),
    "opening": ("contact", True),
    "presence": ("occupancy", False),
    "safety": ("alarm", False),
    "smoke": ("smoke", False),
    "tamper": ("tamper", False),
    "update": ("update", False),
    "vibration": ("vibration", False),
    "window": ("contact", True),
}
_ACTIONS = {
    "button_double_press": "double",
    "button_long_press": "hold",
    "button_long_release": "release",
    "button_quadruple_press": "quadruple",
    "button_quintuple_press": "quintuple",
    "button_short_press": "single",
    "button_short_release": "release",
    "button_triple_press": "triple",
}
_LONGEST_ACTION = 64


def sensor(config: Config) -> list[Part]:
    """A number, a word of a few, or a text."""
    topic, template = config.needed("state_topic"), config.value("value_template")
    silence = max(config.number("expire_after", 0.0), 0.0)
    return [_silent(_sensor(config, topic, template), silence)]


def _sensor(config: Config, topic: str, template: ValueTemplate) -> Part:
    unit, kind = config.text("unit_of_measurement"), config.text("device_class")
    name = _measured(config, kind, unit)
    if name:
        return part(config, name, source(topic, template, numbers(converter(name, unit))))
    own = word(config.object_id) or "value"
    if kind == "enum" or config.words("options"):
        words = config.words("options")
        take = choices({one: one for one in words}) if words else texts
        return part(config, "enum", source(topic, template, take), own=own, values=words)
    if unit or config.has("state_class"):
        return part(config, "number", source(topic, template, numbers()), own=own, unit=unit[:_UNIT_LENGTH])
    return part(config, "text", source(topic, template, texts), own=own)


def _measured(config: Config, kind: str, unit: str) -> str:
    own = word(config.object_id)
    name = _BY_CLASS.get(kind, "") or _BY_OBJECT.get(own, "") or ("" if kind else _BY_UNIT.get(unit, ""))
    if config.text("entity_category") == "diagnostic":
        name = _DIAGNOSTIC.get(name, name)
    # Those on a battery tell its voltage as a diagnostic one, in mV.
    if name == "voltage" and ("batt" in own or (unit == "mV" and config.text("entity_category") == "diagnostic")):
        name = "battery_voltage"
    if name == "energy" and any(part in own for part in ("return", "export", "feed_in")):
        name = "energy_returned"
    return name if name and known_unit(name, unit) else ""


def _silent(found: Part, silence: float) -> Part:
    return structs.replace(found, silence=silence) if silence else found


def binary_sensor(config: Config) -> list[Part]:
    """Something that is so or not; a door that is open is a contact that is not closed."""
    topic, template = config.needed("state_topic"), config.value("value_template")
    silence = max(config.number("expire_after", 0.0), 0.0)
    fades = max(config.number("off_delay", 0.0), 0.0)
    on, off = config.payload("payload_on", "ON"), config.payload("payload_off", "OFF")
    kind = config.text("device_class")
    if kind == "lock":
        take = choices({on: "unlocked", off: "locked"})
        return [_silent(part(config, "lock", source(topic, template, take)), silence)]
    name, opposite = _FLAGS.get(kind, ("switch", False))
    take = choices({on: not opposite, off: opposite})
    own = (word(config.object_id) or "value") if name == "switch" else ""
    found = part(config, name, source(topic, template, take, 0.0 if opposite else fades), own=own)
    return [_silent(found, silence)]


def device_tracker(config: Config) -> list[Part]:
    """Where something is: home, not_home, or the name of a zone."""
    topic, template = config.needed("state_topic"), config.value("value_template")
    known = {
        config.payload("payload_home", "home"): "home",
        config.payload("payload_not_home", "not_home"): "not_home",
        config.payload("payload_reset", "None"): None,
    }

    def take(raw: Any) -> Any:  # noqa: ANN401 - JSON's types
        text = texts(raw)
        return known.get(text, text)

    return [part(config, "text", source(topic, template, take), own="location")]


def event(config: Config) -> list[Part]:
    """Things that happen: payloads are objects with `event_type`."""
    topic, template = config.needed("state_topic"), config.value("value_template")
    kinds = config.words("event_types")

    def take(raw: Any) -> Any:  # noqa: ANN401
        told = _object(raw)
        kind = told.get("event_type") if isinstance(told, dict) else None
        if not isinstance(kind, str) or (kinds and kind not in kinds):
            return NOTHING
        return ButtonPressed(_ACTIONS.get(kind, kind)[:_LONGEST_ACTION])

    encoding = template.encoding
    if encoding == "text" and not config.has("value_template"):
        encoding = "json"
    return [_happening(config, topic, ValueTemplate(encoding, template.take), take)]


def _object(raw: Any) -> Any:  # noqa: ANN401
    if not isinstance(raw, str):
        return raw
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        raise ValueError("an event that is no JSON") from None


def tag(config: Config) -> list[Part]:
    """A reader of tags: a tag that was read is the event of a button named like it."""

    def take(raw: Any) -> Any:  # noqa: ANN401
        text = text_of(raw)[:_LONGEST_ACTION]
        return ButtonPressed("tag", text) if text and text != "None" else NOTHING

    return [_happening(config, config.needed("topic"), config.value("value_template"), take)]


def device_automation(config: Config) -> list[Part]:
    """A trigger: one way in which one button is used."""
    if config.text("automation_type") != "trigger":
        raise MalformedError("it is no trigger")
    topic, template = config.needed("topic"), config.value("value_template")
    kind, button = config.text("type")[:_LONGEST_ACTION], config.text("subtype")[:_LONGEST_ACTION]
    if not kind or not button:
        raise MalformedError("it has no type or no subtype")
    # Zigbee2MQTT and others write `action`, and say in the subtype what it was.
    pressed = ButtonPressed(button) if kind == "action" else ButtonPressed(_ACTIONS.get(kind, kind), button)
    wanted = config.payload("payload", "") if config.has("payload") else None

    def take(raw: Any) -> Any:  # noqa: ANN401
        return pressed if wanted is None or text_of(raw) == wanted else NOTHING

    return [_happening(config, topic, template, take)]


def _happening(config: Config, topic: str, template: ValueTemplate, take: Take) -> Part:
    own = template.take

    def run(payload: Any) -> Any:  # noqa: ANN401
        raw = own(payload)
        return raw if raw is NOTHING else take(raw)

    label = "" if config.component == "device_automation" else config.name
    feature = Feature("", "button", label=label)
    return Part("button", feature, happens=(Source(topic, run, template.encoding),))
