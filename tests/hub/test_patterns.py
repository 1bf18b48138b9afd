"""Type and subject patterns match what a naive reading of their rules says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.patterns import Matcher, PatternError, subject_matcher, type_matcher

PARTS = st.sampled_from(["a", "ab", "b", "a+", "é", "x-1"])
TYPES = st.lists(PARTS, min_size=1, max_size=6).map(".".join)
TYPE_PATTERNS = st.lists(PARTS | st.sampled_from(["*", "**", "**"]), min_size=1, max_size=6).map(".".join)
LEVELS = st.sampled_from(["a", "ab", "b", "", "a.b", "\n", "$x"])
SUBJECTS = st.lists(LEVELS, min_size=1, max_size=6).map("/".join)
SUBJECT_PATTERNS = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(LEVELS | st.just("+"), min_size=1, max_size=5),
    st.sampled_from([[], ["#"]]),
).filter(bool)


def matches(matcher: Matcher | None, text: str) -> bool:
    return matcher is None or matcher(text)


def type_fits(pattern: list[str], text: list[str]) -> bool:
    match pattern:
        case []:
            return not text
        case ["**", *rest]:
            return any(type_fits(rest, text[skipped:]) for skipped in range(len(text) + 1))
        case [first, *rest]:
            return bool(text) and first in {"*", text[0]} and type_fits(rest, text[1:])
    raise AssertionError(pattern)


def subject_fits(pattern: list[str], text: list[str]) -> bool:
    match pattern:
        case []:
            return not text
        case ["#"]:
            return True
        case [first, *rest]:
            return bool(text) and first in {"+", text[0]} and subject_fits(rest, text[1:])
    raise AssertionError(pattern)


@given(TYPE_PATTERNS, TYPES)
def test_type_patterns_mean_what_they_say(pattern: str, text: str) -> None:
    assert matches(type_matcher(pattern), text) == type_fits(pattern.split("."), text.split("."))


@given(SUBJECT_PATTERNS, SUBJECTS)
def test_subject_patterns_mean_what_they_say(pattern: str, text: str) -> None:
    assert matches(subject_matcher(pattern), text) == subject_fits(pattern.split("/"), text.split("/"))


@given(TYPES)
def test_a_plain_type_matches_itself_only(text: str) -> None:
    matcher = type_matcher(text)

    assert matches(matcher, text)
    assert not matches(matcher, text + ".a")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("devices.*", "devices.added", True),
        ("devices.*", "devices", False),
        ("devices.*", "devices.a.b", False),
        ("state.**", "state", True),
        ("**.pairing", "devices.pairing", True),
        ("**.foo.**.x", "foobar.foo.x", True),
        ("**.foo.**.x", "foobar.x", False),
        ("**.a.*.**.b", "a.b.b", True),
    ],
)
def test_types_by_example(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001
    assert matches(type_matcher(pattern), text) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("device/+/on_off", "device/lamp/on_off", True),
        ("device/+/on_off", "device/lamp/x/on_off", False),
        ("device/#", "device", True),
        ("device/#", "device/a/b", True),
        ("device/#", "devices/a", False),
        ("+/#", "a", True),
        ("device/lamp", "device/lamp", True),
    ],
)
def test_subjects_by_example(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001
    assert matches(subject_matcher(pattern), text) is expected


def test_patterns_for_everything_cost_nothing() -> None:
    assert type_matcher("**") is None
    assert subject_matcher("#") is None


def test_a_hostile_pattern_is_answered_at_once() -> None:
    matcher = type_matcher(".".join(["**", "a"] * 80))
    assert matcher is not None

    assert not matcher(".".join(["a"] * 200) + ".b")


@pytest.mark.parametrize(
    "pattern", ["", "a..b", ".a", "a.", "a b", "a*", "*.a b", "***", "a.**b", "x" * 513, "a\n", "\ud800"]
)
def test_malformed_type_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"event type|type pattern"):
        type_matcher(pattern)


@pytest.mark.parametrize("pattern", ["", "a/#/b", "#/a", "a+/b", "a/b#", "++", "x" * 513, "a/\udcff"])
def test_malformed_subject_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="subject pattern"):
        subject_matcher(pattern)
