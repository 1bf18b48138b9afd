"""The runs of one automation: begun at once, kept apart by its mode, counted and told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hub.api import Context, Event, HubError, Task
from plugins.automation.messages import Failed, Ran
from plugins.automation.model import Mode

type Step = Callable[[Event], Awaitable[None]]
type Describe = Callable[[Exception], str]

PARALLEL_LIMIT = 50
"""So many runs of a parallel automation may be under way; further triggers are skipped."""

_OWN = frozenset({"automation.ran", "automation.failed"})

MANY_RUNS = 100
SHORT_TIME = 10.0
"""An automation that runs `MANY_RUNS` times within so many seconds is told of, once: it may set itself off."""


class Runner:
    """Runs `steps` in order for each `fire`, which begins before it returns.

    While a run is under way, `restart` ends it and begins anew, `single` skips, `parallel` runs beside it. A run never
    sets itself off again.
    """

    def __init__(self, ctx: Context, automation: str, mode: Mode, describe: Describe) -> None:
        self.steps: Sequence[Step] = ()
        self.runs = 0
        self.failures = 0
        self.skipped = 0
        self.last_run = 0
        self.last_error = ""
        self._ctx = ctx
        self._id = automation
        self._subject = f"automation/{automation}"
        self._task_name = f"runs {automation}"
        self._mode = mode
        self._describe = describe
        self._under_way: list[Task[None]] = []
        self._hundred_began = ctx.clock.monotonic()
        self._was_told_of = False

    def fire(self, event: Event) -> None:
        """Begin a run, as far as the mode allows."""
        if event.subject == self._subject and event.type in _OWN:
            return
        if self._under_way and not self._may_begin():
            self.skipped += 1
            return
        self.runs += 1
        self.last_run = self._ctx.clock.now()
        if not self.runs % MANY_RUNS:
            self._notice_a_loop()
        task = self._ctx.tasks.start(self._task_name, self._run(event))
        if not task.done():
            self._under_way.append(task)

    def stop(self) -> None:
        """End all runs."""
        for task in self._under_way:
            task.cancel()
        self._under_way.clear()

    def _may_begin(self) -> bool:
        self._under_way = [task for task in self._under_way if not task.done()]
        if not self._under_way:
            return True
        if self._mode == "parallel":
            return len(self._under_way) < PARALLEL_LIMIT
        if self._mode == "single" or asyncio.current_task() in self._under_way:
            return False
        self.stop()
        return True

    def _notice_a_loop(self) -> None:
        now = self._ctx.clock.monotonic()
        took, self._hundred_began = now - self._hundred_began, now
        if took < SHORT_TIME and not self._was_told_of:
            self._was_told_of = True
            text = "Automation %s ran %d times within %.3g s; if it sets itself off, give it a condition or disable it"
            self._ctx.log.warning(text, self._id, MANY_RUNS, took)

    async def _run(self, event: Event) -> None:
        clock = self._ctx.clock
        began = clock.monotonic()
        done = 0
        try:
            for step in self.steps:
                await step(event)
                done += 1
        except Exception as error:  # noqa: BLE001 - a run that fails is told, and hurts nobody
            self._failed(event, done + 1, error)
        else:
            took = (clock.monotonic() - began) * 1000
            self._ctx.events.publish("automation.ran", self._subject, Ran(self._id, event.subject, done, took))

    def _failed(self, event: Event, action: int, error: Exception) -> None:
        self.failures += 1
        self.last_error = self._describe(error)
        code = error.code if isinstance(error, HubError) else "error"
        self._ctx.log.warning("Automation %s failed at action %d: %s", self._id, action, self.last_error)
        self._ctx.log.debug("Automation %s failed", self._id, exc_info=error)
        told = Failed(self._id, event.subject, action, self.last_error, code)
        self._ctx.events.publish("automation.failed", self._subject, told)
