"""Topics, filters, payloads and presence: pure."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.mqtt.description import NOTHING, Presence, Sign, device_id
from device_plugins.mqtt.payloads import is_shallow
from device_plugins.mqtt.presence import Signs
from device_plugins.mqtt.topics import is_filter, is_topic, matcher
from device_plugins.sdk import Device, check_device


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("a/+/c", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a.c/+", "abc/d", False),
    ],
)
def test_filters_match_as_the_standard_says(pattern: str, topic: str, fits: bool) -> None:  # noqa: FBT001
    assert matcher(pattern)(topic) is fits


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\x00b", "a\nb", "x" * 1025])
def test_what_is_no_topic(topic: str) -> None:
    assert not is_topic(topic)


@pytest.mark.parametrize(
    ("text", "good"), [("a/+/b/#", True), ("a+", False), ("#/a", False), ("a#", False), ("", False)]
)
def test_what_is_a_filter(text: str, good: bool) -> None:  # noqa: FBT001
    assert is_filter(text) is good


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=60,
)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(JSON, st.integers(0, 6))
def test_nesting_is_told_from_the_bytes_alone(value: object, most: int) -> None:
    payload = json.dumps(value).encode()
    if depth(value) <= most:
        assert is_shallow(payload, most)
    elif payload.count(b"[") + payload.count(b"{") > most:
        assert not is_shallow(payload, most)


@pytest.mark.parametrize("payload", [b'"' * 200_000, b'"\\"' * 80_000, b"[" * 200_000, b"[]" * 100_000, b'["' * 90_000])
def test_hostile_nesting_takes_no_time(payload: bytes) -> None:
    is_shallow(payload)  # the test's own limit of time is what fails


@given(st.text(max_size=200))
def test_any_name_gives_an_id_that_the_registry_takes(own: str) -> None:
    made = device_id("homeassistant", own)
    check_device(Device(made, "mqtt"))
    if own and re.fullmatch(r"[A-Za-z0-9_.:-]{1,80}", own):
        assert made == f"mqtt.homeassistant.{own}"


def test_names_that_are_alike_give_different_ids() -> None:
    assert device_id("x", "a b") != device_id("x", "a/b")
    assert device_id("x", "") != device_id("x", "-")


def signs(mode: str, *optional: bool) -> Signs:
    found = tuple(Sign(f"s/{number}", bool, optional=one) for number, one in enumerate(optional))
    return Signs(msgspec.convert({"mode": mode}, Presence) if not found else Presence(found, mode))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "said", "verdict"),
    [
        ("latest", [None, None], None),
        ("latest", [True, False], False),
        ("all", [True, None], None),
        ("all", [None, False], False),
        ("all", [True, True], True),
        ("any", [False, None], None),
        ("any", [False, True], True),
        ("any", [False, False], False),
    ],
)
def test_signs_are_put_together(mode: str, said: list[bool | None], verdict: bool | None) -> None:  # noqa: FBT001
    found = signs(mode, False, False)
    for number, one in enumerate(said):
        if one is not None:
            found.say(number, one)
    assert found.verdict is verdict
    found.forget()
    assert found.verdict is None


def test_an_optional_sign_counts_once_it_has_spoken() -> None:
    found = signs("all", False, True)
    found.say(0, here=True)
    assert found.verdict is True
    found.say(1, here=False)
    assert found.verdict is False


def test_nothing_is_not_none() -> None:
    assert NOTHING is not None
