"""A queue of commands per device: in order, the newest for those it makes needless, again what was lost."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from device_plugins.sdk import CommandTimeoutError, DeviceError, UnreachableError
from device_plugins.zigbee.lanes import Lanes
from device_plugins.zigbee.network import BusyError
from hub.api import Clock, Tasks

# Seconds after which a lost command is sent again. Each attempt is several of the stick's own, so few are enough.
BACK_OFF = (0.25, 0.5, 1.0)
# How long a caller waits, and how long one attempt at a sleeping device may last (its parent keeps a frame for 7.7 s).
CALLER_LIMIT, SLEEPER_LIMIT = 8.0, 30.0
# A sleeping device is tried when it is heard, and every so often by itself: some poll without a word.
_SLEEPER_FIRST, _SLEEPER_MOST = 30.0, 600.0
EXPIRY = 3600.0
_LASTS, _MOMENT = 1.0, 0.25
_MOST_WAITING = 32

type Told = Callable[[str, list[Job]], None]
"""Hears which commands wait for a sleeping device to wake up."""
type Ended = Callable[[str, Job, DeviceError | None], None]
"""Hears how a command ended that has waited for a device to wake up."""


class Job:
    """One command: `send` puts it on the air and returns when it is confirmed.

    `absolute` says that it needs nothing of what was sent before to the same `key`, and may be sent twice. `persists`
    says that it waits for the device to wake up though its caller has gone; without `again` it is sent once.
    """

    def __init__(
        self,
        key: str,
        command: str,
        send: Callable[[], Awaitable[object]],
        *,
        absolute: bool = False,
        persists: bool = False,
        again: bool = True,
    ) -> None:
        self.key, self.command, self.send = key, command, send
        self.absolute, self.persists, self.again = absolute, persists, again
        self.since = 0.0
        self.has_waited = False
        self.answer: asyncio.Future[DeviceError | None] | None = None
        self._callers = 0
        self._replaced: list[Job] = []

    def replace(self, old: "Job") -> None:
        """Stand for an older one; its callers get this one's answer."""
        self._replaced.append(old)

    def is_wanted(self) -> bool:
        """Whether anybody waits for its answer."""
        return self._callers > 0 or any(one.is_wanted() for one in self._replaced)

    def end(self, error: DeviceError | None = None) -> None:
        """Tell all who wait how it went."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(error)
        for one in self._replaced:
            one.end(error)

    async def answered(self, limit: float) -> None:
        """Wait for the answer; raises it if it is an error, TimeoutError after `limit` seconds."""
        if self.answer is None:
            self.answer = asyncio.get_running_loop().create_future()
        self._callers += 1
        try:
            async with asyncio.timeout(limit):
                error = await asyncio.shield(self.answer)
        finally:
            self._callers -= 1
        if error is not None:
            raise error


class _Line:
    """The queue of one device; it is there while something is."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.waiting: deque[Job] = deque()
        self.is_busy = False
        self.current: Job | None = None
        self.is_parked = False
        self.is_closed = False
        self.is_shown = False
        self.misses = 0
        self.heard = asyncio.Event()
        self.cut = _nothing

    def newer(self, job: Job) -> Job | None:
        """The one that waits to be sent instead of this one."""
        return next((one for one in self.waiting if one.key == job.key and one.absolute), None)

    def add(self, job: Job) -> None:
        """Put it at the end, instead of all that it makes needless. Raises DeviceError when too much waits."""
        if job.absolute:
            for old in [one for one in self.waiting if one.key == job.key]:
                self.waiting.remove(old)
                job.replace(old)
                job.has_waited |= old.has_waited
        if len(self.waiting) >= _MOST_WAITING:
            raise DeviceError(
                f"{self.device} has {_MOST_WAITING} commands waiting; send fewer, or wait for their answers",
                device=self.device,
            )
        self.waiting.append(job)


class Queues:
    """The queues of all devices. A command to a device that is idle is sent at once, in its caller's own task."""

    def __init__(
        self, lanes: Lanes, clock: Clock, tasks: Tasks, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self.told: Told = lambda _device, _jobs: None
        self.ended: Ended = lambda _device, _job, _error: None
        self._lanes, self._clock, self._tasks, self._sleep = lanes, clock, tasks, sleep
        self._lines: dict[str, _Line] = {}

    async def do(self, device: str, job: Job) -> None:
        """Send it in its turn and return when it is confirmed, or what replaces it is.

        Raises what `send` raises, and CommandTimeoutError when that takes too long; a job that persists is sent later
        all the same, when the device wakes up.
        """
        line = self._lines.get(device)
        if line is None:
            line = self._lines[device] = _Line(device)
            if not job.persists and self._lanes.take(device):
                await self._directly(line, job)
                return
        job.since = self._clock.monotonic()
        job.answer = asyncio.get_running_loop().create_future()
        line.add(job)
        if line.is_parked:
            line.heard.set()  # it may have woken up meanwhile
            job.has_waited = True
            self._tell(line)
        self._go_on(line)
        await self._answer(line, job)

    def heard(self, device: str) -> None:
        """A device spoke: now it can be told what waits for it."""
        if (line := self._lines.get(device)) is not None:
            line.heard.set()
            line.cut()

    def forget(self, device: str, why: str = "it was removed") -> None:
        """Drop what waits for a device."""
        if (line := self._lines.get(device)) is not None:
            line.is_closed = True
            self._give_up([*line.waiting], line, UnreachableError(f"{device}: {why}", device=device))

    def close(self) -> None:
        """Drop everything."""
        for device in [*self._lines]:
            self.forget(device, "the plugin stops")

    async def _directly(self, line: _Line, job: Job) -> None:
        line.is_busy = True
        try:
            async with asyncio.timeout(CALLER_LIMIT):
                newer = await self._attempts(line, job)
        except TimeoutError:
            raise _late(line.device) from None
        finally:
            line.is_busy = False
            self._lanes.leave(line.device)
            self._go_on(line)
        if newer is not None:
            await self._answer(line, newer)

    async def _answer(self, line: _Line, job: Job) -> None:
        try:
            await job.answered(CALLER_LIMIT)
        except TimeoutError:
            if not job.persists:
                raise _late(line.device) from None
            job.has_waited = True
            self._tell(line)
            raise _asleep(line.device) from None
        finally:
            if not job.persists and not job.is_wanted() and job in line.waiting:
                line.waiting.remove(job)

    def _go_on(self, line: _Line) -> None:
        if line.is_busy:
            return
        if line.waiting:
            line.is_busy = True
            self._tasks.start(f"commands of {line.device}", self._work(line))
        else:
            self._lines.pop(line.device, None)

    async def _work(self, line: _Line) -> None:
        try:
            while line.waiting:
                await self._lanes.enter(line.device)
                try:
                    if line.waiting:
                        await self._serve(line, line.waiting.popleft())
                finally:
                    self._lanes.leave(line.device)
                if line.is_parked and line.waiting:
                    await self._until_heard(line)
        except asyncio.CancelledError:
            self.forget(line.device, "it was interrupted")
            raise
        finally:
            line.is_busy = False
            self._go_on(line)

    async def _serve(self, line: _Line, job: Job) -> None:
        error: DeviceError | None = UnreachableError(f"{line.device}: it was interrupted", device=line.device)
        newer: Job | None = None
        line.current = job
        try:
            async with asyncio.timeout(SLEEPER_LIMIT if job.persists else CALLER_LIMIT) as limit:
                if job.persists and job.absolute:
                    line.cut = _cutter(limit)
                newer = await self._attempts(line, job)
            error = None
        except TimeoutError:
            error = _late(line.device)
        except DeviceError as raised:
            error = raised
        finally:
            line.cut, line.current = _nothing, None
            if newer is not None:
                newer.replace(job)
            elif job.persists and not line.is_closed and _is_asleep(job, error):
                self._park(line, job)
            else:
                self._end(line, job, error)

    async def _attempts(self, line: _Line, job: Job) -> Job | None:
        """Send until it is confirmed, or until a newer one makes that needless: then it is returned."""
        pauses = iter(BACK_OFF)
        while True:
            try:
                await job.send()
            except UnreachableError as error:
                pause = next(pauses, None)
                is_again = (job.absolute and job.again) or isinstance(error, BusyError)
                if pause is None or job.persists or not is_again:
                    raise
            else:
                return None
            await self._sleep(pause)
            if (newer := line.newer(job)) is not None:
                return newer

    # Sleeping devices

    def _park(self, line: _Line, job: Job) -> None:
        if (newer := line.newer(job)) is not None:
            newer.replace(job)
            newer.has_waited = True
        else:
            line.waiting.appendleft(job)
        for one in line.waiting:
            one.has_waited = True
        line.is_parked = True
        self._tell(line)

    async def _until_heard(self, line: _Line) -> None:
        ends = min(one.since for one in line.waiting) + EXPIRY - self._clock.monotonic()
        delay = min(_SLEEPER_FIRST * 2**line.misses, _SLEEPER_MOST, ends)
        line.misses += 1
        undo = self._clock.call_later(max(delay, 0.0), line.heard.set)
        try:
            await line.heard.wait()
        finally:
            undo()
            line.heard.clear()
        now = self._clock.monotonic()
        late = [one for one in line.waiting if now - one.since >= EXPIRY]
        if late:
            minutes = EXPIRY / 60
            message = f"{line.device} did not wake up within {minutes:g} minutes; the command was given up"
            self._give_up(late, line, CommandTimeoutError(message, device=line.device))

    def _end(self, line: _Line, job: Job, error: DeviceError | None) -> None:
        job.end(error)
        if line.is_parked:
            line.is_parked, line.misses = bool(line.waiting), 0
        self._tell(line)
        if job.has_waited:
            self.ended(line.device, job, error)

    def _give_up(self, jobs: Iterable[Job], line: _Line, error: DeviceError) -> None:
        for job in jobs:
            line.waiting.remove(job)
            self._end(line, job, error)
        line.heard.set()

    def _tell(self, line: _Line) -> None:
        jobs = [one for one in (line.current, *line.waiting) if one is not None and one.has_waited]
        if jobs or line.is_shown:
            line.is_shown = bool(jobs)
            self.told(line.device, jobs)


def _cutter(limit: asyncio.Timeout) -> Callable[[], None]:
    """What ends an attempt that lasts when the device is heard: it is awake now, and may not be when that fails.

    What was heard may be the answer, so it is given a moment.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()

    def cut() -> None:
        now = loop.time()
        when = limit.when()
        if not limit.expired() and now - begun >= _LASTS and (when is None or when > now + _MOMENT):
            limit.reschedule(now + _MOMENT)

    return cut


def _nothing() -> None:
    pass


def _is_asleep(job: Job, error: DeviceError | None) -> bool:
    """Whether it may be sent again: what a device took, but did not confirm, only if it can take it twice."""
    return isinstance(error, UnreachableError) or (isinstance(error, CommandTimeoutError) and job.absolute)


def _late(device: str) -> CommandTimeoutError:
    message = f"{device} did not confirm within {CALLER_LIMIT:g} s; it may be asleep or out of reach"
    return CommandTimeoutError(message, device=device)


def _asleep(device: str) -> CommandTimeoutError:
    message = f"{device} is asleep; it is told as soon as it wakes up within the next {EXPIRY / 60:g} minutes"
    return CommandTimeoutError(message, device=device)
