"""An event loop whose time is virtual and whose threads are none: what happens depends on the dice alone.

When nothing is ready the clock jumps to the next timer. Work that is given to a thread is done by the loop itself, a
random moment later, and its result comes another moment later; each thread does one piece of work after the other.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import Any, override

START = 1000.0
"""Seconds when time begins."""
_TICK = 1e-6
LATENCY = 0.004
"""Seconds that a thread's work takes at most, before and after what it does."""


class _Time(selectors.SelectSelector):
    """Lets time pass in place of waiting."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is left to happen, and somebody waits")
        self.now += max(timeout, 0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs on virtual seconds."""

    def __init__(self, dice: random.Random, begin: float) -> None:
        self._passing = _Time()
        self._passing.now = begin
        self._dice = dice
        self._free: dict[int, float] = {}  # when a thread has done what it was given
        super().__init__(self._passing)

    @override
    def time(self) -> float:
        return self._passing.now

    @override
    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        self.work(id(executor or future), partial(func, *args), future)
        return future

    def work[T](self, thread: int, function: Callable[[], T], future: asyncio.Future[T] | None) -> None:
        """Do it in its turn on this thread, and tell the future."""
        begin = max(self.time(), self._free.get(thread, 0.0)) + _TICK + self._dice.random() * LATENCY
        end = self._free[thread] = begin + _TICK + self._dice.random() * LATENCY
        self.call_at(begin, self._do, function, future, end)

    def _do[T](self, function: Callable[[], T], future: asyncio.Future[T] | None, end: float) -> None:
        try:
            tell: Callable[[], object] = partial(_settle, future, function())
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits
            tell = partial(_fail, future, error)
        self.call_at(end, tell)


def _settle[T](future: asyncio.Future[T] | None, result: T) -> None:
    if future is not None and not future.done():
        future.set_result(result)


def _fail[T](future: asyncio.Future[T] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)


@contextmanager
def virtual(dice: random.Random, begin: float = START) -> Iterator[VirtualLoop]:
    """A loop on virtual time that goes on at `begin`."""
    loop = VirtualLoop(dice, begin)
    try:
        yield loop
    finally:
        loop.close()
