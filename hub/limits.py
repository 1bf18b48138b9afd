"""What stands before a limited service: a circuit breaker, a token bucket, and a line for what may not run yet."""

import asyncio
from collections import deque
from collections.abc import Callable
from math import ceil, inf
from typing import NoReturn

import msgspec

from hub.errors import ServiceBusyError, ServiceError, ServiceUnavailableError, UnknownServiceError
from hub.types import Limits

LINE = 1000  # callers that may wait for one service


def check_limits(limits: Limits, service: str) -> bool:
    """Whether they limit anything.

    Raises ServiceError for numbers that make no sense.
    """
    values, wrong = msgspec.structs.asdict(limits), ""
    try:
        msgspec.convert(values, Limits)
        wrong = next((f"`{name}` cannot be {value}" for name, value in values.items() if not 0 <= value < inf), "")
    except msgspec.ValidationError as error:
        wrong = str(error)
    for name, needed in (("burst", "rate"), ("failures", "pause")):
        if not wrong and values[name] and not values[needed]:
            wrong = f"`{name}` needs a `{needed}` above 0"
    if wrong:
        raise ServiceError(f"the limits of {service} make no sense: {wrong}", service=service)
    return bool(limits.rate or limits.concurrency or limits.failures)


class Gate:
    """Lets calls of one service through, or refuses them. `now` gives seconds that only grow.

    Who was let through tells whether the service `worked`, unless the call was cancelled, and must `leave`.
    """

    def __init__(self, service: str, limits: Limits, now: Callable[[], float]) -> None:
        self._service, self._limits, self._now = service, limits, now
        self._due = -inf  # the token bucket as one number: when it is full again
        self._free = limits.concurrency
        self._line: deque[asyncio.Future[None]] = deque()
        self._failures = 0  # since it last worked
        self._until = 0.0  # after so many failures nobody is let through before
        self._is_closed = False

    async def enter(self, deadline: float) -> None:
        """Wait until the call may run, at most until `deadline` (the loop's time).

        Raises ServiceBusyError, ServiceUnavailableError, or UnknownServiceError when the service goes meanwhile.
        """
        self._check_breaker()
        if self._limits.rate:
            self._take_token(1 / self._limits.rate)
        if self._free:
            self._free -= 1
        elif self._limits.concurrency:
            await self._stand_in_line(deadline)
        # After a pause this call alone tries whether it works again: for the others the pause begins anew.
        self._until = self._now() + self._limits.pause

    def told(self, *, worked: bool) -> None:
        """Hear how a call went: an answer, if only a refusal, or a failure."""
        self._failures = 0 if worked else self._failures + 1
        self._until = self._now() + self._limits.pause

    def leave(self) -> None:
        """Let the next one in."""
        while self._line:
            if not (turn := self._line.popleft()).done():
                turn.set_result(None)
                return
        self._free += bool(self._limits.concurrency)

    def close(self) -> None:
        """Refuse all who wait: the service is gone."""
        self._is_closed = True
        while self._line:
            self.leave()

    def _check_breaker(self) -> None:
        if self._is_closed:
            self._refuse(UnknownServiceError, "is gone: its plugin has stopped")
        if 0 < self._limits.failures <= self._failures and (left := self._until - self._now()) > 0:
            self._refuse(ServiceUnavailableError, f"rests (failures in a row: {self._failures}); {_again(left)}")

    def _take_token(self, step: float) -> None:
        now, room = self._now(), (max(self._limits.burst, 1) - 1) * step
        due = max(self._due, now)
        if (wait := round(due - now - room, 6)) > 0:
            self._refuse(ServiceBusyError, f"is busy: it takes {self._limits.rate:g} calls a second; {_again(wait)}")
        self._due = due + step

    async def _stand_in_line(self, deadline: float) -> None:
        if len(self._line) >= LINE:
            self._refuse(ServiceBusyError, f"is busy: {LINE} calls wait for it already; try again later")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
            self._check_breaker()
        except BaseException as error:
            if turn in self._line:
                self._line.remove(turn)
            elif not turn.cancelled():
                self.leave()  # its turn came in the moment when it gave up
            if isinstance(error, TimeoutError):
                self._refuse(ServiceBusyError, "is busy: it was not this call's turn before the deadline")
            raise

    def _refuse(self, kind: type[ServiceError], why: str) -> NoReturn:
        raise kind(f"{self._service} {why}", service=self._service)


def _again(left: float) -> str:
    """When to try again, rounded up, so that who waits that long does not come too early."""
    return f"try again in {ceil(left * 1000) / 1000:g} s"
