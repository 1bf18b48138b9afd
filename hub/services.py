"""The service registry: wishes are typed async functions, called by name with a deadline."""

import asyncio
import inspect
import itertools
import logging
import re
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import aclosing
from time import monotonic, perf_counter_ns
from typing import Any
from weakref import WeakSet

import msgspec

from hub import logs
from hub.errors import (
    HubError,
    InvalidArgumentError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    UnknownServiceError,
)
from hub.limits import Gate, check_limits
from hub.schema import Signature
from hub.stats import ServiceStats
from hub.suggest import did_you_mean
from hub.tasks import ENDS, TRACE, Meter, TaskGroup, as_fault, being_cancelled, metered
from hub.types import Call, Limits, ServiceInfo, Undo

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_UNKNOWN = re.compile("Object contains unknown field `(.*)`", re.DOTALL)
_WRONG = (msgspec.ValidationError, UnicodeError, RecursionError)
_END = object()
_LOG = logging.getLogger("hub.services")


class Service:
    """One registered service, its limits and its counters."""

    def __init__(self, info: ServiceInfo, signature: Signature, gate: Gate) -> None:
        self.name = info.name
        self.info = info
        self.names, self.call_index, self.bind = signature.names, signature.call_index, signature.bind
        self.function = signature.function
        self.gate = gate
        self.is_simple = info.limits is None and signature.call_index < 0
        self.streams: WeakSet[asyncio.Task[None]] = WeakSet()
        self.meter = Meter()
        self.calls = self.errors = self.refused = self.running = 0

    async def admit(self, bound: tuple[Any, ...], call: Call) -> tuple[Any, ...]:
        """Wait until the limits let a call through; gives its arguments, with `call` if the function takes it."""
        try:
            await self.gate.enter(call.deadline)
        except ServiceError:
            self.refused += 1
            raise
        index = self.call_index
        return bound if index < 0 else (*bound[:index], call, *bound[index:])

    def failed(self, error: BaseException) -> BaseException:
        """Count what ended a call; gives what its caller is told: the error itself, if it was meant for him."""
        is_lost = isinstance(error, asyncio.CancelledError) and not being_cancelled()
        if not is_lost and isinstance(error, ENDS):
            return error
        self.errors += 1
        is_late = isinstance(error, ServiceTimeoutError) and error.service == self.name
        self.gate.told(worked=isinstance(error, HubError) and not is_late)
        if isinstance(error, HubError):
            return error
        why = "was interrupted: something it waited for was cancelled; try again"
        if not is_lost:
            fault = as_fault(error)
            _LOG.error("Service %s of %s failed: %s", self.name, self.info.owner, fault, exc_info=fault)
            why = f"failed: {type(fault).__name__}: {logs.redact(str(fault))}; the log has the details"
        told = ServiceFailedError(f"{self.name} {why}", service=self.name)
        told.__cause__ = error
        return told

    async def feed(self, bound: tuple[Any, ...], call: Call, given: asyncio.Queue[Any], timeout: float) -> None:  # noqa: ASYNC109
        """Run its generator: put an item there, and go on to the next when that is done with; `_END` at the end."""
        cell = TRACE.set(call.trace)
        self.running += 1
        deadline = call.deadline
        try:
            async with aclosing(self.function(*bound)) as items:
                while (item := await _within(deadline, anext(items, _END), self.name, timeout)) is not _END:
                    if being_cancelled():
                        return  # it went on all the same
                    self.gate.told(worked=True)
                    given.put_nowait(item)
                    await given.join()
                    deadline = asyncio.get_running_loop().time() + timeout
            self.gate.told(worked=True)
        except BaseException as error:  # noqa: BLE001 - each is told in its own way
            raise self.failed(error)  # noqa: B904 - it has its cause
        finally:
            cell[0] = 0
            self.running -= 1
            self.gate.leave()
            given.put_nowait(_END)

    def close(self) -> None:
        """End its streams, and refuse all who wait: its owner takes it back."""
        self.gate.close()
        for stream in self.streams:
            stream.cancel()


class ServiceRegistry:
    """Names to functions. A call that finishes without waiting costs no timer and no task.

    `now` gives seconds that only grow, for rates and pauses.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._services: dict[str, Service] = {}
        self._tasks = TaskGroup("services", lambda _name, _error: None)
        self._traces = itertools.count(1)
        self._now = now

    def register(self, name: str, function: Callable[..., Any], owner: str, limits: Limits | None = None) -> Undo:
        """Offer `function` as `name`, which must begin with the owner's id and a dot.

        Raises ServiceError for a bad name, one that is taken (naming both owners), a function that is not async, or
        limits that make no sense; SchemaError for annotations that make no schema.
        """
        if not _NAME.fullmatch(name) or not name.startswith(owner + "."):
            raise ServiceError(f"{owner} cannot offer {name!r}: a service is called {owner}.<verb>", service=name)
        if (taken := self._services.get(name)) is not None:
            raise ServiceError(f"{owner} cannot offer {name!r}: {taken.info.owner} already does", service=name)
        if not inspect.iscoroutinefunction(function) and not inspect.isasyncgenfunction(function):
            raise ServiceError(f"{owner} cannot offer {name!r}: the function is not async", service=name)
        limits = limits or Limits()
        shown = limits if check_limits(limits, name) else None
        signature = Signature(function, f"service {name}")
        info = ServiceInfo(name, owner, inspect.getdoc(function) or "", *signature.schemas(), signature.streams, shown)
        one = self._services[name] = Service(info, signature, Gate(name, limits, self._now))

        def undo() -> None:
            if self._services.get(name) is one:
                del self._services[name]
                one.close()

        return undo

    def stats(self) -> list[ServiceStats]:
        """The counters of every service, by name."""
        return [
            ServiceStats(name, one.info.owner, one.calls, one.errors, one.refused, one.running, one.meter.ns / 1e9)
            for name, one in sorted(self._services.items())
        ]

    def list(self) -> Sequence[ServiceInfo]:
        """Every service, by name."""
        return [self._services[name].info for name in sorted(self._services)]

    async def call(self, name: str, arguments: Mapping[str, Any], *, caller: str, timeout: float = 10.0) -> Any:  # noqa: ANN401, ASYNC109, C901 - hot, so in one piece
        """Call a service; the answer must come within `timeout` seconds.

        Raises UnknownServiceError, InvalidArgumentError, ServiceTimeoutError, ServiceBusyError and
        ServiceUnavailableError for its limits, ServiceFailedError for what the service did not mean to raise, and
        whatever HubError it did.
        """
        one, bound = self._bind(name, arguments, streams=False)
        deadline = monotonic() + timeout
        cell = TRACE.cell.get()
        if is_first := not cell[0]:
            cell = [next(self._traces)]
        if not one.is_simple:
            bound = await one.admit(bound, Call(caller, deadline, cell[0]))
        if is_first:
            TRACE.cell.set(cell)
        one.running += 1
        answer: list[Any] = []
        try:
            work: Any = _into(answer, one.function(*bound))
            begun = perf_counter_ns()
            try:
                waited = next(work, _END)
            finally:
                one.meter.ns += perf_counter_ns() - begun
            if waited is not _END:
                await _within(deadline, metered(work, one.meter, waited), name, timeout)
            if not one.is_simple:
                one.gate.told(worked=True)
            return answer[0]
        except BaseException as error:  # noqa: BLE001 - each is told in its own way
            raise one.failed(error)  # noqa: B904 - it has its cause
        finally:
            one.running -= 1
            if not one.is_simple:
                one.gate.leave()
            if is_first:
                cell[0] = 0

    async def stream(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        caller: str,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> AsyncGenerator[Any]:
        """Call a service that gives items, each within `timeout` seconds of being asked for.

        Raises as `call` does, when the first item is asked for; ServiceFailedError when its owner takes it back.
        """
        one, bound = self._bind(name, arguments, streams=True)
        call = Call(caller, asyncio.get_running_loop().time() + timeout, TRACE.get() or next(self._traces))
        bound = await one.admit(bound, call)
        given: asyncio.Queue[Any] = asyncio.Queue()
        # A task of its own: it can be cancelled from either side, and its time-outs and context span its items.
        task = self._tasks.start(name, one.feed(bound, call, given, timeout), one.meter)
        one.streams.add(task)
        try:
            while (item := await given.get()) is not _END:
                yield item
                given.task_done()
            if task.cancelling():
                raise ServiceFailedError(f"{name} has ended: {one.info.owner} offers it no more", service=name)
            await task
        finally:
            task.cancel()
            await asyncio.wait((task,))

    def _bind(self, name: str, arguments: Mapping[str, Any], *, streams: bool) -> tuple[Service, tuple[Any, ...]]:
        one = self._services.get(name)
        if one is None:
            known = f"{did_you_mean(name, self._services)}; `hub services list` shows all"
            raise UnknownServiceError(f"there is no service {name!r}{known}", service=name)
        if one.info.streams != streams:
            how = "one answer: ask for it with call()" if streams else "items: ask for them with stream()"
            raise ServiceError(f"{name} gives {how}", service=name)
        one.calls += 1
        try:
            return one, one.bind(arguments)
        except _WRONG as error:
            one.errors += 1
            raise InvalidArgumentError(f"{name}: {_readable(error, one.names)}", service=name) from error


@types.coroutine
def _into(answer: list[Any], work: Coroutine[Any, Any, Any]) -> Generator[Any, Any]:
    """Put the answer of `work` there: to take it from a StopIteration costs more."""
    answer.append((yield from work))


async def _within(deadline: float, work: Awaitable[Any], name: str, timeout: float) -> Any:  # noqa: ANN401, ASYNC109
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            answer = await work
        if not limit.expired():  # or else it held on to its answer through its own cancellation
            return answer
    except TimeoutError:
        if not limit.expired():
            raise
    raise ServiceTimeoutError(f"{name} gave no answer within {timeout:g} s", service=name)


def _readable(error: Exception, names: tuple[str, ...]) -> str:
    if not isinstance(error, msgspec.ValidationError):
        return "an argument is nested too deeply" if isinstance(error, RecursionError) else "an argument is no UTF-8"
    text, _, place = str(error).partition(" - at `$.")
    if place:
        return f"argument `{place.removesuffix('`')}`: {text}"
    if unknown := _UNKNOWN.fullmatch(text):
        return f"unknown argument `{unknown[1]}`{did_you_mean(unknown[1], names)}"
    return text.replace("Object missing required field", "missing argument")
