import msgspec
import pytest

from device_plugins.sdk import (
    VOCABULARY,
    Capability,
    Feature,
    InvalidValueError,
    UnsupportedError,
    capability,
    check_command,
    document,
)

WORDS = [
    "on_off",
    "level",
    "color_xy",
    "color_hue",
    "color_saturation",
    "color_temperature",
    "temperature",
    "humidity",
    "pressure",
    "illuminance",
    "occupancy",
    "contact",
    "vibration",
    "water_leak",
    "smoke",
    "co",
    "co2",
    "pm25",
    "voc",
    "battery",
    "power",
    "energy",
    "voltage",
    "current",
    "lock",
    "cover_position",
    "cover_tilt",
    "heating_setpoint",
    "thermostat_mode",
    "fan_mode",
    "fan_speed",
    "siren",
    "button",
    "rotary",
    "number",
    "enum",
    "switch",
    "firmware",
    "link_quality",
]
SAMPLES = {"bool": True, "number": 50, "integer": 5, "enum": "sample", "text": "sample", "pair": [0.3, 0.3]}


def test_the_vocabulary_holds_what_homes_have() -> None:
    assert set(WORDS) <= set(VOCABULARY)
    assert capability("on_off").matter == "OnOff"
    with pytest.raises(UnsupportedError, match="the vocabulary has no capability 'warp'"):
        capability("warp")


@pytest.mark.parametrize("kind", VOCABULARY.values(), ids=lambda kind: kind.name)
def test_every_word_is_whole(kind: Capability) -> None:
    assert kind.doc.endswith(".")
    assert kind.minimum is None or kind.maximum is None or kind.minimum < kind.maximum
    assert (kind.type == "event") == (kind.access in {"event", "write"})
    assert ("write" in kind.access) == bool(kind.commands)
    names = [command.name for command in kind.commands]
    assert len(names) == len(set(names))
    for command in kind.commands:
        assert command.doc.endswith(".")
        for argument in command.arguments:
            assert argument.required or argument.default is not None
            if argument.name == "value":
                assert (argument.type, argument.unit) == (kind.type, kind.unit)
                assert (argument.minimum, argument.maximum) == (kind.minimum, kind.maximum)


@pytest.mark.parametrize("kind", VOCABULARY.values(), ids=lambda kind: kind.name)
def test_every_command_accepts_its_own_defaults_and_a_fitting_value(kind: Capability) -> None:
    feature = Feature(kind.name, kind.name, commands=tuple(command.name for command in kind.commands))
    for command in kind.commands:
        given = {}
        for argument in command.arguments:
            fitting = (argument.values or kind.values or (SAMPLES[argument.type],))[0]
            if argument.type in {"number", "integer"} and argument.minimum is not None:
                fitting = argument.minimum
            given[argument.name] = fitting if argument.required else argument.default
        assert check_command(feature, command.name, given) == given
        with pytest.raises(InvalidValueError, match="not 'nonsense'"):
            check_command(feature, command.name, {**given, "nonsense": 1})


def test_the_page_names_every_word_and_command() -> None:
    page = document()
    for kind in VOCABULARY.values():
        assert f"| `{kind.name}` | {kind.type} | {kind.unit} |" in page
        for command in kind.commands:
            assert f"| `{kind.name}` | `{command.name}` |" in page
    assert "| `level` | number | % | 0 … 100 | read-write | `set`, `step`, `stop` |" in page
    assert "`transition`: number 0 … 6553.4 s, 0.0 if left out" in page
    modes = "`burglar`, `fire`, `emergency`, `police_panic`, `fire_panic`, `emergency_panic`"
    assert f"`mode`: enum {modes}, burglar if left out" in page
    columns = {line.count("|") for line in page.splitlines() if line.startswith("|")}
    assert columns == {8, 5}


def test_the_vocabulary_can_be_published_as_json() -> None:
    again = msgspec.json.decode(msgspec.json.encode(VOCABULARY), type=dict[str, Capability])
    assert again == VOCABULARY
