"""What a plugin gets from the hub, as protocols: no engine is needed to know them.

They are the same wherever a plugin runs. Plugins import them from `hub.api`.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from hub.types import Event, Limits, ServiceInfo, StateEntry, Undo

type Handler = Callable[[Event], object]
type Predicate = Callable[[Event], bool]
type Overflow = Literal["drop_oldest", "drop_newest", "latest", "block"]
type Watcher = Callable[[str, Any], object]


class Events(Protocol):
    """Facts. Publishing never waits and never fails for a subscriber's fault."""

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401 - CloudEvents' name
        """Tell a fact of a declared type.

        Raises EventError when the type is not declared or the data does not fit.
        """

    def subscribe(  # noqa: PLR0913 - one call says all of it
        self,
        type: str,  # noqa: A002 - CloudEvents' name
        handler: Handler,
        *,
        subject: str = "#",
        predicate: Predicate | None = None,
        priority: int = 0,
        queue: int = 1000,
        overflow: Overflow = "drop_oldest",
        timeout: float = 30.0,
        concurrency: int = 1,
    ) -> Undo:
        """Hear events by type pattern (`*`, `**`) and subject pattern (`+`, `#`), in publish order.

        A plain function is called at once and must be quick. An async one is fed from a queue of `queue` events, by
        `concurrency` workers, and is cancelled when it takes longer than `timeout` seconds for one. A higher
        `priority` hears earlier. A full queue drops its oldest event, the new one, or keeps the latest of each subject;
        with `block` (for durable consumers) it drops nothing: it falls behind, and catches up from the bus's history.
        """

    def history(self, type: str = "**", *, subject: str = "#", after: int = 0) -> Sequence[Event]:  # noqa: A002
        """Recent events, oldest first, behind the sequence number `after`; as far back as the hub is told to keep."""


class Services(Protocol):
    """Wishes: typed async functions with names like `devices.command`."""

    async def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Any:  # noqa: ANN401, ASYNC109
        """Call a service and wait for its answer, at most `timeout` seconds.

        Raises UnknownServiceError, InvalidArgumentError, ServiceTimeoutError, ServiceBusyError,
        ServiceUnavailableError, or the service's own HubError.
        """

    def stream(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> AsyncGenerator[Any]:  # noqa: ANN401
        """Call a service that gives item after item, each within `timeout` seconds; close the iterator to end it.

        Raises as `call` does.
        """

    def register(self, name: str, function: Callable[..., Any], *, limits: Limits | None = None) -> Undo:
        """Offer `function` under `<plugin>.<verb>`; its annotations are its schema, its docstring its help.

        It is async; one that yields gives a stream.
        """

    def list(self) -> Sequence[ServiceInfo]:
        """Every service there is, by name."""


class State(Protocol):
    """What is true now: slash paths to values. A change is the event `state.changed` with the path as subject."""

    def get(self, path: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON-like
        """The value at `path`, or `default`; it is shared, so do not change it in place."""

    def entry(self, path: str) -> StateEntry | None:
        """The value with its version and time."""

    def set(self, path: str, value: Any, *, ttl: float | None = None) -> StateEntry:  # noqa: ANN401 - JSON-like
        """Make it true, for `ttl` seconds if given. The same value again is no change, but confirms a restored one."""

    def compare_and_set(self, path: str, value: Any, version: int) -> bool:  # noqa: ANN401 - JSON-like
        """Set only if the current version is `version` (0: not there); says whether it did."""

    def delete(self, path: str) -> bool:
        """Forget it; says whether it was there."""

    def list(self, prefix: str = "") -> Mapping[str, StateEntry]:
        """All entries whose path begins with `prefix`, by path."""

    def watch(self, pattern: str, handler: Handler) -> Undo:
        """Hear changes of the paths that match a subject pattern."""


class Transaction(Protocol):
    """Several reads and writes that take effect together when the block ends, and not at all when it raises.

    It sees its own writes. What others write meanwhile is never undone with it.
    """

    async def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON-like
        """The value of `key`, or `default`."""

    async def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[tuple[str, Any]]:
        """Keys with `prefix` and their values in order, from behind the key `after`, at most `limit`."""

    def set(self, key: str, value: Any, *, ttl: float | None = None) -> None:  # noqa: ANN401 - JSON-like
        """Remember one value when the block ends."""

    def delete(self, key: str) -> None:
        """Forget one when the block ends."""


class Storage(Protocol):
    """What must be remembered: the plugin's own namespace of keys. Values are JSON-like or bytes.

    `durable=True` returns when the bytes are on the disk; otherwise a power cut may take the last commit window. After
    a durable write failed with a StorageError the value stands in memory and is tried again: put the old one back, or
    go on with the new one. A value with a `ttl` is gone that many seconds later, the hub's time off not counted.
    """

    async def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON-like
        """The value of `key`, or `default`."""

    async def set(self, key: str, value: Any, *, durable: bool = False, ttl: float | None = None) -> None:  # noqa: ANN401
        """Remember one value."""

    async def delete(self, key: str, *, durable: bool = False) -> bool:
        """Forget one; says whether it was there."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """Those of `keys` that exist."""

    async def set_many(self, items: Mapping[str, Any], *, durable: bool = False, ttl: float | None = None) -> None:
        """Remember several values, all or none."""

    async def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[tuple[str, Any]]:
        """Keys with `prefix` and their values in order, from behind the key `after` (the cursor), at most `limit`."""

    async def compare_and_set(
        self,
        key: str,
        expected: Any,  # noqa: ANN401 - JSON-like
        value: Any,  # noqa: ANN401 - JSON-like
        *,
        durable: bool = False,
    ) -> bool:
        """Set only if the value is `expected` (`None`: not there); says whether it did."""

    def transaction(self, *, durable: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """Read and write several keys as one.

        Raises StorageConflictError, when the block ends, if somebody changed what it had read; then do it again.
        """

    def watch(self, prefix: str, watcher: Watcher) -> Undo:
        """Call `watcher(key, value)` for each change of a key with `prefix`; `None` for one that is gone."""


class Clock(Protocol):
    """Time that can be wrong: monotonic for timers and order, wall time only for people."""

    def now(self) -> int:
        """Wall time, ns since 1970; may jump."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> Undo:
        """Call once after `delay` seconds."""

    async def sleep(self, delay: float) -> None:
        """Wait `delay` seconds."""


class Task[T](Protocol):
    """A running piece of work; awaiting it gives its result."""

    def cancel(self) -> bool:
        """Ask it to stop."""

    def done(self) -> bool:
        """Whether it has ended."""

    def __await__(self) -> Any:  # noqa: ANN401 - the awaitable protocol
        """Wait for the result."""


class Tasks(Protocol):
    """The plugin's own tasks: named, and ended with the plugin."""

    def start[T](self, name: str, work: Coroutine[Any, Any, T]) -> Task[T]:
        """Run `work` beside everything else; it begins at once. A failure is logged and counted."""


class Context(Protocol):
    """What a plugin gets, the same wherever it runs."""

    plugin: str
    events: Events
    services: Services
    state: State
    storage: Storage
    tasks: Tasks
    clock: Clock
    log: logging.Logger
    config: Any
    """The plugin's section of the configuration: an instance of its `Config`, or a dict if it declares none."""
    data_dir: Path
    """A folder of the plugin's own; it exists."""
