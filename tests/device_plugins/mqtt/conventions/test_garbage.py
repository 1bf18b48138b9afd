"""Garbage raises MalformedError alone, gives no value that the vocabulary does not allow, and does not pile up."""

import contextlib
import copy
import functools
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_plugins.mqtt.convention import Convention, Heard, MalformedError, Terms
from device_plugins.mqtt.conventions import make
from device_plugins.mqtt.conventions.parsing import DEVICES
from device_plugins.mqtt.description import NOTHING, Described
from device_plugins.sdk import Feature, check_device, check_value
from tests.device_plugins.mqtt.recordings import Recording, decoded, heard, payload, recorded, sources

NAMES = ("zigbee2mqtt", "tasmota", "shelly1", "shelly2", "homie4", "homie5")
RECORDINGS = recorded(*NAMES)
NONSENSE = (ValueError, TypeError, LookupError, OverflowError)
EVENTS = {"button", "rotary"}

words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["ON", "true", "+", "#", "a/b", "\0", "°C", "%", "mired", "state", "color", "1", "nan", "inf", "-1"]
    ),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False), words
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)


def topics(name: str) -> list[str]:
    """A topic for each filter of a convention."""
    return [one.replace("+", "a4cf12f45b2e") for one in make(name, Terms()).filters()]


def hear(convention: Convention, topic: str, raw: bytes) -> Heard:
    try:
        return heard(convention, topic, raw)
    except MalformedError as error:
        told = str(error)
    assert 0 < len(told) < 500
    return Heard()


@pytest.mark.parametrize("name", NAMES)
@given(raw=st.binary(max_size=200))
@settings(max_examples=20, deadline=None)
def test_bytes(name: str, raw: bytes) -> None:
    convention = make(name, Terms())
    for topic in topics(name):
        hear(convention, topic, raw)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_any_json(name: str, data: st.DataObject) -> None:
    convention = make(name, Terms())
    for topic in topics(name):
        said = data.draw(json_values)
        check(hear(convention, topic, msgspec.json.encode(said)))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from places(one, (*path, step))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:  # noqa: ANN401 - JSON
    if not path:
        return new
    made = copy.deepcopy(value)
    functools.reduce(lambda inner, step: inner[step], path[:-1], made)[path[-1]] = new
    return made


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_real_model_with_one_thing_wrong(data: st.DataObject) -> None:
    recording = data.draw(st.sampled_from(RECORDINGS), label="model")
    convention = make(recording.name.partition("/")[0], Terms())
    wrong = data.draw(st.integers(0, len(recording.hears) - 1), label="message")
    for number, (topic, said) in enumerate(recording.hears):
        told = said
        if number == wrong:
            path = data.draw(st.sampled_from(list(places(said))), label="place")
            told = replaced(said, path, data.draw(json_values, label="value"))
        raw = payload(told)
        for one in check(hear(convention, topic, raw)):
            take_anything(one, data)


def check(heard: Heard) -> tuple[Described, ...]:
    for one in heard.described:
        check_device(one.device)
        keys = {feature.key for feature in one.device.features}
        assert {use.key for use in sources(one)} | {action.key for action in one.actions} <= keys
        used = [use.topic for use in sources(one)] + [sign.topic for sign in one.presence.signs]
        for topic in [*used, *(message.topic for message in one.wake)]:
            assert 0 < len(topic) <= 1024
            assert not {"+", "#", "\0"} & set(topic)
    for message in heard.ask:
        assert not {"+", "#", "\0"} & set(message.topic)
    return heard.described


def take_anything(described: Described, data: st.DataObject) -> None:
    """Every reading takes anything: it gives nothing, a value that fits, or one of the errors for nonsense."""
    features = {one.key: one for one in described.device.features}
    said, plain = data.draw(json_values, label="says"), data.draw(words, label="says plainly")
    for one in sources(described):
        with contextlib.suppress(*NONSENSE):
            fits(features[one.key], one.take(said if one.encoding == "json" else plain))
    for sign in described.presence.signs:
        with contextlib.suppress(*NONSENSE):
            assert sign.take(plain) in {True, False, NOTHING}


def fits(feature: Feature, value: Any) -> None:  # noqa: ANN401 - the vocabulary's types
    if value is NOTHING or value is None or isinstance(value, msgspec.Struct):
        return
    assert feature.capability not in EVENTS
    # What a device says may lie beyond what it may be asked.
    check_value(msgspec.structs.replace(feature, minimum=None, maximum=None), value)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_a_real_model_says_with_one_thing_wrong(data: st.DataObject) -> None:
    recording, described = data.draw(st.sampled_from(KNOWN), label="model")
    topic, said, _ = data.draw(st.sampled_from(recording.says), label="message")
    path = data.draw(st.sampled_from(list(places(said))), label="place")
    raw = payload(replaced(said, path, data.draw(json_values, label="value")))
    features = {one.key: one for one in described.device.features}
    for one in sources(described):
        if one.topic == topic:
            with contextlib.suppress(*NONSENSE):
                fits(features[one.key], one.take(decoded(raw, one.encoding)))


def known(recording: Recording) -> Described:
    convention = make(recording.name.partition("/")[0], Terms())
    found = [one for topic, said in recording.hears for one in heard(convention, topic, payload(said)).described]
    return found[-1]


KNOWN = [(one, known(one)) for one in RECORDINGS if one.says]


def crowd(name: str, number: int) -> Iterator[tuple[str, Any]]:
    """A message or more of one device out of many."""
    mac = f"{number:012x}"
    match name:
        case "tasmota":
            config = {"t": mac, "ft": "%prefix%/%topic%/", "tp": ["c", "s", "t"]}
            yield f"tasmota/discovery/{mac}/config", config
            yield f"tasmota/discovery/{mac}/sensors", {"sn": {}}
        case "shelly1":
            yield "shellies/announce", {"id": f"shelly1-{mac}", "mac": mac, "model": "SHSW-1"}
        case "shelly2":
            yield "shellies/announce", {"id": f"shellyplus1-{mac}", "mac": mac, "gen": 2}
        case "homie4":
            yield f"homie/{mac}/$name", "x"
        case "homie5":
            yield f"homie/5/{mac}/$description", {"homie": "5.0", "nodes": {}}


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_crowd_of_devices_has_an_end(name: str) -> None:
    convention = make(name, Terms())
    for number in range(DEVICES):
        for topic, said in crowd(name, number):
            convention.heard(topic, payload(said))
    before = weight(convention)
    for number in range(DEVICES, DEVICES + 200):
        for topic, said in crowd(name, number):
            with pytest.raises(MalformedError, match="more than 2000"):
                convention.heard(topic, payload(said))
    assert weight(convention) == before
    # Those that were there before are still heard.
    for topic, said in crowd(name, 7):
        convention.heard(topic, payload(said))


def test_bridges_and_their_lists_have_an_end() -> None:
    convention = make("zigbee2mqtt", Terms())
    with pytest.raises(MalformedError, match="at most 2000"):
        convention.heard("zigbee2mqtt/bridge/devices", payload([{}] * (DEVICES + 1)))
    for number in range(16):
        convention.heard(f"z{number}/bridge/devices", b"[]")
    with pytest.raises(MalformedError, match="more than 16 bridges"):
        convention.heard("one-more/bridge/devices", b"[]")


def test_what_a_device_of_homie_4_tells_has_an_end() -> None:
    convention = make("homie4", Terms())
    for number in range(2048):
        convention.heard(f"homie/one/n{number}/p/$name", b"x")
    with pytest.raises(MalformedError, match="more than 2048 attributes"):
        convention.heard("homie/one/other/p/$name", b"x")
    with pytest.raises(MalformedError, match="longer than"):
        convention.heard("homie/one/$name", b"x" * 5000)


def weight(convention: Convention) -> int:
    """How much its tables hold."""
    return sum(len(one) for one in vars(convention).values() if isinstance(one, dict | set)) + sys.getsizeof(convention)
