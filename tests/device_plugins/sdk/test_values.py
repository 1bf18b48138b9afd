import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.sdk import (
    VOCABULARY,
    Device,
    Feature,
    InvalidValueError,
    UnsupportedError,
    check_command,
    check_device,
    check_value,
    feature_keys,
)

SIREN = Feature("siren", "siren", commands=("set", "sound", "off"))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(VOCABULARY)), ANYTHING)
def test_any_value_is_refused_in_a_sentence_or_comes_back_fitting(name: str, value: Any) -> None:  # noqa: ANN401
    kind, feature, refusal = VOCABULARY[name], Feature(name, name), ""
    try:
        checked = check_value(feature, value)
    except InvalidValueError as error:
        checked, refusal = None, str(error)
    if refusal:
        assert refusal.startswith((f"{name} must be ", f"{name} is an event"))
        assert len(refusal) < 300
        return
    msgspec.json.encode(checked)
    numbers = checked if isinstance(checked, list) else [checked]
    match kind.type:
        case "bool":
            assert checked is value
        case "number" | "pair":
            low, high = kind.minimum, kind.maximum
            assert all(math.isfinite(one) for one in numbers)
            assert all((low is None or one >= low) and (high is None or one <= high) for one in numbers)
        case "enum" | "text":
            assert checked == value
            assert not kind.values or checked in kind.values
        case _:
            raise AssertionError(f"{kind.type} accepted {value!r}")


@given(FINITE, FINITE, FINITE)
def test_a_feature_narrows_the_range(one: float, other: float, value: float) -> None:
    low, high = sorted((one, other))
    feature = Feature("number", "number", minimum=low, maximum=high, unit="min")
    fits = low <= value <= high and abs(value) <= 1e15
    if fits:
        assert check_value(feature, value) == value
    else:
        with pytest.raises(InvalidValueError, match=r"number must be a number from .* to .* min, not"):
            check_value(feature, value)


@pytest.mark.parametrize(
    ("feature", "value", "said"),
    [
        (Feature("on_off", "on_off"), 1, "on_off must be true or false, not 1"),
        (Feature("level", "level"), True, "level must be a number from 0 to 100 %, not True"),
        (Feature("level", "level"), math.nan, "level must be a number from 0 to 100 %, not nan"),
        (Feature("power", "power"), math.inf, "power must be a number W, not inf"),
        (Feature("pressure", "pressure"), -1, "pressure must be a number of at least 0 Pa, not -1"),
        (
            Feature("signal_strength", "signal_strength"),
            31,
            "signal_strength must be a number of at most 30 dBm, not 31",
        ),
        (
            Feature("fan_mode", "fan_mode", values=("low", "high")),
            "auto",
            "fan_mode must be one of low, high, not 'auto'",
        ),
        (Feature("enum", "enum"), "x" * 256, f"enum must be a text of at most 255 characters, not '{'x' * 59}"),
        (Feature("color_xy", "color_xy"), [0.3], "color_xy must be two numbers from 0 to 1, not [0.3]"),
        (Feature("color_xy", "color_xy"), [0.3, 2], "color_xy must be two numbers from 0 to 1, not [0.3, 2]"),
        (Feature("button", "button"), 1, "button is an event and has no value"),
    ],
)
def test_the_sentence_says_what_would_fit(feature: Feature, value: object, said: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_value(feature, value, "lamp-1")
    assert str(caught.value) == said
    assert caught.value.device == "lamp-1"


def test_a_whole_number_comes_back_whole() -> None:
    identify = Feature("identify", "identify", commands=("identify",))
    checked = check_command(identify, "identify", {"duration": 3.0})
    assert checked == {"duration": 3}
    assert isinstance(checked["duration"], int)
    with pytest.raises(
        InvalidValueError, match=r"identify duration must be a whole number from 0 to 65535 s, not 3\.5"
    ):
        check_command(identify, "identify", {"duration": 3.5})
    assert check_value(Feature("color_xy", "color_xy"), (0.1, 0.2)) == [0.1, 0.2]


@pytest.mark.parametrize(
    ("command", "arguments", "kind", "said"),
    [
        ("wail", {}, UnsupportedError, "siren has no command 'wail'; it has: set, sound, off"),
        ("off", {"value": 1}, InvalidValueError, "siren off takes no argument, not 'value'"),
        ("set", {"valu": True}, InvalidValueError, "siren set takes value, not 'valu'"),
        ("set", {}, InvalidValueError, "siren set needs the argument 'value'"),
        (
            "sound",
            {"mode": "disco"},
            InvalidValueError,
            (
                "siren mode must be one of burglar, fire, emergency, police_panic, fire_panic, emergency_panic, "
                "not 'disco'"
            ),
        ),
    ],
)
def test_a_command_that_does_not_fit_is_refused(
    command: str, arguments: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as caught:
        check_command(SIREN, command, arguments, "siren-1")
    assert str(caught.value) == said


def test_a_command_is_completed_with_defaults_and_does_not_change_what_was_given() -> None:
    given = {"duration": 5}
    assert check_command(SIREN, "sound", given) == {
        "duration": 5,
        "mode": "burglar",
        "level": "high",
        "strobe": True,
    }
    assert given == {"duration": 5}


def test_a_command_the_device_lacks_is_refused_though_the_vocabulary_has_it() -> None:
    lamp = Feature("on_off", "on_off", commands=("on", "off"))
    with pytest.raises(UnsupportedError, match="on_off has no command 'toggle'; it has: on, off"):
        check_command(lamp, "toggle", {})
    with pytest.raises(UnsupportedError, match="power has no command 'set'; it can only be read"):
        check_command(Feature("power", "power"), "set", {"value": 1})


def device(*features: Feature, id_: str = "lamp-1", model: str = "") -> Device:
    return Device(id_, "radio", model=model, features=features)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (device(id_="a/b"), "device id 'a/b' must be"),
        (device(id_="lamp 1"), "device id 'lamp 1' must be"),
        (device(id_="#"), "device id '#' must be"),
        (device(id_="x" * 129), "device id 'xxx"),
        (device(model="x" * 256), "lamp-1: model is longer than 255 characters"),
        (device(*(Feature(f"number.{n}", "number") for n in range(257))), "lamp-1 has more than 256 features"),
        (device(Feature("on_off", "on_off"), Feature("on_off", "on_off")), "lamp-1: feature key 'on_off' must be"),
        (device(Feature("on/off", "on_off")), "lamp-1: feature key 'on/off' must be"),
        (device(Feature("availability", "on_off")), "lamp-1: feature key 'availability' must be"),
        (device(Feature("on_off", "on_off", commands=("dance",))), "lamp-1: on_off has no command 'dance'"),
        (device(Feature("level", "level", maximum=254)), "lamp-1: level allows more than level does"),
        (device(Feature("level.2", "level", minimum=-1)), r"lamp-1: level\.2 allows more than level does"),
        (device(Feature("lock", "lock", values=("ajar",))), "lamp-1: lock allows more than lock does"),
        (device(Feature("warp", "warp")), "the vocabulary has no capability 'warp'"),
    ],
)
def test_a_device_outside_the_vocabulary_is_refused(wrong: Device, said: str) -> None:
    with pytest.raises((InvalidValueError, UnsupportedError), match=said):
        check_device(wrong)


def test_a_device_within_the_vocabulary_is_accepted() -> None:
    good = device(
        Feature("on_off", "on_off", commands=("set",)),
        Feature("on_off.2", "on_off", endpoint=2),
        Feature("level", "level", minimum=1, maximum=99),
        Feature("enum.speed", "enum", values=("slow", "fast")),
        id_="zigbee-00124b0000000001",
    )
    assert check_device(good) is good
    assert good.feature("on_off.2") == good.features[1]
    assert good.feature("on_off") == good.features[0]
    assert good.feature("enum") == good.features[3]
    assert good.feature("warp") is None


@given(st.lists(st.tuples(st.sampled_from(["on_off", "level", "power"]), st.integers(1, 240))))
def test_keys_are_unique_and_the_lowest_endpoint_has_the_bare_name(found: list[tuple[str, int]]) -> None:
    keys = feature_keys(found)
    assert set(keys) == set(found)
    assert len(set(keys.values())) == len(keys)
    for (name, endpoint), key in keys.items():
        lowest = min(other for kind, other in found if kind == name)
        assert key == (name if endpoint == lowest else f"{name}.{endpoint}")
    assert feature_keys(reversed(found)) == keys
