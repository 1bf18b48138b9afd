"""Features that are an entity each: switches, sensors, settings, buttons, events."""

from collections.abc import Callable

from device_plugins.mqtt.publishing.homeassistant.parts import Config, Parts
from device_plugins.mqtt.publishing.homeassistant.tables import EVENTS, FLAGS, NUMBERS, SENSORS, Flag, Sensor
from device_plugins.mqtt.publishing.records import span, unit, words
from device_plugins.sdk import VOCABULARY, Feature

_LARGEST = 1_000_000.0
_LONGEST = 255
_STEP = 0.01


def add_singles(parts: Parts) -> None:
    """An entity for each feature that has none yet."""
    for feature in parts.record.features:
        if feature.key not in parts.taken:
            _MAKERS[VOCABULARY[feature.capability].type](parts, feature)


def _truth(parts: Parts, feature: Feature) -> None:
    topic = parts.state(feature)
    if "set" in feature.commands:
        config = {"state_topic": topic, "command_topic": parts.set(feature)}
        config |= {"payload_on": "true", "payload_off": "false"}
        parts.add(feature, "switch", config, main=feature.capability == "on_off")
        return
    flag = FLAGS.get(feature.capability, Flag())
    on, off = ("false", "true") if flag.inverted else ("true", "false")
    config = {"state_topic": topic, "payload_on": on, "payload_off": off}
    parts.add(feature, "binary_sensor", config | _given(device_class=flag.device_class, entity_category=flag.category))


def _number(parts: Parts, feature: Feature) -> None:
    if "set" in feature.commands:
        low, high = span(feature)
        low, high = (-_LARGEST if low is None else low), (_LARGEST if high is None else high)
        config: Config = {
            "state_topic": parts.state(feature),
            "command_topic": parts.set(feature),
            "min": low,
            "max": high if high > low else low + 1,
            "step": _STEP,
            "mode": "box",
        }
        given = _given(unit_of_measurement=unit(feature), device_class=NUMBERS.get(feature.capability))
        parts.add(feature, "number", config | given)
        return
    kind = SENSORS.get(feature.capability, Sensor())
    if feature.capability in NUMBERS:
        kind = Sensor("temperature")
    told = _given(
        device_class=kind.device_class,
        state_class=kind.state_class,
        entity_category=kind.category,
        unit_of_measurement=unit(feature) if kind.unit is None else kind.unit,
    )
    parts.add(feature, "sensor", {"state_topic": parts.state(feature)} | told)


def _word(parts: Parts, feature: Feature) -> None:
    options = list(words(feature))
    if not options:
        _text(parts, feature)
    elif "set" in feature.commands:
        config = {"state_topic": parts.state(feature), "command_topic": parts.set(feature), "options": options}
        parts.add(feature, "select", config)
    else:
        config = {"state_topic": parts.state(feature), "device_class": "enum", "options": options}
        parts.add(feature, "sensor", config | _given(entity_category=_category(feature)))


def _text(parts: Parts, feature: Feature) -> None:
    if "set" in feature.commands:
        config = {"state_topic": parts.state(feature), "command_topic": parts.set(feature), "max": _LONGEST}
        parts.add(feature, "text", config)
    else:
        config = {"state_topic": parts.state(feature)}
        parts.add(feature, "sensor", config | _given(entity_category=_category(feature)))


def _pair(parts: Parts, feature: Feature) -> None:
    """A colour that no light has taken can be read."""
    parts.add(feature, "sensor", {"state_topic": parts.state(feature), "entity_category": "diagnostic"})


def _event(parts: Parts, feature: Feature) -> None:
    if (types := EVENTS.get(feature.capability)) is not None:
        config: Config = {"state_topic": parts.event(feature), "event_types": list(types)}
        if feature.capability == "button":
            config["device_class"] = "button"
        parts.add(feature, "event", config)
    elif (command := feature.capability) in feature.commands:
        config = {"command_topic": parts.command(feature), "payload_press": command}
        if command == "identify":
            config |= {"device_class": "identify", "entity_category": "diagnostic"}
        parts.add(feature, "button", config)


def _category(feature: Feature) -> str | None:
    return "diagnostic" if feature.capability in {"firmware", "enum", "text", "color_mode"} else None


def _given(**options: str | None) -> Config:
    return {name: value for name, value in options.items() if value}


_MAKERS: dict[str, Callable[[Parts, Feature], None]] = {
    "bool": _truth,
    "number": _number,
    "integer": _number,
    "enum": _word,
    "text": _text,
    "pair": _pair,
    "event": _event,
}
