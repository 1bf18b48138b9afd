"""The specific types of exposes: light, switch, cover, lock, fan and climate."""

from typing import Any

from device_plugins.mqtt.conventions.parsing import records, word
from device_plugins.mqtt.conventions.parts import ON_OFF
from device_plugins.mqtt.conventions.taking import MIREDS, as_it_is, at, kelvin, meaning, measured, share
from device_plugins.mqtt.conventions.zigbee2mqtt import generic
from device_plugins.mqtt.conventions.zigbee2mqtt.site import Exposed, Site, exposed
from device_plugins.mqtt.description import NOTHING

_FULL = 254
_ALL_BRIGHT = 100


type _Features = dict[str, Exposed]
type _Raw = dict[str, dict[str, Any]]


def add(site: Site, raw: dict[str, Any]) -> None:
    """Add what a specific expose tells of; what its type does not know of is taken as any other expose."""
    parts: _Raw = {word(one.get("name"), 64): one for one in records(raw.get("features"))}
    found = {name: exposed(one, endpoint=raw.get("endpoint")) for name, one in parts.items()}
    features = {name: one for name, one in found.items() if one is not None}
    adder = _ADDERS.get(raw["type"])
    done = adder(site, features) if adder is not None else ()
    for name, one in parts.items():
        if name not in done:
            generic.add(site, one)


def _power(site: Site, prop: Exposed) -> None:
    on, off, over = prop.on, prop.off, prop.toggle
    if on is None or off is None:
        return
    key = site.parts.add("on_off", "", prop.endpoint, writable=prop.writable, commands=ON_OFF if prop.writable else ())
    site.read(key, prop, meaning({on: True, off: False}))
    if not prop.writable:
        return
    site.write(key, prop, "set", lambda said: on if said["value"] else off)
    site.write(key, prop, "on", lambda _: on)
    site.write(key, prop, "off", lambda _: off)
    if over is not None:
        site.write(key, prop, "toggle", lambda _: over)
    else:
        site.decide(key, "toggle", lambda values: prop.put(off if values.get(key) is True else on))


def _switch(site: Site, features: _Features) -> tuple[str, ...]:
    if "state" in features:
        _power(site, features["state"])
    return ("state",)


def _light(site: Site, features: _Features) -> tuple[str, ...]:
    if "state" in features:
        _power(site, features["state"])
    if "brightness" in features:
        _brightness(site, features["brightness"])
    if "color_temp" in features:
        _temperature(site, features["color_temp"])
    colours = [name for name in ("color_xy", "color_hs") if name in features]
    if "color_xy" in features:
        _xy(site, features["color_xy"])
    if "color_hs" in features:
        _hue_saturation(site, features["color_hs"])
    if colours:
        modes = {"xy": "xy", "hs": "hs", "color_temp": "temperature"}
        key = site.parts.add("color_mode", "", features[colours[0]].endpoint)
        suffix = features[colours[0]].endpoint
        site.parts.reading(key, "", at(meaning(modes), f"color_mode_{suffix}" if suffix else "color_mode"))
    return ("state", "brightness", "color_temp", "color_xy", "color_hs")


def _gradually(arguments: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    seconds = arguments["transition"]
    return {**values, "transition": seconds} if seconds else values


def _brightness(site: Site, prop: Exposed) -> None:
    top = prop.high or _FULL
    key = site.parts.add("level", "", prop.endpoint, writable=True, commands=("set", "step", "stop"))
    site.read(key, prop, share(top))
    name = prop.path[-1]

    def level(arguments: dict[str, Any]) -> object:
        value = arguments["value"]
        return _gradually(arguments, prop.put(max(1, round(value * top / 100)) if value else 0))

    site.send(key, "set", level, confirmed=prop.readable)
    site.send(
        key, "step", lambda said: _gradually(said, {f"{name}_step": round(said["by"] * top / 100)}), confirmed=False
    )
    site.send(key, "stop", lambda _: {f"{name}_move": "stop"}, confirmed=False)


def _temperature(site: Site, prop: Exposed) -> None:
    low, high = prop.low, prop.high
    key = site.parts.add(
        "color_temperature",
        "",
        prop.endpoint,
        writable=True,
        minimum=round(MIREDS / high) if high and high > 0 else None,
        maximum=round(MIREDS / low) if low and low > 0 else None,
        commands=("set",),
    )
    site.read(key, prop, kelvin)
    site.send(
        key,
        "set",
        lambda said: _gradually(said, prop.put(round(MIREDS / said["value"]))),
        confirmed=prop.readable,
    )


def _xy(site: Site, prop: Exposed) -> None:
    key = site.parts.add("color_xy", "", prop.endpoint, writable=True, commands=("set",))
    convert, stands = measured("color_xy"), at(as_it_is, *prop.path)

    def take(data: Any) -> Any:  # noqa: ANN401 - JSON
        colour = stands(data)
        if not isinstance(colour, dict) or "x" not in colour or "y" not in colour:
            return NOTHING
        return [convert(colour["x"]), convert(colour["y"])]

    site.parts.reading(key, "", take)
    site.asked[prop.path[0]] = ""
    site.send(key, "set", lambda said: _gradually(said, prop.put({"x": said["value"][0], "y": said["value"][1]})))


def _hue_saturation(site: Site, prop: Exposed) -> None:
    for capability, name in (("color_hue", "hue"), ("color_saturation", "saturation")):
        key = site.parts.add(capability, "", prop.endpoint, writable=True, commands=("set",))
        site.parts.reading(key, "", at(measured(capability), *prop.path, name))
        site.send(
            key,
            "set",
            lambda said, name=name: _gradually(said, prop.put({name: said["value"]})),  # type: ignore[misc]
        )
    site.asked[prop.path[0]] = ""


def _cover(site: Site, features: _Features) -> tuple[str, ...]:
    state, position, tilt = (features.get(name) for name in ("state", "position", "tilt"))
    moves = ("open", "close", "stop") if state is not None else ()
    if state is not None or position is not None:
        place = position or state
        assert place is not None  # noqa: S101 - one of the two is there
        commands = ("set", *moves) if position is not None else moves
        key = site.parts.add("cover_position", "", place.endpoint, writable=True, commands=commands)
        ends = {"OPEN": _ALL_BRIGHT, "CLOSE": 0}
        site.read(key, place, measured("cover_position") if position is not None else meaning(ends))
        if position is not None:
            site.write(key, position, "set", lambda said: round(said["value"]))
        if state is not None:
            for move in moves:
                site.write(key, state, move, lambda _, move=move: move.upper())  # type: ignore[misc]
    if tilt is not None:
        key = site.parts.add("cover_tilt", "", tilt.endpoint, writable=True, commands=("set",))
        site.read(key, tilt, measured("cover_tilt"))
        site.write(key, tilt, "set", lambda said: round(said["value"]))
    return ("state", "position", "tilt")


def _lock(site: Site, features: _Features) -> tuple[str, ...]:
    state = features.get("state")
    if state is None:
        return ()
    if state.path[-1].partition("_")[0] != "state":
        # A child lock is exposed as a lock too; it is a setting.
        generic.binary(site, state._replace(name=state.path[-1]))
        return ("state",)
    key = site.parts.add("lock", "", state.endpoint, writable=True, commands=("lock", "unlock"))
    more = features.get("lock_state")
    if more is not None and more.readable:
        told = {one: one for one in ("locked", "unlocked", "not_fully_locked")}
        site.read(key, more, meaning(told))
    else:
        site.read(key, state, meaning({"LOCK": "locked", "UNLOCK": "unlocked"}))
    site.write(key, state, "lock", lambda _: "LOCK")
    site.write(key, state, "unlock", lambda _: "UNLOCK")
    return ("state", "lock_state")


def pins(site: Site) -> None:
    """Let users of a lock have PINs; told by the composite `pin_code`."""
    lock = site.parts.features.get("lock")
    if lock is None:
        return
    site.parts.widen("lock", "set_pin", "clear_pin")

    def give(arguments: dict[str, Any]) -> object:
        user = {"user": arguments["user"], "user_type": "unrestricted", "user_enabled": True}
        return {"pin_code": {**user, "pin_code": arguments["pin"]}}

    site.send("lock", "set_pin", give, confirmed=False)
    site.send("lock", "clear_pin", lambda said: {"pin_code": {"user": said["user"], "pin_code": None}}, confirmed=False)


def _fan(site: Site, features: _Features) -> tuple[str, ...]:
    if "state" in features:
        _power(site, features["state"])
    if "mode" in features:
        mode = features["mode"]
        generic.enum(site, mode._replace(name="fan_mode"))
    if "speed" in features:
        speed = features["speed"]
        top = speed.high or _FULL
        key = site.parts.add("fan_speed", "", speed.endpoint, writable=True, commands=("set",))
        site.read(key, speed, share(top))
        site.write(key, speed, "set", lambda said: round(said["value"] * top / 100))
    return ("state", "mode", "speed")


_ADDERS = {
    "light": _light,
    "switch": _switch,
    "cover": _cover,
    "lock": _lock,
    "fan": _fan,
}
SPECIFIC = frozenset({*_ADDERS, "climate"})
