"""Services as a test has them: every call is noted, and others stand in for what is not there."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple, override

from hub.services import Service, ServiceRegistry

type _Arguments = Mapping[str, Any]


class Called(NamedTuple):
    """A service call as it was made."""

    name: str
    arguments: dict[str, Any]
    caller: str


class Recording(ServiceRegistry):
    """A registry that notes every call, and leaves those to services that others stand in for to `answers`."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.calls: list[Called] = []
        self.answers: dict[str, ServiceRegistry] = {}

    @override
    async def call(self, name: str, arguments: _Arguments, *, caller: str, timeout: float = 10.0) -> Any:
        self.calls.append(Called(name, dict(arguments), caller))
        return await super().call(name, arguments, caller=caller, timeout=timeout)

    @override
    def stream(self, name: str, arguments: _Arguments, *, caller: str, timeout: float = 10.0) -> AsyncGenerator[Any]:
        self.calls.append(Called(name, dict(arguments), caller))
        return super().stream(name, arguments, caller=caller, timeout=timeout)

    @override
    def _bind(self, name: str, arguments: _Arguments, *, streams: bool) -> tuple[Service, tuple[Any, ...]]:
        if name in self.answers:
            return self.answers[name]._bind(name, {"arguments": arguments}, streams=streams)  # noqa: SLF001 - its own kind
        return super()._bind(name, arguments, streams=streams)

    def stand_in(self, name: str, answer: Any) -> None:  # noqa: ANN401 - whatever the service gives
        """Answer calls of `name` with a value, a function's result or stream, or an error to raise."""

        async def gives(arguments: dict[str, Any]) -> Any:  # noqa: ANN401
            if isinstance(answer, BaseException):
                raise answer
            given = answer(**arguments) if callable(answer) else answer
            return await given if inspect.isawaitable(given) else given

        async def streams(arguments: dict[str, Any]) -> AsyncIterator[Any]:
            async with aclosing(answer(**arguments)) as items:
                async for item in items:
                    yield item

        one = self.answers[name] = ServiceRegistry()
        one.register(name, streams if inspect.isasyncgenfunction(answer) else gives, name.partition(".")[0])
