"""Owned tasks: every one has a name and an owner, and none outlives its owner."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from hub.errors import HubError

FAULTS = (Exception, SystemExit, KeyboardInterrupt)
"""What a plugin's code may raise and must not hurt others: nobody but the hub's owner ends the hub."""

type OnError = Callable[[str, BaseException], None]

_STOP_LIMIT = 5.0


class TaskGroup:
    """The tasks of one owner. A task that fails is reported to `on_error` and hurts no other.

    Tasks begin at once, before `start` returns, up to their first suspension.
    """

    def __init__(self, owner: str, on_error: OnError | None = None) -> None:
        self.owner = owner
        self._on_error = on_error or self._log
        self._tasks: set[asyncio.Task[Any]] = set()

    def start[T](self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` as the task `<owner>:<name>`."""
        task = asyncio.Task(_kept(work), loop=asyncio.get_running_loop(), name=f"{self.owner}:{name}", eager_start=True)
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
    """The error itself, or, if it would end the process, one that says so."""
    return error if isinstance(error, Exception) else HubError(f"it tried to end the process ({type(error).__name__})")


async def _kept[T](work: Coroutine[Any, Any, T]) -> T:
    """Keep `sys.exit()` from ending the loop, and with it the hub."""
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise as_fault(error) from error


def being_cancelled() -> bool:
    """Whether somebody asked the current task to stop, as opposed to what it waited for being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
