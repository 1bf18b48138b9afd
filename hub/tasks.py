"""Owned tasks: every one has a name, an owner and a meter, and none outlives its owner."""

import asyncio
import logging
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any

from hub.errors import HubError

ENDS = (asyncio.CancelledError, GeneratorExit)
"""What ends work from outside and must pass. Whatever else a plugin's code raises is its fault and hurts no other:
nobody but the hub's owner ends the hub, and what is no Exception (a panic in a library's Rust) does not either."""

NOT_BEGUN = object()
"""Says that a coroutine's first step is still to be taken."""

type OnError = Callable[[str, BaseException], None]

_STOP_LIMIT = 5.0


class Trace:
    """The number of the service call that this work belongs to; 0 outside of any, and when that has ended.

    It stands in a `cell`, which whoever set it empties at the end: to set the variable again would cost more than the
    rest of a call's bookkeeping, and so the tasks that outlive the call leave it too.
    """

    def __init__(self) -> None:
        self.cell: ContextVar[list[int]] = ContextVar("trace", default=[0])  # noqa: B039 - nobody writes to it

    def get(self) -> int:
        """The number."""
        return self.cell.get()[0]

    def set(self, number: int) -> list[int]:
        """Begin a call in this context; returns its cell."""
        cell = [number]
        self.cell.set(cell)
        return cell


TRACE = Trace()


class Meter:
    """Time of the loop, in ns, that some work has used."""

    __slots__ = ("ns",)

    def __init__(self) -> None:
        self.ns = 0


class TaskGroup:
    """The tasks of one owner. A task that fails is reported to `on_error` and hurts no other.

    Tasks begin at once, before `start` returns, up to their first suspension.
    """

    def __init__(self, owner: str, on_error: OnError | None = None) -> None:
        self.owner = owner
        self._on_error = on_error or self._log
        self._tasks: set[asyncio.Task[Any]] = set()
        self.meter = Meter()

    def start[T](self, name: str, work: Coroutine[Any, Any, T], meter: Meter | None = None) -> asyncio.Task[T]:
        """Run `work` as the task `<owner>:<name>`; its time goes to `meter`, or else to the group's."""
        kept = _kept(work, meter or self.meter)
        task = asyncio.Task(kept, loop=asyncio.get_running_loop(), name=f"{self.owner}:{name}", eager_start=True)
        if task.done():
            self._finished(task)
        else:
            self._tasks.add(task)
            task.add_done_callback(self._finished)
        return task

    @property
    def names(self) -> list[str]:
        """The names of the tasks that run now."""
        return sorted(task.get_name() for task in self._tasks)

    def __len__(self) -> int:
        """How many tasks run now."""
        return len(self._tasks)

    async def cancel(self, limit: float = _STOP_LIMIT) -> list[str]:
        """Cancel all tasks and wait for them, at most `limit` seconds; returns the names of those still alive.

        Tasks that others start while they end are cancelled as well. A task that cancels its own group goes on.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        own = asyncio.current_task()
        alive: set[asyncio.Task[Any]] = set()
        while not alive and (tasks := self._tasks - {own}):
            for task in tasks:
                task.cancel()
            _, alive = await asyncio.wait(tasks, timeout=max(deadline - loop.time(), 0.0))
        return sorted(task.get_name() for task in alive)

    def report(self, name: str, error: BaseException) -> None:
        """Tell of a failure in what the owner runs outside its tasks."""
        self._on_error(f"{self.owner}:{name}", error)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(task.get_name(), error)

    def _log(self, name: str, error: BaseException) -> None:
        logging.getLogger(f"hub.{self.owner}").error("Task %s failed: %s", name, error, exc_info=error)


def as_fault(error: BaseException) -> Exception:
    """The error itself, or, if it would end the process or is no Exception, one that says so."""
    if isinstance(error, Exception):
        return error
    name = type(error).__name__
    is_exit = isinstance(error, SystemExit | KeyboardInterrupt)
    fault = HubError(f"it tried to end the process ({name})" if is_exit else f"it raised {name}: {error}")
    fault.__cause__ = error
    return fault


@types.coroutine
def metered[T](work: Coroutine[Any, Any, T], meter: Meter, waited: object = NOT_BEGUN) -> Generator[Any, Any, T]:
    """Run a coroutine and charge the time of its steps to `meter`.

    With `waited` its first step has been taken already, and this is what it waits for.
    """
    send, throw = work.send, work.throw
    sent, error = None, None
    begun = perf_counter_ns()
    try:
        if waited is NOT_BEGUN:
            waited = send(None)
        while True:
            meter.ns += perf_counter_ns() - begun
            try:
                sent, error = (yield waited), None
            except BaseException as thrown:  # noqa: BLE001 - cancellation must reach the work too
                error = thrown
            begun = perf_counter_ns()
            waited = send(sent) if error is None else throw(error)
    except StopIteration as done:
        answer: T = done.value
        return answer
    finally:
        meter.ns += perf_counter_ns() - begun
        del error


async def _kept[T](work: Coroutine[Any, Any, T], meter: Meter) -> T:
    """Keep `sys.exit()`, and whatever else is no Exception, from ending the loop, and with it the hub."""
    try:
        return await metered(work, meter)
    except (*ENDS, Exception):
        raise
    except BaseException as error:
        raise as_fault(error) from error


def being_cancelled() -> bool:
    """Whether somebody asked the current task to stop, as opposed to what it waited for being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
