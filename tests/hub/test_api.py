"""What a plugin author writes: marks that are noted, and nothing that pulls in an engine."""

import subprocess
import sys

import msgspec
import pytest

from hub import api
from hub.api import Event, EventError, Plugin, event, event_type, hearings, on, service, service_limits
from hub.clock import SystemClock
from hub.errors import ConfigError, HubError, ManifestError
from hub.patterns import PatternError
from hub.testing import running
from tests.harness import eventually


@event("bell.rung")
class Rung(msgspec.Struct, frozen=True):
    times: int


class Unmarked(msgspec.Struct, frozen=True):
    times: int


def test_marks_are_noted_and_leave_the_function_as_it_is() -> None:
    def hear(_event: Event) -> str:
        return "heard"

    marked = on("door.*", subject="front/#", priority=3)(on("gate.opened")(hear))

    assert marked is hear
    assert hearings(hear) == [("gate.opened", "#", {}), ("door.*", "front/#", {"priority": 3})]
    assert service_limits(hear) is None
    assert service(hear) is hear
    assert service_limits(hear) is not None
    assert hearings(print) == []


@pytest.mark.parametrize("pattern", [{"type": "a..b"}, {"type": "a", "subject": "#/a"}])
def test_a_malformed_mark_is_refused_where_it_stands(pattern: dict[str, str]) -> None:
    with pytest.raises(PatternError):
        on(**pattern)
    with pytest.raises(PatternError):
        event("a..b")


def test_an_event_struct_knows_its_type() -> None:
    assert event_type(Rung) == "bell.rung"
    with pytest.raises(EventError, match=r"Unmarked is not marked as an event; put @event\('\.\.\.'\) above the class"):
        event_type(Unmarked)


def test_everything_public_is_there_and_sorted() -> None:
    assert all(hasattr(api, name) for name in api.__all__)
    assert {*api.__all__} >= {"Plugin", "Context", "on", "service", "event", "HubError", "Event"}


def test_importing_the_contract_pulls_in_no_engine() -> None:
    code = "import sys, hub.api; print(*sorted(name for name in sys.modules if name.startswith('hub')))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {*said} <= {"hub", "hub.api", "hub.context", "hub.errors", "hub.patterns", "hub.stats", "hub.types"}


def test_errors_say_where() -> None:
    assert str(ConfigError("wrong", where="hub.toml:3")) == "hub.toml:3: wrong"
    assert str(ConfigError("wrong")) == "wrong"
    assert str(ManifestError("wrong", where="plugin.toml")) == "plugin.toml: wrong"
    assert issubclass(ManifestError, HubError)


async def test_a_plugin_with_nothing_to_do_starts_and_stops() -> None:
    class Idle(Plugin):
        pass

    async with running(Idle) as hub:
        assert hub.plugin("idle").ctx.plugin == "idle"


async def test_the_clock_of_the_machine() -> None:
    clock = SystemClock()
    fired: list[str] = []
    before = clock.monotonic()
    clock.call_later(0, lambda: fired.append("fired"))
    clock.call_later(0, lambda: fired.append("undone"))()
    await clock.sleep(0)
    await eventually(lambda: fired == ["fired"])

    assert clock.monotonic() >= before
    assert clock.now() > 1_700_000_000_000_000_000
