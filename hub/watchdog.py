"""The loop's watchdog: a thread that notices when nothing moves any more, and who holds everybody up, at which line.

The loop beats a few times a second. A beat that is overdue means that some code does not give the loop back; the thread
then looks at the loop's own stack. A process that was itself paused (suspended, debugged) is nobody's fault.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from time import monotonic, process_time
from types import FrameType

from hub.stats import LoopStats
from hub.types import LoopBlocked

_BEATS = 4  # in the time after which the loop counts as blocked
_BUSY = 0.25  # a process that was not paused has used at least this share of a core
_LOG = logging.getLogger("hub.watchdog")


class Watchdog:
    """Watches the running loop from `start` to `stop`.

    `folders` maps plugins' folders to their ids. When the loop has been blocked for `limit` seconds the log says so at
    once; when it moves again, `on_blocked` is called in it, with the whole time.
    """

    def __init__(
        self, folders: Callable[[], Mapping[str, str]], on_blocked: Callable[[LoopBlocked], None], limit: float = 1.0
    ) -> None:
        self._folders = folders
        self._on_blocked = on_blocked
        self._limit = limit
        self._pause = limit / _BEATS
        self._beaten = monotonic()
        self._caught: tuple[str, str] | None = None
        self._lag = self._lag_max = self._blocked_s = 0.0
        self._blocked = 0
        self._ended = threading.Event()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch the loop that runs."""
        loop = asyncio.get_running_loop()
        self._beaten = monotonic()
        self._timer = loop.call_later(self._pause, self._beat, loop)
        threading.Thread(target=self._watch, args=(threading.get_ident(),), name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no more; the thread ends by itself."""
        self._ended.set()
        if self._timer is not None:
            self._timer.cancel()

    def stats(self) -> LoopStats:
        """How late the loop is and was."""
        return LoopStats(self._lag, self._lag_max, self._blocked, self._blocked_s)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = monotonic()
        gap, self._beaten = now - self._beaten, now
        self._timer = loop.call_later(self._pause, self._beat, loop)
        self._lag = max(gap - self._pause, 0.0)
        self._lag_max = max(self._lag, self._lag_max)
        caught, self._caught = self._caught, None
        if caught is not None and gap >= self._limit:
            self._blocked += 1
            self._blocked_s += gap
            self._on_blocked(LoopBlocked(*caught, round(gap, 3)))

    def _watch(self, thread: int) -> None:
        woken, used, wait = monotonic(), process_time(), self._limit
        while not self._ended.wait(wait):
            before, woken = woken, monotonic()
            spent, used = process_time() - used, process_time()
            late = woken - before - wait
            was_paused = late > self._limit / 2 and spent < _BUSY * late
            overdue = woken - self._beaten >= self._limit
            frame = sys._current_frames().get(thread)  # noqa: SLF001 - the documented way to another thread's stack
            if overdue and not was_paused and self._caught is None and frame is not None:
                plugin, where = self._culprit(frame)
                self._caught = plugin, where
                whose = f"plugin {plugin}" if plugin else "the hub"
                _LOG.error("Everything has stood still for %.1f s: %s is at %s", woken - self._beaten, whose, where)
            del frame
            wait = max(self._beaten + self._limit - monotonic(), self._pause)

    def _culprit(self, top: FrameType) -> tuple[str, str]:
        """Find the innermost frame of a plugin, or else the innermost one."""
        folders = self._folders()
        frame: FrameType | None = top
        while frame is not None:
            name = frame.f_code.co_filename
            for folder, plugin in folders.items():
                if name.startswith(f"{folder}/"):
                    return plugin, _place(frame)
            frame = frame.f_back
        return "", _place(top)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
