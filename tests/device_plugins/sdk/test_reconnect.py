"""Keeping a radio open, without any radio."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.sdk.reconnect import Backoff, LinkState, Reconnect, Ways
from hub.api import HubError
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle


class FakeRadio:
    def __init__(self) -> None:
        self.closed = 0
        self.close_fault: Exception | None = None
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.begun = 0

    async def close(self) -> None:
        self.begun += 1
        await self.may_close.wait()
        self.closed += 1
        if self.close_fault is not None:
            raise self.close_fault


class Stand:
    """A Reconnect whose radio opens or not as the test wants."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.opens: list[FakeRadio | str | Exception] = []
        self.refuses = ""
        self.up_fault: Exception | None = None
        self.downs: list[str] = []
        self.tries = 0
        ways = Ways(self.open, self.up, self.downs.append, FakeRadio.close)
        self.link = Reconnect("the radio", self.clock, Backoff(1.0, 60.0), ways, logging.getLogger("hub.test"))

    async def open(self) -> FakeRadio:
        self.tries += 1
        found = self.opens.pop(0) if self.opens else "no such file"
        if isinstance(found, str):
            raise HubError(found)
        if isinstance(found, Exception):
            raise found
        return found

    def state(self) -> LinkState:
        return self.link.state

    async def up(self, radio: FakeRadio) -> None:
        del radio
        if self.refuses:
            raise HubError(self.refuses)
        if self.up_fault is not None:
            raise self.up_fault


@given(first=st.floats(0.1, 10), most=st.floats(0.1, 600))
def test_waits_grow_and_stay_within_bounds(first: float, most: float) -> None:
    backoff = Backoff(first, most)
    waits = [backoff.wait() for _ in range(20)]
    assert all(0.79 * first <= wait <= max(first, most) for wait in waits)
    assert waits[-1] >= 0.79 * max(first, most)
    backoff.reset()
    assert backoff.wait() <= first


async def test_it_tries_ever_later_but_never_gives_up() -> None:
    stand, tasks = Stand(), TaskGroup("test")
    tasks.start("link", stand.link.run())
    await settle()
    assert stand.link.tried.is_set()
    await stand.clock.advance(3600)
    assert 60 <= stand.tries <= 85
    assert set(stand.downs) == {"no such file"}
    assert (stand.state(), stand.link.reason) == (LinkState.DOWN, "no such file")
    await tasks.cancel()


async def test_a_lost_radio_is_closed_and_opened_again() -> None:
    stand, tasks = Stand(), TaskGroup("test")
    first, second = FakeRadio(), FakeRadio()
    stand.opens = [first, second]
    tasks.start("link", stand.link.run())
    await settle()
    assert stand.state() is LinkState.UP
    stand.link.lost("pulled out")
    stand.link.lost("twice")
    await settle()
    assert stand.state() is LinkState.DOWN
    assert (first.closed, stand.downs) == (1, ["pulled out"])
    await stand.clock.advance(1.0)
    assert stand.state() is LinkState.UP
    await tasks.cancel()
    assert second.closed == 1
    assert stand.downs == ["pulled out"]


async def test_a_radio_that_cannot_be_used_is_closed() -> None:
    stand, tasks = Stand(), TaskGroup("test")
    radio = FakeRadio()
    stand.opens, stand.refuses = [radio], "no network"
    tasks.start("link", stand.link.run())
    await settle()
    assert radio.closed == 1
    assert stand.downs == ["no network"]
    await tasks.cancel()


async def test_waits_begin_anew_only_after_a_stable_time() -> None:
    stand, tasks = Stand(), TaskGroup("test")
    stand.opens = ["a", "b", "c", FakeRadio(), FakeRadio(), FakeRadio()]
    tasks.start("link", stand.link.run())
    await stand.clock.advance(1 + 2 + 4)
    assert stand.state() is LinkState.UP
    stand.link.lost("at once")
    await settle()
    await stand.clock.advance(5.0)
    assert stand.state() is LinkState.DOWN
    await stand.clock.advance(4.0)
    assert stand.state() is LinkState.UP
    await stand.clock.advance(60.0)
    stand.link.lost("after a while")
    await settle()
    await stand.clock.advance(1.0)
    assert stand.state() is LinkState.UP
    await tasks.cancel()


async def test_no_fault_of_a_library_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    stand, tasks = Stand(), TaskGroup("test")
    bad_to_close, bad_to_use, good = FakeRadio(), FakeRadio(), FakeRadio()
    bad_to_close.close_fault = KeyError("socket")
    stand.opens = [TypeError("of the library"), bad_to_close, bad_to_use, good]
    tasks.start("link", stand.link.run())
    await settle()
    assert stand.downs == ["an unexpected fault, see the log: TypeError: of the library"]
    assert stand.link.tried.is_set()
    await stand.clock.advance(1.0)
    stand.link.lost("pulled out")
    await settle()
    assert stand.downs[1:] == ["pulled out", "an unexpected fault, see the log: KeyError: 'socket'"]
    stand.up_fault = ValueError("of the roster")
    await stand.clock.advance(2.0)
    assert stand.downs[3:] == ["an unexpected fault, see the log: ValueError: of the roster"]
    assert bad_to_use.closed == 1
    stand.up_fault = None
    await stand.clock.advance(4.0)
    assert stand.state() is LinkState.UP
    assert caplog.text.count("Traceback") == 3
    await tasks.cancel()
    assert good.closed == 1


async def test_what_holds_it_tells_of_its_loss_as_well() -> None:
    stand, tasks = Stand(), TaskGroup("test")
    held: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stand.opens = [radio := FakeRadio()]

    async def hold(_radio: FakeRadio) -> str:
        return await held

    ways = Ways(stand.open, stand.up, stand.downs.append, FakeRadio.close, hold)
    link = Reconnect("the radio", stand.clock, Backoff(1.0, 60.0), ways, logging.getLogger("hub.test"))
    tasks.start("link", link.run())
    await settle()
    assert link.state is LinkState.UP
    held.set_result("it fell silent")
    await settle()
    assert (radio.closed, stand.downs) == (1, ["it fell silent"])
    await tasks.cancel()


@pytest.mark.parametrize("fault", [None, KeyError("socket")])
async def test_a_radio_that_is_being_closed_is_closed_to_the_end(fault: Exception | None) -> None:
    stand, tasks = Stand(), TaskGroup("test", lambda _name, _error: None)
    stand.opens = [radio := FakeRadio()]
    radio.may_close.clear()
    radio.close_fault = fault
    task = tasks.start("link", stand.link.run())
    await settle()
    stand.link.lost("pulled out")
    await settle()
    assert (radio.begun, radio.closed) == (1, 0)
    task.cancel()
    await settle()
    assert not task.done()
    radio.may_close.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (radio.begun, radio.closed) == (1, 1)


async def test_who_will_not_wait_for_a_radio_that_hangs_in_closing_need_not() -> None:
    stand, tasks = Stand(), TaskGroup("test")
    stand.opens = [radio := FakeRadio()]
    radio.may_close.clear()
    task = tasks.start("link", stand.link.run())
    await settle()
    task.cancel()
    await settle()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (radio.begun, radio.closed) == (1, 0)


async def test_a_radio_that_fails_to_close_keeps_nobody_running(caplog: pytest.LogCaptureFixture) -> None:
    stand, tasks = Stand(), TaskGroup("test")
    stand.opens = [radio := FakeRadio(), FakeRadio()]
    radio.close_fault = KeyError("socket")
    task = tasks.start("link", stand.link.run())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (radio.closed, stand.tries) == (1, 1)
    assert "KeyError: 'socket'" in caplog.text
