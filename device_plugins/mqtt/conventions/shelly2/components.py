"""What each component of a device is, by the type in its name: `switch:0`, `cover:0`, `em:0`."""

from collections.abc import Callable, Mapping
from typing import Any

from device_plugins.mqtt.conventions.parsing import ENTITIES, record
from device_plugins.mqtt.conventions.parts import ON_OFF
from device_plugins.mqtt.conventions.shelly2.site import Site
from device_plugins.mqtt.conventions.taking import (
    Convert,
    as_number,
    at,
    held,
    hue_and_saturation,
    meaning,
    measured,
    red_green_blue,
    times,
)
from device_plugins.mqtt.description import NOTHING, Take

_BOOL = meaning({True: True, False: False})
_WHITES = (2700, 6500)
_TARGETS = (5, 35)
_PERCENT = times(100)

type _Add = Callable[[Site, str, int, dict[str, Any]], None]
type _Rows = tuple[tuple[str, Convert, tuple[str, ...]], ...]


def add(site: Site, status: dict[str, Any]) -> None:
    """Add every component that the status tells of; one of another type is passed over."""
    for component, told in sorted(status.items())[:ENTITIES]:
        kind, _, number = component.partition(":")
        adder = _ADDERS.get(kind)
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0  # noqa: PLR2004
        if adder is not None and isinstance(told, dict):
            adder(site, component, place, told)


def _measures(site: Site, component: str, number: int, told: dict[str, Any], rows: _Rows) -> None:
    for capability, convert, path in rows:
        if told.get(path[0]) is not None:
            key = site.parts.add(capability, "", str(number))
            site.read(key, component, convert, *path)


_ELECTRIC: _Rows = (
    ("power", measured("power"), ("apower",)),
    ("voltage", measured("voltage"), ("voltage",)),
    ("current", measured("current"), ("current",)),
    ("frequency", measured("frequency"), ("freq",)),
    ("power_factor", measured("power_factor", _PERCENT), ("pf",)),
    ("energy", measured("energy"), ("aenergy", "total")),
    ("energy_returned", measured("energy_returned"), ("ret_aenergy", "total")),
    ("device_temperature", measured("device_temperature"), ("temperature", "tC")),
)


def _electric(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
    _measures(site, component, number, told, _ELECTRIC)


def _on_off(site: Site, component: str, number: int, service: str) -> None:
    key = site.parts.add("on_off", "", str(number), writable=True, commands=ON_OFF)
    site.read(key, component, _BOOL, "output")
    site.call(key, "set", f"{service}.Set", lambda said: {"on": said["value"]}, number)
    site.call(key, "on", f"{service}.Set", lambda _: {"on": True}, number)
    site.call(key, "off", f"{service}.Set", lambda _: {"on": False}, number)
    site.call(key, "toggle", f"{service}.Toggle", lambda _: {}, number)


def _switch(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
    _on_off(site, component, number, "Switch")
    _electric(site, component, number, told)


def _cover(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
    moves = ("open", "close", "stop")
    # A cover that is not calibrated knows no position.
    placed = "current_pos" in told and told.get("pos_control") is not False
    commands = ("set", *moves) if placed else moves
    key = site.parts.add("cover_position", "", str(number), writable=True, commands=commands)
    if placed:
        site.read(key, component, measured("cover_position"), "current_pos")
        site.call(key, "set", "Cover.GoToPosition", lambda said: {"pos": round(said["value"])}, number)
    else:
        site.read(key, component, _ends, "state")
    for move in moves:
        site.call(key, move, f"Cover.{move.capitalize()}", lambda _: {}, number)
    if "slat_pos" in told:
        tilt = site.parts.add("cover_tilt", "", str(number), writable=True, commands=("set",))
        site.read(tilt, component, measured("cover_tilt"), "slat_pos")
        site.call(tilt, "set", "Cover.GoToPosition", lambda said: {"slat_pos": round(said["value"])}, number)
    _electric(site, component, number, told)


def _ends(raw: object) -> Any:  # noqa: ANN401 - a number or NOTHING
    return {"open": 100, "closed": 0}.get(raw, NOTHING) if isinstance(raw, str) else NOTHING


def _gradually(said: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    seconds = said.get("transition", 0)
    return {**values, "transition_duration": seconds} if seconds else values


def _lamp(service: str) -> _Add:
    def adder(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
        _on_off(site, component, number, service)
        key = site.parts.add("level", "", str(number), writable=True, commands=("set",))
        site.read(key, component, measured("level"), "brightness")
        site.call(
            key, "set", f"{service}.Set", lambda said: _gradually(said, {"brightness": round(said["value"])}), number
        )
        if "ct" in told or service == "CCT":
            _white(site, component, number, service)
        if "rgb" in told:
            _colour(site, component, number, service)
        _electric(site, component, number, told)

    return adder


def _white(site: Site, component: str, number: int, service: str) -> None:
    low, high = _WHITES
    key = site.parts.add(
        "color_temperature", "", str(number), writable=True, commands=("set",), minimum=low, maximum=high
    )
    site.read(key, component, lambda raw: held(as_number(raw)), "ct")
    site.call(key, "set", f"{service}.Set", lambda said: _gradually(said, {"ct": round(said["value"])}), number)


def _colour(site: Site, component: str, number: int, service: str) -> None:
    hue = site.parts.add("color_hue", "", str(number), writable=True, commands=("set",))
    saturation = site.parts.add("color_saturation", "", str(number), writable=True, commands=("set",))

    def make(place: int, said: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        known = [values.get(hue) or 0, 100 if values.get(saturation) is None else values[saturation]]
        known[place] = said["value"]
        return _gradually(said, {"rgb": red_green_blue(*known)})

    for place, key in enumerate((hue, saturation)):
        site.take(key, component, _of_colour(place))
        encode = site.encoded(
            f"{service}.Set",
            lambda said, values, place=place: make(place, said, values),  # type: ignore[misc]
            number,
        )
        site.parts.action(key, "set", encode)


def _of_colour(place: int) -> Take:
    def convert(raw: object) -> float:
        if not isinstance(raw, list):
            raise TypeError(f"{raw!r:.40} is no colour")
        red, green, blue = (as_number(part) for part in raw)
        return hue_and_saturation(red, green, blue)[place]

    return at(convert, "rgb")


def _input(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
    if "percent" in told:
        key = site.parts.add("number", "input", str(number), unit="%", label=f"input {number}")
        site.read(key, component, as_number, "percent")
    elif "counts" in told:
        key = site.parts.add("number", "count", str(number), label=f"count {number}")
        site.read(key, component, as_number, "counts", "total")
    elif told.get("state") is None:
        # A button has no state.
        site.presses(component, str(number))
    else:
        key = site.parts.add("switch", "input", str(number), label=f"input {number}")
        site.read(key, component, _BOOL, "state")


_PHASES = ("a", "b", "c", "n", "total")


def _three_phases(site: Site, component: str, _number: int, told: dict[str, Any]) -> None:
    rows = {
        "power": "act_power",
        "apparent_power": "aprt_power",
        "voltage": "voltage",
        "current": "current",
        "frequency": "freq",
        "power_factor": "pf",
    }
    for phase in _PHASES:
        for capability, name in rows.items():
            field = f"{phase}_{name}"
            if told.get(field) is not None:
                key = site.parts.add(capability, "", phase, label=f"phase {phase}")
                unit = _PERCENT if capability == "power_factor" else None
                site.read(key, component, measured(capability, unit), field)


def _three_phases_energy(site: Site, component: str, _number: int, told: dict[str, Any]) -> None:
    for phase in _PHASES:
        for capability, name in (("energy", "act"), ("energy_returned", "act_ret")):
            field = f"total_{name}" if phase == "total" else f"{phase}_total_{name}_energy"
            if told.get(field) is not None:
                key = site.parts.add(capability, "", phase, label=f"phase {phase}")
                site.read(key, component, measured(capability), field)


_SIMPLE: Mapping[str, _Rows] = {
    "em1": (
        ("power", measured("power"), ("act_power",)),
        ("apparent_power", measured("apparent_power"), ("aprt_power",)),
        ("voltage", measured("voltage"), ("voltage",)),
        ("current", measured("current"), ("current",)),
        ("frequency", measured("frequency"), ("freq",)),
        ("power_factor", measured("power_factor", _PERCENT), ("pf",)),
    ),
    "em1data": (
        ("energy", measured("energy"), ("total_act_energy",)),
        ("energy_returned", measured("energy_returned"), ("total_act_ret_energy",)),
    ),
    "temperature": (("temperature", measured("temperature"), ("tC",)),),
    "humidity": (("humidity", measured("humidity"), ("rh",)),),
    "illuminance": (("illuminance", measured("illuminance"), ("lux",)),),
    "voltmeter": (("voltage", measured("voltage"), ("voltage",)),),
    "smoke": (("smoke", _BOOL, ("alarm",)),),
    "flood": (("water_leak", _BOOL, ("alarm",)),),
    "wifi": (("signal_strength", measured("signal_strength"), ("rssi",)),),
    "presence": (("occupancy", meaning({0: False} | dict.fromkeys(range(1, 64), True)), ("num_objects",)),),
}


def _simple(rows: _Rows) -> _Add:
    return lambda site, component, number, told: _measures(site, component, number, told, rows)


def _battery(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
    battery = record(told.get("battery"))
    if "percent" in battery:
        site.read(site.parts.add("battery", "", str(number)), component, measured("battery"), "battery", "percent")
    if "V" in battery:
        key = site.parts.add("battery_voltage", "", str(number))
        site.read(key, component, measured("battery_voltage"), "battery", "V")


def _thermostat(site: Site, component: str, number: int, told: dict[str, Any]) -> None:
    low, high = _TARGETS
    key = site.parts.add(
        "heating_setpoint", "", str(number), writable=True, commands=("set",), minimum=low, maximum=high
    )
    site.read(key, component, measured("heating_setpoint"), "target_C")
    service = "Thermostat" if component.startswith("thermostat") else "Trv"
    method = f"{service}.SetConfig" if service == "Thermostat" else f"{service}.SetTarget"

    def target(said: dict[str, Any]) -> dict[str, Any]:
        wanted = {"target_C": said["value"]}
        return {"config": wanted} if service == "Thermostat" else wanted

    site.call(key, "set", method, target, number)
    if "current_C" in told:
        site.read(site.parts.add("temperature", "", str(number)), component, measured("temperature"), "current_C")
    if "pos" in told:
        site.read(site.parts.add("heating_demand", "", str(number)), component, measured("heating_demand"), "pos")
    if "output" in told:
        key = site.parts.add("thermostat_activity", "", str(number))
        site.read(key, component, meaning({True: "heating", False: "idle"}), "output")


def _system(site: Site, component: str, _number: int, told: dict[str, Any]) -> None:
    if "available_updates" in told:
        key = site.parts.add("update")
        site.read(key, component, lambda raw: bool(record(raw).get("stable")), "available_updates")


_ADDERS: Mapping[str, _Add] = {
    "cct": _lamp("CCT"),
    "cover": _cover,
    "devicepower": _battery,
    "em": _three_phases,
    "emdata": _three_phases_energy,
    "input": _input,
    "light": _lamp("Light"),
    "pm1": _electric,
    "rgb": _lamp("RGB"),
    "rgbw": _lamp("RGBW"),
    "switch": _switch,
    "sys": _system,
    "thermostat": _thermostat,
    "trv": _thermostat,
    **{kind: _simple(rows) for kind, rows in _SIMPLE.items()},
}
