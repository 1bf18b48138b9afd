"""Relays, rollers, lights, meters and inputs of the first generation."""

from typing import Any

from device_plugins.mqtt.conventions.parts import ON_OFF, Parts, sends, writes
from device_plugins.mqtt.conventions.shelly1.models import Model
from device_plugins.mqtt.conventions.taking import (
    as_number,
    at,
    held,
    hue_and_saturation,
    meaning,
    measured,
    red_green_blue,
    times,
)
from device_plugins.mqtt.description import NOTHING, Message, Take
from device_plugins.sdk import ButtonPressed

_SWITCHED = meaning({"on": True, "off": False, "overpower": False})
_WATT_MINUTE = 1 / 60
_MOST_MS = 5000
_EVENTS = {"S": "single", "SS": "double", "SSS": "triple", "L": "hold", "SL": "single_hold", "LS": "hold_single"}


def add(parts: Parts, prefix: str, model: Model, mode: str) -> None:
    """Add what the model can switch, move and light, in the mode it is in."""
    if model.roller and mode == "roller":
        _roller(parts, prefix, metered=model.metered or model.shared)
    else:
        _relays(parts, prefix, model)
    if model.lamp:
        colored = model.lamp == "color" or (model.color and mode != "white")
        for index in range(1 if colored else model.lamps):
            _lamp(parts, prefix, f"{'color' if colored else model.lamp}/{index}", model)
    for index in range(model.inputs):
        _input(parts, index, model)


def _relays(parts: Parts, prefix: str, model: Model) -> None:
    for index in range(model.relays):
        switch(parts, prefix, f"relay/{index}", str(index))
        if model.metered:
            _meter(parts, f"relay/{index}", str(index))
    if model.shared:
        _meter(parts, "relay", "0")
    for index in range(model.emeters):
        _emeter(parts, f"emeter/{index}", str(index))


def switch(parts: Parts, prefix: str, topic: str, suffix: str) -> str:
    """A relay or a light that is on or off."""
    key = parts.add("on_off", "", suffix, writable=True, commands=ON_OFF)
    parts.reading(key, topic, _SWITCHED, "text")
    command = f"{prefix}/{topic}/command"
    parts.action(key, "set", writes(command, lambda said: "on" if said["value"] else "off"))
    for word in ("on", "off", "toggle"):
        parts.action(key, word, writes(command, lambda _, word=word: word))  # type: ignore[misc]
    return key


def _meter(parts: Parts, topic: str, suffix: str) -> None:
    parts.reading(parts.add("power", "", suffix), f"{topic}/power", measured("power"), "text")
    energy = parts.add("energy", "", suffix)
    parts.reading(energy, f"{topic}/energy", measured("energy", times(_WATT_MINUTE)), "text")


def _emeter(parts: Parts, topic: str, suffix: str) -> None:
    for capability, name, factor in (
        ("power", "power", 1),
        ("energy", "total", 1),
        ("energy_returned", "total_returned", 1),
        ("voltage", "voltage", 1),
        ("current", "current", 1),
        ("power_factor", "pf", 100),
    ):
        key = parts.add(capability, "", suffix)
        parts.reading(key, f"{topic}/{name}", measured(capability, times(factor)), "text")


def _roller(parts: Parts, prefix: str, *, metered: bool) -> None:
    key = parts.add("cover_position", writable=True, commands=("set", "open", "close", "stop"))
    fits = measured("cover_position")
    # -1: it has not been calibrated.
    parts.reading(key, "roller/0/pos", lambda raw: None if as_number(raw) < 0 else fits(raw), "text")
    command = f"{prefix}/roller/0/command"
    parts.action(key, "set", writes(f"{command}/pos", lambda said: round(said["value"])))
    for word in ("open", "close", "stop"):
        parts.action(key, word, writes(command, lambda _, word=word: word))  # type: ignore[misc]
    if metered:
        _meter(parts, "roller/0", "0")


def _lamp(parts: Parts, prefix: str, topic: str, model: Model) -> None:
    kind, _, suffix = topic.partition("/")
    switch(parts, prefix, topic, suffix)
    put = f"{prefix}/{topic}/set"
    names = ("gain", "brightness") if kind == "color" else ("brightness",)
    key = parts.add("level", "", suffix, writable=True, commands=("set",))
    parts.reading(key, f"{topic}/status", _brightness(names))

    def brightness(said: dict[str, Any]) -> object:
        return _gradually(said, dict.fromkeys(names, round(said["value"])))

    parts.action(key, "set", sends(put, brightness))
    if kind == "color":
        _colour(parts, topic, put)
    if model.whites is not None:
        low, high = model.whites
        key = parts.add("color_temperature", writable=True, commands=("set",), minimum=low, maximum=high)
        parts.reading(key, f"{topic}/status", at(lambda raw: held(as_number(raw)), "temp"))
        white = {"mode": "white"} if kind == "color" else {}
        parts.action(key, "set", sends(put, lambda said: _gradually(said, {**white, "temp": round(said["value"])})))
    if model.metered:
        _meter(parts, topic, suffix)


def _brightness(names: tuple[str, ...]) -> Take:
    """`gain` is that of colours, `brightness` that of white."""
    fits = measured("level")
    coloured, white = at(fits, names[0]), at(fits, names[-1])

    def take(data: Any) -> Any:  # noqa: ANN401 - JSON
        return (white if isinstance(data, dict) and data.get("mode") == "white" else coloured)(data)

    return take


def _colour(parts: Parts, topic: str, put: str) -> None:
    hue = parts.add("color_hue", writable=True, commands=("set",))
    saturation = parts.add("color_saturation", writable=True, commands=("set",))
    for place, key in enumerate((hue, saturation)):
        parts.reading(key, f"{topic}/status", _of_colour(place))

    def encode(place: int, said: dict[str, Any], values: dict[str, Any]) -> tuple[Message, ...]:
        known = [values.get(hue) or 0, 100 if values.get(saturation) is None else values[saturation]]
        known[place] = said["value"]
        red, green, blue = red_green_blue(*known)
        colour = {"mode": "color", "red": red, "green": green, "blue": blue}
        return tuple(sends(put, lambda said: _gradually(said, colour))(said, values))

    parts.action(hue, "set", lambda said, values: encode(0, said, values))
    parts.action(saturation, "set", lambda said, values: encode(1, said, values))


def _of_colour(place: int) -> Take:
    def take(data: Any) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(data, dict) or not {"red", "green", "blue"} <= data.keys() or data.get("mode") == "white":
            return NOTHING
        return hue_and_saturation(*(as_number(data[name]) for name in ("red", "green", "blue")))[place]

    return take


def _gradually(said: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    seconds = said.get("transition", 0)
    return {**values, "transition": min(round(seconds * 1000), _MOST_MS)} if seconds else values


def _input(parts: Parts, index: int, model: Model) -> None:
    if not model.sleeps:
        key = parts.add("switch", "input", str(index), label=f"input {index + 1}")
        parts.reading(key, f"input/{index}", meaning({"1": True, "0": False}), "text")
    if model.events:
        key = parts.add("button", "", str(index))
        parts.happening(key, f"input_event/{index}", _Presses(first=model.sleeps))


class _Presses:
    """Presses of an input: the device tells the last one again and again, with the number of presses so far."""

    def __init__(self, *, first: bool) -> None:
        self._count: object = None
        self._first = first

    def __call__(self, data: Any) -> Any:  # noqa: ANN401 - JSON
        """The press, if it is a new one; the first that is told is new only where `first` says so."""
        count = data["event_cnt"]
        before, self._count = self._count, count if isinstance(count, int) else None
        kind = _EVENTS.get(data["event"]) if isinstance(data["event"], str) else None
        if kind is None or count == before or (before is None and not self._first):
            return NOTHING
        return ButtonPressed(kind)
