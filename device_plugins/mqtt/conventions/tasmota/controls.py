"""Relays, shutters and the fan of a device of Tasmota."""

from typing import Any

from device_plugins.mqtt.conventions.parsing import listed, number, whole
from device_plugins.mqtt.conventions.parts import ON_OFF, says, writes
from device_plugins.mqtt.conventions.taking import as_number, at, meaning, measured
from device_plugins.mqtt.conventions.tasmota.setup import RELAY, SHUTTER, Setup, first
from device_plugins.mqtt.description import NOTHING

_WORDS = {"on": "ON", "off": "OFF", "toggle": "TOGGLE"}
_SPEEDS = ("off", "low", "medium", "high")
_INVERTED = 1
_SPAN = 2


def add(setup: Setup) -> None:
    """Add what the relays do, and the signal of the radio."""
    fan = whole(setup.raw.get("if")) == 1
    for index, kind in enumerate(setup.relays):
        if kind == RELAY and not (fan and index > 0):
            power(setup, index)
    if fan:
        _fan(setup)
    seen = -_SPAN
    number_of = 0
    for index, kind in enumerate(setup.relays):
        # A shutter has two relays.
        if kind == SHUTTER and index - seen >= _SPAN:
            seen, number_of = index, number_of + 1
            _shutter(setup, number_of)
    setup.reads(setup.parts.add("signal_strength"), at(measured("signal_strength"), "Wifi", "Signal"))


def power(setup: Setup, index: int) -> str:
    """The switch of a relay or a light."""
    names = setup.names("fn")
    label = names[index] if index < len(names) else ""
    count = sum(kind != 0 for kind in setup.relays)
    places = [f"POWER{index + 1}", "POWER"] if count == 1 else [f"POWER{index + 1}"]
    key = setup.parts.add("on_off", "", str(index + 1), writable=True, commands=ON_OFF, label=label)
    told = meaning(setup.states)
    setup.reads(key, first(told, *places))
    for place in places:
        # The answer in JSON may come on the same topic.
        setup.parts.reading(
            key, f"{setup.stat}/{place}", lambda raw: NOTHING if raw[:1] == "{" else told(raw.strip()), "text"
        )
    topic = setup.takes(f"POWER{index + 1}")
    setup.writes(key, "set", writes(topic, lambda said: "ON" if said["value"] else "OFF"))
    for command, payload in _WORDS.items():
        setup.writes(key, command, says(topic, payload))
    return key


def _fan(setup: Setup) -> None:
    key = setup.parts.add("fan_mode", writable=True, values=_SPEEDS, commands=("set",))
    setup.reads(key, at(lambda raw: _SPEEDS[_index(raw)], "FanSpeed"), "FanSpeed")
    setup.writes(key, "set", writes(setup.takes("FanSpeed"), lambda said: _SPEEDS.index(said["value"])))


def _index(raw: object) -> int:
    found = whole(raw)
    if found is None or found < 0:
        raise ValueError(f"{raw!r:.40} is no speed")
    return found


def _shutter(setup: Setup, place: int) -> None:
    name = f"Shutter{place}"
    options = listed(setup.raw.get("sho"))
    inverted = bool((whole(options[place - 1]) or 0) & _INVERTED) if place <= len(options) else False
    key = setup.parts.add("cover_position", "", str(place), writable=True, commands=("set", "open", "close", "stop"))
    fits = measured("cover_position")
    _moves(setup, key, at(lambda raw: fits(100 - as_number(raw) if inverted else raw), name, "Position"))
    topic = setup.takes(f"ShutterPosition{place}")
    setup.writes(key, "set", writes(topic, lambda said: round(100 - said["value"] if inverted else said["value"])))
    for command in ("open", "close", "stop"):
        setup.writes(key, command, says(setup.takes(f"Shutter{command.capitalize()}{place}"), ""))
    _tilt(setup, place, name)


def _tilt(setup: Setup, place: int, name: str) -> None:
    told = listed(setup.raw.get("sht"))
    span = [number(one) for one in listed(told[place - 1])[:_SPAN]] if place <= len(told) else []
    if len(span) < _SPAN or span[0] is None or span[1] is None or span[0] >= span[1]:
        return
    low, high = span[0], span[1]
    fits = measured("cover_tilt")
    key = setup.parts.add("cover_tilt", "", str(place), writable=True, commands=("set",))
    _moves(setup, key, at(lambda raw: fits(round((as_number(raw) - low) / (high - low) * 100)), name, "Tilt"))
    topic = setup.takes(f"ShutterTilt{place}")
    setup.writes(key, "set", writes(topic, lambda said: round(low + said["value"] * (high - low) / 100)))


def _moves(setup: Setup, key: str, take: Any) -> None:  # noqa: ANN401 - a Take
    setup.reads(key, take, "Shutter")
    setup.parts.reading(key, f"{setup.tele}/SENSOR", take)
    setup.parts.reading(key, f"{setup.stat}/STATUS10", at(take, "StatusSNS"))
