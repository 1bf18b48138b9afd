"""What one permission allows, and that no pattern gets more through than it covers."""

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.api import Event, Limits, NotPermittedError
from hub.hosts.audit import Bounds
from hub.hosts.parts import OwnEvents
from hub.hosts.permissions import (
    SUBJECTS,
    TYPES,
    Dialect,
    GuardedEvents,
    GuardedServices,
    GuardedState,
    Rule,
    covers,
)
from hub.manifest import Manifest, Permissions, load
from tests.harness.process import ROOT
from tests.hub.house import refuses


async def nothing() -> None:
    pass


def rule(key: str, patterns: list[str], dialect: Dialect = TYPES) -> Rule:
    permissions = msgspec.convert({key: patterns}, Permissions)
    about = Manifest(
        id="doorbell", version="1", api="1", entry="x:Y", folder=Path("/own/doorbell"), permissions=permissions
    )
    return Rule(about, Bounds(about, Path("/data")), key, dialect)


def test_decisions_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.hosts.permissions._REMEMBERED", 4)
    reads = rule("read", ["device/#"], SUBJECTS)

    for number in range(20):
        assert reads[f"device/{number}"] is True
        assert reads[f"room/{number}"] is False
        assert len(reads) <= 4


def test_a_name_with_quotes_is_quoted_as_toml_wants_it() -> None:
    name = 'ro"om/é'
    with pytest.raises(NotPermittedError) as caught:
        rule("read", [], SUBJECTS).check(name)

    assert "é" in str(caught.value)
    line = str(caught.value).partition("add ")[2].partition(" to read")[0]
    assert tomllib.loads(f"read = [{line}]") == {"read": [name]}


PARTS = st.sampled_from(["a", "b", "ab"])
TEXT_PARTS = st.lists(PARTS, min_size=1, max_size=5)
TYPE_PATTERNS = st.lists(PARTS | st.sampled_from(["*", "**"]), min_size=1, max_size=4).map(".".join)
SUBJECT_PATTERNS = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(PARTS | st.sampled_from(["+", "", "*"]), max_size=4),
    st.sampled_from([[], ["#"]]),
).filter(bool)


def matches(dialect: Dialect, pattern: str, text: str) -> bool:
    matcher = dialect.matcher(pattern)
    return matcher is None or matcher(text)


@given(TYPE_PATTERNS, TYPE_PATTERNS, TEXT_PARTS.map(".".join))
@example("a.*", "a.**", "a")
@example("*.**", "**", "a")
def test_a_covered_type_pattern_matches_nothing_else(allowed: str, wanted: str, text: str) -> None:
    if covers(allowed, wanted) and matches(TYPES, wanted, text):
        assert matches(TYPES, allowed, text)


@given(SUBJECT_PATTERNS, SUBJECT_PATTERNS, st.lists(PARTS | st.sampled_from(["", "*"]), min_size=1).map("/".join))
@example("a/+", "a/#", "a")
@example("+/#", "#", "")
def test_a_covered_subject_pattern_matches_nothing_else(allowed: str, wanted: str, text: str) -> None:
    if covers(allowed, wanted, SUBJECTS) and matches(SUBJECTS, wanted, text):
        assert matches(SUBJECTS, allowed, text)


@given(TYPE_PATTERNS, TYPE_PATTERNS)
def test_a_type_pattern_without_rest_is_covered_when_all_it_matches_is(allowed: str, wanted: str) -> None:
    if "**" in wanted:
        return
    fresh = wanted.replace("*", "zz")  # what no name in `allowed` can mean
    assert covers(allowed, wanted) == matches(TYPES, allowed, fresh)


@given(TYPE_PATTERNS, SUBJECT_PATTERNS)
def test_every_pattern_covers_itself_and_is_covered_by_everything(type_: str, subject: str) -> None:
    assert covers(type_, type_)
    assert covers("**", type_)
    assert covers(subject, subject, SUBJECTS)
    assert covers("#", subject, SUBJECTS)


@pytest.mark.parametrize(
    ("allowed", "wanted", "expected"),
    [
        ("device.*", "device.button", True),
        ("device.*", "device.**", False),
        ("device.*", "device.a.b", False),
        ("device.*", "device", False),
        ("device.**", "device", True),
        ("device.**", "device.*.b", True),
        ("**.b", "a.**.b", True),
        ("**.b", "a.**", False),
        ("a.**.b.**.c", "a.x.b.**.y.c", True),
        ("*", "**", False),
        ("a", "*", False),
    ],
)
def test_cover_by_example(allowed: str, wanted: str, expected: bool) -> None:  # noqa: FBT001
    assert covers(allowed, wanted) is expected


def test_all_small_patterns_agree_with_their_matchers() -> None:
    words = [".".join(parts) for size in (1, 2, 3) for parts in itertools.product("az", repeat=size)]
    patterns = [".".join(parts) for size in (1, 2) for parts in itertools.product(["a", "*", "**"], repeat=size)]
    for allowed, wanted in itertools.product(patterns, repeat=2):
        matched = [word for word in words if matches(TYPES, wanted, word)]
        if covers(allowed, wanted):
            assert all(matches(TYPES, allowed, word) for word in matched), (allowed, wanted)


class Bus:
    """A bus with a past, and services that stream: notes how it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        types = ("device.button", "door.opened", "state.changed", "state.changed")
        subjects = ("x", "x", "device/lamp", "secret/code")
        self.past = [Event(type_, subject, "hub", 1, 1, None) for type_, subject in zip(types, subjects, strict=True)]

    def publish(self, *given: object) -> None: ...
    def history(self, type: str, *, subject: str, after: int) -> list[Event]:  # noqa: A002
        self.asked.append((type, subject, after))
        return self.past

    def stream(self, name: str, /, *, timeout: float, **arguments: object) -> str:
        self.asked.append((name, timeout, arguments))
        return "items"

    def call(self, name: str, /, *, timeout: float, **arguments: object) -> None:
        self.asked.append((name, timeout, arguments))

    def register(self, name: str, _function: object, *, limits: Limits | None) -> None:
        self.asked.append((name, limits))

    def get(self, path: str, default: object) -> None:
        self.asked.append((path, default))

    def set(self, path: str, value: object, *, ttl: float | None) -> None:
        self.asked.append((path, value, ttl))

    def list(self) -> list[str]:
        return ["chime.play"]


def test_history_holds_only_what_may_be_heard_and_read() -> None:
    bus = Bus()
    events = GuardedEvents(
        cast("OwnEvents", bus), rule("publish", []), rule("hear", ["device.*"]), rule("read", ["device/#"], SUBJECTS)
    )

    assert [(one.type, one.subject) for one in events.history(after=7)] == [
        ("device.button", "x"),
        ("state.changed", "device/lamp"),
    ]
    assert len(events.history("state.changed", subject="a/#")) == 2
    assert bus.asked == [("**", "#", 7), ("state.changed", "a/#", 0)]
    with refuses("doorbell may not hear door.opened"):
        events.history("door.opened")


def test_a_stream_needs_the_permission_to_call_and_names_are_no_secret() -> None:
    bus = Bus()
    services = GuardedServices(cast("Any", bus), rule("call", ["logs.*"]), rule("offer", []))

    assert cast("str", services.stream("logs.follow", timeout=3, level="info")) == "items"
    assert bus.asked == [("logs.follow", 3, {"level": "info"})]
    with refuses('doorbell may not call debug.events; add "debug.events" to call'):
        services.stream("debug.events")
    assert cast("list[str]", services.list()) == ["chime.play"]


def test_what_is_allowed_is_handed_on_as_it_was_asked() -> None:
    bus = Bus()
    services = GuardedServices(cast("Any", bus), rule("call", ["chime.*"]), rule("offer", ["doorbell.*"]))
    state = GuardedState(cast("Any", bus), rule("read", ["#"], SUBJECTS), rule("write", ["#"], SUBJECTS))

    for work in (services.call("chime.play", timeout=3, tone="gong"), services.call("chime.stop")):
        assert work is None  # what the double gave
    services.register("doorbell.ring", nothing, limits=Limits(rate=2))
    state.get("lamp")
    state.get("lamp", 7)
    state.set("lamp", 1, ttl=5)
    state.set("lamp", 2)
    assert bus.asked == [
        ("chime.play", 3, {"tone": "gong"}),
        ("chime.stop", 10.0, {}),
        ("doorbell.ring", Limits(rate=2)),
        ("lamp", None),
        ("lamp", 7),
        ("lamp", 1, 5),
        ("lamp", 2, None),
    ]


def test_the_manifests_of_the_page_are_manifests(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "permissions.md").read_text()
    tables = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    whole = [one for one in tables if "entry =" in one]
    assert whole
    shown: set[str] = set()
    for number, text in enumerate(tables):
        folder = tmp_path / str(number)
        folder.mkdir()
        head = "" if text in whole else 'id = "doorbell"\nversion = "1.0"\napi = "1"\nentry = "doorbell.plugin:A"\n'
        (folder / "plugin.toml").write_text(head + text)
        permissions = load(folder, "user").permissions
        for key in ("publish", "hear", "call", "offer"):
            rule(key, getattr(permissions, key))
        for key in ("read", "write"):
            rule(key, getattr(permissions, key), SUBJECTS)
        shown |= {key for key in Permissions.__struct_fields__ if getattr(permissions, key)}
    assert shown == {*Permissions.__struct_fields__}
