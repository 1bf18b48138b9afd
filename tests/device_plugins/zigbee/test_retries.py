"""Trying again: ever later, not for ever, and never twice at once."""

from device_plugins.zigbee.retries import Retries
from hub.testing import ManualClock


async def test_it_tries_ever_later_and_gives_up() -> None:
    clock = ManualClock()
    retries = Retries(clock)
    begun = clock.monotonic()
    at: list[float] = []

    def work() -> None:
        at.append(clock.monotonic() - begun)
        retries.again("a", work)

    assert retries.again("a", work)
    await clock.advance(24 * 3600)
    assert at == [30, 90, 210, 450, 930, 1890]
    assert not retries.again("a", work)
    retries.forget("a")
    assert retries.again("a", work)
    retries.close()


async def test_the_last_plan_holds_and_each_device_has_its_own() -> None:
    clock, done = ManualClock(), list[str]()
    retries = Retries(clock)
    retries.again("a", lambda: done.append("first"))
    retries.again("a", lambda: done.append("second"))
    retries.again("b", lambda: done.append("b"))
    retries.again("c", lambda: done.append("c"))
    retries.forget("c")
    await clock.advance(100.0)
    assert sorted(done) == ["b", "second"]
    retries.again("a", lambda: done.append("closed"))
    retries.close()
    await clock.advance(1000.0)
    assert "closed" not in done
