"""One component of a device, as it was announced: its parts, its device and what says that it is there."""

import functools
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.components import parts_of
from device_plugins.mqtt.conventions.homeassistant.configs import Config, clean
from device_plugins.mqtt.conventions.homeassistant.jinja.values import text_of
from device_plugins.mqtt.conventions.homeassistant.parts import Part
from device_plugins.mqtt.conventions.homeassistant.templates import ValueTemplate
from device_plugins.mqtt.description import NOTHING, Presence, Sign

MOST_NAMES = 16
_MOST_SIGNS = 8
_KEPT = 4096
_MODES: tuple[Literal["all", "any", "latest"], ...] = ("all", "any", "latest")
_IEEE = re.compile(r"(?:^|[^0-9a-z]|0x)([0-9a-f]{16})$")
_MAC = re.compile(r"(?:^|[^0-9a-z])([0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){5})$")


_ABSENT = Presence()


class Owner(msgspec.Struct, frozen=True):
    """The device a component belongs to. `names` are all that it is known by, the first of them names it here."""

    names: tuple[str, ...]
    name: str = ""
    model: str = ""
    manufacturer: str = ""
    firmware: str = ""
    via: str = ""


class Entity(msgspec.Struct, frozen=True):
    """A component: `place` is its kind, its own name and its node; it is unique to it, and sorts it in its device."""

    place: tuple[str, str, str]
    owner: Owner
    parts: tuple[Part, ...]
    presence: Presence = _ABSENT


def entity(component: str, object_id: str, options: Mapping[str, Any], node: str = "") -> Entity:
    """What an announced component is.

    Raises MalformedError for one that is wrong.
    """
    config = Config(component, object_id, options)
    try:
        return Entity((component, object_id, node), owner(config, node), tuple(parts_of(config)), presence(config))
    except (ValueError, TypeError, LookupError, OverflowError) as exc:
        raise MalformedError(f"{component} {object_id:.80} makes no sense: {exc}") from exc
    except MalformedError as exc:
        raise MalformedError(f"{component} {object_id:.80}: {exc}") from exc


def owner(config: Config, node: str = "") -> Owner:
    """The device that a component names; without one it belongs to its node, or is a device of its own."""
    told = config.raw("device")
    if not isinstance(told, dict):
        return Owner((node,), node) if node else Owner((config.own_id,), config.name)
    names = [clean(one) for one in _listed(told.get("identifiers"))]
    names += [clean(one[1]) for one in _listed(told.get("connections")) if isinstance(one, list) and len(one) == 2]  # noqa: PLR2004 - a kind and an address
    names = [one for one in dict.fromkeys(names) if one]
    if not names:
        raise MalformedError("its device has neither identifiers nor connections")
    return _owner(
        tuple(names[:MOST_NAMES]),
        clean(told.get("name")),
        clean(told.get("model")) or clean(told.get("model_id")),
        clean(told.get("manufacturer")),
        clean(told.get("sw_version")),
        clean(told.get("via_device")),
    )


@functools.lru_cache(maxsize=_KEPT)
def _owner(names: tuple[str, ...], *fields: str) -> Owner:
    """The same for all components of a device."""
    return Owner(names, *fields)


def _listed(value: object) -> list[Any]:
    return value[:MOST_NAMES] if isinstance(value, list) else [value] if value else []


def identities(names: tuple[str, ...]) -> frozenset[str]:
    """The addresses among the names, as all conventions write them."""
    found = set()
    for name in names:
        text = name.lower()
        if hit := _IEEE.search(text):
            found.add(f"ieee:{hit[1]}")
        elif hit := _MAC.search(text):
            found.add("mac:" + hit[1].replace(":", "").replace("-", ""))
    return frozenset(found)


def presence(config: Config) -> Presence:
    """What says whether the device is there."""
    listed = config.raw("availability")
    asked = config.text("availability_mode", "latest")
    mode = next((one for one in _MODES if one == asked), None)
    if mode is None:
        raise MalformedError(f"it has the unknown availability_mode {asked:.40}")
    if isinstance(listed, list) and listed:
        signs = [_sign(Config(config.component, config.object_id, one)) for one in listed[:_MOST_SIGNS]]
        return _presence(tuple(signs), mode)
    if config.has("availability_topic"):
        return _presence((_sign(config, "availability_topic", "availability_template"),), "latest")
    return _ABSENT


@functools.lru_cache(maxsize=_KEPT)
def _presence(signs: tuple[Sign, ...], mode: Literal["all", "any", "latest"]) -> Presence:
    return Presence(signs, mode)


def _sign(config: Config, topic: str = "topic", template: str = "value_template") -> Sign:
    there, gone = config.payload("payload_available", "online"), config.payload("payload_not_available", "offline")
    return sign(config.needed(topic), config.value(template), there, gone)


@functools.lru_cache(maxsize=_KEPT)
def sign(topic: str, template: ValueTemplate, there: str, gone: str) -> Sign:
    """What tells whether the device is there; the same for all its components, that they can be told to be the same."""

    def take(payload: Any) -> Any:  # noqa: ANN401 - JSON's types
        raw = template.take(payload)
        text = "" if raw is NOTHING else text_of(raw)
        return True if text == there else False if text == gone else NOTHING

    return Sign(topic, take, template.encoding)
