"""What this machine says of its wall clock: the kernel, systemd, and the battery clock it may have.

Nothing else of the plugin asks the machine. What cannot be asked is answered with no.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from hub.api import Undo

_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of adjtimex(2)
_PADDED = 512  # bytes; the struct of any C library fits
_AT_ONCE = 100_000_000  # ns
_NEVER = 7_258_118_400_000_000_000  # ns; the year 2200


class Timex(ctypes.Structure):
    """The beginning of `struct timex` of adjtimex(2); with `modes` 0 the kernel only answers."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * _PADDED),
    )


type Adjtimex = Callable[[Timex], int]


class Evidence(msgspec.Struct, frozen=True):
    """What speaks for the wall clock: a time server keeps it, or it was set from a battery clock at the start.

    `boot` names this start of the machine, empty if that is not known.
    """

    synchronised: bool = False
    battery: bool = False
    boot: str = ""


class Machine:
    """The machine below us. `root` is where its files are; `adjtimex` fills a struct and returns -1 when it cannot."""

    def __init__(self, root: Path = Path("/"), adjtimex: Adjtimex | None = None) -> None:
        self._root = root
        self._adjtimex = adjtimex or _library_call

    def read(self) -> Evidence:
        """Ask everybody; it reads files, so call it from a thread."""
        told = self._root / "run/systemd/timesync/synchronized"
        return Evidence(
            synchronised=self._kernel_is_synchronised() or told.exists(),
            battery=any(_text(one) == "1" for one in self._root.glob("sys/class/rtc/*/hctosys")),
            boot=_text(self._root / "proc/sys/kernel/random/boot_id"),
        )

    def offset(self) -> float:
        """How far the wall clock is ahead of the monotonic one, s: it changes when somebody sets the wall clock."""
        while True:
            before = time.monotonic_ns()
            wall = time.time_ns()  # noqa: TID251 - it is what is judged
            after = time.monotonic_ns()
            if after - before < _AT_ONCE:  # or else we were held up in between, which looks like a jump
                return (wall - after) / 1e9

    def on_set(self, heard: Callable[[], object]) -> Undo:
        """Call `heard` at once whenever somebody sets the wall clock, where the kernel can tell (timerfd_create(2))."""
        try:
            timer = os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        except OSError:
            return _nothing
        loop = asyncio.get_running_loop()
        open_: list[int] = [timer]

        def undo() -> None:
            while open_:
                loop.remove_reader(timer)
                os.close(open_.pop())

        def ready() -> None:
            with suppress(OSError):  # ECANCELED is the news
                os.read(timer, 8)
            _arm(timer)
            heard()

        try:
            _arm(timer)
            loop.add_reader(timer, ready)
        except OSError:
            undo()
        return undo

    def _kernel_is_synchronised(self) -> bool:
        answer = Timex()
        return self._adjtimex(answer) >= 0 and not answer.status & _UNSYNCHRONISED


def _library_call(answer: Timex) -> int:
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.byref(answer)))
    except (OSError, AttributeError):  # a C library without it
        return -1


def _arm(timer: int) -> None:
    flags = os.TFD_TIMER_ABSTIME | os.TFD_TIMER_CANCEL_ON_SET
    os.timerfd_settime_ns(timer, flags=flags, initial=_NEVER)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _nothing() -> None:
    """There is nothing to take back."""
