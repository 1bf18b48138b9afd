"""The service registry: wishes are typed async functions, called by name with a deadline."""

import asyncio
import inspect
import itertools
import logging
import re
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, NoReturn

import msgspec

from hub.errors import (
    HubError,
    InvalidArgumentError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    UnknownServiceError,
)
from hub.schema import Signature
from hub.suggest import did_you_mean
from hub.tasks import FAULTS, as_fault, being_cancelled
from hub.types import Call, ServiceInfo, Undo

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_UNKNOWN = re.compile("Object contains unknown field `(.*)`", re.DOTALL)
_LOG = logging.getLogger("hub.services")


class Service:
    """One registered service and its counters."""

    __slots__ = ("calls", "doc", "errors", "function", "name", "owner", "signature")

    def __init__(self, name: str, function: Callable[..., Awaitable[Any]], owner: str) -> None:
        self.name = name
        self.owner = owner
        self.doc = inspect.getdoc(function) or ""
        self.signature = Signature(function, f"service {name}")
        self.function = self.signature.function
        self.calls = 0
        self.errors = 0

    def info(self) -> ServiceInfo:
        """The service as published."""
        arguments, result = self.signature.schemas()
        return ServiceInfo(self.name, self.owner, self.doc, arguments, result)


class ServiceRegistry:
    """Names to functions. A call that finishes without waiting costs no timer and no task."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}
        self._traces = itertools.count(1)

    def register(self, name: str, function: Callable[..., Awaitable[Any]], owner: str) -> Undo:
        """Offer `function` as `name`, which must begin with the owner's id and a dot.

        Raises ServiceError for a bad name, one that is taken (naming both owners), or a function that is not async;
        SchemaError for annotations that make no schema.
        """
        if not _NAME.fullmatch(name) or not name.startswith(owner + "."):
            raise ServiceError(f"{owner} cannot offer {name!r}: a service is called {owner}.<verb>", service=name)
        if (taken := self._services.get(name)) is not None:
            raise ServiceError(f"{owner} cannot offer {name!r}: {taken.owner} already does", service=name)
        if not inspect.iscoroutinefunction(function):
            raise ServiceError(f"{owner} cannot offer {name!r}: the function is not async", service=name)
        one = self._services[name] = Service(name, function, owner)

        def undo() -> None:
            if self._services.get(name) is one:
                del self._services[name]

        return undo

    def list(self) -> list[ServiceInfo]:
        """Every service, by name."""
        return [self._services[name].info() for name in sorted(self._services)]

    async def call(self, name: str, arguments: Mapping[str, Any], *, caller: str, timeout: float = 10.0) -> Any:  # noqa: ANN401, ASYNC109
        """Call a service; the answer must come within `timeout` seconds.

        Raises UnknownServiceError, InvalidArgumentError, ServiceTimeoutError, ServiceFailedError for what the service
        did not mean to raise, and whatever HubError it did.
        """
        one = self._services.get(name) or self._refuse(name)
        one.calls += 1
        signature = one.signature
        try:
            bound = signature.bind(arguments)
        except msgspec.ValidationError as error:
            one.errors += 1
            raise InvalidArgumentError(f"{name}: {_readable(error, signature.names)}", service=name) from error
        deadline = asyncio.get_running_loop().time() + timeout
        if signature.call_index >= 0:
            call = Call(caller, deadline, next(self._traces))
            bound = (*bound[: signature.call_index], call, *bound[signature.call_index :])
        work: Any = one.function(*bound)
        try:
            try:
                waited = work.send(None)
            except StopIteration as done:
                return done.value
            return await _within(deadline, _resume(work, waited), one.name, timeout)
        except HubError:
            one.errors += 1
            raise
        except asyncio.CancelledError as error:
            if being_cancelled():
                raise
            one.errors += 1
            raise ServiceFailedError(
                f"{name} was interrupted: something it waited for was cancelled; try again", service=name
            ) from error
        except FAULTS as error:
            one.errors += 1
            raise self._unexpected(one, as_fault(error)) from error

    def _refuse(self, name: str) -> NoReturn:
        close = did_you_mean(name, self._services)
        raise UnknownServiceError(f"there is no service {name!r}{close}; `hub services list` shows all", service=name)

    def _unexpected(self, one: Service, error: Exception) -> ServiceFailedError:
        _LOG.error("Service %s of %s failed: %s", one.name, one.owner, error, exc_info=error)
        return ServiceFailedError(
            f"{one.name} failed: {type(error).__name__}: {error}; the log has the details", service=one.name
        )


async def _within(deadline: float, work: Awaitable[Any], name: str, timeout: float) -> Any:  # noqa: ANN401, ASYNC109
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            answer = await work
    except TimeoutError as error:
        if limit.expired():
            raise _late(name, timeout) from error
        raise
    if limit.expired():  # the service held on to its answer through its own cancellation
        raise _late(name, timeout)
    return answer


def _late(name: str, timeout: float) -> ServiceTimeoutError:
    return ServiceTimeoutError(f"{name} gave no answer within {timeout:g} s", service=name)


@types.coroutine
def _resume(work: Coroutine[Any, Any, Any], waited: object) -> Generator[Any, Any, Any]:
    """Go on with a coroutine whose first step was already taken and which waits for `waited`."""
    while True:
        try:
            sent = yield waited
        except BaseException as error:  # noqa: BLE001 - cancellation must reach the work too
            try:
                waited = work.throw(error)
            except StopIteration as done:
                return done.value
        else:
            try:
                waited = work.send(sent)
            except StopIteration as done:
                return done.value


def _readable(error: msgspec.ValidationError, names: tuple[str, ...]) -> str:
    text, _, place = str(error).partition(" - at `$.")
    if place:
        return f"argument `{place.removesuffix('`')}`: {text}"
    if unknown := _UNKNOWN.fullmatch(text):
        return f"unknown argument `{unknown[1]}`{did_you_mean(unknown[1], names)}"
    return text.replace("Object missing required field", "missing argument")
