"""The generic types of exposes: binary, numeric, enum, text, composite and list."""

from typing import Any

import msgspec

from device_plugins.mqtt.conventions.parsing import records, word, words
from device_plugins.mqtt.conventions.taking import as_number, at, meaning, measured, text, unit_of
from device_plugins.mqtt.conventions.zigbee2mqtt import events
from device_plugins.mqtt.conventions.zigbee2mqtt.site import Exposed, Site, exposed
from device_plugins.mqtt.conventions.zigbee2mqtt.tables import (
    BY_UNIT,
    COLOR_LOOP,
    EFFECTS,
    ENUMS,
    FLAGS,
    NUMBERS,
    SETPOINTS,
)
from device_plugins.sdk import InvalidValueError

_DEEPEST = 2
# Seconds that a siren sounds when it is not told how long.
_LONG = 180


def add(site: Site, raw: dict[str, Any], above: tuple[str, ...] = ()) -> None:
    """Add what a generic expose tells of; what names no property, or lies too deep, is left out."""
    prop = exposed(raw, above)
    kind = raw.get("type")
    if kind == "composite":
        _composite(site, raw, above)
    elif prop is None or prop.name.startswith("action_"):
        # What comes with an action is taken with it.
        return
    elif kind == "binary":
        binary(site, prop)
    elif kind == "numeric":
        numeric(site, prop)
    elif kind == "enum":
        enum(site, prop)
    elif kind == "text":
        _text(site, prop)
    elif kind == "list":
        _list(site, prop)


def _composite(site: Site, raw: dict[str, Any], above: tuple[str, ...]) -> None:
    if raw.get("name") == "warning":
        _warning(site, word(raw.get("property"), 64) or "warning", raw)
        return
    inner = word(raw.get("property"), 64)
    path = (*above, inner) if inner else above
    if len(path) <= _DEEPEST:
        for feature in records(raw.get("features")):
            add(site, feature, path)


def _warning(site: Site, prop: str, raw: dict[str, Any]) -> None:
    """The siren of the warning device cluster (IAS WD), as far as it lets itself be told how to sound."""
    parts = {word(one.get("name"), 32): one for one in records(raw.get("features"))}
    modes = [one for one in words(parts.get("mode", {}).get("values")) if one != "stop"] or ["burglar"]
    key = site.parts.add("siren", writable=True, commands=("set", "sound", "off"))

    def sound(arguments: dict[str, Any]) -> object:
        asked = {
            "mode": arguments["mode"] if arguments["mode"] in modes else modes[0],
            "level": arguments["level"],
            "strobe": arguments["strobe"],
            "duration": round(arguments["duration"]),
        }
        return {prop: {name: value for name, value in asked.items() if name in parts}}

    usual = {"mode": modes[0], "level": "high", "strobe": True, "duration": _LONG}
    site.send(key, "sound", sound, confirmed=False)
    site.send(key, "set", lambda said: sound(usual) if said["value"] else silence, confirmed=False)
    silence = {prop: {"mode": "stop"}}
    site.send(key, "off", lambda _: silence, confirmed=False)


def binary(site: Site, prop: Exposed) -> None:
    """Something that is so or not."""
    on, off = prop.on, prop.off
    if on is None or off is None:
        return
    capability = FLAGS.get(prop.name, "switch")
    if prop.writable:
        capability = "siren" if prop.name == "alarm" else "switch"
    commands = ("set",) if prop.writable else ()
    name = "_".join(prop.path) if capability == "switch" else ""
    key = site.parts.add(capability, name, prop.endpoint, writable=prop.writable, commands=commands, label=prop.label)
    site.read(key, prop, meaning({on: True, off: False}))
    if prop.writable:
        site.write(key, prop, "set", lambda said: on if said["value"] else off)


def numeric(site: Site, prop: Exposed) -> None:
    """A number: a measurement, a set point, or a setting."""
    capability = NUMBERS.get(prop.name, "")
    capability = BY_UNIT.get((capability, prop.unit), capability)
    unit = unit_of(capability, prop.unit) if capability else None
    if unit is None or (prop.writable and capability not in SETPOINTS):
        _setting(site, prop)
        return
    commands = ("set",) if prop.writable else ()
    low, high = (prop.low, prop.high) if prop.writable else (None, None)
    key = site.parts.add(
        capability, "", prop.endpoint, writable=prop.writable, minimum=low, maximum=high, commands=commands
    )
    site.read(key, prop, measured(capability, unit))
    if prop.writable:
        site.write(key, prop, "set", lambda said: said["value"])


def _setting(site: Site, prop: Exposed) -> None:
    low, high = prop.low, prop.high
    key = site.parts.add(
        "number",
        "_".join(prop.path),
        minimum=low,
        maximum=high,
        unit=prop.unit,
        writable=prop.writable,
        commands=("set",) if prop.writable else (),
        label=prop.label,
    )
    site.read(key, prop, as_number)
    if prop.writable:
        site.write(key, prop, "set", lambda said: said["value"])


def enum(site: Site, prop: Exposed) -> None:
    """One of a few words: a mode, a setting, something to press, or what a remote was made to do."""
    values = prop.words
    if prop.name == "action":
        _action(site, values)
    elif prop.name in ENUMS:
        _known(site, prop, values)
    elif prop.name == "effect" and not prop.readable:
        _effect(site, values)
    elif prop.writable and not prop.readable and len(values) == 1:
        _press(site, prop, values[0])
    elif values:
        commands = ("set",) if prop.writable else ()
        key = site.parts.add(
            "enum", "_".join(prop.path), writable=prop.writable, values=values, commands=commands, label=prop.label
        )
        site.read(key, prop, meaning({one: one for one in values}))
        if prop.writable:
            site.write(key, prop, "set", lambda said: said["value"])


def _action(site: Site, values: tuple[str, ...]) -> None:
    dial = events.has_dial(values)
    lock = site.parts.features.get("lock")
    if lock is not None:
        site.parts.happening("lock", "", events.operated)
        return
    if dial:
        site.parts.happening(site.parts.add("rotary"), "", events.turned)
    if not dial or any(not events.turns(value) for value in values):
        site.parts.happening(site.parts.add("button"), "", events.pressed)


def _known(site: Site, prop: Exposed, values: tuple[str, ...]) -> None:
    capability, table = ENUMS[prop.name]
    known = {value: table[value] for value in values if value in table}
    if not known or (capability == "lock" and "lock" in site.parts.features):
        return
    back = {mine: theirs for theirs, mine in known.items()}
    writable = prop.writable and capability != "lock"
    key = site.parts.add(
        capability, "", prop.endpoint, writable=writable, values=tuple(back), commands=("set",) if writable else ()
    )
    site.read(key, prop, meaning(known))
    if writable:
        site.write(key, prop, "set", lambda said: back[said["value"]])


def _effect(site: Site, values: tuple[str, ...]) -> None:
    shown = {mine: theirs for theirs, mine in EFFECTS.items() if theirs in values}
    if shown:
        key = site.parts.add("identify", writable=True, commands=("effect",))

        def effect(arguments: dict[str, Any]) -> object:
            if arguments["name"] not in shown:
                raise InvalidValueError(f"it has no effect {arguments['name']}; it has: {', '.join(shown)}")
            return {"effect": shown[arguments["name"]]}

        site.send(key, "effect", effect, confirmed=False)
    if "colorloop" in values:
        key = site.parts.add("light_effect", writable=True, commands=("set",))
        site.send(key, "set", lambda said: {"effect": COLOR_LOOP[said["value"]]}, confirmed=False)


def _press(site: Site, prop: Exposed, value: str) -> None:
    if prop.name == "identify":
        key = site.parts.add("identify", writable=True, commands=("identify",))
        site.write(key, prop, "identify", lambda _: value, confirmed=False)
        return
    key = site.parts.add("press", "_".join(prop.path), writable=True, commands=("press",), label=prop.label)
    site.write(key, prop, "press", lambda _: value, confirmed=False)


def _text(site: Site, prop: Exposed) -> None:
    commands = ("set",) if prop.writable else ()
    key = site.parts.add("text", "_".join(prop.path), writable=prop.writable, commands=commands, label=prop.label)
    site.read(key, prop, text)
    if prop.writable:
        site.write(key, prop, "set", lambda said: said["value"])


def _list(site: Site, prop: Exposed) -> None:
    """A list is shown, and set, as its JSON."""
    commands = ("set",) if prop.writable else ()
    key = site.parts.add("text", "_".join(prop.path), writable=prop.writable, commands=commands, label=prop.label)
    site.read(key, prop, text)

    def parsed(arguments: dict[str, Any]) -> object:
        try:
            return msgspec.json.decode(arguments["value"], type=list)
        except msgspec.DecodeError:
            raise InvalidValueError(f"{key} must be a list in JSON, such as [1, 2]") from None

    if prop.writable:
        site.write(key, prop, "set", parsed)


def update(site: Site) -> None:
    """Whether new firmware is there; every device that takes updates tells it without exposing it."""
    key = site.parts.add("update")
    states = {"available": True, "updating": True, "scheduled": True, "idle": False}
    site.parts.reading(key, "", at(meaning(states), "update", "state"))
