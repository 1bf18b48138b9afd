"""What makes a noise or a light to be noticed: sirens, chimes, indicators."""

from collections.abc import Iterable

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found, amount, choice, fixed, toggle, write

_SILENT, _DEFAULT_TONE = 0, 255
_MULTILEVEL, _BINARY = 1, 2
_NODE_IDENTIFY = 0x50


def found(point: Endpoint) -> Iterable[Found]:
    """The sounders and indicators of an endpoint."""
    yield from _sounder(point)
    yield from _siren(point)
    if identify := point.get(c.INDICATOR, "identify"):
        # It blinks three times, whatever the duration: the command class has no other way that every device knows.
        yield Found("identify", "identify", point.number, (), {"identify": fixed(identify, value=True)})
    yield from _indicators(point)


def _sounder(point: Endpoint) -> Iterable[Found]:
    tone = point.get(c.SOUND_SWITCH, "toneId")
    if tone is None:
        return
    commands: dict[str, Encode] = {
        "set": lambda given, _: write(tone, _DEFAULT_TONE if given["value"] else _SILENT),
        "off": fixed(tone, _SILENT),
    }
    yield Found("siren", "siren", point.number, ((tone.id, d.known(d.flag)),), commands)
    if tone.states:
        yield choice(tone, "tone")
    if volume := point.get(c.SOUND_SWITCH, "defaultVolume"):
        yield amount(volume, "default_volume")
    if default := point.get(c.SOUND_SWITCH, "defaultToneId"):
        yield choice(default, "default_tone") if default.states else amount(default, "default_tone")


def _siren(point: Endpoint) -> Iterable[Found]:
    """A siren of the days before the sound switch is a binary switch by its device class."""
    current, target = point.get(c.BINARY_SWITCH, "currentValue"), point.get(c.BINARY_SWITCH, "targetValue")
    kind = (point.facts.generic, point.facts.specific)
    if current and target and kind == (c.SWITCH_BINARY_CLASS, c.SIREN_TYPE):
        commands: dict[str, Encode] = {
            "set": lambda given, _: write(target, bool(given["value"]), current.id),
            "off": fixed(target, value=False, confirms=current.id),
        }
        yield Found("siren", "siren", point.number, ((current.id, d.known(d.flag)),), commands)


def _indicators(point: Endpoint) -> Iterable[Found]:
    for value in point.of(c.INDICATOR):
        number, part = value.id.property, value.id.property_key
        if number == "value":
            yield amount(value, "indicator")
        elif isinstance(number, int) and number != _NODE_IDENTIFY and part == _BINARY:
            yield toggle(value, f"indicator_{number}")
        elif isinstance(number, int) and number != _NODE_IDENTIFY and part == _MULTILEVEL:
            yield amount(value, f"indicator_{number}_level")
