"""Events in the log and as a stream."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, override

import pytest

from hub.testing import HubInMemory, running, settle
from plugins.debug.plugin import Debug


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "hub.debug"]


async def test_events_go_to_the_log_as_filtered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with running(Debug, config={"debug": {"type": "device.*", "subject": "lamp/+", "level": "warning"}}) as hub:
        hub.publish("device.button", "lamp/1", {"action": "single"})
        hub.publish("device.button", "chime/1")
        hub.publish("other.button", "lamp/1")
        hub.publish("device.odd", "lamp/2", object)
    assert told(caplog) == [
        ("WARNING", 'device.button lamp/1 from test: {"action":"single"}'),
        ("WARNING", "device.odd lamp/2 from test: \"<class 'object'>\""),
    ]


async def test_what_the_log_does_not_want_is_not_written_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")

    class Heavy:
        @override
        def __repr__(self) -> str:
            raise AssertionError("written out for nobody")

    async with running(Debug) as hub:
        hub.publish("device.odd", "lamp/2", Heavy())
        assert hub.errors == []
    assert told(caplog) == []


async def follow(hub: HubInMemory, **arguments: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    async with aclosing(hub.services.stream("debug.follow", **arguments)) as events:
        return [(event.subject, event.data) async for event in events]


async def test_whoever_follows_gets_so_many_of_the_events_asked_for() -> None:
    async with running(Debug) as hub:
        before = len(hub.core.bus.stats())
        found = hub.context("debug").tasks.start("follows", follow(hub, type="device.*", subject="lamp/#", count=2))
        await settle()
        for subject in ("lamp/1", "chime/1", "lamp/2", "lamp/3"):
            hub.publish("device.button", subject, subject.upper())
        assert await found == [("lamp/1", "LAMP/1"), ("lamp/2", "LAMP/2")]
        await settle()
        assert len(hub.core.bus.stats()) == before


async def next_of(events: AsyncIterator[Any]) -> Any:  # noqa: ANN401
    return await anext(events)


async def test_whoever_is_far_behind_misses_what_comes_then() -> None:
    async with running(Debug) as hub:
        events = hub.services.stream("debug.follow", type="device.*")
        first = hub.context("debug").tasks.start("follows", next_of(events))
        await settle()
        for number in range(1502):
            hub.publish("device.button", "lamp/1", number)
        found = [(await first).data] + [(await anext(events)).data for _ in range(999)]
        hub.publish("device.button", "lamp/1", "fresh")
        found.append((await anext(events)).data)
        assert found == [*range(1000), "fresh"]
        await events.aclose()
