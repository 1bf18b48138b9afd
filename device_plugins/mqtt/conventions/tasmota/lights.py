"""The lights of a device of Tasmota: one, a coloured and a white one, or one for each channel of PWM."""

from typing import Any

from device_plugins.mqtt.conventions.parsing import whole
from device_plugins.mqtt.conventions.parts import says
from device_plugins.mqtt.conventions.taking import MIREDS, as_number, at, kelvin, measured
from device_plugins.mqtt.conventions.tasmota import controls
from device_plugins.mqtt.conventions.tasmota.setup import LIGHT, Setup
from device_plugins.mqtt.description import NOTHING, Encode, Message

_WHITES, _RGB, _RGBW, _RGBCW = 2, 3, 4, 5
_CHANNELS_APART, _NARROW_WHITES = 68, 82
_MIREDS, _NARROW_MIREDS = (153, 500), (200, 380)
_WHITE = at(as_number, "White")
_HALF_SECONDS, _SLOWEST = 2, 40


def add(setup: Setup) -> None:
    """Add each light with what it can do."""
    places = [index for index, kind in enumerate(setup.relays) if kind == LIGHT]
    kind = whole(setup.raw.get("lt_st")) or 0
    linked = whole(setup.raw.get("lk")) == 1
    for nth, index in enumerate(places):
        controls.power(setup, index)
        if setup.option(_CHANNELS_APART):
            _level(setup, index, f"Channel{index + 1}", f"Channel{index + 1}")
        elif kind >= _RGBW and not linked:
            _level(setup, index, f"Dimmer{nth + 1}", f"Dimmer{nth + 1}")
            _colours(setup, _RGB if nth == 0 else (_WHITES if kind == _RGBCW else 0))
        else:
            _level(setup, index, "Dimmer3" if whole(setup.raw.get("ty")) == 1 else "Dimmer", "Dimmer")
            _colours(setup, kind)


def _level(setup: Setup, index: int, command: str, state: str) -> None:
    key = setup.parts.add("level", "", str(index + 1), writable=True, commands=("set",))
    setup.reads(key, at(measured("level"), state), command)
    setup.writes(key, "set", _fading(setup, command, lambda said: round(said["value"])))


def _colours(setup: Setup, kind: int) -> None:
    if kind >= _RGB:
        for place, capability in enumerate(("color_hue", "color_saturation")):
            key = setup.parts.add(capability, writable=True, commands=("set",))
            command = f"HSBColor{place + 1}"
            setup.reads(key, at(_part(place, capability), "HSBColor"), command, "HSBColor", "Color")
            setup.writes(key, "set", _fading(setup, command, lambda said: round(said["value"])))
    if kind in {_WHITES, _RGBCW}:
        low, high = _NARROW_MIREDS if setup.option(_NARROW_WHITES) else _MIREDS
        key = setup.parts.add(
            "color_temperature",
            writable=True,
            commands=("set",),
            minimum=round(MIREDS / high),
            maximum=round(MIREDS / low),
        )
        setup.reads(key, at(kelvin, "CT"), "CT")
        setup.writes(key, "set", _fading(setup, "CT", lambda said: round(MIREDS / said["value"])))
    if kind == _RGBCW:
        setup.reads(setup.parts.add("color_mode"), _mode, "CT", "HSBColor", "Color")
    if kind == _RGBW:
        key = setup.parts.add(
            "number", "white", label="white", minimum=0, maximum=100, unit="%", writable=True, commands=("set",)
        )
        setup.reads(key, at(as_number, "White"), "White")
        setup.sets(key, "White")


def _part(place: int, capability: str) -> Any:  # noqa: ANN401 - a Convert
    fits = measured(capability)

    def convert(raw: object) -> float:
        if not isinstance(raw, str):
            raise TypeError(f"{raw!r:.40} is no colour")
        value: float = fits(raw.split(",")[place])
        return value

    return convert


def _mode(data: Any) -> Any:  # noqa: ANN401 - JSON
    white = _WHITE(data)
    return white if white in {NOTHING, None} else "temperature" if white > 0 else "hs"


def _fading(setup: Setup, command: str, make: Any) -> Encode:  # noqa: ANN401 - from arguments to a number
    plain = setup.takes(command)

    def encode(arguments: dict[str, Any], values: dict[str, Any]) -> tuple[Message, ...]:
        seconds = arguments.get("transition", 0)
        if not seconds:
            return tuple(says(plain, str(make(arguments)))(arguments, values))
        speed = min(max(round(seconds * _HALF_SECONDS), 1), _SLOWEST)
        backlog = f"NoDelay;Fade2 1;NoDelay;Speed2 {speed};NoDelay;{command} {make(arguments)}"
        return tuple(says(setup.takes("Backlog"), backlog)(arguments, values))

    return encode
