"""Properties of the datatype color: `r,g,b` and `h,s,v`, with the name of the form before them in Homie 5."""

import colorsys
from typing import Any

from device_plugins.mqtt.conventions.homie.property import Property
from device_plugins.mqtt.conventions.parts import Parts
from device_plugins.mqtt.conventions.taking import as_number, measured
from device_plugins.mqtt.description import NOTHING, Message, Take

_RGB, _HSV, _XYZ = "rgb", "hsv", "xyz"
_PARTS = 3
_CAPABILITIES = ("color_hue", "color_saturation", "level")


def add(parts: Parts, prop: Property, put: str) -> None:
    """Add hue, saturation and, where nothing else dims it, brightness; or its place in CIE 1931."""
    forms = [one.strip() for one in prop.format.split(",")]
    form = next((one for one in forms if one in {_RGB, _HSV, _XYZ}), _RGB)
    commands = ("set",) if prop.settable else ()
    dimmed = any(key.partition(".")[0] == "level" for key in parts.features)
    if form == _XYZ:
        key = parts.add("color_xy", "", prop.node, writable=prop.settable, commands=commands)
        parts.reading(key, prop.topic, _place, "text")
        if prop.settable:
            parts.action(key, "set", lambda said, _: (Message(put, f"xyz,{_joined(said['value'])}".encode()),))
        return
    keys = [
        parts.add(capability, "", prop.node, writable=prop.settable, commands=commands)
        for capability in (_CAPABILITIES[:-1] if dimmed else _CAPABILITIES)
    ]
    for place, key in enumerate(keys):
        parts.reading(key, prop.topic, _part(form, place), "text")
        if prop.settable:
            parts.action(key, "set", _Setting(keys, place, form, put, named=prop.version >= 5))  # noqa: PLR2004


class _Setting:
    """Sets one part of a colour, and leaves the others as they are."""

    def __init__(self, keys: list[str], place: int, form: str, put: str, *, named: bool) -> None:
        self._keys, self._place, self._form, self._put, self._named = keys, place, form, put, named

    def __call__(self, said: dict[str, Any], values: dict[str, Any]) -> tuple[Message, ...]:
        """The whole colour, with what is asked in its place."""
        known = [values.get(key) for key in self._keys]
        colour = [0 if known[0] is None else known[0], *(100 if one is None else one for one in known[1:])]
        colour[self._place] = said["value"]
        hue, saturation, value = (*colour, 100)[:_PARTS]
        if self._form == _RGB:
            shown = [round(one * 255) for one in colorsys.hsv_to_rgb(hue / 360, saturation / 100, value / 100)]
        else:
            shown = [round(hue), round(saturation), round(value)]
        return (Message(self._put, ((f"{self._form}," if self._named else "") + _joined(shown)).encode()),)


def _joined(numbers: list[float] | list[int]) -> str:
    return ",".join(f"{one:.6g}" for one in numbers)


def _part(usual: str, place: int) -> Take:
    """Hue, saturation or brightness, whichever form it is told in."""
    fits = measured(_CAPABILITIES[place])

    def take(raw: str) -> Any:  # noqa: ANN401 - a number or NOTHING
        form, _, rest = raw.partition(",")
        if form == _XYZ:
            return NOTHING
        one, two, three = (as_number(part) for part in (rest if form in {_RGB, _HSV} else raw).split(","))
        if (form if form in {_RGB, _HSV} else usual) == _HSV:
            return fits((one, two, three)[place])
        if not all(0 <= part <= 255 for part in (one, two, three)):  # noqa: PLR2004 - a byte
            raise ValueError(f"{raw:.40} is no colour")
        hue, saturation, value = colorsys.rgb_to_hsv(one / 255, two / 255, three / 255)
        return (round(hue * 360, 1), round(saturation * 100, 1), round(value * 100, 1))[place]

    return take


def _place(raw: str) -> Any:  # noqa: ANN401 - a pair or NOTHING
    form, _, rest = raw.partition(",")
    if form != _XYZ:
        return NOTHING
    fits = measured("color_xy")
    first, second, *_ = rest.split(",")
    return [fits(first), fits(second)]
