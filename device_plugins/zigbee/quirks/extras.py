"""What a quirk of the builder's shows beside the ZCL, as plain `Extra`s: zha's entities put into our words."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

from device_plugins.sdk import VOCABULARY
from device_plugins.zigbee.mapping import Extra

LOG = logging.getLogger("hub.zigbee")

_ENTRY = "_quirk_registry_entry"
_NAME_LIMIT, _LABEL_LIMIT = 60, 64
_NAME = re.compile(r"[^a-z0-9]+")
_CLIENT = 1

# zha's units: ours, and how many of ours one is.
_UNITS: dict[str, tuple[str, float]] = {
    "min": ("s", 60), "h": ("s", 3600), "d": ("s", 86_400), "ms": ("s", 0.001), "mA": ("A", 0.001),
    "mV": ("V", 0.001), "kW": ("W", 1000), "kWh": ("Wh", 1000), "hPa": ("Pa", 100), "kPa": ("Pa", 1000),
    "cm": ("m", 0.01), "mm": ("m", 0.001), "g": ("kg", 0.001), "L": ("m³", 0.001), "μg/m³": ("µg/m³", 1),
    "ft³": ("m³", 0.028_316_846_592), "L/min": ("m³/h", 0.06), "gal": ("m³", 0.003_785_411_784), "mbar": ("Pa", 100),
}  # fmt: skip
# zha's device classes of what is measured or noticed: our words, whose unit must be the one the quirk gives.
_WORDS = {
    "temperature": "temperature", "humidity": "humidity", "battery": "battery", "power": "power", "energy": "energy",
    "voltage": "voltage", "current": "current", "pressure": "pressure", "illuminance": "illuminance", "pm25": "pm25",
    "pm10": "pm10", "pm1": "pm1", "carbon_dioxide": "co2", "frequency": "frequency", "apparent_power": "apparent_power",
    "reactive_power": "reactive_power", "power_factor": "power_factor", "moisture": "soil_moisture",
    "signal_strength": "signal_strength", "volume_flow_rate": "flow", "water": "volume", "conductivity": "conductivity",
    "volatile_organic_compounds": "voc_density", "volatile_organic_compounds_parts": "voc",
}  # fmt: skip
_FLAGS = {
    "motion": "occupancy", "occupancy": "occupancy", "presence": "occupancy", "smoke": "smoke", "gas": "gas",
    "carbon_monoxide": "co", "moisture": "water_leak", "vibration": "vibration", "moving": "vibration",
    "tamper": "tamper", "battery": "battery_low",
}  # fmt: skip
_OPEN = {"door", "window", "opening", "garage_door"}


def extras_of(device: Any) -> tuple[Extra, ...]:  # noqa: ANN401 - zigpy's device
    """What the device's quirk shows besides; what cannot be put into words is left out with a line in the log."""
    return tuple(extra for extra, _ in _told(device))


def converters_of(device: Any) -> dict[tuple[int, str], Callable[[Any], Any]]:  # noqa: ANN401 - zigpy's device
    """What makes the values of `converted` extras, by endpoint and name."""
    return {(extra.endpoint, extra.name): one.attribute_converter for extra, one in _told(device) if extra.converted}


def quirk_of(device: Any) -> str:  # noqa: ANN401 - zigpy's device
    """The name of the device's quirk; empty if it has none."""
    entry = getattr(device, _ENTRY, None)
    return "" if entry is None else f"{entry.source.module}: {entry.source.label}"


def is_local(cluster: Any) -> bool:  # noqa: ANN401 - zigpy's cluster
    """Whether a quirk keeps the cluster by itself: what it does not know yet may come with the device's reports."""
    return hasattr(cluster, "_VALID_ATTRIBUTES")


def hidden_of(device: Any) -> tuple[tuple[int, int], ...]:  # noqa: ANN401 - zigpy's device
    """Endpoint and cluster of what the quirk says should not be shown."""
    definition = definition_of(device)
    hidden = getattr(definition, "disabled_default_entities", ())
    return tuple(
        (int(one.endpoint_id), int(one.cluster_id))
        for one in hidden
        if one.function is None and one.endpoint_id is not None and one.cluster_id is not None
        and one.unique_id_suffix is None
    )  # fmt: skip


def definition_of(device: Any) -> Any:  # noqa: ANN401 - zha's
    """What a builder's quirk says of the device; None without one."""
    return getattr(getattr(getattr(device, _ENTRY, None), "zha_device_factory", None), "quirk_definition", None)


def _told(device: Any) -> Iterator[tuple[Extra, Any]]:  # noqa: ANN401 - zigpy's device
    taken: set[tuple[int, str]] = set()
    for entity in getattr(definition_of(device), "entity_metadata", ()):
        try:
            extra = _extra(device, entity)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            LOG.info("A quirk's %s was left out: %s", getattr(entity, "fallback_name", "entity"), error)
            continue
        if extra is not None and (extra.endpoint, extra.name) not in taken:
            taken.add((extra.endpoint, extra.name))
            yield extra, entity


def _extra(device: Any, entity: Any) -> Extra | None:  # noqa: ANN401 - zha's
    name = getattr(entity, "attribute_name", None)
    if name is None:
        return None  # a button that sends a command of the manufacturer's own
    output = int(entity.cluster_type) == _CLIENT
    endpoint = device.endpoints[entity.endpoint_id]
    cluster = (endpoint.out_clusters if output else endpoint.in_clusters)[entity.cluster_id]
    common = {
        "endpoint": int(entity.endpoint_id),
        "cluster": int(entity.cluster_id),
        "attribute": int(cluster.find_attribute(name).id),
        "label": str(entity.fallback_name)[:_LABEL_LIMIT],
        "output": output,
        "report": None if output else _report(getattr(entity, "reporting_config", None)),
        "converted": getattr(entity, "attribute_converter", None) is not None,
    }
    own = _slug(entity.translation_key or name)
    if "pin_code" in own:
        return None  # a secret: states are shown to everybody, and recorded
    maker = _MAKERS.get(str(getattr(entity.entity_platform, "value", entity.entity_platform)))
    return None if maker is None else maker(entity, own, common)


def _report(told: Any) -> tuple[int, int, float] | None:  # noqa: ANN401 - zha's
    return None if told is None else (int(told.min_interval), int(told.max_interval), float(told.reportable_change))


def _slug(name: str) -> str:
    slug = _NAME.sub("_", name.lower()).strip("_")
    return (slug if slug[:1].isalpha() else f"value_{slug}")[:_NAME_LIMIT]


def _class(entity: Any) -> str:  # noqa: ANN401 - zha's
    found = getattr(entity, "device_class", None)
    return str(getattr(found, "value", found) or "")


def _words(enum: Any) -> tuple[tuple[int, str], ...]:  # noqa: ANN401 - an enum class
    return tuple((int(one.value), _slug(one.name)) for one in enum)


def _number(entity: Any, own: str, common: dict[str, Any]) -> Extra:  # noqa: ANN401 - zha's
    unit, times = _UNITS.get(str(entity.unit or ""), (str(entity.unit or ""), 1))
    low, high = (None if one is None else one * times for one in (entity.min, entity.max))
    factor = (entity.multiplier or 1) * times
    return Extra("number", own, factor=factor, unit=unit, low=low, high=high, writable=True, **common)


def _sensor(entity: Any, own: str, common: dict[str, Any]) -> Extra:  # noqa: ANN401 - zha's
    if getattr(entity, "enum", None) is not None:
        return Extra("enum", own, words=_words(entity.enum), **common)
    unit, times = _UNITS.get(str(entity.unit or ""), (str(entity.unit or ""), 1))
    # As with zha, a converter does all.
    factor = times if common["converted"] else (entity.multiplier or 1) / (entity.divisor or 1) * times
    word = VOCABULARY.get(_WORDS.get(_class(entity), ""))
    if word is not None and word.unit == unit:
        name = word.name if entity.translation_key is None else own
        return Extra(word.name, name, factor=factor, **common)
    return Extra("number" if unit or entity.state_class else "text", own, factor=factor, unit=unit, **common)


def _binary(entity: Any, own: str, common: dict[str, Any]) -> Extra:  # noqa: ANN401 - zha's
    kind = _class(entity)
    if kind in _OPEN:
        return Extra("contact", "contact" if entity.translation_key is None else own, inverted=True, factor=0, **common)
    word = _FLAGS.get(kind, "switch")
    name = word if word != "switch" and entity.translation_key is None else own
    return Extra(word, name, factor=0, **common)


def _switch(entity: Any, own: str, common: dict[str, Any]) -> Extra:  # noqa: ANN401 - zha's
    states: dict[str, Any] = {"on": int(entity.on_value), "off": int(entity.off_value)}
    return Extra("switch", own, inverted=bool(entity.force_inverted), writable=True, **states, **common)


def _select(entity: Any, own: str, common: dict[str, Any]) -> Extra:  # noqa: ANN401 - zha's
    return Extra("enum", own, words=_words(entity.enum), writable=True, **common)


def _button(entity: Any, own: str, common: dict[str, Any]) -> Extra:  # noqa: ANN401 - zha's
    return Extra("press", own, press=int(entity.attribute_value), **common)


_MAKERS = {
    "number": _number,
    "sensor": _sensor,
    "binary_sensor": _binary,
    "switch": _switch,
    "select": _select,
    "button": _button,
}
